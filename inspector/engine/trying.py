"""A layer tried by itself with other arguments: what would come out, what it would weigh and cost, or why it fails.

The layer is built anew from what the model's own tells of its arguments; the model's is never run and never touched.
Without memory, by default: built on the meta device and run dry, so that any size can be tried.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from msgspec import structs
from torch import nn
from torch.nn.parameter import is_lazy

from inspector.engine.constructors import Constructor, Plan, constructor_of
from inspector.engine.failure import LoadFailed, describe, refuse, sendable
from inspector.engine.forward import dry
from inspector.engine.forward.calls import Call
from inspector.engine.forward.outcome import Count, Outcome, of_calls
from inspector.engine.forward.passes import RealRun, Subject, fail
from inspector.engine.forward.progress import Cancelled, interruption
from inspector.engine.free_memory import free_memory
from inspector.engine.guard import Guard
from inspector.engine.inputs.given import missing, parts_of
from inspector.engine.inputs.refusals import spelled_signature
from inspector.engine.inputs.sample import Sample, assemble, device_of, finish
from inspector.engine.inputs.signature import Signature
from inspector.engine.kinds import home
from inspector.engine.recorded_inputs import texts_of
from inspector.engine.structure import Structure
from inspector.figures import size
from inspector.messages import EngineEvent, Failed, LayerTried, Run, RunCancelled, StageStarted, TryLayer
from inspector.run_schema import LayerOutcome, LayerTrial, SampleArgument, Seen

Send = Callable[[EngineEvent], None]
Got = Callable[[int], "tuple[Seen, ...] | None"]
"""What the module of a row got in its last recorded call, if there was one."""


class LayerTrials:
    """Answers requests for one model, and keeps nothing from one to the next."""

    def __init__(self, model: nn.Module, structure: Structure, device: str, got: Got) -> None:
        """`device` is where the model was built to live: of a layer without parameters it is the layer's."""
        self._model, self._structure, self._device, self._got = model, structure, device, got

    def answer(self, request: TryLayer, module: nn.Module, send: Send) -> None:
        """Try it. What cannot be tried at all is told as Failed, with words; a trial that fails is one that is told."""
        send(StageStarted(f"trying {self._name(request.row)}", user_code=True))
        with interruption.run():
            guard = self._guard(module)
            ended: LayerTrial | LoadFailed | Cancelled
            try:
                ended = self._trial(request, module)
            except (LoadFailed, Cancelled) as reason:
                ended = reason
            finally:
                guard.restore()
                proof, changed = guard.check()
            if isinstance(ended, LayerTrial):
                send(LayerTried(structs.replace(ended, guard=proof, changed=changed)))
            elif isinstance(ended, LoadFailed):
                send(Failed(ended.failure, request.row))
            else:
                send(RunCancelled(proof, changed))

    def _guard(self, module: nn.Module) -> Guard:
        """Code of the user's may reach anything from a constructor; torch's own draws random numbers."""
        if home(type(module)).startswith("torch."):
            return Guard(module)
        return Guard(self._model, values=True)

    def _trial(self, request: TryLayer, module: nn.Module) -> LayerTrial:
        constructor = constructor_of(module)
        plan = constructor.changed(request.arguments)
        recorded = self._recorded(request.row, module, needed=not request.inputs)
        texts = request.inputs or recorded or ()
        device = self._device if self._device == "meta" else str(device_of_layer(module, self._device))
        attempt = _Attempt(request, device, module.training, lambda _: self._structure.path(request.row))
        notes = [f"{name} is taken at its default: the layer keeps no such value" for name in constructor.assumed]
        before = self._before(attempt, constructor, recorded if recorded is not None else texts, notes, module)
        after = attempt.dry(plan, texts)
        if not request.dry and after.ok:
            after = attempt.real(plan, texts, after)
        origin = "typed" if request.inputs else f"as in the last call of {self._name(request.row)}"
        return LayerTrial(request.row, constructor.arguments, sendable(origin), after, before, tuple(notes))

    def _before(
        self, attempt: _Attempt, constructor: Constructor, texts: tuple[str, ...], notes: list[str], module: nn.Module
    ) -> LayerOutcome | None:
        """The layer as it is, on what it got. Notes where what it tells of itself makes another one."""
        try:
            plan = constructor.changed(())
        except LoadFailed:  # It does not tell all that it was made with.
            return None
        outcome = attempt.dry(plan, texts)
        if outcome.failure is None and (lost := _unlike(attempt.shapes, _shapes(module))):
            notes.append(f"built from what the layer tells, {lost}: the trial is of another layer than the model's")
        return outcome

    def _recorded(self, row: int, module: nn.Module, needed: bool) -> tuple[str, ...] | None:
        """What the layer got in its last call, as texts; None where there is none, unless it is needed."""
        own = self._structure.row_of(module)
        got = self._got(row if own is None else own)
        if got is None:
            if needed:
                message = f"{self._name(row)} was not called in the last run, so there is no input to try it on"
                raise refuse("inputs", "NoInput", message, mend="Run the model first, or type an input:  2x3x32x32")
            return None
        try:
            return texts_of(got, Signature(module).many)
        except LoadFailed:
            if needed:
                raise
            return None

    def _name(self, row: int) -> str:
        return sendable(self._structure.path(row)) or "the model"


