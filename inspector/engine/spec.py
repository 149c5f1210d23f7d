"""A target as typed, taken apart: `path/model.py:Net(num_classes=10)` → where, what in it, with which arguments.

What stands in the parentheses is parsed, never evaluated: literals only.
"""

from __future__ import annotations

import ast
import os
import re
import warnings
from typing import Any, NamedTuple

from inspector.engine.failure import refuse

_NOT_LITERAL = (ValueError, TypeError, SyntaxError, MemoryError, RecursionError)
"""What ast.literal_eval raises for text that is no literal."""

_FORM = "Write it as  model.py:Net,  model.py:Net(num_classes=10)  or  model.py:module.attr"


class Spec(NamedTuple):
    """The parts of a target."""

    where: str
    """A path, or a dotted module name."""
    name: str = ""
    """What to take from it, `Net` or `nets.resnet`; empty to choose."""
    args: tuple[Any, ...] = ()
    kwargs: tuple[tuple[str, Any], ...] = ()
    called: bool = False
    """Whether there were parentheses."""


def parse(text: str) -> Spec:
    """Take a target apart. Raises LoadFailed when what follows the colon is no name, or its arguments no literals."""
    where, colon, what = _split(text)
    if not where:
        raise refuse("target", "NoFile", f"{text!r} names no file", mend=_FORM)
    if not colon:
        return Spec(where)
    if not what.strip():
        raise refuse("target", "NoName", f"Nothing stands after the colon of {text!r}", mend=_FORM)
    return _parse_what(where, what.strip())


def literal(text: str) -> Any:
    """The value of a literal; raises ValueError when it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return ast.literal_eval(text.strip())
    except _NOT_LITERAL as error:
        raise ValueError(f"{text!r} is not a literal") from error


def _split(text: str) -> tuple[str, str, str]:
    """At the first colon that leaves an existing path on its left; else at the first that no slash follows."""
    if os.path.exists(text):
        return text, "", ""
    colons = [match.start() for match in re.finditer(r":(?![\\/])", text)]
    for colon in colons:
        if os.path.exists(os.path.expanduser(text[:colon])):
            return text[:colon], ":", text[colon + 1 :]
    if not colons:
        return text, "", ""
    return text[: colons[0]], ":", text[colons[0] + 1 :]


def _parse_what(where: str, what: str) -> Spec:
    try:
        expression = ast.parse(what, mode="eval").body
    except _NOT_LITERAL as error:
        reason = error.msg if isinstance(error, SyntaxError) else type(error).__name__
        raise refuse("target", "BadTarget", f"{what!r} cannot be read: {reason}", mend=_FORM) from None
    if isinstance(expression, ast.Call):
        args, kwargs = _arguments(expression)
        return Spec(where, _dotted(expression.func, what), args, kwargs, called=True)
    return Spec(where, _dotted(expression, what))


def _dotted(node: ast.expr, what: str) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=inner, attr=name):
            return f"{_dotted(inner, what)}.{name}"
    raise refuse("target", "BadTarget", f"{what!r} is neither a name nor a call of one", mend=_FORM)


def _arguments(call: ast.Call) -> tuple[tuple[Any, ...], tuple[tuple[str, Any], ...]]:
    for keyword in call.keywords:
        if keyword.arg is None:
            raise refuse("target", "BadTarget", f"** is not possible here: {ast.unparse(call)}", mend=_FORM)
    names = [keyword.arg or "" for keyword in call.keywords]
    args = tuple(_value(node, f"argument {number}") for number, node in enumerate(call.args, 1))
    return args, tuple((name, _value(keyword.value, name)) for name, keyword in zip(names, call.keywords, strict=True))


def _value(node: ast.expr, name: str) -> Any:
    try:
        return ast.literal_eval(node)
    except _NOT_LITERAL:
        text = ast.unparse(node)
        mend = "Arguments are read, not evaluated: numbers, strings, True, None, and lists, tuples and dicts of them"
        if isinstance(node, ast.Name):
            mend += f"; a string needs quotes: '{text}'"
        raise refuse("target", "NotALiteral", f"{name} = {text} is not a literal", mend=mend) from None
