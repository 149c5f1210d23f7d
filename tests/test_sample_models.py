"""Every sample model loads, runs and has the parameters that it should; every broken one fails as it should."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from inspector.engine.failure import LoadFailed
from inspector.engine.target import Built, load
from inspector.messages import Load
from inspector.schema import Failure
from tests.process_state import put_back

FOLDER = Path(__file__).parent.parent / "sample_models"
BROKEN = FOLDER / "broken"

PARAMETERS = {
    "activations": 1 + 3 * 8 * 8 + 3 * 8 + 8 * 8 + 8,  # PReLU, and the attention's projections
    "conv_block": (16 * 3 * 9 + 16) + 2 * 16 + (16 * 8 * 8 * 10 + 10),
    "encoder": 500 * 64
    + 32 * 64
    + 6 * ((3 * 64 * 64 + 3 * 64) + (64 * 64 + 64) + (64 * 128 + 128) + (128 * 64 + 64) + 4 * 64)
    + (64 * 2 + 2),
    "frozen_backbone": sum(9 * i * o + o + 2 * o for i, o in ((3, 8), (8, 16), (16, 32))) + (32 * 5 + 5),
    "gpt2_small": 124_439_808,
    "gru": 2 * 3 * (16 * 6 + 16 * 16 + 2 * 16) + 2 * 3 * (16 * 32 + 16 * 16 + 2 * 16) + (32 * 4 + 4),
    "lenet": (6 * 25 + 6) + (16 * 54 + 16) + (576 * 120 + 120) + (120 * 84 + 84) + 850,
    "lstm_tagger": 1000 * 32 + 4 * (64 * 32 + 64 * 64 + 2 * 64) + (64 * 5 + 5),
    "module_dict": (10 * 10 * 9 + 10) + 1,
    "module_list": 10 * (10 * 10 + 10),
    "named_sequential": (20 * 25 + 20) + (64 * 20 * 25 + 64),
    "needs_arguments": (16 * 64 + 64) + (64 * 32 + 32) + (32 * 10 + 10),
    "parameter_dict": 2 * 5 * 10,
    "parameter_list": 10 * 10 * 10,
    "parametrized": (8 + 64 + 8) + 3 * (64 + 8),
    "resnet50": 25_557_032,
    "several_models": 4 * (8 * 8 + 8),
    "shared_layers": (16 * 16 + 16) + 2 * 16,
    "thousand_layers": 500 * (16 * 16 + 16),
    "tied_embedding": 200 * 32 + (2 * 32 * 32 + 2 * 32),
    "tiny_model": (100 * 200 + 200) + (200 * 10 + 10),
    "transformer": 2 * 100 * 32
    + 100
    + 2 * ((3 * 32 * 32 + 96) + (32 * 32 + 32) + (32 * 64 + 64) + (64 * 32 + 32) + 4 * 32)
    + 2 * (2 * (3 * 32 * 32 + 96) + 2 * (32 * 32 + 32) + (32 * 64 + 64) + (64 * 32 + 32) + 6 * 32)
    + 2 * 2 * 32,
    "unregistered": 16 * 4 + 4,
}
"""Each distinct parameter once, worked out by hand from the constructor's numbers."""

ARGUMENTS = {"needs_arguments": "(in_features=16, widths=[64, 32], num_classes=10)"}
NAMES = {"needs_arguments": "Perceptron", "several_models": "Wide"}


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    with put_back():
        torch.manual_seed(0)
        yield


def samples() -> list[str]:
    return sorted(file.stem for file in FOLDER.glob("*.py"))


def open_sample(name: str) -> Built:
    colon = f":{NAMES[name]}{ARGUMENTS.get(name, '')}" if name in NAMES else ""
    return load(Load(f"{FOLDER}/{name}.py{colon}"), lambda stage: None)


