"""Normalization: numbers get mean 0 and variance 1. The kinds differ in which numbers share a mean."""

from __future__ import annotations

from math import prod
from typing import Any

from inspector.cards.arithmetic import AXES, constant, counted, equation, figure, product, shape_text
from inspector.cards.card import Arguments, Card, Counted, Drawn, Initial, Inputs, Shaped, Sizes, Symbol
from inspector.cards.linear import PLACE, PLACE_DEFAULTS, from_first
from inspector.cards.space import split

# --- one mean for a channel -------------------------------------------------------------------------------------------


def _features(arguments: Arguments) -> Any:
    """A lazy layer has none before its first input."""
    return arguments.get("num_features", Symbol("num_features"))


def _check_channels(who: str, arguments: Arguments, channels: int | str) -> None:
    """Only what has parameters or running statistics notices another number of channels."""
    wanted = figure(_features(arguments)).size
    if not (arguments["affine"] or arguments["track_running_stats"]):
        return
    if isinstance(wanted, int) and isinstance(channels, int) and channels != wanted:
        raise ValueError(f"{who} has {wanted} channels, and got {channels}")


def _batch_shape(who: str, arguments: Arguments, inputs: Inputs, allowed: tuple[int, ...]) -> Shaped:
    """Mean and variance over the batch and all places, for each channel."""
    x: Sizes = inputs[0] if inputs else ("N", figure(_features(arguments)).size, *AXES.get(max(allowed) - 2, ()))
    if len(x) not in allowed:
        counts = f"{allowed[0]} or more" if len(allowed) > 2 else " or ".join(map(str, allowed))
        raise ValueError(f"{who} takes {counts} axes, channels on the second, and got {shape_text(x)}")
    _check_channels(who, arguments, x[1])
    values = product((x[0], *x[2:]))
    if values.value == 1 and not arguments["track_running_stats"]:
        raise ValueError(f"{who} got one value for each channel, and one value has no variance")
    return Shaped((x,), (equation("values behind each mean and variance", values), f"{x[1]} channels, each its own"))


def _instance_shape(who: str, arguments: Arguments, inputs: Inputs, axes: int) -> Shaped:
    """Mean and variance over the places alone, for each channel of each sample."""
    lead, space = split(who, inputs, axes)
    if not inputs:
        lead = ("N", figure(_features(arguments)).size)
    _check_channels(who, _lazily(arguments, inputs), lead[-1])
    values = product(space)
    if values.value == 1 and not arguments["track_running_stats"]:
        raise ValueError(f"{who} got one value for each channel of a sample, and one value has no variance")
    line = f"{shape_text(lead)} means and variances: one for each channel of each sample"
    sizes = (*lead, *(size.size for size in space))
    return Shaped((sizes,), (equation("values behind each", values), line))


def _lazily(arguments: Arguments, inputs: Inputs) -> Arguments:
    """A lazy layer reads its channels off the second axis, also of a sample without a batch, where they are not."""
    if "num_features" in arguments or not inputs:
        return arguments
    return {**arguments, "num_features": inputs[0][1]}


def _channel_parameters(arguments: Arguments) -> Counted:
    if not arguments["affine"]:
        return Counted(0, ("none: affine=False",))
    features = _features(arguments)
    weight = ("weight", (features,))
    return counted(weight, ("bias", (features,))) if arguments.get("bias", True) else counted(weight)


def _ones(arguments: Arguments) -> Drawn | None:
    return constant(1) if arguments.get("affine", arguments.get("elementwise_affine")) else None


def _zeros(arguments: Arguments) -> Drawn | None:
    return constant(0) if _ones(arguments) and arguments.get("bias", True) else None


