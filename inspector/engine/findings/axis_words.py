"""What comments and docstrings of a class call the first two axes of a tensor: `# (batch, time)`, `[T, B, C]`."""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Iterator

from inspector.engine.class_text import ClassText, remembered, texts_of

BATCH_NAMES = frozenset(("b", "bs", "bsz", "batch", "batch_size", "batchsize", "n_batch", "nb", "bz"))
TIME_NAMES = frozenset(("t", "s", "l", "seq", "seq_len", "seqlen", "seq_length", "length", "time", "steps", "tgt_len",
                        "src_len", "max_len", "sequence_length", "timesteps"))  # fmt: skip
_AXES = re.compile(r"[\[(]\s*([A-Za-z_]+)\s*(?:,|×|\bx\b)\s*([A-Za-z_]+)\b")


def kind_of(name: str) -> str:
    """batch or time; empty of every other name."""
    if name.lower() in BATCH_NAMES or "batch" in name.lower():
        return "batch"
    return "time" if name.lower() in TIME_NAMES else ""


@remembered
def orders_in_words(cls: type) -> dict[tuple[str, str], str]:
    """Which orders of batch and time are written, each with the words for it; a class may write both."""
    found: dict[tuple[str, str], str] = {}
    for text in texts_of(cls):
        for line in (*_comments(text), *_docstrings(text)):
            for one, other in _AXES.findall(line):
                kinds = ("batch" if one == "N" else kind_of(one), "batch" if other == "N" else kind_of(other))
                if set(kinds) == {"batch", "time"}:
                    found.setdefault(kinds, f"({one}, {other})")
    return found


def _comments(text: ClassText) -> Iterator[str]:
    lines = linecache.getlines(text.file)
    for line in lines[text.node.lineno - 1 : text.node.end_lineno]:
        before, hash_, comment = line.partition("#")
        if hash_ and before.count('"') % 2 == before.count("'") % 2 == 0:
            yield comment


def _docstrings(text: ClassText) -> Iterator[str]:
    nodes: list[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef] = [text.node, *text.methods]
    yield from (ast.get_docstring(node) or "" for node in nodes)
