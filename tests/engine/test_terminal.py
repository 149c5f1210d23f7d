"""A terminal goes back to what it was, if it is still a dead program's and nobody else's."""

from __future__ import annotations

import os
import termios
from collections.abc import Iterator

import pytest

from inspector.engine.terminal import LEAVE, SavedTerminal
from inspector.launch import attributes_of


@pytest.fixture
def pair() -> Iterator[tuple[int, int]]:
    master, slave = os.openpty()
    os.set_blocking(master, False)
    yield master, slave
    os.close(master)
    os.close(slave)


def take_over(terminal: int, off: int) -> None:
    attributes = termios.tcgetattr(terminal)
    attributes[3] &= ~off
    attributes[6][termios.VMIN] = 1
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)


def test_modes_and_screen_of_a_full_screen_program_are_undone(pair: tuple[int, int]) -> None:
    master, slave = pair
    before = termios.tcgetattr(slave)
    saved = SavedTerminal(slave, attributes_of(slave))
    take_over(slave, termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
    assert saved.put_back()
    assert termios.tcgetattr(slave) == before
    assert os.read(master, 4096).decode() == LEAVE
    for mode in (1000, 1002, 1003, 1006, 1015, 1004, 2004, 2048, 1049):
        assert f"\x1b[?{mode}l" in LEAVE


def test_a_terminal_that_was_never_taken_is_left_alone(pair: tuple[int, int]) -> None:
    master, slave = pair
    saved = SavedTerminal(slave, attributes_of(slave))
    take_over(slave, termios.ICANON | termios.ECHO)  # As readline does.
    prompt = termios.tcgetattr(slave)
    assert not saved.put_back()
    assert termios.tcgetattr(slave) == prompt
    with pytest.raises(BlockingIOError):
        os.read(master, 1)


def test_a_shell_that_was_faster_keeps_its_modes_and_gets_its_screen(pair: tuple[int, int]) -> None:
    master, slave = pair
    saved = SavedTerminal(slave, attributes_of(slave))
    before = termios.tcgetattr(slave)
    take_over(slave, termios.ICANON | termios.ECHO | termios.ISIG)
    saved.look()
    termios.tcsetattr(slave, termios.TCSANOW, before)
    take_over(slave, termios.ICANON)
    prompt = termios.tcgetattr(slave)
    assert saved.put_back()
    assert termios.tcgetattr(slave) == prompt
    assert os.read(master, 4096).decode() == LEAVE


def test_attributes_saved_in_raw_mode_come_back_as_they_were(pair: tuple[int, int]) -> None:
    _, slave = pair
    take_over(slave, termios.ICANON)
    before = termios.tcgetattr(slave)
    saved = SavedTerminal(slave, attributes_of(slave))
    take_over(slave, termios.ISIG)
    assert saved.put_back()
    assert termios.tcgetattr(slave) == before


def test_a_terminal_that_is_gone_is_no_error() -> None:
    master, slave = os.openpty()
    saved = SavedTerminal(slave, attributes_of(slave))
    os.close(master)
    saved.look()
    assert not saved.put_back()
    os.close(slave)