def device_of_layer(module: nn.Module, otherwise: str) -> torch.device:
    """Where a layer lives: where its parameters and buffers do, else where the model was to."""
    has_some = any(True for _ in nn.Module.parameters(module)) or any(True for _ in nn.Module.buffers(module))
    return device_of(module, None) if has_some else torch.device(otherwise)


@dataclass
class _Attempt:
    """Builds and runs layers as one request wants it."""

    request: TryLayer
    device: str
    training: bool
    path_of: Callable[[int], str]
    shapes: dict[str, tuple[int, ...] | None] = field(default_factory=dict)
    """Of the parameters and buffers of the layer that was built last."""

    def dry(self, plan: Plan, texts: tuple[str, ...]) -> LayerOutcome:
        """Without memory and values. Raises LoadFailed for inputs that cannot be read."""
        layer = self._built_without_memory(plan)
        if isinstance(layer, LayerOutcome):
            return layer
        self.shapes = _shapes(layer)
        sample = _sample(layer, texts, "meta", self.request.seed)
        outcome = Outcome(dry=True)
        found = dry.run(
            layer,
            sample,
            mode=self.request.mode,
            row_of=lambda _: self.request.row,
            restore=_nothing,
            operations=False,
            seed=self.request.seed,
            on_call=_ask,
        )
        outcome.calls, outcome.notes = found.calls, found.notes
        if found.error is not None:
            fail(outcome, found.error, found.halt, self.path_of, sample)
        elif not found.stopped:
            outcome.take(_count(found))
        return self._told(plan, layer, sample, outcome, ended=found.error is None and not found.stopped)

    def real(self, plan: Plan, texts: tuple[str, ...], known: LayerOutcome) -> LayerOutcome:
        """With values, where the layer lives; as it was dry, with what must be said, where that cannot be."""
        device = torch.device(self.device)
        if device.type == "meta":
            return _noted(known, "on the meta device there are no values: it was run dry")
        needed = 2 * known.bytes + (known.peak_bytes or 0) + sum(_bytes(each) for each in known.inputs)
        if needed > (free := free_memory(device)):
            return _noted(known, f"run dry: a real run would take {size(needed)}, {size(free)} are free")
        layer = self._built(plan, self.device)
        if isinstance(layer, LayerOutcome):
            return layer
        sample = _sample(layer, texts, self.device, self.request.seed)
        run = Run(mode=self.request.mode, seed=self.request.seed, statistics=False, operations=False)
        subject = Subject(layer, lambda _: self.request.row, self.path_of, _nothing, device.type == "cuda")
        outcome = RealRun(subject, sample, run, None, _ask).run()
        return self._told(plan, layer, sample, outcome, ended=outcome.failure is None)

    def _built_without_memory(self, plan: Plan) -> nn.Module | LayerOutcome:
        """The layer, its values never written.

        Some operations ask where a weight lives before anybody can answer for it, so it is on the CPU where that has
        room: memory that is not written takes none. A constructor that reads values is called again with them.
        """
        layer = self._built(plan, "meta")
        if isinstance(layer, LayerOutcome):
            return self._built(plan, "cpu")
        tensors = (*nn.Module.parameters(layer), *nn.Module.buffers(layer))
        if not any(map(is_lazy, tensors)) and 2 * _weight(layer)[1] < free_memory(torch.device("cpu")):
            layer.to_empty(device="cpu")
        return layer

    def _built(self, plan: Plan, device: str) -> nn.Module | LayerOutcome:
        """The layer; where its constructor raises, that."""
        try:
            with interruption.forward():
                return plan.build(device).train(self.training)
        except Cancelled:
            raise
        except BaseException as error:  # Whatever a constructor raises is the answer.
            interruption.check()
            return LayerOutcome(plan.call, False, failure=describe(error, "construct"))

    def _told(self, plan: Plan, layer: nn.Module, sample: Sample, outcome: Outcome, ended: bool) -> LayerOutcome:
        parameters, held = _weight(layer)
        first = outcome.calls[0] if outcome.calls else None
        timed = ended and first is not None and not outcome.dry
        return LayerOutcome(
            call=plan.call,
            ok=outcome.failure is None,
            inputs=tuple(self._placed_argument(argument) for argument in sample.record.arguments),
            outputs=tuple(map(self._placed, outcome.outputs)),
            parameters=parameters,
            bytes=held,
            flops=outcome.flops if ended and outcome.flops_by else None,
            uncounted=outcome.uncounted,
            peak_bytes=outcome.peak_bytes,
            seconds=first.seconds if timed and first is not None else None,
            spread=first.spread if timed and first is not None and first.spread == first.spread else 0.0,
            repeats=outcome.repeats if timed else 0,
            notes=tuple(dict.fromkeys(outcome.notes)),
            finding=outcome.finding,
            failure=outcome.failure,
        )

    def _placed_argument(self, argument: SampleArgument) -> SampleArgument:
        return structs.replace(argument, values=tuple(map(self._placed, argument.values)))

    def _placed(self, seen: Seen) -> Seen:
        """Where it would be: that it is on no device is only how it was tried."""
        return structs.replace(seen, device=self.device) if seen.device == "meta" else seen


