"""What a configuration makes of the window, and what it is told when it asks for what there is not."""

from __future__ import annotations

import pytest
from textual.theme import BUILTIN_THEMES

from inspector import cli
from inspector.config import Config
from inspector.tui.opening import WindowError, appearance_of


def test_the_terminals_own_colours_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    look = appearance_of(Config())
    assert look.theme == "ansi-dark"
    assert look.palette.base.color is None
    assert look.palette.error.color is not None


def test_every_theme_of_textual_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name in BUILTIN_THEMES:
        look = appearance_of(Config(theme=name))
        assert look.theme == name
        assert (look.palette.base.color is None) == BUILTIN_THEMES[name].ansi


def test_no_colour_wins_over_a_theme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    look = appearance_of(Config(theme="nord"))
    assert look.theme == "ansi-dark"
    assert look.palette.error.color is None


def test_an_unknown_theme_is_answered_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WindowError, match=r"--theme nrod: there is no such theme; did you mean nord"):
        appearance_of(Config(theme="nrod"))


def test_a_key_for_an_unknown_action_is_answered_with_the_nearest() -> None:
    with pytest.raises(WindowError, match=r"\[keys\] serch: there is no such action; did you mean search"):
        appearance_of(Config(keys={"serch": "f"}))


@pytest.mark.parametrize("variable", ["SSH_CONNECTION", "SSH_TTY"])
def test_over_ssh_the_window_is_calm_and_what_the_user_has_set_stays(variable: str) -> None:
    environment = {variable: "10.0.0.1 22", "TEXTUAL_FPS": "60"}
    cli._calm_over_ssh(environment)
    assert environment["TEXTUAL_ANIMATIONS"] == "none"
    assert environment["TEXTUAL_SMOOTH_SCROLL"] == "0"
    assert environment["TEXTUAL_FPS"] == "60"


def test_at_home_nothing_is_set() -> None:
    environment: dict[str, str] = {}
    cli._calm_over_ssh(environment)
    assert environment == {}
