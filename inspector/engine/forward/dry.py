"""A dry run: the whole forward with tensors that have shapes and no values. Nothing is computed, nothing is held.

It tells of every call what flowed, of every operation what it costs, and how much memory a real run would take; and it
fails where a real run fails for its shapes. Where values decide how it goes on, it stops: what ran until then holds,
and the rest is for a real run to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

from torch import Tensor, nn

from inspector.engine.failure import message_of, sendable
from inspector.engine.forward.calls import Call, Halt
from inspector.engine.forward.compiling import HELD_BACK, held_back
from inspector.engine.forward.conditions import Mode, conditions, set_mode, unheard
from inspector.engine.forward.dispatch import Watcher
from inspector.engine.forward.dry_conditions import dry_conditions
from inspector.engine.forward.dry_stops import wants_one_shape, why_stopped
from inspector.engine.forward.fake_mode import ShapesOnly
from inspector.engine.forward.fake_question import ASKED, Question
from inspector.engine.forward.fake_values import fake_values
from inspector.engine.forward.flops import Flops
from inspector.engine.forward.lazy import LazyCopy, UncopyableError, copy_if_lazy
from inspector.engine.forward.leftovers import LEFT, Surroundings, forget_everywhere
from inspector.engine.forward.memory import LiveBytes
from inspector.engine.forward.progress import Cancelled, interruption
from inspector.engine.forward.recorder import CREATED, ELSEWHERE, Recorder
from inspector.engine.forward.warned import silenced
from inspector.engine.kinds import is_a


class Inputs(Protocol):
    """What a forward gets."""

    @property
    def args(self) -> tuple[Any, ...]:
        """By position."""

    @property
    def kwargs(self) -> dict[str, Any]:
        """By name."""


@dataclass(slots=True)
class DryRun:
    """What a dry run found out."""

    recorder: Recorder
    halt: Halt | None = None
    """Where it failed as a real run would; refers to fake tensors: to be dropped when it has been explained."""
    error: BaseException | None = None
    """What was raised there."""
    stopped: bool = False
    """Whether it could not go on although nothing had failed; the last of `notes` says where and why."""
    nested: bool = False
    """Whether that is because of a nested tensor."""
    gradients: bool = False
    """Whether the recorded forward ran with gradients, because it asks for them."""
    flops: int = 0
    uncounted: tuple[tuple[str, int], ...] = ()
    peak_bytes: int | None = None
    """Most memory that tensors made in the run held at one time without gradients; None when that is not known."""
    training_bytes: int | None = None
    """Memory of the tensors that are still held when forward returns with gradients on; None when that is not known."""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    """What the recorded forward took."""

    @property
    def calls(self) -> list[Call]:
        """Every call that began."""
        return self.recorder.calls


def run(
    model: nn.Module,
    sample: Inputs,
    *,
    mode: Mode,
    row_of: Callable[[nn.Module], int | None],
    restore: Callable[[], object],
    operations: bool = True,
    seed: int = 0,
    on_call: Callable[[Call], None] | None = None,
) -> DryRun:
    """Run the model dry: once recorded and without gradients, once more for the memory that training takes.

    `restore` puts the model back, so that every forward finds what the first one found; it is called after the last one
    too. Raises Cancelled when somebody asked for the end, and UncopyableError when a copy is needed and cannot be had.
    """
    training = mode == "train" or (mode == "kept" and model.training)
    runner = _Runner(model, sample, mode, seed, restore)

    def recorder() -> Recorder:
        rows = runner.row_of(row_of)
        return Recorder(
            rows,
            statistics=False,
            operations=operations,
            training=training,
            dry=True,
            on_call=on_call,
            stand_in=runner.stand_in,
        )

    result = runner.record(recorder(), gradients=False)
    if result.error is not None and _wants_gradients(result.error):
        result = runner.record(recorder(), gradients=True)
        result.notes.append("forward asks for gradients: it was run with them")
    elif result.nested:
        runner.fast_paths = False
        other = runner.record(recorder(), gradients=False)
        if not other.nested:  # Else it is forward itself that makes a nested tensor.
            result = other
            result.notes.append(
                "torch's fast path for padded sequences has no shapes: the run took the path without it"
            )
    if result.error is None and not result.stopped:
        with unheard(), silenced():
            runner.measure(result)
    if result.error is None and not runner.forget(result.calls):
        result.notes.append(LEFT)
    return result


class _Runner:
    """The forwards of one dry run."""

    def __init__(self, model: nn.Module, sample: Inputs, mode: Mode, seed: int, restore: Callable[[], object]) -> None:
        self._model, self._sample, self._mode, self._seed, self._restore = model, sample, mode, seed, restore
        self._surroundings = Surroundings(model)
        self._shapes = ShapesOnly()
        self._question = Question()
        self._copy: LazyCopy | None = None
        self.fast_paths = True
        """Whether torch's attention may take them."""

    def row_of(self, row_of: Callable[[nn.Module], int | None]) -> Callable[[nn.Module], int | None]:
        """The same function for the modules of whatever is run."""
        return lambda module: (row_of if self._copy is None else self._copy.row_of(row_of))(module)

    def stand_in(self, tensor: Tensor) -> Tensor | None:
        """What operations have taken in place of a real tensor."""
        return self._shapes.stand_in(tensor)

    def forget(self, calls: list[Call]) -> bool:
        """Whether nobody keeps a tensor without values; asked when the last forward is over."""
        for call in calls:  # A module that forward has made has weights without values.
            if call.parent is not None and CREATED in call.notes:
                call.module = call.parent.module
        return forget_everywhere(self._shapes)

    def record(self, recorder: Recorder, gradients: bool) -> DryRun:
        """The forward that everything is seen in."""

        def pay(flops: int) -> None:
            if (call := recorder.current) is not None:
                call.own_flops += flops

        result = DryRun(recorder, gradients=gradients)
        flops = Flops(pay)
        try:
            self._forward(result, recorder.run, flops)
        except (Cancelled, UncopyableError):
            raise
        except BaseException as error:  # Whatever forward raises is the answer.
            _note_end(result, error)
        if self._question.asked:
            result.notes.append(ASKED)
        if recorder.elsewhere:
            result.notes.append(ELSEWHERE)
        if recorder.held_back:
            result.notes.append(HELD_BACK)
        result.flops, result.uncounted = flops.total, tuple(sorted(flops.uncounted.items()))
        return result

    def measure(self, result: DryRun) -> None:
        """Once more in the other grad mode, for its memory alone."""
        other = DryRun(result.recorder, gradients=not result.gradients)
        try:
            self._forward(other, lambda model, args, kwargs: model(*args, **kwargs))
        except Cancelled:
            raise
        except BaseException as error:
            how = "with" if other.gradients else "without"
            said = sendable(f"{type(error).__name__}: {message_of(error)}".splitlines()[0])
            result.notes.append(f"how much memory it takes {how} gradients is not known: {said}")
        if other.gradients:
            result.training_bytes = other.training_bytes
        else:
            result.peak_bytes = other.peak_bytes

    def _forward(self, result: DryRun, call: Callable[..., Any], *watchers: Watcher) -> None:
        """Call the model as it was found, in its mode; note the memory that it takes, and put everything back."""
        interruption.check()
        live = LiveBytes()
        model = self._to_run(result)
        try:
            with (
                conditions(self._seed, result.gradients),
                dry_conditions(self._shapes, self.fast_paths),
                held_back(model),
            ):
                if note := set_mode(model, self._mode):
                    result.notes.append(note)
                args, kwargs = fake_values((self._sample.args, self._sample.kwargs), self._shapes)
                self._shapes.watchers = (*watchers, live)
                with interruption.forward(), self._question.answered(), self._shapes, _timed(result):
                    out = call(model, args, kwargs)
                if result.gradients:
                    result.training_bytes = live.now
                else:
                    result.peak_bytes = live.peak
                del out
        except BaseException:
            interruption.check()
            raise
        finally:
            self._shapes.watchers = ()
            self._shapes.forget()
            self._surroundings.clean()
            self._restore()

    def _to_run(self, result: DryRun) -> nn.Module:
        """The model; in place of one that a run would give its sizes a copy, each time a new one."""
        self._copy = copy_if_lazy(self._model, without_memory=True)
        if self._copy is None:
            return self._model
        result.notes.append(self._copy.note)
        return self._copy.model


@contextmanager
def _timed(result: DryRun) -> Iterator[None]:
    began = perf_counter()
    try:
        yield
    finally:
        result.seconds = perf_counter() - began


def _note_end(result: DryRun, error: BaseException) -> None:
    """A forward ended early: because something in it fails, or because it needs values."""
    recorder = result.recorder
    if (reason := why_stopped(error)) is not None:
        result.stopped, result.nested = True, wants_one_shape(error)
        result.notes.append(reason)
        recorder.halt = None
    else:
        result.error, result.halt = error, recorder.halt


_GRADIENTS_WANTED = ("require grad", "requires_grad", "grad_fn")


def _wants_gradients(error: BaseException) -> bool:
    return is_a(error, RuntimeError) and any(words in message_of(error) for words in _GRADIENTS_WANTED)
