"""Every way in which a user's file can fail: what it is, the line at fault, and what would mend it."""

from __future__ import annotations

import io
import sys

import pytest

from inspector.messages import Failed
from inspector.wire import pack
from tests.engine.conftest import Project

# --- what does not parse ----------------------------------------------------------------------------------------------


def test_a_syntax_error_has_its_line_its_column_and_its_caret(project: Project) -> None:
    failure = project.fails("import torch\n\nclass Net(torch.nn.Module)  # <- here\n    pass\n")
    assert (failure.stage, failure.type, failure.message) == ("import", "SyntaxError", "expected ':'")
    assert 26 < failure.column <= 29
    assert "^" in failure.traceback
    assert failure.context[2] == (3, "class Net(torch.nn.Module)  # <- here")
    assert [frame.line for frame in failure.frames] == [3]


def test_a_syntax_error_in_a_file_that_is_imported_points_there_and_shows_the_way(project: Project) -> None:
    project.write("m.py", "import os\nimport layers\n")
    project.write("layers.py", "x = 1\nx = = 2\n")
    failure = project.failure("m.py")
    assert failure.source is not None
    assert (failure.source.file, failure.source.line) == (str(project.folder / "layers.py"), 2)
    assert [(frame.file.rpartition("/")[2], frame.line) for frame in failure.frames] == [("m.py", 2), ("layers.py", 2)]


def test_a_syntax_error_in_evaluated_text_points_at_the_call(project: Project) -> None:
    failure = project.fails("x = 1\neval('1 +')  # <- here\n")
    assert failure.type == "SyntaxError"
    assert [frame.line for frame in failure.frames] == [2]


def test_wrong_indentation(project: Project) -> None:
    failure = project.fails("def f():\nreturn 1  # <- here\n")
    assert failure.type == "IndentationError"


def test_tabs_among_spaces(project: Project) -> None:
    failure = project.fails("if True:\n        x = 1\n\ty = 2  # <- here\n")
    assert failure.type == "TabError"
    assert "use spaces alone" in failure.mend


def test_a_merge_conflict(project: Project) -> None:
    assert "merge conflict" in project.fails("import os\n<<<<<<< HEAD\nx = 1\n=======\n").mend


def test_a_notebooks_command(project: Project) -> None:
    assert "notebook" in project.fails("import os\n%matplotlib inline  # <- here\n").mend


@pytest.mark.parametrize(
    ("data", "mend"),
    [
        (b"x = 1\ny = '\xff'\n", "Line 2 is not UTF-8"),
        (b"x = 1\n\0\0\n", "zero byte in line 2"),
        ("x = 1\n".encode("utf-16"), "saved as UTF-16"),
        (b"# coding: no-such-coding\n", ""),
    ],
)
def test_bytes_that_are_no_source(project: Project, data: bytes, mend: str) -> None:
    (project.folder / "m.py").write_bytes(data)
    failure = project.failure("m.py")
    assert failure.stage == "import"
    assert failure.source is not None
    assert failure.source.file == str(project.folder / "m.py")
    assert mend in failure.mend
    assert failure.files == (str(project.folder / "m.py"),)
    assert pack(Failed(failure))


# --- what raises while it is imported ---------------------------------------------------------------------------------


def test_an_exception_has_the_users_own_steps_outermost_first(project: Project) -> None:
    project.write("layers.py", "def width(name):\n    return {'small': 1}[name]  # <- there\n")
    project.write("m.py", "import layers\n\n\ndef build():\n    return layers.width('big')\n\n\nbuild()\n")
    failure = project.failure("m.py")
    assert (failure.stage, failure.type, failure.message) == ("import", "KeyError", "'big'")
    assert [(frame.function, frame.line) for frame in failure.frames] == [("<module>", 8), ("build", 5), ("width", 2)]
    assert failure.frames[-1].code == "return {'small': 1}[name]  # <- there"
    assert failure.source is not None
    assert failure.source.file == str(project.folder / "layers.py")
    assert dict(failure.context)[2] == "    return {'small': 1}[name]  # <- there"


def test_an_exception_inside_a_library_points_at_the_users_line(project: Project) -> None:
    failure = project.fails(
        """
        import torch

        x = torch.nn.functional.linear(
            torch.zeros(2, 3),
            torch.zeros(4, 5),
        )
        y = torch.nn.Linear(3, 4)(torch.zeros(2, 5))  # <- here
        """.replace("torch.zeros(4, 5)", "torch.zeros(4, 3)"),
    )
    assert failure.type == "RuntimeError"
    assert "mat1 and mat2 shapes cannot be multiplied" in failure.message
    assert "torch/nn/modules/linear.py" in failure.traceback
    assert all("torch" not in frame.file.rpartition("/")[2] for frame in failure.frames)


