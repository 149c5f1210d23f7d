"""The names that a pickle would import, read from its instructions without following one."""

from __future__ import annotations

import pickletools
import zipfile
from typing import IO, Any

from torch import _weights_only_unpickler

LEGACY_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The first bytes of what torch.save wrote before it wrote zip files: a pickle of one number."""

_BEFORE_THE_OBJECT = 3
"""Pickles in such a file that come before what was saved: that number, the version, the machine."""


def foreign_names(file: str) -> tuple[str, ...]:
    """The names in a file of torch.save that torch does not take for harmless; as many as can be read."""
    with open(file, "rb") as opened:
        if opened.read(len(LEGACY_MAGIC)) == LEGACY_MAGIC:
            opened.seek(0)
            names: dict[str, None] = {}
            for _ in range(_BEFORE_THE_OBJECT + 1):
                names |= imported(opened)
        else:
            with zipfile.ZipFile(file) as archive, archive.open(_record(archive)) as record:
                names = imported(record)
    return tuple(name for name in names if name not in _harmless())


def _record(archive: zipfile.ZipFile) -> str:
    return next(name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl")


def _harmless() -> set[str]:
    """What torch allows, with what the user's own code has allowed."""
    found: set[str] = set()
    for name in ("_get_allowed_globals", "_get_user_allowed_globals"):
        allowed: dict[str, Any] = getattr(_weights_only_unpickler, name, dict)()
        found.update(allowed)
    return found


def imported(file: IO[bytes]) -> dict[str, None]:
    """The names that one pickle imports, `module.name`, in the order in which they stand there.

    Leaves the file behind the pickle. Names that are put together while it is read stay unknown.
    """
    names: dict[str, None] = {}
    texts: list[Any] = ["", ""]
    memo: dict[Any, Any] = {}
    try:
        for code, argument, _ in pickletools.genops(file):
            match code.name:
                case "GLOBAL":
                    names[str(argument).replace(" ", ".", 1).replace("__builtin__.", "builtins.")] = None
                    texts.append("")
                case "STACK_GLOBAL":
                    names[f"{texts[-2]}.{texts[-1]}"] = None
                    texts.append("")
                case "MEMOIZE":
                    memo[len(memo)] = texts[-1]
                case "PUT" | "BINPUT" | "LONG_BINPUT":
                    memo[argument] = texts[-1]
                case "GET" | "BINGET" | "LONG_BINGET":
                    texts.append(memo.get(argument, ""))
                case _ if code.stack_after:
                    texts.append(argument if isinstance(argument, str) else "")
    except ValueError:  # a pickle that breaks off: what was read until there counts
        pass
    return names
