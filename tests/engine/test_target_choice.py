"""What is taken from a file when no name is given: the promised order, and never a silent guess."""

from __future__ import annotations

import pytest

from tests.engine.conftest import CLASSES, Project, names

# --- instances --------------------------------------------------------------------------------------------------------


def test_an_instance_named_model_comes_first(project: Project) -> None:
    project.write("m.py", CLASSES + "\nnet = Net()\nmodel = Block()\n\n\ndef build_model():\n    return Net()\n")
    built = project.load("m.py")
    assert (built.target.name, built.target.call) == ("model", "model")
    assert built.target.line == project.line_of("m.py", "model = Block()")
    assert built.target.chosen == "the instance named model"
    assert [(other.name, other.kind) for other in built.others] == [
        ("net", "instance"),
        ("build_model", "factory"),
        ("Block", "class"),
        ("Net", "class"),
    ]


def test_an_instance_named_net_comes_second(project: Project) -> None:
    project.write("m.py", CLASSES + "\nother = Block()\nnet = Net()\n")
    assert project.load("m.py").target.name == "net"


def test_the_only_instance_comes_third(project: Project) -> None:
    project.write("m.py", CLASSES + "\nresnet = Net()\n\n\ndef build_model():\n    return Net()\n")
    built = project.load("m.py")
    assert (built.target.name, built.target.chosen) == ("resnet", "the only instance in the file")


def test_two_instances_without_the_promised_names_are_not_chosen_between(project: Project) -> None:
    project.write("m.py", CLASSES + "\nsmall = Net()\nlarge = Net()\n")
    failure = project.failure("m.py")
    first, second = project.line_of("m.py", "small ="), project.line_of("m.py", "large =")
    assert failure.message == f"Found 2 models in m.py: small (line {first}), large (line {second})"
    assert failure.command == "nn-inspect m.py:large"
    assert names(failure) == ["small", "large"]


def test_one_instance_under_two_names_is_one(project: Project) -> None:
    project.write("m.py", CLASSES + "\nresnet = Net()\nalias = resnet\n")
    assert project.load("m.py").target.name == "resnet"
    project.write("m2.py", CLASSES + "\nresnet = Net()\nother = Block()\nmodel = resnet\n")
    assert project.load("m2.py").target.name == "model"


def test_a_loss_function_at_the_top_of_a_file_is_not_the_model(project: Project) -> None:
    project.write("m.py", CLASSES + "\ncriterion = nn.CrossEntropyLoss()\nrelu = nn.ReLU()\n")
    built = project.load("m.py")
    assert built.target.name == "Net"
    assert {"criterion", "relu"} <= {other.name for other in built.others}


def test_a_loss_function_is_the_model_of_a_file_that_has_nothing_else(project: Project) -> None:
    project.write("m.py", "from torch import nn\n\ncriterion = nn.CrossEntropyLoss()\n")
    assert project.load("m.py").target.name == "criterion"


def test_instances_may_come_from_other_files(project: Project) -> None:
    project.write("nets.py", CLASSES + "\nmodel = Net()\n")
    project.write("m.py", "from nets import model\n")
    built = project.load("m.py")
    assert built.target.name == "model"
    assert built.target.file.endswith("/m.py")


def test_what_only_claims_to_be_a_module_is_none(project: Project) -> None:
    project.write(
        "m.py",
        CLASSES
        + """

class Proxy:
    @property
    def __class__(self):
        raise RuntimeError("not connected")

    def __getattr__(self, name):
        raise RuntimeError("not connected")


from unittest.mock import MagicMock

model = Proxy()
net = MagicMock(spec=nn.Module)
""",
    )
    assert project.load("m.py").target.name == "Net"


# --- factories --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["build_model", "create_model", "make_model", "get_model", "model"])
def test_a_function_of_a_promised_name_is_called(project: Project, name: str) -> None:
    project.write("m.py", CLASSES + f"\n\ndef {name}():\n    return Net()\n")
    built = project.load("m.py")
    assert (built.target.name, built.target.call) == (name, f"{name}()")
    assert built.target.chosen == "the only function that builds a model"
    assert type(built.model).__name__ == "Net"


@pytest.mark.parametrize(
    "annotation",
    ["nn.Module", "'nn.Module'", "torch.nn.Module", "Net", "'Net'", "nn.Sequential", "Module", "'Module'"],
)
def test_a_function_that_is_annotated_with_a_module_is_called(project: Project, annotation: str) -> None:
    head = "from __future__ import annotations\nfrom typing import TYPE_CHECKING\n"
    head += "if TYPE_CHECKING:\n    from torch.nn import Module\n"
    project.write("m.py", head + CLASSES + f"\n\ndef resnet_tiny(depth=2) -> {annotation}:\n    return Net()\n")
    assert project.load("m.py").target.name == "resnet_tiny"


@pytest.mark.parametrize(
    "annotation", ["int", "tuple[nn.Module, int]", "type[nn.Module]", "'a b c'", "print('!')", "None"]
)
def test_a_function_with_another_annotation_is_not(project: Project, annotation: str) -> None:
    project.write("m.py", CLASSES + f"\n\ndef other() -> {annotation}:\n    return Net()\n")
    assert project.load("m.py").target.name == "Net"


def test_a_function_that_needs_arguments_is_not_called(project: Project) -> None:
    project.write("m.py", CLASSES + "\n\ndef build_model(depth):\n    return Net()\n")
    built = project.load("m.py")
    assert built.target.name == "Net"
    offered = next(other for other in built.others if other.name == "build_model")
    assert (offered.call, offered.note) == ("build_model(depth)", "wants depth")


