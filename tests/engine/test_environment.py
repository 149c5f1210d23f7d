"""What a user's file does to its own process, and what lies beside it, keeps the engine from nothing after the load."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from textwrap import dedent, indent

import pytest

from inspector.messages import (
    DescribeModule,
    EngineDied,
    Failed,
    MeasureTensor,
    ModuleDescribed,
    StructureFinished,
    StructureOutlined,
    Summarize,
    Summarized,
    TensorMeasured,
)
from tests.real_client import Client, listening

HEAD = """
import torch
from torch import nn


class Net(nn.Module):
    \"\"\"A net.\"\"\"

    def __init__(self, width: int = 3):
        super().__init__()
        self.fc = nn.Linear(width, width)
"""

REFUSES = "leaves a mode on that refuses everything"
NO_TABLE = {"empties the search path", "opens no more files", REFUSES}
"""After these torchinfo cannot be imported or run any more, and its absence is what is told."""

DEEDS = {
    "goes to a folder that is gone": "import os, tempfile; os.chdir(tempfile.mkdtemp()); os.rmdir(os.getcwd())",
    "closes its standard descriptors": "import os\nfor number in (0, 1, 2): os.close(number)",
    "puts its own streams in place": """
        import sys
        class Broken:
            def write(self, text): raise OSError("no room")
            flush = write
        sys.stdout = sys.stderr = Broken()
        sys.excepthook = sys.unraisablehook = None
    """,
    "has no streams": "import sys; sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = None",
    "sets a default device": "torch.set_default_device('meta'); torch.set_default_dtype(torch.float64)",
    "empties the environment": "import os; os.environ.clear()",
    "empties the search path": "import sys; sys.path.clear(); sys.meta_path.clear(); sys.path_hooks.clear()",
    "forgets what is imported": """
        import sys
        for name in ("json", "tokenize", "inspect", "io", "re", "linecache", "dataclasses", "msgspec", "struct"):
            sys.modules.pop(name, None)
    """,
    "leaves threads and processes": """
        import subprocess, threading
        subprocess.Popen(["sleep", "1000"])
        threading.Thread(target=threading.Event().wait).start()
    """,
    "forks and goes on in both": "import os; os.fork()",
    "forks, and the fork exits": "import os, sys\nif os.fork() == 0: sys.exit(0)",
    "takes the signals": """
        import faulthandler, signal
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        faulthandler.disable()
    """,
    "hangs at its exit": "import atexit, threading; atexit.register(threading.Event().wait)",
    "allows little recursion": "import sys; sys.setrecursionlimit(60)",
    "opens no more files": "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))",
    "makes warnings errors": "import warnings; warnings.simplefilter('error')",
    "traces every line": "import sys; sys.settrace(lambda *_: None); sys.setprofile(lambda *_: None)",
    "patches what waits": "import select; select.select = None",
    "leaves inference mode on": "torch.inference_mode().__enter__()",
    REFUSES: """
        from torch.overrides import TorchFunctionMode
        class Refusing(TorchFunctionMode):
            def __torch_function__(self, *_): raise RuntimeError("nothing at all")
        Refusing().__enter__()
    """,
}


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    one = listening()
    yield one
    one.close()


async def ask_everything(client: Client, file: Path) -> tuple[int, list[object]]:
    """Load a file, ask for a description of its root and for the values of its weight, and for the table."""
    ear, engine = client.ear, client.open(file)

    def troubles() -> list[object]:
        return [*ear.of(engine, Failed), *ear.of(engine, EngineDied)]

    for request, answer in (
        (None, StructureFinished),
        (DescribeModule(0), ModuleDescribed),
        (MeasureTensor(2, 10), TensorMeasured),
        (Summarize(3), Summarized),
    ):
        if request is not None:
            client.send(request, engine)
        await ear.until(lambda answer=answer: ear.of(engine, answer) or troubles())  # type: ignore[misc]
        if troubles():
            break
    return engine, troubles()


async def test_whatever_a_file_does_to_its_process_the_model_is_read_and_answers(
    client: Client, tmp_path: Path
) -> None:
    for number, (deed, code) in enumerate(DEEDS.items()):
        file = tmp_path / f"model_{number}.py"
        file.write_text(HEAD + indent(dedent(code).strip(), " " * 8) + "\n")
        engine, troubles = await ask_everything(client, file)
        assert not troubles, f"a file that {deed}: {troubles}"
        (finished,) = client.ear.of(engine, StructureFinished)
        assert finished.changed == (), deed
        (outlined,) = client.ear.of(engine, StructureOutlined)
        assert outlined.outline.totals.parameters == 12, deed
        (described,) = client.ear.of(engine, ModuleDescribed)
        assert described.detail.qualified_type == f"model_{number}.Net", deed
        (measured,) = client.ear.of(engine, TensorMeasured)
        assert (measured.stats.elements == 9) is (deed != REFUSES), f"{deed}: {measured}"
        assert deed != REFUSES or "nothing at all" in measured.stats.note
        (summarized,) = client.ear.of(engine, Summarized)
        assert bool(summarized.text) is (deed not in NO_TABLE), f"{deed}: {summarized}"
        assert summarized.text or "torchinfo" in summarized.notes[0]
        client.drop(engine)


async def test_files_beside_the_model_that_are_called_as_libraries_are_never_imported(
    client: Client, tmp_path: Path
) -> None:
    libraries = {*sys.stdlib_module_names, "torch", "numpy", "msgspec", "inspector", "rich", "textual", "sympy"}
    for name in libraries:
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('this is not {name}')\n")
    (tmp_path / "model.py").write_text(HEAD)
    engine, troubles = await ask_everything(client, tmp_path / "model.py")
    assert not troubles
    (summarized,) = client.ear.of(engine, Summarized)
    assert summarized.text
    assert client.ear.printed(engine, "stderr") == ""


async def test_reading_a_fake_tensor_says_nothing_on_stderr(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    fake = "from torch._subclasses.fake_tensor import FakeTensorMode\n        "
    file.write_text(f"{HEAD}        {fake}with FakeTensorMode(): self.fake = nn.Linear(2, 2)\n")
    engine, troubles = await ask_everything(client, file)
    assert not troubles
    assert client.ear.printed(engine, "stderr") == ""
