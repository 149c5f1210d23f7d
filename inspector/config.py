"""How the tool is to look and behave: defaults, the user's file, the project's file, the environment, flags. In this
order, each over the one before; nothing is ever written.

    $XDG_CONFIG_HOME/nn-inspect/config.toml, or what NN_INSPECT_CONFIG names      theme = "nord"
    pyproject.toml of the folder or of one above it, [tool.nn-inspect]            ignore = ["NN302", "NN103:pos.*"]
    NN_INSPECT_THEME, _ASCII, _MOUSE, _WATCH, _PROBES                             [keys]
                                                                                  quit = "q,x"
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any


class ConfigError(Exception):
    """A configuration that cannot be used; the message names file, line and mend."""


@dataclass(frozen=True)
class Config:
    """What can be configured."""

    theme: str = ""
    """Name of one of Textual's themes; "" is the terminal's own colours."""
    ascii: bool = False
    mouse: bool = True
    watch: bool = True
    probes: bool = True
    """Whether the checks that need further forwards follow a good run in eval mode."""
    ignore: tuple[str, ...] = ()
    """Findings that nobody wants to hear of, by id or `id:path`; those of all files and flags together."""
    keys: dict[str, str] = field(default_factory=dict)
    """Name of a key's action (as in the help of the configuration) → keys, with commas between."""
    read: tuple[str, ...] = ()
    """The files that were read, in order."""
    warnings: tuple[str, ...] = ()


_SWITCHES = ("ascii", "mouse", "watch", "probes")
_SETTINGS = ("theme", *_SWITCHES, "ignore", "keys")


def user_file(environment: Mapping[str, str]) -> Path:
    """Where the user's own configuration would be."""
    if named := environment.get("NN_INSPECT_CONFIG"):
        return Path(named).expanduser()
    home = environment.get("XDG_CONFIG_HOME") or os.path.join(environment.get("HOME", "~"), ".config")
    return Path(home).expanduser() / "nn-inspect" / "config.toml"


def load(environment: Mapping[str, str], folder: Path) -> Config:
    """The configuration that holds in a folder, flags apart.

    A missing file is normal. An unknown setting is a warning; a value of the wrong type raises ConfigError.
    """
    config = Config()
    own = user_file(environment)
    if own.is_file():
        config = _overlaid(config, _parsed(own), own)
    elif environment.get("NN_INSPECT_CONFIG"):
        raise ConfigError(f"NN_INSPECT_CONFIG names {own}, and there is no such file")
    project = next((p for f in (folder, *folder.parents) if (p := f / "pyproject.toml").is_file()), None)
    if project is not None:
        table = _parsed(project).get("tool", {}).get("nn-inspect")
        if isinstance(table, dict):
            config = _overlaid(config, table, project)
    return _from_environment(config, environment)


def _parsed(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error


def _overlaid(config: Config, table: dict[str, Any], path: Path) -> Config:
    warnings = list(config.warnings)
    changes: dict[str, Any] = {}
    for name, value in table.items():
        if name not in _SETTINGS:
            warnings.append(f"{_place(path, name)}: there is no setting {name!r}; there are {', '.join(_SETTINGS)}")
        elif name == "keys":
            changes["keys"] = {**config.keys, **_keys(value, path)}
        elif name == "ignore":
            ignored = _ignored(value, path, warnings)
            changes["ignore"] = (*config.ignore, *ignored)
        elif not isinstance(value, bool if name in _SWITCHES else str):
            wanted = "true or false" if name in _SWITCHES else "text"
            raise ConfigError(f"{_place(path, name)}: {name} must be {wanted}, and is {value!r}")
        else:
            changes[name] = value
    return replace(config, **changes, read=(*config.read, str(path)), warnings=tuple(warnings))


def _keys(value: Any, path: Path) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(keys, str) for keys in value.values()):
        raise ConfigError(f'{_place(path, "keys")}: [keys] must hold lines like quit = "q,x"')
    return value


def _ignored(value: Any, path: Path, warnings: list[str]) -> list[str]:
    """The patterns of a list; one with an id that there is not is a warning: a newer version may know it."""
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ConfigError(f'{_place(path, "ignore")}: ignore must be a list like ["NN302", "NN103:encoder.*"]')
    from inspector.problems import patterns  # Not for --help, nor for whoever ignores nothing.

    found: list[str] = []
    for text in value:
        try:
            found += patterns([text])
        except ValueError as error:
            warnings.append(f"{_place(path, 'ignore')}: {error}")
    return found


def _place(path: Path, name: str) -> str:
    """File and line of a setting; the parser does not tell lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    pattern = re.compile(rf"\s*\[?\s*(?:tool\.nn-inspect\.)?[\"']?{re.escape(name)}\b")
    found = next((number for number, line in enumerate(lines, 1) if pattern.match(line)), None)
    return f"{path}:{found}" if found else str(path)


def _from_environment(config: Config, environment: Mapping[str, str]) -> Config:
    changes: dict[str, Any] = {}
    if theme := environment.get("NN_INSPECT_THEME"):
        changes["theme"] = theme
    for name in _SWITCHES:
        variable = f"NN_INSPECT_{name.upper()}"
        if (value := environment.get(variable, "").lower()) == "":
            continue
        if value not in ("0", "1", "true", "false", "yes", "no", "on", "off"):
            raise ConfigError(f"{variable} must be 1 or 0, and is {value!r}")
        changes[name] = value in ("1", "true", "yes", "on")
    return replace(config, **changes)
