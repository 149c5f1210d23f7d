"""The commands that lead to what was noticed."""

from __future__ import annotations

from inspector.format import literal
from inspector.run_schema import Finding
from inspector.tui.problems_screen import ProblemsScreen, severity_style
from inspector.tui.run_commands import RunCommands


class ProblemCommands(RunCommands):
    """A window in which problems are listed and gone to."""

    def action_problems(self) -> None:
        """The list; Enter there goes to the place."""
        if (model := self.talk.model) is None:
            return

        def chosen(finding: Finding | None) -> None:
            if finding is not None and self.talk.model is model:
                self._go_to(finding)
            elif finding is not None:
                self.tell("the model was loaded again meanwhile; x lists what was noticed of this one")

        self.push_screen(ProblemsScreen(model.findings, model.table, self.row_here, self.appearance), chosen)

    def action_problem(self, step: int) -> None:
        """To the next one below the cursor, around the end if need be; the gravest first where several stand."""
        model = self.talk.model
        if model is None:
            return
        placed = sorted((f for f in model.findings if f.row is not None), key=lambda finding: finding.row or 0)
        if not placed:
            self.tell("nothing was noticed" if not model.findings else "x lists what was noticed of the whole model")
            return
        here = self.row_here
        ahead = [f for f in placed if f.row is not None and (f.row > here if step > 0 else f.row < here)]
        pool = ahead or placed
        self._go_to(pool[0] if step > 0 else pool[-1])

    def _go_to(self, finding: Finding) -> None:
        if finding.row is not None:
            if self.main is self.trace:
                self.body.remove_class("tracing")
                self.model_tree.focus()
            self.model_tree.go_to(finding.row)
        self.tell(f"{finding.id} {literal(finding.message)}", severity_style(self.appearance.palette, finding))
