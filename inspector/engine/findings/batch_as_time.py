"""NN309: a recurrent or attention layer that reads the batch as time."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from inspector.engine.findings.layout import Layout, flow_of, is_batch_first, paired
from inspector.engine.findings.phrases import by
from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene
from inspector.engine.forward.batch_tracking import Spread
from inspector.engine.forward.calls import Call
from inspector.engine.kinds import is_a
from inspector.run_schema import CallKind


class BatchAsTime(RunRule):
    id = "NN309"

    def suspects(self, scene: RunScene) -> bool:
        return any(_reads_axis_0_as_time(call) for call in scene.calls)

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        if scene.batch is None:
            return
        layout = Layout(scene)
        if not layout.batch_first or layout.sequence_first:
            return
        found = [call for call in scene.calls if _reads_axis_0_as_time(call) and _got_the_batch_there(scene, call)]
        modules = {id(call.module): call for call in reversed(found) if not _inside_one(call)}
        for call in reversed(modules.values()):
            shape = next(seen.shape for seen in call.inputs if seen.shape is not None)
            kind = "attends over" if is_a(call.module, nn.MultiheadAttention) else "reads"
            yield Noticed(
                call.row,
                f"{scene.who(call)} {kind} axis 0 of {by(shape)} as time because batch_first=False, and axis 0 is the "
                f"batch of {shape[0]}: {layout.batch_first}",
                "did you mean batch_first=True? Else permute the input to (time, batch, feature)",
                scene.line(call),
                call.index,
            )


def _reads_axis_0_as_time(call: Call) -> bool:
    if call.kind != CallKind.MODULE or is_batch_first(call.module) is not False:
        return False
    shape = next((seen.shape for seen in call.inputs if seen.shape is not None), ())
    return len(shape) == 3 and shape[0] > 1


def _got_the_batch_there(scene: RunScene, call: Call) -> bool:
    flow = flow_of(scene, call)
    pairs = paired(call.inputs, flow.inputs) if flow is not None else []
    return bool(pairs) and pairs[0][1].spread is Spread.CLEAN and pairs[0][1].axes == (0,)


def _inside_one(call: Call) -> bool:
    """Whether it is a part of a layer of torch's that reads its input in the same way."""
    around = call.parent
    while around is not None:
        if is_batch_first(around.module) is False:
            return True
        around = around.parent
    return False
