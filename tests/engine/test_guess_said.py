"""What forward says when it refuses an input by itself is read, and so is the line that it refuses in."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from inspector.engine.inputs import guess as guessing
from tests.engine.test_guess import guessed, of, texts


def shape_of(model: nn.Module) -> Any:
    (argument,) = guessed(model).arguments
    return argument.values[0].shape


# --- numbers ----------------------------------------------------------------------------------------------------------


def by_message(self: Any, mel: Tensor) -> Any:
    if mel.shape[-1] != 300:
        raise ValueError(f"Input expects length 300, but found {mel.shape[-1]}. Pad it.")
    return self.layer(mel)


def by_sides(self: Any, x: Tensor) -> Any:
    if x.shape[-2:] != (144, 144):
        raise ValueError(f"Input image size ({x.shape[-2]}*{x.shape[-1]}) doesn't match model (144*144).")
    return self.layer(x)


def by_assertion_of_torch(self: Any, x: Tensor) -> Any:
    _, _, height, _ = x.shape
    assertion: Any = torch._assert
    assertion(height == 144, f"Wrong image height! Expected 144 but got {height}!")
    return self.layer(x)


def by_line(self: Any, x: Tensor) -> Any:
    if x.shape[2] != self.sides[0]:
        raise ValueError("this is not what the model was made for")
    return self.layer(x)


def by_part_of_a_part(self: Any, x: Tensor) -> Any:
    wanted = self.settings.sides
    assert x.shape[2] == wanted, "wrong"
    return self.layer(x)


def by_multiple(self: Any, x: Tensor) -> Any:
    if x.shape[-1] % 21:
        raise ValueError("width must be divisible by 21")
    return self.layer(x)


class Settings:
    """A model's configuration."""

    sides = 1

    def __init__(self) -> None:
        self.sides = 144


@pytest.mark.parametrize(
    ("forward", "layer", "shape"),
    [
        (by_message, nn.Conv1d(80, 4, 3), (2, 80, 300)),
        (by_sides, nn.Conv2d(3, 4, 3), (2, 3, 144, 144)),
        (by_assertion_of_torch, nn.Conv2d(3, 4, 3), (2, 3, 144, 144)),
        (by_line, nn.Conv2d(3, 4, 3), (2, 3, 144, 144)),
        (by_part_of_a_part, nn.Conv2d(3, 4, 3), (2, 3, 144, 144)),
        (by_multiple, nn.Conv2d(3, 4, 3), (2, 3, 42, 42)),
    ],
)
def test_sizes_are_taken_from_what_the_failure_says(
    forward: Callable[..., Any], layer: nn.Module, shape: tuple[int, ...]
) -> None:
    assert shape_of(of(forward, layer=layer, sides=(144, 144), settings=Settings())) == shape


def test_channels_that_are_only_spoken_of_are_found() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        if x.dim() != 4 or x.shape[1] != 5:
            raise ValueError("number of channels must be 5, height and width are free")
        return F.avg_pool2d(x, 2)

    assert shape_of(of(forward)) == (2, 5, 32, 32)


@pytest.mark.parametrize("said", ["expected a 5D input", "x must have 5 dimensions", "not today"])
def test_the_number_of_axes_is_taken_from_what_the_failure_says(said: str) -> None:
    def forward(self: Any, x: Tensor) -> Any:
        if x.dim() != 5:
            raise ValueError(said)
        return x

    assert len(shape_of(of(forward))) == 5


def test_a_batch_that_was_read_as_steps_gets_them() -> None:
    def forward(self: Any, past: Tensor) -> Any:
        if past.shape[-2] != 24:
            raise ValueError(f"Input sequence length ({past.shape[-2]}) doesn't match model configuration (24).")
        return self.out(past.transpose(1, 2))

    assert shape_of(of(forward, out=nn.Linear(24, 3)))[1] == 24


def test_properties_are_not_asked_for_numbers() -> None:
    asked: list[str] = []

    class Nosy(nn.Module):
        @property
        def wanted(self) -> int:
            asked.append("property")
            return 48

        def forward(self, x: Tensor) -> Tensor:
            asked.append("forward")
            if x.shape[1] != self.wanted:
                raise ValueError("no")
            return x

    guessed(Nosy())
    assert asked.count("property") == asked.count("forward") > 1


# --- arguments that are left out --------------------------------------------------------------------------------------


def test_an_argument_that_is_none_in_the_line_that_failed_is_given() -> None:
    def forward(self: Any, ids: Tensor | None = None, audio: Tensor | None = None) -> Any:
        return self.table(ids).sum() + self.listen(audio.transpose(1, 2)).sum()  # type: ignore[union-attr]

    record = guessed(of(forward, table=nn.Embedding(9, 4), listen=nn.Linear(6, 4)))
    assert [argument.name for argument in record.arguments] == ["ids", "audio"]
    assert not record.reason.startswith("no guess")


