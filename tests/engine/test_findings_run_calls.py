"""Parts that were not called, layers made in forward, axes read as others: what is said, and what only looks alike."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils import parametrizations

from inspector.messages import Run
from tests.engine.failing import Applied
from tests.engine.noticing import found, noticed


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.default_generator.manual_seed(0)


def rows(count: int = 4, features: int = 16) -> Tensor:
    return torch.randn(count, features)


# --- NN302 ------------------------------------------------------------------------------------------------------------


def test_the_topmost_part_is_named_with_its_parameters() -> None:
    aux = nn.Sequential(nn.Linear(16, 8), nn.Linear(8, 2))
    (finding,) = noticed(Applied(lambda self, x: self.fc(x), fc=nn.Linear(16, 4), aux=aux), rows()).run()
    assert (finding.id, finding.path) == ("NN302", "aux")
    assert finding.message == "aux was not called in this forward in eval mode (154 parameters)"


@pytest.mark.parametrize(
    ("forward", "parts"),
    [
        (lambda self, x: F.linear(x, self.fc.weight), {"fc": nn.Linear(16, 4)}),
        (lambda self, x: x @ self.all[0].weight.T, {"all": nn.ModuleList([nn.Linear(16, 4)])}),
        (lambda self, x: self.fc.forward(x), {"fc": nn.Linear(16, 4)}),
        (lambda self, x: self.ways["a"](x), {"ways": nn.ModuleDict({"a": nn.Linear(16, 4), "b": nn.Linear(16, 4)})}),
        (lambda self, x: self.fc(x), {"fc": nn.Linear(16, 4), "drop": nn.Dropout(), "act": nn.ReLU()}),
        (lambda self, x: self.fc(x), {"fc": parametrizations.weight_norm(nn.Linear(16, 4))}),
        (lambda self, x: x * self.scales[0], {"scales": nn.ParameterList([torch.ones(16)])}),
        (
            lambda self, x: self.e(x[None]),
            {"e": nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 2)},
        ),
        (lambda self, x: self.m(x[None], x[None], x[None])[0], {"m": nn.MultiheadAttention(16, 2, batch_first=True)}),
    ],
)
def test_weights_that_are_used_without_a_call_are_used(forward: Any, parts: dict[str, nn.Module]) -> None:
    assert found(Applied(forward, **parts), rows()) == []


def test_many_idle_parts_of_one_list_are_told_in_one_sentence() -> None:
    model = Applied(lambda self, x: self.layers[0](x), layers=nn.ModuleList(nn.Linear(16, 16) for _ in range(6)))
    (finding,) = noticed(model, rows()).run()
    assert finding.message.startswith("layers.1 … 5: 5 of 6 parts were not called")


def test_a_dry_run_knows_it_too() -> None:
    model = Applied(lambda self, x: self.a(x), a=nn.Linear(16, 4), b=nn.Linear(16, 4))
    assert [finding.path for finding in noticed(model, rows()).run(Run(dry=True))] == ["b"]


# --- NN308 ------------------------------------------------------------------------------------------------------------


def test_a_layer_made_in_forward_is_told_with_its_sizes() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        block = nn.Sequential(nn.Linear(16, 8), nn.ReLU())
        return block(self.fc(x))

    (finding,) = noticed(Applied(forward, fc=nn.Linear(16, 16)), rows()).run()
    assert (finding.id, finding.severity) == ("NN308", "warning")
    assert finding.message.startswith("Sequential is created at test_findings_run_calls.py:")
    assert finding.source is not None
    assert finding.source.code == "block = nn.Sequential(nn.Linear(16, 8), nn.ReLU())"


@pytest.mark.parametrize(
    "forward",
    [
        lambda self, x: nn.ReLU()(self.fc(x)),
        lambda self, x: nn.Softplus()(nn.LayerNorm(4, elementwise_affine=False)(self.fc(x))),
        lambda self, x: copy.deepcopy(self.fc)(x) + self.fc(x),
        lambda self, x: torch.func.functional_call(self.fc, {"weight": 2 * self.fc.weight}, x),
        lambda self, x: F.linear(x, copy.deepcopy(self.fc).weight) + self.fc(x),
    ],
)
def test_what_has_no_weights_or_copies_them_is_not_made_anew(forward: Any) -> None:
    assert found(Applied(forward, fc=nn.Linear(16, 4)), rows()) == []


def test_a_layer_that_the_first_forward_makes_and_keeps_is_a_note() -> None:
    class Grown(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(16, 16)
            self.head: nn.Module | None = None

        def forward(self, x: Tensor) -> Tensor:
            if self.head is None:
                self.head = nn.Linear(x.shape[-1], 4)
            out: Tensor = self.head(self.fc(x))
            return out

    (finding,) = noticed(Grown(), rows()).run()
    assert (finding.id, finding.severity) == ("NN308", "note")


def test_the_constructors_of_torch_are_its_own_again() -> None:
    init, new = nn.Module.__init__, nn.Parameter.__new__
    noticed(nn.Linear(16, 4), rows()).run()
    assert (nn.Module.__init__, nn.Parameter.__new__) == (init, new)


# --- NN303 and NN304 --------------------------------------------------------------------------------------------------


def test_softmax_over_classes_tokens_or_an_ensemble_is_fine() -> None:
    def mixture(self: Any, x: Tensor) -> Any:
        gates = torch.softmax(self.alpha.weight[:, 0], 0)
        return gates[0] * self.a(x) + gates[1] * self.b(x)

    model = Applied(mixture, alpha=nn.Embedding(2, 1), a=nn.Linear(16, 4), b=nn.Linear(16, 4))
    assert found(model, rows(2)) == []


def test_a_softmax_over_stacked_branches_is_fine_though_they_are_as_many_as_samples() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        both = torch.stack([self.a(x), self.b(x)])
        return (both.softmax(0) * both).sum(0)

    assert found(Applied(forward, a=nn.Linear(16, 4), b=nn.Linear(16, 4)), rows(2)) == []


def test_similarities_of_a_batch_may_be_normalised_both_ways() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        scores = self.a(x) @ self.b(x).T
        return scores.softmax(0) + scores.softmax(1)

    assert found(Applied(forward, a=nn.Linear(16, 4), b=nn.Linear(16, 4)), rows(4)) == []


def test_heads_that_are_merged_with_the_batch_do_not_hide_a_softmax_over_it() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        heads = self.q(x).view(4, 6, 2, 8).transpose(1, 2).reshape(8, 6, 8)
        weights = torch.softmax(heads @ heads.transpose(1, 2), 0)
        return self.out((weights @ heads).view(4, 2, 6, 8).transpose(1, 2).reshape(4, 6, 16))

    model = Applied(forward, q=nn.Linear(16, 16), out=nn.Linear(16, 4))
    assert found(model, torch.randn(4, 6, 16)) == ["NN303"]


def test_attention_over_a_bag_of_instances_is_fine() -> None:
    def forward(self: Any, bag: Tensor) -> Any:
        h = torch.tanh(self.a(bag))
        return self.out((torch.softmax(self.score(h), 0) * h).sum(0, keepdim=True))

    assert found(Applied(forward, a=nn.Linear(16, 8), score=nn.Linear(8, 1), out=nn.Linear(8, 2)), rows(6)) == []


def test_a_softmax_inside_is_no_distribution_at_the_end() -> None:
    model = Applied(lambda self, x: self.out(torch.softmax(self.fc(x), -1)), fc=nn.Linear(16, 4), out=nn.Linear(4, 2))
    assert found(model, rows()) == []


def test_a_distribution_is_told_with_the_loss_that_wants_none() -> None:
    (finding,) = noticed(Applied(lambda self, x: self.fc(x).softmax(-1), fc=nn.Linear(16, 4)), rows()).run()
    assert (finding.id, finding.severity) == ("NN304", "note")
    assert "nn.CrossEntropyLoss, it applies log_softmax itself" in finding.message


# --- NN309 and NN311 --------------------------------------------------------------------------------------------------


def test_a_language_model_that_has_time_first_is_left_alone() -> None:
    model = Applied(
        lambda self, ids: self.out(self.rnn(self.embed(ids))[0]),
        embed=nn.Embedding(20, 8), rnn=nn.GRU(8, 8), out=nn.Linear(8, 20),
    )  # fmt: skip
    assert found(model, torch.randint(0, 20, (9, 4))) == []


def encoder_with_time_first() -> nn.Module:
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 1, enable_nested_tensor=False)


def test_positions_along_axis_0_show_that_time_is_first() -> None:
    positions = torch.randn(9, 1, 8)
    layer = nn.TransformerEncoderLayer(8, 2, 16)
    model = Applied(
        lambda self, x: self.e(x + positions), e=nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
    )
    assert found(model, torch.randn(9, 4, 8)) == []


def test_positions_along_axis_1_show_that_the_batch_is_first() -> None:
    positions = torch.randn(9, 8)
    layer = nn.TransformerEncoderLayer(8, 2, 16)
    model = Applied(
        lambda self, x: self.e(x + positions), e=nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
    )
    (finding,) = noticed(model, torch.randn(4, 9, 8)).run()
    assert (finding.id, finding.path) == ("NN309", "e")
    assert "adds positions along axis 1" in finding.message


class NamesTheBatch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        batch, steps, _ = x.shape
        out: Tensor = self.rnn(x)[0]
        return out.reshape(batch, steps, -1)


class NamesTime(NamesTheBatch):
    def forward(self, x: Tensor) -> Tensor:
        steps, batch = x.shape[:2]
        out: Tensor = self.rnn(x)[0]
        return out.reshape(steps, batch, -1)


def test_what_the_code_calls_an_axis_counts() -> None:
    (finding,) = noticed(NamesTheBatch(), torch.randn(4, 9, 8)).run()
    assert finding.id == "NN309"
    assert "the code calls the size of axis 0 batch" in finding.message
    assert found(NamesTime(), torch.randn(9, 4, 8)) == []


class SaysBatchFirst(nn.Module):
    """Tags of words: (N, T) → (N, T, tags)."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.rnn(x)[0]
        return out


