"""NN203: tensors of one call on different devices."""

from __future__ import annotations

from collections import Counter

from torch import Tensor, nn

from inspector.engine.findings.phrases import and_
from inspector.engine.findings.rule import Proof, Rule
from inspector.engine.findings.scene import Scene
from inspector.engine.forward.calls import Call
from inspector.engine.source_files import attributes
from inspector.run_schema import CallKind

_MOST_NAMED = 4
_MIXING = frozenset(("getitem", "setitem", "copy", "to", "type_as"))
"""Operations that take tensors of several devices."""
_ATTRIBUTE = " (a plain attribute)"


def _prove(scene: Scene) -> Proof | None:
    if scene.operation in _MIXING or not (scene.operation or scene.module(nn.Module)):
        return None
    held = _held(scene)
    places = {name: str(tensor.device) for name, tensor in held.items() if tensor.dim()}
    if len(set(places.values())) < 2:
        return None
    odd = _odd(places)
    name = next(name for name, device in places.items() if device == odd)
    rest = Counter(device for device in places.values() if device != odd).most_common(1)[0][0]
    told = [f"{label} on {device}" for label, device in places.items()][:_MOST_NAMED]
    return Proof(
        message=f"{scene.who} got tensors on different devices: {and_(told)}",
        fix=_fix(name, rest, odd == "meta"),
        received=", ".join(told),
        expected="all on one device",
    )


def _held(scene: Scene) -> dict[str, Tensor]:
    """The call's tensors by what they are called: those that it was given, and a module's own."""
    found: dict[str, Tensor] = {}
    for tensor in scene.tensors():
        found.setdefault(scene.origin(tensor), tensor)
    call: Call = scene.call
    if call.kind == CallKind.MODULE:
        mine = attributes(call.module)
        for table in (mine.get("_parameters"), mine.get("_buffers")):
            for name, tensor in (table or {}).items():
                if tensor is not None:
                    found[f"{scene.name_of(call)}.{name}"] = tensor
    return found


def _odd(places: dict[str, str]) -> str:
    """The device that is to be left: meta, which has no values; that of an attribute, which `.to()` left behind; or
    that of which there is least."""
    if "meta" in places.values():
        return "meta"
    attribute = [device for name, device in places.items() if name.endswith(_ATTRIBUTE)]
    counts = Counter(places.values())
    return min(counts, key=lambda device: (device not in attribute, counts[device]))


def _fix(name: str, device: str, meta: bool) -> str:
    if name.endswith(_ATTRIBUTE):
        attribute = name.removesuffix(_ATTRIBUTE).rpartition(".")[2]
        return f'register_buffer("{attribute}", ...): .to() moves buffers and leaves plain attributes behind'
    if meta:
        return f"{name} is on meta, where tensors have no values: make it on {device}"
    return f'move {name}: .to("{device}")'


DEVICES = Rule(
    "NN203",
    (RuntimeError, NotImplementedError, TypeError),
    _prove,
    r"\bdevices?\b|cuda|meta|type \(torch\.",
)
