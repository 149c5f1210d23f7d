"""What each turn of a run makes visible in the window: columns, marks, the cursor, and a line of what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from inspector import run_labels
from inspector.format import literal
from inspector.messages import TensorDrawn
from inspector.run_schema import InputSet, RunRecord
from inspector.schema import Failure
from inspector.tui.detail import pages
from inspector.tui.open_model import OpenModel
from inspector.tui.tree_columns import COSTS

if TYPE_CHECKING:
    from inspector.tui.window import Window


class RunDisplay:
    """Shows runs in a window; asks for none."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self.drawn: Callable[[TensorDrawn], None] = lambda drawn: None
        """Whoever waits for a picture."""

    def inputs_chosen(self, inputs: InputSet) -> None:
        """The title says what goes in; where nothing can, a line says how to give it."""
        window = self._window
        window.show_title()
        if inputs.origin == "none" and window.message is None:
            window.tell(f"no sample inputs: {literal(inputs.reason)}; i gives them", window.appearance.palette.dim)
        window.show_detail()

    def run_finished(self, model: OpenModel, run: RunRecord, *, unasked: bool) -> None:
        """Costs after a run that was asked for, shapes after a dry one; after a failure the module that failed."""
        window, palette = self._window, self._window.appearance.palette
        window.model_tree.show_run(model.flow)
        window.trace.show_run(model.flow)
        if model.flow is not None and not run.dry and run.ok:
            window.model_tree.show_columns(COSTS)
        if run.finding is not None:
            self._show_failure(model, run)
        elif not unasked:
            window.tell(_told(run), palette.error if run.changed else palette.good)
        if run.changed:
            window.tell(f"not left as found: {literal(', '.join(run.changed))}", palette.error)
        window.show_title()
        window.show_detail()

    def _show_failure(self, model: OpenModel, run: RunRecord) -> None:
        window, finding = self._window, run.finding
        assert finding is not None
        if (row := pages.failed_row(model)) is not None:
            window.model_tree.go_to(row)
        guessed = "with guessed inputs, " if run.inputs.origin == "guessed" else ""
        line = f", line {finding.source.line}" if finding.source is not None else ""
        words = f"{finding.id} {guessed}forward failed in {literal(finding.path) or 'the model itself'}{line}"
        window.tell(f"{words}: {literal(finding.message)}", window.appearance.palette.error)

    def run_cancelled(self, guard: str, changed: tuple[str, ...]) -> None:
        window, palette = self._window, self._window.appearance.palette
        window.tell(f"run cancelled; {literal(guard)}", palette.error if changed else palette.base)

    def run_refused(self, failure: Failure, *, unasked: bool) -> None:
        """Inputs that cannot be used, or a fault of the engine: in one line, and whole among the details."""
        window = self._window
        mend = f"; {literal(failure.mend)}" if failure.mend else ""
        window.tell(f"{literal(failure.message)}{mend}", window.appearance.palette.error)

    def tensor_drawn(self, drawn: TensorDrawn) -> None:
        self.drawn(drawn)


def _told(run: RunRecord) -> str:
    """`forward 12.3 ms ± 0.1 ms · 834 kFLOP · peak 1.2 MiB · left as found: 10 tensors, …`"""
    if run.dry:
        return f"shapes of a dry run for {run_labels.inputs_line(run.inputs)}; r runs it"
    words = run_labels.measured(run)
    words += [literal(note) for note in run.notes]
    if run.guard:
        words.append(literal(run.guard))
    return "forward " + " · ".join(words)
