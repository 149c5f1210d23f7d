"""5xx: forward and backward, when asked for."""

from __future__ import annotations

from inspector.catalogue.entry import Entry

ENTRIES = (
    Entry(
        "NN501", "warning", "a parameter without a gradient",
        "A parameter requires grad, its module was called, and backward gave it none: the graph is cut behind it "
        "(detach, no_grad, .data, argmax), its module did not use it, or what comes of it reaches no output, or one "
        "that the loss leaves out. An optimizer passes over it without a word.",
    ),
    Entry(
        "NN502", "error", "changed in place before backward",
        "A tensor that backward needs was changed in place after it had been saved, so backward raises. sigmoid, tanh, "
        "exp, softmax and relu save their result, products and convolutions their inputs. Replace the operation that "
        "writes (x += y, relu_, inplace=True) by one that makes a new tensor.",
    ),
    Entry(
        "NN503", "warning", "gradients explode or vanish",
        "The gradient of what the layers give grows or shrinks along the depth, layer by layer, by 10,000 or more. "
        "The small end hardly learns, or the large end diverges. Look at the initialisation, at saturating "
        "activations, at norms or residual connections that are missing. Exact zeros do not count.",
    ),
    Entry(
        "NN504", "error", "gradients that are not finite",
        "NaN or Inf is born in backward, at the operation that is named: it got finite gradients and gave others. The "
        "slope of a root or a logarithm is infinite at zero; torch.where behind it hides its value, not its slope, and "
        "0 times infinity is NaN. One optimizer step then makes parameters NaN.",
    ),
)  # fmt: skip
