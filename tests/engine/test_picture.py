"""A slice of any tensor as pixels: which slice, how it is scaled, what is told of values that no pixel can show."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from inspector.engine import picture as drawing
from inspector.engine.picture import NOT_FINITE, draw
from inspector.messages import DrawTensor, TensorDrawn
from inspector.wire import pack

INF, NAN = float("inf"), float("nan")


def pixels(tensor: Tensor, height: int = 100, width: int = 100, index: tuple[int, ...] = ()) -> list[list[int]]:
    drawn = draw(tensor, index, height, width)
    assert len(drawn.pixels) == drawn.height * drawn.width
    return [list(drawn.pixels[row * drawn.width : (row + 1) * drawn.width]) for row in range(drawn.height)]


def test_a_batch_of_images_is_sliced_by_sample_and_channel() -> None:
    images = torch.arange(2 * 3 * 4 * 5.0).view(2, 3, 4, 5)
    drawn = draw(images, (1, 2), 4, 5)
    assert (drawn.index, drawn.channels, drawn.shape, drawn.scaled) == ((1, 2), 3, (2, 3, 4, 5), (4, 5))
    assert (drawn.minimum, drawn.maximum) == (100, 119)
    assert drawn.stats.elements == 20
    assert drawn.numbers[:3] == ("100", "101", "102")
    assert (drawn.pixels[0], drawn.pixels[-1]) == (0, 254)


@pytest.mark.parametrize(
    ("shape", "index", "channels", "scaled"),
    [
        ((2, 3, 4, 5, 6), (0, 0, 0), 4, (5, 6)),
        ((3, 4, 5), (0,), 3, (4, 5)),
        ((4, 5), (), 1, (4, 5)),
        ((5,), (), 1, (1, 5)),
        ((), (), 1, (1, 1)),
    ],
)
def test_every_shape_has_a_slice(
    shape: tuple[int, ...], index: tuple[int, ...], channels: int, scaled: tuple[int, int]
) -> None:
    drawn = draw(torch.rand(shape), (), 100, 100)
    assert (drawn.index, drawn.channels, drawn.scaled) == (index, channels, scaled)
    assert (drawn.height, drawn.width) == scaled
    assert drawn.stats.elements == scaled[0] * scaled[1]


def test_an_index_beyond_the_end_is_the_last_and_more_than_needed_are_ignored() -> None:
    images = torch.rand(2, 3, 4, 5)
    assert draw(images, (9, -4, 7), 4, 5).index == (1, 0)
    assert draw(torch.rand(4, 5), (1, 1), 4, 5).index == ()


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 4, 4), (2, 3, 0, 4), (0, 3, 4, 4)])
def test_an_empty_tensor_is_an_empty_picture(shape: tuple[int, ...]) -> None:
    drawn = draw(torch.empty(shape), (1, 1), 10, 10)
    assert (drawn.pixels, drawn.height * drawn.width, drawn.stats.elements) == (b"", 0, 0)
    assert (drawn.shape, drawn.minimum, drawn.numbers, drawn.per_channel) == (shape, None, (), ())


# --- scaling --------------------------------------------------------------------------------------------------------


def test_a_slice_as_large_as_asked_for_is_shown_as_it_is() -> None:
    assert pixels(torch.tensor([[0.0, 127.0], [254.0, 1.0]])) == [[0, 127], [254, 1]]


def test_scaling_down_averages_whole_areas() -> None:
    checks = (torch.arange(8)[:, None] + torch.arange(8)) % 2
    assert pixels(checks, 4, 4) == [[127] * 4] * 4
    halves = torch.cat((torch.zeros(10, 5), torch.ones(10, 5)), 1)
    assert pixels(halves, 1, 2) == [[0, 254]]


def test_a_pixel_that_covers_a_part_of_a_value_weighs_it_by_that_part() -> None:
    # Three values in two pixels: each has one whole value and half of the middle one.
    assert pixels(torch.tensor([[0.0, 3.0, 3.0]]), 1, 2) == [[round(254 / 3), 254]]


def test_scaled_pixels_are_the_means_that_a_plain_loop_finds() -> None:
    image = torch.rand(12, 18, dtype=torch.float64)
    low, high = float(image.min()), float(image.max())
    means = image.view(4, 3, 3, 6).mean(dim=(1, 3))
    expected = ((means - low) / (high - low) * 254).round().int().tolist()
    assert pixels(image, 4, 3) == expected


@pytest.mark.parametrize("block", [1, 7, 120, 2000])
def test_blocks_add_up_to_the_same_picture(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    image = torch.rand(50, 40)
    whole = draw(image, (), 7, 9)
    monkeypatch.setattr(drawing, "_BLOCK", block)
    assert draw(image, (), 7, 9) == whole


def test_a_very_long_row_is_drawn() -> None:
    row = torch.zeros(3_000_000)
    row[1_500_000:] = 1
    assert pixels(row, 10, 4) == [[0, 0, 254, 254]]
    assert pixels(row[:, None], 4, 10) == [[0], [0], [254], [254]]


def test_equal_values_are_one_shade() -> None:
    assert pixels(torch.full((2, 2), 7.0)) == [[0, 0], [0, 0]]


def test_the_largest_floats_do_not_overflow() -> None:
    huge = torch.tensor([[-1.7e308, 1.7e308], [0.0, 0.0]], dtype=torch.float64)
    assert pixels(huge) == [[0, 254], [127, 127]]
    assert pixels(torch.tensor([[3.4e38, 3.4e38, -3.4e38, -3.4e38]]), 1, 2) == [[254, 0]]


# --- what is not finite ---------------------------------------------------------------------------------------------


def test_a_pixel_without_a_finite_value_says_so_and_the_others_average_what_is_finite() -> None:
    image = torch.tensor([[NAN, INF, 0.0, NAN], [NAN, -INF, 2.0, 4.0]])
    drawn = draw(image, (), 1, 2)
    assert list(drawn.pixels) == [NOT_FINITE, 127]
    assert drawn.note == "5 of 8 values not finite"
    assert (drawn.minimum, drawn.maximum) == (0, 4)
    assert drawn.numbers[:3] == ("nan", "inf", "0")


def test_nothing_finite_at_all_is_all_marks() -> None:
    drawn = draw(torch.full((2, 3, 3), NAN), (), 2, 2)
    assert list(drawn.pixels) == [NOT_FINITE] * 4
    assert drawn.minimum is None
    assert all(map(math.isnan, drawn.per_channel[0]))


# --- channels -------------------------------------------------------------------------------------------------------


def test_every_channel_of_the_chosen_sample_is_measured() -> None:
    images = torch.randn(2, 7, 4, 5)
    images[1, 3] = 0
    drawn = draw(images, (1, 2), 4, 5)
    assert list(drawn.per_channel[3]) == [0, 0, 0, 0, 1]
    channel = images[1, 5].double()
    expected = (channel.min(), channel.mean(), channel.max(), channel.std(correction=0), torch.tensor(0.0))
    assert drawn.per_channel[5] == pytest.approx(tuple(map(float, expected)))


@pytest.mark.parametrize("block", [1 << 20, 2])
def test_channels_are_measured_on_what_is_finite(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(drawing, "_BLOCK", block)
    values = torch.tensor([[[1.0, NAN, 3.0, 0.0]], [[INF, INF, -INF, NAN]]])
    first, second = draw(values, (), 4, 4).per_channel
    assert first == pytest.approx((0, 4 / 3, 3, math.sqrt(14 / 9), 0.25))
    assert all(map(math.isnan, second))


def test_at_most_so_many_channels_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = draw(torch.rand(1, 600, 2, 2), (0, 599), 2, 2)
    assert (drawn.channels, len(drawn.per_channel), drawn.index) == (600, drawing.MOST_CHANNELS, (0, 599))
    monkeypatch.setattr(drawing, "_BLOCK", 10)
    assert draw(torch.ones(1, 9, 2, 2), (), 2, 2).per_channel == ((1, 1, 1, 0, 0),) * 9


def test_a_matrix_has_no_channels() -> None:
    assert draw(torch.rand(3, 4), (), 3, 4).per_channel == ()


# --- dtypes and layouts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tensor", "dtype", "drawn", "numbers"),
    [
        (torch.tensor([[1, 3]]), "int64", [[0, 254]], ("1", "3")),
        (torch.tensor([[True, False]]), "bool", [[254, 0]], ("True", "False")),
        (torch.tensor([[1, 3]], dtype=torch.float16), "float16", [[0, 254]], ("1", "3")),
        (torch.tensor([[1, 3]], dtype=torch.bfloat16), "bfloat16", [[0, 254]], ("1", "3")),
        (torch.tensor([[0, 200]], dtype=torch.uint8), "uint8", [[0, 254]], ("0", "200")),
        (torch.tensor([[3 + 4j, 0j]]), "complex64", [[254, 0]], ("5", "0")),
    ],
)
def test_every_dtype_is_drawn(tensor: Tensor, dtype: str, drawn: list[list[int]], numbers: tuple[str, ...]) -> None:
    assert pixels(tensor) == drawn
    assert (draw(tensor, (), 9, 9).dtype, draw(tensor, (), 9, 9).numbers) == (dtype, numbers)


def test_complex_numbers_are_said_to_be_absolute_values() -> None:
    assert draw(torch.tensor([1j]), (), 1, 1).note == "complex: of the absolute values"


@pytest.mark.parametrize(
    ("make", "note"),
    [
        (lambda: torch.eye(3).to_sparse(), "sparse_coo: of a dense copy"),
        (lambda: torch.eye(3).to_sparse_csr(), "sparse_csr: of a dense copy"),
        (lambda: torch.nested.nested_tensor([torch.eye(3), torch.ones(2, 2)]), "nested: the first of 2 tensors"),
        (
            lambda: torch.quantize_per_tensor(torch.eye(3), 0.5, 0, torch.qint8),
            "quantized: of the dequantized values",
        ),
    ],
)
def test_other_layouts_are_drawn_from_their_values(make: Callable[[], Tensor], note: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are called new, or old
        drawn = draw(make(), (), 3, 3)
    assert list(drawn.pixels) == [254, 0, 0, 0, 254, 0, 0, 0, 254]
    assert drawn.note == note


def fake() -> Tensor:
    with FakeTensorMode():
        return torch.rand(2, 2)


def lazy() -> Tensor:
    return nn.UninitializedParameter()


@pytest.mark.parametrize(
    ("make", "shape", "note"),
    [
        (lambda: torch.rand(2, 2, device="meta"), (2, 2), "not allocated: no values"),
        (fake, (2, 2), "not allocated: no values"),
        (lazy, (), "not initialised yet: no values"),
    ],
)
def test_what_has_no_values_says_so(make: Callable[[], Tensor], shape: tuple[int, ...], note: str) -> None:
    drawn = draw(make(), (), 10, 10)
    assert (drawn.shape, drawn.pixels, drawn.note, drawn.stats.note) == (shape, b"", note, note)


def test_drawing_writes_to_nothing() -> None:
    parameter = nn.Parameter(torch.tensor([[NAN, 1.0], [2.0, -INF]]))
    before, version = parameter.detach().numpy().tobytes(), parameter._version
    draw(parameter, (), 2, 2)
    assert (parameter.detach().numpy().tobytes(), parameter._version, parameter.grad) == (before, version, None)


def test_a_picture_crosses_the_wire() -> None:
    assert pack(TensorDrawn(DrawTensor(4, 4, row=1), draw(torch.rand(2, 3, 9, 9), (1, 1), 4, 4)))
