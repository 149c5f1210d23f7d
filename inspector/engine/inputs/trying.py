"""One try: arguments made from recipes, sent through a copy of the model, and what came of it."""

from __future__ import annotations

import io
import warnings
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from inspector.engine.forward.compiling import held_back
from inspector.engine.forward.fake_mode import prepare
from inspector.engine.inputs.copying import AsMade, copy_of
from inspector.engine.inputs.random_numbers import seeded
from inspector.engine.inputs.recipes import Drawn, Recipe, Several, make, moved
from inspector.engine.inputs.watching import OutOfTimeError, Watch, Watcher

_MOST_BYTES = 128 << 20
"""A model of at most so many bytes is copied with its values, when values are asked for."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One argument of a candidate."""

    name: str
    keyword: bool
    recipe: Recipe
    fixed: bool = False
    """Whether it was given, and is no part of the guess."""


Candidate = tuple[Slot, ...]


@dataclass(slots=True)
class Outcome:
    """What came of a try."""

    candidate: Candidate
    error: BaseException | None
    watch: Watch
    batch_kept: bool = True
    """Whether what came out has as many samples as went in."""


class Tries:
    """The copy that tries run on; it is made anew after each try that may have changed it."""

    def __init__(self, model: nn.Module, deadline: float) -> None:
        self.model = model
        self.hollow = True
        self._deadline = deadline
        self._lazy = any(isinstance(module, nn.modules.lazy.LazyModuleMixin) for module in model.modules())
        self._copy: nn.Module | None = None
        self._made: AsMade | None = None

    def can_have_values(self) -> bool:
        """Whether the model is small, and no part of it on a device of its own."""
        held = [*self.model.parameters(), *self.model.buffers()]
        known = [tensor for tensor in held if not nn.parameter.is_lazy(tensor)]
        cpu = all(tensor.device.type == "cpu" for tensor in known)
        return cpu and sum(tensor.numel() * tensor.element_size() for tensor in known) <= _MOST_BYTES

    def is_lazy(self, path: str) -> bool:
        """Whether the module at a path takes what it gets the first time."""
        try:
            return isinstance(self.model.get_submodule(path), nn.modules.lazy.LazyModuleMixin)
        except AttributeError:
            return False

    def give_values(self, deadline: float) -> None:
        """From now on the copy has values, and computes until then at most."""
        self.hollow, self._copy, self._deadline = False, None, deadline

    def run(self, candidate: Candidate) -> Outcome:
        """Try a candidate. Raises CopyFailed, OutOfTimeError and KeyboardInterrupt, and nothing else."""
        if self._copy is None:
            prepare()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._copy = copy_of(self.model, with_values=not self.hollow)
            self._made = AsMade(self._copy)
        args, kwargs, leaves = arguments_of(candidate, torch.device("meta" if self.hollow else "cpu"))
        watcher = Watcher(self._copy, leaves, self.hollow, self._deadline)
        result: Any = None
        error: BaseException | None = None
        with seeded(0), torch.no_grad(), warnings.catch_warnings(), _unheard(), held_back(self._copy), watcher:
            warnings.simplefilter("ignore")
            try:
                result = self._copy(*args, **kwargs)
            except (KeyboardInterrupt, OutOfTimeError):
                raise
            except BaseException as problem:
                error = problem
        watch = watcher.finish(error)
        if self._lazy or not self.hollow:
            self._copy = None  # Its sizes are those of this try now.
        elif self._made is not None:
            self._made.put_back()
        return Outcome(candidate, error, watch, _keeps_batch(result, candidate))


class _unheard(redirect_stdout[io.StringIO]):  # noqa: N801 - reads as a statement
    """What forward prints in a try is not the user's to read: it prints it again in the run."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())
        self._errors = redirect_stderr(io.StringIO())

    def __enter__(self) -> Any:
        self._errors.__enter__()
        return super().__enter__()

    def __exit__(self, *problem: Any) -> None:
        super().__exit__(*problem)
        self._errors.__exit__(*problem)


def arguments_of(
    candidate: Candidate, device: torch.device
) -> tuple[tuple[Any, ...], dict[str, Any], dict[str, Tensor]]:
    """Positional and keyword arguments, and the tensors in them by the names of their leaves."""
    generator = torch.Generator(device="cpu")
    generator.manual_seed(0)
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    leaves: dict[str, Tensor] = {}
    for slot in candidate:
        value = make(slot.recipe, generator, device)
        if slot.fixed:
            value = moved(value, device)
        else:
            _name_leaves(slot.name, slot.recipe, value, leaves)
        if slot.keyword:
            kwargs[slot.name] = value
        else:
            args.append(value)
    return tuple(args), kwargs, leaves


def _name_leaves(name: str, recipe: Recipe, value: Any, leaves: dict[str, Tensor]) -> None:
    if isinstance(recipe, Drawn):
        leaves[name] = value
    elif isinstance(recipe, Several):
        keys = recipe.keys if recipe.kind == "dict" else range(len(recipe.parts))
        for key, part in zip(keys, recipe.parts, strict=True):
            _name_leaves(f"{name}[{key!r}]", part, value[key], leaves)


def _keeps_batch(result: Any, candidate: Candidate) -> bool:
    """Whether the first tensor that came out has the batch size in one of its first axes, or is a single number."""
    batches = {slot.recipe.shape[0] for slot in candidate if isinstance(slot.recipe, Drawn) and slot.recipe.shape}
    first = result[0] if isinstance(result, (tuple, list)) and result else result
    if not isinstance(first, Tensor) or not first.dim() or not batches:
        return True
    return bool(batches & set(first.shape[:2]))
