"""The screen on which a layer is tried, driven by keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from msgspec import structs
from textual.app import App
from textual.pilot import Pilot

from inspector.run_schema import Finding, LayerOutcome, LayerTrial, SampleArgument, Seen
from inspector.schema import Argument, Failure
from inspector.tui import palette
from inspector.tui.appearance import Appearance
from inspector.tui.trial_fields import Asked
from inspector.tui.try_screen import TryScreen

CONV = (
    Argument("in_channels", "int", required=True, value="3"),
    Argument("out_channels", "int", required=True, value="8"),
    Argument("kernel_size", "int", required=True, value="(5, 5)"),
    Argument("stride", "int", default="1", value="(1, 1)"),
    Argument("padding", "int", default="0", value="(2, 2)"),
    Argument("dilation", "int", default="1", value="(1, 1)"),
    Argument("groups", "int", default="1", value="1"),
    Argument("device", default="None"),
)
INPUT = SampleArgument("input", True, "input=2x3x16x16:float32", (Seen("input", (2, 3, 16, 16), "float32"),))
BEFORE = LayerOutcome(
    "Conv2d(in_channels=3, out_channels=8, kernel_size=(5, 5), padding=(2, 2))",
    True,
    (INPUT,),
    (Seen("", (2, 8, 16, 16), "float32"),),
    608,
    2432,
    614_400,
    peak_bytes=16_384,
)
AFTER = structs.replace(
    BEFORE,
    call="Conv2d(in_channels=3, out_channels=8, kernel_size=(5, 5), stride=2, padding=(2, 2))",
    outputs=(Seen("", (2, 8, 8, 8), "float32"),),
    flops=153_600,
    peak_bytes=4096,
)
AS_IT_IS = LayerTrial(3, CONV, "as in the last call of conv1", BEFORE, BEFORE, guard="left as found: 2 tensors")
TRIED = structs.replace(AS_IT_IS, after=AFTER)


@dataclass
class Shown:
    """The screen over a small app, and what it asked for."""

    pilot: Pilot[None]
    screen: TryScreen
    asked: list[Asked] = field(default_factory=list)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Replace what stands in the line."""
        await self.press("end", "ctrl+u", *text)

    async def told(self, trial: LayerTrial) -> str:
        self.screen.show(trial)
        await self.pilot.pause()
        return self.text()

    def text(self) -> str:
        strips = self.pilot.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


@asynccontextmanager
async def shown(
    arguments: tuple[Argument, ...] = CONV,
    qualified: str = "torch.nn.modules.conv.Conv2d",
    size: tuple[int, int] = (100, 40),
    ascii_only: bool = False,
) -> AsyncIterator[Shown]:
    app: App[None] = App()
    asked: list[Asked] = []
    look = Appearance(palette.of_the_terminal(), ascii_only=ascii_only)
    async with app.run_test(size=size) as pilot:
        screen = TryScreen("conv1", qualified, arguments, look, ask=asked.append)
        app.push_screen(screen)
        await pilot.pause()
        await pilot.pause()
        yield Shown(pilot, screen, asked)


async def test_it_begins_with_the_layer_as_it_is() -> None:
    async with shown() as view:
        assert view.asked == [Asked()]
        text = view.text()
        assert "try conv1 · Conv2d with other arguments" in text
        assert "kernel_size: int" in text
        assert "(5, 5)" in text
        assert "device" not in text
        assert "trying …" in text


async def test_what_it_got_and_gave_is_shown_as_soon_as_it_is_told() -> None:
    async with shown() as view:
        text = await view.told(AS_IT_IS)
        assert "input=2x3x16x16:float32" in text
        assert "H_out = W_out = ⌊(16 + 2·2 − 1·(5 − 1) − 1)/1⌋ + 1 = 16" in text
        lines = [" ".join(line.strip(" │").split()) for line in text.splitlines()]
        assert "output 2×8×16×16 2×8×16×16 same" in lines
        assert "parameters 608 608 same" in lines
        assert "FLOPs 614,400" not in lines
        assert "input as in the last call of conv1 · left as found: 2 tensors" in lines


async def test_the_arithmetic_follows_every_key_without_a_trial() -> None:
    async with shown() as view:
        await view.told(AS_IT_IS)
        await view.press("down", "down", "down")
        await view.type("2")
        text = view.text()
        assert "→ stride: int" in text
        assert "⌊(16 + 2·2 − 1·(5 − 1) − 1)/2⌋ + 1 = 8" in text
        assert view.asked == [Asked()]


