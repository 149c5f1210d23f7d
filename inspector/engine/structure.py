"""The structure of a model: every module, parameter, buffer and unregistered thing at its place, without running it.

`read` walks the whole model. Nothing in it is computed, no attribute is added, no property of the user is called but
`extra_repr`, and no value of a tensor is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor, nn

from inspector.engine.classes import Classes
from inspector.engine.derived import Made
from inspector.engine.examination import Examiner
from inspector.engine.forms import META, Forms
from inspector.engine.global_state import uncollected
from inspector.engine.outlining import Rows, lay_out
from inspector.engine.preview import Choice, Emission, Folding, is_large
from inspector.engine.rows import Describer
from inspector.engine.sharing import Sharing, account, close_loops, spread_bits
from inspector.engine.table import Table, packed
from inspector.engine.unregistered import Ghosts, registered_identities
from inspector.engine.walk import Places, walk
from inspector.schema import Flag, Kind, Outline, Row, Totals, TypeRecord

OPENING = 200
"""Rows below the root that a first screen may want."""


class Structure:
    """A model's rows: the outline of all of them, and the record, module, tensor and path of any one."""

    def __init__(self, outline: Outline, describer: Describer) -> None:
        self.outline = outline
        self._describer = describer
        self._sizes = memoryview(outline.size).cast("I")
        self._rows: dict[int, int] | None = None
        """First rows by the identities of their modules; made when it is asked for."""

    @property
    def describer(self) -> Describer:
        """The columns and live objects behind the rows, for those who look at all of them."""
        return self._describer

    def rows(self, first: int, count: int) -> list[Row]:
        """Records of consecutive rows; fewer than `count` at the end."""
        return list(self._describer.rows(first, count))

    def module(self, row: int) -> nn.Module | None:
        """The live module of a row, or None when the row is no module."""
        thing = self._describer.things[row]
        return thing if isinstance(thing, nn.Module) else None

    def row_of(self, module: nn.Module) -> int | None:
        """The first row of a module of this model, also of an unregistered one; None of any other module."""
        if self._rows is None:
            self._rows = {}
            for row, thing in enumerate(self._describer.things):
                if isinstance(thing, nn.Module):
                    self._rows.setdefault(id(thing), row)
        row = self._rows.get(id(module), -1)
        return row if row >= 0 and self._describer.things[row] is module else None

    def tensor(self, row: int) -> Tensor | None:
        """The live tensor of a row, or None when the row is no tensor; one that is made is computed now.

        Whatever its computation raises is the user's to see.
        """
        told = self._describer.told[row]
        if isinstance(told, Made):
            with torch.no_grad():
                return told.compute()
        thing = self._describer.things[row]
        return thing if isinstance(thing, Tensor) else None

    def path(self, row: int) -> str:
        """The dotted path of a row, as `named_modules()` and `named_parameters()` spell it; empty for the root."""
        return self._describer.path(row)

    def opening_rows(self) -> list[int]:
        """The root and the rows one level below it, also below a wrapper: what a first screen shows."""
        rows: list[int] = []
        waiting = [(0, 0)]
        while waiting and len(rows) <= OPENING:
            row, level = waiting.pop(0)
            transparent = bool(self._describer.flags[row] & (Flag.WRAPPER | Flag.ELIDED))
            if not self._describer.flags[row] & Flag.ELIDED:
                rows.append(row)
            if level == 0 or transparent:
                below = level if transparent else level + 1
                waiting[:0] = [(child, below) for child in self._children(row, OPENING)]
        return rows

    def _children(self, row: int, most: int) -> list[int]:
        children: list[int] = []
        child, end = row + 1, row + self._sizes[row]
        while child < end and len(children) < most:
            children.append(child)
            child += self._sizes[child]
        return children


def read(model: nn.Module) -> Structure:
    """Read the whole structure of a model."""
    with undisturbed():
        examiner = _examiner(model)
        places = walk(model, examiner)
        laid = lay_out(places, examiner)
        storage_bytes = _correct_memory(laid, examiner)
        table = laid.table
        table.names[0] = table.index_of_name(_root_name(table, examiner))
        sharing = account(laid, places, examiner.tensors, examiner.repeated)
        table.sum_up(laid.nodes, laid.above)
        close_loops(laid, sharing)
        spread_bits(laid, sharing)
        table.decide(laid.nodes)
        outline = _outline(table, examiner, _totals(laid, places, sharing))
        describer = _describer(outline, table, sharing, storage_bytes)
        _note_aliases(examiner, laid, describer)
        return Structure(outline, describer)


