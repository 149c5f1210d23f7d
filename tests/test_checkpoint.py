"""--checkpoint on the command line: what is on stdout in every form, and what the exit code means."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inspector import cli
from inspector.checkpoint_labels import facts, line
from inspector.checkpoint_schema import CheckpointComparison
from inspector.messages import Load, ModelBuilt
from inspector.outcome import Outcome
from inspector.run_schema import Finding
from inspector.schema import Target
from tests.recording import SAMPLES
from tests.test_cli import nn_inspect

LENET = SAMPLES / "lenet.py"


MISSING = Finding("NN602", "error", 1, "fc", "weight of fc is not in best.pt")


def comparison(**facts: Any) -> CheckpointComparison:
    known: dict[str, Any] = {
        "findings": (MISSING,),
        "wanted": 62,
        "held": 62,
        "fitting": 60,
        "guard": "left as found: 62 tensors",
    }
    return CheckpointComparison("/home/me/best.pt", "torch.save", **{**known, **facts})


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (comparison(), "best.pt: 60 of 62 tensors fit"),
        (comparison(fits=True, fitting=62), "best.pt: all 62 tensors fit"),
        (comparison(fits=True, fitting=1, wanted=1), "best.pt: the only tensor fits"),
        (comparison(fits=True, fitting=0, wanted=0), "best.pt: nothing to load"),
        (comparison(fitting=0, renamed=62), "best.pt: 0 of 62 tensors fit, 62 more but for a prefix"),
        (
            comparison(fitting=62, findings=()),
            "best.pt: 62 of 62 tensors fit, and code of the model's own refuses the file",
        ),
        (comparison(read=False), "best.pt: not read, because reading it would run code"),
    ],
)
def test_one_line_says_how_much_fits(found: CheckpointComparison, words: str) -> None:
    assert line(found) == words


def test_where_it_was_found_and_what_else_is_there_is_said_and_escaped() -> None:
    found = comparison(place='["state_dict"]', others=('["e\x1bma"]',), notes=("n\x1bote",))
    assert list(facts(found)) == [
        '["state_dict"] of torch.save, 62 entries; there is also ["e\\x1bma"]',
        "n\\x1bote",
    ]
    assert list(facts(comparison(read=False))) == []


# --- with the real processes ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Checkpoints of LeNet, written where torch may be imported."""
    import torch

    from inspector.engine.target import load
    from inspector.messages import Load as Asked

    folder = tmp_path_factory.mktemp("checkpoints")
    state = load(Asked(str(LENET)), lambda _: None).model.state_dict()
    torch.save(state, folder / "good.pt")
    torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}}, folder / "parallel.pt")
    torch.save({key: value for key, value in state.items() if "fc3" not in key}, folder / "headless.pt")
    torch.save(torch.nn.Linear(2, 2), folder / "whole.pt")
    (folder / "cut.pt").write_bytes((folder / "good.pt").read_bytes()[:-200])
    return lambda name: folder / f"{name}.pt"


Saved = Callable[[str], Path]


def test_a_file_that_fits_is_said_to_and_is_no_problem(saved: Saved) -> None:
    done = nn_inspect(LENET, "--checkpoint", saved("good"), "--no-run")
    assert done.returncode == 0
    assert "\ncheckpoint  good.pt: all 10 tensors fit\n" in done.stdout
    assert "problems" not in done.stdout
    assert nn_inspect(LENET, "--checkpoint", saved("good"), "--no-run", "--check").returncode == 0


def test_a_file_that_does_not_fit_fails_the_check_at_the_users_line(saved: Saved) -> None:
    done = nn_inspect(LENET, "--checkpoint", saved("headless"), "--no-run", "--check", "--format", "github")
    assert done.returncode == 1
    assert ",line=17,title=NN602::fc3: weight and bias of fc3 are not in headless.pt" in done.stdout
    assert nn_inspect(LENET, "--checkpoint", saved("headless"), "--no-run").returncode == 0


def test_the_document_holds_the_comparison_and_its_findings(saved: Saved) -> None:
    document = json.loads(nn_inspect(LENET, "--checkpoint", saved("parallel"), "--no-run", "--json").stdout)
    found = document["checkpoint"]
    assert (found["fits"], found["fitting"], found["renamed"], found["wanted"]) == (False, 0, 10, 10)
    assert found["place"] == '["state_dict"]'
    assert found["guard"].startswith("left as found: ")
    assert [finding["id"] for finding in document["findings"]] == ["NN601"]
    assert document["error"] is None


def test_a_run_follows_and_both_are_told_in_markdown(saved: Saved) -> None:
    done = nn_inspect(LENET, "--checkpoint", saved("headless"), "--markdown")
    assert done.returncode == 0
    assert "#### checkpoint\n\n- checkpoint: headless.pt: 8 of 10 tensors fit\n" in done.stdout
    assert "- output: 2×10 float32" in done.stdout
    assert "#### problems: 1 error" in done.stdout


def test_a_file_that_would_run_code_is_a_problem_and_is_read_when_that_is_allowed(saved: Saved) -> None:
    done = nn_inspect(LENET, "--checkpoint", saved("whole"), "--no-run", "--check")
    assert done.returncode == 1
    assert "NN605" in done.stdout
    assert "torch.nn.modules.linear.Linear" in done.stdout
    allowed = nn_inspect(LENET, "--checkpoint", saved("whole"), "--unsafe-load", "--no-run", "--check")
    assert allowed.returncode == 1
    assert "NN605" not in allowed.stdout
    assert "none of the 10 keys of the model is in whole.pt" in allowed.stdout


@pytest.mark.parametrize(("name", "words"), [("cut", "is cut off"), ("gone", "is not there")])
def test_a_file_that_cannot_be_read_is_exit_2_and_nothing_else_is_said(saved: Saved, name: str, words: str) -> None:
    done = nn_inspect(LENET, "--checkpoint", saved(name))
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    document = json.loads(nn_inspect(LENET, "--checkpoint", saved(name), "--json").stdout)
    assert (document["error"]["stage"], document["checkpoint"]) == ("checkpoint", None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--unsafe-load",), "--unsafe-load goes with --checkpoint"),
        (("--summary", "--checkpoint", "best.pt"), "--checkpoint goes with"),
        (("--card", "Conv2d", "--checkpoint", "best.pt"), "--checkpoint goes with"),
    ],
)
def test_options_that_do_not_go_together_are_exit_2(
    options: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["model.py", *options]) == 2
    assert said in capsys.readouterr().err


def test_findings_of_a_checkpoint_stand_among_all_others() -> None:
    built = ModelBuilt(Target("m.py", "Net", 1, "Net()", "cpu"), ())
    outcome = Outcome(request=Load("m.py"), built=built, checkpoint=comparison())
    assert outcome.findings() == [MISSING]
