"""How a guess is made: what it says of itself, what it leaves alone, and when it gives up."""

from __future__ import annotations

import copy
import inspect
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from inspector.engine.guard import Guard
from inspector.engine.inputs import guess as guessing
from inspector.engine.inputs.choosing import choose
from inspector.engine.inputs.sample import Sample
from inspector.run_schema import InputSet
from tests.engine import hostile_models
from tests.engine.paper_models import MODELS

HOSTILE = {
    name: kind
    for name, kind in vars(hostile_models).items()
    if inspect.isclass(kind) and issubclass(kind, nn.Module) and kind.__module__ == hostile_models.__name__
}


def guessed(model: nn.Module) -> InputSet:
    return choose(model, (), None, 0).record


def texts(model: nn.Module) -> list[str]:
    return [argument.text for argument in guessed(model).arguments]


def of(forward: Callable[..., Any], **layers: Any) -> nn.Module:
    """A model with these attributes and this forward."""

    class Model(nn.Module):
        pass

    Model.forward = forward
    model = Model()
    for name, layer in layers.items():
        setattr(model, name, layer)
    return model


# --- what it says -----------------------------------------------------------------------------------------------------


def test_the_reason_names_the_layers_that_the_sizes_come_from() -> None:
    record = guessed(MODELS["CNN28"]())
    assert record.reason == "conv1 takes 1 channel, fc1 wants 1152"
    assert [argument.reason for argument in record.arguments] == ["conv1 takes 1 channel"]
    assert record.signature[0].name == "x"


