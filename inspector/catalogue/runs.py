"""3xx: forward ran, but."""

from __future__ import annotations

from inspector.catalogue.entry import Entry

ENTRIES = (
    Entry(
        "NN301", "error", "NaN or Inf is born",
        "A module or operation got finite inputs and weights and gave something that is not finite; what comes after "
        "only passes it on. Divisions by zero, logarithms and roots of what is not positive, exp of large numbers, and "
        "float16 beyond 65504 are the usual causes. -inf that a softmax consumes, as masks give it, is fine.",
    ),
    Entry(
        "NN302", "note", "not called in this forward",
        "A module with parameters was not called in this forward. Heads that only train, or only some inputs, need are "
        "like that. If its weights were used all the same (F.linear(x, self.fc.weight), the fast path of a "
        "Transformer) that is said instead. Distributed training stops on parameters without a gradient.",
    ),
    Entry(
        "NN303", "warning", "softmax over the batch",
        "A softmax normalises over the axis on which the samples of the batch lie, so every sample depends on all "
        "others, and the sum over classes is not 1. dim=-1 or dim=1 is almost always what was meant; without dim an "
        "old rule chooses axis 0 for one and three axes.",
    ),
    Entry(
        "NN304", "note", "the output is a distribution",
        "The rows of the model's output sum to 1, or are logarithms of what does. nn.CrossEntropyLoss applies "
        "log_softmax itself: on such an output training is slow and stops early. nn.NLLLoss wants log_softmax. The "
        "loss is not known here, so this is only a note.",
    ),
    Entry(
        "NN305", "note", "dead units",
        "Units after a ReLU are zero at every position of every sample, in a share that chance does not explain. They "
        "pass no gradient. With random inputs and untrained weights judge with care: real inputs may wake them.",
    ),
    Entry(
        "NN306", "note", "saturated units",
        "Nearly all values of a sigmoid or tanh are at the ends of its range, where the gradient vanishes. Inputs "
        "that were not normalised, or large initial weights, do this; so do random inputs on a wider scale than "
        "real ones.",
    ),
    Entry(
        "NN307", "warning", "activations explode or vanish",
        "The spread of the activations grows or shrinks along the calls by more than healthy untrained networks show. "
        "Look at the initialisation of the layer at which it begins, and at norm layers or residual connections that "
        "are missing.",
    ),
    Entry(
        "NN308", "warning", "layers made inside forward",
        "Modules or parameters are created while forward runs: their weights are new in each call, no optimizer knows "
        "them, and they are never trained. Create them in __init__, or use a lazy layer if a size is not known there.",
    ),
    Entry(
        "NN309", "note", "the batch is read as time",
        "A recurrent or attention layer without batch_first=True reads axis 0 as time, and the batch of this input "
        "lies there. Nothing fails: samples are mixed as if they were steps of one sequence.",
    ),
    Entry(
        "NN310", "error", "attention rows without a key",
        "A row of an attention mask hides every key, and a softmax over -inf alone is NaN. Padding a whole sample, or "
        "a mask with the opposite meaning of True, does this.",
    ),
    Entry(
        "NN311", "note", "no batch axis",
        "Convolutions, poolings and recurrent layers take an input without a batch axis as one sample, and say "
        "nothing. If a batch was meant, the first axis was read as channels or as time.",
    ),
    Entry(
        "NN312", "note", "warnings of the run",
        "Python warnings that were raised while the model ran, each once, with the line that raised it. In the output "
        "of a training they scroll away, and some of them tell of a silent fault.",
    ),
    Entry(
        "NN314", "warning", "the output carries no gradient",
        "Parameters require grad, and the output of the model does not: detach, torch.no_grad, .data, NumPy or "
        "item() cut the graph on the way. Nothing before the cut can be trained.",
    ),
    Entry(
        "NN315", "warning", "samples of a batch influence each other",
        "In eval mode the output of one sample changed when another sample of the batch was changed. A view or reshape "
        "that confuses the axes, a softmax or norm over the batch, and a permute that was forgotten do this.",
    ),
)  # fmt: skip