_NORMALISED = "y = (x − μ) / √(σ² + eps) · γ + β        γ: weight, β: bias"
_RUNNING = "running ← (1 − momentum)·running + momentum·new"
_BATCH_FORMULA = (
    _NORMALISED,
    "train: μ, σ² of each channel, over the batch and all places",
    f"       {_RUNNING}, with σ² over n − 1",
    "eval:  μ = running_mean, σ² = running_var",
)
_BATCH_MODES = (
    "In train mode it normalises with mean and variance of the batch at hand, and moves running_mean and running_var "
    "towards them; in eval mode it uses those and changes nothing. With track_running_stats=False it uses the batch in "
    "both modes."
)
_CHANNEL_ARGUMENTS = {
    "num_features": "how many channels there are: the size of the second axis",
    "eps": "added to the variance, so that nothing is divided by 0",
    "momentum": "how far the running statistics move towards each batch; None: they are the mean of all batches",
    "affine": "whether each channel has a weight γ and a bias β that are learned",
    "track_running_stats": "whether running statistics are kept for eval mode",
    **PLACE,
    "bias": "whether there is a β as well, where there is a γ",
}
_CHANNEL_DEFAULTS = {
    "eps": 1e-05,
    "momentum": 0.1,
    "affine": True,
    "track_running_stats": True,
    **PLACE_DEFAULTS,
    "bias": True,
}
_AFFINE = (Initial("weight", _ones), Initial("bias", _zeros))
_BATCH_AXES = {1: (2, 3), 2: (4,), 3: (5,)}
_SAMPLES = {1: "vectors or sequences", 2: "images", 3: "volumes"}


def _batch_norm(axes: int) -> Card:
    name = f"BatchNorm{axes}d"
    return Card(
        name=name,
        family="normalization",
        sentence=f"Shifts and scales each channel of {_SAMPLES[axes]} to mean 0 and variance 1 over the batch, then "
        "gives it a mean and a spread that are learned.",
        formula=_BATCH_FORMULA,
        arguments=_CHANNEL_ARGUMENTS,
        defaults=_CHANNEL_DEFAULTS,
        shape=lambda arguments, inputs: _batch_shape(name, arguments, inputs, _BATCH_AXES[axes]),
        parameters=_channel_parameters,
        initial=_AFFINE,
        modes=_BATCH_MODES,
        pitfalls=("NN212", "NN105", "NN109", "NN403", "NN118"),
    )


_PROCESS_GROUP = {"process_group": "which processes share their statistics; None: all of them"}


def _with_group(items: dict[str, Any], group: dict[str, Any]) -> dict[str, Any]:
    """The process group stands before device and dtype."""
    before = {name: value for name, value in items.items() if name not in ("device", "dtype", "bias")}
    return {**before, **group, **{name: value for name, value in items.items() if name not in before}}


SYNC = _batch_norm(2)._replace(
    name="SyncBatchNorm",
    sentence="A BatchNorm for training on several GPUs: mean and variance are those of the batches of all processes "
    "together.",
    arguments=_with_group(_CHANNEL_ARGUMENTS, _PROCESS_GROUP),
    defaults=_with_group(_CHANNEL_DEFAULTS, {"process_group": None}),
    shape=lambda arguments, inputs: _batch_shape("SyncBatchNorm", arguments, inputs, tuple(range(2, 9))),
    modes=f"{_BATCH_MODES} Only in train mode, on a GPU and with torch.distributed do processes talk to each other.",
)


def _instance_norm(axes: int) -> Card:
    name = f"InstanceNorm{axes}d"
    return Card(
        name=name,
        family="normalization",
        sentence="Shifts and scales each channel of each sample alone to mean 0 and variance 1, over all its places.",
        formula=(_NORMALISED, "μ, σ² of one channel of one sample, over all places"),
        arguments=_CHANNEL_ARGUMENTS,
        defaults={**_CHANNEL_DEFAULTS, "affine": False, "track_running_stats": False},
        shape=lambda arguments, inputs: _instance_shape(name, arguments, inputs, axes),
        parameters=_channel_parameters,
        initial=_AFFINE,
        modes="Nothing, unless track_running_stats=True: then eval mode uses running statistics, as BatchNorm does.",
        pitfalls=("NN212", "NN311"),
    )


def _lazy(card: Card, **defaults: Any) -> Card:
    """The same layer before it has seen how many channels there are."""
    rule = card.shape
    assert rule is not None

    def shape(arguments: Arguments, inputs: Inputs) -> Shaped:
        shaped = rule(arguments, inputs)
        return Shaped(shaped.outputs, (from_first("num_features", shaped.outputs[0][1]), *shaped.lines))

    return card._replace(
        shape=shape,
        defaults={**card.defaults, **defaults},
        name=f"Lazy{card.name}",
        sentence=f"A {card.name} that reads num_features off its first input, and is a plain {card.name} "
        "from there on.",
        arguments={name: meaning for name, meaning in card.arguments.items() if name != "num_features"},
        pitfalls=("NN111", *card.pitfalls),
    )


