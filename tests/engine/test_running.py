"""A run from the request to the proof: what is sent, what is measured, and that the model is as before, however it
ends."""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch
from torch import Tensor, nn

from inspector.engine import structure
from inspector.engine.failure import LoadFailed
from inspector.engine.forward import passes
from inspector.engine.forward.progress import interruption
from inspector.engine.forward.running import Runner
from inspector.engine.target import Built
from inspector.messages import (
    CallsDescribed,
    EngineEvent,
    InputsChosen,
    Run,
    RunCancelled,
    RunFinished,
    RunProgressed,
    RunTraced,
    StageStarted,
)
from inspector.run_schema import CallRecord, CallState, RunRecord
from inspector.run_table import RunTable
from inspector.wire import pack
from tests.engine.conftest import Project

SAMPLES = Path(__file__).parents[2] / "sample_models"


class Ran:
    """A model of a file, and what its runs tell."""

    def __init__(self, built: Built) -> None:
        self.model = built.model
        self.structure = structure.read(built.model)
        self._runner = Runner(built.model, self.structure, built)
        self.events: list[EngineEvent] = []

    def run(self, request: Run | None = None, hear: Callable[[EngineEvent], None] = lambda event: None) -> RunRecord:
        """The record of a run."""
        self.answer(request, hear)
        (record,) = [event.run for event in self.events if isinstance(event, RunFinished)]
        return record

    def answer(self, request: Run | None = None, hear: Callable[[EngineEvent], None] = lambda event: None) -> None:
        """What a run sends."""
        self.events.clear()

        def send(event: EngineEvent) -> None:
            assert pack(event)
            self.events.append(event)
            hear(event)

        self._runner.run(request or Run(), send)

    @property
    def table(self) -> RunTable:
        """The calls as a front end holds them."""
        (trace,) = [event.trace for event in self.events if isinstance(event, RunTraced)]
        table = RunTable(trace)
        for event in self.events:
            if isinstance(event, CallsDescribed):
                table.add(event)
        return table

    @property
    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]


Loader = Callable[..., Ran]


@pytest.fixture
def load(project: Project) -> Loader:
    """Loads a model from the source of its class's forward and the like."""

    def loaded(source: str, **options: str) -> Ran:
        project.write("m.py", "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n" + source)
        return Ran(project.load("m.py", **options))

    return loaded


NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.norm = nn.BatchNorm1d(3)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return F.relu(self.drop(self.norm(self.fc(x))))

example_inputs = torch.ones(2, 4)
"""


def test_a_run_tells_inputs_trace_records_and_the_end_in_this_order(load: Loader) -> None:
    ran = load(NET)
    ran.run()
    assert [kind for kind in ran.kinds if kind != "StageStarted"] == [
        "InputsChosen",
        "RunTraced",
        "CallsDescribed",
        "RunFinished",
        "FindingsReported",
    ]
    assert [event.user_code for event in ran.events if isinstance(event, StageStarted)] == [True, True]


def test_the_table_of_a_run_holds_rows_names_sizes_and_records(load: Loader) -> None:
    ran = load(NET)
    record = ran.run()
    table = ran.table
    paths = [ran.structure.path(row) for row in table.row]
    assert paths == ["", "fc", "norm", "drop", ""]
    assert [table.name(call) for call in range(table.count)] == ["", "", "", "", "F.relu"]
    assert list(table.children(0)) == [1, 2, 3, 4]
    assert (record.calls, record.operations) == (4, 1)
    call = table.record(1)
    assert call is not None
    assert (call.inputs[0].path, call.inputs[0].shape, call.outputs[0].shape) == ("input", (2, 4), (2, 3))
    assert call.source is not None
    assert call.source.code == "return F.relu(self.drop(self.norm(self.fc(x))))"


def test_calls_are_described_in_chunks(load: Loader) -> None:
    ran = load("""
