"""The records of rows, made when somebody asks for them: a model may have a quarter of a million, a screen fifty."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from torch import Tensor

from inspector.engine.derived import UNKNOWN_SHAPE, Made
from inspector.engine.examination import Own
from inspector.engine.facts import constructor_facts
from inspector.engine.forms import Form
from inspector.engine.outlining import Fold
from inspector.engine.sharing import Sharing
from inspector.engine.unregistered import Ghost
from inspector.schema import Flag, GhostRow, Kind, ModuleRow, Row, RunRow, TensorRow

LISTED = 50
"""Places of one thing that are listed; an activation may be shared by thousands of blocks."""


@dataclass(slots=True)
class Describer:
    """Makes the record of any row from what the walk kept beside it."""

    kinds: bytes
    flags: memoryview
    parents: memoryview
    told: list[Any]
    things: list[Any]
    name_indices: memoryview
    names: tuple[str, ...]
    sharing: Sharing
    storage_bytes: Mapping[int, int]
    """Memory of a tensor's storage, by row, where it is not elements × item size."""

    def rows(self, first: int, count: int) -> Iterator[Row]:
        """Records of consecutive rows."""
        makers: dict[int, Callable[[int], Row]] = {
            Kind.MODULE: self._module,
            Kind.SHARED: self._module,
            Kind.CYCLE: self._module,
            Kind.PARAMETER: self._tensor,
            Kind.BUFFER: self._tensor,
            Kind.MADE: self._made,
            Kind.GHOST: self._ghost,
            Kind.RUN: self._run,
        }
        for row in range(first, min(first + count, len(self.told))):
            yield makers[self.kinds[row]](row)

    def path(self, row: int) -> str:
        """The dotted path of a row, as `named_modules()` and `named_parameters()` spell it."""
        parts: list[str] = []
        while row:
            kind, name = self.kinds[row], self.names[self.name_indices[row]]
            if parts and kind in (Kind.RUN, Kind.MADE):
                row = self.parents[row]
                continue
            bracketed = kind == Kind.GHOST and name.startswith(("[", "."))
            parts.append(name if bracketed else f".{name}")
            row = self.parents[row]
            if kind == Kind.MADE and self.flags[row] & Flag.ELIDED:
                row = self.parents[row]
        return "".join(reversed(parts)).removeprefix(".")

    def _elsewhere(self, row: int, everywhere: tuple[int, ...]) -> tuple[str, ...]:
        return tuple(self.path(other) for other in islice(everywhere, LISTED) if other != row)

    def _module(self, row: int) -> ModuleRow:
        own: Own = self.told[row]
        return ModuleRow(
            facts=constructor_facts(self.things[row], own.text),
            extra_repr=own.text,
            own_parameters=self._own_parameters(self.sharing.firsts.get(row, row), own),
            same_as=self.sharing.firsts.get(row),
            also_at=self._elsewhere(row, self.sharing.modules.get(row, ())),
            hooks=own.special.hooks,
            wraps=own.special.wraps,
            note=_noted(own.special.note, len(self.sharing.modules.get(row, ()))),
        )

    def _own_parameters(self, row: int, own: Own) -> int:
        """Elements of the module's own parameters; one that is registered on it twice counts once."""
        elements = own.body.elements
        if self.sharing.tied:
            for below in range(row + 1, row + own.chunk.count):
                if self.kinds[below] == Kind.PARAMETER and self.sharing.tied.get(below, -1) > row:
                    elements -= self.told[below].elements
        return elements

    def _tensor(self, row: int) -> TensorRow:
        form: Form = self.told[row]
        alias = self.sharing.aliases.get(row)
        return TensorRow(
            shape=form.shape,
            dtype=form.dtype,
            device=form.device,
            requires_grad=form.requires_grad,
            elements=form.elements,
            bytes=form.bytes,
            storage_bytes=self.storage_bytes.get(row),
            tied_to=self.sharing.tied.get(row),
            also_at=self._elsewhere(row, self.sharing.objects.get(row, ())),
            shares=self.path(alias) if alias is not None else "",
            persistent=not self.flags[row] & Flag.TRANSIENT,
            lazy=form.lazy,
            layout=form.layout,
            note=_noted(form.note or _packing(self.things[row]), len(self.sharing.objects.get(row, ()))),
        )

    def _made(self, row: int) -> TensorRow:
        made: Made = self.told[row]
        form, like = made.model, made.model or made.likeness
        return TensorRow(
            shape=form.shape if form is not None else None,
            dtype=like.dtype if like is not None else "",
            device=like.device if like is not None else "",
            requires_grad=like.requires_grad if like is not None else False,
            elements=form.elements if form is not None else 0,
            bytes=form.bytes if form is not None else 0,
            lazy=form.lazy if form is not None else False,
            note=made.how if form is not None else f"{made.how}; {UNKNOWN_SHAPE}",
        )

    def _ghost(self, row: int) -> GhostRow:
        ghost: Ghost = self.told[row]
        form = ghost.form
        return GhostRow(
            type=ghost.type,
            container=ghost.container,
            holds=ghost.holds,
            elements=ghost.elements,
            bytes=ghost.bytes,
            shape=form.shape if form is not None else None,
            dtype=form.dtype if form is not None else "",
            device=form.device if form is not None else "",
            note=ghost.note,
        )

    def _run(self, row: int) -> RunRow:
        fold: Fold = self.told[row]
        return RunRow(fold.first, fold.last, fold.count, constructor_facts(fold.module, fold.text))


def _noted(note: str, places: int) -> str:
    """A note, and that not all places are listed when they are not."""
    if places <= LISTED:
        return note
    return "; ".join(filter(None, (note, f"stands at {places:,} places, of which the first {LISTED} are listed")))


def _packing(tensor: Tensor) -> str:
    """What a Parameter stands for, when others have packed, flattened or partitioned it."""
    attributes = getattr(tensor, "__dict__", {})
    if attributes.get("_is_flat_param"):
        return f"FSDP FlatParameter of {len(attributes.get('_fqns') or ())} parameters"
    if "ds_numel" in attributes:
        return f"partitioned by DeepSpeed: {attributes['ds_numel']:,} elements in all"
    shape = getattr(attributes.get("quant_state"), "shape", None)
    if shape is not None:
        return f"packed: stands for {'×'.join(str(size) for size in shape)}"
    return ""
