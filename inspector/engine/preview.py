"""The first rows of a large model, before all of them are known: the root, its children, and what is below these.

The numbers of every row shown are whole. Runs of equal blocks are found by what the count saw of them and by walking
a few of them; ties and aliases are marked in the whole outline only, and the signature of a row that is cut is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from inspector.engine.classes import written_class
from inspector.engine.examination import Examiner, Own, tables_of
from inspector.engine.forms import Forms
from inspector.engine.lines import lines_of, repeat_line
from inspector.engine.outlining import Fold, run_line
from inspector.engine.runs import Sibling, run_lengths
from inspector.engine.table import Chunk, Table
from inspector.engine.units import Counting, Unit, counted
from inspector.engine.walk import identity
from inspector.engine.wrappers import Wrappers
from inspector.schema import Flag, Kind

LARGE = 10_000
"""Modules and tensors from which a preview is worth its time."""
WIDE = 1_000
"""A module below the root with more children than this shows them only when they fold to fewer."""
PROBED = 2_000
"""A block of more modules than this is not walked to find out whether it is like its neighbours."""


def is_large(model: nn.Module) -> bool:
    """Whether a model has so many modules and tensors that reading all of them is felt; stops counting there."""
    seen: set[int] = {id(model)}
    stack = [model]
    count = 0
    while stack and count < LARGE:
        attributes = vars(stack.pop())
        parameters, buffers = attributes.get("_parameters") or (), attributes.get("_buffers") or ()
        count += 1 + len(parameters) + len(buffers)
        children = attributes.get("_modules")
        for child in tuple(children.values()) if children else ():
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                stack.append(child)
    return count >= LARGE


@dataclass(slots=True, eq=False)
class Shown:
    """A module of the preview, or a run of several."""

    modules: list[nn.Module]
    name: str
    unit: Unit
    """What it adds to what was counted before it; of an open module, what its own tensors add."""
    total: Unit
    """The same, with what the children add."""
    kind: Kind = Kind.MODULE
    open: bool = False
    """Whether all rows below it are shown."""
    children: Sequence[Shown] = ()
    last: str = ""
    """Name of the last module of a run."""

    def sketch(self) -> object:
        """What must be equal in equal blocks."""
        if not self.children:
            return self.unit.sketch
        return (self.unit.sketch, tuple((child.name, child.sketch()) for child in self.children))


class Choice:
    """Chooses the rows of a preview and counts them, in the order in which `named_modules()` meets the modules."""

    def __init__(self, model: nn.Module, forms: Forms) -> None:
        self._forms = forms
        self.counting = Counting(forms)
        self._wrappers = Wrappers()
        self._ancestors: list[nn.Module] = []
        self.root = self._open(model, "", level=0)
        self.whole = self.root.total

    def _open(self, module: nn.Module, name: str, level: int) -> Shown:
        unit = self.counting.count(module, below=False)
        shown = Shown([module], name, unit, unit, open=True)
        self._ancestors.append(module)
        wraps = self._wrappers.is_one(type(module)) and not isinstance(module, torch.jit.ScriptModule)
        deeper = level if wraps else level + 1
        children = [(str(key), child) for key, child in tables_of(module)[2].items() if child is not None]
        opens = deeper <= 1 and len(children) <= WIDE
        shown.children = [self._child(child, key, deeper, opens=opens) for key, child in children]
        shown.total = counted((shown.unit, *(child.total for child in shown.children)))
        self._ancestors.pop()
        return shown

    def _child(self, module: nn.Module, name: str, level: int, *, opens: bool) -> Shown:
        if identity(module, self.counting.seen) in self.counting.seen:
            above = any(module is ancestor for ancestor in self._ancestors)
            kind = Kind.CYCLE if above else Kind.SHARED
            unit = self.counting.count(module)
            return Shown([module], name, unit, unit, kind)
        if opens:
            return self._open(module, name, level)
        unit = self.counting.count(module)
        return Shown([module], name, unit, unit)

    def numbers(self, shown: Shown) -> Unit:
        """The whole numbers of a row, what it shares with others included."""
        if shown is self.root:
            return self.whole
        if shown.total.repeats or shown.kind in (Kind.SHARED, Kind.CYCLE):
            counting = Counting(self._forms)
            return counted(counting.count(module) for module in shown.modules)
        return shown.total


class Folding:
    """Folds runs of equal blocks, as far as the count and a few probes tell that they are equal."""

    def __init__(self, forms: Forms, probe: Callable[[nn.Module], int]) -> None:
        self._forms = forms
        self._probe = probe
        """Gives the signature of a block."""

    def fold(self, children: Sequence[Shown]) -> list[Shown]:
        """The children of a module, runs of them as one row each."""
        folded: list[Shown] = []
        done = 0
        for start, count in self._runs(children):
            blocks = children[start : start + count]
            if self._equal(blocks):
                folded += children[done:start]
                folded.append(_run(blocks))
                done = start + count
        return [*folded, *children[done:]]

    def _runs(self, children: Sequence[Shown]) -> Iterator[tuple[int, int]]:
        """(first, number) of children that look equal; where some repeat what others have, each is counted alone."""
        if not any(child.total.repeats for child in children):
            yield from run_lengths([(child.name, child.sketch(), child.kind is Kind.MODULE) for child in children])
            return
        roughly: list[Sibling] = [
            (child.name, written_class(type(child.modules[0])), child.kind is Kind.MODULE) for child in children
        ]
        for begin, length in run_lengths(roughly):
            blocks = children[begin : begin + length]
            alone = [(block.name, Counting(self._forms).count(block.modules[0]).sketch, True) for block in blocks]
            yield from ((begin + start, count) for start, count in run_lengths(alone))

    def _equal(self, blocks: Sequence[Shown]) -> bool:
        """Whether the first, second, middle and last of these blocks are equal in all that makes a run."""
        if blocks[0].total.modules > PROBED:
            return True
        probes = {0, 1, len(blocks) // 2, len(blocks) - 1}
        return len({self._probe(blocks[probe].modules[0]) for probe in probes}) == 1


def _run(blocks: Sequence[Shown]) -> Shown:
    unit = counted(block.total for block in blocks)
    modules = [block.modules[0] for block in blocks]
    return Shown(modules, blocks[0].name, unit, unit, Kind.RUN, last=blocks[-1].name)


class Emission:
    """Gives the chosen rows their places in a table."""

    def __init__(self, choice: Choice, folding: Folding, examiner: Examiner) -> None:
        self.table = Table()
        self.firsts: dict[int, int] = {}
        self._rows: dict[int, int] = {}
        """Row of each module that is shown, by identity."""
        self._nodes: list[int] = []
        self._cut: dict[Own, Chunk] = {}
        """Rows of modules that are cut."""
        self._choice = choice
        self._folding = folding
        self._examiner = examiner
        self._emit(choice.root, 0)
        self.table.decide(self._nodes)

    def _emit(self, shown: Shown, parent: int, *, elided: bool = False) -> None:
        table, tensors = self.table, self._examiner.tensors
        before = len(tensors)
        own, kids = self._examiner.examine(shown.modules[0])
        children = self._folding.fold(shown.children)
        if shown is not self._choice.root and len(children) > WIDE:
            shown.open = False
        chunk = self._chunk(shown, own, cut=bool(kids) and not shown.open)
        row = table.append(chunk, parent, None if shown.kind is Kind.RUN else shown.modules[0], tensors[before:])
        if shown.kind is not Kind.RUN:
            table.names[row] = table.index_of_name(shown.name)
            self._remember(shown, row)
        if elided:
            table.flags[row] |= Flag.ELIDED
        self._number(row, self._choice.numbers(shown))
        if shown.open:
            for child in children:
                self._emit(child, row, elided=bool(own.special.parametrized) and child.name == "parametrizations")
        table.sizes[row] = len(table) - row

    def _chunk(self, shown: Shown, own: Own, *, cut: bool) -> Chunk:
        """The rows of a module in itself; of one that is cut, as of a run, only the first."""
        if shown.kind is Kind.RUN:
            fold = Fold(shown.name, shown.last, len(shown.modules), shown.modules[0], own.text)
            line = run_line(fold, own, 0)
        elif shown.kind is not Kind.MODULE:
            return self.table.chunk([repeat_line(own, shown.kind)])
        elif not cut:
            return self.table.chunk(lines_of(own, self._examiner.classes))
        elif own in self._cut:
            return self._cut[own]
        else:
            line = lines_of(own, self._examiner.classes)[0]
        line.flags |= Flag.CUT
        chunk = self.table.chunk([line])
        if line.kind is Kind.MODULE:
            self._cut[own] = chunk
        return chunk

    def _number(self, row: int, unit: Unit) -> None:
        table = self.table
        table.elements[row], table.trainable[row], table.buffers[row], table.held[row] = unit.size
        table.bits[row] = unit.bits
        self._nodes.append(row)

    def _remember(self, shown: Shown, row: int) -> None:
        first = self._rows.setdefault(id(shown.modules[0]), row)
        if first != row:
            self.firsts[row] = first
