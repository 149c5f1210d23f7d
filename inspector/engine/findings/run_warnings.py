"""NN312: what Python's warnings said while the model ran."""

from __future__ import annotations

from collections.abc import Iterable

from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene

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
            row = next((call.row for call in scene.calls if scene.line(call) == warned.source), None)
            yield Noticed(0 if row is None else row, f"{warned.category}: {text}{times}", source=warned.source)
