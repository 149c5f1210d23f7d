"""Records one forward pass: every call of a module and every operation, with what went in and what came out.

While a recorder is entered, `nn.Module.__call__` is its own (as torch.fx does it): hooks of the user's stay as they
are, the fast paths of torch's modules stay on, exceptions are seen, keyword arguments too. Time that the recorder
itself takes is taken out of every call around it, so that a call never lasts shorter than the calls in it together.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from threading import get_ident
from time import perf_counter_ns
from typing import Any

import torch
from torch import Tensor, nn
from torch.compiler import is_compiling

from inspector.engine.forward.calls import Call, Halt, OpenCall
from inspector.engine.forward.compiling import is_held_back
from inspector.engine.forward.lookups import refuse_on_cuda
from inspector.engine.forward.makers import Makers, Met
from inspector.engine.forward.module_classes import CLOSED, ModuleClass, ModuleClasses, has_hooks
from inspector.engine.forward.operations import Names, OperationMode, Switch, keeps_values, sets_values
from inspector.engine.forward.output_stats import OutputStats
from inspector.engine.forward.seeing import Leaf, Seer, leaves, storage_of, version_of
from inspector.engine.forward.sources import Sources
from inspector.run_schema import CallKind, CallState, Seen
from inspector.schema import Source, TensorStats

CREATED = "created during the run"
ELSEWHERE = "forward calls modules in other threads: they are not recorded there"
_LONGEST_CHAIN = 50


@dataclass(slots=True)
class Watched(OpenCall):
    """An open call, and what its end is compared with."""

    given: list[tuple[Tensor, Met]] = field(default_factory=list)
    """The tensors among the arguments, as they were."""
    users: bool = True
    """Whether the code that runs in it is somebody else's than torch's."""


class Recorder:
    """Everything that one forward calls.

    `row_of` gives the row of a module, None for one that has none; `on_call` hears of every call of a module as it
    begins, and what it raises ends the run. `on_return` hears of every call that has returned, with what it gave, while
    its arguments are still there; it must raise nothing, and torch function modes are off meanwhile. `stand_in` gives
    the tensor that operations have taken in a real one's place, if they have.
    """

    def __init__(
        self,
        row_of: Callable[[nn.Module], int | None],
        *,
        statistics: bool = True,
        operations: bool = True,
        training: bool = False,
        dry: bool = False,
        on_call: Callable[[Call], None] | None = None,
        on_return: Callable[[Watched, Any], None] | None = None,
        stand_in: Callable[[Tensor], Tensor | None] | None = None,
    ) -> None:
        self.calls: list[Call] = []
        """Every call, in the order in which they began."""
        self.halt: Halt | None = None
        """Where the forward stopped, if it did; refers to tensors: to be dropped when it has been explained."""
        self.weights: set[int] = set()
        """Identities of the parameters that operations got."""
        self._row_of, self._on_call, self._on_return = row_of, on_call, on_return
        self._stand_in = stand_in
        self.held_back = False
        """Whether something ran as it was written that torch.compile was to compile."""
        self.elsewhere = False
        """Whether modules were called in other threads, which nobody follows there."""
        self._compiler_waits = False
        self._training, self._dry, self._operations = training, dry, operations
        self._stats = OutputStats() if statistics and not dry else None
        self._open: list[Watched] = []
        self._counts: dict[int, int] = {}
        self._failed: Halt | None = None
        """Where the last exception was raised, while it is under way."""
        self._lost = 0
        """Nanoseconds that recording itself has taken until now."""
        self._makers, self._sources = Makers(Seer()), Sources()
        self._classes = ModuleClasses()
        self._switch = Switch(OperationMode(Names(), self._operation))
        self._before: list[tuple[Callable[..., Any], int]] = []

    @property
    def current(self) -> Call | None:
        """The innermost call that goes on."""
        return self._open[-1].call if self._open else None

    def run(self, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the model and record it; what it raises comes out, and `halt` says where it was raised."""
        try:
            with self:
                return model(*args, **kwargs)
        except BaseException as error:
            if self._failed is not None and led_to(self._failed.error, error):
                self.halt = self._failed
            raise
        finally:
            self._failed = None
            self._complete()

    def __enter__(self) -> Recorder:
        original, thread, record = nn.Module.__call__, get_ident(), self._module

        def __call__(module: nn.Module, /, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
            if is_compiling():  # What torch.compile traces is to be torch's own.
                return original(module, *args, **kwargs)
            if get_ident() != thread:
                self.elsewhere = True
                return original(module, *args, **kwargs)
            return record(original, module, args, kwargs)

        self._compiler_waits = is_held_back()
        self._before.append((original, sys.getrecursionlimit()))
        sys.setrecursionlimit(2 * sys.getrecursionlimit())  # A call of a module takes twice as many frames now.
        nn.Module.__call__ = __call__  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        original, limit = self._before.pop()
        nn.Module.__call__ = original  # type: ignore[method-assign]
        sys.setrecursionlimit(limit)
        self._switch.remove()
        self._open.clear()

    # --- calls ------------------------------------------------------------------------------------------------------

    def _module(
        self, original: Callable[..., Any], module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Carry out the call of a module."""
        entered = perf_counter_ns()
        heard, depth = self._switch.on, len(self._open)
        self._switch.turn(False)
        try:
            known = self._classes.of(module)
            closed = known.compiled and not self._compiler_waits
            self.held_back |= known.compiled and not closed
            function = partial(_without_us, original) if closed else original
            opened = self._begin_module(known, module, args, kwargs)
            if closed:
                opened.call.notes, opened.users = (CLOSED, *opened.call.notes), False
            self._switch.turn(self._operations and opened.users)
            return self._carry_out(opened, entered, function, (module, *args), kwargs)
        finally:
            del self._open[depth:]
            self._switch.turn(heard)

    def _operation(self, function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Carry out a function of torch; torch has taken the mode off its stack meanwhile."""
        entered = perf_counter_ns()
        depth = len(self._open)
        source, meant = self._sources.caller_of_operation()
        if not meant or not depth:
            return function(*args, **kwargs)
        try:
            opened = self._begin_operation(name, function, source, args, kwargs)
            return self._carry_out(opened, entered, function, args, kwargs)
        finally:
            del self._open[depth:]

    def _carry_out(
        self, opened: Watched, entered: int, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Call what was called; `entered` is when recording began to take time of its own."""
        if not self._dry:
            self._refuse_lookups(opened)
        lost, began = self._lost, perf_counter_ns()
        ended = began
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            ended = perf_counter_ns()
            opened.call.seconds = (ended - began - (self._lost - lost)) / 1e9
            self._fail(opened, error)
            raise
        else:
            ended = perf_counter_ns()
            opened.call.seconds = (ended - began - (self._lost - lost)) / 1e9
            self._returned(opened, result)
            return result
        finally:
            self._lost += began - entered + perf_counter_ns() - ended

    def _refuse_lookups(self, opened: Watched) -> None:
        """Fail before the call where the call itself would take the device with it."""
        called = opened.call.module if opened.function is None else opened.function
        try:
            with torch._C.DisableTorchFunction():
                refuse_on_cuda(called, opened.args, opened.kwargs)
        except IndexError as error:
            self._fail(opened, error)
            raise

    # --- beginning --------------------------------------------------------------------------------------------------

    def _begin_module(
        self, known: ModuleClass, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Watched:
        parent = self.current
        number = self._counts[id(module)] = self._counts.get(id(module), 0) + 1
        row = self._row_of(module)
        notes = (known.note,) if known.note else ()
        if row is None:
            row, notes = (parent.row if parent is not None else 0), (*notes, CREATED)
        source = self._caller(parent)
        call = Call(len(self.calls), parent, CallKind.MODULE, module, row, number=number, source=source, notes=notes)
        opened = self._open_call(Watched(call, args, kwargs, users=known.users), known.names, known.rest)
        if self._on_call is not None:
            self._on_call(call)
        return opened

    def _caller(self, parent: Call | None) -> Source | None:
        """The line that called a module; where torch's own forward did, it is the line that called that one."""
        if parent is None:
            return None
        around = self._open[-1]
        if parent.kind == CallKind.MODULE and not around.users and not has_hooks(parent.module):
            return parent.source
        return self._sources.caller()

    def _begin_operation(
        self, name: str, function: Any, source: Source | None, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Watched:
        parent = self._open[-1].call
        call = Call(len(self.calls), parent, CallKind.OPERATION, parent.module, parent.row, name, source=source)
        opened = self._open_call(Watched(call, args, kwargs, function), _names_of(function), "")
        self.weights.update(id(tensor) for tensor, _ in opened.given if type(tensor) is nn.Parameter)
        return opened

    def _open_call(self, opened: Watched, names: tuple[str, ...], rest: str) -> Watched:
        self.calls.append(opened.call)
        self._open.append(opened)
        with torch._C.DisableTorchFunction():
            opened.call.inputs = tuple(self._given(opened, names, rest))
        return opened

    def _given(self, opened: Watched, names: tuple[str, ...], rest: str) -> list[Seen]:
        found: list[Leaf] = []
        for index, value in enumerate(opened.args):
            found += leaves(value, names[index] if index < len(names) else f"{rest}[{index - len(names)}]")
        for name, value in opened.kwargs.items():
            found += leaves(value, name)
        seen: list[Seen] = []
        for path, tensor, text in found:
            if tensor is None:
                seen.append(Seen(path, text=text))
                continue
            met = self._makers.meet(tensor)
            opened.given.append((tensor, met))
            seen.append(met.seen(path, text, None))
        return seen

    # --- ending -----------------------------------------------------------------------------------------------------

    def _returned(self, opened: Watched, result: Any) -> None:
        depth = len(self._open) - 1
        if self._failed is not None and depth < len(self._failed.open) and self._failed.open[depth] is opened:
            self._failed = None  # What was raised in it, it has caught.
        with torch._C.DisableTorchFunction():
            found = leaves(result)
            wrote = False
            for tensor, met in opened.given:
                if version_of(tensor) != met.version:
                    wrote = True
            if opened.function is not None and not wrote and self._told_only(opened, found):
                self.calls.pop()
                return
            outputs: list[Seen] = []
            made: list[Met] = []
            for path, tensor, text in found:
                if tensor is None:
                    outputs.append(Seen(path, text=text))
                else:
                    made.append(met := self._made(opened, tensor))
                    outputs.append(met.seen(path, text, met.stats))
            opened.call.outputs = tuple(outputs)
            self._compare(opened, made, wrote)
            if self._on_return is not None:
                self._on_return(opened, result)

    def _told_only(self, opened: Watched, found: list[Leaf]) -> bool:
        """Whether a function only told something, and computed no tensor."""
        for _, tensor, _ in found:
            if tensor is not None:
                return False
        return opened.call is self.calls[-1]

    def _made(self, opened: Watched, tensor: Tensor) -> Met:
        met = self._makers.made_by(opened.call.index, tensor)
        if met.stats is None and self._stats is not None:
            if opened.function is not None and not sets_values(opened.call.name):
                met.stats = TensorStats(elements=tensor.numel(), note="nobody has written to it yet")
                return met
            met.stats = self._same_values(opened, met) or self._stats.measure(tensor)
        return met

    def _same_values(self, opened: Watched, met: Met) -> TensorStats | None:
        """The statistics of the first input, where the operation has only arranged its values anew."""
        if opened.function is None or not opened.given or not keeps_values(opened.call.name):
            return None
        first = opened.given[0][1]
        same = first.form[1] == met.form[1] and first.form[5] == met.form[5] and met.version is not None
        return first.stats if same else None

    def _compare(self, opened: Watched, made: list[Met], wrote: bool) -> None:
        """How the outputs' memory is related to that of the inputs."""
        given = [met.storage[0] for _, met in opened.given if met.storage is not None]
        if self._stand_in is not None:
            stood_in = (self._stand_in(tensor) for tensor, _ in opened.given)
            given += [held[0] for tensor in stood_in if tensor is not None and (held := storage_of(tensor))]
        viewed = passed_on = False
        new: dict[int, int] = {}
        for met in made:
            passed = any(met.tensor() is tensor for tensor, _ in opened.given)
            passed_on |= passed
            if met.storage is None:
                new[id(met)] = 0 if passed else met.form[5]
            elif met.storage[0] not in given:
                new[met.storage[0]] = met.storage[1]
            elif not passed and met.storage[1]:
                viewed = True
        opened.call.memory = sum(new.values())
        if wrote:
            opened.call.notes += ("writes into its input",)
        elif passed_on:
            opened.call.notes += ("returns its input",)
        if viewed:
            opened.call.notes += ("a view of its input",)

    def _fail(self, opened: Watched, error: BaseException) -> None:
        if self._failed is not None and led_to(self._failed.error, error):
            opened.call.state = CallState.UNWOUND
            return
        opened.call.state = CallState.FAILED
        self._failed = Halt(error, list(self._open), self.calls, self._training, self._dry, row_of=self._row_of)

    def _complete(self) -> None:
        """What need not be done while the model runs: read the lines, forget the tensors."""
        self._makers = Makers(Seer())
        texts: dict[Source, Source] = {}
        for call in self.calls:
            if (source := call.source) is not None:
                if source not in texts:
                    texts[source] = self._sources.complete(source)
                call.source = texts[source]


def led_to(earlier: BaseException, later: BaseException) -> bool:
    """Whether an exception is another one, or was raised while that was being handled."""
    error: BaseException | None = later
    for _ in range(_LONGEST_CHAIN):
        if error is None or error is earlier:
            break
        error = error.__cause__ or error.__context__
    return error is earlier


def _names_of(function: Any) -> tuple[str, ...]:
    """The parameters of a function that is written in Python; those of C tell no names."""
    code = getattr(function, "__code__", None)
    return code.co_varnames[: code.co_argcount] if code is not None else ()


def _without_us(original: Callable[..., Any], module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """Call a module as if nobody recorded: what torch.compile traces must be torch's own."""
    ours = nn.Module.__call__
    nn.Module.__call__ = original  # type: ignore[method-assign]
    try:
        return original(module, *args, **kwargs)
    finally:
        nn.Module.__call__ = ours  # type: ignore[method-assign]
