"""The cards of the tensors that a module knows: what assigning them to an attribute registers, and what it does not."""

from __future__ import annotations

from inspector.cards.card import Card
from inspector.cards.linear import PLACE, PLACE_DEFAULTS

_ANSWERS = "False for one whose values only move with the model and are not trained"

CARDS: tuple[Card, ...] = (
    Card(
        "Parameter",
        "parameter",
        "A tensor that is part of a module and is trained: optimizers get it, .to() moves it, state_dict saves it.",
        (
            "self.w = nn.Parameter(t)        registered",
            "self.w = t                      not, if w was none: a tensor is an attribute",
            "self.w = t                      TypeError, if w is a parameter",
            "self.w = 2 * nn.Parameter(t)    not: what is computed from one is a tensor",
            "self.ws = [nn.Parameter(t)]     not: a list hides it; use nn.ParameterList",
            "self.w = None                   w stays a registered name, without a tensor",
        ),
        {
            "data": "the values to begin with; the memory is shared, not copied",
            "requires_grad": f"whether it gets a gradient; {_ANSWERS}",
        },
        {"data": None, "requires_grad": True},
        pitfalls=("NN102", "NN106", "NN110", "NN308"),
        takes=("data: a floating or complex tensor; integers only with requires_grad=False",),
    ),
    Card(
        "Buffer",
        "parameter",
        "A tensor that is part of a module and is not trained: .to() moves it, state_dict saves it; from torch 2.5 on.",
        (
            "self.b = nn.Buffer(t)                     registered",
            "self.b = nn.Buffer(t, persistent=False)   registered, not in state_dict",
            "self.register_buffer('b', t)              the same, in every version",
            "self.b = t                                stays a buffer, if b is one",
            "self.b = t                                not registered, if b was none",
        ),
        {
            "data": "the values to begin with; the memory is shared, not copied",
            "persistent": "whether state_dict holds it",
        },
        {"data": None, "persistent": True},
        pitfalls=("NN103", "NN110"),
        takes=("data: a tensor of any dtype",),
    ),
    Card(
        "UninitializedParameter",
        "parameter",
        "A parameter whose shape is not known yet: lazy layers hold it until the first input tells them the size.",
        (
            "p = nn.UninitializedParameter()   no shape, no values, no gradient",
            "p.materialize((8, 3))             from now on a Parameter of 8×3, with",
            "                                  whatever the memory held",
        ),
        {"requires_grad": "whether it will get a gradient", **PLACE},
        {"requires_grad": True, **PLACE_DEFAULTS},
        pitfalls=("NN111",),
    ),
    Card(
        "UninitializedBuffer",
        "parameter",
        "A buffer whose shape is not known yet: lazy norm layers hold it until the first input tells them the size.",
        (
            "b = nn.UninitializedBuffer()      no shape, no values",
            "b.materialize((8,))               from now on a tensor of 8, with whatever",
            "                                  the memory held",
        ),
        {
            "requires_grad": "whether it will get a gradient",
            **PLACE,
            "persistent": "whether state_dict holds it (torch 2.5 and later)",
        },
        {"requires_grad": False, **PLACE_DEFAULTS, "persistent": True},
        pitfalls=("NN111",),
    ),
)
