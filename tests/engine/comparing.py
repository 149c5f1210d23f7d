"""Train against eval in process, for tests: by dotted paths."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import nn

from inspector.engine import structure
from inspector.engine.inputs.sample import Sample
from inspector.engine.modes.comparing import compare
from inspector.mode_schema import Comparison, ModeDifference
from inspector.run_schema import Finding, InputSet
from tests.engine import bits
from tests.engine.mode_models import CASES


class Compared:
    """A comparison, and the rows that it speaks of."""

    def __init__(self, model: nn.Module, arguments: tuple[Any, ...], seed: int = 0, **settings: Any) -> None:
        self.model = model
        self.rows = structure.read(model)
        sample = Sample(arguments, settings.pop("kwargs", {}), settings.pop("inputs", InputSet("given")))
        before = bits.of(model), bits.of_process()
        self.record: Comparison = compare(
            model, sample, row_of=self.rows.row_of, path_of=self.rows.path, seed=seed, **settings
        )
        self.left_as_found = (bits.of(model), bits.of_process()) == before

    def sources(self) -> set[str]:
        """The paths of the modules that make the difference."""
        return {self.rows.path(self.record.differences[index].row) for index in self.record.sources}

    def of(self, path: str, number: int = 1) -> ModeDifference:
        """One call of a module."""
        (found,) = [
            each for each in self.record.differences if (self.rows.path(each.row), each.number) == (path, number)
        ]
        return found

    def roles(self) -> dict[str, str]:
        """The role of every module's first call."""
        return {self.rows.path(each.row): each.role for each in self.record.differences if each.number == 1}

    def findings(self, name: str) -> list[Finding]:
        """The findings of one rule."""
        return [finding for finding in self.record.findings if finding.id == name]


def compared(model: nn.Module, arguments: tuple[Any, ...], **settings: Any) -> Compared:
    """A comparison of a model whose weights were drawn from seed 0 or set by the test."""
    return Compared(model, arguments, **settings)


@cache
def case_of(name: str) -> Compared:
    """The comparison of one of the cases, made once."""
    case = CASES[name]
    return compared(seeded(case.build), case.arguments())


def seeded(build: Any) -> Any:
    """What is built with weights drawn from seed 0."""
    torch.default_generator.manual_seed(0)
    return build()
