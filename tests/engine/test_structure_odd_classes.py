"""Classes that a person may write in ways that torch allows, or only just: each is read, and told in true words."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from types import MethodType
from typing import Any
from unittest.mock import MagicMock

import pytest
import torch
from torch import Tensor, nn

from inspector.engine.detail import describe_module
from inspector.engine.structure import preview, read
from inspector.schema import Flag, GhostRow, Kind
from tests.engine.reading import Reading, brute_force, check_shape, reading


def alone(model: nn.Module) -> Reading:
    """A reading of a model that torch's own iterators cannot walk."""
    result = Reading(model, read(model))
    check_shape(result)
    return result


class Refusing(nn.Module):
    """Whatever is asked of it beyond its attributes raises."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def _refuse(self, *_: object) -> Any:
        raise RuntimeError("not for you")

    __len__ = __bool__ = __iter__ = __str__ = __repr__ = __dir__ = __contains__ = __getitem__ = _refuse
    trainer = property(_refuse)


@pytest.mark.parametrize("wrap", [lambda module: module, nn.Sequential])
def test_a_class_whose_operators_and_properties_raise_is_read(wrap: Any) -> None:
    result = reading(wrap(Refusing()))
    assert result.totals.parameters == 6
    assert result.ghosts() == {}
    assert describe_module(result.model).qualified_type


def test_a_module_that_is_falsy_is_a_module() -> None:
    class Empty(nn.Module):
        def __len__(self) -> int:
            return 0

    result = reading(nn.Sequential(Empty(), Empty(), nn.Linear(2, 2)))
    assert result.paths_of(Kind.MODULE) == ["", "0", "1", "2"]


def test_modules_that_are_equal_are_one_to_torch_and_so_here() -> None:
    class Equal(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.fc = nn.Linear(width, 2)

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Equal)

        def __hash__(self) -> int:
            return 7

    result = reading(nn.Sequential(Equal(2), Equal(3)))
    assert result.record("1").same_as == result.row("0")


def test_an_equality_that_is_a_tensor_or_raises_does_no_harm() -> None:
    class Elementwise(nn.Module):
        def __eq__(self, other: object) -> Any:
            return torch.zeros(3)

        def __hash__(self) -> int:
            return 1

    class Raising(nn.Module):
        def __eq__(self, other: object) -> bool:
            raise ValueError("compare something else")

        def __hash__(self) -> int:
            return 1

    result = alone(nn.Sequential(Elementwise(), Elementwise(), Raising(), Raising()))
    assert result.paths_of(Kind.MODULE) == ["", "0", "1", "2", "3"]


@pytest.mark.parametrize("home", [None, 5, ["torch.nn"]])
def test_a_class_may_call_its_file_whatever_it_likes(home: object) -> None:
    made: Any = type("A\x1b[31m", (nn.Linear,), {"__module__": home, "__doc__": 7})
    result = reading(nn.Sequential(made(2, 2)))
    assert result.type("0").name == "A\x1b[31m"
    assert result.type("0").qualified == "A\x1b[31m"
    assert result.type("0").group == "linear"
    assert result.type("0").source is None
    assert describe_module(result.model[0]).doc == ""  # type: ignore[index]


@pytest.mark.parametrize(
    ("flag", "training", "told"),
    [
        (1, True, ""),
        (None, False, "its training flag is None, neither True nor False"),
        (torch.tensor(True), True, "its training flag is a Tensor, neither True nor False"),
        (torch.tensor([True, False]), False, "its training flag is a Tensor, neither True nor False"),
    ],
)
def test_a_training_flag_that_is_no_bool_is_taken_as_an_if_would_and_told(
    flag: object, training: bool, told: str
) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    vars(model[1])["training"] = flag
    result = reading(model)
    assert (Flag.TRAINING in result.flag("1")) is training
    assert result.record("1").note == told
    assert result.record("0").note == ""


def test_a_large_model_with_an_odd_training_flag_is_previewed() -> None:
    model = nn.ModuleList(nn.Linear(1, 1) for _ in range(20_000))
    vars(model[7])["training"] = torch.tensor([True, False])
    first = preview(model)
    assert first is not None
    assert first.outline.totals == read(model).outline.totals


def test_a_proxy_of_a_module_is_the_module_that_it_stands_for() -> None:
    model: Any = nn.Module()
    model.child = nn.Linear(2, 2)
    model.child.parent = weakref.proxy(model)  # torch registers it: isinstance says yes
    result = reading(model)
    assert result.kinds[result.row("child.parent")] is Kind.CYCLE
    assert result.totals.modules == 2
    assert result.ghosts() == {}


def test_a_proxy_of_a_module_that_is_gone_is_no_row() -> None:
    model: Any = nn.Module()
    model.other = weakref.proxy(other := nn.Linear(2, 2))
    del other
    assert alone(model).paths == [""]


def test_something_that_only_claims_to_be_a_module_is_a_row_without_content() -> None:
    model = nn.Module()
    model.fake = MagicMock(spec=nn.Linear(2, 2))
    result = alone(model)
    assert "fake" in result.paths
    assert result.totals.parameters == 0


class Shared(nn.Module):
    norm = nn.LayerNorm(4)
    scale = torch.ones(2)
    name = "shared"

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)


def test_what_hangs_on_the_class_is_registered_nowhere() -> None:
    result = reading(nn.Sequential(Shared()))
    ghosts: dict[str, Any] = result.ghosts()
    assert list(ghosts) == ["0.norm", "0.scale"]
    assert isinstance(ghosts["0.norm"], GhostRow)
    assert (ghosts["0.norm"].container, ghosts["0.norm"].holds, ghosts["0.norm"].elements) == (
        "class attribute",
        "module",
        8,
    )
    assert result.totals.parameters == 6


def test_a_default_on_the_class_is_no_ghost_where_the_instance_has_its_own() -> None:
    @dataclass(eq=False)
    class Block(nn.Module):
        act: nn.Module = nn.Tanh()  # noqa: RUF009 - what people write
        sizes: list[int] = field(default_factory=list)

        def __new__(cls, *_: object, **__: object) -> Any:
            block = super().__new__(cls)
            nn.Module.__init__(block)
            return block

    assert reading(Block(act=nn.ReLU())).ghosts() == {}


def test_iterators_that_a_class_has_overridden_are_not_asked() -> None:
    class Overriding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(2, 2)

        def _nothing(self, *_: object, **__: object) -> Any:
            raise RuntimeError("use my own API")

        parameters = named_parameters = modules = named_modules = children = named_children = _nothing
        buffers = named_buffers = state_dict = _nothing

    result = alone(nn.Sequential(Overriding()))
    assert result.totals.parameters == 6
    assert result.paths_of(Kind.PARAMETER) == ["0.fc.weight", "0.fc.bias"]


def test_attribute_hooks_of_the_users_own_do_not_run() -> None:
    class Watched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(2, 2)
            vars(self)["sealed"] = True

        def __setattr__(self, name: str, value: Any) -> None:
            if vars(self).get("sealed"):
                raise AttributeError(f"frozen: {name}")
            super().__setattr__(name, value)

        def __getattr__(self, name: str) -> Any:
            return lambda *_: name

    model = nn.Sequential(Watched())
    before = dict(vars(model[0]))
    assert reading(model).totals.parameters == 6
    assert vars(model[0]) == before


def test_a_forward_that_was_replaced_by_a_bound_one_is_no_ghost() -> None:
    layer: Any = nn.Linear(2, 2)
    layer._old_forward = layer.forward
    layer.forward = MethodType(lambda self, x: self._old_forward(x), layer)
    assert reading(nn.Sequential(layer)).ghosts() == {}


def test_closures_weak_references_and_partial_calls_are_not_followed() -> None:
    other = nn.Linear(3, 3)
    model: Any = nn.Module()
    model.make, model.reference = (lambda: other), weakref.ref(other)
    model.table = weakref.WeakValueDictionary(other=other)
    model.method = other.forward
    assert reading(model).ghosts() == {}


def test_a_tensor_class_that_refuses_every_function_is_counted() -> None:
    class Refuses(Tensor):
        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            raise RuntimeError("no function takes me")

    model: Any = nn.Module()
    model.register_buffer("table", torch.zeros(3).as_subclass(Refuses))
    model.plain = torch.zeros(4).as_subclass(Refuses)
    result = alone(model)
    assert (result.totals.buffers, result.totals.bytes) == (3, 12)
    assert result.record("plain").elements == 4


def test_a_module_whose_tables_were_deleted_has_what_is_left() -> None:
    model: Any = nn.Sequential(nn.Linear(2, 2))
    del vars(model[0])["_buffers"]
    assert alone(model).totals.parameters == 6
    vars(model[0])["_buffers"] = {}
    assert brute_force(model)[0] == 6
