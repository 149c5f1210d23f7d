"""Prints for ever while it is imported."""

from torch import nn

model = nn.Linear(4, 2)
step = 0

while True:
    step += 1
    print(f"step {step}: loss {1 / step:.6f}, and some more words to make the line a long one")  # <- hangs here
