"""What the plain tree says of what is out of the ordinary."""

from __future__ import annotations

import torch
from torch import nn

from tests.reports.rendering import rendered


def test_memory_that_is_not_allocated_is_said_whole_or_in_part() -> None:
    layer, ghostly = nn.Linear(2, 2), nn.Linear(2, 2, device="meta")
    assert "allocated" not in rendered(nn.Sequential(layer)).tree()
    assert "48 bytes  (48 B)  (in part not allocated" in rendered(nn.Sequential(layer, ghostly)).tree()
    assert "24 bytes  (24 B)  (not allocated: on the meta device)" in rendered(nn.Sequential(ghostly)).tree()


def test_a_note_on_a_module_stands_on_its_line() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    vars(model[0])["training"] = torch.tensor(True)
    line = next(line for line in rendered(model).tree().splitlines() if "Linear 2→2" in line)
    assert "its training flag is a Tensor, neither True nor False" in line


def test_what_hangs_on_a_class_is_marked_as_not_registered() -> None:
    class Net(nn.Module):
        norm = nn.LayerNorm(4)

    text = rendered(Net()).tree()
    assert "LayerNorm  NOT REGISTERED" in text
    assert "parameters  0  (0 trainable, 0 frozen)" in text
