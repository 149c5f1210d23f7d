"""The arguments of a constructor or factory: what it takes, what was given, and what is missing."""

from __future__ import annotations

import enum
import inspect
import re
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import nn

from inspector.engine import config_file
from inspector.engine.command import FILL_IN
from inspector.engine.failure import refuse, sendable
from inspector.engine.kinds import is_a, is_module_class
from inspector.engine.spec import Spec, literal
from inspector.messages import Load
from inspector.schema import Argument

Builder = Callable[..., Any]
_LONGEST_VALUE = 200


class Given(NamedTuple):
    """Arguments as they were given, and where."""

    args: tuple[Any, ...] = ()
    typed: Mapping[str, Any] = {}
    """From the target's parentheses and from --arg; of the latter the text stands beside, in `texts`."""
    texts: Mapping[str, str] = {}
    configured: Mapping[str, Any] = {}
    config: config_file.Config | None = None

    @property
    def names(self) -> list[str]:
        """Every argument that was given by name."""
        return list(dict.fromkeys([*self.configured, *self.typed]))

    def __bool__(self) -> bool:
        return bool(self.args or self.typed or self.configured)


def gather(request: Load, spec: Spec) -> Given:
    """All arguments of a request. Raises LoadFailed for one given twice, or without a value, or a bad file."""
    typed = dict(spec.kwargs)
    texts: dict[str, str] = {}
    for argument in request.arguments:
        name, equals, text = argument.partition("=")
        name, text = name.strip(), text.strip()
        if not equals or not name.isidentifier():
            raise refuse("target", "BadArgument", f"--arg {argument!r} is not of the form name=value")
        if name in typed:
            raise refuse("target", "BadArgument", f"{name} is given twice, the second time by --arg {argument}")
        if text == FILL_IN:
            raise refuse("target", "BadArgument", f"{argument} is still to be filled in")
        typed[name] = literal_or_text(text)
        texts[name] = text
    config = config_file.read(request) if request.config else None
    if config is None:
        return Given(spec.args, typed, texts)
    args = spec.args or config.positional
    return Given(
        args, typed, texts, {name: value for name, value in config.arguments.items() if name not in typed}, config
    )


def literal_or_text(text: str) -> Any:
    """The value of a literal; of other text the text itself."""
    try:
        return literal(text)
    except ValueError:
        return text


def signature_of(builder: Builder) -> inspect.Signature | None:
    """What a class or function takes; None where Python cannot tell."""
    if is_module_class(builder) and not _has_own_constructor(builder):
        return inspect.Signature()  # nn.Module's own takes *args and **kwargs only to complain of them.
    try:
        if sys.version_info >= (3, 14):
            import annotationlib

            return inspect.signature(builder, annotation_format=annotationlib.Format.STRING)
        return inspect.signature(builder)
    except Exception:  # Annotations and __signature__ are code of the user's, and may raise what they like.
        return None


def _has_own_constructor(kind: type) -> bool:
    return any({"__init__", "__new__"} & vars(base).keys() for base in kind.__mro__ if base not in (nn.Module, object))


def describe_arguments(builder: Builder, values: Mapping[str, Any] | None = None) -> tuple[Argument, ...]:
    """Every argument of a signature, with the values that are known."""
    signature = signature_of(builder)
    known = values or {}
    if signature is None:
        return ()
    return tuple(_argument(parameter, known) for parameter in signature.parameters.values())


def needed(builder: Builder) -> list[str]:
    """The names of the arguments that have no default."""
    return [argument.name for argument in describe_arguments(builder) if argument.required]


def bind(signature: inspect.Signature, given: Given) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The given arguments as this signature takes them: text where it wants text, positional where it must be."""
    named = {**given.configured, **given.typed}
    args = list(given.args)
    for index, parameter in enumerate(signature.parameters.values()):
        if parameter.name not in named:
            continue
        named[parameter.name] = _fitted(named[parameter.name], given.texts.get(parameter.name), parameter)
        if parameter.kind is parameter.POSITIONAL_ONLY and index == len(args):
            args.append(named.pop(parameter.name))
    return tuple(args), named


def spell_call(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """A call as it would be written."""
    parts = [source_text(value) for value in args] + [f"{key}={source_text(value)}" for key, value in kwargs.items()]
    text = f"{name}({', '.join(parts)})"
    return sendable(text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 2]}…)")


def source_text(value: Any) -> str:
    """A value as it would be written in source, as far as it can be."""
    if is_a(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if is_a(value, type, types.FunctionType, types.BuiltinFunctionType):
        name = value.__qualname__
        return f"nn.{name}" if getattr(nn, name, None) is value else name
    if is_a(value, torch.Tensor):
        return f"tensor of shape {tuple(value.shape)}"
    try:
        text = repr(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    return sendable(text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…")


def _argument(parameter: inspect.Parameter, values: Mapping[str, Any]) -> Argument:
    stars = (
        "*" if parameter.kind is parameter.VAR_POSITIONAL else "**" if parameter.kind is parameter.VAR_KEYWORD else ""
    )
    has_default = parameter.default is not parameter.empty
    return Argument(
        name=stars + parameter.name,
        annotation=_annotation_text(parameter.annotation),
        default=source_text(parameter.default) if has_default else None,
        required=not has_default and not stars,
        value=source_text(values[parameter.name]) if parameter.name in values else None,
    )


def _annotation_text(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    if isinstance(annotation, str):
        quoted = annotation[:1] in ("'", '"') and annotation[:1] == annotation[-1:]
        return sendable(annotation[1:-1] if quoted else annotation)
    try:
        text = inspect.formatannotation(annotation)
    except Exception:
        return type(annotation).__name__
    return sendable(re.sub(r"\b(typing|collections\.abc)\.", "", re.sub(r"\btorch\.nn\.modules\.\w+\.", "nn.", text)))


def _fitted(value: Any, text: str | None, parameter: inspect.Parameter) -> Any:
    """A value in the type that the parameter wants, where command line or YAML had no way to say it."""
    wanted = (
        parameter.annotation if isinstance(parameter.annotation, str) else getattr(parameter.annotation, "__name__", "")
    )
    default = type(parameter.default)
    if text is not None and wanted == "str" and not isinstance(value, str):
        return text
    if isinstance(value, str) and (wanted == "bool" or default is bool) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if isinstance(value, str) and (wanted == "float" or default is float):
        try:
            return float(value)
        except ValueError:
            return value
    return value
