"""Constructor arguments from a JSON, TOML or YAML file: its top level is a table, argument to value."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from inspector.engine.failure import LoadFailed, place, refuse
from inspector.engine.source_files import read_lines
from inspector.messages import Load
from inspector.schema import Source

_HYDRA_KEYS = frozenset({"_target_", "_args_", "_partial_", "_recursive_", "_convert_"})


class Config(NamedTuple):
    """What a configuration file says."""

    file: str
    arguments: dict[str, Any]
    positional: tuple[Any, ...] = ()
    name: str = ""
    """The last part of a Hydra `_target_`."""


class _BadFileError(Exception):
    """A configuration that cannot be read, and where."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def read(request: Load) -> Config:
    """The arguments in a request's configuration file. Raises LoadFailed, naming file and line, when it has none."""
    file = os.path.abspath(os.path.expanduser(request.config))
    reader = _READERS.get(os.path.splitext(file)[1].lower())
    if reader is None:
        kinds = ", ".join(_READERS)
        raise refuse("config", "BadConfig", f"{request.config} is none of {kinds}", mend=f"Name it {kinds}")
    try:
        with open(file, "rb") as stream:
            content = reader(_decoded(stream.read()))
        return _config(file, content)
    except OSError as error:
        raise refuse("config", type(error).__name__, f"{request.config} cannot be read: {error.strerror}") from None
    except _BadFileError as error:
        raise _failed(request.config, file, error) from None


def place_of(config: Config, key: str) -> Source:
    """Where a key of the top level stands, as far as its spelling tells."""
    pattern = re.compile(rf"""^\s*[{{,]?\s*["']?{re.escape(key)}["']?\s*[:=]""")
    found = (number for number, line in enumerate(read_lines(config.file), 1) if pattern.match(line))
    return place(config.file, next(found, 1))


def _failed(typed: str, file: str, error: _BadFileError) -> LoadFailed:
    where = f", line {error.line}" if error.line else ""
    source = place(file, error.line) if error.line else None
    return refuse("config", "BadConfig", f"{typed}{where}: {error.message}", source=source)


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _BadFileError("it is not UTF-8", data[: error.start].count(b"\n") + 1) from None


def _config(file: str, content: Any) -> Config:
    if not isinstance(content, dict):
        raise _BadFileError(f"its top level is {_kind(content)}, not a table of arguments")
    for key in content:
        if not isinstance(key, str) or not key.isidentifier():
            raise _BadFileError(f"{key!r} cannot be the name of an argument")
    positional = content.get("_args_", ())
    if not isinstance(positional, list | tuple):
        raise _BadFileError(f"_args_ is {_kind(positional)}, not a list")
    target = content.get("_target_", "")
    arguments = {key: value for key, value in content.items() if key not in _HYDRA_KEYS}
    return Config(file, arguments, tuple(positional), str(target).rpartition(".")[2])


def _kind(value: Any) -> str:
    return "empty" if value is None else f"a {type(value).__name__}"


def _read_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_table)
    except json.JSONDecodeError as error:
        raise _BadFileError(f"{error.msg} (column {error.colno})", error.lineno) from None
    except RecursionError:
        raise _BadFileError("it is nested too deeply") from None


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        names = [name for name, _ in pairs]
        raise _BadFileError(f"{next(name for name in names if names.count(name) > 1)} stands in it twice")
    return table


def _read_toml(text: str) -> Any:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        last = len(text.split("\n"))
        raise _BadFileError(str(error), int(line.group(1)) if line else last) from None


def _read_yaml(text: str) -> Any:
    try:
        import yaml  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        mend = f"{sys.executable} -m pip install pyyaml"
        raise refuse(
            "config", "NoYaml", "YAML needs PyYAML, which is not installed here: use JSON or TOML", mend=mend
        ) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 0
        raise _BadFileError(str(getattr(error, "problem", None) or error), line) from None


_READERS: dict[str, Callable[[str], Any]] = {
    ".json": _read_json,
    ".toml": _read_toml,
    ".yaml": _read_yaml,
    ".yml": _read_yaml,
}
