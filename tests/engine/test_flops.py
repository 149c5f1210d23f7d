"""FLOPs against numbers worked by hand; a multiply-add is two."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import flop_registry, register_flop_formula

from inspector.engine.forward.dispatch import Dispatching
from inspector.engine.forward.fake_mode import ShapesOnly
from inspector.engine.forward.fake_values import fake_values
from inspector.engine.forward.flops import Flops

WAYS = ["real", "fake", "meta"]
"""Tensors with values, without them, and on the device without memory."""


def counted(function: Callable[..., Any], *args: Any, way: str = "real") -> Flops:
    """The FLOPs of one call."""
    flops = Flops(lambda _: None)
    if way == "fake":
        shapes = ShapesOnly(flops)
        args = fake_values(args, shapes)
        with shapes:
            function(*args)
        shapes.forget()
        return flops
    if way == "meta":
        args = tuple(arg.to("meta") if isinstance(arg, Tensor) else arg for arg in args)
        function = copy.deepcopy(function).to("meta") if isinstance(function, nn.Module) else function
    with Dispatching(flops):
        function(*args)
    return flops


def macs(function: Callable[..., Any], *args: Any, way: str = "real") -> int:
    """Multiply-adds of one call, of which everything must have been counted."""
    flops = counted(function, *args, way=way)
    assert not flops.uncounted
    assert flops.total % 2 == 0
    return flops.total // 2


# --- products ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_a_linear_layer_costs_its_weight_for_every_row_and_nothing_for_its_bias(way: str) -> None:
    # 5 × 100 × 100 rows, each meets 3 × 8 weights.
    assert macs(nn.Linear(3, 8), torch.randn(5, 100, 100, 3), way=way) == 1_200_000
    assert macs(nn.Linear(3, 8, bias=False), torch.randn(5, 100, 100, 3), way=way) == 1_200_000


def test_one_linear_layer_of_three_parents_is_paid_for_each_call() -> None:
    shared = nn.Linear(100, 100)
    model = nn.Sequential(nn.Sequential(shared), nn.Sequential(shared), nn.Sequential(shared))
    assert counted(model, torch.randn(1, 100)).total == 60_000  # 3 calls × 100 × 100 × 2


def test_a_head_tied_to_an_embedding_is_paid_like_any_other() -> None:
    embedding, head = nn.Embedding(1000, 64), nn.Linear(64, 1000, bias=False)
    head.weight = embedding.weight
    assert macs(nn.Sequential(embedding, head), torch.zeros(2, 16, dtype=torch.long)) == 2 * 16 * 64 * 1000


@pytest.mark.parametrize("way", WAYS)
def test_products_of_every_form_count_their_columns_once_for_each_element(way: str) -> None:
    a, b, v = torch.randn(4, 5, 6), torch.randn(4, 6, 7), torch.randn(6)
    assert macs(torch.matmul, a, b, way=way) == 4 * 5 * 6 * 7
    assert macs(torch.bmm, a, b, way=way) == 4 * 5 * 6 * 7
    assert macs(torch.baddbmm, torch.randn(4, 5, 7), a, b, way=way) == 4 * 5 * 6 * 7
    assert macs(torch.addbmm, torch.randn(5, 7), a, b, way=way) == 4 * 5 * 6 * 7
    assert macs(torch.mm, a[0], b[0], way=way) == 5 * 6 * 7
    assert macs(torch.addmm, torch.randn(7), a[0], b[0], way=way) == 5 * 6 * 7
    assert macs(torch.mv, a[0], v, way=way) == 5 * 6
    assert macs(torch.addmv, torch.randn(5), a[0], v, way=way) == 5 * 6
    assert macs(torch.dot, v, v, way=way) == 6
    assert macs(torch.einsum, "bij,bjk->bik", a, b, way=way) == 4 * 5 * 6 * 7


@pytest.mark.parametrize("way", WAYS)
def test_a_bilinear_layer_counts_every_pair_of_inputs_for_every_output(way: str) -> None:
    assert macs(nn.Bilinear(5, 6, 7), torch.randn(3, 5), torch.randn(3, 6), way=way) == 3 * 7 * 5 * 6


# --- what costs nothing by convention ---------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.LayerNorm(16), (2, 8, 16)),
        (nn.BatchNorm2d(8), (2, 8, 4, 4)),
        (nn.GroupNorm(2, 8), (2, 8, 4, 4)),
        (nn.InstanceNorm1d(8), (2, 8, 16)),
        (nn.MaxPool2d(2), (2, 8, 4, 4)),
        (nn.AdaptiveAvgPool2d(1), (2, 8, 4, 4)),
        (nn.Softmax(-1), (2, 8, 16)),
        (nn.GELU(), (2, 8, 16)),
        (nn.PReLU(), (2, 8, 16)),
        (nn.GLU(), (2, 8, 16)),
        (nn.LogSoftmax(-1), (2, 8, 16)),
        (nn.Dropout(0.5), (2, 8, 16)),
        (nn.Upsample(scale_factor=2), (2, 8, 4, 4)),
        (nn.Upsample(scale_factor=2, mode="bilinear"), (2, 8, 4, 4)),
        (nn.PixelShuffle(2), (2, 8, 4, 4)),
        (nn.ReflectionPad2d(1), (2, 8, 4, 4)),
        (nn.Unfold(2), (2, 8, 4, 4)),
        (nn.RMSNorm(16), (2, 8, 16)),
        (nn.LocalResponseNorm(2), (2, 8, 4, 4)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_normalisation_pooling_and_activation_cost_nothing_and_are_not_unknown(
    layer: nn.Module, shape: tuple[int, ...], way: str
) -> None:
    assert macs(layer, torch.randn(shape), way=way) == 0


@pytest.mark.parametrize("way", WAYS)
def test_a_look_up_in_a_table_costs_nothing(way: str) -> None:
    ids = torch.zeros(2, 16, dtype=torch.long)
    assert macs(nn.Embedding(1000, 64), ids, way=way) == 0
    assert macs(nn.EmbeddingBag(1000, 64), ids, way=way) == 0


def test_what_a_forward_does_beside_products_costs_nothing() -> None:
    def forward(x: Tensor) -> Tensor:
        y = torch.cat([x, x.flip(0)]).cumsum(0).sort(-1).values.topk(3).values
        y = torch.where(y > 0, y, torch.zeros_like(y)).masked_fill(y > 1, 0.0).roll(1, 0)
        y = y.std(0) + y.var(0) + y.norm(dim=0) + y.logsumexp(0) + y.prod(0) + y.amax(0) + y.median(0).values
        z = torch.stack([y, y]).gather(0, torch.zeros(1, 3, dtype=torch.long)).tril().repeat(2, 2)
        z[0] = 1
        return F.one_hot(z.argmax(-1), 8).float().mean() + torch.rand(1) + torch.arange(3).sum()

    assert macs(forward, torch.randn(4, 5)) == 0


# --- convolutions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        # batch × positions of the output × channels out × (channels in / groups × kernel)
        (nn.Conv2d(3, 8, 3), (2, 3, 10, 10), 2 * 8 * 8 * 8 * 3 * 9),
        (nn.Conv2d(8, 16, 3, stride=2, padding=1), (2, 8, 10, 10), 2 * 5 * 5 * 16 * 8 * 9),
        (nn.Conv2d(8, 16, 3, groups=4), (2, 8, 10, 10), 2 * 8 * 8 * 16 * 2 * 9),
        (nn.Conv2d(8, 8, 3, groups=8), (2, 8, 10, 10), 2 * 8 * 8 * 8 * 1 * 9),
        (nn.Conv2d(3, 8, 3, dilation=2), (2, 3, 10, 10), 2 * 6 * 6 * 8 * 3 * 9),
        (nn.Conv2d(3, 8, 3, padding="same"), (2, 3, 10, 10), 2 * 10 * 10 * 8 * 3 * 9),
        (nn.Conv2d(3, 8, 3), (3, 10, 10), 8 * 8 * 8 * 3 * 9),  # without a batch
        (nn.Conv1d(3, 8, 5), (2, 3, 20), 2 * 16 * 8 * 3 * 5),
        (nn.Conv3d(3, 8, 2), (2, 3, 4, 5, 6), 2 * 3 * 4 * 5 * 8 * 3 * 8),
        # Transposed: positions of the input. 10 × 10 × (16 × 8 × 9)
        (nn.ConvTranspose2d(16, 8, 3, stride=2), (1, 16, 10, 10), 115_200),
        (nn.ConvTranspose2d(16, 8, 3, stride=2, groups=4), (1, 16, 10, 10), 100 * 16 * 2 * 9),
        (nn.ConvTranspose1d(4, 6, 3), (2, 4, 7), 2 * 7 * 4 * 6 * 3),
    ],
)
def test_a_convolution_meets_its_weight_at_every_position(
    layer: nn.Module, shape: tuple[int, ...], expected: int, way: str
) -> None:
    assert macs(layer, torch.randn(shape), way=way) == expected


# --- attention --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_attention_on_the_cpu_counts_both_of_its_products(way: str) -> None:
    q = torch.randn(1, 12, 64, 64)
    # 12 heads × 64 queries × 64 keys × (64 for q @ k + 64 for scores @ v)
    assert counted(F.scaled_dot_product_attention, q, q, q, way=way).total == 12_582_912


@pytest.mark.parametrize("way", ["real", "fake"])
def test_attention_costs_the_same_by_every_way_through_torch(way: str) -> None:
    q = torch.randn(1, 12, 64, 64)
    mask = torch.ones(64, 64, dtype=torch.bool)

    def masked(q: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, q, q, attn_mask=mask, dropout_p=0.1)

    def causal(q: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, q, q, is_causal=True)

    def by_hand(q: Tensor) -> Tensor:
        return (q @ q.mT / 8).softmax(-1) @ q

    def inferring(q: Tensor) -> Tensor:
        with torch.inference_mode():
            return F.scaled_dot_product_attention(q, q, q)

    for form in (masked, causal, by_hand, inferring):
        assert counted(form, q, way=way).total == 12_582_912, form


@pytest.mark.skipif(torch.__version__ < "2.5", reason="heads of key and value must be as many as the query's")
def test_attention_with_fewer_keys_than_queries_counts_the_heads_of_the_query() -> None:
    q, k = torch.randn(1, 12, 64, 64), torch.randn(1, 4, 64, 64)

    def grouped(q: Tensor, k: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, k, enable_gqa=True)

    assert counted(grouped, q, k).total == 12_582_912


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("gradients", [False, True])
def test_an_encoder_layer_costs_the_same_by_its_fast_path(gradients: bool, training: bool) -> None:
    layer = nn.TransformerEncoderLayer(64, 4, dim_feedforward=128, batch_first=True).train(training)
    # Rows 2 × 10: in 64 × 192, out 64 × 64, up and down 64 × 128; both products of attention 2 × 10 × 10 × 64.
    expected = 20 * (64 * 192 + 64 * 64 + 2 * 64 * 128) + 2 * 2 * 10 * 10 * 64
    with torch.set_grad_enabled(gradients):
        assert macs(layer, torch.randn(2, 10, 64)) == expected
        assert macs(layer, torch.randn(2, 10, 64), way="fake") == expected


def test_multi_head_attention_costs_the_same_by_its_fast_path() -> None:
    layer = nn.MultiheadAttention(64, 4, batch_first=True).eval()

    def forward(x: Tensor) -> Any:
        return layer(x, x, x, need_weights=False)

    expected = 20 * (64 * 192 + 64 * 64) + 2 * 2 * 10 * 10 * 64
    with torch.no_grad():
        assert macs(forward, torch.randn(2, 10, 64)) == expected
    assert macs(forward, torch.randn(2, 10, 64)) == expected


class ViT(nn.Module):
    """ViT-B/16: 16 × 16 patches of 224 × 224 pixels and a class token, 12 layers of width 768, 1000 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 768, 16, stride=16)
        self.token = nn.Parameter(torch.zeros(1, 1, 768))
        layer = nn.TransformerEncoderLayer(768, 12, 3072, activation="gelu", batch_first=True, norm_first=True)
        self.layers = nn.ModuleList(layer for _ in range(12))
        self.head = nn.Linear(768, 1000)

    def forward(self, images: Tensor) -> Tensor:
        x = self.patches(images).flatten(2).mT
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1)
        for layer in self.layers:
            x = layer(x)
        out: Tensor = self.head(x[:, 0])
        return out


