"""What every layer class of torch.nn takes: the knowledge that a guess begins with.

One function for each family gives small positional arguments with which a layer of that family runs, batch first where
it has one. A class that derives from one of torch.nn's takes what that one takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from inspector.engine.inputs.recipes import Drawn, Recipe, Several

BATCH = 2
LENGTH = 16
SIZE = 32
"""Steps of a sequence, and height and width of an image, when nothing asks for another number."""
_WIDTH = 8

Takes = Callable[[Any], tuple[Recipe, ...]]


def takes(module: nn.Module) -> tuple[Recipe, ...] | None:
    """Arguments for a layer of torch.nn; None of a class that has none to tell: containers, and the user's own."""
    for base in type(module).__mro__:
        if base.__module__.startswith("torch.nn.modules") and base.__name__ in LAYERS:
            found = LAYERS[base.__name__]
            return found(module) if found is not None else None
    return None


def tells_shape(module: nn.Module) -> bool:
    """Whether the layer takes some shapes only; an activation takes any."""
    names = [base.__name__ for base in type(module).__mro__ if base.__module__.startswith("torch.nn.modules")]
    first = next((name for name in names if name in LAYERS), "")
    return LAYERS.get(first) not in (None, _anything)


def whole(shape: tuple[int, ...], most: int, dtype: str = "int64") -> Drawn:
    """Integers from 0 to below `most`."""
    return Drawn(shape, dtype, "normal", 0, max(most - 1, 0))


def _anything(layer: Any) -> tuple[Recipe, ...]:
    return (Drawn((BATCH, _WIDTH)),)


def _image(layer: Any, channels: int = 0, axes: int = 0, size: int = SIZE) -> Drawn:
    """Batch, channels, and as many spatial axes as the class has in its name."""
    axes = axes or _axes(layer)
    size = {1: 64, 2: size, 3: min(size, 16)}[axes]
    return Drawn((BATCH, channels or 3, *[size] * axes))


def _axes(layer: Any) -> int:
    names = [base.__name__ for base in type(layer).__mro__ if base.__module__.startswith("torch.nn.modules")]
    return next((int(name[-2]) for name in names if name[-1] == "d" and name[-2] in "123"), 2)


def _convolution(layer: Any) -> tuple[Recipe, ...]:
    return (_image(layer, layer.in_channels or 3),)


def _spatial(layer: Any) -> tuple[Recipe, ...]:
    return (_image(layer),)


def _normalized(layer: Any) -> tuple[Recipe, ...]:
    channels = layer.num_features or 3
    return (Drawn((BATCH, channels)) if _axes(layer) == 1 else _image(layer, channels, size=8),)


def _instances(layer: Any) -> tuple[Recipe, ...]:
    return (_image(layer, layer.num_features or 3, size=8),)


def _groups(layer: Any) -> tuple[Recipe, ...]:
    return (Drawn((BATCH, layer.num_channels, 8, 8)),)


def _last_axes(layer: Any) -> tuple[Recipe, ...]:
    return (Drawn((BATCH, *layer.normalized_shape)),)


def _linear(layer: Any) -> tuple[Recipe, ...]:
    return (Drawn((BATCH, layer.in_features or _WIDTH)),)


def _bilinear(layer: Any) -> tuple[Recipe, ...]:
    return Drawn((BATCH, layer.in1_features)), Drawn((BATCH, layer.in2_features))


def _embedding(layer: Any) -> tuple[Recipe, ...]:
    return (whole((BATCH, LENGTH), layer.num_embeddings),)


def _recurrent(layer: Any) -> tuple[Recipe, ...]:
    shape = (BATCH, LENGTH, layer.input_size) if layer.batch_first else (LENGTH, BATCH, layer.input_size)
    return (Drawn(shape),)


def _cell(layer: Any) -> tuple[Recipe, ...]:
    return (Drawn((BATCH, layer.input_size)),)


def hidden_state(layer: nn.Module) -> Recipe | None:
    """The state that a recurrent layer takes beside its input."""
    if isinstance(layer, nn.RNNBase):
        rows = layer.num_layers * (2 if layer.bidirectional else 1)
        hidden = Drawn((rows, BATCH, layer.proj_size or layer.hidden_size))
        if isinstance(layer, nn.LSTM):
            return Several("tuple", (hidden, Drawn((rows, BATCH, layer.hidden_size))))
        return hidden
    if isinstance(layer, nn.RNNCellBase):
        hidden = Drawn((BATCH, layer.hidden_size))
        return Several("tuple", (hidden, hidden)) if isinstance(layer, nn.LSTMCell) else hidden
    return None


def sequence(width: int, batch_first: bool, length: int = LENGTH) -> Drawn:
    """Batch, steps and features, in the order that the layer reads."""
    return Drawn((BATCH, length, width) if batch_first else (length, BATCH, width))


def _attention(layer: Any) -> tuple[Recipe, ...]:
    first = bool(layer.batch_first)
    widths = (layer.embed_dim, layer.kdim, layer.vdim)
    return tuple(sequence(width, first) for width in widths)


