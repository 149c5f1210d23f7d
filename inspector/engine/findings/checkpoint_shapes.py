"""NN604: tensors that stand in both, of different shapes."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from inspector.engine.checkpoint.contents import Stored
from inspector.engine.checkpoint.matching import Misfit
from inspector.engine.findings.checkpoint_places import Place, gathered, pattern
from inspector.engine.findings.checkpoint_rule import MOST, CheckpointScene
from inspector.engine.findings.phrases import and_, product
from inspector.figures import plural
from inspector.run_schema import Finding

_AXES: tuple[tuple[tuple[type[nn.Module], ...], tuple[str, ...]], ...] = (
    ((nn.Linear, nn.Bilinear), ("out_features", "in_features")),
    ((nn.Embedding, nn.EmbeddingBag), ("num_embeddings", "embedding_dim")),
    ((nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), ("in_channels", "out_channels")),
    ((nn.Conv1d, nn.Conv2d, nn.Conv3d), ("out_channels", "in_channels / groups")),
)
"""What the first axes of a layer's weight are; the others of a convolution are its kernel."""
_TOLD = 4
"""Tensors of one module that a sentence tells the shapes of."""


def shapes_differ(scene: CheckpointScene) -> Iterator[Finding]:
    """One for each module that holds such tensors."""
    by_holder: dict[str, list[Misfit]] = {}
    for misfit in scene.match.misfits:
        by_holder.setdefault(misfit.slot.holder, []).append(misfit)
    alike: dict[tuple[str, ...], list[str]] = {}
    for holder, misfits in by_holder.items():
        alike.setdefault(tuple(_told(scene, misfit) for misfit in misfits), []).append(holder)
    places = []
    for said, holders in alike.items():
        keys = {holder: tuple(misfit.slot.key for misfit in by_holder[holder]) for holder in holders}
        places += [(said, place) for place in gathered(Place(holder, keys[holder]) for holder in holders)]
    for said, place in places[:MOST]:
        more = f" and {len(said) - _TOLD:,} more" if len(said) > _TOLD else ""
        message = f"{scene.name(place.path)}: {'; '.join(said[:_TOLD])}{more}{pattern(place)}"
        yield scene.finding("NN604", place.path, message, _mend(scene, place))
    if beyond := places[MOST:]:
        count = sum(len(said) * (1 + len(place.also)) for said, place in beyond)
        yield scene.finding("NN604", "", f"{plural(count, 'more tensor')} have another shape in {scene.file}")


def _told(scene: CheckpointScene, misfit: Misfit) -> str:
    """`weight is [1000, 512] in best.pt and [10, 512] here: out_features 1000, not 10`"""
    wanted, held = misfit.slot.stored, misfit.held
    assert wanted is not None
    if not held.is_tensor:
        return f"{misfit.slot.name} is no tensor in {scene.file}: {held.what}"
    words = f"{misfit.slot.name} is {_form(held)} in {scene.file} and {_form(wanted)} here"
    why = _why(scene.slots.modules[misfit.slot.holder], misfit.slot.name, held, wanted)
    return f"{words}: {why}" if why else words


def _form(stored: Stored) -> str:
    shape = f"[{', '.join(map(str, stored.shape))}]" if stored.shape is not None else "without a size (lazy)"
    return f"{shape} {stored.layout}".rstrip()


def _why(module: nn.Module, name: str, held: Stored, wanted: Stored) -> str:
    """What differs, in words."""
    there, here = held.shape, wanted.shape
    if there is None or here is None or there == here:
        return ""
    if len(there) == 2 and there == here[::-1]:
        return "transposed"
    if len(there) == len(here):
        names = _axes(module, name, len(here))
        differing = [at for at in range(len(here)) if there[at] != here[at]]
        return and_([f"{names[at]} {there[at]}, not {here[at]}" for at in differing])
    if product(there) == product(here):
        return f"the same {product(here):,} elements in another arrangement"
    return f"{plural(len(there), 'axis', 'axes')}, not {len(here)}"


def _axes(module: nn.Module, name: str, count: int) -> list[str]:
    """What the axes of a tensor are called; by their numbers where nobody knows."""
    known = next((axes for classes, axes in _AXES if isinstance(module, classes)), ())
    if name == "bias" and count == 1 and known:
        known = known[1:] if isinstance(module, nn.modules.conv._ConvTransposeNd) else known[:1]
    elif name != "weight":
        known = ()
    names = [*known[:count], *(f"axis {at}" for at in range(len(known[:count]), count))]
    if isinstance(module, nn.modules.conv._ConvNd) and name == "weight":
        names[2:] = [f"kernel_size[{at}]" for at in range(count - 2)]
    return names


def _mend(scene: CheckpointScene, place: Place) -> str:
    """Build it otherwise, or leave it out: strict=False does not help with shapes."""
    if len(scene.match.misfits) > len(place.keys) * (1 + len(place.also)):
        return "build the model with the sizes of the file"
    names = ", ".join(f'"{key}"' for key in place.keys[:_TOLD])
    if place.also or len(place.keys) > _TOLD:
        return "build the model with the sizes of the file"
    return (
        f"build the model with the sizes of the file, or drop them before loading with strict=False (which alone does "
        f"not put up with shapes): for key in ({names},): del state[key]"
    )