def test_a_guess_draws_the_same_for_the_same_seed() -> None:
    model = MODELS["CNN28"]()
    first, again, other = (choose(model, (), None, seed).args[0] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_integers_are_rows_of_every_table_that_they_are_looked_up_in() -> None:
    def forward(self: Any, ids: Tensor) -> Tensor:
        return self.wide(ids) + self.narrow(ids)  # type: ignore[no-any-return]

    assert texts(of(forward, wide=nn.Embedding(100, 4), narrow=nn.Embedding(7, 4))) == ["ids=2x16:int64:0-6"]


def test_a_guess_is_in_the_models_dtype_and_on_its_device() -> None:
    model = MODELS["Perceptron"]().to(torch.float64)
    assert texts(model) == ["x=2x784:float64"]
    assert choose(model.to("meta"), (), None, 0).args[0].device.type == "meta"


def test_arguments_with_a_default_are_left_out() -> None:
    def forward(self: Any, x: Tensor, labels: Tensor | None = None, *, flag: bool = False) -> Tensor:
        return self.fc(x)  # type: ignore[no-any-return]

    assert texts(of(forward, fc=nn.Linear(3, 2))) == ["x=2x3:float32"]


def test_of_arguments_that_are_all_none_the_first_one_is_given() -> None:
    def forward(self: Any, input_ids: Tensor | None = None, labels: Tensor | None = None) -> Tensor:
        if input_ids is None:
            raise ValueError("specify input_ids")
        return self.embed(input_ids)  # type: ignore[no-any-return]

    assert texts(of(forward, embed=nn.Embedding(5, 2))) == ["input_ids=2x16:int64:0-4"]


def test_a_forward_without_arguments_gets_none() -> None:
    def forward(self: Any) -> Tensor:
        return self.weight * 2  # type: ignore[no-any-return]

    record = guessed(of(forward, weight=nn.Parameter(torch.ones(2))))
    assert (record.origin, record.arguments) == ("guessed", ())


def test_a_word_is_a_key_of_the_modules_dict_that_it_is_used_on() -> None:
    def forward(self: Any, x: Tensor, act: str) -> Tensor:
        return self.acts[act](self.others["fc"](x))  # type: ignore[no-any-return]

    model = of(forward, others=nn.ModuleDict({"fc": nn.Linear(3, 2)}), acts=nn.ModuleDict({"relu": nn.ReLU()}))
    assert texts(model) == ["x=2x3:float32", "act='relu'"]


@pytest.mark.parametrize(
    ("declared", "text"),
    [(bool, "flag=False"), (int, "flag=1"), (float, "flag=1.0"), ("Tensor | None", "flag=2x3:float32")],
)
def test_an_annotation_tells_what_is_no_tensor(declared: Any, text: str) -> None:
    def forward(self: Any, x: Tensor, flag: Any) -> Tensor:
        return self.fc(x)  # type: ignore[no-any-return]

    forward.__annotations__["flag"] = declared
    assert texts(of(forward, fc=nn.Linear(3, 2))) == ["x=2x3:float32", text]


def test_a_generator_that_the_model_draws_from_draws_in_a_try_too_and_stays() -> None:
    generator = torch.Generator().manual_seed(7)

    def forward(self: Any, x: Tensor) -> Tensor:
        noise = torch.rand(5, generator=self.generator)
        if noise.sum() > 100:
            raise ValueError("too much")
        return self.fc(x) + noise.to(x.device)  # type: ignore[no-any-return]

    model: Any = of(forward, fc=nn.Linear(6, 5), generator=generator)
    state = generator.get_state()
    record = guessed(model)
    assert [argument.text for argument in record.arguments] == ["x=2x6:float32"]
    assert record.reason == "fc wants 6"
    assert model.generator is generator
    assert torch.equal(generator.get_state(), state)


# --- what it leaves alone ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_a_model_that_changes_itself_is_as_before(name: str) -> None:
    try:
        model = HOSTILE[name]()
    except TypeError:
        pytest.skip("is built with arguments")
    guard = Guard(model, values=True)
    guessed(model)
    assert guard.check()[1] == ()


@pytest.mark.parametrize("name", ["CNN28", "GPT", "Tagger", "Gated", "VAE"])
def test_parameters_buffers_and_random_numbers_are_untouched(name: str) -> None:
    model = MODELS[name]()
    before = copy.deepcopy(model.state_dict())
    versions = [parameter._version for parameter in model.parameters()]
    random = torch.default_generator.get_state()
    guessed(model)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert [parameter._version for parameter in model.parameters()] == versions
    assert torch.equal(torch.default_generator.get_state(), random)


def test_lazy_layers_stay_lazy() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        return self.fc(self.conv(x).flatten(1))  # type: ignore[no-any-return]

    model = of(forward, conv=nn.LazyConv2d(4, 3), fc=nn.LazyLinear(2))
    record = guessed(model)
    assert record.arguments[0].text == "x=2x3x32x32:float32"
    assert "fc" not in record.reason
    assert type(model.conv) is nn.LazyConv2d
    assert nn.parameter.is_lazy(model.fc.weight)  # type: ignore[arg-type, union-attr]


def test_the_users_hooks_are_not_called(capsys: pytest.CaptureFixture[str]) -> None:
    model = MODELS["CNN28"]()
    called: list[nn.Module] = []
    model.conv1.register_forward_hook(lambda module, *_: called.append(module))
    guessed(model)
    assert called == []


def test_what_forward_prints_in_a_try_is_not_heard(capsys: pytest.CaptureFixture[str]) -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        print("shape", x.shape)
        return self.fc(x)  # type: ignore[no-any-return]

    guessed(of(forward, fc=nn.Linear(3, 2)))
    assert capsys.readouterr().out == ""


def test_calling_a_module_is_the_same_afterwards() -> None:
    before = vars(nn.Module)["__call__"], vars(Tensor)["__deepcopy__"], vars(nn.Parameter)["__deepcopy__"]
    guessed(MODELS["Perceptron"]())
    guessed(of(lambda self, x: 1 / 0))
    assert (vars(nn.Module)["__call__"], vars(Tensor)["__deepcopy__"], vars(nn.Parameter)["__deepcopy__"]) == before


def test_no_memory_is_taken_for_a_model_without_any() -> None:
    class Huge(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            with torch.device("meta"):
                self.fc = nn.Linear(1 << 20, 1 << 20)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x)  # type: ignore[no-any-return]

    assert texts(Huge()) == ["x=2x1048576:float32"]


# --- values -----------------------------------------------------------------------------------------------------------


def test_a_forward_that_looks_at_values_is_tried_with_values() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        if x.abs().sum().item() < 0:
            raise ValueError
        return self.fc(F.max_pool2d(x, 2).flatten(1))  # type: ignore[no-any-return]

    assert texts(of(forward, fc=nn.Linear(3 * 24 * 24, 2))) == ["x=2x3x48x48:float32"]


def test_of_a_large_model_that_looks_at_values_the_guess_says_how_far_it_got(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.engine.inputs.trying._MOST_BYTES", 0)
    record = guessed(MODELS["Gated"]())
    assert record.arguments[0].text == "x=2x6:float32"
    assert record.reason.endswith("as far as could be tried without values (item)")


# --- giving up --------------------------------------------------------------------------------------------------------


def test_a_guess_that_does_not_go_through_says_what_is_wanted() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        return self.fc1(self.conv(x).mean((2, 3)))  # type: ignore[no-any-return]

    record = guessed(of(forward, conv=nn.Conv2d(3, 8, 3), fc1=nn.Linear(784, 2)))
    assert record.origin == "guessed"
    assert record.reason == "no guess went through: fc1 wants 784, whatever the size of x"
    assert record.arguments[0].text.startswith("x=2x3x")


def test_a_forward_that_always_raises_is_named() -> None:
    record = guessed(of(lambda self, x: 1 / 0))
    assert record.reason == "no guess went through: Model raises ZeroDivisionError"


@pytest.mark.parametrize(
    "error", [KeyError("x"), SystemExit(3), GeneratorExit(), RecursionError(), ValueError(object())]
)
def test_whatever_forward_raises_does_no_harm(error: BaseException) -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        raise error

    assert guessed(of(forward)).reason.startswith("no guess went through")


def test_an_error_that_lies_does_no_harm() -> None:
    class LyingError(RuntimeError):
        def __str__(self) -> str:
            raise SystemExit

        def __eq__(self, other: object) -> bool:
            raise ValueError

    def forward(self: Any, x: Tensor) -> Tensor:
        raise LyingError

    assert guessed(of(forward)).reason == "no guess went through: Model raises LyingError"


def test_an_argument_of_an_unknown_type_is_not_guessed() -> None:
    def forward(self: Any, x: Tensor, place: Path) -> Tensor:
        return x

    record = guessed(of(forward))
    assert (record.origin, record.arguments) == ("none", ())
    assert record.reason.startswith("nothing is known of place: ")


def test_a_model_that_cannot_be_copied_is_not_tried() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        return x

    record = guessed(of(forward, lock=threading.Lock()))
    assert (record.origin, record.reason) == ("none", "no guess: Model cannot be copied (TypeError)")


def test_the_search_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guessing, "MOST_SECONDS", 0.2)
    monkeypatch.setattr(guessing, "_LAST_TRY_SECONDS", 0.4)

    def forward(self: Any, x: Tensor) -> Tensor:
        while True:
            x = x + 1

    started = time.perf_counter()
    record = guessed(of(forward))
    assert time.perf_counter() - started < 10
    assert record.reason == "by names and layers alone: one try takes too long"


def test_a_hopeless_search_makes_no_more_than_sixty_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def forward(self: Any, x: Tensor) -> Tensor:
        tries.append(tuple(x.shape))
        raise ValueError

    guessed(of(forward, fc=nn.Linear(3, 2)))
    assert 5 < len(tries) <= guessing.MOST_TRIES
    assert len(set(tries)) > 5


def test_a_container_has_no_forward() -> None:
    sample: Sample = choose(nn.ModuleList([nn.Linear(1, 1)]), (), None, 0)
    assert (sample.record.origin, sample.record.reason) == ("none", "ModuleList has no forward")


# --- what a failure says ----------------------------------------------------------------------------------------------


def test_a_number_in_what_was_raised_is_a_size_to_try() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        if x.shape[-1] != 3000:
            raise ValueError(f"the features must have length 3000, but found {x.shape[-1]}. Pad them to 3000.")
        return self.conv(x)

    assert texts(of(forward, conv=nn.Conv1d(80, 4, 3))) == ["x=2x80x3000:float32"]


def test_an_argument_that_what_was_raised_names_is_given() -> None:
    def forward(self: Any, x: Any = None, y: Any = None, z: Any = None) -> Any:
        if z is None:
            raise ValueError("You have to specify either z or something else")
        return self.fc(x) + self.fc(z)

    assert texts(of(forward, fc=nn.Linear(7, 4))) == ["x=2x7:float32", "z=2x7:float32"]


def test_images_in_a_list_have_no_batch() -> None:
    def forward(self: Any, images: list[Tensor]) -> Any:
        for image in images:
            if image.dim() != 3:
                raise ValueError("images is expected to be a list of 3d tensors")
        return [self.conv(image) for image in images]

    assert texts(of(forward, conv=nn.Conv2d(3, 4, 3))) == ["images=[3x32x32:float32, 3x32x32:float32]"]


def test_a_small_table_that_counts_no_positions_does_not_shorten_a_sequence() -> None:
    def forward(self: Any, ids: Tensor) -> Any:
        kinds = torch.gather(self.kinds.expand(len(ids), -1), 1, torch.arange(ids.shape[1]).expand(len(ids), -1))
        return self.word(ids) + self.kind(kinds) + self.place(torch.arange(ids.shape[1]))

    model = of(forward, word=nn.Embedding(50, 4), kind=nn.Embedding(2, 4), place=nn.Embedding(12, 4))
    model.register_buffer("kinds", torch.zeros(1, 64, dtype=torch.long))
    assert texts(model) == ["ids=2x12:int64:0-49"]


def test_torchscript_tells_its_size_in_words() -> None:
    assert texts(torch.jit.script(nn.Sequential(nn.Linear(5, 4), nn.ReLU()))) == ["input=2x5:float32"]
