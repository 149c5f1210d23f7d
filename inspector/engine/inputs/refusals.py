"""What is wrong with inputs that were given: what was typed, why it cannot be, and one that can."""

from __future__ import annotations

from inspector.engine.failure import LoadFailed, refuse
from inspector.schema import Argument


def refuse_input(
    typed: str, reason: str, example: str = "", *, kind: str = "BadInput", arguments: tuple[Argument, ...] = ()
) -> LoadFailed:
    """A failure of the stage "inputs", to be raised."""
    mend = f"For example  {example}" if example else ""
    return refuse("inputs", kind, f"--input {typed}: {reason}", mend=mend, arguments=arguments)


def spelled_signature(arguments: tuple[Argument, ...]) -> str:
    """`forward(x: Tensor, mask=None)`, as it would be declared."""
    parts = []
    for argument in arguments:
        annotation = f": {argument.annotation}" if argument.annotation else ""
        equals = " = " if annotation else "="
        default = f"{equals}{argument.default}" if argument.default is not None else ""
        parts.append(f"{argument.name}{annotation}{default}")
    return f"forward({', '.join(parts)})"
