"""The plain tree: what a pipe, a dumb terminal and `--tree` get."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.style import Style

from inspector.checkpoint_schema import CheckpointComparison
from inspector.format import end_cut, literal, padded, plural, shape, size, to_ascii, whole
from inspector.gradient_rows import GradientRows
from inspector.labels import Mark, marks, registration
from inspector.mode_rows import ModeRows
from inspector.problems import badges
from inspector.query import search
from inspector.reports import checkpoint_text, columns, gradient_text, mode_text, problem_text, run_text
from inspector.reports.columns import Column, Paint
from inspector.reports.titled import TITLE_CELLS, titled
from inspector.run_rows import RunRows
from inspector.run_schema import Finding, InputSet
from inspector.schema import Flag, GhostRow, Kind, ModuleRow, RunRow, Target, TensorRow
from inspector.table import ModelTable

_NAME_CELLS = 60
"""A longer name takes the line to itself."""

_TYPE_CELLS = 56
"""A longer type is cut where numbers of a run stand beside it."""

_LEAST_TYPE_CELLS = 16
"""What a narrow terminal leaves of the types of a model that has run."""


def paint_nothing(text: str, _: str) -> str:
    """For pipes and files: no escape codes."""
    return text


def paint(text: str, style: str) -> str:
    """For terminals, in their own colours."""
    return Style.parse(style).render(text, color_system=ColorSystem.STANDARD) if style and text else text


def write(
    table: ModelTable,
    target: Target,
    *,
    rows: RunRows | None = None,
    inputs: InputSet | None = None,
    modes: ModeRows | None = None,
    checkpoint: CheckpointComparison | None = None,
    gradients: GradientRows | None = None,
    findings: Sequence[Finding] = (),
    depth: int | None = None,
    keep: str = "",
    ascii_only: bool = False,
    painted: Paint = paint_nothing,
    width: int | None = None,
) -> str:
    """The structure as text: one row a line, a run of blocks once, numbers right-aligned.

    With the `rows` of a run every line says what came out of it and what it cost, with `modes` how far that differs
    between train and eval; the `gradients` of a backward pass, how a `checkpoint` fits and the `findings` stand at the
    end, and these are a letter before their rows as well. Rows deeper than `depth` are left out, and with `keep` all
    that does not answer that query,
    ancestors apart. Where a terminal's `width` is given, columns that find no room are left out. Raises QueryError when
    the query cannot be understood.
    """
    run = rows.record if rows is not None else None
    lines = [_title(table, target), *titled(run_text.above(inputs, run), width), ""]
    shown = list(_with_branches(table, depth, keep))
    letters = badges(table, findings)
    found = _columns(table, [row for row, _ in shown], rows, modes)
    lines += _table(table, shown, found, letters, painted, width)
    if keep and len(shown) == 1 and not search(table, keep):
        lines.append(f"(nothing answers {literal(keep)})")
    lines += ["", *titled(_totals(table), width), *titled(run_text.below(run) if run is not None else (), width)]
    sections = (
        mode_text.section(modes) if modes is not None else (),
        gradient_text.section(gradients) if gradients is not None else (),
        checkpoint_text.section(checkpoint),
        problem_text.section(findings),
    )
    for section in sections:
        if said := list(titled(section, width)):
            lines += ["", *(_loud(line, painted) for line in said)]
    text = "\n".join(lines) + "\n"
    return to_ascii_lines(text) if ascii_only else text


def _columns(table: ModelTable, shown: list[int], rows: RunRows | None, modes: ModeRows | None) -> list[Column] | None:
    """What stands beside the types of what has run; None of what has not."""
    if rows is None:
        return None
    if modes is None or not modes.comparison.differences:
        return columns.of_run(rows, shown)
    return columns.of_modes(rows, modes, shown)


def _table(
    table: ModelTable,
    shown: list[tuple[int, str]],
    found: list[Column] | None,
    letters: Mapping[int, str],
    painted: Paint,
    width: int | None,
) -> Iterator[str]:
    """The title line, then a line for each row; what is out of the ordinary stands beside the type, of a run last."""
    names = [prefix + literal(table.name(row)) for row, prefix in shown]
    kinds, marked = zip(*(facts_of(table, row) for row, _ in shown), strict=True)
    name_cells = min(max(len("module"), *map(cell_len, names)), _NAME_CELLS)
    beside = marked if found is None else ("",) * len(shown)
    if found is None:
        found = columns.of_structure(table, shown)
        type_cells = max(len("type"), *(cell_len(kind + mark) for kind, mark in zip(kinds, marked, strict=True)))
    else:
        type_cells = min(max(len("type"), *map(cell_len, kinds)), _TYPE_CELLS)
        room = None if width is None else width - name_cells - 2 - 2 * bool(letters)
        found, type_cells = _fitted(found, type_cells, room)
        kinds, found = tuple(end_cut(kind, type_cells) for kind in kinds), [*found, columns.of_marks(_stripped(marked))]
    before = "  " if letters else ""
    yield f"{before}{padded('module', name_cells)}  {padded('type', type_cells)}  {columns.titles(found)}".rstrip()
    for place, (name, kind, mark) in enumerate(zip(names, kinds, beside, strict=True)):
        row, blank = shown[place][0], " " * (type_cells - cell_len(kind + mark))
        letter = letters.get(row, " ")
        first = f"{painted(letter, _LETTERS[letter.lower()])} " if row in letters else before
        text = f"{first}{padded(name, name_cells)}  {painted(kind, _style(table, row))}{painted(mark, 'dim')}{blank}"
        yield f"{text}  {columns.line(found, place, painted)}".rstrip()


_LETTERS = {"e": "bold red", "w": "bold yellow", "n": "cyan"}
"""Of the letters before the rows, and of the titles that say the same in a word."""


def _loud(line: str, painted: Paint) -> str:
    """A line of the sections at the end, its title painted if it says how bad something is."""
    title, text = line[:TITLE_CELLS], line[TITLE_CELLS:]
    style = {"error": "e", "warning": "w", "note": "n", "SOURCE": "w"}.get(title.strip())
    return f"{painted(title, _LETTERS[style])}{text}" if style else line


def _fitted(found: list[Column], type_cells: int, room: int | None) -> tuple[list[Column], int]:
    """Columns and cells of the types that find room in a terminal.

    First goes what is good to know, then the ends of long types, and only then what was asked for.
    """
    if room is None:
        return found, type_cells
    found = columns.fitting(found, room - type_cells, rank=2)
    found = columns.fitting(found, room - min(type_cells, _LEAST_TYPE_CELLS))
    return found, min(type_cells, max(room - columns.taken(found), _LEAST_TYPE_CELLS))


def _stripped(marked: Iterable[str]) -> list[str]:
    return [marks.strip() for marks in marked]


def to_ascii_lines(text: str) -> str:
    """Text in ASCII, its newlines kept."""
    return "\n".join(map(to_ascii, text.split("\n")))


def _title(table: ModelTable, target: Target) -> str:
    mode = f"{table.mode(0)} (mixed)" if table.has(0, Flag.MIXED_MODE) else table.mode(0)
    chosen = f"  ({literal(target.chosen)})" if target.chosen else ""
    return f"{literal(target.file)}:{literal(target.call)}  {mode}  {target.device}{chosen}"


def _with_branches(table: ModelTable, depth: int | None, keep: str) -> Iterator[tuple[int, str]]:
    """Rows with their branch lines, top to bottom."""
    rows = list(shown_rows(table, depth, keep))
    stems: list[str] = []
    # From the end, because a branch goes on downwards only if a row of its level follows.
    open_levels: set[int] = set()
    for _, level in reversed(rows):
        open_levels = {at for at in open_levels if at <= level}
        stem = "".join("│ " if at in open_levels else "  " for at in range(1, level))
        stems.append(stem + ("├ " if level in open_levels else "└ ") if level else "")
        open_levels.add(level)
    yield from ((row, stem) for (row, _), stem in zip(rows, reversed(stems), strict=True))


def shown_rows(table: ModelTable, depth: int | None, keep: str) -> Iterator[tuple[int, int]]:
    """The rows of a plain report with their levels below the root, top to bottom; of a run the first block only."""
    kept = table.with_ancestors(search(table, keep)) if keep else None
    waiting = [(0, 0)]
    while waiting:
        row, level = waiting.pop()
        yield row, level
        if depth is None or level < depth:
            inner = _said_below(table, row) if kept is None else [c for c in table.children(row) if c in kept]
            waiting.extend((child, level + 1) for child in reversed(inner))


def _said_below(table: ModelTable, row: int) -> list[int]:
    """All children but the plain tensors of modules that hold nothing else: their numbers are the module's own."""
    children = list(table.children(row))
    if table.kinds[row] == Kind.RUN:
        return children[:1]
    plain = (Kind.PARAMETER, Kind.BUFFER)
    if table.kinds[row] == Kind.MADE or any(table.kinds[child] not in plain for child in children):
        return children
    return [child for child in children if table.flags[child] & (Flag.TIED | Flag.ALIASED)]


