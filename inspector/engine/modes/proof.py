"""Is a module a source? It is called on one and the same input with the same random numbers, once as it stands in eval
mode and once with its own training flag set, the flags of everything below it left as they are; and what it gives is
compared bit for bit.

That happens in the middle of an eval pass, where the module would be called anyway: with what it really gets, and in
the state that the model has by then. What the trial did to the module is undone before the pass goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from inspector.engine.modes.generators import put_back
from inspector.engine.modes.keeping import Comparer, Keeper, Kept, Room, apart, total
from inspector.engine.modes.watch import Original, Visit, Watch, flag_of
from inspector.engine.source_files import attributes
from inspector.engine.storages import Copies

TINY = 1e-3
"""A relative difference below which it could be one of rounding: then the call is tried as it stands too."""

Toggle = Callable[[Visit], None]
"""Sets flags as they are in train mode."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of it."""

    source: bool
    own: Distance = EQUAL
    note: str = ""


Judge = Callable[[Any], Proof]


@dataclass(frozen=True, slots=True)
class Trial:
    """One call on copies, undone."""

    result: tuple[Kept, ...] | None
    raised: str = ""


class Prover:
    """Proves calls of one pass."""

    def __init__(self, watch: Watch, toggle: Toggle, copies: Copies) -> None:
        self._watch, self._toggle, self._copies = watch, toggle, copies

    def prove(
        self, visit: Visit, original: Original, args: tuple[Any, ...], kwargs: dict[str, Any], usual: tuple[Kept, ...]
    ) -> Judge:
        """Try a call that is about to be made; what is returned wants to know what it really gave.

        `usual` is what it gave in an eval pass before.
        """
        trial = self._try(visit, original, args, kwargs, self._toggle)
        if trial.result is None:
            verdict = Proof(True, UNTOLD, f"raises {trial.raised} with its own training flag set")
            return lambda result: verdict
        toggled, usually = trial.result, apart(usual, trial.result)
        if not usually.equal and usually.relative <= TINY:
            verdict = self._prove_carefully(visit, original, args, kwargs, toggled)
            return lambda result: verdict
        return lambda result: _judged(toggled, result)

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
        self, visit: Visit, original: Original, args: tuple[Any, ...], kwargs: dict[str, Any], toggle: Toggle | None
    ) -> Trial:
        """Call a module on copies of what it gets, and undo everything that this did."""
        args, kwargs = own_inputs(args, kwargs)
        with ExitStack() as stack:
            stack.enter_context(self._watch.muted())
            stack.enter_context(put_back())
            stack.enter_context(unheard())
            stack.enter_context(silenced())
            stack.enter_context(torch.set_grad_enabled(torch.is_grad_enabled()))
            flags = [(module, flag_of(module)) for module in nn.Module.modules(visit.module)]
            with undisturbed():
                state = ModelState(visit.module, nn.Module.modules(visit.module), (), self._copies)
            try:
                if toggle is not None:
                    toggle(visit)
                result = original(visit.module, *args, **kwargs)
                with torch._C.DisableTorchFunction():
                    return Trial(Keeper(Room()).keep(result))
            except Cancelled:
                raise
            except BaseException as error:
                return Trial(None, sendable(type(error).__name__))
            finally:
                with undisturbed():
                    for _ in state.restore(thorough=False):
                        pass  # What cannot be put back here is told by the guard of the whole model.
                for module, flag in flags:
                    if flag_of(module) is not flag:  # TorchScript keeps it where no attribute leads to.
                        module.training = flag


def _judged(toggled: tuple[Kept, ...], result: Any) -> Proof:
    with torch._C.DisableTorchFunction():
        pairs, note = Comparer().compare(toggled, result)
    own = total(pairs).seen_from_the_other() + (UNTOLD if note else EQUAL)
    return Proof(not own.equal, own, note and "gives other things in train mode than in eval mode")


@contextmanager
def undisturbed() -> Iterator[None]:
    """With torch as it comes: no mode and no subclass of the user's has a say in what is done here."""
    with uncollected(), silenced(), torch._C.DisableTorchFunction(), torch.no_grad():
        yield


# --- flags ------------------------------------------------------------------------------------------------------------


def set_own_flag(visit: Visit) -> None:
    """The module's own flag and nothing else. A class that overrides `train` may look at other things than the flag:
    what that does to the module itself is done too."""
    module = visit.module
    if not overrides_train(module):
        module.training = True
        return
    below = [(part, attributes(part).get("training")) for part in nn.Module.modules(module) if part is not module]
    module.train(True)
    for part, flag in below:
        if flag is not None:
            part.training = flag
    module.training = True


def set_flags_looked_at(visit: Visit) -> None:
    """Every flag that its code looks at; of one that nobody sees look at any, its own and all below it."""
    looked = [module for module, _ in visit.looked.values()]
    for module in looked or list(nn.Module.modules(visit.module)):
        module.training = True


def overrides_train(module: nn.Module) -> bool:
    """Whether its class has a `train` of its own."""
    return type(module).train is not nn.Module.train
