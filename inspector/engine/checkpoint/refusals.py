"""Why a checkpoint is not read."""

from __future__ import annotations

from inspector.engine.failure import LoadFailed, refuse


class NeedsCodeError(Exception):
    """Reading the file would import and call these names, which torch does not take for harmless."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(", ".join(names))
        self.names = names


def refuse_file(message: str, mend: str = "") -> LoadFailed:
    """A file that is no checkpoint, or not a whole one; to be raised."""
    return refuse("checkpoint", "CheckpointUnreadable", message, mend=mend)