def test_a_vision_transformer_counts_attention_though_no_module_stands_for_it() -> None:
    tokens = 14 * 14 + 1
    patches = 14 * 14 * 768 * (3 * 16 * 16)
    layer = tokens * (768 * 2304 + 768 * 768 + 2 * 768 * 3072) + 2 * tokens * tokens * 768
    expected = patches + 12 * layer + 768 * 1000
    assert round(expected / 1e9, 1) == 17.6
    assert macs(ViT(), torch.empty(1, 3, 224, 224), way="fake") == expected


# --- recurrent layers -------------------------------------------------------------------------------------------------


def test_a_packed_sequence_pays_for_its_lengths_alone() -> None:
    lengths = torch.tensor([100] * 9 + [4, 2])  # 906 steps, of at most 1,100
    packed = pack_padded_sequence(torch.randn(100, 11, 128), lengths)
    # A step is 4 gates × 32 × (128 inputs + 32 hidden) = 20,480
    assert macs(nn.LSTM(128, 32), packed) == 906 * 20_480 == 18_554_880
    assert macs(nn.LSTM(128, 32), packed, way="fake") == 18_554_880


def test_a_sequence_that_forward_packs_pays_for_its_lengths_alone() -> None:
    lstm = nn.LSTM(128, 32)

    def forward(x: Tensor, lengths: Tensor) -> Any:
        return lstm(pack_padded_sequence(x, lengths, enforce_sorted=False))

    lengths = torch.tensor([4, 2] + [100] * 9)
    for way in ("real", "fake"):
        assert macs(forward, torch.randn(100, 11, 128), lengths, way=way) == 18_554_880


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("layer", "a_step"),
    [
        (nn.LSTM(128, 32), 4 * 32 * (128 + 32)),
        (nn.GRU(128, 32), 3 * 32 * (128 + 32)),
        (nn.RNN(128, 32), 32 * (128 + 32)),
        (nn.RNN(128, 32, nonlinearity="relu"), 32 * (128 + 32)),
        (nn.LSTM(128, 32, num_layers=2), 4 * 32 * (128 + 32) + 4 * 32 * (32 + 32)),
        (nn.LSTM(128, 32, bidirectional=True), 2 * 4 * 32 * (128 + 32)),
        (nn.GRU(128, 32, num_layers=2, bidirectional=True), 2 * 3 * 32 * (128 + 32) + 2 * 3 * 32 * (64 + 32)),
        (nn.LSTM(128, 32, batch_first=True), 4 * 32 * (128 + 32)),
        # Projected to 8: the hidden state has 8, and 32 × 8 more project it.
        (nn.LSTM(128, 32, proj_size=8), 4 * 32 * (128 + 8) + 32 * 8),
    ],
)
def test_a_recurrent_layer_pays_both_weights_at_every_step(
    layer: nn.Module, a_step: int, way: str, gradients: bool
) -> None:
    with torch.set_grad_enabled(gradients):
        assert macs(layer, torch.randn(7, 3, 128), way=way) == 7 * 3 * a_step


