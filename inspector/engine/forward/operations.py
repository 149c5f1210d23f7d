"""Functions of torch, as a user's forward calls them: which of them are operations, and what to call them.

A torch function mode hears of every function that is called on a tensor or makes one. It stands on torch's stack only
while a module of the user's runs: torch's own modules would leave their fast paths for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.compiler import is_compiling
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack
from torch.utils._device import _device_constructors

Handler = Callable[[Callable[..., Any], str, tuple[Any, ...], dict[str, Any]], Any]
"""Carries out a function under the name that it has as an operation."""

_SYMBOLS = {
    "add": "+", "__radd__": "+", "sub": "-", "__rsub__": "-", "mul": "*", "__rmul__": "*", "div": "/",
    "true_divide": "/", "__rdiv__": "/", "__rtruediv__": "/", "__floordiv__": "//", "__rfloordiv__": "//",
    "remainder": "%", "__mod__": "%", "__rmod__": "%", "pow": "**", "__pow__": "**", "__rpow__": "**", "matmul": "@",
    "__matmul__": "@", "__rmatmul__": "@", "neg": "-", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==",
    "ne": "!=", "__eq__": "==", "__ne__": "!=", "__and__": "&", "__rand__": "&", "__or__": "|", "__ror__": "|",
    "__xor__": "^", "__rxor__": "^", "__invert__": "~", "add_": "+=", "__iadd__": "+=", "sub_": "-=",
    "__isub__": "-=", "mul_": "*=", "__imul__": "*=", "div_": "/=", "__idiv__": "/=", "__itruediv__": "/=",
    "__ipow__": "**=", "__iand__": "&=", "__ior__": "|=", "__ixor__": "^=", "__lshift__": "<<", "__rlshift__": "<<",
    "__rshift__": ">>", "__rrshift__": ">>", "__getitem__": "[…]", "__setitem__": "[…] =", "__iter__": "unbind",
}  # fmt: skip
"""How methods of tensors are written; what has no sign of its own keeps its name."""

_QUERIES = frozenset((
    "size", "dim", "ndimension", "numel", "nelement", "stride", "storage_offset", "element_size", "is_contiguous",
    "is_floating_point", "is_complex", "is_signed", "is_inference", "is_pinned", "is_set_to", "is_shared",
    "is_same_size", "get_device", "data_ptr", "untyped_storage", "storage", "type", "storage_type", "qscheme",
    "has_names", "dim_order", "item", "tolist", "numpy", "requires_grad_", "register_hook", "retain_grad",
    "register_post_accumulate_grad_hook", "__len__", "__bool__", "__int__", "__float__", "__index__", "__complex__",
    "__repr__", "__str__", "__format__", "__hash__", "__array__", "__dir__", "__reduce_ex__", "__deepcopy__",
    "__setstate__", "__dlpack__", "__contains__", "__dlpack_device__", "__set__", "__delete__", "is_coalesced",
    "sparse_dim", "dense_dim", "_nnz", "_is_view", "equal", "allclose", "is_nonzero", "is_neg", "is_conj",
    "result_type", "can_cast", "promote_types", "is_tensor", "is_storage", "__cuda_array_interface__", "_dimI",
    "_dimV", "align_names", "get_default_dtype", "set_default_dtype", "is_grad_enabled", "_assert", "_assert_async",
    "manual_seed", "set_grad_enabled", "has_storage", "is_distributed", "_has_compatible_shallow_copy_type",
    "backward", "is_cpu", "is_cuda", "_validate_sparse_coo_tensor_args",
))  # fmt: skip
"""What asks something of a tensor, or of torch, and computes none."""

_PROPERTIES = {getattr(Tensor, name).__get__: name for name in ("T", "mT", "H", "mH", "real", "imag")}
"""The properties that make another tensor; all others tell something."""

_UNCHANGED = frozenset((
    "view", "reshape", "transpose", "permute", "flatten", "unflatten", "squeeze", "unsqueeze", "t", "T", "mT",
    "movedim", "moveaxis", "swapaxes", "swapdims", "view_as", "reshape_as", "contiguous", "detach", "clone",
    "adjoint", "ravel",
))  # fmt: skip
"""Operations that leave every value as it is, and as often."""


_UNSET = frozenset((
    "torch.empty", "torch.empty_strided", "torch.empty_permuted", "torch.empty_like", "empty_like", "new_empty",
    "new_empty_strided",
))  # fmt: skip
"""Operations that give memory as it is found."""


def sets_values(name: str) -> bool:
    """Whether the output of an operation of this name holds values that somebody has put there."""
    return name not in _UNSET


def keeps_values(name: str) -> bool:
    """Whether the output of an operation of this name has the values of its first input, in some order."""
    return name in _UNCHANGED


@cache
def _written() -> dict[Any, str]:
    """The names under which a user writes torch's functions."""
    names: dict[Any, str] = {}
    makers = {id(function) for function in _device_constructors()}
    for name, function in vars(torch).items():
        if callable(function) and not name.startswith("_") and not isinstance(function, type):
            names[function] = f"torch.{name}" if id(function) in makers else name
    for name in ("fft", "linalg", "special", "nested", "sparse"):
        for each in dir(getattr(torch, name)):
            if callable(function := getattr(getattr(torch, name), each)) and not each.startswith("_"):
                names[function] = f"{name}.{each}"
    for name, function in vars(F).items():
        if callable(function) and not name.startswith("_") and not isinstance(function, type):
            names[function] = f"F.{name}"
    return names


