"""Which class of a file is taken when no name is given: one that no other uses as a part, and that can run."""

from __future__ import annotations

import pytest

from tests.engine.conftest import CLASSES, Project, names


def test_a_class_that_another_uses_is_a_part(project: Project) -> None:
    project.write("m.py", CLASSES)
    built = project.load("m.py")
    assert (built.target.name, built.target.chosen) == ("Net", "the only class that no other uses as a part")
    assert [(other.name, other.note) for other in built.others] == [("Block", "a part of Net")]


DEEP = "\n\nclass Deep(Net):\n    def forward(self, x):\n        return x\n"


def test_a_class_that_one_other_derives_from_steps_back(project: Project) -> None:
    project.write("m.py", CLASSES + DEEP)
    built = project.load("m.py")
    assert built.target.name == "Deep"
    assert built.target.chosen == "the only class that no other uses as a part or derives from"
    assert [other.name for other in built.others] == ["Block", "Net"]


def test_of_classes_that_derive_from_each_other_the_last_is_taken(project: Project) -> None:
    project.write("m.py", CLASSES + DEEP + DEEP.replace("Net", "Deep").replace("Deep(", "Deeper(", 1))
    assert project.load("m.py").target.name == "Deeper"


def test_a_class_that_several_derive_from_may_be_wanted_itself(project: Project) -> None:
    project.write("m.py", CLASSES + DEEP + DEEP.replace("Deep", "Wide"))
    assert names(project.failure("m.py")) == ["Net", "Deep", "Wide"]


def test_a_class_does_not_step_back_for_one_that_wants_arguments(project: Project) -> None:
    wanting = "    def __init__(self, depth):\n        super().__init__()\n"
    project.write("m.py", CLASSES + DEEP.replace("(Net):\n", "(Net):\n" + wanting))
    assert names(project.failure("m.py")) == ["Net", "Deep"]


@pytest.mark.parametrize(
    "use",
    [
        "self.block = make(Block)",
        "self.block = nn.Sequential(*[Block() for _ in range(3)])",
        "self.make = lambda: Block()",
        "self.block = BLOCKS['basic']()",
        "self.block = stage(3)",
        "self.block = Factory().make()",
    ],
)
def test_a_part_is_found_through_whatever_leads_to_it(project: Project, use: str) -> None:
    project.write(
        "m.py",
        f"""
        from torch import nn

        def make(kind):
            return kind()

        def stage(depth):
            return nn.Sequential(*[inner() for _ in range(depth)])

        def inner():
            return Block()

        class Block(nn.Module):
            def forward(self, x):
                return x

        BLOCKS = {{"basic": Block}}

        class Factory:
            def make(self):
                return Block()

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                {use}

            def forward(self, x):
                return x
        """,
    )
    assert project.load("m.py").target.name == "Net"


def test_a_class_in_an_annotation_is_a_part(project: Project) -> None:
    project.write(
        "m.py",
        """
        from __future__ import annotations
        from typing import Optional
        from torch import nn

        class Seq2Seq(nn.Module):
            decoder: "Optional['Decoder']" = None

            def __init__(self, encoder: Encoder | None = None):
                super().__init__()

            def forward(self, x):
                return x

        class Encoder(nn.Module):
            def forward(self, x):
                return x

        class Decoder(nn.Module):
            def forward(self, x):
                return x
        """,
    )
    assert project.load("m.py").target.name == "Seq2Seq"


def test_a_local_name_like_a_class_is_no_use_of_it(project: Project) -> None:
    project.write(
        "m.py",
        """
        from torch import nn

        class Head(nn.Module):
            def forward(self, x):
                return x

        class Net(nn.Module):
            def forward(self, x, Head=None):
                Head = x
                return Head
        """,
    )
    assert names(project.failure("m.py")) == ["Head", "Net"]


def test_a_class_that_is_no_module_uses_nothing_as_a_part(project: Project) -> None:
    project.write("m.py", CLASSES + "\n\nclass Trainer:\n    def __init__(self):\n        self.model = Net()\n")
    assert project.load("m.py").target.name == "Net"


