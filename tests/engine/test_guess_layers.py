"""Every layer class of torch.nn: either its inputs are guessed, and it runs on them, or inputs that are typed run."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from inspector.engine.inputs.choosing import choose
from inspector.engine.inputs.copying import copy_of
from inspector.engine.inputs.layers import LAYERS

_BY_ONE = (
    "Identity ReLU RReLU Hardtanh ReLU6 Sigmoid Hardsigmoid Tanh SiLU Mish Hardswish ELU CELU SELU GLU GELU Hardshrink "
    "LeakyReLU LogSigmoid Softplus Softshrink Softsign Tanhshrink PReLU Softmax2d Dropout Dropout1d Dropout2d "
    "Dropout3d AlphaDropout FeatureAlphaDropout Flatten L1Loss MSELoss SmoothL1Loss HuberLoss PoissonNLLLoss BCELoss "
    "KLDivLoss BCEWithLogitsLoss MultiLabelSoftMarginLoss CrossEntropyLoss NLLLoss NLLLoss2d MultiMarginLoss "
    "GaussianNLLLoss HingeEmbeddingLoss SoftMarginLoss MultiLabelMarginLoss MarginRankingLoss CosineEmbeddingLoss "
    "TripletMarginLoss TripletMarginWithDistanceLoss CTCLoss CosineSimilarity PairwiseDistance UpsamplingNearest2d"
)
_CONVOLUTIONS = "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d"
_LAZY_CONVOLUTIONS = " ".join(f"Lazy{name}" for name in _CONVOLUTIONS.split())
_NORMS = "BatchNorm1d BatchNorm2d BatchNorm3d SyncBatchNorm InstanceNorm1d InstanceNorm2d InstanceNorm3d"
_LAZY_NORMS = " ".join(f"Lazy{name}" for name in _NORMS.split() if name != "SyncBatchNorm")
_POOLS = "MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d AvgPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d Unfold"
_TO_A_SIZE = (
    "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d"
)
_PADS = (
    "ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d ZeroPad1d "
    "ZeroPad2d ZeroPad3d CircularPad1d CircularPad2d CircularPad3d"
)


def _each(names: str, *args: Any, **kwargs: Any) -> dict[str, Callable[[], nn.Module]]:
    return {name: lambda name=name: getattr(nn, name)(*args, **kwargs) for name in names.split() if hasattr(nn, name)}  # type: ignore[misc]


def _encoder_layer() -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)


def _decoder_layer() -> nn.TransformerDecoderLayer:
    return nn.TransformerDecoderLayer(8, 2, 16)


BUILT: dict[str, Callable[[], nn.Module]] = {
    **_each(_BY_ONE),
    **_each("Softmin Softmax LogSoftmax", dim=1),
    **_each("Threshold", 0.1, 0.0),
    **_each(_CONVOLUTIONS, 4, 6, 3),
    **_each(_LAZY_CONVOLUTIONS, 6, 3),
    **_each(_NORMS, 6),
    **_each(_LAZY_NORMS),
    **_each(_POOLS, 2),
    **_each("LPPool1d LPPool2d LPPool3d", 2, 3),
    **_each(_TO_A_SIZE, 3),
    **_each("FractionalMaxPool2d FractionalMaxPool3d", 2, output_ratio=0.5),
    **_each(_PADS, 1),
    **_each("ConstantPad1d ConstantPad2d ConstantPad3d", 1, 0.5),
    **_each("Linear", 5, 7),
    **_each("LazyLinear", 7),
    **_each("Bilinear", 5, 6, 7),
    **_each("RNN LSTM GRU RNNCell LSTMCell GRUCell", 5, 7),
    "RNNBase": lambda: nn.RNNBase("GRU", 5, 7),
    "RNNCellBase": lambda: nn.RNNCellBase(5, 7, bias=True, num_chunks=1),
    **_each("GroupNorm", 2, 6),
    **_each("LayerNorm RMSNorm", (3, 5)),
    **_each("LocalResponseNorm CrossMapLRN2d", 2),
    **_each("Embedding EmbeddingBag", 11, 5),
    **_each("MultiheadAttention", 8, 2, kdim=6, vdim=4),
    **_each("Transformer", 8, 2, 1, 1, 16),
    "TransformerEncoderLayer": _encoder_layer,
    "TransformerDecoderLayer": _decoder_layer,
    "TransformerEncoder": lambda: nn.TransformerEncoder(_encoder_layer(), 2),
    "TransformerDecoder": lambda: nn.TransformerDecoder(_decoder_layer(), 2),
    **_each("PixelShuffle PixelUnshuffle", 3),
    **_each("ChannelShuffle", 3),
    **_each("Fold", (4, 5), (2, 3)),
    **_each("Unflatten", 1, (2, 3)),
    **_each("Upsample", scale_factor=2, mode="trilinear"),
    **_each("UpsamplingNearest2d UpsamplingBilinear2d", scale_factor=2),
    **_each("AdaptiveLogSoftmaxWithLoss", 10, 20, cutoffs=[5]),
    **_each("LinearCrossEntropyLoss", 10, 12),
    "Sequential": lambda: nn.Sequential(nn.Flatten(), nn.Linear(12, 3)),
    "DataParallel": lambda: nn.DataParallel(nn.Linear(5, 7)),
}
"""One small layer of each class."""

NOTHING_TO_RUN = {"Module", "Container", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"}
"""Classes without a forward."""
BASES = {"RNNBase", "RNNCellBase"}
"""Bases of layers, which complain when they are called."""


def _public_classes() -> set[str]:
    return {name for name, found in vars(nn).items() if inspect.isclass(found) and issubclass(found, nn.Module)}


_RUNNABLE = _public_classes() - NOTHING_TO_RUN - BASES


def test_the_table_knows_every_class_of_torch_nn() -> None:
    assert _public_classes() - set(BUILT) - NOTHING_TO_RUN == set()
    assert _public_classes() - set(LAYERS) - {"DataParallel"} == set()


@pytest.mark.parametrize("name", sorted(_RUNNABLE))
def test_inputs_of_a_layer_are_guessed_and_it_runs_on_them(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = BUILT[name]().eval()
        sample = choose(layer, (), None, 0)
        assert sample.record.origin == "guessed"
        assert not sample.record.reason.startswith("no guess"), sample.record.reason
        with torch.no_grad():
            layer(*sample.args, **sample.kwargs)


@pytest.mark.parametrize("name", sorted(_RUNNABLE))
def test_a_guess_for_a_layer_can_be_typed_again(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = BUILT[name]().eval()
        guessed = choose(layer, (), None, 0).record.arguments
        typed = choose(layer, tuple(argument.text for argument in guessed), None, 0).record.arguments
    assert [argument.values for argument in typed] == [argument.values for argument in guessed]


@pytest.mark.parametrize("name", sorted(_public_classes() & NOTHING_TO_RUN))
def test_a_container_without_a_forward_has_no_inputs(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Container has long been deprecated.
        sample = choose(getattr(nn, name)(), (), None, 0)
    assert sample.record.origin == "none"
    assert sample.record.reason == f"{name} has no forward"


class _Around(nn.Module):
    """A model around a layer, which does not say what its arguments are."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.inside = layer


