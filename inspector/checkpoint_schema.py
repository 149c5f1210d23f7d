"""The nouns of a checkpoint against the model: what lies in a file, how much of it fits, and what does not."""

from __future__ import annotations

from inspector.run_schema import Finding
from inspector.schema import Record


class CheckpointComparison(Record, frozen=True):
    """A file's state dict beside the one that the model would load: names, shapes and dtypes, never a value."""

    file: str
    """As it was asked for."""
    format: str
    """What it was written by, in words: `torch.save`, `safetensors`, `an index of 3 files`."""
    read: bool = True
    """False of a file that was refused because it would run code: then nothing was compared."""
    place: str = ""
    """Where in the file the state dict is: `["state_dict"]`; empty when it is the file itself."""
    others: tuple[str, ...] = ()
    """Where else in the file there is one with names of this model."""
    fits: bool = False
    """Whether `load_state_dict(state, strict=True)` takes all names and shapes."""
    fitting: int = 0
    """Tensors of the model that stand in the file under the same name with the same shape."""
    wanted: int = 0
    """Tensors that the model loads."""
    held: int = 0
    """Tensors in the file's state dict."""
    renamed: int = 0
    """Tensors that would fit as well if the prefixes were the same."""
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    guard: str = ""
    """What was compared before and after, and found the same."""
    changed: tuple[str, ...] = ()
    """What could not be put back, if anything."""