def test_a_cell_pays_for_one_step() -> None:
    assert macs(nn.LSTMCell(128, 32), torch.randn(3, 128)) == 3 * 4 * 32 * (128 + 32)
    assert macs(nn.GRUCell(128, 32), torch.randn(3, 128)) == 3 * 3 * 32 * (128 + 32)


# --- what nobody can count --------------------------------------------------------------------------------------------


@pytest.fixture
def spin() -> Iterator[Callable[[Tensor], Tensor]]:
    """An operation of somebody's own."""
    with torch.library._scoped_library("nn_inspect_test", "DEF") as library:
        library.define("spin(Tensor x) -> Tensor")
        library.impl("spin", lambda x: x.flip(0), "CompositeExplicitAutograd")
        yield torch.ops.nn_inspect_test.spin


def test_an_operation_of_somebodys_own_is_told_by_name(spin: Callable[[Tensor], Tensor]) -> None:
    flops = counted(lambda x: spin(spin(x)) @ x, torch.randn(4, 4))
    assert flops.uncounted == {"nn_inspect_test.spin": 2}
    assert flops.total == 2 * 4 * 4 * 4


def test_an_operation_of_somebodys_own_counts_by_its_own_formula(spin: Any) -> None:
    register_flop_formula(spin)(lambda shape, *_, out_shape=None, **__: 7 * shape[0])
    try:
        with _forgotten(spin.default):
            flops = counted(spin, torch.randn(4, 4))
    finally:
        _unregister(spin)
    assert flops.total == 28
    assert not flops.uncounted


