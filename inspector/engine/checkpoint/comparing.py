"""The request about a checkpoint: read the file, compare, leave the model as found, tell of it."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator

from msgspec.structs import replace as with_fields
from torch import nn

from inspector.checkpoint_schema import CheckpointComparison
from inspector.engine.checkpoint import asking, slots, unwrapping
from inspector.engine.checkpoint.contents import Contents, StateDict
from inspector.engine.checkpoint.matching import Match, match
from inspector.engine.checkpoint.reading import read
from inspector.engine.checkpoint.refusals import NeedsCodeError
from inspector.engine.checkpoint.slots import Slots
from inspector.engine.failure import sendable
from inspector.engine.findings import checkpoint_rules
from inspector.engine.findings.anatomy import Anatomy
from inspector.engine.findings.checkpoint_rule import CheckpointScene, listed
from inspector.engine.findings.phrases import plural
from inspector.engine.guard import Guard
from inspector.engine.structure import Structure, undisturbed
from inspector.engine.target import Built
from inspector.messages import CheckpointCompared, CompareCheckpoint, EngineEvent, StageStarted
from inspector.schema import Source

Send = Callable[[EngineEvent], None]


class CheckpointReader:
    """Answers `CompareCheckpoint` for one model."""

    def __init__(self, model: nn.Module, structure: Structure, built: Built) -> None:
        self._model, self._structure, self._built = model, structure, built

    def answer(self, request: CompareCheckpoint, send: Send) -> None:
        """Compare. Raises LoadFailed of a file that cannot be read; the model is as before in any case."""
        started = time.perf_counter()
        name = sendable(os.path.basename(request.file))
        send(StageStarted(f"reading {name}", user_code=request.unsafe))
        guard = Guard(self._model, values=request.unsafe)
        try:
            comparison = self._compare(request)
        finally:
            proof, changed = guard.check()
        seconds = time.perf_counter() - started
        send(CheckpointCompared(with_fields(comparison, seconds=seconds, guard=proof, changed=changed)))

    def _compare(self, request: CompareCheckpoint) -> CheckpointComparison:
        built, file = self._built, sendable(request.file)
        origin = Source(built.target.file, built.target.line) if built.target.line else None
        anatomy = Anatomy(self._model, self._structure, built.target.device, origin)
        wanted = slots.of_model(self._model)
        try:
            contents = read(request.file, unsafe=request.unsafe, main=built.module)
        except NeedsCodeError as error:
            finding = checkpoint_rules.needs_code(anatomy, file, tuple(map(sendable, error.names)))
            return CheckpointComparison(file, "torch.save", read=False, wanted=len(wanted.by_key), findings=(finding,))
        state, others = unwrapping.state_dict_in(contents, lambda held: match(held, wanted).named_alike)
        found, notes = asking.corrected(self._model, state, wanted, match(state, wanted))
        scene = CheckpointScene(os.path.basename(file), anatomy, self._structure, wanted, state, found)
        with undisturbed():
            findings = checkpoint_rules.findings_of(scene)
        broken = {misfit.file_key for misfit in found.misfits}
        return CheckpointComparison(
            file=file,
            format=contents.format,
            place=sendable(state.place),
            others=tuple(map(sendable, others)),
            fits=found.fits,
            fitting=len(found.fitting),
            wanted=len(wanted.by_key) - len(found.excused),
            held=len(state.entries),
            renamed=sum(held not in broken for each in found.renamed for held, _ in each.pairs),
            findings=findings,
            notes=tuple(map(sendable, (*notes, *_notes(contents, state, wanted, found)))),
        )


def _notes(contents: Contents, state: StateDict, wanted: Slots, found: Match) -> Iterator[str]:
    """What else is to be known of it."""
    yield from contents.notes
    if found.fitting and found.excused:
        what = plural(len(found.excused), "key")
        yield f"{what} not in the file, which torch does without in a file of an older version: {listed(found.excused)}"
    if extra := [key for key, slot in wanted.by_key.items() if slot.stored is None and key in state.entries]:
        yield f"extra state in the file, which set_extra_state would get and may refuse: {listed(extra)}"
    if found.passed_over:
        what = plural(len(found.passed_over), "key")
        where = f"because None stands in the place of their module: {listed(found.passed_over)}"
        yield f"{what} of the file passed over by torch, {where}"
    pairs = ((wanted.by_key[key].stored, state.entries[key]) for key in found.fitting if key in state.entries)
    dtypes = Counter((held.dtype, slot.dtype) for slot, held in pairs if slot is not None and held.dtype != slot.dtype)
    for (there, here), count in dtypes.most_common():
        yield f"{plural(count, 'tensor')} in {there} in the file and in {here} here: load_state_dict converts them"
