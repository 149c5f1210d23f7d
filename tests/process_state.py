"""What importing a user's file changes in a process, put back: for tests that load models without a child process."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from inspector.engine.source_files import attributes, is_library, module_file


def hear_interrupts() -> None:
    """For a child that is to be interrupted: a shell that runs the tests in the background has made it deaf to that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


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
        new = set(sys.modules) - set(modules)
        # torch does not survive being imported in part a second time: libraries stay.
        for name in [name for name in new if not is_library(_file_or_folder(sys.modules[name]))]:
            del sys.modules[name]
        sys.modules.update(modules)
        sys.path[:], sys.meta_path[:], sys.argv[:] = path, finders, argv
        os.chdir(folder)
        torch.set_default_dtype(dtype)
        sys.dont_write_bytecode = written


def _file_or_folder(module: object) -> str:
    """Where it came from; of a package without an __init__.py its folder."""
    return module_file(module) or next(iter(attributes(module).get("__path__", [])), "")
