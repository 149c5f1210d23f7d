"""Hold the given arguments against the signature, before any of the user's code runs.

So an argument that is missing or unknown is told apart from a TypeError inside the constructor, and all of them can be
shown at once: what each is, what it has, and a command line to change.
"""

from __future__ import annotations

import difflib
import inspect
import os
from typing import Any, NamedTuple

from msgspec import structs

from inspector.engine import arguments, placeholder
from inspector.engine.arguments import Given
from inspector.engine.candidates import Offer
from inspector.engine.command import spell
from inspector.engine.config_file import place_of
from inspector.engine.failure import LoadFailed, place, refuse
from inspector.messages import Load
from inspector.schema import Argument, Source

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def fit(offer: Offer, given: Given, request: Load, where: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments to call an offer with. Raises LoadFailed if some are missing, unknown or too many."""
    signature = arguments.signature_of(offer.value)
    if signature is None:
        return given.args, {**given.configured, **given.typed}
    args, kwargs = arguments.bind(signature, given)
    _check(_Attempt(offer, signature, given, request, where), args, kwargs)
    return args, kwargs


class _Attempt(NamedTuple):
    """A call that is to be made."""

    offer: Offer
    signature: inspect.Signature
    given: Given
    request: Load
    where: str

    @property
    def name(self) -> str:
        return self.offer.candidate.name

    @property
    def source(self) -> Source:
        """Where its arguments are declared."""
        return place(self.offer.file, _declared_at(self.offer))


def _declared_at(offer: Offer) -> int:
    """The line of the __init__ of a class that has one of its own, else that of the class or function."""
    code = getattr(vars(offer.value).get("__init__"), "__code__", None) if isinstance(offer.value, type) else None
    if not inspect.iscode(code) or os.path.realpath(code.co_filename) != offer.file:
        return offer.candidate.line
    return code.co_firstlineno


def _check(attempt: _Attempt, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Hold the arguments against the signature. Raises LoadFailed if they do not fit."""
    parameters = attempt.signature.parameters.values()
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    by_name = [parameter.name for parameter in parameters if parameter.kind in _BY_NAME]
    unknown = [] if takes_any else [name for name in kwargs if name not in by_name]
    if unknown:
        raise _unknown(attempt, unknown, args, kwargs)
    try:
        bound = attempt.signature.bind_partial(*args, **kwargs)
    except TypeError as error:
        raise _misfit(attempt, str(error)) from None
    if any(argument.required and not argument.value for argument in _described(attempt, bound.arguments)):
        raise _missing(attempt, _described(attempt, bound.arguments))


def _described(attempt: _Attempt, values: dict[str, Any]) -> tuple[Argument, ...]:
    return arguments.describe_arguments(attempt.offer.value, values)


def _missing(attempt: _Attempt, described: tuple[Argument, ...]) -> LoadFailed:
    missing = [argument for argument in described if argument.required and not argument.value]
    names = ", ".join(argument.name for argument in missing)
    count = "1 argument that was" if len(missing) == 1 else f"{len(missing)} arguments that were"
    objects = [argument for argument in missing if placeholder.wants_object(argument)]
    mend = "The values in the command are examples: put in your own"
    if objects:
        what = ", ".join(f"{argument.name} ({argument.annotation})" for argument in objects)
        mend = (
            f"No command line can give {what}: write a function that needs no arguments and returns the model,  "
            f"def build_model(): return {attempt.name}(…)"
        )
    return refuse(
        "construct",
        "MissingArguments",
        f"{attempt.name} needs {count} not given: {names}",
        mend=mend,
        command=spell(attempt.request, attempt.where, more=placeholder.examples(described)),
        source=attempt.source,
        arguments=described,
        call=attempt.name,
    )


def _unknown(attempt: _Attempt, unknown: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]) -> LoadFailed:
    known = {name: value for name, value in kwargs.items() if name not in unknown}
    described = _described(attempt, _bound(attempt, args, known))
    names = [argument.name for argument in described]
    near = {name: (difflib.get_close_matches(name, names, 1, 0.6) or [""])[0] for name in unknown}
    config = attempt.given.config
    configured = [name for name in unknown if name in attempt.given.configured]
    where, source = "", attempt.source
    if config is not None and configured:
        where, source = f" (in {os.path.basename(config.file)})", place_of(config, configured[0])
    return refuse(
        "construct",
        "UnknownArguments",
        f"{attempt.name} has no argument {', '.join(unknown)}{where}",
        mend=_meant(attempt, near, names),
        command=_renamed(attempt, near) if any(near.values()) and not configured else "",
        source=source,
        arguments=described,
        call=attempt.name,
    )


def _bound(attempt: _Attempt, args: tuple[Any, ...], known: dict[str, Any]) -> dict[str, Any]:
    """The values of the known arguments by name, as far as they fit."""
    try:
        return dict(attempt.signature.bind_partial(*args, **known).arguments)
    except TypeError:
        return known


def _meant(attempt: _Attempt, near: dict[str, str], names: list[str]) -> str:
    for name in near:
        if _holds_arguments(attempt.given.configured.get(name), names):
            return f"The arguments stand in the table {name}: they must be at the top level of their file"
    meant = ", ".join(f"{known} for {name}" for name, known in near.items() if known)
    return f"Was {meant} meant? {_spelled(attempt)}" if meant else _spelled(attempt)


def _holds_arguments(value: Any, names: list[str]) -> bool:
    return isinstance(value, dict) and bool(value) and all(key in names for key in value)


def _renamed(attempt: _Attempt, near: dict[str, str]) -> str:
    """The command line with the names that were meant."""
    renamed = []
    for argument in attempt.request.arguments:
        name, _, text = argument.partition("=")
        renamed.append(f"{near.get(name.strip()) or name}={text}")
    return spell(structs.replace(attempt.request, arguments=tuple(renamed)), attempt.where)


def _misfit(attempt: _Attempt, reason: str) -> LoadFailed:
    return refuse(
        "construct",
        "MisfitArguments",
        f"{attempt.name}: {reason}",
        mend=_spelled(attempt),
        source=attempt.source,
        arguments=_described(attempt, {}),
        call=attempt.name,
    )


def _spelled(attempt: _Attempt) -> str:
    parts = []
    for argument in _described(attempt, {}):
        annotation = f": {argument.annotation}" if argument.annotation else ""
        equals = " = " if annotation else "="
        default = f"{equals}{argument.default}" if argument.default is not None else ""
        parts.append(f"{argument.name}{annotation}{default}")
    return f"It is  {attempt.name}({', '.join(parts)})"
