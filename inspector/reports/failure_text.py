"""A failure as plain text: what the headless forms print, and what is printed again when the window has closed."""

from __future__ import annotations

from collections.abc import Iterator

from inspector import gradient_rows, mode_rows
from inspector.format import caret, literal
from inspector.gradient_schema import BackwardRecord
from inspector.mode_schema import Comparison
from inspector.run_labels import inputs_line, stopped
from inspector.run_schema import Finding, RunRecord
from inspector.schema import Argument, Candidate, Failure


def write(failure: Failure, *, whole: bool = True) -> str:
    """Place, code in context, the exception, the mend; with whole=True the traceback as well."""
    kind = f"{literal(failure.type)}: " if failure.type else ""
    lines = list(_place(failure))
    lines.append(f"{kind}{_message(failure)}")
    lines += [f"  {_candidate(candidate)}" for candidate in failure.candidates]
    lines += [f"  {_argument(argument)}" for argument in failure.arguments]
    if failure.mend:
        lines.append(f"mend: {literal(failure.mend, lines=True)}")
    if failure.command:
        lines.append(f"for example: {literal(failure.command)}")
    if whole and failure.traceback:
        lines += ["", literal(failure.traceback, lines=True).rstrip()]
    return "\n".join(lines) + "\n"


def card(run: RunRecord | Comparison | BackwardRecord) -> str:
    """A forward or backward that failed: which module at which line, what it got beside what it takes, the mend,
    PyTorch's text."""
    found, failure = run.finding, run.failure
    head = [_stopped(run)]
    head += [found.id] if found is not None else []
    lines = ["  ".join(head), f"with {inputs_line(run.inputs)}", ""]
    if failure is not None:
        lines += _place(failure)
    if found is not None:
        lines += ["", *_explained(found)]
    if failure is not None:
        lines += [
            "",
            literal(failure.traceback, lines=True).rstrip() or f"{literal(failure.type)}: {_message(failure)}",
        ]
    return "\n".join(lines).rstrip() + "\n"


def _stopped(run: RunRecord | Comparison | BackwardRecord) -> str:
    if isinstance(run, Comparison):
        return mode_rows.stopped(run)
    return gradient_rows.stopped(run) if isinstance(run, BackwardRecord) else stopped(run)


def _explained(found: Finding) -> Iterator[str]:
    """The sentence, then what was measured, each with its title."""
    yield literal(found.message, lines=True)
    titled = ("received", found.received), ("expected", found.expected), ("from", found.producer), ("mend", found.fix)
    for title, text in titled:
        if text:
            yield f"  {title:<10}{literal(text)}"


def _place(failure: Failure) -> Iterator[str]:
    """Where it was, with the lines around it."""
    if failure.source is None:
        return
    yield f"{literal(failure.source.file)}:{failure.source.line}"
    for number, text in failure.context or ((failure.source.line, failure.source.code),):
        mark = ">" if number == failure.source.line else " "
        yield f" {mark}{number:>5}  {literal(text.expandtabs(4))}"
        if failure.column and mark == ">":
            yield " " * 9 + caret(text, failure.column)


def _message(failure: Failure) -> str:
    return literal(failure.message, lines=True)


def _candidate(candidate: Candidate) -> str:
    note = f"  {literal(candidate.note)}" if candidate.note else ""
    return f"{literal(candidate.name)}  {candidate.kind}, line {candidate.line}{note}"


def _argument(argument: Argument) -> str:
    kind = f": {literal(argument.annotation)}" if argument.annotation else ""
    default = f" = {literal(argument.default)}" if argument.default is not None else ""
    given = f"  given: {literal(argument.value)}" if argument.value is not None else ""
    needed = "  (needed)" if argument.required and argument.value is None else ""
    return f"{literal(argument.name)}{kind}{default}{given}{needed}"
