"""What importing a user's file changes in a process, put back: for tests that load models without a child process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from inspector.engine.source_files import is_library, module_file


@contextmanager
def put_back() -> Iterator[None]:
    """Forget the user's modules, and restore the search path, the arguments, the folder and torch's defaults."""
    modules = dict(sys.modules)
    path, finders, argv = list(sys.path), list(sys.meta_path), list(sys.argv)
    folder, dtype, written = os.getcwd(), torch.get_default_dtype(), sys.dont_write_bytecode
    sys.dont_write_bytecode = (
        True  # As in an engine: a file that is saved twice in a second must not come from a cache.
    )
    try:
        yield
    finally:
        for name in set(sys.modules) - set(modules):
            if not is_library(module_file(sys.modules[name])):
                del sys.modules[name]  # torch does not survive being imported in part a second time.
        sys.modules.update(modules)
        sys.path[:], sys.meta_path[:], sys.argv[:] = path, finders, argv
        os.chdir(folder)
        torch.set_default_dtype(dtype)
        sys.dont_write_bytecode = written
