"""NN213: forward was called without an argument that it needs, or with one that it does not take."""

from __future__ import annotations

import inspect
from typing import Any

from inspector.engine.case import traceback_of
from inspector.engine.findings.phrases import and_, plural
from inspector.engine.findings.rule import Proof, Rule
from inspector.engine.findings.scene import Scene
from inspector.engine.kinds import unwrapped
from inspector.engine.source_files import attributes
from inspector.engine.spelling import spelled
from inspector.run_schema import CallKind

_KEYED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_PLACED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _prove(scene: Scene) -> Proof | None:
    if scene.call.kind != CallKind.MODULE or "forward" in attributes(scene.call.module):
        return None
    forward = type(scene.call.module).forward
    if _was_entered(scene, forward):
        return None
    parameters = list(inspect.signature(forward).parameters.values())[1:]
    args, kwargs = scene.open.args, scene.open.kwargs
    missing, extra, unknown = _misfits(parameters, args, kwargs)
    if not (missing or extra or unknown):
        return None
    names = [parameter.name for parameter in parameters if parameter.kind in _PLACED]
    got = [*names[: len(args)], *[f"{name}=" for name in kwargs]]
    told = [
        f"misses {and_(missing)}" if missing else "",
        f"takes {plural(len(names), 'positional argument')} and got {len(args)}" if extra else "",
        f"takes no {and_(unknown)}" if unknown else "",
    ]
    name, signature = scene.who, ", ".join(map(_spelled, parameters))
    return Proof(
        message=f"{name}.forward({signature}) {and_([part for part in told if part])}",
        fix=_fix(scene, missing, unknown, [parameter.name for parameter in parameters if parameter.kind in _KEYED]),
        received=", ".join(got) + (f" and {extra} more" if extra else "") or "nothing",
        expected=signature,
    )


def _was_entered(scene: Scene, forward: Any) -> bool:
    """Whether forward ran: then it got what it needs, and what raised is in it."""
    code = getattr(unwrapped(forward), "__code__", None)
    entry = traceback_of(scene.halt.error)
    while entry is not None:
        if entry.tb_frame.f_code is code:
            return True
        entry = entry.tb_next
    return code is None


def _misfits(
    parameters: list[inspect.Parameter], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[list[str], int, list[str]]:
    """Names that are missing, how many positional arguments are too many, and keywords that nobody knows."""
    kinds = {parameter.kind for parameter in parameters}
    placed = [parameter for parameter in parameters if parameter.kind in _PLACED]
    filled = {parameter.name for parameter in placed[: len(args)]} | set(kwargs)
    needed = [p for p in parameters if p.default is p.empty and (p.kind in _PLACED or p.kind in _KEYED)]
    missing = [parameter.name for parameter in needed if parameter.name not in filled]
    extra = 0 if inspect.Parameter.VAR_POSITIONAL in kinds else max(0, len(args) - len(placed))
    known = {parameter.name for parameter in parameters if parameter.kind in _KEYED}
    unknown = [] if inspect.Parameter.VAR_KEYWORD in kinds else [name for name in kwargs if name not in known]
    return missing, extra, unknown


def _spelled(parameter: inspect.Parameter) -> str:
    stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(parameter.kind.name, "")
    default = "" if parameter.default is parameter.empty else f"={spelled(parameter.default)}"
    return f"{stars}{parameter.name}{default}"


def _fix(scene: Scene, missing: list[str], unknown: list[str], known: list[str]) -> str:
    if len(scene.halt.open) == 1 and missing:
        return f"--input {missing[0]}=…"
    if len(missing) == len(unknown) == 1:
        return f"{missing[0]}=… in place of {unknown[0]}=…"
    if missing:
        return f"give it {and_(missing)}"
    return f"it takes {and_(known)}" if unknown and known else ""


ARGUMENTS = Rule(
    "NN213",
    (TypeError,),
    _prove,
    r"argument|positional|keyword",
)
