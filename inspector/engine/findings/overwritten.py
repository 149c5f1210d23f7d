"""NN502: a tensor that backward needs was changed in place after it had been saved."""

from __future__ import annotations

from collections.abc import Iterable

from inspector.engine.backward.saved import Overwritten as Entry
from inspector.engine.findings.backward_rule import BackwardScene
from inspector.engine.findings.phrases import at, by
from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene, short
from inspector.engine.forward.calls import Call
from inspector.run_schema import CallKind

_INSTEAD = {
    "+=": "x = x + y", "-=": "x = x - y", "*=": "x = x * y", "/=": "x = x / y", "**=": "x = x ** y",
    "[…] =": "torch.where or index_put on a clone()",
}  # fmt: skip


class Overwritten(RunRule):
    id = "NN502"
    modes = ("train",)

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        assert isinstance(scene, BackwardScene)
        told: set[tuple[object, object]] = set()
        for entry in scene.overwritten:
            writer = scene.calls[entry.writer] if entry.writer is not None else None
            saver = scene.calls[entry.saver] if entry.saver is not None else None
            key = scene.line(writer), scene.line(saver)
            if key not in told:
                told.add(key)
                yield _noticed(scene, entry, saver, writer)


def _noticed(scene: BackwardScene, entry: Entry, saver: Call | None, writer: Call | None) -> Noticed:
    what = f"a {by(entry.shape)} tensor"
    saved = f"{entry.operation or 'an operation'} in {_who(scene, saver)}{at(scene.line(saver))} saved for backward"
    if writer is None:
        how = "was changed in place afterwards; nobody saw by what"
    else:
        how = f"was changed in place by {_doing(scene, writer)}{at(scene.line(writer))}"
    message = f"{what} that {saved} {how}: its value is lost (version {entry.saved}, now {entry.now})"
    about = writer or saver
    return Noticed(
        about.row if about is not None else 0,
        message,
        _fix(writer),
        scene.line(about),
        about.index if about is not None else -1,
    )


def _who(scene: BackwardScene, call: Call | None) -> str:
    return scene.module_name(call.module) if call is not None else scene.module_name(scene.model)


def _doing(scene: BackwardScene, call: Call) -> str:
    if call.kind == CallKind.OPERATION:
        return f"{short(call)} in {scene.module_name(call.module)}"
    inplace = " (inplace=True)" if getattr(call.module, "inplace", False) is True else ""
    return f"{scene.who(call)}{inplace}"


def _fix(writer: Call | None) -> str:
    if writer is None:
        return "clone() the tensor before it is written to"
    if writer.kind == CallKind.MODULE:
        return f"{type(writer.module).__name__} without inplace=True" if hasattr(writer.module, "inplace") else _CLONE
    name = short(writer)
    if name in _INSTEAD:
        return f"{_INSTEAD[name]} makes a new tensor in place of {name}"
    return f"{name.rstrip('_')} makes a new tensor in place of {name}" if name.endswith("_") else _CLONE


_CLONE = "clone() the tensor before it is written to"
