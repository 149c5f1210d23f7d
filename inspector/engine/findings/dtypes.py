"""NN204: dtypes differ where nothing converts them, or ids are not integers."""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn

from inspector.engine.findings.origins import told
from inspector.engine.findings.phrases import by
from inspector.engine.findings.rule import Proof, Rule
from inspector.engine.findings.scene import Scene, held, is_tensor
from inspector.engine.kinds import is_a

_WEIGHTED = (
    nn.Linear, nn.Bilinear, nn.modules.conv._ConvNd, nn.RNNBase, nn.RNNCellBase, nn.LayerNorm, nn.GroupNorm,
    nn.modules.batchnorm._NormBase, nn.MultiheadAttention,
)  # fmt: skip
_WEIGHTS = ("weight", "weight_ih_l0", "weight_ih", "in_proj_weight", "q_proj_weight")
_WORDS = (
    r"(?i)dtype|scalar type|\bfloat\b|\bdouble\b|\bhalf\b|\bbyte\b|unsigned char|type \(|LongTensor|implemented for"
)
_MATCHING = frozenset((
    "linear", "matmul", "mm", "bmm", "mv", "dot", "addmm", "baddbmm", "bilinear", "layer_norm", "group_norm",
    "scaled_dot_product_attention", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d",
))  # fmt: skip
"""Operations that take operands of one dtype alone."""
_INDEXING = {"embedding": (0, "input"), "embedding_bag": (0, "input"), "gather": (2, "index"), "getitem": (1, "")}
_INDICES = {
    "embedding": (torch.int64, torch.int32),
    "embedding_bag": (torch.int64, torch.int32),
    "one_hot": (torch.int64,),
    "gather": (torch.int64, torch.int32),
}


def _prove(scene: Scene) -> Proof | None:
    return _ids(scene) or _weighted(scene) or _operands(scene)


def _ids(scene: Scene) -> Proof | None:
    """Ids that are not integers."""
    if scene.module(nn.Embedding, nn.EmbeddingBag) is not None:
        ids, allowed = scene.bound().get("input"), _INDICES["embedding"]
    elif scene.operation in _INDICES:
        place, name = _INDEXING.get(scene.operation, (0, "input"))
        ids, allowed = scene.given(place, name), _INDICES[scene.operation]
    else:
        return None
    if not is_tensor(ids) or ids.dtype in allowed:
        return None
    _, beside, producer = told(scene, scene.seen(ids), 0)
    return Proof(
        message=f"{scene.who} looks up ids, which are integers; {scene.origin(ids)} is {_short(ids.dtype)}",
        fix="ids.long()" + _typed(scene, ids, torch.int64),
        received=f"{by(ids.shape)} {_short(ids.dtype)}   {beside}".rstrip(),
        expected=f"{by(ids.shape)} {' or '.join(map(_short, allowed))}",
        producer=producer,
    )


def _weighted(scene: Scene) -> Proof | None:
    """A layer whose weight has another dtype than its input."""
    module = scene.module(*_WEIGHTED)
    weight = next((w for name in _WEIGHTS if module is not None and (w := held(module, name)) is not None), None)
    if weight is None:
        return None
    data = next(iter(scene.tensors()), None)
    if data is None or data.dtype == weight.dtype or data.is_complex() or _normalises_halves(module, data, weight):
        return None
    if _may_be_cast(scene, [data, weight]):
        return None
    _, beside, producer = told(scene, scene.seen(data), 0)
    numpy = " (NumPy's default)" if data.dtype is torch.float64 else ""
    return Proof(
        message=f"{scene.origin(data)} is {_short(data.dtype)}{numpy}; {scene.who} is {_short(weight.dtype)}",
        fix=_conversion(weight.dtype) + _typed(scene, data, weight.dtype),
        received=f"{by(data.shape)} {_short(data.dtype)}   {beside}".rstrip(),
        expected=f"{by(data.shape)} {_short(weight.dtype)}",
        producer=producer,
    )


def _operands(scene: Scene) -> Proof | None:
    """Operands of a product that differ."""
    if scene.operation not in _MATCHING:
        return None
    operands = [tensor for tensor in scene.tensors() if tensor.dtype is not torch.bool]
    if scene.operation == "scaled_dot_product_attention":
        operands = operands[:3]
    if len({tensor.dtype for tensor in operands}) < 2 or _may_be_cast(scene, operands):
        return None
    told_of = [f"{scene.origin(tensor)} is {_short(tensor.dtype)}" for tensor in operands]
    return Proof(
        message=f"{scene.who} takes operands of one dtype: {', '.join(told_of)}",
        fix=f"x.to({operands[-1].dtype})" if operands[-1].is_floating_point() else "",
        received=", ".join(f"{by(tensor.shape)} {_short(tensor.dtype)}" for tensor in operands),
        expected="one dtype",
    )


def _normalises_halves(module: nn.Module, data: Tensor, weight: Tensor) -> bool:
    """Norm layers keep weights of full precision for inputs of half precision."""
    norms = (nn.LayerNorm, nn.GroupNorm, nn.modules.batchnorm._NormBase)
    halves = (torch.float16, torch.bfloat16)
    return is_a(module, *norms) and data.dtype in halves and weight.dtype is torch.float32


def _may_be_cast(scene: Scene, operands: list[Tensor]) -> bool:
    """Whether autocast may have made them alike, which nobody can tell afterwards: then only torch's text can."""
    cast = (torch.float16, torch.bfloat16, torch.float32)
    return all(tensor.dtype in cast for tensor in operands) and re.search(_WORDS, scene.text) is None


def _typed(scene: Scene, data: Tensor, dtype: torch.dtype) -> str:
    """How the model's own input is given with another dtype."""
    own = scene.named(data).removeprefix("input ")
    if own == scene.named(data) or not own.isidentifier():
        return ""
    return f", or --input {own}={'x'.join(map(str, data.shape))}:{_short(dtype)}"


def _conversion(dtype: torch.dtype) -> str:
    return "x.float()" if dtype is torch.float32 else f"x.to({dtype})"


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


DTYPES = Rule(
    "NN204",
    (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError),
    _prove,
    _WORDS,
)
