"""The shapes of the JSON document, written down once more as types: an unknown or missing field is an error.

This is the public contract nn-inspect/1, and so it is written apart from what writes it.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Shape(msgspec.Struct, forbid_unknown_fields=True):
    """Base of the shapes."""


class Place(Shape):
    file: str
    line: int
    code: str


class Target(Shape):
    file: str
    name: str | None
    line: int | None
    call: str | None
    device: str = ""
    chosen: str = ""


class Candidate(Shape):
    name: str
    kind: str
    line: int


class Argument(Shape):
    name: str
    annotation: str
    default: str | None
    required: bool
    value: str | None


class Error(Shape):
    stage: Literal["target", "config", "torch", "import", "construct", "structure", "engine"]
    type: str
    message: str
    source: Place | None
    mend: str
    candidates: list[Candidate]
    arguments: list[Argument]
    command: str
    traceback: str


class Module(Shape):
    path: str
    type: str
    qualified_type: str
    training: bool
    source: Place | None
    extra_repr: str
    parameters: int
    own_parameters: int
    trainable: int
    buffers: int
    bytes: int
    same_as: str | None
    lazy: bool
    wraps: str
    hooks: list[str]
    calls: None
    inputs: list[None]
    outputs: list[None]
    flops: None
    seconds: None
    memory_bytes: None


class Tensor(Shape):
    path: str
    shape: list[int] | None
    dtype: str
    device: str
    requires_grad: bool
    elements: int | None
    bytes: int | None
    tied_to: str | None
    shares_memory_of: str | None
    layout: str
    lazy: bool


class Buffer(Tensor):
    persistent: bool


class Unregistered(Shape):
    path: str
    type: str
    container: str
    holds: Literal["module", "parameter", "tensor"]
    elements: int


class Totals(Shape):
    modules: int
    parameters: int
    trainable: int
    buffers: int
    bytes: int
    lazy: int
    allocated: bool
    flops: None
    uncounted: dict[str, int]


class Inputs(Shape):
    origin: Literal["given", "file", "model", "guessed", "none"]
    args: list[None]
    kwargs: dict[str, None]


class Printed(Shape):
    stdout: str
    stderr: str
    dropped_bytes: int


class Document(Shape):
    schema: Literal["nn-inspect/1"]
    tool: dict[str, str]
    target: Target
    error: Error | None
    modules: list[Module]
    parameters: list[Tensor]
    buffers: list[Buffer]
    unregistered: list[Unregistered]
    totals: Totals | None
    inputs: Inputs
    run: None
    comparison: None
    findings: list[None]
    printed: Printed
