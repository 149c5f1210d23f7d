"""Dry runs: what a real run would show, with nothing computed and nothing touched."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from inspector.engine.forward import dry
from inspector.engine.forward.calls import Call
from inspector.engine.forward.conditions import Mode
from inspector.engine.forward.lazy import UncopyableError
from inspector.engine.forward.progress import Cancelled
from inspector.engine.forward.recorder import Recorder
from inspector.engine.guard import Guard
from inspector.run_schema import CallKind, CallState

SAMPLES = Path(__file__).parents[2] / "sample_models"


class Sample(NamedTuple):
    """What forward gets."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def run(model: nn.Module, *args: Any, mode: Mode = "eval", **kwargs: Any) -> dry.DryRun:
    """A dry run under a guard, which must find everything as it was."""
    versions = {name: tensor._version for name, tensor in model.state_dict(keep_vars=True).items()}
    guard = Guard(model, values=True)
    rows = {id(module): row for row, module in enumerate(model.modules())}
    result = dry.run(
        model,
        Sample(args, kwargs),
        mode=mode,
        row_of=lambda module: rows.get(id(module)),
        restore=guard.restore,
    )
    assert guard.check()[1] == ()
    assert {name: tensor._version for name, tensor in model.state_dict(keep_vars=True).items()} == versions
    return result


def seen(calls: list[Call]) -> list[tuple[Any, ...]]:
    """What the calls are and what came of them, but for numbers that only a real run has."""
    return [
        (
            call.kind,
            call.row,
            call.name,
            call.number,
            call.state,
            [(s.path, s.shape, s.dtype, s.strides, s.text, s.maker) for s in (*call.inputs, *call.outputs)],
            call.notes,
            call.memory,
        )
        for call in calls
    ]


def real(model: nn.Module, *args: Any, mode: str = "eval", **kwargs: Any) -> list[Call]:
    """The calls of a real run."""
    guard = Guard(model, values=True)
    rows = {id(module): row for row, module in enumerate(model.modules())}
    recorder = Recorder(lambda module: rows.get(id(module)), statistics=False)
    if mode != "kept":
        model.train(mode == "train")
    with torch.no_grad():
        recorder.run(model, args, kwargs)
    guard.restore()
    return recorder.calls


# --- the same as a real run -------------------------------------------------------------------------------------------


