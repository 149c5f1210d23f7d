"""Tensors that are made from others: parametrizations, pruning masks, the older weight_norm and spectral_norm.

Finding them runs no code of theirs: spectral_norm takes a step of its power iteration whenever its weight is read in
training mode. Computing one, when somebody asks for its values, happens in evaluation mode on copies of its buffers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList

from inspector.engine.forms import Form, Forms
from inspector.engine.kinds import home

UNKNOWN_SHAPE = "shape known once it is computed"


@dataclass(slots=True, eq=False)
class Made:
    """A tensor that a module computes from its parameters and buffers."""

    name: str
    how: str
    """`weight_norm, dim 0`"""
    sources: tuple[str, ...]
    """Names of the module's own parameters and buffers that it is made from; empty for a parametrization."""
    model: Form | None
    """The form of a source that has exactly its shape and dtype, where there is one."""
    likeness: Form | None
    """The form of its first source: dtype, device, and whether it is trained."""
    compute: Callable[[], Tensor]


def made_by_hooks(module: nn.Module, attributes: dict[str, Any], forms: Forms) -> list[Made]:
    """What pruning, weight_norm and spectral_norm hooks of this module make, before each forward."""
    found = []
    for hook in tuple(attributes["_forward_pre_hooks"].values()):
        reader = _READERS.get(_torch_class(hook))
        made = reader(module, hook, forms) if reader is not None else None
        if made is not None:
            found.append(made)
    return found


def _torch_class(hook: object) -> str:
    """The class of torch.nn.utils that a hook belongs to; a user may derive pruning methods of his own."""
    for base in type(hook).__mro__:
        if base.__name__ in _READERS and home(base).startswith("torch.nn.utils."):
            return base.__name__
    return ""


def _pruned(module: nn.Module, hook: Any, forms: Forms) -> Made | None:
    methods = hook if type(hook).__name__ == "PruningContainer" else (hook,)
    how = "pruned by " + ", ".join(type(method).__name__ for method in methods)
    name = str(hook._tensor_name)
    sources = (f"{name}_orig", f"{name}_mask")
    return _hooked(module, name, how, sources, forms, like=sources[0], compute=lambda: hook.apply_mask(module))


def _weight_normed(module: nn.Module, hook: Any, forms: Forms) -> Made | None:
    name = str(hook.name)
    sources = (f"{name}_g", f"{name}_v")
    how = f"weight_norm, {_dimension(hook.dim)}"
    return _hooked(module, name, how, sources, forms, like=sources[1], compute=lambda: hook.compute_weight(module))


def _spectral_normed(module: nn.Module, hook: Any, forms: Forms) -> Made | None:
    name = str(hook.name)
    sources = (f"{name}_orig", f"{name}_u", f"{name}_v")

    def compute() -> Tensor:
        weight: Tensor = hook.compute_weight(module, do_power_iteration=False)
        return weight

    return _hooked(module, name, _spectral(hook), sources, forms, like=sources[0], compute=compute)


_READERS: dict[str, Callable[[nn.Module, Any, Forms], Made | None]] = {
    "BasePruningMethod": _pruned,
    "WeightNorm": _weight_normed,
    "SpectralNorm": _spectral_normed,
}


def _hooked(
    module: nn.Module,
    name: str,
    how: str,
    sources: tuple[str, ...],
    forms: Forms,
    *,
    like: str,
    compute: Callable[[], Tensor],
) -> Made | None:
    registered = module._parameters | module._buffers
    model = registered.get(like)
    if model is None:  # the hook outlived its tensors: nothing to fold
        return None
    form = forms.of(model)
    present = tuple(source for source in sources if registered.get(source) is not None)
    return Made(name, how, present, form, form, compute)


def parametrized_names(children: Mapping[str, nn.Module | None]) -> tuple[str, ...]:
    """Names of the tensors that `children["parametrizations"]` makes; empty when the module is not parametrized."""
    lists = children.get("parametrizations")
    if not isinstance(lists, nn.ModuleDict):
        return ()
    if not all(isinstance(each, ParametrizationList) for each in lists._modules.values()):
        return ()
    return tuple(lists._modules)


def _originals(steps: ParametrizationList) -> dict[str, Tensor]:
    tensors = {**steps._parameters, **steps._buffers}
    return {name: each for name, each in tensors.items() if each is not None and name.startswith("original")}


def original_of(module: nn.Module, name: str) -> Tensor | None:
    """The first tensor that a parametrized tensor is made from."""
    lists = module._modules["parametrizations"]
    steps = lists._modules[name] if lists is not None else None
    return next(iter(_originals(steps).values()), None) if isinstance(steps, ParametrizationList) else None


def made_by_parametrization(module: nn.Module, name: str, forms: Forms) -> Made:
    """The tensor that a module's parametrization makes, described from its originals."""
    steps: Any = module.get_submodule(f"parametrizations.{name}")
    found = {key: forms.of(value) for key, value in _originals(steps).items()}
    first = next(iter(found.values()), None)
    how = ", ".join(_step(step) for step in steps._modules.values() if step is not None)
    return Made(name, how, (), _same_shape(steps, found), first, lambda: _computed(steps))


def _same_shape(steps: ParametrizationList, originals: dict[str, Form]) -> Form | None:
    """The original whose shape the result is sure to have: torch checks it, unless an inverse may have changed it."""
    kinds = [type(step) for step in steps._modules.values()]
    torchs_own = all(home(kind).startswith("torch.nn.utils.") for kind in kinds)
    if torchs_own and "_WeightNorm" in {kind.__name__ for kind in kinds}:
        return originals.get("original1")
    checked = not steps.unsafe and not any(hasattr(kind, "right_inverse") for kind in kinds)
    return next(iter(originals.values())) if len(originals) == 1 and (torchs_own or checked) else None


def _step(step: nn.Module) -> str:
    name = type(step).__name__
    if not home(type(step)).startswith("torch.nn.utils."):
        return f"parametrized by {name}"
    if name == "_WeightNorm":
        return f"weight_norm, {_dimension(vars(step).get('dim'))}"
    if name == "_SpectralNorm":
        return _spectral(step)
    return "orthogonal" if name == "_Orthogonal" else name.lstrip("_")


def _dimension(dim: int | None) -> str:
    return "one norm for all" if dim is None or dim == -1 else f"dim {dim}"


def _spectral(holder: Any) -> str:
    steps = holder.n_power_iterations
    return f"spectral_norm, {steps} power iteration{'s' if steps != 1 else ''}"


def _computed(steps: ParametrizationList) -> Tensor:
    """Run a parametrization as the model would in evaluation, and leave it as it was."""
    with _untouched(steps), torch.random.fork_rng(devices=[]):
        result: Tensor = steps()
    return result


@contextmanager
def _untouched(steps: nn.Module) -> Iterator[None]:
    """Evaluation mode, copied buffers and, afterwards, every attribute of these modules as before.

    Buffers are exchanged rather than written back: writing would raise the version that autograd checks.
    """
    modules = list(steps.modules())
    saved = [(module, dict(vars(module)), dict(module._buffers)) for module in modules]
    try:
        for module, _, buffers in saved:
            vars(module)["training"] = False
            for name, buffer in buffers.items():
                module._buffers[name] = None if buffer is None else buffer.clone()
        yield
    finally:
        for module, attributes, buffers in saved:
            module._buffers.clear()
            module._buffers.update(buffers)
            vars(module).clear()
            vars(module).update(attributes)
