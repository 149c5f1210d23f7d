"""The window: its panes and lines, and what each change of state makes visible; `app` adds the commands.

The state itself is the conversation's.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.timer import Timer

from inspector.card_flow import SMALL_TENSOR
from inspector.format import duration, literal
from inspector.messages import Load, Run
from inspector.schema import Failure
from inspector.table import ModelTable
from inspector.tui import card_questions, status_words
from inspector.tui.appearance import NARROW, PANES, WIDE, Appearance
from inspector.tui.bars import Divider, KeyLine, Status, StatusLine, TitleBar
from inspector.tui.body import Body
from inspector.tui.changes import Changes
from inspector.tui.conversation import Connect, Conversation
from inspector.tui.detail import failure_card, pages
from inspector.tui.detail.pane import DetailPane
from inspector.tui.keys import ALWAYS_SHOWN, SHOWN_WITHOUT_A_MODEL, bindings, line_of_keys
from inspector.tui.model_tree import ModelTree
from inspector.tui.open_model import OpenModel
from inspector.tui.prompt import Prompt
from inspector.tui.questions import Questions, file_part
from inspector.tui.run_display import RunDisplay
from inspector.tui.trace_view import TraceView
from inspector.tui.watcher import Watcher

SETTLE = 0.03
"""Seconds that the cursor has to rest before the detail pane follows: a held key does not drag it along."""
PATIENCE = 0.06
"""Seconds that the detail pane waits for the engine's answers, so as to be written once and not twice."""