def _transformer(layer: Any) -> tuple[Recipe, ...]:
    first = bool(layer.batch_first)
    return sequence(layer.d_model, first), sequence(layer.d_model, first)


def _transformer_layer(layer: Any) -> tuple[Recipe, ...]:
    attention = layer.self_attn
    return (sequence(attention.embed_dim, bool(attention.batch_first)),)


def _transformer_decoder_layer(layer: Any) -> tuple[Recipe, ...]:
    return _transformer_layer(layer) * 2


def _transformer_stack(layer: Any) -> tuple[Recipe, ...]:
    return takes(layer.layers[0]) or ()


def _unpooled(layer: Any) -> tuple[Recipe, ...]:
    axes = _axes(layer)
    shape = (BATCH, 3, *[4] * axes)
    return Drawn(shape), whole(shape, 4**axes)


def _glu(layer: Any) -> tuple[Recipe, ...]:
    return (Drawn((BATCH, _WIDTH, _WIDTH, _WIDTH)),)


def _prelu(layer: Any) -> tuple[Recipe, ...]:
    return (Drawn((BATCH, layer.num_parameters if layer.num_parameters > 1 else _WIDTH)),)


def _unflattened(layer: Any) -> tuple[Recipe, ...]:
    elements = 1
    for part in layer.unflattened_size:
        elements *= abs(part[1] if isinstance(part, tuple) else part)
    shape = [BATCH, *[_WIDTH] * max(1, layer.dim if isinstance(layer.dim, int) and layer.dim > 0 else 1)]
    shape[layer.dim if isinstance(layer.dim, int) else 1] = elements
    return (Drawn(tuple(shape)),)


def _pairs(number: Any) -> tuple[int, int]:
    return (number, number) if isinstance(number, int) else (number[0], number[1])


def _folded(layer: Any) -> tuple[Recipe, ...]:
    kernel, dilation, padding, stride, output = (
        _pairs(value) for value in (layer.kernel_size, layer.dilation, layer.padding, layer.stride, layer.output_size)
    )
    blocks = 1
    for axis in (0, 1):
        span = output[axis] + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1
        blocks *= span // stride[axis] + 1
    return (Drawn((BATCH, 3 * kernel[0] * kernel[1], blocks)),)


def _pixels(layer: Any) -> tuple[Recipe, ...]:
    return (Drawn((BATCH, layer.upscale_factor**2, 8, 8)),)


def _unpixels(layer: Any) -> tuple[Recipe, ...]:
    return (Drawn((BATCH, 3, 4 * layer.downscale_factor, 4 * layer.downscale_factor)),)


def _channels(layer: Any) -> tuple[Recipe, ...]:
    return (Drawn((BATCH, 2 * layer.groups, 8, 8)),)


def _upsampled(layer: Any) -> tuple[Recipe, ...]:
    axes = {"linear": 1, "trilinear": 3}.get(layer.mode, 2)
    for size in (layer.size, layer.scale_factor):
        axes = len(size) if isinstance(size, tuple) else axes
    return (Drawn((BATCH, 3, *[8] * axes)),)


def _two(layer: Any) -> tuple[Recipe, ...]:
    return Drawn((BATCH, _WIDTH)), Drawn((BATCH, _WIDTH))


def _three(layer: Any) -> tuple[Recipe, ...]:
    return (Drawn((BATCH, _WIDTH)),) * 3


def _share(shape: tuple[int, ...]) -> Drawn:
    return Drawn(shape, "float32", "uniform", 0.0, 1.0)


def _signs(shape: tuple[int, ...]) -> Drawn:
    return Drawn(shape, "float32", "ones")


def _two_shares(layer: Any) -> tuple[Recipe, ...]:
    return _share((BATCH, _WIDTH)), _share((BATCH, _WIDTH))


def _score_and_share(layer: Any) -> tuple[Recipe, ...]:
    return Drawn((BATCH, _WIDTH)), _share((BATCH, _WIDTH))


def _classes(layer: Any) -> tuple[Recipe, ...]:
    count = len(layer.weight) if getattr(layer, "weight", None) is not None else 10
    return Drawn((BATCH, count)), whole((BATCH,), count)


def _linear_classes(layer: Any) -> tuple[Recipe, ...]:
    return Drawn((BATCH, layer.linear.in_features)), whole((BATCH,), layer.num_classes)


def _gaussian(layer: Any) -> tuple[Recipe, ...]:
    return Drawn((BATCH, _WIDTH)), Drawn((BATCH, _WIDTH)), _share((BATCH, _WIDTH))


def _labelled(layer: Any) -> tuple[Recipe, ...]:
    return Drawn((BATCH, _WIDTH)), _signs((BATCH, _WIDTH))


def _many_labels(layer: Any) -> tuple[Recipe, ...]:
    return Drawn((BATCH, _WIDTH)), whole((BATCH, _WIDTH), _WIDTH)


def _ranked(layer: Any) -> tuple[Recipe, ...]:
    return Drawn((BATCH,)), Drawn((BATCH,)), _signs((BATCH,))


def _cosine(layer: Any) -> tuple[Recipe, ...]:
    return *_two(layer), _signs((BATCH,))


