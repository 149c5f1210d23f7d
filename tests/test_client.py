"""The real processes: a warm server, engines forked from it, and everything that can end them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest
import pytest_asyncio

from inspector.messages import (
    DescribeModule,
    EngineDied,
    EngineForked,
    EngineStarted,
    Failed,
    MeasureTensor,
    ModelBuilt,
    ModuleDescribed,
    Printed,
    RowsDescribed,
    StageStarted,
    StillRunning,
    StructureFinished,
    StructureOutlined,
    Summarize,
    Summarized,
    TensorMeasured,
)
from inspector.table import ModelTable
from tests.ear import gone
from tests.real_client import LENET, Client, listening, model, net

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(sys.platform != "linux", reason="watches processes by pidfd"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[Client]:
    """One warm server for all tests that leave it alive."""
    client = listening()
    yield client
    client.close()


# --- what goes well ---------------------------------------------------------------------------------------------------


async def test_a_model_is_loaded_and_every_row_is_described(client: Client, tmp_path: Path) -> None:
    file = model(tmp_path, LENET)
    engine = client.open(file)
    built = await client.ear.first(engine, ModelBuilt)
    assert (built.target.name, built.target.file) == ("LeNet", str(file))
    await client.ear.first(engine, StructureFinished)
    table = ModelTable(client.ear.of(engine, StructureOutlined)[-1].outline)
    for rows in client.ear.of(engine, RowsDescribed):
        table.add(rows)
    assert table.complete
    assert table.totals.parameters == 61706
    assert client.send(DescribeModule(1), engine)
    assert client.send(MeasureTensor(2), engine)
    assert client.send(Summarize(2), engine)
    assert (await client.ear.first(engine, ModuleDescribed)).detail.qualified_type.endswith("Conv2d")
    assert (await client.ear.first(engine, TensorMeasured)).stats.elements == 150
    assert "Conv2d" in (await client.ear.first(engine, Summarized)).text
    client.drop(engine)


async def test_what_happens_is_told_in_the_order_in_which_it_happens(client: Client, tmp_path: Path) -> None:
    engine = client.open(net(tmp_path, "print('building', end='')"))
    await client.ear.first(engine, StructureFinished)
    kinds = [type(event) for number, event in client.ear.heard if number == engine]
    assert kinds[:2] == [EngineForked, EngineStarted]
    milestones = [StageStarted, Printed, ModelBuilt, StructureOutlined, RowsDescribed, StructureFinished]
    assert [kinds.index(kind) for kind in milestones] == sorted(kinds.index(kind) for kind in milestones)
    client.drop(engine)


async def test_a_reload_leaves_the_old_engine_answering_until_the_new_one_is_kept(
    client: Client, tmp_path: Path
) -> None:
    old = client.open(model(tmp_path, LENET))
    started = await client.ear.first(old, EngineStarted)
    await client.ear.first(old, StructureFinished)
    new = client.open(model(tmp_path, LENET.replace("LeNet", "LeNet5")))
    assert (await client.ear.first(new, ModelBuilt)).target.name == "LeNet5"
    assert client.send(DescribeModule(0), old)
    assert (await client.ear.first(old, ModuleDescribed)).detail.qualified_type.endswith("LeNet")
    client.keep(new)
    await gone(started.pid)
    assert client.engines == (new,)
    assert not client.send(DescribeModule(0), old)
    client.cancel()
    assert not client.engines


async def test_nothing_is_asked_about_rows_that_will_have_other_numbers(client: Client, tmp_path: Path) -> None:
    engine = client.open(net(tmp_path, "self.blocks = nn.ModuleList(nn.Linear(2, 2 + i % 9) for i in range(30_000))"))
    preview = await client.ear.first(engine, StructureOutlined)
    assert preview.preview
    assert not client.send(DescribeModule(2), engine)
    whole = (await client.ear.more(engine, StructureOutlined, 1))[-1]
    assert whole.outline.count > preview.outline.count
    assert client.send(DescribeModule(2), engine)
    assert (await client.ear.first(engine, ModuleDescribed)).row == 2
    client.drop(engine)


async def test_user_code_finds_no_terminal_no_gpu_and_its_own_name(client: Client, tmp_path: Path) -> None:
    code = """
    print(sys.argv, repr(os.environ["CUDA_VISIBLE_DEVICES"]), sys.stdin.read() == "")
    print(os.getsid(0) == os.getpgid(0) == os.getpid())
    try:
        open("/dev/tty")
    except OSError as error:
        print("no terminal")
    """
    file = net(tmp_path, code)
    engine = client.open(file)
    await client.ear.first(engine, StructureFinished)
    assert client.ear.printed(engine).splitlines() == [f"['{file}'] '' True", "True", "no terminal"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.py"]  # No __pycache__.
    client.drop(engine)


# --- what the user's code prints --------------------------------------------------------------------------------------


async def test_everything_that_is_printed_is_heard_whoever_prints_it(client: Client, tmp_path: Path) -> None:
    code = """
    print("from python")
    os.write(1, b"from a descriptor\\n")
    ctypes.CDLL(None).puts(b"from C")
    subprocess.run(["echo", "from a child"])
    print("to stderr \\x1b[2J", file=sys.stderr)
    print("without an end", end="")
    """
    engine = client.open(net(tmp_path, code))
    await client.ear.first(engine, ModelBuilt)
    lines = client.ear.printed(engine).splitlines()
    assert lines == ["from python", "from a descriptor", "from C", "from a child", "without an end"]
    assert client.ear.printed(engine, "stderr") == "to stderr \x1b[2J\n"
    client.drop(engine)


async def test_a_flood_of_prints_keeps_nobody_waiting(client: Client, tmp_path: Path) -> None:
    flood = "def flood():\n    while True:\n        os.write(1, b'x' * 65536)\n"
    engine = client.open(net(tmp_path, "threading.Thread(target=flood, daemon=True).start()", flood))
    await client.ear.first(engine, StructureFinished)
    await client.ear.until(lambda: any(event.dropped for event in client.ear.of(engine, Printed)))
    asked = monotonic()
    longest, then = 0.0, asked
    client.send(DescribeModule(0), engine)
    while not client.ear.of(engine, ModuleDescribed):
        await asyncio.sleep(0)
        longest, then = max(longest, monotonic() - then), monotonic()
    assert monotonic() - asked < 30
    assert longest < 2
    told = sum(len(event.text) for event in client.ear.of(engine, Printed))
    assert told < 3_000_000 + 1_000_000 * (monotonic() - asked)
    client.drop(engine)


# --- what ends an engine ----------------------------------------------------------------------------------------------


async def test_sys_exit_is_a_failure_of_the_file_and_no_death(client: Client, tmp_path: Path) -> None:
    engine = client.open(model(tmp_path, "import sys\n\nsys.exit('bad luck')\n"))
    failure = (await client.ear.first(engine, Failed)).failure
    assert failure.stage == "import"
    assert failure.source is not None
    assert (failure.source.line, failure.source.code) == (3, "sys.exit('bad luck')")
    assert not client.ear.of(engine, EngineDied)
    assert engine not in client.engines


@pytest.mark.parametrize(
    ("code", "type_", "words"),
    [
        (
            "ctypes.string_at(0)",
            "SIGSEGV",
            "killed by signal 11 (segmentation fault) in model.py:9 `ctypes.string_at(0)`",
        ),
        ("os.abort()", "SIGABRT", "killed by signal 6 (aborted) in model.py:9 `os.abort()`"),
        (
            "os._exit(3)",
            "exit code 3",
            "ended with exit code 3 while building Net(): os._exit was called, or exit in C",
        ),
        (
            "os._exit(0)",
            "exit code 0",
            "ended with exit code 0 while building Net(): os._exit was called, or exit in C",
        ),
        ("os.kill(os.getpid(), 9)", "SIGKILL", "was ended by SIGKILL from outside while building Net()"),
    ],
)
async def test_a_death_in_user_code_is_told_as_what_it_was(
    client: Client, tmp_path: Path, code: str, type_: str, words: str
) -> None:
    engine = client.open(net(tmp_path, f"print('before')\n{code}"))
    failure = (await client.ear.first(engine, EngineDied)).failure
    assert (failure.stage, failure.type) == ("engine", type_)
    assert words in failure.message
    assert client.ear.printed(engine) == "before\n"
    assert engine not in client.engines


async def test_what_was_written_to_stderr_last_is_part_of_the_story(client: Client, tmp_path: Path) -> None:
    engine = client.open(net(tmp_path, "os.write(2, b'libfoo: cannot open the thing\\n')\nos._exit(1)"))
    failure = (await client.ear.first(engine, EngineDied)).failure
    assert failure.traceback == "libfoo: cannot open the thing\n"


async def test_a_kill_from_outside_is_told_and_another_load_works(client: Client, tmp_path: Path) -> None:
    engine = client.open(model(tmp_path, LENET))
    await client.ear.first(engine, StructureFinished)
    os.kill((await client.ear.first(engine, EngineStarted)).pid, signal.SIGKILL)
    failure = (await client.ear.first(engine, EngineDied)).failure
    assert failure.message == "the engine was ended by SIGKILL from outside"
    again = client.open(tmp_path / "model.py")
    await client.ear.first(again, StructureFinished)
    client.drop(again)


async def test_a_hang_tells_its_line_by_itself_and_is_ended_by_a_cancel(client: Client, tmp_path: Path) -> None:
    engine = client.open(net(tmp_path, "while True:\n    pass"))
    started = await client.ear.first(engine, EngineStarted)
    still = await client.ear.first(engine, StillRunning)  # After five seconds.
    assert still.function == "__init__"
    assert still.source.file == str(tmp_path / "model.py")
    assert (still.source.line, still.source.code) in [(8, "while True:"), (9, "pass")]
    client.cancel()
    await gone(started.pid)
    assert not client.ear.of(engine, EngineDied)


async def test_a_hang_in_c_that_holds_the_gil_tells_its_line_when_asked(client: Client, tmp_path: Path) -> None:
    engine = client.open(net(tmp_path, "while True:\n    print('now')\n    ctypes.PyDLL(None).sleep(1000)"))
    await client.ear.first(engine, Printed)
    seen = client.ear.of(engine, StillRunning)
    while "ctypes.PyDLL(None).sleep(1000)" not in [still.source.code for still in seen]:  # It may be on its way there.
        assert client.locate(engine)
        seen = await client.ear.more(engine, StillRunning, len(seen))
    client.drop(engine)


async def test_an_interrupt_reaches_the_engine_in_its_run_and_leaves_it_alive(client: Client, tmp_path: Path) -> None:
    code = """
    import os, signal
    heard, interrupted = os.pipe()  # Keeps a signal that comes before anybody waits for it; pause() would miss it.
    signal.signal(signal.SIGUSR2, lambda *_: os.write(interrupted, b"."))
    print("ready")
    os.read(heard, 1)
    print("interrupted")
    """
    assert not client.interrupt()
    engine = client.open(net(tmp_path, code))
    await client.ear.first(engine, Printed)
    assert client.interrupt(engine)
    await client.ear.first(engine, StructureFinished)
    assert client.ear.printed(engine) == "ready\ninterrupted\n"
    client.drop(engine)
    assert not client.interrupt(engine)


@pytest.mark.parametrize("end", ["drop", "die"])
async def test_what_an_engine_started_ends_with_it(client: Client, tmp_path: Path, end: str) -> None:
    code = """
    child = subprocess.Popen(["sleep", "1000"])
    print(child.pid)
    if sys.argv[0].endswith("die.py"):
        os._exit(1)
    """
    engine = client.open(net(tmp_path, code, name=f"{end}.py"))
    await client.ear.first(engine, Printed)
    if end == "drop":
        client.drop(engine)
    await gone(int(client.ear.printed(engine)))


async def test_an_engine_that_talks_nonsense_is_given_up(client: Client, tmp_path: Path) -> None:
    code = """
    import socket, stat
    for number in range(3, 40):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                os.write(number, b"\\xff" * 64)
        except OSError:
            pass
    """
    engine = client.open(net(tmp_path, code))
    started = await client.ear.first(engine, EngineStarted)
    failure = (await client.ear.first(engine, EngineDied)).failure
    assert failure.type == "WireError"
    await gone(started.pid)


async def test_user_code_that_closes_all_descriptors_is_told(client: Client, tmp_path: Path) -> None:
    engine = client.open(net(tmp_path, "os.closerange(3, 256)"))
    failure = (await client.ear.first(engine, EngineDied)).failure
    assert failure.type == "exit code 1"
    assert "Bad file descriptor" in failure.traceback
