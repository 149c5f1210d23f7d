"""What each turn of a run makes visible in the window: columns, marks, the cursor, and a line of what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from inspector import gradient_rows, run_labels
from inspector.format import literal
from inspector.gradient_rows import GradientRows
from inspector.messages import Run, TensorDrawn
from inspector.mode_rows import ModeRows, verdicts
from inspector.mode_schema import StatisticsStepped, TrainingSampled
from inspector.problems import badges, ordered
from inspector.run_schema import Finding, InputSet, LayerTrial, RunRecord
from inspector.schema import Failure
from inspector.tui.bars import Status
from inspector.tui.detail import failure_card, pages
from inspector.tui.open_model import OpenModel
from inspector.tui.pending import Job
from inspector.tui.picture_view import PictureScreen
from inspector.tui.tree_columns import COSTS, MODES

if TYPE_CHECKING:
    from inspector.tui.try_screen import TryScreen
    from inspector.tui.window import Window

Answer = StatisticsStepped | TrainingSampled


class RunDisplay:
    """Shows runs in a window; asks for none."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self.mend_inputs: Callable[[Failure, Run], None] = lambda failure, request: None
        """Lets the person mend what was typed."""
        self.show_answer: Callable[[Answer], None] = lambda answer: None
        """Shows what came of steps or samples."""
        self.picture: PictureScreen | None = None
        """The screen that waits for a picture."""
        self.trial: TryScreen | None = None
        """The screen that waits for what comes of a trial."""

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
        window.rows_renumbered(model.table)
        window.model_tree.show_run(model.flow)
        window.trace.show_run(model.flow)
        window.rows_replaced()
        if model.flow is not None and not run.dry and run.ok:
            window.model_tree.show_columns(COSTS)
        if run.finding is not None:
            self._show_failure(model, run)
        elif not run.ok:
            window.tell(_raised(run), palette.error)
        elif not unasked:
            window.tell(_told(run), palette.error if run.changed else palette.good)
        self._tell_changes(run.changed)
        window.show_title()
        window.show_detail()

    def run_untouched(self, model: OpenModel, run: RunRecord) -> None:
        """How long the whole took with nothing watched; what a run before it told of every layer stays."""
        window, palette = self._window, self._window.appearance.palette
        if run.ok:
            words = f"{run_labels.mode(run)} forward with nothing watched {run_labels.whole_seconds(run)}"
            if model.run is not None and model.run.ok and not model.run.dry:
                words += f", before {run_labels.whole_seconds(model.run)}"
            words += f" · {literal(run.guard.partition(':')[0])}"
            window.tell(words, palette.error if run.changed else palette.good)
        else:
            window.tell(f"with nothing watched {_raised(run)}", palette.error)
        self._tell_changes(run.changed)
        window.show_title()
        window.show_detail()

    def _show_failure(self, model: OpenModel, run: RunRecord) -> None:
        window, finding = self._window, run.finding
        assert finding is not None
        if (row := pages.failed_row(model)) is not None:
            window.model_tree.go_to(row)
        more = "" if window.detail.display else "Enter tells all"
        window.message = Status(_failed(run, finding), window.appearance.palette.error, more)
        window.show_status()

    def run_cancelled(self, guard: str, changed: tuple[str, ...]) -> None:
        window, palette = self._window, self._window.appearance.palette
        window.tell(f"run cancelled; {literal(guard.partition(':')[0])}", palette.error if changed else palette.base)
        self._tell_changes(changed)

    def run_refused(self, failure: Failure, request: Job, *, unasked: bool) -> None:
        """Inputs that cannot be used: in one line, and what was typed can be mended at once; else a fault, whole."""
        window = self._window
        mend = f"; {literal(failure.mend)}" if failure.mend else ""
        of_code = failure.stage != "inputs" or failure.source is not None
        words = literal(run_labels.exception(failure) if of_code else failure.message)
        title = f"{failure_card.title(failure)}: " if of_code and failure.stage == "inputs" else ""
        line = f" (line {failure.source.line})" if failure.source is not None else ""
        window.tell(f"{title}{words}{line}{mend}", window.appearance.palette.error)
        if of_code:
            window.talk.failure = failure  # until the cursor moves
            window.show_tab(pages.OVERVIEW)
            window.show_detail()
        elif isinstance(request, Run) and not unasked:
            self.mend_inputs(failure, request)

    # --- train and eval -----------------------------------------------------------------------------------------

    def modes_compared(self, model: OpenModel, rows: ModeRows) -> None:
        """The columns of the comparison, and the cursor on the source that matters most, with the reason beside it."""
        window, palette, comparison = self._window, self._window.appearance.palette, rows.comparison
        if comparison.failed_in:
            self._comparison_failed(model, rows)
            return
        model.uncompared = None
        window.model_tree.show_modes(rows)
        window.model_tree.show_columns(MODES)
        window.show_tab(pages.MODES)
        sources = rows.sources()
        if sources:
            window.model_tree.go_to(sources[0].row)
        words, *shorter = verdicts(rows)
        window.tell(words, palette.warning if sources else palette.good, shorter=tuple(shorter))
        self._tell_changes(comparison.changed)
        window.show_title()
        window.show_detail()

    def _comparison_failed(self, model: OpenModel, rows: ModeRows) -> None:
        """In one of the modes forward raised: that is the answer."""
        window, comparison = self._window, rows.comparison
        model.modes, model.uncompared = None, comparison
        finding = comparison.finding
        if finding is not None and finding.row is not None:
            window.model_tree.go_to(finding.row)
        said = finding.message if finding is not None else comparison.failure.message if comparison.failure else ""
        id_ = f"{finding.id} " if finding is not None else ""
        words = f"{id_}forward failed in {comparison.failed_in} mode: {literal(said)}; so there is nothing to compare"
        short = f"{id_}in {comparison.failed_in} mode: {literal(said)}"
        more = "" if window.detail.display else "Enter tells all"
        window.message = Status(words, window.appearance.palette.error, more, shorter=(short,))
        window.show_tab(pages.MODES)
        window.show_status()
        window.show_detail()

    # --- backward -----------------------------------------------------------------------------------------------

    def backward_finished(self, model: OpenModel, rows: GradientRows) -> None:
        """What was propagated and how many got something of it; the cursor on the gravest that was noticed."""
        window, palette, record = self._window, self._window.appearance.palette, rows.record
        window.show_tab(pages.RUN)
        found = next(iter(ordered((*filter(None, (record.finding,)), *record.findings))), None)
        if found is not None and found.row is not None:
            window.model_tree.go_to(found.row)
        if record.failed_in:
            raised = run_labels.exception(record.failure) if record.failure is not None else ""
            said = found.message if found is not None else raised
            window.tell(f"{gradient_rows.stopped(record)}: {literal(said)}", palette.error)
        elif not record.objective:
            window.tell(gradient_rows.headline(rows), palette.warning)
        else:
            got = gradient_rows.summary(rows)
            style = palette.good if found is None else palette.error if found.severity == "error" else palette.warning
            shorter = (f"{got} · Enter shows them", got)
            window.tell(f"{got} · {gradient_rows.headline(rows)}", style, shorter=shorter)
        self._tell_changes(record.changed)
        window.show_title()
        window.show_detail()

    def modes_set(self, model: OpenModel, as_found: bool) -> None:
        window = self._window
        window.model_tree.redraw()
        window.show_title()
        words = (
            "every module is in the mode it was found in" if as_found else "modes set here; a run uses exactly these"
        )
        window.tell(f"{words}; U puts them back" if not as_found else words)
        window.show_detail()

    def findings_changed(self, model: OpenModel) -> None:
        """Badges in the tree, and a count in the line below."""
        window = self._window
        window.model_tree.show_badges(badges(model.table, model.findings))
        window.show_status()

    def answered(self, answer: Answer) -> None:
        self._tell_changes(answer.changed)
        self.show_answer(answer)

    # --- trials and pictures ------------------------------------------------------------------------------------

    def layer_tried(self, trial: LayerTrial) -> None:
        self._tell_changes(trial.changed)
        if self.trial is not None and self.trial.is_current:
            self.trial.show(trial)

    def trial_refused(self, failure: Failure) -> None:
        if self.trial is not None and self.trial.is_current:
            self.trial.refuse(failure)

    def tensor_drawn(self, drawn: TensorDrawn) -> None:
        if self.picture is not None and self.picture.is_current:
            self.picture.show(drawn.picture)

    def drawing_failed(self, failure: Failure) -> None:
        if self.picture is not None and self.picture.is_current:
            self.picture.fail(run_labels.exception(failure))

    def _tell_changes(self, changed: tuple[str, ...]) -> None:
        if changed:
            palette = self._window.appearance.palette
            self._window.tell(f"not left as found: {literal(', '.join(changed))}", palette.error)