def test_where_each_is_a_part_of_the_other_all_are_candidates(project: Project) -> None:
    project.write(
        "m.py",
        """
        from torch import nn

        class A(nn.Module):
            def other(self):
                return B()

            def forward(self, x):
                return x

        class B(nn.Module):
            def other(self):
                return A()

            def forward(self, x):
                return x
        """,
    )
    assert names(project.failure("m.py")) == ["A", "B"]


@pytest.mark.parametrize(
    "base",
    [
        "    pass",
        "    def forward(self, x):\n        raise NotImplementedError",
        '    def forward(self, x):\n        """To be written."""\n        raise NotImplementedError("subclass me")',
        "    def forward(self, x): ...",
        "    @abc.abstractmethod\n    def size(self): ...\n\n    def forward(self, x):\n        return x",
    ],
)
def test_an_abstract_base_steps_back(project: Project, base: str) -> None:
    project.write(
        "m.py",
        f"import abc\nfrom torch import nn\n\n\nclass Base(nn.Module, abc.ABC):\n{base}\n\n\n"
        "class Net(Base):\n    def size(self):\n        return 1\n\n    def forward(self, x):\n        return x\n",
    )
    assert project.load("m.py").target.name == "Net"


def test_an_abstract_base_alone_is_the_candidate(project: Project) -> None:
    project.write("m.py", "from torch import nn\n\n\nclass Base(nn.Module):\n    pass\n")
    assert project.load("m.py").target.name == "Base"


def test_imported_classes_are_no_candidates(project: Project) -> None:
    project.write("nets.py", CLASSES)
    project.write(
        "m.py",
        "from torch.nn import *\nfrom nets import Block\n\n\nclass Mine(Module):\n    def forward(self, x): return x\n",
    )
    built = project.load("m.py")
    assert built.target.name == "Mine"
    assert built.others == ()


def test_of_two_classes_with_one_name_the_last_one_holds(project: Project) -> None:
    project.write(
        "m.py",
        """
        from torch import nn

        class Net(nn.Module):
            version = 1
            def forward(self, x):
                return x

        class Net(nn.Module):  # the second
            version = 2
            def forward(self, x):
                return x
        """,
    )
    built = project.load("m.py")
    assert built.model.version == 2
    assert built.target.line == project.line_of("m.py", "# the second")


def test_of_two_definitions_the_one_that_ran_is_pointed_at(project: Project) -> None:
    project.write(
        "m.py",
        """
        from torch import nn

        if True:
            class Net(nn.Module):  # this one
                def forward(self, x):
                    return x
        else:
            class Net(nn.Module):
                def forward(self, x):
                    return -x
        """,
    )
    assert project.load("m.py").target.line == project.line_of("m.py", "# this one")


def test_a_class_made_at_run_time_is_a_candidate(project: Project) -> None:
    project.write("m.py", "from torch import nn\n\nNet = type('Net', (nn.Module,), {'forward': lambda self, x: x})\n")
    built = project.load("m.py")
    assert (built.target.name, built.target.line) == ("Net", 3)


def test_names_that_cannot_be_typed_are_no_candidates(project: Project) -> None:
    project.write(
        "m.py", CLASSES + "\nglobals()['a b'] = Net()\nglobals()[3] = Net()\nglobals()['x\\x1b[0m'] = Net()\n"
    )
    assert project.load("m.py").target.name == "Net"


def test_an_expression_of_thousands_of_terms_does_not_stop_the_search(project: Project) -> None:
    project.write("m.py", CLASSES + "\n    total = " + " + ".join(["1"] * 2500) + "\n")
    assert project.load("m.py").target.name == "Net"


def test_many_candidates_are_all_offered_but_not_all_spelled(project: Project) -> None:
    classes = "".join(f"\n\nclass Net{i}(nn.Module):\n    def forward(self, x):\n        return x\n" for i in range(12))
    project.write("m.py", "from torch import nn\n" + classes)
    failure = project.failure("m.py", device="meta")
    assert failure.message.endswith("and 4 more")
    assert len(failure.candidates) == 12
    assert failure.command == "nn-inspect m.py:Net11 --device meta"
