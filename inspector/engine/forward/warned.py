"""Python's warnings of a run: each once, with the line that is to blame."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from inspector.engine.failure import sendable
from inspector.engine.forward.sources import Sources
from inspector.run_schema import Warned
from inspector.schema import Source

MOST = 100
"""Different warnings that are kept."""


class Warnings:
    """What was warned of."""

    def __init__(self) -> None:
        self._met: dict[tuple[str, str, Source], int] = {}
        self._sources = Sources()

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Collect every warning, also one that was given before; nothing is printed."""
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            warnings.showwarning = self._hear  # type: ignore[assignment]
            yield

    def records(self) -> tuple[Warned, ...]:
        """Each warning once, in the order in which they came first."""
        complete = self._sources.complete
        return tuple(
            Warned(category, text, complete(source), times) for (category, text, source), times in self._met.items()
        )

    def _hear(self, message: Any, category: type, filename: str, lineno: int, *_: Any) -> None:
        try:
            text = sendable(str(message))
        except BaseException as trouble:  # the user's own class may raise anything
            text = f"(its message cannot be read: {type(trouble).__name__})"
        met = sendable(category.__name__), text, self._sources.caller() or Source(sendable(filename), lineno)
        if met in self._met or len(self._met) < MOST:
            self._met[met] = self._met.get(met, 0) + 1


@contextmanager
def silenced() -> Iterator[None]:
    """No warning is heard: it was the first time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
