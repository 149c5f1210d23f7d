"""The guard tells everything that reading a model must not change, by its path, and says so when nothing has."""

from __future__ import annotations

import gc
import random
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from inspector.engine import guard as guard_module
from inspector.engine.global_state import changed_settings, settings
from inspector.engine.guard import Guard


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.norm = nn.BatchNorm1d(3)
        self.scale = 2.0


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = Block(), Block()
        self.second.linear.weight = self.first.linear.weight
        self.norm: nn.BatchNorm1d = nn.BatchNorm1d(3)


def block_of(net: Net, name: str = "second") -> Block:
    block = getattr(net, name)
    assert isinstance(block, Block)
    return block


def changes_after(net: nn.Module, action: Callable[[], object]) -> tuple[str, ...]:
    guard = Guard(net)
    assert guard.check()[1] == ()
    action()
    line, changes = guard.check()
    assert line.startswith("not left as found: " if changes else "left as found: ")
    return changes


def test_an_untouched_model_is_said_to_be_so_with_what_was_compared() -> None:
    net = Net()
    net.train(False)
    # 8 parameters of which one is tied, two of the outer norm; three norms of three buffers each
    assert Guard(net).check() == ("left as found: 18 tensors, 8 modes, hooks, RNG", ())


def test_a_mode_that_flips_is_told_by_path() -> None:
    net = Net()
    assert changes_after(net, lambda: net.second.norm.eval()) == ("second.norm: training was True, is False",)
    assert changes_after(net, lambda: net.__dict__.update(training=False)) == (
        "the model itself: training was True, is False",
    )


def test_writes_in_place_are_told_and_a_tied_weight_only_once() -> None:
    net = Net()

    @torch.no_grad()
    def write() -> None:
        net.second.linear.weight.add_(1)
        net.norm.reset_running_stats()

    assert changes_after(net, write) == (
        "norm.running_mean: was written to in place",
        "norm.running_var: was written to in place",
        "norm.num_batches_tracked: was written to in place",
        "first.linear.weight: was written to in place",
    )


def test_a_forward_pass_in_train_mode_is_told() -> None:
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout())
    assert changes_after(net, lambda: net(torch.zeros(4, 3))) == (
        "0.num_batches_tracked: was written to in place",
        "the random numbers of torch have moved on",
    )


def replaced(net: Net) -> None:
    block_of(net).linear.bias = nn.Parameter(torch.zeros(3))


def moved(net: Net) -> None:
    block_of(net).linear.bias.data = torch.zeros(3)


def frozen(net: Net) -> None:
    block_of(net).linear.bias.requires_grad_(False)


def given_a_gradient(net: Net) -> None:
    block_of(net).linear.bias.grad = torch.zeros(3)


def given_a_parameter(net: Net) -> None:
    block_of(net).extra = nn.Parameter(torch.zeros(3))


def given_a_buffer(net: Net) -> None:
    block_of(net).register_buffer("extra", torch.zeros(3))


def given_an_attribute(net: Net) -> None:
    vars(block_of(net))["extra"] = 3


def robbed_of_an_attribute(net: Net) -> None:
    del block_of(net).scale


def robbed_of_a_child(net: Net) -> None:
    del net.norm


def given_another_child(net: Net) -> None:
    net.norm = nn.BatchNorm1d(3)


def given_a_hook(net: Net) -> None:
    block_of(net).register_forward_hook(lambda *_: None)


@pytest.mark.parametrize(
    ("action", "change"),
    [
        (replaced, "second.linear: bias is another object now"),
        (moved, "second.linear.bias: its memory is another now"),
        (frozen, "second.linear.bias: requires_grad was True, is False"),
        (given_a_gradient, "second.linear.bias: its gradient is new"),
        (given_a_parameter, "second: parameter extra was added"),
        (given_a_buffer, "second: buffer extra was added"),
        (given_an_attribute, "second: attribute extra was added"),
        (robbed_of_an_attribute, "second: attribute scale is gone"),
        (robbed_of_a_child, "the model itself: module norm is gone"),
        (given_another_child, "the model itself: norm is another object now"),
        (given_a_hook, "second: forward_hooks: 1 were added, 0 are gone"),
    ],
)
def test_every_other_change_of_the_model_is_told_in_words(action: Callable[[Net], None], change: str) -> None:
    net = Net()
    assert changes_after(net, lambda: action(net)) == (change,)


def test_a_gradient_that_is_gone_or_written_to_is_told() -> None:
    net = nn.Linear(2, 1)
    net(torch.ones(1, 2)).sum().backward()
    assert net.weight.grad is not None
    gradient = net.weight.grad
    assert changes_after(net, lambda: gradient.zero_()) == ("weight: its gradient was written to in place",)
    assert changes_after(net, lambda: setattr(net.bias, "grad", None)) == ("bias: its gradient is gone",)


def test_a_removed_hook_is_told() -> None:
    net = nn.Linear(2, 1)
    handle = net.register_forward_pre_hook(lambda *_: None)
    assert changes_after(net, handle.remove) == ("the model itself: forward_pre_hooks: 0 were added, 1 are gone",)


