"""Forward and backward: what is propagated, what every parameter got, and that the model is as before."""

from __future__ import annotations

import gc
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from inspector.engine.forward.progress import interruption
from inspector.engine.session import Session
from inspector.gradient_schema import BackwardRecord, ParameterGradient
from inspector.messages import BackwardFinished, EngineEvent, Failed, InputsChosen, Load, RunBackward, RunCancelled
from tests.engine import bits
from tests.engine.conftest import Project
from tests.engine.failing import Applied
from tests.engine.noticing import Noticed, noticed


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.default_generator.manual_seed(0)


def rows(count: int = 4, features: int = 8) -> Tensor:
    return torch.randn(count, features)


def gradients(asked: Noticed, record: BackwardRecord) -> dict[str, ParameterGradient]:
    return {asked.path(gradient.row): gradient for gradient in record.parameters}


def mlp() -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(inplace=True), nn.Linear(16, 4))


# --- what is propagated -----------------------------------------------------------------------------------------------


def test_a_scalar_output_is_the_loss_and_the_gradients_are_torchs_own() -> None:
    class Loss(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = mlp()

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.net(x)
            return out.square().mean()

    model, x = Loss(), rows()
    asked = noticed(model, x)
    record = asked.backward()
    loss = model(x)
    loss.backward()
    assert (record.objective, record.words) == ("loss", "the loss that the model gives")
    assert record.value == pytest.approx(loss.item())
    found = gradients(asked, record)
    assert len(found) == 4
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        told = found[name]
        assert told.norm == pytest.approx(parameter.grad.norm().item())
        assert told.largest == pytest.approx(parameter.grad.abs().max().item())
        assert told.stats is not None
        assert told.stats.zeros == int((parameter.grad == 0).sum())


def test_a_loss_under_its_name_is_taken_before_everything_else() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        y = self.fc(x)
        return {"logits": y, "aux": y.sum(), "loss": y.square().mean()}

    record = noticed(Applied(forward, fc=nn.Linear(8, 2)), rows()).backward()
    assert (record.objective, record.words) == ("loss", 'the loss that the model gives, output["loss"]')


def test_the_only_scalar_is_the_loss_where_all_other_outputs_went_into_it() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        logits = self.fc(x)
        return logits, logits.logsumexp(-1).mean()

    record = noticed(Applied(forward, fc=nn.Linear(8, 2)), rows()).backward()
    assert (record.objective, record.words) == ("loss", "the loss that the model gives, output[1]")


def test_a_scalar_beside_outputs_that_it_knows_nothing_of_is_no_loss() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        return self.decode(self.encode(x)), self.encode(x).square().mean()

    model = Applied(forward, encode=nn.Linear(8, 2), decode=nn.Linear(2, 8))
    record = noticed(model, rows()).backward()
    assert record.objective == "projection"
    assert {gradient.state for gradient in record.parameters} == {"measured"}


def test_losses_alone_are_added_up() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        return {"box": self.a(x).square().mean(), "label": self.b(x).square().mean()}

    record = noticed(Applied(forward, a=nn.Linear(8, 2), b=nn.Linear(8, 2)), rows()).backward()
    assert (record.objective, record.words) == ("losses", "the sum of the 2 losses that the model gives")


@pytest.mark.parametrize("last", [nn.Softmax(-1), nn.LayerNorm(4), nn.LogSoftmax(-1)])
def test_the_stand_in_reaches_through_what_a_sum_would_not(last: nn.Module) -> None:
    record = noticed(nn.Sequential(nn.Linear(8, 4), last), rows()).backward()
    assert record.words == "no loss in the model: gradients are those of a random projection of the output"
    assert record.parameters[0].norm > 1e-4


def test_the_stand_in_is_the_same_each_time() -> None:
    model, x = mlp(), rows()
    first, second = noticed(model, x).backward(), noticed(model, x).backward()
    assert first.parameters == second.parameters
    assert first.layers == second.layers


def test_nothing_is_propagated_where_no_parameter_wants_it() -> None:
    frozen = noticed(mlp().requires_grad_(False), rows()).backward()
    assert (frozen.objective, frozen.frozen, frozen.parameters, frozen.findings) == ("", 4, (), ())
    assert frozen.words == "no parameter requires grad: there is nothing to propagate to"
    assert noticed(nn.ReLU(), rows()).backward().words == frozen.words


def test_an_output_without_a_graph_is_said_and_explained() -> None:
    record = noticed(Applied(lambda self, x: self.fc(x).detach(), fc=nn.Linear(8, 2)), rows()).backward()
    assert record.words == "the output carries no gradient: there is nothing to propagate"
    assert [finding.id for finding in record.findings] == ["NN314"]
    assert record.parameters == ()


# --- what the parameters got ------------------------------------------------------------------------------------------


def test_frozen_parameters_are_counted_and_those_of_uncalled_modules_are_told_apart() -> None:
    model = Applied(lambda self, x: self.b(self.a(x)), a=nn.Linear(8, 8), b=nn.Linear(8, 2), idle=nn.Linear(8, 8))
    model.a.requires_grad_(False)
    asked = noticed(model, rows())
    record = asked.backward()
    assert record.frozen == 2
    states = {path: gradient.state for path, gradient in gradients(asked, record).items()}
    assert states == {
        "b.weight": "measured", "b.bias": "measured", "idle.weight": "uncalled", "idle.bias": "uncalled",
    }  # fmt: skip
    assert record.findings == ()


def test_a_tied_parameter_has_one_gradient() -> None:
    model = Applied(lambda self, x: self.b(self.a(x)), a=nn.Linear(8, 8, bias=False), b=nn.Linear(8, 8, bias=False))
    model.b.weight = model.a.weight  # type: ignore[union-attr]
    asked = noticed(model, rows())
    assert list(gradients(asked, asked.backward())) == ["a.weight"]


def test_complex_gradients_are_measured() -> None:
    asked = noticed(nn.Linear(8, 2, dtype=torch.complex64), rows().to(torch.complex64))
    record = asked.backward()
    assert record.failed_in == ""
    assert {gradient.state for gradient in record.parameters} == {"measured"}
    assert all(gradient.norm > 0 for gradient in record.parameters)


def test_a_gradient_without_one_finite_value_has_no_norm() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        h = self.fc(x)
        return (h - h).abs().sqrt()

    asked = noticed(Applied(forward, fc=nn.Linear(8, 2)), rows())
    told = gradients(asked, asked.backward())["fc.bias"]
    assert told.stats is not None
    assert told.stats.nan == 2
    assert math.isnan(told.norm)
    assert math.isnan(told.largest)


def test_half_precision_is_propagated_without_being_rounded_away() -> None:
    model = nn.Sequential(nn.Linear(8, 4096), nn.ReLU(), nn.Linear(4096, 4096)).half()
    record = noticed(model, rows(64).half()).backward()
    assert all(gradient.norm > 0 for gradient in record.parameters)


def test_a_fault_of_our_own_is_no_fault_of_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(result: Any, seed: int) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("inspector.engine.backward.passing.choose", broken)
    with pytest.raises(ZeroDivisionError):
        noticed(mlp(), rows()).backward()


def test_sparse_gradients_are_measured() -> None:
    model = Applied(lambda self, x: self.fc(self.emb(x)), emb=nn.Embedding(10, 4, sparse=True), fc=nn.Linear(4, 2))
    asked = noticed(model, torch.tensor([[1, 2, 1], [3, 3, 3]]))
    told = gradients(asked, asked.backward())["emb.weight"]
    assert told.state == "measured"
    assert 0 < told.largest <= told.norm


def test_lazy_layers_are_run_as_a_copy() -> None:
    asked = noticed(nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(2)), rows())
    record = asked.backward()
    assert [gradient.state for gradient in record.parameters] == ["measured"] * 4
    assert "lazy" in record.notes[0]


