"""The warm server from its start to its end, and what it does when the front end is killed."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
from pathlib import Path
from time import monotonic

import pytest

from inspector.client import SERVER, EngineClient, start_server
from inspector.messages import (
    EngineDied,
    EngineStarted,
    Load,
    ModelBuilt,
    Printed,
    StructureFinished,
    TorchImported,
    TorchMissing,
)
from tests.ear import Ear, gone
from tests.real_client import LENET, listening, model, net

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="watches processes by pidfd")


async def test_when_the_server_dies_its_engines_go_and_the_next_load_has_another(tmp_path: Path) -> None:
    client = listening()
    engine = client.open(net(tmp_path, "print(subprocess.Popen(['sleep', '1000']).pid)"))
    await client.ear.first(engine, StructureFinished)
    os.kill(client.server.process.pid, signal.SIGKILL)
    failure = (await client.ear.first(engine, EngineDied)).failure
    assert failure.message == "the warm server was killed by signal 9 (killed) and took its engines with it"
    await gone((await client.ear.first(engine, EngineStarted)).pid)
    await gone(int(client.ear.printed(engine)))
    again = client.open(model(tmp_path, LENET))
    await client.ear.first(again, StructureFinished)
    client.close()


async def test_closing_takes_a_moment_even_when_engines_hang_and_leaves_nothing_behind(tmp_path: Path) -> None:
    client = listening()
    hung = client.open(net(tmp_path, "print('now')\nctypes.PyDLL(None).sleep(1000)"))
    await client.ear.first(hung, Printed)
    loading = client.open(tmp_path / "model.py")  # Perhaps not even forked yet.
    pid, server = (await client.ear.first(hung, EngineStarted)).pid, client.server.process
    began = monotonic()
    client.close()
    assert monotonic() - began < 5
    assert server.returncode is not None
    await gone(pid)
    heard = len(client.ear.heard)
    await asyncio.sleep(0)
    assert len(client.ear.heard) == heard
    assert not client.ear.of(loading, EngineDied)


async def test_closing_while_torch_is_being_imported_does_not_wait_for_it() -> None:
    client = listening()
    began = monotonic()
    client.close()
    assert monotonic() - began < 5
    assert client.server.process.returncode == -signal.SIGKILL  # and so in the midst of it


async def test_a_torch_that_cannot_be_imported_is_told_with_what_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text(
        "print('hello')\nraise ImportError('libcudnn.so.9: cannot open shared object')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    client = listening()
    client.open("model.py")
    failure = (await client.ear.first(SERVER, TorchMissing)).failure
    assert (failure.stage, failure.type) == ("torch", "ImportError")
    assert failure.message == "libcudnn.so.9: cannot open shared object"
    assert str(tmp_path / "torch.py") in failure.traceback
    monkeypatch.delenv("PYTHONPATH")
    await gone(client.server.process.pid)
    await client.ear.until(lambda: client.engines == ())
    client.open(model(tmp_path, LENET))  # As after having installed it.
    await client.ear.first(SERVER, TorchImported)
    client.close()


async def test_a_torch_that_dies_in_its_import_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("import os\nos.abort()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    client = listening()
    failure = (await client.ear.first(SERVER, TorchMissing)).failure
    assert failure.message == "the warm server was killed by signal 6 (aborted) while importing torch"
    assert str(tmp_path / "torch.py") in failure.traceback
    client.close()


async def test_files_in_the_current_folder_shadow_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "dataclasses", "inspector", "msgspec"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')\n")
    monkeypatch.chdir(tmp_path)
    client = listening()
    engine = client.open(model(tmp_path, LENET, "lenet.py"))
    await client.ear.first(engine, ModelBuilt)
    assert not client.ear.of(SERVER, TorchMissing)
    client.close()


async def test_the_log_has_every_message_both_ways(tmp_path: Path) -> None:
    log, ear = io.StringIO(), Ear()
    client = EngineClient(start_server(), ear.hear, log=log)
    engine = client.load(Load(str(model(tmp_path, LENET))))
    await ear.first(engine, StructureFinished)
    client.close()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert len([line for line in lines if line["way"] == "heard"]) == len(ear.heard)
    assert [line["message"]["type"] for line in lines if line["way"] == "sent"] == ["fork-engine", "load", "farewell"]


# --- a front end that dies --------------------------------------------------------------------------------------------

FRONT_END = """\
import asyncio, os, sys, termios
from inspector.client import EngineClient, start_server
from inspector.messages import EngineStarted, Load, Printed

terminal = int(sys.argv[2]) if len(sys.argv) > 2 else None
server = start_server(terminal)

def on_event(engine, event):
    if isinstance(event, EngineStarted):
        print(server.process.pid, event.pid, flush=True)
    if isinstance(event, Printed):
        if terminal is not None:
            attributes = termios.tcgetattr(terminal)
            attributes[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG)
            termios.tcsetattr(terminal, termios.TCSANOW, attributes)
            os.write(terminal, b"in full screen")
        print(event.text, flush=True)

async def main():
    client = EngineClient(server, on_event)
    client.load(Load(sys.argv[1]))
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def front_end(*arguments: str, descriptors: tuple[int, ...] = ()) -> tuple[asyncio.subprocess.Process, list[int]]:
    """A front end with a hung engine, in a process of its own; the processes behind it: server, engine, its child."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FRONT_END, *arguments, stdout=asyncio.subprocess.PIPE, pass_fds=descriptors
    )
    assert process.stdout is not None
    lines = [await asyncio.wait_for(process.stdout.readline(), 60) for _ in range(2)]
    return process, [int(number) for number in b" ".join(lines).split()]


HUNG = "print(subprocess.Popen(['sleep', '1000']).pid)\nctypes.PyDLL(None).sleep(1000)"


async def test_a_killed_front_end_leaves_no_process_behind(tmp_path: Path) -> None:
    process, left = await front_end(str(net(tmp_path, HUNG)))
    assert len(left) == 3
    process.kill()
    await process.wait()
    for pid in left:
        await gone(pid)


async def test_a_killed_front_end_gets_its_terminal_put_back(tmp_path: Path) -> None:
    import termios

    master, slave = os.openpty()
    before = termios.tcgetattr(slave)
    process, left = await front_end(str(net(tmp_path, HUNG)), str(slave), descriptors=(slave,))
    during = termios.tcgetattr(slave)
    process.kill()
    await process.wait()
    for pid in left:
        await gone(pid)
    assert during != before
    assert termios.tcgetattr(slave) == before
    shown = os.read(master, 4096).decode()
    assert shown.startswith("in full screen")
    assert "\x1b[?1049l" in shown
    assert "\x1b[?25h" in shown
    os.close(master)
    os.close(slave)
