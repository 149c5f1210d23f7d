"""A loss tried on what the model gave in the last run: a number for a made target, and what does not go together.

The model's forward is repeated for its output, as for a picture. The loss is a copy of the model's own, or a new one
with its defaults; it never gets the user's data, which nobody has here, and the answer says of each tensor where it
comes from.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from msgspec import structs
from torch import Tensor, nn

from inspector.engine.classes import written_class
from inspector.engine.failure import describe, sendable
from inspector.engine.findings.distributions import Distribution, distribution_of
from inspector.engine.forward.capture import CaptureError, Place
from inspector.engine.forward.conditions import unheard
from inspector.engine.forward.running import Runner, Send
from inspector.engine.forward.seeing import Seer, leaves
from inspector.engine.forward.warned import silenced
from inspector.engine.guard import Guard
from inspector.engine.kinds import home
from inspector.engine.loss_targets import OVER_CLASSES, Made, Neutral, NoTargetError, class_axis, targets_for
from inspector.engine.spelling import spelled
from inspector.engine.structure import Structure
from inspector.figures import number, plural, shape
from inspector.messages import LossTried, TryLoss
from inspector.run_schema import LossInput, LossTrial, Seen
from inspector.schema import Failure

_CLOSE = 1e-4
"""How near a measured value is to a formula's, in proportion, that both are told as one."""
_FIRST_NAMES = {
    "CosineEmbeddingLoss": "input1", "MarginRankingLoss": "input1", "TripletMarginLoss": "anchor",
    "TripletMarginWithDistanceLoss": "anchor", "CTCLoss": "log_probs",
}  # fmt: skip
_IN_LOGARITHMS = ("NLLLoss", "NLLLoss2d", "KLDivLoss", "CTCLoss")
_NEAR_ONE = 2e-3
_FROM_SIGMOID = ("sigmoid", "Sigmoid", "hardsigmoid", "Hardsigmoid")
_LAST_AXIS = ("Linear", "linear", "Bilinear", "LazyLinear")
"""What gives its numbers on the last axis."""


class LossTrials:
    """Answers requests for one model, and keeps nothing from one to the next."""

    def __init__(self, model: nn.Module, structure: Structure, runner: Runner) -> None:
        self._model, self._structure, self._runner = model, structure, runner

    def answer(self, request: TryLoss, send: Send) -> None:
        """Try it; a loss that raises, or has nothing to be tried on, is an answer too."""
        name = request.name
        lost: tuple[str, ...] = ()
        try:
            loss = self._loss(request)
            name = _call(loss)
            leaf, seen = self._output()
            output, lost = self._runner.value(Place(0, leaf), send)
            guard = None if _is_torchs(loss) else Guard(self._model, values=True)
            try:
                trial = Trial(loss, output, self._origin(seen), self._maker(seen), request.seed).run()
            finally:
                lost += guard.check()[1] if guard is not None else ()
        except (NoTargetError, CaptureError) as reason:
            trial = LossTrial(sendable(name), failure=Failure("forward", "", sendable(str(reason))))
        except BaseException as error:  # forward, and a loss of the user's own, may raise whatever they like
            trial = LossTrial(sendable(name), failure=describe(error, "forward"))
        send(LossTried(request, structs.replace(trial, changed=lost)))

    def _loss(self, request: TryLoss) -> nn.Module:
        if request.row < 0:
            made: Any = getattr(nn, request.name, None)
            if not isinstance(made, type) or not issubclass(made, nn.Module):
                raise NoTargetError(f"torch.nn has no {request.name}")
            try:
                with silenced():
                    return made()
            except TypeError as error:
                words = "it cannot be built without arguments: only one of the model's own can be tried"
                raise NoTargetError(words) from error
        module = self._structure.module(request.row)
        if module is None:
            raise NoTargetError(f"row {request.row} is no module")
        return copy.deepcopy(module)

    def _output(self) -> tuple[int, Seen]:
        """The first floating output that is more than one number."""
        if not self._runner.outputs:
            raise CaptureError("there is no output: the last run was dry or failed, or there was none")
        floating = [
            (leaf, seen)
            for leaf, seen in enumerate(self._runner.outputs)
            if seen.shape is not None and seen.dtype.startswith(("float", "bfloat"))
        ]
        if not floating:
            raise CaptureError("no output of the model is a tensor of floating numbers")
        return next((one for one in floating if one[1].shape), floating[0])

    def _origin(self, seen: Seen) -> str:
        """`output of fc3`, or with several outputs which of them: `output ["logits"], from fc3`."""
        made = self._runner.maker(seen)
        name = "" if made is None else made[1].rpartition(".")[2] or self._structure.path(made[0])
        if seen.path:
            return sendable(f"output {seen.path}" + (f", from {name}" if name else ""))
        return sendable(f"output of {name or 'the model'}")

    def _maker(self, seen: Seen) -> str:
        """What made the output: a function's name, or the class of a module."""
        made = self._runner.maker(seen)
        if made is None:
            return ""
        module = self._structure.module(made[0])
        return made[1].rpartition(".")[2].strip("_") or (type(module).__name__ if module is not None else "")


