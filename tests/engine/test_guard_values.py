"""A model that ran is left bit for bit as it was found, whatever its forward did and however it ended."""

from __future__ import annotations

import gc
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from inspector.engine import storages
from inspector.engine.guard import Guard
from inspector.engine.storages import Copies
from tests.engine import bits
from tests.engine.hostile_models import MAKERS, Caching, HalfwayError
from tests.process_state import put_back


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    with put_back():
        yield


def run(model: nn.Module) -> None:
    try:
        model(torch.randn(3, 4, dtype=torch.float32))
    except HalfwayError:
        pass


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("mode", [True, False])
def test_a_hostile_model_is_put_back_bit_for_bit(make: Callable[[], nn.Module], mode: bool) -> None:
    model = make()
    model.train(mode)
    before, process = bits.of(model), bits.of_process()
    guard = Guard(model, values=True)
    assert (bits.of(model), bits.of_process()) == (before, process)
    for _ in range(3):
        run(model)
        guard.restore()
        assert bits.of_process() == process
    proof, lost = guard.check()
    assert lost == ()
    assert proof.startswith("left as found: ")
    assert bits.of(model) == before


def guarded(model: nn.Module, action: Callable[[], object]) -> tuple[str, ...]:
    """Do something to a model under a guard; gives what could not be put back."""
    guard = Guard(model, values=True)
    action()
    return guard.check()[1]


# --- traps --------------------------------------------------------------------------------------------------------


def test_trap_43_a_model_with_a_cache_gives_the_same_in_its_second_run() -> None:
    model = Caching().eval()
    guard = Guard(model, values=True)
    x, outputs = torch.ones(2, 4), []
    for _ in range(2):
        outputs.append(model(x))
        guard.restore()
    assert torch.equal(*outputs)
    assert (model.steps, len(model.past), model.last) == (0, 1, None)


def test_trap_44_a_frozen_norm_in_a_training_model_stays_in_eval_also_when_forward_raises() -> None:
    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.free = nn.BatchNorm1d(4), nn.BatchNorm1d(4)

        def forward(self, x: Tensor) -> Tensor:
            self.free(self.norm(x))
            raise HalfwayError

    model = Half()
    model.norm.eval()
    guard = Guard(model, values=True)
    for mode in (True, False):
        nn.Module.train(model, mode)
        run(model)
        guard.restore()
        assert (model.training, model.norm.training, model.free.training) == (True, False, True)
    assert guard.check()[1] == ()


def test_trap_45_statistics_random_numbers_gradients_and_hooks_are_as_before_a_training_step() -> None:
    model = nn.Sequential(nn.BatchNorm1d(4), nn.utils.spectral_norm(nn.Linear(4, 4)), nn.Dropout())
    model(torch.ones(3, 4)).sum().backward()
    before, process = bits.of(model), bits.of_process()
    versions = [tensor._version for tensor in (*model.parameters(), *model.buffers())]

    def step() -> None:
        model(torch.randn(3, 4)).sum().backward()
        torch.optim.SGD(model.parameters(), lr=0.1).step()
        model[0].register_forward_hook(lambda *_: None)

    assert guarded(model, step) == ()
    assert (bits.of(model), bits.of_process()) == (before, process)
    assert [tensor._version for tensor in (*model.parameters(), *model.buffers())] == versions


def test_trap_46_nothing_of_a_model_is_kept_alive_and_nothing_is_moved() -> None:
    model = nn.Linear(4, 4)
    address = model.weight.data_ptr()
    guard = Guard(model, values=True)
    guard.restore()
    guard.check()
    assert model.weight.data_ptr() == address
    seen: list[Callable[[], object]] = [weakref.ref(model), weakref.ref(model.weight)]
    del model, guard
    gc.collect()
    assert [ref() for ref in seen] == [None, None]


def test_a_graph_from_before_the_run_can_still_be_gone_back_through() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 1))
    loss = model(torch.ones(2, 4)).sum()

    @torch.no_grad()
    def write() -> None:
        for parameter in model.parameters():
            parameter.mul_(2)

    assert guarded(model, write) == ()
    loss.backward()  # Raises when a version is another than when the graph was made.
    assert model[0].weight.grad is not None


# --- when there is no room ----------------------------------------------------------------------------------------


