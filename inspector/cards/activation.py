"""The cards of the activations: what bends straight lines, number by number, and what weighs numbers against others."""

from __future__ import annotations

from inspector.cards import activation_curves as curves
from inspector.cards.arithmetic import constant, counted, equation, figure, given, is_known, shape_text
from inspector.cards.card import Arguments, Card, Counted, Curve, Drawn, Initial, Inputs, Shaped
from inspector.cards.linear import PLACE, PLACE_DEFAULTS

_INPLACE = "writes the result over the input, which saves its memory; the input is lost"
_LARGEST_RANK_OF_OLD_RULE = 3


def each_alone(arguments: Arguments, inputs: Inputs) -> Shaped:
    """The shape stays what it is."""
    sizes = given(inputs, 0, "∗")
    text = "any shape" if not inputs else shape_text(sizes)
    return Shaped((sizes,), (f"each number alone: {text} stays {'the same' if not inputs else text}",))


def _card(
    name: str,
    sentence: str,
    formula: tuple[str, ...],
    curve: Curve,
    *,
    arguments: dict[str, str] | None = None,
    defaults: dict[str, object] | None = None,
    inplace: bool = False,
    pitfalls: tuple[str, ...] = (),
    modes: str = "",
) -> Card:
    """A function of each number alone."""
    meanings, known = dict(arguments or {}), dict(defaults or {})
    if inplace and "inplace" not in meanings:
        meanings["inplace"] = _INPLACE
    if inplace:
        known["inplace"] = False
    return Card(
        name, "activation", sentence, formula, meanings, known, each_alone, curve=curve, pitfalls=pitfalls, modes=modes
    )


# --- over an axis -----------------------------------------------------------------------------------------------------


def _axis(arguments: Arguments, rank: int) -> int:
    """The axis over which is summed; raises ValueError when the input has no such axis."""
    dim = arguments["dim"]
    if dim is None:
        return 0 if rank in (0, 1, _LARGEST_RANK_OF_OLD_RULE) else 1
    if not -max(rank, 1) <= dim < max(rank, 1):
        raise ValueError(f"dim={dim}, and the input has {rank} axes")
    return int(dim) % max(rank, 1)


def _over_axis(arguments: Arguments, inputs: Inputs) -> Shaped:
    sizes = given(inputs, 0, "∗")
    if not inputs or not is_known(arguments["dim"]):
        return Shaped((sizes,), ("the shape stays the same; what lies along axis dim is weighed against each other",))
    axis = _axis(arguments, len(sizes))
    text = shape_text(sizes)
    if not sizes:
        return Shaped((sizes,), ("one number alone: the shape stays scalar",))
    others = shape_text((*sizes[:axis], *sizes[axis + 1 :])) if len(sizes) > 1 else "1"
    rule = "" if arguments["dim"] is not None else " (dim was not given: an old rule chooses it)"
    return Shaped(
        (sizes,),
        (f"{text} stays {text}", f"{others} times {sizes[axis]} numbers along axis {axis}{rule}"),
    )


def _softmax_2d(arguments: Arguments, inputs: Inputs) -> Shaped:
    sizes = given(inputs, 0, "N C H W")
    if len(sizes) not in (3, 4):
        raise ValueError(f"an input of 3 or 4 axes is wanted, C×H×W or N×C×H×W; this one has {len(sizes)}")
    text = shape_text(sizes)
    return Shaped((sizes,), (f"{text} stays {text}", f"at every pixel {sizes[-3]} numbers are weighed, its channels"))


def _glu(arguments: Arguments, inputs: Inputs) -> Shaped:
    sizes = given(inputs, 0, "N C")
    dim = arguments["dim"]
    if not is_known(dim):
        return Shaped((("∗",),), ("axis dim has half of its size afterwards",))
    if not sizes or not -len(sizes) <= dim < len(sizes):
        raise ValueError(f"dim={dim}, and the input has {len(sizes)} axes")
    axis = dim % len(sizes)
    size = figure(sizes[axis])
    if size.value is not None and size.value % 2:
        raise ValueError(f"axis {axis} has {sizes[axis]} numbers, which do not part into two halves")
    half = size / 2
    return Shaped(
        ((*sizes[:axis], half.size, *sizes[axis + 1 :]),),
        (equation(f"axis {axis}", half), "the other axes stay as they are"),
    )


# --- PReLU ------------------------------------------------------------------------------------------------------------


def _prelu_shape(arguments: Arguments, inputs: Inputs) -> Shaped:
    count = arguments["num_parameters"]
    sizes = given(inputs, 0, "N C ∗")
    if inputs and is_known(count) and count != 1:
        channels = sizes[1] if len(sizes) >= 2 else 1
        if not sizes:
            raise ValueError(f"{count} slopes, and the input is a single number")
        if isinstance(channels, int) and channels != count:
            raise ValueError(f"{count} slopes, and the input has {channels} channels on axis 1")
    return each_alone(arguments, inputs)


def _prelu_parameters(arguments: Arguments) -> Counted:
    return counted(("weight", (arguments["num_parameters"],)))


