"""--check as a CI job meets it: what its exit code means, what is on stdout, and what can be silenced."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inspector import cli
from inspector.messages import FindingsReported, Load, ModelBuilt
from inspector.mode_schema import Comparison
from inspector.outcome import Outcome
from inspector.run_schema import Finding, InputSet, RunRecord, Severity
from inspector.schema import Failure, Source, Target
from inspector.tui.app import InspectorApp
from tests.recording import SAMPLES
from tests.run_events import features, guessed
from tests.test_cli import failing, nn_inspect
from tests.test_import_hygiene import loaded

GIVEN = InputSet("given")
TARGET = Target("/home/me/model.py", "Net", 7, "Net()", "cpu")


class NoServer:
    """In the place of the process that imports torch."""

    def close(self) -> None:
        pass


def noticed(*severities: Severity) -> FindingsReported:
    found = (
        Finding("NN103", each, 1, f"part{at}", "said", source=Source("/a.py", 3)) for at, each in enumerate(severities)
    )
    return FindingsReported("structure", tuple(found))


def ran(inputs: InputSet = GIVEN, *, ok: bool = True) -> RunRecord:
    failure = Failure(stage="forward", type="RuntimeError", message="no") if not ok else None
    facts: dict[str, Any] = {"mode": "eval", "dry": False, "device": "cpu", "seed": 0}
    return RunRecord(inputs=inputs, ok=ok, finding=None if ok else features(), failure=failure, **facts)


def outcome(*severities: Severity, **facts: Any) -> Outcome:
    told = {"structure": noticed(*severities)}
    built = ModelBuilt(TARGET, (TARGET.file,))
    return Outcome(**{"request": Load("model.py"), "built": built, "ran": ran(), "noticed": told, **facts})


def in_train(inputs: InputSet) -> Comparison:
    failure = Failure(stage="forward", type="ValueError", message="one value")
    finding = Finding("NN212", "error", 1, "bn", "one value for each channel")
    return Comparison(inputs, 0, "cpu", 0.1, failed_in="train", finding=finding, failure=failure)


Check = Callable[..., int]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Check:
    """Runs the command on an outcome that is made by hand, in a folder without configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("NN_INSPECT_CONFIG", raising=False)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)

    def run(made: Outcome, *options: str) -> int:
        monkeypatch.setattr(cli, "_start_server", lambda _: NoServer())
        monkeypatch.setattr("inspector.headless.run", lambda *_, **__: made)
        return int(cli.run(["model.py", "--check", *options]))

    return run


@pytest.mark.parametrize("form", ["text", "github", "sarif"])
@pytest.mark.parametrize(
    ("severities", "limit", "code"),
    [
        ((), None, 0),
        (("note",), None, 0),
        (("note",), "note", 1),
        (("warning",), None, 1),
        (("warning",), "warning", 1),
        (("warning", "note"), "error", 0),
        (("error",), None, 1),
        (("error",), "error", 1),
        (("note", "error"), "note", 1),
    ],
)
def test_a_finding_as_grave_as_the_limit_is_exit_1(
    severities: tuple[Severity, ...], limit: str | None, code: int, form: str, check: Check
) -> None:
    options = ["--fail-on", limit] if limit else []
    assert check(outcome(*severities), "--format", form, *options) == code


@pytest.mark.parametrize("form", ["text", "github", "sarif"])
@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"ran": ran(ok=False)}, 3),
        ({"comparison": in_train(GIVEN)}, 3),
        ({"ran": ran(guessed("x", 2), ok=False)}, 0),
        ({"comparison": in_train(guessed("x", 2))}, 0),
        ({"ran": None, "failure": Failure(stage="import", type="E", message="no")}, 3),
        ({"ran": None, "failure": Failure(stage="construct", type="MissingArguments", message="no")}, 2),
        ({"ran": None, "failure": Failure(stage="inputs", type="E", message="no")}, 2),
        ({"ran": None, "failure": Failure(stage="target", type="E", message="no")}, 2),
        ({"ran": None, "failure": Failure(stage="engine", type="E", message="no"), "died": True}, 4),
        ({"ran": None}, 0),
    ],
)
def test_what_keeps_a_model_from_being_checked_keeps_its_own_exit_code(
    facts: dict[str, Any], code: int, form: str, check: Check
) -> None:
    assert check(outcome(**facts), "--format", form) == code
    grave = check(outcome("error", **facts), "--format", form)
    assert grave == (code or 1)