def crowded(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    monkeypatch.setattr(storages, "ALWAYS_COPIED", room)
    monkeypatch.setattr(storages, "free_memory", lambda device: 0)


def test_without_room_for_copies_a_write_is_told_also_one_past_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    crowded(monkeypatch, 1024)
    linear = nn.Linear(100, 100)
    model = nn.Sequential(linear, nn.BatchNorm1d(100))
    guard = Guard(model, values=True)
    assert guard.check()[0].startswith("left as found: 7 tensors (3 by value, 4 by sums), 3 modes")
    linear.weight.data[3, 5] += 1
    model(torch.randn(2, 100))
    guard.restore()
    proof, lost = guard.check()
    assert lost == ("0.weight: was written to, and there was no room for a copy: load the model again",)
    assert proof.startswith("not left as found: 1 changes among 7 tensors (3 by value")


def test_values_that_change_places_change_the_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    crowded(monkeypatch, 0)
    model = nn.Embedding(500, 8)
    for swap in ([1, 0], [0, 400], [3, 4]):
        guard = Guard(model, values=True)
        model.weight.data[swap] = model.weight.data[swap[::-1]].clone()
        assert len(guard.check()[1]) == 1


def test_what_is_likely_to_be_written_to_is_copied_before_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    crowded(monkeypatch, 4096)
    model = nn.Sequential(nn.Linear(32, 32, bias=False), nn.Embedding(32, 32, max_norm=0.1))
    assert guarded(model, lambda: model[1](torch.arange(32))) == ()


def test_what_was_once_found_written_to_is_copied_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    crowded(monkeypatch, 4096)
    last = nn.Linear(32, 32, bias=False)
    model, copies = nn.Sequential(nn.Linear(32, 32, bias=False), last), Copies()
    for lost in (1, 0, 0):
        guard = Guard(model, values=True, copies=copies)
        last.weight.data.add_(1)
        assert len(guard.check()[1]) == lost


def test_memory_of_one_guard_serves_the_next() -> None:
    model, copies = nn.Linear(50, 50), Copies()
    for _ in range(3):
        guard = Guard(model, values=True, copies=copies)
        before = bits.of(model)
        model.weight.data.add_(1)
        assert guard.check()[1] == ()
        assert bits.of(model) == before
        model.weight.data.add_(1)  # The user's own doing, between two runs.


# --- tensors of all kinds -----------------------------------------------------------------------------------------


def holding(tensor: Tensor) -> nn.Module:
    module = nn.Module()
    module.register_buffer("held", tensor)
    return module


def jagged() -> Tensor:
    return torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged)


def quiet(make: Callable[[], Tensor]) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sparse, quantized and nested tensors are called new, or old
        return make()


TENSORS: dict[str, Callable[[], Tensor]] = {
    "sparse": lambda: torch.eye(3).to_sparse(),
    "compressed": lambda: torch.eye(3).to_sparse_csr(),
    "blocked": lambda: torch.eye(4).to_sparse_bsc((2, 2)),
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    "jagged": jagged,
    "complex": lambda: torch.ones(3, dtype=torch.complex64),
    "conjugate": lambda: torch.ones(3, dtype=torch.complex64).conj(),
    "half": lambda: torch.ones(3, dtype=torch.bfloat16),
    "of_nan": lambda: torch.full((3,), float("nan")),
    "zero_dim": lambda: torch.tensor(2.0),
    "transposed": lambda: torch.rand(3, 5).t(),
    "part_of_larger": lambda: torch.rand(100)[10:20:3],
    "quantized": lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
}


def double(tensor: Tensor) -> None:
    if tensor.is_quantized:
        tensor.copy_(torch.zeros(3))
    else:
        tensor.mul_(2)


@pytest.mark.parametrize("kind", TENSORS)
def test_a_buffer_of_any_layout_is_put_back(kind: str) -> None:
    tensor = quiet(TENSORS[kind])
    model = holding(tensor)
    before, version = str(tensor), tensor._version
    assert guarded(model, lambda: quiet(lambda: double(tensor) or tensor)) == ()  # type: ignore[func-returns-value]
    assert (str(tensor), tensor._version) == (before, version)
    assert vars(model)["_buffers"]["held"] is tensor


def test_an_opaque_layout_is_told_when_it_was_written_to() -> None:
    tensor = quiet(lambda: torch.eye(3).to_mkldnn())
    guard = Guard(holding(tensor), values=True)
    assert guard.check()[0].startswith("left as found: 1 tensors by version")
    tensor.mul_(2)
    assert guard.check()[1] == ("held: was written to in place, and its values cannot be compared",)


def test_an_inference_tensor_is_put_back() -> None:
    with torch.inference_mode():
        tensor = torch.ones(3)

    def write() -> None:
        with torch.inference_mode():
            tensor.add_(1)

    assert guarded(holding(tensor), write) == ()
    assert tensor.tolist() == [1, 1, 1]


