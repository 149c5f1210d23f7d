"""The files that code comes from: which of them are the user's own, and what stands in them."""

from __future__ import annotations

import ast
import io
import os
import site
import sys
import sysconfig
import tokenize
import warnings
from functools import cache, lru_cache
from typing import Any

import inspector

_LIBRARY_FOLDERS = frozenset({"site-packages", "dist-packages"})
_LONGEST_LINE = 500


@cache
def library_folders() -> tuple[str, ...]:
    """Real paths of the folders whose files are not the user's own: the standard library, installed packages, this
    package, and torch, which may be installed from a checkout."""
    paths = sysconfig.get_paths()
    folders = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders += [*site.getsitepackages(), site.getusersitepackages(), os.path.dirname(inspector.__file__)]
    torch = getattr(sys.modules.get("torch"), "__file__", None)
    if torch:
        folders.append(os.path.dirname(torch))
    return tuple(dict.fromkeys(os.path.realpath(folder) for folder in folders))


@lru_cache(maxsize=4096)
def is_library(file: str) -> bool:
    """Whether a file belongs to Python, to an installed package or to this program; names like `<string>` do too."""
    if file.startswith("<") or not file:
        return True
    real = os.path.realpath(file)
    if _LIBRARY_FOLDERS.intersection(real.split(os.sep)):
        return True
    return any(is_below(real, folder) for folder in library_folders())


def is_below(file: str, folder: str) -> bool:
    """Whether a file lies in this folder or in one below it, by name."""
    return file.startswith(folder.rstrip(os.sep) + os.sep)


def imported_files(root: str) -> list[str]:
    """Files below this folder, no library's, that modules were imported from; the running script is not imported."""
    files = (module_file(module) for name, module in list(sys.modules.items()) if name != "__main__")
    return sorted({file for file in files if is_below(file, root) and not is_library(file)})


def module_file(module: object) -> str:
    """The file of whatever stands in sys.modules; empty when it has none. Runs no `__getattr__` of anybody's."""
    file = attributes(module).get("__file__")
    return file if isinstance(file, str) else ""


def is_package(module: object) -> bool:
    """Whether a module has modules below it."""
    return "__path__" in attributes(module)


def attributes(thing: object) -> dict[str, Any]:
    """What an object holds itself, asked for without any code of its own; empty when it has no such place."""
    try:
        held = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return {}
    return held if isinstance(held, dict) else {}


def read_lines(file: str) -> list[str]:
    """Lines as Python counts them, without their ends; undecodable bytes stand as U+FFFD; none if it cannot be read."""
    try:
        with open(file, "rb") as stream:
            data = stream.read()
    except OSError:
        return []
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError:
        encoding = "utf-8"
    return list(io.StringIO(data.decode(encoding, "replace"), newline=None).read().split("\n"))


def parse_source(file: str) -> ast.Module:
    """The syntax tree of a Python file; an empty one when it has none."""
    nothing = ast.Module(body=[], type_ignores=[])
    if not file.endswith(".py"):
        return nothing
    try:
        with open(file, "rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Importing the file has warned of its odd escapes already.
            return ast.parse(stream.read())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return nothing


def code_at(file: str, line: int) -> str:
    """One line of source, stripped; empty when there is none."""
    lines = read_lines(file)
    return lines[line - 1].strip()[:_LONGEST_LINE] if 0 < line <= len(lines) else ""


def lines_around(file: str, line: int, before: int = 3, after: int = 2) -> tuple[tuple[int, str], ...]:
    """Numbered lines about a place, as they stand in the file but for over-long ones."""
    lines = read_lines(file)
    first, last = max(1, line - before), min(len(lines), line + after)
    numbered = [(number, lines[number - 1][:_LONGEST_LINE]) for number in range(first, last + 1)]
    while numbered and numbered[-1][0] > line and not numbered[-1][1].strip():
        numbered.pop()
    return tuple(numbered)
