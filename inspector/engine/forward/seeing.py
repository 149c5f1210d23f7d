"""What flows, told without being kept: nested values → `Seen`s of their tensors and of what is none.

Values may be anything that a user's forward takes or returns; nothing of theirs is called on the way: containers are
read by the methods of the built-in classes that they derive from, objects by what stands in their own `__dict__`.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import FunctionType, GeneratorType, MemberDescriptorType, MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from inspector.engine.failure import sendable
from inspector.engine.forms import PLAIN, Forms
from inspector.engine.source_files import attributes
from inspector.run_schema import AND_MORE

MOST_LEAVES = 256
"""Values of one argument or result that are told one by one; of further ones only that there are more."""
DEEPEST = 8
_LONGEST_TEXT = 80
_SPELLED = frozenset((type(None), bool, int, float, complex, type(...), torch.dtype, torch.device, torch.Size, slice))
_ENDS = ("start", "stop", "step")
_OPAQUE = (FunctionType, MethodType, GeneratorType, nn.Module, type)

Leaf = tuple[str, Any, str]
"""Path, tensor or None, and what must be said of it."""


def leaves(value: Any, path: str = "") -> list[Leaf]:
    """Every tensor in a value, and every plain value beside them, by path; at most MOST_LEAVES and one that says so."""
    if type(value) in PLAIN:
        return [(path, value, "")]
    found: list[Leaf] = []
    try:
        for leaf in _walk(value, path, 0, frozenset(), False):
            if len(found) == MOST_LEAVES:
                found.append((path, None, AND_MORE))
                break
            found.append(leaf)
    except Exception as error:  # A value that cannot be looked at is no reason for a run to end.
        found.append((path, None, f"cannot be looked at: {_name(type(error))}"))
    return found


def tensors_of(value: Any) -> Iterator[Tensor]:
    """Every tensor in a value."""
    return (tensor for _, tensor, _ in leaves(value) if tensor is not None)


def _walk(value: Any, path: str, depth: int, above: frozenset[int], tensors_only: bool) -> Iterator[Leaf]:
    kind = type(value)
    if issubclass(kind, Tensor):
        yield path, value, ""
    elif issubclass(kind, PackedSequence):
        yield path, tuple.__getitem__(value, 0), _packed(value)
    elif (text := _spelled(value)) is not None:
        if not tensors_only:
            yield path, None, text
    elif depth > DEEPEST or id(value) in above:
        yield path, None, "…"
    else:
        above |= {id(value)}
        parts = _parts(value)
        if parts is None:  # an object of some class: its name, and the tensors that it holds
            if not tensors_only:
                yield path, None, _name(kind)
            if issubclass(kind, _OPAQUE):
                return
            for name, part in _held(value).items():
                yield from _walk(part, f"{path}.{name}", depth + 1, above, True)
            return
        for name, part in parts:
            yield from _walk(part, path + name, depth + 1, above, tensors_only)


def _parts(value: Any) -> Iterator[tuple[str, Any]] | None:
    """What a container holds, each with its step of a path; None of what is none."""
    kind = type(value)
    if issubclass(kind, tuple):
        names = _field_names(kind)
        if names:
            return ((f".{name}", part) for name, part in zip(names, tuple.__iter__(value), strict=False))
        return ((f"[{index}]", part) for index, part in enumerate(tuple.__iter__(value)))
    if issubclass(kind, list):
        return ((f"[{index}]", part) for index, part in enumerate(list.__iter__(value)))
    if issubclass(kind, dict):
        return ((f"[{_key(key)}]", part) for key, part in list(dict.items(value)))
    if any("__dataclass_fields__" in vars(base) for base in _bases(kind)):
        return ((f".{name}", part) for name, part in _held(value).items())
    return None


def _held(value: Any) -> dict[str, Any]:
    """What an object holds, in its own dictionary and in its slots."""
    held = {}
    for base in reversed(_bases(type(value))):
        for name, member in vars(base).items():
            if type(member) is MemberDescriptorType:
                try:
                    held[name] = member.__get__(value)
                except AttributeError:  # an empty slot
                    pass
    return {**held, **attributes(value)}


def _field_names(kind: type) -> tuple[str, ...]:
    for base in _bases(kind):
        held = vars(base)
        names = held.get("_fields") or (held.get("__match_args__") if "n_fields" in held else None)
        if type(names) is tuple and all(type(name) is str for name in names):
            return names
    return ()


def _bases(kind: type) -> tuple[type, ...]:
    """A class and those that it derives from, without asking its metaclass."""
    bases: tuple[type, ...] = type.__dict__["__mro__"].__get__(kind)
    return bases


def _key(key: Any) -> str:
    if type(key) is str:
        return f'"{sendable(key[:_LONGEST_TEXT])}"'
    return repr(key) if type(key) in _SPELLED else _name(type(key))


def _spelled(value: Any) -> str | None:
    """A plain value, or a short sequence of plain ones, as it would be typed; None of everything else."""
    kind = type(value)
    if _is_plain(value):
        return _shortened(repr(value))
    if kind is str:
        return _shortened(sendable(repr(value[: 2 * _LONGEST_TEXT])))
    if kind in (tuple, list) and all(map(_is_plain, value[:MOST_LEAVES])):
        return _shortened(repr(value[:_LONGEST_TEXT]))
    if kind is dict and not value:
        return "{}"
    return None


def _is_plain(value: Any) -> bool:
    """Whether its repr is short, and calls nothing of anybody's: a slice may be one from tensor to tensor."""
    if type(value) is slice:
        return all(type(end) in _SPELLED for end in (value.start, value.stop, value.step))
    return type(value) in _SPELLED


