"""A file that offers no nn.Module: what it does define, and where a Module may be hiding."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from torch import nn

from inspector.engine.candidates import Catalogue
from inspector.engine.command import shortest, spell
from inspector.engine.definitions import Hidden, hidden_definitions
from inspector.engine.failure import LoadFailed, place, refuse
from inspector.engine.importing import Imported
from inspector.engine.kinds import is_class, is_instance, is_module_class
from inspector.engine.source_files import attributes
from inspector.messages import Load

_MOST_LISTED = 6


class _Lead(NamedTuple):
    """Where else to look."""

    mend: str
    name: str = ""
    """What would have to stand after the colon."""
    line: int = 1


def no_module(imported: Imported, catalogue: Catalogue, request: Load, where: str) -> LoadFailed:
    """Say what the file defines instead, and what would lead to a Module."""
    lead = _lead(imported, catalogue)
    return refuse(
        "target",
        "NoModule",
        f"{imported.label} defines no nn.Module: {_what_it_defines(catalogue)}",
        mend=lead.mend,
        command=spell(request, f"{where}:{lead.name}") if lead.name else "",
        source=place(imported.file, lead.line),
    )


def held_modules(value: Any) -> list[str]:
    """Names of the attributes of an object that are Modules."""
    return [name for name, held in attributes(value).items() if isinstance(name, str) and is_instance(held)]


def _what_it_defines(catalogue: Catalogue) -> str:
    own = [(name, value) for name, value in catalogue.names.items() if catalogue.is_defined_here(value)]
    classes = [_with_bases(value) for _, value in own if is_class(value)]
    functions = [name for name, value in own if not is_class(value)]
    parts = [_listed("class", "classes", classes), _listed("function", "functions", functions)]
    return "it has " + (" and ".join(part for part in parts if part) or "neither classes nor functions")


def _with_bases(kind: type) -> str:
    bases = ", ".join(base.__name__ for base in kind.__bases__ if base is not object)
    return f"{kind.__name__}({bases})" if bases else kind.__name__


def _listed(one: str, many: str, names: list[str]) -> str:
    if not names:
        return ""
    rest = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return f"the {one if len(names) == 1 else many} {', '.join(names[:_MOST_LISTED])}{rest}"


def _lead(imported: Imported, catalogue: Catalogue) -> _Lead:
    for lead in _leads(imported, catalogue):
        return lead
    return _Lead(
        "A model is a class that derives from torch.nn.Module, an instance of one, or a function that returns one"
    )


def _leads(imported: Imported, catalogue: Catalogue) -> Iterator[_Lead]:
    for hidden in hidden_definitions(imported.file):
        if hidden.is_module or hidden.name in ("model", "net"):
            yield _hidden_lead(hidden)
    for name, value in catalogue.names.items():
        if is_module_class(value) and value is not nn.Module:
            yield _Lead(f"It imports {value.__name__} from {value.__module__}: name it after a colon", name)
    for name, value in catalogue.names.items():
        for attribute in held_modules(value):
            yield _Lead(f"{name} holds a Module: name it after a colon", f"{name}.{attribute}")
    if imported.is_package:
        files = sorted(entry for entry in os.listdir(os.path.dirname(imported.file)) if entry.endswith(".py"))
        names = ", ".join(name for name in files if name != "__init__.py")
        yield _Lead(f"Name one of the files in {shortest(os.path.dirname(imported.file))}: {names}")


def _hidden_lead(hidden: Hidden) -> _Lead:
    mend = f"{hidden.name} stands {hidden.where}, where an import does not reach: move it to the top level"
    return _Lead(mend, line=hidden.line)
