"""Functions of several tensors whose sizes do not belong together: NN210, NN205 and NN207 beside the operators."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.engine.failing import Applied, finding_of

H = torch.ones(3, 8)
IDS = torch.tensor([0, 9])

CASES: list[tuple[str, Callable[[Tensor], object], str]] = [
    ("NN210", lambda x: torch.einsum("bd,de->be", x, torch.ones(6, 3)), "axis 1 of input x (3×8) has 8, axis 0 of"),
    ("NN210", lambda x: x.expand(5, 3, 7), "expand to 5×3×7: axis 1 of input x (3×8) has 8, which is neither 1 nor 7"),
    ("NN210", lambda x: x.expand_as(torch.ones(3, 9)), "which is neither 1 nor 9"),
    ("NN210", lambda x: x.expand(8), "3×8 has 2 axes already"),
    ("NN210", lambda x: x.clone().__setitem__((..., slice(4)), torch.ones(3, 5)), "into a place of 3×4"),
    ("NN210", lambda x: x[torch.ones(3, 7, dtype=torch.bool)], "axis 1 of input x (3×8) has 8, axis 1 of"),
    ("NN210", lambda x: functional.cosine_similarity(x, torch.ones(3, 7)), "on axis 1 input x gives 8"),
    ("NN210", lambda x: torch.cdist(x, torch.ones(3, 7)), "axis 1 of input x (3×8) has 8, axis 1 of"),
    ("NN210", lambda x: functional.cross_entropy(x, torch.zeros(4).long()), "axis 0 of input x (3×8) has 3, axis 0"),
    ("NN210", lambda x: functional.binary_cross_entropy_with_logits(x, torch.ones(3, 1)), "a target of 3×1"),
    ("NN210", lambda x: torch.baddbmm(torch.ones(1), torch.ones(2, 3, 4), torch.ones(2, 5, 3)), "has 4, axis 1 of"),
    ("NN210", lambda x: torch.mv(x, torch.ones(7)), "axis 1 of input x (3×8) has 8, axis 0 of"),
    ("NN210", lambda x: torch.tensordot(x, torch.ones(7, 3), dims=1), "axis 1 of input x (3×8) has 8, axis 0 of"),
    ("NN210", lambda x: torch.hstack([x, torch.ones(4, 8)]), "on axis 0 input x gives 3"),
    ("NN210", lambda x: torch.vstack([x, torch.ones(3, 7)]), "on axis 1 input x gives 8"),
    (
        "NN210",
        lambda x: functional.scaled_dot_product_attention(x[None], torch.ones(1, 3, 5), torch.ones(1, 3, 5)),
        "has 8, axis 2 of",
    ),
    ("NN205", lambda x: x.unflatten(1, (3, 3)), "axis 1 of 3×8 is to become (3, 3), and 8 is not 9 = 3×3"),  # type: ignore[no-untyped-call]
    ("NN205", lambda x: x.unflatten(1, (-1, 3)), "and 8 is not divisible by 3"),  # type: ignore[no-untyped-call]
    ("NN205", nn.Unflatten(1, (2, 5)), "axis 1 of 3×8 is to become (2, 5), and 8 is not 10 = 2×5"),
    ("NN207", lambda x: x[IDS], "index 9, but the table has rows 0..2"),
    ("NN207", lambda x: x[IDS - 12, :2], "index -12, but the table has rows 0..2"),
    ("NN207", lambda x: x.index_select(0, IDS), "index 9, but the table has rows 0..2"),
]


@pytest.mark.parametrize(("id_", "function", "words"), CASES)
def test_the_sizes_that_do_not_belong_together_are_named(
    id_: str, function: Callable[[Tensor], object], words: str
) -> None:
    finding = finding_of(Applied(lambda self, x: function(x)), H)
    assert finding.id == id_
    assert words in finding.message


def test_what_another_axis_was_asked_for_is_anything_else() -> None:
    assert finding_of(Applied(lambda self, x: x[:, IDS]), H).id == "NN299"