class Window(App[Failure]):
    """A tree of the model, details beside it, and lines for what goes on. Its result is the failure left, if any."""

    CSS = PANES
    BINDINGS: ClassVar[list[BindingType]] = list(bindings("everywhere"))
    COMMAND_PALETTE_BINDING = "ctrl+p"
    TITLE = "nn-inspect"

    def __init__(self, connect: Connect, request: Load, appearance: Appearance, run: Run | None = None) -> None:
        super().__init__()
        self.run_display = RunDisplay(self)
        self.theme = appearance.theme
        self.appearance = appearance
        self.talk = Conversation(self, request, self.run_display, run)
        self.questions = Questions(self, self.talk)
        self.message: Status | None = None
        self.filter_words = appearance.filter_words
        """What the tree is narrowed to; "" when it shows everything."""
        self._connect = connect
        self._tab = pages.OVERVIEW
        self._settling: Timer | None = None
        self._ticking: Timer | None = None
        self._watcher = Watcher(self.action_reload)
        self._interrupted = False
        self._opened_by_failure = False
        """Whether the detail pane lies over the tree because a load failed, not because the person opened it."""
        self._make_widgets()

    def _make_widgets(self) -> None:
        palette, ascii_only = self.appearance.palette, self.appearance.ascii_only
        self.title_bar = TitleBar(palette, ascii_only=ascii_only, id="title")
        self.model_tree = ModelTree(palette, ascii_only=ascii_only, first_depth=self.appearance.depth)
        self.model_tree.expects_run = self.talk.runs.automatic
        self.trace = TraceView(palette, ascii_only=ascii_only)
        self.detail = DetailPane(palette, ascii_only=ascii_only)
        self.divider = Divider(palette, ascii_only=ascii_only, id="divider")
        self.source_divider = Divider(palette, ascii_only=ascii_only, id="source-divider")
        self.source = DetailPane(palette, ascii_only=ascii_only, id="source")
        self.status = StatusLine(palette, ascii_only=ascii_only, id="status")
        self.prompt = Prompt()
        self.key_line = KeyLine(palette, ascii_only=ascii_only, id="keys")
        self.title_bar.name_text = literal(self.talk.request.target)
        for pane in (self.model_tree, self.trace, self.detail, self.source):
            pane.touched = self._forget_message

    def compose(self) -> ComposeResult:
        yield self.title_bar
        with Horizontal(id="body"):
            yield self.model_tree
            yield self.trace
            yield self.divider
            yield self.detail
            yield self.source_divider
            yield self.source
        yield self.status
        yield self.prompt
        yield self.key_line

    def get_default_screen(self) -> Body:
        return Body(id="_default")

    def on_mount(self) -> None:
        self.set_keymap(dict(self.appearance.keymap))
        # After fg the terminal is empty, and nobody else paints it anew.
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
        self._ticking = self.set_interval(1.0, self.show_status, pause=True)
        self.model_tree.focus()
        self._arrange(self.size.width)
        self.talk.engine = self._connect(self.talk.hear)
        self.talk.load(self.talk.request)
        self.stage_changed()

    def on_resize(self, event: events.Resize) -> None:
        self._arrange(event.size.width)

    def _arrange(self, width: int) -> None:
        """One, two or three panes, by the width of the terminal; a failure without a model has it all."""
        self.body.set_class(self._alone, "alone")
        keys = SHOWN_WITHOUT_A_MODEL if self._alone else ALWAYS_SHOWN
        self.key_line.tell(line_of_keys(keys, dict(self.appearance.keymap)))
        self.body.set_class(width < NARROW, "narrow")
        self.body.set_class(width >= WIDE, "wide")
        self.call_after_refresh(self.show_detail)

    @property
    def body(self) -> Screen[object]:
        """The screen with the panes, also while a help or a question lies over it."""
        return self.screen_stack[0]

    @property
    def main(self) -> ModelTree | TraceView:
        """The pane with the cursor: the tree, or the trace in its place."""
        return self.trace if self.body.has_class("tracing") else self.model_tree

    @property
    def _alone(self) -> bool:
        """Whether there is nothing to show but a failure."""
        return self.talk.model is None and self.talk.failure is not None

    # --- what the conversation tells --------------------------------------------------------------------------------

    def stage_changed(self) -> None:
        self.show_title()
        if self._ticking is not None:
            (self._ticking.pause if self.talk.stage is None else self._ticking.resume)()
        self.show_status()

    def model_opened(self, before: OpenModel | None, seconds: float) -> None:
        """Show the model that was just opened, in place of an earlier state of it where there is one."""
        model, palette = self.talk.model, self.appearance.palette
        assert model is not None
        self.questions.withdraw()
        if self._opened_by_failure:
            self._opened_by_failure = False
            self.action_leave()
        self._arrange(self.size.width)
        self.trace.show_run(None)  # its rows are not those of this model
        self.rows_renumbered(model.table)
        if before is None or before.title != model.title:
            self.model_tree.show(model.table)
            words = model.note or (f"{model.target.call}: {model.target.chosen}" if model.target.chosen else "")
            self.message = Status(literal(words), palette.dim) if words else None
        else:
            changes = Changes(before.table, model.table)
            self.model_tree.replace(model.table, changes.marks)
            self.message = Status(f"reloaded in {duration(seconds)}: {changes.text()}", palette.good)
        self.rows_replaced()
        self._watch(model.files)
        self.show_detail()

    def structure_completed(self) -> None:
        assert self.talk.model is not None
        self.rows_renumbered(self.talk.model.table)
        self.model_tree.replace(self.talk.model.table, {})
        self.rows_replaced()
        self.show_detail()

    def rows_renumbered(self, table: ModelTable) -> None:
        """The tree is about to show another table: whatever holds row numbers has to follow."""

    def rows_replaced(self) -> None:
        """The tree shows another table: whatever was found or chosen in the old one is to be found anew."""

    def rows_described(self, first: int, count: int) -> None:
        self.model_tree.rows_arrived(first, count)
        if first <= self.model_tree.row < first + count:
            self.show_detail()

    def answer_came(self) -> None:
        if not self._answers_are_due():
            self.show_detail()

    def model_not_as_found(self, changed: tuple[str, ...]) -> None:
        self.tell(f"not left as found: {literal(', '.join(changed))}", self.appearance.palette.error)

    def load_failed(self, failure: Failure) -> None:
        """Say why, beside whatever is still known, and offer the choice that is missing."""
        self._tab = 0
        self.message = Status(failure_card.title(failure), self.appearance.palette.error)
        self._opened_by_failure = self._opened_by_failure or not self.body.has_class("detail-open")
        self.body.add_class("detail-open")
        if self.talk.model is None:
            self._watch(failure.files or (file_part(self.talk.request.target),))
        self._arrange(self.size.width)
        if (self._alone or self.size.width < NARROW) and not self.prompt.display:
            self.detail.focus()  # what is hidden must not have the keys
        asked = self.questions.ask_for(failure)
        if not asked and self.questions.missing is not None and failure.stage == "construct":
            self.message = Status(f"{failure_card.title(failure)}; a asks for the arguments again", self.message.style)

    def _watch(self, files: tuple[str, ...]) -> None:
        if self.appearance.watch:
            self._watcher.watch(files, self.talk.asked_at)

    # --- what the lines say ---------------------------------------------------------------------------------------

    def tell(self, words: str, style: Style | None = None, *, shorter: tuple[str, ...] = ()) -> None:
        """Say something until the next key; `shorter` is the same for narrow windows."""
        self.message = Status(words, self.appearance.palette.base if style is None else style, shorter=shorter)
        self.show_status()

    def show_title(self) -> None:
        """What is open, and whether it is what the file holds."""
        if (model := self.talk.model) is not None:
            ended = "" if model.death is None else "THE ENGINE ENDED: R loads again"
            self.title_bar.tell(model.title, model.facts(), self.talk.outdated or ended)

    def show_status(self) -> None:
        """What goes on, else what was said last, else where the cursor is."""
        palette, stage, said, model = self.appearance.palette, self.talk.stage, self.message, self.talk.model
        behind = self.talk.loading is None and self.talk.runs.in_background
        if stage is not None and (said is None or not behind):
            words = literal(stage.text())
            wished = "then it runs   " if self.talk.runs.wished else ""
            self.status.tell(Status(words, palette.accent, f"{wished}ctrl+c cancels"))
            self.model_tree.say(words)  # where the eye looks first, until there is something to see
        elif said is not None:
            going_on = literal(stage.brief()) if stage is not None else ""
            right = said.right or going_on or status_words.alarm(model)
            self.status.tell(Status(said.text, said.style, right, shorter=said.shorter))
            self.model_tree.say(said.text)
        elif model is not None:
            right = status_words.note(model, self.talk.log, self.filter_words)
            self.status.tell(Status(status_words.way_to(model, self.row_here), palette.base, right, is_path=True))

    def _forget_message(self) -> None:
        """A key was pressed: what was said, and the marks of a reload, have been seen."""
        self._interrupted = False
        if self.model_tree.changes:
            self.model_tree.clear_changes()
            self.model_tree.paint()
        if self.message is not None:
            self.message = None
            self.show_status()

    # --- details --------------------------------------------------------------------------------------------------

    def on_trace_view_cursor_moved(self) -> None:
        self.on_model_tree_cursor_moved()

    def on_model_tree_cursor_moved(self) -> None:
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.set_timer(SETTLE, self._cursor_rests)
        self.show_status()

    def _cursor_rests(self) -> None:
        model = self.talk.model
        if model is not None:
            self.talk.failure = None
            self._ask_about(model, self.row_here)
        if self._answers_are_due():
            self._settling = self.set_timer(PATIENCE, self.show_detail)
        else:
            self.show_detail()

    def _answers_are_due(self) -> bool:
        model, row = self.talk.model, self.row_here
        return model is not None and self.talk.waits_for(pages.owner(model, row), row)

    def show_detail(self) -> None:
        """Bring the detail pane in line with the cursor, and ask the engine for what is missing."""
        model, failure = self.talk.model, self.talk.failure
        if failure is None and model is not None and self.row_here == 0:
            failure = model.death  # the model's own page says it for as long as there is no other engine
        if failure is not None:
            self.detail.tabs, self.detail.tab = pages.FAILURE_TABS, self._tab
            write = failure_card.write_traceback if self._tab else failure_card.write
            self.detail.show(partial(write, failure=failure), (failure, self._tab))
        elif model is not None:
            row, call = self.row_here, self.trace.call if self.main is self.trace else None
            self.detail.tabs, self.detail.tab = pages.TABS, self._tab
            write = partial(pages.write, model=model, row=row, tab=self._tab, call=call)
            self.detail.show(write, (model.engine, row, self._tab, call))
            if self.size.width >= WIDE:
                self.source.show(partial(pages.write, model=model, row=row, tab=pages.SOURCE), (model.engine, row))
            self._ask_about(model, row)
        self.show_status()

    @property
    def row_here(self) -> int:
        """The row that the cursor is about, in the tree or in the trace."""
        flow, call = self.trace.flow, self.trace.call
        if self.main is self.trace and flow is not None and call is not None:
            return flow.run.row[call]
        return self.model_tree.row

    def _ask_about(self, model: OpenModel, row: int) -> None:
        """Ask for what the page of a row lacks; the answer comes when it comes."""
        record = model.table.row(row)
        if record is None or not self.detail.display:
            return
        self.talk.describe(pages.owner(model, row))
        if self._tab == pages.CARD:
            card_questions.ask(self.talk, pages.owner(model, row))
        if pages.has_values(record) and 0 < model.table.elements[row] <= SMALL_TENSOR:
            self.talk.measure(row)

    def show_tab(self, tab: int) -> None:
        """Turn to a page, whether or not it can be seen now."""
        self._tab = tab

    def action_tab(self, tab: int) -> None:
        self._tab = tab
        if not self.detail.display:
            self.action_detail()
        self.show_detail()

    def action_detail(self) -> None:
        """Open the detail pane over the tree, or give it the keys."""
        self._opened_by_failure = self._alone
        self.body.add_class("detail-open")
        self.detail.focus()
        self.call_after_refresh(self.show_detail)

    def action_leave(self) -> None:
        """Out of the detail pane, else out of a filter."""
        if self._alone:
            return
        if not self.main.has_focus or self.body.has_class("detail-open"):
            self._opened_by_failure = False
            self.body.remove_class("detail-open")
            if not self.prompt.display:
                self.main.focus()
        elif self.model_tree.shown is not None and self.model_tree.shown.filtered:
            self.model_tree.keep(None)
            self.filter_words = ""
        self.show_status()

    def action_other_pane(self) -> None:
        """To the next pane; where only one is seen at a time, the other one."""
        if self.source.display and self.detail.has_focus:
            self.source.focus()
        else:
            (self.action_detail if self.main.has_focus else self.action_leave)()

    def on_detail_pane_focused(self, event: DetailPane.Focused) -> None:
        if event.pane in (self.detail, self.source):
            (self.divider if event.pane is self.detail else self.source_divider).mark(event.gained)

    # --- loading again, stopping, leaving -----------------------------------------------------------------------------

    def action_reload(self) -> None:
        self.message = None
        self.talk.load(self.talk.request)

    async def action_interrupt(self) -> None:
        """Cancel what runs; with nothing running, quit at the second press."""
        loading = self.talk.loading is not None
        if self.talk.cancel():
            # What ends a run may be pressed again because that does not end at once: it must not close the window.
            self._interrupted = loading
            if loading:
                self.tell("cancelled; R loads again, ctrl+c quits")
        elif self._interrupted:
            await self.action_quit()
        else:
            self._interrupted = True
            self.tell("nothing runs; ctrl+c once more, or q, quits")

    async def action_quit(self) -> None:
        """Leave with the failure as the result when there is nothing but a failure."""
        self.exit(self.talk.failure if self.talk.model is None else None)

    def on_unmount(self) -> None:
        self._watcher.stop()
        if self.talk.engine is not None:
            self.talk.engine.close()