def _alignment(layer: Any) -> tuple[Recipe, ...]:
    """Log-probabilities of 20 classes over the steps; targets, which are never the blank; the lengths of both."""
    blank, classes = layer.blank, 20
    low, high = (1, classes - 1) if blank == 0 else (0, blank - 1)
    target = Drawn((BATCH, 4), "int64", "normal", low, high)
    lengths = [Drawn((BATCH,), "int64", "normal", size, size) for size in (LENGTH, 4)]
    return Drawn((LENGTH, BATCH, max(classes, blank + 1))), target, *lengths


def _adaptive(layer: Any) -> tuple[Recipe, ...]:
    return Drawn((BATCH, layer.in_features)), whole((BATCH,), layer.n_classes)


def _family(found: Takes, names: str) -> dict[str, Takes | None]:
    return dict.fromkeys(names.split(), found)


LAYERS: dict[str, Takes | None] = {
    **_family(
        _anything,
        "Identity Dropout AlphaDropout FeatureAlphaDropout Flatten Threshold ReLU RReLU Hardtanh ReLU6 Sigmoid "
        "Hardsigmoid Tanh SiLU Mish Hardswish ELU CELU SELU GELU Hardshrink LeakyReLU LogSigmoid Softplus Softshrink "
        "Softsign Tanhshrink Softmin Softmax LogSoftmax",
    ),
    **_family(_glu, "GLU Softmax2d"),
    **_family(_prelu, "PReLU"),
    **_family(
        _convolution,
        "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d LazyConv1d LazyConv2d LazyConv3d "
        "LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d",
    ),
    **_family(
        _spatial,
        "MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d AvgPool3d LPPool1d LPPool2d LPPool3d AdaptiveAvgPool1d "
        "AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d "
        "FractionalMaxPool2d FractionalMaxPool3d ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d "
        "ReplicationPad2d ReplicationPad3d ZeroPad1d ZeroPad2d ZeroPad3d ConstantPad1d ConstantPad2d ConstantPad3d "
        "CircularPad1d CircularPad2d CircularPad3d Dropout1d Dropout2d Dropout3d LocalResponseNorm CrossMapLRN2d "
        "Unfold",
    ),
    **_family(
        _normalized,
        "BatchNorm1d BatchNorm2d BatchNorm3d SyncBatchNorm LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d",
    ),
    **_family(
        _instances,
        "InstanceNorm1d InstanceNorm2d InstanceNorm3d LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d",
    ),
    **_family(_groups, "GroupNorm"),
    **_family(_last_axes, "LayerNorm RMSNorm"),
    **_family(_linear, "Linear LazyLinear NonDynamicallyQuantizableLinear"),
    **_family(_bilinear, "Bilinear"),
    **_family(_embedding, "Embedding EmbeddingBag"),
    **_family(_recurrent, "RNN LSTM GRU RNNBase"),
    **_family(_cell, "RNNCell LSTMCell GRUCell RNNCellBase"),
    **_family(_attention, "MultiheadAttention"),
    **_family(_transformer, "Transformer"),
    **_family(_transformer_layer, "TransformerEncoderLayer"),
    **_family(_transformer_decoder_layer, "TransformerDecoderLayer"),
    **_family(_transformer_stack, "TransformerEncoder TransformerDecoder"),
    **_family(_unpooled, "MaxUnpool1d MaxUnpool2d MaxUnpool3d"),
    **_family(_unflattened, "Unflatten"),
    **_family(_folded, "Fold"),
    **_family(_pixels, "PixelShuffle"),
    **_family(_unpixels, "PixelUnshuffle"),
    **_family(_channels, "ChannelShuffle"),
    **_family(_upsampled, "Upsample UpsamplingNearest2d UpsamplingBilinear2d"),
    **_family(_two, "CosineSimilarity PairwiseDistance L1Loss MSELoss SmoothL1Loss HuberLoss PoissonNLLLoss"),
    **_family(_two_shares, "BCELoss KLDivLoss"),
    **_family(_score_and_share, "BCEWithLogitsLoss MultiLabelSoftMarginLoss"),
    **_family(_classes, "CrossEntropyLoss NLLLoss NLLLoss2d MultiMarginLoss"),
    **_family(_linear_classes, "LinearCrossEntropyLoss"),
    **_family(_gaussian, "GaussianNLLLoss"),
    **_family(_labelled, "HingeEmbeddingLoss SoftMarginLoss"),
    **_family(_many_labels, "MultiLabelMarginLoss"),
    **_family(_ranked, "MarginRankingLoss"),
    **_family(_cosine, "CosineEmbeddingLoss"),
    **_family(_three, "TripletMarginLoss TripletMarginWithDistanceLoss"),
    **_family(_alignment, "CTCLoss"),
    **_family(_adaptive, "AdaptiveLogSoftmaxWithLoss"),
    # What they take is told by what is in them, or nothing tells it.
    **dict.fromkeys(
        ("Module", "Container", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict")
    ),
}
"""Every public class of torch.nn by name; None of those that have no inputs of their own."""
