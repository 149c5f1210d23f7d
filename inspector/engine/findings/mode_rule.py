"""What a rule about train and eval is: it looks at a comparison and at the flags, and says what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import nn

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
    found: dict[int, bool]
    """The training flags of all modules as they were found, by the modules' identities."""
    trained: dict[int, bool]
    """Those of the modules that the train run called, as they were then."""
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


@dataclass(frozen=True, slots=True)
class ModeRule:
    """One entry of the catalogue."""

    id: str
    title: str
    documentation: str
    """One paragraph: when it fires, why that happens, what mends it."""
    severity: Severity
    find: Callable[[ModeScene], Iterable[Noticed]]

    def findings(self, scene: ModeScene) -> Iterable[Finding]:
        """What the rule has to say of this model."""
        for noticed in self.find(scene):
            yield Finding(
                id=self.id,
                severity=self.severity,
                row=scene.row_of(noticed.module),
                path=scene.path(noticed.module),
                message=sendable(noticed.message),
                fix=sendable(noticed.fix),
                source=noticed.source,
            )
