"""Whatever is asked of a session, in any order, the hostile models in it stay as they were, bit for bit."""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from torch import nn

from inspector.engine.forward import passes
from inspector.engine.forward.progress import interruption
from inspector.engine.session import Session
from inspector.messages import DrawTensor, EngineEvent, Failed, FindingsReported, Load, Run, RunCancelled, RunFinished
from tests.engine import bits
from tests.engine.hostile_models import MAKERS
from tests.process_state import put_back

Mode = Literal["train", "eval", "kept"]

FILE = """
import torch
from tests.engine import hostile_models

model = hostile_models.{name}()
example_inputs = torch.linspace(-1, 1, 12).view(3, 4)
"""


class Asked(RuleBasedStateMachine):
    """One session with one model of a file."""

    @initialize(name=st.sampled_from([make.__name__ for make in MAKERS]))
    def load(self, name: str) -> None:
        self.process = put_back()
        self.process.__enter__()
        self.folder = tempfile.TemporaryDirectory()
        file = Path(self.folder.name) / "m.py"
        file.write_text(FILE.format(name=name), encoding="utf-8")
        sys.modules.pop("m", None)
        self.events: list[EngineEvent] = []
        self.session = Session(self.events.append)
        self.session.answer(Load(f"{file}:model"))
        while self.session.busy:
            self.session.step()
        assert self.session._model is not None
        self.model = self.session._model
        self.before, self.around = bits.of(self.model), bits.of_process()

    @rule(
        mode=st.sampled_from(["train", "eval", "kept"]),
        dry=st.booleans(),
        untouched=st.booleans(),
        operations=st.booleans(),
        seed=st.integers(0, 2),
    )
    def run(self, mode: Mode, dry: bool, untouched: bool, operations: bool, seed: int) -> None:
        request = Run((), mode, dry, seed, operations=operations, untouched=untouched)
        self.proven(self.ask(request))

    @rule(number=st.integers(1, 12), mode=st.sampled_from(["train", "eval"]))
    def interrupt(self, number: int, mode: Mode) -> None:
        left, call = number, nn.Module.__call__

        def counted(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                interruption.ask()
            return call(module, *args, **kwargs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(nn.Module, "__call__", counted)
            self.proven(self.ask(Run((), mode)))

    @rule(call=st.integers(0, 6))
    def draw(self, call: int) -> None:
        self.ask(DrawTensor(8, 8, call=call))

    def ask(self, request: Run | DrawTensor) -> EngineEvent:
        self.events.clear()
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # As in an engine: what the models' own backward passes warn of is no error.
            self.session.answer(request)
        return next(event for event in reversed(self.events) if not isinstance(event, FindingsReported))

    def proven(self, event: EngineEvent) -> None:
        if isinstance(event, RunFinished):
            assert (event.run.guard[:15], event.run.changed) == ("left as found: ", ())
        else:
            assert isinstance(event, RunCancelled), event.failure if isinstance(event, Failed) else event
            assert (event.guard[:15], event.changed) == ("left as found: ", ())

    @invariant()
    def left_as_found(self) -> None:
        if hasattr(self, "before"):
            assert bits.of(self.model) == self.before
            assert bits.of_process() == self.around

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()
            self.process.__exit__(None, None, None)


@pytest.fixture(autouse=True)
def few_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "MOST_REPEATS", 2)


Asked.TestCase.settings = settings(max_examples=25, stateful_step_count=6, deadline=None)
test_every_order_of_requests_leaves_the_model_as_found = Asked.TestCase
