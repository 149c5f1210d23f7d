"""Constructor arguments: read as literals, held against the signature, asked for when they are missing."""

from __future__ import annotations

from typing import Any

import pytest

from inspector.engine import placeholder
from inspector.schema import Argument
from tests.engine.conftest import Project

ECHO = """
from __future__ import annotations
from typing import *
from torch import nn


class Net(nn.Module):
    def __init__(self, {signature}):
        super().__init__()
        self.got = {{name: value for name, value in locals().items() if name not in ("self", "__class__")}}

    def forward(self, x):
        return x
"""


def echo(project: Project, signature: str) -> None:
    project.write("m.py", ECHO.format(signature=signature))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("lr=1e-3", 1e-3),
        ("layers=[1,2]", [1, 2]),
        ("act=relu", "relu"),
        ("flag=True", True),
        ("none=None", None),
        ("size=(3, 'a')", (3, "a")),
        ("path=a=b", "a=b"),
        ("text='10'", "10"),
        ("empty=", ""),
        ("neg=-1", -1),
        (" name = 3 ", 3),
        ("expr=2*3", "2*3"),
        ("huge=" + "(" * 500, "(" * 500),
        ("call=open('x')", "open('x')"),
    ],
)
def test_an_argument_is_a_literal_or_else_text(project: Project, text: str, value: Any) -> None:
    echo(project, "**kwargs")
    got = project.load("m.py", text).model.got
    assert got == {"kwargs": {text.partition("=")[0].strip(): value}}


@pytest.mark.parametrize(
    ("declared", "text", "value"),
    [
        ("x: bool", "x=false", False),
        ("x: bool", "x=true", True),
        ("x=True", "x=false", False),
        ("x: str", "x=10", "10"),
        ("x: str", "x='10'", "10"),
        ("x: str", "x=relu", "relu"),
        ("x: float", "x=1e-3", 1e-3),
        ("x: float", "x=3", 3),
        ("x: int", "x=false", "false"),
        ("x", "x=false", "false"),
    ],
)
def test_what_the_signature_says_decides_where_a_literal_could_not(
    project: Project, declared: str, text: str, value: Any
) -> None:
    echo(project, declared)
    got: Any = project.load("m.py", text).model.got
    assert got["x"] == value
    assert type(got["x"]) is type(value)


def test_arguments_from_the_target_and_the_command_line_come_together(project: Project) -> None:
    echo(project, "a, b, *rest, c, d=4")
    built = project.load("m.py:Net(1, 2, 3)", "c=5")
    assert built.model.got == {"a": 1, "b": 2, "rest": (3,), "c": 5, "d": 4}
    assert built.target.call == "Net(1, 2, 3, c=5)"


def test_positional_only_arguments_can_be_given_by_name(project: Project) -> None:
    echo(project, "a, b=2, /, c=3")
    assert project.load("m.py", "a=1", "b=5").model.got == {"a": 1, "b": 5, "c": 3}


@pytest.mark.parametrize(
    ("target", "arguments", "says"),
    [
        ("m.py:Net(a=1)", ("a=2",), "a is given twice, the second time by --arg a=2"),
        ("m.py", ("a=1", "a=2"), "a is given twice, the second time by --arg a=2"),
        ("m.py", ("a",), "--arg 'a' is not of the form name=value"),
        ("m.py", ("=3",), "--arg '=3' is not of the form name=value"),
        ("m.py", ("a b=3",), "--arg 'a b=3' is not of the form name=value"),
        ("m.py", ("a=...",), "a=... is still to be filled in"),
    ],
)
def test_an_argument_that_cannot_be_meant_is_refused(
    project: Project, target: str, arguments: tuple[str, ...], says: str
) -> None:
    echo(project, "a=0")
    failure = project.failure(target, *arguments)
    assert (failure.stage, failure.type, failure.message) == ("target", "BadArgument", says)


# --- missing ----------------------------------------------------------------------------------------------------------


def test_missing_arguments_are_all_described(project: Project) -> None:
    echo(project, "num_classes: int, hidden, *args, lr: float = 1e-3, act=nn.ReLU, mode='a', **kwargs")
    failure = project.failure("m.py", "mode=b", "hidden=7")
    assert (failure.stage, failure.type) == ("construct", "MissingArguments")
    assert failure.message == "Net needs 1 argument that was not given: num_classes"
    assert failure.call == "Net"
    assert failure.arguments == (
        Argument("num_classes", "int", required=True),
        Argument("hidden", required=True, value="7"),
        Argument("*args"),
        Argument("lr", "float", "0.001"),
        Argument("act", "", "nn.ReLU"),
        Argument("mode", "", "'a'", value="'b'"),
        Argument("**kwargs"),
    )
    assert failure.source is not None
    assert failure.source.line == project.line_of("m.py", "def __init__")
    assert failure.command == "nn-inspect m.py:Net --arg mode=b --arg hidden=7 --arg num_classes=10"
    assert "examples" in failure.mend
    assert project.announced[-1].what == "importing m.py"