def _failed(run: RunRecord, finding: Finding) -> str:
    """`NN201 inputs guessed, line 21: fc1 expects 576 features, got 400 …`: what is wrong before what is beside it."""
    guessed = "inputs guessed" if run.inputs.origin == "guessed" else ""
    line = f"line {finding.source.line}" if finding.source is not None else ""
    beside = ", ".join(filter(None, (guessed, line)))
    dry = " (in a dry run)" if run.dry else ""
    return f"{finding.id} {beside}{': ' if beside else ''}{literal(finding.message)}{dry}"


def _raised(run: RunRecord) -> str:
    """`forward failed, line 12: RuntimeError: …`, of a run in which nobody saw where."""
    failure = run.failure
    return run_labels.stopped(run) + (f": {literal(run_labels.exception(failure))}" if failure else "")


def _told(run: RunRecord) -> str:
    """`eval forward 12.3 ms ± 0.1 ms · 834 kFLOP · peak 1.2 MiB · left as found`; page 3 tells all of it."""
    if run.dry:
        more = "on meta there are no values" if run.device == "meta" else "r runs it for real"
        return f"shapes of a dry run, {more}: {run_labels.inputs_line(run.inputs)}"
    words = run_labels.measured(run)
    if run.guard:
        proof = literal(run.guard.partition(":")[0])
        words.insert(len(words) - (run.training_bytes is not None), proof)  # what fits into 80 cells stands first
    words += [literal(note) for note in run.notes]
    return f"{run_labels.mode(run)} forward " + " · ".join(words)