# --- one mean for a group, for a row ----------------------------------------------------------------------------------


def _group_shape(arguments: Arguments, inputs: Inputs) -> Shaped:
    """Mean and variance over some channels and all places of one sample."""
    groups, channels = figure(arguments["num_groups"]), figure(arguments["num_channels"])
    if groups.value is not None and channels.value is not None and (groups.value < 1 or channels.value % groups.value):
        raise ValueError(f"{channels.text} channels cannot be divided into {groups.text} groups")
    x: Sizes = inputs[0] if inputs else ("N", channels.size, "H", "W")
    if len(x) < 2:
        raise ValueError(f"GroupNorm takes N×{channels.size}×…, and got {shape_text(x)}")
    if arguments["affine"] and isinstance(x[1], int) and isinstance(channels.size, int) and x[1] != channels.size:
        raise ValueError(f"GroupNorm has {channels.text} channels, and got {x[1]}")
    if isinstance(x[1], int) and groups.value and x[1] % groups.value:
        raise ValueError(f"{x[1]} channels cannot be divided into {groups.text} groups")
    _check_more_than_one(x, groups.value)
    values = product((figure(x[1]) / groups, *x[2:]))
    line = f"{shape_text((x[0], groups.size))} means and variances: one for each group of each sample"
    return Shaped((x,), (equation("values behind each", values), line))


def _check_more_than_one(x: Sizes, groups: float | None) -> None:
    """torch counts the values of all samples here, though each sample has statistics of its own."""
    numbers = [size for size in x if isinstance(size, int)]
    if groups and len(numbers) == len(x) and numbers[0] * numbers[1] // groups * prod(numbers[2:]) == 1:
        raise ValueError("GroupNorm got one value for each group, and one value has no variance")


def _group_parameters(arguments: Arguments) -> Counted:
    return _channel_parameters({**arguments, "num_features": arguments["num_channels"]})


GROUP_NORM = Card(
    name="GroupNorm",
    family="normalization",
    sentence="Divides the channels of each sample into groups and shifts and scales each group to mean 0 and variance "
    "1; the other samples of the batch make no difference.",
    formula=(_NORMALISED, "μ, σ² of one group of channels of one sample, over all places"),
    arguments={
        "num_groups": "how many groups; 1: all channels together, as many as channels: each alone",
        "num_channels": "how many channels there are: the size of the second axis",
        "eps": _CHANNEL_ARGUMENTS["eps"],
        "affine": _CHANNEL_ARGUMENTS["affine"],
        **PLACE,
        "bias": _CHANNEL_ARGUMENTS["bias"],
    },
    defaults={"eps": 1e-05, "affine": True, **PLACE_DEFAULTS, "bias": True},
    shape=_group_shape,
    parameters=_group_parameters,
    initial=_AFFINE,
    pitfalls=("NN212",),
)


def _normalized(arguments: Arguments) -> Sizes:
    shape = arguments["normalized_shape"]
    return tuple(shape) if isinstance(shape, (tuple, list)) else (figure(shape).size,)


def _row_shape(who: str, arguments: Arguments, inputs: Inputs) -> Shaped:
    """Over the last axes, for each place of the axes before them."""
    wanted = _normalized(arguments)
    x: Sizes = inputs[0] if inputs else ("N", *wanted)
    if not wanted:
        raise ValueError("normalized_shape is empty")
    last = x[len(x) - len(wanted) :] if len(x) >= len(wanted) else ()
    if len(last) != len(wanted) or any(
        isinstance(a, int) and isinstance(b, int) and a != b for a, b in zip(last, wanted, strict=True)
    ):
        raise ValueError(f"{who} wants {shape_text(wanted)} on the last axes, and got {shape_text(x)}")
    rows = product(x[: len(x) - len(wanted)])
    return Shaped(
        (x,), (equation("values in each row", product(wanted)), equation("rows, each normalised alone", rows))
    )


