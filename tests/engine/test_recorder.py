"""One forward recorded: calls in their order, what went in and came out, who made it, and nothing kept alive."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from inspector.engine.forward.calls import Call
from inspector.engine.forward.recorder import CREATED, Recorder, Watched
from inspector.run_schema import CallKind, CallState


class Lambda(nn.Module):
    """A user's module whose forward is a function."""

    def __init__(self, function: Any, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self.function = function

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(self, *args, **kwargs)


def rows(model: nn.Module) -> Any:
    """The places of a model's modules, as rows."""
    known = {id(module): row for row, module in enumerate(model.modules())}
    return lambda module: known.get(id(module))


def recorded(model: nn.Module, *args: Any, **kwargs: Any) -> Recorder:
    """A recorder that has run a model without gradients."""
    recorder = Recorder(rows(model))
    with torch.no_grad():
        recorder.run(model, args, kwargs)
    return recorder


def named(call: Call) -> str:
    return call.name or type(call.module).__name__


def names(recorder: Recorder) -> list[str]:
    return [named(call) for call in recorder.calls]


# --- calls ------------------------------------------------------------------------------------------------------------


def test_trap_31_a_module_called_five_times_has_five_calls_with_shapes_of_their_own() -> None:
    relu = nn.ReLU()
    model = nn.Sequential(nn.Linear(2, 3), relu, nn.Linear(3, 4), relu, nn.Linear(4, 5), relu, relu, relu)
    calls = [call for call in recorded(model, torch.ones(1, 2)).calls if call.module is relu]
    assert [call.number for call in calls] == [1, 2, 3, 4, 5]
    assert [call.outputs[0].shape for call in calls] == [(1, 3), (1, 4), (1, 5), (1, 5), (1, 5)]
    assert len({call.row for call in calls}) == 1


def test_calls_stand_in_the_order_in_which_they_began_below_the_call_around_them() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Tanh())
    recorder = recorded(model, torch.ones(1, 2))
    assert names(recorder) == ["Sequential", "Sequential", "Linear", "ReLU", "Tanh"]
    assert [call.parent.index if call.parent else -1 for call in recorder.calls] == [-1, 0, 1, 1, 0]
    assert [call.index for call in recorder.calls] == [0, 1, 2, 3, 4]


def test_a_recursive_module_has_a_call_for_each_depth() -> None:
    def forward(self: nn.Module, x: Tensor, depth: int = 3) -> Any:
        return x if depth == 0 else self(x + 1, depth - 1)

    calls = [call for call in recorded(Lambda(forward), torch.zeros(1)).calls if call.kind == CallKind.MODULE]
    assert [call.number for call in calls] == [1, 2, 3, 4]
    assert [seen.text for seen in calls[1].inputs] == ["", "2"]


def test_modules_nested_as_deeply_as_python_allows_are_recorded() -> None:
    model: nn.Module = nn.Identity()
    for _ in range(230):
        model = nn.Sequential(model)
    limit = sys.getrecursionlimit()
    model(torch.ones(1))
    assert len(recorded(model, torch.ones(1)).calls) == 231
    assert sys.getrecursionlimit() == limit


def test_a_module_that_forward_creates_has_the_row_of_the_one_around_it_and_says_so() -> None:
    model = Lambda(lambda self, x: nn.Dropout(0.5)(x))
    dropout = recorded(model, torch.ones(1)).calls[1]
    assert (named(dropout), dropout.row, dropout.notes[0]) == ("Dropout", 0, CREATED)


def test_calls_of_other_threads_are_passed_on_unseen() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        thread = threading.Thread(target=lambda: self.fc(x))
        thread.start()
        thread.join()
        return x

    assert names(recorded(Lambda(forward, fc=nn.Linear(1, 1)), torch.ones(1))) == ["Lambda"]


