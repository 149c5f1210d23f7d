"""A forward without values: operations of tensors that have a shape and no memory, and tensors of that kind.

It is torch's FakeTensorMode, made quick enough to run whenever a file is saved. What that leaves out: describing a real
tensor in twenty ways, where shape and strides tell all that is wanted, and finding out twice what comes of the same
operation.

Nothing real is written to. A real tensor that an operation writes to is taken for a fake one like all others, and gets
its version counter back at the end.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, UnsupportedFakeTensorException
from torch.autograd.grad_mode import _unsafe_preserve_version_counter

from inspector.engine.forward import packed_sequences
from inspector.engine.forward.dispatch import Watcher
from inspector.engine.forward.flops import Cost, cost_of
from inspector.engine.forward.known_values import (
    KnowingConverter,
    as_if,
    grows_too_large,
    is_view,
    know_view,
    make_known,
    may_be_known,
)
from inspector.engine.forward.own_shapes import LAID_OUT, OWN, laid_out
from inspector.engine.forward.real_refusals import refuse_mixed, refuse_unequal
from inspector.engine.forward.shape_memo import REAL, ShapeMemo
from inspector.engine.source_files import is_library

MOST_COMPUTED = 1 << 24
"""Bytes of the arguments of an operation that may be computed with zeros where torch has no other way to its shape."""

_memo = ShapeMemo()
_DEVICE = torch.ops.prim.device.default
_ATTENTION = torch.ops.aten._native_multi_head_attention.default
_INDEX = torch.ops.aten.index.Tensor


class _Here(threading.local):
    """Where the operations of one thread are: forward may have several."""

    def __init__(self) -> None:
        self.inside = False
        """Whether an operation that has been seen is taken apart."""
        self.computed: tuple[Any, ...] = ()
        self.in_kernel = False
        self.entered: list[Any] = []


class ShapesOnly(FakeTensorMode):  # type: ignore[no-untyped-call]
    """While entered, nothing is computed; watchers are told of every operation."""

    def __init__(self, *watchers: Watcher) -> None:
        prepare()
        _adopt_rules(type(self))
        self._here = _Here()
        super().__init__(allow_non_fake_inputs=True)
        self._allow_unsafe_data_ptr_access = False
        self.cache_enabled = False  # There is a quicker one here.
        self.fake_tensor_converter: KnowingConverter = KnowingConverter()
        self.watchers = watchers
        self._versions: dict[int, tuple[Tensor, Any]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: to keep the compiler out of every dispatch takes time, and nothing is compiled here."""
        return False

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise UnsupportedFakeTensorException("a tensor without values cannot be stored")

    def fake(self, tensor: Tensor) -> Tensor:
        """A tensor without values like this one; to be asked for while the mode is not entered."""
        made: Tensor = tensor if self.is_our_fake(tensor) else self.fake_tensor_converter.from_real_tensor(self, tensor)
        return made

    def stand_in(self, tensor: Tensor) -> Tensor | None:
        """The tensor without values that operations have taken in place of this one, if they have."""
        return self.fake_tensor_converter.known(tensor)

    def forget(self) -> None:
        """Give every real tensor the version counter that it had, and forget all of them."""
        for _, preserved in self._versions.values():
            preserved.__exit__()
        self._versions.clear()
        self.fake_tensor_converter = KnowingConverter()

    def __torch_dispatch__(  # type: ignore[override]
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is _DEVICE and type(args[0]) is FakeTensor:
            return torch.device("meta") if self.in_kernel_invocation else args[0].fake_device
        kwargs = kwargs or {}
        if self._here.inside:  # A part of an operation that has been seen.
            return self.dispatch(func, types, args, kwargs)
        if cost_of(func) is Cost.PARTS:  # Seldom: in inference mode nobody has taken it apart before.
            with self:
                return func.decompose(*args, **kwargs)
        if kwargs.get("device") is not None:
            kwargs = {**kwargs, "device": as_if(kwargs["device"])}
        out = self._result(func, types, args, kwargs)
        if out is not NotImplemented:
            for watcher in self.watchers:
                watcher.see(func, args, kwargs, out)
        return out

    def _result(self, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._preserve(func, args, kwargs)
        if args and type(args[0]) in REAL and is_view(func):  # A view of it is one of what stands for it.
            args = (self.fake(args[0]), *args[1:])
        key = _memo.key(func, args, kwargs)
        if key is not None:
            known, out = _memo.recall(key, self, args)
            if known:
                return out
        if func is packed_sequences.PACK:
            return self._pack(*args, **kwargs)
        if (own := OWN.get(func)) is not None:
            return FakeTensor(self, own(*args, **kwargs), as_if(args[0].device))
        refuse_mixed(func, args)
        refuse_unequal(func, args)
        if func is _INDEX:
            args = (args[0], [_places(index) for index in args[1]])
        out = self._find_out(func, types, args, kwargs)
        if key is not None:
            _memo.keep(key, args, out)
        elif isinstance(out, FakeTensor):
            make_known(func, args, kwargs, out)
        return out

    def _find_out(self, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        here = self._here
        here.inside, here.computed = True, args
        try:
            with _forgetting(func, args, kwargs) as known:
                out: Any = self.dispatch(func, types, args, kwargs)
            if func is _ATTENTION and not _asked_for_weights(args, kwargs):
                out = (out[0], None)  # The kernel gives no tensor at all, the rule for shapes an empty one.
            if func in LAID_OUT:
                out = self._laid_out(out, args[0])
            if known:
                know_view(func, args, kwargs, out)
            return out
        finally:
            here.inside, here.computed = False, ()

    def _laid_out(self, out: Any, argument: Tensor) -> Any:
        first, *others = out if isinstance(out, tuple) else (out,)
        if (other := laid_out(first, argument)) is None:
            return out
        first = FakeTensor(self, other, as_if(first.device))
        return (first, *others) if isinstance(out, tuple) else first

    def _pack(self, padded: Tensor, lengths: Tensor, batch_first: bool) -> Any:
        """Pack padded sequences: how many steps there are follows from the lengths, where they are known."""
        known = lengths.constant if isinstance(lengths, FakeTensor) else lengths
        if known is None:
            return self._find_out(packed_sequences.PACK, (), (padded, lengths, batch_first), {})
        shape, sizes = packed_sequences.pack(padded, known, batch_first)
        device = padded.fake_device if isinstance(padded, FakeTensor) else padded.device
        return FakeTensor(self, torch.empty(shape, dtype=padded.dtype, device="meta"), as_if(device)), sizes

    def _preserve(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Remember the versions of real tensors that are about to be written to: torch raises them in any case."""
        for number, name in _written(func):
            value = args[number] if number < len(args) else kwargs.get(name)
            for tensor in _tensors((value,)):
                if not isinstance(tensor, FakeTensor) and not tensor.is_inference():
                    self._versions.setdefault(id(tensor), (tensor, _unsafe_preserve_version_counter(tensor)))

    # --- what torch keeps in its mode, for each thread ----------------------------------------------------------------

    @property
    def in_kernel_invocation(self) -> bool:
        """Whether torch asks the operation itself for its shape."""
        return self._here.in_kernel

    @in_kernel_invocation.setter
    def in_kernel_invocation(self, value: bool) -> None:
        self._here.in_kernel = value

    @property
    def enter_stack(self) -> list[Any]:
        """What is to be put back when it is left."""
        return self._here.entered

    @enter_stack.setter
    def enter_stack(self, _: list[Any]) -> None:
        """Torch begins with an empty one, as every thread does."""

    # --- what torch asks of its mode ----------------------------------------------------------------------------------

    def may_turn_const(self, t: Tensor) -> bool:
        """Whether what was computed from known values is known too."""
        return may_be_known(t) and not self.is_our_fake(t)

    def can_run_unsafe_fallback(self, func: OpOverload) -> bool:
        """Whether an operation that has no rule for shapes may be computed with zeros in place of values."""
        size = sum(tensor.numel() * tensor.element_size() for tensor in _tensors(self._here.computed))
        return size <= MOST_COMPUTED and bool(super().can_run_unsafe_fallback(func))


@contextmanager
def _forgetting(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[bool]:
    """Let known values be unknown to an operation that would make something large of them, and to one that makes a
    view: computed by itself that would share no memory with what it is a view of. Says whether they still hold for it.
    """
    known = [tensor for tensor in _tensors([*args, *kwargs.values()]) if isinstance(tensor, FakeTensor)]
    values = [tensor.constant for tensor in known]
    unknown = not known or any(value is None for value in values)
    large = not unknown and grows_too_large(func, args, kwargs)
    if unknown or not (large or is_view(func)):
        yield False
        return
    for tensor in known:
        tensor.constant = None
    try:
        yield not large
    finally:
        if not _written(func):
            for tensor, value in zip(known, values, strict=True):
                tensor.constant = value


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)


def _asked_for_weights(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    return bool(args[10] if len(args) > 10 else kwargs.get("need_weights", True))


def _places(index: Any) -> Any:
    """An index; of a mask whose values are known the places where it holds: how many there are is the result's size."""
    known = index.constant if isinstance(index, FakeTensor) else None
    if known is None or known.dtype is not torch.bool or known.dim() != 1:
        return index
    return known.nonzero().squeeze(1)


def _written(func: Any) -> tuple[tuple[int, str], ...]:
    """Place and name of every argument that an operation writes to."""
    known = _writers.get(func)
    if known is None:
        arguments = func._schema.arguments if isinstance(func, OpOverload) else ()
        known = _writers[func] = tuple(
            (number, argument.name)
            for number, argument in enumerate(arguments)
            if argument.alias_info is not None and argument.alias_info.is_write
        )
    return known


_writers: dict[Any, tuple[tuple[int, str], ...]] = {}


def prepare() -> None:
    """Import what torch imports in the middle of a first run, without looking into the folder of the user's files.

    That is most of its compiler, for a few switches: it takes about as long as importing torch itself, and is therefore
    not done before somebody wants a dry run.
    """
    if all(name in sys.modules for name in _LATE):
        return
    found = sys.path[:]
    sys.path[:] = [folder for folder in found if is_library(os.path.join(folder, "any.py"))]
    try:
        for name in _LATE:
            importlib.import_module(name)
        _prepare_jagged()
    finally:
        sys.path[:] = found


def _adopt_rules(mode: type) -> None:
    """Let operations that take functions, as torch.cond does, do what they do in torch's own mode: they go by its
    class."""
    for operation in getattr(torch._ops, "_higher_order_ops", {}).values():
        for table in ("python_key_table", "python_key_mode_table"):  # The latter is where torch 2.4 keeps them.
            rules = getattr(operation, table, {})
            if FakeTensorMode in rules:
                rules.setdefault(mode, rules[FakeTensorMode])


def _prepare_jagged() -> None:
    """Let torch make the one tensor that it keeps for all jagged ones, which must be no fake one."""
    make = getattr(sys.modules["torch.nested._internal.nested_tensor"], "_nt_view_dummy", None)
    if make is not None:
        make()


_LATE = (
    "torch._dynamo",
    "torch._functorch.config",
    "torch.fx.experimental.symbolic_shapes",
    "torch.nested._internal.nested_tensor",
)