def test_a_formula_that_raises_leaves_its_operation_uncounted(spin: Any) -> None:
    register_flop_formula(spin)(lambda shape, *_, out_shape=None, **__: shape["no"])
    try:
        with _forgotten(spin.default):
            flops = counted(spin, torch.randn(4, 4))
    finally:
        _unregister(spin)
    assert flops.uncounted == {"nn_inspect_test.spin": 1}


def _unregister(spin: Any) -> None:
    """Take its formula out: where the registry has it by itself, and where it has it by its overload."""
    for key in (spin, spin.default):
        flop_registry.pop(key, None)


@contextmanager
def _forgotten(operation: Any) -> Iterator[None]:
    """What it costs is found out anew, before and after."""
    from inspector.engine.forward import flops

    flops._costs.pop(operation, None)
    yield
    flops._costs.pop(operation, None)


def test_transforms_and_factorisations_are_told_by_name() -> None:
    def forward(x: Tensor) -> Tensor:
        transformed: Tensor = torch.fft.fft(x).real
        sums: Tensor = transformed + torch.linalg.inv(x) + torch.cdist(x, x)
        return sums

    flops = counted(forward, torch.eye(4))
    assert flops.uncounted == {"aten._fft_r2c": 1, "aten.linalg_inv_ex": 1, "aten._cdist_forward": 1}


