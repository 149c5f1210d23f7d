"""One order: user's file, project's file, environment; and clear words about what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.config import ConfigError, load


@pytest.fixture(name="home")
def _home(tmp_path: Path) -> Path:
    (tmp_path / "nn-inspect").mkdir()
    return tmp_path


def write(home: Path, text: str) -> dict[str, str]:
    (home / "nn-inspect" / "config.toml").write_text(text)
    return {"XDG_CONFIG_HOME": str(home)}


def test_no_file_is_normal(tmp_path: Path) -> None:
    config = load({"XDG_CONFIG_HOME": str(tmp_path)}, tmp_path)
    assert config.theme == ""
    assert config.mouse
    assert config.read == ()


def test_the_project_overrides_the_user_and_the_environment_overrides_both(home: Path) -> None:
    environment = write(home, 'theme = "nord"\nmouse = false\n[keys]\nquit = "x"\n')
    (home / "pyproject.toml").write_text('[tool.nn-inspect]\ntheme = "dracula"\n[tool.nn-inspect.keys]\ndown = "t"\n')
    (home / "src").mkdir()
    config = load(environment, home / "src")
    assert (config.theme, config.mouse, config.keys) == ("dracula", False, {"quit": "x", "down": "t"})
    assert load({**environment, "NN_INSPECT_THEME": "gruvbox", "NN_INSPECT_MOUSE": "1"}, home).theme == "gruvbox"
    assert load({**environment, "NN_INSPECT_MOUSE": "1"}, home).mouse


def test_an_unknown_setting_is_a_warning_with_its_line(home: Path) -> None:
    config = load(write(home, 'theme = "nord"\ncolour = true\n'), home)
    assert config.theme == "nord"
    assert config.warnings[0].startswith(f"{home / 'nn-inspect' / 'config.toml'}:2: there is no setting 'colour'")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mouse = 1\n", "config.toml:1: mouse must be true or false, and is 1"),
        ("theme = \n", "line 1"),
        ("keys = 3\n", r"\[keys\] must hold"),
        ('ignore = "NN302"\n', "config.toml:1: ignore must be a list"),
        ("ignore = [302]\n", "config.toml:1: ignore must be a list"),
        ("probes = 1\n", "config.toml:1: probes must be true or false"),
    ],
)
def test_a_value_that_cannot_be_used_is_an_error_with_its_place(home: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(write(home, text), home)


def test_what_is_ignored_in_several_files_is_ignored_together(home: Path) -> None:
    environment = write(home, 'ignore = ["nn302"]\nprobes = true\n')
    (home / "pyproject.toml").write_text('[tool.nn-inspect]\nignore = ["NN103:pos.*", "NN110"]\nprobes = false\n')
    config = load(environment, home)
    assert config.ignore == ("NN302", "NN103:pos.*", "NN110")
    assert config.probes is False
    assert load({**environment, "NN_INSPECT_PROBES": "1"}, home).probes is True


def test_an_id_that_there_is_not_is_a_warning_and_the_rest_holds(home: Path) -> None:
    config = load(write(home, 'mouse = true\nignore = ["NN402", "NN302"]\n'), home)
    assert config.ignore == ("NN302",)
    assert "config.toml:2: there is no finding NN402; did you mean NN404" in config.warnings[0]


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load({"NN_INSPECT_CONFIG": str(tmp_path / "none.toml")}, tmp_path)


def test_an_environment_switch_that_is_neither_yes_nor_no_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="NN_INSPECT_ASCII must be 1 or 0"):
        load({"NN_INSPECT_ASCII": "maybe", "XDG_CONFIG_HOME": str(tmp_path)}, tmp_path)
