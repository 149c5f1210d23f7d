"""What happens to the arguments in one try: which functions of torch get them, in which shape, and where it fails.

A tensor that a function makes is known to come from the arguments that went into it; of a view and of an elementwise
function it is known besides which axis of the argument each of its axes is. So what is wanted of a tensor deep inside
the model can be said of the argument that it was made from.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._device import _device_constructors

from inspector.engine.failure import message_of
from inspector.engine.inputs.rules import Want, wants

_META = torch.device("meta")
_CONSTRUCTORS = frozenset(_device_constructors())
_VALUES = frozenset({
    "item", "tolist", "numpy", "__bool__", "__int__", "__float__", "__index__", "__array__", "__complex__",
    "__contains__", "equal", "allclose", "__format__",
})  # fmt: skip
_MOVES = frozenset({"to", "cpu", "cuda", "type_as"})
_SAME_VALUES = _MOVES | {"float", "long", "int", "contiguous", "clone", "detach", "__getitem__", "view", "reshape"}
_COUNTS = frozenset({"arange", "cumsum"})
_SUMS = frozenset({"add", "__radd__", "mul", "__rmul__", "clamp"})
_VIEWS = frozenset({"view", "reshape", "flatten", "unflatten", "ravel", "squeeze", "unsqueeze", "expand"})


class OutOfTimeError(BaseException):
    """The time for guessing is over; no `except Exception` of the user's stops it."""


class MismatchError(Exception):
    """A tensor has not the dtype that a function wants; on the meta device torch itself would not say so."""


MERGED = -1


@dataclass(frozen=True, slots=True)
class Origin:
    """How a tensor comes from one leaf of the arguments."""

    axes: tuple[int | None, ...]
    """For each of its axes the leaf's own axis, where it is the same one; MERGED of several that became one."""
    whole: bool
    """Whether it is the leaf's values and nothing but them, in another shape perhaps."""

    def own_axis(self, axis: int) -> int | None:
        """The leaf's axis that this one is."""
        own = self.axes[axis] if axis < len(self.axes) else None
        return None if own == MERGED else own

    def is_merged(self, axis: int) -> bool:
        """Whether the sides of an image, or the steps and features of a sequence, have become this one axis."""
        return axis < len(self.axes) and self.axes[axis] == MERGED


@dataclass(frozen=True, slots=True)
class Observed:
    """Something that was wanted of a tensor, and of the leaf that it comes from."""

    want: Want
    leaf: str
    origin: Origin
    where: str
    """Path of the module."""
    met: bool
    step: int


@dataclass
class Watch:
    """What was seen in one try."""

    steps: int = 0
    """Functions that came back, by which tries are compared."""
    seen: list[Observed] = field(default_factory=list)
    failed: list[Observed] = field(default_factory=list)
    """What was wanted in the call that raised."""
    failed_name: str = ""
    failed_index: tuple[Any, ...] = ()
    """What stood in the brackets, if it was an index."""
    failed_tensors: list[tuple[Tensor, dict[str, Origin]]] = field(default_factory=list)
    failed_module: tuple[nn.Module, str, tuple[Any, ...], dict[str, Any]] | None = None
    """The innermost module that raised, its path and arguments."""
    first_modules: list[tuple[str, nn.Module, str]] = field(default_factory=list)
    """(leaf, module, path): modules of torch that got a leaf itself."""
    needs_values: bool = False
    taken_apart: list[str] = field(default_factory=list)
    """Leaves that forward went through one by one, as one does with a tuple."""
    doubtful: list[Observed] = field(default_factory=list)
    """Views that put something else in the place of the batch."""
    known: dict[int, dict[str, Origin]] = field(default_factory=dict)
    counted: set[int] = field(default_factory=set)
    """Tensors that somebody has counted, one number for each step, and what was made of them."""
    kept: list[Any] = field(default_factory=list)
    """An id stands for a tensor as long as the tensor is there."""

    def origins(self, value: Any) -> dict[str, Origin]:
        """The leaves that a tensor comes from."""
        return self.known.get(id(value), {})


