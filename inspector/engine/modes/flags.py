"""The training flags of the live model: set for one module or a subtree, and given back as they were found.

A flag is set as the attribute that it is, not by calling `train()`: a class may override that to do anything at all,
for other modules too, and whoever sets one flag here wants to see exactly that one change. What would have been done
besides is said.
"""

from __future__ import annotations

from array import array

from torch import nn

from inspector.engine.failure import sendable
from inspector.engine.modes.proof import overrides_train
from inspector.engine.modes.watch import flag_of
from inspector.engine.source_files import attributes
from inspector.engine.structure import Structure
from inspector.messages import ModesSet, SetModes
from inspector.schema import Flag, Kind

_ABSENT = object()
_TRAIN, _EVAL = 1, 2
_NAMED = 3


class TrainingFlags:
    """The flags of one model, and what they were when this was made."""

    def __init__(self, model: nn.Module, structure: Structure) -> None:
        self._structure = structure
        self._outline = structure.outline
        modules = [structure.module(row) for row in range(structure.outline.count)]
        self._rows = [(row, module) for row, module in enumerate(modules) if module is not None]
        every = {id(module): module for _, module in self._rows}
        every.update((id(module), module) for module in nn.Module.modules(model))
        self._found = [(module, attributes(module).get("training", _ABSENT)) for module in every.values()]

    def set(self, request: SetModes) -> ModesSet:
        """Do what is asked, and tell all flags."""
        module = self._structure.module(request.row)
        if module is None:
            raise ValueError(f"row {request.row} is no module")
        concerned = list(nn.Module.modules(module)) if request.below else [module]
        if request.mode == "found":
            among = {id(one) for one in concerned}
            for one, flag in self._found:
                if id(one) in among and flag is not _ABSENT:
                    one.training = flag
        else:
            for one in concerned:
                one.training = request.mode == "train"
        return ModesSet(self.column(), self.as_found(), notes=_notes(concerned, request))

    def as_found(self) -> bool:
        """Whether all flags are what they were."""
        return all(attributes(module).get("training", _ABSENT) is flag for module, flag in self._found)

    def column(self) -> bytes:
        """The flags of every row, as in the outline but for the modes."""
        outline = self._outline
        flags = array("H", outline.flags)
        parents, kinds = memoryview(outline.parent).cast("I"), outline.kind
        bits = self._bits(kinds)
        for row in range(outline.count - 1, 0, -1):
            bits[parents[row]] |= bits[row]
        modes = int(Flag.TRAINING | Flag.MIXED_MODE)
        for row, module in self._rows:
            if kinds[row] not in _NODES:
                continue  # What is registered nowhere shows no mode.
            flags[row] &= ~modes
            if flag_of(module):
                flags[row] |= Flag.TRAINING
        for row in range(outline.count - 1, -1, -1):
            if kinds[row] == Kind.RUN:  # said of a run is what holds for its first part
                flags[row] = (flags[row] & ~modes) | (flags[row + 1] & Flag.TRAINING)
            if bits[row] == _TRAIN | _EVAL and kinds[row] in _NODES:
                flags[row] |= Flag.MIXED_MODE
        return flags.tobytes()

    def _bits(self, kinds: bytes) -> list[int]:
        """What each row contributes to those above it; what is registered again, all that it contains."""
        bits = [0] * self._outline.count
        for row, module in self._rows:
            if kinds[row] == Kind.MODULE:
                bits[row] = _bit(module)
            elif kinds[row] in (Kind.SHARED, Kind.CYCLE):
                for part in nn.Module.modules(module):
                    bits[row] |= _bit(part)
        return bits


_NODES = (Kind.MODULE, Kind.RUN, Kind.SHARED, Kind.CYCLE)


def _bit(module: nn.Module) -> int:
    return _TRAIN if flag_of(module) else _EVAL


def _notes(concerned: list[nn.Module], request: SetModes) -> tuple[str, ...]:
    """What `train()` of the classes concerned would have done besides."""
    if request.mode == "found":
        return ()
    names = list(dict.fromkeys(sendable(type(one).__name__) for one in concerned if overrides_train(one)))
    if not names:
        return ()
    listed = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")
    have = "has a train() of its own" if len(names) == 1 else "have a train() of their own"
    return (f"{listed} {have}, which was not called: only the flags were set",)