def test_torch_is_as_before_after_a_run_also_after_one_that_raised() -> None:
    before = nn.Module.__call__
    recorded(nn.Linear(1, 1), torch.ones(1))
    with pytest.raises(RuntimeError):
        recorded(Lambda(lambda self, x: self.fc(x), fc=nn.Linear(2, 2)), torch.ones(1))
    assert nn.Module.__call__ is before
    assert torch._C._len_torch_function_stack() == 0


def test_a_function_mode_that_forward_leaves_behind_is_left_behind_without_ours() -> None:
    class Mode(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return func(*args, **(kwargs or {}))

    mode = Mode()

    def forward(self: Any, x: Tensor) -> Any:
        torch._C._push_on_torch_function_stack(mode)
        return self.fc(x) + 1

    recorder = recorded(Lambda(forward, fc=nn.Linear(1, 1)), torch.ones(1))
    assert [torch._C._pop_torch_function_stack() for _ in range(torch._C._len_torch_function_stack())] == [mode]
    assert names(recorder) == ["Lambda", "Linear", "+"]


# --- what goes in and comes out ---------------------------------------------------------------------------------------


def test_trap_32_inputs_of_every_kind_are_told_by_the_names_of_forwards_parameters() -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor, mode: str, *rest: Any, mask: Any = None, scale: float = 1.0) -> Tensor:
            return x

    seen = recorded(Net(), torch.ones(2), "fast", 3, None, mask=torch.ones(4), scale=2.0).calls[0].inputs
    assert [(each.path, each.text or each.shape) for each in seen] == [
        ("x", (2,)),
        ("mode", "'fast'"),
        ("rest[0]", "3"),
        ("rest[1]", "None"),
        ("mask", (4,)),
        ("scale", "2.0"),
    ]


def test_trap_32_a_module_called_with_keywords_only_has_its_inputs() -> None:
    model = Lambda(lambda self: self.fc(input=torch.ones(2, 3)), fc=nn.Linear(3, 1))
    assert [(each.path, each.shape) for each in recorded(model).calls[-1].inputs] == [("input", (2, 3))]


Pair = namedtuple("Pair", "first second")


@dataclass
class Output:
    logits: Tensor
    hidden: tuple[Tensor, ...]


@dataclass
class Slotted:
    __slots__ = ("empty", "logits")
    logits: Tensor


class ModelOutput(OrderedDict[str, Any]):
    """As transformers has it: a dictionary whose entries are attributes too."""

    def __getattr__(self, name: str) -> Any:
        return self[name]

    def __iter__(self) -> Any:
        raise AssertionError("nobody may iterate over the user's object")


class Holder:
    def __init__(self, *tensors: Tensor) -> None:
        self.kept = list(tensors)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError("nobody may ask the user's object for anything")


ONE = torch.ones(1)


VALUES: dict[str, tuple[Any, list[Any]]] = {
    "tensor": (ONE, [("", (1,))]),
    "tuple": ((ONE, ONE), [("[0]", (1,)), ("[1]", (1,))]),
    "dict": ({"a": ONE, "b": {"c": ONE}}, [('["a"]', (1,)), ('["b"]["c"]', (1,))]),
    "mixed dict": ({"loss": ONE, "aux": None, "k": 3}, [('["loss"]', (1,)), ('["aux"]', "None"), ('["k"]', "3")]),
    "namedtuple": (Pair(ONE, [ONE]), [(".first", (1,)), (".second[0]", (1,))]),
    "dataclass": (Output(ONE, (ONE, ONE)), [(".logits", (1,)), (".hidden[0]", (1,)), (".hidden[1]", (1,))]),
    "ModelOutput": (ModelOutput(logits=ONE, loss=ONE), [('["logits"]', (1,)), ('["loss"]', (1,))]),
    "slots": (Slotted(ONE), [(".logits", (1,))]),
    "None": (None, [("", "None")]),
    "return type": (torch.ones(1, 1).max(0), [(".values", (1,)), (".indices", (1,))]),
    "object": (Holder(ONE, ONE), [("", "Holder"), (".kept[0]", (1,)), (".kept[1]", (1,))]),
    "numbers": ([1, 2, 3], [("", "[1, 2, 3]")]),
    "module": (nn.Linear(1, 1), [("", "Linear")]),
}


