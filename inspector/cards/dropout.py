"""Dropout: while training, chance sets numbers to zero, so that nothing is learned that hangs on one of them."""

from __future__ import annotations

from inspector.cards.arithmetic import AXES, figure, given, shape_text
from inspector.cards.card import Arguments, Card, Inputs, Shaped
from inspector.figures import number

_EVAL = "In eval mode nothing is dropped and nothing scaled: the output is the input. In train mode each call differs."
_ARGUMENTS = {
    "p": "the share that is dropped: each with this probability",
    "inplace": "whether the input itself is overwritten",
}
_DEFAULTS = {"p": 0.5, "inplace": False}


def check_probability(p: float | None) -> None:
    """Raises ValueError for what is no probability."""
    if p is not None and not 0 <= p <= 1:
        raise ValueError(f"p is a probability between 0 and 1, and not {number(p)}")


def _is_drawn(arguments: Arguments) -> bool:
    """With 0 and 1 there is nothing to draw, and torch does not look at the axes."""
    return arguments["p"] not in (0, 1)


def _scale(arguments: Arguments) -> str:
    """`what is kept is multiplied by 1/(1 − 0.5) = 2`"""
    p = figure(arguments["p"])
    check_probability(p.value)
    if p.value is None:
        return "train: what is kept is multiplied by 1/(1 − p)"
    if p.value == 1:
        return "train: everything is dropped"
    return f"train: what is kept is multiplied by 1/(1 − {p.text}) = {number(1 / (1 - p.value))}"


def _each(arguments: Arguments, inputs: Inputs) -> Shaped:
    """Every number by itself."""
    return Shaped((given(inputs, 0, "*"),), ("the output has the shape of the input", _scale(arguments)))


def _alpha(arguments: Arguments, inputs: Inputs) -> Shaped:
    check_probability(figure(arguments["p"]).value)
    return Shaped((given(inputs, 0, "*"),), ("the output has the shape of the input",))


def _channels(who: str, arguments: Arguments, inputs: Inputs, axes: int) -> Shaped:
    """Whole channels. torch asks less than it should of what goes in, and reads it as the class of its time did."""
    x = given(inputs, 0, " ".join(("N", "C", *AXES[axes])))
    if axes == 1 and len(x) not in (2, 3):
        raise ValueError(f"{who} takes N×C×L, or C×L, and got {shape_text(x)}")
    if len(x) < (1 if axes == 3 else 2) and _is_drawn(arguments):
        raise ValueError(f"{who} drops channels, and {shape_text(x)} has none")
    single = len(x) == 2 if axes == 1 else len(x) != 5 if axes == 3 else False
    lead = x[:1] if single else x[:2]
    line = f"{shape_text(lead)} channels, each kept or dropped as a whole"
    return Shaped((x,), (line, _scale(arguments)))


def _alpha_channels(arguments: Arguments, inputs: Inputs) -> Shaped:
    x = given(inputs, 0, "N C *")
    if len(x) < 2 and _is_drawn(arguments):
        raise ValueError(f"FeatureAlphaDropout drops channels, and {shape_text(x)} has none")
    check_probability(figure(arguments["p"]).value)
    return Shaped((x,), (f"{shape_text(x[:2])} channels, each kept or dropped as a whole",))


def _channel_dropout(axes: int) -> Card:
    name, what = f"Dropout{axes}d", {1: "sequences", 2: "images", 3: "volumes"}[axes]
    return Card(
        name=name,
        family="dropout",
        sentence=f"While training, sets whole channels of {what} to zero by chance, and scales up the others to make "
        "up for it: neighbouring places tell nearly the same, so dropping single ones would hide little.",
        formula=(
            "train: y[n,c] = 0 with probability p, otherwise x[n,c]/(1 − p)",
            f"       for all of {'×'.join(AXES[axes])} at once",
            "eval:  y = x",
        ),
        arguments={**_ARGUMENTS, "p": "the share of channels that is dropped: each with this probability"},
        defaults=_DEFAULTS,
        shape=lambda arguments, inputs: _channels(name, arguments, inputs, axes),
        modes=_EVAL,
        pitfalls=("NN401", "NN404", "NN311"),
    )


DROPOUT = Card(
    name="Dropout",
    family="dropout",
    sentence="While training, sets numbers to zero by chance, each alone, and scales up the others to make up for it.",
    formula=("train: y = 0 with probability p, otherwise x/(1 − p)", "eval:  y = x"),
    arguments=_ARGUMENTS,
    defaults=_DEFAULTS,
    shape=_each,
    modes=_EVAL,
    pitfalls=("NN401", "NN404"),
)

ALPHA = Card(
    name="AlphaDropout",
    family="dropout",
    sentence="A dropout for networks of SELUs: while training, numbers are set by chance to the value at which SELU "
    "saturates, and all are then shifted and scaled so that mean 0 and variance 1 stay.",
    formula=(
        "train: y = a·(x, or α′ with probability p) + b        α′ ≈ −1.7581",
        "       a = 1/√((1 − p)·(1 + p·α′²)),  b = −a·p·α′",
        "eval:  y = x",
    ),
    arguments=_ARGUMENTS,
    defaults=_DEFAULTS,
    shape=_alpha,
    modes=_EVAL,
    pitfalls=("NN401", "NN404"),
)

CARDS: tuple[Card, ...] = (
    DROPOUT,
    *map(_channel_dropout, (1, 2, 3)),
    ALPHA,
    ALPHA._replace(
        name="FeatureAlphaDropout",
        sentence="An AlphaDropout that drops whole channels: while training, all places of a channel are set to the "
        "value at which SELU saturates.",
        shape=_alpha_channels,
    ),
)
