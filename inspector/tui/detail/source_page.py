"""The source of a module's class, coloured, forward first when it is what the class adds."""

from __future__ import annotations

from inspector.format import literal
from inspector.schema import Code, ModuleDetail
from inspector.tui.detail.page import Page


def write(page: Page, detail: ModuleDetail | None, *, alive: bool) -> None:
    """forward, then the whole class; each line with its number in the file."""
    if detail is None:
        page.line(("reading…" if alive else "the engine has ended; R loads again", page.palette.dim))
        return
    if detail.note:
        page.prose(detail.note, page.palette.dim)
    if detail.forward_code is not None:
        _write_code(page, "forward", detail.forward_code)
    if detail.class_code is not None:
        _write_code(page, f"class {detail.qualified_type.rpartition('.')[2]}", detail.class_code)
    if detail.forward_code is None and detail.class_code is None and not detail.note:
        page.line(("no source", page.palette.dim))


def _write_code(page: Page, title: str, code: Code) -> None:
    page.heading(f"{literal(title)}  {literal(code.file.rpartition('/')[2])}:{code.line}")
    number = code.line
    line = [(f"{number:>5} ", page.palette.dim)]
    for kind, text in code.tokens:
        style = page.palette.code.get(kind, page.palette.base)
        first, *rest = literal(text, lines=True).expandtabs(4).split("\n")
        line.append((first, style))
        for part in rest:
            page.line(*line)
            number += 1
            line = [(f"{number:>5} ", page.palette.dim), (part, style)]
    if any(text for text, _ in line[1:]):
        page.line(*line)
    if code.truncated:
        page.line((f"      and {code.truncated:,} more lines in the file", page.palette.dim))
