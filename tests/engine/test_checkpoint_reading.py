"""From a file to its names and shapes: every format, where in it the state dict lies, and why a file is refused."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from torch import nn

from inspector.engine.checkpoint.contents import stored
from inspector.engine.checkpoint.reading import read
from tests.engine.checkpoint_models import Backbone
from tests.engine.checkpoints import compared, ids, only, refused, renamed, told, write_safetensors


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "best.pt"


def test_a_file_of_every_format_fits(tmp_path: Path) -> None:
    state = Backbone().state_dict()
    torch.save(state, tmp_path / "zip.pt")
    torch.save(state, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    write_safetensors(tmp_path / "model.safetensors", state)
    formats = {"zip.pt": "torch.save", "old.pt": "torch.save as before torch 1.6", "model.safetensors": "safetensors"}
    for name, how in formats.items():
        comparison = compared(Backbone(), tmp_path / name)
        assert (comparison.format, comparison.fits, comparison.findings) == (how, True, ())
        assert comparison.held == comparison.fitting == comparison.wanted == len(state)


def test_safetensors_are_known_without_their_suffix_and_tell_dtypes(tmp_path: Path) -> None:
    file = write_safetensors(tmp_path / "weights.bin", nn.Linear(2, 3).half().state_dict())
    comparison = compared(nn.Linear(2, 3), file)
    assert comparison.format == "safetensors"
    assert "2 tensors in float16 in the file" in comparison.notes[0]


def test_shards_are_read_by_their_index(tmp_path: Path) -> None:
    state = Backbone().state_dict()
    parts = {"a.safetensors": list(state)[:5], "b.safetensors": list(state)[5:]}
    for name, keys in parts.items():
        write_safetensors(tmp_path / name, {key: state[key] for key in keys})
    places = {key: name for name, keys in parts.items() for key in keys}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    comparison = compared(Backbone(), index)
    assert (comparison.format, comparison.fits) == ("an index of 2 files", True)
    assert f"name a file of it: {index}" in refused(Backbone(), tmp_path).mend
    (tmp_path / "b.safetensors").unlink()
    assert "names b.safetensors, which is not beside it" in refused(Backbone(), index).message


def test_tensors_are_not_read(file: Path) -> None:
    state = {"weight": torch.zeros(1 << 24), "bias": torch.zeros(2)}
    torch.save(state, file)
    with file.open("r+b") as opened, zipfile.ZipFile(file) as archive:
        record = next(entry for entry in archive.infolist() if entry.file_size == 1 << 26)
        opened.seek(record.header_offset + 4096)
        opened.write(b"\xff" * 4096)  # What lies there now is NaN; its checksum is wrong as well.
    top = read(str(file)).top
    assert {key: stored(value).shape for key, value in top.items()} == {"weight": (1 << 24,), "bias": (2,)}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"state_dict": state, "epoch": 1},
        lambda state: {"model_state_dict": state},
        lambda state: {"model": state, "ema": renamed(state, lambda key: key)},
        lambda state: {"trainer": {"net": state}},
        lambda state: {"weird name": state, "optimizer": {"state": {0: {"exp_avg": torch.ones(1)}}}},
        lambda state: {"generator": state, "discriminator": nn.Linear(2, 2).state_dict()},
    ],
)
def test_the_state_dict_is_found_where_it_lies_and_that_is_said(wrap: Any, file: Path) -> None:
    comparison = told(Backbone(), wrap(Backbone().state_dict()), file)
    assert comparison.fits
    assert comparison.place.startswith('["')


def test_of_two_that_fit_the_usual_one_is_taken_and_the_other_named(file: Path) -> None:
    state = Backbone().state_dict()
    comparison = told(Backbone(), {"ema": state, "model": state}, file)
    assert (comparison.place, comparison.others) == ('["model"]', ('["ema"]',))


def test_the_one_that_fits_is_taken_whatever_it_is_called(file: Path) -> None:
    comparison = told(Backbone(), {"state_dict": {"x": torch.ones(1)}, "backup": Backbone().state_dict()}, file)
    assert (comparison.place, comparison.fits) == ('["backup"]', True)


def test_an_empty_state_dict_fits_a_model_without_tensors(file: Path) -> None:
    assert told(nn.ReLU(), nn.ReLU().state_dict(), file).fits
    assert ids(told(nn.Linear(2, 2), {}, file)) == ["NN602"]


def test_a_class_of_a_script_is_the_one_of_the_users_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Backbone, "__module__", "__main__")
    monkeypatch.setitem(vars(__import__("__main__")), "Backbone", Backbone)
    torch.save(Backbone(), file)
    assert "__main__.Backbone" in only(compared(Backbone(), file)).message
    monkeypatch.undo()
    comparison = compared(Backbone(), file, unsafe=True)
    assert (comparison.read, comparison.fits) == (True, True)


def test_unsafe_loading_that_fails_is_told_with_what_is_missing(file: Path) -> None:
    class Local:
        pass

    Local.__module__, Local.__qualname__ = "gone_module", "Local"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("best/data.pkl", b"\x80\x02cgone_module\nLocal\n.")
        archive.writestr("best/version", b"3")
    failure = refused(Backbone(), file, unsafe=True)
    assert "gone_module" in failure.message
    assert "importable here" in failure.mend


REFUSED: dict[str, tuple[bytes, str]] = {
    "empty.pt": (b"", "is empty"),
    "text.pt": (b"epoch 3\n", "neither torch.save nor safetensors"),
    "lfs.safetensors": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS"),
    "lfs.pt": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS"),
    "page.pt": (b"<!doctype html><html></html>", "a web page"),
    "keras.h5": (b"\x89HDF\r\n\x1a\n" + bytes(64), "HDF5"),
    "llama.gguf": (b"GGUF" + bytes(64), "GGUF"),
    "plain.pkl": (pickle.dumps({"weight": [1.0]}), "a plain pickle"),
    "zipped.pt": (b"PK\x03\x04" + bytes(64), "is cut off"),
    "short.safetensors": (b"\x09\0\0\0\0\0\0\0{garbled}", "no whole safetensors"),
    "odd.index.json": (b"[1, 2]", "no index"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_checkpoint_is_refused_by_what_it_is(name: str, tmp_path: Path) -> None:
    content, words = REFUSED[name]
    (tmp_path / name).write_bytes(content)
    assert words in refused(nn.Linear(2, 2), tmp_path / name).message


@pytest.mark.parametrize("saved", [torch.ones(3), [torch.ones(3)], {"epoch": 3}, 7, "weights"])
def test_a_file_without_a_state_dict_is_refused_with_what_it_holds(saved: object, file: Path) -> None:
    torch.save(saved, file)
    failure = refused(nn.Linear(2, 2), file)
    assert failure.message.startswith("the file holds no state dict, but ")
    assert "torch.save(model.state_dict()" in failure.mend


def test_a_file_that_is_not_there_and_a_folder(tmp_path: Path) -> None:
    assert f"looked in {tmp_path}" in refused(nn.Linear(2, 2), tmp_path / "gone.pt").message
    assert "is a folder" in refused(nn.Linear(2, 2), tmp_path).message
    (tmp_path / ".metadata").touch()
    assert "torch.distributed.checkpoint" in refused(nn.Linear(2, 2), tmp_path).message


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_breaks_off_anywhere_is_refused(zipped: bool, tmp_path: Path) -> None:
    whole = tmp_path / "whole.pt"
    torch.save(Backbone().state_dict(), whole, _use_new_zipfile_serialization=zipped)
    content = whole.read_bytes()
    for at in range(1, len(content), max(1, len(content) // 12)):
        (tmp_path / "cut.pt").write_bytes(content[:at])
        assert "cut.pt" in refused(Backbone(), tmp_path / "cut.pt").message


def test_safetensors_that_break_off_are_told_with_what_is_missing(tmp_path: Path) -> None:
    whole = write_safetensors(tmp_path / "whole.safetensors", nn.Linear(2, 3).state_dict()).read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[:-5])
    assert "5 bytes are missing" in refused(nn.Linear(2, 3), tmp_path / "cut.safetensors").message
    (tmp_path / "cut.safetensors").write_bytes(whole[:20])
    assert "no whole safetensors" in refused(nn.Linear(2, 3), tmp_path / "cut.safetensors").message


def test_torchscript_and_arrays_are_no_checkpoints(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        archive.writestr("script/constants.pkl", b"")
        archive.writestr("script/data.pkl", b"")
    assert "TorchScript" in refused(nn.Linear(2, 2), tmp_path / "script.pt").message
    numpy.savez(tmp_path / "arrays.npz", weight=numpy.ones(3))
    assert "arrays of NumPy" in refused(nn.Linear(2, 2), tmp_path / "arrays.npz").message
