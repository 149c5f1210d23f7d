"""NN314: the output carries no gradient although parameters on its way require one.

From the output back, call by call: the first one that had something with a gradient, and gave nothing with one, has cut
the graph. What is discrete by nature (argmax, a comparison) is no fault.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from torch import nn

from inspector.engine.class_text import texts_of
from inspector.engine.failure import place
from inspector.engine.findings.phrases import at
from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene, short
from inspector.engine.forward.calls import Call
from inspector.engine.forward.observation import Returned
from inspector.engine.source_files import attributes, is_library
from inspector.run_schema import CallKind
from inspector.schema import Source

_SWITCHES = frozenset(("no_grad", "inference_mode", "set_grad_enabled"))
_LEAVING = frozenset(("data", "numpy", "item", "tolist", "detach_", "from_numpy", "tensor", "as_tensor"))


class _Graph(NamedTuple):
    """What a call did to the graph."""

    got: bool
    """Whether it got something that carries a gradient, or has parameters of its own that want one."""
    gave: bool
    """Whether it gave something that carries one."""
    floating: bool
    """Whether it gave floating values at all."""
    enabled: bool
    """Whether gradients were on when it had returned."""


class Cause(NamedTuple):
    """How the graph was cut."""

    row: int
    words: str
    source: Source | None
    call: int


class CutGraph(RunRule):
    """For a run with gradients."""

    id = "NN314"

    def __init__(self) -> None:
        self._met: dict[int, _Graph] = {}

    def watch(self, returned: Returned) -> None:
        outputs = [tensor for tensor in returned.outputs() if tensor.is_floating_point() or tensor.is_complex()]
        got = any(tensor.requires_grad for tensor, _ in returned.given)
        if returned.call.kind == CallKind.MODULE:
            own = (attributes(returned.call.module).get("_parameters") or {}).values()
            got = got or any(each is not None and each.requires_grad for each in own)
        gave = any(tensor.requires_grad for tensor in outputs)
        self._met[returned.call.index] = _Graph(got, gave, bool(outputs), returned.gradients)

    @property
    def is_cut(self) -> bool:
        """Whether the model gave floating values, none of which carries a gradient, although some call could."""
        end = self._met.get(0)
        return end is not None and end.floating and not end.gave and any(each.got for each in self._met.values())

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        if not self.is_cut:
            return
        for call in self._cuts(scene):
            yield self._noticed(scene, call)
            return

    def _cuts(self, scene: RunScene) -> Iterator[Call]:
        """The calls that cut it, nearest to the output first; none when something discrete lies on every way."""
        waiting = [seen.maker for seen in scene.calls[0].outputs if seen.shape is not None and "float" in seen.dtype]
        met: set[int] = set()
        while waiting:
            index = waiting.pop(0)
            if index in met or index not in self._met:
                continue
            met.add(index)
            call, graph = scene.calls[index], self._met[index]
            if graph.got or self._had_one_inside(scene, call):
                if graph.floating and not self._is_discrete_inside(scene, call):
                    yield call
                continue
            makers = [seen.maker for seen in call.inputs if seen.shape is not None]
            waiting += makers
            if call.parent is not None and not any(maker >= 0 for maker in makers):
                waiting.append(call.parent.index)  # It got what came from nowhere: its surroundings must know.

    def _had_one_inside(self, scene: RunScene, call: Call) -> bool:
        return any(self._met[inner.index].got for inner in scene.inside(call) if inner.index in self._met)

    def _is_discrete_inside(self, scene: RunScene, call: Call) -> bool:
        """Whether something in it turned what has a gradient into integers, from which the rest may come."""
        inner = [self._met[each.index] for each in scene.inside(call) if each.index in self._met]
        return any(each.got and not each.floating for each in inner) and all(each.enabled for each in inner)

    # --- words ------------------------------------------------------------------------------------------------------

    def _noticed(self, scene: RunScene, call: Call) -> Noticed:
        cause = self.cause(scene, call)
        return Noticed(cause.row, f"the output carries no gradient: {cause.words}", _FIX, cause.source, cause.call)

    def cause(self, scene: RunScene, call: Call) -> Cause:
        """How a call has cut the graph, in words, and where."""
        off = self._switched_off_by(call)
        if off is not None:
            source = _line_with(off.module, _SWITCHES) or scene.line(call)
            words = f"gradients are switched off in {scene.module_name(off.module)}"
            return Cause(off.row, f"{words}{at(source)}", source, off.index)
        if call.kind == CallKind.OPERATION:
            source = scene.line(call)
            name = "detach" if short(call).startswith("detach") else short(call)
            words = f"{name} cuts the graph in {scene.module_name(call.module)}"
            return Cause(call.row, f"{words}{at(source)}", source, call.index)
        last = self._last_with_gradient(scene, call)
        source = line_that_leaves(call.module) or scene.line(last or call)
        after = f"; {scene.who(last)}{at(scene.line(last))} was the last to carry one" if last is not None else ""
        words = f"{scene.module_name(call.module)} leaves the graph{at(source)}{after} (.data, NumPy or item())"
        return Cause(call.row, words, source, call.index)

    def gave(self, call: Call) -> bool:
        """Whether a call gave something that carries a gradient."""
        return self._met.get(call.index, _NONE).gave

    def gave_values(self, call: Call) -> bool:
        """Whether a call gave floating values, which could carry one."""
        return self._met.get(call.index, _NONE).floating

    def _switched_off_by(self, call: Call) -> Call | None:
        """The call in whose forward gradients were switched off; None when they were on."""
        if self._met[call.index].enabled:
            return None
        around: Call = call
        while around.parent is not None and not self._met.get(around.index, _ON).enabled:
            around = around.parent
        return around

    def _last_with_gradient(self, scene: RunScene, call: Call) -> Call | None:
        inner = [each for each in scene.inside(call) if self._met.get(each.index, _NONE).gave]
        return inner[-1] if inner else None


_ON = _Graph(False, False, False, True)
_NONE = _Graph(False, False, False, False)
_FIX = "take it away where the output is to be trained; keep it where only a part is to stay fixed"


def line_that_leaves(module: nn.Module) -> Source | None:
    """The line in a module's own class that takes a tensor out of the graph without an operation."""
    return _line_with(module, _LEAVING)


def _line_with(module: nn.Module, names: frozenset[str]) -> Source | None:
    """The line in a module's own class that speaks of one of these, in its forward first."""
    found = [
        (method.name != "forward", node.lineno, text.file)
        for text in texts_of(type(module))
        if not is_library(text.file)
        for method in text.methods
        if method.name != "__init__"
        for node in ast.walk(method)
        if isinstance(node, ast.Attribute | ast.Name)
        and (node.attr if isinstance(node, ast.Attribute) else node.id) in names
    ]
    return place(min(found)[2], min(found)[1]) if found else None
