"""What is typed after --input: `x=2x3x32x32:float16`, `ids=2x16:int64:0-29999`, `@batch.pt`, `choice='conv'`.

    [name=]VALUE
    VALUE  [zeros: | ones: | uniform: | normal: | arange:] SHAPE [:dtype] [:first-last]      a tensor
           @file                                                                             what lies in a file
           'text'  3  0.5  True  None                                                        a literal
           (VALUE, …)  [VALUE, …]  {'key': VALUE, …}                                         several
    SHAPE  2x3x224x224, 5x (one axis), scalar

A range may be written `0-9`, `-1..1`, or `-1-1`; of integers its last value is included.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple, cast

from inspector.engine.inputs.files import read_file
from inspector.engine.inputs.recipes import DTYPES, SHORT_DTYPES, Drawn, How, Plain, Recipe, Several, Stored
from inspector.engine.inputs.refusals import refuse_input
from inspector.engine.spec import literal

_NAMED = re.compile(r"\s*([^\W\d]\w*)\s*=(?!=)(.*)", re.DOTALL)
_KINDS = ("zeros", "ones", "uniform", "normal", "arange")
_KIND = re.compile(r"\s*([A-Za-z]+)\s*:(.*)", re.DOTALL)
_SHAPE = re.compile(r"\d+([x×]\d+)+|\d+[x×]|scalar")
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})(?:\.\.|-|:)({_NUMBER})")
_WORD = re.compile(r"[^\W\d][\w./-]*")
_OPENING, _CLOSING = "([{", ")]}"
_MOST_ELEMENTS = 2**40
EXAMPLE = "--input 2x3x224x224"


class Typed(NamedTuple):
    """One --input, read."""

    name: str
    """Empty of a positional one."""
    recipe: Recipe
    text: str


def read(text: str, default_dtype: str, most_ids: int = 10) -> Typed:
    """Take one --input apart. Raises LoadFailed when it says nothing that can be made.

    Integers without a range stay below `most_ids`, so that they are rows of the model's smallest embedding.
    """
    match = _NAMED.fullmatch(text)
    name, rest = (match[1], match[2]) if match else ("", text)
    return Typed(name, _Reader(text, default_dtype, most_ids, bool(name)).read(rest.strip()), text)


class _Reader(NamedTuple):
    typed: str
    default_dtype: str
    most_ids: int
    named: bool

    def read(self, text: str, inside: bool = False) -> Recipe:
        if not text:
            raise refuse_input(self.typed, "there is no value", EXAMPLE)
        if text[0] == "@":
            return self._stored(text[1:].strip())
        if (tensor := self._tensor(text)) is not None:
            return tensor
        if text[0] in _OPENING:
            return self._several(text)
        return self._plain(text, inside)

    def _stored(self, file: str) -> Stored:
        return Stored(file, read_file(file, self.typed))

    def _plain(self, text: str, inside: bool) -> Plain:
        try:
            value = literal(text)
        except ValueError:
            if not self.named or inside or not _WORD.fullmatch(text):
                raise self._not_a_value(text) from None
            value = text  # The shell took its quotes away.
        return Plain(value, repr(value))

    def _not_a_value(self, text: str) -> Exception:
        example = "--input 2x3x224x224,  --input ids=2x16:int64:0-999,  --input @batch.pt  or  --input choice='conv'"
        return refuse_input(self.typed, f"{text!r} is neither a shape, nor a file (@), nor a literal", example)

    # --- several ----------------------------------------------------------------------------------------------------

    def _several(self, text: str) -> Recipe:
        closing = _CLOSING[_OPENING.index(text[0])]
        if text[-1] != closing:
            raise refuse_input(self.typed, f"{text[0]} is not closed by {closing}", "--input state=(1x2x8, 1x2x8)")
        parts = [part.strip() for part in split(text[1:-1], ",")]
        if parts and not parts[-1]:
            parts.pop()
        if text[0] == "{":
            return self._mapping(parts)
        if text[0] == "(" and len(parts) == 1 and not text[:-1].rstrip().endswith(","):
            return self.read(parts[0], inside=True)  # A value in brackets, as in Python.
        recipes = tuple(self.read(part, inside=True) for part in parts)
        return Several("tuple" if text[0] == "(" else "list", recipes)

    def _mapping(self, parts: list[str]) -> Several:
        keys: list[Any] = []
        recipes = []
        for part in parts:
            key, *rest = split(part, ":")
            try:
                keys.append(literal(key))
            except ValueError:
                raise refuse_input(
                    self.typed, f"the key {key.strip()!r} is no literal", "--input batch={'image': 2x3x32x32}"
                ) from None
            recipes.append(self.read(":".join(rest).strip(), inside=True))
        return Several("dict", tuple(recipes), tuple(keys))

    # --- tensors ----------------------------------------------------------------------------------------------------

    def _tensor(self, text: str) -> Drawn | None:
        """A tensor, if the text begins like one."""
        how, rest = self._kind(text)
        shape, *options = [part.strip() for part in rest.split(":", 2)]
        if not how and not options and not _SHAPE.fullmatch(shape):
            return None  # A lone number is a number.
        if not how and not re.match(r"\d|scalar", shape):
            return None
        if not (_SHAPE.fullmatch(shape) or shape.isdecimal()):
            raise refuse_input(self.typed, f"{shape!r} is no shape: numbers with x between them", EXAMPLE)
        sizes = tuple(int(size) for size in re.findall(r"\d+", shape))
        dtype = self._dtype(options[0]) if options and options[0] else ""
        low_high = self._range(options[1]) if len(options) > 1 else None
        return self._drawn(sizes, how, dtype, low_high)

    def _kind(self, text: str) -> tuple[str, str]:
        match = _KIND.fullmatch(text)
        if match is None or match[1] == "scalar":
            return "", text
        if match[1] not in _KINDS:
            near = difflib.get_close_matches(match[1], _KINDS, 1)
            meant = f"; was {near[0]} meant?" if near else ""
            raise refuse_input(
                self.typed, f"{match[1]!r} is none of {', '.join(_KINDS)}{meant}", "--input mask=ones:2x16:bool"
            )
        return match[1], match[2]

    def _dtype(self, text: str) -> str:
        name = text.removeprefix("torch.")
        name = SHORT_DTYPES.get(name, name)
        if name in DTYPES:
            return name
        near = difflib.get_close_matches(name, [*DTYPES, *SHORT_DTYPES], 1)
        meant = f"; was {near[0]} meant?" if near else ""
        raise refuse_input(
            self.typed, f"there is no dtype {text!r}{meant}", f"--input x=2x3:{near[0] if near else 'float16'}"
        )

    def _range(self, text: str) -> tuple[float, float]:
        match = _RANGE.fullmatch(text.replace(" ", ""))
        example = "--input ids=2x16:int64:0-999  or  --input x=2x3:float32:-1..1"
        if match is None:
            raise refuse_input(self.typed, f"{text!r} is no range", example)
        low, high = float(match[1]), float(match[2])
        if low > high:
            raise refuse_input(self.typed, f"the range {text} ends before it begins", example)
        return low, high

    def _drawn(self, sizes: tuple[int, ...], how: str, dtype: str, low_high: tuple[float, float] | None) -> Drawn:
        elements = 1
        for size in sizes:
            elements *= size
        if elements > _MOST_ELEMENTS:
            raise refuse_input(self.typed, f"a tensor of {elements:,} elements is larger than any memory", EXAMPLE)
        if how in ("zeros", "ones", "arange", "normal") and low_high is not None:
            raise refuse_input(self.typed, f"{how} takes no range", f"--input {how}:2x3 or --input uniform:2x3::0-1")
        dtype = dtype or ("int64" if how == "arange" else self.default_dtype)
        recipe = Drawn(sizes, dtype, cast(How, how or "normal"))
        if recipe.floating:
            return Drawn(sizes, dtype, recipe.how, *(low_high or (None, None)))
        if low_high is None:
            high = self.most_ids - 1 if dtype not in ("bool", "uint8") and recipe.how in ("normal", "uniform") else None
            return Drawn(sizes, dtype, recipe.how, None if high is None else 0, high)
        if not (low_high[0].is_integer() and low_high[1].is_integer()):
            raise refuse_input(self.typed, f"{dtype} has whole numbers only", "--input ids=2x16:int64:0-999")
        return Drawn(sizes, dtype, recipe.how, *low_high)


def split(text: str, separator: str) -> list[str]:
    """Cut at the separators that stand outside brackets and quotes."""
    cuts = [-1, *_places(text, separator), len(text)]
    return [text[before + 1 : after] for before, after in pairwise(cuts)]


def _places(text: str, separator: str) -> Iterator[int]:
    depth, quote = 0, ""
    for place, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in _OPENING:
            depth += 1
        elif sign in _CLOSING:
            depth -= 1
        elif sign == separator and not depth:
            yield place
