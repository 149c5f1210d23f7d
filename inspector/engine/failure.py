"""An exception of the user's code, told so that the line at fault is seen first."""

from __future__ import annotations

import os
import traceback
from types import TracebackType

import inspector
from inspector.engine import mends
from inspector.engine.case import Case, peek, traceback_of
from inspector.engine.kinds import is_a
from inspector.engine.source_files import code_at, is_library, lines_around
from inspector.messages import Load
from inspector.schema import Argument, Candidate, Failure, Frame, Source, Stage
from inspector.wire import encodable

_HERE = os.path.dirname(os.path.realpath(inspector.__file__)) + os.sep
_LONGEST_TEXT = 100_000
_MOST_FRAMES = 100


class LoadFailed(Exception):  # noqa: N818 - news is told in the past tense here
    """There is no model; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def describe(error: BaseException, stage: Stage, request: Load | None = None, about: Source | None = None) -> Failure:
    """Tell of an exception that the user's code let out; never raises, whatever the exception is like.

    With the request at hand the way out can be named as a command line. `about` is the place to point at when no line
    of the user's ran: the class that could not be instantiated, the file that could not be read.
    """
    entered = _without_ours(error)
    if entered is None and about is None and not is_a(error, SyntaxError):
        entered = traceback_of(error)  # A fault of our own: all of it is wanted.
    frames = _frames(entered)
    source, column = _fault(error, frames)
    source = source or about
    if column and source is not None:  # A file that does not parse has no frame of its own.
        frames = (*frames, Frame(source.file, source.line, "<module>", source.code))
    message = message_of(error)
    way_out = mends.find(Case(error, message, stage, request or Load(target=""), source))
    return Failure(
        stage=stage,
        type=sendable(type(error).__name__),
        message=sendable(message),
        source=source,
        column=column,
        context=context_of(source),
        frames=frames,
        mend=sendable(way_out.mend),
        traceback=sendable(_traceback_text(error, entered)),
        command=sendable(way_out.command),
    )


def refuse(
    stage: Stage,
    kind: str,
    message: str,
    *,
    mend: str = "",
    command: str = "",
    source: Source | None = None,
    candidates: tuple[Candidate, ...] = (),
    arguments: tuple[Argument, ...] = (),
    call: str = "",
) -> LoadFailed:
    """A failure that was found without an exception; to be raised."""
    failure = Failure(
        stage=stage,
        type=kind,
        message=sendable(message),
        source=source,
        context=context_of(source),
        mend=sendable(mend),
        command=sendable(command),
        candidates=candidates,
        arguments=arguments,
        call=call,
    )
    return LoadFailed(failure)


def place(file: str, line: int) -> Source:
    """A place in a file, with its code."""
    return Source(sendable(file), line, sendable(code_at(file, line)))


def context_of(source: Source | None) -> tuple[tuple[int, str], ...]:
    """The lines around a source, numbered."""
    if source is None:
        return ()
    return tuple((number, sendable(text)) for number, text in lines_around(source.file, source.line))


def sendable(text: str) -> str:
    """Text that the wire can carry: lone surrogates spelled out, and no longer than anyone would read."""
    if len(text) > _LONGEST_TEXT:
        half = _LONGEST_TEXT // 2
        text = f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"
    return encodable(text)


def message_of(error: BaseException) -> str:
    """What the exception says, or why it says nothing."""
    code, text = peek(error, "code"), peek(error, "msg")
    if is_a(error, SystemExit) and is_a(code, int, type(None)):
        return f"sys.exit({'' if code is None else int(code)}) was called"
    if is_a(error, SyntaxError) and is_a(text, str):
        return str(text)
    try:
        return str(error)
    except BaseException as trouble:  # Whatever it is, it is no reason to fail in turn.
        return f"(its message cannot be read: __str__ raised {type(trouble).__name__})"


def _without_ours(error: BaseException) -> TracebackType | None:
    """The traceback from where it leaves this program and the import machinery."""
    entry = traceback_of(error)
    while entry is not None and _is_ours(entry.tb_frame.f_code.co_filename):
        entry = entry.tb_next
    return entry


def _is_ours(file: str) -> bool:
    machinery = file.startswith("<frozen importlib") or file.endswith(os.path.join("importlib", "__init__.py"))
    return machinery or os.path.realpath(file).startswith(_HERE)


def _frames(entry: TracebackType | None) -> tuple[Frame, ...]:
    own = []
    while entry is not None:
        code = entry.tb_frame.f_code
        if not is_library(code.co_filename):
            own.append((os.path.abspath(code.co_filename), entry.tb_lineno or code.co_firstlineno, code.co_name))
        entry = entry.tb_next
    if len(own) > _MOST_FRAMES:  # A recursion without end: its beginning and its end say it all.
        own = own[: _MOST_FRAMES // 2] + own[-_MOST_FRAMES // 2 :]
    return tuple(Frame(sendable(file), line, sendable(name), sendable(code_at(file, line))) for file, line, name in own)


def _fault(error: BaseException, frames: tuple[Frame, ...]) -> tuple[Source | None, int]:
    """The innermost place that is the user's own, and the column, where it is known."""
    file = peek(error, "filename")
    if is_a(error, SyntaxError) and _is_file(file) and not is_library(file):
        return place(os.path.abspath(file), _count(error, "lineno") or 1), _count(error, "offset")
    if not frames:
        return None, 0
    return Source(frames[-1].file, frames[-1].line, frames[-1].code), 0


def _is_file(name: object) -> bool:
    return type(name) is str and os.path.isfile(name)


def _count(error: BaseException, name: str) -> int:
    number = peek(error, name)
    return number if type(number) is int and number > 0 else 0


def _traceback_text(error: BaseException, entered: TracebackType | None) -> str:
    try:
        return "".join(traceback.TracebackException(type(error), error, entered).format())
    except BaseException as trouble:
        steps = "".join(traceback.format_tb(entered))
        return f"{steps}{type(error).__name__}\n(the rest cannot be written: {type(trouble).__name__})\n"