def test_of_very_many_changes_the_first_hundred_are_told() -> None:
    net = nn.Sequential(*[nn.ReLU() for _ in range(250)])
    changes = changes_after(net, net.eval)
    assert len(changes) == guard_module.MOST_CHANGES + 1
    assert changes[-1] == "and 151 more"


# --- the process ------------------------------------------------------------------------------------------------------


@pytest.fixture
def restored_settings() -> Iterator[None]:
    options = dict(vars(torch._tensor_str.PRINT_OPTS))
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.set_grad_enabled(True)
    torch.use_deterministic_algorithms(False)
    torch._tensor_str.PRINT_OPTS.precision = options["precision"]


@pytest.mark.usefixtures("restored_settings")
@pytest.mark.parametrize(
    ("action", "change"),
    [
        (lambda: torch.set_default_dtype(torch.float64), "default dtype: torch.float32 before, torch.float64 now"),
        (lambda: torch.set_default_device("meta"), "default device: cpu before, meta now"),
        (lambda: torch.set_grad_enabled(False), "grad mode: True before, False now"),
        (
            lambda: torch.use_deterministic_algorithms(True, warn_only=True),
            "deterministic algorithms: (False, False) before, (True, True) now",
        ),
        (lambda: torch.manual_seed(1), "the random numbers of torch have moved on"),
        (lambda: random.random(), "the random numbers of Python have moved on"),
        (lambda: np.random.rand(), "the random numbers of NumPy have moved on"),
    ],
)
def test_a_change_of_the_process_is_told(action: Callable[[], object], change: str) -> None:
    assert changes_after(nn.Linear(1, 1), action) == (change,)


@pytest.mark.usefixtures("restored_settings")
def test_changed_print_options_are_told() -> None:
    (change,) = changes_after(nn.Linear(1, 1), lambda: setattr(torch._tensor_str.PRINT_OPTS, "precision", 2))
    assert change.startswith("print options: {'precision': 4,")


def test_a_global_hook_is_told() -> None:
    before = settings()
    handle = nn.modules.module.register_module_forward_hook(lambda *_: None)
    try:
        (change,) = changed_settings(before, settings())
    finally:
        handle.remove()
    assert change.startswith("global module hooks: ")


# --- models of all kinds ----------------------------------------------------------------------------------------------


class Hostile(Tensor):
    """A tensor whose class refuses every function and attribute."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise RuntimeError("hands off")


def lazy() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls lazy modules new
        return nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())


def fake() -> nn.Module:
    with FakeTensorMode():
        return nn.Linear(2, 2)


def sparse() -> nn.Module:
    module = nn.Module()
    module.register_buffer("table", torch.eye(3).to_sparse())
    return module


def inference() -> nn.Module:
    module = nn.Module()
    with torch.inference_mode():
        module.register_buffer("table", torch.eye(3))
    return module


def hostile() -> nn.Module:
    module = nn.Module()
    module.register_buffer("table", torch.eye(3).as_subclass(Hostile))
    return module


def derived() -> nn.Module:
    """A buffer that is no leaf: to read its gradient would make torch warn."""
    module = nn.Linear(2, 2)
    module.register_buffer("table", module.weight * 2)
    return module


def scripted() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        module: nn.Module = torch.jit.script(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    return module


def traced() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace: Callable[..., nn.Module] = torch.jit.trace
        return trace(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), torch.zeros(1, 2))


def cyclic() -> nn.Module:
    module = nn.Sequential(nn.Linear(2, 2))
    module[0].parent = module
    return module


def unfinished() -> nn.Module:
    class Unfinished(nn.Module):
        def __init__(self) -> None:
            pass

    return Unfinished()


@pytest.mark.parametrize(
    ("make", "tensors", "modes"),
    [
        (lazy, 7, 3),
        (fake, 2, 1),
        (sparse, 1, 1),
        (inference, 1, 1),
        (hostile, 1, 1),
        (derived, 3, 1),
        (scripted, 2, 3),
        (traced, 2, 3),
        (cyclic, 2, 2),
        (unfinished, 0, 1),
        (lambda: nn.Linear(2, 2, device="meta"), 2, 1),
        (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)), 3, 4),
    ],
)
def test_models_of_every_kind_are_read_without_touching_them(
    make: Callable[[], nn.Module], tensors: int, modes: int
) -> None:
    guard = Guard(make())
    assert guard.check() == (f"left as found: {tensors} tensors, {modes} modes, hooks, RNG", ())


def test_the_mode_of_a_compiled_module_is_watched_too() -> None:
    module = scripted()
    changes = changes_after(module, module.eval)
    assert changes[0] == "the model itself: training was True, is False"
    assert len(changes) == 3


def test_lazy_parameters_stay_uninitialised() -> None:
    module = lazy()
    Guard(module).check()
    assert all(isinstance(p, nn.UninitializedParameter) for p in module[0].parameters())  # type: ignore[index]


def test_garbage_collection_is_as_it_was() -> None:
    gc.disable()
    try:
        Guard(nn.Linear(1, 1)).check()
        assert not gc.isenabled()
    finally:
        gc.enable()
    Guard(nn.Linear(1, 1)).check()
    assert gc.isenabled()
