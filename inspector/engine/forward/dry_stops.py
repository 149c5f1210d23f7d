"""Where a dry run cannot go on although nothing is wrong with the model: told as a note, never as a failure."""

from __future__ import annotations

import os

from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    UnsupportedFakeTensorException,
    UnsupportedOperatorException,
)

from inspector.engine.case import traceback_of
from inspector.engine.failure import message_of, sendable
from inspector.engine.kinds import is_a
from inspector.engine.source_files import is_library

_READS_VALUES = (
    ".numpy() is not supported for tensor subclasses",
    "Cannot access data pointer of Tensor",
    "data is not allocated yet",
    "unsupported format string passed to FakeTensor",
)
"""What torch says where something wants the memory of a tensor that has none."""
_KEEPS_FAKES = (
    "incompatible tensor type",
    "Couldn't swap",
    "Can't call metadata mutating ops on non-Fake Tensor inputs",
)
"""What it says where a real tensor would have to become a fake one."""
_OURS = (
    "FakeTensor",
    "Not available for 'meta' device type",
    "There was no rule registered for HigherOrderOperator",
    "ShapesOnly object at",
    "has no attribute 'ignore_fresh_unbacked_symbols'",
)
"""What only a dry run can make a library speak of."""
_NESTED = ("NestedTensor", "_nested_tensor")
_NO_KERNEL = "Could not run '"
"""What it says of an operation that the device has no kernel for, as of quantized ones with plain tensors."""
_NO_SYMBOLS = ("shape_env must not be None", "operator aten::dim does not exist")
"""What it says, since 2.5 and before, where a jagged tensor would have to get a length."""
_LONGEST = 200
_CANNOT = (UnsupportedFakeTensorException, UnsupportedOperatorException)


def why_stopped(error: BaseException) -> str | None:
    """Why a dry run ends here, in one line; None when a real run would fail as well."""
    cause = _what_is_missing(error)
    where = _where(error)
    return f"{cause}{where}: only a real run can tell" if cause else None


def wants_one_shape(error: BaseException) -> bool:
    """Whether it ends at a nested tensor, which torch's fast paths make of padding and which has no one shape."""
    message = message_of(error)
    return _says(message, _NESTED) and not message.startswith(_NO_KERNEL)


def _what_is_missing(error: BaseException) -> str:
    message = message_of(error)
    if is_a(error, DataDependentOutputException, DynamicOutputShapeException) or _says(message, _READS_VALUES):
        return "the rest depends on values"
    if is_a(error, UnsupportedOperatorException):
        return sendable(f"nothing says what shape comes of {message}")
    if is_a(error, NotImplementedError) and message.startswith(_NO_KERNEL):
        operation, *_ = message.removeprefix(_NO_KERNEL).split("'")
        return sendable(f"nothing says what shape comes of {operation}")
    if is_a(error, AssertionError, RuntimeError) and _says(message, _NO_SYMBOLS):
        return "nothing says what shape a jagged tensor has"
    if is_a(error, *_CANNOT) or wants_one_shape(error) or _says(message, _KEEPS_FAKES) or _is_of_ours(error):
        return sendable(
            f"without values it cannot go on ({message.splitlines()[0][:_LONGEST]})" if message else "it cannot go on"
        )
    return ""


def _is_of_ours(error: BaseException) -> bool:
    """Whether a library stumbles over a tensor without values; the user's own words may well print one."""
    entry = traceback_of(error)
    while entry is not None and entry.tb_next is not None:
        entry = entry.tb_next
    return entry is not None and is_library(entry.tb_frame.f_code.co_filename) and _says(message_of(error), _OURS)


def _says(message: str, texts: tuple[str, ...]) -> bool:
    return any(text in message for text in texts)


def _where(error: BaseException) -> str:
    """`, lenet.py:31`: the innermost line that is the user's own."""
    entry, found = traceback_of(error), ""
    while entry is not None:
        file = entry.tb_frame.f_code.co_filename
        if not is_library(file):
            found = f", {os.path.basename(file)}:{entry.tb_lineno}"
        entry = entry.tb_next
    return sendable(found)
