"""The commands that try one layer with other arguments, and a loss on the output, without touching the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.messages import TryLayer
from inspector.tui.detail import pages
from inspector.tui.problem_commands import ProblemCommands
from inspector.tui.trial_fields import Asked

if TYPE_CHECKING:  # A window opens without screens that few ask for.
    from inspector.tui.loss_screen import LossScreen


class TryCommands(ProblemCommands):
    """A window in which a layer can be tried, and a loss on the output."""

    _losses: LossScreen | None = None
    """The screen that waits for what losses give."""
    _wanted: int | None = None
    """The row of the layer that is to be tried as soon as its arguments are read."""

    def action_try_loss(self) -> None:
        """The losses of torch.nn, each tried on what the model gave in the last run."""
        model = self.talk.model
        if model is None:
            return
        if not model.alive or model.preview:
            self._complain_unless(False)
            return
        if model.run is None or model.run.dry or not model.run.ok:
            going_on = "a run is going on" if model.running else "r runs the model"
            self.tell(f"a loss wants an output, and there is none yet: {going_on}")
            return

        def ask(name: str) -> None:
            if self.talk.model is model:
                self.talk.try_loss(-1, name)

        from inspector.tui.loss_screen import LossScreen

        title = f"losses, tried on the output of {model.title}"
        self._losses = LossScreen(title, ask, lambda: model.losses, self.appearance)
        self.push_screen(self._losses)

    def answer_came(self) -> None:
        super().answer_came()
        wanted, model = self._wanted, self.talk.model
        if wanted is not None and model is not None and wanted in model.details:
            self._wanted = None
            if self.screen is self.body and pages.owner(model, self.row_here) == wanted:
                self.action_try_layer()
        if self._losses is not None and self._losses.is_current:
            self._losses.refresh_answer()

    def action_try_layer(self) -> None:
        """The constructor's arguments as lines to edit, and what would come of them."""
        model = self.talk.model
        if model is None:
            return
        row = pages.owner(model, self.row_here)
        detail = model.details.get(row)
        if detail is None:
            self._wanted = row  # before it is asked for: the answer may come at once
            self.talk.describe(row)
            return

        def ask(asked: Asked) -> None:
            request = TryLayer(row, asked.arguments, asked.inputs, asked.mode, asked.dry, self.talk.runs.wanted.seed)
            self._complain_unless(self.talk.runs.try_layer(request))

        path = model.table.short_path(row)
        from inspector.tui.try_screen import TryScreen

        trial = TryScreen(path, detail.qualified_type, detail.arguments, self.appearance, ask=ask)
        self.run_display.trial = trial
        self.push_screen(trial)
