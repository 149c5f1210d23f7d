"""Drives the window over the fake engine: what the tests of this folder begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from textual.pilot import Pilot

from inspector.messages import Event, Load
from inspector.schema import Failure
from inspector.tui import palette
from inspector.tui.app import InspectorApp
from inspector.tui.appearance import Appearance
from inspector.tui.window import SETTLE
from tests.fake_engine import FakeEngine, Hear, opening
from tests.fake_model import Node, lenet


@dataclass
class Driven:
    """A window, its engine, and the keys."""

    app: InspectorApp
    engine: FakeEngine
    pilot: Pilot[Failure]

    async def press(self, *keys: str) -> None:
        """Press keys, and wait until the detail pane has followed."""
        await self.pilot.press(*keys)
        await self.settle()

    async def settle(self) -> None:
        """Until the cursor has rested, and what that started is done too, however slow the machine is."""
        await self.pilot.pause(SETTLE * 2)
        await self.pilot.pause()

    def screen(self) -> str:
        """What a person would read now."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)

    def rows(self) -> list[str]:
        """The paths that the tree shows."""
        shown = self.app.model_tree.shown
        assert shown is not None
        return [shown.table.path(row) for row in shown.rows]

    def cursor(self) -> str:
        """The path under the cursor."""
        shown = self.app.model_tree.shown
        assert shown is not None
        return shown.table.path(self.app.model_tree.row)

    def status(self) -> str:
        return self.app.status.status.text if self.app.status.status else ""


@asynccontextmanager
async def driven(
    *roots: Node,
    size: tuple[int, int] = (120, 40),
    scripts: list[list[Event]] | None = None,
    silent: bool = False,
    appearance: Appearance | None = None,
) -> AsyncIterator[Driven]:
    """A window whose loads show these models in turn (LeNet when none is given)."""
    engines: list[FakeEngine] = []
    told = scripts if scripts is not None else [opening(root) for root in roots or (lenet(),)]

    def connect(hear: Hear) -> FakeEngine:
        engines.append(FakeEngine(hear, told, silent))
        return engines[-1]

    look = appearance or Appearance(palette.of_the_terminal(), watch=False)
    app = InspectorApp(connect, Load("model.py"), look)
    async with app.run_test(size=size) as pilot:
        window = Driven(app, engines[0], pilot)
        await window.settle()
        yield window
