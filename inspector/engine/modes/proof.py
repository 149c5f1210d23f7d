"""Is a module a source? It is called on one and the same input with the same random numbers, once as it stands in eval
mode and once with its own training flag set, the flags of everything below it left as they are; and what it gives is
compared bit for bit. A module that draws random numbers with its flag set, and gives the same nevertheless, is tried
with others too: with those that it had in the train runs, and with some more.

That happens in the middle of an eval pass, where the module would be called anyway: with what it really gets, and in
the state that the model has by then. What the trial did to the module is undone before the pass goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from inspector.engine.failure import sendable
from inspector.engine.forward.conditions import own_inputs, unheard
from inspector.engine.forward.progress import Cancelled
from inspector.engine.forward.warned import silenced
from inspector.engine.global_state import uncollected
from inspector.engine.model_state import ModelState
from inspector.engine.modes.distance import EQUAL, UNTOLD, Distance
from inspector.engine.modes.generators import Generators, put_back, seeded
from inspector.engine.modes.keeping import Comparer, Keeper, Kept, Room, apart, total
from inspector.engine.modes.watch import Key, Original, Visit, Watch, flag_of
from inspector.engine.source_files import attributes
from inspector.engine.storages import Copies

TINY = 1e-3
"""A relative difference below which it could be one of rounding: then the call is tried as it stands too."""

OTHER_THINGS = "gives other things in train mode than in eval mode"
DRAWS = 4
"""How many more random numbers are tried where chance may have had it that the flag made no difference."""


@dataclass(frozen=True, slots=True)
class Toggle:
    """What is switched for a trial: flags of these modules; of none, the flag of the module that is called."""

    modules: tuple[nn.Module, ...] = ()
    chance: bool = False
    """Whether the call gave the same in all runs, so that only other random numbers could make it a source."""
    again: bool = False
    """Whether it was tried before and was undecided: what reaches it differs from one eval run to the next."""

    def __call__(self, module: nn.Module) -> None:
        """Set flags as they are in train mode."""
        for other in self.modules:
            other.training = True
        if not self.modules:
            set_own_flag(module)


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of it."""

    source: bool
    own: Distance = EQUAL
    note: str = ""
    tossed: bool = False
    """Whether it took other random numbers than those of the pass."""
    undecided: bool = False
    """Whether it gave the same, but drew random numbers: to be tried with others."""


Judge = Callable[[Any], Proof]


@dataclass(frozen=True, slots=True)
class Trial:
    """One call on copies, undone."""

    result: tuple[Kept, ...] | None
    raised: str = ""
    drew: bool = False
    """Whether random numbers were drawn."""


