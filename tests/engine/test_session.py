"""Requests are answered at once; what takes long goes on between them, and nothing that is raised gets out."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from inspector.engine import session
from inspector.engine.failure import LoadFailed
from inspector.engine.session import Session, spans
from inspector.engine.target import Built
from inspector.messages import (
    CHUNK_ROWS,
    DescribeModule,
    EngineEvent,
    Failed,
    Load,
    MeasureTensor,
    ModelBuilt,
    ModuleDescribed,
    Request,
    RowsDescribed,
    Run,
    StageStarted,
    StructureFinished,
    StructureOutlined,
    Summarize,
    Summarized,
    TensorMeasured,
)
from inspector.schema import Failure, Kind, ModuleDetail, ModuleRow, Row, Target, TensorStats
from tests.fake_model import Node, outline

Sent = TypeVar("Sent")


class FakeStructure:
    """So many rows, whose records name their index."""

    def __init__(self, count: int, opening: list[int]) -> None:
        self.outline = outline(Node("net", type="Net", below=[Node(str(row), Kind.BUFFER) for row in range(1, count)]))
        self._opening = opening

    def rows(self, first: int, count: int) -> list[Row]:
        return [ModuleRow("", str(row), 0) for row in range(first, min(first + count, self.outline.count))]

    def opening_rows(self) -> list[int]:
        return self._opening

    def module(self, row: int) -> str | None:
        return f"module {row}" if row < 1000 else None

    def tensor(self, row: int) -> int | None:
        return row if row < 1000 else None


class FakeGuard:
    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def check(self) -> tuple[str, tuple[str, ...]]:
        return f"left as found: {type(self.model).__name__}", ("a buffer",)


def measuring(tensor: int, bins: int) -> Generator[None, None, TensorStats]:
    """A measurement that takes as many steps as the row that it is of."""
    for _ in range(tensor):
        yield
    return TensorStats(elements=tensor, histogram=(bins,))


class Engine:
    """A session over fakes, and everything that it sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[EngineEvent] = []
        self.session = Session(self.sent.append)
        self.structure = FakeStructure(1200, [0, 1, 2, 700])
        self.preview: FakeStructure | None = None
        built = Built(nn.Identity(), Target("m.py", "Net", 3, "Net()", "cpu"), ("m.py",), (), 0.25, "a note")
        fakes: dict[str, Any] = {
            "target": SimpleNamespace(load=lambda request, announce: built),
            "structure": SimpleNamespace(preview=lambda model: self.preview, read=lambda model: self.structure),
            "detail": SimpleNamespace(describe_module=lambda module: ModuleDetail(module, (), "", (), None, None)),
            "summary": SimpleNamespace(summarize=lambda model, depth: Summarized(f"{depth} deep", ())),
            "tensor_stats": SimpleNamespace(measuring=measuring),
            "structure_rules": SimpleNamespace(Telling=lambda *known: SimpleNamespace(reporting=lambda: iter(()))),
            "Guard": FakeGuard,
        }
        for name, fake in fakes.items():
            monkeypatch.setattr(session, name, fake)
        self._monkeypatch = monkeypatch

    def put(self, name: str, **functions: Any) -> None:
        """Have something else in the place of one of the fakes."""
        self._monkeypatch.setattr(session, name, SimpleNamespace(**functions))

    def answer(self, request: Request) -> list[EngineEvent]:
        """What is sent at once when this is asked."""
        before = len(self.sent)
        self.session.answer(request)
        return self.sent[before:]

    def finish(self) -> list[EngineEvent]:
        """What is sent when nothing is asked any more."""
        before = len(self.sent)
        while self.session.busy:
            self.session.step()
        return self.sent[before:]

    def of(self, kind: type[Sent]) -> list[Sent]:
        return [event for event in self.sent if isinstance(event, kind)]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    yield Engine(monkeypatch)
    gc.unfreeze()


LOAD = Load("m.py")


def described(events: list[EngineEvent]) -> list[tuple[int, int]]:
    """First row and count of each chunk, after a look at whether it holds what it says."""
    chunks = [event for event in events if isinstance(event, RowsDescribed)]
    for chunk in chunks:
        rows = msgspec.msgpack.decode(chunk.rows, type=list[ModuleRow])
        assert [row.extra_repr for row in rows] == [str(chunk.first + index) for index in range(chunk.count)]
    return [(chunk.first, chunk.count) for chunk in chunks]


def test_a_load_tells_what_was_built_then_the_outline_then_all_rows(engine: Engine) -> None:
    engine.answer(LOAD)
    engine.finish()
    built, reading, outlined = engine.sent[:3]
    assert isinstance(built, ModelBuilt)
    assert (built.target.name, built.files, built.seconds, built.note) == ("Net", ("m.py",), 0.25, "a note")
    assert reading == StageStarted("reading the structure")
    assert isinstance(outlined, StructureOutlined)
    assert outlined.outline is engine.structure.outline
    assert described(engine.sent) == [(0, 3), (700, 1), (0, CHUNK_ROWS), (512, CHUNK_ROWS), (1024, 176)]
    assert engine.sent[-1] == StructureFinished("left as found: Identity", ("a buffer",))


