"""The functions that work on each number alone, with their derivatives as autograd gives them, in plain Python.

At a kink the derivative is the one that torch chooses, and nowhere does a large number overflow.
"""

from __future__ import annotations

import math
from typing import Any

from inspector.cards.card import Arguments, Curve, Symbol

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def _value(arguments: Arguments, name: str, otherwise: float) -> float:
    """An argument; of one that is not known, what it usually is."""
    value: Any = arguments.get(name, otherwise)
    return otherwise if isinstance(value, Symbol) or value is None else float(value)


def _sigmoid(x: float) -> float:
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    rising = math.exp(x)
    return rising / (1 + rising)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _bell(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _normal(x: float) -> float:
    """The share of the normal distribution below x."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


# --- straight pieces --------------------------------------------------------------------------------------------------


def _leaky(negative: float) -> tuple[Any, Any]:
    return (lambda x: x if x > 0 else negative * x), (lambda x: 1.0 if x > 0 else negative)


def _with_slope(name: str, otherwise: float) -> Curve:
    return Curve(
        lambda x, arguments: _leaky(_value(arguments, name, otherwise))[0](x),
        lambda x, arguments: _leaky(_value(arguments, name, otherwise))[1](x),
    )


def _mean_slope(arguments: Arguments) -> float:
    return (_value(arguments, "lower", 1 / 8) + _value(arguments, "upper", 1 / 3)) / 2


def _threshold(x: float, arguments: Arguments) -> float:
    return x if x > _value(arguments, "threshold", 0.0) else _value(arguments, "value", 0.0)


def _ends(arguments: Arguments) -> tuple[float, float]:
    """Of Hardtanh, whose ends had other names once."""
    low, high = _value(arguments, "min_val", -1.0), _value(arguments, "max_val", 1.0)
    return _value(arguments, "min_value", low), _value(arguments, "max_value", high)


def _hardtanh(x: float, arguments: Arguments) -> float:
    low, high = _ends(arguments)
    return min(max(x, low), high)


def _hardtanh_slope(x: float, arguments: Arguments) -> float:
    low, high = _ends(arguments)
    return float(low < x < high)


RELU = Curve(lambda x, _: max(x, 0.0), lambda x, _: float(x > 0))
LEAKY_RELU = _with_slope("negative_slope", 0.01)
PRELU = _with_slope("init", 0.25)
RRELU = Curve(
    lambda x, arguments: _leaky(_mean_slope(arguments))[0](x), lambda x, arguments: _leaky(_mean_slope(arguments))[1](x)
)
RELU6 = Curve(lambda x, _: min(max(x, 0.0), 6.0), lambda x, _: float(0 < x < 6), (-4.0, 8.0))
THRESHOLD = Curve(_threshold, lambda x, arguments: float(x > _value(arguments, "threshold", 0.0)))
HARDTANH = Curve(_hardtanh, _hardtanh_slope)
HARDSIGMOID = Curve(
    lambda x, _: min(max(x / 6 + 0.5, 0.0), 1.0), lambda x, _: 1 / 6 if -3 < x < 3 else 0.0, (-6.0, 6.0)
)
HARDSHRINK = Curve(
    lambda x, arguments: x if abs(x) > _value(arguments, "lambd", 0.5) else 0.0,
    lambda x, arguments: float(abs(x) > _value(arguments, "lambd", 0.5)),
    (-2.0, 2.0),
)
SOFTSHRINK = Curve(
    lambda x, arguments: math.copysign(max(abs(x) - _value(arguments, "lambd", 0.5), 0.0), x),
    lambda x, arguments: float(abs(x) > _value(arguments, "lambd", 0.5)),
    (-2.0, 2.0),
)


def _hardswish_slope(x: float) -> float:
    if abs(x) >= 3:
        return float(x > 0)
    return x / 3 + 0.5


HARDSWISH = Curve(
    lambda x, _: x * min(max(x + 3, 0.0), 6.0) / 6,
    lambda x, _: _hardswish_slope(x),
    (-6.0, 6.0),
)


# --- with an exponential ----------------------------------------------------------------------------------------------


def _elu(x: float, alpha: float) -> float:
    return x if x > 0 else alpha * math.expm1(x)


def _elu_slope(x: float, alpha: float) -> float:
    return 1.0 if x > 0 else alpha * math.exp(x)


def _celu(x: float, arguments: Arguments) -> float:
    alpha = _value(arguments, "alpha", 1.0)
    return x if x > 0 else alpha * math.expm1(x / alpha)


def _celu_slope(x: float, arguments: Arguments) -> float:
    return 1.0 if x > 0 else math.exp(x / _value(arguments, "alpha", 1.0))


def _softplus_of(x: float, arguments: Arguments) -> float:
    beta, threshold = _value(arguments, "beta", 1.0), _value(arguments, "threshold", 20.0)
    return x if x * beta > threshold else _softplus(beta * x) / beta


def _softplus_slope(x: float, arguments: Arguments) -> float:
    beta, threshold = _value(arguments, "beta", 1.0), _value(arguments, "threshold", 20.0)
    return 1.0 if x * beta > threshold else _sigmoid(beta * x)


def _mish_slope(x: float) -> float:
    squashed = math.tanh(_softplus(x))
    return squashed + x * _sigmoid(x) * (1 - squashed * squashed)


def _gelu(x: float, arguments: Arguments) -> float:
    if arguments.get("approximate") == "tanh":
        return 0.5 * x * (1 + math.tanh(_gelu_inner(x)))
    return x * _normal(x)


def _gelu_slope(x: float, arguments: Arguments) -> float:
    if arguments.get("approximate") == "tanh":
        squashed = math.tanh(_gelu_inner(x))
        inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
        return 0.5 * (1 + squashed) + 0.5 * x * (1 - squashed * squashed) * inner
    return _normal(x) + x * _bell(x)


def _gelu_inner(x: float) -> float:
    return math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)


ELU = Curve(
    lambda x, arguments: _elu(x, _value(arguments, "alpha", 1.0)),
    lambda x, arguments: _elu_slope(x, _value(arguments, "alpha", 1.0)),
)
CELU = Curve(_celu, _celu_slope)
SELU = Curve(
    lambda x, _: _SELU_SCALE * _elu(x, _SELU_ALPHA),
    lambda x, _: _SELU_SCALE * _elu_slope(x, _SELU_ALPHA),
)
SIGMOID = Curve(lambda x, _: _sigmoid(x), lambda x, _: _sigmoid(x) * _sigmoid(-x), (-6.0, 6.0))
TANH = Curve(lambda x, _: math.tanh(x), lambda x, _: 1 - math.tanh(x) ** 2)
SILU = Curve(
    lambda x, _: x * _sigmoid(x), lambda x, _: _sigmoid(x) + x * _sigmoid(x) * _sigmoid(-x), (-6.0, 6.0)
)  # fmt: skip
MISH = Curve(lambda x, _: x * math.tanh(_softplus(x)), lambda x, _: _mish_slope(x))
GELU = Curve(_gelu, _gelu_slope)
LOG_SIGMOID = Curve(lambda x, _: -_softplus(-x), lambda x, _: _sigmoid(-x))
SOFTPLUS = Curve(_softplus_of, _softplus_slope)
SOFTSIGN = Curve(lambda x, _: x / (1 + abs(x)), lambda x, _: 1 / (1 + abs(x)) ** 2)
TANHSHRINK = Curve(lambda x, _: x - math.tanh(x), lambda x, _: math.tanh(x) ** 2)
