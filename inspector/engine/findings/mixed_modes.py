"""NN107: modules that disagree with the model about train and eval."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from inspector.engine.findings.mode_rule import ModeRule, ModeScene, Noticed

_LISTED = 3
_WORDS = {True: "train", False: "eval"}


def _find(scene: ModeScene) -> Iterable[Noticed]:
    root = scene.found.get(id(scene.model), False)
    others = list(_topmost(scene.model, root, scene.found, set()))
    if not others:
        return
    names = [scene.name(module) for module in others]
    listed = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else "")
    are = "is" if len(names) == 1 else "are"
    yield Noticed(others[0], f"{listed} {are} in {_WORDS[not root]}, the model in {_WORDS[root]}")


def _topmost(module: nn.Module, root: bool, flags: dict[int, bool], seen: set[int]) -> Iterable[nn.Module]:
    """The modules in the other mode that are not below one that is."""
    for child in nn.Module.children(module):
        if id(child) in seen:
            continue
        seen.add(id(child))
        if flags.get(id(child), root) is not root:
            yield child
        else:
            yield from _topmost(child, root, flags, seen)


MIXED_MODES = ModeRule(
    "NN107",
    "Modules disagree with the model about train and eval",
    "Some parts are in the other mode than the model itself. That is what freezing a part looks like; it is also what "
    "is left behind by a call of eval() on a part that was never taken back. model.train() and model.eval() make all "
    "of them agree again.",
    "note",
    _find,
)
