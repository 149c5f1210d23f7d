"""From a forward that stopped to the card that says why: the fault that is proven, or NN299."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import torch
from torch import nn

import inspector
from inspector.engine.case import traceback_of
from inspector.engine.failure import place, sendable
from inspector.engine.findings.anything_else import ANYTHING_ELSE, plain_message
from inspector.engine.findings.failure_rules import RULES
from inspector.engine.findings.rule import Proof, Rule
from inspector.engine.findings.scene import Scene
from inspector.engine.forward.calls import Halt
from inspector.engine.kinds import forward_of, is_a, is_instance, unwrapped
from inspector.engine.source_files import is_library
from inspector.run_schema import CallKind, Finding, InputSet
from inspector.schema import Source

_HERE = os.path.join(os.path.dirname(os.path.realpath(inspector.__file__)), "")


def explain(halt: Halt, path_of: Callable[[int], str], inputs: InputSet) -> Finding:
    """Why a forward raised, as far as the live arguments of the failed call prove it.

    `path_of` gives the dotted path of a row. Never raises: what cannot be proven is NN299, with PyTorch's own text.
    """
    scene = Scene(halt, path_of, inputs, _source(halt))
    with torch._C.DisableTorchFunctionSubclass(), torch.no_grad():
        rule, proof = _best(scene) or (ANYTHING_ELSE, _silently(ANYTHING_ELSE, scene) or Proof(plain_message(scene)))
    call, row = scene.call, _row(scene)
    return Finding(
        id=rule.id,
        severity=rule.severity,
        row=row,
        path=sendable(path_of(row)),
        message=sendable(proof.message),
        fix=sendable(proof.fix),
        source=scene.source,
        received=sendable(proof.received),
        expected=sendable(proof.expected),
        producer=sendable(proof.producer),
        call=call.index,
    )


def _row(scene: Scene) -> int:
    """The row of the call that raised; of an operation in a module whose forward was called in the place of the module
    itself, as in `self.encoder.forward(x)`, the row of that module."""
    row = scene.call.row
    inside = _last_forward(scene.halt.error) if scene.call.kind == CallKind.OPERATION else None
    if inside is None or any(opened.call.module is inside for opened in scene.halt.open):
        return row
    own = scene.halt.row_of(inside)
    return row if own is None else own


def _last_forward(error: BaseException) -> nn.Module | None:
    """The module whose forward the exception came through first."""
    found = None
    entry = traceback_of(error)
    while entry is not None:
        code = entry.tb_frame.f_code
        if code.co_name == "forward" and code.co_argcount:
            module = entry.tb_frame.f_locals.get(code.co_varnames[0])
            found = module if is_instance(module) else found
        entry = entry.tb_next
    return found


def _best(scene: Scene) -> tuple[Rule, Proof] | None:
    """The rule that is proven; of several, the first that PyTorch's text speaks for too."""
    proven = [(rule, proof) for rule in RULES if (proof := _silently(rule, scene)) is not None]
    text = scene.text if len(proven) > 1 else ""
    return next((found for found in proven if re.search(found[0].words, text)), proven[0] if proven else None)


def _silently(rule: Rule, scene: Scene) -> Proof | None:
    """What a rule proves. One that raises over an object of the user's has proven nothing."""
    if not is_a(scene.halt.error, *rule.errors):
        return None
    try:
        return rule.prove(scene)
    except Exception:
        return None


def _source(halt: Halt) -> Source | None:
    """The user's own line: the innermost of the traceback, else the one that made the call, else forward itself."""
    steps = [step for step in _steps_of_forward(halt.error) if not is_library(step[0])]
    if steps:
        return place(os.path.abspath(steps[-1][0]), steps[-1][1])
    for opened in reversed(halt.open):
        if opened.call.source is not None:
            return opened.call.source
    code = getattr(unwrapped(forward_of(type(halt.open[0].call.module))), "__code__", None)
    if code is None or is_library(code.co_filename):
        return None
    return place(code.co_filename, code.co_firstlineno)


def _steps_of_forward(error: BaseException) -> list[tuple[str, int]]:
    """File and line of every step of the traceback, from where this program called the model."""
    steps: list[tuple[str, int]] = []
    entered = False
    entry = traceback_of(error)
    while entry is not None:
        code = entry.tb_frame.f_code
        if not entered and os.path.realpath(code.co_filename).startswith(_HERE):
            entered, steps = True, []  # What was before is whoever asked for the run.
        steps.append((code.co_filename, entry.tb_lineno or code.co_firstlineno))
        entry = entry.tb_next
    return steps
