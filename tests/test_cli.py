"""The command as a shell, a pipe and a CI job meet it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process_state import hear_interrupts
from tests.recording import SAMPLES


def nn_inspect(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program with its output in pipes."""
    return subprocess.run(
        [sys.executable, "-m", "inspector", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=90,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
        check=False,
    )


def test_help_begins_with_examples_and_loads_neither_torch_nor_textual() -> None:
    code = (
        "import sys; sys.argv = ['nn-inspect', '--help']\n"
        "from inspector.cli import main\n"
        "try:\n    main()\nexcept SystemExit as left:\n"
        "    print(left.code, [m for m in ('torch', 'textual', 'rich', 'msgspec', 'asyncio') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("examples:\n  nn-inspect model.py")
    assert done.stdout.rstrip().endswith("0 []")


def test_a_pipe_gets_the_tree_without_escape_codes() -> None:
    done = nn_inspect(SAMPLES / "lenet.py")
    assert done.returncode == 0
    assert "├ conv1" in done.stdout
    assert "2×16×12×12" in done.stdout
    assert "parameters  81,290" in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stderr == "nn-inspect: inputs guessed: x=2x1x32x32:float32 (conv1 takes 1 channel, fc1 wants 576)\n"


def test_without_a_run_nothing_is_said_of_one() -> None:
    done = nn_inspect(SAMPLES / "lenet.py", "--no-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "parameters  81,290" in done.stdout
    assert "output" not in done.stdout
    assert json.loads(nn_inspect(SAMPLES / "lenet.py", "--no-run", "--json").stdout)["run"] is None


def test_colours_come_when_they_are_forced_and_go_when_they_are_forbidden() -> None:
    assert "\x1b[" in nn_inspect(SAMPLES / "lenet.py", "--no-run", FORCE_COLOR="1").stdout
    assert "\x1b[" not in nn_inspect(SAMPLES / "lenet.py", "--no-run", FORCE_COLOR="1", NO_COLOR="1").stdout


def test_ascii_means_ascii() -> None:
    assert nn_inspect(SAMPLES / "encoder.py", "--ascii").stdout.isascii()
    assert nn_inspect(SAMPLES / "encoder.py", "--no-run", LC_ALL="C").stdout.isascii()


def test_json_is_one_document_whatever_the_file_prints(tmp_path: Path) -> None:
    model = tmp_path / "noisy.py"
    model.write_text(
        "import os, sys, torch\nprint('hello')\nos.write(1, b'from C \\x1b[31m\\n')\n"
        "print('careful', file=sys.stderr)\n"
        "class Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = torch.nn.Linear(3, 4)\n        self.register_buffer('scale', torch.tensor(float('nan')))\n"
        "    def forward(self, x):\n        print('forward')\n        return self.fc(x) * self.scale\n"
    )
    done = nn_inspect(model, "--json", "--input", "2x3")
    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert document["schema"] == "nn-inspect/1"
    assert document["error"] is None
    assert document["printed"]["stdout"].startswith("hello\nfrom C \\x1b[31m\nforward\n")
    assert (document["printed"]["stderr"], document["printed"]["dropped_bytes"]) == ("careful\n", 0)
    assert document["run"]["outputs"][0]["stats"]["nan"] == 8
    assert [p["path"] for p in document["parameters"]] == ["fc.weight", "fc.bias"]
    assert document["totals"]["parameters"] == 16
    assert document["target"]["chosen"]


def test_a_broken_file_is_exit_3_with_place_and_traceback_on_stderr(tmp_path: Path) -> None:
    model = tmp_path / "bad.py"
    model.write_text(
        "import torch\nclass Net(torch.nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        1 / 0\n"
    )
    done = nn_inspect(model)
    assert done.returncode == 3
    assert done.stdout == ""
    assert f"{model}:5" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert "Traceback" in done.stderr
    document = json.loads(nn_inspect(model, "--json").stdout)
    assert document["error"]["stage"] == "construct"
    assert document["error"]["source"]["line"] == 5
    assert document["modules"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "which file?"),
        (("nowhere.py",), "nowhere.py"),
        ((SAMPLES / "several_models.py",), "several_models.py:"),
        ((SAMPLES / "needs_arguments.py",), "--arg"),
        ((SAMPLES / "lenet.py", "--filter", "is:purple"), "is:frozen"),
        ((SAMPLES / "lenet.py", "--depth", "-1"), "no negative number"),
        ((SAMPLES / "lenet.py", "--timeout", "0"), "a positive one"),
        ((SAMPLES / "lenet.py", "--log", "/nowhere/log"), "--log /nowhere/log: No such file or directory"),
        ((SAMPLES / "lenet.py", "--mode", "both", "--dry"), "compares values"),
        ((SAMPLES / "lenet.py", "--seed", "-1"), "--seed wants a whole number"),
        ((SAMPLES / "lenet.py", "--no-run", "--dry"), "--no-run leaves out"),
        ((SAMPLES / "lenet.py", "--summary", "--input", "2x3"), "--summary is about the structure alone"),
        ((SAMPLES / "lenet.py", "--input", "y=2x1x32x32"), "y"),
    ],
)
def test_usage_is_exit_2_and_says_what_to_type(arguments: tuple[str | Path, ...], said: str) -> None:
    done = nn_inspect(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_a_hang_is_exit_4_and_names_the_line() -> None:
    done = nn_inspect(SAMPLES / "broken" / "slow_import.py", "--timeout", "12")
    assert done.returncode == 4
    assert "slow_import.py:" in done.stderr
    assert "still importing slow_import.py" in done.stderr


def test_a_segfault_is_exit_4_and_names_the_line() -> None:
    done = nn_inspect(SAMPLES / "broken" / "segfault.py")
    assert done.returncode == 4
    assert "segmentation fault" in done.stderr
    assert "segfault.py:" in done.stderr


@pytest.mark.parametrize("form", ["--tree", "--json"])
def test_an_interrupt_is_exit_130_and_quiet(form: str, tmp_path: Path) -> None:
    """By a real SIGINT, while the file's own code runs."""
    fifo, model = tmp_path / "imported", tmp_path / "endless.py"
    os.mkfifo(fifo)
    model.write_text(f"open({str(fifo)!r}, 'w').close()\nwhile True: pass\n")
    command = [sys.executable, "-m", "inspector", str(model), form]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=hear_interrupts
    ) as process:
        fifo.read_text()  # comes back when the file is being imported
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (130, "", "")


def test_a_closed_pipe_is_quiet() -> None:
    command = f"{sys.executable} -m inspector {SAMPLES / 'thousand_layers.py'} | head -1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""


def test_the_summary_is_torchinfos_table_with_notes_where_it_is_wrong() -> None:
    done = nn_inspect(SAMPLES / "tied_embedding.py", "--summary")
    assert done.returncode == 0
    assert "Layer (type" in done.stdout
    exact = json.loads(nn_inspect(SAMPLES / "tied_embedding.py", "--json").stdout)["totals"]["parameters"]
    assert f"{exact:,}" in done.stdout


def test_markdown_is_a_table() -> None:
    done = nn_inspect(SAMPLES / "lenet.py", "--markdown")
    assert "| module | type | output | calls | parameters | % | time | FLOPs |" in done.stdout
    assert "Conv2d 1→6 k5" in done.stdout


def test_a_model_of_671_billion_parameters_opens_on_meta(tmp_path: Path) -> None:
    model = tmp_path / "huge.py"
    model.write_text(
        "from torch import nn\nclass Huge(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.experts = nn.ModuleList(nn.Linear(65536, 65536, bias=False) for _ in range(157))\n"
    )
    done = nn_inspect(model, "--device", "meta", "--no-run")
    assert done.returncode == 0
    assert f"parameters  {157 * 65536**2:,}" in done.stdout
    assert "not allocated" in done.stdout


def test_what_was_not_left_as_found_is_said_beside_the_report(tmp_path: Path) -> None:
    model = tmp_path / "counting.py"
    model.write_text(
        "from torch import nn\nclass Net(nn.Module):\n    def extra_repr(self):\n"
        "        self.asked = True\n        return ''\n"
    )
    done = nn_inspect(model, "--no-run")
    assert done.returncode == 0
    assert done.stdout.startswith(f"{model}:Net()")
    assert done.stderr == "nn-inspect: not left as found: the model itself: attribute asked was added\n"


def test_what_was_moved_to_meta_after_building_is_said(tmp_path: Path) -> None:
    model = tmp_path / "numbers.py"
    model.write_text(
        "import torch\nclass Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.register_buffer('scale', torch.ones(3, device='cpu'))\n"
    )
    done = nn_inspect(model, "--device", "meta", "--no-run")
    assert done.stderr == "nn-inspect: moved to meta after building: 1 tensor\n"


FAILING = """\
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(8, 4)
        self.fc2 = nn.Linear({features}, 2)

    def forward(self, x):
        x = self.fc1(x)
        return self.fc2(x)
"""


def failing(folder: Path, features: int = 5) -> Path:
    model = folder / "failing.py"
    model.write_text(FAILING.format(features=features))
    return model


def test_a_forward_that_fails_is_exit_3_with_a_card_and_the_rows_that_ran(tmp_path: Path) -> None:
    model = failing(tmp_path)
    done = nn_inspect(model, "--input", "2x8")
    assert done.returncode == 3
    assert "✗ got 2×4" in done.stdout
    assert "forward failed in fc2, line 10  NN201" in done.stderr
    assert ">   10          return self.fc2(x)" in done.stderr
    assert "mat1 and mat2 shapes cannot be multiplied" in done.stderr
    document = json.loads(nn_inspect(model, "--input", "2x8", "--json").stdout)
    assert (document["error"]["stage"], document["error"]["source"]["line"]) == ("forward", 10)
    assert document["findings"][0]["path"] == "fc2"
    assert document["modules"][1]["outputs"][0]["shape"] == [2, 4]


def test_a_forward_that_fails_on_guessed_inputs_fails_no_job(tmp_path: Path) -> None:
    model = failing(tmp_path)
    done = nn_inspect(model)
    assert done.returncode == 0
    assert "forward failed in fc2, line 10" in done.stderr
    assert "guessed: " in done.stderr.split("forward failed")[1]
    document = json.loads(nn_inspect(model, "--json").stdout)
    assert document["error"] is None
    assert document["run"]["ok"] is False
    assert document["findings"][0]["id"] == "NN201"


def test_an_engine_that_dies_in_the_run_is_exit_4_and_leaves_the_structure(tmp_path: Path) -> None:
    model = failing(tmp_path, 4)
    model.write_text(model.read_text().replace("        x = self.fc1(x)", "        import os; os.abort()"))
    done = nn_inspect(model, "--input", "2x8")
    assert done.returncode == 4
    assert "├ fc1" in done.stdout
    assert "failing.py:9" in done.stderr
    document = json.loads(nn_inspect(model, "--input", "2x8", "--json").stdout)
    assert (document["error"]["stage"], document["run"], len(document["modules"])) == ("engine", None, 3)


def test_a_hang_in_the_run_is_exit_4_and_names_the_line(tmp_path: Path) -> None:
    model = failing(tmp_path, 4)
    model.write_text(model.read_text().replace("        x = self.fc1(x)", "        while True: pass"))
    done = nn_inspect(model, "--input", "2x8", "--timeout", "12")
    assert done.returncode == 4
    assert "after 12 s, in failing.py:9 `while True: pass`" in done.stderr
    assert "├ fc1" in done.stdout


def test_a_model_without_inputs_is_not_run_and_that_is_said(tmp_path: Path) -> None:
    model = tmp_path / "graph.py"
    model.write_text(
        "from torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(2, 2)\n    def forward(self, graph: 'Graph'):\n"
        "        return self.fc(graph.nodes)\n"
    )
    done = nn_inspect(model)
    assert done.returncode == 0
    assert "├ fc" in done.stdout or "└ fc" in done.stdout
    assert done.stderr.startswith("nn-inspect: not run: ")
    assert "--input" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_dry_run_has_shapes_and_no_times() -> None:
    done = nn_inspect(SAMPLES / "lenet.py", "--dry", "--input", "3x1x32x32", "--mode", "train", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["run"]["dry"], document["run"]["mode"]) == (0, True, "train")
    assert document["modules"][0]["outputs"][0]["shape"] == [3, 10]
    assert {each["seconds"] for each in document["modules"]} == {None}
    assert document["inputs"]["origin"] == "given"


def test_on_meta_there_are_shapes_alone() -> None:
    document = json.loads(nn_inspect(SAMPLES / "lenet.py", "--device", "meta", "--json").stdout)
    assert document["run"]["dry"] is True
    assert document["run"]["outputs"][0]["shape"] == [2, 10]


def test_the_seed_decides_what_is_drawn(tmp_path: Path) -> None:
    model = tmp_path / "same.py"
    model.write_text("from torch import nn\nmodel = nn.Identity()\n")

    def mean(seed: str) -> float:
        document = json.loads(nn_inspect(model, "--input", "2x3", "--json", "--seed", seed).stdout)
        found: float = document["run"]["outputs"][0]["stats"]["mean"]
        return found

    assert mean("1") == mean("1") != mean("2")


def test_info_says_what_a_bug_report_needs() -> None:
    done = nn_inspect("--info", XDG_CONFIG_HOME="/nonexistent")
    assert done.returncode == 0
    for word in ("nn-inspect", "torch", "textual", "TERM", "/nonexistent/nn-inspect/config.toml"):
        assert word in done.stdout


def test_a_bad_configuration_is_exit_2_with_file_and_line(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("\nmouse = 3\n")
    done = nn_inspect(SAMPLES / "lenet.py", NN_INSPECT_CONFIG=str(config))
    assert done.returncode == 2
    assert f"{config}:2" in done.stderr


def test_a_log_holds_every_message_as_a_line_of_json(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    nn_inspect(SAMPLES / "lenet.py", "--log", log)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(lines) > 5
    assert "structure-outlined" in log.read_text()
