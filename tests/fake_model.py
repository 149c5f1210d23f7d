"""Outlines made by hand, so that tables, trees and reports can be tested without torch."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import msgspec

from inspector.messages import CHUNK_ROWS, RowsDescribed
from inspector.schema import (
    Flag,
    GhostRow,
    Group,
    Kind,
    ModuleRow,
    Outline,
    Row,
    RunRow,
    Source,
    TensorRow,
    Totals,
    TypeRecord,
)


@dataclass
class Node:
    """One row to be, with the rows below it."""

    name: str
    kind: Kind = Kind.MODULE
    type: str = ""
    group: Group = "user"
    facts: str = ""
    shape: tuple[int, ...] = ()
    flags: Flag = Flag(0)
    dtype: str = "float32"
    note: str = ""
    below: list[Node] = field(default_factory=list)
    record: Row | None = None

    def rows(self) -> list[Node]:
        return [self, *(row for child in self.below for row in child.rows())]

    def elements(self) -> int:
        if self.kind in (Kind.PARAMETER, Kind.BUFFER):
            product = 1
            for size in self.shape:
                product *= size
            return product
        return sum(child.elements() for child in self.below if child.kind is not Kind.BUFFER)


def module(name: str, type_: str, *below: Node, facts: str = "", group: Group = "user", flags: Flag = Flag(0)) -> Node:
    return Node(name, Kind.MODULE, type_, group, facts, below=list(below), flags=flags | Flag.TRAINABLE)


def parameter(name: str, *shape: int, dtype: str = "float32", flags: Flag = Flag.TRAINABLE) -> Node:
    return Node(name, Kind.PARAMETER, shape=shape, dtype=dtype, flags=flags)


def buffer(name: str, *shape: int, dtype: str = "float32", flags: Flag = Flag(0)) -> Node:
    return Node(name, Kind.BUFFER, shape=shape, dtype=dtype, flags=flags)


def linear(name: str, inputs: int, outputs: int) -> Node:
    weights = parameter("weight", outputs, inputs), parameter("bias", outputs)
    return module(name, "Linear", *weights, facts=f"{inputs}→{outputs}", group="linear")


def run(blocks: list[Node]) -> Node:
    first, last = blocks[0].name, blocks[-1].name
    return Node(f"{first}-{last}", Kind.RUN, blocks[0].type, blocks[0].group, blocks[0].facts, below=blocks)


def lenet() -> Node:
    """The rows of sample_models/lenet.py."""
    conv1 = parameter("weight", 6, 1, 5, 5), parameter("bias", 6)
    conv2 = parameter("weight", 16, 6, 3, 3), parameter("bias", 16)
    return module(
        "LeNet",
        "LeNet",
        module("conv1", "Conv2d", *conv1, facts="1→6 k5", group="convolution"),
        module("conv2", "Conv2d", *conv2, facts="6→16 k3", group="convolution"),
        linear("fc1", 576, 120),
        linear("fc2", 120, 84),
        linear("fc3", 84, 10),
    )


def transformer(blocks: int = 12) -> Node:
    """A tower of identical blocks in a ModuleList."""
    tower = [module(str(i), "Block", linear("up", 64, 256), linear("down", 256, 64)) for i in range(blocks)]
    layers = module("layers", "ModuleList", run(tower), facts=f"{blocks} items", group="container")
    return module("GPT", "GPT", linear("embed", 100, 64), layers, linear("head", 64, 100))


def outline(root: Node) -> Outline:
    """The columns of a tree of nodes."""
    nodes = root.rows()
    index = {id(node): row for row, node in enumerate(nodes)}
    parents = [0] * len(nodes)
    for node in nodes:
        for child in node.below:
            parents[index[id(child)]] = index[id(node)]
    names = tuple(dict.fromkeys(node.name for node in nodes))
    types = tuple({n.type: _type(n) for n in nodes if n.type}.values()) or (TypeRecord("", "", "other"),)
    dtypes = ("", "mixed", *dict.fromkeys(n.dtype for n in nodes))
    total = root.elements()
    return Outline(
        count=len(nodes),
        names=names,
        types=types,
        dtypes=dtypes,
        devices=("", "mixed", "cpu"),
        parent=array("I", parents).tobytes(),
        size=array("I", [len(n.rows()) for n in nodes]).tobytes(),
        name=array("I", [names.index(n.name) for n in nodes]).tobytes(),
        type=array("I", [_type_index(types, n) for n in nodes]).tobytes(),
        kind=bytes(n.kind for n in nodes),
        flags=array("H", [n.flags for n in nodes]).tobytes(),
        dtype=bytes(dtypes.index(n.dtype) for n in nodes),
        device=bytes(2 for _ in nodes),
        elements=array("Q", [n.elements() for n in nodes]).tobytes(),
        trainable=array("Q", [n.elements() for n in nodes]).tobytes(),
        buffers=array("Q", [0 for _ in nodes]).tobytes(),
        held=array("Q", [4 * n.elements() for n in nodes]).tobytes(),
        signature=array("q", [hash(repr(n)) for n in nodes]).tobytes(),
        totals=Totals(sum(n.kind is Kind.MODULE for n in nodes), total, total, 0, 4 * total),
    )


def described(root: Node) -> list[RowsDescribed]:
    """The records of all rows, in chunks."""
    records = [_record(node) for node in root.rows()]
    starts = range(0, len(records), CHUNK_ROWS)
    return [_chunk(first, records[first : first + CHUNK_ROWS]) for first in starts]


def _chunk(first: int, records: list[Row]) -> RowsDescribed:
    return RowsDescribed(first, msgspec.msgpack.encode(records), len(records))


def _type(node: Node) -> TypeRecord:
    return TypeRecord(node.type, f"model.{node.type}", node.group, Source("/home/me/model.py", 7))


def _type_index(types: tuple[TypeRecord, ...], node: Node) -> int:
    return next((i for i, t in enumerate(types) if t.name == node.type), 0)


def _record(node: Node) -> Row:
    if node.record is not None:
        return node.record
    if node.kind in (Kind.PARAMETER, Kind.BUFFER, Kind.MADE):
        trains = bool(node.flags & Flag.TRAINABLE)
        elements = node.elements()
        return TensorRow(node.shape, node.dtype, "cpu", trains, elements, 4 * elements, note=node.note)
    if node.kind is Kind.GHOST:
        return GhostRow(node.type, "list", "module", 40, 160, note=node.note)
    if node.kind is Kind.RUN:
        return RunRow(node.below[0].name, node.below[-1].name, len(node.below), node.facts)
    own = sum(child.elements() for child in node.below if child.kind is Kind.PARAMETER)
    return ModuleRow(node.facts, node.facts, own, note=node.note)
