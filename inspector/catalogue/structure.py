"""1xx: what is known as soon as the model is built."""

from __future__ import annotations

from inspector.catalogue.entry import Entry

ENTRIES = (
    Entry(
        "NN101", "warning", "modules in a plain container",
        "A Module sits in a plain list, tuple, dict, set or dataclass, or is an attribute of the class, and is "
        "registered nowhere. parameters() does not yield what it holds, so an optimizer never trains it; .to() does "
        "not move it, state_dict does not save it, and train() and eval() do not switch it. Keep it in nn.ModuleList, "
        "nn.ModuleDict or an attribute of its own. Nothing is said of modules whose parameters are all frozen, which "
        "are kept out of sight on purpose, nor of those for which being registered makes no difference.",
    ),
    Entry(
        "NN102", "warning", "parameters in a plain container",
        "An nn.Parameter sits in a plain list, tuple or dict, or is an attribute of the class, and is registered "
        "nowhere: it is not trained, moved or saved. Keep it in nn.ParameterList or nn.ParameterDict, or assign it to "
        "an attribute of the module in __init__.",
    ),
    Entry(
        "NN103", "warning", "a tensor that .to() leaves behind",
        "A floating tensor is kept in a plain attribute and is neither parameter nor buffer, or it is the alias of a "
        "buffer or weight that keeps the old memory when .to() makes a new one. On a GPU it stays behind and forward "
        "fails; half() and double() do not convert it; state_dict does not save it. Register it as a buffer "
        "(persistent=False keeps it out of the checkpoint), or, if it is to be trained, as an nn.Parameter. Nothing is "
        "said of scalars and integers, which mix freely with tensors on any device, nor of a tensor that the module's "
        "own code moves or makes anew wherever it reads it.",
    ),
    Entry(
        "NN105", "warning", "a frozen BatchNorm that still updates its statistics",
        "requires_grad=False keeps weight and bias of a BatchNorm as they are, but in train mode its running mean and "
        "variance still move with every batch, so a backbone that was meant to be frozen drifts. Put the layer in "
        "eval mode after every model.train(), best by overriding train(). Nothing is said where a class around it "
        "overrides train() or calls eval() itself.",
    ),
    Entry(
        "NN106", "note", "nothing to train",
        "No parameter of the model, or none of a whole part of it, requires grad. That is how a frozen backbone looks; "
        "if it was not meant, look for requires_grad_(False), or for parameters that were made under torch.no_grad() "
        "and detached.",
    ),
    Entry(
        "NN107", "note", "modules in different modes",
        "Some modules are in eval mode while the model is in train mode, or the other way round. Fine-tuning with "
        "frozen normalisation looks like this on purpose; model.train() and model.eval() switch all of them, and end "
        "it.",
    ),
    Entry(
        "NN109", "note", "a norm layer with a large momentum",
        "In PyTorch momentum is the weight of the new batch: running = (1 - momentum) * running + momentum * batch. "
        "Other frameworks give that name to the weight of the old value, so 0.9 or 0.99 that was copied from them "
        "makes the running statistics follow the last batch alone. Write 0.1 for their 0.9.",
    ),
    Entry(
        "NN110", "error", "weights that are not finite",
        "A parameter or buffer holds NaN or Inf, or a running variance is negative, so what the model computes with it "
        "is not finite either; broken running statistics show in eval mode alone. A checkpoint of a run that diverged, "
        "a parameter made by torch.empty that nobody initialised, and a division by zero in an initialisation are the "
        "usual causes. Masks, whose -inf is wanted, are left alone.",
    ),
    Entry(
        "NN111", "note", "lazy layers without sizes",
        "The sizes of lazy layers are known only after the first forward. Until then they have no parameters that "
        "could be counted, moved to an optimizer or loaded from a checkpoint. Run the model once on a sample before "
        "anything else.",
    ),
    Entry(
        "NN112", "warning", "more than one device",
        "Parameters, buffers or plain tensors of one model are on more than one device, and an operation that meets "
        "both fails. Move the whole model with .to(device), and register as buffers what it leaves behind. Scalars on "
        "the CPU are left alone, and so is a model that accelerate has spread over devices.",
    ),
    Entry(
        "NN113", "note", "parameters of different floating dtypes",
        "Layers convert nothing by themselves, so a float32 layer after a bfloat16 one fails unless autocast or an "
        "explicit conversion stands between them. Norms that are kept in float32 look like this on purpose.",
    ),
    Entry(
        "NN115", "note", "weights that start identical",
        "Separate weights of one shape hold the same random values. copy.deepcopy of a layer that was initialised "
        "once does this, and so does nn.TransformerEncoder: its layers start identical, and only dropout and the data "
        "make them differ. Initialise the copies anew if that was not meant. Copies that do not require grad, as for a "
        "moving average, are left alone.",
    ),
    Entry(
        "NN116", "note", "one module at several places",
        "One and the same module object is registered under several paths, so its weights are shared, trained together "
        "and counted once. [layer] * 12 does this where twelve layers were meant: write [make() for _ in range(12)]. A "
        "module that is registered below itself is told here too: train(), to() and state_dict() never come to an "
        "end on it.",
    ),
    Entry(
        "NN117", "note", "a weight without variance",
        "All values of a Linear, convolution or embedding weight are equal. Zeros in the last layer of a residual "
        "branch, of an adapter or of a diffusion model are wanted: the layer begins as if it were not there. Anywhere "
        "else units that begin equal stay equal, because they get the same gradient.",
    ),
    Entry(
        "NN118", "note", "a bias that BatchNorm takes away",
        "A convolution or linear layer with a bias is followed at once by a BatchNorm, which subtracts the mean of "
        "every channel, and with it the bias: in train mode it has no effect and gets no gradient. bias=False saves "
        "the parameters; the norm has a bias of its own.",
    ),
    Entry(
        "NN119", "note", "hooks",
        "Somebody registered hooks on modules of this model. They run with every call, may change what goes in and "
        "out, and stay until they are removed. They are named with the place where they are written; hooks of torch's "
        "own machinery, and those that a library puts on its own layers, are not told.",
    ),
    Entry(
        "NN120", "error", "no forward",
        "Calling the model, or a part that its forward calls, raises NotImplementedError: its class has no forward. "
        "nn.ModuleList and nn.ModuleDict hold modules and do not say in which order they run; nn.Sequential does. "
        "Otherwise forward is misspelt, or indented so that it became a function inside another one.",
    ),
    Entry(
        "NN121", "error", "used before super().__init__()",
        "nn.Module keeps its parts in tables that nn.Module.__init__ makes. A class whose own __init__ assigns layers "
        "or parameters before it calls super().__init__(), or never calls it, cannot be built. Make that call the "
        "first line of __init__; of a dataclass, write __init__ by hand.",
    ),
)  # fmt: skip