def test_what_has_no_values_has_none_that_could_change() -> None:
    for model in (nn.Linear(2, 2, device="meta"), holding(torch.empty(0))):
        assert guarded(model, lambda model=model: model._apply(lambda tensor: tensor.mul_(2))) == ()  # type: ignore[misc]
    with FakeTensorMode():
        fake = nn.Linear(2, 2)
    assert guarded(fake, lambda: None) == ()


def moved(model: nn.Linear) -> None:
    model.weight.data = torch.zeros(7, dtype=torch.float64)


def recorded(model: nn.Linear) -> None:
    state = vars(model)["_buffers"]["state"]
    state.add_(model.weight.sum())
    assert state.grad_fn is not None


def turned(model: nn.Linear) -> None:
    with torch.no_grad():
        model.weight.t_()


def copied_by_another_class(model: nn.Linear) -> None:
    vars(model)["extra"] = 1
    model.__class__ = nn.Bilinear  # type: ignore[assignment]


@pytest.mark.parametrize("action", [moved, recorded, turned, copied_by_another_class])
def test_other_memory_shape_history_or_class_is_undone(action: Callable[[Any], None]) -> None:
    model = nn.Linear(3, 2)
    model.register_buffer("state", torch.ones(2))
    before = bits.of(model)
    assert guarded(model, lambda: action(model)) == ()
    assert bits.of(model) == before


def test_memory_that_was_given_up_is_filled_again() -> None:
    model = nn.Linear(3, 2)
    before = model.weight.tolist()
    assert guarded(model, lambda: model.weight.untyped_storage().resize_(0)) == ()
    assert model.weight.tolist() == before


def test_a_history_that_was_there_before_cannot_be_put_back_and_that_is_told() -> None:
    model = nn.Linear(2, 2)
    model.register_buffer("made", model.weight * 2)
    with torch.enable_grad():
        (told,) = guarded(model, lambda: vars(model)["_buffers"]["made"].add_(1))
    assert told == "made: its history is another now: it was written to by an operation that autograd records"


# --- users' objects -----------------------------------------------------------------------------------------------


class Liar:
    """Equal to everything, and true in no sense."""

    def __init__(self) -> None:
        self.count = 0
        self.me = self

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compared")

    def __bool__(self) -> bool:
        raise RuntimeError("asked")

    def __repr__(self) -> str:
        raise RuntimeError("written out")

    __hash__ = object.__hash__


class Sneaky(list[Any]):
    """Shows nothing of what is in it."""

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_no_code_of_the_users_objects_runs() -> None:
    model = nn.Module()
    liar, sneaky, deep = Liar(), Sneaky([1, 2]), [[[[[[[0]]]]]]]
    vars(model).update(liar=liar, by_liar={liar: [liar]}, sneaky=sneaky, deep=deep)

    def change() -> None:
        liar.count += 1
        liar.me = 5  # type: ignore[assignment]
        vars(model)["by_liar"][liar].append(3)
        list.append(sneaky, 3)
        deep[0][0][0][0][0][0].append(1)

    assert guarded(model, change) == ()
    assert (liar.count, liar.me is liar, len(vars(model)["by_liar"][liar])) == (0, True, 1)
    assert (list.__len__(sneaky), deep) == (2, [[[[[[[0]]]]]]])


def test_attributes_keep_their_order() -> None:
    model = nn.Linear(1, 1)
    names = list(vars(model))

    def shuffle() -> None:
        vars(model)["training"] = vars(model).pop("training")

    assert guarded(model, shuffle) == ()
    assert list(vars(model)) == names


def test_modes_and_default_devices_of_the_users_have_no_say() -> None:
    class Refusing(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            raise RuntimeError("hands off")

    model = nn.BatchNorm1d(2)
    with Refusing():
        guard = Guard(model, values=True)
    model(torch.ones(2, 2))
    with torch.device("meta"), Refusing():
        guard.restore()
        assert guard.check()[1] == ("default device: cpu before, meta now",)
    assert model.num_batches_tracked.item() == 0  # type: ignore[union-attr]


def test_modes_that_torchscript_keeps_come_back() -> None:
    model = nn.Sequential(torch.jit.script(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))))
    guard = Guard(model, values=True)
    model.eval()
    guard.restore()
    assert [module.training for module in model.modules()] == [True] * 4
    model.eval()
    assert guard.check()[1] == ()
