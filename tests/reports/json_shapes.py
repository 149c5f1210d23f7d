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
    stage: Literal[
        "target", "config", "torch", "import", "construct", "structure", "inputs", "forward", "backward", "checkpoint",
        "engine",
    ]  # fmt: skip
    type: str
    message: str
    source: Place | None
    mend: str
    candidates: list[Candidate]
    arguments: list[Argument]
    command: str
    traceback: str


Number = float | Literal["nan", "inf", "-inf"]
"""JSON has no word for some of them."""


class Stats(Shape):
    elements: int
    nan: int
    positive_infinity: int
    negative_infinity: int
    zeros: int
    minimum: float | None
    maximum: float | None
    mean: Number | None
    std: Number | None
    note: str


class Value(Shape):
    """A tensor that flowed."""

    path: str
    shape: list[int]
    dtype: str
    device: str
    kind: str
    strides: list[int] | None
    bytes: int
    stats: Stats | None


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
    calls: int | None
    inputs: list[Value | str]
    outputs: list[Value | str]
    flops: int | None
    seconds: float | None
    memory_bytes: int | None


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
    calls: int | None


class Totals(Shape):
    modules: int
    parameters: int
    trainable: int
    buffers: int
    bytes: int
    lazy: int
    allocated: bool
    flops: int | None
    uncounted: dict[str, int]


class Given(Shape):
    name: str
    text: str
    reason: str
    values: list[Value | str]


class Inputs(Shape):
    origin: Literal["given", "file", "model", "guessed", "none"]
    args: list[Given]
    kwargs: dict[str, Given]
    reason: str
    where: str
    command: str
    signature: list[Argument]


class Warned(Shape):
    category: str
    text: str
    source: Place | None
    times: int


class Call(Shape):
    parent: int | None
    path: str
    operation: str | None
    call: int
    state: Literal["done", "failed", "unwound"]
    line: Place | None
    inputs: list[list[int] | str]
    outputs: list[list[int] | str]
    seconds: float | None
    flops: int | None
    memory_bytes: int
    notes: list[str]


class Run(Shape):
    mode: Literal["train", "eval", "kept"]
    dry: bool
    device: str
    seed: int
    ok: bool
    seconds: float | None
    spread: float | None
    repeats: int
    outputs: list[Value | str]
    flops_by: Literal["dry run", "run", ""]
    peak_bytes: int | None
    training_bytes: int | None
    calls: int
    operations: int
    uncalled_but_used: list[str]
    warnings: list[Warned]
    notes: list[str]
    guard: str
    changed: list[str]
    trace: list[Call]
    trace_left_out: int


class Finding(Shape):
    id: str
    severity: Literal["error", "warning", "note"]
    path: str
    message: str
    fix: str
    source: Place | None
    received: str
    expected: str
    producer: str
    call: int | None


class ModuleCall(Shape):
    path: str
    call: int


class Norm(Shape):
    momentum: Number | None
    batches: int | None
    values: int
    tracked: bool
    eps: Number
    channels: dict[str, list[Number]]
    total: int
    farthest: int


class Dropout(Shape):
    p: Number | None
    zeroed: int
    elements: int
    scale: Number | None
    channels: bool
    samples: bool


class Difference(Shape):
    path: str
    call: int
    role: Literal["source", "passes on", "unchanged", "only in train", "only in eval"]
    difference: Number
    largest: Number
    noise_eval: Number
    noise_train: Number
    own: Number
    sampled: bool
    shape: list[int] | None
    reason: str
    note: str
    source: Place | None
    looks: Place | None
    norm: Norm | None
    dropout: Dropout | None


class OutputDifference(Shape):
    path: str
    shape: list[int]
    difference: Number
    largest: Number
    noise_eval: Number
    noise_train: Number


class Comparison(Shape):
    seed: int
    device: str
    seconds: float
    failed_in: Literal["train", "eval"] | None
    sources: list[ModuleCall]
    calls: list[Difference]
    calls_left_out: int
    outputs: list[OutputDifference]
    warnings: list[Warned]
    notes: list[str]
    guard: str
    changed: list[str]


class Checkpoint(Shape):
    file: str
    format: str
    read: bool
    place: str
    others: list[str]
    fits: bool
    fitting: int
    wanted: int
    held: int
    renamed: int
    seconds: float
    notes: list[str]
    guard: str
    changed: list[str]


class ParameterGradient(Shape):
    path: str
    state: Literal["measured", "none", "uncalled"]
    norm: Number | None
    largest: Number | None
    elements: int | None
    zeros: int | None
    nan: int | None
    infinite: int | None


class LayerGradient(Shape):
    path: str
    call: int | None
    norm: Number


class Backward(Shape):
    mode: Literal["train", "kept"]
    seed: int
    device: str
    failed_in: Literal["forward", "backward"] | None
    objective: Literal["loss", "losses", "projection"] | None
    words: str
    value: Number | None
    forward_seconds: float
    backward_seconds: float
    parameters: list[ParameterGradient]
    frozen: int
    layers: list[LayerGradient]
    notes: list[str]
    guard: str
    changed: list[str]


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
    run: Run | None
    comparison: Comparison | None
    checkpoint: Checkpoint | None
    backward: Backward | None
    findings: list[Finding]
    printed: Printed
