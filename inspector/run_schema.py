"""The nouns of a run: what went into a model and through it, call by call. Records like those of `schema`.

A run is a list of calls in preorder: the call of a module, the calls and operations that it made, in the order in which
they began; the first is the model's own. `Trace` holds what a table needs of every call, one column an array; the
`CallRecord`s hold the values that flowed and are decoded only for calls that somebody looks at. A call names its module
by the module's row in the `Outline`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal

import msgspec

from inspector.schema import Argument, Failure, Record, Source, TensorStats

# --- values -----------------------------------------------------------------------------------------------------------


AND_MORE = "… and more"
"""The text of what stands last where there were more values than are told."""


class Seen(Record, frozen=True, array_like=True):
    """One value that went into a call or came out of it: a tensor, or what is none. Never the value itself."""

    path: str = ""
    """Where it stands among the arguments or in the result: `x`, `[1].hidden`, `["mask"]`; "" of a lone result."""
    shape: tuple[int, ...] | None = None
    """None of what is no tensor."""
    dtype: str = ""
    """As torch spells it without its prefix: `float32`."""
    device: str = ""
    text: str = ""
    """Of what is no tensor: how it is spelled, in short (`None`, `'conv'`, `3`, `Categorical`). Of a tensor: what it is
    beyond a plain one (`PackedSequence`, `sparse_coo`, `Parameter`)."""
    strides: tuple[int, ...] | None = None
    """Only when it is not contiguous."""
    bytes: int = 0
    """elements × item size"""
    maker: int = -1
    """The call that made it, by its index in the trace; -1: it came from outside the run, or nobody saw it made."""
    stats: TensorStats | None = None


# --- inputs -----------------------------------------------------------------------------------------------------------

Origin = Literal["given", "file", "model", "guessed", "none"]
"""Where sample inputs come from; `none`: there are none, and nothing runs."""


class SampleArgument(Record, frozen=True):
    """One argument that forward gets."""

    name: str
    """Of forward's parameter; of one more in *args `args[0]`."""
    keyword: bool
    """Whether it is passed by its name."""
    text: str
    """As it would be typed after --input: `x=2x1x32x32:float32`, `choice='conv'`; empty when no text says it."""
    values: tuple[Seen, ...]
    reason: str = ""
    """Of a guess: what it was read from (`conv1 takes 1 channel`)."""


class InputSet(Record, frozen=True):
    """What goes into the model."""

    origin: Origin
    arguments: tuple[SampleArgument, ...] = ()
    reason: str = ""
    """Of a guess: why these, in one line (`conv1 takes 1 channel, fc1 wants 576`). Of none: why not."""
    where: str = ""
    """Of inputs from elsewhere: `example_inputs, lenet.py:40`, `LeNet.example_input_array`, `batch.pt`."""
    signature: tuple[Argument, ...] = ()
    """Of the model's forward, without self."""
    command: str = ""
    """A command line that repeats it; empty when none can."""


# --- calls ------------------------------------------------------------------------------------------------------------


class CallKind(IntEnum):
    """What was called."""

    MODULE = 0
    OPERATION = 1
    """A function of torch called by the forward of a user's module: F.relu, x.view, +, @."""


class CallState(IntEnum):
    """How a call ended."""

    DONE = 0
    FAILED = 1
    """It raised, and nothing that it called had raised before."""
    UNWOUND = 2
    """Something that it called raised, and it let that through."""


class CallRecord(Record, frozen=True, array_like=True):
    """What a table does not need of a call."""

    inputs: tuple[Seen, ...]
    outputs: tuple[Seen, ...]
    source: Source | None = None
    """The line that made the call: the nearest one that is not torch's."""
    notes: tuple[str, ...] = ()
    """`writes into its input`, `returns its input`, `a view of its input`: one clause each."""


