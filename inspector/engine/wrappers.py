"""Modules that are there for the module inside them: DataParallel, torch.compile, FSDP, TorchScript, FX and others."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from inspector.engine.classes import scripted_class

_WRAPPERS = {
    "torch.nn.parallel.data_parallel.DataParallel": ("DataParallel", "module"),
    "torch.nn.parallel.distributed.DistributedDataParallel": ("DistributedDataParallel", "module"),
    "torch._dynamo.eval_frame.OptimizedModule": ("torch.compile", "_orig_mod"),
    "torch.distributed.fsdp.fully_sharded_data_parallel.FullyShardedDataParallel": ("FSDP", "_fsdp_wrapped_module"),
    "torch.distributed.algorithms._checkpoint.checkpoint_wrapper.CheckpointWrapper": (
        "activation checkpointing",
        "_checkpoint_wrapped_module",
    ),
    "torch.optim.swa_utils.AveragedModel": ("averaged model", "module"),
    "torch.ao.quantization.stubs.QuantWrapper": ("QuantWrapper", "module"),
}
"""Qualified class → what it is called, and the name under which the inner module is registered."""


_KEEPS = {"FSDP": frozenset({"params"}), "TorchScript": frozenset({"_actual_script_module"})}
"""Attributes in which a wrapper keeps once more what is registered: FSDP's flat parameters, what was traced."""


class Wrappers:
    """Recognises wrappers by class, also where a class is derived from one of them."""

    def __init__(self) -> None:
        self._known: dict[type, tuple[str, str] | None] = {}

    def is_one(self, cls: type) -> bool:
        """Whether modules of this class wrap another, or are compiled from another."""
        if cls not in self._known:
            self._known[cls] = self._recognise(cls)
        return self._known[cls] is not None

    def keeps(self, cls: type) -> frozenset[str]:
        """Names of the attributes with which modules of this class do their work; nothing in them is lost."""
        kind = (self._known[cls] or ("",))[0] if self.is_one(cls) else ""
        return _KEEPS.get(kind, frozenset())

    def wraps(self, module: nn.Module) -> str:
        """`torch.compile of LeNet`; empty when the module is no wrapper."""
        if not self.is_one(type(module)):
            return ""
        kind, inner = self._known[type(module)] or ("", "")
        return f"{kind} of {_inner_name(module, inner)}"

    def _recognise(self, cls: type) -> tuple[str, str] | None:
        if issubclass(cls, torch.jit.ScriptModule):
            return "TorchScript", ""
        for base in cls.__mro__:
            qualified = f"{base.__module__}.{base.__qualname__}"
            if qualified in _WRAPPERS:
                return _WRAPPERS[qualified]
            if qualified == "torch.fx.graph_module.GraphModule":
                return "GraphModule", ""
        return None


def _inner_name(module: nn.Module, inner: str) -> str:
    """Class name of the module inside; what a compiled module was compiled from."""
    if isinstance(module, torch.jit.ScriptModule):
        return scripted_class(module).rpartition(".")[2]
    child: Any = (vars(module).get("_modules") or {}).get(inner)
    return type(child if child is not None else module).__name__


def compiled_in_place(attributes: dict[str, Any]) -> bool:
    """Whether `module.compile()` was called on the module itself."""
    return attributes.get("_compiled_call_impl") is not None
