"""Whatever wrappers stand around a model and its parts, where it was saved and here: keys find those that they were."""

from __future__ import annotations

import copy

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from inspector.engine.checkpoint import mending, slots
from inspector.engine.checkpoint.contents import StateDict, stored
from inspector.engine.checkpoint.matching import match
from tests.engine.checkpoint_models import Backbone

AROUND = ("module", "_orig_mod", "model", "net", "encoder", "_forward_module")
WITHIN = ("module", "_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module")
PARTS = ("layers", "layers.0", "layers.1.attn", "bn1", "fc")


class Around(nn.Module):
    """A wrapper that keeps what it wraps under some name."""

    def __init__(self, name: str, inner: nn.Module) -> None:
        super().__init__()
        self.add_module(name, inner)


def wrapped(around: list[str], within: dict[str, str], source: Backbone) -> nn.Module:
    """A copy of a model with wrappers around some parts and around all of it."""
    model: nn.Module = copy.deepcopy(source)
    for part in sorted(within, key=len, reverse=True):  # the inner ones first: what is wrapped has another path
        above, _, name = part.rpartition(".")
        holder = model.get_submodule(above)
        holder._modules[name] = Around(within[part], model.get_submodule(part))
    for name in around:
        model = Around(name, model)
    return model


WRAPPINGS = st.tuples(
    st.lists(st.sampled_from(AROUND), max_size=2),
    st.dictionaries(st.sampled_from(PARTS), st.sampled_from(WITHIN), max_size=2),
)


@settings(max_examples=150, deadline=None)
@given(there=WRAPPINGS, here=WRAPPINGS)
def test_every_key_is_paired_with_its_own_and_the_code_loads_the_values(
    there: tuple[list[str], dict[str, str]], here: tuple[list[str], dict[str, str]]
) -> None:
    source = Backbone(blocks=3)
    saved, model = wrapped(*there, source), wrapped(*here, source)
    identity = model.state_dict()
    state = saved.state_dict()
    held = StateDict("", {key: stored(value) for key, value in state.items()}, None)
    wanted = slots.of_model(model)
    found = match(held, wanted)
    pairs = [pair for each in found.renamed for pair in each.pairs]
    assert all(torch.equal(state[held_key], identity[key]) for held_key, key in pairs)
    assert len(found.fitting) + len(pairs) == len(wanted.by_key)
    assert not [*found.misfits, *found.missing, *found.unexpected]
    if not pairs:
        return
    if code := mending.mend(found.renamed, held.entries, wanted.by_key):
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.data.zero_()
        exec(code, {"model": model, "state": state})
        assert all(torch.equal(value, source.state_dict()[key]) for key, value in bare(model, source).items())
    else:
        assert len(found.renamed) > 1


def bare(model: nn.Module, source: nn.Module) -> dict[str, torch.Tensor]:
    """The tensors of a wrapped model under the names of the bare one, whose order is the same."""
    return dict(zip(source.state_dict(), model.state_dict().values(), strict=True))