def test_the_recommended_command_works(project: Project) -> None:
    import shlex

    echo(
        project, "num_classes: int, widths: list[int], dropout: float, bias: bool, kind: Literal['a', 'b'], heads: int"
    )
    command = shlex.split(project.failure("m.py").command)
    assert command[:2] == ["nn-inspect", "m.py:Net"]
    got = project.load(command[1], *command[3::2]).model.got
    assert got == {"num_classes": 10, "widths": [64, 64], "dropout": 0.1, "bias": True, "kind": "a", "heads": 4}


def test_what_cannot_be_guessed_is_left_to_be_filled_in(project: Project) -> None:
    echo(project, "name: str, thing")
    failure = project.failure("m.py")
    assert failure.command == "nn-inspect m.py:Net --arg name=... --arg thing=..."


def test_an_argument_that_no_command_line_can_give_asks_for_a_function(project: Project) -> None:
    echo(project, "backbone: nn.Module, config: 'Config', width: int")
    failure = project.failure("m.py")
    assert failure.mend.startswith("No command line can give backbone (nn.Module), config (Config):")
    assert "def build_model(): return Net(…)" in failure.mend


def test_missing_keyword_only_arguments_and_positional_ones_already_given(project: Project) -> None:
    echo(project, "a, b, *, c")
    failure = project.failure("m.py:Net(1)")
    assert failure.message == "Net needs 2 arguments that were not given: b, c"
    assert failure.arguments[0].value == "1"
    assert failure.command.startswith("nn-inspect 'm.py:Net(1)' --arg b=")


def test_a_type_error_inside_the_constructor_is_not_taken_for_missing_arguments(project: Project) -> None:
    project.write(
        "m.py",
        """
        from torch import nn

        def width(base, factor):
            return base * factor

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(width(3), 2)  # <- here
        """,
    )
    failure = project.failure("m.py")
    assert (failure.stage, failure.type) == ("construct", "TypeError")
    assert failure.source is not None
    assert failure.source.line == project.line_of("m.py", "<- here")
    assert "missing 1 required positional argument: 'factor'" in failure.message
    assert failure.arguments == ()


def test_a_constructor_that_passes_its_arguments_on_fails_where_it_does(project: Project) -> None:
    project.write(
        "m.py",
        """
        from torch import nn

        class Base(nn.Module):
            def __init__(self, width):
                super().__init__()
                self.fc = nn.Linear(width, width)

        class Net(Base):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)  # <- here

            def forward(self, x):
                return x
        """,
    )
    failure = project.failure("m.py:Net")
    assert failure.type == "TypeError"
    assert failure.source is not None
    assert failure.source.line == project.line_of("m.py", "<- here")
    assert project.load("m.py:Net", "width=3").model.get_submodule("fc").in_features == 3


# --- unknown ----------------------------------------------------------------------------------------------------------


def test_an_unknown_argument_is_answered_with_the_nearest_and_the_signature(project: Project) -> None:
    echo(project, "num_classes: int = 10, width=3")
    failure = project.failure("m.py", "num_clases=5", "width=4")
    assert (failure.stage, failure.type) == ("construct", "UnknownArguments")
    assert failure.message == "Net has no argument num_clases"
    assert failure.mend == "Was num_classes for num_clases meant? It is  Net(num_classes: int = 10, width=3)"
    assert failure.command == "nn-inspect m.py:Net --arg num_classes=5 --arg width=4"
    assert failure.arguments[1].value == "4"


def test_unknown_and_doubled_arguments_together(project: Project) -> None:
    echo(project, "a, b=2")
    assert project.failure("m.py:Net(1)", "a=2", "zzz=3").type == "UnknownArguments"


def test_annotations_are_shown_as_one_would_write_them(project: Project) -> None:
    project.write(
        "m.py",
        """
        from collections.abc import Sequence
        from typing import Optional
        import torch
        from torch import nn

        class Net(nn.Module):
            def __init__(self, a: int, b: Sequence[int], c: Optional[nn.Module], d: nn.Linear, e: torch.Tensor):
                super().__init__()
        """,
    )
    shown = [argument.annotation for argument in project.failure("m.py").arguments]
    assert shown == ["int", "Sequence[int]", "Optional[nn.Module]", "nn.Linear", "torch.Tensor"]


