"""The grammar that is read while it is typed takes what the engine takes, and refuses what it refuses."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from inspector.engine.failure import LoadFailed
from inspector.engine.inputs.grammar import read
from inspector.engine.inputs.recipes import DTYPES, SHORT_DTYPES
from inspector.tui import input_text
from inspector.tui.input_text import InputTextError, meaning

KINDS = st.sampled_from(["", "", "zeros:", "ones:", "uniform:", "normal:", "arange:", "zeos:", "scalar:"])
SHAPES = st.sampled_from(["2x3", "5x", "5", "scalar", "2×3", "x3", "2x", "2xa", "0x3", "", "9999999x9999999"])
NAMES = st.sampled_from(["", ":float16", ":int64", ":bool", ":half", ":flot", ":", ":torch.int8", ":complex64"])
RANGES = st.sampled_from(["", "", ":0-9", ":-1..1", ":-1-1", ":9-0", ":0.5-2", ":much", ":1e3-2e3", ":0:9", ":"])
TENSORS = st.builds("{}{}{}{}".format, KINDS, SHAPES, NAMES, RANGES)
LITERALS = st.sampled_from(
    ["3", "-1", "0.5", "1e3", "True", "None", "none", "'a b'", '"a:b, c"', "conv", "two words", "a.b/c-d", "", "(", "]",
     "b'x'", "...", "1+2j", "''", "x=2", "é", "'", "07"]
)  # fmt: skip
PARTS = TENSORS | LITERALS
SEVERAL = st.builds("{0}{1}, {2}{3}".format, st.sampled_from("([{"), PARTS, PARTS, st.sampled_from(")]}"))
DICTS = st.builds("{{{0}: {1}}}".format, st.sampled_from(["'a'", "a", "3", "", "None"]), PARTS)
ODD = st.sampled_from(["()", "[]", "{}", "(2x3)", "(2x3,)", "[2x3,]", "(,)", "((2x3, 3), [None])", "(3", "{2x3}"])


@given(PARTS | SEVERAL | DICTS | ODD | st.text("2x3:()[]{}'\",=@ -.nNone", max_size=12))
def test_both_take_the_same_texts(text: str) -> None:
    if "@" in text:
        return  # whether there is such a file, only the engine knows
    assert _takes(lambda: meaning(text), InputTextError) is _takes(lambda: read(f"v={text}", "float32"), LoadFailed)


def _takes(reads: Callable[[], object], refusal: type[Exception]) -> bool:
    try:
        reads()
    except refusal:
        return False
    return True


def test_both_know_the_same_dtypes() -> None:
    assert input_text.SHORT_DTYPES == SHORT_DTYPES
    for name in DTYPES:
        assert meaning(f"2x3:{name}")
    assert set(input_text.DTYPES) <= {*DTYPES, "uint16", "uint32", "uint64"}
