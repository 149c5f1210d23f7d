"""A failure as plain text: what the headless forms print, and what is printed again when the window has closed."""

from __future__ import annotations

from inspector.format import caret, literal
from inspector.schema import Argument, Candidate, Failure


def write(failure: Failure, *, whole: bool = True) -> str:
    """Place, code in context, the exception, the mend; with whole=True the traceback as well."""
    lines = []
    kind = f"{literal(failure.type)}: " if failure.type else ""
    if failure.source is not None:
        lines.append(f"{literal(failure.source.file)}:{failure.source.line}")
        for number, text in failure.context or ((failure.source.line, failure.source.code),):
            mark = ">" if number == failure.source.line else " "
            lines.append(f" {mark}{number:>5}  {literal(text.expandtabs(4))}")
            if failure.column and mark == ">":
                lines.append(" " * 9 + caret(text, failure.column))
    lines.append(f"{kind}{literal(failure.message, lines=True)}")
    lines += [f"  {_candidate(candidate)}" for candidate in failure.candidates]
    lines += [f"  {_argument(argument)}" for argument in failure.arguments]
    if failure.mend:
        lines.append(f"mend: {literal(failure.mend, lines=True)}")
    if failure.command:
        lines.append(f"for example: {literal(failure.command)}")
    if whole and failure.traceback:
        lines += ["", literal(failure.traceback, lines=True).rstrip()]
    return "\n".join(lines) + "\n"


def _candidate(candidate: Candidate) -> str:
    note = f"  {literal(candidate.note)}" if candidate.note else ""
    return f"{literal(candidate.name)}  {candidate.kind}, line {candidate.line}{note}"


def _argument(argument: Argument) -> str:
    kind = f": {literal(argument.annotation)}" if argument.annotation else ""
    default = f" = {literal(argument.default)}" if argument.default is not None else ""
    given = f"  given: {literal(argument.value)}" if argument.value is not None else ""
    needed = "  (needed)" if argument.required and argument.value is None else ""
    return f"{literal(argument.name)}{kind}{default}{given}{needed}"
