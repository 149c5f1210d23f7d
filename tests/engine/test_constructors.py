"""How another layer like one of the model's is built: from what the layer itself tells."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from inspector.engine.constructors import constructor_of
from inspector.engine.failure import LoadFailed

LAYERS: list[nn.Module] = [
    nn.Linear(3, 4, bias=False),
    nn.Bilinear(2, 3, 4),
    nn.Conv2d(4, 8, (3, 5), stride=2, padding="valid", dilation=2, groups=2, bias=False, padding_mode="reflect"),
    nn.Conv1d(4, 8, 3, padding="same"),
    nn.ConvTranspose2d(4, 8, 3, 2, 1, 1, 2, True, 1),
    nn.BatchNorm2d(7, 1e-3, None, False, False),
    nn.InstanceNorm1d(7, affine=True, track_running_stats=True),
    nn.GroupNorm(2, 8, 1e-4, False),
    nn.LayerNorm((3, 4), 1e-4, True, bias=False),
    nn.LocalResponseNorm(3, 2e-4, 0.5, 2.0),
    nn.Embedding(10, 4, 3, 2.0, 1.0, True, False),
    nn.EmbeddingBag(10, 4, mode="max", include_last_offset=True, padding_idx=1),
    nn.LSTM(3, 8, 2, False, True, 0.1, True, 4),
    nn.GRU(3, 8, 2, bidirectional=True),
    nn.RNN(3, 8, 2, nonlinearity="relu", batch_first=True),
    nn.LSTMCell(3, 8, False),
    nn.RNNCell(3, 8, nonlinearity="relu"),
    nn.MultiheadAttention(8, 2, 0.1, False, True, True, 5, 6, True),
    nn.TransformerEncoderLayer(8, 2, 16, 0.2, "gelu", 1e-4, True, True, False),
    nn.TransformerDecoderLayer(8, 2, 16, 0.2, nn.functional.gelu, 1e-4, True, True),
    nn.Transformer(8, 2, 1, 2, 16, 0.2, "gelu", batch_first=True),
    nn.MaxPool2d(3, 2, 1, 1, True, True),
    nn.AvgPool2d((2, 3), None, 1, True, False, 5),
    nn.LPPool1d(1.5, 3, ceil_mode=True),
    nn.AdaptiveAvgPool2d((None, 3)),
    nn.AdaptiveMaxPool1d(3, True),
    nn.FractionalMaxPool2d(2, output_ratio=0.5),
    nn.MaxUnpool2d(2),
    nn.ConstantPad2d((1, 2, 3, 4), 0.5),
    nn.ZeroPad1d(2),
    nn.ReflectionPad3d(1),
    nn.Dropout2d(0.3, True),
    nn.AlphaDropout(0.2),
    nn.Threshold(0.1, 20.0),
    nn.RReLU(0.1, 0.2),
    nn.Hardtanh(-2, 3),
    nn.PReLU(3, 0.1),
    nn.GELU("tanh"),
    nn.Softplus(2.0, 10.0),
    nn.Softmax(2),
    nn.Sigmoid(),
    nn.GLU(1),
    nn.Upsample(scale_factor=1.5, mode="bilinear", align_corners=True),
    nn.UpsamplingBilinear2d(size=(3, 4)),
    nn.PixelShuffle(2),
    nn.ChannelShuffle(3),
    nn.Flatten(0, 2),
    nn.Unflatten(1, (2, 3)),
    nn.Fold((4, 5), 2, 1, 1, 2),
    nn.Unfold(2, 2, 1, 3),
    nn.CosineSimilarity(0, 1e-3),
    nn.PairwiseDistance(1.0, 1e-3, True),
    nn.CrossEntropyLoss(torch.ones(3), ignore_index=2, label_smoothing=0.1),
    nn.BCEWithLogitsLoss(pos_weight=torch.ones(3), reduction="sum"),
    nn.TripletMarginLoss(0.5, 1.0, swap=True),
    nn.CTCLoss(2, "sum", True),
    nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4, 10], 2.0, True),
    nn.Identity(),
]


class Block(nn.Module):
    """A class of the user's, which keeps some of its arguments."""

    def __init__(self, width: int, act: str = "relu", dropout: float = 0.1) -> None:
        super().__init__()
        self.width, self.act = width, act
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(width, width)


