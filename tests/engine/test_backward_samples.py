"""Forward and backward of every sample model: nothing is wrong with their gradients, and nothing is said of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from inspector.engine.inputs.choosing import choose
from tests.engine.noticing import Noticed
from tests.process_state import put_back
from tests.test_sample_models import open_sample, samples

LARGE = ("gpt2_small", "resnet50")


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    with put_back():
        torch.default_generator.manual_seed(0)
        yield


@pytest.mark.parametrize("name", [name for name in samples() if name not in LARGE])
def test_a_sample_is_silent(name: str) -> None:
    built = open_sample(name)
    record = Noticed(built, choose(built.model, (), built, 0)).backward()
    assert record.failed_in == ""
    assert [finding for finding in record.findings if finding.id.startswith("NN5")] == []
    wanted = [parameter for parameter in built.model.parameters() if parameter.requires_grad]
    assert len(record.parameters) == len(wanted)
    assert (record.objective != "") == bool(wanted)
