"""Hypothesis strategies for messages, made from the declared types of their fields."""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**63), 2**64 - 1),
    float: st.floats(allow_nan=False),
    str: st.text(max_size=8),
    bytes: st.binary(max_size=40),
    bool: st.booleans(),
    type(None): st.none(),
}


def instances(type_: Any) -> st.SearchStrategy[Any]:
    """Any value of a type that a message may have as a field, or any message of a union."""
    if type_ in _PLAIN:
        return _PLAIN[type_]
    arguments = get_args(type_)
    if get_origin(type_) is Literal:
        return st.sampled_from(arguments)
    if get_origin(type_) in (Union, types.UnionType):
        return st.one_of([instances(argument) for argument in arguments])
    if get_origin(type_) is tuple and arguments[-1] is Ellipsis:
        return st.lists(instances(arguments[0]), max_size=2).map(tuple)
    if get_origin(type_) is tuple:
        return st.tuples(*map(instances, arguments))
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        fields = {field.name: instances(field.type) for field in msgspec.structs.fields(type_)}
        return st.builds(type_, **fields)
    raise TypeError(f"no strategy for {type_}")