def test_the_traceback_begins_with_the_users_file(project: Project) -> None:
    failure = project.fails("x = 1 / 0  # <- here\n")
    lines = failure.traceback.split("\n")
    assert lines[0] == "Traceback (most recent call last):"
    assert str(project.folder / "m.py") in lines[1]
    assert "inspector/engine" not in failure.traceback
    assert "importlib" not in failure.traceback
    assert "ZeroDivisionError: division by zero" in failure.traceback


def test_a_chain_of_exceptions_is_told_whole(project: Project) -> None:
    failure = project.fails(
        """
        try:
            {}["a"]
        except KeyError as error:
            raise RuntimeError("no entry") from error  # <- here
        """,
    )
    assert (failure.type, failure.message) == ("RuntimeError", "no entry")
    assert "KeyError: 'a'" in failure.traceback
    assert "direct cause" in failure.traceback


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with Python 3.11")
def test_a_group_of_exceptions_is_told_whole(project: Project) -> None:
    failure = project.fails("raise ExceptionGroup('both', [ValueError('one'), KeyError('two')])  # <- here\n")
    assert failure.type == "ExceptionGroup"
    assert failure.message == "both (2 sub-exceptions)"
    assert "ValueError: one" in failure.traceback
    assert "KeyError: 'two'" in failure.traceback


def test_leaving_with_sys_exit_names_the_guard(project: Project) -> None:
    failure = project.fails("import sys\nsys.exit(3)  # <- here\n")
    assert (failure.stage, failure.type, failure.message) == ("import", "SystemExit", "sys.exit(3) was called")
    assert 'if __name__ == "__main__":' in failure.mend


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("sys.exit()", "sys.exit() was called"),
        ("sys.exit('no data')", "no data"),
        ("exit(0)", "sys.exit(0) was called"),
    ],
)
def test_every_way_to_leave_says_what_it_can(project: Project, call: str, says: str) -> None:
    assert project.fails(f"import sys\nfrom sys import exit\n{call}  # <- here\n").message == says


def test_argparse_is_named(project: Project) -> None:
    failure = project.fails(
        """
        import argparse

        parser = argparse.ArgumentParser()
        parser.add_argument("data")
        parser.parse_args()  # <- here
        """,
    )
    assert failure.message == "sys.exit(2) was called"
    assert failure.mend.startswith("argparse found no arguments")


