"""What a rule about train and eval is: it looks at a comparison, and says what is wrong with the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import nn

from inspector.catalogue import CATALOGUE
from inspector.engine.failure import sendable
from inspector.engine.modes.noise import Noise
from inspector.mode_schema import Comparison
from inspector.run_schema import Finding, Severity
from inspector.schema import Source


@dataclass(frozen=True, slots=True)
class ModeScene:
    """What such a rule may look at."""

    model: nn.Module
    row_of: Callable[[nn.Module], int | None]
    path_of: Callable[[int], str]
    comparison: Comparison
    trained: dict[int, bool]
    """The training flags of the modules that the train run called, as they were then, by the modules' identities."""
    noise: Noise | None = None
    """Where two eval runs begin to differ, if they do."""

    def path(self, module: nn.Module) -> str:
        """The dotted path of a module; empty for the model itself."""
        row = self.row_of(module)
        return sendable(self.path_of(row)) if row is not None else ""

    def name(self, module: nn.Module) -> str:
        """The same as a sentence says it."""
        return self.path(module) or sendable(type(module).__name__)


@dataclass(frozen=True, slots=True)
class Noticed:
    """What a rule found, in words; the rest of a Finding is the same for all."""

    module: nn.Module
    message: str
    fix: str = ""
    source: Source | None = None
    severity: Severity | None = None
    """Where it is milder than the catalogue has it."""


@dataclass(frozen=True, slots=True)
class ModeRule:
    """How one entry of the catalogue is found."""

    id: str
    find: Callable[[ModeScene], Iterable[Noticed]]

    def findings(self, scene: ModeScene) -> Iterable[Finding]:
        """What the rule has to say of this model."""
        for noticed in self.find(scene):
            yield Finding(
                id=self.id,
                severity=noticed.severity or CATALOGUE[self.id].severity,
                row=scene.row_of(noticed.module),
                path=scene.path(noticed.module),
                message=sendable(noticed.message),
                fix=sendable(noticed.fix),
                source=noticed.source,
            )
