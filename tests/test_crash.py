"""Reports of faulthandler name the line of the user's own code, and a death is told as what it was."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from inspector import crash, death
from inspector.crash import Foreign, Step
from inspector.schema import Source

HANG = """\
Timeout (0:00:05)!
Thread 0x00007f24c0ff9640 (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 320 in wait

Thread 0x00007fde3f46db80 [python] (most recent call first):
  File "/usr/lib/python3.11/site-packages/torch/nn/functional.py", line 95 in linear
  File "/home/me/mod\\xe8le.py", line 4 in spin
  File "/home/me/mod\\xe8le.py", line 7 in __init__
  File "/opt/inspector/engine/target.py", line 16 in load
"""
MAIN = 0x7FDE3F46DB80
FOREIGN = Foreign(("/usr/lib/python3.11", "/opt/inspector"))


def fatal(file: str, line: int) -> str:
    return f"""\
Fatal Python error: Segmentation fault

Thread 0x00007f24c0ff9640 (most recent call first):
  File "/home/me/elsewhere.py", line 1 in loop

Current thread 0x00007fde3f46db80 (most recent call first):
  File "/usr/lib/python3.11/ctypes/__init__.py", line 519 in string_at
  File "{file}", line {line} in boom
  File "{file}", line 1 in <module>

Extension modules: torch._C (total: 1)
"""


def test_the_line_of_a_hang_is_the_innermost_of_the_users_own() -> None:
    step = crash.own(crash.stack(HANG, MAIN), FOREIGN)
    assert step == Step("/home/me/modèle.py", 4, "spin")


def test_only_the_newest_report_counts() -> None:
    later = HANG.replace("line 4 in spin", "line 5 in spin")
    assert crash.stack(HANG + later, MAIN)[1].line == 5


def test_a_report_without_the_main_thread_names_no_line() -> None:
    assert crash.stack(HANG, MAIN + 1) == []


def test_frames_without_a_file_are_nobodys() -> None:
    steps = [Step("<frozen importlib._bootstrap>", 241, "_call"), Step("<string>", 1, "<module>")]
    assert crash.own(steps, Foreign()) is None


def test_installed_packages_are_foreign_wherever_they_lie() -> None:
    assert Foreign().holds("/srv/env/lib/python3.12/dist-packages/numpy/core.py")
    assert not Foreign(("/home/me/lib",)).holds("/home/me/library.py")


def test_a_crash_is_where_the_current_thread_was(tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text("def boom():\n    lib.boom()\n")
    told = death.failure(death.End(-signal.SIGSEGV, report=HANG + fatal(str(file), 2), stderr="last words"), FOREIGN)
    assert told.message == "the engine was killed by signal 11 (segmentation fault) in model.py:2 `lib.boom()`"
    assert told.source == Source(str(file), 2, "lib.boom()")
    assert told.context == ((1, "def boom():"), (2, "    lib.boom()"))
    assert [frame.function for frame in told.frames] == ["<module>", "boom"]
    assert told.traceback.startswith("Fatal Python error: Segmentation fault\n")
    assert told.traceback.endswith("\nlast words\n")
    assert "Timeout" not in told.traceback


@pytest.mark.parametrize(
    ("end", "type_", "message"),
    [
        (
            death.End(3, stage="building Net()"),
            "exit code 3",
            "the engine ended with exit code 3 while building Net(): os._exit was called, or exit in C",
        ),
        (
            death.End(-9, out_of_memory=True, stage="building Net()"),
            "out of memory",
            "out of memory: the kernel's OOM killer ended the engine while building Net()",
        ),
        (death.End(-9), "SIGKILL", "the engine was ended by SIGKILL from outside"),
        (
            death.End(-8, stage="importing model.py"),
            "SIGFPE",
            "the engine was killed by signal 8 (floating point exception) while importing model.py",
        ),
        (death.End(-40), "signal 40", "the engine was killed by signal 40 (real-time signal 6)"),
    ],
)
def test_a_death_is_told_as_what_it_was(end: death.End, type_: str, message: str) -> None:
    told = death.failure(end, Foreign())
    assert (told.stage, told.type, told.message) == ("engine", type_, message)


def test_an_old_crash_report_is_not_blamed_for_an_orderly_exit(tmp_path: Path) -> None:
    told = death.failure(death.End(1, report=fatal(str(tmp_path / "worker.py"), 2)), Foreign())
    assert told.source is None
    assert told.traceback == ""


def test_lack_of_memory_names_a_way_out() -> None:
    assert "--device meta" in death.failure(death.End(-9, out_of_memory=True), Foreign()).mend


def test_a_server_that_dies_while_importing_torch_blames_torch() -> None:
    told = death.server_failure(-signal.SIGILL, "Fatal Python error: Illegal instruction", importing=True)
    assert told.stage == "torch"
    assert told.message == "the warm server was killed by signal 4 (illegal instruction) while importing torch"
    assert "Illegal instruction" in told.traceback