class Trace(msgspec.Struct, frozen=True, gc=False):
    """Every call of a run, in preorder; the columns are arrays in this machine's byte order, as in `Outline`."""

    count: int
    names: tuple[str, ...]
    """The distinct names of operations: `F.relu`, `view`, `+`; entry 0 is "" (a module)."""
    row: bytes
    """I · row of the module that was called; of an operation: of the module whose forward made it."""
    parent: bytes
    """I · index of the call around it; the first one's is its own."""
    size: bytes
    """I · calls in it, itself included: the next one beside call i is i + size[i]."""
    name: bytes
    """H · points into `names`."""
    kind: bytes
    """B · a CallKind"""
    state: bytes
    """B · a CallState"""
    number: bytes
    """I · of a module: which call of this module it is, from 1. Of an operation: 0."""
    seconds: bytes
    """d · from call to return, everything in it included; NaN where nothing was timed."""
    spread: bytes
    """d · of `seconds` over the repeats: half of the interquartile range; NaN where there were none."""
    flops: bytes
    """Q · with everything in it. One multiply-add is two."""
    memory: bytes
    """Q · bytes of the storages that its outputs hold and its inputs do not."""


class Warned(Record, frozen=True):
    """A Python warning of the run."""

    category: str
    text: str
    source: Source | None
    times: int = 1


# --- what came of it --------------------------------------------------------------------------------------------------

Severity = Literal["error", "warning", "note"]


class Finding(Record, frozen=True):
    """A fault that was noticed, in the words that the measurement supports. The ids are public and never change."""

    id: str
    """NN201"""
    severity: Severity
    row: int | None
    """The module (or tensor) that it is about."""
    path: str
    """That row's dotted path; empty of the root."""
    message: str
    """One sentence that says what was measured."""
    fix: str = ""
    """The change that would mend it, where there is one."""
    source: Source | None = None
    received: str = ""
    """Of a failed call: what it got, with where the numbers come from (`2×400   = 16×5×5 of conv2, flattened :20`)."""
    expected: str = ""
    """What it takes."""
    producer: str = ""
    """Who made the tensor that does not fit, in words."""
    call: int = -1
    """The failed call, by its index in the trace."""


class RunRecord(Record, frozen=True):
    """One run of the model."""

    mode: Literal["train", "eval", "kept"]
    """kept: every module in the mode in which it was found."""
    dry: bool
    """Shapes alone: nothing was computed."""
    device: str
    seed: int
    ok: bool
    inputs: InputSet
    outputs: tuple[Seen, ...] = ()
    seconds: float = 0.0
    """Of one forward: the median of the repeats; of a dry run what it took."""
    spread: float = 0.0
    """Half of the interquartile range of the repeats."""
    repeats: int = 1
    flops: int = 0
    flops_by: Literal["dry run", "run", ""] = ""
    """Where the FLOPs were counted; empty when they could not be."""
    uncounted: tuple[tuple[str, int], ...] = ()
    """Operations that no formula counts, and how often they ran."""
    peak_bytes: int | None = None
    """Most memory that tensors made in the run held at one time without gradients; None when nobody measured it."""
    training_bytes: int | None = None
    """Memory of the tensors that are still held when forward returns with gradients on."""
    calls: int = 0
    """Calls of modules."""
    operations: int = 0
    uncalled_but_used: tuple[int, ...] = ()
    """Rows of modules that were not called although their weights were used."""
    warnings: tuple[Warned, ...] = ()
    notes: tuple[str, ...] = ()
    """What recording changed or could not see, what the run was done on instead of the model itself, one line each."""
    finding: Finding | None = None
    """Where and why forward failed."""
    failure: Failure | None = None
    """The same in Python's words."""
    guard: str = ""
    """The proof: `left as found: 161 tensors, 54 modes, hooks, RNG`."""
    changed: tuple[str, ...] = ()
    """What could not be put back, if anything."""


# --- a layer tried with other arguments -------------------------------------------------------------------------------