def _is_torchs(loss: nn.Module) -> bool:
    """Whether nothing of the user's runs in it."""
    return home(type(loss)).startswith("torch.nn.") and vars(loss).get("distance_function") is None


def _call(loss: nn.Module) -> str:
    """`CrossEntropyLoss(label_smoothing=0.1)`: what is not usual is told, as far as the loss keeps it."""
    usual = _usual(loss)
    told = [
        f"{name}={spelled(value)}"
        for name, value in vars(loss).items()
        if name in usual and spelled(value) != spelled(usual[name])
    ]
    return f"{type(loss).__name__}({', '.join(told)})"


def _usual(loss: nn.Module) -> dict[str, Any]:
    """Plain attributes of a new one with its defaults; nothing of what cannot be built without arguments."""
    if not home(type(loss)).startswith("torch.nn."):
        return {}
    try:
        with silenced():
            made = type(loss)()
    except TypeError:
        return {}
    return {name: value for name, value in vars(made).items() if not name.startswith("_") and name != "training"}


class Trial:
    """One loss on one output."""

    def __init__(self, loss: nn.Module, output: Tensor, origin: str, maker: str, seed: int) -> None:
        self._loss, self._origin, self._maker = loss, origin, maker
        self._kind = next(
            (base.__name__ for base in written_class(type(loss)).__mro__ if home(base).startswith("torch.nn.")), ""
        )
        self._generator = torch.Generator().manual_seed(seed)
        self._found = _distribution(output)
        self._notes: list[str] = []
        self._output = self._arranged(output)

    def run(self) -> LossTrial:
        """Call it on the output, then on the answer that knows nothing. Raises NoTargetError."""
        wanted = targets_for(self._kind, self._loss, self._output, self._generator)
        first = Made(_FIRST_NAMES.get(self._kind, "input"), self._output, self._origin)
        inputs = tuple(LossInput(made.name, _seen(made), sendable(made.words)) for made in (first, *wanted.made))
        self._look()
        trial = LossTrial(sendable(_call(self._loss)), inputs)
        others = tuple(made.value for made in wanted.made)
        try:
            result = self._called(self._output, *others)
        except Exception as error:  # what torch refuses is the answer
            return structs.replace(trial, notes=tuple(self._notes), failure=describe(error, "forward"))
        neutral, words = self._neutral(wanted.neutral, others)
        return structs.replace(
            trial,
            value=_mean(result),
            values=result.numel(),
            neutral=neutral,
            neutral_words=words,
            notes=tuple(self._notes),
        )

    def _called(self, *tensors: Tensor) -> Tensor:
        """Without hooks, which are the user's, and without gradients."""
        with torch.no_grad(), silenced(), unheard():
            result = self._loss.forward(*tensors)
        found: list[Tensor] = [tensor for _, tensor, _ in leaves(result) if tensor is not None]
        if not found:
            raise NoTargetError("the loss gave no tensor")
        return found[-1]  # AdaptiveLogSoftmaxWithLoss gives the loss after what it is made of

    def _neutral(self, neutral: Neutral | None, others: tuple[Tensor, ...]) -> tuple[float | None, str]:
        if neutral is None:
            return None, ""
        value = _mean(self._called(neutral.value, *others))
        same = math.isclose(value, neutral.expected, rel_tol=_CLOSE)
        return value, f"{neutral.words}: {neutral.formula}" if same else neutral.words

    # --- what does not go together ------------------------------------------------------------------------------------

    def _arranged(self, output: Tensor) -> Tensor:
        """With the classes on axis 1, where it is known that they are on the last one, as people arrange it."""
        if self._kind not in OVER_CLASSES or output.dim() < 3:
            return output
        last = output.dim() - 1
        if self._found is not None and self._found.axis == last:
            why = "it sums to 1 along its last axis"
        elif self._maker in _LAST_AXIS:
            why = f"{self._maker} gives its numbers on the last axis"
        else:
            self._notes.append(f"axis 1, of {plural(output.shape[1], 'number')}, is read as the classes")
            return output
        flat = output.reshape(-1, output.shape[last])
        self._notes.append(f"{shape(output.shape)} was flattened to {shape(flat.shape)}: {why}")
        if self._found is not None:
            self._found = Distribution(1, tuple(flat.shape), self._found.logarithm)
        return flat

    def _look(self) -> None:
        """Whether the output is what this loss wants."""
        output, found = self._output, self._found
        odd = output.numel() - int(output.isfinite().sum())
        if odd:
            self._notes.append(f"{odd:,} of {plural(output.numel(), 'number')} of the output are not finite")
        if self._kind == "CrossEntropyLoss":
            self._look_at_scores(found)
        elif self._kind in _IN_LOGARITHMS and output.dim() and output.numel() and not odd:
            self._look_at_logarithms()
        elif self._kind == "BCEWithLogitsLoss" and self._maker in _FROM_SIGMOID:
            self._notes.append("the output comes from a sigmoid, and this loss applies one itself")
        elif self._kind == "BCELoss" and output.numel() and not odd:
            low, high = float(output.min()), float(output.max())
            if low < 0 or high > 1:
                words = f"the output goes from {number(low)} to {number(high)}, and BCELoss wants 0 … 1"
                self._notes.append(f"{words}: nn.BCEWithLogitsLoss takes scores")

    def _look_at_logarithms(self) -> None:
        axis = self._output.dim() - 1 if self._kind == "CTCLoss" else class_axis(self._output)
        sums = self._output.double().exp().sum(axis)
        low, high = float(sums.min()), float(sums.max())
        if max(abs(low - 1), abs(high - 1)) > _NEAR_ONE:
            measured = number(low) if low == high else f"{number(low)} … {number(high)}"
            words = f"{self._kind} wants logarithms of probabilities; the exp of the output sums to {measured}"
            self._notes.append(f"{words} along axis {axis} and not to 1: LogSoftmax before it mends that")

    def _look_at_scores(self, found: Distribution | None) -> None:
        classes = self._output.shape[class_axis(self._output)] if self._output.dim() else 0
        if classes == 1:
            words = "one class alone is always right, whatever the output is"
            self._notes.append(f"{words}: for a yes or no there is nn.BCEWithLogitsLoss")
        if found is None or found.axis != class_axis(self._output):
            return
        if found.logarithm:
            words = "NN304: the output is log-probabilities already (their exp sums to 1)"
            self._notes.append(
                f"{words}: log_softmax, which this loss applies, changes nothing; nn.NLLLoss does without"
            )
            return
        words = "NN304: the output is probabilities already (they sum to 1), and this loss applies log_softmax itself"
        if getattr(self._loss, "weight", None) is None and not getattr(self._loss, "label_smoothing", 0):
            least = number(math.log(1 + (classes - 1) / math.e))
            words += f": an answer that is sure and right still gives ln(1 + {classes - 1}/e) = {least}, not 0"
        self._notes.append(words)


def _distribution(output: Tensor) -> Distribution | None:
    """Whether the output sums to 1, and along which axis; of one axis alone too."""
    if not output.dim() or not output.numel():
        return None
    if output.dim() > 1:
        return distribution_of(output)
    found = distribution_of(output[None])
    return None if found is None else Distribution(0, tuple(output.shape), found.logarithm)


def _mean(result: Tensor) -> float:
    return float(result.double().mean()) if result.numel() else math.nan


def _seen(made: Made) -> Seen:
    form = Seer().form(made.value)
    return Seen(made.name, form[0], form[1], form[2], bytes=form[5])
