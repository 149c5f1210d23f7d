"""How much memory could be taken now without taking it from anybody."""

from __future__ import annotations

import os
from pathlib import Path

import torch


def free_memory(device: torch.device) -> int:
    """Bytes that are free on a device; of the CPU those that Linux calls available, within this process's group."""
    if device.type == "cuda":
        free: int = torch.cuda.mem_get_info(device)[0]
        return free
    return min([_available(), *_left_in_group()])


def _available(proc: Path = Path("/proc")) -> int:
    try:
        lines = (proc / "meminfo").read_text().splitlines()
    except OSError:  # as on macOS, which does not tell: half of what there is
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 0)


def _left_in_group(cgroups: Path = Path("/sys/fs/cgroup")) -> list[int]:
    """What the control group that a container runs in leaves, where it has a limit."""
    left = []
    for folder, limit, used in (
        (cgroups, "memory.max", "memory.current"),
        (cgroups / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        try:
            left.append(int((folder / limit).read_text()) - int((folder / used).read_text()))
        except (OSError, ValueError):  # no such group, or "max"
            continue
    return [max(bytes_left, 0) for bytes_left in left]