class LayerOutcome(Record, frozen=True):
    """What a layer that was built anew made of an input; as far as it got."""

    call: str
    """How it was built: `Conv2d(in_channels=3, out_channels=64, kernel_size=(5, 5))`; what is usual is left out."""
    ok: bool
    inputs: tuple[SampleArgument, ...] = ()
    """Each with the text that gives it."""
    outputs: tuple[Seen, ...] = ()
    parameters: int | None = None
    """Elements; None when it could not be built, or is lazy."""
    bytes: int = 0
    """Of its parameters and buffers."""
    flops: int | None = None
    """Of the one call; None when it did not come to its end."""
    uncounted: tuple[tuple[str, int], ...] = ()
    peak_bytes: int | None = None
    """Most memory that the call's tensors hold at one time without gradients."""
    seconds: float | None = None
    """The median of the repeats; None of what was run dry."""
    spread: float = 0.0
    repeats: int = 0
    notes: tuple[str, ...] = ()
    finding: Finding | None = None
    """Where and why it failed, when forward raised."""
    failure: Failure | None = None
    """The same in Python's words; also of a constructor that raised."""


class LayerTrial(Record, frozen=True):
    """A layer of the model, built anew and run by itself; the model has nothing to do with it."""

    row: int
    arguments: tuple[Argument, ...]
    """Of the constructor, with the values that the model's layer has."""
    origin: str
    """Where the input comes from: `typed`, or `as in the last call of conv1`."""
    after: LayerOutcome
    """With the arguments that were changed, on the input that was wanted."""
    before: LayerOutcome | None = None
    """With the layer's own arguments, on the input of its last call; of a layer that was not called on the same
    input as `after`. Always dry. None when its own arguments are not known."""
    notes: tuple[str, ...] = ()
    guard: str = ""
    changed: tuple[str, ...] = ()
    """What could not be put back, if anything."""


# --- a loss tried on the model's output -------------------------------------------------------------------------------


class LossInput(Record, frozen=True):
    """One tensor that a tried loss got."""

    name: str
    """As the loss calls it: `input`, `target`."""
    seen: Seen
    origin: str
    """Where it comes from: `output of fc3`; or how it was made: `made: class ids, 0 … 9`."""


class LossTrial(Record, frozen=True):
    """A loss called on what the last run gave and on a target that was made for it, of which it says nothing else."""

    loss: str
    """`CrossEntropyLoss()`"""
    inputs: tuple[LossInput, ...] = ()
    value: float | None = None
    """What it gave; of several numbers their mean."""
    values: int = 0
    """How many numbers it gave."""
    neutral: float | None = None
    """What it gave, measured on the same target, for an answer that knows nothing; None where there is none."""
    neutral_words: str = ""
    """What that answer is, and what its value is by the formula: `every class equally likely: ln 10`."""
    notes: tuple[str, ...] = ()
    """What was measured of the output that does not go with this loss; how the output was arranged for it."""
    failure: Failure | None = None
    changed: tuple[str, ...] = ()
    """What could not be put back, if anything."""


# --- a look at values -------------------------------------------------------------------------------------------------


class Picture(Record, frozen=True):
    """A part of a tensor, small enough for a screen."""

    shape: tuple[int, ...]
    """Of the whole tensor."""
    dtype: str
    index: tuple[int, ...]
    """The leading indices that were chosen: (sample, channel) of a [N, C, H, W]."""
    channels: int
    """How many there are to choose from along the last of `index`; 1 when it is not sliced."""
    height: int
    width: int
    pixels: bytes
    """height × width, row by row: 0 … 254 from `minimum` to `maximum`; 255 where there is no finite value."""
    minimum: float | None
    """Of the finite values of the slice, before it was scaled down."""
    maximum: float | None
    scaled: tuple[int, int]
    """Height and width of the slice before it was scaled down by averaging."""
    stats: TensorStats
    """Of the slice."""
    per_channel: tuple[tuple[float, float, float, float, float], ...] = ()
    """Minimum, mean, maximum, standard deviation and share of zeros of every channel; at most 512 of them."""
    numbers: tuple[str, ...] = ()
    """The first values of the slice as they are, for a row of numbers."""
    note: str = ""
