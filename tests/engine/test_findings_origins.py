"""Where a number comes from, which input would have fitted, and what nobody explains but can be measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F  # noqa: N812

from inspector.engine.findings.windows import Window, windows_of_module, windows_of_operation
from inspector.engine.forward.lookups import refuse, refuse_on_cuda
from tests.engine.failing import Applied, finding_of, found, halt_of
from tests.process_state import put_back

IMAGE = torch.ones(2, 3, 32, 32)


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    with put_back():
        yield


# --- origins ----------------------------------------------------------------------------------------------------------


class Block(nn.Module):
    """A block of the user's that ends in an operation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.max_pool2d(F.relu(self.conv(x)), 2)


def test_a_result_of_an_operation_in_a_block_is_called_by_the_block() -> None:
    model = nn.Sequential(Block(), nn.Flatten(), nn.Dropout(), nn.Linear(5, 2))
    finding = finding_of(model, IMAGE)
    assert finding.path == "3"
    assert finding.message.startswith("3 expects 5 features, got 1024 = 4×16×16 of 0, flattened")
    assert finding.producer.startswith("0: 2×4×16×16")


def test_the_flattening_is_found_through_what_keeps_the_shape() -> None:
    def forward(self: Any, x: torch.Tensor) -> Any:
        x = self.pool(x)
        x = x.permute(0, 2, 3, 1).contiguous()
        x = torch.tanh(torch.flatten(x, 1))
        return self.fc(F.dropout(x, training=False))

    finding = finding_of(Applied(forward, pool=nn.AvgPool2d(8), fc=nn.Linear(5, 2)), IMAGE)
    assert "fc expects 5 features, got 48 = 3×4×4 of pool, flattened at" in finding.message
    assert finding.received.startswith("2×48   = 3×4×4 of pool, flattened :")


def test_a_number_that_has_no_factors_is_only_traced() -> None:
    finding = finding_of(nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(5, 2)), torch.ones(2, 8))
    assert finding.message == "2 expects 5 features, got 6 from 1"
    assert finding.fix == "Linear(6, 2)"


def test_the_second_call_of_a_shared_layer_is_not_mended_by_changing_the_layer() -> None:
    shared = nn.Linear(8, 4)
    finding = finding_of(nn.Sequential(shared, shared), torch.ones(2, 8))
    assert finding.message == "call 2 of 0 expects 8 features, got 4 from 0"
    assert finding.fix == ""


def test_an_operation_in_a_helper_is_told_at_the_line_of_the_helper() -> None:
    def helper(x: torch.Tensor) -> torch.Tensor:
        return x + torch.ones(7)  # helper

    class Inner(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return helper(x)

    finding = finding_of(nn.Sequential(nn.Identity(), Inner()), IMAGE)
    assert (finding.id, finding.path) == ("NN210", "1")
    assert finding.source is not None
    assert finding.source.code.endswith("# helper")


def test_a_failure_in_a_nested_sequential_is_told_by_its_whole_path() -> None:
    model = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), nn.Sequential(nn.ReLU(), nn.Conv2d(5, 6, 3)))
    finding = finding_of(model, IMAGE)
    assert (finding.path, finding.fix) == ("1.1", "in_channels=4")
    assert finding.message == "1.1 expects 5 channels, got 4 from 1.0"


def test_an_odd_size_is_only_blamed_where_one_was_pooled() -> None:
    def unet(self: Any, x: torch.Tensor) -> Any:
        return torch.cat([x, F.interpolate(self.pool(x), scale_factor=2)], 1)

    blamed = finding_of(Applied(unet, pool=nn.MaxPool2d(2)), torch.ones(1, 1, 9, 9))
    assert blamed.message.endswith("interpolate() gives 8: an odd size was pooled (pool: 9 → 4)")
    other = finding_of(Applied(lambda self, x: torch.cat([x, x[..., 1:, 1:]], 1)), torch.ones(1, 1, 9, 9))
    assert "odd" not in other.message