@pytest.mark.parametrize("kind", VALUES)
def test_trap_33_every_tensor_of_an_output_is_listed(kind: str) -> None:
    value, expected = VALUES[kind]
    seen = recorded(Lambda(lambda self: value)).calls[0].outputs
    assert [(each.path, each.text or each.shape) for each in seen] == expected


def unwilling() -> Any:
    """A class that ends the process when it, or an object of it, is asked for anything."""

    class Refusing(type):
        def __getattr__(cls, name: str) -> Any:
            raise SystemExit

    class Unwilling(metaclass=Refusing):
        @property
        def __class__(self) -> Any:
            return Tensor

        @__class__.setter
        def __class__(self, value: Any) -> None:
            raise SystemExit

        def _refuse(self, *_: Any) -> Any:
            raise SystemExit

        __repr__ = __eq__ = __hash__ = __bool__ = __len__ = __iter__ = _refuse

    return Unwilling


class UnwillingDict(dict[str, Any]):
    def items(self) -> Any:
        raise SystemExit


class UnwillingTensor(Tensor):
    @property
    def shape(self) -> Any:  # type: ignore[override]
        raise RuntimeError

    @classmethod
    def __torch_function__(cls, *_: Any) -> Any:
        raise RuntimeError


def test_no_object_of_the_users_is_asked_for_anything() -> None:
    cls = unwilling()
    values = cls(), cls, UnwillingDict(a=ONE), torch.ones(2).as_subclass(UnwillingTensor)
    for value in values:
        recorder = recorded(Lambda(lambda self, x, value=value: value), value)
        assert len(recorder.calls[0].inputs) == len(recorder.calls[0].outputs) == 1


def test_trap_33_a_distribution_is_named_with_its_tensors() -> None:
    model = Lambda(lambda self, x: torch.distributions.Normal(x, torch.ones(2)))
    seen = recorded(model, torch.zeros(2)).calls[0].outputs
    assert seen[0].text == "Normal"
    assert {each.path for each in seen} >= {".loc", ".scale"}


def test_trap_33_a_generator_is_not_consumed() -> None:
    model = Lambda(lambda self: (number for number in range(3)))
    recorder = Recorder(rows(model))
    assert list(recorder.run(model, (), {})) == [0, 1, 2]
    assert recorder.calls[0].outputs[0].text == "generator"


def test_a_value_that_holds_itself_ends() -> None:
    loop: list[Any] = [ONE]
    loop.append(loop)
    assert [each.text for each in recorded(Lambda(lambda self: loop)).calls[0].outputs] == ["", "…"]


def test_of_very_many_outputs_some_are_listed() -> None:
    seen = recorded(Lambda(lambda self: [ONE] * 1000)).calls[0].outputs
    assert (len(seen), seen[-1].text) == (257, "… and more")


def test_a_packed_sequence_tells_its_batch_sizes() -> None:
    packed = nn.utils.rnn.pack_sequence([torch.ones(3, 2), torch.ones(1, 2)])
    call = recorded(nn.LSTM(2, 4), packed).calls[0]
    assert (call.inputs[0].shape, call.inputs[0].text) == ((4, 2), "PackedSequence of 2 sequences, batch_sizes 2, 1, 1")


def test_strides_are_told_of_what_is_not_contiguous() -> None:
    seen = recorded(Lambda(lambda self, x: x.t()), torch.ones(2, 3)).calls[0]
    assert (seen.inputs[0].strides, seen.outputs[0].strides) == (None, (1, 3))


# --- where a tensor comes from ----------------------------------------------------------------------------------------


