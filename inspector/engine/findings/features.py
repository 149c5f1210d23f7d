"""NN201: a linear layer got another number of features than its weight has columns."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from inspector.engine.findings.origins import flat_factors, told, trace_back
from inspector.engine.findings.phrases import by, or_, plural, product
from inspector.engine.findings.rule import Proof, Rule
from inspector.engine.findings.scene import Scene, held, is_tensor
from inspector.engine.findings.windows import chain_to
from inspector.run_schema import Seen


@dataclass(frozen=True, slots=True)
class _Linear:
    """A linear layer as it was called."""

    input: Tensor
    features: int
    """That it takes."""
    spelling: str = ""
    """With {} for the number of features; empty where that is nothing to be set."""
    argument: str = ""


def _prove(scene: Scene) -> Proof | None:
    for layer in _layers(scene):
        if layer.input.dim() and layer.input.shape[-1] != layer.features:
            return _proof(scene, layer)
    return None


def _layers(scene: Scene) -> list[_Linear]:
    if scene.operation == "linear":
        data, weight = scene.given(0, "input"), scene.given(1, "weight")
        return [_Linear(data, weight.shape[-1])] if is_tensor(data) and is_tensor(weight) else []
    bound = scene.bound()
    if module := scene.module(nn.Bilinear):
        pairs = ((bound.get("input1"), module.in1_features), (bound.get("input2"), module.in2_features))
        return [_Linear(data, features) for data, features in pairs if is_tensor(data)]
    if module := scene.module(nn.Linear):
        weight = held(module, "weight")
        features = module.in_features if weight is None or weight.dim() != 2 else weight.shape[1]
        bias = ", bias=False" if held(module, "bias") is None else ""
        data = bound.get("input")
        spelling = f"Linear({{}}, {module.out_features}{bias})"
        return [_Linear(data, features, spelling)] if is_tensor(data) else []
    wanted: tuple[tuple[str, int], ...]
    if module := scene.module(nn.MultiheadAttention):
        wanted = (("query", module.embed_dim), ("key", module.kdim), ("value", module.vdim))
    elif module := scene.module(nn.TransformerEncoderLayer):
        wanted = (("src", module.self_attn.embed_dim),)
    elif module := scene.module(nn.Transformer):
        wanted = (("src", module.d_model), ("tgt", module.d_model))
    else:
        return []
    named = [(name, bound.get(name), features) for name, features in wanted]
    return [_Linear(data, features, argument=name) for name, data, features in named if is_tensor(data)]


def _proof(scene: Scene, layer: _Linear) -> Proof:
    shape = tuple(layer.input.shape)
    sentence, beside, producer = told(scene, scene.seen(layer.input), shape[-1])
    subject = f"{scene.who} expects" if not layer.argument else f"{scene.who} expects in {layer.argument}"
    return Proof(
        message=f"{subject} {plural(layer.features, 'feature')}, got {shape[-1]}{sentence}",
        fix=_fix(scene, layer),
        received=f"{by(shape)}   {beside}".rstrip(),
        expected=by((*shape[:-1], layer.features)),
        producer=producer,
    )


def _fix(scene: Scene, layer: _Linear) -> str:
    shape, wanted = tuple(layer.input.shape), layer.features
    if _lost_its_batch(scene, layer):
        return "torch.flatten(x, 1) keeps the batch"
    for start in range(1, len(shape) - 1):
        if product(shape[start:]) == wanted:
            return f"torch.flatten(x, {start}) before it: {wanted} = {by(shape[start:])}"
    others = [axis for axis in range(1, len(shape) - 1) if shape[axis] == wanted]
    if len(others) == 1:
        return f"it reads the last axis, and axis {others[0]} has {wanted}: x.transpose({others[0]}, -1)"
    widened = layer.spelling.format(shape[-1]) if scene.call.number == 1 else ""
    return or_((widened, _other_input(scene, layer)))


def _lost_its_batch(scene: Scene, layer: _Linear) -> bool:
    """Whether everything was flattened, the samples too, each of which would have fitted."""
    seen = scene.seen(layer.input)
    made = trace_back(scene, seen).seen.shape if seen is not None else None
    return layer.input.dim() == 1 and made is not None and len(made) > 1 and product(made[1:]) == layer.features


def _other_input(scene: Scene, layer: _Linear) -> str:
    """`an input of 32×32 … 35×35`, when the flattened number comes from an image and another size would give it."""
    seen = scene.seen(layer.input)
    if seen is None:
        return ""
    origin = trace_back(scene, seen)
    if not flat_factors(origin, layer.input.shape[-1]):
        return ""
    return sizes_that_give(scene, origin.seen, layer.features)


def sizes_that_give(scene: Scene, seen: Seen, features: int) -> str:
    """The sides of a square input that give this many values a sample."""
    chain = chain_to(scene, seen)
    sides = chain.sides_for(features) if chain is not None else None
    if chain is None or sides is None:
        return ""
    first, last = (chain.times(side) for side in sides)
    return f"an input of {first}" if first == last else f"an input of {first} … {last}"


FEATURES = Rule(
    "NN201",
    (RuntimeError, AssertionError, ValueError),
    _prove,
    r"mat1|mat2|must have same reduction dim|features?\b|embed|size mismatch|input[12] size",
)
