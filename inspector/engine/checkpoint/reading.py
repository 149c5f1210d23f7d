"""From a file to what was saved in it. No byte of a tensor is read, and none of the file's code runs unless allowed."""

from __future__ import annotations

import json
import os
import pickle
import types
import warnings
import zipfile
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from inspector.engine.checkpoint import pickles, safetensors_header
from inspector.engine.checkpoint.contents import Contents
from inspector.engine.checkpoint.refusals import NeedsCodeError, refuse_file
from inspector.engine.failure import LoadFailed, message_of

_INDEX = ".index.json"
_AGAIN = "download or copy it again"

_OTHER_FORMATS: tuple[tuple[bytes, str, str], ...] = (
    (b"version https://git-lfs", "a pointer of Git LFS and not the weights", "fetch them: git lfs pull"),
    (b"\x89HDF", "HDF5, as Keras writes it", ""),
    (b"GGUF", "GGUF, which llama.cpp reads", ""),
    (b"<!DOCTYPE", "a web page and not the weights", "the download went to a page: look at its address"),
    (b"<html", "a web page and not the weights", "the download went to a page: look at its address"),
    (b"\x1f\x8b", "compressed with gzip", "unpack it first: gunzip"),
)
"""What a file is that begins like this, and the mend."""


def read(name: str, *, unsafe: bool = False, main: types.ModuleType | None = None) -> Contents:
    """What lies in a checkpoint.

    With `unsafe` the file's own code is run where it has any; classes that were saved from a script are then looked up
    in `main`. Raises LoadFailed of what is no checkpoint or not a whole one, and NeedsCodeError.
    """
    file = os.path.expanduser(name)
    if not os.path.isfile(file):
        raise _no_file(name, file)
    try:
        return _read(file, unsafe, main)
    except OSError as error:
        raise refuse_file(f"{name} cannot be read: {error.strerror or error}") from None


def _read(file: str, unsafe: bool, main: types.ModuleType | None) -> Contents:
    if file.endswith(_INDEX):
        return _read_index(file, unsafe, main)
    name, size = os.path.basename(file), os.path.getsize(file)
    with open(file, "rb") as opened:
        begin = opened.read(64)
    if not size:
        raise refuse_file(f"{name} is empty", _AGAIN)
    if safetensors_header.looks_like_one(begin, size) or file.endswith(".safetensors"):
        _refuse_other_formats(name, begin)
        return Contents("safetensors", safetensors_header.read(file))
    if begin.startswith(b"PK\x03\x04"):
        _look_into_archive(file, name)
        return _load(file, "torch.save", unsafe, main, mmap=True, map_location="cpu")
    if begin.startswith(pickles.LEGACY_MAGIC):
        return _load(file, "torch.save as before torch 1.6", unsafe, main, map_location="meta")
    _refuse_other_formats(name, begin)
    raise refuse_file(
        f"{name} is no checkpoint that can be read: neither torch.save nor safetensors wrote it",
        "torch.save(model.state_dict(), 'weights.pt') writes one",
    )


def _no_file(name: str, file: str) -> LoadFailed:
    if not os.path.isdir(file):
        return refuse_file(f"the file {name} is not there (looked in {os.path.dirname(os.path.abspath(file))})")
    found = sorted(entry for entry in os.listdir(file) if _may_be_one(entry))
    if not found and ".metadata" in os.listdir(file):
        return refuse_file(
            f"{name} is a folder that torch.distributed.checkpoint wrote",
            f"python -m torch.distributed.checkpoint.format_utils dcp_to_torch {name} weights.pt  makes a file of it",
        )
    index = next((entry for entry in found if entry.endswith(_INDEX)), found[0] if found else "")
    return refuse_file(
        f"{name} is a folder", f"name a file of it: {os.path.join(name, index)}" if index else "name a file"
    )


def _may_be_one(entry: str) -> bool:
    return entry.endswith((".pt", ".pth", ".bin", ".ckpt", ".safetensors", _INDEX))


def _refuse_other_formats(name: str, begin: bytes) -> None:
    for magic, what, mend in _OTHER_FORMATS:
        if begin.lower().startswith(magic.lower()):
            raise refuse_file(f"{name} is no checkpoint of torch: it is {what}", mend)
    if begin.startswith(b"\x80"):
        raise refuse_file(
            f"{name} is a plain pickle, which torch.save did not write",
            "load it where it was made, and write it again: torch.save(state, 'weights.pt')",
        )


