"""Everything that can be noticed, by its id: how bad it is, what it is called, and a paragraph for people.

Ids are public and never change meaning. Rules measure and say what they measured; what there is to know beyond that
stands here, where a front end can read it without torch.
"""

from __future__ import annotations

from typing import NamedTuple

from inspector.run_schema import Severity


class Entry(NamedTuple):
    """One kind of finding."""

    id: str
    severity: Severity
    title: str
    documentation: str
    """One paragraph: when it fires, why that matters, what mends it."""


_STRUCTURE = (
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

_FAILURES = (
    Entry(
        "NN201", "error", "Linear got another number of features",
        "A linear layer multiplies the last axis of its input with the columns of its weight, so the two must be "
        "equal. Most often the input was flattened before, and in_features was worked out for an image of another "
        "size, or by mistake: the number is shown as the channels × height × width that gave it. Set in_features to "
        "that number, or feed the size of input for which the layer was made. The projections of attention layers "
        "count as linear layers.",
    ),
    Entry(
        "NN202", "error", "convolution got another number of channels",
        "A convolution's weight fixes how many channels its input has. When the last axis of the input has that "
        "number, the image is channels-last (N,H,W,C), as NumPy, PIL and OpenCV give it: permute(0, 3, 1, 2). One "
        "channel against three is a grey image in a model for RGB, or the reverse. Otherwise set in_channels to what "
        "comes from before.",
    ),
    Entry(
        "NN203", "error", "tensors on different devices",
        "All tensors of one operation must be on one device. What is left behind is most often a plain attribute of "
        "the module, which .to() does not move (register it as a buffer), a tensor made in forward without "
        "device=x.device, or an input that nobody moved.",
    ),
    Entry(
        "NN204", "error", "dtypes differ, or ids are not integers",
        "Layers with weights and matrix products convert nothing: their operands must have one dtype. float64 is "
        "what NumPy makes of Python's numbers: x.float(), or dtype=np.float32 where the array is made. Integers "
        "(images as uint8) must be converted too. Embeddings look up rows, so their ids must be int64 or int32: "
        "ids.long().",
    ),
    Entry(
        "NN205", "error", "view or reshape with a wrong count",
        "view and reshape keep every value, so the sizes must multiply to the number of values that are there; -1 "
        "stands for what is left, and the others must divide it. The number of values of one sample is shown as the "
        "channels × height × width that gave it. view(x.size(0), -1) and torch.flatten(x, 1) keep the batch whatever "
        "the rest is.",
    ),
    Entry(
        "NN206", "error", "view of a non-contiguous tensor",
        "view needs the values to lie in memory in the order of the axes. permute and transpose change the order of "
        "the axes and leave the values where they are. reshape copies where it must; contiguous() copies always. "
        "Look whether the order of the axes is the one that the new shape means.",
    ),
    Entry(
        "NN207", "error", "embedding index out of range",
        "An embedding of n rows takes ids from 0 to n-1. Tokenizers with added tokens, a vocabulary counted without "
        "its padding, labels that begin at 1 and sequences longer than the table of positions give others. Give the "
        "embedding as many rows as the largest id plus one, or mend the ids. On CUDA the ids are checked before the "
        "call: there a wrong one ends the context, and everything after it fails.",
    ),
    Entry(
        "NN208", "error", "RNN, LSTM or GRU got another shape",
        "A recurrent layer reads its input as (seq, batch, feature), or with batch_first=True as (batch, seq, "
        "feature); the last axis must be input_size. Its hidden state is always (layers × directions, batch, "
        "hidden), whatever batch_first is; an LSTM takes a pair of them. The axes are shown as the layer read them, "
        "so that a swapped pair can be seen.",
    ),
    Entry(
        "NN209", "error", "attention mask of another shape",
        "nn.MultiheadAttention takes attn_mask as (target, source), or (batch × heads, target, source) for one per "
        "head, and key_padding_mask as (batch, source) whatever batch_first is; batch_first decides which axis of "
        "the query is the batch. In both, True means: ignored. scaled_dot_product_attention takes any mask that "
        "broadcasts to (batch, heads, target, source), and there True means: used.",
    ),
    Entry(
        "NN210", "error", "sizes do not broadcast or concatenate",
        "Elementwise operations need equal sizes on every axis, counted from the last, or a size of 1; cat needs "
        "equal sizes on all axes but its own; a matrix product needs the last axis of the first to equal axis -2 of "
        "the second; a norm layer needs the sizes for which its weight or statistics were made. The axis is named, "
        "and who made either tensor. In a U-Net an odd size that was pooled and scaled up again is the usual cause.",
    ),
    Entry(
        "NN211", "error", "kernel larger than its input",
        "A convolution or pooling needs an input at least as large as its (dilated) kernel less the padding on both "
        "sides. After several poolings little may be left of a small image. Where every layer between the model's "
        "input and this one is known, the smallest input that would work is worked out and said; otherwise pool "
        "less, or pad.",
    ),
    Entry(
        "NN212", "error", "BatchNorm in train mode with one value per channel",
        "In train mode batch normalisation divides by the standard deviation of the batch, and one value for each "
        "channel has none. Give it a batch of at least 2 (drop_last=True in the DataLoader, for the last and smaller "
        "one), or switch the layer to eval mode, where it uses its running statistics.",
    ),
    Entry(
        "NN213", "error", "forward got missing or unexpected arguments",
        "What was given does not bind to the signature of forward: an argument without a default is missing, there "
        "are too many, or a keyword is none of its names. The signature is shown beside what was given. Of the model "
        "itself it is the sample inputs that do not fit: give one --input for each argument.",
    ),
    Entry(
        "NN214", "error", "out of memory",
        "The allocator refused what one call asked for. The call and its module are named, with what was asked and "
        "what was free or held. A dry run finds the shapes without allocating, and its MEM column shows which layers "
        "need most; a smaller batch needs proportionally less.",
    ),
    Entry(
        "NN299", "error", "forward raised",
        "Forward raised an exception that no rule explains: the module that raised, the user's line and the "
        "exception's own text are shown, with what was measured of the arguments. An explanation is given only where "
        "a measurement proves it; so this is also what is said when the arguments look right.",
    ),
)  # fmt: skip

_RUN = (
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

_MODES = (
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

_BACKWARD = (
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

_CHECKPOINT = (
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

CATALOGUE: dict[str, Entry] = {
    entry.id: entry for entry in (*_STRUCTURE, *_FAILURES, *_RUN, *_MODES, *_BACKWARD, *_CHECKPOINT)
}
"""By id, in their order."""
