"""The keys, in one table: the bindings, the line at the bottom and the help are all made of it.

None of them belongs to tmux or screen. Each has an id by which the configuration can give it other keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding

Where = Literal["everywhere", "pane", "tree", "trace"]
"""Everywhere: the whole window. Pane: tree, trace and detail alike. Tree and trace: there alone."""


@dataclass(frozen=True)
class Key:
    """Keys, what they do, and where."""

    id: str
    keys: str
    """Textual's names, with commas between."""
    shown: str
    action: str
    does: str
    where: Where
    priority: bool = False

    def binding(self) -> Binding:
        return Binding(self.keys, self.action, self.does, show=False, id=self.id, priority=self.priority)


KEYS: tuple[Key, ...] = (
    Key("down", "down,j", "↓ j", "move(1)", "down", "pane"),
    Key("up", "up,k", "↑ k", "move(-1)", "up", "pane"),
    Key("page-down", "pagedown,ctrl+d", "PgDn ctrl+d", "page(1)", "a page down", "pane"),
    Key("page-up", "pageup,ctrl+u", "PgUp ctrl+u", "page(-1)", "a page up", "pane"),
    Key("first", "home,g", "Home g", "first", "to the top", "pane"),
    Key("last", "end,G", "End G", "last", "to the end", "pane"),
    Key("into", "right,l", "→ l", "into", "open the row, then step into it", "tree"),
    Key("out", "left,h", "← h", "out", "close the row, then step out of it", "tree"),
    Key("fold", "space", "Space", "fold", "open or close the row", "tree"),
    Key("deeper", "plus", "+", "deeper(1)", "open one level more of the whole tree", "tree"),
    Key("shallower", "minus", "-", "deeper(-1)", "open one level less", "tree"),
    Key("expand-all", "asterisk", "*", "expand_below", "open everything below the row", "tree"),
    Key("collapse-all", "underscore", "_", "collapse_below", "close everything below the row", "tree"),
    Key("sort", "s", "s", "sort", "sort by params, memory, time, FLOPs, difference, name, type", "tree"),
    Key("sort-trace", "s", "s", "sort", "trace: in order, by time, by FLOPs, by memory", "trace"),
    Key("columns", "c", "c", "columns", "other columns", "tree"),
    Key("original", "equals_sign", "=", "original", "to the first place of a shared module or tied tensor", "tree"),
    Key("detail", "enter", "Enter", "detail", "details of the row; its keys go there", "everywhere"),
    Key("back", "escape", "Esc", "leave", "back to the tree; end a filter", "everywhere"),
    Key("other-pane", "tab", "Tab", "app.other_pane", "tree ⇄ details", "pane"),
    Key("page-1", "1", "1", "tab(0)", "details: overview", "everywhere"),
    Key("page-2", "2", "2", "tab(1)", "details: source, or the whole traceback", "everywhere"),
    Key("page-3", "3", "3", "tab(2)", "details: the last run, call by call", "everywhere"),
    Key("run", "r", "r", "run", "run the model: shapes, time, FLOPs, statistics of every layer", "everywhere"),
    Key("inputs", "i", "i", "inputs", "what goes into the model", "everywhere"),
    Key("trace", "t", "t", "trace", "tree ⇄ trace: every call in the order of the run", "everywhere", priority=True),
    Key("problems", "x", "x", "problems", "what was noticed", "everywhere"),
    Key("next-problem", "right_square_bracket", "]", "problem(1)", "to the next problem", "everywhere"),
    Key("previous-problem", "left_square_bracket", "[", "problem(-1)", "to the previous problem", "everywhere"),
    Key("compare", "d", "d", "compare", "train against eval: what differs, where it starts, and why", "everywhere"),
    Key("backward", "B", "B", "backward", "forward and backward: the gradient of every parameter", "everywhere"),
    Key("toggle", "m", "m", "toggle_mode(True)", "the other mode for this module and everything below", "everywhere"),
    Key("toggle-alone", "T", "T", "toggle_mode(False)", "the other mode for this module alone", "everywhere"),
    Key("modes-found", "U", "U", "restore_modes", "all modes as they were found", "everywhere"),
    Key("step", "S", "S", "step_statistics", "train-mode forwards: what becomes of running statistics", "everywhere"),
    Key("sample", "C", "C", "sample_training", "train mode many times: how far the answer scatters", "everywhere"),
    Key("keep", "K", "K", "keep_statistics", "as S, and keep the statistics in this window", "everywhere"),
    Key("page-4", "4", "4", "tab(3)", "details: train against eval", "everywhere"),
    Key("page-5", "5", "5", "tab(4)", "details: the card, what this building block is", "everywhere"),
    Key("try", "b", "b", "try_layer", "try this layer by itself, with other arguments", "everywhere"),
    Key("loss", "L", "L", "try_loss", "try a loss on the model's output, with a target made for it", "everywhere"),
    Key("untouched", "u", "u", "untouched", "run with nothing watched but the whole", "everywhere"),
    Key(
        "picture", "p", "p", "picture", "see the values as a picture: a weight, or what the row gave out", "everywhere"
    ),
    Key("measure", "v", "v", "measure", "measure the values of the tensor", "everywhere"),
    Key("search", "slash", "/", "search", "search names, paths and classes", "everywhere", priority=True),
    Key("next", "n", "n", "next(1)", "next match", "everywhere"),
    Key("previous", "N", "N", "next(-1)", "previous match", "everywhere"),
    Key("filter", "backslash", "\\", "filter", "show only: name type: dtype: device: is:", "everywhere", priority=True),
    Key("reload", "R", "R", "reload", "load the file again (done by itself when it is saved)", "everywhere"),
    Key("edit", "e", "e", "edit", "open the source line in $EDITOR", "everywhere"),
    Key("copy", "y", "y", "copy_path", "copy the path", "everywhere"),
    Key("copy-detail", "Y", "Y", "copy_detail", "copy the details", "everywhere"),
    Key("log", "o", "o", "log", "what the code printed", "everywhere"),
    Key("arguments", "a", "a", "arguments", "constructor arguments again, when they were asked for", "everywhere"),
    Key("models", "M", "M", "models", "other models in the file", "everywhere"),
    Key("palette", "colon,ctrl+p", ": ctrl+p", "command_palette", "commands by name", "everywhere"),
    Key("help", "question_mark,f1", "? F1", "help", "this help", "everywhere"),
    Key("quit", "q", "q", "quit", "quit", "everywhere"),
    Key("interrupt", "ctrl+c", "ctrl+c", "interrupt", "cancel what runs; twice: quit", "everywhere", priority=True),
    Key("suspend", "ctrl+z", "ctrl+z", "suspend_process", "to the background; fg comes back", "everywhere"),
)

