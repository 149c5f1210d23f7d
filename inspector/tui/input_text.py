"""What one argument may be typed as, read well enough to say what it means or why it means nothing.

    [zeros: | ones: | uniform: | normal: | arange:] SHAPE [:dtype] [:first-last]      a tensor
    @file     'text'  3  0.5  True  None     (VALUE, …)  [VALUE, …]  {'key': VALUE, …}

The engine reads the same text again and is the judge; here it is read while it is being typed.
"""

from __future__ import annotations

import ast
import difflib
import math
import re
import warnings
from typing import Any, NamedTuple

from inspector.format import shape as shape_words
from inspector.format import size, whole

KINDS = ("normal", "uniform", "zeros", "ones", "arange")
DTYPES = (
    "float32", "float16", "bfloat16", "float64", "int64", "int32", "int16", "int8", "uint8", "uint16", "uint32",
    "uint64", "bool", "complex64", "complex128", "complex32",
)  # fmt: skip
"""By the names that torch prints, the most wanted first."""
SHORT_DTYPES = {
    "float": "float32", "double": "float64", "half": "float16", "bf16": "bfloat16", "fp16": "float16",
    "fp32": "float32", "f16": "float16", "f32": "float32", "f64": "float64", "int": "int32", "long": "int64",
    "short": "int16", "byte": "uint8", "i32": "int32", "i64": "int64", "u8": "uint8",
}  # fmt: skip
FILES = (".pt", ".pth", ".npy", ".npz", ".safetensors")
_RARE = re.compile(r"u?int[1-7]|float[48]_\w+|bcomplex32")
"""Names of dtypes that only some versions of torch have: the engine knows."""
_KIND = re.compile(r"\s*([A-Za-z]+)\s*:(.*)", re.DOTALL)
_SHAPE = re.compile(r"\d+([x×]\d+)+|\d+[x×]|scalar")
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})(?:\.\.|-|:)({_NUMBER})")
_WORD = re.compile(r"[^\W\d][\w./-]*")
_OPENING, _CLOSING = "([{", ")]}"
_MUCH = 1 << 20
"""Bytes from which on they are told of a tensor whose dtype is the model's."""
_MOST_ELEMENTS = 2**40
_SIZES = re.compile(r"[A-Za-z_.]*\s*[(\[]*\s*(-?\d+(?:\s*[,;x×*\s]\s*-?\d+)+)\s*,?\s*[)\]]*", re.DOTALL)
"""Sizes in the ways in which people write them elsewhere: (2, 3, 32, 32), torch.randn(2, 3), 2 x 3."""
_NOT_LITERAL = (ValueError, TypeError, SyntaxError, MemoryError, RecursionError)


class InputTextError(ValueError):
    """Says in words why a text means nothing, with one that does."""

    def __init__(self, reason: str, example: str) -> None:
        super().__init__(f"{reason}, such as {example}")


class TensorText(NamedTuple):
    """The parts of the text of a tensor, as they are typed; what is left out is empty."""

    kind: str
    shape: str
    dtype: str = ""
    range: str | None = None
    """None when there is no second colon after the shape."""

    def spelled(self) -> str:
        head = f"{self.kind}:{self.shape}" if self.kind else self.shape
        if self.range is not None:
            return f"{head}:{self.dtype}:{self.range}"
        return f"{head}:{self.dtype}" if self.dtype else head

    @property
    def whole_dtype(self) -> str:
        """The dtype by its full name; empty when none is said."""
        name = self.dtype.removeprefix("torch.")
        name = SHORT_DTYPES.get(name, name)
        return name or ("int64" if self.kind == "arange" else "")

    @property
    def floating(self) -> bool:
        return not self.whole_dtype or self.whole_dtype.startswith(("float", "bfloat", "complex"))


def tensor_text(text: str) -> TensorText | None:
    """The parts, right or wrong, of what begins like a tensor; None of other text."""
    match = _KIND.fullmatch(text)
    kind, rest = (match[1], match[2]) if match and match[1] != "scalar" else ("", text)
    shape, *options = [part.strip() for part in rest.split(":", 2)]
    if not kind and not (_SHAPE.fullmatch(shape) or (options and re.match(r"\d|scalar", shape))):
        return None  # a lone number is a number
    return TensorText(kind, shape, *options)


def meaning(text: str, *, inside: bool = False) -> str:
    """What a text stands for, in words. Raises InputTextError when it stands for nothing."""
    text = text.strip()
    if not text:
        raise InputTextError("there is no value", "2x3x32x32")
    if text[0] == "@":
        return _stored(text[1:].strip())
    if (tensor := tensor_text(text)) is not None:
        return _tensor(tensor)
    words = _several(text) if text[0] in _OPENING else _plain(text, inside)
    meant = "" if inside else sizes_meant(text)
    return f"{words} · a tensor of these sizes is written {meant}" if meant else words


def sizes_meant(text: str) -> str:
    """`2x3x32x32` for sizes that are written in another way; empty for text that is none."""
    match = _SIZES.fullmatch(text.strip())
    return "x".join(re.findall(r"\d+", match[1])) if match is not None else ""


# --- tensors --------------------------------------------------------------------------------------------------------


