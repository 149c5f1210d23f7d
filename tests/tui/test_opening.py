"""What a configuration makes of the window, and what it is told when it asks for what there is not."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
from textual.theme import BUILTIN_THEMES

from inspector import cli
from inspector.config import Config
from inspector.messages import Failed, Load, Printed
from inspector.schema import Failure, Source
from inspector.tui import palette
from inspector.tui.app import InspectorApp
from inspector.tui.appearance import Appearance
from inspector.tui.opening import WindowCrashError, WindowError, appearance_of, open_window
from tests.fake_engine import FILE
from tests.fake_model import transformer
from tests.tui.driving import driven


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


def test_a_window_that_fails_by_itself_does_not_end_as_if_all_was_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(app: InspectorApp) -> NoReturn:
        raise ZeroDivisionError

    run = InspectorApp.run
    monkeypatch.setattr(InspectorApp, "compose", broken)
    monkeypatch.setattr(InspectorApp, "run", lambda app, *, mouse: run(app, headless=True, mouse=mouse))
    server: Any = None  # nobody comes so far as to ask for it
    with pytest.raises(WindowCrashError, match="a fault of nn-inspect: its traceback stands above"):
        open_window(Load("model.py"), Config(), server, None)
    assert "ZeroDivisionError" in capsys.readouterr().err


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


async def test_a_model_opens_to_the_depth_and_narrowed_to_the_words_that_were_asked_for() -> None:
    look = Appearance(palette.of_the_terminal(), watch=False, depth=1)
    async with driven(transformer(3), appearance=look) as window:
        assert window.rows() == ["", "embed", "layers", "head"]
    look = Appearance(palette.of_the_terminal(), watch=False, depth=0)
    async with driven(transformer(3), appearance=look) as window:
        assert window.rows() == [""]
    look = Appearance(palette.of_the_terminal(), watch=False, filter_words="name:head")
    async with driven(transformer(3), appearance=look) as window:
        assert window.rows() == ["", "head"]
        await window.press("escape")
        assert "embed" in window.rows()


async def test_until_there_is_a_model_its_place_says_what_goes_on() -> None:
    async with driven(silent=True) as window:
        assert window.screen().split("\n")[2].startswith(" importing torch · 0 s")
        await window.press("ctrl+c")
        assert window.screen().split("\n")[2].startswith(" cancelled; R loads again")


async def test_the_log_opens_at_what_was_printed_last() -> None:
    async with driven() as window:
        window.engine.tell(1, [Printed("stdout", "".join(f"line {n}\n" for n in range(500)))])
        await window.press("o")
        assert "line 499" in window.screen()


async def test_a_syntax_error_is_pointed_at() -> None:
    line = "\tdef __init__(self)"
    wrong = Failure("import", "SyntaxError", "expected ':'", Source(FILE, 7, line), ((7, line),), column=20)
    async with driven(scripts=[[Failed(wrong)]]) as window:
        lines = window.screen().split("\n")
        at = next(index for index, text in enumerate(lines) if "def __init__(self)" in text)
        assert lines[at + 1].index("^") == lines[at].index("(self)") + len("(self)")