def facts_of(table: ModelTable, row: int) -> tuple[str, str]:
    """Type with its facts, and everything out of the ordinary."""
    marked = "".join(f"  {mark.text}" for mark in marks(table, row))
    match table.row(row):
        case RunRow() as record:
            text = f"{record.count:,} × {literal(table.type(row).name)} {literal(record.facts)}"
        case ModuleRow() as record:
            text = f"{literal(table.type(row).name)} {literal(record.facts)}"
        case TensorRow() as record:
            text = f"{shape(record.shape)} {record.dtype}"
        case GhostRow() as record:
            sizes = f" {shape(record.shape)} {record.dtype}" if record.shape is not None else ""
            text, marked = f"{literal(record.type)}{sizes}", f"  {_shout(registration(record))}{marked}"
        case None:
            text = ""
    return text.rstrip(), marked


def _shout(mark: Mark) -> str:
    """Without colours what is loud is said in capitals."""
    return mark.text if mark.quiet else mark.text.upper()


def _style(table: ModelTable, row: int) -> str:
    if table.kinds[row] == Kind.GHOST:
        return "bold yellow"
    if not (table.is_module(row) or table.kinds[row] == Kind.RUN):
        return "dim"
    return _STYLES.get(table.type(row).group, "")


_STYLES = {
    "user": "bold", "container": "dim", "convolution": "blue", "linear": "cyan", "normalization": "green",
    "activation": "yellow", "pooling": "bright_blue", "dropout": "magenta", "recurrent": "bright_blue",
    "attention": "bright_magenta", "embedding": "bright_magenta", "loss": "red",
}  # fmt: skip


def _totals(table: ModelTable) -> Iterator[tuple[str, str]]:
    totals = table.totals
    frozen = totals.parameters - totals.trainable
    yield "parameters", f"{whole(totals.parameters)}  ({whole(totals.trainable)} trainable, {whole(frozen)} frozen)"
    if totals.lazy:
        yield "", f"+ {plural(totals.lazy, 'lazy tensor')}, of unknown size until the first run"
    if totals.buffers:
        yield "buffers", plural(totals.buffers, "element")
    part = "" if table.device(0) == "meta" else "in part "
    where = "" if totals.allocated else f"  ({part}not allocated: on the meta device)"
    yield "memory", f"{whole(totals.bytes)} bytes  ({size(totals.bytes)}){where}"
    yield "modules", whole(totals.modules)
