"""How a text leaves for the clipboard of whoever sits at the other end."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from inspector.tui import clipboard


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for the file; and no tmux that could be asked for real."""
    monkeypatch.setattr("shutil.which", lambda name: None)
    return tmp_path


def copied(text: str, **environment: str) -> tuple[str, str]:
    """What was written to the terminal, and what was said."""
    written: list[str] = []
    said = clipboard.copy(text, written.append, environment)
    return "".join(written), said


def test_a_bare_terminal_gets_one_osc_52(folder: Path) -> None:
    written, said = copied("fc1.wéight", TERM="xterm-256color", XDG_RUNTIME_DIR=str(folder))
    assert written == f"\x1b]52;c;{base64.b64encode('fc1.wéight'.encode()).decode()}\x07"
    assert said.startswith("sent by OSC 52 and file ")


def test_inside_tmux_the_sequence_is_wrapped_with_every_escape_doubled(folder: Path) -> None:
    written, said = copied("fc1", TERM="screen-256color", TMUX="/tmp/tmux-0/default,1,0", XDG_RUNTIME_DIR=str(folder))
    assert written == "\x1bPtmux;\x1b\x1b]52;c;ZmMx\x07\x1b\\"
    assert "OSC 52 through tmux" in said


def test_the_file_is_the_users_alone_and_holds_the_last_text(folder: Path) -> None:
    copied("first", XDG_RUNTIME_DIR=str(folder))
    _, said = copied("second", XDG_RUNTIME_DIR=str(folder))
    file = Path(said.rpartition("file ")[2])
    assert file.parent == folder
    assert file.read_text() == "second"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_link_that_somebody_left_in_the_way_is_not_followed(folder: Path) -> None:
    _, said = copied("first", XDG_RUNTIME_DIR=str(folder))
    file = Path(said.rpartition("file ")[2])
    file.unlink()
    theirs = folder / "theirs"
    theirs.write_text("untouched")
    file.symlink_to(theirs)
    copied("second", XDG_RUNTIME_DIR=str(folder))
    assert theirs.read_text() == "untouched"
    assert not file.is_symlink()


def test_a_runtime_folder_that_is_not_there_is_no_obstacle(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    _, said = copied("fc1", XDG_RUNTIME_DIR="/run/user/nobody")
    assert Path(said.rpartition("file ")[2]).read_text() == "fc1"


def test_when_nothing_takes_the_text_that_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(folder / "gone"))
    written, said = copied("fc1", TERM="linux")
    assert written == ""
    assert said.startswith("sent by nothing: the terminal has no clipboard, and ")
    assert "No such file or directory" in said


def test_a_text_that_no_terminal_takes_goes_to_the_file_alone(folder: Path) -> None:
    written, said = copied("x" * 80_000, TERM="xterm", XDG_RUNTIME_DIR=str(folder))
    assert written == ""
    assert said.startswith("sent by file ")


def test_a_tmux_that_does_not_answer_is_not_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmux = folder / "tmux"
    tmux.write_text("#!/bin/sh\nexec sleep 60\n")
    tmux.chmod(0o700)
    monkeypatch.setattr("shutil.which", lambda name: str(tmux))
    written, said = copied("fc1", TMUX="x", XDG_RUNTIME_DIR=str(folder))
    assert written
    assert "tmux buffer" not in said
