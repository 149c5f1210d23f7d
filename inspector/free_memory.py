"""How much memory a run may take before the machine, or the control group that this runs in, has none left."""

from __future__ import annotations

from pathlib import Path


def free_bytes(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> int:
    """The least of what the kernel and the control groups still have to give; 0 where nobody tells, as on macOS."""
    said = [_available(proc), *(_of_group(folder) for folder in _groups(proc, cgroups))]
    return min((bytes_ for bytes_ in said if bytes_ is not None), default=0)


def _available(proc: Path) -> int | None:
    """What could be given without swapping."""
    try:
        lines = (proc / "meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)


def _groups(proc: Path, cgroups: Path) -> list[Path]:
    """The folder of this process's group and those above it: each has a limit of its own."""
    try:
        lines = (proc / "self/cgroup").read_text().splitlines()
    except OSError:
        return []
    own = next((line[len("0::") :].strip("/") for line in lines if line.startswith("0::")), "")
    folder = cgroups / own
    return [folder, *(above for above in folder.parents if above.is_relative_to(cgroups))]


def _of_group(folder: Path) -> int | None:
    """Limit less use; pages of files that the kernel can let go are not counted as used."""
    try:
        limit = (folder / "memory.max").read_text().strip()
        used = int((folder / "memory.current").read_text())
        stat = (folder / "memory.stat").read_text().splitlines()
    except (OSError, ValueError):
        return None  # The root group has no such files, nor has the first version of control groups.
    if not limit.isdigit():
        return None  # "max": no limit.
    idle = next((int(line.split()[1]) for line in stat if line.startswith("inactive_file ")), 0)
    return max(int(limit) - used + idle, 1)