def _count(found: dry.DryRun) -> Count:
    peaks = found.peak_bytes, found.training_bytes
    return Count("dry run", found.flops, found.uncounted, *peaks, of_calls(found.calls))


def _sample(layer: nn.Module, texts: tuple[str, ...], device: str, seed: int) -> Sample:
    """The inputs, made. Raises LoadFailed for what forward does not take."""
    signature = Signature(layer)
    parts = parts_of(texts, layer, signature)
    if wanted := missing(parts, signature):
        message = f"forward also wants {', '.join(wanted)}. It is  {spelled_signature(signature.described)}"
        raise refuse("inputs", "MissingInputs", message, arguments=signature.described)
    return finish(assemble(parts, "given", torch.device(device), seed), signature, None, seed)


def _shapes(layer: nn.Module) -> dict[str, tuple[int, ...] | None]:
    """Of every parameter, by name; None of one that has none yet."""
    named = nn.Module.named_parameters(layer)
    return {name: None if is_lazy(tensor) else tuple(tensor.shape) for name, tensor in named}


def _unlike(built: dict[str, tuple[int, ...] | None], own: dict[str, tuple[int, ...] | None]) -> str:
    """Where two layers differ; nothing is said of a layer whose weights are made from other tensors."""
    if any(name.startswith("parametrizations.") or name.endswith(("_orig", "_g", "_v")) for name in own):
        return ""
    for name in (*built, *(name for name in own if name not in built)):
        one, other = built.get(name, ()), own.get(name, ())
        if (name in built) is not (name in own):
            return f"there is {'a' if name in built else 'no'} {sendable(name)}"
        if one != other and None not in (one, other):
            return f"{sendable(name)} is of shape {one}, not {other}"
    return ""


def _weight(layer: nn.Module) -> tuple[int | None, int]:
    """Elements of the parameters, and bytes of them and the buffers; of lazy ones nothing is known."""
    parameters = list(nn.Module.parameters(layer))
    tensors = [tensor for tensor in (*parameters, *nn.Module.buffers(layer)) if not is_lazy(tensor)]
    lazy = any(map(is_lazy, parameters))
    elements = None if lazy else sum(tensor.numel() for tensor in parameters)
    return elements, sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _bytes(argument: SampleArgument) -> int:
    return sum(seen.bytes for seen in argument.values)


def _noted(outcome: LayerOutcome, note: str) -> LayerOutcome:
    return structs.replace(outcome, notes=(*outcome.notes, note))


def _nothing() -> None:
    """The layer is a new one: there is nothing to put back."""


def _ask(_: Call) -> None:
    interruption.check()
