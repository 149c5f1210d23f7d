"""Cards held to what torch does: the same layer built, called, counted and measured."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from inspector.cards import CARDS
from inspector.cards.card import Arguments, Inputs
from inspector.engine.forward.dispatch import Dispatching
from inspector.engine.forward.flops import Flops

Call = Callable[[nn.Module, list[Tensor]], Any]


class Trial(NamedTuple):
    """A layer to be built, and the shapes to call it with."""

    given: Mapping[str, Any]
    inputs: Inputs


def filled(name: str, given: Mapping[str, Any]) -> Arguments:
    """All arguments of a card, defaults filled in."""
    card = CARDS[name]
    unknown = given.keys() - card.arguments.keys()
    assert not unknown, f"{name} has no {unknown}"
    arguments = {key: given.get(key, card.defaults.get(key)) for key in card.arguments}
    return {key: value for key, value in arguments.items() if key in given or key in card.defaults}


def build(name: str, given: Mapping[str, Any]) -> nn.Module:
    """The layer of torch.nn itself."""
    module: nn.Module = getattr(nn, name)(**given)
    return module


def zeros(shapes: Inputs) -> list[Tensor]:
    """Tensors to call a layer with, where values make no difference."""
    return [torch.zeros([int(size) for size in shape]) for shape in shapes]


def plainly(module: nn.Module, tensors: list[Tensor]) -> Any:
    """Called with all of them, in their order."""
    return module(*tensors)


def tensors_in(value: Any) -> list[Tensor]:
    """All tensors in a result, in their order."""
    if isinstance(value, Tensor):
        return [value]
    return [tensor for each in value for tensor in tensors_in(each)] if isinstance(value, (tuple, list)) else []


def torch_says(name: str, trial: Trial, call: Call = plainly, mode: bool = True) -> list[tuple[int, ...]] | str:
    """The shapes that come out, or why torch refuses."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = build(name, trial.given).train(mode)
            with torch.no_grad():
                return [tuple(tensor.shape) for tensor in tensors_in(call(module, zeros(trial.inputs)))]
    except Exception as error:  # whatever it is: torch refuses
        return f"{type(error).__name__}: {error}".split("\n")[0]


def card_says(name: str, trial: Trial) -> list[tuple[int | str, ...]] | str:
    """The shapes that a card tells, or its words why there are none."""
    shape = CARDS[name].shape
    assert shape is not None
    try:
        shaped = shape(filled(name, trial.given), trial.inputs)
    except ValueError as error:
        return str(error)
    assert all(line for line in shaped.lines)
    return list(shaped.outputs)


def check_shapes(name: str, trials: Iterable[Trial], call: Call = plainly, mode: bool = True, refused: int = 5) -> None:
    """Card and torch agree in at least 200 trials, on every shape and on what is refused; both must have occurred."""
    wrong, taken, refusals = [], 0, 0
    for trial in trials:
        theirs, ours = torch_says(name, trial, call, mode), card_says(name, trial)
        assert ours != ""
        taken += not isinstance(theirs, str)
        refusals += isinstance(theirs, str)
        if isinstance(theirs, str) != isinstance(ours, str) or (not isinstance(theirs, str) and theirs != ours):
            wrong.append(f"{trial}: torch {theirs}, card {ours}")
    assert not wrong, f"{len(wrong)} of {taken + refusals}:\n" + "\n".join(wrong[:8])
    assert taken >= 100
    assert taken + refusals >= 200
    assert refusals >= refused


def check_parameters(name: str, given: Mapping[str, Any]) -> None:
    """The count of a card is that of the layer."""
    parameters = CARDS[name].parameters
    mine = parameters(filled(name, given)).total if parameters else 0
    assert mine == sum(parameter.numel() for parameter in build(name, given).parameters()), given


def check_initial(name: str, given: Mapping[str, Any], close: float = 0.97) -> None:
    """Every parameter has a distribution, no value is beyond its bound, and some come close to it.

    The layer has to be large, so that chance comes close to the bounds.
    """
    torch.default_generator.manual_seed(0)
    module = build(name, given)
    laws = {initial.parameter: initial.of(filled(name, given)) for initial in CARDS[name].initial}
    for path, parameter in module.named_parameters():
        law = next((law for pattern, law in laws.items() if fnmatchcase(path, pattern) and law), None)
        assert law is not None, f"nothing is said of {path}"
        values = parameter.detach()
        low, high = float(values.min()), float(values.max())
        if law.std and law.low is not None and law.high is not None:
            slack = 1e-6 * abs(law.low)
            assert law.low - slack <= low
            assert high <= law.high + slack
            assert low <= law.low * close
            assert high >= law.high * close
        assert law.std is not None
        if law.std:
            assert abs(float(values.std(unbiased=False)) / law.std - 1) < 0.05, path
        else:
            assert low == high == law.low
    unused = [pattern for pattern, law in laws.items() if law and not _matches(module, pattern)]
    assert not unused


def _matches(module: nn.Module, pattern: str) -> bool:
    return any(fnmatchcase(path, pattern) for path, _ in module.named_parameters())


def flops_counted(name: str, trial: Trial, call: Call = plainly, mode: bool = True) -> int:
    """What a run counts for this call; everything in it must have been counted."""
    flops = Flops(lambda _: None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = build(name, trial.given).train(mode)
        with torch.no_grad(), Dispatching(flops):
            call(module, zeros(trial.inputs))
    assert not flops.uncounted
    return flops.total


def check_costs(name: str, trials: Iterable[Trial], call: Call = plainly, mode: bool = True) -> None:
    """The cost of a card is what a run counts, wherever torch takes the input."""
    cost = CARDS[name].cost
    seen = 0
    for trial in trials:
        if isinstance(torch_says(name, trial, call, mode), str):
            continue
        seen += 1
        mine = cost(filled(name, trial.given), trial.inputs).total if cost else 0
        assert mine == flops_counted(name, trial, call, mode), trial
    assert seen >= 20
