"""What is said of a checkpoint that does not fit: NN601 to NN605, and silence about those that do."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.engine.checkpoint_models import MODELS, Backbone, Optional, Shared, Tied
from tests.engine.checkpoints import compared, ids, loaded_by, only, renamed, told, torch_loads


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "best.pt"


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"lazy"}))
def test_nothing_is_said_of_a_models_own_file(name: str, file: Path) -> None:
    comparison = told(MODELS[name](), MODELS[name]().state_dict(), file)
    assert (comparison.fits, comparison.findings, comparison.renamed) == (True, (), 0)
    assert comparison.fitting == comparison.wanted


def test_a_lazy_model_that_never_ran_writes_a_file_that_torch_itself_does_not_read_as_weights(file: Path) -> None:
    finding = only(told(MODELS["lazy"](), MODELS["lazy"]().state_dict(), file))
    assert finding.id == "NN605"
    assert "torch.nn.parameter.UninitializedParameter" in finding.message


# --- NN601 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "who"),
    [
        ("module.", "written by nn.DataParallel"),
        ("_orig_mod.", "written by torch.compile"),
        ("model.", "as Lightning's does"),
        (
            "module._orig_mod.",
            "AveragedModel, _orig_mod. is written by torch.compile",
        ),
        ("model._orig_mod.", "written by torch.compile"),
        ("net.", "net. is the attribute that held all this where it was saved"),
        ("a.b.c.", "c. is the attribute"),
    ],
)
def test_a_prefix_in_the_file_is_named_with_its_writer_and_the_code_that_takes_it_away(
    prefix: str, who: str, file: Path
) -> None:
    model, state = Backbone(), renamed(Backbone().state_dict(), lambda key: prefix + key)
    comparison = told(model, state, file)
    finding = only(comparison)
    assert (finding.id, finding.severity, finding.path) == ("NN601", "warning", "")
    assert f"{prefix}conv1.weight there is conv1.weight here" in finding.message
    assert who in finding.message
    assert finding.fix == (
        f'model.load_state_dict({{key.removeprefix("{prefix}"): value for key, value in state.items()}})'
    )
    assert (comparison.fits, comparison.fitting, comparison.renamed) == (False, 0, comparison.wanted)
    mended = loaded_by(finding.fix, model, state)
    assert torch.equal(mended.get_parameter("fc.weight"), state[f"{prefix}fc.weight"])


class Wrapper(nn.Module):
    """A model inside another one."""

    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


@pytest.mark.parametrize(
    ("wrap", "path"),
    [
        (lambda model: nn.DataParallel(model), "module"),
        (lambda model: Wrapper(backbone=model), "backbone"),
        (lambda model: Wrapper(_orig_mod=model), "_orig_mod"),
        (lambda model: Wrapper(module=Wrapper(_orig_mod=model)), "module._orig_mod"),
    ],
)
def test_a_prefix_in_the_model_is_mended_by_loading_into_the_part(
    wrap: Callable[[nn.Module], nn.Module], path: str, file: Path
) -> None:
    model, state = wrap(Backbone()), Backbone().state_dict()
    finding = only(told(model, state, file))
    assert (finding.id, finding.path, finding.fix) == ("NN601", path, f"model.{path}.load_state_dict(state)")
    mended = loaded_by(finding.fix, model, state)
    assert torch.equal(mended.get_parameter(f"{path}.fc.weight"), state["fc.weight"])


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (Backbone(), lambda key: key if key.startswith("fc") else f"module.{key}"),
        (Backbone(), lambda key: key.replace("layers.", "layers._orig_mod.")),
        (Backbone(), lambda key: f"model.{key}".replace("layers.", "layers._orig_mod.")),
        (Backbone(), lambda key: f"model.{key}" if key.startswith("fc") else f"backbone.{key}"),
        (Wrapper(model=Backbone()), lambda key: key.replace("model.", "net.")),
        (Wrapper(encoder=Wrapper(_orig_mod=Backbone())), lambda key: key.replace("_orig_mod.", "")),
        (Wrapper(a=Backbone(), b=nn.Linear(2, 5)), lambda key: key.removeprefix("a.")),
        (
            Wrapper(encoder=Wrapper(module=Backbone(3, 4, 1))),
            lambda key: f"module.{key}",
        ),
    ],
)
def test_a_prefix_on_a_part_or_inside_is_found_and_the_code_loads_it(
    model: nn.Module, name: Callable[[str], str], file: Path
) -> None:
    state = renamed(model.state_dict(), name)
    comparison = told(model, state, file)
    assert set(ids(comparison)) == {"NN601"}
    assert comparison.fitting + comparison.renamed == comparison.wanted
    assert not torch_loads(copy.deepcopy(model), state)
    code = comparison.findings[0].fix
    assert code
    loaded_by(code, model, state)


def test_what_is_beside_the_model_in_a_file_of_a_framework_stays_unexpected(file: Path) -> None:
    state = renamed(Backbone().state_dict(), lambda key: f"model.{key}") | {"loss.weight": torch.ones(10)}
    comparison = told(Backbone(), {"state_dict": state, "epoch": 3}, file)
    assert ids(comparison) == ["NN601", "NN603"]
    assert comparison.place == '["state_dict"]'
    assert "loss.weight in best.pt has no place in Backbone" in comparison.findings[1].message


def test_a_prefix_does_not_hide_what_is_missing_and_misshapen(file: Path) -> None:
    state = renamed(Backbone(7).state_dict(), lambda key: f"module.{key}")
    del state["module.conv1.bias"]
    comparison = told(Backbone(10), state, file)
    assert ids(comparison) == ["NN602", "NN604", "NN601"]
    assert [finding.path for finding in comparison.findings] == ["conv1", "fc", ""]
    assert comparison.renamed == len(state) - 2


@pytest.mark.parametrize("name", ["head.{}", "x{}"])
def test_names_that_are_alike_by_chance_are_no_prefix(name: str, file: Path) -> None:
    model = Wrapper(fc=nn.Linear(2, 2), body=Backbone())
    state = model.state_dict()
    extra = {name.format(key): torch.ones(9) for key in ("weight", "bias")}
    comparison = told(model, {**{key: value for key, value in state.items() if "conv1" not in key}, **extra}, file)
    assert ids(comparison) == ["NN602", "NN603"]


# --- NN602 ------------------------------------------------------------------------------------------------------------


def test_a_missing_part_is_one_finding_at_its_topmost_module(file: Path) -> None:
    state = {key: value for key, value in Backbone().state_dict().items() if not key.startswith("layers")}
    comparison = told(Backbone(), state, file)
    finding = only(comparison)
    assert (finding.id, finding.severity, finding.path) == ("NN602", "error", "layers")
    assert finding.message == "0.attn.weight, 0.attn.bias, 0.norm.weight and 13 more of layers are not in best.pt"
    assert comparison.fitting == comparison.wanted - 16


def test_what_is_missing_in_every_block_is_one_finding_with_its_pattern(file: Path) -> None:
    state = {key: value for key, value in Backbone(blocks=30).state_dict().items() if not key.endswith("attn.bias")}
    finding = only(told(Backbone(blocks=30), state, file))
    assert finding.path == "layers.0.attn"
    assert finding.message == "bias of layers.0.attn is not in best.pt, and so in 29 more: layers.*.attn"


def test_very_many_places_are_counted_and_not_listed(file: Path) -> None:
    model = nn.ModuleDict({f"part{letter}": nn.Linear(2, 2) for letter in map(str, range(40))})
    comparison = told(model, {key: value for key, value in model.state_dict().items() if key.endswith("bias")}, file)
    assert ids(comparison) == ["NN602"] * 21
    assert sum("20 more keys of 20 more modules" in finding.message for finding in comparison.findings) == 1


def test_a_file_that_has_nothing_of_the_model_is_said_once_at_the_root(file: Path) -> None:
    comparison = told(Backbone(), nn.Linear(2, 3).state_dict(), file)
    assert ids(comparison) == ["NN602", "NN603"]
    assert comparison.findings[0].path == ""
    assert "of the model is in best.pt" in comparison.findings[0].message


def test_a_tied_weight_that_the_file_has_once_is_a_warning_with_the_line_that_ties_it(file: Path) -> None:
    for key, other in (("lm_head.weight", "wte.weight"), ("wte.weight", "lm_head.weight")):
        state = Tied().state_dict()
        del state[key]
        finding = only(told(Tied(), state, file))
        assert (finding.id, finding.severity, finding.path) == ("NN602", "warning", key.rpartition(".")[0])
        assert finding.fix == f'state["{key}"] = state["{other}"]'
        loaded_by(f"{finding.fix}; model.load_state_dict(state)", Tied(), state)


def test_a_shared_module_is_told_of_where_it_stands_first(file: Path) -> None:
    state = Shared().state_dict()
    comparison = told(Shared(), {key: state[key] for key in ("first.weight", "first.bias")}, file)
    assert [finding.severity for finding in comparison.findings] == ["warning", "warning"]
    assert {finding.row for finding in comparison.findings} == {1}


def test_a_module_that_was_renamed_is_guessed_by_its_shapes(file: Path) -> None:
    state = renamed(Backbone().state_dict(), lambda key: key.replace("fc.", "head."))
    comparison = told(Backbone(), state, file)
    assert ids(comparison) == ["NN602", "NN603"]
    assert comparison.findings[0].fix == "a guess: head has the same names and shapes in best.pt"


def test_extra_state_that_is_missing_is_named(file: Path) -> None:
    model = MODELS["stateful"]()
    state = model.state_dict()
    del state["_extra_state"]
    finding = only(told(model, state, file))
    assert (finding.id, finding.path) == ("NN602", "")
    assert "set_extra_state" in finding.message


def test_the_counter_of_batches_of_an_old_file_is_a_note_and_no_finding(file: Path) -> None:
    state = renamed(Backbone().state_dict(), lambda key: key)
    del state["bn1.num_batches_tracked"]
    comparison = told(Backbone(), state, file)
    assert (comparison.fits, comparison.findings) == (True, ())
    assert "bn1.num_batches_tracked" in comparison.notes[0]


# --- NN603 ------------------------------------------------------------------------------------------------------------


def test_unexpected_keys_are_told_at_the_nearest_module(file: Path) -> None:
    extra = {"layers.0.attn.masked_bias": torch.ones(1), "layers.9.attn.weight": torch.ones(1), "ema": torch.ones(1)}
    comparison = told(Backbone(), {**Backbone().state_dict(), **extra}, file)
    assert ids(comparison) == ["NN603"] * 3
    assert [finding.severity for finding in comparison.findings] == ["warning"] * 3
    assert {finding.path for finding in comparison.findings} == {"layers.0.attn", "layers", ""}


def test_what_every_block_has_too_much_is_one_finding(file: Path) -> None:
    model = Backbone(blocks=12)
    extra = {f"layers.{number}.attn.mask": torch.ones(1) for number in range(12)}
    finding = only(told(model, {**model.state_dict(), **extra}, file))
    assert finding.message == ("mask in best.pt has no place in layers.0.attn, and so in 11 more: layers.*.attn")


def test_what_torch_passes_over_is_a_note_and_no_finding(file: Path) -> None:
    comparison = told(Optional(), {**Optional().state_dict(), "downsample.0.weight": torch.ones(2)}, file)
    assert (comparison.fits, comparison.findings) == (True, ())
    assert "downsample.0.weight" in comparison.notes[0]


# --- NN604 ------------------------------------------------------------------------------------------------------------


def test_a_head_of_other_classes_is_told_with_both_shapes_and_code_that_loads_the_rest(file: Path) -> None:
    state = Backbone(1000).state_dict()
    finding = only(told(Backbone(10), state, file))
    assert (finding.id, finding.severity, finding.path) == ("NN604", "error", "fc")
    assert finding.message == (
        "fc: weight is [1000, 8] in best.pt and [10, 8] here: out_features 1000, not 10; "
        "bias is [1000] in best.pt and [10] here: out_features 1000, not 10"
    )
    code = finding.fix.partition("): ")[2]
    namespace = dict(state)
    exec(code, {"state": namespace})
    assert sorted(Backbone(10).load_state_dict(namespace, strict=False).missing_keys) == ["fc.bias", "fc.weight"]


@pytest.mark.parametrize(
    ("layer", "shape", "why"),
    [
        (nn.Linear(3, 5), (3, 5), "transposed"),
        (nn.Linear(3, 5), (5, 3, 1, 1), "the same 15 elements in another arrangement"),
        (nn.Linear(3, 5), (7,), "1 axis, not 2"),
        (nn.Embedding(30, 4), (31, 4), "num_embeddings 31, not 30"),
        (nn.Conv2d(3, 8, 3), (8, 1, 3, 3), "in_channels / groups 1, not 3"),
        (nn.Conv2d(3, 8, 3), (8, 3, 7, 7), "kernel_size[0] 7, not 3 and kernel_size[1] 7, not 3"),
        (nn.ConvTranspose2d(3, 8, 2), (3, 4, 2, 2), "out_channels 4, not 8"),
        (nn.LayerNorm(4), (5,), "axis 0 5, not 4"),
    ],
)
def test_what_differs_between_two_shapes_is_said_in_words(
    layer: nn.Module, shape: tuple[int, ...], why: str, file: Path
) -> None:
    comparison = told(layer, {**layer.state_dict(), "weight": torch.ones(shape)}, file)
    assert ids(comparison) == ["NN604"]
    assert only(comparison).message.endswith(f": {why}")


def test_another_width_is_one_finding_for_every_kind_of_place(file: Path) -> None:
    comparison = told(Backbone(width=8, blocks=20), Backbone(width=16, blocks=20).state_dict(), file)
    assert set(ids(comparison)) == {"NN604"}
    assert [finding.path for finding in comparison.findings] == ["conv1", "bn1", "layers.0.attn", "layers.0.norm", "fc"]
    assert ", and so in 19 more: layers.*.attn" in comparison.findings[2].message


def test_a_value_that_is_no_tensor_is_said_to_be_none(file: Path) -> None:
    comparison = told(nn.Linear(2, 2), {**nn.Linear(2, 2).state_dict(), "bias": [1.0, 2.0]}, file)
    assert "bias is no tensor in best.pt: list" in only(comparison).message


def test_another_dtype_is_a_note_and_no_finding(file: Path) -> None:
    comparison = told(nn.Linear(2, 2), nn.Linear(2, 2).half().state_dict(), file)
    assert (comparison.fits, comparison.findings) == (True, ())
    assert comparison.notes == ("2 tensors in float16 in the file and in float32 here: load_state_dict converts them",)


# --- NN605 ------------------------------------------------------------------------------------------------------------


UNPICKLED: list[nn.Module] = []


class Marked(nn.Module):
    """Leaves a mark when it is unpickled."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def __setstate__(self, state: dict[str, object]) -> None:
        UNPICKLED.append(self)
        vars(self).update(state)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_file_that_would_run_code_is_not_read_unless_that_is_allowed(zipped: bool, wrapped: bool, file: Path) -> None:
    saved = {"model": Marked(), "epoch": 1} if wrapped else Marked()
    place = '["model"]' if wrapped else "the whole model"
    torch.save(saved, file, _use_new_zipfile_serialization=zipped)
    UNPICKLED.clear()
    comparison = compared(Marked(), file)
    assert not UNPICKLED
    assert (comparison.read, comparison.fits, comparison.wanted) == (False, False, 2)
    finding = only(comparison)
    assert (finding.id, finding.severity, finding.row) == ("NN605", "error", 0)
    assert f"{Marked.__module__}.Marked" in finding.message
    assert "--unsafe-load" in finding.fix
    allowed = compared(Marked(), file, unsafe=True)
    assert len(UNPICKLED) == 1
    assert (allowed.read, allowed.fits, allowed.findings) == (True, True, ())
    assert allowed.place == f"the state_dict() of {place}"


