"""The constructor facts that stand behind a module's name, for every kind of layer."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from torch import nn

from inspector.engine.facts import constructor_facts, one_line


def facts(module: nn.Module) -> str:
    return constructor_facts(module, module.extra_repr())


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (nn.Conv2d(3, 64, 7, stride=2, padding=3), "3→64 k7 s2 p3"),
        (nn.Conv2d(3, 64, (3, 5), bias=False), "3→64 k3×5 no bias"),
        (nn.Conv2d(32, 32, 3, groups=32, dilation=2), "32→32 k3 d2 g32"),
        (nn.Conv2d(1, 1, 3, padding="same", padding_mode="reflect"), "1→1 k3 psame reflect"),
        (nn.Conv2d(1, 1, 3, padding="valid"), "1→1 k3"),
        (nn.Conv2d(1, 1, 3, padding=(1, 2)), "1→1 k3 p1×2"),
        (nn.Conv1d(1, 2, 1), "1→2 k1"),
        (nn.Conv3d(1, 2, 3), "1→2 k3"),
        (nn.ConvTranspose2d(8, 4, 3, stride=2, output_padding=1), "8→4 k3 s2 op1"),
        (nn.Linear(576, 120), "576→120"),
        (nn.Linear(576, 120, bias=False), "576→120 no bias"),
        (nn.LazyLinear(3), "?→3"),
        (nn.LazyConv2d(3, 5), "?→3 k5"),
        (nn.LazyBatchNorm1d(), "?"),
        (nn.Bilinear(2, 3, 4), "2×3→4"),
        (nn.Identity(), ""),
        (nn.BatchNorm2d(64), "64"),
        (nn.BatchNorm2d(64, eps=1e-3, momentum=None), "64 eps=0.001 momentum=None"),
        (nn.BatchNorm1d(4, affine=False, track_running_stats=False), "4 no affine no stats"),
        (nn.InstanceNorm2d(4), "4 no affine"),
        (nn.InstanceNorm2d(4, affine=True, track_running_stats=True), "4 running stats"),
        (nn.LayerNorm(16), "16"),
        (nn.LayerNorm((3, 4), eps=1e-6), "3×4 eps=1e-06"),
        (nn.LayerNorm(4, elementwise_affine=False), "4 no affine"),
        (nn.LayerNorm(4, bias=False), "4 no bias"),
        (nn.RMSNorm(8), "8"),
        (nn.RMSNorm(8, eps=1e-6), "8 eps=1e-06"),
        (nn.GroupNorm(4, 16), "16 in 4 groups"),
        (nn.LocalResponseNorm(5), "size 5 alpha=0.0001 beta=0.75 k=1.0"),
        (nn.Embedding(50257, 768, padding_idx=0), "50257×768 pad 0"),
        (nn.Embedding(5, 3, max_norm=1.0, sparse=True), "5×3 max_norm=1.0 sparse"),
        (nn.EmbeddingBag(5, 3, mode="sum"), "5×3 sum"),
        (nn.Dropout(0.3), "p=0.3"),
        (nn.AlphaDropout(), "p=0.5"),
        (nn.LSTM(32, 64, num_layers=2, bidirectional=True, batch_first=True), "32→64 ×2 bidirectional batch_first"),
        (nn.LSTM(4, 8, proj_size=2, bias=False), "4→8 proj 2 no bias"),
        (nn.GRU(4, 8, num_layers=2, dropout=0.1), "4→8 ×2 dropout=0.1"),
        (nn.RNN(4, 8, nonlinearity="relu"), "4→8 relu"),
        (nn.LSTMCell(4, 8), "4→8"),
        (nn.MultiheadAttention(768, 12), "768 12 heads"),
        (nn.MultiheadAttention(8, 2, kdim=3, vdim=4, batch_first=True), "8 2 heads kdim=3 vdim=4 batch_first"),
        (nn.TransformerEncoderLayer(512, 8, 64), "d512 h8 ff64"),
        (nn.TransformerDecoderLayer(8, 2, 16, norm_first=True, batch_first=True), "d8 h2 ff16 norm first batch_first"),
        (nn.Transformer(8, 2, 1, 1, 16, batch_first=True), "d8 h2 batch_first"),
        (nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16), 3), "3 layers"),
        (nn.MaxPool2d(2), "k2 s2"),
        (nn.MaxPool2d((2, 3), stride=1, padding=1, dilation=2, ceil_mode=True), "k2×3 s1 p1 d2 ceil"),
        (nn.AvgPool1d(3, 2), "k3 s2"),
        (nn.AdaptiveAvgPool2d((1, 1)), "→1"),
        (nn.AdaptiveMaxPool2d((None, 7)), "→None×7"),
        (nn.Flatten(), ""),
        (nn.Flatten(0, 2), "dims 0 to 2"),
        (nn.Sequential(nn.ReLU()), "1 item"),
        (nn.ModuleList(nn.ReLU() for _ in range(12)), "12 items"),
        (nn.ModuleDict({"a": nn.ReLU(), "b": nn.ReLU()}), "2 items"),
        (nn.ParameterList(), "0 items"),
        (nn.ReLU(), ""),
        (nn.ReLU(inplace=True), "inplace"),
        (nn.LeakyReLU(0.2), "negative_slope=0.2"),
        (nn.LeakyReLU(), ""),
        (nn.ELU(), ""),
        (nn.RReLU(), ""),
        (nn.GELU("tanh"), "approximate=tanh"),
        (nn.Softmax(dim=-1), "dim=-1"),
        (nn.Softmax(), ""),
        (nn.PReLU(8), "num_parameters=8"),
        (nn.Hardtanh(-2, 2), "min_val=-2 max_val=2"),
        (nn.Threshold(0.1, 20), "threshold=0.1, value=20"),
        (nn.Upsample(scale_factor=2, mode="nearest"), "scale_factor=2.0, mode='nearest'"),
        (nn.PixelShuffle(2), "upscale_factor=2"),
        (nn.CosineSimilarity(), ""),
    ],
)
def test_a_layer_is_told_in_the_characters_that_a_row_has(module: nn.Module, expected: str) -> None:
    assert facts(module) == expected


def test_a_subclass_is_told_like_the_layer_it_is_derived_from() -> None:
    class Mine(nn.Linear):
        pass

    assert facts(Mine(2, 3)) == "2→3"


def test_a_subclass_without_the_attributes_of_its_base_falls_back_to_extra_repr() -> None:
    class Strange(nn.Conv2d):
        def __init__(self) -> None:
            nn.Module.__init__(self)

        def extra_repr(self) -> str:
            return "strange,\n  but honest"

    assert facts(Strange()) == "strange, but honest"


def test_a_container_of_the_users_own_says_what_its_extra_repr_says() -> None:
    class Stage(nn.Sequential):
        def extra_repr(self) -> str:
            return "depth=3"

    class Plain(nn.Sequential):
        pass

    assert facts(Stage(nn.ReLU())) == "depth=3"
    assert facts(Plain(nn.ReLU())) == "1 item"


def test_a_module_of_the_users_own_is_told_by_its_extra_repr_on_one_line() -> None:
    class Mine(nn.Module):
        def extra_repr(self) -> str:
            return "a=1,\n   b=2\n"

    assert facts(Mine()) == "a=1, b=2"
    assert facts(nn.Module()) == ""


def test_every_activation_and_loss_of_torch_is_told_without_an_exception() -> None:
    for name in dir(nn):
        cls = getattr(nn, name)
        if isinstance(cls, type) and issubclass(cls, nn.Module):
            module: Any = _built(cls)
            if module is not None:
                assert "\n" not in facts(module)


def _built(cls: type[nn.Module]) -> nn.Module | None:
    """A module of a class that needs no arguments."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return cls()
        except TypeError:
            return None


def test_a_text_of_several_lines_becomes_one() -> None:
    assert one_line("a\n\n  b,\nc ,") == "a, b, c"