def _shortened(text: str) -> str:
    text = text.replace("torch.", "") if text.startswith("torch.") else text
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"


def _name(kind: type) -> str:
    return sendable(type.__dict__["__name__"].__get__(kind))


def _packed(value: Any) -> str:
    sizes = tuple.__getitem__(value, 1)
    try:
        listed = sizes[:4].tolist()
    except Exception:  # fake, or not what torch makes
        return "PackedSequence"
    further = ", …" if len(sizes) > len(listed) else ""
    first = listed[0] if listed else 0
    return f"PackedSequence of {first} sequences, batch_sizes {', '.join(map(str, listed))}{further}"


# --- tensors ----------------------------------------------------------------------------------------------------------


Form = tuple[tuple[int, ...] | None, str, str, str, tuple[int, ...] | None, int]
"""Shape, dtype, device, what else it is, strides if it is not contiguous, and bytes: as in `Seen`."""


class Seer:
    """Describes tensors; texts and unusual forms are made once."""

    def __init__(self) -> None:
        self._forms = Forms()
        self._texts: dict[object, str] = {}

    def form(self, tensor: Tensor) -> Form:
        """What a tensor of any kind is. Torch function modes must be off."""
        kind = type(tensor)
        if kind in PLAIN and tensor.layout is torch.strided and tensor.dtype not in _QUANTIZED:
            try:
                return (
                    tuple(tensor.shape),
                    self._text(tensor.dtype),
                    self._text(tensor.device),
                    "Parameter" if kind is nn.Parameter else "",
                    None if tensor.is_contiguous() else tensor.stride(),
                    tensor.nbytes,
                )
            except RuntimeError:  # A nested tensor has no shape.
                pass
        form = self._forms.of(tensor)
        said = "; ".join(filter(None, (form.layout, form.note, "not initialised" if form.lazy else "")))
        return form.shape, form.dtype, form.device, said, _strides(tensor), form.bytes

    def _text(self, thing: object) -> str:
        text = self._texts.get(thing)
        if text is None:
            text = self._texts[thing] = str(thing).removeprefix("torch.")
        return text


_QUANTIZED = frozenset((torch.qint8, torch.quint8, torch.qint32, torch.quint4x2, torch.quint2x4))


def _strides(tensor: Tensor) -> tuple[int, ...] | None:
    try:
        with torch._C.DisableTorchFunctionSubclass():
            strides = None if tensor.layout is not torch.strided or tensor.is_contiguous() else tuple(tensor.stride())
    except Exception:  # nested, opaque, or not initialised: it has none
        return None
    return strides if strides is not None and all(type(stride) is int for stride in strides) else None


def version_of(tensor: Tensor) -> int | None:
    """How often it was written to in place; None of what does not count that, as inference tensors do not."""
    try:
        return tensor._version
    except Exception:
        return None


def storage_of(tensor: Tensor) -> tuple[int, int] | None:
    """Its storage, by an identity that holds while the tensor lives, and the storage's bytes; None if it has none."""
    try:
        storage = tensor.untyped_storage()
        return storage._cdata, storage.nbytes()
    except Exception:  # sparse, nested, opaque
        return None