# --- windows ----------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20), st.integers(1, 5), st.integers(1, 4), st.integers(0, 2), st.integers(1, 3), st.booleans())
def test_a_window_leaves_what_torch_leaves(
    size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool
) -> None:
    padding = min(padding, kernel // 2)
    window = Window(kernel, stride, padding, dilation, ceil)
    try:
        left = F.max_pool1d(torch.ones(1, 1, size), kernel, stride, padding, dilation, ceil).shape[-1]
    except RuntimeError:
        left = 0
    assert window.after(size) == left
    assert (size >= window.smallest) is (left > 0)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(3, 2, (3, 5), stride=(1, 2), padding=(0, 2), dilation=(2, 1)),
        nn.Conv2d(3, 2, 3, padding="same"),
        nn.Conv2d(3, 2, 3, padding="valid"),
        nn.MaxPool2d(3, ceil_mode=True),
        nn.MaxPool2d((2, 3), stride=1, padding=1),
        nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True),
    ],
)
def test_the_windows_of_a_layer_give_its_output(layer: nn.Module) -> None:
    windows = windows_of_module(layer)
    assert windows is not None
    image = torch.ones(1, 3, 15, 14)
    assert (
        tuple(window.after(side) for window, side in zip(windows, image.shape[2:], strict=True))
        == layer(image).shape[2:]
    )


def test_the_windows_of_an_operation_are_read_from_its_arguments() -> None:
    assert windows_of_operation("max_pool2d", [("", 3), ("stride", None), ("ceil_mode", True)]) == (
        Window(3, 3, 0, 1, True),
        Window(3, 3, 0, 1, True),
    )
    assert windows_of_operation("avg_pool1d", [("[1]", (4,)), ("[2]", 2), ("[3]", 1)]) == (Window(4, 2, 1),)
    assert windows_of_operation("conv2d", [("", (8, 3, 5, 7)), ("", None), ("", 2)]) == (
        Window(5, 2, 0),
        Window(7, 2, 0),
    )
    assert windows_of_operation("relu", []) is None
    assert windows_of_operation("adaptive_avg_pool2d", [("", 1)]) is None


@pytest.mark.parametrize(
    ("layers", "offered"),
    [
        ((nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 7 * 7, 2)), "an input of 16×16 … 17×17"),
        ((nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 9, 2)), "an input of 5×5"),
        ((nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(4 * 9, 2)), ""),
        ((nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 10, 2)), ""),
        ((nn.Conv2d(3, 4, 3), nn.Upsample(scale_factor=2), nn.Flatten(), nn.Linear(4 * 16, 2)), ""),
    ],
)
def test_an_input_is_offered_only_where_the_whole_chain_is_known(layers: Any, offered: str) -> None:
    model = nn.Sequential(*layers)
    finding = finding_of(model, IMAGE)
    assert finding.id == "NN201"
    assert finding.fix.partition(", or ")[2] == offered
    for side in {int(word.partition("×")[0]) for word in offered.split() if "×" in word}:
        assert model(torch.ones(2, 3, side, side)).shape == (2, 2)


def test_the_smallest_input_is_the_smallest() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 5, stride=2), nn.MaxPool2d(3), nn.Conv2d(4, 4, 6))
    finding = finding_of(model, IMAGE)
    assert (finding.id, finding.fix) == ("NN211", "an input of 39×39 or more")
    assert model(torch.ones(1, 3, 39, 39)).shape[-1] == 1
    with pytest.raises(RuntimeError):
        model(torch.ones(1, 3, 38, 38))


# --- the check before a lookup ----------------------------------------------------------------------------------------


def test_ids_are_checked_before_a_lookup_without_making_it() -> None:
    table = nn.Embedding(5, 2)
    refuse(table, (torch.tensor([0, 4]),), {})
    refuse(nn.Linear(2, 2), (torch.tensor([9]),), {})
    refuse(torch.relu, (torch.tensor([9]),), {})
    refuse(table, (torch.tensor([0.5]),), {})
    with FakeTensorMode(allow_non_fake_inputs=True):
        refuse(table, (torch.zeros(2, dtype=torch.int64),), {})
    for called, args, keywords in [
        (table, (torch.tensor([0, 5]),), {}),
        (table, (), {"input": torch.tensor([-1])}),
        (nn.EmbeddingBag(5, 2), (torch.tensor([[7]]),), {}),
        (F.embedding, (torch.tensor([5]), table.weight), {}),
    ]:
        with pytest.raises(IndexError, match=r"the table has rows 0\.\.4"):
            refuse(called, args, keywords)


