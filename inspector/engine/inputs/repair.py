"""From where a try failed to what to try next: the failure itself tells which argument must be otherwise, and how."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from inspector.engine.failure import message_of
from inspector.engine.inputs.expectations import Model, expected, is_word, keys_of
from inspector.engine.inputs.layers import LENGTH, hidden_state, takes
from inspector.engine.inputs.leaves import changed, leaves
from inspector.engine.inputs.recipes import Drawn, Recipe, Several, plain
from inspector.engine.inputs.resizing import VIDEO_RANK, blind, by_numbers, by_smallness, free_axes, resized
from inspector.engine.inputs.said import Said
from inspector.engine.inputs.shaping import IMAGE_RANK, direct, of_elements, with_axes, with_rank
from inspector.engine.inputs.signature import Signature
from inspector.engine.inputs.sizes import Scale
from inspector.engine.inputs.trying import Candidate, Outcome, Slot
from inspector.engine.inputs.watching import MERGED, Observed, Origin

_UNPACKING = re.compile(r"(?:not enough|too many) values to unpack \(expected (\d+)")
_BY_FEATURES = (
    nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention, nn.Transformer, nn.TransformerEncoderLayer,
    nn.TransformerDecoderLayer, nn.TransformerEncoder, nn.TransformerDecoder,
)  # fmt: skip
"""Layers that want a number of features on the last axis, whatever stands on the others."""


class Repairs:
    """Remembers what sizes gave, so that each failure narrows the next try."""

    def __init__(self, model: Model, signature: Signature) -> None:
        self._model = model
        self._keywords = bool(signature.keywords)
        self._optional = {name for name in signature.names if signature.parameters[name].default is None}
        self._scales: dict[tuple[str, str, str], Scale] = {}

    def of(self, outcome: Outcome) -> list[Candidate]:
        """Candidates that mend the failure, the surest first."""
        found: dict[Candidate, None] = {}
        for candidate in self._all(outcome):
            if candidate != outcome.candidate:
                found.setdefault(candidate)
        return list(found)

    def of_doubt(self, outcome: Outcome) -> list[Candidate]:
        """Candidates with which a view would keep the batch."""
        known = leaves(outcome.candidate)
        doubtful = [
            seen for seen in outcome.watch.doubtful if seen.origin.whole or len(known[seen.leaf].shape) >= IMAGE_RANK
        ]
        return [mended for seen in doubtful for mended in self._elements(outcome, seen)]

    def _all(self, outcome: Outcome) -> Iterator[Candidate]:
        yield from self._by_python(outcome)
        yield from self._by_name(outcome)
        unmet = [seen for seen in outcome.watch.failed if not seen.met]
        together = _together(outcome.candidate, unmet)
        if together is not None:
            yield together
        yield from self._by_module(outcome)
        yield from _shared_out(outcome.candidate, unmet)
        for seen in unmet:
            yield from self._by_want(outcome, seen)
        yield from self._by_parts(outcome)
        yield from self._by_positions(outcome)
        if not outcome.watch.failed_name:
            yield from self._by_ranks(outcome)
        yield from by_smallness(outcome, _said(outcome))
        yield from by_numbers(outcome)

    # --- by what a function wanted ----------------------------------------------------------------------------------

    def _by_want(self, outcome: Outcome, seen: Observed) -> Iterator[Candidate]:
        candidate, want = outcome.candidate, seen.want
        leaf = leaves(candidate).get(seen.leaf)
        if leaf is None:
            return
        if (wanted := direct(leaf, seen)) is not None:
            yield changed(candidate, seen.leaf, wanted)
        elif want.what == "rank" and (rank := len(leaf.shape) + want.size - want.tensor.dim()) > 0:
            yield changed(candidate, seen.leaf, replace(leaf, shape=with_rank(leaf.shape, rank)))
        elif want.what == "elements":
            yield from self._elements(outcome, seen)
        elif want.what == "axis" and want.tensor.dim() > want.axis:
            if seen.origin.whole:
                per_sample = math.prod(leaf.shape[1:]) * want.size // max(want.tensor.shape[want.axis], 1)
                yield from of_elements(candidate, seen.leaf, leaf, per_sample)
            got = want.tensor.shape[want.axis]
            if len(leaf.shape) == want.tensor.dim() > 2 and leaf.shape[want.axis] == got:
                yield changed(candidate, seen.leaf, with_axes(leaf, (want.axis,), want.size))
            if (last := len(leaf.shape) - 1) == 1 and leaf.shape[last] + want.size - got > 0:
                added = leaf.shape[last] + want.size - got  # Where it was joined with something else.
                yield changed(candidate, seen.leaf, with_axes(leaf, (last,), added))
            yield from self._resized(outcome, seen.leaf, seen.where, got, want.size)

    def _elements(self, outcome: Outcome, seen: Observed) -> Iterator[Candidate]:
        leaf = leaves(outcome.candidate).get(seen.leaf)
        if leaf is None or not leaf.shape:
            return
        wanted = seen.want.size
        if seen.origin.whole:
            yield from of_elements(outcome.candidate, seen.leaf, leaf, wanted)
        got = seen.want.tensor.numel() // max(leaf.shape[0], 1)
        yield from self._resized(outcome, seen.leaf, seen.where, got, wanted)

    def _resized(self, outcome: Outcome, name: str, where: str, got: int, wanted: int) -> Iterator[Candidate]:
        leaf = leaves(outcome.candidate)[name]
        for axes in free_axes(leaf, name, outcome, also_said=True):
            others = [size for axis, size in enumerate(leaf.shape) if axis not in axes]
            fixed = others if len(leaf.shape) == VIDEO_RANK else others[:1]
            scale = self._scales.setdefault((name, where, f"{axes}{fixed}"), Scale(len(axes)))
            scale.note(leaf.shape[axes[0]], got, wanted)
            for size in scale.next():
                yield from resized(outcome.candidate, name, axes, size)

    # --- by the layer that raised -----------------------------------------------------------------------------------

    def _by_module(self, outcome: Outcome) -> Iterator[Candidate]:
        """A layer of torch.nn that got an argument itself, and whose taking is known."""
        if outcome.watch.failed_module is None:
            return
        module, where, args, _ = outcome.watch.failed_module
        try:
            known = takes(module)
        except Exception:  # A layer that is not as torch.nn makes it.
            return
        for value, recipe in zip(args, known or (), strict=False):
            if isinstance(value, Tensor) and isinstance(recipe, Drawn):
                yield from self._like(outcome, module, where, value, recipe)
        state = hidden_state(module)
        if state is not None and len(args) > 1:
            yield from self._with_state(outcome, args[1], state)

    def _like(
        self, outcome: Outcome, module: nn.Module, where: str, value: Tensor, recipe: Drawn
    ) -> Iterator[Candidate]:
        for name, origin in _origins(outcome, value):
            leaf = leaves(outcome.candidate).get(name)
            if leaf is None:
                continue
            if (
                origin.whole
                and not {None, MERGED} & {*origin.axes}
                and len(origin.axes) == len(recipe.shape) == len(leaf.shape)
            ):
                shape = list(leaf.shape)
                for axis, own in enumerate(origin.axes):
                    shape[own or 0] = recipe.shape[axis]
                yield changed(outcome.candidate, name, replace(recipe, shape=tuple(shape)))
            elif origin.whole and value.dim() == len(leaf.shape):
                yield changed(outcome.candidate, name, recipe)
            elif value.dim() and value.shape[-1] != recipe.shape[-1] and isinstance(module, _BY_FEATURES):
                last = origin.own_axis(value.dim() - 1)
                if last is not None:
                    yield changed(outcome.candidate, name, with_axes(leaf, (last,), recipe.shape[-1]))
                yield from self._resized(outcome, name, where, value.shape[-1], recipe.shape[-1])

    def _with_state(self, outcome: Outcome, value: Any, state: Recipe) -> Iterator[Candidate]:
        tensors = value if isinstance(value, (tuple, list)) else (value,)
        parts = state.parts if isinstance(state, Several) else (state,)
        for tensor, part in zip(tensors, parts, strict=False):
            for name, origin in _origins(outcome, tensor):
                if origin.whole:
                    yield changed(outcome.candidate, name, part)
                    if isinstance(state, Several):
                        yield changed(outcome.candidate, name, state)

    # --- by what forward said ---------------------------------------------------------------------------------------

    def _by_name(self, outcome: Outcome) -> Iterator[Candidate]:
        """`you have to specify decoder_input_ids`: an argument that could be left out, and cannot; or one that is None
        in the line that failed."""
        said = Said(outcome.error)
        own = isinstance(outcome.error, (ValueError, AssertionError, RuntimeError)) and not outcome.watch.failed_name
        nothing = isinstance(outcome.error, (AttributeError, TypeError)) and "NoneType" in _said(outcome)
        given = {slot.name for slot in outcome.candidate}
        for name in [*(said.words if own else ()), *(said.missing if own or nothing else ())]:
            if name in self._optional and name not in given:
                for recipe in expected(name, "", self._model)[:2]:
                    yield (*outcome.candidate, Slot(name, True, recipe))

    # --- by what Python said ----------------------------------------------------------------------------------------

    def _by_python(self, outcome: Outcome) -> Iterator[Candidate]:
        error, candidate = outcome.error, outcome.candidate
        if isinstance(error, KeyError) and error.args:
            yield from self._by_key(candidate, error.args[0])
        if outcome.watch.failed_name == "__getitem__":
            yield from self._as_mapping(outcome)
        match = _UNPACKING.search(message_of(error)) if isinstance(error, ValueError) else None
        if match:
            yield from self._ranked(candidate, int(match[1]))

    def _by_key(self, candidate: Candidate, key: Any) -> Iterator[Candidate]:
        """A word that is no key of some ModuleDict; a key that a batch lacks; a keyword that forward looks for."""
        words = [slot for slot in candidate if is_word(slot.recipe) and not slot.fixed]
        for slot in words:
            keys = [found for module in self._model.modules for found in keys_of(module)]
            for found in dict.fromkeys(keys):
                yield _exchanged(candidate, slot, plain(found))
        if type(key) is not str:
            return
        for slot in candidate:
            recipe = slot.recipe
            if isinstance(recipe, Several) and recipe.kind == "dict" and key not in recipe.keys and not slot.fixed:
                for part in expected(key, "", self._model)[:3]:
                    yield _exchanged(candidate, slot, Several("dict", (*recipe.parts, part), (*recipe.keys, key)))
        if self._keywords and not words and key not in [slot.name for slot in candidate]:
            for part in expected(key, "", self._model)[:3]:
                yield (*candidate, Slot(key, True, part))

    def _as_mapping(self, outcome: Outcome) -> Iterator[Candidate]:
        """An argument of which forward takes parts by name is a dict."""
        for slot in outcome.candidate:
            if slot.fixed or not isinstance(slot.recipe, Drawn) or "str" not in _said(outcome) + _indices(outcome):
                continue
            if any(slot.name in origins for _, origins in outcome.watch.failed_tensors):
                yield _exchanged(outcome.candidate, slot, Several("dict", (), ()))

    def _by_parts(self, outcome: Outcome) -> Iterator[Candidate]:
        """An argument that forward takes apart may be a tuple."""
        for slot in outcome.candidate:
            if not slot.fixed and isinstance(slot.recipe, Drawn) and slot.name in outcome.watch.taken_apart:
                for count in (2, 3):
                    yield _exchanged(outcome.candidate, slot, Several("tuple", (slot.recipe,) * count))

    def _by_ranks(self, outcome: Outcome) -> Iterator[Candidate]:
        """`expected to be 3D or 4D`: of what the module that raised got, which may have more axes than the argument."""
        got = [value for value in (outcome.watch.failed_module or ((), "", ()))[2] if isinstance(value, Tensor)]
        for rank in Said(outcome.error).ranks:
            for name, leaf in leaves(outcome.candidate).items():
                added = [value.dim() - len(leaf.shape) for value in got if name in outcome.watch.origins(value)]
                wanted = rank - (added[0] if added else 0)
                if wanted > 0:
                    yield from self._ranked(outcome.candidate, wanted)

    def _ranked(self, candidate: Candidate, rank: int) -> Iterator[Candidate]:
        for name, leaf in leaves(candidate).items():
            if len(leaf.shape) != rank and leaf.shape:
                if rank == len(leaf.shape) + 1 == VIDEO_RANK:
                    yield changed(candidate, name, replace(leaf, shape=(leaf.shape[0], LENGTH, *leaf.shape[1:])))
                yield changed(candidate, name, replace(leaf, shape=with_rank(leaf.shape, rank)))

    # --- by little more than that it failed ---------------------------------------------------------------------------

    def _by_positions(self, outcome: Outcome) -> Iterator[Candidate]:
        """A table of positions that is shorter than the sequence."""
        match = re.fullmatch(r"embedding: (\d+) positions", _said(outcome))
        if match is None or outcome.watch.failed_name != "embedding":
            return
        rows = min(tensor.shape[0] for tensor, _ in outcome.watch.failed_tensors if tensor.dim() == 2)
        for name, leaf in leaves(outcome.candidate).items():
            for axis, size in enumerate(leaf.shape):
                if size == int(match[1]) and axis:
                    yield changed(outcome.candidate, name, with_axes(leaf, (axis,), rows))

    def blind(self, outcome: Outcome) -> Iterator[Candidate]:
        """Sizes that people use, and those that the model keeps."""
        return blind(outcome, self._model.modules)


# --- one argument -----------------------------------------------------------------------------------------------------


def _together(candidate: Candidate, unmet: list[Observed]) -> Candidate | None:
    """The candidate with everything that one call wanted of the arguments themselves."""
    mended, count = candidate, 0
    for seen in unmet:
        leaf = leaves(mended).get(seen.leaf)
        wanted = direct(leaf, seen) if leaf is not None else None
        if wanted is not None and seen.want.what != "rank":
            mended, count = changed(mended, seen.leaf, wanted), count + 1
    return mended if count > 1 else None


def _shared_out(candidate: Candidate, unmet: list[Observed]) -> Iterator[Candidate]:
    """Rows of several arguments that were joined into one: each gets an equal part of what is wanted."""
    rows = [seen for seen in unmet if seen.want.what == "axis" and seen.origin.own_axis(seen.want.axis) is None]
    known = leaves(candidate)
    names = list(dict.fromkeys(seen.leaf for seen in rows if len(known[seen.leaf].shape) == 2))
    if len(names) < 2:
        return
    wanted, mended = rows[0].want.size, candidate
    for index, name in enumerate(names):
        part = wanted // len(names) + (index < wanted % len(names))
        mended = changed(mended, name, with_axes(known[name], (1,), part))
    yield mended


def _origins(outcome: Outcome, tensor: Any) -> list[tuple[str, Origin]]:
    return list(outcome.watch.origins(tensor).items())


def _said(outcome: Outcome) -> str:
    return message_of(outcome.error) if outcome.error is not None else ""


def _exchanged(candidate: Candidate, slot: Slot, recipe: Recipe) -> Candidate:
    return tuple(Slot(one.name, one.keyword, recipe) if one is slot else one for one in candidate)


def _indices(outcome: Outcome) -> str:
    return " ".join(type(part).__name__ for part in outcome.watch.failed_index)