def run(model: nn.Module, inputs: Any) -> Any:
    """One forward pass on what a file offers as `example_inputs`."""
    offered = inputs() if callable(inputs) else inputs
    match offered:
        case (tuple() as args, dict() as kwargs):
            return model(*args, **kwargs)
        case tuple():
            return model(*offered)
        case dict():
            return model(**offered)
    return model(offered)


def tensors_in(output: Any) -> list[torch.Tensor]:
    if isinstance(output, torch.Tensor):
        return [output]
    parts = output.values() if isinstance(output, dict) else output
    return [tensor for part in parts for tensor in tensors_in(part)]


@pytest.mark.parametrize("name", samples())
def test_a_sample_loads_and_runs_on_its_example_inputs(name: str) -> None:
    built = open_sample(name)
    module = sys.modules[name]
    inputs = getattr(module, "example_inputs", None)
    if name == "lenet":
        assert inputs is None
        inputs = torch.randn(2, 1, 32, 32)
    with torch.no_grad():
        outputs = tensors_in(run(built.model.eval(), inputs))
    assert outputs
    assert all(output.isfinite().all() for output in outputs)
    assert module.__doc__
    assert "\n" not in module.__doc__.strip()


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_a_sample_has_the_parameters_that_its_layers_add_up_to(name: str) -> None:
    device = "meta" if name in ("gpt2_small", "resnet50") else "cpu"
    colon = f":{NAMES[name]}{ARGUMENTS.get(name, '')}" if name in NAMES else ""
    model = load(Load(f"{FOLDER}/{name}.py{colon}", device=device), lambda stage: None).model
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[name]


def test_every_sample_has_its_number_but_those_that_have_none() -> None:
    assert set(samples()) - set(PARAMETERS) == {"lazy_layers", "losses"}


def test_a_sample_that_needs_arguments_asks_for_them() -> None:
    with pytest.raises(LoadFailed) as caught:
        load(Load(f"{FOLDER}/needs_arguments.py"), lambda stage: None)
    assert caught.value.failure.type == "MissingArguments"


def test_a_file_with_several_models_is_ambiguous() -> None:
    with pytest.raises(LoadFailed) as caught:
        load(Load(f"{FOLDER}/several_models.py"), lambda stage: None)
    assert [candidate.name for candidate in caught.value.failure.candidates] == ["Shallow", "Deep", "Wide"]


def test_every_activation_of_torch_is_among_the_activations() -> None:
    from torch.nn.modules import activation

    model = open_sample("activations").model
    assert {type(module).__name__ for module in model.modules()} >= set(activation.__all__)


def test_every_loss_of_torch_is_among_the_losses() -> None:
    from torch.nn.modules import loss

    deprecated = {"NLLLoss2d"}
    model = open_sample("losses").model
    named = {type(module).__name__ for module in model.modules()}
    assert named >= set(loss.__all__) - deprecated | {"AdaptiveLogSoftmaxWithLoss"}


def test_lazy_layers_learn_their_sizes_in_the_first_run() -> None:
    model = open_sample("lazy_layers").model
    assert nn.parameter.is_lazy(model.get_parameter("head.weight"))
    run(model, sys.modules["lazy_layers"].example_inputs)
    assert model.get_parameter("head.weight").shape == (10, 8 * 6 * 6)


def test_what_is_tied_shared_or_frozen_is_so() -> None:
    tied = open_sample("tied_embedding").model
    assert tied.get_parameter("head.weight") is tied.get_parameter("embedding.weight")
    gpt2 = load(Load(f"{FOLDER}/gpt2_small.py", device="meta"), lambda stage: None).model
    assert gpt2.get_parameter("lm_head.weight") is gpt2.get_parameter("wte.weight")
    shared = open_sample("shared_layers").model
    assert shared.get_submodule("blocks.0") is shared.get_submodule("blocks.11")
    frozen = open_sample("frozen_backbone").model
    assert [stage.training for stage in frozen.children()] == [False, True, True]
    assert not frozen.get_parameter("backbone.0.0.weight").requires_grad
    assert frozen.get_parameter("backbone.2.0.weight").requires_grad


