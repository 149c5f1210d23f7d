"""--card: a building block explained in plain text, without torch and without a window."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import inspector

SAMPLES = Path(inspector.__file__).parents[1] / "sample_models"


def nn_inspect(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "100"}
    command = [sys.executable, "-m", "inspector", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment, cwd=SAMPLES)


def test_a_class_is_explained_by_its_name_in_any_case() -> None:
    result = nn_inspect("--card", "conv2d")
    assert result.returncode == 0
    assert result.stdout.startswith("Conv2d  (convolution)")
    assert "H_out = ⌊(H + 2·padding − dilation·(kernel_size − 1) − 1)/stride⌋ + 1" in " ".join(result.stdout.split())


def test_it_needs_neither_torch_nor_a_window() -> None:
    code = (
        "import sys; sys.argv = ['nn-inspect', '--card', 'LSTM']\n"
        "from inspector.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(*[m for m in ('torch', 'textual') if m in sys.modules], file=sys.stderr)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.stderr.strip() == ""
    assert "LSTM" in result.stdout


def test_a_class_that_is_not_there_names_those_that_are_near() -> None:
    result = nn_inspect("--card", "Conv2dd")
    assert result.returncode == 2
    assert "did you mean Conv2d" in result.stderr


def test_a_layer_of_a_model_is_explained_with_its_own_numbers() -> None:
    result = nn_inspect("lenet.py", "--card", "fc1")
    assert result.returncode == 0
    assert "fc1 · Linear" in result.stdout
    assert "576 = 16·6·6 of max_pool2d, flattened at :22" in result.stdout
    assert "together 69,240" in result.stdout


def test_as_data_it_is_one_document() -> None:
    document = json.loads(nn_inspect("lenet.py", "--card", "conv1", "--json").stdout)
    assert document["path"] == "conv1"
    assert document["card"]["name"] == "Conv2d"
    assert document["card"]["parameters"] == 156


def test_as_markdown_its_arguments_are_a_table() -> None:
    lines = nn_inspect("--card", "Dropout", "--markdown").stdout.split("\n")
    assert lines[0] == "## Dropout"
    assert any(line.startswith("| p |") for line in lines)


def test_a_class_of_the_users_own_says_what_it_says_of_itself() -> None:
    result = nn_inspect("lenet.py", "--card", "")
    assert "LeNet()\na class of its own, made from nn.Module\n" in result.stdout
    assert "each of 2 samples: 1×32×32 → 10; 81,290 parameters; 1.29 MFLOP a call" in result.stdout
    assert "Ten classes from a grey image of 32×32." in result.stdout
    assert "  conv1  Conv2d 1→6 k5\n" in result.stdout
    assert "  flatten       :22  x = torch.flatten(x, 1)\n" in result.stdout


def test_a_path_that_the_model_does_not_have_is_refused() -> None:
    result = nn_inspect("lenet.py", "--card", "fc9", "--no-run")
    assert result.returncode == 2
    assert "no module of that path" in result.stderr


def test_it_is_a_form_of_its_own() -> None:
    result = nn_inspect("lenet.py", "--card", "fc1", "--check")
    assert result.returncode == 2
    assert "--card is a form of its own" in result.stderr


@pytest.mark.parametrize("arguments", [("--card", "LSTM"), ("--card", "GELU"), ("lenet.py", "--card", "conv1")])
def test_in_ascii_every_sign_is_spelled_out(arguments: tuple[str, ...]) -> None:
    text = nn_inspect(*arguments, "--ascii").stdout
    assert "formula" in text
    assert text.isascii()
    assert "?" not in text


def test_a_layer_has_its_drawings_and_what_is_measured_beside_what_was_drawn() -> None:
    conv = nn_inspect("lenet.py", "--card", "conv1").stdout
    assert "■ ▣ ▣ ▣ ▣ □" in conv
    assert "weight  measured −0.1" in conv
    gelu = nn_inspect("activations.py", "--card", "activations.gelu").stdout
    assert "inputs: 16 from" in gelu
    assert "in this run it got: mean" in gelu


def test_a_loss_that_the_model_does_not_have_is_tried_on_its_output() -> None:
    result = nn_inspect("lenet.py", "--card", "CrossEntropyLoss")
    assert result.returncode == 0
    assert "CrossEntropyLoss() gives 2." in result.stdout
    assert "input 2×10 float32, output of fc3" in result.stdout
    assert "made: 2 class ids from 0 … 9" in result.stdout
    assert "gives 2.303 = ln 10" in result.stdout


def test_a_loss_that_was_called_in_the_run_tells_what_it_gave_there() -> None:
    result = nn_inspect("losses.py", "--card", "losses.mse")
    assert "it gave" in result.stdout
    assert "tried on the model's output" not in result.stdout


ODD = """
import torch
from torch import nn

names = {"nn": nn, "torch": torch}
exec('''
class Made(nn.Module):
    def __init__(self, width=4, *rest, scale: float = 2.0, **more):
        super().__init__()
        self.width, self.lin, self.scale = width, nn.Linear(4, width), scale
    def forward(self, x):
        return torch.relu(self.lin(x)) * self.scale
''', names)


class Scripted(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x):
        return self.lin(x).relu()


class Huge(nn.Module):
    __doc__ = "First line of it.\\n" + "A long line. " * 20_000 + "\\nline" * 3_000

    def forward(self, x):
        return x + 1


class Twice(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.made, self.huge, self.twice = names["Made"](), Huge(), Twice(4, 4)
        self.scripted = torch.jit.script(Scripted())
        self.normed = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
        self.lazy = nn.LazyLinear(3)

    def forward(self, x):
        return self.lazy(self.normed(self.scripted(self.twice(self.huge(self.made(x))))))

example_inputs = torch.zeros(2, 4)
"""


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("made", ["Made(width=4, *rest, scale=2.0, **more)", "  lin  Linear 4→4", "its source is not kept"]),
        ("huge", ["First line of it.", "\n… and more\n", "its forward calls"]),
        ("scripted", ["· Scripted()", "holds 1 child", "TorchScript: the Python source is not kept"]),
        ("twice", ["Twice is a class of its own, made from Linear: this card is Linear's", "together 20"]),
        ("normed", ["4 → 4; 24 parameters", "registered 24, which is not what its arguments lead to"]),
        ("lazy", ["in_features = 4, from the first input", "weight 3·4 = 12", "±0.5", "the first run makes them"]),
    ],
)  # fmt: skip
def test_odd_modules_say_what_is_known_of_them(tmp_path: Path, path: str, told: list[str]) -> None:
    file = tmp_path / "odd.py"
    file.write_text(ODD)
    result = nn_inspect(f"{file}:Odd", "--card", path)
    assert result.returncode == 0, result.stderr
    for words in told:
        assert words in result.stdout
    assert len(result.stdout) < 6_000
