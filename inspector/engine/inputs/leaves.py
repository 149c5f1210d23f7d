"""The tensors in a candidate's arguments, by name: `x`, `state[0]`, `batch['image']`."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.engine.inputs.recipes import Drawn, Recipe, Several
from inspector.engine.inputs.trying import Candidate, Slot


def leaves(candidate: Candidate) -> dict[str, Drawn]:
    """Every tensor that may still be guessed otherwise."""
    return {name: leaf for slot in candidate if not slot.fixed for name, leaf in _drawn(slot.name, slot.recipe)}


def changed(candidate: Candidate, leaf: str, recipe: Recipe) -> Candidate:
    """The candidate with another recipe for one leaf."""
    return tuple(
        slot if slot.fixed else Slot(slot.name, slot.keyword, _changed(slot.name, slot.recipe, leaf, recipe))
        for slot in candidate
    )


def _parts(name: str, recipe: Several) -> Iterator[tuple[str, Recipe]]:
    keys = recipe.keys if recipe.kind == "dict" else tuple(range(len(recipe.parts)))
    for key, part in zip(keys, recipe.parts, strict=True):
        yield f"{name}[{key!r}]", part


def _drawn(name: str, recipe: Recipe) -> Iterator[tuple[str, Drawn]]:
    if isinstance(recipe, Drawn):
        yield name, recipe
    elif isinstance(recipe, Several):
        for part_name, part in _parts(name, recipe):
            yield from _drawn(part_name, part)


def _changed(name: str, recipe: Recipe, leaf: str, new: Recipe) -> Recipe:
    if name == leaf:
        return new
    if isinstance(recipe, Several) and leaf.startswith(name):
        parts = tuple(_changed(part_name, part, leaf, new) for part_name, part in _parts(name, recipe))
        return Several(recipe.kind, parts, recipe.keys)
    return recipe
