"""What the operations of torch cost in FLOPs: one multiply-add is two, and only multiply-adds are counted.

What counts is what contracts: matrix products, convolutions, recurrences, attention. By convention an addition of a
bias costs nothing, and neither does anything elementwise, a reduction, a normalisation, pooling, softmax, a look-up in
a table or a copy: `FREE` names them. An operation that is neither here nor there is not taken for free: whoever counts
has to say that nobody knows.

The formulas are our own also where torch has one, because torch's count nothing for attention on the CPU and know no
recurrent layer; torch's registry is asked for the rest, and holds what users register.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

Formula = Callable[..., int]
"""Gets the operation's own arguments and, as `out`, what came of them."""

FORMULAS: dict[str, Formula] = {}
"""By the name of the operation in `aten`; in place or not makes no difference."""


def _counts(*names: str) -> Callable[[Formula], Formula]:
    def register(formula: Formula) -> Formula:
        FORMULAS.update(dict.fromkeys(names, formula))
        return formula

    return register


def dense(*tensors: Any) -> bool:
    """Whether the shapes of all these tensors tell how much work they are: of sparse and nested ones they do not."""
    return all(t.layout is torch.strided and not t.is_nested for t in tensors if isinstance(t, Tensor))


# --- matrix products --------------------------------------------------------------------------------------------------


@_counts("mm", "bmm", "mv", "dot", "vdot", "_int_mm", "_scaled_mm")
def product(a: Tensor, b: Tensor, *_: Any, out: Any, **__: Any) -> int:
    """[…, m, k] × [k, n]: every element of `a` meets every one of the n columns of `b`, whatever the batch."""
    columns = b.shape[-1] if b.dim() >= 2 else 1
    return 2 * a.numel() * columns


@_counts("_grouped_mm", "_scaled_grouped_mm")
def grouped_product(a: Tensor, b: Tensor, *_: Any, out: Any, **__: Any) -> int:
    """Products of groups of rows, of columns, or of what they have in common; of two stacks one for each of them."""
    groups = a.shape[0] if a.dim() == b.dim() == 3 else 1
    return 2 * groups * a.shape[-2] * a.shape[-1] * b.shape[-1]


@_counts("addmm", "baddbmm", "addmv", "addbmm", "_addmm_activation")
def added_product(_: Tensor, a: Tensor, b: Tensor, *__: Any, out: Any, **___: Any) -> int:
    """A product that is added to something."""
    return product(a, b, out=out)


@_counts("linear", "mkldnn_linear", "_weight_int8pack_mm")
def linear(x: Tensor, weight: Tensor, *_: Any, out: Any, **__: Any) -> int:
    """Every row of `x` meets the whole weight [out, in]."""
    return 2 * _rows(x) * weight.numel()


@_counts("_trilinear")
def trilinear(
    first: Tensor,
    second: Tensor,
    third: Tensor,
    *expansions: Any,
    out: Any,
    **_: Any,
) -> int:
    """What nn.Bilinear becomes: one multiply-add for each (row, output, first input, second input)."""
    shapes = []
    for tensor, places in zip((first, second, third), expansions[:3], strict=True):
        shape = list(tensor.shape)
        for place in sorted(places):
            shape.insert(place, 1)
        shapes.append(shape)
    sizes: list[int] = [max(along) if min(along) else 0 for along in zip(*shapes, strict=True)]
    return 2 * prod(sizes)


# --- convolutions -----------------------------------------------------------------------------------------------------


@_counts("convolution", "_convolution", "convolution_overrideable")
def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    *_: Any,
    out: Tensor,
    **__: Any,
) -> int:
    """The weight [out, in / groups, …] is met once at every position: of the output, or transposed of the input."""
    return _sliding(x if transposed else out, weight)


