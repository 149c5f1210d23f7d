"""The arithmetic of convolutions and poolings, to answer what size of input would have fitted.

Nothing is said from arithmetic alone: each step must first give the size that was measured in the run.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from torch import nn

from inspector.engine.findings.origins import bare, first_tensor, is_keeping, made_by
from inspector.engine.findings.scene import Scene, runs_torchs_forward
from inspector.engine.forward.calls import Call
from inspector.engine.kinds import is_a
from inspector.run_schema import CallKind, Seen

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
POOLINGS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
_LARGEST_SIDE = 4096
_PARAMETERS = {
    "conv": ("weight", "bias", "stride", "padding", "dilation"),
    "max_pool": ("kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    "avg_pool": ("kernel_size", "stride", "padding", "ceil_mode"),
}


@dataclass(frozen=True, slots=True)
class Window:
    """A sliding window along one axis."""

    kernel: int
    stride: int
    padding: int
    dilation: int = 1
    ceil: bool = False

    @property
    def reach(self) -> int:
        """Values from the window's first to its last."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def smallest(self) -> int:
        """The smallest size that it fits into."""
        fitting = max(1, self.reach - 2 * self.padding)
        return next(size for size in range(1, fitting + 1) if self.after(size) >= 1)

    def after(self, size: int) -> int:
        """The size that it leaves of a size; below 1 when it does not fit."""
        room = size + 2 * self.padding - self.reach
        count = (room + self.ceil * (self.stride - 1)) // self.stride + 1
        beyond = self.ceil and (count - 1) * self.stride >= size + self.padding
        return max(0, count - beyond)


Windows = tuple[Window, ...]
"""One for each spatial axis."""


def windows_of_module(module: nn.Module) -> Windows | None:
    """Those of a convolution or pooling of torch's; None of every other module."""
    if not is_a(module, *CONVOLUTIONS, *POOLINGS) or not runs_torchs_forward(module):
        return None
    axes = int(type(module).__mro__[_depth(module)].__name__[-2])
    kernel: Any = module.kernel_size
    padding: Any = module.padding
    dilation: Any = getattr(module, "dilation", 1)
    stride: Any = module.stride
    return _windows(axes, kernel, stride, padding, dilation, bool(getattr(module, "ceil_mode", False)))


def _depth(module: nn.Module) -> int:
    """Where in the line of its classes torch's own class stands: the user's may derive from it."""
    kinds = (*CONVOLUTIONS, *POOLINGS)
    return next(index for index, kind in enumerate(type(module).__mro__) if kind in kinds)


def windows_of_call(call: Call) -> Windows | None:
    """Those of a call that is over, of an operation by its arguments as they were written down."""
    if call.kind == CallKind.MODULE:
        return windows_of_module(call.module)
    given = [(seen.path, seen.shape if seen.shape is not None else _value(seen.text)) for seen in call.inputs[1:]]
    return windows_of_operation(bare(call.name), given)


def windows_of_operation(name: str, given: list[tuple[str, Any]]) -> Windows | None:
    """Those of `max_pool2d` and the like; `given` are its arguments after the first, a tensor's as its shape."""
    family, digit = name[:-2].removesuffix("_with_indices"), name[-2:-1]
    if family not in _PARAMETERS or not digit.isdigit() or not name.endswith("d"):
        return None
    names = list(_PARAMETERS[family])
    by_name = {path: value for path, value in given if path in names}
    by_place = [value for path, value in given if not path.isidentifier()]
    arguments = dict(zip([n for n in names if n not in by_name], by_place, strict=False)) | by_name
    kernel = tuple(arguments["weight"])[2:] if family == "conv" else arguments.get("kernel_size")
    stride = arguments.get("stride", 1 if family == "conv" else None)
    return _windows(
        int(digit),
        kernel,
        kernel if stride in (None, ()) else stride,
        arguments.get("padding", 0),
        arguments.get("dilation", 1),
        bool(arguments.get("ceil_mode", False)),
    )


def _windows(axes: int, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool) -> Windows | None:
    if padding == "same":
        reaches = zip(_each(kernel, axes), _each(dilation, axes), strict=True)
        return tuple(Window(1, 1, 0) for _ in reaches)
    padding = 0 if padding == "valid" else padding
    parts = zip(*(_each(value, axes) for value in (kernel, stride, padding, dilation)), strict=True)
    return tuple(Window(k, s, p, d, ceil) for k, s, p, d in parts)


def _each(value: Any, axes: int) -> tuple[int, ...]:
    sizes = tuple(value) if is_a(value, tuple, list) else (value,) * axes
    return tuple(int(size) for size in (sizes * axes if len(sizes) == 1 else sizes))


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


# --- the chain from the model's input ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chain:
    """Everything between an input of the model and a tensor that changes the spatial size, and nothing else does."""

    steps: tuple[Windows, ...]
    start: Seen
    """The model's input."""
    channels: int
    """Of the tensor at its end."""

    def end(self, side: int) -> int:
        """The side at the end of square inputs of this side; 0 when some window does not fit."""
        for windows in self.steps:
            sides = {window.after(side) for window in windows}
            if len(sides) != 1 or min(sides) < 1:
                return 0
            (side,) = sides
        return side

    def sides_for(self, features: int) -> tuple[int, int] | None:
        """The smallest and the largest side of a square input that gives this many values a sample."""
        axes = len(self.start.shape or ()) - 2
        if axes < 1 or features % self.channels:
            return None
        wanted = round((features // self.channels) ** (1 / axes))
        if not self.steps or wanted**axes * self.channels != features:
            return None
        fitting = [side for side in range(1, _LARGEST_SIDE) if self.end(side) == wanted]
        return (fitting[0], fitting[-1]) if fitting and fitting[-1] < _LARGEST_SIDE - 1 else None

    def smallest_with(self, windows: Windows) -> int:
        """The smallest side of a square input for which these windows fit at the end; 0 when there is none."""
        wanted = max(window.smallest for window in windows)
        return next((side for side in range(1, _LARGEST_SIDE) if self.end(side) >= wanted), 0)

    def times(self, side: int) -> str:
        """32×32"""
        return "×".join([str(side)] * (len(self.start.shape or ()) - 2))


def chain_to(scene: Scene, seen: Seen | None) -> Chain | None:
    """The chain that leads to a tensor, when every step of it is known and gives the sizes that were measured."""
    if seen is None or seen.shape is None or len(seen.shape) < 3:
        return None
    steps: list[Windows] = []
    here, call = seen, scene.maker(seen)
    while call is not None:
        call = made_by(scene, call, here)
        source = first_tensor(call)
        if source is None or source.shape is None or here.shape is None:
            return None
        if not is_keeping(call):
            windows = windows_of_call(call)
            if windows is None or not _gives(windows, source.shape, here.shape):
                return None
            steps.append(windows)
        here, call = source, scene.maker(source)
    starts = [one for one in scene.halt.calls[0].inputs if one.shape == here.shape and one.dtype == here.dtype]
    if len(starts) != 1 or here.shape is None or len(set(here.shape[2:])) != 1:
        return None
    return Chain(tuple(steps[::-1]), starts[0], seen.shape[1])


def _gives(windows: Windows, before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    """Whether the arithmetic gives what was measured."""
    if not len(before) == len(after) == len(windows) + 2:
        return False
    return all(window.after(b) == a for window, b, a in zip(windows, before[2:], after[2:], strict=True))