def test_a_failure_on_a_guess_is_a_note_and_can_be_made_to_count(
    check: Check, capsys: pytest.CaptureFixture[str]
) -> None:
    made = outcome(ran=ran(guessed("x", 2), ok=False))
    assert check(made) == 0
    out, err = capsys.readouterr()
    assert "note: NN201 fc1 expects 576 features" in out
    assert "(only a note: the inputs were guessed" in out
    assert "nn-inspect: 1 note" in err
    assert "forward failed in fc1" in err
    assert check(made, "--fail-on", "note") == 1


def test_nothing_but_the_problems_is_on_stdout(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    check(outcome("warning", "note"))
    out, err = capsys.readouterr()
    assert out == "/a.py:3: warning: NN103 part0: said\n/a.py:3: note: NN103 part1: said\n"
    assert err == "nn-inspect: 1 warning, 1 note\n"
    assert check(outcome()) == 0
    assert capsys.readouterr() == ("", "nn-inspect: no problems\n")


def test_what_failed_is_told_in_every_form(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    failure = Failure(stage="import", type="SyntaxError", message="bad", source=Source("/home/me/model.py", 3))
    made = outcome(built=None, ran=None, failure=failure)
    check(made, "--format", "github")
    assert capsys.readouterr().out == "::error file=/home/me/model.py,line=3,title=SyntaxError::bad\n"
    check(made, "--format", "sarif")
    assert json.loads(capsys.readouterr().out)["runs"][0]["invocations"][0]["executionSuccessful"] is False
    check(made)
    out, err = capsys.readouterr()
    assert out == ""
    assert "SyntaxError: bad" in err
    assert "no problems" not in err


@pytest.mark.parametrize(
    ("options", "config", "code"),
    [
        (("--ignore", "NN103"), "", 0),
        (("--ignore", "nn302,nn103"), "", 0),
        (("--ignore", "NN302", "--ignore", "NN103:part*"), "", 0),
        (("--ignore", "NN103:part0"), "", 1),
        (("--ignore", "NN103:other"), "", 1),
        ((), 'ignore = ["NN103"]', 0),
        ((), 'ignore = ["NN103:part0"]', 1),
        (("--ignore", "NN103:part1"), 'ignore = ["NN103:part0"]', 0),
    ],
)
def test_what_is_ignored_fails_nothing(
    options: tuple[str, ...], config: str, code: int, check: Check, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.nn-inspect]\n{config}\n")
    assert check(outcome("warning", "warning"), *options) == code


def test_an_unknown_id_is_exit_2_and_names_the_nearest(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(outcome(), "--ignore", "NN402") == 2
    assert (
        "nn-inspect: --ignore: there is no finding NN402; did you mean NN404, NN403, NN401?" in capsys.readouterr().err
    )


def test_an_unknown_id_in_a_file_is_a_warning_with_its_line(
    check: Check, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.nn-inspect]\nignore = ["NN999", "NN103"]\n')
    assert check(outcome("warning")) == 0
    assert f"{tmp_path / 'pyproject.toml'}:2: there is no finding NN999" in capsys.readouterr().err


def test_annotations_are_named_from_what_was_checked_out(
    check: Check, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", "/home")
    made = outcome(noticed={"run": FindingsReported("run", (Finding("NN106", "note", 0, "", "none"),))})
    check(made, "--format", "github")
    assert capsys.readouterr().out == "::notice file=me/model.py,line=7,title=NN106::the model itself: none\n"


def test_what_followed_the_run_in_vain_is_said(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    failure = Failure(stage="forward", type="IndexError", message="second sample")
    probes = FindingsReported("probes", (), changed=("fc.weight",))
    assert check(outcome(unprobed=failure, noticed={"probes": probes})) == 0
    err = capsys.readouterr().err
    assert "the checks that run forward again came to nothing: IndexError: second sample" in err
    assert "not left as found: fc.weight" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--tree", "--fail-on", "error"), "go with --check"),
        (("--json", "--format", "sarif"), "go with --check"),
        (("--check", "--depth", "2"), "the whole model"),
        (("--check", "--filter", "conv"), "the whole model"),
        (("--tree", "--mode", "both", "--dry"), "compares values"),
        (("--tree", "--mode", "both", "--device", "meta"), "compares values"),
        (("--tree", "--mode", "both", "--no-run"), "--no-run leaves out"),
        (("--summary", "--mode", "both"), "--summary is about the structure alone"),
    ],
)
def test_options_that_do_not_go_together_are_exit_2(
    options: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["model.py", *options]) == 2
    assert said in capsys.readouterr().err


def test_the_window_compares_by_a_key(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cli, "_has_terminal", lambda: True)
    assert cli.run(["model.py", "--mode", "both"]) == 2
    assert "in the window, d compares" in capsys.readouterr().err


def test_a_finding_is_explained_by_its_id_and_needs_no_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--explain", "nn103"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("NN103  warning: ")
    assert 'ignore = ["NN103"]' in text
    assert cli.run(["--explain", "NN13"]) == 2
    assert "did you mean NN113, NN103" in capsys.readouterr().err


def test_explaining_loads_next_to_nothing() -> None:
    present = loaded("from inspector.cli import main; main(['--explain', 'NN103'])")
    assert "inspector.catalogue" in present
    assert present.isdisjoint({"torch", "textual", "asyncio", "inspector.client", "inspector.engine", "inspector.tui"})


def test_the_window_leaves_out_what_is_ignored_and_the_checks_that_nobody_wants(
    check: Check, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    check(outcome())  # what stands in for the processes is there from now on
    (tmp_path / "pyproject.toml").write_text('[tool.nn-inspect]\nignore = ["NN302"]\nprobes = false\n')
    opened: list[InspectorApp] = []
    monkeypatch.setattr(cli, "_has_terminal", lambda: True)
    monkeypatch.setattr(InspectorApp, "run", lambda app, **_: opened.append(app))
    assert cli.run(["model.py", "--ignore", "NN103:pos.*"]) == 0
    (app,) = opened
    assert app.talk.runs.ignored == {"NN302", "NN103:pos.*"}
    assert app.talk.runs.probes is False


# --- with the real processes ------------------------------------------------------------------------------------------


def test_a_sample_with_a_fault_fails_its_check_at_the_line_of_the_fault() -> None:
    done = nn_inspect(SAMPLES / "unregistered.py", "--check")
    assert done.returncode == 1
    first = done.stdout.splitlines()[0]
    assert first.startswith("sample_models/unregistered.py:") or first.startswith(f"{SAMPLES / 'unregistered.py'}:")
    assert ": warning: NN101 layers: list of 2 Linear is not registered" in first
    assert done.stderr == "nn-inspect: 2 warnings\n"


def test_a_forward_that_fails_is_a_problem_and_exit_3(tmp_path: Path) -> None:
    done = nn_inspect(failing(tmp_path), "--check", "--input", "2x8", "--format", "github")
    assert done.returncode == 3
    assert ",line=10,title=NN201::fc2 " in done.stdout
    assert done.stdout.count("\n") == 1
    assert "forward failed in fc2, line 10  NN201" in done.stderr


ONE_VALUE = """\
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)
        self.bn = nn.BatchNorm1d(4)

    def forward(self, x):
        return self.bn(self.fc(x))
"""


def test_a_forward_that_fails_in_train_mode_alone_is_exit_3_with_its_card(tmp_path: Path) -> None:
    model = tmp_path / "net.py"
    model.write_text(ONE_VALUE)
    done = nn_inspect(model, "--mode", "both", "--input", "1x8")
    assert done.returncode == 3
    assert "train/eval  not compared: forward failed in train mode, in bn, line 9" in done.stdout
    assert "forward failed in train mode, in bn, line 9  NN212" in done.stderr
    document = json.loads(nn_inspect(model, "--mode", "both", "--input", "1x8", "--json").stdout)
    assert document["run"]["ok"] is True
    assert (document["comparison"]["failed_in"], document["error"]["type"]) == ("train", "ValueError")
    assert "NN212" in [found["id"] for found in document["findings"]]


def test_both_modes_are_compared_and_the_sources_named() -> None:
    done = nn_inspect(SAMPLES / "conv_block.py", "--mode", "both", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert {one["path"] for one in document["comparison"]["sources"]} == {"bn", "drop"}
    roles = {one["path"]: one["role"] for one in document["comparison"]["calls"]}
    assert (roles["conv"], roles["relu"]) == ("unchanged", "passes on")
    assert document["run"]["mode"] == "eval"
    assert "NN403" in [found["id"] for found in document["findings"]]


DRAWS = """\
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return nn.functional.dropout(self.fc(x), 0.5)
"""


def test_the_checks_after_the_run_find_what_one_run_does_not_show(tmp_path: Path) -> None:
    model = tmp_path / "net.py"
    model.write_text(DRAWS)
    done = nn_inspect(model, "--check", "--input", "2x8")
    assert done.returncode == 1
    assert "net.py:9: warning: NN401 " in done.stdout
    assert nn_inspect(model, "--check", "--input", "2x8", "--no-probes").returncode == 0
