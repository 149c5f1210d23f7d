"""Any order of passes, failures, interruptions, switches of mode and reloads leaves every hostile model as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from torch import nn

from inspector.engine.guard import Guard
from inspector.engine.storages import Copies
from tests.engine import bits
from tests.engine.hostile_models import MAKERS, HalfwayError


class Cancelled(BaseException):
    """What an interrupt raises at any call of a module."""


class Interrupting:
    """While it is entered, the nth call of a module is interrupted, before or after it has done its work."""

    def __init__(self, number: int, afterwards: bool) -> None:
        self.left, self.afterwards = number, afterwards

    def __enter__(self) -> None:
        original = self._original = nn.Module.__call__

        def __call__(module: nn.Module, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
            self.left -= 1
            mine = self.left == 0
            if mine and not self.afterwards:
                raise Cancelled
            result = original(module, *args, **kwargs)
            if mine:
                raise Cancelled
            return result

        nn.Module.__call__ = __call__  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        nn.Module.__call__ = self._original  # type: ignore[method-assign]


class LeftAsFound(RuleBasedStateMachine):
    """One model at a time, guarded from run to run as an engine does it."""

    @initialize(make=st.sampled_from(MAKERS))
    def open(self, make: Callable[[], nn.Module]) -> None:
        self.process = bits.of_process()
        self.load(make)

    @rule(make=st.sampled_from(MAKERS))
    def load(self, make: Callable[[], nn.Module]) -> None:
        with torch.random.fork_rng():
            self.model, self.copies = make(), Copies()
        self.before = bits.of(self.model)

    @rule(training=st.booleans(), data=st.data())
    def toggle(self, training: bool, data: st.DataObject) -> None:
        """The user switches a part to another mode: from now on that is how the model is found."""
        data.draw(st.sampled_from(list(self.model.modules()))).train(training)
        self.before = bits.of(self.model)

    @rule(passes=st.integers(1, 3), gradients=st.booleans(), seed=st.integers(0, 3))
    def run(self, passes: int, gradients: bool, seed: int) -> None:
        guard = Guard(self.model, values=True, copies=self.copies)
        for _ in range(passes):
            torch.default_generator.manual_seed(seed)
            self.call(gradients)
            guard.restore()
            assert bits.of(self.model) == self.before
        self.finish(guard)

    @rule(number=st.integers(1, 6), afterwards=st.booleans(), gradients=st.booleans())
    def interrupt(self, number: int, afterwards: bool, gradients: bool) -> None:
        guard = Guard(self.model, values=True, copies=self.copies)
        try:
            with Interrupting(number, afterwards):
                self.call(gradients)
        except Cancelled:
            pass
        self.finish(guard)

    @rule(seed=st.integers(0, 3))
    def repeat(self, seed: int) -> None:
        """What a pass gives does not depend on the passes before it."""
        guard = Guard(self.model, values=True, copies=self.copies)
        results = []
        for _ in range(2):
            torch.default_generator.manual_seed(seed)
            results.append(bits.contents(self.call(gradients=False)))
            guard.restore()
        assert results[0] == results[1]
        self.finish(guard)

    def call(self, gradients: bool) -> Any:
        try:
            with torch.set_grad_enabled(gradients):
                return self.model(torch.linspace(-1, 1, 12, dtype=torch.float32).view(3, 4))
        except HalfwayError:
            return None

    def finish(self, guard: Guard) -> None:
        proof, lost = guard.check()
        assert lost == ()
        assert proof.startswith("left as found: ")

    @invariant()
    def left_as_found(self) -> None:
        if hasattr(self, "model"):
            assert bits.of(self.model) == self.before
            assert bits.of_process() == self.process


LeftAsFound.TestCase.settings = settings(max_examples=40, stateful_step_count=8, deadline=None)
test_every_order_of_events_leaves_the_model_as_found = LeftAsFound.TestCase
