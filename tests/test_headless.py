"""One load without a window, with the real processes: what comes of it, whatever the file does."""

from __future__ import annotations

import asyncio
import io
import json
import os
import select
import signal
import sys
from pathlib import Path

import pytest

from inspector import headless
from inspector.headless import PRINTED_BYTES
from inspector.launch import start_server
from inspector.messages import Load, Run
from inspector.table import ModelTable
from tests.ear import gone
from tests.process_state import hear_interrupts

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="watches processes by pidfd")

NET = """\
from torch import nn

{before}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 4)
        {line}
"""


def net(folder: Path, line: str = "", before: str = "") -> Load:
    (folder / "model.py").write_text(NET.format(line=line, before=before))
    return Load(str(folder / "model.py"))


def test_a_load_gives_everything_that_a_report_is_made_from(tmp_path: Path) -> None:
    log = io.StringIO()
    outcome = headless.run(net(tmp_path, "print('hello')"), summary_depth=2, log=log)
    assert outcome.failure is None
    assert not outcome.died
    assert outcome.torch.startswith("2.")
    assert outcome.built is not None
    assert outcome.built.target.name == "Net"
    assert outcome.outline is not None
    table = ModelTable(outcome.outline)
    for rows in outcome.rows:
        table.add(rows)
    assert table.complete
    assert table.totals.parameters == 16
    assert outcome.finished is not None
    assert outcome.summary is not None
    assert "Linear" in outcome.summary.text
    assert (outcome.stdout, outcome.stderr, outcome.dropped) == ("hello\n", "", 0)
    assert json.loads(log.getvalue().splitlines()[-1])["message"] == {"type": "farewell"}


FORWARD = """

    def forward(self, x):
        {forward}
        return self.fc(x)
"""


def runnable(folder: Path, forward: str = "pass") -> Load:
    request = net(folder)
    model = Path(request.target)
    model.write_text(model.read_text().rstrip() + FORWARD.format(forward=forward))
    return request


def test_a_run_follows_the_structure(tmp_path: Path) -> None:
    outcome = headless.run(runnable(tmp_path), run_request=Run(inputs=("x=2x3",)))
    assert outcome.failure is None
    assert outcome.inputs is not None
    assert outcome.inputs.origin == "given"
    rows = outcome.run_rows()
    assert rows is not None
    assert rows.record is outcome.ran
    assert [rows.calls(row) for row in range(rows.table.count) if rows.table.is_module(row)] == [1, 1]
    last = rows.last(0)
    assert last is not None
    assert last.outputs[0].shape == (2, 4)


def test_without_being_asked_nothing_runs(tmp_path: Path) -> None:
    outcome = headless.run(runnable(tmp_path, "raise SystemExit"))
    assert (outcome.inputs, outcome.ran, outcome.trace, outcome.failure) == (None, None, None, None)
    assert outcome.run_rows() is None


def test_a_wrong_input_is_a_failure_of_the_inputs_and_leaves_the_structure(tmp_path: Path) -> None:
    outcome = headless.run(runnable(tmp_path), run_request=Run(inputs=("z=2x3",)))
    assert outcome.failure is not None
    assert outcome.failure.stage == "inputs"
    assert not outcome.died
    assert outcome.finished is not None
    assert outcome.ran is None


def test_a_forward_that_raises_is_no_failure_of_the_request(tmp_path: Path) -> None:
    outcome = headless.run(runnable(tmp_path, "1 / 0"), run_request=Run(inputs=("x=2x3",)))
    assert outcome.failure is None
    assert outcome.ran is not None
    assert not outcome.ran.ok
    assert outcome.ran.failure is not None
    assert (outcome.ran.failure.type, outcome.ran.failure.stage) == ("ZeroDivisionError", "forward")
    assert outcome.run_rows() is not None


def test_a_death_in_the_run_leaves_the_structure(tmp_path: Path) -> None:
    outcome = headless.run(runnable(tmp_path, "import os; os.abort()"), run_request=Run(inputs=("x=2x3",)))
    assert outcome.died
    assert outcome.finished is not None
    assert outcome.failure is not None
    assert outcome.failure.type == "SIGABRT"
    assert outcome.run_rows() is None


SEEDED = "import torch; assert torch.initial_seed() == 0, 'another seed'"


def test_after_a_run_both_modes_are_compared_and_more_is_checked(tmp_path: Path) -> None:
    asked = Run(inputs=("x=2x3",))
    outcome = headless.run(runnable(tmp_path), run_request=asked, compare=True, probe=True)
    assert outcome.failure is None
    assert set(outcome.noticed) == {"structure", "run", "probes"}
    assert outcome.noticed["structure"].whole
    assert outcome.comparison is not None
    assert outcome.comparison.failed_in == ""
    table = outcome.table()
    assert table is not None
    modes = outcome.mode_rows(table)
    assert modes is not None
    assert [table.path(one.row) for one in modes.comparison.differences] == ["", "fc"]


def test_forward_and_backward_follow_a_good_run_where_they_are_asked_for(tmp_path: Path) -> None:
    outcome = headless.run(runnable(tmp_path), run_request=Run(inputs=("x=2x3",)), backward=True)
    assert outcome.failure is None
    assert outcome.backward is not None
    table = outcome.table()
    assert table is not None
    got = [(table.path(one.row), one.state) for one in outcome.backward.parameters]
    assert got == [("fc.weight", "measured"), ("fc.bias", "measured")]
    assert outcome.backward.changed == ()