class Net(nn.Module):
    def forward(self, x):
        for _ in range(1300):
            x = x + 1
        return x

example_inputs = torch.ones(2)
""")
    ran.run()
    chunks = [event for event in ran.events if isinstance(event, CallsDescribed)]
    assert [(event.first, event.count) for event in chunks] == [(0, 512), (512, 512), (1024, 277)]
    assert len(msgspec.msgpack.decode(chunks[0].calls, type=list[CallRecord])) == 512


def test_the_parts_add_up_to_no_more_than_the_whole_in_time_and_exactly_in_flops(load: Loader) -> None:
    ran = load(NET)
    record = ran.run()
    table = ran.table
    for call in range(table.count):
        assert table.seconds[call] >= sum(table.seconds[child] for child in table.children(call)) - 1e-12
    assert record.seconds == table.seconds[0]
    assert record.repeats == passes.MOST_REPEATS
    assert table.flops[0] == record.flops == 2 * 2 * 4 * 3
    assert table.flops[1] == 48


def test_flops_of_a_dry_run_are_taken_over_by_the_real_one(load: Loader) -> None:
    ran = load(NET)
    dry = ran.run(Run(dry=True))
    real = ran.run()
    assert (dry.dry, dry.flops, dry.flops_by) == (True, 48, "dry run")
    assert (real.dry, real.flops, real.flops_by) == (False, 48, "dry run")
    assert ran.table.flops[1] == 48
    assert ran.run(Run(mode="train")).flops_by == "run"


def test_a_mode_is_set_for_the_run_alone_also_where_modes_are_mixed(load: Loader) -> None:
    ran = load(NET + "\n\ndef build_model():\n    model = Net().train()\n    model.norm.eval()\n    return model\n")
    buffers = [tensor.clone() for tensor in ran.model.buffers()]
    record = ran.run(Run(mode="train"))
    assert record.mode == "train"
    assert [module.training for module in ran.model.modules()] == [True, True, False, True]
    assert all(map(torch.equal, buffers, ran.model.buffers()))
    assert record.guard.startswith("left as found")
    assert record.changed == ()


def test_a_train_of_the_users_own_decides_what_a_mode_is(load: Loader) -> None:
    ran = load("""
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.9)
        self.eval()

    def train(self, mode=True):
        super().train(mode)
        self.drop.eval()
        return self

    def forward(self, x):
        return self.drop(x)

example_inputs = torch.ones(2, 100)
""")
    stats = ran.run(Run(mode="train")).outputs[0].stats
    assert stats is not None
    assert stats.zeros == 0


def test_kept_leaves_every_module_in_its_mode(load: Loader) -> None:
    ran = load("""
class Net(nn.Module):
    def forward(self, x):
        return x * (2.0 if self.training else 3.0)

example_inputs = torch.ones(2)
""")
    assert [ran.run(Run(mode=mode)).outputs[0].stats.mean for mode in ("train", "eval", "kept")] == [2, 3, 2]  # type: ignore[union-attr]


def test_a_seed_gives_the_same_numbers_again_and_leaves_the_generators_alone(load: Loader) -> None:
    ran = load("""
import random

class Net(nn.Module):
    def forward(self, x):
        return x * torch.rand(3) * random.random()

example_inputs = torch.ones(3)
""")
    torch_state, python_state = torch.get_rng_state(), random.getstate()
    means = [ran.run(Run(seed=seed)).outputs[0].stats.mean for seed in (1, 1, 2)]  # type: ignore[union-attr]
    assert means[0] == means[1] != means[2]
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert random.getstate() == python_state


def test_trap_43_a_model_with_a_memory_gives_the_same_in_every_pass_and_run(load: Loader) -> None:
    ran = load("""
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.cache = None
        self.register_buffer("count", torch.zeros(1))

    def forward(self, x):
        self.count += 1
        self.cache = x if self.cache is None else torch.cat([self.cache, x])
        return self.cache * self.count

