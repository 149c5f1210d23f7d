"""What a rule is: one way for a forward to fail, and how to prove that it failed in this way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inspector.catalogue import CATALOGUE
from inspector.engine.findings.scene import Scene
from inspector.run_schema import Severity


@dataclass(frozen=True, slots=True)
class Proof:
    """What a rule measured, in words; the rest of a Finding is the same for all of them."""

    message: str
    fix: str = ""
    received: str = ""
    expected: str = ""
    producer: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """How one entry of the catalogue is proven."""

    id: str
    errors: tuple[type[BaseException], ...]
    """Classes that the fault raises; an exception of another class is another fault."""
    prove: Callable[[Scene], Proof | None]
    """Measures the live arguments; None unless they prove the fault. Looks at no text of PyTorch's."""
    words: str = ""
    """Regular expression that PyTorch's text tends to match; it only decides between rules that are all proven."""

    @property
    def severity(self) -> Severity:
        """What the catalogue says."""
        return CATALOGUE[self.id].severity
