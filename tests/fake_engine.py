"""An engine that replays events from memory: TUI tests need no torch, no process and no time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from inspector.messages import (
    CompareModes,
    DescribeModule,
    Event,
    Load,
    MeasureTensor,
    ModelBuilt,
    ModuleDescribed,
    Request,
    Run,
    RunBackward,
    SampleTraining,
    StageStarted,
    StepStatistics,
    StructureFinished,
    StructureOutlined,
    TensorMeasured,
    TorchImported,
)
from inspector.schema import Argument, Code, ModuleDetail, Target, TensorStats
from tests.fake_model import Node, described, outline

Hear = Callable[[int, Event], None]
FILE = "/home/me/model.py"


def opening(root: Node, call: str = "") -> list[Event]:
    """What an engine tells when a model opens without trouble."""
    target = Target(FILE, root.type, 7, call or f"{root.type}()", "cpu", "the only class in the file")
    return [
        StageStarted("importing model.py", True),
        ModelBuilt(target, (FILE,)),
        StructureOutlined(outline(root)),
        *described(root),
        StructureFinished("left as found: 10 tensors, 6 modes, hooks, RNG"),
    ]


DETAIL = ModuleDetail(
    qualified_type="torch.nn.modules.linear.Linear",
    bases=("torch.nn.modules.module.Module",),
    doc="Applies an affine linear transformation.",
    arguments=(Argument("in_features", "int", None, True, "576"), Argument("bias", "bool", "True", False, "True")),
    class_code=Code(FILE, 7, (("keyword", "class"), ("text", " Linear(Module):\n    "), ("comment", "# code\n"))),
    forward_code=Code(FILE, 9, (("keyword", "def"), ("text", " "), ("name", "forward"), ("text", "(self, x):\n"))),
)
STATS = TensorStats(10, 0, 0, 0, 2, -1.0, 2.0, 0.25, 0.5, tuple(range(40)))


@dataclass
class FakeEngine:
    """Keeps what it was asked, and tells what it was given to tell."""

    hear: Hear
    scripts: list[list[Event]]
    """What each load tells, in turn; the last one is told again and again."""
    silent: bool = False
    """Whether loads tell nothing by themselves."""
    asked: list[Request] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    kept: int = 0
    interrupted: list[int] = field(default_factory=list)
    runs: list[list[Event]] = field(default_factory=list)
    """What each run tells, in turn; nothing once they are told."""
    closed: bool = False
    loads: list[Load] = field(default_factory=list)

    def load(self, request: Load) -> int:
        self.loads.append(request)
        number = len(self.loads)
        if not self.silent:
            self.tell(number, [TorchImported("2.13.0", 1.0)] if number == 1 else [])

            asyncio.get_running_loop().call_soon(self.tell, number, self.scripts[min(number, len(self.scripts)) - 1])
        return number

    def tell(self, number: int, events: Iterable[Event]) -> None:
        for event in events:
            self.hear(number, event)

    def keep(self, engine: int) -> None:
        self.kept = engine

    def drop(self, engine: int) -> None:
        self.dropped.append(engine)

    def send(self, request: Request, engine: int) -> bool:
        self.asked.append(request)
        match request:
            case DescribeModule():
                self.hear(engine, ModuleDescribed(request.row, DETAIL))
            case MeasureTensor():
                self.hear(engine, TensorMeasured(request.row, STATS, 0.001))
            case Run() | CompareModes() | StepStatistics() | SampleTraining() | RunBackward() if self.runs:
                self.tell(engine, self.runs.pop(0))
        return True

    def interrupt(self, engine: int) -> bool:
        self.interrupted.append(engine)
        return True

    def close(self) -> None:
        self.closed = True