@_counts(
    "cudnn_convolution", "cudnn_convolution_relu", "cudnn_convolution_add_relu", "mkldnn_convolution",
    "miopen_convolution", "miopen_convolution_relu", "miopen_convolution_add_relu", "miopen_depthwise_convolution",
    "_conv_depthwise2d", "conv_depthwise3d", "slow_conv3d_forward", "slow_conv_dilated2d", "slow_conv_dilated3d",
    "_slow_conv2d_forward", "_nnpack_spatial_convolution", "_mps_convolution",
)  # fmt: skip
def plain_convolution(x: Tensor, weight: Tensor, *_: Any, out: Tensor, **__: Any) -> int:
    """A convolution by the kernel of one library."""
    return _sliding(out, weight)


@_counts(
    "cudnn_convolution_transpose", "miopen_convolution_transpose", "slow_conv_transpose2d", "slow_conv_transpose3d"
)
def transposed_convolution(x: Tensor, weight: Tensor, *_: Any, out: Tensor, **__: Any) -> int:
    """A transposed convolution by the kernel of one library."""
    return _sliding(x, weight)


def _sliding(positions: Tensor, weight: Tensor) -> int:
    batch, _, *space = positions.shape
    return 2 * batch * prod(space) * weight.numel()


# --- recurrent layers -------------------------------------------------------------------------------------------------


@_counts("mkldnn_rnn_layer")
def rnn_layer(x: Tensor, weight_input: Tensor, weight_hidden: Tensor, *_: Any, out: Any, **__: Any) -> int:
    """One layer in one direction: both weights are met at every step of every sequence."""
    return 2 * _rows(x) * (weight_input.numel() + weight_hidden.numel())


@_counts("_cudnn_rnn", "miopen_rnn", "lstm", "gru", "rnn_tanh", "rnn_relu")
def rnn(x: Tensor, *arguments: Any, out: Any, **__: Any) -> int:
    """All layers and directions at once: every matrix among the weights is met at every step of every sequence.

    Packed sequences come as [sum of lengths, features], so that padding costs nothing.
    """
    return 2 * _rows(x) * sum(weight.numel() for weight in _weights(arguments))


def _weights(arguments: Sequence[Any]) -> list[Tensor]:
    """The matrices in the one list that has some; hidden states have three dimensions, biases one."""
    lists = [argument for argument in arguments if isinstance(argument, (list, tuple))]
    return [tensor for group in lists for tensor in group if isinstance(tensor, Tensor) and tensor.dim() == 2]


def _rows(x: Tensor) -> int:
    """How many vectors there are along the last dimension."""
    return prod(x.shape[:-1])


# --- attention --------------------------------------------------------------------------------------------------------


@_counts(
    "scaled_dot_product_attention", "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_flash_attention", "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention", "_scaled_dot_product_fused_attention_overrideable",
    "_scaled_dot_product_attention_math", "_scaled_dot_product_attention_math_for_mps",
)  # fmt: skip
def attention(query: Tensor, key: Tensor, value: Tensor, *_: Any, out: Any, **__: Any) -> int:
    """q @ k and scores @ v, for every head of the query; a causal mask saves nothing here."""
    *heads, queries, width = query.shape
    return 2 * prod(heads) * queries * key.shape[-2] * (width + value.shape[-1])


@_counts("_native_multi_head_attention")
def multi_head_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    width: int,
    heads: int,
    weight_in: Tensor,
    bias_in: Any,
    weight_out: Tensor,
    *_: Any,
    out: Any,
    **__: Any,
) -> int:
    """The fast path of nn.MultiheadAttention: projections of query, key and value, attention, projection of the result.

    A third of the weight of the projections is for the query, the rest for key and value.
    """
    lengths, other_lengths = _lengths(query), _lengths(key)
    projected = weight_in.numel() // 3 * (sum(lengths) + 2 * sum(other_lengths)) + weight_out.numel() * sum(lengths)
    attended = 2 * width * sum(mine * other for mine, other in zip(lengths, other_lengths, strict=True))
    return 2 * (projected + attended)


