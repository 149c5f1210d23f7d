"""Asks a question while it is imported."""

from torch import nn

width = int(input("How wide? "))  # <- fails here
model = nn.Linear(width, 2)
