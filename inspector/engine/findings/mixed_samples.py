"""NN315: in eval mode the output of one sample changes when another sample of the batch is changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from inspector.engine.findings.layout import Layout, flow_of, is_batch_first, paired
from inspector.engine.findings.phrases import at, by
from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene, short
from inspector.engine.forward.batch_tracking import CHANGED
from inspector.engine.forward.calls import Call
from inspector.engine.forward.observation import Returned
from inspector.engine.kinds import is_a
from inspector.engine.source_files import attributes
from inspector.run_schema import CallKind

_TOLERANCE = 1e-4
_MOST_BYTES = 1 << 28
_REDUCTIONS = frozenset((
    "mean", "std", "var", "max", "min", "amax", "amin", "sum", "norm", "softmax", "log_softmax", "cumsum", "sort",
    "argsort", "normalize", "median", "layer_norm", "logsumexp", "cumprod", "flip", "roll",
))  # fmt: skip


class Ends(RunRule):
    """Keeps what the model gave, to be compared with what it gives with one sample changed."""

    id = "NN315"

    def __init__(self) -> None:
        self.outputs: list[Tensor | None] = []

    def watch(self, returned: Returned) -> None:
        if returned.call.parent is None:
            self.outputs = [_copied(tensor) for tensor in returned.outputs()]


def _copied(tensor: Tensor) -> Tensor | None:
    plain = tensor.layout is torch.strided and tensor.is_floating_point() and tensor.nbytes <= _MOST_BYTES
    return tensor.detach().clone() if plain else None


def moved_by_another(before: Sequence[Tensor | None], after: Sequence[Tensor | None], size: int) -> str:
    """How far the outputs of the samples that were not changed have moved; empty when they have not.

    Outputs that hold something for each pair of samples move in the column of the changed one, as they should.
    """
    found = ""
    for one, two in zip(before, after, strict=False):
        if one is None or two is None or one.shape != two.shape or not one.dim() or one.shape[0] != size:
            continue
        first, second = one[CHANGED + 1 :].float(), two[CHANGED + 1 :].float()
        first, second = torch.nan_to_num(first, 0, 0, 0), torch.nan_to_num(second, 0, 0, 0)
        apart = (first - second).abs()
        scale = float(first.abs().max()) if first.numel() else 0.0
        if not scale or float(apart.max()) <= _TOLERANCE * scale or _only_in_its_column(apart, size, scale):
            continue
        samples = int((apart.flatten(1).amax(1) > _TOLERANCE * scale).sum()) if apart.dim() > 1 else len(apart)
        found = found or (
            f"the output of {samples} of the {size - 1} other samples moves by up to "
            f"{100 * float(apart.max()) / scale:.2g} % of the largest value"
        )
    return found


def _only_in_its_column(apart: Tensor, size: int, scale: float) -> bool:
    for axis in range(1, apart.dim()):
        if apart.shape[axis] == size:
            others = apart.index_fill(axis, torch.tensor([CHANGED], device=apart.device), 0)
            if float(others.max()) <= _TOLERANCE * scale:
                return True
    return False


class MixedSamples(RunRule):
    """For a run of which is known where its samples lie."""

    id = "NN315"

    def __init__(self, moved: str) -> None:
        self._moved = moved

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        if scene.batch is None or not self._moved or (layout := Layout(scene)).is_graph:
            return
        call = self._first_to_mix(scene)
        if call is None or _says_so(call) or not self._is_sure(scene, layout, call):
            return
        source = scene.line(call)
        yield Noticed(
            call.row,
            f"in eval mode samples of the batch influence each other: with sample {CHANGED} changed, {self._moved}; "
            f"they are mixed first by {scene.who(call)}{at(source)}{_how(call)}",
            _fix(call),
            source,
            call.index,
        )

    def _first_to_mix(self, scene: RunScene) -> Call | None:
        """From the output back to the call that got samples apart and gave them mixed."""
        waiting = [seen.maker for seen, lies in self._outputs(scene, scene.calls[0]) if lies.tangled]
        met: set[int] = set()
        found: Call | None = None
        while waiting:
            index = waiting.pop(0)
            if index in met or not 0 <= index < len(scene.calls):
                continue
            met.add(index)
            call = scene.calls[index]
            flow = flow_of(scene, call)
            pairs = paired(call.inputs, flow.inputs) if flow is not None else []
            tangled = [seen.maker for seen, lies in pairs if lies.tangled and seen.maker != index]
            if not tangled and (found is None or index < found.index):
                found = call
            waiting += tangled
        return found

    def _outputs(self, scene: RunScene, call: Call) -> list[tuple]:  # type: ignore[type-arg]
        flow = flow_of(scene, call)
        return paired(call.outputs, flow.outputs) if flow is not None else []

    def _is_sure(self, scene: RunScene, layout: Layout, call: Call) -> bool:
        """Whether axis 0 is beyond doubt the batch: (time, batch, …) and a set of nodes mix on purpose."""
        if layout.batch_first:
            return not layout.sequence_first or is_batch_first(call.module) is None
        if layout.sequence_first or any(is_batch_first(each.module) is False for each in scene.calls):
            return False
        if _is_pairwise(scene):
            return False
        given = next((seen.shape for seen in scene.calls[0].inputs if seen.shape is not None), ())
        plain = len(given) == 2 and (call.kind == CallKind.MODULE or short(call).rstrip("_") in _REDUCTIONS)
        return plain and _starts_linear(scene)


def _says_so(call: Call) -> bool:
    """Whether the class that mixes them is called for it, as MinibatchStdDev is; a norm that is named so is not."""
    around: Call | None = call
    while around is not None:
        name = type(around.module).__name__.lower()
        if "batch" in name and "norm" not in name:
            return True
        around = around.parent
    return False


def _is_pairwise(scene: RunScene) -> bool:
    """Whether something is computed for every pair of samples, as attention over a set does."""
    size = scene.batch.size if scene.batch is not None else 0
    return any(
        seen.shape is not None and seen.shape[-2:] == (size, size) and call.kind == CallKind.OPERATION
        for call in scene.calls
        for seen in call.outputs
        if short(call) in ("@", "matmul", "bmm", "einsum", "cdist", "mm", "baddbmm", "scaled_dot_product_attention")
    )


def _starts_linear(scene: RunScene) -> bool:
    """Whether the first layer is one that takes rows: then they are samples, as everywhere in torch."""
    first = next((call for call in scene.calls if call.kind == CallKind.MODULE and _has_weights(call.module)), None)
    return first is not None and is_a(first.module, nn.Linear, _BatchNorm)


def _has_weights(module: nn.Module) -> bool:
    return any(each is not None for each in (attributes(module).get("_parameters") or {}).values())


def _how(call: Call) -> str:
    if call.kind == CallKind.MODULE and is_a(call.module, _BatchNorm):
        return ", which normalises with the statistics of the batch in eval mode too (track_running_stats=False)"
    if is_batch_first(call.module) is False and call.kind == CallKind.MODULE:
        return ", which reads axis 0 as time (batch_first=False)"
    shapes = [seen.shape for seen in (*call.inputs[:1], *call.outputs[:1]) if seen.shape is not None]
    return f" ({' → '.join(by(shape) for shape in shapes)})" if len(shapes) == 2 else ""


def _fix(call: Call) -> str:
    if call.kind == CallKind.MODULE and is_a(call.module, _BatchNorm):
        return "track_running_stats=True"
    if call.kind == CallKind.MODULE and is_batch_first(call.module) is False:
        return "batch_first=True"
    if short(call) in ("view", "reshape"):
        return "view and reshape keep the order of the values: where axes are to change places, permute first"
    return ""