def test_parts_found_in_eval_mode_stay_so() -> None:
    model = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4))
    assert noticed(model, rows()).backward().mode == "train"
    model[1].eval()
    record = noticed(model, rows(1)).backward()  # In train mode a batch of one would raise.
    assert (record.mode, record.failed_in) == ("kept", "")


def test_what_reaches_each_layer_is_measured_in_the_order_of_calls() -> None:
    asked = noticed(mlp(), rows())
    record = asked.backward()
    assert [(asked.path(layer.row), layer.number) for layer in record.layers] == [("0", 1), ("2", 1)]
    assert record.layers[1].norm == pytest.approx(1 / (4 * 4) ** 0.5, rel=1e-5)  # mean square 1, over 16 elements


def test_recomputed_parts_get_their_gradients() -> None:
    from torch.utils.checkpoint import checkpoint

    def forward(self: Any, x: Tensor) -> Any:
        h = checkpoint(self.a, self.first(x), use_reentrant=True)
        return checkpoint(self.b, h, use_reentrant=False)

    model = Applied(forward, first=nn.Linear(8, 8), a=nn.Linear(8, 8), b=nn.Linear(8, 2))
    record = noticed(model, rows()).backward()
    assert {gradient.state for gradient in record.parameters} == {"measured"}
    assert record.findings == ()


