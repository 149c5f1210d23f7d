"""The nouns: what is known about a model, as frozen records of numbers, strings and other records. Read this first.

A model is a list of rows in preorder: module, its parameters, its buffers, what it holds without registering it, then
its children. A row is named by its index in that list, never by its path, because users name things as they like and
two paths may lead to one object. `Outline` holds what a tree needs of every row, one column an array, so that a
quarter of a million rows cross between processes and stand in memory as a few blocks of bytes; the `Row` records hold
the rest and are decoded only for rows that somebody looks at.

Nothing here imports torch or textual, and nothing here is formatted for the eye: every view is a function of these.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Literal

import msgspec

SCHEMA = "nn-inspect/1"
"""Name and version of the JSON document; a change that breaks a reader changes the number."""


class Record(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Base of the records: immutable, compared by value, and invisible to the garbage collector."""


class Source(Record, frozen=True):
    """A place in a file, with the text of its first line."""

    file: str
    line: int
    """Counted from 1."""
    code: str = ""


# --- rows -----------------------------------------------------------------------------------------------------------


class Kind(IntEnum):
    """What a row of the tree stands for."""

    MODULE = 0
    """A registered module, at the first place where `modules()` meets it."""
    PARAMETER = 1
    BUFFER = 2
    MADE = 3
    """A tensor made from others (parametrization, pruning mask, weight_norm); what it is made from stands below it."""
    GHOST = 4
    """A module, parameter or tensor in a plain attribute, or the container of such: registered nowhere."""
    RUN = 5
    """A run of siblings of identical structure, folded to one row; the siblings stand below it."""
    SHARED = 6
    """A module registered a second time; its content stands at its first place."""
    CYCLE = 7
    """A module registered below itself; its content is the ancestor's."""
    OPERATION = 8
    """A function that a module's forward called: no outline has it, a table grows it from what a run told."""


class Flag(IntFlag):
    """Yes-or-no facts of a row, small enough to filter a quarter of a million rows by."""

    TRAINING = 1
    """The module's own `training` flag."""
    MIXED_MODE = 2
    """Some module below is in the other mode."""
    TRAINABLE = 4
    """Tensor: requires grad. Module: some parameter of its subtree does."""
    FROZEN = 8
    """Tensor: a parameter that does not require grad. Module: some parameter of its subtree does not."""
    LAZY = 16
    """Not initialised yet: sizes unknown. Module: it or some module below is."""
    TIED = 32
    """The same Parameter object stands at an earlier place too."""
    ALIASED = 64
    """Another object, but its memory is that of an earlier tensor."""
    HOOKED = 128
    """Somebody registered hooks on this module."""
    TRANSIENT = 256
    """A buffer with persistent=False: not in state_dict."""
    ELIDED = 512
    """Not shown in the tree: its content is folded under the tensor that it makes."""
    WRAPPER = 1024
    """DataParallel, torch.compile and the like: there for the module inside it."""
    META = 2048
    """Not allocated: the tensor lives on the meta device. Module: some tensor of its subtree does."""
    CUT = 4096
    """The rows below are not in this outline yet; the numbers of the row are whole all the same."""


Group = Literal[
    "container", "convolution", "linear", "normalization", "activation", "pooling", "dropout", "recurrent",
    "attention", "embedding", "loss", "other", "user",
]  # fmt: skip
"""What family a module class belongs to, for colour: torch.nn's own families, and the user's own classes."""


class TypeRecord(Record, frozen=True):
    """A class of modules, or of tensors that are more than a plain Tensor."""

    name: str
    qualified: str
    """Module and qualified name, as in `torch.nn.modules.conv.Conv2d`."""
    group: Group
    source: Source | None = None


class Totals(Record, frozen=True):
    """The model's sums. Every tensor is counted once, whatever number of places it stands at."""

    modules: int
    """As many as `modules()` yields."""
    parameters: int
    """Elements: `sum(p.numel() for p in model.parameters())`, lazy ones apart."""
    trainable: int
    buffers: int
    """Elements."""
    bytes: int
    """Memory of all parameters and buffers; each storage once and whole, also where a view shows only a part."""
    lazy: int = 0
    """Parameters and buffers without a size yet: not in the sums."""
    allocated: bool = True
    """False when some of `bytes` is on the meta device: what it would take."""


