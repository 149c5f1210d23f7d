"""NN214: there was not enough memory for what a call asked for."""

from __future__ import annotations

import re

import torch
from torch import nn

from inspector.engine.findings.phrases import by, size
from inspector.engine.findings.rule import Proof, Rule
from inspector.engine.findings.scene import Scene
from inspector.engine.kinds import is_a

_OUT_OF_MEMORY = getattr(torch, "OutOfMemoryError", torch.cuda.OutOfMemoryError)
_UNITS = {"bytes": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50}
_ASKED = re.compile(r"tried to allocate ([\d.]+) (bytes|B|[KMGTP]iB)", re.IGNORECASE)


def _prove(scene: Scene) -> Proof | None:
    asked = _asked(scene.text)
    refused = is_a(scene.halt.error, _OUT_OF_MEMORY, MemoryError)
    if not refused and (asked is None or not (_by_torch(scene) or asked > _available() > 0)):
        return None
    device, held = _held(scene)
    told = f"{size(asked)} were asked for" if asked is not None else "more memory was asked for than there is"
    return Proof(
        message=f"{scene.who}: {told}{f', {held}' if held else ''}",
        fix="a smaller batch or input; --dry needs no memory for values"
        + ("" if device == "cpu" else ", --device cpu"),
        received=", ".join(by(tensor.shape) for tensor in scene.tensors()[:4]),
        expected="",
    )


def _by_torch(scene: Scene) -> bool:
    """Whether what raised is torch's, and not a line of the user's that says such words."""
    return bool(scene.operation) or scene.module(nn.Module) is not None


def _asked(text: str) -> float | None:
    """What the allocator was asked for: nobody else knows it."""
    found = _ASKED.search(text)
    if found is None:
        return None
    units = {name.lower(): factor for name, factor in _UNITS.items()}
    return float(found[1]) * units[found[2].lower()]


def _held(scene: Scene) -> tuple[str, str]:
    """The device, and what is held there."""
    if is_a(scene.halt.error, _OUT_OF_MEMORY) and torch.cuda.is_available():
        device = torch.cuda.current_device()
        total = torch.cuda.get_device_properties(device).total_memory
        return "cuda", f"{size(torch.cuda.memory_allocated(device))} of {size(total)} are held by tensors"
    free = _available()
    return "cpu", f"{size(free)} are available" if free else ""


def _available() -> int:
    """Bytes that this machine can still give, as its kernel reckons them; 0 where none tells."""
    try:
        with open("/proc/meminfo", encoding="ascii") as stream:
            lines = stream.read().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 0)


MEMORY = Rule(
    "NN214",
    (RuntimeError, MemoryError),
    _prove,
    r"alloc|memory",
)