def _tensor(typed: TensorText) -> str:
    if typed.kind and typed.kind not in KINDS:
        raise InputTextError(
            f"{typed.kind!r} is none of {', '.join(KINDS)}{_near(typed.kind, KINDS)}", "ones:2x16:bool"
        )
    if not (_SHAPE.fullmatch(typed.shape) or typed.shape.isdecimal()):
        raise InputTextError(f"{typed.shape!r} is no shape: sizes with x between them", "2x3x32x32")
    sizes = [int(one) for one in re.findall(r"\d+", typed.shape)]
    if math.prod(sizes) > _MOST_ELEMENTS:
        raise InputTextError(f"a tensor of {whole(math.prod(sizes))} elements is larger than any memory", "2x3x32x32")
    _check_dtype(typed)
    values = _values(typed, _range(typed))
    dtype = typed.whole_dtype or "the model's dtype"
    bits = re.search(r"\d+$", typed.whole_dtype)
    width = 1 if typed.whole_dtype == "bool" else int(bits[0]) // 8 if bits else 0
    taken = f" · {size(math.prod(sizes) * width)}" if width else ""
    if not width and 4 * math.prod(sizes) >= _MUCH:
        taken = f" · {size(4 * math.prod(sizes))} in float32"
    shape = f"of shape {shape_words(sizes)}" if sizes else "without dimensions"
    return f"a tensor {shape}, {dtype}, {values}{taken}"


def _check_dtype(typed: TensorText) -> None:
    name = typed.whole_dtype
    if name and name not in DTYPES and not _RARE.fullmatch(name):
        names = (*DTYPES, *SHORT_DTYPES)
        raise InputTextError(f"there is no dtype {typed.dtype!r}{_near(name, names)}", "2x3:float16")


def _range(typed: TensorText) -> tuple[float, float] | None:
    if typed.range is None:
        return None
    match = _RANGE.fullmatch(typed.range.replace(" ", ""))
    if match is None:
        raise InputTextError(f"{typed.range!r} is no range", "2x16:int64:0-999 or 2x3:float32:-1..1")
    low, high = float(match[1]), float(match[2])
    if low > high:
        raise InputTextError(f"the range {typed.range} ends before it begins", "2x16:int64:0-999")
    if typed.kind not in ("", "uniform"):
        example = f"uniform:{typed.shape}::0-1" if typed.kind == "normal" else f"{typed.kind}:{typed.shape}"
        raise InputTextError(f"{typed.kind} takes no range", example)
    if not typed.floating and not (low.is_integer() and high.is_integer()):
        raise InputTextError(f"{typed.whole_dtype} has whole numbers only", "2x16:int64:0-999")
    return low, high


def _values(typed: TensorText, bounds: tuple[float, float] | None) -> str:
    """How the elements are chosen."""
    if typed.kind in ("zeros", "ones", "arange"):
        return {"zeros": "all 0", "ones": "all 1", "arange": "0, 1, 2, …"}[typed.kind]
    if bounds is None:
        if typed.floating:
            return "evenly random from 0 to 1" if typed.kind == "uniform" else "random normal"
        return "random True and False" if typed.whole_dtype == "bool" else "random whole numbers"
    if typed.floating:
        return f"evenly random from {bounds[0]:g} to {bounds[1]:g}"
    return f"random whole numbers from {whole(int(bounds[0]))} to {whole(int(bounds[1]))}"


def _near(name: str, names: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, names, 1)
    return f" (was {near[0]} meant?)" if near else ""


# --- what is no tensor ------------------------------------------------------------------------------------------------


def _stored(file: str) -> str:
    if not file:
        raise InputTextError("after @ comes a file", "@batch.pt")
    if not file.lower().endswith(FILES):
        raise InputTextError(f"values are read from {', '.join(FILES)}", "@batch.pt")
    return f"what lies in the file {file}"


def _several(text: str) -> str:
    closing = _CLOSING[_OPENING.index(text[0])]
    if text[-1] != closing or len(text) < 2:
        raise InputTextError(f"{text[0]} is not closed by {closing}", "(1x2x8, 1x2x8)")
    parts = [part.strip() for part in split(text[1:-1], ",")]
    trailing = not parts[-1]
    if trailing:
        parts.pop()
    if text[0] == "(" and len(parts) == 1 and not trailing:
        return meaning(parts[0], inside=True)
    words = [_entry(part) if text[0] == "{" else meaning(part, inside=True) for part in parts]
    noun = {"(": "a tuple", "[": "a list", "{": "a dict"}[text[0]]
    return f"{noun} of {len(words)}: {'; '.join(words)}" if words else f"an empty {noun[2:]}"


def _entry(text: str) -> str:
    key, *rest = split(text, ":")
    try:
        _literal(key)
    except _NOT_LITERAL:
        raise InputTextError(f"the key {key.strip()!r} is no literal", "{'image': 2x3x32x32}") from None
    return f"{key.strip()} {meaning(':'.join(rest), inside=True)}"


def _plain(text: str, inside: bool) -> str:
    try:
        value = _literal(text)
    except _NOT_LITERAL:
        if not inside and _WORD.fullmatch(text):
            almost = text.capitalize() if text.capitalize() in ("None", "True", "False") else ""
            return f"the text {text}" + (f", which is not {almost}" if almost else "")
        if not inside and (meant := sizes_meant(text)):
            raise InputTextError("a tensor is written as its sizes with x between them", meant) from None
        reason = f"{text!r} is neither a shape, nor a file (@), nor a literal"
        raise InputTextError(reason, "2x3x32x32, @batch.pt, 0.5 or 'text'") from None
    if isinstance(value, str):
        return f"the text {value}"
    if isinstance(value, tuple) and all(isinstance(part, int) for part in value):
        return f"a tuple of {len(value)} numbers"
    number = isinstance(value, int | float | complex) and not isinstance(value, bool)
    return f"the number {text}" if number else text


def _literal(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        return ast.literal_eval(text.strip())


def split(text: str, separator: str) -> list[str]:
    """Cut at the separators that stand outside brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for sign in text:
        if sign == separator and not depth and not quote:
            parts.append("")
            continue
        parts[-1] += sign
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        else:
            depth += (sign in _OPENING) - (sign in _CLOSING)
    return parts
