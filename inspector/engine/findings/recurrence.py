"""NN208: an RNN, LSTM or GRU got an input or a hidden state of another shape."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from inspector.engine.findings.origins import told
from inspector.engine.findings.phrases import by
from inspector.engine.findings.rule import Proof, Rule
from inspector.engine.findings.scene import Scene, is_tensor
from inspector.engine.kinds import is_a


def _prove(scene: Scene) -> Proof | None:
    if (module := scene.module(nn.RNNBase)) is not None:
        bound = scene.bound()
        if is_a(bound.get("input"), PackedSequence):
            return _packed(scene, module, bound["input"])
        if is_tensor(bound.get("input")):
            return _input(scene, module, bound["input"]) or _hidden(scene, module, bound["input"], bound.get("hx"))
    if (module := scene.module(nn.RNNCellBase)) is not None:
        return _cell(scene, module)
    return None


# --- the input --------------------------------------------------------------------------------------------------------


def _axes(module: Any, data: Tensor) -> str:
    """`read as (seq=32, batch=8, feature=64) because batch_first=False`"""
    if data.dim() == 2:
        return f"read as (seq={data.shape[0]}, feature={data.shape[1]}), one sequence without a batch axis"
    names = ("batch", "seq", "feature") if module.batch_first else ("seq", "batch", "feature")
    named = ", ".join(f"{name}={size}" for name, size in zip(names, data.shape, strict=True))
    return f"read as ({named}) because batch_first={bool(module.batch_first)}"


def _input(scene: Scene, module: Any, data: Tensor) -> Proof | None:
    shape = tuple(data.shape)
    seen = scene.seen(data)
    if len(shape) not in (2, 3):
        _, beside, producer = told(scene, seen, 0)
        return Proof(
            message=f"{scene.who} takes 3 axes (2 without a batch), got {len(shape)}: {by(shape)}",
            received=f"{by(shape)}   {beside}".rstrip(),
            expected="batch, seq, feature" if module.batch_first else "seq, batch, feature",
            producer=producer,
        )
    if shape[-1] == module.input_size:
        return None
    sentence, beside, producer = told(scene, seen, shape[-1])
    return Proof(
        message=f"{scene.who} expects {module.input_size} features, got {shape[-1]}{sentence}: {_axes(module, data)}",
        fix=_input_fix(scene, module, shape),
        received=f"{by(shape)}   {beside}".rstrip(),
        expected=by((*shape[:-1], module.input_size)),
        producer=producer,
    )


def _input_fix(scene: Scene, module: Any, shape: tuple[int, ...]) -> str:
    others = [axis for axis in range(len(shape) - 1) if shape[axis] == module.input_size]
    if len(others) == 1:
        return f"axis {others[0]} has {module.input_size}: x.transpose({others[0]}, -1)"
    return f"input_size={shape[-1]}" if scene.call.number == 1 else ""


def _packed(scene: Scene, module: Any, packed: Any) -> Proof | None:
    data: Any = tuple.__getitem__(packed, 0)
    if not is_tensor(data) or data.dim() != 2 or data.shape[-1] == module.input_size:
        return None
    return Proof(
        message=f"{scene.who} expects {module.input_size} features, got a packed sequence with {data.shape[-1]}",
        fix=f"input_size={data.shape[-1]}" if scene.call.number == 1 else "",
        received=f"packed {by(data.shape)}",
        expected=by((data.shape[0], module.input_size)),
    )


# --- the hidden state -------------------------------------------------------------------------------------------------


def _hidden(scene: Scene, module: Any, data: Tensor, hidden: Any) -> Proof | None:
    if hidden is None:
        return None
    is_lstm = is_a(module, nn.LSTM)
    if is_a(hidden, tuple) != is_lstm:
        return _pairing(scene, is_lstm)
    states = dict(zip(("h_0", "c_0"), hidden, strict=False)) if is_lstm else {"h_0": hidden}
    for name, state in states.items():
        if is_tensor(state) and tuple(state.shape) != (wanted := _wanted(module, data, name)):
            return _state(scene, module, data, name, state, wanted)
    return None


def _wanted(module: Any, data: Tensor, name: str) -> tuple[int, ...]:
    layers = module.num_layers * (2 if module.bidirectional else 1)
    size = module.proj_size if name == "h_0" and module.proj_size else module.hidden_size
    if data.dim() == 2:
        return (layers, size)
    return (layers, data.shape[0 if module.batch_first else 1], size)


def _pairing(scene: Scene, is_lstm: bool) -> Proof:
    takes = "a pair (h_0, c_0)" if is_lstm else "one tensor h_0"
    return Proof(
        message=f"{scene.who} takes {takes} as its hidden state, got {'one tensor' if is_lstm else 'a tuple'}",
        fix="give it (h_0, c_0)" if is_lstm else "give it h_0 alone",
        expected=takes,
    )


def _state(scene: Scene, module: Any, data: Tensor, name: str, state: Tensor, wanted: tuple[int, ...]) -> Proof:
    layers = f"{module.num_layers} layers" if module.num_layers > 1 else "1 layer"
    directions = " × 2 directions" if module.bidirectional else ""
    meaning = f"({layers}{directions}, batch, hidden)" if len(wanted) == 3 else f"({layers}{directions}, hidden)"
    return Proof(
        message=f"{scene.who} expects {name} of {by(wanted)} {meaning}, got {by(state.shape)}: {_axes(module, data)}",
        fix=_state_fix(module, data, state, wanted),
        received=f"{name} {by(state.shape)}",
        expected=f"{name} {by(wanted)}",
        producer=scene.origin(state),
    )


def _state_fix(module: Any, data: Tensor, state: Tensor, wanted: tuple[int, ...]) -> str:
    got = tuple(state.shape)
    if len(got) == len(wanted) == 3:
        if (got[1], got[0], got[2]) == wanted and got[0] != got[1]:
            never = "a hidden state is never batch first: " if module.batch_first else ""
            return f"{never}h.transpose(0, 1)"
        other = data.shape[1 if module.batch_first else 0]
        if got == (wanted[0], other, wanted[2]):
            return f"batch_first={not module.batch_first}, if axis {1 if module.batch_first else 0} is the batch"
    sizes = [str(size) for size in wanted]
    if len(wanted) == 3:
        sizes[1] = f"x.size({0 if module.batch_first else 1})"
    return f"torch.zeros({', '.join(sizes)})"


# --- cells ------------------------------------------------------------------------------------------------------------


def _cell(scene: Scene, module: Any) -> Proof | None:
    bound = scene.bound()
    data: Any = bound.get("input")
    hidden: Any = bound.get("hx")
    if not is_tensor(data):
        return None
    if data.dim() and data.shape[-1] != module.input_size:
        sentence, beside, producer = told(scene, scene.seen(data), data.shape[-1])
        return Proof(
            message=f"{scene.who} expects {module.input_size} features, got {data.shape[-1]}{sentence}",
            fix=f"input_size={data.shape[-1]}" if scene.call.number == 1 else "",
            received=f"{by(data.shape)}   {beside}".rstrip(),
            expected=by((*data.shape[:-1], module.input_size)),
            producer=producer,
        )
    wanted = (*data.shape[:-1], module.hidden_size)
    for state in hidden if is_a(hidden, tuple) else (hidden,):
        if is_tensor(state) and tuple(state.shape) != wanted:
            return Proof(
                message=f"{scene.who} expects a hidden state of {by(wanted)}, got {by(state.shape)}",
                fix=f"torch.zeros({', '.join(map(str, wanted))})",
                received=by(state.shape),
                expected=by(wanted),
                producer=scene.origin(state),
            )
    return None


RECURRENCE = Rule(
    "NN208",
    (RuntimeError, ValueError, AttributeError, IndexError, AssertionError),
    _prove,
    r"input_size|hidden|hx|cx|batch|Expected|mat1",
)