def preview(model: nn.Module) -> Structure | None:
    """The first rows of a large model, with whole numbers; None when reading all of it takes no time worth saving.

    Rows whose content is left out carry `Flag.CUT`.
    """
    with undisturbed():
        if not is_large(model):
            return None
        examiner, probing = _examiner(model), _examiner(model)
        choice = Choice(model, examiner.forms)
        folding = Folding(examiner.forms, lambda block: walk(block, probing).signatures[0])
        emission = Emission(choice, folding, examiner)
        table, whole = emission.table, choice.whole
        table.names[0] = table.index_of_name(_root_name(table, examiner))
        totals = Totals(
            modules=whole.modules,
            parameters=whole.size[0],
            trainable=whole.size[1],
            buffers=whole.size[2],
            bytes=whole.size[3],
            lazy=whole.lazy,
            allocated=not whole.bits & META,
        )
        outline = _outline(table, examiner, totals)
        return Structure(outline, _describer(outline, table, Sharing(firsts=emission.firsts), {}))


def _examiner(model: nn.Module) -> Examiner:
    forms = Forms()
    identities = cache(lambda: registered_identities(model))
    return Examiner(forms, Classes(), Ghosts(forms, identities))


def _root_name(table: Table, examiner: Examiner) -> str:
    record: TypeRecord = examiner.classes.records[table.types[0]]
    return record.name


@contextmanager
def undisturbed() -> Iterator[None]:
    """Neither the garbage collector nor a torch function mode gets in between.

    Looking for garbage would take longer than a walk, which makes none. And after `torch.set_default_device` every
    attribute of every tensor is read through a Python function.
    """
    with uncollected(), torch._C.DisableTorchFunction():
        yield


def _correct_memory(laid: Rows, examiner: Examiner) -> dict[int, int]:
    """Count whole storages where a tensor is a view of one; returns their sizes by row."""
    table = laid.table
    sizes = {}
    for ordinal, size in examiner.storage_bytes.items():
        row = laid.row_of_tensor(ordinal)
        sizes[row] = size
        module = table.parents[row]
        while table.kinds[module] != Kind.MODULE:
            module = table.parents[module]
        table.held[module] += size - table.held[row]
    return sizes


def _note_aliases(examiner: Examiner, laid: Rows, describer: Describer) -> None:
    """Say of unregistered tensors whose memory they use: `self.table = self.fc.weight.data` goes stale with `.to()`."""
    for ghost in examiner.ghosts.tensors:
        ordinals = [examiner.storages[key] for key, size in ghost.memory.items() if size and key in examiner.storages]
        if ordinals:
            path = describer.path(laid.row_of_tensor(min(ordinals)))
            ghost.note = "; ".join(filter(None, (ghost.note, f"shares memory of {path}")))


def _totals(laid: Rows, places: Places, sharing: Sharing) -> Totals:
    table = laid.table
    lazy = sum(own.body.lazy for place, own in enumerate(places.owns) if place not in places.repeats)
    return Totals(
        modules=len(places.modules) - len(places.repeats),
        parameters=table.elements[0],
        trainable=table.trainable[0],
        buffers=table.buffers[0],
        bytes=table.held[0],
        lazy=lazy - sum(bool(table.flags[row] & Flag.LAZY) for row in sharing.tied),
        allocated=not table.bits[0] & META,
    )


def _outline(table: Table, examiner: Examiner, totals: Totals) -> Outline:
    """The columns of a table as arrays."""
    return Outline(
        count=len(table),
        names=tuple(table.name_indices),
        types=tuple(examiner.classes.records),
        dtypes=tuple(examiner.forms.dtypes),
        devices=tuple(examiner.forms.devices),
        parent=packed("I", table.parents),
        size=packed("I", table.sizes),
        name=packed("I", table.names),
        type=packed("I", table.types),
        kind=packed("B", table.kinds),
        flags=packed("H", table.flags),
        dtype=packed("B", table.dtypes),
        device=packed("B", table.devices),
        elements=packed("Q", table.elements),
        trainable=packed("Q", table.trainable),
        buffers=packed("Q", table.buffers),
        held=packed("Q", table.held),
        signature=packed("q", table.signatures),
        totals=totals,
    )


def _describer(outline: Outline, table: Table, sharing: Sharing, storage_bytes: Mapping[int, int]) -> Describer:
    """What makes records, with the columns that it needs."""
    return Describer(
        kinds=outline.kind,
        flags=memoryview(outline.flags).cast("H"),
        parents=memoryview(outline.parent).cast("I"),
        name_indices=memoryview(outline.name).cast("I"),
        names=outline.names,
        told=table.told,
        things=table.things,
        sharing=sharing,
        storage_bytes=storage_bytes,
    )
