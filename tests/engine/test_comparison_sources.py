"""Which modules make the difference between the modes: exactly these, in every way in which a model can look at its
flag; and nothing of the model changes by asking."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.engine.comparing import case_of, compared, seeded
from tests.engine.mode_models import CASES, Chosen, Fused, InPlace, LooksAtItsPart, SharedNorm, encoder, image, rows


@pytest.mark.parametrize("name", CASES)
def test_exactly_the_modules_whose_own_flag_matters_are_sources(name: str) -> None:
    found = case_of(name)
    assert (found.record.failed_in, found.record.failure) == ("", None)
    case = CASES[name]
    assert found.sources() == case.sources
    for difference in found.record.differences:
        assert (difference.role == "source") == (found.rows.path(difference.row) in case.sources)
        assert bool(difference.reason) == (difference.role == "source")


@pytest.mark.parametrize("name", CASES)
def test_a_comparison_leaves_every_bit_of_the_model_and_the_process(name: str) -> None:
    found = case_of(name)
    assert found.left_as_found
    assert found.record.changed == ()
    assert found.record.guard.startswith("left as found: ")


@pytest.mark.parametrize("name", CASES)
def test_two_comparisons_say_the_same(name: str) -> None:
    one, two = case_of(name).record, compared(case_of(name).model, CASES[name].arguments()).record
    assert repr(one.differences) == repr(two.differences)
    assert repr(one.outputs) == repr(two.outputs)


QUIET = [name for name, case in CASES.items() if not case.sources]


@pytest.mark.parametrize("name", QUIET)
def test_without_a_source_every_module_gives_the_same_to_the_bit(name: str) -> None:
    found = case_of(name)
    assert {difference.difference for difference in found.record.differences} == {0.0}
    assert {difference.role for difference in found.record.differences} == {"unchanged"}


@pytest.mark.parametrize(
    ("name", "blind"),
    [
        ("BatchNorm", ["0"]),
        ("auxiliary head", ["conv"]),
        ("drop path", ["0.fc"]),
        ("several inputs and outputs", ["left", "right"]),
        ("weight_norm", ["0", "0.parametrizations.weight.0"]),
        ("GroupNorm and LayerNorm", ["0", "1"]),
        ("in place", ["conv"]),
    ],
)
def test_what_comes_before_every_source_differs_by_exactly_0(name: str, blind: list[str]) -> None:
    found = case_of(name)
    for path in blind:
        assert (found.of(path).role, found.of(path).difference, found.of(path).largest) == ("unchanged", 0.0, 0.0)


def test_a_container_around_a_source_passes_on() -> None:
    found = case_of("nested Sequential")
    assert found.roles() == {
        "": "passes on", "0": "passes on", "0.0": "unchanged", "0.1": "passes on", "0.1.0": "source", "1": "passes on",
    }  # fmt: skip


def test_an_auxiliary_head_is_called_only_in_train() -> None:
    found = case_of("auxiliary head")
    assert {path: role for path, role in found.roles().items() if path.startswith("aux")} == {
        "aux": "only in train", "aux.0": "only in train", "aux.1": "only in train",
    }  # fmt: skip
    assert found.of("").note.startswith("gives 2 tensors in train mode, one tensor in eval mode")
    assert found.of("").looks is not None
    assert "self.training" in found.of("").looks.code  # type: ignore[union-attr]


def test_each_call_of_a_shared_norm_is_compared_with_the_same_call() -> None:
    found = compared(seeded(SharedNorm), image(channels=4)())
    assert [found.of("bn", number).role for number in (1, 2)] == ["source", "source"]
    assert len(found.record.sources) == 1


def test_outputs_are_those_of_the_time_of_the_call_though_they_are_written_over() -> None:
    model = seeded(InPlace)
    found = compared(model, image()())
    x = image()()[0]
    with torch.no_grad():
        normed = model.bn.eval()(model.conv(x))
        batch = model.bn.train()(model.conv(x))
    wanted = float((batch - normed).norm() / normed.norm())
    assert found.of("bn").difference == pytest.approx(wanted, rel=1e-5)
    assert found.of("bn").largest == pytest.approx(float((batch - normed).abs().max()), rel=1e-6)
    assert (found.of("conv").difference, found.of("relu").role) == (0.0, "passes on")


def test_the_layers_of_a_transformer_are_compared_though_eval_would_fuse_them() -> None:
    before = torch.backends.mha.get_fastpath_enabled()
    found = compared(seeded(encoder), (torch.randn(3, 6, 8, generator=torch.Generator().manual_seed(1)),))
    assert found.roles()["linear1"] == "passes on"
    (note,) = found.record.notes
    assert note.startswith(
        "torch's fused path for Transformer layers was off in both modes, so that their parts can be compared; "
    )
    assert torch.backends.mha.get_fastpath_enabled() is before


def test_a_train_method_of_ones_own_is_named() -> None:
    found = compared(seeded(Fused), rows()())
    assert found.of("").reason == "Fused has a train() of its own"
    assert (found.roles()["one"], found.roles()["two"]) == ("only in train", "only in train")


def test_the_flag_of_a_part_that_is_never_called_counts_for_who_looks_at_it() -> None:
    found = compared(seeded(LooksAtItsPart), rows()())
    looks = found.of("").looks
    assert looks is not None
    assert "self.drop.training" in looks.code


def test_what_is_found_frozen_in_a_model_that_trains_stays_so_and_that_is_said() -> None:
    found = case_of("BatchNorm frozen")
    assert (found.of("bn").role, found.of("bn").note) == ("unchanged", "in eval mode in both runs")
    assert found.record.notes == (
        "one module in eval mode stayed so in the train run; model.train() would switch that",
    )


def test_the_rest_of_a_dictionary_of_modules_is_not_called() -> None:
    found = compared(seeded(Chosen), (*rows()(), "b"))
    assert set(found.roles()) == {"", "heads.b"}


def test_noise_is_told_apart_from_the_modes() -> None:
    found = case_of("dropout")
    assert (found.of("1").noise_eval, found.of("0").noise_train) == (0.0, 0.0)
    assert found.of("1").noise_train > 0.3
    (output,) = found.record.outputs
    assert (output.path, output.shape, output.noise_eval) == ("", (32, 64), 0.0)
    assert (output.difference, output.noise_train) == (found.of("").difference, found.of("").noise_train)


def test_noise_in_eval_mode_is_told_and_makes_no_source() -> None:
    found = case_of("noise in both modes")
    assert found.of("").noise_eval > 0.05
    assert (found.of("").difference, found.of("fc").noise_eval) == (0.0, 0.0)


def test_outputs_beyond_the_memory_are_sampled_and_equal_is_still_equal() -> None:
    model = seeded(lambda: nn.Sequential(nn.Linear(64, 2048), nn.Dropout(0.5), nn.Linear(2048, 2048)))
    arguments = rows(64, 64)()
    whole, sampled = compared(model, arguments), compared(model, arguments, most_bytes=0)
    assert (sampled.of("0").difference, sampled.of("0").sampled) == (0.0, False)
    assert (sampled.of("1").sampled, whole.of("1").sampled) == (True, False)
    assert sampled.of("1").difference == pytest.approx(whole.of("1").difference, rel=0.02)
    assert sampled.sources() == whole.sources() == {"1"}


class OneElement(nn.Module):
    """Moves one element of very many."""

    def forward(self, x: Tensor) -> Tensor:
        x = x * 1.0
        if self.training:
            x[1, 777] += 1e-3
        return x


def test_one_element_of_very_many_is_not_missed_by_a_sample() -> None:
    found = compared(OneElement(), rows(2, 100_000)(), most_bytes=0)
    assert (found.sources(), found.of("").difference > 0) == ({""}, True)
