"""Where the user's code is, told while it goes on and without an end to it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from inspector import crash
from inspector.engine.watchdog import described

BUSY = """
import sys, time
from inspector.engine import watchdog

watchdog.HANG_SECONDS = 0.001
def deeper(levels):
    return sum(deeper(levels - 1) for _ in range(2)) if levels else 1

dog = watchdog.Watchdog(1)
dog.watch()
end = time.monotonic() + 10
while time.monotonic() < end:
    deeper(9)
dog.rest()
sys.stderr.write("alive")
"""
IN_C = """
import re
from inspector.engine import watchdog

watchdog.HANG_SECONDS, watchdog.STUCK_SECONDS = 0.1, 0.2
dog = watchdog.Watchdog(1)
dog.watch()
re.match("(a+)+$", "a" * 60 + "b")
"""


def test_who_is_busy_in_python_lives_through_any_number_of_looks() -> None:
    done = subprocess.run([sys.executable, "-c", BUSY], capture_output=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, b"alive")
    assert done.stdout.count(b"in deeper\n") > 100


def test_a_call_into_c_that_keeps_the_gil_is_told_by_its_line_all_the_same() -> None:
    with subprocess.Popen([sys.executable, "-c", IN_C], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, b"")
        found = next(line for line in lines if line.startswith(b'  File "<string>", line 8'))
        process.kill()
    assert found.endswith(b"in <module>\n")


def test_what_is_told_is_read_as_faulthandlers_words_are(tmp_path: Path) -> None:
    file = tmp_path / "модель.py"
    file.write_text("import sys\ndef été():\n    return sys._getframe()\nframe = été()\n", encoding="utf-8")
    names: dict[str, object] = {}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), names)
    frame = names["frame"]
    me = threading.get_ident()
    (step, *_) = crash.stack(described(me, frame).decode("ascii"), me)  # type: ignore[arg-type]
    assert (step.file, step.line, step.function) == (str(file), 3, "été")


def test_nothing_is_told_to_who_has_gone_away() -> None:
    read, write = os.pipe()
    os.close(read)
    from inspector.engine.watchdog import Watchdog

    Watchdog(write)._tell()
    os.close(write)
