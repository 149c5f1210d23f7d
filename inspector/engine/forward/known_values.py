"""Values that a dry run knows: those that depend on nothing but lengths, counters, flags and constants.

Masks and positions are made of such, and so is much of what decides how a forward goes on. They are small, and are
computed for real beside the shapes; what would become large by that is not, and what was drawn at random never.
"""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorConverter, FakeTensorMode

MOST_GIVEN = 1024
"""Elements of an input or a buffer whose values are known; it must be of integers or of one element."""
MOST_MADE = 1 << 18
"""Elements of what is made of known values alone."""

_CPU = torch.device("cpu")
_MAKERS = frozenset(
    getattr(getattr(torch.ops.aten, name), overload)
    for name, overload in (
        ("arange", "default"),
        ("arange", "start"),
        ("arange", "start_step"),
        ("eye", "default"),
        ("eye", "m"),
        ("full", "default"),
        ("linspace", "default"),
        ("ones", "default"),
        ("scalar_tensor", "default"),
        ("tril_indices", "default"),
        ("triu_indices", "default"),
        ("zeros", "default"),
    )
)


def make_known(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], fake: Tensor) -> None:
    """Let a tensor that was made of numbers alone know its values."""
    if function in _MAKERS and fake.numel() <= MOST_MADE and type(fake) is FakeTensor and fake.fake_device == _CPU:
        value = function(*args, **{**kwargs, "pin_memory": None} if "pin_memory" in kwargs else kwargs)
        converter = fake.fake_mode.fake_tensor_converter
        assert isinstance(converter, KnowingConverter)
        converter.know(fake, value)


def know_view(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
    """Let views of known values know theirs: the same view of the values, so that both are written to as one."""
    values = function(*map(_values, args), **{name: _values(value) for name, value in kwargs.items()})
    lone = isinstance(out, Tensor)
    for fake, value in zip((out,) if lone else out, (values,) if lone else values, strict=True):
        if type(fake) is FakeTensor and may_be_known(value):
            converter = fake.fake_mode.fake_tensor_converter
            assert isinstance(converter, KnowingConverter)
            converter.know(fake, value)


def _values(value: Any) -> Any:
    return value.constant if isinstance(value, FakeTensor) else value


def is_view(function: Any) -> bool:
    """Whether what comes of an operation is a part of what goes in, and nothing is written."""
    return isinstance(function, OpOverload) and function.is_view and function not in _LIFTS


_LIFTS = (torch.ops.aten.lift_fresh.default, torch.ops.aten.lift.default)


def grows_too_large(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether more would come of known values than is worth knowing."""
    try:
        out = function(*map(_on_meta, args), **{name: _on_meta(value) for name, value in kwargs.items()})
    except (RuntimeError, NotImplementedError):  # Its shape depends on values, of which there are few.
        return False
    tensors = out if isinstance(out, (tuple, list)) else (out,)
    return any(isinstance(tensor, Tensor) and tensor.numel() > MOST_MADE for tensor in tensors)


def _on_meta(value: Any) -> Any:
    if isinstance(value, FakeTensor):
        return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
    if isinstance(value, (list, tuple)):
        return [_on_meta(part) for part in value]
    return torch.device("meta") if isinstance(value, torch.device) else value


class KnowingConverter(FakeTensorConverter):
    """Makes fake tensors of real ones by their shape and strides; only what is more than that is left to torch."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[int, tuple[weakref.ref[Tensor], FakeTensor]] = {}
        """By the real tensor's identity: it is taken for the same fake one as long as it is there."""

    def known(self, t: Tensor) -> FakeTensor | None:
        """The fake tensor that was made of a real one before."""
        return self._get_memo(t)

    def from_real_tensor(
        self, fake_mode: FakeTensorMode, t: Tensor, make_constant: bool = False, *args: Any, **kwargs: Any
    ) -> FakeTensor:
        if (known := self._get_memo(t)) is not None:
            return known
        if not is_plain(t):
            return super().from_real_tensor(fake_mode, t, make_constant, *args, **kwargs)
        fake = FakeTensor(fake_mode, _meta_like(t), as_if(t.device))
        self.set_tensor_memo(t, fake)
        if make_constant:
            self.know(fake, t)
        else:
            self._keep(t, fake)
            if _is_given(t):
                self.know(fake, t.detach().clone())  # A copy: what is written to known values is written for real.
        return fake

    def _keep(self, t: Tensor, fake: FakeTensor) -> None:
        key, kept = id(t), self._kept
        kept[key] = weakref.ref(t, lambda gone: _drop(kept, key, gone)), fake

    def invalidate_constant_aliases(self, tensor: Tensor) -> None:
        """Forget the values of all that shares memory with a tensor; a sparse one shares none."""
        if tensor.layout is torch.strided:
            super().invalidate_constant_aliases(tensor)

    def know(self, fake: FakeTensor, value: Tensor) -> None:
        """Give a fake tensor its values, which are its own from now on."""
        fake.constant = value
        self.set_tensor_memo(value, fake)
        self.add_constant_storage_mapping(fake)


def _drop(kept: dict[int, tuple[weakref.ref[Tensor], FakeTensor]], key: int, gone: weakref.ref[Tensor]) -> None:
    if key in kept and kept[key][0] is gone:
        del kept[key]


def is_plain(t: Tensor) -> bool:
    """Whether shape and strides tell all that is needed of a tensor."""
    return (
        type(t) in (Tensor, nn.Parameter)
        and t.layout is torch.strided
        and not (t.is_quantized or t.is_nested or t.is_conj() or t.is_neg())
        and not torch._C._functorch.is_functorch_wrapped_tensor(t)
    )


def may_be_known(t: Tensor) -> bool:
    """Whether what was computed from known values is worth knowing."""
    return t.numel() <= MOST_MADE and t.device.type == "cpu" and is_plain(t)


def is_steady(function: Any) -> bool:
    """Whether the same comes of the same values every time, in a tensor whose shape stays."""
    return isinstance(function, OpOverload) and torch.Tag.nondeterministic_seeded not in function.tags


def as_if(device: Any) -> torch.device:
    """The device that a fake tensor says it is on; a model on meta is run as on the CPU, where its parts may meet
    tensors that forward makes."""
    device = torch.device(device)
    return _CPU if device.type == "meta" else device


def _is_given(t: Tensor) -> bool:
    if t.device.type != "cpu":
        return False
    few = t.numel() <= MOST_GIVEN and not (t.dtype.is_floating_point or t.dtype.is_complex)
    return few or t.numel() == 1


def _meta_like(t: Tensor) -> Tensor:
    meta = torch.empty_strided(t.shape, t.stride(), dtype=t.dtype, device="meta")
    return meta.requires_grad_(t.requires_grad)
