"""A dry run: the whole forward with tensors that have shapes and no values. Nothing is computed, nothing is held.

It tells of every call what flowed, of every operation what it costs, and how much memory a real run would take; and it
fails where a real run fails for its shapes. Where values decide how it goes on, it stops: what ran until then holds,
and the rest is for a real run to tell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

from torch import nn

from inspector.engine.failure import message_of, sendable
from inspector.engine.forward.calls import Call, Halt
from inspector.engine.forward.conditions import Mode, conditions, set_mode
from inspector.engine.forward.dispatch import Watcher
from inspector.engine.forward.dry_stops import why_stopped
from inspector.engine.forward.fake_mode import ShapesOnly
from inspector.engine.forward.fake_values import fake_values
from inspector.engine.forward.flops import Flops
from inspector.engine.forward.leftovers import Surroundings
from inspector.engine.forward.memory import LiveBytes
from inspector.engine.forward.progress import Cancelled, interruption
from inspector.engine.forward.recorder import Recorder
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
    too. Raises Cancelled when somebody asked for the end.
    """
    training = mode == "train" or (mode == "kept" and model.training)

    def recorder() -> Recorder:
        return Recorder(row_of, statistics=False, operations=operations, training=training, dry=True, on_call=on_call)

    runner = _Runner(model, sample, mode, seed, restore)
    try:
        result = runner.record(recorder(), gradients=False)
        if result.error is not None and _wants_gradients(result.error):
            result = runner.record(recorder(), gradients=True)
            result.notes.append("forward asks for gradients: it was run with them")
        if result.error is None and not result.stopped:
            runner.measure(result, gradients=not result.gradients)
        return result
    finally:
        runner.close()


class _Runner:
    """The forwards of one dry run."""

    def __init__(self, model: nn.Module, sample: Inputs, mode: Mode, seed: int, restore: Callable[[], object]) -> None:
        self._model, self._sample, self._mode, self._seed, self._restore = model, sample, mode, seed, restore
        self._surroundings = Surroundings(model)
        self._shapes = ShapesOnly()

    def record(self, recorder: Recorder, gradients: bool) -> DryRun:
        """The forward that everything is seen in."""

        def pay(flops: int) -> None:
            if (call := recorder.current) is not None:
                call.own_flops += flops

        result = DryRun(recorder, gradients=gradients)
        flops, live = Flops(pay), LiveBytes()
        began = perf_counter()
        try:
            note, out = self._forward(
                lambda args, kwargs: recorder.run(self._model, args, kwargs), (flops, live), gradients
            )
            _note_memory(result, live)
            del out
            result.notes += [note] if note else []
        except Cancelled:
            raise
        except BaseException as error:  # Whatever forward raises is the answer.
            _note_end(result, error)
        result.seconds = perf_counter() - began
        result.flops, result.uncounted = flops.total, tuple(sorted(flops.uncounted.items()))
        return result

    def measure(self, result: DryRun, gradients: bool) -> None:
        """Once more in the other grad mode, for its memory alone."""
        live = LiveBytes()
        other = DryRun(result.recorder, gradients=gradients)
        try:
            _, out = self._forward(lambda args, kwargs: self._model(*args, **kwargs), (live,), gradients)
        except Cancelled:
            raise
        except BaseException as error:
            how = "with" if gradients else "without"
            said = sendable(f"{type(error).__name__}: {message_of(error)}".splitlines()[0])
            result.notes.append(f"how much memory it takes {how} gradients is not known: {said}")
            return
        _note_memory(other, live)
        del out
        if gradients:
            result.training_bytes = other.training_bytes
        else:
            result.peak_bytes = other.peak_bytes

    def _forward(
        self,
        action: Callable[[tuple[Any, ...], dict[str, Any]], Any],
        watchers: tuple[Watcher, ...],
        gradients: bool,
    ) -> tuple[str, Any]:
        """Do something with the model as it was found, in its mode, and put it back; gives what must be said, too."""
        interruption.check()
        try:
            with conditions(self._seed, gradients):
                note = set_mode(self._model, self._mode)
                args, kwargs = fake_values((self._sample.args, self._sample.kwargs), self._shapes)
                self._shapes.watchers = watchers
                with interruption.forward(), self._shapes:
                    return note, action(args, kwargs)
        except BaseException:
            interruption.check()
            raise
        finally:
            self._shapes.watchers = ()
            self._shapes.forget()
            self._surroundings.clean()
            self._restore()

    def close(self) -> None:
        """Let go of the model."""
        self._shapes.forget()


def _note_memory(result: DryRun, live: LiveBytes) -> None:
    if result.gradients:
        result.training_bytes = live.now
    else:
        result.peak_bytes = live.peak


def _note_end(result: DryRun, error: BaseException) -> None:
    """A forward ended early: because something in it fails, or because it needs values."""
    recorder = result.recorder
    if (reason := why_stopped(error)) is not None:
        result.stopped = True
        result.notes.append(reason)
        recorder.halt = None
    else:
        result.error, result.halt = error, recorder.halt


_GRADIENTS_WANTED = ("require grad", "requires_grad", "grad_fn")


def _wants_gradients(error: BaseException) -> bool:
    return is_a(error, RuntimeError) and any(words in message_of(error) for words in _GRADIENTS_WANTED)
