"""Counting a large model, exactly and as fast as it can be walked, for the first rows that a screen shows.

The model is counted in units, one for each row that stands for a whole subtree. What a unit meets that an earlier one
has met already is counted in the first only; such a unit is marked, and is counted again by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from torch import Tensor, nn

from inspector.engine.classes import written_class
from inspector.engine.examination import mode_of, tables_of
from inspector.engine.forms import EVAL, PLAIN, TRAIN, Form, Forms
from inspector.engine.kinds import truth
from inspector.engine.sharing import NOTHING, Size
from inspector.engine.walk import identity, referent

_tables = itemgetter("_parameters", "_buffers", "_modules", "training")


@dataclass(slots=True, eq=False)
class Unit:
    """The numbers of one or several subtrees."""

    size: Size = NOTHING
    bits: int = 0
    modules: int = 0
    lazy: int = 0
    repeats: bool = False
    """Whether something in it was met before, in it or in an earlier unit, and is not in these numbers."""
    sketch: tuple[object, ...] = ()
    """Classes, names of children and forms of tensors, in the order of the walk: unequal for unequal structures."""

    def add(self, other: Unit, times: int = 1) -> None:
        """Take in the numbers of another unit, or of several like it."""
        one, two = self.size, other.size
        self.size = (
            one[0] + times * two[0],
            one[1] + times * two[1],
            one[2] + times * two[2],
            one[3] + times * two[3],
        )
        self.bits |= other.bits
        self.modules += times * other.modules
        self.lazy += times * other.lazy
        self.repeats |= other.repeats


class Counting:
    """Everything that was met so far; a thing counts where it is met first."""

    def __init__(self, forms: Forms) -> None:
        self.forms = forms
        self._known = forms.known
        self.seen: set[object] = set()
        self._parameters: dict[Any, Tensor] = {}
        """First parameter of each storage."""
        self._buffers: dict[Any, Tensor] = {}
        self._more: set[tuple[bool, int]] = set()
        """(is a buffer, identity) of tensors that share a storage, or have none of the ordinary kind."""
        self._surplus = Unit()
        """Numbers of the present unit that its sketch does not tell."""
        self._last = Unit()

    def count(self, module: nn.Module, *, below: bool = True) -> Unit:
        """Count a module, and what is below it unless that is counted apart."""
        seen, met, sketch = self.seen, len(self.seen), list[object]()
        count, modes, training, again = met, 0, 0, False
        stack: list[Any] = [module]
        while stack:
            module = stack.pop()
            if module is None:  # a registration without a module
                continue  # type: ignore[unreachable]
            try:
                seen.add(module)
            except Exception:  # a class with __eq__ and no __hash__, or a proxy of a module
                module = referent(module)
                if module is None:  # gone
                    continue  # type: ignore[unreachable]
                seen.add(identity(module, seen))
            attributes = module.__dict__
            modes += 1
            if len(seen) == count:
                sketch.append(module.__class__)
                again |= _matters(module)
                training += mode_of(module, attributes)
                continue
            count += 1
            parameters, buffers, children, mode = _read(module, attributes)
            training += mode
            parametrized = children and "parametrizations" in children  # then torch made a class for it alone
            sketch.append(written_class(module.__class__) if parametrized else module.__class__)
            if parameters:
                again |= self._tensors(parameters, sketch)
            if buffers:
                again |= self._tensors(buffers, sketch, buffers=True)
            if children and below:
                sketch.append(tuple(children))
                stack.extend(reversed(children.values()))
        bits = (TRAIN if training else 0) | (EVAL if training < modes else 0)
        return self._unit(tuple(sketch), count - met, bits, again)

    def _tensors(self, tensors: Mapping[str, Any], sketch: list[object], *, buffers: bool = False) -> bool:
        """Note the forms of tensors that are met for the first time; whether there were others."""
        known, mine, others = self._known, self._parameters, self._buffers
        if buffers:
            mine, others = others, mine
        again = False
        tensor: Any
        for tensor in tensors.values():
            if tensor.__class__ in PLAIN:
                try:
                    form = known.get((tensor.shape, tensor.dtype, tensor.device, tensor.requires_grad, tensor.layout))
                except RuntimeError:  # a nested tensor
                    form = None
                if form is not None and form.plain:
                    storage = tensor.untyped_storage()
                    identity = storage._cdata
                    if identity not in mine and identity not in others and storage.nbytes() == form.bytes:
                        mine[identity] = tensor
                        sketch.append((form,) if buffers else form)
                        continue
            if tensor is not None:
                again |= self._unusual(tensor, buffers, sketch)
        return again

    def _unusual(self, tensor: Tensor, is_buffer: bool, sketch: list[object]) -> bool:
        """Count a tensor of a new form, of shared memory or of a class of its own; whether it was met before."""
        form, memory = self.forms.describe(tensor)
        mine = self._buffers if is_buffer else self._parameters
        fresh = {key: size for key, size in memory.items() if key not in self._parameters and key not in self._buffers}
        met = (is_buffer, id(tensor)) in self._more or any(mine.get(key) is tensor for key in memory)
        mine.update(dict.fromkeys(fresh, tensor))
        if form.plain and fresh and sum(fresh.values()) == form.bytes:
            sketch.append((form,) if is_buffer else form)
            return False
        self._more.add((is_buffer, id(tensor)))
        held = sum(fresh.values())
        bits = form.buffer_bits if is_buffer else form.parameter_bits
        size = (0, 0, 0, held) if met else _size(form, is_buffer, held)
        self._surplus.add(Unit(size, bits, lazy=int(form.lazy and not met)))
        sketch.append(("unusual", form.signature, is_buffer))
        return met or len(fresh) < len(memory)

    def _unit(self, sketch: tuple[object, ...], modules: int, mode: int, repeats: bool) -> Unit:
        """The numbers that a sketch stands for; those of the unit before, when it is a block like the one before."""
        surplus, last = self._surplus, self._last
        plain = not repeats and not surplus.bits
        if plain and mode == last.bits & (TRAIN | EVAL) and modules == last.modules and sketch == last.sketch:
            return last
        unit = Unit(NOTHING, mode, modules, 0, repeats, sketch)
        for item, times in Counter(sketch).items():
            is_buffer = type(item) is tuple and type(item[0]) is Form
            form: Any = item[0] if is_buffer else item  # type: ignore[index]
            if type(form) is Form:
                bits = form.buffer_bits if is_buffer else form.parameter_bits
                unit.add(Unit(_size(form, is_buffer, form.bytes), bits), times)
        if surplus.bits:
            unit.add(surplus)
            self._surplus = Unit()
        self._last = unit if plain else Unit()
        return unit


def _read(module: nn.Module, attributes: dict[str, Any]) -> tuple[Any, Any, Any, bool]:
    """The parameters, buffers and children of a module, and whether it is in training mode."""
    try:
        parameters, buffers, children, mode = _tables(attributes)
    except KeyError:
        return (*tables_of(module), mode_of(module, attributes))
    return parameters, buffers, children, mode if mode is True or mode is False else truth(mode)


def _matters(module: nn.Module) -> bool:
    """Whether counting a module again changes a number: an activation that all blocks share does not."""
    return any(tables_of(module))


def _size(form: Form, is_buffer: bool, held: int) -> Size:
    if is_buffer:
        return 0, 0, form.elements, held
    return form.elements, form.elements if form.requires_grad else 0, 0, held


def counted(units: Iterable[Unit]) -> Unit:
    """The numbers of several units together; right where none of them repeats what is outside of them."""
    whole = Unit()
    for unit, times in Counter(units).items():
        whole.add(unit, times)
    return whole