class Watcher(TorchFunctionMode):
    """Sees every function of torch, and every call of a module, while it is entered."""

    def __init__(self, model: nn.Module, leaves: dict[str, Tensor], hollow: bool, deadline: float) -> None:
        super().__init__()
        self.watch = Watch()
        self._hollow = hollow
        self._deadline = deadline
        self._paths = {id(module): path for path, module in model.named_modules()}
        self._stack: list[str] = []
        self._raised: BaseException | None = None
        self._raised_in_module: BaseException | None = None
        self._call = nn.Module.__call__
        self.watch.counted.update(id(held) for path, held in model.named_buffers() if "pos" in path.rpartition(".")[2])
        for leaf, tensor in leaves.items():
            self.watch.kept.append(tensor)
            self.watch.known[id(tensor)] = {leaf: Origin(tuple(range(tensor.dim())), True)}

    def __enter__(self) -> Watcher:
        watcher, call = self, nn.Module.__call__
        self._call = call

        def watched(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            return watcher.called(module, args, kwargs)

        nn.Module.__call__ = watched  # type: ignore[method-assign]
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *problem: Any) -> None:
        nn.Module.__call__ = self._call  # type: ignore[method-assign]
        super().__exit__(*problem)  # type: ignore[no-untyped-call]

    def finish(self, error: BaseException | None) -> Watch:
        """What was seen; what failed only if it is this error that came out."""
        if error is None or error is not self._raised:
            self.watch.failed, self.watch.failed_name, self.watch.failed_tensors = [], "", []
        if error is None or error is not self._raised_in_module:
            self.watch.failed_module = None
        if error is not None and self._hollow and isinstance(error, (RuntimeError, NotImplementedError, TypeError)):
            self.watch.needs_values |= "meta" in message_of(error).lower()
        return self.watch

    # --- modules ----------------------------------------------------------------------------------------------------

    def called(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a module, and remember it if it raises first."""
        path = self._paths.get(id(module), type(module).__name__)
        self._stack.append(path)
        for value in (*args, *kwargs.values()):
            for leaf, origin in self.watch.origins(value).items():
                if origin.whole and type(module).__module__.startswith("torch.nn.modules"):
                    self.watch.first_modules.append((leaf, module, path))
        try:
            return self._call(module, *args, **kwargs)
        except BaseException as error:
            if self._raised_in_module is not error:
                self._raised_in_module = error
                self.watch.failed_module = module, path, args, kwargs
            raise
        finally:
            self._stack.pop()

    # --- functions --------------------------------------------------------------------------------------------------

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name == "__get__":
            return func(*args, **kwargs)
        if time.perf_counter() > self._deadline:
            raise OutOfTimeError
        if self._hollow:
            args, kwargs = _on_meta(func, name, args, kwargs)
        wanted = list(self._observe(wants(name, args, kwargs)))
        try:
            self._check(name, args, wanted)
            result = func(*args, **kwargs)
        except BaseException as error:
            if self._raised is not error:
                self._note_failure(error, name, args, kwargs, wanted)
            raise
        self.watch.steps += 1
        self.watch.seen += wanted
        if name == "unbind":  # So `a, b = x` looks as well.
            self.watch.taken_apart += [leaf for leaf, origin in self.watch.origins(args[0]).items() if origin.whole]
        self._follow(name, args, kwargs, result)
        return result

    def _observe(self, found: list[Want]) -> Iterator[Observed]:
        where = self._stack[-1] if self._stack else ""
        for want in found:
            met = want.met
            for leaf, origin in self.watch.origins(want.tensor).items():
                yield Observed(want, leaf, origin, where, met, self.watch.steps)

    def _check(self, name: str, args: tuple[Any, ...], wanted: list[Observed]) -> None:
        """What torch does not check without values: dtypes, and rows of a table of positions."""
        for observed in wanted:
            want = observed.want
            if not observed.met and want.what in ("floating", "integers", "truth"):
                raise MismatchError(f"{name}: {want.tensor.dtype}")
        if name == "embedding" and isinstance(args[0], Tensor) and args[0].dim() and id(args[0]) in self.watch.counted:
            self._check_positions(args[0], args[1])

    def _check_positions(self, ids: Tensor, table: Tensor) -> None:
        """Positions that were counted in forward are as many as the sequence is long."""
        if ids.shape[-1] > table.shape[0]:
            raise MismatchError(f"embedding: {ids.shape[-1]} positions")

    def _note_failure(
        self, error: BaseException, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], wanted: list[Observed]
    ) -> None:
        self._raised = error
        self.watch.failed = wanted
        self.watch.failed_name = name if name != "_assert" else ""  # What it says is forward's own.
        self.watch.failed_index = tuple(args[1:]) if name == "__getitem__" else ()
        self.watch.failed_tensors = [(tensor, self.watch.origins(tensor)) for tensor in _tensors((args, kwargs))]
        if self._hollow and name in _VALUES:
            self.watch.needs_values = True

    # --- where tensors come from ------------------------------------------------------------------------------------

    def _follow(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        sources = [
            (tensor, self.watch.known[id(tensor)])
            for tensor in _tensors((args, kwargs))
            if id(tensor) in self.watch.known
        ]
        counted = [id(tensor) in self.watch.counted for tensor in _tensors((args, kwargs))]
        if name in _COUNTS or (any(counted) if name in _SUMS else counted[:1] == [True]):
            self.watch.counted.update(map(id, _tensors(result)))
            self.watch.kept += _tensors(result)
        if not sources:
            return
        for made in _tensors(result):
            if any(made is source for source, _ in sources) and name not in ("squeeze_", "unsqueeze_", "t_"):
                continue
            origins: dict[str, Origin] = {}
            for source, known in sources:
                for leaf, origin in known.items():
                    if leaf not in origins or origin.whole:
                        origins[leaf] = _passed(name, args, source, origin, made)
            self.watch.kept.append(made)
            self.watch.known[id(made)] = origins
        self._doubt(name, sources, result)

    def _doubt(self, name: str, sources: list[tuple[Tensor, dict[str, Origin]]], result: Any) -> None:
        """A view with -1 in front takes whatever is divisible; the batch should come out as it went in."""
        if name not in ("view", "reshape") or not isinstance(result, Tensor) or not result.dim():
            return
        source = sources[0][0]
        batch = source.shape[0] if source.dim() else 0
        if batch and result.shape[0] != batch:
            self.watch.doubtful += [
                seen for seen in self.watch.seen[-4:] if seen.want.what == "elements" and seen.want.tensor is source
            ]


def _passed(name: str, args: tuple[Any, ...], source: Tensor, origin: Origin, made: Tensor) -> Origin:
    """What is still known of a leaf after a function: which axes are its own."""
    moved = _indexed_axes(args, source) if name == "__getitem__" else _moved_axes(name, args, source)
    if moved is not None and len(moved) == made.dim():
        axes = tuple(None if axis is None else origin.axes[axis] for axis in moved)
        return Origin(axes, origin.whole and made.numel() == source.numel())
    if made.shape == source.shape:
        return Origin(origin.axes, origin.whole and name in _SAME_VALUES)
    front = _kept_in_front(source, origin, made)
    viewed = name in _VIEWS and made.numel() == source.numel()
    merged = viewed and made.dim() < source.dim() and source.dim() > 2 and math.prod(source.shape[2:]) > 1
    if merged:
        place = next(place for place in range(made.dim()) if made.shape[place] != source.shape[place])
        front = (*front[:place], MERGED, *front[place + 1 :])
    return Origin(front, origin.whole and viewed)


def _kept_in_front(source: Tensor, origin: Origin, made: Tensor) -> tuple[int | None, ...]:
    """The axes are the same as long as their sizes are, from the front."""
    axes: list[int | None] = []
    for place in range(made.dim()):
        same = place < source.dim() and source.shape[place] == made.shape[place] and None not in axes
        axes.append(origin.axes[place] if same else None)
    return tuple(axes)


def _moved_axes(name: str, args: tuple[Any, ...], source: Tensor) -> list[int | None] | None:
    """For each axis of the result the axis of the source; None where the function is no such one."""
    count = source.dim()
    axes: list[int | None] = list(range(count))
    numbers = [value for value in args[1:] if type(value) is int]
    if name in ("transpose", "swapaxes") and len(numbers) == 2 and count:
        one, other = (number % count for number in numbers)
        axes[one], axes[other] = axes[other], axes[one]
        return axes
    if name in ("permute",):
        order = args[1] if len(args) == 2 and isinstance(args[1], (tuple, list)) else args[1:]
        return [axes[number % count] for number in order]
    if name == "t" and count == 2:
        return axes[::-1]
    if name == "unsqueeze" and numbers:
        axes.insert(numbers[0] % (count + 1), None)
        return axes
    if name == "squeeze" and numbers and source.shape[numbers[0] % count] == 1:
        axes.pop(numbers[0] % count)
        return axes
    return None


def _indexed_axes(args: tuple[Any, ...], source: Tensor) -> list[int | None] | None:
    """As `_moved_axes`, of an index in brackets that has only None, `...`, numbers and slices."""
    index = list(args[1]) if isinstance(args[1], tuple) else [args[1]]
    if any(part is not None and part is not ... and type(part) not in (int, slice) for part in index):
        return None
    taken = sum(type(part) in (int, slice) for part in index)
    rest = [slice(None)] * (source.dim() - taken)
    place = next((place for place, part in enumerate(index) if part is ...), len(index))
    index[place : place + 1] = rest
    axes: list[int | None] = []
    axis = 0
    for part in index:
        if part is None:
            axes.append(None)
            continue
        if type(part) is slice:
            axes.append(axis)
        axis += 1
    return axes


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, (tuple, list)):
        return [tensor for part in value for tensor in _tensors(part)]
    if isinstance(value, dict):
        return [tensor for part in value.values() for tensor in _tensors(part)]
    return []


def _on_meta(
    func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The same call with every device replaced by meta."""
    if func in _CONSTRUCTORS or kwargs.get("device") is not None:
        kwargs = {**kwargs, "device": _META}
    if name in _MOVES and len(args) > 1:
        args = (args[0], *(_META if _is_device(value) else value for value in args[1:]))
    return args, kwargs


def _is_device(value: Any) -> bool:
    return isinstance(value, (torch.device, str)) or type(value) is int
