"""Exceptions, messages and names that resist being told are told all the same, and cross the wire."""

from __future__ import annotations

import traceback

import pytest

from inspector.engine.failure import describe, sendable
from inspector.messages import Failed
from inspector.wire import pack
from tests.engine.conftest import Project


@pytest.mark.parametrize(
    "body",
    [
        "    def __str__(self):\n        raise RuntimeError('no')",
        "    def __repr__(self):\n        raise SystemExit",
        "    def __str__(self):\n        return 3",
        "    def __getattribute__(self, name):\n        raise RuntimeError(name)",
        "    @property\n    def __class__(self):\n        raise RuntimeError",
        "    __cause__ = __context__ = __traceback__ = 3",
        "    filename = lineno = name = msg = 3",
        "    __notes__ = 3",
    ],
)
def test_an_exception_that_resists_being_told_is_told(project: Project, body: str) -> None:
    project.write("m.py", f"class Sly(Exception):\n{body}\n\n\nraise Sly('x')  # <- here\n")
    failure = project.failure("m.py")
    assert failure.type == "Sly"
    assert failure.stage == "import"
    assert pack(Failed(failure))


def test_a_syntax_error_that_lies_about_its_place(project: Project) -> None:
    for place in ("('m.py', 'x', None, 3)", "(3, 3, 3, 3)", "('m.py', -3, -3, None)", "('/dev/null', 1, 1, '')"):
        failure = project.fails(f"raise SyntaxError('odd', {place})\n")
        assert failure.message == "odd"


def test_messages_cross_the_wire_whatever_is_in_them(project: Project) -> None:
    failure = project.fails("raise ValueError('\\udcff \\x1b[31m ' + 'x' * 1_000_000)  # <- here\n")
    assert failure.message.startswith("\\udcff \x1b[31m xxx")
    assert len(failure.message) < 110_000
    assert len(failure.traceback) < 110_000
    assert "characters left out" in failure.message


def test_names_of_files_cross_the_wire_whatever_is_in_them(project: Project, net: str) -> None:
    import os

    with open(b"m\xff.py", "wb") as file:
        file.write(b"1 / 0\n")
    failure = project.failure(os.fsdecode(b"m\xff.py"))
    assert failure.type == "ZeroDivisionError"
    assert failure.source is not None
    assert failure.source.file.endswith("m\\udcff.py")
    assert pack(Failed(failure))
    assert all(pack(stage) for stage in project.announced)


def test_a_long_line_is_cut(project: Project) -> None:
    failure = project.fails("x = [" + "0, " * 10_000 + "1 / 0]\n")
    assert failure.source is not None
    assert len(failure.source.code) == 500
    assert len(failure.context[0][1]) == 500


def test_the_context_is_a_few_lines_as_they_stand(project: Project) -> None:
    source = "a = 1\nb = 2\nc = 3\nd = 4\nif True:\n    1 / 0  # <- here\n\n\n\ne = 5\n"
    failure = project.fails(source)
    assert failure.context == ((3, "c = 3"), (4, "d = 4"), (5, "if True:"), (6, "    1 / 0  # <- here"))


def test_an_exception_of_our_own_code_keeps_its_frames() -> None:
    try:
        sendable(3)  # type: ignore[arg-type]
    except TypeError as error:
        failure = describe(error, "structure")
        expected = "".join(traceback.format_exception(error))
    assert failure.stage == "structure"
    assert "sendable" in failure.traceback
    assert failure.traceback == expected