class SaysTimeFirst(SaysBatchFirst):
    """Tags of words: [T, B, 8]."""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.rnn(x)[0]  # (T, B) as torch has it
        return out


def test_what_comments_and_docstrings_call_the_axes_counts_where_they_name_one_order() -> None:
    (finding,) = noticed(SaysBatchFirst(), torch.randn(4, 9, 8)).run()
    assert (finding.id, finding.path) == ("NN309", "rnn")
    assert "the code calls its axes (N, T)" in finding.message
    assert found(SaysTimeFirst(), torch.randn(9, 4, 8)) == []


def test_an_input_that_is_permuted_before_the_layer_is_fine() -> None:
    model = Applied(
        lambda self, x: self.fc(self.rnn(x.transpose(0, 1))[0].transpose(0, 1)[:, -1]),
        rnn=nn.LSTM(8, 8), fc=nn.Linear(8, 2),
    )  # fmt: skip
    assert found(model, torch.randn(4, 9, 8)) == []


def test_a_loop_over_samples_reads_single_ones_on_purpose() -> None:
    model = Applied(lambda self, x: torch.stack([self.conv(one) for one in x]), conv=nn.Conv2d(3, 4, 3))
    assert found(model, torch.randn(2, 3, 8, 8)) == []


# --- NN312 and NN118 --------------------------------------------------------------------------------------------------


def test_a_bias_that_something_else_uses_first_is_not_cancelled() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        h = self.conv(x)
        return self.norm(h) + h

    model = Applied(forward, conv=nn.Conv2d(3, 4, 3), norm=nn.BatchNorm2d(4))
    assert found(model, torch.randn(2, 3, 8, 8)) == []


def test_a_norm_over_another_axis_cancels_no_bias() -> None:
    model = nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(5))
    assert found(model, torch.randn(2, 5, 16)) == []


def test_an_activation_between_keeps_the_bias() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4))
    assert found(model, torch.randn(2, 3, 8, 8)) == []


def test_many_cancelled_biases_are_one_note() -> None:
    layers: list[nn.Module] = []
    for _ in range(5):
        layers += [nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()]
    (finding,) = noticed(nn.Sequential(*layers), torch.randn(2, 4, 8, 8)).run()
    assert finding.message.endswith("; so are those of 4 other layers")
