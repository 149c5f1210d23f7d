"""Guess inputs: begin with what names and layers tell, try it on a copy, and let each failure say what to try next.

A try costs little, since the copy's tensors have no memory; a few dozen of them, the furthest first, are enough for
what people write. Where no guess goes through, the one that came furthest is taken, so that its failure can be shown.
"""

from __future__ import annotations

import heapq
import re
import time
from dataclasses import replace
from typing import NamedTuple

from torch import Tensor, nn

from inspector.engine.forward.fake_mode import prepare
from inspector.engine.inputs.copying import CopyFailed
from inspector.engine.inputs.expectations import Model, expected, of_a_layer
from inspector.engine.inputs.layers import BATCH
from inspector.engine.inputs.leaves import changed, leaves
from inspector.engine.inputs.recipes import Drawn, Recipe, Stored
from inspector.engine.inputs.repair import Repairs
from inspector.engine.inputs.sample import Part, floating_dtype
from inspector.engine.inputs.signature import Signature, unwrapped
from inspector.engine.inputs.trying import Candidate, Outcome, Slot, Tries
from inspector.engine.inputs.watching import Observed, OutOfTimeError

MOST_TRIES = 60
MOST_SECONDS = 2.0
_LAST_TRY_SECONDS = 6.0
"""A try that has begun in time may take until then: of a large model even one takes seconds."""
_MOST_STARTS = 4
_MAIN_INPUT = re.compile(r"(input|decoder_input)_(ids|features|values)|pixel_values|x|inputs?")


class Guess(NamedTuple):
    """Arguments that were guessed, or why there are none."""

    parts: list[Part] | None
    reason: str
    through: bool = False
    """Whether forward came to its end with them, or as far as it could be tried without values."""


def guess(model: nn.Module, signature: Signature, given: dict[str, Recipe], seed: int) -> Guess:
    """The arguments of forward that have no default, beside those that are given."""
    model = unwrapped(model)
    if not signature.known:
        return Guess(None, "the arguments of forward are not known")
    known = Model(model)
    starts, unknown = _starts(model, known, signature, given)
    if unknown:
        annotation = signature.annotation(unknown)
        return Guess(None, f"nothing is known of {unknown}" + (f": {annotation}" if annotation else ""))
    prepare()  # Before the clock starts.
    search = _Search(model, known, signature)
    try:
        outcome = search.run(starts)
    except CopyFailed as failed:
        return Guess(None, f"no guess: {failed}")
    if outcome is None:
        return Guess(None, "no guess: trying takes too long") if not starts else _untried(starts[0], search)
    return Guess(_parts(outcome, model), search.reason(outcome), _went_through(outcome))


def goes_through(model: nn.Module, parts: list[Part]) -> bool:
    """Whether forward comes to its end with some arguments, as far as that can be tried."""
    prepare()
    slots = [Slot(part.name, part.keyword, part.recipe or Stored(part.name, part.value), fixed=True) for part in parts]
    try:
        tries = Tries(unwrapped(model), time.perf_counter() + _LAST_TRY_SECONDS)
        return _went_through(_attempt(tries, tuple(slots), time.perf_counter() + MOST_SECONDS))
    except (CopyFailed, OutOfTimeError):
        return True


def _attempt(tries: Tries, candidate: Candidate, ends: float) -> Outcome:
    """Try a candidate, with values from now on where forward looks at them and they are few; what takes too long with
    them is left as far as it came without."""
    outcome = tries.run(candidate)
    if outcome.error is not None and outcome.watch.needs_values and tries.hollow and tries.can_have_values():
        tries.give_values(ends)
        try:
            return tries.run(candidate)
        except OutOfTimeError:
            pass
    return outcome


def _went_through(outcome: Outcome) -> bool:
    return outcome.error is None or outcome.watch.needs_values


def _untried(candidate: Candidate, search: _Search) -> Guess:
    parts = [Part(slot.name, slot.keyword, slot.recipe) for slot in candidate if not slot.fixed]
    return Guess(parts, "by names and layers alone: one try takes too long")


# --- where to begin ---------------------------------------------------------------------------------------------------


def _starts(
    model: nn.Module, known: Model, signature: Signature, given: dict[str, Recipe]
) -> tuple[list[Candidate], str]:
    """The first candidates; and the name of a required argument that is of no type that can be made."""
    of_layer = of_a_layer(model)
    if of_layer is not None and not given:
        names = signature.by_place[: len(of_layer)]
        if len(names) == len(of_layer):
            slots = [Slot(name, False, recipe) for name, recipe in zip(names, of_layer, strict=True)]
            return [tuple(_typed(slots, model))], ""
    fixed = [Slot(name, _by_keyword(name, signature), recipe, fixed=True) for name, recipe in given.items()]
    wanted = [name for name in signature.required if name not in given]
    choices = {name: expected(name, signature.annotation(name), known) for name in wanted}
    unknown = next((name for name, recipes in choices.items() if not recipes), "")
    if unknown:
        return [], unknown
    if not wanted and signature.many and not given:
        choices[f"{signature.many}[0]"] = expected(signature.many, "", known)
    starts = [_start(choices, fixed, signature, model, index) for index in range(_MOST_STARTS)]
    if not choices and not given:
        starts = [*_optional_starts(known, signature, model), *starts]
    return starts, ""