class Busy(nn.Module):
    """Many ways to make tensors from tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.lstm = nn.LSTM(8, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(8, 5)
        self.token = nn.Parameter(torch.zeros(1, 1, 8))
        self.places: Tensor
        self.register_buffer("places", torch.arange(6).view(2, 3), persistent=False)

    def forward(self, x: Tensor, scale: float = 2.0) -> dict[str, Any]:
        y = F.relu(self.norm(self.conv(x)), inplace=True) * scale
        y = F.max_pool2d(y, 2).to(memory_format=torch.channels_last)
        token = self.token.expand(len(x), -1, -1)
        pixels = y.flatten(2).transpose(1, 2) + token.mT.mT * self.places.view(-1)[0]
        attended, weights = self.attention(pixels, pixels, pixels)
        states, (hidden, _) = self.lstm(attended + pixels)
        parts = states.chunk(2, -1) + states.split([3, 5], -1)
        mask = torch.ones(states.shape[1], states.shape[1], dtype=torch.bool).tril()
        mixed = F.scaled_dot_product_attention(states, states, states, mask)
        top = self.head(mixed.mean(1)).topk(2)
        return {"parts": parts, "weights": weights.half(), "hidden": hidden[None], "top": top, "none": None}


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_a_dry_run_shows_what_a_real_run_shows(mode: Any) -> None:
    model, x = Busy(), torch.randn(2, 3, 8, 8)
    for _ in range(2):  # The second time from memory.
        result = run(model, x, mode=mode, scale=3.0)
        assert seen(result.calls) == seen(real(model, x, mode=mode, scale=3.0))
        assert (result.halt, result.error, result.stopped, result.notes) == (None, None, False, [])


@pytest.mark.parametrize(
    "name", ["conv_block", "encoder", "gru", "lstm_tagger", "shared_layers", "tied_embedding", "transformer"]
)
def test_sample_models_show_dry_what_they_show_in_a_real_run(name: str) -> None:
    scope: dict[str, Any] = {"__name__": name}
    exec((SAMPLES / f"{name}.py").read_text(), scope)
    classes = [value for value in scope.values() if isinstance(value, type) and issubclass(value, nn.Module)]
    model = [kind for kind in classes if kind.__module__ == name][-1]()
    inputs = scope["example_inputs"]
    inputs = inputs() if callable(inputs) else inputs
    args = inputs if isinstance(inputs, tuple) else (inputs,)
    assert seen(run(model, *args).calls) == seen(real(model, *args))


def test_flops_are_paid_by_the_innermost_call_and_add_up() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    result = run(model, torch.randn(3, 4))
    assert [call.own_flops for call in result.calls] == [0, 2 * 3 * 4 * 8, 0, 2 * 3 * 8 * 2]
    assert result.flops == 2 * 3 * (32 + 16)


def test_memory_is_told_without_and_with_gradients() -> None:
    model = nn.Sequential(*(nn.Linear(16, 16) for _ in range(10)))
    result = run(model, torch.randn(16, 16))
    assert result.peak_bytes == 2 * 1024
    assert result.training_bytes == 10 * 1024


def test_a_forward_that_asks_for_gradients_gets_them() -> None:
    class Force(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.energy = nn.Linear(3, 1)

        def forward(self, x: Tensor) -> Tensor:
            x = x.detach().requires_grad_()
            (force,) = torch.autograd.grad(self.energy(x).square().sum(), x)
            return force

    result = run(Force(), torch.randn(2, 3))
    assert result.error is None
    assert result.gradients
    assert result.calls[0].outputs[0].shape == (2, 3)
    assert result.peak_bytes is None
    assert any("asks for gradients" in note for note in result.notes)


def test_padding_in_an_encoder_takes_the_path_that_has_shapes() -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    model, padding = nn.TransformerEncoder(layer, 2), torch.tensor([[False, False, True], [False, True, True]])
    result = run(model, torch.randn(2, 3, 4), src_key_padding_mask=padding)
    assert result.calls[0].outputs[0].shape == (2, 3, 4)
    assert result.error is None
    assert not result.stopped
    assert result.notes == ["torch's fast path for padded sequences has no shapes: the run took the path without it"]
    assert torch.backends.mha.get_fastpath_enabled()


def test_distributions_are_not_asked_whether_their_values_are_allowed() -> None:
    class Net(nn.Module):
        def forward(self, mean: Tensor) -> Tensor:
            return torch.distributions.Normal(mean, mean.exp()).rsample()

    assert run(Net(), torch.randn(2, 3)).calls[0].outputs[0].shape == (2, 3)
    with pytest.raises(ValueError, match="to satisfy the constraint"):
        torch.distributions.Normal(torch.zeros(1), -torch.ones(1))


def test_inputs_keep_their_containers_and_their_identities() -> None:
    got: list[Any] = []

    class Point(NamedTuple):
        x: Tensor
        label: str

    class Net(nn.Module):
        def forward(self, *args: Any, **kwargs: Any) -> None:
            again, deep = kwargs["again"], args[0][1]["deep"]
            got.append((args[0][0] is again, deep[0] is again, type(again), deep[1], type(args[1]), args[1].label))

    x = torch.randn(2)
    run(Net(), [x, {"deep": (x, 3)}], Point(x, "p"), again=x)
    assert got[0] == (True, True, FakeTensor, 3, Point, "p")


def test_inputs_are_not_written_to() -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mul_(2)

    x = torch.ones(2)
    run(Net(), x)
    assert x.tolist() == [1, 1]
    assert x._version == 0


# --- size -------------------------------------------------------------------------------------------------------------


def test_a_model_of_a_hundred_billion_parameters_runs_on_meta() -> None:
    with torch.device("meta"):
        layer = nn.Linear(32_768, 32_768, bias=False)
        model = nn.Sequential(nn.Embedding(50_000, 32_768), *(nn.Linear(32_768, 32_768) for _ in range(98)), layer)
    assert sum(parameter.numel() for parameter in model.parameters()) > 10**11
    result = run(model, torch.zeros(2, 16, dtype=torch.long))
    assert result.calls[-1].outputs[0].shape == (2, 16, 32_768)
    assert result.flops == 99 * 2 * 32 * 32_768**2


def test_a_model_on_meta_may_make_tensors_of_its_own() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(16, 4)

        def forward(self, ids: Tensor) -> Tensor:
            here = torch.arange(ids.shape[1], device=self.table.weight.device)
            there = torch.arange(ids.shape[1])
            out: Tensor = self.table(ids) + self.table(here) + self.table(there)
            return out

    result = run(Net().to("meta"), torch.zeros(2, 8, dtype=torch.long, device="meta"))
    assert result.calls[0].outputs[0].shape == (2, 8, 4)


def test_activations_that_no_machine_holds_cost_nothing() -> None:
    result = run(nn.Sequential(nn.ReLU(), nn.ReLU()), torch.empty(1, 1).expand(1 << 20, 1 << 20))
    assert result.peak_bytes == 2 * 4 << 40


# --- where it fails, where it stops -----------------------------------------------------------------------------------


def test_a_shape_that_does_not_fit_halts_at_the_call_at_which_a_real_run_halts() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.Sequential(nn.ReLU(), nn.Linear(9, 2)))
    result = run(model, torch.randn(3, 4))
    assert isinstance(result.error, RuntimeError)
    assert result.halt is not None
    assert result.halt.dry
    assert result.halt.innermost.call.module is model.get_submodule("1.1")
    assert [call.state for call in result.calls] == [
        CallState.UNWOUND,
        CallState.DONE,
        CallState.UNWOUND,
        CallState.DONE,
        CallState.FAILED,
    ]
    assert not result.stopped


def test_a_failure_is_not_logged_beside_being_told(caplog: pytest.LogCaptureFixture) -> None:
    run(nn.Linear(4, 8), torch.randn(3, 5))
    assert caplog.records == []


def test_what_forward_raises_itself_is_a_failure() -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise ValueError("no such choice")

    result = run(Net(), torch.randn(1))
    assert str(result.error) == "no such choice"
    assert result.halt is not None


@pytest.mark.parametrize(
    "depends",
    [
        lambda x: x.sum().item(),
        lambda x: bool(x.sum() > 0),
        lambda x: x.tolist(),
        lambda x: x.nonzero(),
        lambda x: x[x > 0],
        lambda x: x.numpy(),
        lambda x: x.unique(),
        lambda x: torch.equal(x, x + 1),
        lambda x: x.masked_select(x > 0),
        lambda x: x.data_ptr(),
        lambda x: f"{x.sum():.3f}",
    ],
)
def test_where_values_decide_it_stops_and_says_where(depends: Callable[[Tensor], Any]) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Any:
            x = self.first(x)
            depends(x)
            return self.second(x)

    result = run(Net(), torch.randn(3, 4))
    assert (result.error, result.halt, result.stopped) == (None, None, True)
    (note,) = result.notes
    assert note.startswith("the rest depends on values, test_dry.py:")
    assert note.endswith(": only a real run can tell")
    modules = [call for call in result.calls if call.kind == CallKind.MODULE]
    assert [type(call.module) for call in modules] == [Net, nn.Linear]
    assert modules[1].state == CallState.DONE


def test_an_operation_without_a_rule_for_shapes_stops_and_is_named() -> None:
    with torch.library._scoped_library("nn_inspect_dry", "DEF") as library:
        library.define("spin(Tensor x) -> Tensor")
        library.impl("spin", lambda x: x.flip(0), "CPU")

        class Net(nn.Module):
            def forward(self, x: Tensor) -> Any:
                return torch.ops.nn_inspect_dry.spin(x)

        result = run(Net(), torch.randn(3))
    assert result.stopped
    assert "nothing says what shape comes of nn_inspect_dry.spin" in result.notes[0]


def test_small_integers_decide_as_they_do_in_a_real_run() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(4, 3, batch_first=True)
            self.steps: Tensor
            self.register_buffer("steps", torch.tensor(2))
            self.layers = nn.ModuleList(nn.Linear(3, 3) for _ in range(5))

        def forward(self, x: Tensor, lengths: Tensor) -> Any:
            packed, _ = self.lstm(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
            y, _ = pad_packed_sequence(packed, batch_first=True)
            self.steps += 1
            for layer in self.layers[: int(self.steps)]:
                y = layer(y)
            return y[:, : lengths.max()], y[lengths > 3]

    model, x, lengths = Net(), torch.randn(3, 7, 4), torch.tensor([2, 6, 4])
    result = run(model, x, lengths)
    assert result.notes == []
    assert seen(result.calls) == seen(real(model, x, lengths))
    assert model.steps.item() == 2


@pytest.mark.parametrize(
    ("layer", "shape", "dtype"),
    [
        (nn.Linear(4, 4), (2, 4), torch.float64),
        (nn.Linear(4, 4), (2, 4), torch.int64),
        (nn.Linear(4, 4, bias=False), (2, 4), torch.float16),
        (nn.Conv2d(3, 4, 3, groups=1, padding=1), (1, 3, 8, 8), torch.float64),
        (nn.Conv2d(4, 4, 3, groups=2, stride=2), (1, 4, 8, 8), torch.uint8),
        (nn.ConvTranspose1d(3, 4, 3), (1, 3, 8), torch.float16),
        (nn.LayerNorm(4), (2, 4), torch.float64),
        (nn.BatchNorm1d(4), (2, 4), torch.float64),
        (nn.GroupNorm(2, 4), (2, 4), torch.float64),
        (nn.LSTM(4, 3), (2, 4), torch.float64),
        (nn.PReLU(), (2,), torch.float64),
    ],
)
def test_dtypes_that_do_not_go_together_fail_in_the_words_of_a_real_run(
    layer: nn.Module, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    x = torch.ones(shape, dtype=dtype)
    with pytest.raises((RuntimeError, ValueError)) as failure:
        real(layer, x)
    result = run(layer, x)
    assert result.halt is not None
    assert str(result.error) == str(failure.value)


@pytest.mark.parametrize("shape", [(2, 5), (2, 3, 5), (1 << 40, 5)])
@pytest.mark.parametrize("bias", [True, False])
def test_sizes_that_do_not_multiply_fail_in_the_words_of_a_real_run(shape: tuple[int, ...], bias: bool) -> None:
    layer, x = nn.Linear(4, 3, bias=bias), torch.ones(1).expand(shape)
    with pytest.raises(RuntimeError) as failure:
        real(layer, x)
    rows = torch.Size(shape[:-1]).numel()
    assert f"mat1 and mat2 shapes cannot be multiplied ({rows}x5 and 4x3)" in str(failure.value)
    assert str(run(layer, x).error) == str(failure.value)


def test_batches_that_do_not_multiply_fail_in_the_words_of_a_real_run() -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return x @ y

    x, y = torch.randn(2, 3, 4), torch.randn(2, 5, 6)
    with pytest.raises(RuntimeError) as failure:
        real(Net(), x, y)
    assert str(run(Net(), x, y).error) == str(failure.value)


def test_dtypes_that_go_together_pass() -> None:
    layer = nn.LayerNorm(4)
    assert run(layer, torch.ones(2, 4, dtype=torch.bfloat16)).error is None


def test_large_inputs_of_integers_are_shapes_like_others() -> None:
    class Net(nn.Module):
        def forward(self, ids: Tensor) -> Any:
            return int(ids.max())

    assert run(Net(), torch.zeros(40, 40, dtype=torch.long)).stopped


def test_the_end_that_somebody_asked_for_comes_out() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    asked: list[Call] = []

    def on_call(call: Call) -> None:
        asked.append(call)
        if len(asked) == 2:
            raise Cancelled

    restored: list[bool] = []
    with pytest.raises(Cancelled):
        dry.run(
            model,
            Sample((torch.randn(1, 4),), {}),
            mode="eval",
            row_of=lambda _: 0,
            restore=lambda: restored.append(True),
            on_call=on_call,
        )
    assert restored == [True]
    assert nn.Module.__call__(nn.ReLU(), torch.zeros(1)).tolist() == [0]


# --- left as found ----------------------------------------------------------------------------------------------------


def test_running_statistics_counters_and_their_versions_stay() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Dropout())
    run(model, torch.randn(2, 3, 8, 8), mode="train")
    assert model.get_buffer("1.num_batches_tracked").item() == 0
    assert model.get_buffer("1.running_mean").abs().sum() == 0


def test_spectral_and_weight_norm_stay() -> None:
    spectral = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4))
    weight = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
    before = {name: value.clone() for name, value in spectral.state_dict().items()}
    assert run(nn.Sequential(spectral, weight), torch.randn(2, 4), mode="train").error is None
    assert all(torch.equal(value, before[name]) for name, value in spectral.state_dict().items())


class Keeper(nn.Module):
    """Keeps what it makes, in every way that modules do."""

    shared: Any = None

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.plain = torch.zeros(4)
        self.queue: Tensor
        self.register_buffer("queue", torch.zeros(8, 4))
        self.cache: Any = None
        self.history: list[Tensor] = []
        self.by_name: dict[str, Tensor] = {}

    @functools.cached_property
    def scale(self) -> Tensor:
        return torch.ones(4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear(x) * self.scale
        self.plain += 1
        self.plain[0] = 3
        self.queue[: len(x)] = x
        self.queue.data.mul_(2)
        self.cache = x
        self.history.append(x)
        self.by_name["x"] = x
        self.extra = nn.Parameter(x.clone())
        Keeper.shared = x
        _kept["x"] = x
        _listed.append(x)
        elsewhere.remembered(4)
        y: Tensor = x + frequencies(4) + Keeper.positions(4) + angles(4)
        return y

    @staticmethod
    @functools.lru_cache
    def positions(count: int) -> Tensor:
        return torch.arange(count)


def remembering(function: Any) -> Any:
    """As transformers does it: the cache is seen by nobody but the function around it."""
    cached = functools.lru_cache(function)
    known: dict[int, Any] = {}

    @functools.wraps(function)
    def around(count: int, seen: list[Any] = []) -> Any:  # noqa: B006
        seen.append(cached(count))
        return known.setdefault(count, seen[-1])

    return around


elsewhere: Any = types.ModuleType("elsewhere")
"""A library that no model's class comes from."""
elsewhere.__file__ = "/usr/lib/site-packages/elsewhere.py"
elsewhere.remembered = remembering(lambda count: torch.arange(count))
del elsewhere.remembered.__wrapped__