def test_a_question_to_nobody(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    failure = project.fails("name = input('? ')  # <- here\n")
    assert failure.type == "EOFError"
    assert "Standard input is closed" in failure.mend


def test_a_question_without_any_input_at_all(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    failure = project.fails("name = input('? ')  # <- here\n")
    assert failure.type == "RuntimeError"
    assert "Standard input is closed" in failure.mend


def test_any_other_way_out_is_caught(project: Project) -> None:
    assert project.fails("class Out(BaseException): pass\nraise Out('!')  # <- here\n").type == "Out"
    assert project.fails("raise GeneratorExit  # <- here\n").type == "GeneratorExit"


def test_a_recursion_without_end(project: Project) -> None:
    failure = project.fails("def f(n):\n    return f(n + 1)  # <- here\n\n\nf(0)\n")
    assert failure.type == "RecursionError"
    assert failure.mend == "Line 2 leads back to itself without end"
    assert len(failure.frames) == 100
    assert failure.frames[0].line == 5


def test_a_file_beside_the_model_that_is_looked_for_elsewhere(project: Project) -> None:
    project.write("nets/data/vocab.txt", "a\n")
    project.write("nets/m.py", "open('data/vocab.txt')\n")
    failure = project.failure("nets/m.py")
    assert failure.type == "FileNotFoundError"
    assert failure.mend.startswith(f"data/vocab.txt is beside the file: start nn-inspect from {project.folder}/nets")
    project.write("m.py", "open('nowhere.txt')\n")
    assert f"was looked for from {project.folder}" in project.failure("m.py").mend


def test_a_download_is_named(project: Project) -> None:
    failure = project.fails("import urllib.error\nraise urllib.error.URLError('no route')  # <- here\n")
    assert "pretrained=False" in failure.mend


# --- imports ----------------------------------------------------------------------------------------------------------


def test_a_missing_library_names_the_command_that_installs_it(project: Project) -> None:
    failure = project.fails("import no_such_library.layers  # <- here\n")
    assert failure.message == "No module named 'no_such_library'"
    assert failure.mend == f"{sys.executable} -m pip install no_such_library"
    assert project.fails("import skimage.no_such  # <- here\n").mend.endswith("install scikit-image")


def test_a_module_elsewhere_in_the_project_needs_a_path_and_no_pip(project: Project, net: str) -> None:
    project.write("common/__init__.py", "")
    project.write("nets/deep/m.py", "import common\n")
    failure = project.failure("nets/deep/m.py:Net")
    assert str(project.folder) in failure.mend
    assert "pip" not in failure.mend
    assert failure.command == "PYTHONPATH=. nn-inspect nets/deep/m.py:Net"


def test_a_misspelt_neighbour_is_named(project: Project, net: str) -> None:
    project.write("layers.py", net)
    assert "layers.py" in project.fails("import layer  # <- here\n").mend


def test_a_library_without_that_part(project: Project) -> None:
    failure = project.fails("import torch.no_such_part  # <- here\n")
    assert failure.mend.startswith("torch (")
    assert "has no no_such_part" in failure.mend


def test_a_relative_import_without_a_package(project: Project) -> None:
    failure = project.fails("from .layers import Net  # <- here\n")
    assert failure.mend == f"A relative import needs a package: put an empty __init__.py into {project.folder}"


def test_a_relative_import_that_climbs_too_far(project: Project) -> None:
    project.write("pkg/__init__.py", "")
    project.write("pkg/m.py", "from ..layers import Net\n")
    assert "one dot less" in project.failure("pkg/m.py").mend


def test_two_files_that_import_each_other(project: Project) -> None:
    project.write("layers.py", "from m import WIDTH\n")
    project.write("m.py", "from layers import DEPTH\nWIDTH = 3\n")
    failure = project.failure("m.py")
    assert failure.source is not None
    assert failure.source.file == str(project.folder / "layers.py")
    assert "import each other" in failure.mend


# --- what raises while it is built ------------------------------------------------------------------------------------


def test_an_exception_in_the_constructor(project: Project) -> None:
    failure = project.fails(
        """
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(3, -1)  # <- here
        """,
    )
    assert (failure.stage, failure.type) == ("construct", "RuntimeError")
    assert [frame.function for frame in failure.frames] == ["__init__"]


@pytest.mark.parametrize(
    "statement",
    ["self.fc = nn.Linear(3, 3)", "self.w = nn.Parameter(torch.zeros(3))", "self.register_buffer('b', torch.zeros(3))"],
)
def test_a_part_before_super_init_points_at_the_constructor(project: Project, statement: str) -> None:
    failure = project.fails(
        f"""
        import torch
        from torch import nn

        class Inner(nn.Module):
            def __init__(self):
                {statement}  # <- here

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = Inner()
        """,
    )
    assert failure.type == "AttributeError"
    assert failure.mend == "Call super().__init__() first in Inner.__init__ (line 5 of m.py)"


def test_an_abstract_class_points_at_itself(project: Project) -> None:
    """No line of the user's runs: Python refuses before."""
    failure = project.fails(
        """
        import abc
        from torch import nn

        class Net(nn.Module, abc.ABC):  # <- here
            @abc.abstractmethod
            def width(self): ...
        """
    )
    assert (failure.stage, failure.type) == ("construct", "TypeError")
    assert "abstract" in failure.message
    assert failure.traceback.startswith("TypeError: ")


def test_a_constructor_that_never_calls_super_init(project: Project) -> None:
    failure = project.fails(
        """
        from torch import nn

        class Net(nn.Module):
            def __init__(self):  # <- here
                self.width = 3
        """,
    )
    assert (failure.stage, failure.type) == ("construct", "NotInitialized")
    assert failure.message == "Net.__init__ never called super().__init__()"
    assert failure.mend == "Call super().__init__() first in Net.__init__ (line 4 of m.py)"


def test_a_dataclass_that_is_a_module(project: Project) -> None:
    failure = project.fails(
        """
        from dataclasses import dataclass, field
        from torch import nn

        @dataclass(eq=False)
        class Net(nn.Module):  # the class
            fc: nn.Module = field(default_factory=lambda: nn.Linear(3, 3))

        model = Net()  # <- here
        """,
    )
    assert failure.mend == "The __init__ that @dataclass writes for Net calls no super().__init__(): write it by hand"


@pytest.mark.parametrize(
    ("body", "says", "mend"),
    [
        ("return None", "build_model() returned None, not an nn.Module", "no return"),
        ("return nn.Linear(1, 1), 3", "build_model() returned tuple of Linear, int", "the model alone"),
        ("return nn.Linear", "build_model() returned type, not an nn.Module", "the model alone"),
        ("return SimpleNamespace(net=nn.Linear(1, 1))", "returned SimpleNamespace", "holds Modules in net"),
    ],
)
def test_a_factory_that_returns_something_else(project: Project, body: str, says: str, mend: str) -> None:
    source = f"from types import SimpleNamespace\nfrom torch import nn\n\n\ndef build_model():  # <- here\n    {body}\n"
    failure = project.fails(source)
    assert (failure.stage, failure.type) == ("construct", "NotAModule")
    assert says in failure.message
    assert mend in failure.mend


def test_an_async_factory_that_is_named_is_not_awaited(project: Project) -> None:
    failure = project.fails("async def build():  # <- here\n    return 1\n", target="m.py:build")
    assert "returned coroutine" in failure.message
    assert "async" in failure.mend


def test_memory_that_is_not_there_names_the_meta_device(project: Project) -> None:
    failure = project.fails("def build_model():\n    raise MemoryError  # <- here\n")
    assert failure.command == "nn-inspect m.py --device meta"
    source = "import torch\n\n\ndef build_model():\n    return torch.empty(2**56)  # <- here\n"
    assert "--device meta" in project.fails(source).mend
