"""What the model's forward takes."""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn

from inspector.engine.arguments import describe_arguments, signature_of
from inspector.engine.kinds import is_a
from inspector.engine.source_files import attributes
from inspector.schema import Argument

_WRAPPED_BY = {"DataParallel": "module", "DistributedDataParallel": "module", "OptimizedModule": "_orig_mod"}
_BY_PLACE = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_STARRED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Signature:
    """The parameters of forward, in their order, without self; empty and `known` False where Python cannot tell."""

    def __init__(self, model: nn.Module) -> None:
        inner = unwrapped(model)
        self.has_forward = has_forward(inner)
        found = signature_of(inner.forward) if self.has_forward else None
        self.known = found is not None
        self.parameters: dict[str, inspect.Parameter] = dict(found.parameters) if found is not None else {}
        self.described: tuple[Argument, ...] = describe_arguments(inner.forward) if self.has_forward else ()

    @property
    def names(self) -> list[str]:
        """Of every parameter that can be named; those with stars are none."""
        return [name for name, parameter in self.parameters.items() if parameter.kind not in _STARRED]

    @property
    def by_place(self) -> list[str]:
        """The names of those that can be given without a name."""
        return [name for name, parameter in self.parameters.items() if parameter.kind in _BY_PLACE]

    @property
    def required(self) -> list[str]:
        """The names of those without a default."""
        return [name for name in self.names if self.parameters[name].default is inspect.Parameter.empty]

    @property
    def many(self) -> str:
        """The name of *args, if there is one."""
        return self._starred(inspect.Parameter.VAR_POSITIONAL)

    @property
    def keywords(self) -> str:
        """The name of **kwargs, if there is one."""
        return self._starred(inspect.Parameter.VAR_KEYWORD)

    def only_by_place(self, name: str) -> bool:
        """Whether the parameter cannot be given by its name."""
        return self.parameters[name].kind is inspect.Parameter.POSITIONAL_ONLY

    def annotation(self, name: str) -> str:
        """The annotation as text; empty when there is none."""
        return next((argument.annotation for argument in self.described if argument.name == name), "")

    def _starred(self, kind: Any) -> str:
        return next((name for name, parameter in self.parameters.items() if parameter.kind is kind), "")


def unwrapped(model: nn.Module) -> nn.Module:
    """The module inside DataParallel, torch.compile and the like, whose own forward takes anything."""
    held: Any = attributes(model).get("_modules")
    inside: Any = held.get(_WRAPPED_BY.get(type(model).__name__, "")) if is_a(held, dict) else None
    return unwrapped(inside) if is_a(inside, nn.Module) else model


def has_forward(model: nn.Module) -> bool:
    """Whether somebody wrote a forward: nn.Module's own only complains."""
    try:
        forward = model.forward
    except Exception:  # A property of the user's.
        return False
    return callable(forward) and getattr(forward, "__name__", "") != "_forward_unimplemented"
