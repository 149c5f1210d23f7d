"""NN602 and NN603: keys that the checkpoint lacks, and keys that the model has no place for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from msgspec.structs import replace

from inspector.engine.checkpoint.slots import EXTRA_STATE, Slot
from inspector.engine.findings.checkpoint_places import Place, gathered, pattern, topmost
from inspector.engine.findings.checkpoint_rule import MOST, CheckpointScene, listed
from inspector.engine.findings.phrases import plural
from inspector.run_schema import Finding

_LEFT_OUT = "load a file that has them; load_state_dict(state, strict=False) leaves them as they were initialised"


def missing_keys(scene: CheckpointScene) -> Iterator[Finding]:
    """One for each topmost module that the file does not have; tied weights, of which it has one, apart."""
    held = {slot.same_as or key: key for key, slot in scene.slots.by_key.items() if key in scene.held_keys}
    tied = {slot.key: held[first] for slot in scene.match.missing if (first := slot.same_as or slot.key) in held}
    yield from (_tied(scene, scene.slots.by_key[key], other) for key, other in tied.items())
    rest = [slot.key for slot in scene.match.missing if slot.key not in tied]
    places = topmost(rest, scene.slots, scene.match.excused)
    yield from map(partial(_missing, scene), places[:MOST])
    if beyond := places[MOST:]:
        count = sum(len(place.keys) * (1 + len(place.also)) for place in beyond)
        message = f"{plural(count, 'more key')} of {len(beyond):,} more modules are not in {scene.file}"
        yield scene.finding("NN602", "", message, _LEFT_OUT)


def _tied(scene: CheckpointScene, slot: Slot, other: str) -> Finding:
    """Only a warning: the one Parameter is loaded under its other name."""
    message = (
        f"{slot.key} is not in {scene.file}, and is one and the same tensor as {other}, which is: strict loading "
        f"refuses the file, and nothing is lost with strict=False"
    )
    found = scene.finding("NN602", slot.holder, message, f'state["{slot.key}"] = state["{other}"]')
    return replace(found, severity="warning")


def _missing(scene: CheckpointScene, place: Place) -> Finding:
    if not place.path and len(place.keys) + len(scene.match.excused) == len(scene.slots.by_key):
        words = f"none of the {plural(len(place.keys), 'key')} of the model is in {scene.file}: {listed(place.names)}"
    else:
        verb = "is" if len(place.keys) == 1 else "are"
        words = f"{listed(place.names)} of {scene.name(place.path)} {verb} not in {scene.file}{pattern(place)}"
    alike = _same_shapes(scene, place)
    fix = f"a guess: {alike} has the same names and shapes in {scene.file}" if alike else _LEFT_OUT
    if all(key.rpartition(".")[2] == EXTRA_STATE for key in place.keys):
        words += "; it is what set_extra_state gets"
    return scene.finding("NN602", place.path, words, fix)


def _same_shapes(scene: CheckpointScene, place: Place) -> str:
    """What of the file has no place in the model, and is like this module in every name below it and every shape."""
    if not place.path:
        return ""
    wanted = {}
    for key, name in zip(place.keys, place.names, strict=True):
        slot = scene.slots.by_key[key].stored
        wanted[name] = slot.shape if slot is not None else None
    tops = {key[: -len(name) - 1] for key in scene.match.unexpected for name in wanted if key.endswith(f".{name}")}
    for top in sorted(tops):
        below = {key[len(top) + 1 :]: key for key in scene.match.unexpected if key.startswith(f"{top}.")}
        if {name: scene.state.entries[key].shape for name, key in below.items()} == wanted:
            return top
    return ""


def unexpected_keys(scene: CheckpointScene) -> Iterator[Finding]:
    """One for each module of the model to which such keys would belong."""
    found: dict[str, list[str]] = {}
    for key in scene.match.unexpected:
        found.setdefault(scene.slots.nearest(key), []).append(key)
    places = gathered(Place(path, tuple(keys)) for path, keys in found.items())
    for place in places[:MOST]:
        verb = "has" if len(place.keys) == 1 else "have"
        words = f"{listed(place.names)} in {scene.file} {verb} no place in {scene.name(place.path)}{pattern(place)}"
        fix = "build the model with what they belong to, or leave them out: load_state_dict(state, strict=False)"
        yield scene.finding("NN603", place.path, words, fix)
    if beyond := places[MOST:]:
        count = sum(len(place.keys) * (1 + len(place.also)) for place in beyond)
        message = f"{plural(count, 'more key')} in {scene.file} have no place in {len(beyond):,} more modules"
        yield scene.finding("NN603", "", message)
