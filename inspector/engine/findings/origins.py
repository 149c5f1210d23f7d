"""Back from a tensor that does not fit to what made it, through everything that only rearranged it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from inspector.engine.findings.phrases import at, by, product
from inspector.engine.findings.scene import Scene
from inspector.engine.forward.calls import Call
from inspector.engine.kinds import is_a
from inspector.run_schema import CallKind, Seen

REARRANGING = frozenset((
    "view", "flatten", "reshape", "ravel", "unflatten", "permute", "transpose", "swapaxes", "swapdims",
    "movedim", "moveaxis", "squeeze", "unsqueeze", "contiguous", "t", "T", "mT", "view_as", "reshape_as",
))  # fmt: skip
"""Operations after which the values are the same in another order or shape."""
KEEPING = frozenset((
    "relu", "relu6", "leaky_relu", "gelu", "silu", "elu", "selu", "mish", "tanh", "sigmoid", "hardswish",
    "softplus", "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout",
    "batch_norm", "layer_norm", "group_norm", "instance_norm", "softmax", "log_softmax", "clone", "detach",
    "float",
))  # fmt: skip
"""Operations that keep a shape."""
_KEEPING_MODULES = (
    nn.Identity, nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.modules.dropout._DropoutNd,
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Tanh,
    nn.Sigmoid, nn.Softplus, nn.Hardswish, nn.Hardtanh, nn.Hardsigmoid, nn.Softmax, nn.LogSoftmax,
)  # fmt: skip
_VERBS = {"permute": "permuted", "transpose": "transposed", "unsqueeze": "unsqueezed", "squeeze": "squeezed"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the values of a tensor were made."""

    seen: Seen
    """As they were made, before they were rearranged."""
    maker: Call | None
    """None: they came from outside the run."""
    rearranged: tuple[Call, ...] = ()
    """What rearranged them since, the latest first."""


def trace_back(scene: Scene, seen: Seen) -> Origin:
    """The origin of a value; what keeps a shape counts as its maker unless a rearrangement stands before it."""
    origin = Origin(seen, scene.maker(seen))
    steps: list[Call] = []
    here, call = seen, scene.maker(seen)
    while call is not None:
        call = made_by(scene, call, here)
        rearranges = is_rearranging(call)
        source = first_tensor(call)
        if source is None or not (rearranges or is_keeping(call)):
            break
        if rearranges:
            steps.append(call)
            before = scene.maker(source)
            origin = Origin(source, before and made_by(scene, before, source), tuple(steps))
        here, call = source, scene.maker(source)
    if origin.maker is not None and not origin.rearranged:
        origin = Origin(seen, made_by(scene, origin.maker, seen))
    return origin


def made_by(scene: Scene, call: Call, seen: Seen) -> Call:
    """Of a container that only hands on what its last part made: that part."""
    while call.kind == CallKind.MODULE and is_a(call.module, nn.Sequential):
        parts = [other for other in scene.halt.calls[call.index + 1 :] if other.parent is call]
        if not parts or [out.shape for out in parts[-1].outputs] != [out.shape for out in call.outputs]:
            return call
        call = parts[-1]
    return call


def bare(name: str) -> str:
    """`F.max_pool2d`, `torch.flatten`, `relu_` without what stands around the name."""
    return name.rpartition(".")[2].strip("_") or name


def is_rearranging(call: Call) -> bool:
    """Whether a call only put values into another order or shape."""
    if call.kind == CallKind.MODULE:
        return is_a(call.module, nn.Flatten, nn.Unflatten)
    return bare(call.name) in REARRANGING


def is_keeping(call: Call) -> bool:
    """Whether a call's output has the shape of its input whatever that is."""
    if call.kind == CallKind.MODULE:
        return is_a(call.module, *_KEEPING_MODULES)
    return bare(call.name) in KEEPING


def first_tensor(call: Call) -> Seen | None:
    """The first tensor that went into a call: of everything followed here, the data."""
    return next((seen for seen in call.inputs if seen.shape is not None), None)


# --- in words ---------------------------------------------------------------------------------------------------------


def maker_name(scene: Scene, origin: Origin) -> str:
    """`conv2`, `max_pool2d`, `input x`; empty when nobody knows."""
    if origin.maker is not None:
        return scene.name_of(origin.maker)
    wanted = (origin.seen.shape, origin.seen.dtype)
    inputs = [seen for seen in scene.halt.calls[0].inputs if (seen.shape, seen.dtype) == wanted]
    return f"input {inputs[0].path}".strip() if len(inputs) == 1 else ""


def rearrangement(origin: Origin) -> Call | None:
    """The call that gave the values the shape in which they arrived: the latest that changed it."""
    for call in origin.rearranged:
        before = first_tensor(call)
        if before is not None and call.outputs and before.shape != call.outputs[0].shape:
            return call
    return origin.rearranged[0] if origin.rearranged else None


def verb(call: Call) -> str:
    """`flattened`, `permuted`, `reshaped`"""
    before, after = first_tensor(call), call.outputs[0] if call.outputs else None
    if before is not None and after is not None and before.shape is not None and after.shape is not None:
        name = "" if call.kind == CallKind.MODULE else bare(call.name)
        if name in _VERBS:
            return _VERBS[name]
        if len(after.shape) < len(before.shape):
            return "flattened"
    return "reshaped"


def flat_factors(origin: Origin, number: int) -> tuple[int, ...]:
    """The last axes of the values as they were made, if their product is this number; else nothing."""
    shape = origin.seen.shape or ()
    for start in range(1, len(shape) - 1):
        if product(shape[start:]) == number:
            return tuple(shape[start:])
    return ()


def told(scene: Scene, seen: Seen | None, number: int) -> tuple[str, str, str]:
    """Where a number comes from: for the sentence, for beside the shape, and the producer alone.

    ` = 16×5×5 of conv2, flattened at lenet.py:20` · `= 16×5×5 of conv2, flattened :20` · `conv2, 2×16×5×5`
    """
    if seen is None:
        return "", "", ""
    origin = trace_back(scene, seen)
    name, change, parts = maker_name(scene, origin), rearrangement(origin), flat_factors(origin, number)
    producer = f"{name}: {by(origin.seen.shape or ())}{at(origin.maker.source if origin.maker else None)}"
    if not name:
        return "", "", ""
    if change is None:
        return f" from {name}", f"from {name}", producer
    if not parts:
        then = f"{name}, {verb(change)}"
        return f" from {then}{at(change.source)}", f"from {then}{_beside(scene, change)}", producer
    then = f"= {by(parts)} of {name}, {verb(change)}"
    return f" {then}{at(change.source)}", f"{then}{_beside(scene, change)}", producer


def _beside(scene: Scene, call: Call) -> str:
    """` :20` in the file of the failed line, ` model.py:20` in another."""
    source = call.source
    if source is not None and scene.source is not None and source.file == scene.source.file:
        return f" :{source.line}"
    return at(source).replace(" at", "")
