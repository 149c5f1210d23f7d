"""The commands of the window: finding, copying, editing, and the screens that lie over it."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
from collections.abc import Iterable

from textual.app import SystemCommand
from textual.screen import Screen

from inspector.format import literal, plural
from inspector.query import QueryError, search
from inspector.schema import Source
from inspector.tui.clipboard import copy
from inspector.tui.keys import KEYS
from inspector.tui.prompt import Given, Prompt, Typed
from inspector.tui.window import Appearance, Connect, Window


class InspectorApp(Window):
    """The window with everything that can be done in it."""

    # --- finding ------------------------------------------------------------------------------------------------

    def action_search(self) -> None:
        """Type, and the cursor goes to the first match; Enter keeps the matches for n and N."""
        self._ask_words("/", self._search_typed, self._search_given)

    def action_filter(self) -> None:
        """Type what is to stay; Enter keeps it so, Esc shows everything again."""
        self._ask_words("\\", None, self._filter_given)

    def _ask_words(self, mark: str, typed: Typed | None, given: Given) -> None:
        if self.talk.model is None or self.query(Prompt):
            return
        prompt = Prompt(mark, typed, given, self.model_tree.row)
        self.status.display = False
        self.mount(prompt, before=self.key_line)
        prompt.focus()

    def close_prompt(self) -> None:
        """Give the line back to the status."""
        self.query(Prompt).remove()
        self.status.display = True
        self.model_tree.focus()
        self.show_status()

    def _found(self, words: str) -> list[int] | None:
        """The rows for a query; None, and a word about it, when it cannot be understood."""
        assert self.talk.model is not None
        try:
            return search(self.talk.model.table, words)
        except QueryError as error:
            self.tell(str(error), self.appearance.palette.error)
            return None

    def _search_typed(self, words: str, origin: int) -> None:
        rows = self._found(words)
        self.matches = rows or []
        if rows:
            self.model_tree.go_to(next((row for row in rows if row >= origin), rows[0]))
        elif rows is not None:
            self.model_tree.go_to(origin)

    def _search_given(self, words: str | None, origin: int) -> None:
        self.close_prompt()
        if words is None:
            self.matches = []
            self.model_tree.go_to(origin)
        elif words and not self.matches:
            self.tell(f"nothing is called {literal(words)}")
        elif self.matches:
            self._tell_match()

    def _filter_given(self, words: str | None, origin: int) -> None:
        self.close_prompt()
        if not words:
            self.model_tree.keep(None)
            return
        rows = self._found(words)
        if rows:
            self.model_tree.keep(rows)
            self.tell(f"{plural(len(rows), 'row')} with {literal(words)}; Esc shows everything again")
        elif rows is not None:
            self.tell(f"no row with {literal(words)}")

    def action_next(self, step: int) -> None:
        """To the next match of the last search, around the end if need be."""
        if not self.matches:
            self.tell("search first: /")
            return
        row = self.model_tree.row
        ahead = [m for m in self.matches if (m > row if step > 0 else m < row)]
        pool = ahead or self.matches
        self.model_tree.go_to(pool[0] if step > 0 else pool[-1])
        self._tell_match()

    def _tell_match(self) -> None:
        at = self.matches.index(self.model_tree.row) + 1 if self.model_tree.row in self.matches else 0
        self.tell(f"match {at} of {len(self.matches):,}   n next, N previous")

    # --- copying and editing ----------------------------------------------------------------------------------------

    def action_copy_path(self) -> None:
        if self.talk.model is not None:
            path = self.talk.model.table.path(self.model_tree.row)
            self._copy(path or self.talk.model.target.call, path or self.talk.model.target.call)

    def action_copy_detail(self) -> None:
        self._copy(self.detail.text(), "the details")

    def _copy(self, text: str, what: str) -> None:
        asyncio.create_task(self._copying(text, what))  # noqa: RUF006 (the loop outlives it, and so does the window)

    async def _copying(self, text: str, what: str) -> None:
        written: list[str] = []
        sent = await asyncio.to_thread(copy, text, written.append)
        if self._driver is not None:
            self._driver.write("".join(written))
            self._driver.flush()
        self.tell(f"{literal(what)}: {sent}")

    def action_edit(self) -> None:
        """Open the line that the screen is about in the user's own editor; the window waits behind it."""
        source = self._source_here()
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        if source is None:
            self.tell("no source line is known here")
            return
        command = [*shlex.split(editor), f"+{source.line}", source.file]
        try:
            with self.suspend():
                subprocess.run(command, check=False)
        except OSError as error:
            self.tell(f"{editor}: {error.strerror}; set $EDITOR", self.appearance.palette.error)
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
            TextScreen("what the code printed", lambda page: log_page(page, self.talk.log), self.appearance)
        )

    def action_help(self) -> None:
        from inspector.tui.text_screen import TextScreen, help_page

        self.push_screen(TextScreen("keys", help_page, self.appearance))

    def action_models(self) -> None:
        others = self.talk.model.others if self.talk.model is not None else ()
        if others:
            self.choose_model(others)
        else:
            self.tell("the file holds no other model")

    def action_arguments(self) -> None:
        if self._missing is not None:
            self.ask_arguments(self._missing)
        else:
            self.tell("the constructor has all the arguments that it needs")

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every key by its name; Textual's own commands would change what the configuration decides."""
        for key in KEYS:
            action = key.action
            if key.where == "everywhere" and key.id not in ("palette", "interrupt"):
                yield SystemCommand(key.does, f"key {key.shown}", lambda action=action: self.run_action(action))


__all__ = ["Appearance", "Connect", "InspectorApp"]