@remembering
def angles(count: int) -> Tensor:
    """Made once."""
    return torch.arange(count) * 2


_kept: dict[str, Tensor] = {}
_listed: list[Tensor] = []


@functools.lru_cache
def frequencies(count: int) -> Tensor:
    """Made once."""
    return torch.arange(count) / count


def test_nothing_fake_stays_with_the_model_or_in_the_caches_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "elsewhere", elsewhere)
    model, x = Keeper(), torch.randn(2, 4)
    assert run(model, x).error is None
    assert model.cache is None
    assert model.history == []
    assert model.by_name == {}
    assert not hasattr(model, "extra")
    assert "scale" not in vars(model)
    assert Keeper.shared is None
    assert (_kept, _listed) == ({}, [])
    assert type(frequencies(4)) is Tensor
    assert type(Keeper.positions(4)) is Tensor
    assert type(angles(4)) is type(elsewhere.remembered(4)) is Tensor
    assert model(x).isfinite().all()
    Keeper.shared = None
    _kept.clear()
    _listed.clear()


def test_what_was_cached_before_stays_cached() -> None:
    model, x = Keeper(), torch.randn(2, 4)
    known = frequencies(4), Keeper.positions(4)
    run(model, x)
    assert (frequencies(4), Keeper.positions(4)) == known or frequencies(4) is known[0]