# --- broken -----------------------------------------------------------------------------------------------------------


def fail(name: str) -> Failure:
    with pytest.raises(LoadFailed) as caught:
        load(Load(f"{BROKEN}/{name}.py"), lambda stage: None)
    return caught.value.failure


def marked_line(name: str, mark: str) -> int:
    lines = (BROKEN / f"{name}.py").read_text().split("\n")
    (number,) = [number for number, line in enumerate(lines, 1) if line.endswith(f"# <- {mark}")]
    return number


def breaks_in_forward(file: Path) -> bool:
    """Whether a broken file loads, and fails when it is run on what it offers: see tests/engine/test_broken_models."""
    return "\nexample_inputs = " in file.read_text()


@pytest.mark.parametrize(
    ("name", "stage", "kind", "mend"),
    [
        ("syntax_error", "import", "SyntaxError", ""),
        ("import_error", "import", "ModuleNotFoundError", "-m pip install torch_geometrics_of_nobody"),
        ("raises_at_import", "import", "KeyError", ""),
        ("raises_in_init", "construct", "ValueError", ""),
        ("missing_arguments", "construct", "MissingArguments", "put in your own"),
        ("exits_at_import", "import", "SystemExit", 'if __name__ == "__main__":'),
        ("argparse_at_import", "import", "SystemExit", 'if __name__ == "__main__":'),
        ("asks_at_import", "import", "EOFError", "Standard input is closed"),
        ("no_module", "target", "NoModule", "Net stands inside main()"),
        ("no_super_init", "construct", "AttributeError", "Call super().__init__() first in Net.__init__"),
        ("wants_cuda", "import", "AssertionError", "--device cuda"),
    ],
)
def test_a_broken_file_fails_at_its_marked_line(
    name: str, stage: str, kind: str, mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    if name == "wants_cuda":
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
        kind = kind if torch.version.cuda is None else "RuntimeError"
    failure = fail(name)
    assert (failure.stage, failure.type) == (stage, kind)
    assert failure.source is not None
    assert failure.source.file == str(BROKEN / f"{name}.py")
    assert failure.source.line == marked_line(name, "fails here")
    assert failure.source.code.endswith("# <- fails here")
    assert mend in failure.mend
    assert failure.message
    assert failure.files == (str(BROKEN / f"{name}.py"),)


@pytest.mark.parametrize("name", ["slow_import", "prints_flood"])
def test_a_file_that_never_ends_is_in_its_loop(name: str) -> None:
    """Found by faulthandler's timer, as an engine finds it."""
    watch = "import faulthandler, runpy, torch; faulthandler.dump_traceback_later(0.5, exit=True)"
    code = f"{watch}; runpy.run_path({str(BROKEN / name)!r} + '.py')"
    child = subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert child.returncode == 1
    found = re.search(rf'{name}\.py", line (\d+) in', child.stderr)
    assert found is not None
    last = marked_line(name, "hangs here")
    assert last - 2 <= int(found.group(1)) <= last  # Mostly the last line of the loop, at times one of the two before.


def test_a_segmentation_fault_ends_the_process() -> None:
    code = f"import runpy; runpy.run_path({str(BROKEN / 'segfault.py')!r})['Net']()"
    child = subprocess.run([sys.executable, "-X", "faulthandler", "-c", code], stderr=subprocess.PIPE, text=True)
    assert child.returncode == -signal.SIGSEGV
    assert f"line {marked_line('segfault', 'dies here')} in __init__" in child.stderr


def test_every_broken_file_is_tested() -> None:
    names = {file.stem for file in BROKEN.glob("*.py") if not breaks_in_forward(file)}
    source = Path(__file__).read_text()
    assert names
    assert all(f'"{name}"' in source or f"'{name}.py'" in source for name in names)
