"""The user's file is imported as Python would import it, whatever it is called and whatever lies beside it."""

from __future__ import annotations

import importlib
import sys

import pytest

from inspector.engine.kinds import home
from tests.engine.conftest import Project


def test_relative_imports_work_because_packages_are_climbed(project: Project, net: str) -> None:
    project.write("repo/pkg/__init__.py", "")
    project.write("repo/pkg/sub/__init__.py", "")
    project.write("repo/pkg/layers.py", net)
    project.write("repo/pkg/sub/mymodel.py", "from ..layers import Net\n\nmodel = Net()\n")
    built = project.load("repo/pkg/sub/mymodel.py")
    assert home(type(built.model)) == "pkg.layers"
    assert sys.path[0] == str(project.folder / "repo")


def test_the_file_is_not_main_and_has_no_arguments(project: Project, net: str) -> None:
    source = (
        net
        + '\nimport sys\n\nSEEN = (__name__, list(sys.argv))\n\nif __name__ == "__main__":\n    raise SystemExit(9)\n'
    )
    file = project.write("mymodel.py", source)
    project.load("mymodel.py")
    assert ("mymodel", [str(file)]) == sys.modules["mymodel"].SEEN


def test_a_file_beside_the_model_is_imported_from_there(project: Project, net: str) -> None:
    project.write("nets/layers.py", net)
    project.write("nets/mymodel.py", "from layers import Net\n\nmodel = Net()\n")
    assert project.load("nets/mymodel.py").target.name == "model"


def test_dataclasses_with_text_annotations_work(project: Project, net: str) -> None:
    project.write(
        "mymodel.py",
        "from __future__ import annotations\nfrom dataclasses import dataclass\nfrom typing import ClassVar\n"
        + net
        + "\n\n@dataclass\nclass Config:\n    width: int = 4\n    kind: ClassVar[str] = 'a'\n",
    )
    assert project.load("mymodel.py").target.name == "Net"


@pytest.mark.parametrize("name", ["my-model.py", "3d unet.py", "class.py", "net.v1.2.py", "модель.py", "a'b.py"])
def test_a_file_name_that_is_no_identifier(project: Project, net: str, name: str) -> None:
    file = project.write(name, net)
    built = project.load(name)
    assert built.target.file == str(file)
    assert sys.modules[home(type(built.model))].Net is type(built.model)


def test_a_relative_import_from_a_file_with_dots_in_its_name(project: Project, net: str) -> None:
    project.write("pkg/__init__.py", "")
    project.write("pkg/layers.py", net)
    project.write("pkg/net.v2.py", "from .layers import Net\n\nmodel = Net()\n")
    assert home(type(project.load("pkg/net.v2.py").model)) == "pkg.layers"


def test_a_folder_with_dots_in_its_name_is_a_package_all_the_same(project: Project, net: str) -> None:
    project.write("v1.0/__init__.py", "")
    project.write("v1.0/layers.py", net)
    project.write("v1.0/mymodel.py", "from .layers import Net\n\nmodel = Net()\n")
    built = project.load("v1.0/mymodel.py")
    assert built.target.name == "model"
    assert set(built.files) == {
        str(project.folder / "v1.0" / name) for name in ("__init__.py", "layers.py", "mymodel.py")
    }


@pytest.mark.parametrize("name", ["torch", "random", "types", "math", "sys", "inspector", "numpy", "typing", "code"])
def test_a_file_with_a_librarys_name_is_loaded_and_the_library_stays(project: Project, net: str, name: str) -> None:
    before = sys.modules.get(name)
    file = project.write(f"{name}.py", net)
    built = project.load(f"{name}.py")
    assert built.target.file == str(file)
    assert type(built.model).__name__ == "Net"
    assert sys.modules.get(name) is before
    library = importlib.import_module(name)
    assert getattr(library, "__file__", None) != str(file)


def test_a_file_that_means_the_library_by_its_own_name_gets_it(project: Project, net: str) -> None:
    """Beside an installed library of that name, which has not been imported before."""
    project.write("lib/site-packages/transmogrifiers.py", "WIDTH = 7\n")
    sys.path.append(str(project.folder / "lib/site-packages"))
    file = project.write("transmogrifiers.py", "from transmogrifiers import WIDTH\n" + net + "\nmodel = Net(WIDTH)\n")
    built = project.load("transmogrifiers.py")
    assert built.target.file == str(file)
    assert built.model.get_submodule("fc").in_features == 7


