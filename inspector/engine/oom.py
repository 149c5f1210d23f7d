"""Counts the kernel's out-of-memory kills, so that a SIGKILL out of nowhere can be told as what it was."""

from __future__ import annotations

from pathlib import Path


def out_of_memory_kills(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> int:
    """The kills so far in this process's control group, else on the whole machine; 0 where no kernel tells.

    Only a rise means something. Every kill counts for the group of its victim, whoever's limit was met, so the group
    is asked first: the machine's count also rises when a stranger's process is killed.
    """
    for path in [*_group_files(proc, cgroups), proc / "vmstat"]:
        if (count := _count(path)) is not None:
            return count
    return 0


def _group_files(proc: Path, cgroups: Path) -> list[Path]:
    """Where the groups of this process count, its own file before the one that a container sees as the root's."""
    try:
        lines = (proc / "self/cgroup").read_text().splitlines()
    except OSError:
        return []  # No control groups, as on macOS.
    files: list[Path] = []
    for _, controllers, group in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        if "memory" in controllers.split(","):
            folder, name = cgroups / "memory", "memory.oom_control"
        elif controllers == "":
            folder, name = cgroups, "memory.events"
        else:
            continue
        files += [folder / group.lstrip("/") / name, folder / name]
    return files


def _count(path: Path) -> int | None:
    """The number after `oom_kill`, which all three kinds of file spell alike."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None  # Not mounted here, or the root group, which has no such file.
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)
