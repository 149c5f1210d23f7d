"""Wrappers that spread one model over several devices."""

from __future__ import annotations

from inspector.cards.card import Card

CARDS: tuple[Card, ...] = (
    Card(
        name="DataParallel",
        family="container",
        sentence="Copies a module to several GPUs in each call, gives each copy a part of the batch, and puts the "
        "outputs together; torch itself advises DistributedDataParallel instead.",
        formula=("y = concat(module₀(x₀), module₁(x₁), …)        x = concat(x₀, x₁, …)",),
        arguments={
            "module": "the module that is copied; its keys in state_dict then begin with `module.`",
            "device_ids": "the GPUs; None: all that there are, and without any the module is called as it is",
            "output_device": "where the outputs are put together; None: the first of device_ids",
            "dim": "the axis along which inputs are divided and outputs put together: the batch",
        },
        defaults={"device_ids": None, "output_device": None, "dim": 0},
        modes="What differs inside the module; BatchNorm has the statistics of each part of the batch alone.",
        pitfalls=("NN601", "NN203"),
    ),
)
