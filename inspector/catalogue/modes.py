"""4xx: train and eval."""

from __future__ import annotations

from inspector.catalogue.entry import Entry

ENTRIES = (
    Entry(
        "NN401", "warning", "eval is not deterministic",
        "Two runs in eval mode on one input differ. F.dropout is on unless it gets training=self.training, "
        "scaled_dot_product_attention applies dropout_p always, and random numbers drawn in forward know no mode. "
        "Dropout that is kept on for Monte Carlo estimates looks the same, and is fine.",
    ),
    Entry(
        "NN403", "note", "running statistics far from this batch",
        "What a norm layer uses in eval mode is far from the mean and variance of this batch, or was never updated: "
        "then eval mode normalises with 0 and 1, as in every new model. Train, or run some batches in train mode, "
        "before eval mode is trusted; and look whether the sample is like the data of training.",
    ),
    Entry(
        "NN404", "note", "both modes are the same",
        "The model gives one and the same output in train and in eval mode although it holds modules that should "
        "differ: a dropout with p=0, layers that are never called, norms that are frozen in eval mode.",
    ),
)  # fmt: skip
