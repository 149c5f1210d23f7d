"""A checkpoint written by a test, and what a session says of it beside a model."""

from __future__ import annotations

import copy
import json
import struct
import sys
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from inspector.checkpoint_schema import CheckpointComparison
from inspector.engine.session import Session
from inspector.engine.target import Built
from inspector.messages import CheckpointCompared, CompareCheckpoint, EngineEvent, Failed
from inspector.run_schema import Finding
from inspector.schema import Failure, Target
from inspector.wire import pack
from tests.engine import bits


def asked(model: nn.Module, file: Path | str, *, unsafe: bool = False) -> CheckpointCompared | Failed:
    """What a session answers. The model is the same bit for bit afterwards, and so is the process."""
    sent: list[EngineEvent] = []
    session = Session(sent.append)
    target = Target(file="", name=type(model).__name__, line=1, call="", device="cpu")
    main = sys.modules[type(model).__module__]
    session.take(Built(model, target, (), (), 0.0, "", main))
    while session.busy:
        session.step()
    before = bits.of(model), bits.of_process()
    session.answer(CompareCheckpoint(str(file), unsafe))
    assert (bits.of(model), bits.of_process()) == before
    last = sent[-1]
    assert isinstance(last, CheckpointCompared | Failed), last
    assert pack(last)
    return last


def compared(model: nn.Module, file: Path | str, *, unsafe: bool = False) -> CheckpointComparison:
    """Of a file that is a checkpoint."""
    told = asked(model, file, unsafe=unsafe)
    assert isinstance(told, CheckpointCompared), told
    assert (told.comparison.guard[:15], told.comparison.changed) == ("left as found: ", ())
    assert not [note for note in told.comparison.notes if "could not" in note], told.comparison.notes
    return told.comparison


def refused(model: nn.Module, file: Path | str, *, unsafe: bool = False) -> Failure:
    """Of a file that is none."""
    told = asked(model, file, unsafe=unsafe)
    assert isinstance(told, Failed), told
    assert (told.failure.stage, told.failure.type, told.failure.traceback) == ("checkpoint", "CheckpointUnreadable", "")
    return told.failure


def told(model: nn.Module, state: object, file: Path) -> CheckpointComparison:
    """Of what is saved first."""
    torch.save(state, file)
    return compared(model, file)


def ids(comparison: CheckpointComparison) -> list[str]:
    """Of its findings, in their order."""
    return [finding.id for finding in comparison.findings]


def only(comparison: CheckpointComparison) -> Finding:
    """The one finding that there is."""
    (finding,) = comparison.findings
    return finding


def renamed(state: Mapping[str, Any], name: Callable[[str], str]) -> OrderedDict[str, Any]:
    """A state dict under other names, as `{name(key): value for …}` makes it: without torch's versions."""
    return OrderedDict((name(key), value) for key, value in state.items())


def torch_loads(model: nn.Module, state: Mapping[str, Any]) -> bool:
    """Whether torch itself loads it strictly; into this very model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model.load_state_dict(state, strict=True)
        except Exception:
            return False
    return True


def loaded_by(code: str, model: nn.Module, state: Mapping[str, Any]) -> nn.Module:
    """A copy of the model after the code of a mend has run on it. Raises what torch raises."""
    fresh = copy.deepcopy(model)
    exec(code, {"model": fresh, "state": state})
    return fresh


_NAMES = {torch.float32: "F32", torch.float16: "F16", torch.int64: "I64", torch.bool: "BOOL"}


def write_safetensors(file: Path, tensors: Mapping[str, Tensor]) -> Path:
    """As the format is defined: eight bytes of length, JSON, the tensors one after the other."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for key, tensor in tensors.items():
        values = tensor.detach().contiguous().numpy().tobytes()
        header[key] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(values)],
        }
        data += values
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return file
