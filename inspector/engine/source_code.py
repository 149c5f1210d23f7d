"""Source text, found and cut into tokens ready to be coloured: of a class, of a function, of what torch generates.

Text comes from `linecache` as it was when a file was first looked at, which is right after its import; it is never read
anew, so that it stays the source of the code that was imported. Tokens are the standard library's: Python's own
grammar, three times as fast as pygments and without an import.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import io
import keyword
import linecache
import os
import re
import sys
import tokenize
from collections.abc import Iterator
from types import FunctionType

from inspector.engine.classes import class_statement, method_places, source_of
from inspector.engine.failure import sendable
from inspector.engine.kinds import home
from inspector.schema import Code

MOST_LINES = 400
"""Lines of a block that are shown; of those beyond, only the number."""

_BUILTINS = frozenset(dir(builtins)) | {"self", "cls"}
_PUNCTUATION = frozenset("()[]{}:,;.") | {"..."}
_Position = tuple[int, int]
"""Line, counted from 1, and column."""


class MissingSourceError(Exception):
    """There is no source to show; the message says why."""


def class_code(cls: type) -> Code:
    """The class statement, with its decorators. Raises MissingSourceError."""
    source = source_of(cls)
    place = (source.file, source.line) if source else _place_by_methods(cls)
    if place is None:
        raise MissingSourceError(_why_missing(cls))
    file, line = place
    lines = linecache.getlines(file)
    indent = _indent(lines[line - 1])
    while line > 1 and lines[line - 2].startswith(f"{indent}@"):
        line -= 1
    return _block(file, line)


def function_code(function: FunctionType) -> Code:
    """The def statement, with its decorators. Raises MissingSourceError."""
    file, line = function.__code__.co_filename, function.__code__.co_firstlineno
    lines = linecache.getlines(file)
    if not lines:
        raise MissingSourceError(f"its source is not kept: {_origin(file)}")
    if line > len(lines) or not re.match(r"\s*(@|(async\s+)?def\b)|.*\blambda\b", lines[line - 1]):
        raise MissingSourceError(f"{file} was changed before it could be read: line {line} is another now")
    return _block(file, line)


def generated_code(origin: str, text: str) -> Code:
    """Code that no file holds; origin says what made it."""
    tokens, truncated = tokens_of(io.StringIO(sendable(text)).readlines())
    return Code(file=origin, line=1, tokens=tokens, truncated=truncated)


def is_outdated(file: str) -> bool:
    """Whether a file was saved since its text was read, so that what is shown is not what it holds."""
    entry = linecache.cache.get(file)
    if entry is None or len(entry) != 4 or entry[1] is None:
        return False
    try:
        stat = os.stat(entry[3])
    except OSError:
        return True
    return (stat.st_size, stat.st_mtime) != (entry[0], entry[1])


# Python 3.13 keeps the text that a process was started with (-c) under the name that exec() gives to every text.
linecache.cache.pop("<string>", None)


# --- where it stands --------------------------------------------------------------------------------------------------


def _place_by_methods(cls: type) -> tuple[str, int] | None:
    """File and line of a class whose module has no file, as in a notebook, by the code of its first method."""
    begins = class_statement(cls.__name__)
    for file, first in sorted(method_places(cls)):
        lines = linecache.getlines(file)
        for line in range(min(first, len(lines)), 0, -1):
            if begins.match(lines[line - 1]):
                return file, line
    return None


def _why_missing(cls: type) -> str:
    file = getattr(sys.modules.get(home(cls)), "__file__", None)
    if not isinstance(file, str):
        file = min((file for file, _ in method_places(cls)), default="")
    if not file:
        return "the class was made at run time, not written as a class statement"
    if not linecache.getlines(file):
        return f"its source is not kept: {_origin(file)}"
    return f"the class was made at run time: there is no statement `class {cls.__name__}` in {file}"


def _origin(file: str) -> str:
    if file.startswith("<"):
        return f"it was made from text, {file}, as exec() and the interactive prompt do"
    return f"{file} cannot be read" if os.path.exists(file) else f"{file} is gone"


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


@functools.lru_cache(maxsize=256)
def _block(file: str, line: int) -> Code:
    """The statement that begins on a line, without the indentation that it stands in."""
    following = linecache.getlines(file)[line - 1 :]
    try:
        lines = inspect.getblock(following)
    except (tokenize.TokenError, SyntaxError) as error:
        raise MissingSourceError(f"{file} cannot be cut at line {line}: {error}") from error
    indent = _indent(lines[0])
    tokens, truncated = tokens_of([text.removeprefix(indent) for text in lines])
    return Code(file=sendable(file), line=line, tokens=tokens, truncated=truncated)


# --- tokens -----------------------------------------------------------------------------------------------------------


def tokens_of(lines: list[str], most: int = MOST_LINES) -> tuple[tuple[tuple[str, str], ...], int]:
    """Cut lines, which keep their ends, into (kind, text), and say how many lines were left out at the end.

    The texts together are the lines, whatever is in them: from where Python cannot read on, the rest is one text.
    """
    shown = lines[:most]
    pieces: list[tuple[str, str]] = []
    position = (1, 0)
    for kind, start, end in _kinds(lines):
        if start[0] > len(shown):
            break
        pieces += [("text", _between(shown, position, start)), (kind, _between(shown, start, end))]
        position = max(position, end)
    pieces.append(("text", _between(shown, position, (len(shown) + 1, 0))))
    return _merged(pieces), len(lines) - len(shown)


def _kinds(lines: list[str]) -> Iterator[tuple[str, _Position, _Position]]:
    """The kind of every token that is more than text, and where it begins and ends."""
    before = ""
    try:
        for token in tokenize.generate_tokens(functools.partial(next, iter(lines), "")):
            kind = _kind(token, before)
            if kind != "text":
                yield kind, token.start, token.end
            before = token.string
    except (tokenize.TokenError, SyntaxError):
        return


def _kind(token: tokenize.TokenInfo, before: str) -> str:
    if token.type == tokenize.NAME:
        if keyword.iskeyword(token.string):
            return "keyword"
        if before in ("def", "class"):
            return "name"
        return "builtin" if token.string in _BUILTINS and before != "." else "text"
    if token.type == tokenize.OP:
        return "text" if token.string in _PUNCTUATION else "operator"
    return _KINDS.get(tokenize.tok_name[token.type], "text")


_KINDS = {
    "STRING": "string",
    "FSTRING_START": "string",
    "FSTRING_MIDDLE": "string",
    "FSTRING_END": "string",
    "TSTRING_START": "string",
    "TSTRING_MIDDLE": "string",
    "TSTRING_END": "string",
    "NUMBER": "number",
    "COMMENT": "comment",
}


def _between(lines: list[str], start: _Position, end: _Position) -> str:
    (first, left), (last, right) = start, end
    if first == last:
        return lines[first - 1][left:right] if first <= len(lines) else ""
    within = lines[first - 1 : last]
    if not within:
        return ""
    if last <= len(lines):
        within[-1] = within[-1][:right]
    within[0] = within[0][left:]
    return "".join(within)


def _merged(pieces: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Neighbours of one kind as one, and nothing empty."""
    merged: list[tuple[str, io.StringIO]] = []
    for kind, text in pieces:
        if not text:
            continue
        if not merged or merged[-1][0] != kind:
            merged.append((kind, io.StringIO()))
        merged[-1][1].write(text)
    return tuple((kind, buffer.getvalue()) for kind, buffer in merged)