def test_a_dry_run_has_no_backward_and_says_so(tmp_path: Path) -> None:
    outcome = headless.run(runnable(tmp_path), run_request=Run(inputs=("x=2x3",), dry=True), backward=True)
    assert outcome.backward is None
    assert outcome.no_backward is not None
    assert outcome.no_backward.message == "the run was dry"


def test_checks_that_come_to_nothing_take_nothing_from_the_run(tmp_path: Path) -> None:
    outcome = headless.run(runnable(tmp_path, SEEDED), run_request=Run(inputs=("x=2x3",)), probe=True)
    assert outcome.failure is None
    assert outcome.ran is not None
    assert outcome.ran.ok
    assert outcome.unprobed is not None
    assert "another seed" in outcome.unprobed.message
    assert set(outcome.noticed) == {"structure", "run"}


def test_a_hang_in_the_checks_is_one_of_the_engine_and_leaves_the_run(tmp_path: Path) -> None:
    hang = "import torch\n        while torch.initial_seed(): pass"
    outcome = headless.run(runnable(tmp_path, hang), run_request=Run(inputs=("x=2x3",)), probe=True, timeout=20)
    assert outcome.died
    assert outcome.failure is not None
    assert "in model.py:11 `while torch.initial_seed(): pass`" in outcome.failure.message
    assert outcome.run_rows() is not None


def test_nothing_follows_a_run_that_failed_or_was_dry(tmp_path: Path) -> None:
    for line, dry in (("1 / 0", False), ("pass", True)):
        asked = Run(inputs=("x=2x3",), dry=dry)
        outcome = headless.run(runnable(tmp_path, line), run_request=asked, compare=True, probe=True)
        assert (outcome.comparison, outcome.unprobed, outcome.failure) == (None, None, None)
        assert set(outcome.noticed) == {"structure", "run"}


def test_without_a_run_the_structure_is_looked_at_all_the_same(tmp_path: Path) -> None:
    outcome = headless.run(net(tmp_path, "self.parts = [nn.Linear(3, 3)]"))
    assert [finding.id for finding in outcome.findings()] == ["NN120", "NN101"]


def test_a_file_that_fails_leaves_its_failure_and_what_it_printed(tmp_path: Path) -> None:
    outcome = headless.run(net(tmp_path, before="import sys\nprint('first', file=sys.stderr)\n1 / 0"))
    assert outcome.failure is not None
    assert (outcome.failure.stage, outcome.failure.type) == ("import", "ZeroDivisionError")
    assert not outcome.died
    assert outcome.stderr == "first\n"
    assert outcome.built is None
    assert outcome.outline is None


def test_of_what_is_printed_so_much_is_kept_and_the_rest_is_counted(tmp_path: Path) -> None:
    outcome = headless.run(net(tmp_path, "print('x' * 99999)\n        print('y' * 99999)"))
    assert outcome.failure is None
    assert outcome.stdout == "x" * PRINTED_BYTES
    assert outcome.dropped == 2 * 100_000 - PRINTED_BYTES


def test_when_time_is_over_the_line_is_named_that_it_was_in(tmp_path: Path) -> None:
    server = start_server()
    assert select.select([server.control], [], [], 60)[0]  # warm: what comes first is that torch is there
    outcome = headless.run(net(tmp_path, "import time; time.sleep(1000)"), timeout=3, server=server)
    assert outcome.died
    assert outcome.failure is not None
    assert (outcome.failure.stage, outcome.failure.type) == ("engine", "timeout")
    words = "still building Net() after 3 s, in model.py:8 `import time; time.sleep(1000)`"
    assert outcome.failure.message == words
    assert outcome.failure.source is not None
    assert outcome.failure.source.line == 8


def test_when_time_is_over_before_torch_is_there_that_is_said(tmp_path: Path) -> None:
    outcome = headless.run(net(tmp_path), timeout=0.01)
    assert outcome.died
    assert outcome.failure is not None
    assert outcome.failure.message == "still importing torch after 0.01 s"


def test_a_death_is_told_as_one(tmp_path: Path) -> None:
    outcome = headless.run(net(tmp_path, "import os; print('last', end=''); os.abort()"))
    assert outcome.died
    assert outcome.failure is not None
    assert outcome.failure.type == "SIGABRT"
    assert outcome.failure.source is not None
    assert outcome.failure.source.line == 8


def test_a_missing_torch_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    outcome = headless.run(net(tmp_path))
    assert outcome.failure is not None
    assert (outcome.failure.stage, outcome.failure.message) == ("torch", "No module named 'torch'")
    assert outcome.failure.mend == f"{sys.executable} -m pip install torch"


INTERRUPTED = """\
import sys
from inspector import headless
from inspector.launch import start_server
from inspector.messages import Load

server = start_server()
print(server.process.pid, flush=True)
headless.run(Load(sys.argv[1]), server=server)
"""


async def test_an_interrupt_ends_everything(tmp_path: Path) -> None:
    fifo = tmp_path / "engine"
    os.mkfifo(fifo)
    request = net(tmp_path, f"import os; open('{fifo}', 'w').write(str(os.getpid()))\n        while True: pass")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        INTERRUPTED,
        request.target,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=hear_interrupts,
    )
    assert process.stdout is not None
    server = int(await process.stdout.readline())
    engine = int(await asyncio.to_thread(fifo.read_text))
    process.send_signal(signal.SIGINT)
    _, stderr = await asyncio.wait_for(process.communicate(), 60)
    assert stderr.decode().strip().endswith("KeyboardInterrupt")
    await gone(server)
    await gone(engine)
