"""NN299: what no rule explains, with what can be measured of it all the same."""

from __future__ import annotations

import difflib
from typing import Any

from torch import nn

from inspector.engine.case import peek, traceback_of
from inspector.engine.failure import sendable
from inspector.engine.findings.origins import told
from inspector.engine.findings.phrases import at, by
from inspector.engine.findings.rule import Proof, Rule
from inspector.engine.findings.scene import Scene, is_tensor
from inspector.engine.kinds import is_a, is_instance
from inspector.engine.source_files import attributes
from inspector.engine.spelling import spelled

_LONGEST = 200
_MOST_NAMED = 12
_SCRIPTED = "The following operation failed in the TorchScript interpreter"
"""How TorchScript begins; what failed it says last."""


def prove(scene: Scene) -> Proof:
    """Always one: which module, which line, and the exception in its own words."""
    return Proof(message=plain_message(scene), received=_received(scene))


def _prove_measured(scene: Scene) -> Proof:
    for look in (_no_tensor, _axes, _misspelt, _no_such_key):
        found = look(scene)
        if found is not None:
            return found
    return prove(scene)


def plain_message(scene: Scene) -> str:
    """`block raised KeyError at net.py:20: 'big'`"""
    kind = sendable(type(scene.halt.error).__name__)
    lines = [line.strip() for line in scene.text.splitlines() if line.strip()] or [""]
    first = lines[-1] if lines[0].startswith(_SCRIPTED) else lines[0]
    text = first if len(first) <= _LONGEST else f"{first[: _LONGEST - 1]}…"
    return sendable(f"{scene.who} raised {kind}{at(scene.source)}{f': {text}' if text else ''}")


def _received(scene: Scene) -> str:
    return ", ".join(by(tensor.shape) for tensor in scene.tensors()[:8])


# --- what can be measured of some -------------------------------------------------------------------------------------


def _no_tensor(scene: Scene) -> Proof | None:
    """A layer of torch's that takes a tensor and got something else, such as the pair that an LSTM returns."""
    module = scene.module(nn.Module)
    if module is None or not is_a(scene.halt.error, TypeError, AttributeError) or is_a(module, nn.RNNBase):
        return None
    value = next(iter(scene.bound().values() if scene.bound() else ()), None)
    name, value = next(((n, v) for n, v in list(scene.bound().items())[1:2]), ("", value))
    if name not in ("input", "query", "src") or is_tensor(value):
        return None
    return Proof(
        message=f"{scene.who} takes a tensor, got {_kind(value)}",
        fix=_first_of(scene, value),
        received=_kind(value),
        expected="a tensor",
    )


def _kind(value: Any) -> str:
    name = sendable(type(value).__name__)
    if is_a(value, tuple, list):
        shapes = [by(part.shape) if is_tensor(part) else sendable(type(part).__name__) for part in value]
        return f"a {name} of {len(shapes)} ({', '.join(shapes[:_MOST_NAMED])})"
    return "None" if value is None else f"a {name}"


def _first_of(scene: Scene, value: Any) -> str:
    if is_a(value, tuple) and len(value) and is_tensor(value[0]):
        makers = {seen.maker for seen in scene.call.inputs if seen.shape is not None}
        maker = scene.halt.calls[makers.pop()].module if len(makers) == 1 and min(makers) >= 0 else None
        if is_a(maker, nn.RNNBase):
            return "it returns (output, hidden): output, _ = ..."
        return "take its first part: x[0]"
    if type(value).__module__ == "numpy":
        return "torch.from_numpy(x)"
    return ""


def _axes(scene: Scene) -> Proof | None:
    """A convolution or norm that got an input of another number of axes."""
    kinds = nn.modules.conv._ConvNd, nn.modules.batchnorm._NormBase, nn.modules.pooling._MaxPoolNd
    module = scene.module(*kinds, nn.modules.pooling._AvgPoolNd)
    data = scene.bound().get("input") if module is not None else None
    digit = next((kind.__name__[-2] for kind in type(module).__mro__ if kind.__name__[-2:] in ("1d", "2d", "3d")), "")
    if not is_tensor(data) or not digit or not is_a(scene.halt.error, RuntimeError, ValueError):
        return None
    axes = int(digit)
    allowed = (2, 3) if is_a(module, nn.BatchNorm1d) else (axes + 2,)
    if not is_a(module, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d):
        allowed = (axes + 1, axes + 2)
    if data.dim() in allowed:
        return None
    _, beside, producer = told(scene, scene.seen(data), 0)
    names = "N, C, " + ", ".join({1: "L", 2: "HW", 3: "DHW"}[axes])
    wanted = " or ".join(map(str, allowed))
    return Proof(
        message=f"{scene.who} takes {wanted} axes ({names}), got {data.dim()}: {by(data.shape)}",
        received=f"{by(data.shape)}   {beside}".rstrip(),
        expected=f"{wanted} axes",
        producer=producer,
    )


def _misspelt(scene: Scene) -> Proof | None:
    """An attribute that a module does not have, with the nearest that it has."""
    if not is_a(scene.halt.error, AttributeError):
        return None
    module = next((value for value in _selves(scene) if is_instance(value)), None)
    name = peek(scene.halt.error, "name")
    if module is None or type(name) is not str or name not in scene.text or name in _names(module):
        return None
    near = difflib.get_close_matches(name, _names(module), 1)
    return Proof(message=plain_message(scene), fix=f"did you mean {sendable(near[0])}?" if near else "")


def _names(module: nn.Module) -> list[str]:
    mine = attributes(module)
    tables = [mine.get(table) or {} for table in ("_modules", "_parameters", "_buffers")]
    return [name for table in (*tables, mine, vars(type(module))) for name in table if type(name) is str]


def _no_such_key(scene: Scene) -> Proof | None:
    """A key that a ModuleDict (or another of torch's containers) does not hold."""
    container = next((v for v in _selves(scene) if is_a(v, nn.ModuleDict, nn.ParameterDict)), None)
    if container is None or not is_a(scene.halt.error, KeyError):
        return None
    keys = list(container._modules if is_a(container, nn.ModuleDict) else container._keys)
    args = peek(scene.halt.error, "args")
    key = args[0] if is_a(args, tuple) and args else ""
    held = ", ".join(spelled(name) for name in keys[:_MOST_NAMED]) or "nothing"
    near = difflib.get_close_matches(key, keys, 1) if type(key) is str else []
    return Proof(
        message=f"{plain_message(scene)}; the {type(container).__name__} holds {held}",
        fix=f"did you mean {spelled(near[0])}?" if near else "",
        received=spelled(key),
        expected=held,
    )


def _selves(scene: Scene) -> list[Any]:
    """The objects whose methods the exception came through, the innermost first."""
    found = []
    entry = traceback_of(scene.halt.error)
    while entry is not None:
        code = entry.tb_frame.f_code
        if code.co_argcount and code.co_varnames[0] == "self":
            found.append(entry.tb_frame.f_locals.get("self"))
        entry = entry.tb_next
    return found[::-1]


ANYTHING_ELSE = Rule(
    "NN299",
    (BaseException,),
    _prove_measured,
)