class Names:
    """What to call each function, found once for each."""

    def __init__(self) -> None:
        self._written = _written()
        self._known: dict[Any, str] = {}

    def of(self, function: Callable[..., Any]) -> str:
        """The name of an operation as users write it; empty for what is no operation."""
        name = self._known.get(function)
        if name is None:
            name = self._known[function] = self._find(function)
        return name

    def _find(self, function: Callable[..., Any]) -> str:
        plain = getattr(function, "__name__", "")
        if plain == "__get__":
            return _PROPERTIES.get(function, "")
        if plain in _QUERIES or not isinstance(plain, str):
            return ""
        if (written := self._written.get(function)) is not None:
            return written
        home = getattr(function, "__module__", None) or ""
        if home == "torch.nn.functional":  # one of several behind a name, as with F.max_pool2d
            return f"F.{plain}"
        if home.startswith("torch.nn.init"):
            return f"init.{plain}"
        return _SYMBOLS.get(plain, plain)


class OperationMode(TorchFunctionMode):
    """Hands every operation to a handler, every other function on to torch."""

    def __init__(self, names: Names, handler: Handler) -> None:
        super().__init__()
        self._names = names
        self._handler = handler
        self.muted = False
        """Set where the mode cannot leave the stack, because the user's own stands on it."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if is_compiling() or self.muted or not (name := self._names.of(func)):
            return func(*args, **kwargs)
        return self._handler(func, name, args, kwargs)


class Switch:
    """Brings a mode onto torch's stack and takes it off again, whatever else stands there."""

    def __init__(self, mode: OperationMode) -> None:
        self._mode = mode
        self.on = False

    def turn(self, on: bool) -> None:
        """Let the mode hear of functions, or not."""
        if on == self.on:
            return
        self.on = on
        if not on:
            if not _leave(self._mode):
                self._mode.muted = True
        elif self._mode.muted:
            self._mode.muted = False
        else:
            torch._C._push_on_torch_function_stack(self._mode)

    def remove(self) -> None:
        """Take the mode off for good, also from below modes that the user's code has left behind."""
        self.on = self._mode.muted = False
        stack = _get_current_function_mode_stack()  # type: ignore[no-untyped-call]
        if not any(mode is self._mode for mode in stack):
            return
        above = []
        while (top := torch._C._pop_torch_function_stack()) is not self._mode:
            above.append(top)
        for mode in reversed(above):
            torch._C._push_on_torch_function_stack(mode)


def _leave(mode: OperationMode) -> bool:
    """Take a mode off the stack if it stands on top."""
    count = torch._C._len_torch_function_stack()
    if count and torch._C._get_function_stack_at(count - 1) is mode:
        torch._C._pop_torch_function_stack()
        return True
    return False