example_inputs = torch.ones(2, 3)
""")
    first, second = ran.run(), ran.run()
    assert first.outputs[0] == second.outputs[0]
    assert first.outputs[0].shape == (2, 3)
    assert vars(ran.model)["cache"] is None
    assert vars(ran.model)["_buffers"]["count"].item() == 0


def test_inputs_are_as_before_in_every_pass_though_forward_writes_into_them(load: Loader) -> None:
    ran = load("""
class Net(nn.Module):
    def forward(self, x):
        assert x.sum() == 4
        return x.add_(1)

example_inputs = torch.ones(4)
""")
    record = ran.run()
    assert record.ok
    assert record.notes == ()
    assert record.repeats == passes.MOST_REPEATS


def test_trap_42_a_forward_that_differentiates_is_run_with_gradients_and_says_so(load: Loader) -> None:
    ran = load("""
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 1)

    def forward(self, x):
        x = x.requires_grad_()
        return torch.autograd.grad(self.fc(x).sum(), x)[0]

example_inputs = torch.ones(2, 3)
""")
    record = ran.run()
    assert (record.ok, record.failure) == (True, None)
    assert "forward asks for gradients: it was run with them" in record.notes
    assert record.outputs[0].shape == (2, 3)


def test_a_forward_runs_without_gradients_otherwise(load: Loader) -> None:
    ran = load("""
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 1)

    def forward(self, x):
        return self.fc(x).requires_grad

example_inputs = torch.ones(2, 3)
""")
    assert ran.run().outputs[0].text == "False"


def test_a_forward_that_raises_has_a_finding_a_failure_and_every_call_that_ran(load: Loader) -> None:
    ran = load("""
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.fc = nn.Linear(7, 2)

    def forward(self, x):
        x = self.conv(x).flatten(1)
        return self.fc(x)  # <- here

example_inputs = torch.ones(2, 1, 4, 4)
""")
    record = ran.run()
    assert not record.ok
    assert record.finding is not None
    assert (record.finding.id, record.finding.path, record.finding.call) == ("NN201", "fc", 3)
    assert record.failure is not None
    assert record.failure.stage == "forward"
    assert record.failure.source is not None
    assert record.failure.source.code == "return self.fc(x)  # <- here"
    assert "recorder.py" not in record.failure.traceback
    assert [ran.table.state(call) for call in range(4)] == [
        CallState.UNWOUND,
        CallState.DONE,
        CallState.DONE,
        CallState.FAILED,
    ]
    assert record.guard.startswith("left as found")


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit(3)", "GeneratorExit", "RecursionError"])
def test_whatever_forward_raises_is_told_and_the_model_is_as_before(load: Loader, error: str) -> None:
    ran = load(f"""
class Net(nn.Module):
    def forward(self, x):
        self.training = "broken"
        raise {error}

example_inputs = torch.ones(2)
""")
    record = ran.run()
    assert record.failure is not None
    assert record.failure.type == error.partition("(")[0]
    assert ran.model.training is True
    assert record.changed == ()


def test_warnings_are_told_once_each_with_their_line_and_how_often(load: Loader) -> None:
    ran = load("""
import warnings

class Net(nn.Module):
    def forward(self, x):
        for _ in range(3):
            warnings.warn("old", FutureWarning)  # <- here
        return x

example_inputs = torch.ones(2)
""")
    (warned,) = ran.run().warnings
    assert (warned.category, warned.text, warned.times) == ("FutureWarning", "old", 3)
    assert warned.source is not None
    assert warned.source.code == 'warnings.warn("old", FutureWarning)  # <- here'


def test_what_forward_prints_is_printed_once(load: Loader, capsys: pytest.CaptureFixture[str]) -> None:
    ran = load("""
class Net(nn.Module):
    def forward(self, x):
        print("forward")
        return x