def test_a_sparse_product_is_told_by_name_for_its_shape_does_not_say_what_it_costs() -> None:
    sparse = torch.eye(4).to_sparse()
    assert counted(torch.mm, sparse, torch.randn(4, 4)).uncounted == {"aten.mm": 1}


# --- the same number every time ---------------------------------------------------------------------------------------


def test_a_second_run_gives_the_same_number() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10))
    numbers = {macs(model, torch.randn(2, 3, 10, 10), way=way) for way in ("real", "real", "fake", "fake", "meta")}
    assert numbers == {2 * 8 * 8 * 8 * 27 + 2 * 512 * 10}


@pytest.mark.parametrize("way", WAYS)
def test_frozen_weights_cost_as_much_as_trainable_ones(way: str) -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(512, 10))
    trainable = macs(model, torch.randn(2, 3, 10, 10), way=way)
    model.requires_grad_(False)
    with torch.no_grad():
        assert macs(model, torch.randn(2, 3, 10, 10), way=way) == trainable > 0


def test_a_checkpointed_block_pays_for_its_forward_once() -> None:
    block = nn.Linear(16, 16)

    def forward(x: Tensor) -> Any:
        return checkpoint(block, x, use_reentrant=False)

    for way in ("real", "fake"):
        assert macs(forward, torch.randn(2, 16, requires_grad=True), way=way) == 2 * 16 * 16


def test_inference_mode_takes_no_operation_out_of_the_count() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(512, 10))

    def forward(x: Tensor) -> Any:
        with torch.inference_mode():
            return model(x)

    for way in ("real", "fake"):
        assert macs(forward, torch.randn(2, 3, 10, 10), way=way) == 2 * 8 * 8 * 8 * 27 + 2 * 512 * 10


def test_flops_are_credited_as_they_fall_due() -> None:
    paid: list[int] = []
    with Dispatching(Flops(paid.append)):
        nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))(torch.randn(1, 4))
    assert paid == [2 * 4 * 8, 2 * 8 * 2]