class Bomb:
    """Something that runs a function of its choice when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, ...]]:
        return Path.touch, (Path("exploded"),)  # type: ignore[return-value]


@pytest.mark.parametrize("zipped", [True, False])
def test_a_hidden_call_is_named_and_not_made(zipped: bool, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    torch.save(
        {"state_dict": nn.Linear(2, 2).state_dict(), "hook": Bomb()}, file, _use_new_zipfile_serialization=zipped
    )
    assert "pathlib" in only(compared(nn.Linear(2, 2), file)).message
    assert not Path("exploded").exists()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_the_names_are_found_in_every_protocol(protocol: int, file: Path) -> None:
    torch.save(Marked(), file, pickle_protocol=protocol)
    assert "Marked" in only(compared(Marked(), file)).message


@pytest.mark.parametrize("extra", [{"epoch": 3, "lr": 1e-3, "name": "x", "done": None}, {"rng": torch.get_rng_state()}])
def test_plain_values_beside_the_weights_are_no_reason_to_refuse(extra: dict[str, object], file: Path) -> None:
    model = nn.Linear(2, 2)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    comparison = told(
        model, {"model_state_dict": model.state_dict(), "optimizer": optimizer.state_dict(), **extra}, file
    )
    assert (comparison.fits, comparison.findings, comparison.place) == (True, (), '["model_state_dict"]')


# --- models that have a say in it -------------------------------------------------------------------------------------


def test_a_file_that_a_hook_of_the_model_renames_fits_and_that_is_said(file: Path) -> None:
    model = MODELS["renaming"]()
    comparison = told(model, renamed(model.state_dict(), lambda key: key.replace("head", "fc")), file)
    assert (comparison.fits, comparison.findings, comparison.fitting) == (True, (), 2)
    assert comparison.notes == ("loaded by code of their own: the model (a hook); tried on a copy without memory",)


def test_what_a_hook_does_not_mend_is_told(file: Path) -> None:
    model = MODELS["renaming"]()
    comparison = told(model, {"fc.weight": torch.ones(2, 2), "x": torch.ones(1)}, file)
    assert ids(comparison) == ["NN602", "NN603"]
    assert "bias of head" in comparison.findings[0].message


def test_a_file_of_the_older_weight_norm_fits_the_newer(file: Path) -> None:
    model = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 4)))
    state = {"0.bias": torch.ones(4), "0.weight_g": torch.ones(4, 1), "0.weight_v": torch.ones(4, 3)}
    assert torch_loads(copy.deepcopy(model), state)
    comparison = told(model, state, file)
    assert (comparison.fits, comparison.findings) == (True, ())


class Picky(nn.Module):
    """Refuses every file with words of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def _load_from_state_dict(self, *arguments: Any) -> None:
        arguments[-1].append("this model wants a file of March")


def test_a_refusal_in_the_models_own_words_is_quoted(file: Path) -> None:
    comparison = told(Picky(), Picky().state_dict(), file)
    assert not comparison.fits
    assert "Picky._load_from_state_dict" in comparison.notes[0]
    assert "this model wants a file of March" in comparison.notes[1]


def test_a_load_state_dict_of_the_models_own_is_not_called_and_that_is_said(file: Path) -> None:
    class Own(nn.Linear):
        def load_state_dict(self, *_: Any, **__: Any) -> Any:
            raise AssertionError

    comparison = told(Own(2, 2), nn.Linear(2, 2).state_dict(), file)
    assert comparison.fits
    assert "Own has a load_state_dict of its own" in comparison.notes[0]


def test_extra_state_is_not_given_to_the_model_and_that_is_said(file: Path) -> None:
    model = MODELS["stateful"]()
    comparison = told(model, model.state_dict(), file)
    assert comparison.fits
    assert "extra state in the file, which set_extra_state would get and may refuse: _extra_state" in comparison.notes