example_inputs = torch.ones(2)
""")
    assert ran.run().repeats > 1
    assert capsys.readouterr().out == "forward\n"


def test_a_forward_that_calls_other_modules_each_time_keeps_the_times_of_one_pass(load: Loader) -> None:
    ran = load("""
COUNT = [0]

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, x):
        COUNT[0] += 1
        for _ in range(COUNT[0]):
            x = self.fc(x)
        return x

example_inputs = torch.ones(2, 2)
""")
    record = ran.run()
    assert record.ok
    assert record.calls == 2
    assert "forward calls other modules from pass to pass: times are those of one pass" in record.notes
    assert "forward calls other things from pass to pass: its FLOPs are known only as a whole" in record.notes


def test_without_statistics_and_operations_there_are_none(load: Loader) -> None:
    ran = load(NET)
    record = ran.run(Run(statistics=False, operations=False))
    assert record.operations == 0
    assert record.outputs[0].stats is None


def test_untouched_only_the_whole_is_seen(load: Loader) -> None:
    ran = load("""
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, x):
        assert nn.Module.__call__.__module__ == "torch.nn.modules.module"
        return self.fc(x)

example_inputs = torch.ones(2, 2)
""")
    record = ran.run(Run(untouched=True))
    assert (record.ok, record.calls, record.repeats) == (True, 1, passes.MOST_REPEATS)
    assert record.outputs[0].shape == (2, 2)
    assert record.seconds > 0


def test_a_run_that_would_take_more_than_there_is_is_made_dry(load: Loader) -> None:
    ran = load(NET)
    record = ran.run(Run(unless_larger=8))
    assert record.dry
    assert any(note.startswith("run dry: a real run would take") for note in record.notes)
    assert not ran.run(Run(unless_larger=1 << 40)).dry


def test_a_model_on_meta_is_run_dry(load: Loader) -> None:
    record = load(NET, device="meta").run()
    assert record.dry
    assert record.outputs[0].shape == (2, 3)


def test_lazy_layers_stay_lazy(load: Loader) -> None:
    ran = load("""
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.LazyLinear(3)

    def forward(self, x):
        return self.fc(x)

example_inputs = torch.ones(2, 5)
""")
    record = ran.run()
    assert record.outputs[0].shape == (2, 3)
    assert type(ran.model.fc) is nn.LazyLinear
    assert any("copy" in note for note in record.notes)
    assert ran.table.row[1] == ran.structure.row_of(ran.model.fc)


def test_without_inputs_nothing_runs(load: Loader) -> None:
    ran = load("""
model = nn.ModuleList([nn.Linear(1, 1)])
""")
    ran.answer()
    assert ran.kinds[-1] == "InputsChosen"
    (chosen,) = [event.inputs for event in ran.events if isinstance(event, InputsChosen)]
    assert chosen.origin == "none"


def test_inputs_that_were_typed_wrong_are_refused(load: Loader) -> None:
    ran = load(NET)
    with pytest.raises(LoadFailed) as caught:
        ran.answer(Run(inputs=("x=2xz",)))
    assert caught.value.failure.stage == "inputs"


def test_no_tensor_of_a_run_outlives_it(load: Loader) -> None:
    ran = load(
        NET
        + """
    ALIVE = []
""".replace("    ", "")
        + """
import weakref

class Watching(Net):
    def forward(self, x):
        x = super().forward(x)
        ALIVE.append(weakref.ref(x))
        return x

def build_model():
    return Watching()
"""
    )
    ran.run()
    ran.run(Run(dry=True))
    gc.collect()
    module = type(ran.model).forward.__globals__
    alive: list[weakref.ref[Tensor]] = module["ALIVE"]
    assert alive
    assert [reference() for reference in alive if reference() is not None] == []


def test_no_tensor_of_a_run_that_failed_outlives_it(load: Loader) -> None:
    ran = load("""
import weakref
ALIVE = []

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(7, 2)

    def forward(self, x):
        x = x + 1
        ALIVE.append(weakref.ref(x))
        return self.fc(x)

