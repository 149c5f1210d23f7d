"""Every building block that this torch has is explained, and what a card says of its arguments is what torch says."""

from __future__ import annotations

import inspect
import typing
from typing import Any

import pytest
from torch import nn

from inspector.cards import CARDS, card_of
from inspector.cards.card import Card, Symbol
from inspector.catalogue import CATALOGUE

ALSO = {"Parameter", "Buffer", "UninitializedParameter", "UninitializedBuffer"}
PUBLIC = sorted(
    name
    for name, value in vars(nn).items()
    if not name.startswith("_") and isinstance(value, type) and (issubclass(value, nn.Module) or name in ALSO)
)
HERE = [name for name in CARDS if hasattr(nn, name)]
"""Cards of classes that this version of torch has."""


def signature_of(cls: Any) -> inspect.Signature | None:
    """What the constructor takes; None where torch tells only of *args and this Python keeps no overloads."""
    if cls.__init__ is nn.Module.__init__:
        return inspect.Signature()  # which takes *args only to complain of them
    signature = inspect.signature(cls)
    if set(signature.parameters) != {"args", "kwargs"} or cls is nn.Identity:
        return signature
    overloads = [inspect.signature(each) for each in getattr(typing, "get_overloads", lambda _: ())(cls.__init__)]
    if not overloads:
        return None
    return overloads[0].replace(parameters=list(overloads[0].parameters.values())[1:])


def spelled(parameter: inspect.Parameter) -> str:
    positional, keyword = parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD
    stars = "*" if parameter.kind is positional else "**" if parameter.kind is keyword else ""
    return stars + parameter.name


def test_every_public_class_of_torch_has_a_card() -> None:
    assert len(PUBLIC) > 150
    assert [name for name in PUBLIC if card_of(name) is None] == []


def test_cards_are_found_by_qualified_name_and_whatever_the_case() -> None:
    linear = CARDS["Linear"]
    for name in ("Linear", "linear", "nn.Linear", "torch.nn.Linear", "torch.nn.modules.linear.Linear"):
        assert card_of(name) is linear
    assert card_of("torch.nn.modules.linear.NonDynamicallyQuantizableLinear") is linear


def test_a_class_of_the_users_has_no_card_whatever_its_name() -> None:
    assert card_of("lenet.Linear") is None
    assert card_of("torch.nnx.Linear") is None
    assert card_of("Linearity") is None
    assert card_of("") is None


@pytest.mark.parametrize("name", HERE)
def test_arguments_and_defaults_are_those_of_the_signature(name: str) -> None:
    card, signature = CARDS[name], signature_of(getattr(nn, name))
    if signature is None:
        pytest.skip("the overloads of this class are not kept by this version of Python")
    parameters = {spelled(each): each for each in signature.parameters.values()}
    told = [argument for argument in card.arguments if argument in parameters]  # others are of other versions
    assert told == list(parameters)
    for argument, parameter in parameters.items():
        if parameter.default is parameter.empty:
            assert argument not in card.defaults
        else:
            check_default(card, argument, parameter.default)


def check_default(card: Card, argument: str, default: Any) -> None:
    told = card.defaults[argument]
    if isinstance(told, Symbol):
        assert told.text.rpartition(".")[2] == getattr(default, "__name__", str(default))
    else:
        assert (type(told), told) == (type(default), default)


@pytest.mark.parametrize("card", CARDS.values(), ids=list(CARDS))
def test_a_card_is_whole(card: Card) -> None:
    assert card.family
    assert card.sentence.endswith(".")
    assert ".." not in card.sentence
    assert all(card.arguments.values())
    assert card.defaults.keys() <= card.arguments.keys()
    assert not [argument for argument, meaning in card.arguments.items() if meaning.endswith(".") or "\n" in meaning]
    assert all(pitfall in CATALOGUE for pitfall in card.pitfalls)
    assert len(set(card.pitfalls)) == len(card.pitfalls)


@pytest.mark.parametrize("card", CARDS.values(), ids=list(CARDS))
def test_a_formula_fits_a_screen_of_eighty_columns(card: Card) -> None:
    assert len(card.formula) <= 16
    assert all(len(line) <= 76 for line in card.formula)
    assert card.formula or card.family in ("container", "other")


def test_no_two_cards_have_one_name() -> None:
    assert len({name.lower() for name in CARDS}) == len(CARDS)
    assert all(name == card.name for name, card in CARDS.items())
