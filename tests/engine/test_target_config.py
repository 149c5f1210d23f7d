"""Constructor arguments from a file: JSON, TOML, and YAML where PyYAML is."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from inspector.schema import Failure
from tests.engine.conftest import Project


def failed(project: Project, name: str, source: str) -> Failure:
    project.write(name, source)
    failure = project.failure("m.py", config=name)
    assert (failure.stage, failure.type) == ("config", "BadConfig")
    return failure


@pytest.fixture(autouse=True)
def model(project: Project, net: str) -> None:
    project.write("m.py", f"{net}\n\nclass Other(Net):\n    pass\n\n\nclass Third(Net):\n    pass\n")


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("cfg.json", '{"width": 8, "act": "gelu"}'),
        ("cfg.JSON", '\ufeff{"width": 8, "act": "gelu"}'),
        ("cfg.toml", 'width = 8\nact = "gelu"\n'),
    ],
)
def test_the_top_level_of_the_file_is_the_arguments(project: Project, name: str, source: str) -> None:
    project.write(name, source)
    built = project.load("m.py:Net", config=name)
    assert built.target.call == "Net(width=8, act='gelu')"
    assert built.model.get_submodule("fc").in_features == 8


def test_what_is_typed_overrides_the_file(project: Project) -> None:
    project.write("cfg.json", '{"width": 8, "act": "gelu"}')
    built = project.load("m.py:Net(act='silu')", "width=16", config="cfg.json")
    assert built.target.call == "Net(act='silu', width=16)"


def test_hydras_keys_are_understood(project: Project) -> None:
    project.write("cfg.json", '{"_target_": "nets.m.Net", "_recursive_": false, "_args_": [8], "act": "gelu"}')
    built = project.load("m.py", config="cfg.json")
    assert built.target.call == "Net(8, act='gelu')"
    assert built.target.chosen == "named by _target_ in cfg.json"
    assert project.load("m.py:Other", config="cfg.json").target.name == "Other"


def test_a_hydra_target_that_is_not_in_the_file_names_nothing(project: Project) -> None:
    project.write("cfg.json", '{"_target_": "nets.Elsewhere"}')
    assert project.failure("m.py", config="cfg.json").type == "Ambiguous"


def test_text_becomes_the_number_that_the_signature_wants(project: Project) -> None:
    project.write(
        "n.py",
        """
        from torch import nn

        class Net(nn.Module):
            def __init__(self, lr: float):
                super().__init__()
                self.lr = lr
        """,
    )
    project.write("cfg.json", '{"lr": "1e-3"}')
    assert project.load("n.py", config="cfg.json").model.lr == 0.001


def test_an_unknown_key_names_the_file_and_its_line(project: Project) -> None:
    project.write("cfg.json", '{\n  "act": "relu",\n  "widht": 8\n}\n')
    failure = project.failure("m.py:Net", config="cfg.json")
    assert failure.type == "UnknownArguments"
    assert failure.message == "Net has no argument widht (in cfg.json)"
    assert failure.source is not None
    assert (failure.source.file, failure.source.line) == (str(project.folder / "cfg.json"), 3)
    assert failure.source.code == '"widht": 8'
    assert "Was width for widht meant?" in failure.mend


def test_arguments_in_a_table_of_their_own_are_pointed_at(project: Project) -> None:
    project.write("cfg.toml", 'seed = 3\n\n[model]\nwidth = 8\nact = "relu"\n')
    failure = project.failure("m.py:Net", config="cfg.toml")
    assert failure.message == "Net has no argument seed, model (in cfg.toml)"
    assert failure.mend == "The arguments stand in the table model: they must be at the top level of their file"


@pytest.mark.parametrize(
    ("name", "source", "line", "says"),
    [
        ("cfg.json", '{"width": 8,\n "act": }\n', 2, "Expecting value (column 9)"),
        ("cfg.json", "", 1, "Expecting value"),
        ("cfg.toml", "width = 8\nact = \n", 2, "Invalid value"),
        ("cfg.toml", "width = [1,\n2", 2, "Unclosed array"),
    ],
)
def test_a_file_that_cannot_be_read_names_its_line(
    project: Project, name: str, source: str, line: int, says: str
) -> None:
    failure = failed(project, name, source)
    assert failure.message.startswith(f"{name}, line {line}: ")
    assert says in failure.message
    assert failure.source is not None
    assert failure.source.line == line


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("[1, 2]", "its top level is a list, not a table of arguments"),
        ("null", "its top level is empty, not a table of arguments"),
        ('{"a b": 1}', "'a b' cannot be the name of an argument"),
        ('{"width": 1, "width": 2}', "width stands in it twice"),
        ('{"_args_": 3}', "_args_ is a int, not a list"),
        ("[" * 100_000, "it is nested too deeply"),
    ],
)
def test_a_file_of_another_shape_says_which(project: Project, source: str, says: str) -> None:
    assert says in failed(project, "cfg.json", source).message


def test_a_file_that_is_not_utf8_names_the_line(project: Project) -> None:
    (project.folder / "cfg.json").write_bytes(b'{"width": 8,\n "act": "\xff"}')
    assert project.failure("m.py", config="cfg.json").message == "cfg.json, line 2: it is not UTF-8"


def test_a_file_that_is_not_there(project: Project) -> None:
    failure = project.failure("m.py", config="cfg.json")
    assert (failure.stage, failure.message) == ("config", "cfg.json cannot be read: No such file or directory")


def test_a_file_of_another_kind(project: Project) -> None:
    failure = failed(project, "cfg.ini", "width = 8\n")
    assert failure.message == "cfg.ini is none of .json, .toml, .yaml, .yml"


# --- YAML -------------------------------------------------------------------------------------------------------------


def test_without_pyyaml_a_yaml_file_is_refused_with_the_way_out(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    project.write("cfg.yaml", "width: 8\n")
    failure = project.failure("m.py", config="cfg.yaml")
    assert (failure.stage, failure.type) == ("config", "NoYaml")
    assert "use JSON or TOML" in failure.message
    assert failure.mend.endswith("-m pip install pyyaml")


def test_with_pyyaml_a_yaml_file_is_read_safely(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    yaml = pytest.importorskip("yaml")
    monkeypatch.setattr(yaml, "load", None)
    project.write("cfg.yml", "width: 8\nact: gelu\n")
    assert project.load("m.py:Net", config="cfg.yml").target.call == "Net(width=8, act='gelu')"


def test_where_yaml_breaks_is_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in that reports as PyYAML does, since PyYAML need not be there."""

    class YAMLError(Exception):
        problem = "mapping values are not allowed here"
        problem_mark = types.SimpleNamespace(line=1)

    def safe_load(text: str) -> Any:
        raise YAMLError

    monkeypatch.setitem(sys.modules, "yaml", types.SimpleNamespace(YAMLError=YAMLError, safe_load=safe_load))
    failure = failed(project, "cfg.yaml", "width: 8\nact: a: b\n")
    assert failure.message == "cfg.yaml, line 2: mapping values are not allowed here"
    assert failure.source is not None
    assert failure.source.code == "act: a: b"
