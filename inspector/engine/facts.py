"""The constructor facts of a module in the few characters that a row of the tree has: `3→64 k7 s2 p3`.

Facts come from the module's attributes. A class that promises an attribute by its base and does not have it falls
back, like every class without an entry here, to its own `extra_repr()` on one line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

Facts = Callable[[Any], Iterable[str]]


def constructor_facts(module: nn.Module, extra_repr: str) -> str:
    """The facts of a module in short; `extra_repr` is what its own method said."""
    if isinstance(module, torch.jit.ScriptModule):
        return ""  # All that it tells is its class, which stands beside.
    for base in type(module).__mro__:
        facts = _FACTS.get(base)
        if facts is _items and extra_repr:
            break
        if facts is not None:
            try:
                return " ".join(fact for fact in facts(module) if fact)
            except Exception:  # a subclass that never called its base's constructor, or changed what it keeps
                break
    return one_line(extra_repr)


def one_line(text: str) -> str:
    """A text of several lines as one, its lines parted by commas."""
    return ", ".join(filter(None, (" ".join(line.split()).rstrip(", ") for line in text.splitlines())))


def _per_axis(value: Any) -> str:
    """`3`, or `3×5` where the axes differ."""
    if isinstance(value, (tuple, list)):
        texts = [str(each) for each in value]
        return texts[0] if len(set(texts)) == 1 else "×".join(texts)
    return str(value)


def _unless(value: Any, usual: Any, text: str) -> str:
    """The text when a value is not the usual one, on any axis."""
    axes = value if isinstance(value, (tuple, list)) else (value,)
    return "" if all(axis == usual for axis in axes) else text


def _convolution(module: Any) -> Iterable[str]:
    yield f"{_known(module, module.in_channels)}→{module.out_channels}"
    yield f"k{_per_axis(module.kernel_size)}"
    yield _unless(module.stride, 1, f"s{_per_axis(module.stride)}")
    yield "" if module.padding == "valid" else _unless(module.padding, 0, f"p{_per_axis(module.padding)}")
    yield _unless(module.output_padding, 0, f"op{_per_axis(module.output_padding)}")
    yield _unless(module.dilation, 1, f"d{_per_axis(module.dilation)}")
    yield _unless(module.groups, 1, f"g{module.groups}")
    yield _no_bias(module)
    yield _unless(module.padding_mode, "zeros", str(module.padding_mode))


def _known(module: Any, size: int) -> str:
    """The size of the input, which a lazy layer does not know before it has seen one."""
    return "?" if isinstance(module, nn.modules.lazy.LazyModuleMixin) else str(size)


def _no_bias(module: Any) -> str:
    """`no bias`, also where the bias is made by a parametrization and so is no parameter of the module itself."""
    made = vars(module).get("_modules", {}).get("parametrizations") or ()
    lost = module._parameters.get("bias", module) is None
    return "no bias" if lost and "bias" not in made else ""


def _linear(module: Any) -> Iterable[str]:
    return f"{_known(module, module.in_features)}→{module.out_features}", _no_bias(module)


def _bilinear(module: Any) -> Iterable[str]:
    return f"{module.in1_features}×{module.in2_features}→{module.out_features}", _no_bias(module)


def _batch_norm(module: Any) -> Iterable[str]:
    yield _known(module, module.num_features)
    yield _unless(module.eps, 1e-5, f"eps={module.eps}")
    yield _unless(module.momentum, 0.1, f"momentum={module.momentum}")
    yield "" if module.affine else "no affine"
    is_instance = isinstance(module, nn.modules.instancenorm._InstanceNorm)
    if bool(module.track_running_stats) == is_instance:
        yield "running stats" if is_instance else "no stats"


def _layer_norm(module: Any) -> Iterable[str]:
    yield _shape(module.normalized_shape)
    yield _unless(module.eps, None if isinstance(module, _RMS_NORM) else 1e-5, f"eps={module.eps}")
    if not module.elementwise_affine:
        yield "no affine"
    elif not isinstance(module, _RMS_NORM):
        yield _no_bias(module)


def _group_norm(module: Any) -> Iterable[str]:
    yield f"{module.num_channels} in {module.num_groups} groups"
    yield _unless(module.eps, 1e-5, f"eps={module.eps}")
    yield "" if module.affine else "no affine"


def _local_response_norm(module: Any) -> Iterable[str]:
    return f"size {module.size}", f"alpha={module.alpha}", f"beta={module.beta}", f"k={module.k}"


def _embedding(module: Any) -> Iterable[str]:
    yield f"{module.num_embeddings}×{module.embedding_dim}"
    yield "" if module.padding_idx is None else f"pad {module.padding_idx}"
    yield "" if module.max_norm is None else f"max_norm={module.max_norm}"
    yield str(module.mode) if isinstance(module, nn.EmbeddingBag) else ""
    yield "sparse" if module.sparse else ""


def _dropout(module: Any) -> Iterable[str]:
    return (f"p={module.p}",)


def _recurrent(module: Any) -> Iterable[str]:
    yield f"{module.input_size}→{module.hidden_size}"
    yield _unless(module.num_layers, 1, f"×{module.num_layers}")
    yield "bidirectional" if module.bidirectional else ""
    yield "batch_first" if module.batch_first else ""
    yield _unless(module.dropout, 0, f"dropout={module.dropout}")
    yield _unless(module.proj_size, 0, f"proj {module.proj_size}")
    yield "" if module.bias else "no bias"
    yield str(module.nonlinearity) if getattr(module, "nonlinearity", "tanh") != "tanh" else ""


def _recurrent_cell(module: Any) -> Iterable[str]:
    return f"{module.input_size}→{module.hidden_size}", "" if module.bias else "no bias"


def _attention(module: Any) -> Iterable[str]:
    yield f"{module.embed_dim} {module.num_heads} heads"
    yield "" if module._qkv_same_embed_dim else f"kdim={module.kdim} vdim={module.vdim}"
    yield _unless(module.dropout, 0, f"dropout={module.dropout}")
    yield "batch_first" if module.batch_first else ""


def _transformer(module: Any) -> Iterable[str]:
    return f"d{module.d_model} h{module.nhead}", "batch_first" if module.batch_first else ""


def _transformer_layer(module: Any) -> Iterable[str]:
    attention = module.self_attn
    yield f"d{attention.embed_dim} h{attention.num_heads} ff{module.linear1.out_features}"
    yield "norm first" if module.norm_first else ""
    yield "batch_first" if attention.batch_first else ""


def _transformer_stack(module: Any) -> Iterable[str]:
    return (f"{module.num_layers} layers",)


def _pooling(module: Any) -> Iterable[str]:
    yield f"k{_per_axis(module.kernel_size)}"
    if module.stride is not None:
        yield f"s{_per_axis(module.stride)}"
    yield _unless(getattr(module, "padding", 0), 0, f"p{_per_axis(getattr(module, 'padding', 0))}")
    yield _unless(getattr(module, "dilation", 1), 1, f"d{_per_axis(getattr(module, 'dilation', 1))}")
    yield "ceil" if getattr(module, "ceil_mode", False) else ""


def _adaptive_pooling(module: Any) -> Iterable[str]:
    return (f"→{_per_axis(module.output_size)}",)


def _flatten(module: Any) -> Iterable[str]:
    usual = (module.start_dim, module.end_dim) == (1, -1)
    return ("" if usual else f"dims {module.start_dim} to {module.end_dim}",)


def _items(module: Any) -> Iterable[str]:
    return (_counted(len(module._modules)),)


def _parameter_items(module: Any) -> Iterable[str]:
    return (_counted(len(module)),)


def _counted(items: int) -> str:
    return f"{items} item{'' if items == 1 else 's'}"


def _shape(sizes: Any) -> str:
    return "×".join(str(size) for size in sizes) if isinstance(sizes, (tuple, list)) else str(sizes)


def _changed(**usual: Any) -> Facts:
    """Arguments that are not at their defaults, as they would be typed."""

    def facts(module: Any) -> Iterable[str]:
        for name, default in usual.items():
            value = getattr(module, name)
            if value != default:
                yield name if value is True else f"{name}={value}"

    return facts


_RMS_NORM: Any = getattr(nn, "RMSNorm", ())
_MODULES = nn.modules
_FACTS: dict[type, Facts] = {
    _MODULES.conv._ConvNd: _convolution,
    nn.Linear: _linear,
    nn.Bilinear: _bilinear,
    nn.Identity: lambda _: (),
    _MODULES.batchnorm._NormBase: _batch_norm,
    nn.LayerNorm: _layer_norm,
    nn.GroupNorm: _group_norm,
    nn.LocalResponseNorm: _local_response_norm,
    nn.Embedding: _embedding,
    nn.EmbeddingBag: _embedding,
    _MODULES.dropout._DropoutNd: _dropout,
    nn.RNNBase: _recurrent,
    nn.RNNCellBase: _recurrent_cell,
    nn.MultiheadAttention: _attention,
    nn.Transformer: _transformer,
    nn.TransformerEncoderLayer: _transformer_layer,
    nn.TransformerDecoderLayer: _transformer_layer,
    nn.TransformerEncoder: _transformer_stack,
    nn.TransformerDecoder: _transformer_stack,
    _MODULES.pooling._MaxPoolNd: _pooling,
    _MODULES.pooling._AvgPoolNd: _pooling,
    _MODULES.pooling._LPPoolNd: _pooling,
    _MODULES.pooling._MaxUnpoolNd: _pooling,
    _MODULES.pooling._AdaptiveAvgPoolNd: _adaptive_pooling,
    _MODULES.pooling._AdaptiveMaxPoolNd: _adaptive_pooling,
    nn.Flatten: _flatten,
    nn.Sequential: _items,
    nn.ModuleList: _items,
    nn.ModuleDict: _items,
    nn.ParameterList: _parameter_items,
    nn.ParameterDict: _parameter_items,
    nn.ReLU: _changed(inplace=False),
    nn.ReLU6: _changed(inplace=False),
    nn.SiLU: _changed(inplace=False),
    nn.Mish: _changed(inplace=False),
    nn.SELU: _changed(inplace=False),
    nn.Hardswish: _changed(inplace=False),
    nn.Hardsigmoid: _changed(inplace=False),
    nn.ELU: _changed(alpha=1.0, inplace=False),
    nn.CELU: _changed(alpha=1.0, inplace=False),
    nn.LeakyReLU: _changed(negative_slope=0.01, inplace=False),
    nn.PReLU: _changed(num_parameters=1),
    nn.RReLU: _changed(lower=1 / 8, upper=1 / 3, inplace=False),
    nn.GELU: _changed(approximate="none"),
    nn.Hardshrink: _changed(lambd=0.5),
    nn.Softshrink: _changed(lambd=0.5),
    nn.Softplus: _changed(beta=1, threshold=20),
    nn.Hardtanh: _changed(min_val=-1.0, max_val=1.0, inplace=False),
    nn.Softmax: _changed(dim=None),
    nn.LogSoftmax: _changed(dim=None),
    nn.Softmin: _changed(dim=None),
    nn.GLU: _changed(dim=-1),
}
"""Facts by class; a subclass takes those of its nearest base."""
if _RMS_NORM:
    _FACTS[_RMS_NORM] = _layer_norm
