"""NN311: an input without a batch axis, which a layer has taken for one sample."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from inspector.engine.findings.phrases import by
from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene
from inspector.engine.kinds import is_a
from inspector.run_schema import CallKind
from inspector.schema import Source

_CHANNELS = {1: "channels, length", 2: "channels, height, width", 3: "channels, depth, height, width"}
_SPATIAL: tuple[tuple[type[nn.Module], ...], ...] = (
    (nn.Conv1d, nn.ConvTranspose1d, nn.MaxPool1d, nn.AvgPool1d, nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool1d),
    (nn.Conv2d, nn.ConvTranspose2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d),
    (nn.Conv3d, nn.ConvTranspose3d, nn.MaxPool3d, nn.AvgPool3d, nn.AdaptiveAvgPool3d, nn.AdaptiveMaxPool3d),
)


class Unbatched(RunRule):
    id = "NN311"
    modes = ("eval", "train")
    of_dry_runs = True

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        whole = _shapes(scene.calls[0].inputs) if scene.calls else []
        for call in scene.calls:
            given = _shapes(call.inputs)
            if call.kind != CallKind.MODULE or not given or not whole:
                continue
            read = _reading(call.module, given[0][0])
            if not read or not _has_no_batch(whole[0], given[0]):
                continue
            source: Source | None = scene.line(call)
            name, shape = scene.who(call), given[0][0]
            yield Noticed(
                call.row,
                f"{name} read {by(shape)} as one unbatched sample ({read}): the input has no batch axis",
                "if a single sample is meant, x.unsqueeze(0) says so; if the first axis is the batch, "
                f"an axis is missing: {name} wants {len(shape) + 1} with a batch",
                source,
                call.index,
            )
            return


def _shapes(seens: Iterable[object]) -> list[tuple[tuple[int, ...], bool]]:
    """Shape of every tensor, and whether it holds floating values."""
    return [
        (seen.shape, "float" in seen.dtype or "complex" in seen.dtype)  # type: ignore[attr-defined]
        for seen in seens
        if seen.shape is not None  # type: ignore[attr-defined]
    ]


def _reading(module: nn.Module, shape: tuple[int, ...]) -> str:
    """How a layer reads an input without a batch axis; empty when it has one."""
    for number, kinds in enumerate(_SPATIAL, start=1):
        if is_a(module, *kinds):
            return _CHANNELS[number] if len(shape) == number + 1 else ""
    if is_a(module, nn.RNNBase, nn.MultiheadAttention):
        return "seq, feature" if len(shape) == 2 else ""
    return ""


def _has_no_batch(whole: tuple[tuple[int, ...], bool], given: tuple[tuple[int, ...], bool]) -> bool:
    """Whether the model's own input has as few axes: ids lack the one that an embedding adds."""
    axes = len(whole[0]) if whole[1] else len(whole[0]) + 1
    return axes == len(given[0]) and whole[0][0] == given[0][0]