def _optional_starts(known: Model, signature: Signature, model: nn.Module) -> list[Candidate]:
    """Where forward can do without every single argument, it hardly can do without them all: those of None."""
    names = [name for name in signature.names if signature.parameters[name].default is None]
    main = [name for name in names if _MAIN_INPUT.fullmatch(name)]
    starts: list[Candidate] = []
    for chosen in (names[:1], main[:1], main[:2]):
        choices = {name: expected(name, "", known) for name in chosen}
        starts += [_start(choices, [], signature, model, index) for index in (0, 1)] if chosen else []
    return starts


def _start(
    choices: dict[str, list[Recipe]], fixed: list[Slot], signature: Signature, model: nn.Module, index: int
) -> Candidate:
    """The index-th choice of every argument that has so many."""
    slots: list[Slot] = []
    batch = _batch_of(fixed)
    for name, recipes in choices.items():
        in_place = signature.by_place[len(slots) : len(slots) + 1] == [name] or "[" in name
        keyword = bool(fixed) or not in_place
        slots.append(Slot(name, keyword and "[" not in name, _in_batches(recipes[min(index, len(recipes) - 1)], batch)))
    return (*fixed, *_typed(slots, model))


def _batch_of(fixed: list[Slot]) -> int:
    """How many samples the given arguments hold, by the first axis of the first tensor."""
    for slot in fixed:
        value = slot.recipe.value if isinstance(slot.recipe, Stored) else slot.recipe
        if isinstance(value, (Drawn, Tensor)) and len(value.shape):
            return value.shape[0]
    return BATCH


def _in_batches(recipe: Recipe, batch: int) -> Recipe:
    if isinstance(recipe, Drawn) and recipe.shape[:1] == (BATCH,):
        return replace(recipe, shape=(batch, *recipe.shape[1:]))
    return recipe


def _by_keyword(name: str, signature: Signature) -> bool:
    return "[" not in name and not (name in signature.parameters and signature.only_by_place(name))


def _typed(slots: list[Slot], model: nn.Module) -> list[Slot]:
    """In the model's own floating dtype."""
    dtype = floating_dtype(model)
    if dtype == "float32":
        return slots
    candidate: Candidate = tuple(slots)
    for name, leaf in leaves(candidate).items():
        if leaf.dtype == "float32":
            typed = Drawn(leaf.shape, dtype, leaf.how, leaf.low, leaf.high)
            candidate = changed(candidate, name, typed)
    return list(candidate)


# --- the search -------------------------------------------------------------------------------------------------------


