"""The arguments of forward as lines to type in, and what was typed in them as texts for a run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import NamedTuple

from inspector.format import literal, plural, shape
from inspector.run_schema import InputSet, SampleArgument
from inspector.schema import Argument
from inspector.tui.input_text import InputTextError, meaning

_NAMED = re.compile(r"\s*([^\W\d]\w*)\s*=(?!=)(.*)", re.DOTALL)


class Field(NamedTuple):
    """One line: an argument of forward, one more of *args, or one more of **kwargs."""

    name: str
    """Of the parameter; `args[0]` and `*args` of those without a name, `**kwargs` of one still to be named."""
    annotation: str = ""
    text: str = ""
    """What it is now, as it would be typed."""
    default: str | None = None
    held: str = ""
    """Its value in short, where no text says it: a batch that the file made."""
    nameless: bool = False
    """Whether it has no name by which it could be given."""
    filled_by_file: bool = False
    """Whether it was given as a file without a name, which may fill the arguments after it too."""

    @property
    def wants_name(self) -> bool:
        """Whether the name is typed as well."""
        return self.name.startswith("**")


def fields_of(inputs: InputSet) -> tuple[Field, ...]:
    """A line for each argument in the order of the signature, each starred one followed by an empty line for more."""
    known = {argument.name: argument for argument in inputs.arguments}
    fields: list[Field] = []
    for parameter in inputs.signature:
        if parameter.name.startswith("**"):
            continue
        if parameter.name.startswith("*"):
            fields += [_field(known.pop(name), parameter) for name in [*known] if "[" in name]
            fields.append(Field(parameter.name, parameter.annotation, nameless=True))
        else:
            fields.append(_field(known.pop(parameter.name, None), parameter))
    fields += [_field(argument, None) for argument in known.values()]
    return (*fields, *(Field(p.name, p.annotation) for p in inputs.signature if p.name.startswith("**")))


def _field(argument: SampleArgument | None, parameter: Argument | None) -> Field:
    """The line of one argument, of whom a value is known, or the signature, or both."""
    name = argument.name if argument is not None else parameter.name if parameter is not None else ""
    annotation = parameter.annotation if parameter is not None else ""
    nameless = "[" in name
    default = parameter.default if parameter is not None and not nameless else None
    if argument is None:
        return Field(name, annotation, default=default)
    text = without_name(argument.text, name)
    held = "" if text else _in_short(argument)
    return Field(name, annotation, text, default, held, nameless, argument.text.startswith("@"))


def _in_short(argument: SampleArgument) -> str:
    """What a value is that no text says."""
    if not argument.values:
        return "a value"
    first = argument.values[0]
    words = literal(first.text) if first.shape is None else f"{shape(first.shape)} {first.dtype}"
    more = len(argument.values) - 1
    return f"{words} and {plural(more, 'value')} more" if more else words


def without_name(text: str, name: str) -> str:
    """`2x3` of `x=2x3`, when x is the name."""
    match = _NAMED.fullmatch(text)
    return match[2].strip() if match and match[1] == name else text.strip()


def refilled(fields: Sequence[Field], texts: Sequence[str]) -> list[str]:
    """What stands in the lines when these texts were typed elsewhere: by their names, else in order."""
    values = [""] * len(fields)
    names = [field.name for field in fields]
    free = [at for at, field in enumerate(fields) if not field.wants_name]
    for text in texts:
        match = _NAMED.fullmatch(text)
        if match and match[1] in names:
            at = names.index(match[1])
            values[at] = match[2].strip()
        elif match and names and fields[-1].wants_name:
            at, values[-1] = len(fields) - 1, text.strip()
        else:
            at = free[0] if free else -1
            if free:
                values[at] = text.strip()
        free = [place for place in free if place != at]
    return values


def read(field: Field, value: str) -> str:
    """What a line means, in words. Raises InputTextError when it means nothing."""
    value = without_name(value, field.name)
    if not value:
        return _left_empty(field)
    if not field.wants_name:
        return meaning(value, inside=field.nameless)
    match = _NAMED.fullmatch(value)
    if match is None:
        raise InputTextError("one more keyword is typed with its name", "scale=0.5 or mask=ones:2x16:bool")
    return f"{match[1]}: {meaning(match[2])}"


def _left_empty(field: Field) -> str:
    if field.name.startswith("*"):
        return "empty: nothing more is given"
    if field.held:
        return f"{field.held}: stays as it is, unless a line is changed"
    return f"empty: {field.default}, its default" if field.default is not None else "empty: it will be guessed"


def texts_of(fields: Sequence[Field], values: Sequence[str], inputs: InputSet) -> tuple[str, ...]:
    """What has to be said after --input for what stands in the lines; nothing when nothing was changed.

    What was found in the file or guessed stays found or guessed when nothing was changed; what was given is said again.
    """
    if not changed(fields, values):
        return tuple(a.text for a in inputs.arguments if a.text) if inputs.origin == "given" else ()
    return spelled(fields, values) or _spelled_default(fields)


def _spelled_default(fields: Sequence[Field]) -> tuple[str, ...]:
    """One default, said aloud: where all arguments have one, saying nothing would have them guessed."""
    named = [field for field in fields if not field.name.startswith("*") and not field.nameless]
    if not named or any(field.default is None for field in named):
        return ()
    try:
        meaning(named[0].default or "")
    except InputTextError:
        return ()
    return (f"{named[0].name}={named[0].default}",)


def changed(fields: Sequence[Field], values: Sequence[str]) -> bool:
    return [field.text for field in fields] != [
        without_name(value, field.name) for field, value in zip(fields, values, strict=True)
    ]


def spelled(fields: Sequence[Field], values: Sequence[str]) -> tuple[str, ...]:
    """Every line that says more than its default, by name; all in order without names up to the last of *args."""
    given = [without_name(value, field.name) for field, value in zip(fields, values, strict=True)]
    last = max((at for at, field in enumerate(fields) if field.nameless and given[at]), default=-1)
    texts: list[str] = []
    for at, (field, value) in enumerate(zip(fields, given, strict=True)):
        if at <= last:
            texts += [value or field.default or ""] if value or not field.nameless else []
        elif field.filled_by_file and value == field.text and not texts:
            texts.append(value)
        elif value and value != field.default:
            texts.append(value if field.wants_name else f"{field.name}={value}")
    return tuple(text for text in texts if text)


def gap(fields: Sequence[Field], values: Sequence[str]) -> int | None:
    """The first line that must not be empty, because one of *args after it is not."""
    last = max((at for at, field in enumerate(fields) if field.nameless and values[at].strip()), default=-1)
    for at, field in enumerate(fields[: max(last, 0)]):
        if not values[at].strip() and field.default is None and not field.nameless:
            return at
    return None


def command_line(command: str, fields: Sequence[Field], values: Sequence[str]) -> str:
    """The command that repeats what stands in the lines; `command` is all of it but the inputs."""
    words = [f"--input {_quoted(text)}" for text in spelled(fields, values)]
    return " ".join([command, *words])


def _quoted(text: str) -> str:
    """As a shell wants it; in double quotes where that reads better."""
    return f'"{text}"' if "'" in text and not set('"$`\\!') & set(text) else shlex.quote(text)
