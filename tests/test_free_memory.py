"""What is free is the least of what anybody says."""

from __future__ import annotations

from pathlib import Path

from inspector.free_memory import free_bytes


def machine(folder: Path, available: int, *groups: tuple[str, str, int]) -> tuple[Path, Path]:
    """Files as the kernel has them: groups are (name, limit, use), the last one this process's own."""
    proc, cgroups = folder / "proc", folder / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text(f"MemTotal: 999999 kB\nMemAvailable:   {available} kB\n")
    (proc / "self/cgroup").write_text(f"0::/{groups[-1][0] if groups else ''}\n")
    for name, limit, used in groups:
        (cgroups / name).mkdir(parents=True)
        (cgroups / name / "memory.max").write_text(f"{limit}\n")
        (cgroups / name / "memory.current").write_text(f"{used}\n")
        (cgroups / name / "memory.stat").write_text("anon 1\ninactive_file 100\n")
    return proc, cgroups


def test_without_a_limit_it_is_what_the_machine_has(tmp_path: Path) -> None:
    assert free_bytes(*machine(tmp_path, 4, ("user", "max", 50))) == 4096


def test_a_limit_of_a_group_above_counts_too_and_pages_that_can_go_are_free(tmp_path: Path) -> None:
    assert free_bytes(*machine(tmp_path, 4, ("user", "2000", 1500), ("user/job", "max", 10))) == 600


def test_a_full_group_is_not_taken_for_one_without_a_limit(tmp_path: Path) -> None:
    assert free_bytes(*machine(tmp_path, 4, ("user", "2000", 2500))) == 1


def test_where_nobody_tells_it_is_not_known(tmp_path: Path) -> None:
    assert free_bytes(tmp_path, tmp_path) == 0
