"""The real client with an ear, and small files for it to load."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

from inspector.client import EngineClient, start_server
from inspector.messages import Load
from tests.ear import Ear

LENET = """\
import torch.nn as nn

class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)
"""


class Client(EngineClient):
    """A client with an ear."""

    ear: Ear

    def open(self, file: Path | str) -> int:
        return self.load(Load(str(file)))


def listening() -> Client:
    ear = Ear()
    client = Client(start_server(), ear.hear)
    client.ear = ear
    return client


def model(folder: Path, text: str, name: str = "model.py") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def net(folder: Path, constructor: str, before: str = "", name: str = "model.py") -> Path:
    """A file whose class Net runs these lines when it is built; without others before they begin at line 8."""
    body = indent("super().__init__()\n" + dedent(constructor).strip(), " " * 8)
    imports = "import ctypes, os, subprocess, sys, threading\nfrom torch import nn"
    return model(folder, f"{imports}\n{before}\n\nclass Net(nn.Module):\n    def __init__(self):\n{body}\n", name)
