"""The commands that run the model, set its modes, and look at what flowed."""

from __future__ import annotations

import shlex
from functools import partial

from inspector.format import literal
from inspector.messages import DrawTensor, Load, Run, SetModes
from inspector.mode_schema import StatisticsStepped, TrainingSampled
from inspector.run_schema import InputSet
from inspector.schema import Failure, OperationRow
from inspector.tui import card_questions
from inspector.tui.appearance import Appearance
from inspector.tui.conversation import Connect
from inspector.tui.copy_commands import CopyCommands
from inspector.tui.detail import pages
from inspector.tui.detail.answers_page import write_samples, write_steps
from inspector.tui.detail.picture_page import VALUE_AXES, WEIGHT_AXES
from inspector.tui.open_model import OpenModel
from inspector.tui.picture_view import PictureScreen


class RunCommands(CopyCommands):
    """A window in which the model can be run."""

    def __init__(self, connect: Connect, request: Load, appearance: Appearance, run: Run | None = None) -> None:
        super().__init__(connect, request, appearance, run)
        self.run_display.mend_inputs = self._mend_inputs
        self.run_display.show_answer = self._show_answer

    # --- running ------------------------------------------------------------------------------------------------

    def action_run(self) -> None:
        """Run the model; shapes, times, FLOPs and statistics of every call come when it is over."""
        self.message = None
        self._complain_unless(self.talk.runs.begin())

    def action_untouched(self) -> None:
        """Run it as it runs when nobody looks: only the whole is timed."""
        self.message = None
        self._complain_unless(self.talk.runs.begin(untouched=True))

    def action_compare(self) -> None:
        """Run it in train and in eval mode, and show what differs and why."""
        self.message = None
        self._complain_unless(self.talk.runs.compare())

    def action_backward(self) -> None:
        """Forward and backward in train mode: the gradient of every parameter, and what is wrong with them."""
        self.message = None
        self._complain_unless(self.talk.runs.backward())

    def action_step_statistics(self) -> None:
        """Some train-mode forwards on fresh samples: what becomes of the running statistics. All goes back."""
        self._complain_unless(self.talk.runs.step(keep=False))

    def action_keep_statistics(self) -> None:
        """The same, and the model in this window keeps them; nothing is written to disk."""
        self._complain_unless(self.talk.runs.step(keep=True))

    def action_sample_training(self) -> None:
        """Train mode many times on one input: how far the answer scatters."""
        self._complain_unless(self.talk.runs.sample())

    def action_toggle_mode(self, below: bool) -> None:
        """The other mode for the module under the cursor, with everything below it or alone."""
        model, row = self.talk.model, self.row_here
        if model is None:
            return
        while row and not model.table.is_module(row):
            row = model.table.above(row)
        trains = model.table.mode(row) == "train"
        request = SetModes(model.table.first_place(row), "eval" if trains else "train", below)
        self._complain_unless(self.talk.runs.set_modes(request))

    def action_restore_modes(self) -> None:
        """Every module in the mode in which it was found."""
        self._complain_unless(self.talk.runs.set_modes(SetModes(0, "found")))

    def _complain_unless(self, asked: bool) -> None:
        model = self.talk.model
        if asked:
            return
        if model is None:
            self.tell("there is no model to run; R loads the file again")
        elif not model.alive:
            self.tell("the engine has ended; R loads the model again")
        elif model.preview:
            self.tell("the structure is still being read")

    def _show_answer(self, answer: StatisticsStepped | TrainingSampled) -> None:
        """What came of steps or samples, over the window."""
        from inspector.tui.text_screen import TextScreen

        assert self.talk.model is not None
        if isinstance(answer, StatisticsStepped):
            title, write = "running statistics, step by step", partial(write_steps, table=self.talk.model.table)
        else:
            title, write = "train mode, many times", write_samples  # type: ignore[assignment]
        self.push_screen(TextScreen(title, partial(write, answer=answer), self.appearance))

    # --- the trace ----------------------------------------------------------------------------------------------

    def action_trace(self) -> None:
        """The trace in place of the tree, and back; the cursor stays on its module."""
        model = self.talk.model
        if model is None:
            return
        self._forget_message()
        if self.main is self.trace:
            row = self.row_here
            self.body.remove_class("tracing")
            self.model_tree.go_to(row)
        elif model.flow is None:
            self.tell("the first run is going on" if model.running else "no run yet: r runs the model")
            return
        else:
            call = model.table.call_of(self.model_tree.row)
            self.body.add_class("tracing")
            if call is not None:
                self.trace.go_to(call)
        if not self.body.has_class("detail-open"):
            self.body.set_focus(self.main, scroll_visible=False)  # at once: `focus` would let the next key pass
        self.call_after_refresh(self.show_detail)

    # --- inputs -------------------------------------------------------------------------------------------------

    def action_inputs(self) -> None:
        """Edit what goes into the model; what it leads to is looked at in a dry run."""
        model = self.talk.model
        if model is None:
            return
        if model.inputs is None and (refused := model.refused) is not None:
            nothing = InputSet("none", reason=refused.message, signature=refused.arguments)
            self._edit_inputs(model, nothing)
            return
        if model.inputs is None:
            self.tell("what goes in is looked for; i again when it is there")
            self.talk.runs.begin(dry=True)
            return
        self._edit_inputs(model, model.inputs)

    def _mend_inputs(self, failure: Failure, request: Run) -> None:
        """Show what was typed again, with what is wrong with it."""
        if (model := self.talk.model) is not None:
            inputs = model.inputs or InputSet("none", reason=failure.message, signature=failure.arguments)
            self._edit_inputs(model, inputs, request.inputs, failure.message)

    def _edit_inputs(self, model: OpenModel, inputs: InputSet, typed: tuple[str, ...] = (), refusal: str = "") -> None:
        from inspector.tui.input_editor import InputEditor

        editor = InputEditor(
            inputs,
            self.appearance,
            model=model.title,
            command=command_of(self.talk.request),
            copy=lambda text: self.copy(text, "the command line"),
            typed=typed,
            refusal=refusal,
        )
        self.push_screen(editor, self._inputs_given)

    def _inputs_given(self, texts: tuple[str, ...] | None) -> None:
        if texts is not None:
            self.message = None
            self._complain_unless(self.talk.runs.give(texts))

    def action_measure(self) -> None:
        """Measure the tensor under the cursor, of whatever size; of a module, go to its first tensor.

        On a card that wants a forward for what it shows: repeat that, however long it takes.
        """
        if (model := self.talk.model) is None:
            return
        if self._tab == pages.CARD and card_questions.ask(self.talk, pages.owner(model, self.row_here), insist=True):
            return
        table, row = model.table, self.model_tree.row
        here = (child for child in (row, *table.children(row)) if pages.has_values(table.row(child)))
        if (tensor := next(here, None)) is None:
            self.tell("no tensor of its own here to measure")
            return
        self.model_tree.go_to(tensor)
        self.talk.measure(tensor)

    # --- pictures -----------------------------------------------------------------------------------------------

    def action_picture(self) -> None:
        """See the values under the cursor: of a tensor what it holds, of a call what it gave out in the last run."""
        model = self.talk.model
        if model is None:
            return
        if not model.alive or model.preview:
            self._complain_unless(False)
            return
        row, call = self.row_here, self.trace.call if self.main is self.trace else None
        record = model.table.row(row)
        if call is None and pages.has_values(record):
            self._draw(literal(model.table.path(row)), row=row, axes=WEIGHT_AXES)
            return
        if call is None:
            call = record.call if isinstance(record, OperationRow) else model.table.call_of(row)
        if call is None and model.run is not None and not model.run.dry:
            self.tell("nothing flowed here: it was not called in the last run; on a tensor p shows what it holds")
        elif call is None or model.run is None or model.run.dry:
            going_on = "a run is going on" if model.running else "r runs the model"
            self.tell(f"nothing flowed here yet: {going_on}; on a tensor p shows what it holds")
        else:
            self._draw(f"output of {pages.name_of_call(model, call)}", call=call, axes=VALUE_AXES)

    def _draw(self, title: str, *, row: int = -1, call: int = -1, axes: tuple[str, ...]) -> None:
        model = self.talk.model

        def draw(index: tuple[int, ...], height: int, width: int) -> None:
            if self.talk.model is not model:
                picture.fail("the model was loaded again: Esc goes back to it")
            elif not self.talk.runs.draw(DrawTensor(height, width, row, call, index=index)):
                picture.fail("the engine has ended")

        picture = PictureScreen(title, draw, self.appearance, axes=axes)
        self.run_display.picture = picture
        self.push_screen(picture)


def command_of(request: Load) -> str:
    """The command line of a load, ready to be typed."""
    words = ["nn-inspect", request.target]
    for argument in request.arguments:
        words += ["--arg", argument]
    if request.config:
        words += ["--config", request.config]
    if request.device != "cpu":
        words += ["--device", request.device]
    return shlex.join(words)
