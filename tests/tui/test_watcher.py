"""Saves are noticed, whenever they happen, and once each."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from inspector.tui import watcher
from inspector.tui.watcher import Watcher


class Saves:
    """Counts what is told, and lets a test wait for it."""

    def __init__(self) -> None:
        self.count = 0
        self._told = asyncio.Event()

    def tell(self) -> None:
        self.count += 1
        self._told.set()

    async def next(self) -> None:
        await asyncio.wait_for(self._told.wait(), 20)
        self._told.clear()


@pytest.fixture(name="model")
def _model(tmp_path: Path) -> Path:
    model = tmp_path / "model.py"
    model.write_text("one")
    long_ago = time.time() - 1000
    os.utime(model, (long_ago, long_ago))
    return model


async def test_a_save_is_told_also_when_an_editor_renames_another_file_over_it(model: Path) -> None:
    saves = Saves()
    watching = Watcher(saves.tell)
    watching.watch([str(model)], time.time())
    model.write_text("two")
    await saves.next()
    (model.parent / "model.py~").write_text("three")
    os.replace(model.parent / "model.py~", model)
    await saves.next()
    watching.stop()


async def test_a_save_while_the_model_was_loading_is_told_once(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "SETTLED", 0.01)
    saves = Saves()
    watching = Watcher(saves.tell)
    asked = time.time() - 1
    model.write_text("two")
    watching.watch([str(model)], asked)
    await saves.next()
    told = saves.count
    watching.watch([str(model)], asked)  # as after a reload under a clock that is ahead
    await asyncio.gather(*watching._tasks[1:])
    assert saves.count == told
    watching.stop()


async def test_another_file_of_the_folder_and_an_old_save_are_not_told(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "SETTLED", 0.01)
    saves = Saves()
    watching = Watcher(saves.tell)
    watching.watch([str(model)], time.time())
    await asyncio.gather(*watching._tasks[1:])
    (model.parent / "notes.txt").write_text("nothing of the model's")
    assert saves.count == 0
    model.write_text("two")
    await saves.next()
    assert saves.count == 1
    watching.stop()
