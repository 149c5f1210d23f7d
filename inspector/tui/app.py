"""The commands of the window: finding, copying, editing, and the screens that lie over it."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from textual.app import SystemCommand
from textual.screen import Screen

from inspector.format import literal, plural
from inspector.messages import Load, Run
from inspector.query import QueryError, search
from inspector.schema import Source
from inspector.table import ModelTable
from inspector.tui.appearance import Appearance
from inspector.tui.bars import Status
from inspector.tui.checkpoint_commands import CheckpointCommands
from inspector.tui.conversation import Connect
from inspector.tui.keys import KEYS


class InspectorApp(CheckpointCommands):
    """The window with everything that can be done in it."""

    # --- finding ------------------------------------------------------------------------------------------------

    def __init__(self, connect: Connect, request: Load, appearance: Appearance, run: Run | None = None) -> None:
        super().__init__(connect, request, appearance, run)
        self._searched = ""
        """The words of the last search."""
        self._matches: list[int] | None = []
        """The rows that they found; None when the rows have other numbers by now."""

    def action_search(self) -> None:
        """Type, and the cursor goes to the first match; Enter keeps the matches for n and N."""
        self._ask_words("/", self._search_typed, self._search_given)

    def action_filter(self) -> None:
        """Type what is to stay; Enter keeps it so, Esc shows everything again."""
        self._ask_words("\\", None, self._filter_given)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A search begins with its key, not when a pane has handed the key on: so the next key is already a letter.

        So does the trace: the next key is already one of its own. Whatever has such priority has to stand back itself,
        where the key is typed as a letter.
        """
        if action in ("search", "filter", "trace"):
            return self.screen is self.body and not self.prompt.display
        return super().check_action(action, parameters)

    def rows_renumbered(self, table: ModelTable) -> None:
        """Keep to the same place in the new table, as far as it is there."""
        self._matches = None
        if self.model_tree.shown is not None:
            self._origin, _ = table.follow(self.model_tree.shown.table.trail(self._origin))

    def rows_replaced(self) -> None:
        """Search and narrow the new table as the old one was."""
        if self.talk.model is not None and self.talk.model.preview:
            return  # what is searched for may be in what is still being read
        if self.filter_words and not self._narrow(self.filter_words):
            words = self.message.text if self.message is not None else ""
            self.message = Status(f"{words}; the filter ended: no row with it is left", self.appearance.palette.warning)
            self.filter_words = ""
        if self.prompt.display:
            self.prompt.tell_again()

    def _found(self, words: str) -> list[int] | None:
        """The rows for a query; None, and a word about it, when it cannot be understood."""
        assert self.talk.model is not None
        try:
            return search(self.talk.model.table, words)
        except QueryError as error:
            self.tell(str(error), self.appearance.palette.error)
            return None

    def _search_typed(self, words: str) -> None:
        rows = self._found(words)
        self._searched, self._matches = words, rows or []
        if rows:
            assert self.talk.model is not None
            place = self.talk.model.table.place
            here = place(self._origin)
            self.model_tree.go_to(next((row for row in rows if place(row) >= here), rows[0]))
        elif rows is not None:
            self.model_tree.go_to(self._origin)

    def _search_given(self, words: str | None) -> None:
        self._close_prompt()
        if words is None:
            self._searched, self._matches = "", []
            self.model_tree.go_to(self._origin)
        elif self._matches:
            self._tell_match(self._matches)
        elif words and self._found(words) is not None:
            self.tell(f"nothing is called {literal(words)}")

    def _filter_given(self, words: str | None) -> None:
        self._close_prompt()
        if words is None:
            return
        if not words:
            self.filter_words = ""
            self.model_tree.keep(None)
        elif (found := self._narrow(words)) is not None:
            known = f"{plural(found, 'row')} with {literal(words)}; Esc shows everything again"
            self.tell(known if found else f"no row with {literal(words)}")

    def _narrow(self, words: str) -> int | None:
        """Show only what answers, unless that is nothing; how many rows do, or None for words without a meaning."""
        rows = self._found(words)
        if rows:
            self.filter_words = words
            self.model_tree.keep(rows)
        return None if rows is None else len(rows)

    def action_next(self, step: int) -> None:
        """To the next match of the last search, around the end if need be."""
        if self._matches is None:
            self._matches = self._found(self._searched) if self._searched else []
        if not self._matches:
            self.tell(f"nothing is called {literal(self._searched)}" if self._searched else "search first: /")
            return
        assert self.talk.model is not None
        place = self.talk.model.table.place
        here = place(self.model_tree.row)
        ahead = [match for match in self._matches if (place(match) > here if step > 0 else place(match) < here)]
        pool = ahead or self._matches
        self.model_tree.go_to(pool[0] if step > 0 else pool[-1])
        self._tell_match(self._matches)

    def _tell_match(self, matches: list[int]) -> None:
        at = matches.index(self.model_tree.row) + 1 if self.model_tree.row in matches else 0
        self.tell(f"match {at} of {len(matches):,}   n next, N previous")

    # --- editing ----------------------------------------------------------------------------------------------------

    def action_edit(self) -> None:
        """Open the line that the screen is about in the user's own editor; the window waits behind it."""
        source = self._source_here()
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        if source is None:
            self.tell("no source line is known here")
            return
        try:
            command = [*shlex.split(editor), f"+{source.line}", source.file]
        except ValueError as error:
            self.tell(f"$EDITOR {literal(editor)}: {error}", self.appearance.palette.error)
            return
        with self.suspend(), interrupts_ignored():
            complaint = run_in_front(command)
        if complaint:
            self.tell(f"$EDITOR {literal(editor)}: {complaint}", self.appearance.palette.error)
        self.refresh(layout=True)

    def _source_here(self) -> Source | None:
        if self.talk.failure is not None:
            return self.talk.failure.source
        if self.talk.model is None:
            return None
        table, row = self.talk.model.table, self.model_tree.row
        while row and not table.is_module(row):
            row = table.above(row)
        source = table.type(row).source
        own = source is not None and source.file in self.talk.model.files
        target = self.talk.model.target
        return source if own else Source(target.file, target.line)

    # --- screens over the window --------------------------------------------------------------------------------------

    def action_log(self) -> None:
        from inspector.tui.text_screen import TextScreen, log_page

        self.push_screen(
            TextScreen(
                "what the code printed", lambda page: log_page(page, self.talk.log), self.appearance, at_end=True
            )
        )

    def action_help(self) -> None:
        from inspector.tui.text_screen import TextScreen, help_page

        keymap = dict(self.appearance.keymap)
        self.push_screen(TextScreen("keys", lambda page: help_page(page, keymap), self.appearance))

    def action_models(self) -> None:
        others = self.talk.model.others if self.talk.model is not None else ()
        if others:
            self.questions.choose_model(others, others=True)
        else:
            self.tell("the file holds no other model")

    def action_arguments(self) -> None:
        if self.questions.missing is not None:
            self.questions.ask_arguments(self.questions.missing)
        else:
            self.tell("the constructor has all the arguments that it needs")

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every key by its name; Textual's own commands would change what the configuration decides."""
        for key in KEYS:
            action = key.action
            if key.where == "everywhere" and key.id not in ("palette", "interrupt"):
                yield SystemCommand(key.does, f"key {key.shown}", lambda action=action: self.run_action(action))
        for words, unsafe in (("", False), (", which may run code of its own", True)):
            does = f"compare with a checkpoint{words}: does the file fit?"
            yield SystemCommand(does, "asks for its path", partial(self.action_checkpoint, unsafe))


def run_in_front(command: list[str]) -> str:
    """Run a program that has the terminal; what went wrong. Raises nothing: who suspended has to come back."""
    try:
        code = subprocess.run(command, check=False).returncode
    except OSError as error:
        return error.strerror or str(error)
    return f"ended with {code}" if code else ""


@contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Leave ctrl+c to the program in front: the terminal sends it to everyone in the foreground."""
    before = signal.signal(signal.SIGINT, lambda number, frame: None)  # a function: SIG_IGN would be inherited
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
