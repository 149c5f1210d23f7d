"""A structure as tests read it: columns by name, rows by path, and the sums that a plain loop over the model gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from inspector.engine.structure import Structure, read
from inspector.schema import Flag, Kind, Row

TYPECODES: dict[str, Any] = {
    "parent": "I", "size": "I", "name": "I", "type": "I", "kind": "B", "flags": "H", "dtype": "B", "device": "B",
    "elements": "Q", "trainable": "Q", "buffers": "Q", "held": "Q", "signature": "q",
}  # fmt: skip


@dataclass
class Reading:
    """Everything that was read of a model, decoded."""

    model: nn.Module
    structure: Structure

    def __post_init__(self) -> None:
        outline = self.structure.outline
        self.count = outline.count
        self.totals = outline.totals
        self.columns = {
            name: memoryview(getattr(outline, name)).cast(code).tolist() for name, code in TYPECODES.items()
        }
        self.kinds = [Kind(kind) for kind in self.columns["kind"]]
        self.flags = [Flag(flags) for flags in self.columns["flags"]]
        self.names = [outline.names[name] for name in self.columns["name"]]
        self.records = self.structure.rows(0, self.count)
        self.paths = [self.structure.path(row) for row in range(self.count)]

    def row(self, path: str, kind: Kind | None = None) -> int:
        """The only row of a path, or of a path and a kind."""
        found = [
            row for row in range(self.count) if self.paths[row] == path and (kind is None or self.kinds[row] == kind)
        ]
        assert len(found) == 1, f"{len(found)} rows {path!r}; there are {self.paths}"
        return found[0]

    def record(self, path: str, kind: Kind | None = None) -> Any:
        """The record of the only row of a path."""
        return self.records[self.row(path, kind)]

    def flag(self, path: str, kind: Kind | None = None) -> Flag:
        """The flags of the only row of a path."""
        return self.flags[self.row(path, kind)]

    def number(self, column: str, path: str = "", kind: Kind | None = None) -> int:
        """One number of the only row of a path."""
        return int(self.columns[column][self.row(path, kind)])

    def type(self, path: str, kind: Kind | None = None) -> Any:
        """The class of the only row of a path."""
        return self.structure.outline.types[self.number("type", path, kind)]

    def dtype(self, path: str, kind: Kind | None = None) -> str:
        """The dtype of the only row of a path."""
        return self.structure.outline.dtypes[self.number("dtype", path, kind)]

    def device(self, path: str, kind: Kind | None = None) -> str:
        """The device of the only row of a path."""
        return self.structure.outline.devices[self.number("device", path, kind)]

    def of_kind(self, *kinds: Kind) -> list[int]:
        """Rows of some kinds, in their order."""
        return [row for row in range(self.count) if self.kinds[row] in kinds]

    def paths_of(self, *kinds: Kind) -> list[str]:
        """Paths of the rows of some kinds."""
        return [self.paths[row] for row in self.of_kind(*kinds)]

    def below(self, path: str, kind: Kind | None = None) -> list[str]:
        """Names of the rows directly below one."""
        parent = self.row(path, kind)
        return [self.names[row] for row in range(1, self.count) if self.columns["parent"][row] == parent]

    def ghosts(self) -> dict[str, Row]:
        """Records of everything unregistered, by path."""
        return {self.paths[row]: self.records[row] for row in self.of_kind(Kind.GHOST)}


def reading(model: nn.Module) -> Reading:
    """Read a model, and check what must be true of every reading."""
    result = Reading(model, read(model))
    check_shape(result)
    check_against_torch(result)
    return result


def check_shape(result: Reading) -> None:
    """The columns describe a tree in preorder."""
    parents, sizes = result.columns["parent"], result.columns["size"]
    assert len(result.records) == result.count
    assert parents[0] == 0
    assert sizes[0] == result.count
    for row in range(1, result.count):
        parent = parents[row]
        assert parent < row < parent + sizes[parent]
        assert row + sizes[row] <= parent + sizes[parent]
    for row in range(result.count):
        child, end = row + 1, row + sizes[row]
        while child < end:
            assert parents[child] == row
            child += sizes[child]
        assert child == end


def check_against_torch(result: Reading) -> None:
    """Paths, order and sums are those that torch's own iterators give, for every module."""
    model = result.model
    assert result.paths_of(Kind.MODULE) == [path for path, _ in model.named_modules()]
    untied = [row for row in result.of_kind(Kind.PARAMETER) if Flag.TIED not in result.flags[row]]
    assert [result.paths[row] for row in untied] == [path for path, _ in model.named_parameters()]
    buffers = [row for row in result.of_kind(Kind.BUFFER) if Flag.TIED not in result.flags[row]]
    assert sorted(result.paths[row] for row in buffers) == sorted(path for path, _ in model.named_buffers())
    assert result.totals.modules == sum(1 for _ in model.modules())
    for row in result.of_kind(Kind.MODULE, Kind.SHARED, Kind.CYCLE):
        module = result.structure.module(row)
        assert module is not None
        expected = brute_force(module)
        got = tuple(result.columns[name][row] for name in ("elements", "trainable", "buffers", "held"))
        assert got == expected, f"{result.paths[row]!r}: {got} instead of {expected}"
    assert result.columns["elements"][0] == result.totals.parameters
    assert result.columns["held"][0] == result.totals.bytes


def brute_force(module: nn.Module) -> tuple[int, int, int, int]:
    """Parameter elements, trainable ones, buffer elements and bytes, as sets of objects and storages give them."""
    parameters = {id(p): p for p in module.parameters() if not nn.parameter.is_lazy(p)}.values()
    buffers = {id(b): b for b in module.buffers() if not nn.parameter.is_lazy(b)}.values()
    storages = {t.untyped_storage()._cdata: t.untyped_storage().nbytes() for t in (*parameters, *buffers) if plain(t)}
    return (
        sum(p.numel() for p in parameters),
        sum(p.numel() for p in parameters if p.requires_grad),
        sum(b.numel() for b in buffers),
        sum(storages.values()),
    )


def plain(tensor: Tensor) -> bool:
    """Whether its memory is one storage."""
    try:
        tensor.untyped_storage()
    except NotImplementedError:
        return False
    return True
