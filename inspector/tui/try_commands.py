"""The command that tries one layer by itself, with other arguments, without touching the model."""

from __future__ import annotations

from inspector.messages import TryLayer
from inspector.tui.detail import pages
from inspector.tui.problem_commands import ProblemCommands
from inspector.tui.trial_fields import Asked
from inspector.tui.try_screen import TryScreen


class TryCommands(ProblemCommands):
    """A window in which a layer can be tried."""

    def action_try_layer(self) -> None:
        """The constructor's arguments as lines to edit, and what would come of them."""
        model = self.talk.model
        if model is None:
            return
        row = pages.owner(model, self.row_here)
        detail = model.details.get(row)
        if detail is None:
            self.talk.describe(row)
            self.tell("its arguments are being read; b again when they are there")
            return

        def ask(asked: Asked) -> None:
            request = TryLayer(row, asked.arguments, asked.inputs, asked.mode, asked.dry, self.talk.runs.wanted.seed)
            self._complain_unless(self.talk.runs.try_layer(request))

        path = model.table.short_path(row)
        trial = TryScreen(path, detail.qualified_type, detail.arguments, self.appearance, ask=ask)
        self.run_display.trial = trial
        self.push_screen(trial)
