"""NN601: keys of checkpoint and model that differ only by a prefix."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.engine.checkpoint.mending import mend
from inspector.engine.checkpoint.renaming import WRAPPERS, Renaming
from inspector.engine.findings.checkpoint_rule import CheckpointScene
from inspector.run_schema import Finding

_KNOWN = {
    **{part: f"written by {who}" for part, who in WRAPPERS.items()},
    "model": "written by training code that keeps the network in self.model, as Lightning's does",
}
_HELD_HERE = "the attribute that holds this part here"


def prefixes(scene: CheckpointScene) -> Iterator[Finding]:
    """One for each difference; the code that mends all of them stands with the first."""
    renamed = sorted(scene.match.renamed, key=lambda each: scene.row(_place(each, scene)))
    code = mend(renamed, scene.state.entries, scene.slots.by_key) if renamed else ""
    for number, each in enumerate(renamed):
        (held, key), keys = each.pairs[0], f"{len(each.pairs):,} of {len(scene.state.entries):,} keys of {scene.file}"
        message = f"{keys} differ by a prefix alone: {held} there is {key} here; {_writers(each)}"
        fix = code if not number else "mended together with the first" if code else ""
        yield scene.finding("NN601", _place(each, scene), message, fix)


def _writers(each: Renaming) -> str:
    """Who writes such a prefix."""
    said: dict[str, str] = {}
    for front, words in ((each.lost, "the attribute that held all this where it was saved"), (each.gained, _HELD_HERE)):
        said |= {part: words for part in front.split(".") if part}
    said |= dict.fromkeys((*each.lost_within, *each.gained_within), "")
    return ", ".join(f"{part}. is {_KNOWN.get(part, words)}" for part, words in said.items())


def _place(each: Renaming, scene: CheckpointScene) -> str:
    """The innermost module that holds all of them."""
    path, *others = (scene.slots.by_key[key].holder for _, key in each.pairs)
    while path and not all(other == path or other.startswith(f"{path}.") for other in others):
        path = path.rpartition(".")[0]
    return path
