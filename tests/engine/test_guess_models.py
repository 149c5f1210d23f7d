"""Inputs of whole models are guessed, and the models run on them: those of papers, and the samples of this project."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from inspector.engine.inputs.choosing import choose
from inspector.engine.inputs.sample import Sample
from inspector.engine.target import load
from inspector.messages import Load
from tests.engine.paper_models import MODELS
from tests.process_state import put_back

SAMPLES = Path(__file__).parents[2] / "sample_models"


def _runs(model: nn.Module, sample: Sample) -> Any:
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.eval()(*sample.args, **sample.kwargs)


def _shapes(sample: Sample) -> dict[str, tuple[int, ...] | None]:
    return {value.path: value.shape for argument in sample.record.arguments for value in argument.values}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_a_paper_runs_on_what_is_guessed(name: str) -> None:
    model = MODELS[name]()
    sample = choose(model, (), None, 0)
    assert sample.record.origin == "guessed"
    assert not sample.record.reason.startswith("no guess"), sample.record.reason
    _runs(model, sample)


@pytest.mark.parametrize("name", MODELS)
def test_what_is_guessed_for_a_model_can_be_typed(name: str) -> None:
    model = MODELS[name]()
    guessed = choose(model, (), None, 0)
    texts = tuple(argument.text for argument in guessed.record.arguments)
    assert all(texts)
    assert _shapes(choose(model, texts, None, 0)) == _shapes(guessed)


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("ViT", {"x": (2, 3, 224, 224)}),
        ("StrictViT", {"pixel_values": (2, 3, 96, 96)}),
        ("GPT", {"idx": (2, 8)}),
        ("Generator", {"z": (2, 16, 1, 1)}),
        ("Discriminator", {"input": (2, 3, 64, 64)}),
        ("Siamese", {"x1": (2, 1, 28, 28), "x2": (2, 1, 28, 28)}),
        ("CNN28", {"x": (2, 1, 28, 28)}),
        ("Viewed", {"x": (2, 3, 32, 32)}),
        ("AlexNet", {"x": (2, 3, 224, 224)}),
        ("Mixer", {"x": (2, 3, 48, 48)}),
        ("Forecast", {"x": (2, 24, 7)}),
        ("Recommender", {"user_ids": (2,), "item_ids": (2,)}),
        ("Recurrent", {"input": (16, 2), "hidden[0]": (2, 2, 12), "hidden[1]": (2, 2, 12)}),
        ("Batch", {"batch['image']": (2, 1, 32, 32), "batch['label']": (2,)}),
        ("Spectrogram", {"mel": (2, 16, 80)}),
        ("Radiance", {"x": (2, 90)}),
        ("Window", {"series": (2, 96, 9)}),
        ("Images", {"images[0]": (3, 32, 32), "images[1]": (3, 32, 32)}),
        ("Paired", {"inputs[0]": (2, 5), "inputs[1]": (2, 7)}),
        ("WideAndDeep", {"sparse": (2, 3), "dense": (2, 5)}),
    ],
)
def test_the_sizes_are_those_that_the_model_was_made_for(name: str, shapes: dict[str, tuple[int, ...]]) -> None:
    assert _shapes(choose(MODELS[name](), (), None, 0)) == shapes


def test_a_wrapper_is_looked_through() -> None:
    sample = choose(nn.DataParallel(MODELS["CNN28"]()), (), None, 0)
    assert _shapes(sample) == {"x": (2, 1, 28, 28)}


@pytest.mark.parametrize("file", sorted(file.name for file in SAMPLES.glob("*.py")))
def test_a_sample_model_runs_without_its_example_inputs(file: str) -> None:
    target = f"{SAMPLES / file}" + (":Wide" if file == "several_models.py" else "")
    arguments = ("in_features=16", "widths=[8]", "num_classes=3") if file == "needs_arguments.py" else ()
    with put_back():
        model = load(Load(target, arguments), lambda _: None).model
        sample = choose(model, (), None, 0)  # Without `built` nobody knows of the file.
        assert sample.record.origin == "guessed"
        _runs(model, sample)
