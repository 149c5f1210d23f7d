"""One forward of the model, recorded: what was called, what flowed, what it cost, and where it stopped."""
