"""The cards of what changes the size of images, and of what moves numbers between channels and places."""

from __future__ import annotations

from typing import Any

from inspector.cards.arithmetic import AXES, Figure, equation, figure, given, is_known, product, said, shape_text
from inspector.cards.card import Arguments, Card, Inputs, Shaped, Sizes

_INTERPOLATING = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5}
"""Modes that take one number of axes alone."""
_COPYING = ("nearest", "nearest-exact", "area")


def _upsample(arguments: Arguments, inputs: Inputs) -> Shaped:
    return _resized({"mode": "nearest", "align_corners": None, "recompute_scale_factor": None, **arguments}, inputs)


def _upsample_bilinear(arguments: Arguments, inputs: Inputs) -> Shaped:
    return _resized(
        {"mode": "bilinear", "align_corners": True, "recompute_scale_factor": None, **arguments}, inputs
    )  # fmt: skip


def _resized(arguments: Arguments, inputs: Inputs) -> Shaped:
    sizes, mode = given(inputs, 0, "N C H W"), arguments["mode"]
    if is_known(mode):
        _check_mode(arguments, len(sizes) if inputs else _INTERPOLATING.get(mode, 4))
    names = AXES.get(len(sizes) - 2)
    if names is None:
        raise ValueError(f"an input of 3, 4 or 5 axes is wanted: N×C and one to three of space; this has {len(sizes)}")
    results = _new_sizes(arguments, sizes[2:])
    _check_emptiness(mode, sizes, results)
    lines = tuple(equation(f"{name}_out", result) for name, result in zip(names, results, strict=True))
    return Shaped(((*sizes[:2], *(result.size for result in results)),), lines)


def _check_mode(arguments: Arguments, axes: int) -> None:
    mode, align = arguments["mode"], arguments["align_corners"]
    if mode in _COPYING:
        if align is not None and is_known(align):
            raise ValueError(f"align_corners means nothing to mode {mode!r}: leave it None")
    elif mode not in _INTERPOLATING:
        raise ValueError(f"there is no mode {mode!r} here: {', '.join((*_COPYING, *_INTERPOLATING))}")
    elif _INTERPOLATING[mode] != axes:
        raise ValueError(f"mode {mode!r} takes an input of {_INTERPOLATING[mode]} axes, and this one has {axes}")


def _new_sizes(arguments: Arguments, space: Sizes) -> tuple[Figure, ...]:
    """One for each axis of space: what was asked for, or the old one scaled and cut to a whole number."""
    size, scale = arguments["size"], arguments["scale_factor"]
    if not is_known(size, scale):
        return tuple(Figure(f"⌊{figure(each).text}·scale_factor⌋, or size", None) for each in space)
    if (size is None) is (scale is None):
        raise ValueError("one of size and scale_factor is wanted, and not both")
    if size is not None and arguments["recompute_scale_factor"] is True:
        raise ValueError("recompute_scale_factor means nothing beside a size")
    wanted: Any = size if size is not None else scale
    each_axis = tuple(wanted) if isinstance(wanted, (tuple, list)) else (wanted,) * len(space)
    if len(each_axis) != len(space):
        raise ValueError(f"{len(each_axis)} numbers for {len(space)} axes of space")
    if size is not None:
        return tuple(map(figure, each_axis))
    return tuple(_scaled(old, float(factor)) for old, factor in zip(space, each_axis, strict=True))


def _scaled(old: int | str, factor: float) -> Figure:
    text = f"⌊{figure(old).text}·{factor:g}⌋"
    return Figure(text, None if isinstance(old, str) else int(old * factor))


def _check_emptiness(mode: Any, sizes: Sizes, results: tuple[Figure, ...]) -> None:
    """Nothing can be made larger, and nothing can be left."""
    if any(result.value is not None and result.value < (0 if mode == "area" else 1) for result in results):
        raise ValueError(f"nothing is left: {shape_text(result.size for result in results)}")
    if 0 in sizes[2:] or (0 in sizes[1:] and mode != "area"):
        raise ValueError(f"an input of {shape_text(sizes)} is empty")


# --- between channels and places --------------------------------------------------------------------------------------


def _factor(arguments: Arguments, name: str) -> Figure:
    if is_known(arguments[name]) and arguments[name] < 1:
        raise ValueError(f"{name}={arguments[name]} is below 1")
    return figure(arguments[name])


def _image(inputs: Inputs) -> tuple[Sizes, int | str, int | str, int | str]:
    sizes = given(inputs, 0, "N C H W")
    if len(sizes) < 3:
        raise ValueError(f"at least 3 axes are wanted, the last ones C×H×W; this input has {len(sizes)}")
    return sizes[:-3], sizes[-3], sizes[-2], sizes[-1]


