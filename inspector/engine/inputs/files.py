"""Inputs that lie in files. Nothing in them is executed: no pickles beyond what torch calls weights."""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy
import torch

from inspector.engine.failure import LoadFailed, message_of
from inspector.engine.inputs.refusals import refuse_input

try:  # Now, before the user's folder is on sys.path.
    _safetensors: Any = importlib.import_module("safetensors.torch")
except ImportError:
    _safetensors = None

_SUFFIXES = (".pt", ".pth", ".npy", ".npz", ".safetensors")
_EXAMPLE = "--input @batch.pt"


def read_file(name: str, typed: str) -> Any:
    """What lies in a file: a tensor, or tuples, lists and dicts of tensors. Raises LoadFailed."""
    file = os.path.expanduser(name)
    suffix = os.path.splitext(file)[1].lower()
    if suffix not in _SUFFIXES:
        raise refuse_input(typed, f"inputs are read from {', '.join(_SUFFIXES)}, not from {name!r}", _EXAMPLE)
    if not os.path.isfile(file):
        what = "is a folder" if os.path.isdir(file) else "is not there"
        raise refuse_input(typed, f"the file {name} {what} (looked in {os.path.dirname(os.path.abspath(file))})")
    try:
        return _read(file, suffix, typed)
    except LoadFailed:
        raise
    except Exception as error:
        raise refuse_input(typed, f"{name} cannot be read: {_reason(error, suffix)}", _remedy(suffix)) from None


def _read(file: str, suffix: str, typed: str) -> Any:
    if suffix in (".pt", ".pth"):
        return torch.load(file, map_location="cpu", weights_only=True)
    if suffix == ".npy":
        return torch.from_numpy(numpy.array(numpy.load(file, allow_pickle=False), order="C"))
    if suffix == ".npz":
        with numpy.load(file, allow_pickle=False) as arrays:
            return {key: torch.from_numpy(numpy.array(arrays[key], order="C")) for key in arrays.files}
    if _safetensors is None:
        raise refuse_input(typed, "the package safetensors is not installed", "pip install safetensors")
    return _safetensors.load_file(file)


def _reason(error: Exception, suffix: str) -> str:
    first = message_of(error).strip().split("\n")[0]
    if suffix in (".pt", ".pth") and "weights_only" in message_of(error):
        return "it holds more than tensors, and opening it would run code"
    return f"{type(error).__name__}: {first[:300]}"


def _remedy(suffix: str) -> str:
    if suffix in (".pt", ".pth"):
        return "torch.save((x, y), 'batch.pt')  with tensors, numbers, strings, tuples, lists and dicts alone"
    return ""
