"""The rows of one module in itself: the module, its parameters, its buffers, and what it holds unregistered."""

from __future__ import annotations

from torch import Tensor, nn

from inspector.engine.classes import Classes
from inspector.engine.derived import Made
from inspector.engine.examination import Body, Own, Special
from inspector.engine.forms import Form
from inspector.engine.table import Line
from inspector.engine.unregistered import Ghost
from inspector.schema import Flag, Kind


def lines_of(own: Own, classes: Classes) -> list[Line]:
    """The rows of a module, in the order in which they stand; the module's name is left open."""
    lines = [_module_line(own)]
    _add_tensors(lines, own.body, own.special)
    for ghost in own.special.ghosts:
        _add_ghost(lines, ghost, 0, classes)
    return lines


def repeat_line(own: Own, kind: Kind) -> Line:
    """The row of a module at a place where it is registered again: its numbers come from its first place."""
    flags = _mode(own) | (Flag.WRAPPER if own.special.wraps else 0) | (Flag.HOOKED if own.special.hooks else 0)
    return Line("", kind, own, type=own.type, flags=flags)


def _module_line(own: Own) -> Line:
    body = own.body
    return Line(
        "",
        Kind.MODULE,
        own,
        type=own.type,
        flags=repeat_line(own, Kind.MODULE).flags,
        elements=body.elements,
        trainable=body.trainable,
        buffers=body.buffers,
        held=body.held,
        bits=own.bits,
    )


def _mode(own: Own) -> int:
    return Flag.TRAINING if own.training else 0


def _add_tensors(lines: list[Line], body: Body, special: Special) -> None:
    """Parameters, then buffers; those from which a tensor is made stand below it."""
    slots = {name: slot for slot, name in reversed(list(enumerate(body.names)))}
    makers = {source: made for made in special.made for source in made.sources}
    placed: set[str] = set()
    for slot, name in enumerate(body.names):
        made = makers.get(name)
        if made is None or slots[name] != slot:
            lines.append(_tensor_line(body, slot, special, 0))
        elif made.name not in placed:
            placed.add(made.name)
            parent = len(lines)
            lines.append(made_line(made, size=1 + len(made.sources)))
            lines += [_tensor_line(body, slots[source], special, parent) for source in made.sources]


def _tensor_line(body: Body, slot: int, special: Special, parent: int) -> Line:
    form, name = body.forms[slot], body.names[slot]
    kind = Kind.PARAMETER if slot < body.parameters else Kind.BUFFER
    flags = _form_flags(form)
    if kind is Kind.PARAMETER and not form.requires_grad:
        flags |= Flag.FROZEN
    if kind is Kind.BUFFER and name in special.transient:
        flags |= Flag.TRANSIENT
    return Line(
        name,
        kind,
        form,
        slot,
        parent,
        flags=flags,
        dtype=form.dtype_index,
        device=form.device_index,
        elements=form.elements,
        trainable=form.elements if form.requires_grad else 0,
        buffers=form.elements if kind is Kind.BUFFER else 0,
        held=form.bytes,
        signature=hash((int(kind), form.signature)),
    )


def _form_flags(form: Form) -> int:
    return (
        (Flag.TRAINABLE if form.requires_grad else 0)
        | (Flag.LAZY if form.lazy else 0)
        | (Flag.META if form.meta else 0)
    )


def made_line(made: Made, size: int) -> Line:
    """The row of a tensor that is made from others, as far as it is known without making it."""
    line = Line(made.name, Kind.MADE, made, size=size, signature=hash(("made", made.name, made.how)))
    if made.likeness is not None:
        line.dtype, line.device = made.likeness.dtype_index, made.likeness.device_index
        line.flags = _form_flags(made.likeness)
    if made.model is not None:
        line.elements, line.held = made.model.elements, made.model.bytes
        line.trainable = line.elements if made.model.requires_grad else 0
    return line


def _add_ghost(lines: list[Line], ghost: Ghost, parent: int, classes: Classes) -> None:
    row = len(lines)
    line = Line(ghost.name, Kind.GHOST, ghost, ghost.thing, parent, elements=ghost.elements, held=ghost.bytes)
    line.signature = hash(ghost.signature())
    if isinstance(ghost.thing, nn.Module):
        line.type = classes.index_of(ghost.thing)
    if isinstance(ghost.thing, Tensor) and ghost.form is not None:
        line.dtype, line.device = ghost.form.dtype_index, ghost.form.device_index
        line.flags = _form_flags(ghost.form)
    lines.append(line)
    for below in ghost.below:
        _add_ghost(lines, below, row, classes)
    line.size = len(lines) - row
