"""Every way to write a target, and what comes of each."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from torch import nn

from inspector.engine.source_files import code_at
from inspector.messages import StageStarted
from tests.engine.conftest import Project


def test_a_file_alone_gives_its_only_class(project: Project, net: str) -> None:
    file = project.write("mymodel.py", net)
    built = project.load("mymodel.py")
    assert type(built.model).__name__ == "Net"
    assert built.target.file == str(file)
    assert built.target.name == "Net"
    assert built.target.line == project.line_of("mymodel.py", "class Net")
    assert built.target.call == "Net()"
    assert built.target.chosen == "the only nn.Module class in the file"
    assert built.files == (str(file),)
    assert built.others == ()
    assert built.seconds > 0


def test_what_goes_on_is_announced_before_the_users_code_runs(project: Project, net: str) -> None:
    project.write("mymodel.py", net)
    project.load("mymodel.py:Net(width=8)")
    assert project.announced == [
        StageStarted("importing mymodel.py", user_code=True),
        StageStarted("building Net(width=8)", user_code=True),
    ]


def test_a_name_after_the_colon_is_taken_without_a_word_on_why(project: Project, net: str) -> None:
    project.write("mymodel.py", net + "\n\nclass Other(nn.Module):\n    pass\n")
    built = project.load("mymodel.py:Net")
    assert built.target.name == "Net"
    assert built.target.chosen == ""
    assert [other.name for other in built.others] == ["Other"]


def test_arguments_in_parentheses_are_read_as_literals(project: Project) -> None:
    project.write(
        "mymodel.py",
        """
        from torch import nn

        class Net(nn.Module):
            def __init__(self, *args, **kwargs):
                super().__init__()
                self.args, self.kwargs = args, kwargs
        """,
    )
    built = project.load("mymodel.py:Net(1, -2.5, 'a b', name={'k': (1, None)}, widths=[64, 128], on=True, z=1+2j)")
    assert built.model.args == (1, -2.5, "a b")
    assert built.model.kwargs == {"name": {"k": (1, None)}, "widths": [64, 128], "on": True, "z": 1 + 2j}


@pytest.mark.parametrize(
    "value", ["open('x')", "n", "2 * 3", "[i for i in x]", "f'{x}'", "lambda: 1", "__import__('os')"]
)
def test_what_is_no_literal_is_refused_and_never_evaluated(project: Project, net: str, value: str) -> None:
    project.write("mymodel.py", net)
    failure = project.failure(f"mymodel.py:Net(width={value})")
    assert (failure.stage, failure.type) == ("target", "NotALiteral")
    assert "width" in failure.message
    assert project.announced == []


def test_a_string_that_lost_its_quotes_in_the_shell_is_explained(project: Project, net: str) -> None:
    project.write("mymodel.py", net)
    assert "needs quotes: 'relu'" in project.failure("mymodel.py:Net(act=relu)").mend


@pytest.mark.parametrize(
    "what", ["Net(", "Net)", "Net(width=1", "1Net", "Net()()", "Net[0]", "Net(**{'width': 1})", "a b", "Net(\0)"]
)
def test_a_name_that_cannot_be_read_is_refused_with_the_forms_that_can(project: Project, net: str, what: str) -> None:
    project.write("mymodel.py", net)
    failure = project.failure(f"mymodel.py:{what}")
    assert (failure.stage, failure.type) == ("target", "BadTarget")
    assert "model.py:Net(num_classes=10)" in failure.mend


@pytest.mark.parametrize("target", ["mymodel.py:", "mymodel.py:  ", "", ":Net"])
def test_half_a_target_is_refused(project: Project, net: str, target: str) -> None:
    project.write("mymodel.py", net)
    assert project.failure(target).stage == "target"


def test_an_attribute_of_an_attribute_can_be_named(project: Project, net: str) -> None:
    project.write("nets.py", net)
    project.write("mymodel.py", "import nets\n\nbig = nets.Net(width=32)\n")
    assert project.load("mymodel.py:nets.Net").target.name == "nets.Net"
    built = project.load("mymodel.py:big.fc")
    assert isinstance(built.model, nn.Linear)
    assert built.target.call == "big.fc"


def test_an_imported_class_is_shown_where_it_is_defined(project: Project, net: str) -> None:
    project.write("nets.py", net)
    project.write("mymodel.py", "from nets import Net as Renamed\n")
    built = project.load("mymodel.py:Renamed")
    assert built.target.file == str(project.folder / "nets.py")
    assert built.target.line == project.line_of("nets.py", "class Net")
    assert built.target.call == "Renamed()"


def test_a_method_that_returns_a_module_can_be_named(project: Project) -> None:
    project.write(
        "mymodel.py",
        """
        from torch import nn

        class Net(nn.Module):
            @classmethod
            def of_size(cls, size=3):
                net = cls()
                net.size = size
                return net
        """,
    )
    built = project.load("mymodel.py:Net.of_size(size=7)")
    assert built.model.size == 7
    assert built.target.call == "Net.of_size(size=7)"
    assert built.target.line == project.line_of("mymodel.py", "@classmethod")


def test_a_package_folder_gives_what_it_exports(project: Project, net: str) -> None:
    project.write("pkg/__init__.py", "from .net import Net\n")
    project.write("pkg/net.py", net)
    built = project.load("pkg")
    assert built.target.name == "Net"
    assert built.target.file == str(project.folder / "pkg/net.py")
    assert built.target.line == project.line_of("pkg/net.py", "class Net")
    assert set(built.files) == {str(project.folder / "pkg/__init__.py"), str(project.folder / "pkg/net.py")}
    assert project.announced[0].what == "importing pkg"


def test_a_submodule_that_its_package_does_not_import_can_be_named(project: Project, net: str) -> None:
    project.write("pkg/__init__.py", "")
    project.write("pkg/net.py", net)
    assert project.load("pkg:net.Net").target.name == "net.Net"


def test_a_dotted_name_is_looked_for_from_here(project: Project, net: str) -> None:
    project.write("pkg/sub/net.py", net)
    built = project.load("pkg.sub.net:Net")
    assert type(built.model).__module__ == "pkg.sub.net"
    assert built.target.file == str(project.folder / "pkg/sub/net.py")


def test_a_class_of_torch_itself_can_be_opened(project: Project) -> None:
    built = project.load("torch.nn:Linear(3, 4)")
    assert isinstance(built.model, nn.Linear)
    assert built.model.weight.shape == (4, 3)
    assert built.target.file.endswith("linear.py")
    assert "class Linear(Module):" in code_at(built.target.file, built.target.line)
    assert built.files == ()


def test_the_arguments_that_a_class_of_torch_wants_are_asked_for(project: Project) -> None:
    failure = project.failure("torch.nn:Conv2d")
    assert (failure.stage, failure.type, failure.call) == ("construct", "MissingArguments", "Conv2d")
    assert [argument.name for argument in failure.arguments if argument.required] == [
        "in_channels",
        "out_channels",
        "kernel_size",
    ]


def test_a_drive_letter_is_no_file_name() -> None:
    from inspector.engine.spec import parse

    assert parse(r"C:\nets\x.py:Net") == parse(r"C:\nets\x.py")._replace(name="Net")
    assert parse("C:/nets/x.py:Net").where == "C:/nets/x.py"


def test_a_colon_in_a_file_name_or_an_argument_is_none_of_the_targets(project: Project, net: str) -> None:
    project.write("odd:dir/my:model.py", net)
    assert project.load("odd:dir/my:model.py").target.name == "Net"
    assert project.load("odd:dir/my:model.py:Net(act='a:b.py:c')").model.act == "a:b.py:c"


def test_the_home_folder_is_known(project: Project, net: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(project.folder))
    project.write("nets/mymodel.py", net)
    assert project.load("~/nets/mymodel.py:Net").target.name == "Net"


# --- what is not there ------------------------------------------------------------------------------------------------


def test_a_misspelt_file_is_answered_with_the_nearest(project: Project, net: str) -> None:
    project.write("nets/mymodel.py", net)
    failure = project.failure("nets/mymodle.py:Net")
    assert (failure.stage, failure.type) == ("target", "FileNotFound")
    assert failure.message == f"There is no file {project.folder}/nets/mymodle.py"
    assert failure.mend == "Was mymodel.py meant?"
    assert failure.command == "nn-inspect nets/mymodel.py:Net"


def test_a_forgotten_suffix_is_seen(project: Project, net: str) -> None:
    project.write("nets/mymodel.py", net)
    assert project.failure("nets/mymodel:Net").command == "nn-inspect nets/mymodel.py:Net"


def test_a_misspelt_folder_is_answered_with_the_nearest(project: Project, net: str) -> None:
    project.write("networks/mymodel.py", net)
    failure = project.failure("netwroks/mymodel.py")
    assert failure.message == f"There is no folder {project.folder}/netwroks"
    assert failure.mend == f"Was {project.folder}/networks meant?"


def test_without_anything_near_the_python_files_there_are_listed(project: Project) -> None:
    project.write("alpha.py", "")
    project.write("beta.py", "")
    assert project.failure("./zzzzzzzz.py").mend == "The Python files there: alpha.py, beta.py"
    assert "no Python file" in project.failure("/proc/zzz.py").mend


def test_a_dead_link_says_where_it_leads(project: Project) -> None:
    os.symlink("gone.py", "mymodel.py")
    assert "link to gone.py" in project.failure("mymodel.py").message


def test_a_link_to_itself_is_not_there(project: Project) -> None:
    os.symlink("loop.py", "loop.py")
    assert project.failure("loop.py").stage == "target"


def test_a_module_that_nobody_has_is_told_from_one_that_it_imports(project: Project, net: str) -> None:
    failure = project.failure("no_such_package.nets:Net")
    assert (failure.stage, failure.type) == ("target", "ModuleNotFound")
    assert str(project.folder / "no_such_package/nets.py") in failure.message
    project.write("mymodel.py", "import no_such_package\n")
    inside = project.failure("mymodel:Net")
    assert (inside.stage, inside.type) == ("import", "ModuleNotFoundError")


def test_a_folder_that_is_no_package_lists_its_files(project: Project, net: str) -> None:
    project.write("nets/alpha.py", net)
    project.write("nets/beta.py", net)
    failure = project.failure("nets:Net")
    assert failure.message == "The folder nets is no package: it has no __init__.py"
    assert failure.mend == "Name one of its files: alpha.py, beta.py"
    assert failure.command == "nn-inspect nets/alpha.py:Net"
    (project.folder / "empty").mkdir()
    assert "holds no Python file" in project.failure("empty").message


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("notes.ipynb", "a Jupyter notebook"),
        ("weights.pt", "a checkpoint"),
        ("weights.safetensors", "a checkpoint"),
        ("cfg.yaml", "a configuration"),
        ("model.txt", "not a Python file"),
    ],
)
def test_another_kind_of_file_is_called_by_its_name(project: Project, name: str, says: str) -> None:
    project.write(name, "{}")
    failure = project.failure(name)
    assert (failure.type, says in failure.message) == ("NotPython", True)
    assert failure.mend


def test_neither_file_nor_folder(project: Project) -> None:
    os.mkfifo("pipe.py")
    assert project.failure("pipe.py").type == "NotAFile"


def test_a_file_that_may_not_be_read_is_told(project: Project, net: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = project.write("mymodel.py", net)
    real_open = open

    def guarded(name: object, *args: object, **kwargs: object) -> object:
        if name == str(file):
            raise PermissionError(13, "Permission denied", name)
        return real_open(name, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr("builtins.open", guarded)
    failure = project.failure("mymodel.py")
    assert (failure.stage, failure.message) == ("target", "mymodel.py cannot be read: Permission denied")


# --- names that are not there, or are something else ------------------------------------------------------------------


def test_a_misspelt_name_is_answered_with_the_nearest(project: Project, net: str) -> None:
    project.write("mymodel.py", net)
    failure = project.failure("mymodel.py:Nett(width=3)", "act=gelu")
    assert (failure.stage, failure.type) == ("target", "NameNotFound")
    assert failure.message == "mymodel.py has no Nett"
    assert failure.mend == "Was Net meant?"
    assert failure.command == "nn-inspect mymodel.py:Net --arg act=gelu"


def test_a_name_with_nothing_near_is_answered_with_what_there_is(project: Project, net: str) -> None:
    project.write("mymodel.py", net)
    assert project.failure("mymodel.py:Zzz").mend == "It has Net"


def test_an_attribute_that_is_missing_names_its_holder(project: Project, net: str) -> None:
    project.write("mymodel.py", net + "\n\nnet = Net()\n")
    failure = project.failure("mymodel.py:net.fcc")
    assert failure.message == "net has no fcc"
    assert failure.command == "nn-inspect mymodel.py:net.fc"


def test_a_name_under_the_script_guard_is_pointed_at(project: Project, net: str) -> None:
    project.write("mymodel.py", net + '\n\nif __name__ == "__main__":\n    trained = Net()\n')
    failure = project.failure("mymodel.py:trained")
    assert failure.source is not None
    assert failure.source.line == project.line_of("mymodel.py", "trained =")
    assert 'under if __name__ == "__main__"' in failure.mend


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("WIDTH", "WIDTH is a value of type int, not an nn.Module"),
        ("Config", "Config is a class that derives from object, not an nn.Module"),
        ("math", "math is a Python module, not an nn.Module"),
    ],
)
def test_a_name_of_something_else_says_what_it_is(project: Project, name: str, says: str) -> None:
    project.write("mymodel.py", "import math\n\nWIDTH = 3\n\nclass Config:\n    pass\n")
    failure = project.failure(f"mymodel.py:{name}")
    assert (failure.stage, failure.type) == ("target", "NotAModule")
    assert failure.message == says


def test_an_object_that_holds_the_module_leads_to_it(project: Project, net: str) -> None:
    project.write(
        "mymodel.py",
        net + "\n\nclass Trainer:\n    def __init__(self):\n        self.network = Net()\n\nrun = Trainer()\n",
    )
    failure = project.failure("mymodel.py:run")
    assert failure.mend == "It holds network"
    assert failure.command == "nn-inspect mymodel.py:run.network"


def test_an_attribute_that_raises_is_the_users_failure(project: Project) -> None:
    project.write(
        "mymodel.py",
        """
        def __getattr__(name):
            raise RuntimeError(f"no {name} without a licence")  # <- here
        """,
    )
    failure = project.failure("mymodel.py:Net")
    assert (failure.stage, failure.type, failure.message) == ("import", "RuntimeError", "no Net without a licence")
    assert failure.source is not None
    assert failure.source.line == project.line_of("mymodel.py", "<- here")


def test_a_module_level_getattr_may_build_the_model(project: Project, net: str) -> None:
    project.write(
        "mymodel.py",
        net
        + """

