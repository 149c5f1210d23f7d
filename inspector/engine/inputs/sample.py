"""The sample that goes into a model, and its record: argument by argument, with the text that would repeat it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from msgspec import structs
from torch import Tensor, nn

from inspector.engine.command import spell as spell_command
from inspector.engine.failure import refuse, sendable
from inspector.engine.inputs.recipes import Recipe, bytes_of, make, moved
from inspector.engine.inputs.signature import Signature
from inspector.engine.inputs.wording import named, recipe_of, spell
from inspector.engine.spelling import spelled
from inspector.engine.target import Built
from inspector.figures import size
from inspector.free_memory import free_bytes
from inspector.run_schema import InputSet, Origin, SampleArgument, Seen

_MOST_VALUES = 256


class Sample(NamedTuple):
    """What forward is called with."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    record: InputSet


class Part(NamedTuple):
    """One argument on its way into a sample."""

    name: str
    """As forward calls it; `args[0]` of one more."""
    keyword: bool
    recipe: Recipe | None
    """How to make it; None of a value that is there already."""
    value: Any = None
    text: str | None = None
    """As it was typed; None: spell it."""
    reason: str = ""


def assemble(parts: list[Part], origin: Origin, device: torch.device, seed: int) -> Sample:
    """Make what is to be made, in the order of the parts, from one generator that begins at the seed."""
    generator = torch.Generator(device="cpu")
    generator.manual_seed(seed)
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    records = []
    _refuse_the_huge(parts, device)
    for part in parts:
        value = moved(part.value, device) if part.recipe is None else make(part.recipe, generator, device)
        if part.keyword:
            kwargs[part.name] = value
        else:
            args.append(value)
        records.append(_record(part, value))
    return Sample(tuple(args), kwargs, InputSet(origin, tuple(records)))


def _refuse_the_huge(parts: list[Part], device: torch.device) -> None:
    """Raises LoadFailed before the machine is out of memory, which would end the engine or somebody else."""
    taken, free = {part.name: bytes_of(part.recipe) for part in parts if part.recipe is not None}, free_bytes()
    if device.type == "meta" or not free or sum(taken.values()) <= free:
        return
    largest = max(taken, key=lambda name: taken[name])
    raise refuse(
        "inputs",
        "TooLarge",
        f"{largest} would take {size(taken[largest])}, and {size(free)} of memory are free",
        mend="Give smaller sizes; --device meta finds the shapes of any size and allocates nothing",
    )


def _record(part: Part, value: Any) -> SampleArgument:
    text = part.text
    if text is None:
        recipe = part.recipe or recipe_of(value)
        spelled_recipe = spell(recipe) if recipe is not None else ""
        text = spelled_recipe if "[" in part.name else named(part.name, spelled_recipe)
    seen = tuple(see(value, part.name))[:_MOST_VALUES]
    return SampleArgument(sendable(part.name), part.keyword, sendable(text), seen, sendable(part.reason))


def see(value: Any, path: str) -> Iterator[Seen]:
    """Every tensor in a value, and everything that is none, without a look at their values."""
    kind = type(value)
    if isinstance(value, Tensor):
        yield _seen_tensor(value, path)
    elif kind in (tuple, list) and value:
        for index, part in enumerate(value):
            yield from see(part, f"{path}[{index}]")
    elif kind is dict and value:
        for key, part in value.items():
            yield from see(part, f"{path}[{spelled(key)}]")
    else:
        yield Seen(sendable(path), text=spelled(value))


def _seen_tensor(tensor: Tensor, path: str) -> Seen:
    with torch._C.DisableTorchFunctionSubclass():
        strided = tensor.layout is torch.strided and not tensor.is_nested
        return Seen(
            sendable(path),
            None if tensor.is_nested else tuple(tensor.shape),
            str(tensor.dtype).removeprefix("torch."),
            str(tensor.device),
            "" if type(tensor) is Tensor and strided else spelled(tensor),
            tuple(tensor.stride()) if strided and not tensor.is_contiguous() else None,
            0 if tensor.is_nested else tensor.numel() * tensor.element_size(),
        )


def finish(sample: Sample, signature: Signature, built: Built | None, seed: int, **known: str) -> Sample:
    """The sample with all that its record says of the whole."""
    record = structs.replace(sample.record, signature=signature.described, **known)
    return Sample(sample.args, sample.kwargs, structs.replace(record, command=_command(record, built, seed)))


def _command(record: InputSet, built: Built | None, seed: int) -> str:
    """The command line that gives the same sample; of what file or model hold, it is the one without --input."""
    if built is None or not built.request.target or record.origin == "none":
        return ""
    words = []
    if record.origin in ("given", "guessed"):
        texts = [argument.text for argument in record.arguments]
        unread = [argument for argument in record.arguments if not argument.text]
        if unread and not any(text.startswith("@") or "=@" in text for text in texts):
            return ""
        words = [word for text in texts if text for word in ("--input", text)]
    if seed:
        words += ["--seed", str(seed)]
    command = spell_command(built.request, built.where)
    return sendable(f"{command} {shlex.join(words)}" if words else command)


def device_of(model: nn.Module, built: Built | None) -> torch.device:
    """Where the model's parameters live; without any, where it was to be built."""
    for tensor in _tensors(model):
        return tensor.device
    return torch.device(built.target.device if built else "cpu")


def floating_dtype(model: nn.Module) -> str:
    """The dtype of the first parameter that has a floating one that can be drawn; float32 without any."""
    for tensor in _tensors(model):
        if tensor.dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
            return str(tensor.dtype).removeprefix("torch.")
        if tensor.dtype.is_complex:
            break
    return "float32"


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    for module in model.modules():
        yield from (tensor for tensor in vars(module).get("_parameters", {}).values() if tensor is not None)
    for module in model.modules():
        yield from (tensor for tensor in vars(module).get("_buffers", {}).values() if tensor is not None)
