"""The passes of a comparison: every one with the model as it was found, with inputs and random numbers of its own.

eval, kept ─▶ train, compared with it ─▶ train with another seed ─▶ eval with another seed, in which is proven
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from inspector.engine.forward.conditions import Mode, conditions, own_inputs, reseed, set_mode, unheard
from inspector.engine.forward.module_classes import ModuleClasses
from inspector.engine.forward.progress import interruption
from inspector.engine.forward.recorder import Recorder
from inspector.engine.forward.sources import Sources
from inspector.engine.forward.warned import Warnings, silenced
from inspector.engine.guard import Guard
from inspector.engine.inputs.sample import Sample
from inspector.engine.modes.watch import Around, Known, Watch, flag_of

Way = Literal["train", "eval"]


class Rows(NamedTuple):
    """How modules and rows belong together."""

    row_of: Callable[[nn.Module], int | None]
    path_of: Callable[[int], str]


class Passes:
    """Runs one model on one sample, in either mode."""

    def __init__(
        self, model: nn.Module, sample: Sample, rows: Rows, guard: Guard, on_call: Callable[[int], None]
    ) -> None:
        self._model, self._sample, self._rows, self._guard = model, sample, rows, guard
        self.on_call = on_call
        self._known = Known(Sources(), ModuleClasses())
        self.gradients = False
        """Whether forward differentiates itself, and wants gradients for that."""
        self.flags: dict[Way, dict[int, bool]] = {}
        """The training flags that every module began the last pass of each mode with, by the modules' identities."""
        self.warnings = Warnings()
        self.notes: dict[str, None] = {}
        self._train: Mode = "train"
        self._keep_mixed_modes()

    def watch(self, way: Way, seed: int, around: Around, *, heard: bool = False) -> tuple[Watch, Any]:
        """One pass, with `around` around every call of a module. `heard`: what it prints and warns of is told."""
        watch = self.watching(around)
        return watch, self.run(way, seed, watch, heard=heard)

    def watching(self, around: Around) -> Watch:
        """What stands around the calls of a pass."""
        return Watch(self._rows.row_of, around, self.on_call, self._known)

    def run(self, way: Way, seed: int, watch: Watch, *, heard: bool = False) -> Any:
        """One pass that is watched; returns what the model gives."""
        return self._run(way, seed, watch, lambda args, kwargs: self._model(*args, **kwargs), heard)

    def record(self, way: Way, seed: int, recorder: Recorder) -> None:
        """One pass that is recorded."""
        self._run(way, seed, nullcontext(), lambda args, kwargs: recorder.run(self._model, args, kwargs), False)

    def act(self, way: Way, seed: int, action: Callable[[tuple[Any, ...], dict[str, Any]], object]) -> None:
        """One pass in which anything may be done with these arguments; what it raises comes out."""
        self._run(way, seed, nullcontext(), action, False)

    def forward(
        self,
        way: Way,
        seed: int,
        *,
        sample: Sample | None = None,
        prepare: Callable[[], object] | None = None,
        heard: bool = False,
        fused: bool = False,
    ) -> Any:
        """One pass that nobody watches, on this or on another sample; `prepare` has been called before it. `fused`:
        torch may take its fused path for Transformer layers."""
        action = partial(_prepared, prepare, self._model)
        around = fast_path(True) if fused else nullcontext()
        return self._run(way, seed, around, action, heard, sample)

    def _run(
        self,
        way: Way,
        seed: int,
        around: AbstractContextManager[object],
        action: Callable[[tuple[Any, ...], dict[str, Any]], Any],
        heard: bool,
        sample: Sample | None = None,
    ) -> Any:
        interruption.check()
        self._guard.restore()
        sample = sample or self._sample
        with self._conditions(way, seed, heard):
            args, kwargs = own_inputs(sample.args, sample.kwargs)
            reseed(seed)
            try:
                with around, interruption.forward():  # Whatever interrupts forward, what stood around it is left.
                    return action(args, kwargs)
            except BaseException:
                interruption.check()
                raise

    @property
    def keeps_modes(self) -> bool:
        """Whether a train run leaves every flag as it was found."""
        return self._train == "kept"

    @contextmanager
    def _conditions(self, way: Way, seed: int, heard: bool) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(conditions(seed, self.gradients))
            stack.enter_context(fast_path(False))
            if heard:
                stack.enter_context(self.warnings.heard())
            else:
                stack.enter_context(unheard())
                stack.enter_context(silenced())
            if note := set_mode(self._model, "eval" if way == "eval" else self._train):
                self.notes[note] = None
            self.flags[way] = {id(module): flag_of(module) for module in nn.Module.modules(self._model)}
            yield

    def switched(self) -> set[int]:
        """The modules that are in train mode in the one and in eval mode in the other, by their identities."""
        training = self.flags.get("train", {})
        return {module for module, flag in self.flags.get("eval", {}).items() if training.get(module) and not flag}

    def _keep_mixed_modes(self) -> None:
        """A model in train mode some of whose parts are in eval mode is trained like that: as it stands."""
        modules = list(nn.Module.modules(self._model))
        frozen = [module for module in modules if not flag_of(module)]
        if flag_of(self._model) and frozen:
            self._train = "kept"
            count = f"{len(frozen):,} modules" if len(frozen) > 1 else "one module"
            self.notes[f"{count} in eval mode stayed so in the train run; model.train() would switch that"] = None


def _prepared(
    prepare: Callable[[], object] | None, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    if prepare is not None:
        prepare()
    return model(*args, **kwargs)


@contextmanager
def fast_path(allowed: bool) -> Iterator[None]:
    """The fused function that torch takes for whole Transformer layers in eval mode would hide their parts."""
    switch = getattr(torch.backends, "mha", None)
    if switch is None:
        yield
        return
    before = switch.get_fastpath_enabled()
    switch.set_fastpath_enabled(allowed)
    try:
        yield
    finally:
        switch.set_fastpath_enabled(before)