def __getattr__(name):
    if name == "lazy":
        return Net(width=9)
    raise AttributeError(name)
""",
    )
    layer = project.load("mymodel.py:lazy").model.get_submodule("fc")
    assert layer.in_features == 9
    assert project.failure("mymodel.py:lazier").type == "NameNotFound"


def test_the_files_of_the_project_are_known_and_no_others(project: Project, net: str, tmp_path: Path) -> None:
    project.write("layers/__init__.py", "")
    project.write("layers/conv.py", net)
    project.write("unused.py", "")
    project.write("venv/lib/python3.11/site-packages/some_library.py", "X = 1\n")
    sys.path.append(str(tmp_path / "venv/lib/python3.11/site-packages"))
    file = project.write(
        "mymodel.py", "import json\nimport some_library\nfrom layers.conv import Net\n\nmodel = Net()\n"
    )
    built = project.load("mymodel.py")
    assert built.files == (str(file), str(tmp_path / "layers/__init__.py"), str(tmp_path / "layers/conv.py"))


def test_a_failure_names_the_files_that_had_been_reached(project: Project) -> None:
    project.write("layers.py", "WIDTH = 1\nHEIGHT = UNKNOWN\n")
    project.write("mymodel.py", "import layers\n")
    failure = project.failure("mymodel.py")
    assert str(project.folder / "mymodel.py") in failure.files
    assert str(project.folder / "layers.py") in failure.files
