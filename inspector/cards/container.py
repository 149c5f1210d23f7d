"""The cards of what holds other modules or parameters: what it registers, what it iterates over, whether it runs."""

from __future__ import annotations

from inspector.cards.card import Card

_PASSED_ON = "train() and eval() are passed on to every module that is registered, however deep."
_NOBODY_CALLS = "forward    none: calling it raises NotImplementedError; loop over it"

CARDS: tuple[Card, ...] = (
    Card(
        "Module",
        "container",
        "What every layer and every model is made from: it knows its parameters and its parts, and calls forward.",
        (
            "registers  a Module, Parameter or Buffer that is assigned to an attribute",
            "           not: a plain tensor; a list, tuple or dict, whatever is in it",
            "           not before super().__init__() has run: AttributeError",
            "iterates   not; modules(), children(), parameters(), buffers() do",
            "forward    the class's own; model(x) calls it, and runs hooks around it",
        ),
        modes=_PASSED_ON,
        pitfalls=("NN101", "NN102", "NN103", "NN120", "NN121"),
    ),
    Card(
        "Sequential",
        "container",
        "Runs its modules one after the other, each on what the one before gave.",
        (
            "registers  every module, under the names 0, 1, 2 … or those of the dict",
            "iterates   over the modules in order; has len, [i], [a:b], append, insert",
            "forward    y = mₙ(… m₂(m₁(x)))   with one input, and one thing passed on",
        ),
        {"*args": "the modules in their order, or one OrderedDict of names and modules"},
        modes=_PASSED_ON,
        pitfalls=("NN116",),
    ),
    Card(
        "ModuleList",
        "container",
        "A list whose modules are registered; in which order they run is written in forward.",
        (
            "registers  every module, under the names 0, 1, 2 …; takes nothing else",
            "iterates   over the modules in order; has len, [i], [a:b], append, extend",
            _NOBODY_CALLS,
        ),
        {"modules": "the modules to begin with: anything that can be iterated over"},
        {"modules": None},
        modes=_PASSED_ON,
        pitfalls=("NN101", "NN116", "NN120"),
    ),
    Card(
        "ModuleDict",
        "container",
        "A dict whose modules are registered; which of them run, and when, is written in forward.",
        (
            "registers  every module, under its key: a text without a dot, and none",
            "           that a ModuleDict has as an attribute (keys, type, forward)",
            "iterates   over the keys in order of insertion; has items, values, [key]",
            _NOBODY_CALLS,
        ),
        {"modules": "the modules to begin with: a mapping, or pairs of key and module"},
        {"modules": None},
        modes=_PASSED_ON,
        pitfalls=("NN101", "NN120"),
    ),
    Card(
        "ParameterList",
        "container",
        "A list whose parameters are registered; a plain tensor that is put in becomes a parameter.",
        (
            "registers  every Parameter and every tensor, under the names 0, 1, 2 …",
            "           not: numbers, modules and the like, which it holds all the same",
            "iterates   over what it holds in order; has len, [i], append, extend",
            _NOBODY_CALLS,
        ),
        {"values": "what to begin with: anything that can be iterated over"},
        {"values": None},
        pitfalls=("NN102",),
    ),
    Card(
        "ParameterDict",
        "container",
        "A dict whose parameters are registered; a plain tensor that is put in becomes a parameter.",
        (
            "registers  every Parameter and every tensor, under its key",
            "           not: numbers, modules and the like, which it holds all the same",
            "iterates   over the keys; has items, values, [key]; a plain dict to begin",
            "           with is sorted by its keys, later ones come in order",
            _NOBODY_CALLS,
        ),
        {"parameters": "what to begin with: a mapping, or pairs of key and value"},
        {"parameters": None},
        pitfalls=("NN102",),
    ),
    Card(
        "Container",
        "container",
        "An old name of Module, kept for old code; it warns when it is made.",
        ("registers  each keyword argument, which must be a Module", "forward    none"),
        {"**kwargs": "modules by their names"},
        modes=_PASSED_ON,
    ),
)
