"""What the shell is told, and what a person who asked for what cannot be."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspector.schema import Failure


class ExitCode(IntEnum):
    """What the shell is told; an interface like any other."""

    FINE = 0
    PROBLEMS = 1
    """--check has found some."""
    USAGE = 2
    """Usage, target not found or ambiguous, bad configuration."""
    USER_CODE = 3
    """The user's file failed: import, constructor or forward."""
    ENGINE = 4
    """The engine died or timed out."""
    INTERRUPTED = 130


_ASKED_WRONGLY = ("MissingArguments", "UnknownArguments", "MisfitArguments")
"""Failures to build a model that are the command line's, not the constructor's."""


def code_of(failure: Failure) -> ExitCode:
    """The code of a load or a run that failed with this."""
    if failure.stage in ("target", "config", "torch", "inputs", "checkpoint") or failure.type in _ASKED_WRONGLY:
        return ExitCode.USAGE
    return ExitCode.ENGINE if failure.stage == "engine" else ExitCode.USER_CODE


def complain(words: str) -> ExitCode:
    """Say on stderr what is wrong with the command line."""
    print(f"nn-inspect: {words}", file=sys.stderr)
    return ExitCode.USAGE
