"""Linear layers: every output is a weighted sum of the inputs."""

from __future__ import annotations

from inspector.cards.arithmetic import costs, counted, figure, given, product, shape_text, uniform_root
from inspector.cards.card import Arguments, Card, Counted, Drawn, Initial, Inputs, Shaped, Sizes, Symbol

PLACE = {
    "device": "where the parameters live: cpu, cuda, meta; None: torch's default device",
    "dtype": "number type of the parameters; None: torch's default, float32 unless somebody changed it",
}
"""The last two arguments of every layer that has parameters."""
PLACE_DEFAULTS = {"device": None, "dtype": None}


def _linear_shape(arguments: Arguments, inputs: Inputs) -> Shaped:
    features, out = figure(arguments["in_features"]), figure(arguments["out_features"])
    x = inputs[0] if inputs else ("N", features.size)
    _check_features("Linear", x, features.size)
    line = f"the last axis: {x[-1]} in, {out.size} out; all other axes stay as they are"
    return Shaped(((*x[:-1], out.size),), (line,))


def _lazy_shape(arguments: Arguments, inputs: Inputs) -> Shaped:
    """Whatever comes first decides how many features go in."""
    x = given(inputs, 0, "N in_features")
    if not x:
        raise ValueError("Linear wants at least one axis, and got a single number")
    shaped = _linear_shape({**arguments, "in_features": _known(x[-1])}, inputs)
    return Shaped(shaped.outputs, (from_first("in_features", x[-1]), *shaped.lines))


def from_first(name: str, size: int | str) -> str:
    """What a lazy layer does with its first input: `in_features = 576, from the first input`."""
    return f"{name} = {size}, from the first input" if isinstance(size, int) else f"{name} comes from the first input"


def _known(size: int | str) -> int | Symbol:
    return Symbol(size) if isinstance(size, str) else size


def _check_features(who: str, x: Sizes, wanted: int | str) -> None:
    if not x:
        raise ValueError(f"{who} wants at least one axis, and got a single number")
    if isinstance(x[-1], int) and isinstance(wanted, int) and x[-1] != wanted:
        raise ValueError(f"{who} takes {wanted} features on the last axis, and got {x[-1]} ({shape_text(x)})")


def _linear_parameters(arguments: Arguments) -> Counted:
    out = arguments["out_features"]
    weight = ("weight", (out, arguments.get("in_features", Symbol("in_features"))))
    return counted(weight, ("bias", (out,))) if arguments["bias"] else counted(weight)


def _linear_cost(arguments: Arguments, inputs: Inputs) -> Counted:
    x = given(inputs, 0, "rows in_features")
    features = arguments.get("in_features", x[-1])
    rows = product(x[:-1]).settled()
    return costs((("rows", rows), ("in_features", features), ("out_features", arguments["out_features"])))


def _linear_weight(arguments: Arguments) -> Drawn:
    return uniform_root(figure(arguments.get("in_features", Symbol("in_features"))))


def _linear_bias(arguments: Arguments) -> Drawn | None:
    return _linear_weight(arguments) if arguments["bias"] else None


_LINEAR_FORMULA = (
    "y = x·Wᵀ + b",
    "yⱼ = Σᵢ xᵢ·Wⱼᵢ + bⱼ        i = 1 … in_features, j = 1 … out_features",
)
_OUT = {
    "out_features": "how many numbers come out for each row",
    "bias": "whether each output gets a number b of its own added",
}

LINEAR = Card(
    name="Linear",
    family="linear",
    sentence="Makes each output a weighted sum of all inputs, plus one number of its own; also called a fully "
    "connected or dense layer.",
    formula=_LINEAR_FORMULA,
    arguments={"in_features": "how many numbers go in: the size of the last axis of the input", **_OUT, **PLACE},
    defaults={"bias": True, **PLACE_DEFAULTS},
    shape=_linear_shape,
    parameters=_linear_parameters,
    initial=(Initial("weight", _linear_weight), Initial("bias", _linear_bias)),
    cost=_linear_cost,
    pitfalls=("NN201", "NN204", "NN118"),
)

LAZY_LINEAR = LINEAR._replace(
    name="LazyLinear",
    sentence="A Linear that reads in_features off its first input, makes its parameters then, and is a plain Linear "
    "from there on.",
    arguments={**_OUT, **PLACE},
    shape=_lazy_shape,
    pitfalls=("NN111", "NN204"),
)


def _bilinear_shape(arguments: Arguments, inputs: Inputs) -> Shaped:
    features = [figure(arguments[name]).size for name in ("in1_features", "in2_features")]
    out = figure(arguments["out_features"]).size
    pair = inputs[:2] if len(inputs) > 1 else (("N", features[0]), ("N", features[1]))
    for x, wanted, which in zip(pair, features, ("first", "second"), strict=True):
        _check_features(f"Bilinear's {which} input", x, wanted)
    if pair[0][:-1] != pair[1][:-1]:
        raise ValueError(f"all axes but the last must be equal: {shape_text(pair[0])} and {shape_text(pair[1])}")
    line = f"the last axes: {features[0]} and {features[1]} in, {out} out; all other axes stay as they are"
    return Shaped(((*pair[0][:-1], out),), (line,))


def _bilinear_parameters(arguments: Arguments) -> Counted:
    out = arguments["out_features"]
    weight = ("weight", (out, arguments["in1_features"], arguments["in2_features"]))
    return counted(weight, ("bias", (out,))) if arguments["bias"] else counted(weight)


def _bilinear_cost(arguments: Arguments, inputs: Inputs) -> Counted:
    rows = product(given(inputs, 0, "rows in1_features")[:-1]).settled()
    names = ("out_features", "in1_features", "in2_features")
    return costs((("rows", rows), *((name, arguments[name]) for name in names)))


def _bilinear_weight(arguments: Arguments) -> Drawn:
    return uniform_root(figure(arguments["in1_features"]))


def _bilinear_bias(arguments: Arguments) -> Drawn | None:
    return _bilinear_weight(arguments) if arguments["bias"] else None


BILINEAR = Card(
    name="Bilinear",
    family="linear",
    sentence="Makes each output a weighted sum of all products of a number of the first input with one of the second.",
    formula=("yₖ = Σᵢ Σⱼ aᵢ·Wₖᵢⱼ·bⱼ + cₖ        a: first input, b: second input, c: bias",),
    arguments={
        "in1_features": "size of the last axis of the first input",
        "in2_features": "size of the last axis of the second input",
        **_OUT,
        **PLACE,
    },
    defaults={"bias": True, **PLACE_DEFAULTS},
    shape=_bilinear_shape,
    parameters=_bilinear_parameters,
    initial=(Initial("weight", _bilinear_weight), Initial("bias", _bilinear_bias)),
    cost=_bilinear_cost,
    pitfalls=("NN204",),
    takes=("two inputs that are equal in all axes but the last",),
)


def _same(_: Arguments, inputs: Inputs) -> Shaped:
    return Shaped((given(inputs, 0, "*"),), ("the output is the input",))


IDENTITY = Card(
    name="Identity",
    family="linear",
    sentence="Gives back its input as it is: a placeholder for a layer that is left out, or was taken away.",
    formula=("y = x",),
    arguments={"*args": "taken and not looked at", "**kwargs": "taken and not looked at"},
    shape=_same,
)

CARDS: tuple[Card, ...] = (LINEAR, BILINEAR, IDENTITY, LAZY_LINEAR)
