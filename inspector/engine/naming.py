"""What a target names explicitly: `Net`, `nets.resnet`, an attribute of an object, a submodule of a package."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from types import ModuleType
from typing import Any

from inspector.engine.candidates import Catalogue, Offer
from inspector.engine.command import spell
from inspector.engine.definitions import hidden_definitions
from inspector.engine.failure import LoadFailed, describe, place, refuse
from inspector.engine.importing import Imported
from inspector.engine.kinds import is_a, is_class, is_instance, is_module_class
from inspector.engine.no_module import held_modules
from inspector.engine.source_files import is_package
from inspector.messages import Load

_ABSENT = object()


def find_named(imported: Imported, catalogue: Catalogue, name: str, request: Load, where: str) -> Offer:
    """The offer of that name. Raises LoadFailed when there is none, or when it is nothing that gives a Module."""
    value: Any = imported.module
    parts = name.split(".")
    for index, part in enumerate(parts):
        holder, value = value, _attribute(value, part, request)
        if value is _ABSENT:
            raise _not_found(imported, catalogue, holder, parts[: index + 1], request, where)
    offer = catalogue.offer(name, value)
    if is_instance(value) or is_module_class(value):
        return offer
    if is_a(value, type, ModuleType) or not callable(value):
        raise _no_model(offer, request, where)
    return offer


def _attribute(holder: Any, name: str, request: Load) -> Any:
    """An attribute, or a submodule that its package has not imported by itself; _ABSENT when there is neither."""
    try:
        value = getattr(holder, name, _ABSENT)
        if value is _ABSENT and is_a(holder, ModuleType) and is_package(holder):
            full = f"{holder.__name__}.{name}"
            return importlib.import_module(full) if importlib.util.find_spec(full) is not None else _ABSENT
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # A property, a module's own __getattr__, or the submodule.
        raise LoadFailed(describe(error, "import", request)) from None
    return value


def _not_found(
    imported: Imported, catalogue: Catalogue, holder: Any, parts: list[str], request: Load, where: str
) -> LoadFailed:
    *before, name = parts
    if before:
        what, names = ".".join(before), [known for known in dir(holder) if not known.startswith("_")]
    else:
        what, names = imported.label, list(catalogue.names)
    hidden = [found for found in hidden_definitions(imported.file) if found.name == name and not before]
    if hidden:
        mend = f"{name} stands {hidden[0].where}, where an import does not reach: move it to the top level"
        source = place(imported.file, hidden[0].line)
        return refuse("target", "NameNotFound", f"{what} has no {name} at its top level", mend=mend, source=source)
    offers = [offer.candidate.name for offer in catalogue] if not before else []
    near = difflib.get_close_matches(name, names, 3, 0.6)
    best = next((found for found in near if found in offers), near[0] if near else "")
    has = f"It has {', '.join(offers[:8])}" if offers else ""
    return refuse(
        "target",
        "NameNotFound",
        f"{what} has no {name}",
        mend=f"Was {best} meant?" if best else has,
        command=spell(request, f"{where}:{'.'.join([*before, best])}") if best else "",
    )


def _no_model(offer: Offer, request: Load, where: str) -> LoadFailed:
    name, value = offer.candidate.name, offer.value
    held = [] if is_class(value) else _modules_in(value)
    mend = f"It holds {', '.join(held[:6])}" if held else ""
    return refuse(
        "target",
        "NotAModule",
        f"{name} is {_what_it_is(value)}, not an nn.Module",
        mend=mend,
        command=spell(request, f"{where}:{name}.{held[0]}") if held else "",
        source=place(offer.file, offer.candidate.line) if offer.file else None,
    )


def _modules_in(value: Any) -> list[str]:
    if is_a(value, ModuleType):
        return [name for name, found in vars(value).items() if is_instance(found) or is_module_class(found)]
    return held_modules(value)


def _what_it_is(value: Any) -> str:
    if is_a(value, ModuleType):
        return "a Python module"
    if is_class(value):
        bases = ", ".join(base.__name__ for base in value.__bases__)
        return f"a class that derives from {bases}"
    return f"a value of type {type(value).__name__}"