def test_a_preview_is_told_with_its_rows_before_the_whole_is_read(engine: Engine) -> None:
    engine.preview = FakeStructure(600, [0])
    order: list[str] = []

    def read(model: nn.Module) -> FakeStructure:
        order.extend(type(event).__name__ for event in engine.sent)
        return engine.structure

    engine.put("structure", preview=lambda model: engine.preview, read=read)
    engine.answer(LOAD)
    assert order == ["ModelBuilt", "StageStarted", "StructureOutlined", "RowsDescribed", "RowsDescribed"]
    assert [(event.outline.count, event.preview) for event in engine.of(StructureOutlined)] == [
        (600, True),
        (1200, False),
    ]


def test_a_module_is_described_between_two_chunks_of_rows(engine: Engine) -> None:
    engine.answer(LOAD)
    engine.session.step()
    assert engine.session.busy
    (answer,) = engine.answer(DescribeModule(5))
    assert isinstance(answer, ModuleDescribed)
    assert (answer.row, answer.detail.qualified_type) == (5, "module 5")
    assert described(engine.finish())[-1] == (1024, 176)


def test_a_measurement_goes_before_the_rows_that_are_left(engine: Engine) -> None:
    engine.answer(LOAD)
    assert engine.answer(MeasureTensor(3, bins=7)) == []
    first, *rest = engine.finish()
    assert isinstance(first, TensorMeasured)
    assert (first.row, first.stats) == (3, TensorStats(elements=3, histogram=(7,)))
    assert isinstance(rest[-1], StructureFinished)


def test_a_newer_measurement_takes_the_place_of_an_unfinished_one(engine: Engine) -> None:
    engine.answer(LOAD)
    engine.finish()
    engine.answer(MeasureTensor(50))
    engine.session.step()
    engine.answer(MeasureTensor(2))
    (measured,) = engine.finish()
    assert isinstance(measured, TensorMeasured)
    assert measured.row == 2


def test_a_summary_is_told(engine: Engine) -> None:
    engine.answer(LOAD)
    assert engine.answer(Summarize(4)) == [Summarized("4 deep", ())]


def test_a_load_that_fails_is_told_in_its_own_words(engine: Engine) -> None:
    failure = Failure(stage="import", type="SyntaxError", message="invalid syntax")

    def load(request: Load, announce: object) -> Built:
        raise LoadFailed(failure)

    engine.put("target", load=load)
    assert engine.answer(LOAD) == [Failed(failure)]
    assert not engine.session.busy


def test_stages_are_told_as_they_begin(engine: Engine) -> None:
    def load(request: Load, announce: Any) -> Built:
        announce(StageStarted("importing m.py", True))
        assert engine.sent == [StageStarted("importing m.py", True)]
        raise SystemExit(3)

    engine.put("target", load=load)
    (_, failed) = engine.answer(LOAD)
    assert isinstance(failed, Failed)
    assert failed.failure.type == "SystemExit"


def test_a_structure_that_cannot_be_read_is_a_failure_and_not_the_end(engine: Engine) -> None:
    def read(model: nn.Module) -> FakeStructure:
        raise RuntimeError("parameters() is mine")

    engine.put("structure", preview=lambda model: None, read=read)
    *_, failed = engine.answer(LOAD)
    assert isinstance(failed, Failed)
    assert (failed.failure.stage, failed.failure.message) == ("structure", "parameters() is mine")
    assert engine.answer(Summarize(1)) == [Summarized("1 deep", ())]


def test_rows_that_cannot_be_described_are_a_failure_and_not_the_end(engine: Engine) -> None:
    engine.answer(LOAD)

    def rows(first: int, count: int) -> list[Row]:
        raise SystemExit("extra_repr says goodbye")

    engine.structure.rows = rows  # type: ignore[method-assign]
    *_, failed = engine.finish()
    assert isinstance(failed, Failed)
    assert (failed.failure.stage, failed.row) == ("structure", None)
    assert isinstance(engine.answer(DescribeModule(0))[0], ModuleDescribed)


@pytest.mark.parametrize("request_", [DescribeModule(3), MeasureTensor(3)])
def test_a_failed_answer_names_its_row(engine: Engine, request_: Request) -> None:
    def fail(*_: object) -> Any:
        raise KeyboardInterrupt

    engine.answer(LOAD)
    engine.finish()
    engine.put("detail", describe_module=fail)
    engine.put("tensor_stats", measuring=fail)
    (failed,) = [*engine.answer(request_), *engine.finish()]
    assert isinstance(failed, Failed)
    assert (failed.row, failed.failure.stage) == (3, "engine")


@pytest.mark.parametrize("request_", [DescribeModule(1100), MeasureTensor(1100)])
def test_a_row_that_stands_for_something_else_is_refused(engine: Engine, request_: Request) -> None:
    engine.answer(LOAD)
    engine.finish()
    (failed,) = [*engine.answer(request_), *engine.finish()]
    assert isinstance(failed, Failed)
    assert (failed.row, failed.failure.type) == (1100, "RowError")


@pytest.mark.parametrize("request_", [DescribeModule(0), MeasureTensor(0), Summarize(1), Run()])
def test_questions_about_no_model_are_refused(engine: Engine, request_: Request) -> None:
    (failed,) = [*engine.answer(request_), *engine.finish()]
    assert isinstance(failed, Failed)
    assert failed.failure.type == "NotLoadedError"


@given(st.sets(st.integers(0, 60)))
def test_spans_are_the_same_rows_in_as_few_pieces_as_can_be(rows: set[int]) -> None:
    pieces = list(spans(sorted(rows)))
    assert [first + index for first, count in pieces for index in range(count)] == sorted(rows)
    assert all(first + count < after for (first, count), (after, _) in pairwise(pieces))
