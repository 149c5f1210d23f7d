"""Who looks at a training flag, and on which line: heard while a pass goes on.

`training` is a plain attribute of every module. While this is entered nn.Module has a descriptor of that name, which
reads and writes the same attribute and says that somebody asked. So nobody needs to guess from class names or source
code which modules could behave differently.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import CodeType
from typing import Any

import torch
from torch import nn

import inspector
from inspector.engine.failure import sendable
from inspector.engine.source_files import attributes
from inspector.schema import Source

_FOREIGN = tuple(os.path.join(os.path.dirname(os.path.realpath(str(of.__file__))), "") for of in (torch, inspector))

Heard = Callable[[nn.Module, "Source | None"], None]
"""Gets the module whose flag it is, and the line that looked; None when that is one of torch's."""


class _Flag:
    """The attribute `training`, listened to."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._lines: dict[tuple[CodeType, int], Source | None] = {}

    def __get__(self, module: nn.Module | None, owner: type) -> Any:
        if module is None:
            raise AttributeError(f"type object '{owner.__name__}' has no attribute 'training'")
        try:
            flag = attributes(module)["training"]
        except KeyError:  # then nn.Module.__getattr__ is asked, as without this
            raise AttributeError(f"'{owner.__name__}' object has no attribute 'training'") from None
        self._heard(module, self._line())
        return flag

    def __set__(self, module: nn.Module, value: Any) -> None:
        attributes(module)["training"] = value

    def __delete__(self, module: nn.Module) -> None:
        try:
            del attributes(module)["training"]
        except KeyError:
            raise AttributeError("training") from None

    def _line(self) -> Source | None:
        frame = sys._getframe(2)
        where = frame.f_code, frame.f_lineno
        if where not in self._lines:
            file = os.path.realpath(frame.f_code.co_filename)
            mine = not file.startswith(_FOREIGN) and not frame.f_code.co_filename.startswith("<")
            self._lines[where] = Source(sendable(frame.f_code.co_filename), frame.f_lineno or 1) if mine else None
        return self._lines[where]


class Looks:
    """Listens to the flags of all modules, from when it is told to. To stop twice is to stop once: somebody may
    interrupt at any point."""

    def __init__(self, heard: Heard) -> None:
        self._flag = _Flag(heard)
        self._before: Any = vars(nn.Module).get("training")

    def listen(self) -> None:
        nn.Module.training = self._flag  # type: ignore[assignment]

    def stop(self) -> None:
        """Put back what nn.Module had when this was made."""
        if self._before is not None:
            nn.Module.training = self._before
        elif "training" in vars(nn.Module):
            del nn.Module.training