class Forgetful(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc = nn.Linear(width, width)


def state(layer: nn.Module) -> tuple[Any, ...]:
    shapes = {name: tuple(tensor.shape) for name, tensor in layer.state_dict().items()}
    inside = [(type(module).__name__, module.extra_repr()) for module in layer.modules()]
    return shapes, inside


def refusal(module: nn.Module, *texts: str) -> str:
    with pytest.raises(LoadFailed) as raised:
        constructor_of(module).changed(texts)
    return f"{raised.value.failure.message}; {raised.value.failure.mend}"


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_without_a_change_the_new_layer_is_like_the_old_one(layer: nn.Module) -> None:
    for device in ("cpu", "meta"):
        built = constructor_of(layer).changed(()).build(device)
        assert type(built) is type(layer)
        assert state(built) == state(layer)
        assert all(str(parameter.device) == device for parameter in built.parameters())


def test_an_argument_is_changed_and_the_call_says_what_is_not_usual() -> None:
    plan = constructor_of(nn.Conv2d(3, 8, 5, padding=2)).changed(("kernel_size=(3, 7)", "stride=2"))
    built = plan.build("meta")
    assert isinstance(built, nn.Conv2d)
    assert (built.kernel_size, built.stride, built.padding) == ((3, 7), (2, 2), (2, 2))
    assert plan.call == "Conv2d(in_channels=3, out_channels=8, kernel_size=(3, 7), stride=2, padding=(2, 2))"


def test_the_dtype_is_that_of_the_layer_unless_another_is_given() -> None:
    constructor = constructor_of(nn.Linear(2, 3).half())
    assert next(constructor.changed(()).build("cpu").parameters()).dtype is torch.float16
    assert next(constructor.changed(("dtype=bfloat16",)).build("cpu").parameters()).dtype is torch.bfloat16


def test_a_parametrized_layer_is_built_as_what_it_was() -> None:
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3, bias=False))
    built = constructor_of(layer).changed(()).build("cpu")
    assert type(built) is nn.Linear
    assert built.bias is None


def test_a_tensor_that_was_given_is_copied_not_shared() -> None:
    weight = torch.ones(3)
    built = constructor_of(nn.CrossEntropyLoss(weight)).changed(()).build("cpu")
    assert built.weight.tolist() == [1, 1, 1]  # type: ignore[operator]
    assert built.weight.data_ptr() != weight.data_ptr()  # type: ignore[operator]


def test_of_a_class_of_the_users_it_is_known_what_it_keeps() -> None:
    constructor = constructor_of(Block(4, "gelu"))
    assert constructor.values == {"width": 4, "act": "gelu"}
    assert constructor.assumed == ("dropout",)
    assert isinstance(constructor.changed(("width=6",)).build("cpu"), Block)
    assert [(argument.name, argument.value) for argument in constructor.arguments] == [
        ("width", "4"), ("act", "'gelu'"), ("dropout", None),
    ]  # fmt: skip


def test_what_cannot_be_tried_is_refused_with_words() -> None:
    assert "width cannot be told from the layer" in refusal(Forgetful(3))
    assert constructor_of(Forgetful(3)).changed(("width=5",)).values == {"width": 5}
    assert "made of other modules" in refusal(nn.Sequential(nn.ReLU()))
    assert "Was kernel_size meant?" in refusal(nn.MaxPool2d(2), "kernal_size=3")
    assert "not of the form" in refusal(nn.MaxPool2d(2), "3")
    assert "no device can be given" in refusal(nn.Linear(1, 1), "device=cuda")
    assert "Was float16 meant?" in refusal(nn.Linear(1, 1), "dtype=flaot16")
    assert "encoder_layer cannot be told" in refusal(
        nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2), 1, enable_nested_tensor=False)
    )