async def test_enter_asks_for_what_was_changed_and_compares() -> None:
    async with shown() as view:
        await view.told(AS_IT_IS)
        await view.press("down", "down", "down")
        await view.type("2")
        await view.press("enter")
        assert view.asked[-1] == Asked(("stride=2",))
        text = await view.told(TRIED)
        lines = [" ".join(line.strip(" │").split()) for line in text.splitlines()]
        assert "output 2×8×16×16 2×8×8×8" in lines
        assert "FLOPs 614 k 154 k ×0.25" in lines
        assert "peak memory 16.0 KiB 4.00 KiB ×0.25" in lines
        assert "time" not in text


async def test_an_input_that_was_changed_is_sent_and_one_that_means_nothing_is_not() -> None:
    async with shown() as view:
        await view.told(AS_IT_IS)
        await view.press("up")
        view.screen._input.focus()
        await view.type("4x3x32x32")
        assert "⌊(32 + 2·2" in view.text()
        await view.press("enter")
        assert view.asked[-1] == Asked((), ("4x3x32x32",))
        asked = len(view.asked)
        await view.type("4xx3")
        await view.press("enter")
        assert len(view.asked) == asked
        assert "such as" in view.text()


async def test_it_is_run_for_real_in_either_mode_and_put_back() -> None:
    async with shown() as view:
        await view.told(AS_IT_IS)
        await view.type("4")
        await view.press("f2")
        assert view.asked[-1] == Asked(("in_channels=4",), (), dry=False)
        await view.press("f3")
        assert view.asked[-1] == Asked(("in_channels=4",), (), mode="train")
        timed = structs.replace(TRIED, after=structs.replace(AFTER, seconds=0.0123, spread=0.0004, repeats=7))
        assert "12.3 ms ± 400 µs" in await view.told(timed)
        await view.press("f5")
        assert view.asked[-1] == Asked(mode="train")


async def test_a_trial_that_fails_says_why() -> None:
    finding = Finding("NN202", "error", 3, "conv1", "conv1 takes 4 channels, and got 3", fix="in_channels=3")
    failed = structs.replace(AFTER, ok=False, outputs=(), flops=None, peak_bytes=None, finding=finding)
    async with shown() as view:
        text = await view.told(structs.replace(AS_IT_IS, after=failed))
        assert "✗ fails" in text
        assert "✗ NN202 conv1 takes 4 channels, and got 3" in text
        assert "  in_channels=3" in text
        unbuilt = LayerOutcome("Conv2d()", False, failure=Failure("construct", "ValueError", "groups\nmust"))
        text = await view.told(structs.replace(AS_IT_IS, after=unbuilt, before=None))
        assert "✗ groups" in text


async def test_what_cannot_be_tried_says_why_and_an_input_may_still_be_typed() -> None:
    async with shown() as view:
        view.screen.refuse(Failure("inputs", "NoInput", "conv1 was not called in the last run", mend="Run it first"))
        await view.pilot.pause()
        assert "✗ conv1 was not called in the last run" in view.text()
        assert "Run it first" in view.text()
        view.screen._input.focus()
        await view.type("1x3x9x9")
        await view.press("enter")
        assert view.asked[-1] == Asked((), ("1x3x9x9",))


async def test_a_class_without_a_card_is_tried_all_the_same() -> None:
    async with shown((Argument("width", "int", value="4"),), "model.Block") as view:
        assert "try conv1 · Block" in view.text()
        await view.type("8")
        await view.press("enter")
        assert view.asked[-1] == Asked(("width=8",))


async def test_what_a_layer_is_called_cannot_move_the_cursor() -> None:
    evil = structs.replace(AS_IT_IS, origin="typed\x1b[2J", notes=("\x1b]0;x\x07",))
    async with shown((Argument("w\x1b", value="\x1b[31m"),), "m.\x1bNet") as view:
        assert "\x1b" not in await view.told(evil)


async def test_escape_leaves_and_ascii_is_ascii() -> None:
    async with shown(ascii_only=True, size=(80, 24)) as view:
        text = await view.told(TRIED)
        assert text.isascii()
        await view.press("escape")
        assert not isinstance(view.pilot.app.screen, TryScreen)