example_inputs = torch.ones(2, 3)
""")
    assert ran.run().finding is not None
    gc.collect()
    alive = type(ran.model).forward.__globals__["ALIVE"]
    assert [reference() for reference in alive if reference() is not None] == []


# --- progress and cancelling ------------------------------------------------------------------------------------------

LONG = """
class Step(nn.Module):
    def forward(self, x):
        return x + 1

class Long(nn.Module):
    def __init__(self):
        super().__init__()
        self.step = Step()
        self.register_buffer("count", torch.zeros(1))

    def forward(self, x):
        for _ in range(STEPS):
            self.count += 1
            x = self.step(x)
        return x

example_inputs = torch.ones(2)
"""


def test_a_long_run_is_told_of_while_it_goes_on(load: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.engine.forward.progress.FIRST_SECONDS", 0.0)
    monkeypatch.setattr("inspector.engine.forward.progress.EVERY_SECONDS", 0.0)
    ran = load("STEPS = 20\n" + LONG)
    ran.run()
    told = [event for event in ran.events if isinstance(event, RunProgressed)]
    assert [event.calls for event in told] == list(range(1, 22))
    assert {event.expected for event in told} == {0}
    assert {ran.structure.path(event.row) for event in told} == {"", "step"}
    ran.run()
    assert {event.expected for event in ran.events if isinstance(event, RunProgressed)} == {21}


def test_a_run_that_is_cancelled_leaves_the_model_as_it_was_and_can_be_run_again(
    load: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.engine.forward.progress.FIRST_SECONDS", 0.0)
    ran = load("STEPS = 1000\n" + LONG)

    def cancel(event: EngineEvent) -> None:
        if isinstance(event, RunProgressed):
            interruption.ask()

    ran.answer(Run(), cancel)
    (cancelled,) = [event for event in ran.events if isinstance(event, RunCancelled)]
    assert (cancelled.guard.startswith("left as found"), cancelled.changed) == (True, ())
    assert "RunTraced" not in ran.kinds
    assert next(ran.model.buffers()).item() == 0
    assert nn.Module.__call__.__module__ == "torch.nn.modules.module"
    assert ran.run().ok


def test_a_forward_that_catches_everything_is_cancelled_all_the_same(load: Loader) -> None:
    ran = load("""
class Step(nn.Module):
    def forward(self, x):
        ASK()
        return x

class Stubborn(nn.Module):
    def __init__(self):
        super().__init__()
        self.step = Step()

    def forward(self, x):
        for _ in range(5):
            try:
                self.step(x)
            except BaseException:
                TRIED.append(1)
        return x

TRIED = []
ASK = None
example_inputs = torch.ones(2)
""")
    module = type(ran.model).forward.__globals__
    module["ASK"] = interruption.ask
    ran.answer()
    assert "RunCancelled" in ran.kinds
    assert len(module["TRIED"]) == 5


def test_nothing_is_cancelled_when_nothing_runs(load: Loader) -> None:
    interruption.ask()
    assert load(NET).run().ok


# --- the sample models ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["activations", "conv_block", "encoder", "gru", "lenet", "lstm_tagger", "shared_layers", "transformer"]
)
def test_sample_models_run_dry_and_real_and_are_left_as_found(name: str, project: Project) -> None:
    ran = Ran(project.load(str(SAMPLES / f"{name}.py")))
    for dry in (True, False):
        record = ran.run(Run(dry=dry))
        assert record.ok, record.failure
        assert record.changed == ()
        assert ran.table.count == record.calls + record.operations


def test_a_run_that_nobody_watched_says_nothing_of_what_it_noticed(load: Loader) -> None:
    ran = load(NET)
    ran.run(Run(untouched=True))
    assert "FindingsReported" not in ran.kinds
    ran.run(Run(statistics=False))
    assert "FindingsReported" not in ran.kinds
