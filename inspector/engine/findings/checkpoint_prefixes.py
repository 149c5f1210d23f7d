"""NN601: keys of checkpoint and model that differ only by a prefix."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.engine.checkpoint.mending import mend
from inspector.engine.checkpoint.renaming import WRAPPERS, Renaming
from inspector.engine.findings.checkpoint_rule import CheckpointScene
from inspector.engine.findings.phrases import and_
from inspector.run_schema import Finding


def prefixes(scene: CheckpointScene) -> Iterator[Finding]:
    """One for each difference; the code that mends all of them stands with the first."""
    renamed = scene.match.renamed
    code = mend(renamed, scene.state.entries, scene.slots.by_key) if renamed else ""
    for number, each in enumerate(renamed):
        message = f"{_count(each, scene)}: {and_(_differences(each, scene.file))}"
        fix = code if not number else "mended together with the first" if code else ""
        yield scene.finding("NN601", _place(each, scene), f"{message}; {_writers(each)}", fix)


def _count(each: Renaming, scene: CheckpointScene) -> str:
    """How many keys it is about, and an example."""
    held, key = each.pairs[0]
    return f"{len(each.pairs):,} of {len(scene.state.entries):,} keys differ by a prefix alone, as {held} and {key} do"


def _differences(each: Renaming, file: str) -> list[str]:
    parts = []
    if each.lost:
        parts.append(f"{each.lost} stands before them in {file}")
    if each.gained:
        parts.append(f"{each.gained} stands before them in the model")
    parts += [f"{part}. stands within them in {file}" for part in each.lost_within]
    parts += [f"{part}. stands within them in the model" for part in each.gained_within]
    return parts


def _writers(each: Renaming) -> str:
    """Who writes such a prefix."""
    fronts = [part for front in (each.lost, each.gained) for part in front.rstrip(".").split(".") if part]
    said = []
    for part in dict.fromkeys((*fronts, *each.lost_within, *each.gained_within)):
        if part in WRAPPERS:
            said.append(f"{part}. is written by {WRAPPERS[part]}")
        elif part == "model":
            said.append("model. is written by training code that keeps the network in self.model, as Lightning's does")
        else:
            said.append(f"{part}. is the name of an attribute that holds these modules")
    return ", ".join(said)


def _place(each: Renaming, scene: CheckpointScene) -> str:
    """The innermost module that holds all of them."""
    path, *others = (scene.slots.by_key[key].holder for _, key in each.pairs)
    while path and not all(other == path or other.startswith(f"{path}.") for other in others):
        path = path.rpartition(".")[0]
    return path
