"""What was typed after --input, arranged as forward takes it."""

from __future__ import annotations

import difflib
from typing import Any

from torch import nn

from inspector.engine.failure import LoadFailed
from inspector.engine.inputs.grammar import Typed, read
from inspector.engine.inputs.held import arranged
from inspector.engine.inputs.recipes import Recipe, Stored
from inspector.engine.inputs.refusals import refuse_input, spelled_signature
from inspector.engine.inputs.sample import Part, floating_dtype
from inspector.engine.inputs.signature import Signature
from inspector.engine.kinds import is_a


def parts_of(texts: tuple[str, ...], model: nn.Module, signature: Signature) -> list[Part]:
    """One part for each argument that was given. Raises LoadFailed for what forward does not take."""
    default, most = floating_dtype(model), _smallest_table(model)
    typed = [read(text, default, most) for text in texts]
    _check_names(typed, signature)
    parts: list[Part] = []
    for one in typed:
        parts += _parts(one, parts, signature)
    _check_places(parts, texts, signature)
    return parts


def _parts(typed: Typed, before: list[Part], signature: Signature) -> list[Part]:
    recipe = typed.recipe
    if typed.name:
        keyword = typed.name not in signature.parameters or not signature.only_by_place(typed.name)
        return [Part(typed.name, keyword, recipe, text=typed.text.strip())]
    start = sum(not part.keyword for part in before)
    if not isinstance(recipe, Stored):
        return [Part(place_name(start, signature), False, recipe, text=typed.text.strip())]
    args, kwargs = arranged(recipe.value, signature)
    found = [Part(place_name(start + index, signature), False, None, value, "") for index, value in enumerate(args)]
    found += [Part(name, True, None, value, "") for name, value in kwargs.items()]
    if not found:
        raise refuse_input(typed.text, "the file is empty")
    return [found[0]._replace(text=typed.text.strip()), *found[1:]]


def place_name(index: int, signature: Signature) -> str:
    """What the parameter in this place is called."""
    names = signature.by_place
    if index < len(names):
        return names[index]
    return f"{signature.many or 'args'}[{index - len(names)}]"


def _smallest_table(model: nn.Module) -> int:
    """How many rows the smallest embedding of the model has; 10 at most."""
    rows: list[Any] = [
        module.num_embeddings for module in model.modules() if is_a(module, nn.Embedding, nn.EmbeddingBag)
    ]
    return max(1, min([10, *(count for count in rows if type(count) is int)]))


# --- what forward does not take ---------------------------------------------------------------------------------------


def _check_names(typed: list[Typed], signature: Signature) -> None:
    seen: set[str] = set()
    for one in typed:
        if one.name and one.name in seen:
            raise refuse_input(one.text, f"{one.name} is given twice")
        seen.add(one.name)
        if one.name and signature.known and not signature.keywords and one.name not in signature.names:
            raise _unknown(one, signature)


def _unknown(typed: Typed, signature: Signature) -> LoadFailed:
    near = difflib.get_close_matches(typed.name, signature.names, 1, 0.5) or signature.names[:1]
    _, _, value = typed.text.partition("=")
    reason = f"forward has no argument {typed.name}. It is  {spelled_signature(signature.described)}"
    example = f"--input {near[0]}={value.strip()}" if near else ""
    return refuse_input(typed.text, reason, example, kind="UnknownInput", arguments=signature.described)


def _check_places(parts: list[Part], texts: tuple[str, ...], signature: Signature) -> None:
    if not signature.known:
        return
    count = sum(not part.keyword for part in parts)
    spelled = spelled_signature(signature.described)
    if count > len(signature.by_place) and not signature.many:
        what = f"{count} arguments without a name, but forward takes {len(signature.by_place)}. It is  {spelled}"
        raise refuse_input(texts[-1], what, kind="TooManyInputs", arguments=signature.described)
    twice = [part.name for part in parts if part.keyword and part.name in signature.by_place[:count]]
    unnamed = [name for name in (part.name for part in parts if part.keyword) if not _is_known(name, signature)]
    if twice:
        reason = f"{twice[0]} is given by its place and by its name. It is  {spelled}"
        raise refuse_input(texts[-1], reason, arguments=signature.described)
    if unnamed:
        reason = f"forward has no argument {unnamed[0]}. It is  {spelled}"
        raise refuse_input(texts[-1], reason, kind="UnknownInput", arguments=signature.described)


def _is_known(name: str, signature: Signature) -> bool:
    return bool(signature.keywords) or name in signature.names


def missing(parts: list[Part], signature: Signature) -> list[str]:
    """The parameters that have no default and got nothing."""
    count = sum(not part.keyword for part in parts)
    have: set[Any] = {*signature.by_place[:count], *(part.name for part in parts)}
    return [name for name in signature.required if name not in have]


def as_recipe(part: Part) -> Recipe:
    """The part's recipe; of a value that is there already, one that gives it."""
    return part.recipe if part.recipe is not None else Stored(part.name, part.value)
