"""What a tried loss says, in words: its value, what it got, what would be usual, and what does not go together."""

from __future__ import annotations

from inspector.figures import number, plural, shape
from inspector.run_schema import LossInput, LossTrial

TITLE = "tried on the model's output"


def lines(trial: LossTrial) -> tuple[str, ...]:
    """One line each; the value first, and of a loss that raised why."""
    first = f"{trial.loss} gives {_value(trial)}" if trial.failure is None else f"{trial.loss}: {_failure(trial)}"
    return (
        first,
        *map(_input, trial.inputs),
        *_comparison(trial),
        *trial.notes,
        *((f"not left as found: {', '.join(trial.changed)}",) if trial.changed else ()),
    )


def _value(trial: LossTrial) -> str:
    value = number(trial.value)
    return value if trial.values == 1 else f"{plural(trial.values, 'number')} with a mean of {value}"


def _failure(trial: LossTrial) -> str:
    failure = trial.failure
    assert failure is not None
    kind = f"{failure.type}: " if failure.type else ""
    return kind + failure.message.strip().partition("\n")[0]


def _input(given: LossInput) -> str:
    return f"  {given.name} {shape(given.seen.shape)} {given.seen.dtype}, {given.origin}"


def _comparison(trial: LossTrial) -> tuple[str, ...]:
    """`on the same target 2.303 = ln 10 for every class equally likely`"""
    if trial.neutral is None:
        return ()
    words, _, formula = trial.neutral_words.partition(": ")
    value = f"{number(trial.neutral)} = {formula}" if formula else number(trial.neutral)
    return (f"on the same target {words} gives {value}",)
