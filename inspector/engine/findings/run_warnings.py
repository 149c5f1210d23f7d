"""NN312: what Python's warnings said while the model ran."""

from __future__ import annotations

from collections.abc import Iterable

from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene
from inspector.run_schema import CallKind, Warned

_LONGEST = 300


class RunWarnings(RunRule):
    id = "NN312"
    modes = ("eval", "train")
    of_dry_runs = True

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        for warned in scene.warnings:
            text = " ".join(warned.text.split())
            text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
            times = f" ({warned.times} times)" if warned.times > 1 else ""
            yield Noticed(_row(scene, warned), f"{warned.category}: {text}{times}", source=warned.source)


def _row(scene: RunScene, warned: Warned) -> int:
    """The module in whose forward the line stands; the model's own where nobody knows."""
    for call in scene.calls:
        if call.source is not None and call.source == warned.source:
            return call.row if call.kind == CallKind.OPERATION or call.parent is None else call.parent.row
    return scene.calls[0].row