def test_an_input_names_the_innermost_call_that_made_it() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.Identity()), nn.Tanh())
    calls = recorded(model, torch.ones(1, 2)).calls
    assert [call.inputs[0].maker for call in calls] == [-1, -1, -1, 2, 2]
    assert calls[0].outputs[0].maker == 4


def test_who_writes_in_place_is_the_maker_of_what_it_wrote() -> None:
    calls = recorded(nn.Sequential(nn.Linear(2, 2), nn.ReLU(inplace=True), nn.Tanh()), torch.ones(1, 2)).calls
    assert [call.inputs[0].maker for call in calls] == [-1, -1, 1, 2]
    assert calls[2].notes == ("writes into its input",)
    assert calls[2].memory == 0


def test_an_output_that_is_its_input_or_a_view_of_it_says_so() -> None:
    calls = recorded(nn.Sequential(nn.Identity(), nn.Flatten(0)), torch.ones(2, 2)).calls
    assert [call.notes for call in calls] == [
        ("a view of its input",),
        ("returns its input",),
        ("a view of its input",),
    ]


def test_identities_that_are_used_again_do_not_name_a_wrong_maker() -> None:
    def forward(self: Any) -> Any:
        for _ in range(50):
            self.fc(torch.full((1, 2), 1.0))
        return torch.ones(1)

    model = Lambda(forward, fc=nn.Linear(2, 2))
    recorder = Recorder(rows(model), operations=False)
    recorder.run(model, (), {})
    assert {call.inputs[0].maker for call in recorder.calls[1:]} == {-1}


def test_nothing_that_is_recorded_keeps_a_tensor_alive() -> None:
    alive: list[weakref.ref[Tensor]] = []

    def forward(self: Any, x: Tensor) -> Any:
        inner = self.fc(x) * 2
        alive.append(weakref.ref(inner))
        return inner.sum()

    model = Lambda(forward, fc=nn.Linear(2, 2))
    recorder = recorded(model, torch.ones(1, 2))
    assert alive[0]() is None
    assert names(recorder) == ["Lambda", "Linear", "*", "sum"]


def test_a_tensor_is_gone_as_soon_as_forward_lets_it_go() -> None:
    gone: list[bool] = []

    def forward(self: Any, x: Tensor) -> Any:
        x = self.fc(x)
        first = weakref.ref(x)
        x = self.fc(x)
        gone.append(first() is None)
        return x

    recorded(Lambda(forward, fc=nn.Linear(2, 2)), torch.ones(1, 2))
    assert gone == [True]


# --- statistics -------------------------------------------------------------------------------------------------------


def test_trap_38_statistics_are_those_of_the_time_of_the_call() -> None:
    model = nn.Sequential(nn.BatchNorm1d(4), nn.ReLU(inplace=True)).eval()
    x = torch.linspace(-1, 1, 8).view(2, 4)
    norm, relu = recorded(model, x).calls[1:]
    assert norm.outputs[0].stats is not None
    assert relu.outputs[0].stats is not None
    assert norm.outputs[0].stats.minimum == pytest.approx(-1, rel=1e-4)
    assert (relu.outputs[0].stats.minimum, relu.outputs[0].stats.zeros) == (0, 4)


