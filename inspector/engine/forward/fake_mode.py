"""A forward without values: operations of tensors that have a shape and no memory, and tensors of that kind.

It is torch's FakeTensorMode, made quick enough to run whenever a file is saved. What that leaves out: describing a real
tensor in twenty ways, where shape and strides tell all that is wanted, and finding out twice what comes of the same
operation.

Nothing real is written to. A real tensor that an operation writes to is taken for a fake one like all others, and gets
its version counter back at the end. Values are known where they were known before: small integer and boolean tensors
of the CPU carry a copy of theirs, so that lengths, counters and flags decide as they do in a real run.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorConverter, FakeTensorMode
from torch.autograd.grad_mode import _unsafe_preserve_version_counter

from inspector.engine.forward.dispatch import Watcher
from inspector.engine.forward.flops import Cost, cost_of
from inspector.engine.forward.shape_memo import ShapeMemo
from inspector.engine.source_files import is_library

MOST_KNOWN = 1024
"""Elements of a tensor whose values are known."""
MOST_COMPUTED = 1 << 24
"""Bytes of the arguments of an operation that may be computed with zeros where torch has no other way to its shape."""

_memo = ShapeMemo()
_DEVICE = torch.ops.prim.device.default
_PACK = torch.ops.aten._pack_padded_sequence.default
_CPU = torch.device("cpu")


class ShapesOnly(FakeTensorMode):  # type: ignore[no-untyped-call]
    """While entered, nothing is computed; watchers are told of every operation."""

    def __init__(self, *watchers: Watcher) -> None:
        prepare()
        super().__init__(allow_non_fake_inputs=True)
        self.cache_enabled = False  # There is a quicker one here.
        self.fake_tensor_converter = _Converter()
        self.watchers = watchers
        self._inside = False
        self._computed: tuple[Any, ...] = ()
        self._versions: dict[int, tuple[Tensor, Any]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: to keep the compiler out of every dispatch takes time, and nothing is compiled here."""
        return False

    def fake(self, tensor: Tensor) -> Tensor:
        """A tensor without values like this one; to be asked for while the mode is not entered."""
        made: Tensor = tensor if self.is_our_fake(tensor) else self.fake_tensor_converter.from_real_tensor(self, tensor)
        return made

    def forget(self) -> None:
        """Give every real tensor the version counter that it had, and forget all of them."""
        for _, preserved in self._versions.values():
            preserved.__exit__()
        self._versions.clear()
        self.fake_tensor_converter = _Converter()

    def __torch_dispatch__(  # type: ignore[override]
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is _DEVICE and type(args[0]) is FakeTensor:
            return torch.device("meta") if self.in_kernel_invocation else args[0].fake_device
        kwargs = kwargs or {}
        if self._inside:  # A part of an operation that has been seen.
            return self.dispatch(func, types, args, kwargs)
        if cost_of(func) is Cost.PARTS:  # Seldom: in inference mode nobody has taken it apart before.
            with self:
                return func.decompose(*args, **kwargs)
        if kwargs.get("device") is not None:
            kwargs = {**kwargs, "device": _as_if(kwargs["device"])}
        out = self._result(func, types, args, kwargs)
        if out is not NotImplemented:
            for watcher in self.watchers:
                watcher.see(func, args, kwargs, out)
        return out

    def _result(self, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._preserve(func, args, kwargs)
        key = _memo.key(func, args, kwargs)
        if key is not None:
            known, out = _memo.recall(key, self, args)
            if known:
                return out
        if func is _PACK:
            return self._pack(*args, **kwargs)
        out = self._find_out(func, types, args, kwargs)
        if key is not None and out is not NotImplemented:
            _memo.keep(key, args, out)
        return out

    def _find_out(self, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._inside, self._computed = True, args
        try:
            return self.dispatch(func, types, args, kwargs)
        finally:
            self._inside, self._computed = False, ()

    def _pack(self, padded: Any, lengths: Any, batch_first: bool) -> Any:
        """Pack padded sequences: how many steps there are follows from the lengths, where they are known."""
        known = lengths.constant if type(lengths) is FakeTensor else lengths
        if known is None:
            return self._find_out(_PACK, (), (padded, lengths, batch_first), {})
        data, sizes = _PACK(torch.zeros(*padded.shape[:2], 1), known, batch_first)
        meta = torch.empty(data.shape[0], *padded.shape[2:], dtype=padded.dtype, device="meta")
        packed = FakeTensor(self, meta, _as_if(padded.device if type(padded) is not FakeTensor else padded.fake_device))
        return packed, sizes  # Real ones: recurrent layers read them without asking anybody.

    def _preserve(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Remember the versions of real tensors that are about to be written to: torch raises them in any case."""
        for number, name in _written(func):
            value = args[number] if number < len(args) else kwargs.get(name)
            for tensor in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(tensor, Tensor) and type(tensor) is not FakeTensor and not tensor.is_inference():
                    self._versions.setdefault(id(tensor), (tensor, _unsafe_preserve_version_counter(tensor)))

    # --- what torch asks of its mode ----------------------------------------------------------------------------------

    def may_turn_const(self, t: Tensor) -> bool:
        """Whether what was computed from known values is known too."""
        return _is_known(t) and not self.is_our_fake(t)

    def can_run_unsafe_fallback(self, func: OpOverload) -> bool:
        """Whether an operation that has no rule for shapes may be computed with zeros in place of values."""
        tensors = [argument for argument in self._computed if isinstance(argument, Tensor)]
        size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return size <= MOST_COMPUTED and bool(super().can_run_unsafe_fallback(func))


class _Converter(FakeTensorConverter):
    """Makes fake tensors of real ones by their shape and strides; only what is more than that is left to torch."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[FakeTensor] = []

    def from_real_tensor(
        self, fake_mode: FakeTensorMode, t: Tensor, make_constant: bool = False, *args: Any, **kwargs: Any
    ) -> FakeTensor:
        if (known := self._get_memo(t)) is not None:
            return known
        if not _is_plain(t):
            return super().from_real_tensor(fake_mode, t, make_constant, *args, **kwargs)
        copied = not make_constant and _is_known(t)
        constant = t if make_constant else t.detach().clone() if copied else None
        fake = FakeTensor(fake_mode, _meta_like(t), _as_if(t.device), constant=constant)
        self.set_tensor_memo(t, fake)
        if not make_constant:
            self._kept.append(fake)
        if constant is not None:
            self.set_tensor_memo(constant, fake)
            self.add_constant_storage_mapping(fake)
        return fake


def _is_plain(t: Tensor) -> bool:
    return (
        type(t) in (Tensor, nn.Parameter)
        and t.layout is torch.strided
        and not (t.is_quantized or t.is_nested or t.is_conj() or t.is_neg())
        and not torch._C._functorch.is_functorch_wrapped_tensor(t)
    )


def _is_known(t: Tensor) -> bool:
    """Whether values are worth knowing: they are what lengths, counters and flags are made of."""
    if t.device.type != "cpu" or not _is_plain(t):
        return False
    few = t.numel() <= MOST_KNOWN and not (t.dtype.is_floating_point or t.dtype.is_complex)
    return few or t.numel() == 1


def _meta_like(t: Tensor) -> Tensor:
    meta = torch.empty_strided(t.shape, t.stride(), dtype=t.dtype, device="meta")
    return meta.requires_grad_(t.requires_grad)


def _as_if(device: Any) -> torch.device:
    """The device that a fake tensor says it is on; a model on meta is run as on the CPU, where its parts may meet
    tensors that forward makes."""
    device = torch.device(device)
    return _CPU if device.type == "meta" else device


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

    That is most of its compiler, for a few switches: it takes longer than importing torch's tensors does, and is
    therefore not done before somebody wants a dry run.
    """
    if all(name in sys.modules for name in _LATE):
        return
    found = sys.path[:]
    sys.path[:] = [folder for folder in found if is_library(os.path.join(folder, "any.py"))]
    try:
        for name in _LATE:
            importlib.import_module(name)
    finally:
        sys.path[:] = found


_LATE = (
    "torch._dynamo",
    "torch._functorch.config",
    "torch.fx.experimental.symbolic_shapes",
    "torch.nested._internal.nested_tensor",
)
