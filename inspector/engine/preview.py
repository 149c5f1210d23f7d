"""The first rows of a large model, before all of them are known: the root, its children, and what is below these.

The numbers of every row shown are whole. Runs of equal blocks are found by what the count saw of them and by walking
a few of them; ties and aliases are marked in the whole outline only, and the signature of a row that is cut is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from inspector.engine.examination import Examiner, tables_of
from inspector.engine.forms import Forms
from inspector.engine.lines import lines_of, repeat_line
from inspector.engine.outlining import Fold, run_line
from inspector.engine.runs import Sibling, run_lengths
from inspector.engine.table import Line, Table
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
        parameters, buffers, children = tables_of(stack.pop())
        count += 1 + len(parameters) + len(buffers)
        for child in tuple(children.values()):
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
    kind: Kind = Kind.MODULE
    open: bool = False
    """Whether all rows below it are shown."""
    children: Sequence[Shown] = ()
    last: str = ""
    """Name of the last module of a run."""

    def units(self) -> Iterator[Unit]:
        """Everything that was counted for it."""
        yield self.unit
        for child in self.children:
            if child.children:
                yield from child.units()
            else:
                yield child.unit

    def repeats(self) -> bool:
        """Whether something in it is not in its numbers, because it was counted before."""
        return self.unit.repeats or any(child.repeats() for child in self.children)

    def sketch(self) -> object:
        """What must be equal in equal blocks."""
        return (self.unit.sketch, tuple((child.name, child.sketch()) for child in self.children))


class Choice:
    """Chooses the rows of a preview and counts them, in the order in which `named_modules()` meets the modules."""

    def __init__(self, model: nn.Module, forms: Forms) -> None:
        self._forms = forms
        self.counting = Counting(forms)
        self._wrappers = Wrappers()
        self._ancestors: list[nn.Module] = []
        self.root = self._open(model, "", level=0)
        self.whole = counted(self.root.units())

    def _open(self, module: nn.Module, name: str, level: int) -> Shown:
        shown = Shown([module], name, self.counting.count(module, below=False), open=True)
        self._ancestors.append(module)
        wraps = self._wrappers.is_one(type(module)) and not isinstance(module, torch.jit.ScriptModule)
        deeper = level if wraps else level + 1
        children = [(str(key), child) for key, child in tables_of(module)[2].items() if child is not None]
        opens = deeper <= 1 and len(children) <= WIDE
        shown.children = [self._child(child, key, deeper, opens=opens) for key, child in children]
        self._ancestors.pop()
        return shown

    def _child(self, module: nn.Module, name: str, level: int, *, opens: bool) -> Shown:
        if identity(module) in self.counting.seen:
            above = any(module is ancestor for ancestor in self._ancestors)
            kind = Kind.CYCLE if above else Kind.SHARED
            return Shown([module], name, self.counting.count(module), kind)
        if opens:
            return self._open(module, name, level)
        return Shown([module], name, self.counting.count(module))

    def numbers(self, shown: Shown) -> Unit:
        """The whole numbers of a row, what it shares with others included."""
        if shown is self.root:
            return self.whole
        unit = counted(shown.units())
        if unit.repeats or shown.kind in (Kind.SHARED, Kind.CYCLE):
            counting = Counting(self._forms)
            return counted(counting.count(module) for module in shown.modules)
        return unit


class Folding:
    """Folds runs of equal blocks, as far as the count and a few probes tell that they are equal."""

    def __init__(self, forms: Forms, probe: Callable[[nn.Module], int]) -> None:
        self._forms = forms
        self._probe = probe
        """Gives the signature of a block."""

    def fold(self, children: Sequence[Shown]) -> list[Shown]:
        """The children of a module, runs of them as one row each."""
        alone = any(child.repeats() for child in children)
        siblings: list[Sibling] = [
            (child.name, self._sketch(child, alone=alone), child.kind is Kind.MODULE) for child in children
        ]
        folded: list[Shown] = []
        done = 0
        for start, count in run_lengths(siblings):
            blocks = children[start : start + count]
            if self._alike(blocks):
                folded += children[done:start]
                folded.append(_run(blocks))
                done = start + count
        return [*folded, *children[done:]]

    def _sketch(self, child: Shown, *, alone: bool) -> object:
        """What the count saw of a block; counted alone where some block repeats what another has."""
        if alone:
            return Counting(self._forms).count(child.modules[0]).sketch
        return child.sketch() if child.children else child.unit.sketch

    def _alike(self, blocks: Sequence[Shown]) -> bool:
        """Whether the first, second, middle and last of these blocks are equal in all that makes a run."""
        if sum(unit.modules for unit in blocks[0].units()) > PROBED:
            return True
        probes = {0, 1, len(blocks) // 2, len(blocks) - 1}
        return len({self._probe(blocks[probe].modules[0]) for probe in probes}) == 1


def _run(blocks: Sequence[Shown]) -> Shown:
    unit = counted(unit for block in blocks for unit in block.units())
    modules = [block.modules[0] for block in blocks]
    return Shown(modules, blocks[0].name, unit, Kind.RUN, last=blocks[-1].name)


class Emission:
    """Gives the chosen rows their places in a table."""

    def __init__(self, choice: Choice, folding: Folding, examiner: Examiner) -> None:
        self.table = Table()
        self.firsts: dict[int, int] = {}
        self._rows: dict[int, int] = {}
        """Row of each module that is shown, by identity."""
        self._nodes: list[int] = []
        self._choice = choice
        self._folding = folding
        self._examiner = examiner
        self._emit(choice.root, 0)
        self.table.decide(self._nodes)

    def _emit(self, shown: Shown, parent: int) -> None:
        table, unit = self.table, self._choice.numbers(shown)
        before = len(self._examiner.tensors)
        own, kids = self._examiner.examine(shown.modules[0])
        children = self._folding.fold(shown.children)
        if shown is not self._choice.root and len(children) > WIDE:
            shown.open = False
        lines = lines_of(own, self._examiner.classes)
        module: nn.Module | None = shown.modules[0]
        if shown.kind is Kind.RUN:
            described = Fold(shown.name, shown.last, len(shown.modules), shown.modules[0], own.text)
            lines, module = [run_line(described, own, 0)], None
            lines[0].flags |= Flag.CUT
        elif shown.kind is not Kind.MODULE:
            lines = [repeat_line(own, shown.kind)]
        elif kids and not shown.open:
            lines = lines[:1]
            lines[0].flags |= Flag.CUT
        _number(lines[0], unit)
        row = table.append(table.chunk(lines), parent, module, self._examiner.tensors[before:])
        if shown.kind is not Kind.RUN:
            table.names[row] = table.index_of_name(shown.name)
            self._remember(shown, row)
        self._nodes.append(row)
        if shown.open:
            for child in children:
                self._emit(child, row)
        table.sizes[row] = len(table) - row

    def _remember(self, shown: Shown, row: int) -> None:
        first = self._rows.setdefault(id(shown.modules[0]), row)
        if first != row:
            self.firsts[row] = first


def _number(line: Line, unit: Unit) -> None:
    line.elements, line.trainable, line.buffers, line.held = unit.size
    line.bits = unit.bits