# --- several axes and several arguments -------------------------------------------------------------------------------


def test_pictures_that_are_compared_grow_together() -> None:
    def forward(self: Any, image1: Tensor, image2: Tensor) -> Any:
        one, other = (F.max_pool2d(self.see(image), 16) for image in (image1, image2))
        if one.shape[-1] < 8:
            raise ValueError("feature maps are too small for the pyramid")
        return one * other

    assert texts(of(forward, see=nn.Conv2d(3, 4, 3, padding=1))) == [
        "image1=2x3x128x128:float32",
        "image2=2x3x128x128:float32",
    ]


def test_frames_may_stand_before_channels() -> None:
    def forward(self: Any, pixel_values: Tensor) -> Any:
        batch, frames, channels, height, width = pixel_values.shape
        if channels != 3:
            raise ValueError("wrong channels")
        return self.see(pixel_values.reshape(batch * frames, channels, height, width)).view(batch, frames, -1)

    assert shape_of(of(forward, see=nn.Conv2d(3, 4, 3))) == (2, 16, 3, 32, 32)


def test_a_clip_has_its_frames_and_its_sides() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        return self.see(x).flatten(2).transpose(1, 2) + self.places

    model = of(forward, see=nn.Conv3d(3, 8, (2, 16, 16), (2, 16, 16)), places=nn.Parameter(torch.zeros(1, 8 * 196, 8)))
    assert shape_of(model) == (2, 3, 16, 224, 224)


def test_an_axis_that_nobody_could_follow_is_known_by_its_place_and_size() -> None:
    def forward(self: Any, input_features: Tensor) -> Any:
        x = self.norm(input_features.transpose(1, 3)).transpose(1, 3)
        return self.see(F.interpolate(x, size=(64, x.shape[3]), mode="bicubic"))

    model = of(forward, norm=nn.BatchNorm2d(64), see=nn.Conv2d(1, 4, 3))
    assert shape_of(model) == (2, 1, 8, 64)


# --- tries do not disturb each other ----------------------------------------------------------------------------------


def test_what_one_try_sets_in_the_model_is_not_there_in_the_next() -> None:
    class Windowed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.see, self.window, self.seen = nn.Conv2d(3, 4, 1), 7, list[int]()
            self.places = nn.Parameter(torch.zeros(49, 1))

        def forward(self, x: Tensor) -> Any:
            x = self.see(x)
            self.seen.append(x.shape[-1])
            self.window = min(self.window, x.shape[-1] // 8)
            if len(self.seen) > 1:
                raise RuntimeError("it was here before")
            return x[..., : self.window, : self.window].flatten(2) @ self.places

    model = Windowed()
    side = shape_of(model)[-1]
    assert side >= 56
    assert (model.window, model.seen) == (7, [])
    model(torch.randn(2, 3, side, side))


def test_a_model_that_takes_long_with_values_is_left_as_far_as_it_came_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guessing, "MOST_SECONDS", 0.3)

    def forward(self: Any, x: Tensor) -> Any:
        x = self.first(x)
        while x.sum() < 1e9:
            time.sleep(0.001)
            x = x * 1
        return x

    began = time.perf_counter()
    record = guessed(of(forward, first=nn.Linear(6, 5)))
    assert time.perf_counter() - began < 5
    assert [argument.text for argument in record.arguments] == ["x=2x6:float32"]
    assert record.reason == "first wants 6: as far as could be tried without values (__bool__)"


# --- what is said of it -----------------------------------------------------------------------------------------------


def test_indices_that_were_made_of_an_argument_are_not_the_argument() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        scores = self.score(x)
        best = scores.topk(2).indices
        return scores[torch.arange(len(x), device=x.device)[:, None], best]

    record = guessed(of(forward, score=nn.Linear(6, 5)))
    assert record.reason == "score wants 6"
    assert [argument.reason for argument in record.arguments] == ["score wants 6"]


def test_inputs_that_a_library_gives_every_model_yield_to_a_guess_that_comes_further() -> None:
    def forward(self: Any, pixels: Tensor, labels: Tensor) -> Any:
        self.see(pixels)
        raise ValueError("never")

    model: Any = of(forward, see=nn.Conv2d(3, 4, 3))
    type(model).dummy_inputs = {"input_ids": torch.zeros(2, 5, dtype=torch.long)}
    record = guessed(model)
    assert record.origin == "guessed"
    assert record.reason.startswith("no guess went through")