@_counts("_transformer_encoder_layer_fwd")
def encoder_layer(
    x: Tensor,
    width: int,
    heads: int,
    weight_in: Tensor,
    bias_in: Any,
    weight_out: Tensor,
    bias_out: Any,
    *rest: Any,
    out: Any,
    **__: Any,
) -> int:
    """The fast path of nn.TransformerEncoderLayer: attention to itself and two linear layers."""
    up, down = [argument for argument in rest if isinstance(argument, Tensor) and argument.dim() == 2][:2]
    feed = 2 * sum(_lengths(x)) * (up.numel() + down.numel())
    return multi_head_attention(x, x, x, width, heads, weight_in, bias_in, weight_out, out=out) + feed


def _lengths(x: Tensor) -> list[int]:
    """How long every sequence of the batch is; of a nested tensor each has its own length, and no padding costs."""
    if x.is_nested:
        return [int(length) for length in x._nested_tensor_size()[:, 0].tolist()]
    return [x.shape[1]] * x.shape[0]


NESTED_TOO = frozenset({"_native_multi_head_attention", "_transformer_encoder_layer_fwd"})
"""Formulas that know what to make of a nested tensor."""


# --- what costs nothing by convention ---------------------------------------------------------------------------------

_FREE = """
_adaptive_avg_pool2d _adaptive_avg_pool3d _add_relu _aminmax _assert_async _assert_scalar _assert_tensor_metadata
_batch_norm_no_update _batch_norm_with_update _batch_norm_with_update_functional _chunk_cat _coalesce _coalesced
_conj_physical _convert_indices_from_coo_to_csr _convert_indices_from_csr_to_coo _copy_from _copy_from_and_resize
_ctc_loss _cudnn_ctc_loss _cummax_helper _cummin_helper _dimI _dimV _efficientzerotensor _embedding_bag
_embedding_bag_forward_only _empty_affine_quantized _empty_per_channel_affine_quantized
_fake_quantize_learnable_per_channel_affine _fake_quantize_learnable_per_tensor_affine
_fake_quantize_per_tensor_affine_cachemask_tensor_qparams _functional_assert_async _functional_assert_scalar
_fused_dropout _fused_moving_avg_obs_fq_helper _fused_rms_norm _grid_sampler_2d_cpu_fallback _has_same_storage_numel
_index_put_impl _is_all_true _is_any_true _jagged_to_padded_dense_forward _lazy_clone _linalg_check_errors
_local_scalar_dense _log_softmax _logcumsumexp _make_per_channel_quantized_tensor _make_per_tensor_quantized_tensor
_masked_scale _masked_softmax _mkldnn_reshape _mkldnn_transpose _native_batch_norm_legit
_native_batch_norm_legit_functional _native_batch_norm_legit_no_training _nested_from_padded _nested_tensor_from_mask
_nested_tensor_from_mask_left_aligned _nested_tensor_from_tensor_list _nested_tensor_size _nested_tensor_storage_offsets
_nested_tensor_strides _new_zeros_with_same_feature_meta _nnz _pack_padded_sequence _padded_dense_to_jagged_forward
_philox_key_fold_in _philox_normal _philox_randint _philox_uniform _pin_memory _prelu_kernel _print _reshape_alias
_resize_output _safe_softmax _sample_dirichlet _softmax _sparse_compressed_tensor_with_dims _sparse_coo_tensor_with_dims
_sparse_coo_tensor_with_dims_and_tensors _sparse_log_softmax _sparse_softmax _sparse_sum _spdiags _stack _standard_gamma
_thnn_fused_gru_cell _thnn_fused_lstm_cell _to_copy _to_dense _to_sparse _to_sparse_bsc _to_sparse_bsr _to_sparse_csc
_to_sparse_csr _transform_bias_rescale_qkv _unique _unique2 _unsafe_index _unsafe_index_put _unsafe_masked_index
_unsafe_masked_index_put_accumulate _unsafe_view _upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_lanczos2d_aa
_upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d _use_cudnn_ctc_loss _weight_norm_interface
adaptive_avg_pool1d adaptive_max_pool2d adaptive_max_pool3d addr affine_grid_generator all allclose amax amin aminmax
any arange argmax argmin argsort as_strided avg_pool2d avg_pool3d bartlett_window batch_norm_elemt
batch_norm_gather_stats batch_norm_gather_stats_with_counts batch_norm_stats batch_norm_update_stats bernoulli
binary_cross_entropy binary_cross_entropy_with_logits bincount binomial blackman_window block_diag bucketize cat cauchy
celu channel_shuffle clone col2im complex constant_pad_nd copy copy_sparse_to_sparse copysign count_nonzero
cudnn_affine_grid_generator cudnn_batch_norm cudnn_grid_sampler cummax cummin cumprod cumsum dense_dim dequantize detach
diag_embed dist elu embedding embedding_bag embedding_renorm empty empty_like empty_permuted empty_quantized
empty_strided equal exponential eye fake_quantize_per_channel_affine_cachemask fake_quantize_per_tensor_affine_cachemask
fft_fftfreq fft_rfftfreq fill flip floor_divide fractional_max_pool2d fractional_max_pool3d full full_like gather
geometric glu grid_sampler_2d grid_sampler_3d hamming_window hann_window hardshrink hardsigmoid hardswish hardtanh
hash_tensor histc histogram huber_loss im2col index index_add index_copy index_fill index_put index_reduce index_select
int_repr is_coalesced is_nonzero is_pinned is_same_size is_set_to isin item kaiser_window kthvalue leaky_relu lift
lift_fresh lift_fresh_copy linalg_cross linalg_vector_norm linspace log_normal log_sigmoid_forward logcumsumexp logspace
logsumexp masked_fill masked_scatter masked_select max max_pool2d_with_indices max_pool3d_with_indices max_unpool2d
max_unpool3d mean median min miopen_batch_norm miopen_ctc_loss mish mkldnn_adaptive_avg_pool2d mkldnn_max_pool2d
mkldnn_max_pool3d mkldnn_reorder_conv2d_weight mkldnn_reorder_conv3d_weight mode mse_loss multi_margin_loss
multilabel_margin_loss_forward multinomial nanmedian nansum native_batch_norm native_dropout native_group_norm
native_layer_norm native_norm new_empty new_empty_strided new_full new_ones new_zeros nll_loss2d_forward
nll_loss_forward nonzero nonzero_static norm normal normal_functional ones ones_like pixel_shuffle pixel_unshuffle
poisson polar prod put q_per_channel_axis q_per_channel_scales q_per_channel_zero_points q_scale q_zero_point qscheme
quantize_per_channel quantize_per_tensor quantize_per_tensor_dynamic rad2deg rand rand_like randint randint_like randn
randn_like random randperm range record_stream reflection_pad1d reflection_pad2d reflection_pad3d renorm repeat
repeat_interleave replication_pad1d replication_pad2d replication_pad3d resize resize_as resize_as_sparse roll rot90
rrelu_with_noise rrelu_with_noise_functional rsub scalar_tensor scatter scatter_add scatter_reduce searchsorted
segment_reduce select_scatter set shallow_copy_data size slice_scatter smooth_l1_loss soft_margin_loss softplus
softshrink sort sparse_compressed_tensor sparse_coo_tensor sparse_dim sparse_mask split_with_sizes_copy squeeze stack
std std_mean storage_offset stride sum take threshold to_mkldnn to_padded_tensor topk trace transpose tril tril_indices
triu triu_indices unbind unfold uniform unique_consecutive unique_dim unique_dim_consecutive unsafe_split
unsafe_split_with_sizes unsqueeze upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d
upsample_nearest2d upsample_nearest3d upsample_trilinear3d var var_mean zero zeros zeros_like
"""
FREE = frozenset(_FREE.split())
"""Names in `aten` of what is neither a contraction nor elementwise by torch's own tag, and costs nothing here."""
