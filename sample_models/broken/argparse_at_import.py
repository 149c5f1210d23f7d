"""A training script that parses its command line while it is imported."""

import argparse

from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--hidden", type=int, required=True)
args = parser.parse_args()  # <- fails here


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, args.hidden)

    def forward(self, x):
        return self.fc(x)
