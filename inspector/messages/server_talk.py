"""What the front end and the warm server say to each other: fork an engine, kill one, hear how it ended."""

from __future__ import annotations

from inspector.schema import Failure, Record

# --- front end → warm server ------------------------------------------------------------------------------------------


class ForkEngine(Record, frozen=True, tag="fork-engine"):
    """Fork an engine. Four descriptors travel with it: its wire, its stdout, its stderr, and its crash report."""

    engine: int


class KillEngine(Record, frozen=True, tag="kill-engine"):
    """End this engine and every process it started, now."""

    engine: int


class Farewell(Record, frozen=True, tag="farewell"):
    """The front end leaves in order: the terminal is its own business. End every engine, then yourself."""


ServerRequest = ForkEngine | KillEngine | Farewell


# --- warm server → front end ------------------------------------------------------------------------------------------


class TorchImported(Record, frozen=True, tag="torch-imported"):
    """The server is warm."""

    version: str
    seconds: float


class TorchMissing(Record, frozen=True, tag="torch-missing"):
    """Importing torch raised; nothing can be loaded."""

    failure: Failure


class EngineForked(Record, frozen=True, tag="engine-forked"):
    engine: int
    pid: int


class EngineEnded(Record, frozen=True, tag="engine-ended"):
    """An engine process is gone."""

    engine: int
    status: int
    """As subprocess gives it: the exit code, or minus the signal's number."""
    out_of_memory: bool = False
    """The kernel's count of out-of-memory kills rose while this engine lived, and it died of SIGKILL."""


ServerEvent = TorchImported | TorchMissing | EngineForked | EngineEnded
