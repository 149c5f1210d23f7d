"""Which axis the user takes for the batch: what layers and code say of it, where the data could mean either.

(batch, time, feature) and (time, batch, feature) flow alike. A layer that has its batch on axis 0 by definition, an
operation that takes the last step of axis 1, positions that are added along axis 1, and the names that the code gives
to the sizes tell them apart.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property

from torch import nn

from inspector.engine.class_text import Function, texts_of
from inspector.engine.findings.axis_words import kind_of, orders_in_words
from inspector.engine.findings.run_rule import RunScene, short
from inspector.engine.forward.batch_tracking import Flow, Lies, Spread
from inspector.engine.forward.calls import Call
from inspector.engine.kinds import is_a
from inspector.engine.source_files import attributes
from inspector.run_schema import CallKind, Seen

_BATCHED: dict[type[nn.Module], tuple[int, ...]] = {
    nn.modules.conv._ConvNd: (3, 4, 5),
    nn.modules.batchnorm._BatchNorm: (3, 4, 5),
    nn.modules.pooling._MaxPoolNd: (4, 5),
    nn.modules.pooling._AvgPoolNd: (4, 5),
    nn.modules.pooling._AdaptiveAvgPoolNd: (4, 5),
}
"""Layers whose axis 0 is the batch, and with how many axes that is beyond doubt."""
_SEQUENCES = (nn.RNNBase, nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer, nn.Transformer)
_GRAPH_NAMES = ("edge", "adj", "graph", "neighbor", "laplacian")
_REDUCTIONS = frozenset(("mean", "sum", "max", "min", "amax", "amin", "select", "[…]", "median", "logsumexp"))


def is_batch_first(module: nn.Module) -> bool | None:
    """What a sequence layer of torch's takes for the batch; None of every other module."""
    if is_a(module, nn.TransformerEncoder, nn.TransformerDecoder):
        layers = attributes(module).get("_modules", {}).get("layers")
        first = next(iter(layers), None) if is_a(layers, nn.ModuleList) else None
        return is_batch_first(first) if first is not None else None
    if not is_a(module, *_SEQUENCES):
        return None
    if is_a(module, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer):
        module = attributes(module)["_modules"].get("self_attn", module)
    return bool(getattr(module, "batch_first", False))