# --- the model is as before -------------------------------------------------------------------------------------------


def test_gradients_statistics_and_values_are_as_they_were() -> None:
    model = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 2))
    model(rows()).square().mean().backward()
    kept = [parameter.grad for parameter in model.parameters()]
    before = bits.of(model), [grad.clone() for grad in kept if grad is not None]
    noticed(model, rows()).backward()
    assert bits.of(model) == before[0]
    now = [parameter.grad for parameter in model.parameters()]
    assert all(one is other for one, other in zip(now, kept, strict=True))
    assert all(torch.equal(one, other) for one, other in zip(before[1], kept, strict=True) if other is not None)


def test_an_optimizer_that_steps_inside_backward_is_undone() -> None:
    model = mlp()

    def step(parameter: Tensor) -> None:
        with torch.no_grad():
            assert parameter.grad is not None
            parameter -= parameter.grad

    for parameter in model.parameters():
        hang: Any = parameter.register_post_accumulate_grad_hook
        hang(step)
    before = bits.of(model)
    noticed(model, rows()).backward()
    assert bits.of(model) == before


def test_the_model_is_as_before_when_backward_raises() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        h = self.fc(x).sigmoid()
        return h.add_(1)

    model = Applied(forward, fc=nn.Linear(8, 2))
    before = bits.of(model)
    assert noticed(model, rows()).backward().failed_in == "backward"
    assert bits.of(model) == before


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_a_forward_that_raises_in_train_mode_has_its_card() -> None:
    record = noticed(nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4)), rows(1)).backward()
    assert record.failed_in == "forward"
    assert record.finding is not None
    assert record.failure is not None
    assert (record.finding.id, record.failure.stage) == ("NN212", "forward")
    assert record.findings == ()


def test_nothing_of_a_pass_that_failed_stays_in_memory() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        h = self.fc(x).sigmoid()
        h += 1
        return self.out(h)

    def alive() -> int:
        gc.collect()
        return sum(issubclass(type(held), Tensor) for held in gc.get_objects())

    model, x = Applied(forward, fc=nn.Linear(8, 8), out=nn.Linear(8, 2)), rows()
    noticed(model, x).backward()
    before = alive()
    assert noticed(model, x).backward().failed_in == "backward"
    assert alive() == before


class Refusing(torch.autograd.Function):
    """Its backward raises."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise RuntimeError("no way back")


def test_a_backward_that_raises_for_another_reason_is_told_in_its_own_words() -> None:
    refuse: Any = Refusing.apply
    record = noticed(Applied(lambda self, x: refuse(self.fc(x)), fc=nn.Linear(8, 2)), rows()).backward()
    assert (record.failed_in, record.finding, record.findings) == ("backward", None, ())
    assert record.failure is not None
    assert (record.failure.stage, record.failure.message) == ("backward", "no way back")


# --- as a request -----------------------------------------------------------------------------------------------------

SOURCE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        return self.fc(x)
"""


def opened(project: Project, load: Load) -> tuple[Session, list[EngineEvent]]:
    project.write("m.py", SOURCE)
    sent: list[EngineEvent] = []
    session = Session(sent.append)
    session.answer(load)
    while session.busy:
        session.step()
    sent.clear()
    return session, sent


def test_a_session_answers_with_inputs_and_the_record(project: Project) -> None:
    session, sent = opened(project, Load("m.py"))
    session.answer(RunBackward(("4x8",)))
    assert any(isinstance(event, InputsChosen) for event in sent)
    assert isinstance(sent[-1], BackwardFinished)
    assert sent[-1].backward.objective == "projection"


def test_on_meta_it_is_refused_with_the_reason(project: Project) -> None:
    session, sent = opened(project, Load("m.py", device="meta"))
    session.answer(RunBackward(("4x8",)))
    (failed,) = sent
    assert isinstance(failed, Failed)
    assert failed.failure.message == "on the meta device there are no values: there are no gradients to look at"


def test_it_can_be_stopped(project: Project) -> None:
    session, sent = opened(project, Load("m.py"))
    model = session._model
    assert model is not None
    model.register_forward_pre_hook(lambda *_: interruption.ask())
    session.answer(RunBackward(("4x8",)))
    assert isinstance(sent[-1], RunCancelled)
    assert sent[-1].changed == ()
    assert all(parameter.grad is None for parameter in model.parameters())
