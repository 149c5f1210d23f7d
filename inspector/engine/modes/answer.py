"""What the passes of a comparison have shown, call by call, put together."""

from __future__ import annotations

import math

from inspector.engine.failure import sendable
from inspector.engine.modes.alignment import side_by_side
from inspector.engine.modes.distance import EQUAL, UNTOLD, Distance
from inspector.engine.modes.generators import Generators
from inspector.engine.modes.keeping import Kept, Pair
from inspector.engine.modes.proof import OTHER_THINGS, Proof
from inspector.engine.modes.reasons import reason_of
from inspector.engine.modes.rounds import Comparing, Keeping, Training
from inspector.engine.modes.suspects import MOST_CALLS
from inspector.engine.modes.watch import Key, Visit, Watch
from inspector.mode_schema import DropoutMeasured, ModeDifference, NormMeasured, OutputDifference, Role
from inspector.schema import Source


class Answer:
    """Everything that is known of the calls of both modes."""

    evaluation: Watch
    trained: Watch
    training: Training

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping
        self.noise_train: Comparing | None = None
        self.noise_eval: Comparing | None = None
        self.proofs: dict[Key, Proof] = {}
        self.norms: dict[Key, NormMeasured] = {}
        self.dropouts: dict[Key, DropoutMeasured] = {}
        self.differences: list[ModeDifference] = []
        self.outputs: tuple[OutputDifference, ...] = ()
        self.sources: tuple[int, ...] = ()

    # --- asked while the passes go on -------------------------------------------------------------------------------

    def moved(self) -> set[Key]:
        """The calls whose output is another in train mode, or from one train run to the next."""
        found = {key for key, distance in self.training.distances.items() if not distance.equal}
        if self.noise_train is not None:
            found |= {key for key, distance in self.noise_train.distances.items() if not distance.equal}
        return found

    def proven(self) -> list[Key]:
        """The calls that are sources."""
        return [key for key, proof in self.proofs.items() if proof.source]

    def noisy(self) -> set[Key]:
        """The calls that return something else in a second eval run."""
        distances = self.noise_eval.distances if self.noise_eval is not None else {}
        return {key for key, distance in distances.items() if not distance.equal}

    def asks_by_users_code(self, visit: Visit) -> bool:
        """Whether code of the user's in a call looks at a flag: then it may toss a coin."""
        before = self.evaluation.visits.get(visit.key)
        return before is not None and any(source is not None for _, source in before.looked.values())

    def asking(self) -> set[Key]:
        """The calls in which code of the user's looks at a flag."""
        return {key for key, visit in self.evaluation.visits.items() if self.asks_by_users_code(visit)}

    def drawn(self, visit: Visit) -> list[Generators]:
        """The generators as a call found them in the train runs."""
        passes = (self.training, self.noise_train)
        return [each.drawn[visit.key] for each in passes if each is not None and visit.key in each.drawn]

    # --- the end ----------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Put all calls side by side."""
        modules = {key[0] for key in self.proven()}
        keys = side_by_side(self.evaluation.visits, self.trained.visits)
        self.differences = [self._difference(key, modules) for key in keys]
        self.sources = self._ranked()
        self.outputs = tuple(self._output(pair) for pair in self.training.outputs if pair.shape is not None)

    def _difference(self, key: Key, sources: set[int]) -> ModeDifference:
        before, after = self.evaluation.visits.get(key), self.trained.visits.get(key)
        visit = after or before
        assert visit is not None
        distance = self.training.distances.get(key, UNTOLD)
        role = self._role(key, before, after, distance, sources)
        proof = self.proofs.get(key)
        source = role == "source"
        told = not math.isnan(distance.relative)
        watch = self.trained if after is not None else self.evaluation
        looks = self._looks(before) if source else None
        norm, dropout = self.norms.get(key), self.dropouts.get(key) if source else None
        return ModeDifference(
            row=key[0],
            number=key[1],
            role=role,
            depth=visit.depth,
            difference=distance.relative,
            largest=distance.largest if told else math.nan,
            noise_eval=_noise(self.noise_eval, key, before),
            noise_train=_noise(self.noise_train, key, after),
            own=proof.own.relative if source and proof is not None else 0.0,
            shape=_shape(self._keeping.kept.get(key) or self.training.kept.get(key, ())),
            source=watch.complete(visit.source),
            reason=sendable(reason_of(visit.module, norm, dropout, looks)) if source else "",
            looks=looks,
            norm=norm,
            dropout=dropout,
            sampled=distance.sampled,
            note="; ".join(filter(None, self._notes(key, before, after))),
        )

    def _role(self, key: Key, before: Visit | None, after: Visit | None, distance: Distance, sources: set[int]) -> Role:
        if before is None or after is None:
            return "only in train" if before is None else "only in eval"
        proof = self.proofs.get(key)
        if distance.equal and self._noisy_in_both(key) and not (proof is not None and proof.tossed):
            return "unchanged"  # Its own flag may count, but what forward does with those below it makes up for that.
        if proof.source if proof is not None else key[0] in sources and key[1] > MOST_CALLS and not distance.equal:
            return "source"
        return "unchanged" if distance.equal else "passes on"

    def _noisy_in_both(self, key: Key) -> bool:
        noise = (self.noise_train, self.noise_eval)
        return all(each is not None and not each.distances.get(key, EQUAL).equal for each in noise)

    def _looks(self, visit: Visit | None) -> Source | None:
        """The line of the user's that looks at the flag: at the module's own, or at that of a part."""
        if visit is None:
            return None
        others = (source for _, source in visit.looked.values())
        return self.evaluation.complete(visit.looks or next(filter(None, others), None))

    def _notes(self, key: Key, before: Visit | None, after: Visit | None) -> list[str]:
        proof = self.proofs.get(key)
        notes = [self.training.notes.get(key, ""), proof.note if proof is not None else ""]
        if notes[0] and notes[1] == OTHER_THINGS:
            del notes[1]  # The first says which.
        if proof is not None and proof.source and self.training.distances.get(key, UNTOLD).equal:
            notes.append("by chance the same in both modes with this seed")
        if proof is not None and proof.source and before is not None and before.invisible:
            notes.append("compiled: what happens in it is not visible")
        if before is not None and after is not None and before.looks_at_itself and before.training is after.training:
            notes.append("in train mode in both runs: eval() does not reach it" if before.training else _FROZEN)
        return notes

    def _ranked(self) -> tuple[int, ...]:
        """Of each source module the call that differs most on one input, and the modules by that."""
        best: dict[int, int] = {}
        for index, difference in enumerate(self.differences):
            if difference.role == "source":
                known = best.get(difference.row)
                if known is None or _weight(difference) > _weight(self.differences[known]):
                    best[difference.row] = index
        return tuple(sorted(best.values(), key=lambda index: (-_weight(self.differences[index]), index)))

    def _output(self, pair: Pair) -> OutputDifference:
        told = not math.isnan(pair.distance.relative)
        return OutputDifference(
            path=pair.path,
            shape=pair.shape or (),
            difference=pair.distance.relative,
            largest=pair.distance.largest if told else math.nan,
            noise_eval=_noise_of_output(self.noise_eval, pair.path),
            noise_train=_noise_of_output(self.noise_train, pair.path),
        )


_FROZEN = "in eval mode in both runs"


def _weight(difference: ModeDifference) -> float:
    """What a source is ranked by; one that gives other things in each mode before all others."""
    return math.inf if math.isnan(difference.own) else difference.own


def _noise(repeated: Comparing | None, key: Key, visit: Visit | None) -> float:
    if visit is None:
        return 0.0
    distance = repeated.distances.get(key) if repeated is not None else None
    return distance.relative if distance is not None else math.nan


def _noise_of_output(repeated: Comparing | None, path: str) -> float:
    pairs = repeated.outputs if repeated is not None else []
    return next((pair.distance.relative for pair in pairs if pair.path == path), math.nan)


def _shape(kept: tuple[Kept, ...]) -> tuple[int, ...] | None:
    return next((one.shape for one in kept if one.shape is not None), None)
