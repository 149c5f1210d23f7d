"""Choose what goes into the model, the first that there is: what was typed, what file or model hold, a guess."""

from __future__ import annotations

from msgspec.structs import replace
from torch import nn

from inspector.engine.failure import LoadFailed, refuse
from inspector.engine.inputs.given import as_recipe, missing, parts_of
from inspector.engine.inputs.guess import Guess, goes_through, guess
from inspector.engine.inputs.held import Held, find_held
from inspector.engine.inputs.recipes import Drawn
from inspector.engine.inputs.refusals import spelled_signature
from inspector.engine.inputs.sample import Part, Sample, assemble, device_of, finish, floating_dtype
from inspector.engine.inputs.signature import Signature
from inspector.engine.target import Built
from inspector.run_schema import InputSet


def choose(model: nn.Module, texts: tuple[str, ...], built: Built | None, seed: int) -> Sample:
    """The sample; of origin "none" when there is nothing to run with. Raises LoadFailed when what was typed is wrong,
    or the user's own `example_inputs` raises."""
    signature = Signature(model)
    if not signature.has_forward:
        return Sample((), {}, InputSet("none", reason=f"{type(model).__name__} has no forward"))
    if texts:
        return _given(model, texts, signature, built, seed)
    try:
        held = find_held(model, signature, built, seed)
    except LoadFailed as failed:  # What could be given instead is known all the same.
        raise LoadFailed(replace(failed.failure, arguments=signature.described)) from failed.__cause__
    if held is None:
        return _guessed(model, guess(model, signature, {}, seed), signature, built, seed)
    parts = _parts_of(model, held, signature)
    if not held.meant and not goes_through(model, parts):
        found = guess(model, signature, {}, seed)
        if found.through or (found.parts is not None and missing(parts, signature)):
            return _guessed(model, found, signature, built, seed)
    sample = assemble(parts, held.origin, device_of(model, built), seed)
    return finish(sample, signature, built, seed, where=held.where)


def _given(model: nn.Module, texts: tuple[str, ...], signature: Signature, built: Built | None, seed: int) -> Sample:
    parts = parts_of(texts, model, signature)
    wanted = missing(parts, signature)
    reason = ""
    if wanted:
        found = guess(model, signature, {part.name: as_recipe(part) for part in parts}, seed)
        parts, reason = _beside(parts, wanted, found, signature), f"{', '.join(wanted)} guessed: {found.reason}"
    files = ", ".join(
        text.rpartition("@")[2] for text in texts if text.partition("=")[2].startswith("@") or text[:1] == "@"
    )
    sample = assemble(parts, "given", device_of(model, built), seed)
    return finish(sample, signature, built, seed, where=files, reason=reason)


def _beside(parts: list[Part], wanted: list[str], found: Guess, signature: Signature) -> list[Part]:
    """The given arguments with the guessed ones: in their places as long as no place before them is empty."""
    guessed = {part.name: part for part in found.parts or ()}
    unguessed = [name for name in wanted if name not in guessed]
    if unguessed:
        spelled = spelled_signature(signature.described)
        raise refuse(
            "inputs",
            "MissingInputs",
            f"forward also wants {', '.join(unguessed)}, which cannot be guessed: {found.reason}. It is  {spelled}",
            mend=f"For example  --input {unguessed[0]}=2x3",
            arguments=signature.described,
        )
    parts = list(parts)
    for name in wanted:
        part = guessed[name]
        count = sum(not known.keyword for known in parts)
        in_place = signature.by_place[count : count + 1] == [name]
        keyword = not in_place and not signature.only_by_place(name)
        parts.append(part._replace(keyword=keyword, reason=part.reason or "guessed"))
    return parts


def _parts_of(model: nn.Module, held: Held, signature: Signature) -> list[Part]:
    parts = []
    names = signature.by_place
    for index, value in enumerate(held.args):
        name = names[index] if index < len(names) else f"{signature.many or 'args'}[{index - len(names)}]"
        if isinstance(value, Drawn):
            parts.append(Part(name, False, Drawn(value.shape, floating_dtype(model))))
        else:
            parts.append(Part(name, False, None, value))
    return parts + [Part(name, True, None, value) for name, value in held.kwargs.items()]


def _guessed(model: nn.Module, found: Guess, signature: Signature, built: Built | None, seed: int) -> Sample:
    if found.parts is None:
        return finish(Sample((), {}, InputSet("none")), signature, built, seed, reason=found.reason)
    sample = assemble(found.parts, "guessed", device_of(model, built), seed)
    return finish(sample, signature, built, seed, reason=found.reason)


__all__ = ["LoadFailed", "Sample", "choose"]
