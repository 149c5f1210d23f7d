"""The commands that run the model and look at what flowed."""

from __future__ import annotations

from inspector.tui.window import Window


class RunCommands(Window):
    """A window in which the model can be run."""

    def action_run(self) -> None:
        """Run the model; shapes, times, FLOPs and statistics of every call come when it is over."""
        self._begin(untouched=False)

    def action_untouched(self) -> None:
        """Run it as it runs when nobody looks: only the whole is timed."""
        self._begin(untouched=True)

    def _begin(self, *, untouched: bool) -> None:
        model = self.talk.model
        if model is None:
            return
        self.message = None
        if self.talk.runs.begin(untouched=untouched):
            return
        if not model.alive:
            self.tell("the engine has ended; R loads the model again")
        elif model.preview:
            self.tell("the structure is still being read")

    def action_trace(self) -> None:
        """The trace in place of the tree, and back; the cursor stays on its module."""
        model = self.talk.model
        if model is None:
            return
        if self.main is self.trace:
            row = self.row_here
            self.body.remove_class("tracing")
            self.model_tree.go_to(row)
        elif model.flow is None:
            self.tell("no run yet: r runs the model")
            return
        else:
            call = model.table.call_of(self.model_tree.row)
            self.body.add_class("tracing")
            if call is not None:
                self.trace.go_to(call)
        if not self.body.has_class("detail-open"):
            self.main.focus()
        self.call_after_refresh(self.show_detail)