def test_a_function_that_gets_all_its_arguments_is_called(project: Project) -> None:
    project.write(
        "m.py", CLASSES + "\n\ndef build_model(depth):\n    net = Net()\n    net.depth = depth\n    return net\n"
    )
    assert project.load("m.py", "depth=3").model.depth == 3


def test_a_function_is_the_last_resort_even_if_it_needs_arguments(project: Project) -> None:
    project.write("nets.py", CLASSES)
    project.write("m.py", "from nets import Net\n\n\ndef build_model(depth):\n    return Net()\n")
    failure = project.failure("m.py")
    assert (failure.type, failure.call) == ("MissingArguments", "build_model")
    assert failure.command == "nn-inspect m.py:build_model --arg depth=2"


def test_two_functions_that_build_models_are_not_chosen_between(project: Project) -> None:
    project.write(
        "m.py", CLASSES + "\n\ndef build_model():\n    return Net()\n\n\ndef tiny() -> nn.Module:\n    return Net()\n"
    )
    assert names(project.failure("m.py")) == ["build_model", "tiny"]


def test_a_function_that_builds_a_part_is_not_the_model(project: Project) -> None:
    project.write(
        "m.py",
        """
        from torch import nn

        def make_stem() -> nn.Module:
            return nn.Conv2d(3, 8, 3)

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.stem = make_stem()

            def forward(self, x):
                return self.stem(x)
        """,
    )
    assert project.load("m.py").target.name == "Net"


def test_imported_functions_are_no_candidates(project: Project) -> None:
    project.write("nets.py", CLASSES + "\n\ndef tiny() -> nn.Module:\n    return Net()\n")
    project.write("m.py", CLASSES + "\nfrom nets import tiny\n")
    assert project.load("m.py").target.name == "Net"


@pytest.mark.parametrize("head", ["async def build_model", "def build_model"])
def test_coroutines_and_generators_build_nothing(project: Project, head: str) -> None:
    body = "return Net()" if head.startswith("async") else "yield Net()"
    project.write("m.py", CLASSES + f"\n\n{head}():\n    {body}\n")
    assert project.load("m.py").target.name == "Net"


def test_a_decorated_and_a_partial_function_are_called(project: Project) -> None:
    project.write(
        "m.py", "import functools\n" + CLASSES + "\n\n@functools.lru_cache\ndef build_model():\n    return Net()\n"
    )
    assert project.load("m.py").target.line == project.line_of("m.py", "def build_model")
    project.write("p.py", "import functools\n" + CLASSES + "\n\nbuild_model = functools.partial(Net)\n")
    assert project.load("p.py").target.line == project.line_of("p.py", "build_model =")


# --- a package --------------------------------------------------------------------------------------------------------


def test_parts_are_known_across_the_files_of_a_package(project: Project) -> None:
    project.write("pkg/__init__.py", "from .net import Net\nfrom .block import Block\n")
    project.write(
        "pkg/block.py",
        "from torch import nn\n\n\nclass Block(nn.Module):\n    def forward(self, x):\n        return x\n",
    )
    project.write(
        "pkg/net.py",
        """
        from torch import nn

        from .block import Block

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.block = Block()

            def forward(self, x):
                return x
        """,
    )
    assert project.load("pkg").target.name == "Net"


def test_candidates_of_a_package_say_which_file_they_are_in(project: Project) -> None:
    source = "from torch import nn\n\n\nclass {}(nn.Module):\n    def forward(self, x):\n        return x\n"
    project.write("pkg/__init__.py", "from .a import A\nfrom .b import B\n")
    project.write("pkg/a.py", source.format("A"))
    project.write("pkg/b.py", source.format("B"))
    assert project.failure("pkg").message == "Found 2 models in pkg: A (a.py line 4), B (b.py line 4)"


def test_a_package_that_exports_nothing_lists_its_files(project: Project) -> None:
    project.write("pkg/__init__.py", "")
    project.write("pkg/net.py", CLASSES)
    failure = project.failure("pkg")
    assert failure.type == "NoModule"
    assert failure.mend == "Name one of the files in pkg: net.py"


# --- nothing there ----------------------------------------------------------------------------------------------------


def test_a_file_without_a_module_says_what_it_has(project: Project) -> None:
    project.write("m.py", "class Config(dict):\n    pass\n\n\ndef train():\n    pass\n\n\ndef test():\n    pass\n")
    failure = project.failure("m.py")
    assert (failure.stage, failure.type) == ("target", "NoModule")
    assert failure.message == "m.py defines no nn.Module: it has the class Config(dict) and the functions train, test"
    assert failure.source is not None
    assert failure.source.file == str(project.folder / "m.py")


def test_an_empty_file_has_nothing(project: Project) -> None:
    project.write("m.py", "")
    assert project.failure("m.py").message.endswith("it has neither classes nor functions")


def test_a_module_inside_a_function_is_pointed_at(project: Project) -> None:
    project.write("m.py", "from torch import nn\n\n\ndef main():\n    class Net(nn.Module):\n        pass\n")
    failure = project.failure("m.py")
    assert failure.source is not None
    assert failure.source.line == 5
    assert failure.mend.startswith("Net stands inside main()")


def test_a_file_that_only_imports_a_model_says_its_name(project: Project) -> None:
    project.write("nets.py", CLASSES)
    project.write("m.py", "from nets import Net\n")
    failure = project.failure("m.py", "width=3")
    assert failure.mend == "It imports Net from nets: name it after a colon"
    assert failure.command == "nn-inspect m.py:Net --arg width=3"


def test_an_object_that_holds_the_model_is_found(project: Project) -> None:
    project.write("m.py", "import types\nimport torch\n\nrun = types.SimpleNamespace(network=torch.nn.Linear(1, 1))\n")
    assert project.failure("m.py").command == "nn-inspect m.py:run.network"