class Outline(msgspec.Struct, frozen=True, gc=False):
    """What a tree needs of every row, in preorder; the columns are arrays in this machine's byte order.

    Shapes: every column has `count` entries. Typecodes are those of the `array` module.
    """

    count: int
    names: tuple[str, ...]
    """The distinct row names; `name` points into it."""
    types: tuple[TypeRecord, ...]
    """The distinct classes; `type` points into it."""
    dtypes: tuple[str, ...]
    """`dtype` points into it; entry 0 is "" (no tensor, or a module without any), entry 1 is "mixed"."""
    devices: tuple[str, ...]
    """Like `dtypes`, for devices."""
    parent: bytes
    """I · row index of the parent; the root's is its own."""
    size: bytes
    """I · rows of the subtree, itself included; the next sibling of row i is i + size[i]."""
    name: bytes
    """I"""
    type: bytes
    """I · class of the module; 0 is the first entry, meaningless for rows that are no module."""
    kind: bytes
    """B · a Kind"""
    flags: bytes
    """H · Flags"""
    dtype: bytes
    """B · module: that of all its own and lower parameters, or mixed."""
    device: bytes
    """B"""
    elements: bytes
    """Q · module: parameter elements, own and below, counted once. Tensor: its elements."""
    trainable: bytes
    """Q · as `elements`, those that require grad."""
    buffers: bytes
    """Q · module: buffer elements, own and below, counted once."""
    held: bytes
    """Q · bytes: module: memory of its own and lower tensors, each storage once. Tensor: elements × item size."""
    signature: bytes
    """q · equal for rows of equal structure (names below, classes, constructor facts, shapes), also across reloads."""
    totals: Totals


class RowRecord(Record, frozen=True, tag_field="row", array_like=True):
    """Base of the records of one row, packed without their field names."""


class ModuleRow(RowRecord, frozen=True, tag="module"):
    """The rest of what is known of a module without asking the engine again."""

    facts: str
    """The constructor facts in short: `3→64 k7 s2 p3`."""
    extra_repr: str
    own_parameters: int
    """Elements of the parameters registered on the module itself."""
    same_as: int | None = None
    """Row of the first registration of a shared module, or of the ancestor that a cycle leads back to."""
    also_at: tuple[str, ...] = ()
    """The other paths at which this module is registered."""
    hooks: tuple[str, ...] = ()
    """`forward_hook: function (file:line)` for every hook that is registered here."""
    wraps: str = ""
    """What kind of wrapper it is, and around what: `torch.compile of LeNet`."""
    note: str = ""
    """What else must be said of it, in one clause."""


class TensorRow(RowRecord, frozen=True, tag="tensor"):
    """A parameter, a buffer, or a tensor made from others."""

    shape: tuple[int, ...] | None
    """None when it is not known yet (lazy)."""
    dtype: str
    device: str
    requires_grad: bool
    elements: int
    bytes: int
    """elements × item size; of a sparse or sharded tensor what is held here."""
    storage_bytes: int | None = None
    """Memory of the whole storage, where that differs from `bytes`: a view of part of it, or an expanded tensor."""
    tied_to: int | None = None
    """Row of the first place of the same Parameter (or buffer) object."""
    also_at: tuple[str, ...] = ()
    """The other paths of the same object."""
    shares: str = ""
    """Path of an earlier tensor that uses the same memory through another object."""
    persistent: bool = True
    lazy: bool = False
    layout: str = ""
    """Said only when it is not strided: `sparse_coo`, `quantized per_tensor_affine`, `DTensor Shard(0) of 2`."""
    note: str = ""
    """How it is made (`weight_norm, dim 0`), or what else must be said of it."""


class GhostRow(RowRecord, frozen=True, tag="ghost"):
    """Something that `modules()`, `parameters()` and `buffers()` do not see."""

    type: str
    """Class name; of a container with its content: `list of 2 Linear`."""
    container: str
    """Where it sits: `list`, `dict`, `tuple`, `set`, `dataclass Blocks`, or `attribute`."""
    holds: Literal["module", "parameter", "tensor"]
    elements: int
    """Elements of the parameters (of a tensor: its own) that nobody trains, moves or saves because of it."""
    bytes: int
    shape: tuple[int, ...] | None = None
    dtype: str = ""
    device: str = ""
    note: str = ""


class RunRow(RowRecord, frozen=True, tag="run"):
    """`first-last · count × type`: siblings of identical structure."""

    first: str
    last: str
    count: int
    facts: str = ""


