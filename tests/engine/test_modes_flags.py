"""Training flags are set one by one, told for every row, and given back as they were found."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from inspector.engine import structure
from inspector.engine.modes.flags import TrainingFlags
from inspector.engine.structure import Structure
from inspector.engine.target import load
from inspector.messages import Load, SetModes
from inspector.schema import Flag
from tests.engine.mode_models import CASES, Fused, KeepsItsNormFrozen
from tests.process_state import put_back

SAMPLES = Path(__file__).parents[2] / "sample_models"
LOADABLE = [
    file.stem for file in sorted(SAMPLES.glob("*.py")) if file.stem not in ("needs_arguments", "several_models")
]


def nested() -> nn.Sequential:
    return nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.Dropout()), nn.BatchNorm1d(2))


def flags_of(known: Structure, column: bytes) -> dict[str, tuple[bool, bool]]:
    """Of every module by its path: in train mode, and mixed below."""
    flags = memoryview(column).cast("H")
    rows = (row for row in range(known.outline.count) if known.module(row) is not None)
    return {known.path(row): (bool(flags[row] & Flag.TRAINING), bool(flags[row] & Flag.MIXED_MODE)) for row in rows}


def row_of(known: Structure, path: str) -> int:
    (row,) = [row for row in range(known.outline.count) if known.module(row) is not None and known.path(row) == path]
    return row


@pytest.mark.parametrize("name", LOADABLE)
def test_the_flags_told_are_those_of_the_outline_as_long_as_nothing_was_set(name: str) -> None:
    with put_back():
        model = load(Load(str(SAMPLES / f"{name}.py")), lambda event: None).model
        known = structure.read(model)
        assert TrainingFlags(model, known).column() == known.outline.flags
        for module in list(model.modules())[::3]:
            module.training = not module.training
        known = structure.read(model)
        assert TrainingFlags(model, known).column() == known.outline.flags


@pytest.mark.parametrize("name", CASES)
def test_shared_and_unregistered_modules_are_told_as_in_the_outline(name: str) -> None:
    model = CASES[name].build()
    known = structure.read(model)
    assert TrainingFlags(model, known).column() == known.outline.flags


def test_a_subtree_is_set_and_the_model_is_mixed_then() -> None:
    model = nested()
    known = structure.read(model)
    told = TrainingFlags(model, known).set(SetModes(row_of(known, "0"), "eval"))
    assert flags_of(known, told.flags) == {
        "": (True, True), "0": (False, False), "0.0": (False, False), "0.1": (False, False), "1": (True, False),
    }  # fmt: skip
    assert [module.training for module in model.modules()] == [True, False, False, False, True]
    assert (told.as_found, told.notes) == (False, ())


def test_one_module_is_set_without_those_below_it() -> None:
    model = nested()
    known = structure.read(model)
    told = TrainingFlags(model, known).set(SetModes(row_of(known, "0"), "eval", below=False))
    assert [module.training for module in model.modules()] == [True, False, True, True, True]
    assert flags_of(known, told.flags)["0"] == (False, True)


def test_the_root_and_all_below_it_is_the_whole_model() -> None:
    model = nested()
    known = structure.read(model)
    told = TrainingFlags(model, known).set(SetModes(0, "eval"))
    assert not any(module.training for module in model.modules())
    assert set(flags_of(known, told.flags).values()) == {(False, False)}


def test_flags_come_back_as_they_were_found_however_they_were_mixed() -> None:
    model = nested()
    model[0][1].eval()  # type: ignore[index]
    known = structure.read(model)
    flags = TrainingFlags(model, known)
    flags.set(SetModes(0, "eval"))
    flags.set(SetModes(row_of(known, "1"), "train"))
    part = flags.set(SetModes(row_of(known, "0"), "found"))
    assert (part.as_found, model.training) == (False, False)
    whole = flags.set(SetModes(0, "found"))
    assert (whole.as_found, whole.flags) == (True, known.outline.flags)
    assert [module.training for module in model.modules()] == [True, True, True, False, True]


def test_a_train_method_of_the_users_is_not_called_and_that_is_said() -> None:
    model = Fused()
    flags = TrainingFlags(model, structure.read(model))
    told = flags.set(SetModes(0, "eval"))
    assert (model.training, model.merged) == (False, None)
    assert told.notes == ("Fused has a train() of its own, which was not called: only the flags were set",)
    assert flags.set(SetModes(0, "found")).notes == ()


def test_a_frozen_norm_is_switched_though_its_model_would_keep_it_frozen() -> None:
    model = KeepsItsNormFrozen()
    model.train()
    known = structure.read(model)
    TrainingFlags(model, known).set(SetModes(row_of(known, "bn"), "train"))
    assert model.bn.training


def test_a_tensor_has_no_mode() -> None:
    model = nn.Linear(2, 2)
    with pytest.raises(ValueError, match="row 1 is no module"):
        TrainingFlags(model, structure.read(model)).set(SetModes(1, "eval"))