def test_a_model_without_a_constructor_takes_no_arguments(project: Project) -> None:
    project.write("m.py", "from torch import nn\n\n\nclass Net(nn.Module):\n    pass\n")
    assert project.failure("m.py", "width=3").message == "Net has no argument width"
    assert project.failure("m.py:Net(3)").type == "MisfitArguments"


@pytest.mark.parametrize(
    ("target", "arguments", "says"),
    [
        ("m.py:Net(1, 2, 3)", (), "too many positional arguments"),
        ("m.py:Net(1)", ("a=2",), "multiple values for argument 'a'"),
    ],
)
def test_arguments_that_do_not_fit_are_told(
    project: Project, target: str, arguments: tuple[str, ...], says: str
) -> None:
    echo(project, "a, b=2")
    failure = project.failure(target, *arguments)
    assert (failure.stage, failure.type) == ("construct", "MisfitArguments")
    assert says in failure.message
    assert failure.mend == "It is  Net(a, b=2)"


def test_an_instance_takes_no_arguments(project: Project, net: str) -> None:
    project.write("m.py", net + "\nmodel = Net()\n")
    for failure in (project.failure("m.py", "width=3"), project.failure("m.py:model", "width=3")):
        assert (failure.stage, failure.type) == ("target", "BuiltAlready")
        assert failure.command == "nn-inspect m.py:Net --arg width=3"
        assert failure.source is not None
        assert failure.source.line == project.line_of("m.py", "model = Net()")
    assert project.failure("m.py:model()").type == "BuiltAlready"


# --- odd signatures ---------------------------------------------------------------------------------------------------


def test_defaults_are_shown_as_source_whatever_they_are(project: Project) -> None:
    project.write(
        "m.py",
        """
        import enum
        import torch
        from torch import nn
        from torch.nn import functional as F

        class Kind(enum.Enum):
            A = 1

        class Mute:
            def __repr__(self):
                raise RuntimeError("no")

            @property
            def __class__(self):
                raise RuntimeError("no")

        class Net(nn.Module):
            def __init__(self, n, kind=Kind.A, norm=nn.BatchNorm2d, f=F.relu, mute=Mute(), dtype=torch.float32,
                         t=torch.zeros(3), long="x" * 9999):
                super().__init__()
        """,
    )
    defaults = [argument.default for argument in project.failure("m.py").arguments]
    assert defaults[:7] == [None, "Kind.A", "nn.BatchNorm2d", "relu", "<Mute>", "torch.float32", "tensor of shape (3,)"]
    assert len(defaults[7] or "") < 300


def test_a_constructor_whose_signature_lies_is_called_all_the_same(project: Project) -> None:
    project.write(
        "m.py",
        """
        from torch import nn

        class Sly(type):
            @property
            def __signature__(cls):
                raise RuntimeError("guess")

        class Net(nn.Module, metaclass=Sly):
            def __init__(self, width):
                super().__init__()
                self.width = width
        """,
    )
    assert project.load("m.py", "width=3").model.width == 3
    failure = project.failure("m.py")
    assert (failure.stage, failure.type) == ("construct", "TypeError")
    assert "width" in failure.message


def test_values_are_cut_before_they_fill_the_screen(project: Project) -> None:
    echo(project, "widths")
    built = project.load("m.py", f"widths={list(range(5000))}")
    assert len(built.target.call) <= 200
    assert built.target.call.endswith("…)")


@pytest.mark.parametrize(
    ("name", "annotation", "example"),
    [
        ("num_classes", "", "num_classes=10"),
        ("in_channels", "int", "in_channels=3"),
        ("vocab_size", "int", "vocab_size=1000"),
        ("d_model", "int", "d_model=64"),
        ("num_layers", "int", "num_layers=2"),
        ("nhead", "int", "nhead=4"),
        ("dropout", "float", "dropout=0.1"),
        ("whatever", "int", "whatever=1"),
        ("whatever", "Optional[int]", "whatever=1"),
        ("whatever", "int | None", "whatever=1"),
        ("whatever", "list[int]", "whatever=[64, 64]"),
        ("hidden", "tuple[int, ...]", "hidden=(64, 64)"),
        ("whatever", "str", "whatever=..."),
        ("whatever", "Config", "whatever=..."),
        ("whatever", "", "whatever=..."),
        ("mode", "Literal['fast', 'slow']", "mode='fast'"),
        ("whatever", "not an annotation", "whatever=..."),
    ],
)
def test_examples_follow_the_annotation_and_the_name(name: str, annotation: str, example: str) -> None:
    assert placeholder.examples([Argument(name, annotation, required=True)]) == [example]
