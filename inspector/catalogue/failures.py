"""2xx: forward failed."""

from __future__ import annotations

from inspector.catalogue.entry import Entry

ENTRIES = (
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
