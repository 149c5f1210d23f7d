"""The command that compares the model with a checkpoint, and what of the answer is seen at once."""

from __future__ import annotations

from inspector import checkpoint_labels
from inspector.checkpoint_schema import CheckpointComparison
from inspector.format import literal
from inspector.messages import CompareCheckpoint, Load, Run
from inspector.schema import Failure
from inspector.tui.appearance import Appearance
from inspector.tui.conversation import Connect
from inspector.tui.open_model import OpenModel
from inspector.tui.prompt_commands import PromptCommands


class CheckpointCommands(PromptCommands):
    """A window in which a file can be laid beside the model."""

    def __init__(self, connect: Connect, request: Load, appearance: Appearance, run: Run | None = None) -> None:
        super().__init__(connect, request, appearance, run)
        self.talk.checkpoints.compared = self._checkpoint_compared
        self.talk.checkpoints.refused = self._checkpoint_refused

    def action_checkpoint(self, unsafe: bool = False) -> None:
        """Ask for the path of a file, the last one to begin with; whether it fits is seen when it is given."""

        def given(path: str | None) -> None:
            self._close_prompt()
            if path:
                self.message = None
                self._complain_unless(self.talk.checkpoints.ask(CompareCheckpoint(path, unsafe)))

        wanted = self.talk.checkpoints.wanted
        hint = "a checkpoint that may run code of its own" if unsafe else "a checkpoint: best.pt"
        self._ask_words("=", None, given, begun=wanted.file if wanted is not None else "", hint=hint)

    def _checkpoint_compared(self, model: OpenModel, found: CheckpointComparison) -> None:
        """How much of it fits in one line, the rest where problems are told; the model's own page says it as well."""
        palette = self.appearance.palette
        grave = any(finding.severity == "error" for finding in found.findings)
        style = palette.good if found.fits else palette.error if grave else palette.warning
        self.run_display.findings_changed(model)
        self.tell(checkpoint_labels.line(found) + ("; x tells all" if found.findings else ""), style)
        if found.changed:
            self.model_not_as_found(found.changed)
        self.show_detail()

    def _checkpoint_refused(self, failure: Failure) -> None:
        mend = f"; {failure.mend}" if failure.mend else ""
        self.tell(literal(f"{failure.message}{mend}"), self.appearance.palette.error)
