"""Where the model is to live: the CPU, meta, which takes no memory, or a GPU that was asked for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from inspector.engine import device
from tests.engine.conftest import Project

LARGE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.large = nn.Linear(1_000_000, 1_000_000)
        self.register_buffer("mask", torch.ones(1_000_000, 1_000))

    def forward(self, x):
        return self.large(x)
"""


def test_on_meta_a_model_of_terabytes_is_built(project: Project) -> None:
    project.write("m.py", LARGE)
    built = project.load("m.py", device="meta")
    assert sum(parameter.numel() for parameter in built.model.parameters()) == 1_000_001_000_000
    assert {tensor.device.type for tensor in built.model.state_dict().values()} == {"meta"}
    assert (built.target.device, built.note) == ("meta", "")
    assert torch.empty(1).device.type == "cpu"


def test_an_instance_is_moved_to_meta_after_it_was_built_and_that_is_said(project: Project, net: str) -> None:
    project.write("m.py", net + "\nmodel = Net()\n")
    built = project.load("m.py", device="meta")
    assert {parameter.device.type for parameter in built.model.parameters()} == {"meta"}
    assert built.note == "moved to meta after building: 2 tensors"


def test_moving_to_meta_keeps_ties_modes_and_what_is_frozen() -> None:
    embedding, head = nn.Embedding(10, 4), nn.Linear(4, 10, bias=False)
    head.weight = embedding.weight
    model = nn.Sequential(embedding, head, nn.BatchNorm1d(10))
    model[2].requires_grad_(False).eval()
    note = device.move(model, "meta")
    assert embedding.weight is head.weight
    assert isinstance(head.weight, nn.Parameter)
    assert head.weight.requires_grad
    assert not model[2].weight.requires_grad
    assert (model.training, model[2].training) == (True, False)
    assert note == "moved to meta after building: 6 tensors"


def test_moving_an_lstm_to_meta_frees_its_weights() -> None:
    lstm = nn.LSTM(4, 4)
    device.move(lstm, "meta")
    flat: Any = lstm._flat_weights
    assert all(weight.device.type == "meta" for weight in flat)
    assert flat[0] is lstm.weight_ih_l0


def test_lazy_layers_stay_lazy_on_meta(project: Project) -> None:
    project.write("m.py", "from torch import nn\n\n\ndef build_model():\n    return nn.Sequential(nn.LazyLinear(3))\n")
    built = project.load("m.py", device="meta")
    assert nn.parameter.is_lazy(built.model.get_parameter("0.weight"))


def test_a_tensor_made_on_a_device_of_its_own_is_moved_and_counted(project: Project) -> None:
    project.write(
        "m.py",
        """
        import torch
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(3, 3)
                self.scale = nn.Parameter(torch.ones(3, device="cpu"))
        """,
    )
    assert project.load("m.py", device="meta").note == "moved to meta after building: 1 tensor"


def test_a_constructor_that_computes_cannot_be_built_on_meta(project: Project) -> None:
    project.write(
        "m.py",
        """
        import torch
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.rates = [rate.item() for rate in torch.linspace(0, 0.1, 12)]  # <- here
        """,
    )
    failure = project.failure("m.py", device="meta")
    assert failure.stage == "construct"
    assert failure.source is not None
    assert failure.source.line == project.line_of("m.py", "<- here")
    assert "no values to compute with" in failure.mend
    assert failure.command == "nn-inspect m.py"
    assert project.load("m.py").note == ""


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cuda:-1", "", "mps", "CPU"])
def test_a_device_that_does_not_exist_is_refused_before_anything_runs(project: Project, net: str, name: str) -> None:
    project.write("m.py", net)
    failure = project.failure("m.py", device=name)
    assert (failure.stage, failure.type) == ("target", "BadDevice")
    assert "cpu, cuda, cuda:N or meta" in failure.message
    assert project.announced == []


# --- CUDA, as far as it can be told without one -----------------------------------------------------------------------


def test_without_cuda_in_this_pytorch_that_is_said(project: Project, net: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None)
    project.write("m.py", net)
    failure = project.failure("m.py", device="cuda")
    assert (failure.stage, failure.type) == ("target", "NoCuda")
    assert failure.message == f"This PyTorch ({torch.__version__}) is built without CUDA"
    assert failure.command == "nn-inspect m.py"


def test_without_a_gpu_in_sight_the_variable_that_hides_it_is_named(
    project: Project, net: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    project.write("m.py", net)
    assert project.failure("m.py", device="cuda").message.endswith("CUDA_VISIBLE_DEVICES is ''")


def test_a_gpu_beyond_the_last_is_refused(project: Project, net: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    project.write("m.py", net)
    failure = project.failure("m.py", device="cuda:2")
    assert failure.message == "There is no cuda:2: 2 visible here, cuda:0 to cuda:1"


def test_code_that_asks_for_cuda_by_itself_is_shown_the_flag(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PyTorch with CUDA that sees no GPU, because none was asked for."""

    names: dict[str, Any] = {}
    source = "def _lazy_init():\n    raise RuntimeError('No CUDA GPUs are available')\n"
    exec(compile(source, torch.cuda.__file__, "exec"), names)
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "_lazy_init", names["_lazy_init"])
    project.write("m.py", "import torch\n\ntorch.cuda._lazy_init()  # <- here\n")
    failure = project.failure("m.py")
    assert failure.source is not None
    assert failure.source.line == 3
    assert "add --device cuda" in failure.mend
    assert failure.command == "nn-inspect m.py --device cuda"
