"""Every model of `sample_models/broken` that fails in forward is explained, and the mend that is named mends it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn

from inspector.engine.forward import dry
from inspector.engine.target import load
from inspector.messages import Load
from inspector.run_schema import CallState, Finding
from tests.engine.failing import found, halt_of
from tests.process_state import put_back

BROKEN = Path(__file__).parent.parent.parent / "sample_models" / "broken"
MARK = "# <- fails here"


class Case(NamedTuple):
    """What must be found of a broken model."""

    id: str
    path: str
    message: str
    """Some of the message: the names and numbers that count."""
    fix: str
    """All of it."""
    mend: tuple[tuple[str, str], ...] = ()
    """The fix, done in the source: what is replaced, and by what."""
    seen_dry: bool = True
    """Whether a dry run must fail too: it knows no values, allocates nothing, and torch checks less in it."""


CASES = {
    "linear_features": Case(
        "NN201",
        "fc1",
        "fc1 expects 576 features, got 400 = 16×5×5 of max_pool2d, flattened at linear_features.py:22",
        "Linear(400, 120), or an input of 32×32 … 35×35",
        (("nn.Linear(16 * 6 * 6, 120)", "nn.Linear(400, 120)"),),
    ),
    "shared_layer": Case("NN201", "fc", "call 2 of fc expects 16 features, got 24 from input other", ""),
    "channels_last": Case(
        "NN202",
        "features.0",
        "features.0 expects 3 channels, got 64 from input image: the input 2×64×48×3 looks channels-last (N,H,W,C)",
        "x.permute(0, 3, 1, 2)",
        (("self.features(image)", "self.features(image.permute(0, 3, 1, 2))"),),
    ),
    "grey_into_rgb": Case(
        "NN202",
        "backbone.stem",
        "backbone.stem expects 3 channels, got 1 from input image: a grey image into a layer for RGB",
        "x.expand(-1, 3, -1, -1), or in_channels=1",
        (("self.stem(x)", "self.stem(x.expand(-1, 3, -1, -1))"),),
    ),
    "tensor_left_behind": Case(
        "NN203",
        "",
        "embed on cpu and positions (a plain attribute) on meta",
        'register_buffer("positions", ...): .to() moves buffers and leaves plain attributes behind',
        (
            ('self.positions = torch.zeros(10, 16, device="meta")', 'self.register_buffer("p", torch.zeros(10, 16))'),
            ("self.positions", "self.p"),
        ),
        seen_dry=False,
    ),
    "float64_from_numpy": Case(
        "NN204",
        "hidden",
        "input features is float64 (NumPy's default); hidden is float32",
        "x.float(), or --input features=4x13:float32",
        (("self.hidden(features)", "self.hidden(features.float())"),),
        seen_dry=False,
    ),
    "float_ids": Case(
        "NN204",
        "tokens",
        "tokens looks up ids, which are integers; input ids is float32",
        "ids.long(), or --input ids=2x4:int64",
        (("self.tokens(ids)", "self.tokens(ids.long())"),),
    ),
    "view_count": Case(
        "NN205",
        "",
        "view(-1, 400): 256 = 16×4×4 per sample is not divisible by 400 (from pool)",
        "view(x.size(0), -1) gives 2×256, or an input of 32×32 … 35×35",
        (("2, 1, 28, 28", "2, 1, 35, 35"),),
    ),
    "view_after_permute": Case(
        "NN206",
        "",
        "the values lie in another order than the axes of 2×4×4×24 since permute at view_after_permute.py:16",
        "reshape in place of view: it copies where it must",
        (("x.view(", "x.reshape("), ("16, -1", "16, 24")),
    ),
    "id_out_of_range": Case(
        "NN207",
        "token_emb",
        "token_emb: index 50257, but the table has rows 0..50256 (3 of 8 ids)",
        "Embedding(50258, 8), or ids below 50257",
        (("vocabulary=50257", "vocabulary=50258"),),
        seen_dry=False,
    ),
    "lstm_input_size": Case(
        "NN208",
        "lstm",
        "lstm expects 64 features, got 50 from words: read as (batch=2, seq=12, feature=50) because batch_first=True",
        "input_size=50",
        (("nn.LSTM(64,", "nn.LSTM(50,"),),
    ),
    "lstm_hidden": Case(
        "NN208",
        "lstm",
        "lstm expects h_0 of 2×4×32 (2 layers, batch, hidden), got 1×4×32",
        "torch.zeros(2, x.size(0), 32)",
        (("torch.zeros(1, series.size(0), self.hidden)", "torch.zeros(2, series.size(0), 32)"),),
    ),
    "gru_batch_first": Case(
        "NN208",
        "gru",
        "gru expects h_0 of 1×20×32 (1 layer, batch, hidden), got 1×8×32: "
        "read as (seq=8, batch=20, feature=10) because batch_first=False",
        "batch_first=True, if axis 0 is the batch",
        (("nn.GRU(features, hidden)", "nn.GRU(features, hidden, batch_first=True)"),),
    ),
    "attention_mask": Case(
        "NN209",
        "attention",
        "expects attn_mask of 3×3 (target, source) or 28×3×3 (batch × heads, target, source), got 7×7: "
        "target=3, source=3, batch=7 with batch_first=False",
        "batch_first=True, if axis 0 is the batch",
        (("nn.MultiheadAttention(width, heads)", "nn.MultiheadAttention(width, heads, batch_first=True)"),),
    ),
    "unet_odd_size": Case(
        "NN210",
        "",
        "on axis 2 up2 gives 24, down2 gives 25: an odd size was pooled (pool: 25 → 12)",
        "F.interpolate(x, size=skip.shape[-2:]) before it",
        (("[x, two]", "[nn.functional.interpolate(x, size=two.shape[-2:]), two]"),),
    ),
    "residual_channels": Case(
        "NN210",
        "layers.1",
        "+ in layers.1: 2×64×16×16 and 2×32×16×16 do not broadcast: on axis 1 layers.1.conv2 gives 64, "
        "layers.0 gives 32",
        "a 1×1 convolution on the shortcut: Conv2d(32, 64, 1)",
        (("y + x)", "y + (x if x.shape == y.shape else nn.Conv2d(32, 64, 1)(x)))"),),
    ),
    "attention_product": Case(
        "NN210",
        "attention",
        "@ in attention: 2×10×32 and 2×10×32 cannot be multiplied: the last axis of attention.q has 32, "
        "axis -2 of attention.k has 10",
        "transpose the second: y.transpose(-2, -1)",
        (("q @ k", "q @ k.transpose(-2, -1)"),),
    ),
    "layer_norm_shape": Case(
        "NN210",
        "norm",
        "norm normalises over the last axis and expects 32 there, got 64",
        "LayerNorm(64)",
        (("nn.LayerNorm(32)", "nn.LayerNorm(64)"),),
    ),
    "kernel_too_large": Case(
        "NN211",
        "last",
        "the 3×3 kernel of last is larger than its input: 2×2 of features.6",
        "an input of 24×24 or more",
        (("2, 3, 16, 16", "2, 3, 24, 24"),),
    ),
    "batch_of_one": Case(
        "NN212",
        "bn",
        "bn got one value for each of 32 channels, which has no variance: train mode needs a batch of at least 2 here",
        "a batch of 2 or more, or bn.eval() to use the running statistics",
        (("torch.randn(1,", "torch.randn(2,"),),
    ),
    "missing_argument": Case(
        "NN213",
        "decoder",
        "decoder.forward(target, memory, mask=None) misses memory",
        "give it memory",
        (("self.decoder(memory)", "self.decoder(x, memory)"),),
    ),
    "unexpected_keyword": Case(
        "NN213",
        "blocks.0",
        "blocks.0.forward(x, attention_mask=None) takes no mask",
        "it takes x and attention_mask",
        (("block(x, mask=None)", "block(x, attention_mask=None)"),),
    ),
    "inputs_of_another_model": Case(
        "NN213",
        "",
        "Pair.forward(one, other) takes 2 positional arguments and got 3",
        "",
        (("(torch.randn(2, 4), torch.randn(2, 4), torch.randn(2, 4))", "(torch.randn(2, 4), torch.randn(2, 4))"),),
    ),
    "out_of_memory": Case(
        "NN214",
        "",
        "torch.empty: 363.8 TiB were asked for",
        "a smaller batch or input; --dry needs no memory for values",
        (("10_000_000", "10_0"),),
        seen_dry=False,
    ),
    "no_such_choice": Case(
        "NN299",
        "",
        "raised KeyError at no_such_choice.py:15: 'convolution'; the ModuleDict holds 'conv', 'pool'",
        "",
        (('"convolution"', '"conv"'),),
    ),
    "attribute_typo": Case(
        "NN299",
        "",
        "Net raised AttributeError at attribute_typo.py:17: 'Net' object has no attribute 'ouput'",
        "did you mean output?",
        (("self.ouput", "self.output"),),
    ),
    "raises_in_forward": Case(
        "NN299",
        "patches",
        "patches raised ValueError at raises_in_forward.py:17: width 30 is not a multiple of the patch size 8",
        "",
        (("2, 3, 30, 30", "2, 3, 32, 32"),),
    ),
}


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    with put_back():
        torch.default_generator.manual_seed(0)
        yield


def opened(file: Path) -> tuple[nn.Module, tuple[Any, ...]]:
    """The model of a file, and what the file offers as inputs."""
    model = load(Load(str(file)), lambda stage: None).model
    inputs = sys.modules[file.stem].example_inputs
    return model, inputs if isinstance(inputs, tuple) else (inputs,)


def finding(name: str) -> Finding:
    model, inputs = opened(BROKEN / f"{name}.py")
    return found(halt_of(model, *inputs, training=name == "batch_of_one"), model)


def marked_line(name: str) -> int:
    lines = (BROKEN / f"{name}.py").read_text().split("\n")
    (number,) = [number for number, line in enumerate(lines, 1) if line.endswith(MARK)]
    return number


@pytest.mark.parametrize("name", CASES)
def test_a_broken_model_is_explained_at_its_marked_line(name: str) -> None:
    case, told = CASES[name], finding(name)
    assert (told.id, told.severity, told.path) == (case.id, "error", case.path)
    assert case.message in told.message
    assert told.fix == case.fix
    assert told.source is not None
    assert (Path(told.source.file).name, told.source.line) == (f"{name}.py", marked_line(name))
    assert told.source.code.endswith(MARK)


@pytest.mark.parametrize("name", CASES)
def test_the_call_that_is_named_is_the_one_that_failed(name: str) -> None:
    model, inputs = opened(BROKEN / f"{name}.py")
    halt = halt_of(model, *inputs, training=name == "batch_of_one")
    told = found(halt, model)
    assert halt.calls[told.call].state == CallState.FAILED
    assert halt.calls[told.call].row == told.row
    assert [path for path, _ in model.named_modules()][halt.calls[told.call].row] == told.path


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.mend])
def test_the_mended_model_runs(name: str, tmp_path: Path) -> None:
    text = (BROKEN / f"{name}.py").read_text()
    for old, new in CASES[name].mend:
        assert old in text
        text = text.replace(old, new)
    file = tmp_path / f"mended_{name}.py"
    file.write_text(text)
    model, inputs = opened(file)
    with torch.no_grad():
        output = model.train(name == "batch_of_one")(*inputs)
    assert output.isfinite().all()


@pytest.mark.parametrize("side", [32, 33, 34, 35])
def test_every_size_that_is_offered_fits(side: int) -> None:
    model, _ = opened(BROKEN / "linear_features.py")
    assert model(torch.randn(2, 1, side, side)).shape == (2, 10)


@pytest.mark.parametrize("side", [31, 36])
def test_no_size_beyond_those_that_are_offered_fits(side: int) -> None:
    model, _ = opened(BROKEN / "linear_features.py")
    with pytest.raises(RuntimeError):
        model(torch.randn(2, 1, side, side))


@pytest.mark.parametrize("name", CASES)
def test_a_dry_run_finds_the_same_where_it_can_know(name: str) -> None:
    model, inputs = opened(BROKEN / f"{name}.py")
    rows = {id(module): row for row, module in enumerate(model.modules())}

    class Sample(NamedTuple):
        args: tuple[Any, ...] = inputs
        kwargs: dict[str, Any] = {}  # noqa: RUF012 - nothing is written to it

    mode: Any = "train" if name == "batch_of_one" else "eval"
    result = dry.run(model, Sample(), mode=mode, row_of=lambda module: rows.get(id(module)), restore=lambda: None)
    if result.halt is None:
        assert not CASES[name].seen_dry
        return
    assert result.halt.dry
    dry_one, real = found(result.halt, model), finding(name)
    assert (dry_one.id, dry_one.path, dry_one.source) == (real.id, real.path, real.source)
    assert dry_one.message == real.message


def test_every_broken_model_is_here() -> None:
    files = {file.stem for file in BROKEN.glob("*.py") if "\nexample_inputs = " in file.read_text()}
    assert files == set(CASES)
    assert {case.id for case in CASES.values()} == {f"NN{number}" for number in range(201, 215)} | {"NN299"}