def _divided(what: str, size: int | str, by: Figure) -> Figure:
    if isinstance(size, int) and by.value is not None and size % by.value:
        raise ValueError(f"{what} {size} is not divided by {said(by)}")
    return figure(size) / by


def _shuffled(batch: Sizes, channels: Figure, height: Figure, width: Figure) -> Shaped:
    lines = tuple(equation(f"{name}_out", each) for name, each in zip("CHW", (channels, height, width), strict=True))
    return Shaped(((*batch, channels.size, height.size, width.size),), lines)


def _pixel_shuffle(arguments: Arguments, inputs: Inputs) -> Shaped:
    factor, (batch, channels, height, width) = _factor(arguments, "upscale_factor"), _image(inputs)
    return _shuffled(
        batch, _divided("the number of channels", channels, factor * factor), figure(height) * factor,
        figure(width) * factor,
    )  # fmt: skip


def _pixel_unshuffle(arguments: Arguments, inputs: Inputs) -> Shaped:
    factor, (batch, channels, height, width) = _factor(arguments, "downscale_factor"), _image(inputs)
    return _shuffled(
        batch, product((channels, factor, factor)), _divided("the height", height, factor),
        _divided("the width", width, factor),
    )  # fmt: skip


def _channel_shuffle(arguments: Arguments, inputs: Inputs) -> Shaped:
    groups, sizes = _factor(arguments, "groups"), given(inputs, 0, "N C H W")
    if len(sizes) < 3:
        raise ValueError(f"at least 3 axes are wanted, N×C and some of space; this input has {len(sizes)}")
    each = _divided("the number of channels", sizes[1], groups)
    return Shaped((sizes,), (equation("channels in a group", each), f"{shape_text(sizes)} stays {shape_text(sizes)}"))


_SIZE = {
    "size": "the new height and width (length, depth); not together with scale_factor",
    "scale_factor": "by how much each axis grows; what comes out is cut to a whole number",
}

CARDS: tuple[Card, ...] = (
    Card(
        "Upsample",
        "vision",
        "Makes images, sequences or volumes larger (or smaller), by copying the nearest number or by blending.",
        ("[N, C, H, W] → [N, C, ⌊H·scale⌋, ⌊W·scale⌋]", "the channels stay"),
        {
            **_SIZE,
            "mode": "nearest and nearest-exact copy, area takes means, (bi-, tri-)linear and bicubic blend",
            "align_corners": "whether the corners of old and new lie on each other; changes what blending gives",
            "recompute_scale_factor": "whether blending uses the scale that came of cutting to whole numbers",
        },
        {"size": None, "scale_factor": None, "mode": "nearest", "align_corners": None, "recompute_scale_factor": None},
        _upsample,
        pitfalls=("NN210",),
    ),
    Card(
        "UpsamplingNearest2d",
        "vision",
        "Makes images larger by copying the nearest number; an older name of Upsample with mode='nearest'.",
        ("y[i, j] = x[⌊i / scale⌋, ⌊j / scale⌋]",),
        _SIZE,
        {"size": None, "scale_factor": None},
        _upsample,
        pitfalls=("NN210",),
    ),
    Card(
        "UpsamplingBilinear2d",
        "vision",
        "Makes images larger by blending the four nearest numbers; an older name of Upsample with mode='bilinear' and "
        "align_corners=True.",
        (
            "y[i, j] = a blend of the 4 numbers around",
            "          x[i·(H − 1)/(H_out − 1), j·(W − 1)/(W_out − 1)]",
        ),
        _SIZE,
        {"size": None, "scale_factor": None},
        _upsample_bilinear,
        pitfalls=("NN210",),
    ),
    Card(
        "PixelShuffle",
        "vision",
        "Makes an image larger by spreading groups of r² channels over squares of r × r pixels.",
        ("[N, C·r², H, W] → [N, C, H·r, W·r]",),
        {"upscale_factor": "r: how many times larger height and width become"},
        {},
        _pixel_shuffle,
    ),
    Card(
        "PixelUnshuffle",
        "vision",
        "Makes an image smaller by stacking every square of r × r pixels into r² channels: PixelShuffle undone.",
        ("[N, C, H·r, W·r] → [N, C·r², H, W]",),
        {"downscale_factor": "r: how many times smaller height and width become"},
        {},
        _pixel_unshuffle,
    ),
    Card(
        "ChannelShuffle",
        "vision",
        "Mixes the order of channels between groups, so that grouped convolutions get to see each other's results.",
        ("channel i of group g goes to place i·groups + g", "[groups, C/groups] is transposed"),
        {"groups": "into how many equal groups the channels are parted"},
        {},
        _channel_shuffle,
    ),
)