class Layout:
    """What speaks for either layout in one run."""

    def __init__(self, scene: RunScene) -> None:
        self._scene = scene

    @cached_property
    def batch_first(self) -> str:
        """What shows that axis 0 of the model's input is the batch; empty when nothing does."""
        return next(self._for_batch_first(), "")

    @cached_property
    def sequence_first(self) -> str:
        """What shows that axis 0 is time."""
        return next(self._for_sequence_first(), "")

    @cached_property
    def is_graph(self) -> bool:
        """Whether axis 0 of the input may be nodes: then samples influence each other by design."""
        names = [argument.name.lower() for argument in self._scene.inputs.arguments]
        if any(word in name for name in names for word in _GRAPH_NAMES):
            return True
        size = self._scene.batch.size if self._scene.batch is not None else 0
        shapes = [seen.shape for seen in self._scene.calls[0].inputs if seen.shape is not None]
        sparse = any("sparse" in seen.text for call in self._scene.calls for seen in call.inputs)
        return sparse or any(shape == (size, size) for shape in shapes[1:])

    # --- batch first --------------------------------------------------------------------------------------------------

    def _for_batch_first(self) -> Iterator[str]:
        given = next((seen.shape for seen in self._scene.calls[0].inputs if seen.shape is not None), ())
        if len(given) >= 4:
            yield "the input has four axes"
        if self._keeps_axis_0_alone():
            yield "the output has a row for each entry of axis 0"
        for call, inputs, outputs in self._flows():
            if not inputs or not self._is_sequence(inputs[0]):
                continue
            shape = inputs[0][0].shape or ()
            if outputs and _drops(1, call, shape, outputs[0][0].shape or ()):
                yield f"{self._scene.who(call)} takes axis 1 away"
            if not _is_clean(inputs[0][1]):
                continue
            if call.kind == CallKind.MODULE and _has_batch_on_axis_0(call.module, shape):
                yield f"{self._scene.who(call)} takes axis 0 as the batch"
            if call.kind == CallKind.OPERATION and _adds_along(1, call, shape, inputs):
                yield f"{self._scene.who(call)} adds positions along axis 1"
            if outputs and _is_clean(outputs[0][1]) and _flattens(call, shape, outputs[0][0].shape or ()):
                yield f"{self._scene.who(call)} keeps axis 0 and flattens the rest"
        yield from self._named(("batch", "time"))

    def _keeps_axis_0_alone(self) -> bool:
        """Whether the output still has axis 0 of the input, and has lost axis 1: steps are what gets lost."""
        root = self._scene.calls[0]
        given = next((seen for seen in root.inputs if seen.shape is not None), None)
        gave = next((seen.shape for seen in root.outputs if seen.shape is not None), ())
        if given is None or given.shape is None or not gave:
            return False
        axes = len(given.shape) + (0 if "float" in given.dtype else 1)
        return (
            axes >= 3
            and len(gave) < axes
            and gave[0] == given.shape[0] != given.shape[1]
            and given.shape[1] not in gave[1:]
        )

    def _for_sequence_first(self) -> Iterator[str]:
        for call, inputs, outputs in self._flows():
            if not inputs or not self._is_sequence(inputs[0]):
                continue
            shape = inputs[0][0].shape or ()
            if call.kind == CallKind.OPERATION and _adds_along(0, call, shape, inputs):
                yield f"{self._scene.who(call)} adds positions along axis 0"
            if outputs and _drops(0, call, shape, outputs[0][0].shape or ()):
                yield f"{self._scene.who(call)} takes axis 0 away"
            if is_batch_first(call.module) is False and call.kind == CallKind.MODULE and len(shape) == 3:
                masks = [seen.shape for seen, _ in inputs[1:] if seen.path.endswith("mask") and seen.shape is not None]
                if (shape[0], shape[0]) in masks or (shape[1], shape[0]) in masks:
                    yield f"the mask of {self._scene.who(call)} has the size of axis 0"
        yield from self._named(("time", "batch"))

    def _flows(self) -> Iterator[tuple[Call, list[tuple[Seen, Lies]], list[tuple[Seen, Lies]]]]:
        tracking = self._scene.batch
        for call in self._scene.calls:
            flow = tracking.flows.get(call.index) if tracking is not None else None
            if flow is not None:
                yield call, paired(call.inputs, flow.inputs), paired(call.outputs, flow.outputs)

    def _is_sequence(self, given: tuple[Seen, Lies]) -> bool:
        """Whether axis 0 of a tensor is that of the model's input: shown by the samples in it, or by the layer that
        took such a one and gave this."""
        seen, lies = given
        if _is_clean(lies):
            return True
        maker = self._scene.maker(seen)
        while maker is not None and is_batch_first(maker.module) is None:
            maker = maker.parent  # A part of a layer made it.
        flow = flow_of(self._scene, maker) if maker is not None and is_batch_first(maker.module) is False else None
        return flow is not None and bool(flow.inputs) and _is_clean(flow.inputs[0])

    def _named(self, kinds: tuple[str, str]) -> Iterator[str]:
        """What the code calls the sizes of axis 0 and axis 1, or the axes, where that is what is asked for."""
        for axis, kind in enumerate(kinds):
            if name := self._names.get((axis, kind)):
                yield f"the code calls the size of axis {axis} {name}"
        orders = orders_in_words(type(self._scene.calls[0].module))
        if kinds in orders and kinds[::-1] not in orders:
            yield f"the code calls its axes {orders[kinds]}"

    @cached_property
    def _names(self) -> dict[tuple[int, str], str]:
        """What the user's forward calls the sizes of the first axes of what it gets: axis and kind of name."""
        found: dict[tuple[int, str], str] = {}
        for text in texts_of(type(self._scene.calls[0].module)):
            for method in text.methods:
                if method.name == "forward":
                    for axis, name in _names_of_sizes(method):
                        if kind := kind_of(name):
                            found.setdefault((axis, kind), name)
        return found


def paired(seens: tuple[Seen, ...], lies: tuple[Lies, ...]) -> list[tuple[Seen, Lies]]:
    """The tensors among some values, each with how the changed sample lies in it."""
    tensors = [seen for seen in seens if seen.shape is not None]
    return list(zip(tensors, lies, strict=True)) if len(tensors) == len(lies) else []


