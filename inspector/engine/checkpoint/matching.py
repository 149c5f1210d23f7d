"""A file's state dict against what a model would load, name by name, as `load_state_dict(strict=True)` does it."""

from __future__ import annotations

from dataclasses import dataclass

from inspector.engine.checkpoint import renaming
from inspector.engine.checkpoint.contents import StateDict, Stored
from inspector.engine.checkpoint.renaming import Renaming
from inspector.engine.checkpoint.slots import Slot, Slots, fits

_NORM_VERSION = 2
"""Since this version of torch's norms a file must hold their counter of batches."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """A tensor that stands in both, of another shape."""

    slot: Slot
    held: Stored
    file_key: str


@dataclass(frozen=True, slots=True)
class Match:
    """What came of it; every key of either side is in one place."""

    fitting: tuple[str, ...] = ()
    renamed: tuple[Renaming, ...] = ()
    """Keys that differ by a prefix."""
    missing: tuple[Slot, ...] = ()
    unexpected: tuple[str, ...] = ()
    misfits: tuple[Misfit, ...] = ()
    excused: tuple[str, ...] = ()
    """Keys that are missing and that torch does without, because the file is of an older version."""
    passed_over: tuple[str, ...] = ()
    """Keys of the file that torch takes no notice of."""
    refused: bool = False
    """Whether code of the model's own refuses it, for a reason of its own."""

    @property
    def fits(self) -> bool:
        """Whether torch loads it strictly."""
        return not (self.renamed or self.missing or self.unexpected or self.misfits or self.refused)

    @property
    def named_alike(self) -> int:
        """How many keys of the model the file has, prefixes apart."""
        return len(self.fitting) + len(self.misfits) + sum(len(each.pairs) for each in self.renamed)


def match(state: StateDict, slots: Slots) -> Match:
    """Compare names first, then prefixes, then shapes."""
    entries, wanted = state.entries, slots.by_key
    same = {key: key for key in wanted if key in entries}
    foreign = [key for key in entries if key not in wanted and not slots.passes_over(key)]
    lacking = [key for key in wanted if key not in entries]
    renamed = renaming.find(foreign, lacking, lambda held, key: fits(wanted[key], entries[held]))
    file_keys = {key: held for each in renamed for held, key in each.pairs}
    taken = set(file_keys.values())
    excused = {key for key in lacking if key not in file_keys and _is_excused(wanted[key], state, file_keys)}
    misfits = [
        Misfit(wanted[key], entries[held], held)
        for key, held in {**same, **file_keys}.items()
        if not fits(wanted[key], entries[held])
    ]
    broken = {misfit.slot.key for misfit in misfits}
    return Match(
        fitting=tuple(key for key in same if key not in broken),
        renamed=renamed,
        missing=tuple(wanted[key] for key in lacking if key not in file_keys and key not in excused),
        unexpected=tuple(key for key in foreign if key not in taken),
        misfits=tuple(misfits),
        excused=tuple(key for key in lacking if key in excused),
        passed_over=tuple(key for key in entries if key not in wanted and slots.passes_over(key)),
    )


def _is_excused(slot: Slot, state: StateDict, file_keys: dict[str, str]) -> bool:
    """Whether torch does without it: of a norm whose file does not say a version that has it."""
    if not slot.optional:
        return False
    beside = file_keys.get(f"{slot.holder}.running_mean" if slot.holder else "running_mean")
    path = slot.holder if beside is None else beside.rpartition(".")[0]
    version = state.version(path)
    return version is None or version < _NORM_VERSION
