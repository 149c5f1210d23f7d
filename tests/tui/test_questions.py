"""What the window makes of a target, when it asks for another model of the same file."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.messages import Event, ModelBuilt, StructureFinished, StructureOutlined
from inspector.schema import Candidate, Target
from inspector.tui.questions import file_part
from tests.fake_engine import FILE
from tests.fake_model import lenet, outline
from tests.tui.driving import driven


@pytest.mark.parametrize(
    ("target", "file"),
    [
        ("model.py", "model.py"),
        ("model.py:Net", "model.py"),
        ("model.py:Net(widths={'a': 1})", "model.py"),
        ("package.models:build_model", "package.models"),
    ],
)
def test_the_file_of_a_target_is_what_stands_before_its_first_colon(target: str, file: str) -> None:
    assert file_part(target) == file


def test_a_path_that_exists_may_have_a_colon_in_it(tmp_path: Path) -> None:
    file = tmp_path / "net:v2.py"
    file.touch()
    assert file_part(str(file)) == str(file)


async def test_the_models_beside_the_open_one_are_called_others() -> None:
    target = Target(FILE, "Encoder", 7, "Encoder()", "cpu", "named")
    beside = (Candidate("Decoder", "class", 12, "Decoder()"), Candidate("Critic", "class", 20, "Critic()"))
    opened: list[Event] = [
        ModelBuilt(target, (FILE,), others=beside),
        StructureOutlined(outline(lenet())),
        StructureFinished("left as found"),
    ]
    async with driven(scripts=[opened]) as window:
        await window.press("M")
        assert "2 other models in this file. Which one?" in window.screen()