def _look_into_archive(file: str, name: str) -> None:
    """Raises LoadFailed of an archive that is not whole, or that holds something else."""
    if not zipfile.is_zipfile(file):
        raise refuse_file(f"{name} is cut off: the end of the archive is missing", _AGAIN)
    with zipfile.ZipFile(file) as archive:
        names = [entry.rpartition("/")[2] for entry in archive.namelist()]
    if "constants.pkl" in names:
        raise refuse_file(
            f"{name} is a TorchScript archive: code and weights together",
            "write its weights alone: torch.save(torch.jit.load(file).state_dict(), 'weights.pt')",
        )
    if "data.pkl" not in names:
        what = "arrays of NumPy" if any(entry.endswith(".npy") for entry in names) else "no checkpoint of torch"
        raise refuse_file(f"{name} is a zip archive with {what} in it")


def _load(file: str, how: str, unsafe: bool, main: types.ModuleType | None, **options: Any) -> Contents:
    """What torch.save wrote, with its tensors where they lie in the file, or without memory."""
    if unsafe:
        options["pickle_module"] = _pickle_for(main)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch about the file's age; what matters is said here
            top = torch.load(file, weights_only=not unsafe, **options)
    except Exception as error:
        if not unsafe and (names := pickles.foreign_names(file)):
            raise NeedsCodeError(names) from None
        raise _unreadable(file, error, unsafe) from None
    return Contents(how, top, () if unsafe or not _is_leaky() else (_LEAKY,))


_LEAKY = (
    "before torch 2.6 a file that was made to do harm can run code even when read as weights alone (CVE-2025-32434)"
)


def _is_leaky() -> bool:
    version = [int(part) for part in torch.__version__.split("+")[0].split(".")[:2] if part.isdigit()]
    return version < [2, 6]


def _unreadable(file: str, error: Exception, unsafe: bool) -> LoadFailed:
    name, first = os.path.basename(file), message_of(error).strip().split("\n")[0][:300]
    mend = _AGAIN
    if unsafe and isinstance(error, AttributeError | ImportError):
        mend = "it was saved with its classes, and these must be importable here: load it beside the code it came from"
    return refuse_file(f"{name} cannot be read: {type(error).__name__}: {first}", mend)


def _pickle_for(main: types.ModuleType | None) -> Any:
    """The module pickle, for which what a script defined as `__main__` is what the user's file defines."""

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str, /) -> Any:
            if module == "__main__" and hasattr(main, name.partition(".")[0]):
                return reduce(getattr, name.split("."), main)
            return super().find_class(module, name)

    return types.SimpleNamespace(Unpickler=Unpickler, load=pickle.load, __name__="pickle")


def _read_index(file: str, unsafe: bool, main: types.ModuleType | None) -> Contents:
    """A checkpoint in several files, by the JSON file that says which tensor is in which."""
    name, folder = os.path.basename(file), os.path.dirname(file)
    try:
        with open(file, encoding="utf-8") as opened:
            places: dict[str, str] = dict(json.load(opened)["weight_map"])
        parts = sorted(set(places.values()))
    except (ValueError, TypeError, KeyError) as error:
        raise refuse_file(f"{name} is no index of a checkpoint: {type(error).__name__}") from None
    tensors: dict[str, Tensor] = {}
    notes: tuple[str, ...] = ()
    for part in parts:
        path = os.path.join(folder, part)
        if not os.path.isfile(path):
            raise refuse_file(f"{name} names {part}, which is not beside it", "all files of a checkpoint are needed")
        contents = _read(path, unsafe, main)
        notes = tuple(dict.fromkeys((*notes, *contents.notes)))
        if not isinstance(contents.top, dict):
            raise refuse_file(f"{part} holds {type(contents.top).__name__}, not tensors by their names")
        tensors |= contents.top
    lost = [key for key in places if key not in tensors]
    notes += (f"{len(lost):,} tensors of the index are in none of its files: {lost[0]}",) if lost else ()
    return Contents(f"an index of {len(parts):,} files", tensors, notes)
