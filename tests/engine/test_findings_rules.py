"""Each rule fires for what it is there for, and names what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from inspector.engine.findings.failure_rules import RULES
from tests.engine.failing import Applied, Called, finding_of, found, halt_of, tells
from tests.process_state import put_back

IMAGE = torch.ones(2, 3, 8, 8)
SEQUENCE = torch.ones(4, 2, 8)  # seq, batch, feature
IDS = torch.zeros(2, 3, dtype=torch.int64)
TRANSFORMER = nn.Transformer(8, 2, 1, 1, 16, batch_first=True)


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    with put_back():
        yield


@pytest.mark.parametrize(
    "case",
    [
        Called(nn.Linear(5, 2), (torch.ones(8),), "NN201", "layer expects 5 features, got 8", "Linear(8, 2)"),
        Called(nn.Linear(5, 2, bias=False), (torch.ones(1, 8),), "NN201", "got 8", "Linear(8, 2, bias=False)"),
        Called(
            nn.Linear(192, 2),
            (IMAGE,),
            "NN201",
            "expects 192 features, got 8",
            "torch.flatten(x, 1) before it: 192 = 3×8×8",
        ),
        Called(
            nn.Linear(3, 2),
            (torch.ones(2, 3, 7),),
            "NN201",
            "expects 3 features, got 7",
            "it reads the last axis, and axis 1 has 3: x.transpose(1, -1)",
        ),
        Called(nn.Bilinear(5, 2, 3), (IMAGE, IMAGE), "NN201", "expects 5 features, got 8"),
        Called(
            nn.MultiheadAttention(8, 2), (SEQUENCE[..., :6], SEQUENCE, SEQUENCE), "NN201", "in query 8 features, got 6"
        ),
        Called(TRANSFORMER, (SEQUENCE[..., :6], SEQUENCE), "NN201", "expects in src 8 features, got 6"),
        Called(F.linear, (IMAGE, torch.ones(3, 5)), "NN201", "F.linear expects 5 features, got 8"),
    ],
)
def test_features(case: Called) -> None:
    tells(case)


def test_a_batch_that_was_flattened_too_is_told() -> None:
    def forward(self: Any, x: torch.Tensor) -> Any:
        return self.fc(self.conv(x).flatten())

    finding = finding_of(Applied(forward, conv=nn.Conv2d(3, 4, 3), fc=nn.Linear(144, 2)), IMAGE)
    assert (finding.id, finding.fix) == ("NN201", "torch.flatten(x, 1) keeps the batch")
    assert "expects 144 features, got 288 from conv, flattened" in finding.message


@pytest.mark.parametrize(
    "case",
    [
        Called(nn.ConvTranspose2d(5, 2, 3), (IMAGE,), "NN202", "expects 5 channels, got 3", "in_channels=3"),
        Called(nn.Conv2d(4, 4, 3, groups=2), (IMAGE,), "NN202", "expects 4 channels, got 3"),
        Called(
            nn.Conv1d(6, 2, 3), (torch.ones(2, 30, 6),), "NN202", "looks channels-last (N,L,C)", "x.permute(0, 2, 1)"
        ),
        Called(nn.Conv3d(1, 2, 3), (torch.ones(2, 8, 8, 8, 1),), "NN202", "(N,D,H,W,C)", "x.permute(0, 4, 1, 2, 3)"),
        Called(
            nn.Conv2d(1, 2, 3), (IMAGE,), "NN202", "an RGB image into", "x.mean(-3, keepdim=True), or in_channels=3"
        ),
        Called(
            nn.Conv2d(1, 2, 3),
            (torch.ones(5, 8, 8),),
            "NN202",
            "5×8×8 was read as one sample without a batch axis",
            "x.unsqueeze(1) adds the channel axis",
        ),
        Called(F.conv2d, (IMAGE[:, :2], torch.ones(4, 3, 3, 3)), "NN202", "F.conv2d expects 3 channels, got 2"),
        Called(nn.Conv2d(3, 2, 9), (IMAGE,), "NN211", "the 9×9 kernel of layer is larger than its input: 8×8"),
        Called(nn.Conv2d(3, 2, 5, dilation=2), (IMAGE,), "NN211", "the 9×9 kernel", "an input of 9×9 or more"),
        Called(nn.Conv2d(3, 2, 11, padding=1), (IMAGE,), "NN211", "8×8 of input x and 1×1 of padding"),
        Called(nn.MaxPool2d((2, 9)), (IMAGE,), "NN211", "the 2×9 kernel of layer", "an input of 9×9 or more"),
        Called(nn.AvgPool1d(9), (IMAGE[0],), "NN211", "the 9 kernel of layer is larger than its input: 8"),
        Called(lambda x: F.max_pool2d(x, 20), (IMAGE,), "NN211", "the 20×20 kernel of F.max_pool2d"),
        Called(lambda x: F.avg_pool2d(x, (20, 1)), (IMAGE,), "NN211", "the 20×1 kernel of F.avg_pool2d"),
        Called(lambda x: F.conv2d(x, torch.ones(1, 3, 9, 9)), (IMAGE,), "NN211", "the 9×9 kernel of F.conv2d"),
    ],
)
def test_channels_and_kernels(case: Called) -> None:
    tells(case)


@pytest.mark.parametrize(
    "case",
    [
        Called(
            nn.Linear(8, 2, device="meta"),
            (IMAGE,),
            "NN203",
            "input x on cpu, layer.weight on meta",
            "layer.weight is on meta, where tensors have no values: make it on cpu",
        ),
        Called(lambda x: torch.cat([x, x.to("meta")]), (IMAGE,), "NN203", "cat got tensors on different devices"),
        Called(nn.Linear(8, 2), (IMAGE.long(),), "NN204", "input x is int64; layer is float32"),
        Called(nn.Conv2d(3, 2, 3), (IMAGE.to(torch.uint8),), "NN204", "input x is uint8; layer is float32"),
        Called(nn.LayerNorm(8), (IMAGE.double(),), "NN204", "input x is float64 (NumPy's default); layer is float32"),
        Called(nn.GRU(8, 4), (SEQUENCE.double(),), "NN204", "input x is float64 (NumPy's default); layer is float32"),
        Called(nn.Linear(8, 2).double(), (IMAGE,), "NN204", "input x is float32; layer is float64"),
        Called(lambda x: x @ x.double(), (IMAGE,), "NN204", "input x is float32, double() is float64"),
        Called(nn.Embedding(5, 2), (IDS.short(),), "NN204", "input x is int16", "ids.long(), or --input x=2x3:int64"),
        Called(nn.EmbeddingBag(5, 2), (IDS.float(),), "NN204", "looks up ids, which are integers; input x is float32"),
        Called(F.one_hot, (IDS.float(),), "NN204", "F.one_hot looks up ids"),
    ],
)
def test_devices_and_dtypes(case: Called) -> None:
    tells(case)


def test_two_faults_at_once_are_told_in_the_order_of_torch() -> None:
    wrong_in_both = finding_of(nn.Sequential(nn.Linear(5, 2)), IMAGE.double())
    assert wrong_in_both.id == "NN204"
    assert finding_of(nn.Sequential(nn.Linear(5, 2)), IMAGE).id == "NN201"


@pytest.mark.parametrize(
    "case",
    [
        Called(lambda x: x.view(-1, 7), (IMAGE,), "NN205", "view(-1, 7): 192 = 3×8×8 per sample is not divisible by 7"),
        Called(
            lambda x: x.view(32, 192),
            (IMAGE,),
            "NN205",
            "do not fill 6144 = 32×192",
            "the batch is 2, not 32: view(x.size(0), 192)",
        ),
        Called(
            lambda x: x.reshape((4, 7)), (IMAGE,), "NN205", "reshape(4, 7): 384 = 2×3×8×8 values do not fill 28 = 4×7"
        ),
        Called(lambda x: torch.reshape(x, (7, -1)), (IMAGE,), "NN205", "384 = 2×3×8×8 values are not divisible by 7"),
        Called(lambda x: x.permute(0, 2, 3, 1).relu().view(2, -1), (IMAGE,), "NN206", "of 2×8×8×3 since permute at"),
        Called(lambda x: x.transpose(0, 1).view(6, -1), (IMAGE,), "NN206", "of 3×2×8×8 since transpose at"),
        Called(lambda x: x[:, :, ::2].view(2, -1), (IMAGE,), "NN206", "the values lie in another order"),
    ],
)
def test_reshaping(case: Called) -> None:
    tells(case)


@pytest.mark.parametrize(
    "case",
    [
        Called(nn.Embedding(5, 2), (IDS + 5,), "NN207", "layer: index 5, but the table has rows 0..4 (6 of 6 ids)"),
        Called(
            nn.Embedding(5, 2, padding_idx=0),
            (IDS + 5,),
            "NN207",
            "index 5",
            "Embedding(6, 2, padding_idx=0), or ids below 5",
        ),
        Called(
            nn.Embedding(5, 2),
            (torch.tensor([0, -1]),),
            "NN207",
            "layer: index -1, but the table has rows 0..4",
            "an embedding does not count from the end: give ids of 0 or more",
        ),
        Called(nn.EmbeddingBag(5, 2), (IDS + 7,), "NN207", "index 7", "EmbeddingBag(8, 2), or ids below 5"),
        Called(F.embedding, (IDS + 9, torch.ones(3, 5)), "NN207", "F.embedding: index 9, but the table has rows 0..2"),
    ],
)
def test_indices(case: Called) -> None:
    tells(case)


def test_guessed_ids_are_mended_where_they_were_guessed() -> None:
    model = nn.Embedding(5, 2)
    finding = found(halt_of(model, IDS + 5), model, origin="guessed")
    assert finding.fix == "Embedding(6, 2), or --input input=2x3:int64:0-4"


@pytest.mark.parametrize(
    "case",
    [
        Called(lambda x: x + torch.ones(5), (IMAGE,), "NN210", "on axis -1 input x gives 8, ones() gives 5"),
        Called(lambda x: x - torch.ones(2, 1, 8, 7), (IMAGE,), "NN210", "on axis 3 input x gives 8, ones() gives 7"),
        Called(lambda x: x * torch.ones(3), (IMAGE,), "NN210", "do not broadcast", "it fits axis 1: view(-1, 1, 1)"),
        Called(
            lambda x: x * torch.ones(2, 3),
            (IMAGE,),
            "NN210",
            "do not broadcast",
            "it fits the first axes: y[..., None, None]",
        ),
        Called(lambda x: torch.where(x > 0, x, torch.ones(5)), (IMAGE,), "NN210", "where: 2×3×8×8 and 5"),
        Called(lambda x: x.masked_fill(torch.ones(3, 3) > 0, 0.0), (IMAGE,), "NN210", "masked_fill: 2×3×8×8 and 3×3"),
        Called(
            lambda x: x.mean(1, keepdim=True).add_(x),
            (IMAGE,),
            "NN210",
            "writes into 2×1×8×8 (mean()), and with 2×3×8×8",
            "x = x + y in place of x += y makes a new tensor",
        ),
        Called(
            lambda x: torch.cat([x, x[..., 1:]], 1), (IMAGE,), "NN210", "cat along axis 1: on axis 3 input x gives 8,"
        ),
        Called(
            lambda x: torch.cat((x, x[:, :1])),
            (IMAGE,),
            "NN210",
            "cat along axis 0",
            "dim=1, the only axis on which they differ",
        ),
        Called(lambda x: torch.cat([x, x[0]], 1), (IMAGE,), "NN210", "tensors of different numbers of axes"),
        Called(lambda x: torch.stack([x, x[..., 1:]]), (IMAGE,), "NN210", "number 1 (the result of […]) is 2×3×8×7"),
        Called(
            lambda x: x @ x[..., :5, :],
            (IMAGE,),
            "NN210",
            "cannot be multiplied",
            "transpose the second: y.transpose(-2, -1)",
        ),
        Called(lambda x: torch.bmm(x[0], x[0, :, :4]), (IMAGE,), "NN210", "bmm: 3×8×8 and 3×4×8 cannot be multiplied"),
        Called(lambda x: x @ torch.ones(3, 4, 8, 8), (IMAGE,), "NN210", "on axis -3 input x gives 3, ones() gives 4"),
        Called(lambda x: x @ torch.ones(7), (IMAGE,), "NN210", "the last axis of input x has 8, ones() has 7"),
        Called(
            nn.BatchNorm2d(4), (IMAGE,), "NN210", "layer was made for 4 channels, got 3 on axis 1", "BatchNorm2d(3)"
        ),
        Called(nn.InstanceNorm2d(5, affine=True), (IMAGE,), "NN210", "was made for 5 channels, got 3 on axis 1"),
        Called(nn.GroupNorm(2, 4), (IMAGE,), "NN210", "was made for 4 channels, got 3 on axis 1", ""),
        Called(
            nn.LayerNorm((3, 8)),
            (IMAGE,),
            "NN210",
            "the last 2 axes and expects 3×8 there, got 8×8",
            "LayerNorm((8, 8))",
        ),
        Called(
            nn.LayerNorm(3),
            (torch.ones(2, 3, 8),),
            "NN210",
            "expects 3 there, got 8",
            "axis 1 has 3: x.permute(0, 2, 1)",
        ),
        Called(lambda x: F.layer_norm(x, (9,)), (IMAGE,), "NN210", "F.layer_norm normalises over the last axis"),
        Called(
            nn.MultiheadAttention(8, 2), (SEQUENCE, SEQUENCE[:3], SEQUENCE), "NN210", "key is 3×2×8, value is 4×2×8"
        ),
        Called(
            TRANSFORMER,
            (SEQUENCE, SEQUENCE[:3]),
            "NN210",
            "src has a batch of 4, tgt one of 3, read from axis 0 because batch_first=True",
            "batch_first=False, if axis 1 is the batch",
        ),
    ],
)
def test_shapes(case: Called) -> None:
    tells(case)


def test_batch_statistics_of_one_value() -> None:
    layer = finding_of(nn.Sequential(nn.BatchNorm1d(3)), IMAGE[:1, :, 0, 0], training=True)
    assert (layer.id, layer.path) == ("NN212", "0")
    assert "one value for each of 3 channels" in layer.message
    untracked = finding_of(nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False)), IMAGE[:1, :, :1, :1])
    assert (untracked.id, untracked.fix) == ("NN212", "a batch of 2 or more")
    function = finding_of(Applied(lambda self, x: F.batch_norm(x, None, None, training=True)), IMAGE[:1, :, 0, 0])
    assert function.id == "NN212"


@pytest.mark.parametrize(
    ("args", "keywords", "message", "fix"),
    [
        ((), {}, "misses one and two", "--input one=…"),
        ((1,), {}, "misses two", "--input two=…"),
        ((1, 2, 3, 4), {}, "takes 3 positional arguments and got 4", ""),
        ((1, 2), {"thre": 1}, "takes no thre", "it takes one, two and three"),
        ((1,), {"to": 1}, "misses two and takes no to", "--input two=…"),
    ],
)
def test_arguments_of_the_model(args: Any, keywords: Any, message: str, fix: str) -> None:
    class Net(nn.Module):
        def forward(self, one: Any, two: Any, three: Any = None) -> Any:
            return one

    finding = finding_of(Net(), *args, **keywords)
    assert finding.id == "NN213"
    assert finding.message == f"Net.forward(one, two, three=None) {message}"
    assert finding.fix == fix
    assert finding.source is not None
    assert finding.source.code.startswith("def forward(self, one")


@pytest.mark.parametrize(
    "raised",
    [MemoryError(), getattr(torch, "OutOfMemoryError", torch.cuda.OutOfMemoryError)("Tried to allocate 20.00 GiB.")],
)
def test_memory_that_was_refused_by_its_class(raised: BaseException) -> None:
    def forward(self: Any, x: Any) -> Any:
        raise raised

    finding = finding_of(Applied(forward), IMAGE)
    assert finding.id == "NN214"
    assert ("20.0 GiB were asked for" in finding.message) is bool(str(raised))


def test_every_way_to_fail_has_one_rule() -> None:
    assert sorted(rule.id for rule in RULES) == ["NN120", *(f"NN{number}" for number in range(201, 215))]
    assert {rule.severity for rule in RULES} == {"error"}