TENSORS: dict[str, Callable[[], Tensor]] = {
    "empty": lambda: torch.empty(0, 3),
    "0-d": lambda: torch.tensor(2.0),
    "complex": lambda: torch.tensor([1 + 2j]),
    "sparse": lambda: torch.eye(3).to_sparse(),
    "sparse csr": lambda: torch.eye(3).to_sparse_csr(),
    "quantized": lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
    "bool": lambda: torch.tensor([True, False]),
    "int": lambda: torch.tensor([1, 2]),
    "fp8": lambda: torch.ones(3).to(torch.float8_e4m3fn),
    "meta": lambda: torch.ones(3, device="meta"),
    "nan": lambda: torch.full((3,), float("nan")),
    "infinite": lambda: torch.tensor([float("inf"), float("-inf")]),
    "half": lambda: torch.ones(3, dtype=torch.float16),
    "expanded": lambda: torch.ones(1).expand(1000, 1000),
    "parameter": lambda: nn.Parameter(torch.ones(2)),
    "subclass": lambda: torch.ones(2, 2).as_subclass(type("Mine", (Tensor,), {})),
}


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor", "ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize("kind", TENSORS)
def test_trap_37_no_kind_of_tensor_stops_a_run(kind: str) -> None:
    tensor = TENSORS[kind]()
    call = recorded(nn.Sequential(nn.Identity()), tensor).calls[1]
    (seen,) = call.outputs
    assert seen.shape == tuple(tensor.shape)
    assert seen.dtype == str(tensor.dtype).removeprefix("torch.")
    assert seen.stats is not None
    assert (seen.stats.minimum is None) == (kind in ("empty", "meta", "nan", "infinite"))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_trap_37_a_nested_tensor_is_told_as_one() -> None:
    nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
    (seen,) = recorded(nn.Identity(), nested).calls[0].outputs
    assert "nested" in seen.text


def test_trap_39_half_precision_is_added_up_in_a_wider_type() -> None:
    x = torch.full((100_000,), 3.0, dtype=torch.float16)
    stats = recorded(nn.Identity(), x).calls[0].outputs[0].stats
    assert stats is not None
    assert (stats.mean, stats.std) == (3.0, 0.0)


def test_trap_39_what_is_not_finite_is_counted_and_left_out_of_the_mean() -> None:
    x = torch.randn(1000, dtype=torch.float32, generator=torch.Generator().manual_seed(0))
    broken = torch.cat([x, torch.tensor([float("nan"), float("inf"), float("-inf"), float("-inf")])])
    stats = recorded(nn.Identity(), broken).calls[0].outputs[0].stats
    assert stats is not None
    assert (stats.nan, stats.positive_infinity, stats.negative_infinity) == (1, 1, 2)
    assert stats.mean == pytest.approx(x.double().mean().item(), rel=1e-4, abs=1e-6)
    assert stats.std == pytest.approx(x.double().std(correction=0).item(), rel=1e-5)


def test_statistics_can_be_left_out() -> None:
    recorder = Recorder(rows(nn.Identity()), statistics=False)
    recorder.run(nn.Identity(), (ONE,), {})
    assert recorder.calls[0].outputs[0].stats is None


# --- exceptions -------------------------------------------------------------------------------------------------------


def test_trap_36_the_innermost_call_failed_and_those_around_it_let_it_through() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Tanh(), nn.Linear(4, 5)), nn.ReLU())
    recorder = Recorder(rows(model))
    with pytest.raises(RuntimeError):
        recorder.run(model, (torch.ones(1, 2),), {})
    assert [(named(call), call.state) for call in recorder.calls] == [
        ("Sequential", CallState.UNWOUND),
        ("Linear", CallState.DONE),
        ("Sequential", CallState.UNWOUND),
        ("Tanh", CallState.DONE),
        ("Linear", CallState.FAILED),
    ]
    assert recorder.halt is not None
    assert recorder.halt.innermost.call is recorder.calls[4]
    assert [opened.call.index for opened in recorder.halt.open] == [0, 2, 4]
    assert recorder.halt.innermost.args[0].shape == (1, 3)


def test_an_operation_that_raises_is_the_innermost_call() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        return x.view(7)  # <- here

    model = Lambda(forward)
    recorder = Recorder(rows(model))
    with pytest.raises(RuntimeError):
        recorder.run(model, (torch.ones(2, 3),), {})
    assert recorder.halt is not None
    failed = recorder.halt.innermost
    assert (failed.call.name, failed.call.state) == ("view", CallState.FAILED)
    assert failed.call.source is not None
    assert failed.call.source.code == "return x.view(7)  # <- here"