class Prover:
    """Proves calls of one pass."""

    def __init__(
        self,
        watch: Watch,
        toggles: Mapping[Key, Toggle],
        copies: Copies,
        drawn: Callable[[Visit], list[Generators]] = lambda visit: [],
    ) -> None:
        """`drawn`: the states of the generators that this call met in train runs."""
        self._watch, self._toggles, self._copies, self._drawn = watch, toggles, copies, drawn

    def prove(
        self, visit: Visit, original: Original, args: tuple[Any, ...], kwargs: dict[str, Any], usual: tuple[Kept, ...]
    ) -> Judge:
        """Try a call that is about to be made; what is returned wants to know what it really gave.

        `usual` is what it gave in an eval pass before.
        """
        toggle = self._toggles[visit.key]
        if toggle.again:
            verdict = self._prove_by_chance(visit, original, args, kwargs, None)
            return lambda result: verdict
        trial = self._try(visit, original, args, kwargs, toggle)
        if trial.result is None and toggle.chance:
            return lambda result: Proof(False)
        if trial.result is None:
            verdict = Proof(True, UNTOLD, f"raises {trial.raised} with its own training flag set")
            return lambda result: verdict
        toggled, usually = trial.result, apart(usual, trial.result)
        if toggle.chance and not (usually.equal and trial.drew):
            return lambda result: Proof(False)
        if not usually.equal and usually.relative <= TINY:
            verdict = self._prove_carefully(visit, original, args, kwargs, toggled)
            return lambda result: verdict
        if usually.equal and trial.drew:
            verdict = self._prove_by_chance(visit, original, args, kwargs, usual)
            return lambda result: verdict
        return lambda result: _judged(trial, result)

    def _prove_by_chance(
        self,
        visit: Visit,
        original: Original,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        usual: tuple[Kept, ...] | None,
    ) -> Proof:
        """With other random numbers: a coin that is tossed in train mode only may have fallen so that nothing came.

        `usual` is what it gives in eval mode with any, where that is known.
        """
        states = [*self._drawn(visit), *map(seeded, range(DRAWS))]
        for state in states:
            trial = self._try(visit, original, args, kwargs, self._toggles[visit.key], state)
            if trial.result is None or (usual is not None and apart(usual, trial.result).equal):
                continue
            plain = self._try(visit, original, args, kwargs, None, state)
            if plain.result is not None and not (own := apart(plain.result, trial.result)).equal:
                return Proof(True, own, tossed=True)
        return Proof(False, note=f"draws random numbers in train mode; {len(states) + 1} draws made no difference")

    def _prove_carefully(
        self, visit: Visit, original: Original, args: tuple[Any, ...], kwargs: dict[str, Any], toggled: tuple[Kept, ...]
    ) -> Proof:
        """Beside the same call as it stands, twice: it may give something else each time by itself."""
        once, twice = (self._try(visit, original, args, kwargs, None) for _ in range(2))
        if once.result is None or twice.result is None:
            return Proof(False, note=f"raises {once.raised or twice.raised} when it is called again")
        own, by_itself = apart(once.result, toggled), apart(once.result, twice.result)
        if own.equal or by_itself.equal:
            return Proof(not own.equal, own)
        return Proof(False, note="gives something else each time, also on one input with the same random numbers")

    def _try(
        self,
        visit: Visit,
        original: Original,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        toggle: Toggle | None,
        state: Generators | None = None,
    ) -> Trial:
        """Call a module on copies of what it gets, and undo everything that this did."""
        args, kwargs = own_inputs(args, kwargs)
        with ExitStack() as stack:
            stack.enter_context(self._watch.muted())
            stack.enter_context(put_back())
            stack.enter_context(unheard())
            stack.enter_context(silenced())
            stack.enter_context(torch.set_grad_enabled(torch.is_grad_enabled()))
            concerned = (*nn.Module.modules(visit.module), *(toggle.modules if toggle is not None else ()))
            flags = [(module, flag_of(module)) for module in concerned]
            with undisturbed():
                held = ModelState(visit.module, nn.Module.modules(visit.module), (), self._copies)
            try:
                if toggle is not None:
                    toggle(visit.module)
                if state is not None:
                    state.put_back()
                before = Generators()
                result = original(visit.module, *args, **kwargs)
                with torch._C.DisableTorchFunction():
                    return Trial(Keeper(Room()).keep(result), drew=before.drawn_from())
            except Cancelled:
                raise
            except BaseException as error:
                return Trial(None, sendable(type(error).__name__))
            finally:
                with undisturbed():
                    for _ in held.restore(thorough=False):
                        pass  # What cannot be put back here is told by the guard of the whole model.
                for module, flag in flags:
                    if flag_of(module) is not flag:  # TorchScript keeps it where no attribute leads to.
                        module.training = flag


def _judged(trial: Trial, result: Any) -> Proof:
    with torch._C.DisableTorchFunction():
        pairs, note = Comparer().compare(trial.result or (), result)
    own = total(pairs).seen_from_the_other() + (UNTOLD if note else EQUAL)
    return Proof(not own.equal, own, OTHER_THINGS if note else "", undecided=own.equal and trial.drew)


@contextmanager
def undisturbed() -> Iterator[None]:
    """With torch as it comes: no mode and no subclass of the user's has a say in what is done here."""
    with uncollected(), silenced(), torch._C.DisableTorchFunction(), torch.no_grad():
        yield


# --- flags ------------------------------------------------------------------------------------------------------------


def set_own_flag(module: nn.Module) -> None:
    """The module's own flag and nothing else. A class that overrides `train` may look at other things than the flag:
    what that does to the module itself is done too."""
    if not overrides_train(module):
        module.training = True
        return
    below = [(part, attributes(part).get("training")) for part in nn.Module.modules(module) if part is not module]
    module.train(True)
    for part, flag in below:
        if flag is not None:
            part.training = flag
    module.training = True


def overrides_train(module: nn.Module) -> bool:
    """Whether its class has a `train` of its own."""
    return type(module).train is not nn.Module.train
