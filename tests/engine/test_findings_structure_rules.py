"""What each rule about structure measures and says, number by number."""

from __future__ import annotations

import copy
import math
from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from inspector.catalogue import CATALOGUE
from inspector.engine.findings import structure_rules
from inspector.engine.findings.no_forward import distance
from inspector.engine.findings.structure_rules import RULES, VALUE_RULES, Telling, findings_of
from inspector.engine.findings.uninitialized import of_failure
from inspector.engine.findings.value_sweep import index_of
from inspector.engine.session import Session
from inspector.engine.structure import read
from inspector.messages import EngineEvent, Failed, FindingsReported, Load, StructureFinished
from inspector.run_schema import Finding
from inspector.wire import pack
from tests.engine.conftest import Project


@pytest.fixture(autouse=True)
def loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that raises fails its test."""
    monkeypatch.setattr(structure_rules, "_told", lambda find: list(find()))


class Holder(nn.Module):
    """A module that keeps what it is given."""

    def __init__(self, **things: Any) -> None:
        super().__init__()
        for name, thing in things.items():
            setattr(self, name, thing)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def of(model: nn.Module, name: str) -> list[Finding]:
    return [finding for finding in findings_of(model, read(model)) if finding.id == name]


def one(model: nn.Module, name: str) -> Finding:
    """The only finding of an id, which the wire can carry."""
    (found,) = of(model, name)
    assert pack(FindingsReported("structure", (found,)))
    assert found.severity == CATALOGUE[name].severity
    return found


# --- what is not registered -------------------------------------------------------------------------------------------


def test_the_parameters_that_are_lost_are_counted_once() -> None:
    layer = nn.Linear(4, 4)
    found = one(Holder(layers=[layer, layer, nn.Linear(4, 4)], head=nn.Linear(4, 1)), "NN101")
    assert found.message == (
        "layers: list of 3 Linear is not registered: "
        "40 parameters are not trained, moved, saved, or switched by train()/eval()"
    )
    assert (found.fix, found.path) == ("use nn.ModuleList", "layers")


@pytest.mark.parametrize(
    ("container", "fix"),
    [
        ({"a": nn.Linear(2, 2)}, "use nn.ModuleDict"),
        ((nn.Linear(2, 2),), "use nn.ModuleList"),
        ({nn.Linear(2, 2)}, "use nn.ModuleList"),
    ],
)
def test_the_mend_fits_the_container(container: object, fix: str) -> None:
    assert one(Holder(parts=container), "NN101").fix == fix


def test_modules_in_a_container_with_buffers_alone_are_not_moved() -> None:
    found = one(Holder(losses={"ce": nn.CrossEntropyLoss(weight=torch.ones(3))}), "NN101")
    assert found.message.endswith("its buffers are not moved or saved")


def test_a_class_that_asks_for_its_mode_must_be_registered() -> None:
    class Noise(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + torch.randn_like(x) if self.training else x

    assert "do not switch Noise" in one(Holder(noises=[Noise()]), "NN101").message


def test_one_line_in_many_blocks_is_told_once() -> None:
    blocks = nn.Sequential(*[Holder(parts=[nn.Linear(2, 2)]) for _ in range(5)])
    found = one(blocks, "NN101")
    assert found.path == "0.parts"
    assert found.message.endswith("(and so in 4 more Holder)")


def test_a_list_of_frozen_and_trained_modules_is_told() -> None:
    parts = [nn.Linear(2, 2).requires_grad_(False), nn.Linear(2, 2)]
    assert one(Holder(parts=parts), "NN101").path == "parts"


def test_parameters_in_a_container_name_how_many() -> None:
    found = one(Holder(scales=[nn.Parameter(torch.rand(3)), nn.Parameter(torch.rand(3))]), "NN102")
    assert (
        found.message == "scales: list of 2 Parameter is not registered: 6 parameters are not trained, moved or saved"
    )
    assert found.fix == "use nn.ParameterList"


# --- plain tensors ----------------------------------------------------------------------------------------------------


class Positions(nn.Module):
    def __init__(self, table: Any) -> None:
        super().__init__()
        self.table = table

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = x + self.table
        return found


def test_a_plain_tensor_is_named_with_its_shape_and_what_mends_it() -> None:
    found = one(nn.Sequential(Positions(torch.rand(6, 4))), "NN103")
    assert found.message == ("0.table [6, 4] is a plain attribute: .to() will not move it, state_dict will not save it")
    assert found.fix == 'self.register_buffer("table", ...)'
    assert found.source is not None
    assert found.source.code == "self.table = table"


def test_one_value_in_an_axis_of_its_own_is_left_behind_too() -> None:
    assert one(Positions(torch.ones(1)), "NN103").path == "table"


@pytest.mark.parametrize("tensor", [torch.tensor(2.0), torch.arange(4), torch.ones(4) > 0, torch.empty(0)])
def test_what_mixes_with_any_device_is_left_alone(tensor: torch.Tensor) -> None:
    assert of(Positions(tensor), "NN103") == []


def test_a_scalar_that_requires_grad_was_to_be_a_parameter() -> None:
    found = one(Positions(torch.tensor(1.0, requires_grad=True)), "NN103")
    assert "requires grad" in found.message
    assert found.fix == "self.table = nn.Parameter(...)"


def test_a_complex_tensor_is_left_behind_too() -> None:
    assert one(Positions(torch.ones(4, dtype=torch.complex64)), "NN103").path == "table"


def test_an_alias_of_a_weight_is_told_as_one() -> None:
    layer = nn.Linear(4, 4)
    model = Holder(fc=layer, stale=Positions(layer.weight.data))
    found = one(model, "NN103")
    assert "over the memory of fc.weight" in found.message


def test_a_value_computed_from_a_parameter_does_not_follow_it() -> None:
    found = one(Positions(nn.Parameter(torch.rand(4)) * 2), "NN103")
    assert "does not follow" in found.message


def test_a_tensor_set_from_outside_is_named_without_a_line_of_its_own() -> None:
    model = nn.Sequential(nn.Linear(4, 4))
    model[0].extra = torch.rand(4)
    assert one(model, "NN103").path == "0.extra"


# --- training ---------------------------------------------------------------------------------------------------------


def test_frozen_norms_are_told_once_for_the_model() -> None:
    norms = [nn.BatchNorm1d(4).requires_grad_(False) for _ in range(3)]
    found = one(nn.Sequential(*norms, nn.Linear(4, 4)), "NN105")
    assert found.message.startswith("0 and 2 more: weights frozen, but running stats still update")
    assert found.fix == "call .eval() of these 3 norms after every model.train()"


def test_a_frozen_part_is_named_with_its_size() -> None:
    model = nn.Sequential(OrderedDict(body=nn.Linear(4, 4).requires_grad_(False), head=nn.Linear(4, 1)))
    assert one(model, "NN106").message == "body: 0 of 20 parameters trainable"


def test_a_frozen_model_is_told_as_a_whole_and_not_by_parts() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 1)).requires_grad_(False)
    assert one(model, "NN106").message == "Sequential: 0 of 25 parameters trainable"


def test_a_predict_that_calls_eval_for_all_looks_after_no_frozen_norm() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bn = nn.BatchNorm1d(4).requires_grad_(False)

        def predict(self, x: torch.Tensor) -> torch.Tensor:
            self.eval()
            found: torch.Tensor = self(x)
            return found

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.bn(x)
            return found

    assert one(Net(), "NN105").path == "bn"


def test_the_topmost_modules_in_the_other_mode_are_named() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.Dropout()), nn.Sequential(nn.ReLU(), nn.Dropout()))
    model.get_submodule("0").eval()
    model.get_submodule("1.1").eval()
    assert one(model, "NN107").message == "0 and 1.1 are in eval, the rest in train"


def test_a_model_in_eval_mode_with_a_part_in_train_mode() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout()).eval()
    model[1].train()
    assert one(model, "NN107").message == "1 is in train, the rest in eval"


def test_a_mode_below_a_run_of_equal_layers_is_found() -> None:
    model = nn.Sequential(*[nn.Sequential(nn.Linear(2, 2), nn.Dropout()) for _ in range(8)])
    for each in model:
        each[1].eval()  # type: ignore[index]
    assert one(model, "NN107").message == "0.1, 1.1, 2.1 and 5 more are in eval, the rest in train"


def test_a_momentum_is_written_as_the_arithmetic_that_it_is() -> None:
    found = one(nn.Sequential(nn.BatchNorm1d(4, momentum=0.9), nn.BatchNorm1d(4, momentum=0.9)), "NN109")
    assert found.message == "0: momentum 0.9: new = 0.1*old + 0.9*batch (and 1 more)"


def test_lazy_layers_are_counted() -> None:
    model = nn.Sequential(nn.LazyLinear(4), nn.LazyBatchNorm1d(), nn.Linear(4, 4))
    assert one(model, "NN111").message == "2 lazy layers: sizes are known after the first run (first 0)"


# --- devices, dtypes, places ------------------------------------------------------------------------------------------


def test_devices_are_counted_and_the_odd_one_named() -> None:
    model = Holder(a=nn.Linear(4, 4), b=nn.Linear(4, 4), pos=Positions(torch.rand(4, device="meta")))
    found = one(model, "NN112")
    assert found.message == "2 devices in this model: cpu (4 tensors), meta (1: pos.table, a plain attribute)"
    assert found.path == "pos.table"


def test_dtypes_are_counted_and_the_odd_module_named() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.LayerNorm(4).double())
    found = one(model, "NN113")
    assert found.message == "parameters of 2 floating dtypes: float32 (4 tensors), float64 (2 tensors); float64: 2"


def test_a_layer_taken_several_times_is_told_with_its_places() -> None:
    layer = nn.Linear(4, 4)
    found = one(nn.ModuleList([layer] * 3), "NN116")
    assert found.message == "0 to 2 are one and the same Linear: weights are shared"
    assert found.fix.startswith("[layer] * 3 shares weights")


def test_a_module_below_itself_never_comes_to_an_end() -> None:
    parent, child = Holder(), Holder()
    parent.child = child
    child.parent = parent
    found = one(parent, "NN116")
    assert found.path == "child.parent"
    assert "never come to an end" in found.message


def test_hooks_are_told_by_function_with_their_place() -> None:
    def keep(module: nn.Module, args: Any, output: Any) -> None:
        return None

    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    for layer in model:
        layer.register_forward_hook(keep)
    found = one(model, "NN119")
    assert found.message.startswith(
        "0 has a forward_hook test_hooks_are_told_by_function_with_their_place.<locals>.keep"
    )
    assert found.message.endswith("and on 1 more")
    assert found.source is not None
    assert found.source.code.startswith("def keep")


# --- forward ----------------------------------------------------------------------------------------------------------


def test_a_list_of_modules_has_no_forward() -> None:
    found = one(nn.ModuleList([nn.Linear(4, 4)]), "NN120")
    assert found.message == "ModuleList has no forward: calling it raises"
    assert "nn.Sequential" in found.fix


def test_a_forward_that_is_misspelt_deep_in_the_model_is_found() -> None:
    class Block(nn.Module):
        def fowrard(self, x: torch.Tensor) -> torch.Tensor:
            return x

    found = one(nn.Sequential(nn.Linear(4, 4), Block()), "NN120")
    assert (found.path, found.fix) == ("1", "rename it to forward")
    assert found.source is not None
    assert found.source.code.startswith("def fowrard")


@pytest.mark.parametrize(
    ("name", "letters"), [("forward", 0), ("foward", 1), ("froward", 1), ("forwards", 1), ("reward", 3), ("call", 6)]
)
def test_letters_that_differ_are_counted(name: str, letters: int) -> None:
    assert distance(name, "forward") == letters


LATE = """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        self.fc = nn.Linear(4, 4)  # <- here
        super().__init__()

    def forward(self, x):
        return self.fc(x)