class _One(_Around):
    def forward(self, first: torch.Tensor) -> Any:
        return self.inside(first)


class _Two(_Around):
    def forward(self, first: torch.Tensor, second: torch.Tensor) -> Any:
        return self.inside(first, second)


class _Three(_Around):
    def forward(self, first: torch.Tensor, second: torch.Tensor, third: torch.Tensor) -> Any:
        return self.inside(first, second, third)


@pytest.mark.parametrize("name", sorted(_RUNNABLE - {"CTCLoss", "Sequential"}))
def test_a_layer_inside_a_model_is_fed_as_well(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = BUILT[name]()
        model = (_One, _Two, _Three)[len(choose(layer, (), None, 0).args) - 1](layer).eval()
        sample = choose(model, (), None, 0)
        assert not sample.record.reason.startswith("no guess"), sample.record.reason
        with torch.no_grad():
            model(*sample.args)


@pytest.mark.parametrize("name", [name for name in BUILT if name not in ("RNN", "LSTM", "GRU", "RNNBase")])
@pytest.mark.filterwarnings("ignore")
def test_a_copy_of_a_layer_holds_what_it_holds_and_shares_nothing_with_it(name: str) -> None:
    layer = BUILT[name]()
    copied = copy_of(nn.Sequential(layer), with_values=True)[0]  # type: ignore[index]
    for (path, part), (other_path, other) in zip(layer.named_modules(), copied.named_modules(), strict=True):
        assert (path, type(part), list(vars(part))) == (other_path, type(other), list(vars(other)))
        for key, value in vars(part).items():
            held = vars(other)[key]
            assert type(held) is type(value)
            assert held is not value or not isinstance(value, (dict, list, set, torch.Tensor))
            if isinstance(value, (int, str, tuple)) and key != "training":
                assert held == value
    assert not copied.training
    assert list(layer.state_dict()) == list(copied.state_dict())
