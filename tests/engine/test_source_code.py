"""Source text in tokens: every character of it, found where it is written, as it was when it was imported."""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from inspector.engine.source_code import (
    MOST_LINES,
    MissingSourceError,
    class_code,
    function_code,
    generated_code,
    is_outdated,
    tokens_of,
)
from inspector.schema import Code

KINDS = {"keyword", "name", "string", "number", "comment", "operator", "builtin", "text"}
_numbers = itertools.count()

Import = Callable[[str], ModuleType]


@pytest.fixture
def import_text(tmp_path: Path) -> Import:
    """Write a file and import it."""

    def load(text: str) -> ModuleType:
        name = f"written_{next(_numbers)}"
        file = tmp_path / f"{name}.py"
        file.write_text(text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def text_of(code: Code) -> str:
    return "".join(text for _, text in code.tokens)


def kinds_in(text: str) -> list[tuple[str, str]]:
    """The tokens of a text, blanks apart."""
    tokens, truncated = tokens_of(text.splitlines(keepends=True))
    assert truncated == 0
    return [(kind, part.strip()) for kind, part in tokens if part.strip()]


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_every_kind_of_token_is_told() -> None:
    assert kinds_in("def forward(self, x):  # go\n    return sum(x) + 1.5e3 * 'a'\n") == [
        ("keyword", "def"), ("name", "forward"), ("text", "("), ("builtin", "self"), ("text", ", x):"),
        ("comment", "# go"), ("keyword", "return"), ("builtin", "sum"), ("text", "(x)"), ("operator", "+"),
        ("number", "1.5e3"), ("operator", "*"), ("string", "'a'"),
    ]  # fmt: skip


def test_a_method_with_the_name_of_a_builtin_is_no_builtin() -> None:
    assert kinds_in("x.sum()\n") == [("text", "x.sum()")]


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_no_character_is_lost_whatever_the_text(text: str) -> None:
    lines = text.splitlines(keepends=True)
    tokens, truncated = tokens_of(lines)
    assert "".join(part for _, part in tokens) == text
    assert truncated == 0
    assert {kind for kind, _ in tokens} <= KINDS


@given(st.integers(0, 200))
@settings(max_examples=50, deadline=None)
def test_a_cut_anywhere_keeps_every_character_before_it(most: int) -> None:
    lines = inspect.getsourcelines(nn.Linear)[0]
    tokens, truncated = tokens_of(lines, most)
    assert "".join(part for _, part in tokens) == "".join(lines[:most])
    assert truncated == max(len(lines) - most, 0)


def test_a_string_that_is_cut_is_a_string_still() -> None:
    tokens, truncated = tokens_of(['x = """one\n', "two\n", 'three"""\n'], 2)
    assert tokens == (("text", "x "), ("operator", "="), ("text", " "), ("string", '"""one\ntwo\n'))
    assert truncated == 1


def test_neighbours_of_one_kind_are_one_token() -> None:
    tokens, _ = tokens_of(inspect.getsourcelines(nn.Conv2d)[0])
    assert all(one != other for (one, _), (other, _) in itertools.pairwise(tokens))


# --- blocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [nn.Linear, nn.Conv2d, nn.LSTM, nn.Transformer, nn.Sequential])
def test_the_text_of_a_class_is_that_of_its_statement(cls: type) -> None:
    lines, first = inspect.getsourcelines(cls)
    code = class_code(cls)
    assert (code.file, code.line) == (inspect.getsourcefile(cls), first)
    assert text_of(code) == "".join(lines[:MOST_LINES])
    assert code.truncated == max(len(lines) - MOST_LINES, 0)


def test_the_text_of_a_method_stands_without_its_indentation() -> None:
    code = function_code(vars(nn.Linear)["forward"])
    assert text_of(code).startswith("def forward(self, input: Tensor) -> Tensor:\n    ")
    assert code.line == nn.Linear.forward.__code__.co_firstlineno


def test_decorators_belong_to_what_they_decorate(import_text: Import) -> None:
    module = import_text("def keep(x):\n    return x\n\n\n@keep\n@keep\nclass A:\n    @keep\n    def f(self): ...\n")
    assert (class_code(module.A).line, text_of(class_code(module.A)).splitlines()[0]) == (5, "@keep")
    assert text_of(function_code(module.A.f)) == "@keep\ndef f(self): ...\n"


def test_a_name_that_is_defined_twice_is_found_where_it_was_last(import_text: Import) -> None:
    module = import_text("class A:\n    def f(self): return 1\n\n\nclass A:\n    def f(self): return 2\n")
    assert class_code(module.A).line == 5
    assert "return 2" in text_of(class_code(module.A))


def test_an_inner_class_is_cut_at_its_own_end(import_text: Import) -> None:
    module = import_text("def make():\n    class B:\n        x = '''\nflush\n'''\n\n    return B\n\n\nB = make()\n")
    assert text_of(class_code(module.B)) == "class B:\n    x = '''\nflush\n'''\n"


def test_lines_beyond_the_bound_are_counted(import_text: Import) -> None:
    module = import_text("class A:\n" + "".join(f"    x{n} = {n}\n" for n in range(1000)))
    code = class_code(module.A)
    assert text_of(code).count("\n") == MOST_LINES
    assert code.truncated == 1001 - MOST_LINES


def test_a_class_of_a_notebook_cell_is_found_by_its_methods() -> None:
    import linecache

    cell, text = "<cell 1>", "x = 1\nclass Cell:\n    def forward(self):\n        return 1\n"
    linecache.cache[cell] = (len(text), None, text.splitlines(keepends=True), cell)
    scope: dict[str, type] = {"__name__": "a_notebook_has_no_file"}  # type: ignore[dict-item]
    try:
        exec(compile(text, cell, "exec"), scope)
        code = class_code(scope["Cell"])
    finally:
        del linecache.cache[cell]
    assert (code.file, code.line) == (cell, 2)
    assert text_of(code) == text.removeprefix("x = 1\n")


# --- what has none ----------------------------------------------------------------------------------------------------


def test_a_class_from_exec_says_so() -> None:
    scope: dict[str, type] = {"__name__": "nowhere"}  # type: ignore[dict-item]
    exec("class A:\n    def f(self): ...\n", scope)
    with pytest.raises(MissingSourceError, match=r"not kept: it was made from text, <string>, as exec\(\)"):
        class_code(scope["A"])
    with pytest.raises(MissingSourceError, match=r"<string>"):
        function_code(scope["A"].f)  # type: ignore[attr-defined]


def test_a_class_without_a_statement_says_so() -> None:
    with pytest.raises(MissingSourceError, match=r"made at run time: there is no statement `class Made` in .*\.py"):
        class_code(type("Made", (), {}))
    with pytest.raises(MissingSourceError, match="made at run time, not written as a class statement"):
        class_code(type("Made", (), {"__module__": "nowhere"}))


def test_a_file_that_is_gone_says_so(import_text: Import) -> None:
    module = import_text("class A:\n    def f(self): ...\n")
    os.remove(str(module.__file__))
    with pytest.raises(MissingSourceError, match=r"not kept: .*\.py is gone"):
        class_code(module.A)


def test_a_file_that_was_changed_before_it_was_read_says_so(import_text: Import) -> None:
    module = import_text("class A:\n    def f(self): ...\n")
    Path(str(module.__file__)).write_text("x = 1\nclass A:\n    y = 1\n")
    with pytest.raises(MissingSourceError, match="was changed before it could be read: line 2 is another now"):
        function_code(module.A.f)


def test_what_was_read_at_first_stays_after_a_save(import_text: Import) -> None:
    module = import_text("class A:\n    x = 1\n")
    before = class_code(module.A)
    assert not is_outdated(before.file)
    Path(before.file).write_text("class A:\n    x = 'something longer'\n")
    assert class_code(module.A) == before
    assert is_outdated(before.file)


def test_generated_code_is_cut_and_coloured_too() -> None:
    code = generated_code("torch.fx", str(torch.fx.symbolic_trace(nn.Linear(2, 2)).code))
    assert (code.file, code.line) == ("torch.fx", 1)
    assert ("name", "forward") in code.tokens
    assert "\\ud800" in text_of(generated_code("somebody", "x = '\ud800'"))
