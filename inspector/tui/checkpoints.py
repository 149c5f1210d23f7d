"""The checkpoint beside the open model: what was asked for, and what came of it. A part of the conversation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from inspector.checkpoint_schema import CheckpointComparison
from inspector.messages import CompareCheckpoint
from inspector.schema import Failure
from inspector.tui.open_model import OpenModel

if TYPE_CHECKING:
    from inspector.tui.conversation import Conversation


class Checkpoints:
    """Asks for a comparison, and again for every model that is loaded after it."""

    def __init__(self, talk: Conversation) -> None:
        self._talk = talk
        self.wanted: CompareCheckpoint | None = None
        """The last file that was asked for."""
        self.compared: Callable[[OpenModel, CheckpointComparison], None] = lambda model, found: None
        """Shows what came of it."""
        self.refused: Callable[[Failure], None] = lambda failure: None
        """Shows why a file cannot be read."""

    def ask(self, request: CompareCheckpoint) -> bool:
        """Compare the open model with another file from now on; False when that cannot be now."""
        self.wanted = request
        return self.begin()

    def begin(self) -> bool:
        """Ask for it, if there is a file and a model."""
        model, engine = self._talk.model, self._talk.engine
        if self.wanted is None or model is None or engine is None or not model.alive or model.preview:
            return False
        return engine.send(self.wanted, model.engine)

    def hear(self, model: OpenModel, found: CheckpointComparison) -> None:
        """Take in what came of it; it takes the place of what came of another file."""
        model.checkpoint = found
        model.noticed["checkpoint"] = found.findings
        self.compared(model, found)

    def failed(self, failure: Failure) -> None:
        """The file is no checkpoint: what came of an earlier one stays."""
        self.refused(failure)
