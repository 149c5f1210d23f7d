"""A user's project in a folder of its own, loaded in process; and blocks small enough for tests."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.distributions import Distribution

from inspector.engine import tensor_stats
from inspector.engine.failure import LoadFailed
from inspector.engine.source_files import is_below, module_file
from inspector.engine.target import Built, load
from inspector.messages import Failed, Load, StageStarted
from inspector.schema import Failure
from inspector.wire import pack
from tests.process_state import put_back

HERE = "# <- here"


class Project:
    """Files that a user might have written, and what comes of loading them from their folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.announced: list[StageStarted] = []

    def write(self, name: str, source: str) -> Path:
        """Save a file; its source may be indented as a whole."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(source).lstrip("\n"), encoding="utf-8")
        return file

    def load(self, target: str, *arguments: str, config: str = "", device: str = "cpu") -> Built:
        """Load as `nn-inspect TARGET --arg …` would, from the project's folder."""
        self.announced.clear()
        for name in [name for name, module in sys.modules.items() if self._is_mine(module)]:
            del sys.modules[name]  # As in an engine, which starts with none of them.
        return load(Load(target, arguments, config, device), self.announced.append)

    def _is_mine(self, module: object) -> bool:
        return is_below(module_file(module), str(self.folder))

    def failure(self, target: str, *arguments: str, config: str = "", device: str = "cpu") -> Failure:
        """Load, and expect to be told why not."""
        with pytest.raises(LoadFailed) as caught:
            self.load(target, *arguments, config=config, device=device)
        return caught.value.failure

    def fails(self, source: str, target: str = "m.py") -> Failure:
        """Save the source as m.py, load it, and expect the failure at the line that is marked `# <- here`."""
        self.write("m.py", source)
        failure = self.failure(target)
        assert failure.source is not None
        assert failure.source.file == str(self.folder / "m.py")
        if HERE in source:
            line = self.line_of("m.py", HERE)
            assert (failure.source.line, HERE in failure.source.code) == (line, True)
            assert line in dict(failure.context)
        assert pack(Failed(failure))
        return failure

    def line_of(self, name: str, text: str) -> int:
        """The line of a file that holds this text, which no other line holds."""
        lines = (self.folder / name).read_text(encoding="utf-8").split("\n")
        (number,) = [number for number, line in enumerate(lines, 1) if text in line]
        return number


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """An empty project, which is the working folder; the process is put back afterwards."""
    with put_back():
        monkeypatch.chdir(tmp_path)
        yield Project(tmp_path)


NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=4, act="relu"):
        super().__init__()
        self.fc = nn.Linear(width, 2)
        self.act = act

    def forward(self, x):
        return self.fc(x)
"""
"""A file with one model, which needs no arguments."""


CLASSES = """
import torch
from torch import nn


class Block(nn.Module):
    def forward(self, x):
        return x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()

    def forward(self, x):
        return self.block(x)
"""
"""A file with two classes, of which one is a part of the other."""


def names(failure: Failure) -> list[str]:
    """What there is to choose from, when a target may be several things."""
    assert (failure.stage, failure.type) == ("target", "Ambiguous")
    return [candidate.name for candidate in failure.candidates]


@pytest.fixture
def net() -> str:
    """The source of a file with one model, `Net(width=4, act="relu")`."""
    return NET


@pytest.fixture
def as_if_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every tensor counts as large, and is cut into blocks of 64."""
    monkeypatch.setattr(tensor_stats, "EXACT", 0)
    monkeypatch.setattr(tensor_stats, "BLOCK", {torch.float32: 64, torch.float64: 64})


@pytest.fixture(autouse=True)
def _give_distributions_their_checks_back() -> Iterator[None]:
    validates = Distribution._validate_args
    yield
    Distribution.set_default_validate_args(validates)  # torch.compile turns it off for good.