class OnCuda(torch.Tensor):
    """Says that it is where a lookup of what is not there ends the process's context."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("cuda:1")


def on_cuda(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers).as_subclass(OnCuda)


def test_on_cuda_a_lookup_of_what_is_not_there_is_never_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def deadly(*args: Any) -> None:
        raise AssertionError("device-side assert triggered")

    monkeypatch.setattr(F, "embedding", deadly)
    model = Applied(lambda self, ids: self.table(ids), table=nn.Embedding(5, 2))
    halt = halt_of(model, on_cuda(1, 7, 9))
    assert str(halt.error) == "index 7 is out of range: the table has rows 0..4"
    finding = found(halt, model)
    assert (finding.id, finding.path) == ("NN207", "table")
    assert finding.message == "table: index 7, but the table has rows 0..4 (2 of 3 ids)"
    assert finding.source is not None
    assert "self.table(ids)" in finding.source.code


def test_on_cuda_a_table_that_counts_otherwise_is_left_to_do_so() -> None:
    class Hashed(nn.Embedding):
        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return super().forward(ids % self.num_embeddings)

    refuse_on_cuda(Hashed(5, 2), (on_cuda(7),), {})
    hooked = nn.Embedding(5, 2)
    hooked.register_forward_pre_hook(lambda module, args: (args[0] % 5,))
    refuse_on_cuda(hooked, (on_cuda(7),), {})


def test_on_cuda_a_lookup_by_a_function_is_looked_at_too() -> None:
    model = Applied(lambda self, ids: F.embedding(ids, self.weight), weight=nn.Parameter(torch.ones(5, 2)))
    assert finding_of(model, on_cuda(5)).id == "NN207"


def test_on_cuda_a_lookup_in_brackets_may_count_from_the_end() -> None:
    model = Applied(lambda self, ids: self.weight[ids], weight=nn.Parameter(torch.ones(5, 2)))
    finding = finding_of(model, on_cuda(-5, 4, -6))
    assert (finding.id, finding.message) == ("NN207", "[…]: index -6, but the table has rows 0..4")
    with pytest.raises(AssertionError, match="it ran"):
        halt_of(model, on_cuda(-5, 4))


def test_on_cuda_what_is_there_is_looked_up() -> None:
    model = Applied(lambda self, ids: self.table(ids), table=nn.Embedding(5, 2))
    with pytest.raises(AssertionError, match="it ran"):
        halt_of(model, on_cuda(0, 4))


@pytest.mark.parametrize(
    ("called", "args", "words"),
    [
        (nn.CrossEntropyLoss(), (torch.ones(2, 3), on_cuda(0, 3)), "Target 3 is out of bounds."),
        (nn.NLLLoss(ignore_index=7), (torch.ones(2, 3), on_cuda(7, -1)), "Target -1 is out of bounds."),
        (F.cross_entropy, (torch.ones(2, 3), on_cuda(-100, 4)), "Target 4 is out of bounds."),
        (torch.gather, (torch.ones(4), 0, on_cuda(4)), "index 4 is out of bounds: the last one is 3"),
        (torch.Tensor.index_select, (torch.ones(2, 4), 0, on_cuda(2)), "index 2 is out of bounds: the last one is 1"),
    ],
)
def test_on_cuda_other_lookups_are_refused_in_words(called: Any, args: Any, words: str) -> None:
    with pytest.raises(IndexError) as caught:
        refuse_on_cuda(called, args, {})
    assert str(caught.value) == words
    on_cpu = tuple(arg.as_subclass(torch.Tensor) if isinstance(arg, torch.Tensor) else arg for arg in args)
    refuse_on_cuda(called, on_cpu, {})


def test_on_cuda_what_stands_for_no_class_is_no_class() -> None:
    refuse_on_cuda(nn.CrossEntropyLoss(), (torch.ones(2, 3), on_cuda(2, -100)), {})
    refuse_on_cuda(F.nll_loss, (torch.ones(2, 3), on_cuda(2, 9)), {"ignore_index": 9})
    refuse_on_cuda(nn.CrossEntropyLoss(), (torch.ones(2, 3), torch.ones(2, 3).as_subclass(OnCuda)), {})


# --- what no rule explains --------------------------------------------------------------------------------------------


def test_the_pair_that_an_lstm_returns_is_told() -> None:
    model = Applied(lambda self, x: self.fc(self.lstm(x)), lstm=nn.LSTM(8, 4), fc=nn.Linear(4, 2))
    finding = finding_of(model, torch.ones(3, 2, 8))
    assert (finding.id, finding.path) == ("NN299", "fc")
    assert finding.message == "fc takes a tensor, got a tuple of 2 (3×2×4, tuple)"
    assert finding.fix == "it returns (output, hidden): output, _ = ..."


def test_an_array_is_told() -> None:
    finding = finding_of(nn.Linear(8, 2), torch.ones(2, 8).numpy())
    assert (finding.id, finding.fix) == ("NN299", "torch.from_numpy(x)")


@pytest.mark.parametrize(
    ("layer", "image", "message"),
    [
        (nn.Conv2d(3, 2, 3), torch.ones(2, 784), "takes 3 or 4 axes (N, C, H, W), got 2: 2×784"),
        (nn.BatchNorm1d(3), IMAGE, "takes 2 or 3 axes (N, C, L), got 4: 2×3×32×32"),
        (nn.BatchNorm2d(3), IMAGE[0], "takes 4 axes (N, C, H, W), got 3: 3×32×32"),
        (nn.MaxPool2d(2), torch.ones(2, 784), "takes 3 or 4 axes (N, C, H, W), got 2: 2×784"),
    ],
)
def test_a_number_of_axes_that_does_not_fit_is_told(layer: nn.Module, image: torch.Tensor, message: str) -> None:
    finding = finding_of(nn.Sequential(layer), image)
    assert (finding.id, finding.message) == ("NN299", f"0 {message}")


def test_a_list_of_modules_that_is_called_is_told() -> None:
    finding = finding_of(Applied(lambda self, x: self.layers(x), layers=nn.ModuleList([nn.Linear(1, 1)])), IMAGE)
    assert (finding.id, finding.message) == ("NN120", "layers is a ModuleList, which has no forward")
    assert finding.fix == "loop over it, or use nn.Sequential"


class Misspelt(nn.Module):
    def foward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def test_a_part_whose_forward_is_misspelt_is_told_where_it_is_called() -> None:
    finding = finding_of(nn.Sequential(Misspelt()), IMAGE)
    assert (finding.id, finding.path) == ("NN120", "0")
    assert finding.message == "0: Misspelt has no forward; it has `foward`"
    assert finding.fix == "rename it to forward"


def test_a_forward_that_raises_not_implemented_by_itself_is_anything_else() -> None:
    def forward(self: nn.Module, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError("not for images")

    assert finding_of(Applied(forward), IMAGE).id == "NN299"


def test_a_module_whose_forward_is_called_without_it_is_named_all_the_same() -> None:
    inner = nn.Sequential(nn.Linear(5, 2))
    model = Applied(lambda self, x: self.inner[0].forward(x), inner=inner)
    finding = finding_of(model, IMAGE)
    assert (finding.id, finding.path) == ("NN201", "inner.0")
    nested = finding_of(Applied(lambda self, x: self.inner.forward(x), inner=inner), IMAGE)
    assert (nested.id, nested.path) == ("NN201", "inner.0")


def test_a_finding_names_its_row_and_call() -> None:
    model = nn.Sequential(nn.Identity(), nn.Linear(5, 2))
    halt = halt_of(model, IMAGE)
    finding = found(halt, model)
    assert (finding.row, finding.path, finding.call) == (2, "1", 2)
    assert halt.calls[finding.call].module is model[1]
