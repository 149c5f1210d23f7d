"""Import the user's file as flask does: its folder on sys.path, under its own name where possible."""

from __future__ import annotations

import ast
import importlib
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import FrozenImporter, ModuleSpec, PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import NamedTuple

from inspector.engine.failure import LoadFailed, describe, place, refuse, sendable
from inspector.engine.location import Location
from inspector.engine.source_files import imported_files, is_package, module_file, parse_source
from inspector.messages import Load


class Imported(NamedTuple):
    """The user's file as a module."""

    module: ModuleType
    name: str
    """The name that it has in sys.modules, and that its classes have as `__module__`."""
    file: str
    root: str
    is_package: bool
    label: str
    """What to call it: `mymodel.py`, or the name of the package."""


def import_location(location: Location, request: Load) -> Imported:
    """Import what was located. Raises LoadFailed for whatever the user's code lets out, but for KeyboardInterrupt."""
    sys.argv = [location.file or location.typed]
    if sys.path[:1] != [location.root]:
        sys.path.insert(0, location.root)
    importlib.invalidate_caches()
    try:
        name = _import_file(location) if location.file else _import_dotted(location)
    except (KeyboardInterrupt, LoadFailed):
        raise
    except BaseException as error:
        about = place(location.file, 1) if location.file else None
        raise LoadFailed(describe(error, "import", request, about)) from None
    return _imported(name, location)


def files_of(location: Location, *more: str) -> tuple[str, ...]:
    """The user's own files that have been imported by now, the target's first; more of them may be known."""
    own = [location.file, *imported_files(location.root), *more]
    return tuple(dict.fromkeys(sendable(file) for file in own if file))


def _imported(name: str, location: Location) -> Imported:
    module = sys.modules[name]
    file = module_file(module)
    if not file:
        kind = "a folder without an __init__.py" if is_package(module) else "built in"
        raise refuse("target", "NoFile", f"The module {name} is {kind}: there is nothing in it to open")
    file = os.path.realpath(file)
    label = location.label if is_package(module) else os.path.basename(file)
    return Imported(module, name, file, location.root, is_package(module), label)


def _import_dotted(location: Location) -> str:
    name = ".".join(location.parts)
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not isinstance(error.name, str) or not f"{name}.".startswith(f"{error.name}."):
            raise
        looked = os.path.join(location.root, *location.parts)
        message = f"There is no module {error.name}: neither installed, nor {looked}.py"
        raise refuse("target", "ModuleNotFound", message, mend="Name a file, as in  path/model.py:Net") from None
    return name


def _import_file(location: Location) -> str:
    """Import the file under the name that Python would give it, or, where that one is taken, under one like it."""
    if any("." in part for part in location.parts) or _is_taken(location):
        return _import_under_free_name(location)
    name = ".".join(location.parts)
    importlib.import_module(name)
    return name


def _is_taken(location: Location) -> bool:
    """Whether the file's own name would give another module, or would take a library's name away from it."""
    top = location.parts[0]
    if top in sys.modules:
        return os.path.realpath(module_file(sys.modules[top])) != _top_file(location)
    if top in sys.builtin_module_names or FrozenImporter.find_spec(top) is not None:
        return True
    if len(location.parts) > 1 or location.is_package:
        return False
    return top in sys.stdlib_module_names or (_imports_its_own_name(location) and _is_installed(top, location.root))


def _top_file(location: Location) -> str:
    if len(location.parts) == 1:
        return location.file
    return os.path.join(location.root, location.parts[0], "__init__.py")


def _imports_its_own_name(location: Location) -> bool:
    """A file like transformers.py that itself imports transformers means the library by it."""
    names: list[str] = []
    for node in ast.walk(parse_source(location.file)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.append(node.module or "")
    return any(name.partition(".")[0] == location.parts[0] for name in names)


def _is_installed(name: str, root: str) -> bool:
    return PathFinder.find_spec(name, _path_without(root)) is not None


def _path_without(root: str) -> list[str]:
    return [entry for entry in sys.path if os.path.realpath(entry) != root]


def _import_under_free_name(location: Location) -> str:
    kept = ""
    if len(location.parts) == 1 and not location.is_package:
        kept = location.parts[0]
        sys.meta_path.insert(0, _Unshadowed(kept, location.root))
    folder, name = location.root, ""
    for index, part in enumerate(location.parts):
        folder = os.path.join(folder, part)
        last = index == len(location.parts) - 1 and not location.is_package
        file = location.file if last else os.path.join(folder, "__init__.py")
        parent, name = name, _free_name(name, part, file, kept)
        if name not in sys.modules:
            _load(name, file, None if last else [folder])
        if parent:
            setattr(sys.modules[parent], name.rpartition(".")[2], sys.modules[name])
    return name


def _free_name(parent: str, part: str, file: str, kept: str) -> str:
    """A name for this file that is not kept for a library, and that no other module has, nor any of Python's own."""
    name = part.replace(".", "_")
    full = f"{parent}.{name}" if parent else name
    while full in (*sys.stdlib_module_names, kept) or (full in sys.modules and module_file(sys.modules[full]) != file):
        full += "_py"
    return full


def _load(name: str, file: str, search: list[str] | None) -> None:
    spec = spec_from_file_location(name, file, submodule_search_locations=search)
    if spec is None or spec.loader is None:
        raise ImportError(f"Python knows no way to import {file}")
    module = module_from_spec(spec)
    sys.modules[name] = module  # Before it runs: dataclasses and circular imports look it up there.
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise


class _Unshadowed(MetaPathFinder):
    """Keeps a library's name for the library, though the user's file beside it has the same."""

    def __init__(self, name: str, root: str) -> None:
        self._name = name
        self._root = root

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name or path is not None:
            return None
        return PathFinder.find_spec(fullname, _path_without(self._root), target)
