"""Opens the window: palette, keys and terminal chosen from the configuration; blocks until it is closed."""

from __future__ import annotations

import asyncio
import difflib
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import TextIO

from textual.theme import BUILTIN_THEMES

from inspector.client import EngineClient, Server
from inspector.config import Config
from inspector.messages import CompareCheckpoint, Event, Load, Run
from inspector.schema import Failure
from inspector.tui import palette
from inspector.tui.app import InspectorApp
from inspector.tui.appearance import Appearance
from inspector.tui.keys import KEYS


class WindowError(Exception):
    """The configuration asks for what there is not; the message says what there is."""


class WindowCrashError(Exception):
    """The window ended by an exception of its own, which Textual has printed."""


def open_window(
    request: Load,
    config: Config,
    server: Server,
    log: TextIO | None,
    *,
    depth: int | None = None,
    filter_words: str = "",
    run: Run | None = None,
    ignored: frozenset[str] = frozenset(),
    probes: bool = True,
    checkpoint: CompareCheckpoint | None = None,
) -> Failure | None:
    """Run the window to its end; returns the failure that the person left with, if the model never opened.

    The tree is opened to `depth` levels and narrowed to `filter_words` at first. Raises WindowError for a theme or a
    key that there is not, before the terminal is touched, and WindowCrashError when the window did not end as it was
    asked to. `run` says what goes into the model, whose shapes are looked
    for as soon as it is there; None looks for none. Of what is noticed the `ignored` is not told (as in
    `problems.kept`), and without `probes` the checks that need further forwards are left out. A `checkpoint` is
    compared with every model that is loaded.
    """
    appearance = replace(appearance_of(config), depth=depth, filter_words=filter_words)

    def connect(hear: Callable[[int, Event], None]) -> EngineClient:
        loop = asyncio.get_running_loop()
        for ending in (signal.SIGTERM, signal.SIGHUP):
            # A dropped connection or a polite kill: leave the terminal as it was.
            loop.add_signal_handler(ending, app.exit)
        return EngineClient(server, hear, loop, log)

    app = InspectorApp(connect, request, appearance, run)
    app.talk.runs.ignored, app.talk.runs.probes = ignored, probes
    app.talk.checkpoints.wanted = checkpoint
    failure = app.run(mouse=config.mouse)
    if app.return_code:
        raise WindowCrashError("the window itself failed, which is a fault of nn-inspect: its traceback stands above")
    return failure


def appearance_of(config: Config) -> Appearance:
    """How a configuration wants the window to look."""
    unknown = set(config.keys) - {key.id for key in KEYS}
    if unknown:
        name = min(unknown)
        near = difflib.get_close_matches(name, [key.id for key in KEYS], 3) or [key.id for key in KEYS]
        raise WindowError(f"[keys] {name}: there is no such action; did you mean {', '.join(near)}?")
    theme = config.theme or "ansi-dark"
    if theme not in BUILTIN_THEMES:
        near = difflib.get_close_matches(theme, BUILTIN_THEMES, 3) or sorted(BUILTIN_THEMES)
        raise WindowError(f"--theme {theme}: there is no such theme; did you mean {', '.join(near)}?")
    if os.environ.get("NO_COLOR"):
        chosen = palette.without_colour()
        theme = "ansi-dark"
    elif BUILTIN_THEMES[theme].ansi:
        chosen = palette.of_the_terminal()
    else:
        chosen = palette.of_theme(BUILTIN_THEMES[theme])
    return Appearance(chosen, theme, config.ascii, config.watch, tuple(config.keys.items()))
