"""The scene of a failed call: the arguments, alive, and everything that ran before."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils.rnn import PackedSequence

from inspector.engine.failure import message_of, sendable
from inspector.engine.findings.phrases import by
from inspector.engine.forward.calls import Call, Halt, OpenCall
from inspector.engine.kinds import forward_of, home, is_a, is_function
from inspector.engine.source_files import attributes
from inspector.run_schema import CallKind, InputSet, Seen
from inspector.schema import Source

_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Scene:
    """What a rule may look at. Nothing here runs code of the user's, and nothing is compared by `==` of theirs."""

    halt: Halt
    path_of: Callable[[int], str]
    inputs: InputSet
    source: Source | None = None
    """The user's own line at fault."""

    # --- the call that raised -------------------------------------------------------------------------------------

    @property
    def open(self) -> OpenCall:
        return self.halt.innermost

    @property
    def call(self) -> Call:
        return self.open.call

    @property
    def text(self) -> str:
        """PyTorch's own words."""
        return message_of(self.halt.error)

    @property
    def operation(self) -> str:
        """Bare name of the function that was called (`view`, `add` also for `+=`); empty of a module."""
        if self.call.kind != CallKind.OPERATION:
            return ""
        name = getattr(self.open.function, "__name__", "")
        return name.strip("_") if type(name) is str else ""

    def module(self, *kinds: type[nn.Module]) -> Any:
        """The module that was called, if it is of one of these classes and torch's own forward ran on the arguments
        that are known: then what they are is what made it raise. Else None."""
        module = self.call.module
        if self.call.kind != CallKind.MODULE or not is_a(module, *kinds):
            return None
        return module if runs_torchs_forward(module) and not _changes_arguments(module) else None

    def given(self, position: int, name: str, default: Any = None) -> Any:
        """One argument of an operation, by place or by name."""
        args = self.open.args
        return args[position] if position < len(args) else self.open.kwargs.get(name, default)

    def bound(self) -> dict[str, Any]:
        """Arguments of a module's call by the names of its forward, defaults included; empty when they do not bind."""
        try:
            signature = inspect.signature(forward_of(type(self.call.module)))
            bound = signature.bind(self.call.module, *self.open.args, **self.open.kwargs)
        except (TypeError, ValueError):
            return {}
        bound.apply_defaults()
        return bound.arguments

    def tensors(self) -> list[Tensor]:
        """Every tensor among the arguments, in their order."""
        return list(tensors_in((*self.open.args, *self.open.kwargs.values())))

    # --- names ----------------------------------------------------------------------------------------------------

    @property
    def who(self) -> str:
        """What raised, in words: `fc1`, `call 2 of fc`, `view in block`, `cat`."""
        call = self.call
        if call.kind == CallKind.OPERATION:
            return f"{call.name or self.operation}{self.inside(call)}"
        return f"call {call.number} of {self.name_of(call)}" if call.number > 1 else self.name_of(call)

    def inside(self, call: Call) -> str:
        """Of an operation: in whose forward it stands; nothing where that is the model's own."""
        path = self.path_of(call.row)
        return f" in {sendable(path)}" if path else ""

    def name_of(self, call: Call) -> str:
        """A module by its path (the model itself by its class), an operation by its name.

        An operation whose result another module returned is called by that module: nobody looks into it from here.
        """
        open_calls = [opened.call for opened in self.halt.open]
        if call.kind == CallKind.OPERATION and call.parent is not None:
            around = call.parent
            handed_on = call.index in {seen.maker for seen in around.outputs}
            if handed_on and not any(around is other for other in open_calls):
                return self.name_of(around)
            own = around.row in {other.row for other in open_calls}
            return f"{call.name.rpartition('.')[2] or 'an operation'}{'' if own else self.inside(call)}"
        return sendable(self.path_of(call.row) or type(call.module).__name__)

    # --- where tensors come from ----------------------------------------------------------------------------------

    def seen(self, tensor: Tensor) -> Seen | None:
        """The record of one of the arguments; None when it cannot be told which."""
        mine = self.tensors()
        seens = [seen for seen in self.call.inputs if seen.shape is not None]
        if len(mine) == len(seens):
            found = [seen for one, seen in zip(mine, seens, strict=True) if one is tensor]
        else:
            found = [seen for seen in seens if seen.shape == tuple(tensor.shape)]
        fitting = [seen for seen in found if seen.shape == tuple(tensor.shape)]
        makers = {seen.maker for seen in fitting}
        return fitting[0] if len(makers) == 1 else None

    def maker(self, seen: Seen | None) -> Call | None:
        """The call that made a value."""
        if seen is None or not 0 <= seen.maker < len(self.halt.calls):
            return None
        return self.halt.calls[seen.maker]

    def named(self, tensor: Tensor) -> str:
        """What a tensor is called where it is kept: an argument of the model's, a parameter, a buffer, an attribute."""
        for name, value in self._inputs():
            if value is tensor:
                return f"input {sendable(name)}"
        root = self.halt.open[0].call.module
        for path, module in [*((self.path_of(o.call.row), o.call.module) for o in self.halt.open[::-1]), ("", root)]:
            if found := _kept(module, tensor):
                return sendable(f"{path}.{found}" if path else found)
        return ""

    def origin(self, tensor: Tensor) -> str:
        """Where a tensor comes from, in a few words: `up1`, `input x`, `pos (a plain attribute)`, `randn()`; else its
        shape."""
        if found := self.named(tensor):
            return found
        call = self.maker(self.seen(tensor))
        if call is None:
            return f"the {by(tensor.shape)}"
        name = self.name_of(call)
        if call.kind == CallKind.MODULE or name != call.name.rpartition(".")[2]:
            return name
        return f"{name}()" if name.isidentifier() else f"the result of {name}"

    def _inputs(self) -> Iterator[tuple[str, Any]]:
        """The model's own arguments, by name."""
        first = self.halt.open[0]
        names = [argument.name for argument in self.inputs.arguments if not argument.keyword]
        for index, value in enumerate(first.args):
            yield (names[index] if index < len(names) else str(index)), value
        yield from first.kwargs.items()


