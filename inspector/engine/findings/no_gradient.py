"""NN501: parameters that require grad and get none, although their modules were called.

Whether a parameter is connected to what was propagated is a matter of the graph, not of its values. Where the graph
ends is looked for from the module on: the first call that got what carries a gradient, and gave nothing that does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from torch import nn

from inspector.engine.backward.measuring import Place
from inspector.engine.findings.backward_rule import BackwardScene
from inspector.engine.findings.cut_graph import line_that_leaves
from inspector.engine.findings.phrases import and_, at, plural
from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene
from inspector.engine.forward.calls import Call
from inspector.engine.source_files import attributes
from inspector.figures import count
from inspector.run_schema import CallKind
from inspector.schema import Source

_NAMED = 3
_FIX = (
    "if it is meant, requires_grad_(False) says so; DistributedDataParallel stops at such parameters unless it gets "
    "find_unused_parameters=True"
)


class _Group(NamedTuple):
    """A module all of whose trainable parameters lack a gradient, or one with some that do."""

    module: nn.Module
    path: str
    places: list[Place]
    whole: bool


class _Why(NamedTuple):
    words: str
    source: Source | None
    call: int


class NoGradient(RunRule):
    id = "NN501"
    modes = ("train",)

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        assert isinstance(scene, BackwardScene)
        if not scene.objective:
            return
        for group in _groups(scene, scene.uncalled):
            why = _Why("not called in train mode, though it was in the run before", None, -1)
            yield _noticed(scene, [group], why)
        reasons: dict[tuple[str, Source | None], tuple[_Why, list[_Group]]] = {}
        for group in _groups(scene, scene.missing):
            why = _why(scene, group)
            reasons.setdefault((why.words, why.source), (why, []))[1].append(group)
        for why, groups in reasons.values():
            yield _noticed(scene, groups, why)


def _noticed(scene: BackwardScene, groups: list[_Group], why: _Why) -> Noticed:
    places = [place for group in groups for place in group.places]
    elements = sum(place.parameter.numel() for place in places)
    who = [group.path or type(group.module).__name__ for group in groups]
    named = and_(who) if len(who) <= _NAMED else f"{who[0]} … {who[-1]} ({len(who)} modules)"
    if len(places) <= _NAMED and not all(group.whole for group in groups):
        subject = f"{and_([place.path for place in places])} {'get' if len(places) > 1 else 'gets'}"
    else:
        subject = f"{plural(len(places), 'parameter')} of {named} {'get' if len(places) > 1 else 'gets'}"
    message = f"{subject} no gradient ({count(elements)} elements): {why.words}"
    return Noticed(scene.row_of(groups[0].module), message, _FIX, why.source, why.call)


def _groups(scene: BackwardScene, places: Sequence[Place]) -> Iterator[_Group]:
    """Gathered under the topmost modules that have no trainable parameter with a gradient."""
    lacking: dict[int, list[Place]] = {}
    for place in places:
        lacking.setdefault(id(place.module), []).append(place)
    if lacking:
        yield from _gather(scene, scene.model, "", lacking, set())


def _gather(
    scene: BackwardScene, module: nn.Module, path: str, lacking: dict[int, list[Place]], met: set[int]
) -> Iterator[_Group]:
    if id(module) in met:
        return
    inside = list(nn.Module.modules(module))
    found = [place for part in inside if id(part) not in met for place in lacking.get(id(part), ())]
    if not found:
        return
    if path and _calls(scene, module) and not any(_trains(scene, part) for part in inside):
        met.update(map(id, inside))
        yield _Group(module, path, found, True)
        return
    met.add(id(module))
    if own := lacking.get(id(module)):
        yield _Group(module, path, own, bool(path) and not _trains(scene, module))
    for name, child in (attributes(module).get("_modules") or {}).items():
        if isinstance(child, nn.Module):
            yield from _gather(scene, child, f"{path}.{name}" if path else name, lacking, met)


def _trains(scene: BackwardScene, module: nn.Module) -> bool:
    own = (attributes(module).get("_parameters") or {}).values()
    return any(id(parameter) in scene.trained for parameter in own)


def _calls(scene: BackwardScene, module: nn.Module) -> list[Call]:
    return [call for call in scene.calls if call.kind == CallKind.MODULE and call.module is module]


# --- why --------------------------------------------------------------------------------------------------------------


def _why(scene: BackwardScene, group: _Group) -> _Why:
    """Why nothing arrives; as much as the graph shows."""
    calls = _calls(scene, group.module)
    if not calls:
        return _Why("they are used, and what comes of them does not reach what was propagated", None, -1)
    call = calls[-1]
    if scene.objective and not group.whole:
        return _Why("the module was called, and did not use them", scene.line(call), call.index)
    if scene.cut.gave_values(call) and not scene.cut.gave(call):
        return _cut(scene, call)
    return _lost(scene, call)


def _cut(scene: BackwardScene, call: Call) -> _Why:
    cause = scene.cut.cause(scene, call)
    return _Why(cause.words, cause.source, cause.call)


def _lost(scene: BackwardScene, start: Call) -> _Why:
    """From a call on to those that got what it gave, as long as they carry a gradient on."""
    waiting, met = [start], {start.index}
    ends: list[Call] = []
    while waiting:
        call = waiting.pop(0)
        makers = {seen.maker for seen in call.outputs if seen.shape is not None} | {call.index}
        consumers = {each.index: each for maker in makers for each in scene.consumers.get(maker, [])}
        inner = [each for each in consumers.values() if each.index not in met and not _is_around(each, call)]
        met.update(each.index for each in inner)
        ends += [each for each in inner if not scene.cut.gave(each) and not scene.inside(each)]
        waiting += [each for each in inner if scene.cut.gave(each)]
        if not inner and call.index != start.index:
            ends.append(call)
    cuts = [end for end in ends if not scene.cut.gave(end)]
    floating = [end for end in cuts if scene.cut.gave_values(end)]
    if floating:
        return _cut(scene, floating[0])
    if cuts:
        source = scene.line(cuts[0])
        return _Why(f"{scene.who(cuts[0])}{at(source)} makes something of it that carries none", source, cuts[0].index)
    return _unused(scene, start, met)


def _unused(scene: BackwardScene, start: Call, met: set[int]) -> _Why:
    outputs = {seen.maker for seen in scene.calls[0].outputs if seen.shape is not None}
    last = next((scene.calls[index] for index in sorted(met, reverse=True) if index), start)
    made = {seen.maker for index in met for seen in scene.calls[index].outputs} | met
    source = scene.line(start)
    if outputs & made - scene.propagated:
        what = "the loss" if scene.objective in ("loss", "losses") else "what was propagated"
        return _Why(f"it reaches an output, and not {what}", source, start.index)
    around = last.parent
    line = line_that_leaves(around.module) if around is not None else None
    if line is not None and around is not None:
        who = scene.module_name(around.module)
        return _Why(f"{who} takes it out of the graph{at(line)} (.data, NumPy or item())", line, around.index)
    return _Why(f"what {scene.who(last)}{at(scene.line(last))} gives reaches no output", source, start.index)


def _is_around(call: Call, inner: Call) -> bool:
    above: Call | None = inner
    while above is not None:
        if above is call:
            return True
        above = above.parent
    return False