def test_lazy_layers_stay_lazy_and_are_shown_with_their_sizes() -> None:
    model = nn.Sequential(nn.LazyConv2d(8, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(10))
    x = torch.randn(2, 3, 8, 8)
    rows = {id(module): row for row, module in enumerate(model.modules())}
    guard = Guard(model, values=True)
    result = dry.run(model, Sample((x,), {}), mode="train", row_of=lambda m: rows.get(id(m)), restore=guard.restore)
    assert guard.check()[1] == ()
    assert [call.row for call in result.calls] == [0, 1, 2, 3, 4]
    assert [call.outputs[0].shape for call in result.calls[1:]] == [(2, 8, 6, 6), (2, 8, 6, 6), (2, 288), (2, 10)]
    assert result.notes == ["run on a copy: 3 lazy layers would have been initialised"]
    assert [type(layer).__name__ for layer in model] == ["LazyConv2d", "LazyBatchNorm2d", "Flatten", "LazyLinear"]
    assert result.flops == 2 * 2 * (36 * 8 * 27 + 288 * 10)


def test_a_lazy_model_that_cannot_be_copied_is_not_run() -> None:
    class Refuses(nn.LazyLinear):
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("no")

    with pytest.raises(UncopyableError, match="cannot be copied"):
        dry.run(Refuses(3), Sample((torch.randn(1, 2),), {}), mode="eval", row_of=lambda _: 0, restore=lambda: None)