def test_a_file_with_a_librarys_name_that_its_neighbours_mean(project: Project, net: str) -> None:
    project.write("lib/site-packages/blocks.py", "")
    sys.path.append(str(project.folder / "lib/site-packages"))
    project.write("neighbour.py", "def width():\n    import blocks\n    return blocks.WIDTH\n")
    project.write("blocks.py", "import neighbour\nWIDTH = 5\n" + net + "\nmodel = Net(neighbour.width())\n")
    assert project.load("blocks.py").model.get_submodule("fc").in_features == 5


def test_a_library_is_not_hidden_by_what_lies_beside_the_model(project: Project, net: str) -> None:
    project.write("torch.py", "raise RuntimeError('wrong torch')\n")
    project.write("random.py", "raise RuntimeError('wrong random')\n")
    project.write("mymodel.py", "import random\n" + net)
    assert project.load("mymodel.py").target.name == "Net"


def test_a_package_with_the_name_of_a_library_works_by_relative_imports(project: Project, net: str) -> None:
    import inspector

    project.write("inspector/__init__.py", "")
    project.write("inspector/layers.py", net)
    project.write("inspector/mymodel.py", "from .layers import Net\n\nmodel = Net()\n")
    assert project.load("inspector/mymodel.py").target.name == "model"
    assert sys.modules["inspector"] is inspector
    project.write("inspector/other.py", "from inspector.layers import Net\n\nmodel = Net()\n")
    failure = project.failure("inspector/other.py")
    assert "The name inspector is taken by" in failure.mend
    assert "import relatively" in failure.mend


def test_a_saved_change_is_seen_at_once(project: Project, net: str) -> None:
    """Also within one second, with the file as long as before: no stale bytecode."""
    file = project.write("mymodel.py", net)
    project.load("mymodel.py")
    file.write_text(file.read_text().replace("width=4", "width=8"))
    assert project.load("mymodel.py").model.get_submodule("fc").in_features == 8
    assert not (project.folder / "__pycache__").exists()


def test_a_module_that_replaces_itself_is_taken_as_it_wants(project: Project, net: str) -> None:
    project.write(
        "mymodel.py",
        net
        + """
import sys
import types

new = types.ModuleType(__name__)
new.__file__ = __file__
new.model = Net(6)
sys.modules[__name__] = new
""",
    )
    assert project.load("mymodel.py").model.get_submodule("fc").in_features == 6


def test_a_link_leads_to_the_real_file_and_its_neighbours(project: Project, net: str) -> None:
    project.write("real/layers.py", net)
    project.write("real/mymodel.py", "from layers import Net\n\nmodel = Net()\n")
    (project.folder / "links").mkdir()
    (project.folder / "links/mymodel.py").symlink_to(project.folder / "real/mymodel.py")
    assert project.load("links/mymodel.py").target.file == str(project.folder / "real/mymodel.py")


def test_the_init_file_of_a_package_is_the_package(project: Project, net: str) -> None:
    project.write("pkg/__init__.py", "from .net import Net\n")
    project.write("pkg/net.py", net)
    assert project.load("pkg/__init__.py").target.name == "Net"


def test_a_windows_file_with_a_byte_order_mark(project: Project, net: str) -> None:
    (project.folder / "mymodel.py").write_bytes(b"\xef\xbb\xbf" + net.replace("\n", "\r\n").encode())
    built = project.load("mymodel.py")
    assert built.target.line == project.line_of("mymodel.py", "class Net")


def test_a_file_in_another_coding_that_it_declares(project: Project, net: str) -> None:
    source = "# coding: latin-1\n" + net + "\nNAME = 'Gr\xfc\xdfe'\n\n\nclass Other:\n    pass\n"
    (project.folder / "mymodel.py").write_bytes(source.encode("latin-1"))
    assert project.load("mymodel.py").target.line == 7


def test_ctrl_c_in_the_users_code_ends_the_engine(project: Project) -> None:
    project.write("mymodel.py", "raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        project.load("mymodel.py")
