"""NN404: the same output in both modes, although there are modules that should differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from inspector.engine.findings.mode_rule import ModeRule, ModeScene, Noticed
from inspector.engine.findings.phrases import plural
from inspector.engine.kinds import is_a
from inspector.engine.source_files import attributes

_LISTED = 3


def _find(scene: ModeScene) -> Iterable[Noticed]:
    comparison = scene.comparison
    if not comparison.outputs or any(output.difference != 0 for output in comparison.outputs):
        return
    if any(output.noise_train != 0 for output in comparison.outputs):
        return  # By chance the same in these two runs.
    should = [module for module in nn.Module.modules(scene.model) if _should_differ(module)]
    if not should:
        return
    why = [(module, _why(scene, module)) for module in should]
    listed = ", ".join(f"{scene.name(module)} ({reason})" for module, reason in why[:_LISTED])
    more = f" and {len(why) - _LISTED:,} more ({_counted(why[_LISTED:])})" if len(why) > _LISTED else ""
    what = plural(len(should), "module")
    differ = "differs" if len(should) == 1 else "differ"
    yield Noticed(
        should[0], f"train and eval give the same output, bit for bit, although {what} usually {differ}: {listed}{more}"
    )


def _counted(why: list[tuple[nn.Module, str]]) -> str:
    counts = Counter(reason for _, reason in why)
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common())


def _should_differ(module: nn.Module) -> bool:
    mine = attributes(module)
    if is_a(module, _BatchNorm):
        return (mine.get("_buffers") or {}).get("running_mean") is not None
    if is_a(module, nn.RNNBase):
        return bool(mine.get("dropout")) and mine.get("num_layers", 1) > 1
    if is_a(module, nn.MultiheadAttention):
        return bool(mine.get("dropout"))
    return is_a(module, _DropoutNd, nn.RReLU)


def _why(scene: ModeScene, module: nn.Module) -> str:
    """Why it makes no difference to the output."""
    if is_a(module, _DropoutNd) and attributes(module).get("p") == 0:
        return "p=0"
    flag = scene.trained.get(id(module))
    if flag is None:
        return "not called in the train run"
    if not flag:
        return "frozen in eval mode"
    row = scene.row_of(module)
    sources = {scene.comparison.differences[index].row for index in scene.comparison.sources}
    return "does not reach the output" if row in sources else "gives the same in both"


SAME_IN_BOTH_MODES = ModeRule("NN404", _find)
