"""What is known of one kind of finding."""

from __future__ import annotations

from typing import NamedTuple

from inspector.run_schema import Severity


class Entry(NamedTuple):
    """One kind of finding."""

    id: str
    severity: Severity
    title: str
    documentation: str
    """One paragraph: when it fires, why that matters, what mends it."""