def flow_of(scene: RunScene, call: Call) -> Flow | None:
    """How the changed sample lies in what a call got and gave."""
    return scene.batch.flows.get(call.index) if scene.batch is not None else None


def _is_clean(lies: Lies) -> bool:
    return lies.spread is Spread.CLEAN and 0 in lies.axes


def _has_batch_on_axis_0(module: nn.Module, shape: tuple[int, ...]) -> bool:
    if is_batch_first(module):
        return len(shape) == 3
    return any(is_a(module, kind) and len(shape) in axes for kind, axes in _BATCHED.items())


def _adds_along(axis: int, call: Call, shape: tuple[int, ...], inputs: list[tuple[Seen, Lies]]) -> bool:
    """Whether something that is the same for all samples is added, different from step to step of an axis."""
    if short(call) not in ("+", "+=", "add", "add_") or len(shape) != 3 or shape[axis] == 1 or len(inputs) != 2:
        return False
    seen, lies = inputs[1]
    if lies.spread is not Spread.UNCHANGED or seen.shape is None:
        return False
    wanted = [(1, *shape[1:]), shape[1:]] if axis == 1 else [(shape[0], 1, shape[2])]
    return seen.shape in wanted


def _drops(axis: int, call: Call, shape: tuple[int, ...], left: tuple[int, ...]) -> bool:
    """Whether an operation takes one step of an axis of a sequence, or reduces along it."""
    if call.kind != CallKind.OPERATION or short(call) not in _REDUCTIONS or len(shape) != 3 or shape[0] == shape[1]:
        return False
    return left == (*shape[:axis], *shape[axis + 1 :])


def _flattens(call: Call, shape: tuple[int, ...], left: tuple[int, ...]) -> bool:
    if short(call) not in ("flatten", "view", "reshape") and not is_a(call.module, nn.Flatten):
        return False
    return len(shape) >= 3 and len(left) == 2 and left[0] == shape[0]


# --- names ------------------------------------------------------------------------------------------------------------


def _names_of_sizes(function: Function) -> Iterator[tuple[int, str]]:
    """(0, "B") and (1, "T") of `B, T, C = x.shape`, and of `B = x.size(0)`, where x is what forward gets, or what one
    of the parts made of that."""
    given = {argument.arg for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)}
    given |= set(_made_by_parts(function, given))
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Tuple) and _sized(value) in given:
            for axis, each in enumerate(target.elts[:2]):
                if isinstance(each, ast.Name):
                    yield axis, each.id
        elif isinstance(target, ast.Name) and (found := _size_of_axis(value)) is not None and found[0] in given:
            yield found[1], target.id


def _made_by_parts(function: Function, given: set[str]) -> Iterator[str]:
    """`h` of `h = self.embed(x)`, where it is assigned nothing else."""
    assigned = [
        node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call) or not node.value.args:
            continue
        target, called, first = node.targets[0], node.value.func, node.value.args[0]
        of_self = isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "self"
        plain = of_self and isinstance(target, ast.Name) and isinstance(first, ast.Name) and first.id in given
        if plain and isinstance(target, ast.Name) and assigned.count(target.id) == 1:
            yield target.id


def _sized(node: ast.expr) -> str:
    """`x` of `x.shape`, `x.size()` and `x.shape[:2]`; empty of everything else."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice) and node.slice.lower is None:
        node = node.value
    if isinstance(node, ast.Call) and not node.args:
        node = node.func
    if isinstance(node, ast.Attribute) and node.attr in ("shape", "size") and isinstance(node.value, ast.Name):
        return node.value.id
    return ""


def _size_of_axis(node: ast.expr) -> tuple[str, int] | None:
    """`x` and 0 of `x.size(0)` and `x.shape[0]`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "size":
        axis, sized = node.args[:1], node.func.value
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
        axis, sized = [node.slice], node.value.value
    else:
        return None
    if not axis or not isinstance(axis[0], ast.Constant) or not isinstance(sized, ast.Name):
        return None
    number = axis[0].value
    return (sized.id, number) if type(number) is int and number in (0, 1) else None