def _prelu_initial(arguments: Arguments) -> Drawn:
    init = arguments["init"]
    return constant(float(init)) if is_known(init) else Drawn("all init")


CARDS: tuple[Card, ...] = (
    _card(
        "Threshold",
        "Keeps numbers above a threshold and puts one fixed value in place of all others.",
        ("y = x      where x > threshold", "y = value  elsewhere"),
        curves.THRESHOLD,
        arguments={"threshold": "numbers must be above this to be kept", "value": "what stands in place of the others"},
        inplace=True,
    ),
    _card(
        "ReLU",
        "Keeps positive numbers and turns negative ones into 0: the plainest bend there is, and the usual one.",
        ("y = max(0, x)", "y′ = 1 where x > 0, else 0"),
        curves.RELU,
        inplace=True,
        pitfalls=("NN305",),
    ),
    _card(
        "RReLU",
        "A leaky ReLU whose slope for negative numbers is drawn anew for each of them while training.",
        ("y = x    where x ≥ 0", "y = a·x  elsewhere,  a ~ U(lower, upper)"),
        curves.RRELU,
        arguments={"lower": "the smallest slope that is drawn", "upper": "the largest slope that is drawn"},
        defaults={"lower": 1 / 8, "upper": 1 / 3},
        inplace=True,
        modes="train: a slope is drawn for every number. eval: the slope is (lower + upper)/2, as the curve shows.",
    ),
    _card(
        "Hardtanh",
        "Cuts numbers off at both ends of a range and leaves those within as they are.",
        ("y = min(max(x, min_val), max_val)",),
        curves.HARDTANH,
        arguments={
            "min_val": "the lower end of the range",
            "max_val": "the upper end of the range",
            "inplace": _INPLACE,
            "min_value": "an old name of min_val",
            "max_value": "an old name of max_val",
        },
        defaults={"min_val": -1.0, "max_val": 1.0, "inplace": False, "min_value": None, "max_value": None},
        inplace=True,
    ),
    _card(
        "ReLU6",
        "A ReLU that is cut off at 6, so that numbers of low precision suffice behind it.",
        ("y = min(max(0, x), 6)",),
        curves.RELU6,
        inplace=True,
        pitfalls=("NN305",),
    ),
    _card(
        "Sigmoid",
        "Squeezes every number into 0 … 1, such as a probability or a gate; far from 0 hardly any gradient is left.",
        ("y = 1 / (1 + e⁻ˣ)", "y′ = y·(1 − y) ≤ 1/4"),
        curves.SIGMOID,
        pitfalls=("NN306",),
    ),
    _card(
        "Hardsigmoid",
        "A sigmoid made of three straight pieces, which is cheaper to compute.",
        ("y = min(max(x/6 + 1/2, 0), 1)",),
        curves.HARDSIGMOID,
        inplace=True,
    ),
    _card(
        "Tanh",
        "Squeezes every number into −1 … 1; far from 0 hardly any gradient is left.",
        ("y = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)", "y′ = 1 − y²"),
        curves.TANH,
        pitfalls=("NN306",),
    ),
    _card(
        "SiLU",
        "The number times its own sigmoid: a smooth ReLU that dips below 0; also called swish.",
        ("y = x·σ(x),  σ(x) = 1 / (1 + e⁻ˣ)",),
        curves.SILU,
        inplace=True,
    ),
    _card(
        "Mish",
        "The number times the tanh of its softplus: a smooth ReLU that dips below 0.",
        ("y = x·tanh(ln(1 + eˣ))",),
        curves.MISH,
        inplace=True,
    ),
    _card(
        "Hardswish",
        "A SiLU made of straight pieces and one parabola, which is cheaper to compute.",
        ("y = x·min(max(x + 3, 0), 6) / 6",),
        curves.HARDSWISH,
        inplace=True,
    ),
    _card(
        "ELU",
        "Keeps positive numbers and lets negative ones run out smoothly towards −alpha.",
        ("y = x             where x > 0", "y = alpha·(eˣ − 1)  elsewhere"),
        curves.ELU,
        arguments={"alpha": "how far below 0 the curve goes"},
        defaults={"alpha": 1.0},
        inplace=True,
    ),
    _card(
        "CELU",
        "An ELU whose slope at 0 is 1 whatever alpha is.",
        ("y = max(0, x) + min(0, alpha·(e^(x/alpha) − 1))",),
        curves.CELU,
        arguments={"alpha": "how far below 0 the curve goes"},
        defaults={"alpha": 1.0},
        inplace=True,
    ),
    _card(
        "SELU",
        "An ELU scaled so that, through many layers, numbers keep mean 0 and variance 1 by themselves.",
        ("y = scale·(max(0, x) + min(0, alpha·(eˣ − 1)))", "alpha = 1.67326, scale = 1.05070"),
        curves.SELU,
        inplace=True,
    ),
    Card(
        "GLU",
        "activation",
        "Halves an axis and lets the second half decide, as gates from 0 to 1, how much of the first half passes.",
        ("y = a ⊙ σ(b),  a and b the halves of x along dim",),
        {"dim": "the axis that is halved"},
        {"dim": -1},
        _glu,
    ),
    _card(
        "GELU",
        "The number times the share of a normal distribution below it: a smooth ReLU, the usual one in transformers.",
        ("y = x·Φ(x)", "tanh:  y = x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))"),
        curves.GELU,
        arguments={"approximate": "'none' for the exact curve, 'tanh' for a cheaper one that is close to it"},
        defaults={"approximate": "none"},
    ),
    _card(
        "Hardshrink",
        "Turns numbers near 0 into 0 and leaves the others as they are, which makes a jump at both ends.",
        ("y = x  where |x| > lambd", "y = 0  elsewhere"),
        curves.HARDSHRINK,
        arguments={"lambd": "how near 0 a number must be to become 0"},
        defaults={"lambd": 0.5},
    ),
    _card(
        "LeakyReLU",
        "A ReLU that keeps a little of negative numbers, so that a unit that is off still gets a gradient.",
        ("y = x                 where x > 0", "y = negative_slope·x  elsewhere"),
        curves.LEAKY_RELU,
        arguments={"negative_slope": "how much of a negative number is left"},
        defaults={"negative_slope": 0.01},
        inplace=True,
    ),
    _card(
        "LogSigmoid",
        "The logarithm of the sigmoid, computed so that it does not overflow.",
        ("y = ln(1 / (1 + e⁻ˣ)) = −ln(1 + e⁻ˣ)",),
        curves.LOG_SIGMOID,
    ),
    _card(
        "Softplus",
        "A smooth ReLU that is positive everywhere, such as a variance must be.",
        ("y = ln(1 + e^(beta·x)) / beta", "y = x  where beta·x > threshold"),
        curves.SOFTPLUS,
        arguments={
            "beta": "how sharp the bend is",
            "threshold": "above this beta·x counts as so large that the line is straight",
        },
        defaults={"beta": 1.0, "threshold": 20.0},
    ),
    _card(
        "Softshrink",
        "Pulls every number towards 0 by a fixed amount; those that are nearer become 0.",
        ("y = x − lambd  where x > lambd", "y = x + lambd  where x < −lambd", "y = 0          elsewhere"),
        curves.SOFTSHRINK,
        arguments={"lambd": "by how much numbers are pulled"},
        defaults={"lambd": 0.5},
    ),
    Card(
        "PReLU",
        "activation",
        "A leaky ReLU whose slope for negative numbers is learned: one for all, or one for each channel.",
        ("y = x         where x > 0", "y = weight·x  elsewhere"),
        {
            "num_parameters": "how many slopes: 1, or as many as the input has channels",
            "init": "the slope to begin with",
            **PLACE,
        },
        {"num_parameters": 1, "init": 0.25, **PLACE_DEFAULTS},
        _prelu_shape,
        _prelu_parameters,
        (Initial("weight", _prelu_initial),),
        curve=curves.PRELU,
    ),
    _card(
        "Softsign",
        "Squeezes every number into −1 … 1 like tanh, but comes near the ends more slowly.",
        ("y = x / (1 + |x|)",),
        curves.SOFTSIGN,
    ),
    _card(
        "Tanhshrink",
        "What tanh takes away: nearly 0 for small numbers, nearly the number itself (less 1) for large ones.",
        ("y = x − tanh(x)",),
        curves.TANHSHRINK,
    ),
    Card(
        "Softmin",
        "activation",
        "Turns the numbers along an axis into shares that sum to 1, the smallest number getting the largest share.",
        ("yᵢ = e^(−xᵢ) / Σⱼ e^(−xⱼ),  sums along dim",),
        {"dim": "the axis along which the shares sum to 1"},
        {"dim": None},
        _over_axis,
        pitfalls=("NN303", "NN304"),
    ),
    Card(
        "Softmax",
        "activation",
        "Turns the numbers along an axis into shares that sum to 1, such as the probabilities of classes.",
        ("yᵢ = e^xᵢ / Σⱼ e^xⱼ,  sums along dim",),
        {"dim": "the axis along which the shares sum to 1"},
        {"dim": None},
        _over_axis,
        pitfalls=("NN303", "NN304", "NN310"),
    ),
    Card(
        "Softmax2d",
        "activation",
        "Turns the channels of every pixel into shares that sum to 1.",
        ("y[c] = e^x[c] / Σₖ e^x[k],  sums over the channels of each pixel",),
        {},
        {},
        _softmax_2d,
        pitfalls=("NN304",),
    ),
    Card(
        "LogSoftmax",
        "activation",
        "The logarithms of the shares that softmax gives, computed so that none overflows; what NLLLoss wants.",
        ("yᵢ = xᵢ − ln Σⱼ e^xⱼ,  sums along dim",),
        {"dim": "the axis along which the shares would sum to 1"},
        {"dim": None},
        _over_axis,
        pitfalls=("NN303", "NN304"),
    ),
)