def test_an_exception_that_forward_catches_leaves_a_failed_call_in_a_run_that_goes_on() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        try:
            return self.fc(x)
        except RuntimeError:
            return self.act(x)

    recorder = recorded(Lambda(forward, fc=nn.Linear(2, 2), act=nn.Tanh()), torch.ones(1, 3))
    assert [(named(call), call.state) for call in recorder.calls] == [
        ("Lambda", CallState.DONE),
        ("Linear", CallState.FAILED),
        ("Tanh", CallState.DONE),
    ]
    assert recorder.halt is None


def test_an_exception_raised_from_another_leads_to_the_first_one() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        try:
            return self.fc(x)
        except RuntimeError as error:
            raise ValueError("wrapped") from error

    model = Lambda(forward, fc=nn.Linear(2, 2))
    recorder = Recorder(rows(model))
    with pytest.raises(ValueError, match="wrapped"):
        recorder.run(model, (torch.ones(1, 3),), {})
    assert recorder.halt is not None
    assert named(recorder.halt.innermost.call) == "Linear"


def test_what_is_no_exception_but_raised_all_the_same_is_recorded() -> None:
    def forward(self: Any) -> Any:
        raise SystemExit(3)

    model = Lambda(forward)
    recorder = Recorder(rows(model))
    with pytest.raises(SystemExit):
        recorder.run(model, (), {})
    assert recorder.calls[0].state == CallState.FAILED


def test_a_failure_keeps_its_tensors_only_as_long_as_its_halt() -> None:
    alive: list[weakref.ref[Tensor]] = []

    def forward(self: Any, x: Tensor) -> Any:
        x = x + 1
        alive.append(weakref.ref(x))
        return self.fc(x)

    model = Lambda(forward, fc=nn.Linear(2, 2))
    recorder = Recorder(rows(model))
    with pytest.raises(RuntimeError):
        recorder.run(model, (torch.ones(1, 3),), {})
    gc.collect()
    assert alive[0]() is not None
    recorder.halt = None
    gc.collect()
    assert alive[0]() is None


# --- time -------------------------------------------------------------------------------------------------------------


def test_trap_51_a_call_lasts_at_least_as_long_as_the_calls_in_it() -> None:
    block = Lambda(lambda self, x: self.fc(x).relu() + 1, fc=nn.Linear(8, 8))
    recorder = recorded(nn.Sequential(*[nn.Sequential(block, block) for _ in range(20)]), torch.ones(4, 8))
    for call in recorder.calls:
        assert call.seconds >= sum(below.seconds for below in recorder.calls if below.parent is call)


def test_trap_51_the_recorders_own_time_is_in_no_call() -> None:
    model = nn.Sequential(nn.Identity())
    waited: list[Call] = []

    def wait(call: Call) -> None:
        waited.append(call)
        for _ in range(200_000):
            pass

    recorder = Recorder(rows(model), on_call=wait)
    recorder.run(model, (ONE,), {})
    assert len(waited) == 2
    assert recorder.calls[0].seconds < 1e-3


def test_each_call_of_a_module_is_announced_and_may_be_refused() -> None:
    class Enough(BaseException):
        pass

    def refuse(call: Call) -> None:
        if call.index == 2:
            raise Enough

    recorder = Recorder(lambda module: 0, on_call=refuse)
    with pytest.raises(Enough):
        recorder.run(nn.Sequential(nn.Tanh(), nn.Tanh()), (ONE,), {})
    assert recorder.current is None


def test_who_wants_to_hear_of_returns_hears_of_every_call_as_it_ends() -> None:
    heard: list[tuple[str, tuple[int, ...]]] = []

    def hear(opened: Watched, result: Any) -> None:
        what = opened.call.name or type(opened.call.module).__name__
        heard.append((what, tuple(opened.args[0].shape)))
        assert isinstance(result, Tensor)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 4)

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(self.fc(x))

    Recorder(lambda module: 0, on_return=hear).run(Net(), (torch.zeros(2, 3),), {})
    assert heard == [("Linear", (2, 3)), ("relu", (2, 4)), ("Net", (2, 3))]
