"""`inspector.inspect` tells of a model that is there what the command line tells of a file, and leaves it as found."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import inspector
from inspector.report import Report
from tests.engine import bits
from tests.engine.hostile_models import MAKERS, Averaging, Failing
from tests.process_state import put_back


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3)
        self.fc = nn.Linear(3 * 4 * 4, 5)

    def forward(self, x: Tensor, scale: float = 1.0) -> Tensor:
        out: Tensor = self.fc(self.norm(self.conv(x)).flatten(1)) * scale
        return out


def look(model: nn.Module, *args: Any, **kwargs: Any) -> Report:
    report: Report = inspector.inspect(model, *args, **kwargs)
    return report


def test_the_tree_has_every_module_with_the_shapes_that_flowed() -> None:
    out = io.StringIO()
    look(Net(), torch.ones(2, 1, 6, 6), scale=2.0).print(out)
    rows = [line[2:] if line[:2] in ("E ", "W ", "n ") else line for line in out.getvalue().splitlines()]
    lines = {line.strip("├└│ ").split()[0]: line for line in rows if line.strip()}
    assert "2×3×4×4" in lines["conv"]
    assert "2×5" in lines["fc"]
    assert lines["guard"].split(None, 1)[1].startswith("left as found: 9 tensors by value, 4 modes")


def test_the_document_is_that_of_the_command_line() -> None:
    document = json.loads(look(Net(), torch.ones(2, 1, 6, 6), scale=2.0).to_json())
    assert document["schema"] == "nn-inspect/1"
    assert document["error"] is None
    assert document["target"]["name"] == "Net"
    assert document["target"]["file"] == __file__
    assert document["tool"]["torch"] == torch.__version__
    assert document["inputs"]["origin"] == "given"
    assert [module["path"] for module in document["modules"]] == ["", "conv", "norm", "fc"]
    assert document["totals"]["parameters"] == sum(parameter.numel() for parameter in Net().parameters())
    assert document["run"]["ok"] is True


def test_without_arguments_inputs_are_guessed() -> None:
    report = look(nn.Sequential(nn.Linear(7, 2)))
    assert report.run is not None
    assert report.run.inputs.origin == "guessed"
    assert report.run.inputs.arguments[0].values[0].shape == (2, 7)
    assert "inputs guessed" in str(report)


def test_a_forward_that_fails_is_told_of_and_not_raised() -> None:
    report = look(Net(), torch.ones(2, 1, 9, 9))
    assert report.run is not None
    assert not report.run.ok
    assert report.run.finding is not None
    assert (report.run.finding.id, report.run.finding.path) == ("NN201", "fc")
    assert "NN201" in str(report)
    assert json.loads(report.to_json())["error"]["stage"] == "forward"


@pytest.mark.parametrize("make", MAKERS)
def test_the_model_and_the_process_are_left_as_found(make: Any) -> None:
    with put_back():
        model = make()
        x = torch.linspace(-1, 1, 12).view(3, 4).requires_grad_(make not in (Averaging, Failing))
        before, process, given = bits.of(model), bits.of_process(), bits.of(x)
        call = nn.Module.__call__
        report = look(model, x)
        assert (bits.of(model), bits.of_process(), bits.of(x)) == (before, process, given)
        assert nn.Module.__call__ is call
        assert report.run is not None
        assert report.run.changed == ()


def test_arguments_are_taken_as_they_are() -> None:
    report = look(Net(), torch.ones(2, 1, 6, 6, dtype=torch.float64))
    assert report.run is not None
    assert report.run.finding is not None
    assert report.run.finding.id == "NN204"


def test_only_an_interrupt_comes_out() -> None:
    class Interrupted(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise KeyboardInterrupt

    class Leaving(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            sys.exit(3)

    with pytest.raises(KeyboardInterrupt):
        look(Interrupted(), torch.ones(1))
    report = look(Leaving(), torch.ones(1))
    assert report.run is not None
    assert report.run.failure is not None
    assert report.run.failure.type == "SystemExit"


class Noisy(nn.Module):
    """Dropout that nothing switches off."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = nn.functional.dropout(self.fc(x), 0.5)
        return out


def test_the_checks_that_run_forward_again_follow_unless_they_are_left_out() -> None:
    model = Noisy()
    before = bits.of(model)
    found = {finding.id for finding in look(model, torch.ones(3, 4)).outcome.findings()}
    assert found == {"NN401"}
    report = look(model, torch.ones(3, 4), probes=False)
    assert report.outcome.findings() == []
    assert report.outcome.noticed.keys() == {"structure", "run"}
    assert bits.of(model) == before


def test_train_is_compared_with_eval_where_that_is_asked_for() -> None:
    model = Net()
    before = bits.of(model)
    report = look(model, torch.ones(2, 1, 6, 6), compare=True)
    document = json.loads(report.to_json())
    assert document["comparison"] is not None
    assert [call["path"] for call in document["comparison"]["calls"]] == ["", "conv", "norm", "fc"]
    assert [source["path"] for source in document["comparison"]["sources"]] == ["norm"]
    assert "train/eval" in str(report)
    assert json.loads(look(model, torch.ones(2, 1, 6, 6)).to_json())["comparison"] is None
    assert bits.of(model) == before


def test_gradients_are_looked_at_where_that_is_asked_for() -> None:
    model = Net()
    before = bits.of(model)
    report = look(model, torch.ones(2, 1, 6, 6), backward=True)
    document = json.loads(report.to_json())
    assert document["backward"]["objective"] == "projection"
    assert {gradient["state"] for gradient in document["backward"]["parameters"]} == {"measured"}
    assert "backward    no loss in the model" in str(report)
    assert json.loads(look(model, torch.ones(2, 1, 6, 6)).to_json())["backward"] is None
    assert bits.of(model) == before


def test_an_interrupt_comes_out_of_what_follows_the_run_too() -> None:
    class Late(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(2, 2)
            self.calls = iter(range(9))

        def forward(self, x: Tensor) -> Tensor:
            if next(self.calls):
                raise KeyboardInterrupt
            y: Tensor = self.fc(x)
            return y

    with pytest.raises(KeyboardInterrupt):
        look(Late(), torch.ones(2, 2))


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(TypeError, match=r"takes an nn\.Module, not int"):
        inspector.inspect(3)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    assert not hasattr(inspector, "nonsense")


REPL = """
import inspector, sys
assert "torch" not in sys.modules and "inspector.report" not in sys.modules
import torch
from torch import nn
source = '''
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 2)
    def forward(self, x):
        return torch.relu(self.fc(x))
'''
exec(source)
inspector.inspect(Net(), torch.ones(2, 4)).print()
"""


def test_it_works_at_a_prompt_where_no_source_file_is() -> None:
    done = subprocess.run(
        [sys.executable, "-c", REPL], capture_output=True, text=True, timeout=60, env={"PATH": "", "NO_COLOR": "1"}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].startswith("__main__:Net  train")
    assert "2×2" in done.stdout
