"""NN501 to NN504: what they say of a backward pass that has the fault, and that they are silent where it only looks
alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from inspector.run_schema import Finding
from tests.engine.failing import Applied
from tests.engine.noticing import noticed


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.default_generator.manual_seed(0)


def rows(count: int = 4, features: int = 8) -> Tensor:
    return torch.randn(count, features)


def found(model: nn.Module, *args: Any, ran: Callable[[int], bool] = lambda row: False) -> tuple[Finding, ...]:
    return noticed(model, *(args or (rows(),))).backward(ran).findings


def one(model: nn.Module, *args: Any, **more: Any) -> Finding:
    (finding,) = found(model, *args, **more)
    return finding


def two(forward: Any, **more: Any) -> Applied:
    """A model of two linear layers, and what else it has."""
    return Applied(forward, **{"a": nn.Linear(8, 8), "b": nn.Linear(8, 2), **more})


# --- NN501 ------------------------------------------------------------------------------------------------------------


def test_a_layer_behind_detach_is_named_with_the_line_that_cuts() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        h = self.a(x)
        h = h.detach()
        return self.b(h)

    finding = one(two(forward))
    assert (finding.id, finding.path) == ("NN501", "a")
    assert finding.message.startswith("2 parameters of a get no gradient (72 elements): detach cuts the graph")
    assert finding.source is not None
    assert finding.source.code == "h = h.detach()"


def test_a_part_under_no_grad_is_one_finding_however_many_layers_it_has() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        with torch.no_grad():
            h = self.a(x)
        return self.b(h)

    finding = one(two(forward, a=nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))))
    assert (finding.id, finding.path) == ("NN501", "a")
    assert "4 parameters of a" in finding.message
    assert "gradients are switched off" in finding.message


def test_layers_before_one_cut_are_told_together() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        h = self.c(self.a(x)).detach()
        return self.b(h)

    finding = one(two(forward, c=nn.Linear(8, 8)))
    assert finding.message.startswith("4 parameters of a and c get no gradient")


class Data(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x).data
        out: Tensor = self.b(h)
        return out


def test_a_tensor_that_leaves_the_graph_without_an_operation_is_named_with_its_line() -> None:
    finding = one(Data())
    assert finding.source is not None
    assert (finding.id, finding.path, finding.source.code) == ("NN501", "a", "h = self.a(x).data")


def test_an_argmax_on_the_way_is_named() -> None:
    finding = one(two(lambda self, x: self.b(self.a(x).argmax(-1)), b=nn.Embedding(8, 2)))
    assert finding.id == "NN501"
    assert "argmax" in finding.message


def test_a_head_that_the_loss_leaves_out_is_named() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        h = self.a(x)
        return {"loss": self.b(h).square().mean(), "aux": self.c(h)}

    finding = one(two(forward, c=nn.Linear(8, 2)))
    assert (finding.id, finding.path) == ("NN501", "c")
    assert finding.message.endswith("it reaches an output, and not the loss")


def test_a_parameter_that_its_own_module_does_not_use_is_named_by_itself() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.spare = nn.Parameter(torch.randn(8, 8)), nn.Parameter(torch.randn(8))

        def forward(self, x: Tensor) -> Tensor:
            return x @ self.weight

    finding = one(two(lambda self, x: self.b(self.a(x)), a=Scaled()))
    assert finding.message.startswith("a.spare gets no gradient (8 elements): the module was called, and did not use")


def test_a_module_that_the_run_before_called_and_training_does_not_is_told() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        return self.b(x) if self.training else self.b(self.a(x))

    model = two(forward)
    asked = noticed(model, rows())
    assert asked.backward().findings == ()  # That is NN302 of a run in train mode.
    finding = one(model, ran=lambda row: True)
    assert (finding.id, finding.path) == ("NN501", "a")
    assert "not called in train mode, though it was in the run before" in finding.message


CONNECTED = {
    "a module that is not called": two(lambda self, x: self.b(x)),
    "a parameter that was not chosen": two(
        lambda self, x: self.b(self.a(x)) * self.scales["one"],
        scales=nn.ParameterDict({"one": torch.ones(2), "other": torch.ones(2)}),
    ),
    "frozen parameters": two(lambda self, x: self.b(self.a(x).detach()), a=nn.Linear(8, 8).requires_grad_(False)),
    "a detached copy beside the value itself": two(lambda self, x: self.b(self.a(x) + self.a(x).detach())),
    "a straight-through estimator": two(
        lambda self, x: self.b((h := self.a(x)) + (h.round() - h).detach()),
    ),
    "a gradient of exact zeros": two(lambda self, x: self.b(self.a(x) * 0)),
    "dead units": two(lambda self, x: self.b(F.relu(self.a(x) - 1e6))),
    "weights that are used without a call": two(lambda self, x: self.b(F.linear(x, self.a.weight, self.a.bias))),
    "attention": two(
        lambda self, x: self.b(self.att(self.a(x)[None], self.a(x)[None], self.a(x)[None])[0]),
        att=nn.MultiheadAttention(8, 2, batch_first=True),
    ),
    "a recurrent layer": two(lambda self, x: self.b(self.rnn(self.a(x)[None])[0]), rnn=nn.LSTM(8, 8)),
}


@pytest.mark.parametrize("model", CONNECTED.values(), ids=list(CONNECTED))
def test_what_is_connected_or_not_called_is_no_missing_gradient(model: nn.Module) -> None:
    assert found(model) == ()


# --- NN502 ------------------------------------------------------------------------------------------------------------


def test_a_result_that_was_saved_and_written_to_is_named_with_both_lines() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        h = self.a(x).sigmoid()
        h += 1
        return self.b(h)

    record = noticed(two(forward), rows()).backward()
    finding = record.findings[0]
    assert (finding.id, finding.fix) == ("NN502", "x = x + y makes a new tensor in place of +=")
    assert "a 4×8 tensor that sigmoid in Applied at test_findings_backward.py:" in finding.message
    assert "was changed in place by += in Applied at test_findings_backward.py:" in finding.message
    assert "(version 0, now 1)" in finding.message
    assert finding.source is not None
    assert finding.source.code == "h += 1"
    assert record.finding == finding
    assert record.failure is not None
    assert record.failure.stage == "backward"


def test_a_layer_with_inplace_is_named() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.Sigmoid(), nn.ReLU(inplace=True))
    finding = one(model)
    assert (finding.id, finding.path, finding.fix) == ("NN502", "2", "ReLU without inplace=True")
    assert "that sigmoid in 1 saved for backward was changed in place by 2 (inplace=True)" in finding.message


def test_an_input_that_a_product_needs_is_found_too() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        h = self.a(x)
        y = self.b(h)
        h[:, 0] = 0
        return y

    finding = one(two(forward))
    assert finding.id == "NN502"
    assert "in b at" in finding.message
    assert "[…] =" in finding.message


HARMLESS = {
    "after a product": nn.Sequential(nn.Linear(8, 8), nn.ReLU(inplace=True), nn.Linear(8, 2)),
    "after a norm": nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Linear(8, 2)),
    "an addition after a product": two(lambda self, x: self.b(self.a(x).add_(1))),
    "a result that nobody propagates": two(lambda self, x: (self.b(x), self.a(x).sigmoid().detach().add_(1))[0]),
    "a buffer that counts": nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8)),
}


@pytest.mark.parametrize("model", HARMLESS.values(), ids=list(HARMLESS))
def test_writing_over_what_nothing_needs_is_fine(model: nn.Module) -> None:
    record = noticed(model, rows()).backward()
    assert record.failed_in == ""
    assert not [finding for finding in record.findings if finding.id == "NN502"]


# --- NN503 ------------------------------------------------------------------------------------------------------------


def stack(depth: int, activation: Callable[[], nn.Module], width: int = 32, scale: float | None = None) -> nn.Module:
    layers: list[nn.Module] = []
    for _ in range(depth):
        layer = nn.Linear(width, width)
        if scale is not None:
            nn.init.normal_(layer.weight, std=scale)
        layers += [layer, activation()]
    return nn.Sequential(*layers, nn.Linear(width, 4))


class Residual(nn.Module):
    """Blocks that are added to what they get, each behind a norm or without."""

    def __init__(self, blocks: int, width: int = 16, norm: bool = False, gamma: float | None = None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(self._block(width, norm) for _ in range(blocks))
        scales = [torch.full((width,), gamma) for _ in range(blocks)] if gamma is not None else []
        self.gammas = nn.ParameterList(scales)
        self.head = nn.Linear(width, 4)

    @staticmethod
    def _block(width: int, norm: bool) -> nn.Module:
        first, second = nn.Linear(width, width), nn.Linear(width, width)
        if not norm:
            nn.init.kaiming_normal_(first.weight)
            nn.init.kaiming_normal_(second.weight)
        return nn.Sequential(*[nn.LayerNorm(width)] * norm, first, nn.ReLU(), second)

    def forward(self, x: Tensor) -> Tensor:
        for index, block in enumerate(self.blocks):
            x = x + (block(x) * self.gammas[index] if len(self.gammas) else block(x))
        out: Tensor = self.head(x)
        return out


def test_thirty_sigmoids_vanish_from_the_output_to_the_input() -> None:
    finding = one(stack(30, nn.Sigmoid), rows(8, 32))
    assert (finding.id, finding.severity, finding.path) == ("NN503", "warning", "0")
    assert "gradients vanish on their way from the output to the input" in finding.message
    assert "over 31 layers" in finding.message


@pytest.mark.parametrize("activation", [nn.Identity, nn.Tanh])
def test_twenty_layers_of_unscaled_weights_explode(activation: Callable[[], nn.Module]) -> None:
    finding = one(stack(20, activation, scale=1.0), rows(8, 32))
    assert finding.id == "NN503"
    assert "gradients explode" in finding.message


def test_a_hundred_blocks_without_a_norm_explode() -> None:
    finding = one(Residual(100), rows(8, 16))
    assert "gradients explode" in finding.message


EVEN = {
    "a short stack of sigmoids": stack(3, nn.Sigmoid),
    "a deep stack with the right scale": stack(30, nn.ReLU, scale=(2 / 32) ** 0.5),
    "a deep residual network with norms": Residual(60, 32, norm=True),
    "branches that begin at zero": Residual(30, 32, norm=True, gamma=0.0),
    "branches that begin near zero": Residual(30, 32, norm=True, gamma=1e-6),
    "layers that all end in dead units": nn.Sequential(*[stack(8, nn.ReLU), nn.Hardtanh(5.0, 6.0)]),
}


@pytest.mark.parametrize("model", EVEN.values(), ids=list(EVEN))
def test_depth_alone_zeros_and_small_branches_are_no_vanishing(model: nn.Module) -> None:
    assert found(model, rows(8, 32)) == ()


def test_steps_of_time_are_no_depth() -> None:
    class Unrolled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.head = nn.RNNCell(4, 16), nn.Linear(16, 2)

        def forward(self, x: Tensor) -> Tensor:
            h = torch.zeros(x.shape[0], 16)
            for step in range(40):
                h = self.cell(x[:, step], h)
            out: Tensor = self.head(h)
            return out

    assert found(Unrolled(), torch.randn(4, 40, 4)) == ()


# --- NN504 ------------------------------------------------------------------------------------------------------------


def test_a_root_of_zero_is_where_infinities_are_born() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        h = self.a(x)
        d = (h - h).abs().sqrt()
        return self.b(d)

    finding = one(two(forward))
    assert (finding.id, finding.severity) == ("NN504", "error")
    assert "NaN or Inf in the gradient of 2 of 4 parameters: they begin at sqrt in Applied" in finding.message
    assert "32 Inf of 32 went out; its result is 0 in 32 places" in finding.message
    assert finding.source is not None
    assert finding.source.code == "d = (h - h).abs().sqrt()"
    assert "eps" in finding.fix


def test_where_hides_the_value_and_not_the_slope() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        h = self.a(x)
        h = h * (h > 0)
        safe = torch.where(h > 0, h.log(), 0.0)
        return self.b(safe)

    finding = one(two(forward))
    assert finding.id == "NN504"
    assert "they begin at log in Applied" in finding.message
    assert "the gradient that came in is 0 there, and 0 times infinity is NaN" in finding.message
    assert "torch.where" in finding.fix


def test_a_quotient_by_its_own_norm_at_zero_is_named() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        h = self.a(x) * 0
        return self.b(torch.nan_to_num(h / h.norm(dim=-1, keepdim=True)))

    finding = one(two(forward))
    assert finding.id == "NN504"
    assert "they begin at / in Applied" in finding.message
    assert "its divisor is 0 in 4 places" in finding.message


def test_values_that_forward_made_not_finite_are_said_to_be_the_cause() -> None:
    finding = one(two(lambda self, x: self.b(torch.nan_to_num(self.a(x * float("inf"))))))
    assert finding.id == "NN504"
    assert finding.message.endswith("is not finite in forward already")
    assert finding.fix.startswith("mend the forward first")


def test_a_birth_in_a_part_names_that_part_and_its_line() -> None:
    class Root(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.abs().sqrt()

    model = two(lambda self, x: self.b(self.root(self.a(x) * 0)), root=Root())
    finding = one(model)
    assert finding.source is not None
    assert (finding.path, finding.source.code) == ("root", "return x.abs().sqrt()")


FINITE = {
    "a root behind a relu": two(lambda self, x: self.b(F.relu(self.a(x)).sqrt())),
    "a root with an eps": two(lambda self, x: self.b(((h := self.a(x)) - h).abs().add(1e-6).sqrt())),
    "a norm at zero": two(lambda self, x: self.b(self.a(x) * (self.a(x) * 0).norm(dim=-1, keepdim=True))),
    "F.normalize at zero": two(lambda self, x: self.b(F.normalize(self.a(x) * 0))),
    "a mask of -inf before softmax": two(
        lambda self, x: self.b(self.a(x).masked_fill(torch.arange(8) > 3, float("-inf")).softmax(-1))
    ),
    "outputs of -inf": two(lambda self, x: self.b(self.a(x)).masked_fill(torch.arange(2) > 0, float("-inf"))),
}


@pytest.mark.parametrize("model", FINITE.values(), ids=list(FINITE))
def test_what_only_looks_infinite_is_fine(model: nn.Module) -> None:
    assert found(model) == ()
