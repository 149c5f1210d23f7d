"""NN504: NaN or Inf in the gradients of parameters, and the operation at which they begin."""

from __future__ import annotations

from collections.abc import Iterable

from inspector.engine.backward.births import Birth
from inspector.engine.findings.backward_rule import BackwardScene
from inspector.engine.findings.phrases import and_, at, plural
from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene, short
from inspector.figures import count
from inspector.run_schema import CallKind

_NAMES = {"self": "input", "other": "divisor"}
"""What the tensors that an operation saves are called, where torch's own name says less."""
_FIXES = {
    "sqrt": "add a small eps under the root: sqrt(x + eps)",
    "rsqrt": "add a small eps under the root: rsqrt(x + eps)",
    "log": "log(x + eps) or x.clamp(min=eps); log_softmax in place of log(softmax(x))",
    "div": "add a small eps to the divisor, or clamp(min=eps)",
    "pow": "clamp(min=eps) what is raised to a power below 1",
    "norm": "F.normalize, or add a small eps under the root",
    "linalg_vector_norm": "F.normalize, or add a small eps under the root",
}
_GUARDED = "make its argument safe before the operation: torch.where after it keeps the value and not the gradient"


class GradientBirths(RunRule):
    id = "NN504"
    modes = ("train",)

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        assert isinstance(scene, BackwardScene)
        if not scene.bad:
            return
        named = scene.bad[0] if len(scene.bad) == 1 else f"{len(scene.bad)} of {scene.measured} parameters"
        head = f"NaN or Inf in the gradient of {named}"
        if not scene.births:
            yield Noticed(0, f"{head}; no operation was found that got finite gradients and gave others")
            return
        first = scene.births[0]
        call = scene.calls[first.call] if first.call is not None else None
        source = scene.line(call)
        module = scene.module_name(call.module) if call is not None else scene.module_name(scene.model)
        name = short(call) if call is not None and call.kind == CallKind.OPERATION else first.operation
        if first.operation not in _alike(name):
            name = f"{name} ({first.operation})"
        more = f"; {plural(len(scene.births) - 1, 'more place')} like it" if len(scene.births) > 1 else ""
        message = f"{head}: they begin at {name} in {module}{at(source)}: {_measured(first)}{more}"
        row = call.row if call is not None else 0
        yield Noticed(row, message, _fix(first), source, call.index if call is not None else -1)


def _alike(name: str) -> tuple[str, ...]:
    """The derivatives' names that say no more than the operation's own."""
    return (name, name.rstrip("_"), {"/": "div", "*": "mul", "**": "pow", "@": "mm"}.get(name, name))


def _measured(birth: Birth) -> str:
    bad = [f"{count(birth.nan)} NaN" if birth.nan else "", f"{count(birth.infinite)} Inf" if birth.infinite else ""]
    text = f"finite gradients came in, {and_([each for each in bad if each])} of {count(birth.elements)} went out"
    if birth.overflown:
        return f"{text}; its {_called(birth.overflown[0])} is not finite in forward already"
    if birth.zeros and birth.operation in _FIXES:
        name, zeros = birth.zeros[0]
        text += f"; its {_called(name)} is 0 in {count(zeros)} place{'s' if zeros > 1 else ''}"
    if birth.unheeded:
        text += "; the gradient that came in is 0 there, and 0 times infinity is NaN"
    return text


def _called(name: str) -> str:
    return _NAMES.get(name, name)


def _fix(birth: Birth) -> str:
    if birth.overflown:
        return "mend the forward first: look at what NN301 says in train mode"
    return _GUARDED if birth.unheeded else _FIXES.get(birth.operation, "")
