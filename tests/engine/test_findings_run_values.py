"""NaN and Inf, dead and saturated units, scales and masked rows: what is said of them, and of what only looks alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from tests.engine.failing import Applied
from tests.engine.noticing import found, noticed

INFINITY = float("inf")


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.default_generator.manual_seed(0)


def rows(count: int = 4, features: int = 16) -> Tensor:
    return torch.randn(count, features)


# --- NN301 ------------------------------------------------------------------------------------------------------------


def test_the_first_nan_is_named_with_how_many_and_with_what_passes_it_on() -> None:
    parts = {"a": nn.Linear(16, 16), "b": nn.Linear(16, 16), "c": nn.Linear(16, 2)}
    model = Applied(lambda self, x: self.c(self.b(torch.sqrt(self.a(x)))), **parts)
    (finding,) = noticed(model, rows()).run()
    assert (finding.id, finding.severity) == ("NN301", "error")
    assert finding.message.startswith("NaN is born in sqrt: inputs finite, ")
    assert finding.message.endswith(" of 64 NaN out; 2 later modules only pass it on")


def test_a_module_that_gives_nan_is_named_by_its_path() -> None:
    model = nn.Sequential(nn.Linear(16, 4), nn.ReLU(), nn.LayerNorm(4, eps=0.0))
    nn.init.constant_(model[0].bias, -100.0)  # type: ignore[arg-type]
    found = {finding.id: finding for finding in noticed(model, rows()).run()}
    assert found["NN301"].path == "2"
    assert found["NN301"].message == "NaN is born in 2: inputs finite, 16 of 16 NaN out"


def test_what_a_softmax_consumes_is_no_birth() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        scores = x @ x.transpose(-2, -1)
        later = torch.triu(torch.ones(5, 5), 1).bool()
        return self.out(scores.masked_fill(later, -INFINITY).softmax(-1) @ x)

    assert found(Applied(forward, out=nn.Linear(16, 16)), torch.randn(2, 5, 16)) == []


@pytest.mark.parametrize(
    "mask",
    [
        lambda scores: scores.masked_fill(torch.eye(4).bool(), -INFINITY),
        lambda scores: scores + torch.full((4, 4), -INFINITY).triu(1),
        lambda scores: torch.where(torch.eye(4).bool(), torch.tensor(-INFINITY), scores),
        lambda scores: scores + torch.eye(4).mul(0).add(torch.ones(4, 4)).log(),
    ],
)
def test_masked_scores_may_be_what_a_model_returns(mask: Callable[[Tensor], Tensor]) -> None:
    assert found(Applied(lambda self, x: mask(self.fc(x)), fc=nn.Linear(16, 4)), rows()) == []


def test_a_division_that_a_where_guards_is_no_birth() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        open_ = torch.relu(self.fc(x))
        return torch.where(open_ > 0, 1 / open_, torch.zeros_like(open_))

    assert found(Applied(forward, fc=nn.Linear(16, 4)), rows()) == []


def test_an_infinite_degree_that_is_replaced_is_no_birth() -> None:
    def forward(self: Any, x: Tensor, adjacency: Tensor) -> Any:
        inverse = adjacency.sum(1).pow(-0.5)
        inverse[inverse == INFINITY] = 0
        return self.fc(inverse[:, None] * (adjacency @ x))

    adjacency = torch.eye(4)
    adjacency[2] = 0
    assert found(Applied(forward, fc=nn.Linear(16, 4)), rows(), adjacency) == []


def test_what_nan_to_num_clears_is_a_note() -> None:
    model = Applied(lambda self, x: self.fc(torch.nan_to_num(torch.sqrt(x))), fc=nn.Linear(16, 4))
    (finding,) = noticed(model, rows()).run()
    assert (finding.id, finding.severity) == ("NN301", "note")
    assert finding.message.endswith("; cleared by nan_to_num")


def test_nan_in_a_weight_is_a_matter_of_the_weight() -> None:
    layer = nn.Linear(16, 4)
    with torch.no_grad():
        layer.weight[0, 0] = float("nan")
    assert found(layer, rows()) == []


def test_nan_in_the_input_names_the_input() -> None:
    x = rows()
    x[0, :3] = float("nan")
    (finding,) = noticed(Applied(lambda self, pixels: self.fc(pixels), fc=nn.Linear(16, 4)), x).run()
    assert (finding.id, finding.path) == ("NN301", "")
    assert "the input holds NaN: 3 of 64 values" in finding.message


def test_nan_in_the_input_that_forward_expects_is_nothing() -> None:
    x = rows()
    x[0, :3] = float("nan")
    model = Applied(lambda self, x: self.fc(torch.where(x.isnan(), torch.zeros_like(x), x)), fc=nn.Linear(16, 4))
    assert found(model, x) == []


def test_nan_that_only_a_comparison_saw_is_an_error() -> None:
    model = Applied(lambda self, x: torch.sqrt(self.fc(x)).argmax(-1), fc=nn.Linear(16, 4))
    assert [finding.severity for finding in noticed(model, rows()).run()] == ["error"]


def test_an_overflow_is_named_where_inf_was_made_not_where_it_became_nan() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        weights = torch.exp(self.fc(x) * 1000)
        return weights / weights.sum(-1, keepdim=True)

    (finding,) = noticed(Applied(forward, fc=nn.Linear(16, 4)), rows()).run()
    assert finding.message.startswith("Inf is born in exp: ")
    assert "maximum" in finding.fix


def test_the_end_of_float16_is_said() -> None:
    (finding,) = noticed(Applied(lambda self, x: (x * 3000).half() ** 2), rows()).run()
    assert "(float16 ends at 65,504)" in finding.message
    assert finding.fix == ""


# --- NN305 and NN306 --------------------------------------------------------------------------------------------------


def test_dead_channels_among_living_ones_are_counted() -> None:
    conv = nn.Conv2d(3, 32, 3)
    with torch.no_grad():
        conv.bias[:20] = -50.0  # type: ignore[index]
    (finding,) = noticed(nn.Sequential(conv, nn.ReLU(), nn.Conv2d(32, 2, 1)), torch.randn(2, 3, 12, 12)).run()
    assert (finding.id, finding.path) == ("NN305", "1")
    assert finding.message == "1: 20 of 32 units are 0 for this input, at all of 200 places (samples × positions)"


def test_half_of_the_units_off_in_a_small_batch_is_chance() -> None:
    torch.default_generator.manual_seed(3)
    model = nn.Sequential(nn.Linear(16, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 4))
    assert found(model, rows(1)) == []
    assert found(model, rows(2)) == []


def test_a_deep_untrained_net_whose_positions_are_all_alike_is_left_alone() -> None:
    layers: list[nn.Module] = []
    for _ in range(8):
        layers += [nn.Conv2d(64, 64, 3, padding=1), nn.ReLU()]
    assert found(nn.Sequential(*layers), torch.randn(2, 64, 8, 8)) == []


def test_a_relu_that_gets_nothing_but_zeros_is_no_fault_of_its_units() -> None:
    conv = nn.Conv2d(3, 16, 3, bias=False)
    nn.init.zeros_(conv.weight)
    assert found(nn.Sequential(conv, nn.ReLU()), torch.randn(2, 3, 9, 9)) == []


def test_saturated_values_are_told_with_what_was_fed() -> None:
    model = Applied(lambda self, x: self.out(torch.tanh(self.fc(x) * 500)), fc=nn.Linear(16, 64), out=nn.Linear(64, 2))
    (finding,) = noticed(model, rows()).run()
    assert finding.id == "NN306"
    assert "of 256 values are at the ends of tanh: it got a mean of " in finding.message


def test_a_detection_head_that_begins_at_one_in_a_hundred_is_not_saturated() -> None:
    head = nn.Conv2d(8, 20, 1)
    nn.init.normal_(head.weight, std=0.01)
    nn.init.constant_(head.bias, -4.595)  # type: ignore[arg-type]
    assert found(nn.Sequential(head, nn.Sigmoid()), torch.randn(2, 8, 6, 6)) == []


# --- NN307 ------------------------------------------------------------------------------------------------------------


def tower(gain: float, depth: int = 7, norm: bool = False) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(depth):
        linear = nn.Linear(64, 64)
        nn.init.normal_(linear.weight, std=gain / 8)
        nn.init.zeros_(linear.bias)
        layers += [linear, *([nn.LayerNorm(64)] if norm else []), nn.ReLU()]
    return nn.Sequential(*layers)


@pytest.mark.parametrize(("gain", "word"), [(8.0, "explode"), (0.05, "vanish")])
def test_scales_that_run_away_are_told_from_where_they_start(gain: float, word: str) -> None:
    first = noticed(tower(gain), rows(4, 64)).run()[0]
    assert (first.id, first.severity, first.path) == ("NN307", "warning", "0")
    assert word in first.message


def test_a_chain_goes_on_through_own_activations_and_residual_sums() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(64, 64)
            nn.init.normal_(self.fc.weight)

        def forward(self, x: Tensor) -> Tensor:
            h: Tensor = self.fc(x)
            return x + h * torch.sigmoid(h)

    first = noticed(nn.Sequential(*[Block() for _ in range(7)]), rows(4, 64)).run()[0]
    assert (first.id, first.path) == ("NN307", "0.fc")


def test_healthy_towers_are_left_alone() -> None:
    assert found(tower(1.414), rows(4, 64)) == []
    assert found(nn.Sequential(*[nn.Linear(64, 64) for _ in range(20)]), rows(4, 64)) == []


def test_a_norm_between_layers_sets_the_scale_anew() -> None:
    assert found(tower(8.0, norm=True), rows(4, 64)) == []


def test_one_large_step_may_be_meant() -> None:
    head = nn.Linear(64, 2)
    nn.init.normal_(head.weight, std=1e-7)
    nn.init.zeros_(head.bias)
    assert found(nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), head), rows(4, 64)) == []


def test_a_residual_net_with_norms_that_never_saw_a_batch_is_left_alone() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
            nn.init.kaiming_normal_(self.conv.weight, mode="fan_out")

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(x + 4 * self.norm(self.conv(x)))

    assert found(nn.Sequential(*[Block() for _ in range(24)]), torch.randn(2, 8, 8, 8)) == []


def test_layer_scale_is_left_alone() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.up, self.down = nn.LayerNorm(16), nn.Linear(16, 64), nn.Linear(64, 16)
            self.gamma = nn.Parameter(torch.full((16,), 1e-6))

        def forward(self, x: Tensor) -> Tensor:
            branch: Tensor = self.down(F.gelu(self.up(self.norm(x))))
            return x + self.gamma * branch

    assert found(nn.Sequential(*[Block() for _ in range(6)]), torch.randn(2, 5, 16)) == []


# --- NN310 ------------------------------------------------------------------------------------------------------------


def test_samples_whose_keys_are_all_hidden_are_counted() -> None:
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    padding = torch.zeros(3, 5, dtype=torch.bool)
    padding[1] = True
    findings = noticed(
        Applied(lambda self, x, padding: self.a(x, x, x, key_padding_mask=padding)[0], a=attention),
        torch.randn(3, 5, 8),
        padding,
    ).run()
    told = {finding.id: finding.message for finding in findings}
    assert told["NN310"].startswith("a: 1 of 3 samples have every key masked by key_padding_mask")
    assert set(told) == {"NN310", "NN301"}


def test_a_mask_with_the_opposite_meaning_is_mended_by_its_opposite() -> None:
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    model = Applied(lambda self, x, keep: self.a(x, x, x, key_padding_mask=keep)[0], a=attention)
    findings = noticed(model, torch.randn(3, 5, 8), torch.ones(3, 5, dtype=torch.bool)).run()
    (fix,) = [finding.fix for finding in findings if finding.id == "NN310"]
    assert fix.startswith("~key_padding_mask")


def test_causal_and_padding_masks_that_leave_keys_are_fine() -> None:
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2, enable_nested_tensor=False
    )
    padding = torch.zeros(3, 5, dtype=torch.bool)
    padding[1, 2:] = True
    causal = nn.Transformer.generate_square_subsequent_mask(5)
    model = Applied(lambda self, x: self.e(x, mask=causal, src_key_padding_mask=padding.float() * -1e9), e=encoder)
    assert found(model, torch.randn(3, 5, 8)) == []


def test_padding_rows_that_a_large_negative_number_hides_are_fine() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        keep = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]).bool()
        pairs = keep[:, None] & keep[:, :, None]
        scores = (x @ x.transpose(1, 2)).masked_fill(~pairs, -1e9)
        return self.out(scores.softmax(-1) @ x)

    assert found(Applied(forward, out=nn.Linear(8, 8)), torch.randn(2, 5, 8)) == []


def test_log_likelihoods_far_below_zero_are_no_mask() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        distances = ((x[:, None] - self.centres.weight) ** 2).sum(-1)
        return 2 * torch.softmax(-5000 * distances, -1)

    assert found(Applied(forward, centres=nn.Embedding(6, 16)), rows()) == []


def test_rows_whose_nan_is_replaced_are_fine() -> None:
    def forward(self: Any, x: Tensor, padding: Tensor) -> Any:
        scores = (x @ x.transpose(1, 2)).masked_fill(padding[:, None], -INFINITY)
        weights = scores.softmax(-1).masked_fill(padding[:, None], 0.0)
        return self.out(weights @ x)

    padding = torch.zeros(2, 5, dtype=torch.bool)
    padding[1] = True
    assert found(Applied(forward, out=nn.Linear(8, 8)), torch.randn(2, 5, 8), padding) == []