def _row_parameters(arguments: Arguments) -> Counted:
    if not arguments["elementwise_affine"]:
        return Counted(0, ("none: elementwise_affine=False",))
    weight = ("weight", _normalized(arguments))
    return counted(weight, ("bias", _normalized(arguments))) if arguments.get("bias") else counted(weight)


def _row_bias(arguments: Arguments) -> Drawn | None:
    return constant(0) if arguments["elementwise_affine"] and arguments["bias"] else None


_ROW_ARGUMENTS = {
    "normalized_shape": "the sizes of the last axes, which are normalised together",
    "eps": _CHANNEL_ARGUMENTS["eps"],
    "elementwise_affine": "whether each place has a weight γ of its own that is learned (and a bias)",
}
LAYER_NORM = Card(
    name="LayerNorm",
    family="normalization",
    sentence="Shifts and scales each row of numbers to mean 0 and variance 1, then gives each place a mean and a "
    "spread that are learned; rows and samples do not see each other.",
    formula=(_NORMALISED, "μ, σ² over the last axes, for each row alone"),
    arguments={**_ROW_ARGUMENTS, "bias": _CHANNEL_ARGUMENTS["bias"], **PLACE},
    defaults={"eps": 1e-05, "elementwise_affine": True, "bias": True, **PLACE_DEFAULTS},
    shape=lambda arguments, inputs: _row_shape("LayerNorm", arguments, inputs),
    parameters=_row_parameters,
    initial=(Initial("weight", _ones), Initial("bias", _row_bias)),
)
RMS_NORM = Card(
    name="RMSNorm",
    family="normalization",
    sentence="Scales each row of numbers so that the mean of its squares is 1; unlike LayerNorm it shifts nothing.",
    formula=("y = x / √(mean(x²) + eps) · γ        mean over the last axes, γ: weight",),
    arguments={
        **_ROW_ARGUMENTS,
        "eps": "added to the mean of the squares; None: the smallest step of the number type at 1",
        "elementwise_affine": "whether each place has a weight γ of its own that is learned",
        **PLACE,
    },
    defaults={"eps": None, "elementwise_affine": True, **PLACE_DEFAULTS},
    shape=lambda arguments, inputs: _row_shape("RMSNorm", arguments, inputs),
    parameters=_row_parameters,
    initial=(Initial("weight", _ones),),
)

# --- over neighbouring channels ---------------------------------------------------------------------------------------


def _local_shape(who: str, inputs: Inputs, fewest: int, most: int) -> Shaped:
    x: Sizes = inputs[0] if inputs else ("N", "C", "H", "W")
    if not fewest <= len(x) <= most:
        raise ValueError(f"{who} takes N×C and at least one axis of space, and got {shape_text(x)}")
    return Shaped((x,), ("the output has the shape of the input",))


_LOCAL = Card(
    name="LocalResponseNorm",
    family="normalization",
    sentence="Divides each number by a measure of how large the numbers of the neighbouring channels are at its place.",
    formula=("y = x / (k + alpha/size · Σ x²)^beta     Σ over `size` neighbouring channels",),
    arguments={
        "size": "how many neighbouring channels count",
        "alpha": "how much they count",
        "beta": "the exponent",
        "k": "what is added, so that nothing is divided by 0",
    },
    defaults={"alpha": 1e-4, "beta": 0.75, "k": 1.0},
    shape=lambda _, inputs: _local_shape("LocalResponseNorm", inputs, 3, 99),
)

CARDS: tuple[Card, ...] = (
    *map(_batch_norm, (1, 2, 3)),
    SYNC,
    *map(_instance_norm, (1, 2, 3)),
    GROUP_NORM,
    LAYER_NORM,
    RMS_NORM,
    _LOCAL,
    _LOCAL._replace(
        name="CrossMapLRN2d",
        sentence="The older form of LocalResponseNorm, for images alone.",
        defaults={"alpha": 1e-4, "beta": 0.75, "k": 1},
        shape=lambda _, inputs: _local_shape("CrossMapLRN2d", inputs, 4, 4),
    ),
    *(_lazy(_batch_norm(axes)) for axes in (1, 2, 3)),
    *(_lazy(_instance_norm(axes), affine=True, track_running_stats=True) for axes in (1, 2, 3)),
)
