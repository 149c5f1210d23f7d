"""Sources that only chance or somebody else's flag shows: coins tossed in train mode, flags of modules around."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from tests.engine.comparing import compared, seeded
from tests.engine.mode_models import rows, sequence


class Decoder(nn.Module):
    """Is given its own output, or in train mode sometimes what it should have said."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.cell = nn.GRUCell(8, 8)
        self.share = share

    def forward(self, wanted: Tensor) -> Tensor:
        forced = self.training and torch.rand(()).item() < self.share
        state = wanted.new_zeros(len(wanted), 8)
        given, said = wanted[:, 0], []
        for step in range(wanted.shape[1]):
            state = self.cell(given, state)
            said.append(state)
            given = wanted[:, step] if forced else state
        return torch.stack(said, 1)


class SkipsLayers(nn.Module):
    """Leaves layers out in train mode, and scales nothing for it."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(16, 16) for _ in range(4))
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            if self.training and random.random() < self.share:
                continue
            x = x + layer(x).tanh()
        return x


@pytest.mark.parametrize("seed", range(4))
def test_a_coin_tossed_in_train_mode_makes_a_source_however_it_falls(seed: int) -> None:
    found = compared(seeded(lambda: nn.Sequential(Decoder(0.5))), sequence()(), seed=seed)
    assert (found.sources(), found.left_as_found) == ({"0"}, True)
    assert found.of("0").reason.endswith("forced = self.training and torch.rand(()).item() < self.share")


@pytest.mark.parametrize("seed", range(4))
def test_layers_left_out_at_random_make_a_source_of_who_leaves_them_out(seed: int) -> None:
    found = compared(seeded(lambda: SkipsLayers(0.4)), rows()(), seed=seed)
    assert (found.sources(), found.left_as_found) == ({""}, True)


def test_a_coin_that_never_falls_makes_no_source_and_the_draws_are_counted() -> None:
    found = compared(seeded(lambda: SkipsLayers(0.0)), rows()())
    assert (found.sources(), found.of("").role) == (set(), "unchanged")
    assert found.of("").note == "draws random numbers in train mode; 7 draws made no difference"


def test_what_is_the_same_by_chance_is_a_source_that_differs_by_0_and_says_so() -> None:
    found = next(
        each
        for each in (compared(seeded(lambda: SkipsLayers(0.4)), rows()(), seed=seed) for seed in range(40))
        if each.of("").difference == 0
    )
    assert (found.of("").role, found.of("").own > 0) == ("source", True)
    assert found.of("").note == "by chance the same in both modes with this seed"


class Turns(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flip(0) if self.training and torch.rand(()) < 0.5 else x


class AlwaysDrops(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, 0.5)


@pytest.mark.parametrize("seed", range(3))
def test_a_coin_is_found_below_what_is_random_in_both_modes(seed: int) -> None:
    found = compared(nn.Sequential(AlwaysDrops(), Turns()), rows()(), seed=seed)
    assert (found.sources(), found.left_as_found) == ({"1"}, True)


# --- flags of others --------------------------------------------------------------------------------------------------


class AsksItsOwner(nn.Module):
    def __init__(self, owner: nn.Module) -> None:
        super().__init__()
        self.__dict__["owner"] = owner

    def forward(self, x: Tensor) -> Tensor:
        owner: nn.Module = self.__dict__["owner"]
        return F.dropout(x, 0.5, owner.training)


class Owner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 16)
        self.drop = AsksItsOwner(self)

    def forward(self, x: Tensor) -> Any:
        return self.drop(self.fc(x))


class Hooked(nn.Module):
    """Doubles what goes into a part in train mode, by a hook on the part."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.head = nn.Linear(16, 16), nn.Linear(16, 2)
        self.fc.register_forward_pre_hook(lambda module, args: (args[0] * 2,) if self.training else None)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.fc(x))


class AsksItsFrozenPart(nn.Module):
    """Looks at a part that stays in eval mode, and is moved by another one."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Dropout(0.5))
        self.frozen = nn.Dropout(0.5)
        self.frozen.eval()

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(self.inner(x), 0.5, self.frozen.training)


class AsksItsCalledPart(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(16)

    def forward(self, x: Tensor) -> Any:
        x = self.norm(x)
        return x.clone() if self.norm.training else x


class DrawsInEval(nn.Module):
    """Monte-Carlo dropout: forward puts its dropout into train mode by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Any:
        if not self.training:
            self.drop.train()
        x = self.drop(x)
        self.drop.train(self.training)
        return x


@pytest.mark.parametrize(
    ("build", "sources"),
    [
        (Owner, {"drop"}),
        (Hooked, {"fc"}),
        (AsksItsFrozenPart, {"inner.0"}),
        (AsksItsCalledPart, {"norm"}),
        (DrawsInEval, set()),
    ],
)
def test_whose_code_asks_for_a_flag_that_is_switched_is_the_source(build: Any, sources: set[str]) -> None:
    found = compared(seeded(build), rows()())
    assert (found.sources(), found.left_as_found) == (sources, True)


def test_the_hook_that_asks_is_named() -> None:
    looks = compared(seeded(Hooked), rows()()).of("fc").looks
    assert looks is not None
    assert "if self.training else None" in looks.code