def runs_torchs_forward(module: nn.Module) -> bool:
    """Whether the forward of a module is the one that torch wrote for its class."""
    if "forward" in attributes(module):
        return False
    for kind in type(module).__mro__:
        if "forward" in vars(kind):
            return str(vars(kind).get("__module__", "")).startswith("torch.")
    return False


def _changes_arguments(module: nn.Module) -> bool:
    """Whether hooks that somebody but torch registered may give forward other arguments than the call got."""
    hooks = attributes(module).get("_forward_pre_hooks") or {}
    return any(not home(hook if is_function(hook) else type(hook)).startswith("torch.") for hook in hooks.values())


def is_tensor(value: object) -> TypeGuard[Tensor]:
    """Whether it is a tensor by its true class."""
    return is_a(value, Tensor)


def tensors_in(value: Any, depth: int = 0) -> Iterator[Tensor]:
    """Tensors in nested tuples, lists and dicts; of a packed sequence the values alone."""
    if is_tensor(value):
        yield value
    elif is_a(value, PackedSequence):
        yield from tensors_in(tuple.__getitem__(value, 0))
    elif depth < _DEEPEST and is_a(value, tuple, list):
        for part in tuple.__iter__(value) if is_a(value, tuple) else list.__iter__(value):
            yield from tensors_in(part, depth + 1)
    elif depth < _DEEPEST and is_a(value, dict):
        for part in dict.values(value):
            yield from tensors_in(part, depth + 1)


def held(module: nn.Module, name: str) -> Tensor | None:
    """A tensor of a module's, without running a parametrization or a property; None when there is none to be had."""
    mine = attributes(module)
    tables: list[Any] = [mine.get("_parameters"), mine.get("_buffers"), mine]
    for table in tables:
        if is_a(table, dict) and is_a(table.get(name), Tensor):
            found: Tensor = table[name]
            return None if is_lazy(found) else found
    return None


def _kept(module: nn.Module, tensor: Tensor) -> str:
    mine = attributes(module)
    for table, what in ((mine.get("_parameters"), ""), (mine.get("_buffers"), ""), (mine, " (a plain attribute)")):
        for name, value in (table or {}).items():
            if value is tensor:
                return f"{name}{what}"
    return ""