"""


def test_a_layer_before_super_points_at_the_class_and_names_the_line(project: Project) -> None:
    found = of_failure(project.fails(LATE))
    assert found is not None
    assert (found.id, found.severity, found.source and found.source.code) == ("NN121", "error", "class Net(nn.Module):")
    assert "line 6 runs before super().__init__()" in found.message
    assert found.fix.startswith("Call super().__init__() first in Net.__init__")


def test_a_class_that_never_calls_super_is_told_as_that(project: Project) -> None:
    found = of_failure(
        project.fails("from torch import nn\n\nclass Net(nn.Module):\n    def __init__(self):\n        pass")
    )
    assert found is not None
    assert (found.message, found.source and found.source.line) == ("Net.__init__ never calls super().__init__()", 3)


def test_another_failure_is_no_such_finding(project: Project) -> None:
    assert of_failure(project.fails("import torch\n\nx = 1 / 0  # <- here")) is None


def test_the_finding_is_sent_before_the_failure(project: Project) -> None:
    project.write("m.py", LATE)
    sent: list[EngineEvent] = []
    Session(sent.append).answer(Load("m.py"))
    reported, failed = sent[-2:]
    assert isinstance(reported, FindingsReported)
    assert isinstance(failed, Failed)
    assert [finding.id for finding in reported.findings] == ["NN121"]


# --- values -----------------------------------------------------------------------------------------------------------


def test_what_is_not_finite_is_counted_with_the_place_of_the_first() -> None:
    model = nn.Linear(4, 3)
    with torch.no_grad():
        model.weight[1, 2] = math.nan
        model.weight[2, 0] = -math.inf
    found = one(model, "NN110")
    assert found.message == "parameter weight: 1 NaN and 1 Inf of 12 values, first at [1, 2]"
    assert found.path == "weight"


def test_the_place_in_a_transposed_weight_is_its_own_index() -> None:
    model = nn.Linear(4, 3)
    model.weight = nn.Parameter(torch.zeros(4, 3).t())
    with torch.no_grad():
        model.weight[2, 1] = math.nan
    assert one(model, "NN110").message.endswith("first at [2, 1]")


def test_a_negative_variance_is_no_variance() -> None:
    model = nn.BatchNorm1d(4)
    assert model.running_var is not None
    model.running_var[2] = -0.25
    found = one(model, "NN110")
    assert found.message == "buffer running_var: 1 negative of 4 values, first at [2]; a variance cannot be"


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_statistics_of_a_norm_are_never_a_mask(value: float) -> None:
    model = nn.BatchNorm1d(4)
    assert model.running_mean is not None
    model.running_mean.fill_(-value)
    assert one(model, "NN110").path == "running_mean"


def test_a_buffer_with_some_positive_infinity_is_broken() -> None:
    model = Holder()
    model.register_buffer("table", torch.tensor([1.0, math.inf]))
    assert one(model, "NN110").path == "table"


def test_large_values_whose_sum_overflows_are_finite() -> None:
    model = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64).half())
    with torch.no_grad():
        model.get_parameter("0.weight").fill_(3e38).mul_(torch.rand(64, 64))
        model.get_parameter("1.weight").fill_(6e4).mul_(torch.rand(64, 64).half())
    assert of(model, "NN110") == []


def test_odd_tensors_are_read_too() -> None:
    model = Holder()
    model.register_buffer("sparse", torch.tensor([[0.0, math.nan]]).to_sparse())
    model.register_buffer("complex", torch.tensor([complex(math.nan, 0), 1]))
    model.register_buffer("expanded", torch.tensor([math.nan]).expand(5))
    assert {finding.path for finding in of(model, "NN110")} == {"sparse", "complex", "expanded"}


def test_a_model_that_diverged_is_not_told_tensor_by_tensor() -> None:
    model = nn.Sequential(*[nn.Linear(2, 2) for _ in range(30)])
    for parameter in model.parameters():
        parameter.data.fill_(math.nan)
    found = of(model, "NN110")
    assert len(found) == 21
    assert found[0].message == "40 more tensors with values that are not finite"


def test_copies_are_told_at_the_highest_modules_that_are_copies() -> None:
    block = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))
    model = nn.ModuleDict({"layers": nn.ModuleList(copy.deepcopy(block) for _ in range(4)), "head": nn.Linear(8, 8)})
    found = one(model, "NN115")
    assert found.message == (
        "layers.0 to layers.3 start identical (deep copies): 2 weights of each hold the same random values"
    )
    assert found.path == "layers.0"


def test_two_parts_that_are_copies_are_named_both() -> None:
    net = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    found = one(nn.ModuleDict({"student": net, "teacher": copy.deepcopy(net)}), "NN115")
    assert found.message.startswith("student and teacher start identical")


def test_zero_layers_that_differ_by_their_number_are_told_once() -> None:
    model = nn.Sequential(*[nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)) for _ in range(3)])
    for number in range(3):
        nn.init.zeros_(model.get_parameter(f"{number}.1.weight"))
    found = one(model, "NN117")
    assert found.message == (
        "0.1.weight is all zero, as in a layer that is to begin without effect (and 2 more like it)"
    )


def test_a_weight_of_one_value_is_no_constant() -> None:
    assert of(nn.Linear(1, 1), "NN117") == []


def test_another_constant_is_told_with_its_value() -> None:
    model = nn.Linear(4, 4)
    nn.init.constant_(model.weight, 0.5)
    assert one(model, "NN117").message == "weight is all 0.5, so its units begin equal"


@pytest.mark.parametrize(("place", "index"), [(0, (0, 0, 0)), (23, (1, 2, 3)), (7, (0, 1, 3))])
def test_a_place_becomes_an_index(place: int, index: tuple[int, ...]) -> None:
    assert index_of(place, (2, 3, 4)) == index


# --- how it is told ---------------------------------------------------------------------------------------------------


def test_the_session_tells_the_quick_part_first_and_all_of_it_after(project: Project) -> None:
    project.write(
        "m.py",
        "from torch import nn\n\nnet = nn.Linear(4, 4)\nnn.init.zeros_(net.weight)\nnet.eval()\nnet.t = [nn.ReLU6()]",
    )
    sent: list[EngineEvent] = []
    session = Session(sent.append)
    session.answer(Load("m.py"))
    while session.busy:
        session.step()
    kinds = [type(event) for event in sent]
    reports = [event for event in sent if isinstance(event, FindingsReported)]
    assert [(report.of, report.whole) for report in reports] == [("structure", False), ("structure", True)]
    assert kinds.index(StructureFinished) < kinds.index(FindingsReported)
    assert [finding.id for finding in reports[0].findings] == []
    assert [finding.id for finding in reports[1].findings] == ["NN117"]


def test_what_is_worst_comes_first() -> None:
    model = Holder(parts=[nn.Linear(2, 2)], norm=nn.BatchNorm1d(2, momentum=0.9))
    model.get_buffer("norm.running_mean").fill_(math.nan)
    assert [finding.id for finding in findings_of(model, read(model))] == ["NN110", "NN101", "NN109"]


def test_many_tensors_are_swept_with_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    from inspector.engine.findings import value_sweep

    monkeypatch.setattr(value_sweep, "BATCH_TENSORS", 8)
    model = nn.Sequential(*[nn.Linear(2, 2) for _ in range(50)])
    steps = list(Telling(model, read(model), lambda event: None).reporting())
    assert len(steps) >= 100 // 8


def test_a_rule_that_raises_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(anatomy: object) -> Any:
        raise RuntimeError("odd")

    monkeypatch.undo()
    monkeypatch.setattr(structure_rules, "RULES", (broken, *RULES))
    assert [finding.id for finding in findings_of(nn.ModuleList(), read(nn.ModuleList()))] == ["NN120"]


def test_every_rule_has_a_name_of_its_own() -> None:
    names = [rule.__name__ for rule in (*RULES, *VALUE_RULES)]
    assert len(names) == len(set(names))


def test_objects_that_lie_about_themselves_are_looked_at_without_asking_them() -> None:
    class Liar:
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError("asked")

        def __eq__(self, other: object) -> bool:
            raise RuntimeError("compared")

        __hash__ = None  # type: ignore[assignment]

    model = Holder(momentum=SimpleNamespace(), fc=nn.BatchNorm1d(4))
    vars(model)["liar"] = Liar()
    vars(model.fc)["momentum"] = Liar()
    assert findings_of(model, read(model)) == ()
