"""What stands at several places is counted once, wherever one looks from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from inspector.engine.structure import read
from inspector.schema import Flag, Kind
from tests.engine.reading import Reading, reading


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(1000, 64)
        self.head = nn.Linear(64, 1000, bias=False)
        self.head.weight = self.embedding.weight


def test_a_tied_weight_is_counted_once() -> None:
    result = reading(Tied())
    assert result.totals.parameters == 64_000
    assert result.totals.bytes == 256_000
    assert result.number("elements", "embedding") == 64_000
    assert result.number("elements", "head") == 64_000


def test_a_tied_weight_says_at_both_places_where_else_it_stands() -> None:
    result = reading(Tied())
    first, second = result.record("embedding.weight"), result.record("head.weight")
    assert (first.tied_to, first.also_at) == (None, ("head.weight",))
    assert (second.tied_to, second.also_at) == (result.row("embedding.weight"), ("embedding.weight",))
    assert Flag.TIED in result.flag("head.weight")
    assert Flag.TIED not in result.flag("embedding.weight")
    assert Flag.ALIASED not in result.flag("head.weight")


def test_two_parameters_over_one_storage_are_two_parameters_and_one_piece_of_memory() -> None:
    one, other = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
    one.weight = nn.Parameter(other.weight.data)
    model = nn.Sequential(one, other)
    result = reading(model)
    assert result.totals.parameters == 32
    assert result.totals.bytes == 64
    assert Flag.ALIASED in result.flag("1.weight")
    assert Flag.TIED not in result.flag("1.weight")
    assert result.record("1.weight").shares == "0.weight"
    assert result.record("0.weight").shares == ""


def test_a_view_says_how_large_its_storage_is() -> None:
    module = nn.Module()
    module.part = nn.Parameter(torch.zeros(100)[:1])
    module.register_buffer("wide", torch.zeros(1).expand(1000))
    module.whole = nn.Parameter(torch.zeros(3))
    result = reading(module)
    assert (result.record("part").bytes, result.record("part").storage_bytes) == (4, 400)
    assert (result.record("wide").bytes, result.record("wide").storage_bytes) == (4000, 4)
    assert result.record("whole").storage_bytes is None
    assert result.totals.bytes == 400 + 4 + 12


def test_empty_tensors_are_never_shared() -> None:
    model = nn.Module()
    empty = torch.empty(0)
    model.a, model.b = nn.Parameter(empty), nn.Parameter(empty)
    model.c, model.d = nn.Parameter(torch.empty(0)), nn.Parameter(torch.empty(0))
    result = reading(model)
    for name in "abcd":
        assert not result.flag(name) & (Flag.TIED | Flag.ALIASED)
        assert result.record(name).shares == ""


def test_a_linear_under_three_parents_is_counted_once_and_stands_at_three_places() -> None:
    shared = nn.Linear(100, 100)
    model = nn.ModuleDict({name: nn.Sequential(shared) for name in "abc"})
    result = reading(model)
    assert result.totals.parameters == 10_100
    assert result.kinds[result.row("b.0")] is Kind.SHARED
    assert result.record("b.0").same_as == result.row("a.0")
    assert result.record("b.0").also_at == ("a.0", "c.0")
    assert result.record("a.0").also_at == ("b.0", "c.0")
    assert result.record("a.0").same_as is None
    for path in ("a", "b", "c", "c.0"):
        assert result.number("elements", path) == 10_100
    assert result.below("b.0") == []
    assert result.structure.module(result.row("c.0")) is shared


def test_blocks_that_share_an_activation_fold_to_one_run() -> None:
    activation = nn.ReLU()
    model = nn.ModuleList(nn.Sequential(nn.Linear(2, 2), activation) for _ in range(4))
    assert reading(model).below("") == ["0-3"]


def test_of_very_many_places_the_first_are_listed() -> None:
    activation = nn.ReLU()
    result = reading(nn.ModuleList(nn.Sequential(activation, nn.Linear(1, 1)) for _ in range(200)))
    record = result.record("199.0")
    assert len(record.also_at) == 50
    assert record.also_at[0] == "0.0"
    assert record.note == "stands at 200 places, of which the first 50 are listed"


def test_blocks_that_are_one_and_the_same_module_are_no_run() -> None:
    block = nn.Linear(2, 2)
    result = reading(nn.ModuleList([block] * 4))
    assert result.below("") == ["0", "1", "2", "3"]
    assert result.totals.parameters == 6


def test_a_run_counts_a_tensor_that_all_its_blocks_share_once() -> None:
    model = nn.ModuleList(nn.Linear(3, 3, bias=False) for _ in range(4))
    for block in model:
        block.weight = model[0].weight
    result = reading(model)
    assert result.number("elements", "0-3") == 9
    assert result.number("held", "0-3") == 36


def test_a_registered_cycle_ends_in_a_back_reference() -> None:
    parent, child = nn.Module(), nn.Linear(2, 2)
    parent.child = child
    child.parent = parent
    result = reading(parent)
    assert result.paths == ["", "child", "child.weight", "child.bias", "child.parent"]
    back = result.row("child.parent")
    assert result.kinds[back] is Kind.CYCLE
    assert result.record("child.parent").same_as == 0
    assert result.record("").also_at == ("child.parent",)
    assert result.totals.modules == 2
    assert result.totals.parameters == 6


def test_a_module_that_contains_itself_is_read() -> None:
    model = nn.Linear(2, 2)
    model.me = model
    assert reading(model).kinds[-1] is Kind.CYCLE


def test_modules_on_a_loop_contain_all_that_the_loop_contains() -> None:
    top = nn.Module()
    top.weight = nn.Parameter(torch.zeros(5))
    top.inner = nn.Module()
    top.inner.deep = nn.Linear(2, 2)
    top.inner.deep.top = top
    result = reading(top)
    assert result.number("elements", "inner.deep") == 11
    assert result.number("elements", "inner") == 11


def test_a_parameter_that_is_registered_twice_on_one_module_is_its_own_once() -> None:
    module = nn.Module()
    module.a = nn.Parameter(torch.zeros(4))
    module.b = module.a
    result = reading(module)
    assert result.record("").own_parameters == 4
    assert result.number("elements") == 4


def test_a_tensor_that_is_a_parameter_here_and_a_buffer_there_shares_memory() -> None:
    weight = nn.Parameter(torch.zeros(4))
    model = nn.Module()
    model.register_buffer("kept", weight)
    model.inner = nn.Module()
    model.inner.weight = weight
    result = reading(model)
    assert (result.totals.parameters, result.totals.buffers, result.totals.bytes) == (4, 4, 16)
    assert result.record("inner.weight").shares == "kept"


def test_tied_lazy_parameters_are_one_lazy_parameter() -> None:
    model = nn.Sequential(nn.LazyLinear(3, bias=False), nn.LazyLinear(3, bias=False))
    model[1].weight = model[0].weight
    result = reading(model)
    assert result.totals.lazy == 1
    assert Flag.TIED in result.flag("1.weight")


def test_a_shared_module_in_the_other_mode_is_seen_from_each_of_its_places() -> None:
    shared = nn.Dropout().eval()
    model = nn.ModuleList([nn.Sequential(shared), nn.Sequential(nn.ReLU(), shared)])
    result = reading(model)
    assert Flag.MIXED_MODE in result.flag("1")
    assert Flag.TRAINING not in result.flag("1.1")


def test_a_ladder_of_shared_modules_is_counted_in_reasonable_time() -> None:
    model: nn.Module = nn.Linear(1, 1)
    for _ in range(400):
        outer = nn.Module()
        outer.a = outer.b = model
        outer.own = nn.Parameter(torch.zeros(1))
        model = outer
    structure = read(model)
    assert structure.outline.totals.parameters == 402
    rows = Reading(model, structure)
    assert rows.number("elements", "a") == 401
    assert rows.number("elements", "b") == 401


names = st.sampled_from(["0", "1", "2", "3", "a", "x9", "x10", "x11"])
Recipe = list[tuple[Any, ...]]
steps = st.one_of(
    st.tuples(st.just("child"), st.integers(0, 30), names, st.sampled_from(["linear", "bare", "norm"])),
    st.tuples(st.just("share"), st.integers(0, 30), names, st.integers(0, 30)),
    st.tuples(st.just("tie"), st.integers(0, 30), st.integers(0, 30)),
    st.tuples(st.just("alias"), st.integers(0, 30), st.integers(0, 30)),
    st.tuples(st.just("view"), st.integers(0, 30), st.integers(0, 30)),
    st.tuples(st.just("parameter"), st.integers(0, 30), st.integers(0, 3)),
    st.tuples(st.just("buffer"), st.integers(0, 30), st.integers(0, 3)),
    st.tuples(st.just("freeze"), st.integers(0, 30)),
    st.tuples(st.just("eval"), st.integers(0, 30)),
)


CHILDREN: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(1, 2),
    "bare": nn.Module,
    "norm": lambda: nn.BatchNorm1d(2),
}


def build(recipe: Recipe) -> nn.Module:
    """A model grown step by step: any module may be registered anywhere, also below itself."""
    modules: list[nn.Module] = [nn.Module()]

    def module(index: int) -> Any:
        return modules[index % len(modules)]

    def parameter(index: int) -> nn.Parameter:
        found = list(modules[0].parameters())
        return found[index % len(found)] if found else nn.Parameter(torch.zeros(2))

    for kind, where, *more in recipe:
        at = module(where)
        if kind == "child":
            child = CHILDREN[more[1]]()
            modules.append(child)
            at.add_module(more[0], child)
        elif kind == "share":
            at.add_module(more[0], module(more[1]))
        elif kind == "tie":
            at.register_parameter("tied", parameter(more[0]))
        elif kind == "alias":
            at.register_parameter("alias", nn.Parameter(parameter(more[0]).data))
        elif kind == "view":
            at.register_buffer("view", parameter(more[0]).data[:1])
        elif kind == "parameter":
            at.register_parameter("p", nn.Parameter(torch.zeros(more[0])))
        elif kind == "buffer":
            at.register_buffer("b", torch.zeros(more[0]), persistent=False)
        elif kind == "freeze":
            at.requires_grad_(False)
        else:
            at.training = False
    return modules[0]


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=25))
def test_whatever_is_shared_every_module_counts_what_torch_finds_in_it(recipe: Recipe) -> None:
    result = reading(build(recipe))
    for row in result.of_kind(Kind.MODULE, Kind.SHARED, Kind.CYCLE):
        module = result.structure.module(row)
        assert module is not None
        below = list(module.modules())
        flags = result.flags[row]
        assert (Flag.TRAINING in flags) == module.training
        assert (Flag.MIXED_MODE in flags) == any(each.training != module.training for each in below)
        assert (Flag.TRAINABLE in flags) == any(p.requires_grad for p in module.parameters())
        assert (Flag.FROZEN in flags) == any(not p.requires_grad for p in module.parameters())
    for row in result.of_kind(Kind.RUN):
        blocks = [each for each in range(result.count) if result.columns["parent"][each] == row]
        assert len({result.columns["signature"][block] for block in blocks}) == 1
        together = nn.ModuleList(m for block in blocks if (m := result.structure.module(block)) is not None)
        expected = sum(p.numel() for p in together.parameters())
        assert result.columns["elements"][row] == expected
