"""Objects that are remembered by their content: generators of random numbers, arrays of NumPy, bytearrays."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import torch


class Content(NamedTuple):
    """How the content of such an object is read, as plain data that may be compared, and written."""

    read: Callable[[Any], tuple[Any, ...]]
    write: Callable[[Any, tuple[Any, ...]], object]


def of(cls: type) -> Content | None:
    """How objects of this class are read and written; None of one whose content is no matter of values."""
    found = next((content for base, content in _CONTENTS if issubclass(cls, base)), None)
    if found is None and "numpy.random" in sys.modules:
        found = _of_numpy(cls)
    return found


def _of_numpy(cls: type) -> Content | None:
    numpy = sys.modules["numpy"]
    if issubclass(cls, numpy.ndarray):
        return Content(_read_array, _write_array)
    if issubclass(cls, (numpy.random.Generator, numpy.random.RandomState)):
        return Content(lambda thing: (plain(_bits(thing).state),), lambda thing, state: _write_bits(thing, state[0]))
    return None


def _read_generator(thing: torch.Generator) -> tuple[Any, ...]:
    with torch._C.DisableTorchFunction():
        return (bytes(thing.get_state().tolist()),)


def _write_generator(thing: torch.Generator, state: tuple[Any, ...]) -> None:
    with torch._C.DisableTorchFunction():
        thing.set_state(torch.frombuffer(bytearray(state[0]), dtype=torch.uint8))


def _read_array(thing: Any) -> tuple[Any, ...]:
    """An array of objects is known by its shape alone."""
    return (thing.shape, thing.dtype.str, b"" if thing.dtype.hasobject else thing.tobytes())


def _write_array(thing: Any, state: tuple[Any, ...]) -> None:
    shape, dtype, content = state
    if thing.shape != shape:
        thing.resize(shape, refcheck=False)
    thing[...] = sys.modules["numpy"].frombuffer(content, dtype).reshape(shape)


def _bits(thing: Any) -> Any:
    """Where NumPy keeps the state of one of its generators."""
    return thing._bit_generator if hasattr(thing, "_bit_generator") else thing.bit_generator


def _write_bits(thing: Any, state: Any) -> None:
    _bits(thing).state = as_given(state)


def plain(state: Any) -> Any:
    """The state of one of NumPy's generators as data that compares with ==."""
    if isinstance(state, dict):
        return tuple((name, plain(value)) for name, value in state.items())
    return ("array", state.dtype.str, state.tobytes()) if hasattr(state, "tobytes") and state.ndim else state


def as_given(state: Any) -> Any:
    """The same as NumPy wants it back."""
    if not isinstance(state, tuple):
        return state
    if state and state[0] == "array":
        return sys.modules["numpy"].frombuffer(state[2], state[1])
    return {name: as_given(value) for name, value in state}


def _write_bytes(thing: bytearray, state: tuple[Any, ...]) -> None:
    thing[:] = state[0]


_CONTENTS: tuple[tuple[type, Content], ...] = (
    (bytearray, Content(lambda thing: (bytes(thing),), _write_bytes)),
    (torch.Generator, Content(_read_generator, _write_generator)),
    (
        random.Random,
        Content(lambda thing: (thing.getstate(),), lambda thing, state: thing.setstate(state[0])),
    ),
)