class OperationRow(RowRecord, frozen=True, tag="operation"):
    """A call of a function in the last run; `call` is its index in the run's trace."""

    call: int


Row = ModuleRow | TensorRow | GhostRow | RunRow | OperationRow


# --- what is asked for one row at a time -----------------------------------------------------------------------------


class Code(Record, frozen=True):
    """Source text cut into tokens, ready to be coloured."""

    file: str
    line: int
    """Line of the first line of text, counted from 1."""
    tokens: tuple[tuple[str, str], ...]
    """(kind, text) in order; kind is one of keyword, name, string, number, comment, operator, builtin, text."""
    truncated: int = 0
    """Lines left out at the end."""


class Argument(Record, frozen=True):
    """An argument of a constructor or factory."""

    name: str
    annotation: str = ""
    default: str | None = None
    """The default as source text; None when there is none."""
    required: bool = False
    value: str | None = None
    """Its value here as source text, where it is known."""


class ModuleDetail(Record, frozen=True):
    """What the detail pane shows of a module beyond its row."""

    qualified_type: str
    bases: tuple[str, ...]
    doc: str
    """The class's own docstring, dedented; empty when it only inherits one."""
    arguments: tuple[Argument, ...]
    """Constructor arguments, with their values where the module keeps them under the same name."""
    class_code: Code | None
    forward_code: Code | None
    """None also when forward is inherited from torch's own base and was never written."""
    attributes: tuple[tuple[str, str], ...] = ()
    """Plain attributes of the module (numbers, strings, small tuples), as text."""
    note: str = ""
    """Why source is missing, when it is."""


class TensorStats(Record, frozen=True):
    """What the values of one tensor are, measured on all of them."""

    elements: int
    nan: int = 0
    positive_infinity: int = 0
    negative_infinity: int = 0
    zeros: int = 0
    minimum: float | None = None
    """Of the finite values, as are maximum, mean and std; None when there is none."""
    maximum: float | None = None
    mean: float | None = None
    std: float | None = None
    """Population standard deviation (divided by n)."""
    histogram: tuple[int, ...] = ()
    """Counts of the finite values in equal bins from minimum to maximum, the last bin closed."""
    note: str = ""
    """Why there are no numbers, or what they stand for: `complex: of the absolute values`."""


# --- finding and loading the model -----------------------------------------------------------------------------------


class Candidate(Record, frozen=True):
    """Something in the user's file that is, or builds, an nn.Module."""

    name: str
    kind: Literal["instance", "factory", "class"]
    line: int
    call: str
    """What would be evaluated: `ResNet()`, `build_model()`, `net`."""
    arguments: tuple[Argument, ...] = ()
    note: str = ""
    """One clause for the picker: its first docstring line, or how many arguments it wants."""


class Target(Record, frozen=True):
    """What was loaded."""

    file: str
    name: str
    line: int
    call: str
    device: str
    chosen: str = ""
    """Why this one, when no name was given: `the only class that no other uses as a part`."""


class Frame(Record, frozen=True):
    """One step of a traceback in the user's own code."""

    file: str
    line: int
    function: str
    code: str


Stage = Literal[
    "target", "config", "torch", "import", "construct", "structure", "inputs", "forward", "backward", "checkpoint",
    "engine",
]  # fmt: skip
"""What was being done when something failed."""


class Failure(Record, frozen=True):
    """Why something that the user asked for did not happen."""

    stage: Stage
    type: str
    """Class name of the exception; of a death of the engine, what ended it."""
    message: str
    source: Source | None = None
    """The innermost line that is the user's own."""
    context: tuple[tuple[int, str], ...] = ()
    """Lines around the source, numbered."""
    frames: tuple[Frame, ...] = ()
    """The user's own steps of the traceback, outermost first."""
    mend: str = ""
    """What would mend it, where that is known."""
    traceback: str = ""
    """PyTorch's and Python's own text, whole and unchanged."""
    candidates: tuple[Candidate, ...] = ()
    """When the target is ambiguous: what there is to choose from."""
    arguments: tuple[Argument, ...] = ()
    """When constructor arguments are missing: all of them."""
    call: str = ""
    """What was to be called, when arguments are missing: `Net`."""
    command: str = ""
    """A command line that would work, ready to be typed."""
    column: int = 0
    """Where in its line a syntax error was found, counted from 1; 0 of every other failure."""
    files: tuple[str, ...] = ()
    """The user's own files that had been reached: a change to one of them may mend it."""
