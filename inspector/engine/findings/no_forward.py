"""NN120: a model, or a part that its forward calls, that cannot be called."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import torch
from torch import nn

from inspector.engine.class_text import ClassText, Function, class_place, is_torchs_module, texts_of
from inspector.engine.failure import place
from inspector.engine.findings.anatomy import Anatomy
from inspector.engine.findings.rule import Proof, Rule
from inspector.engine.findings.scene import Scene
from inspector.engine.kinds import is_a
from inspector.engine.source_files import attributes
from inspector.run_schema import Finding
from inspector.schema import Source

_UNWRITTEN = vars(nn.Module)["forward"]
_USED = {
    "ModuleList": "loop over it in the forward of a model, or use nn.Sequential",
    "ModuleDict": "choose from it in the forward of a model",
    "ParameterList": "use it in the forward of a model",
    "ParameterDict": "use it in the forward of a model",
}
_CALLED: dict[type, str] = {
    nn.ModuleList: "loop over it, or use nn.Sequential",
    nn.ModuleDict: "call one of its modules by its key",
}
"""The same, for a part that was called."""


def no_forward(anatomy: Anatomy) -> Iterator[Finding]:
    """The model without a forward, and classes of the user's in which it is misspelt."""
    row = 0
    if lacks_forward(anatomy.model):
        message, fix, source = _explained(type(anatomy.model))
        yield anatomy.finding("NN120", row, message, fix, source)
        return
    asked: set[type] = set()
    for row in sorted(anatomy.distinct.values()):
        cls = type(anatomy.things[row])
        if cls not in asked and not is_torchs_module(cls) and lacks_forward(anatomy.things[row]):
            found = _misspelt(cls, 1)
            if found is not None:
                text, method = found
                message = f"{cls.__name__} has no forward: `{method.name}` is not called by it"
                yield anatomy.finding("NN120", row, message, "rename it to forward", place(text.file, method.lineno))
        asked.add(cls)


def _prove(scene: Scene) -> Proof | None:
    """A forward that called a part which has none."""
    module = scene.call.module
    if not is_a(module, nn.Module) or not lacks_forward(module):
        return None
    said, fix, _ = _explained(type(module))
    if is_torchs_module(type(module)):
        said, fix = f"{scene.who} is a {type(module).__name__}, which has no forward", _CALLED.get(type(module), fix)
    else:
        said = f"{scene.who}: {said}"
    return Proof(message=said, fix=fix)


NO_FORWARD = Rule("NN120", (NotImplementedError,), _prove)


def lacks_forward(module: nn.Module) -> bool:
    """Whether calling it raises NotImplementedError because nobody wrote a forward."""
    if is_a(module, torch.jit.ScriptModule) or "forward" in attributes(module):
        return False
    names = [vars(cls) for cls in type(module).__mro__ if cls is not nn.Module]
    if any("__call__" in held for held in names):
        return False
    forward = next((held["forward"] for held in (*names, vars(nn.Module)) if "forward" in held), _UNWRITTEN)
    return forward is _UNWRITTEN


def _explained(cls: type) -> tuple[str, str, Source | None]:
    name = cls.__name__
    if is_torchs_module(cls):
        return f"{name} has no forward: calling it raises", _USED.get(name, "write a class with a forward"), None
    nested = _nested(cls)
    if nested is not None:
        text, method, around = nested
        message = f"{name} has no forward: it is indented into {around}, and so a function inside that"
        return message, "indent it as deep as __init__", place(text.file, method.lineno)
    found = _misspelt(cls, 2)
    if found is not None:
        text, method = found
        message = f"{name} has no forward; it has `{method.name}`"
        return message, "rename it to forward", place(text.file, method.lineno)
    return f"{name} has no forward: calling it raises", "write a forward", class_place(cls)


def _nested(cls: type) -> tuple[ClassText, Function, str] | None:
    for text in texts_of(cls):
        for method in text.methods:
            for node in ast.walk(method):
                if isinstance(node, ast.FunctionDef) and node.name == "forward" and node is not method:
                    return text, node, method.name
    return None


def _misspelt(cls: type, most: int) -> tuple[ClassText, Function] | None:
    """A method whose name is so many letters from forward, and that takes an input."""
    for text in texts_of(cls):
        for method in text.methods:
            takes = len(method.args.posonlyargs) + len(method.args.args) > 1 or method.args.vararg is not None
            if takes and distance(method.name.lower(), "forward") <= most and not method.name.startswith("forward"):
                return text, method
    return None


def distance(one: str, other: str) -> int:
    """How many letters have to be changed, left out, put in or exchanged with their neighbour."""
    rows = [list(range(len(other) + 1))]
    for i, left in enumerate(one, 1):
        row = [i]
        for j, right in enumerate(other, 1):
            best = min(row[j - 1] + 1, rows[i - 1][j] + 1, rows[i - 1][j - 1] + (left != right))
            if i > 1 and j > 1 and one[i - 2] == right and left == other[j - 2]:
                best = min(best, rows[i - 2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]
