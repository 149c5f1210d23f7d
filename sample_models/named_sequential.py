"""A Sequential whose layers have names, built by a function: no class of its own."""

from collections import OrderedDict

import torch
from torch import nn


def build_model() -> nn.Sequential:
    """Two convolutions, each with its ReLU."""
    return nn.Sequential(
        OrderedDict(
            [
                ("conv1", nn.Conv2d(1, 20, 5)),
                ("relu1", nn.ReLU()),
                ("conv2", nn.Conv2d(20, 64, 5)),
                ("relu2", nn.ReLU()),
            ]
        )
    )


example_inputs = torch.randn(2, 1, 28, 28)
