"""6xx: a checkpoint against the model, when one is given."""

from __future__ import annotations

from inspector.catalogue.entry import Entry

ENTRIES = (
    Entry(
        "NN601", "warning", "keys differ by a prefix",
        "Keys of checkpoint and model are the same but for a prefix on one side, at the front or inside: `module.` is "
        "written by DataParallel and DistributedDataParallel, `_orig_mod.` by torch.compile, `model.` by training code "
        "that keeps the network in self.model. load_state_dict refuses such a file, and with strict=False it loads "
        "nothing of it and says so only in what it returns. The code that renames the keys stands with the finding; it "
        "was tried on all names of the file.",
    ),
    Entry(
        "NN602", "error", "missing keys",
        "The checkpoint lacks tensors that the model loads. load_state_dict refuses the file; with strict=False they "
        "keep the values with which they were initialised, and the model computes with those. One finding stands for "
        "the topmost module of which everything is missing. A weight that is tied to one that the file has is only a "
        "warning; the counter of batches, which files of older versions do not have, is none.",
    ),
    Entry(
        "NN603", "warning", "unexpected keys",
        "The checkpoint has tensors that the model has no place for: it was written by another version of the model, "
        "or by something around it. load_state_dict refuses the file; strict=False leaves them out. They are told at "
        "the nearest module of the model that their names lead to.",
    ),
    Entry(
        "NN604", "error", "shapes differ",
        "Tensors stand in checkpoint and model under one name with different shapes, so the model was built with other "
        "sizes: another number of classes, another width, another vocabulary. strict=False does not help against "
        "that: build the model with the sizes of the file, or take these tensors out of the state dict. A weight that "
        "is transposed comes from a layer, or a framework, that keeps it the other way round.",
    ),
    Entry(
        "NN605", "error", "a checkpoint that runs code",
        "The file holds more than tensors, numbers, text and containers of these: reading it would import classes and "
        "functions by their names and call them, which runs whatever its author wrote. It was not read. If you trust "
        "where it comes from, --unsafe-load reads it all the same; better is a file of the weights alone, from "
        "torch.save(model.state_dict(), file), or one of safetensors.",
    ),
)  # fmt: skip