class _Search:
    """Best first: what mends the try that came furthest is tried next."""

    def __init__(self, model: nn.Module, known: Model, signature: Signature) -> None:
        self._model = model
        now = time.perf_counter()
        self._ends = now + MOST_SECONDS
        self._tries = Tries(model, now + _LAST_TRY_SECONDS)
        self._repairs = Repairs(known, signature)
        self._queue: list[tuple[int, int, int, Candidate]] = []
        self._tried: set[Candidate] = set()
        self._best: Outcome | None = None
        self._why: dict[Candidate, tuple[Observed, ...]] = {}
        """What led to a candidate."""
        self.count = self._order = 0

    def run(self, starts: list[Candidate]) -> Outcome | None:
        """The outcome of the first candidate that goes through, else of the furthest."""
        for candidate in starts:
            self._push(candidate, 0, ())
        try:
            while self._queue and self.count < MOST_TRIES and time.perf_counter() < self._ends:
                *_, candidate = heapq.heappop(self._queue)
                if candidate not in self._tried and self._is_answer(self._try(candidate)):
                    break
        except OutOfTimeError:
            pass
        return self._best

    def _try(self, candidate: Candidate) -> Outcome:
        self.count += 1
        self._tried.add(candidate)
        return _attempt(self._tries, candidate, self._ends)

    def _is_answer(self, outcome: Outcome) -> bool:
        if self._best is None or _rank(outcome) > _rank(self._best):
            self._best = outcome
        if outcome.error is None:
            if outcome.batch_kept or not outcome.watch.doubtful:
                return True
            doubted = self._repairs.of_doubt(outcome)
            for other in doubted:
                self._push(other, outcome.watch.steps + 1, tuple(outcome.watch.doubtful), outcome.candidate)
            return not doubted
        if outcome.watch.needs_values:
            return True
        unmet = tuple(seen for seen in outcome.watch.failed if not seen.met)
        for mended in self._repairs.of(outcome):
            self._push(mended, outcome.watch.steps + 1, unmet, outcome.candidate)
        for mended in self._repairs.blind(outcome):
            reached = outcome.watch.steps + 1 if outcome.watch.steps else 0
            self._push(mended, reached, unmet, outcome.candidate, blind=True)
        return False

    def _push(
        self,
        candidate: Candidate,
        progress: int,
        why: tuple[Observed, ...],
        before: Candidate | None = None,
        blind: bool = False,
    ) -> None:
        if candidate in self._tried:
            return
        self._why[candidate] = (*self._why.get(before, ()), *why[:1]) if before is not None else ()
        # Of equally far ones what the newest failure told comes first, for it knows of those before it; shots in the
        # dark come last, and in their order; where nothing at all went well, another start may.
        self._order += 1
        newest = 1 if blind else -self.count
        heapq.heappush(self._queue, (-progress, newest, self._order, candidate))

    # --- in words ---------------------------------------------------------------------------------------------------

    def reason(self, outcome: Outcome) -> str:
        """Why these, in one line; or that none went through."""
        told = [_phrase(seen, self._model) for seen in self._tellable(outcome)]
        why = ", ".join(list(dict.fromkeys(filter(None, told)))[:3])
        if outcome.error is None:
            return why or "by names and layers"
        if outcome.watch.needs_values:
            place = outcome.watch.failed_name or type(outcome.error).__name__
            return f"{why + ': ' if why else ''}as far as could be tried without values ({place})"
        return f"no guess went through: {self._obstacle(outcome)}"

    def _tellable(self, outcome: Outcome) -> list[Observed]:
        sized = {name for name, leaf in leaves(outcome.candidate).items() if len(leaf.shape) > 2}
        flattened = [
            seen
            for seen in outcome.watch.seen
            if seen.met and seen.want.what == "axis" and seen.leaf in sized and seen.origin.is_merged(seen.want.axis)
            if not self._tries.is_lazy(seen.where)
        ]
        return [*_first_wants(outcome), *flattened[:1], *self._why.get(outcome.candidate, ())]

    def _obstacle(self, outcome: Outcome) -> str:
        unmet = [seen for seen in outcome.watch.failed if not seen.met and seen.want.phrase]
        if unmet:
            return f"{_phrase(unmet[0], self._model)}, whatever the size of {unmet[0].leaf}"
        where = outcome.watch.failed_module[1] if outcome.watch.failed_module else ""
        return f"{where or type(self._model).__name__} raises {type(outcome.error).__name__}"


def _rank(outcome: Outcome) -> tuple[bool, bool, int]:
    return outcome.error is None, outcome.error is None and outcome.batch_kept, outcome.watch.steps


def _first_wants(outcome: Outcome) -> list[Observed]:
    """What was first wanted of each argument itself."""
    found: dict[str, Observed] = {}
    for seen in outcome.watch.seen:
        values = seen.want.what in ("integers", "truth") and seen.origin.whole
        own = values or (seen.want.what == "axis" and bool(seen.origin.own_axis(seen.want.axis)))
        if seen.met and own and seen.want.phrase:
            found.setdefault(seen.leaf, seen)
    return list(found.values())


def _phrase(seen: Observed, model: nn.Module) -> str:
    where = seen.where or type(model).__name__
    return f"{where} {seen.want.phrase}" if seen.want.phrase else ""


# --- what came of it --------------------------------------------------------------------------------------------------


def _parts(outcome: Outcome, model: nn.Module) -> list[Part]:
    candidate = outcome.candidate
    for name, high in _highest(outcome).items():
        leaf = leaves(candidate).get(name)
        if leaf is not None and leaf.dtype == "int64" and (leaf.high is None or leaf.high > high or leaf.low == 0):
            bounded = Drawn(leaf.shape, leaf.dtype, leaf.how, min(leaf.low or 0, high), high)
            candidate = changed(candidate, name, bounded)
    reasons = {seen.leaf: _phrase(seen, model) for seen in _first_wants(outcome)}
    return [
        Part(slot.name, slot.keyword, slot.recipe, reason=_reason_of(slot, reasons))
        for slot in candidate
        if not slot.fixed and not isinstance(slot.recipe, Stored)
    ]


def _reason_of(slot: Slot, reasons: dict[str, str]) -> str:
    found = [reason for leaf, reason in reasons.items() if leaf == slot.name or leaf.startswith(f"{slot.name}[")]
    return ", ".join(dict.fromkeys(found))


def _highest(outcome: Outcome) -> dict[str, int]:
    """The last row of the smallest table that an argument's own values are looked up in."""
    found: dict[str, int] = {}
    for seen in outcome.watch.seen:
        if seen.want.what == "integers" and seen.met and seen.origin.whole and seen.want.size:
            found[seen.leaf] = min(found.get(seen.leaf, seen.want.size - 1), seen.want.size - 1)
    return found
