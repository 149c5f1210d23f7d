"""Versions of this program and of what it stands on, as far as they tell without being imported."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from importlib.util import find_spec

from inspector import __version__


def of_tools(torch: str) -> dict[str, str]:
    """What a report was made with; of torch the version that was really imported."""
    return {
        "nn-inspect": __version__,
        "python": platform.python_version(),
        "torch": torch,
        "textual": version("textual"),
        "torchinfo": version("torchinfo"),
    }


def version(distribution: str) -> str:
    """What is installed."""
    try:
        return installed(distribution)
    except PackageNotFoundError:
        return "installed without metadata" if find_spec(distribution) else "not installed"
