"""What torch imports by itself when it first computes shapes without values: most of its compiler."""

from __future__ import annotations

import importlib
import os
import sys

from inspector.engine.source_files import is_library

_LATE = ("torch.fx.experimental.symbolic_shapes", "torch._dynamo")


def prepare() -> None:
    """Import it, about a second once for each process, without looking into the folder of the user's files.

    That folder is the first on sys.path, and a file in it that is called `profile.py` would be taken for Python's own.
    """
    if all(name in sys.modules for name in _LATE):
        return
    found = sys.path[:]
    sys.path[:] = [folder for folder in found if is_library(os.path.join(folder, "any.py"))]
    try:
        for name in _LATE:
            importlib.import_module(name)
    finally:
        sys.path[:] = found
