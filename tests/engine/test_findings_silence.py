"""No rule fires for a fault that is not its own, whatever the exception says; and none raises over odd objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.rnn import pack_padded_sequence

from inspector.engine.findings.explanation import explain
from tests.engine.failing import Applied, finding_of, halt_of, input_set
from tests.process_state import put_back

IMAGE = torch.ones(2, 3, 8, 8)
SEQUENCE = torch.ones(4, 2, 8)
IDS = torch.zeros(2, 3, dtype=torch.int64)
THREE: Any = 3
"""A number where a tensor is wanted."""


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    with put_back():
        yield


TEXTS = [
    RuntimeError("mat1 and mat2 shapes cannot be multiplied (32x100352 and 784x128)"),
    RuntimeError(
        "Given groups=1, weight of size [2, 1, 3, 3], expected input[2, 3, 8, 8] to have 1 channels, but got 3"
    ),
    RuntimeError("Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!"),
    RuntimeError("mat1 and mat2 must have the same dtype, but got Double and Float"),
    RuntimeError("shape '[-1, 400]' is invalid for input of size 12544"),
    RuntimeError("view size is not compatible with input tensor's size and stride. Use .reshape(...) instead."),
    IndexError("index out of range in self"),
    RuntimeError("input.size(-1) must be equal to input_size. Expected 10, got 20"),
    RuntimeError("The shape of the 2D attn_mask is torch.Size([3, 3]), but should be (4, 4)."),
    RuntimeError("The size of tensor a (64) must match the size of tensor b (63) at non-singleton dimension 3"),
    RuntimeError("Calculated padded input size per channel: (2 x 2). Kernel size: (3 x 3)."),
    ValueError("Expected more than 1 value per channel when training, got input size torch.Size([1, 64])"),
    TypeError("forward() missing 1 required positional argument: 'mask'"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 64 bytes."),
]


@pytest.mark.parametrize("raised", TEXTS, ids=[str(error)[:30] for error in TEXTS])
def test_what_an_exception_says_alone_proves_nothing(raised: Exception) -> None:
    def forward(self: Any, x: torch.Tensor) -> Any:
        raise raised

    finding = finding_of(Applied(forward), IMAGE)
    assert finding.id == "NN299"
    assert str(raised) in finding.message
    assert finding.fix == ""


HEALTHY = [
    (nn.Linear(8, 2), (IMAGE,), RuntimeError),
    (nn.Conv2d(3, 2, 3), (IMAGE,), RuntimeError),
    (nn.Conv2d(3, 2, 3), (IMAGE[0],), RuntimeError),
    (nn.MaxPool2d(8), (IMAGE,), RuntimeError),
    (nn.BatchNorm2d(3), (IMAGE,), ValueError),
    (nn.BatchNorm1d(3), (IMAGE[:, :, 0, 0],), ValueError),
    (nn.LayerNorm((8, 8)), (IMAGE,), RuntimeError),
    (nn.GroupNorm(1, 3), (IMAGE,), RuntimeError),
    (nn.Embedding(5, 2), (IDS,), IndexError),
    (nn.LSTM(8, 4, 2, batch_first=True), (SEQUENCE, (torch.zeros(2, 4, 4), torch.zeros(2, 4, 4))), RuntimeError),
    (nn.GRU(8, 4), (SEQUENCE[:, 0], torch.zeros(1, 4)), RuntimeError),
    (nn.LSTM(8, 4), (pack_padded_sequence(SEQUENCE, [4, 3]),), RuntimeError),
    (nn.GRUCell(8, 4), (SEQUENCE[0], torch.zeros(2, 4)), RuntimeError),
    (nn.MultiheadAttention(8, 2), (SEQUENCE,) * 3, AssertionError),
    (nn.ReLU(), (IMAGE,), TypeError),
]


@pytest.mark.parametrize(("layer", "args", "kind"), HEALTHY, ids=[type(case[0]).__name__ for case in HEALTHY])
def test_a_layer_whose_arguments_fit_is_not_blamed(layer: nn.Module, args: Any, kind: type[Exception]) -> None:
    with torch.no_grad():
        layer(*args)
    handle = layer.register_forward_hook(lambda *_: (_ for _ in ()).throw(kind("size dtype device mask kernel")))
    finding = finding_of(Applied(lambda self, *given: self.layer(*given), layer=layer), *args)
    handle.remove()
    assert (finding.id, finding.path) == ("NN299", "layer")


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (lambda x: F.max_pool2d(x, 2, padding=2), (IMAGE,)),
        (lambda x: F.conv2d(x, torch.ones(4, 3, 3, 3), padding=(1, 1, 1)), (IMAGE,)),
        (lambda x: x.view(-1, -1), (IMAGE,)),
        (lambda x: x.view(2, -2), (IMAGE,)),
        (lambda x: x[9], (IMAGE,)),
        (lambda x: x[x], (IMAGE,)),
        (lambda x: torch.einsum("bchw,bcw->b", x, x), (IMAGE,)),
        (lambda x: torch.cat([x, x], 7), (IMAGE,)),
        (lambda x: torch.cat([]), (IMAGE,)),
        (lambda x: torch.stack([x, THREE]), (IMAGE,)),
        (lambda x: x + "one", (IMAGE,)),
        (lambda x: F.linear(x, THREE), (IMAGE,)),
        (lambda x: F.relu(THREE), (IMAGE,)),
        (lambda x: 1 if x > 0 else 0, (IMAGE,)),
        (lambda x: [1][5], (IMAGE,)),
        (lambda x: x.numpy() @ x.numpy()[0, 0, :3], (IMAGE,)),
        (lambda x: torch.ones(3, 3).cholesky_inverse().view(3, 3) + torch.linalg.inv(torch.zeros(2, 2)), (IMAGE,)),
    ],
)
def test_an_operation_that_fails_for_another_reason_is_nn299(function: Any, args: Any) -> None:
    finding = finding_of(Applied(lambda self, *given: function(*given)), *args)
    assert finding.id == "NN299"
    assert finding.source is not None
    assert Path(finding.source.file).name == Path(__file__).name


def test_a_type_error_inside_of_forward_is_not_one_of_its_arguments() -> None:
    class Block(nn.Module):
        def forward(self, x: torch.Tensor, mask: Any = None) -> Any:
            return len(3)  # type: ignore[arg-type]

    assert finding_of(nn.Sequential(Block()), IMAGE).id == "NN299"


def test_a_mask_of_the_right_shape_and_another_dtype_is_not_one_of_another_shape() -> None:
    model = Applied(
        lambda self, x: self.m(x, x, x, attn_mask=torch.zeros(4, 4, dtype=torch.int64)), m=nn.MultiheadAttention(8, 2)
    )
    assert finding_of(model, SEQUENCE).id == "NN299"


def test_an_instance_norm_of_one_value_is_no_batch_norm() -> None:
    assert finding_of(nn.Sequential(nn.InstanceNorm2d(3)), IMAGE[:, :, :1, :1], training=True).id == "NN299"


def test_a_layer_that_a_hook_gives_other_arguments_is_not_judged_by_those_it_was_called_with() -> None:
    layer = nn.Linear(5, 2)
    layer.register_forward_pre_hook(lambda module, args: (torch.ones(2, 7),))
    finding = finding_of(nn.Sequential(layer), torch.ones(2, 8))
    assert finding.id == "NN299"
    torch.nn.utils.parametrizations.spectral_norm(plain := nn.Linear(5, 2))
    assert finding_of(nn.Sequential(plain), torch.ones(2, 8)).id == "NN201"


def test_a_subclass_with_a_forward_of_its_own_is_not_judged_as_torchs_class() -> None:
    class Twice(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("size mismatch")

    assert finding_of(nn.Sequential(Twice(5, 2)), torch.ones(2, 8)).id == "NN299"

    class Inherits(nn.Linear):
        pass

    assert finding_of(nn.Sequential(Inherits(5, 2)), torch.ones(2, 8)).id == "NN201"


def test_under_autocast_half_precision_is_no_fault() -> None:
    def forward(self: Any, x: torch.Tensor) -> Any:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.fc(x.bfloat16())

    assert finding_of(Applied(forward, fc=nn.Linear(5, 2)), IMAGE).id == "NN201"
    assert finding_of(Applied(lambda self, x: self.fc(x.bfloat16()), fc=nn.Linear(8, 2)), IMAGE).id == "NN204"


def test_a_module_of_the_users_on_two_devices_is_not_blamed_for_what_it_raises() -> None:
    class Refuses(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> Any:
            raise RuntimeError("no device for this")

    assert finding_of(Refuses(), IMAGE, IMAGE.to("meta")).id == "NN299"


# --- odd objects ------------------------------------------------------------------------------------------------------


class Hostile:
    """Raises whatever it is asked."""

    def __getattribute__(self, name: str) -> Any:
        raise KeyboardInterrupt(name)

    def __eq__(self, other: object) -> bool:
        raise SystemExit

    def __bool__(self) -> bool:
        raise SystemExit

    def __repr__(self) -> str:
        raise SystemExit

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    "layer",
    [nn.Linear(8, 2), nn.Conv2d(3, 2, 3), nn.LSTM(8, 2), nn.Embedding(4, 2), nn.BatchNorm2d(3), nn.LayerNorm(8)],
)
def test_objects_that_raise_when_looked_at_are_no_reason_to_fail(layer: nn.Module) -> None:
    model = Applied(lambda self, x, odd: self.layer(x, odd), layer=layer)
    assert finding_of(model, IMAGE, Hostile()).id in ("NN213", "NN208")


def test_an_exception_that_cannot_be_read_is_named_by_its_class() -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def forward(self: Any, x: Any) -> Any:
        raise MuteError

    finding = finding_of(Applied(forward), IMAGE)
    assert finding.id == "NN299"
    assert "raised MuteError at " in finding.message


def test_a_rule_that_raises_counts_as_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Linear(5, 2))
    halt = halt_of(model, IMAGE)

    def path_of(row: int) -> str:
        return ["", "0"][row]

    sample = input_set(model, halt, "file")
    assert explain(halt, path_of, sample).id == "NN201"
    monkeypatch.setattr("inspector.engine.findings.features._layers", lambda scene: 1 / 0)
    told = explain(halt, path_of, sample)
    assert (told.id, told.path, told.row) == ("NN299", "0", 1)
    assert "mat1 and mat2" in told.message