ALWAYS_SHOWN = (
    ("run", "run"), ("help", "help"), ("quit", "quit"), ("compare", "train/eval"), ("problems", "problems"),
    ("search", "search"), ("inputs", "inputs"), ("detail", "detail"), ("toggle", "mode"), ("trace", "trace"),
    ("columns", "columns"), ("filter", "filter"), ("sort", "sort"), ("measure", "values"), ("picture", "picture"),
    ("reload", "reload"), ("edit", "edit"), ("copy", "copy"), ("log", "log"),
)  # fmt: skip
"""The line of keys by their ids, the most wanted first; what has no room is left out."""

SHOWN_WITHOUT_A_MODEL = (
    ("edit", "edit the line"), ("reload", "load again"), ("quit", "quit"), ("page-2", "traceback"), ("log", "printed"),
    ("help", "help"),
)  # fmt: skip
"""The same, when there is a failure and nothing else."""


def shown(key: Key, keymap: Mapping[str, str]) -> str:
    """How the keys of an action are written, with those that the configuration gives it instead."""
    return keymap[key.id].replace(",", " ") if key.id in keymap else key.shown


def line_of_keys(wanted: Iterable[tuple[str, str]], keymap: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """(key, words) for the line at the bottom, of (id, words)."""
    by_id = {key.id: key for key in KEYS}
    return tuple((shown(by_id[id_], keymap).split()[0], words) for id_, words in wanted)


def bindings(where: Where) -> list[Binding]:
    """The bindings of one place."""
    return [key.binding() for key in KEYS if key.where == where]
