"""Out-of-memory kills are counted where this process would be counted, in every layout of control groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.engine.oom import out_of_memory_kills


def machine(root: Path, files: dict[str, str]) -> tuple[Path, Path]:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root / "proc", root / "cgroup"


@pytest.mark.parametrize(
    ("files", "kills"),
    [
        ({"proc/vmstat": "oom_kill_other 9\noom_kill 2\n"}, 2),
        (
            {
                "proc/vmstat": "oom_kill 2\n",
                "proc/self/cgroup": "0::/user/app\n",
                "cgroup/user/app/memory.events": "low 0\noom 5\noom_kill 3\noom_group_kill 0\n",
            },
            3,
        ),
        (
            {
                "proc/vmstat": "oom_kill 2\n",
                "proc/self/cgroup": "5:cpu:/x\n4:memory:/x\n0::/\n",
                "cgroup/memory/x/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n",
            },
            4,
        ),
        (
            {
                "proc/vmstat": "oom_kill 2\n",
                "proc/self/cgroup": "4:memory:/docker/abc\n",
                "cgroup/memory/memory.oom_control": "oom_kill 6\n",
            },
            6,
        ),
        ({"proc/vmstat": "oom_kill 2\n", "proc/self/cgroup": "0::/\n"}, 2),
        ({"proc/vmstat": "pgfault 1\n"}, 0),
        ({}, 0),
    ],
    ids=["no groups", "v2", "v1", "v1 in a container", "v2 root", "old kernel", "no proc"],
)
def test_kills_are_counted(tmp_path: Path, files: dict[str, str], kills: int) -> None:
    assert out_of_memory_kills(*machine(tmp_path, files)) == kills
