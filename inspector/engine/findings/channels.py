"""NN202 and NN211: a convolution got another number of channels, or a window does not fit into its input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from inspector.engine.findings.origins import maker_name, told, trace_back
from inspector.engine.findings.phrases import by, or_, plural
from inspector.engine.findings.rule import Proof, Rule
from inspector.engine.findings.scene import Scene, is_tensor
from inspector.engine.findings.windows import (
    CONVOLUTIONS,
    POOLINGS,
    Windows,
    chain_to,
    windows_of_module,
    windows_of_operation,
)

_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


@dataclass(frozen=True, slots=True)
class _Convolution:
    """A convolution as it was called."""

    input: Tensor
    channels: int
    """That it takes."""
    axes: int
    """Spatial ones."""

    @property
    def batched(self) -> bool:
        return self.input.dim() == self.axes + 2

    @property
    def got(self) -> int:
        return int(self.input.shape[-self.axes - 1])


def _convolution(scene: Scene) -> _Convolution | None:
    name = scene.operation
    if name in ("conv1d", "conv2d", "conv3d"):
        data, weight, groups = scene.given(0, "input"), scene.given(1, "weight"), scene.given(6, "groups", 1)
        wanted = weight.shape[1] * groups if is_tensor(weight) else 0
    elif name in ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"):
        data, weight = scene.given(0, "input"), scene.given(1, "weight")
        wanted = weight.shape[0] if is_tensor(weight) else 0
    elif (module := scene.module(*CONVOLUTIONS, *_TRANSPOSED)) is not None:
        bound = scene.bound()
        data, wanted, weight = bound.get("input"), module.in_channels, module.weight
    else:
        return None
    if not is_tensor(data) or not is_tensor(weight):
        return None
    axes = weight.dim() - 2
    return _Convolution(data, int(wanted), axes) if data.dim() in (axes + 1, axes + 2) else None


# --- NN202 ------------------------------------------------------------------------------------------------------------


def _prove_channels(scene: Scene) -> Proof | None:
    layer = _convolution(scene)
    if layer is None or layer.got == layer.channels:
        return None
    shape = tuple(layer.input.shape)
    expected = list(shape)
    expected[-layer.axes - 1] = layer.channels
    seen = scene.seen(layer.input)
    _, beside, producer = told(scene, seen, layer.got)
    name = maker_name(scene, trace_back(scene, seen)) if seen is not None else ""
    reading, fix = _reading(scene, layer)
    source = f" from {name}" if name else ""
    return Proof(
        message=f"{scene.who} expects {plural(layer.channels, 'channel')}, got {layer.got}{source}{reading}",
        fix=fix,
        received=f"{by(shape)}   {beside}".rstrip(),
        expected=by(expected),
        producer=producer,
    )


def _reading(scene: Scene, layer: _Convolution) -> tuple[str, str]:
    """What the shape looks like, and what would mend it."""
    shape, wanted, got = layer.input.shape, layer.channels, layer.got
    if layer.batched and shape[-1] == wanted:
        order = (0, layer.axes + 1, *range(1, layer.axes + 1))
        names = {1: "N,L,C", 2: "N,H,W,C", 3: "N,D,H,W,C"}[layer.axes]
        permute = f"x.permute({', '.join(map(str, order))})"
        return f": the input {by(shape)} looks channels-last ({names})", permute
    if not layer.batched and wanted == 1:
        return f": {by(shape)} was read as one sample without a batch axis", "x.unsqueeze(1) adds the channel axis"
    other = f"in_channels={got}" if scene.call.number == 1 else ""
    if (got, wanted) == (1, 3):
        sizes = (
            ", ".join(["-1", "3", *["-1"] * layer.axes]) if layer.batched else ", ".join(["3", *["-1"] * layer.axes])
        )
        return ": a grey image into a layer for RGB", or_((f"x.expand({sizes})", other))
    if (got, wanted) == (3, 1):
        return ": an RGB image into a layer for grey", or_((f"x.mean({-layer.axes - 1}, keepdim=True)", other))
    return "", other


CHANNELS = Rule(
    "NN202",
    (RuntimeError, ValueError),
    _prove_channels,
    r"channels?",
)


# --- NN211 ------------------------------------------------------------------------------------------------------------


def _prove_kernel(scene: Scene) -> Proof | None:
    data, windows = _window_and_input(scene)
    if data is None or not windows or data.dim() not in (len(windows) + 1, len(windows) + 2):
        return None
    sides = tuple(data.shape[-len(windows) :])
    if all(window.after(side) >= 1 for window, side in zip(windows, sides, strict=True)):
        return None
    kernel, padding = by(window.reach for window in windows), by(window.padding for window in windows)
    padded = f" and {padding} of padding" if any(window.padding for window in windows) else ""
    smallest = by(window.smallest for window in windows)
    _, beside, producer = told(scene, scene.seen(data), 0)
    name = f" of {producer.partition(':')[0]}" if producer else ""
    return Proof(
        message=f"the {kernel} kernel of {scene.who} is larger than its input: {by(sides)}{name}{padded}",
        fix=_larger_input(scene, data, windows),
        received=f"{by(data.shape)}   {beside}".rstrip(),
        expected=f"at least {smallest}",
        producer=producer,
    )


def _window_and_input(scene: Scene) -> tuple[Tensor | None, Windows | None]:
    if (module := scene.module(*CONVOLUTIONS, *POOLINGS)) is not None:
        data, windows = scene.bound().get("input"), windows_of_module(module)
    elif scene.operation:
        data = scene.given(0, "input")
        given = [("", _plain(value)) for value in scene.open.args[1:]]
        given += [(name, _plain(value)) for name, value in scene.open.kwargs.items()]
        windows = windows_of_operation(scene.operation, given)
    else:
        return None, None
    return (data if is_tensor(data) else None), windows


def _plain(value: Any) -> Any:
    return tuple(value.shape) if is_tensor(value) else value


def _larger_input(scene: Scene, data: Tensor, windows: Windows) -> str:
    chain = chain_to(scene, scene.seen(data))
    side = chain.smallest_with(windows) if chain is not None else 0
    return f"an input of {chain.times(side)} or more" if chain is not None and side else ""


KERNEL = Rule(
    "NN211",
    (RuntimeError, ValueError),
    _prove_kernel,
    r"[Kk]ernel|[Oo]utput size|too small|computed output",
)
