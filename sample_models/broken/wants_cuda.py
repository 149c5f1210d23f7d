"""Moves its model to a GPU without asking whether there is one."""

from torch import nn

model = nn.Linear(4, 2).cuda()  # <- fails here
