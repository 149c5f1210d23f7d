"""Inputs such as an engine would choose, for the tests of their editor."""

from __future__ import annotations

from inspector.run_schema import InputSet, SampleArgument, Seen
from inspector.schema import Argument


def tensor(name: str, *sizes: int, dtype: str = "float32", text: str | None = None) -> SampleArgument:
    spelled = f"{name}={'x'.join(map(str, sizes))}:{dtype}" if text is None else text
    return SampleArgument(name, False, spelled, (Seen(name, sizes, dtype, "cpu"),))


def guessed() -> InputSet:
    """LeNet's."""
    return InputSet(
        "guessed",
        (tensor("x", 2, 1, 32, 32),),
        "conv1 takes 1 channel, fc1 wants 576",
        signature=(Argument("x", "Tensor", required=True),),
    )


def several() -> InputSet:
    """Those of a tagger with a mask, a number and a text."""
    return InputSet(
        "given",
        (
            SampleArgument("ids", False, "ids=2x16:int64:0-29999", (Seen("ids", (2, 16), "int64", "cpu"),)),
            SampleArgument("choice", True, "choice='conv'", (Seen("choice", text="'conv'"),)),
        ),
        signature=(
            Argument("ids", "torch.LongTensor", required=True),
            Argument("attention_mask", "torch.Tensor | None", "None"),
            Argument("choice", "str", "'linear'"),
            Argument("scale", "float", "1.0"),
        ),
    )


def starred() -> InputSet:
    """Of forward(x, scale=1.0, *args, **kwargs)."""
    return InputSet(
        "given",
        (tensor("x", 2, 3), tensor("args[0]", 4, 5, text="4x5")),
        signature=(
            Argument("x", required=True), Argument("scale", default="1.0"), Argument("*args"), Argument("**kwargs"),
        ),
    )  # fmt: skip


def from_the_file() -> InputSet:
    """A batch that no text says."""
    return InputSet(
        "file",
        (tensor("batch", 2, 3, 8, 8, text=""),),
        where="example_inputs, net.py:40",
        signature=(Argument("batch", required=True),),
    )
