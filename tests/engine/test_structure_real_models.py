"""Models in the style of real code: every number is that of torch's own iterators, and nothing healthy is alarmed at.

`reading` compares every module's numbers with sets of objects and storages; what is asserted here is the rest.
"""

from __future__ import annotations

import copy
import functools
import inspect
import math
import warnings
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.ao import quantization
from torch.nn.utils import parametrizations, prune

from inspector.engine.facts import constructor_facts
from inspector.engine.structure import read
from inspector.schema import Flag, GhostRow, Kind
from tests.engine.reading import Reading, reading


class Config:
    """What a model's hyperparameters are kept in."""

    def __init__(self, hidden: int = 8, layers: int = 3, vocabulary: int = 20) -> None:
        self.hidden, self.layers, self.vocabulary = hidden, layers, vocabulary
        self.id2label = {0: "no", 1: "yes"}
        self.generation = SimpleNamespace(max_length=20)


class Rotary(nn.Module):
    def __init__(self, dimensions: int) -> None:
        super().__init__()
        frequencies = 1 / 10_000 ** (torch.arange(0, dimensions, 2) / dimensions)
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.original_frequencies = self.frequencies


class Attention(nn.Module):
    def __init__(self, config: Config, index: int) -> None:
        super().__init__()
        self.config, self.index = config, index
        self.q_proj = nn.Linear(config.hidden, config.hidden, bias=False)
        self.o_proj = nn.Linear(config.hidden, config.hidden, bias=False)
        self.cache: tuple[Tensor, Tensor] | None = None


class Layer(nn.Module):
    def __init__(self, config: Config, index: int) -> None:
        super().__init__()
        self.attention = Attention(config, index)
        self.mlp = nn.ModuleDict({"up": nn.Linear(config.hidden, 16), "act": nn.SiLU()})
        self.norm = nn.LayerNorm(config.hidden)


class Language(nn.Module):
    """A causal language model: a head tied after the constructor, rotary buffers, a mask that is not saved."""

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Config()
        self.embed = nn.Embedding(config.vocabulary, config.hidden)
        self.layers = nn.ModuleList(Layer(config, index) for index in range(config.layers))
        self.rotary = Rotary(config.hidden)
        self.register_buffer("mask", torch.ones(4, 4, dtype=torch.bool).tril(), persistent=False)
        self.head = nn.Linear(config.hidden, config.vocabulary, bias=False)
        self.head.weight = self.embed.weight
        self.norm_layer = functools.partial(nn.LayerNorm, eps=1e-6)

    @property
    def device(self) -> torch.device:
        raise RuntimeError("no property is asked")


def test_a_language_model_has_one_tie_and_no_ghosts() -> None:
    result = reading(Language())
    assert result.paths[result.record("head.weight").tied_to] == "embed.weight"
    assert result.ghosts() == {}
    assert Flag.TRANSIENT in result.flag("rotary.frequencies")
    assert Flag.TRANSIENT in result.flag("mask")


def test_layers_that_know_their_index_still_fold() -> None:
    """The index is an attribute, and no structure."""
    result = reading(Language())
    assert result.kinds[result.row("layers.0-2")] is Kind.RUN


def test_a_cache_is_told_as_the_plain_tensors_that_it_is() -> None:
    model: Any = Language()
    model.layers[1].attention.cache = (torch.zeros(1, 2), torch.zeros(1, 2))
    ghosts = reading(model).ghosts()
    assert list(ghosts) == [f"layers.1.attention.cache{entry}" for entry in ("", "[0]", "[1]")]
    assert all(isinstance(ghost, GhostRow) and ghost.holds == "tensor" for ghost in ghosts.values())


def test_lists_and_dicts_of_what_is_registered_are_no_ghosts() -> None:
    model: Any = nn.Module()
    model.tables = nn.ModuleDict({"user": nn.EmbeddingBag(10, 4), "item": nn.EmbeddingBag(10, 4)})
    model.by_name = dict(model.tables)
    model.in_order = [*model.tables.values(), model]
    model.weights = {"user": model.tables["user"].weight}
    model.kinds = [nn.ReLU, nn.GELU]
    model.info = [{"channels": 8, "module": "tables"}]
    assert reading(model).ghosts() == {}


def test_an_adapter_around_a_frozen_layer_counts_both() -> None:
    class Adapter(nn.Module):
        def __init__(self, base: nn.Linear) -> None:
            super().__init__()
            self.base_layer = base.requires_grad_(False)
            self.lora_A = nn.ModuleDict({"default": nn.Linear(8, 2, bias=False)})
            self.lora_B = nn.ModuleDict({"default": nn.Linear(2, 8, bias=False)})
            self.lora_embedding = nn.ParameterDict({})
            self.scaling = {"default": 0.5}

        def __getattr__(self, name: str) -> Any:
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(self.base_layer, name)

    model: Any = Language()
    for layer in model.layers:
        layer.attention.q_proj = Adapter(layer.attention.q_proj)
    for path, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in path)
    result = reading(model)
    assert result.totals.trainable == 3 * (8 * 2 + 2 * 8)
    assert result.flag("") & (Flag.TRAINABLE | Flag.FROZEN) == Flag.TRAINABLE | Flag.FROZEN
    assert result.flag("layers.0.attention.q_proj.base_layer") & (Flag.TRAINABLE | Flag.FROZEN) == Flag.FROZEN


def test_a_frozen_backbone_in_eval_is_told_from_the_rest() -> None:
    model: Any = nn.Module()
    model.backbone = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval().requires_grad_(False)
    model.ema = copy.deepcopy(model.backbone)
    model.head = nn.Conv2d(4, 6, 1)
    result = reading(model)
    assert Flag.MIXED_MODE in result.flag("")
    assert result.totals.trainable == 4 * 6 + 6


def test_a_schedule_kept_in_buffers_shares_no_memory_it_does_not_share() -> None:
    model: Any = nn.Module()
    model.register_buffer("betas", torch.linspace(1e-4, 0.02, 10))
    model.register_buffer("alphas", 1 - model.betas)
    model.register_buffer("last", model.betas[-1])
    model.root = model.alphas.sqrt()
    result = reading(model)
    assert result.totals.bytes == 80
    assert result.record("last").shares == "betas"
    assert result.record("alphas").shares == ""
    assert list(result.ghosts()) == ["root"]


def test_every_layer_may_be_made_from_others() -> None:
    model: Any = nn.Module()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        model.cell = nn.utils.weight_norm(nn.LSTMCell(2, 2), "weight_ih")
    model.conv = parametrizations.weight_norm(nn.Conv2d(2, 3, 3))
    model.up = parametrizations.spectral_norm(nn.ConvTranspose2d(2, 3, 3))
    model.wide = parametrizations.orthogonal(nn.Linear(4, 2), orthogonal_map="householder")
    model.attention = parametrizations.weight_norm(nn.MultiheadAttention(4, 2), "in_proj_weight")
    model.pair = prune.identity(nn.Bilinear(2, 2, 3), "weight")  # type: ignore[no-untyped-call]
    model.gru = prune.l1_unstructured(nn.GRU(2, 3), "weight_ih_l0", 0.5)  # type: ignore[no-untyped-call]
    result = reading(model)
    assert result.paths_of(Kind.MADE) == [
        "cell.weight_ih", "conv.weight", "up.weight", "wide.weight", "attention.in_proj_weight", "pair.weight",
        "gru.weight_ih_l0",
    ]  # fmt: skip
    for row in result.of_kind(Kind.MADE):
        computed = result.structure.tensor(row)
        assert computed is not None
        assert result.records[row].shape == tuple(computed.shape)  # type: ignore[union-attr]
    assert result.ghosts() == {}


def test_quantization_aware_training_has_its_observers() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.qconfig = quantization.get_default_qat_qconfig("fbgemm")  # type: ignore[no-untyped-call]
        prepared = quantization.prepare_qat(model.train())  # type: ignore[no-untyped-call]
    result = reading(prepared)
    assert result.record("0").hooks == ()
    assert result.ghosts() == {}


def test_ten_thousand_places_of_two_modules_are_counted_once() -> None:
    shared = nn.Linear(2, 2), nn.ReLU()
    model = nn.Sequential(*[module for _ in range(5_000) for module in shared])
    result = Reading(model, read(model))
    assert (result.totals.modules, result.totals.parameters) == (3, 6)
    assert sum(kind is Kind.SHARED for kind in result.kinds) == 9_998


VALUES: dict[str, Any] = {
    "embed_dim": 8, "num_heads": 2, "d_model": 8, "nhead": 2, "num_layers": 2, "num_groups": 2, "num_channels": 4,
    "cutoffs": [2, 4], "n_classes": 6, "normalized_shape": [4], "lower": 0.1, "upper": 0.3, "padding": 1, "dim": 1,
    "unflattened_size": (2, 2), "output_size": 4, "kernel_size": 3,
}  # fmt: skip
"""Arguments of torch's layers for which 4 would not do."""
GIVEN: dict[str, dict[str, Any]] = {
    "FractionalMaxPool2d": {"kernel_size": 2, "output_ratio": 0.5},
    "FractionalMaxPool3d": {"kernel_size": 2, "output_ratio": 0.5},
    "DataParallel": {"module": nn.Linear(2, 2)},
    "TransformerEncoder": {"encoder_layer": nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), "num_layers": 2},
    "TransformerDecoder": {"decoder_layer": nn.TransformerDecoderLayer(8, 2, 16), "num_layers": 2},
    "RNNBase": {"mode": "LSTM", "input_size": 4, "hidden_size": 4},
    "RNN": {"input_size": 4, "hidden_size": 4},
    "GRU": {"input_size": 4, "hidden_size": 4},
    "LSTM": {"input_size": 4, "hidden_size": 4},
    "RNNCellBase": {"input_size": 4, "hidden_size": 4, "bias": True, "num_chunks": 2},
}
PUBLIC = sorted(name for name, cls in vars(nn).items() if isinstance(cls, type) and issubclass(cls, nn.Module))


def built(name: str) -> nn.Module:
    """A small module of one of torch.nn's classes."""
    cls: Any = getattr(nn, name)
    needed = [each for each in inspect.signature(cls).parameters.values() if each.default is each.empty]
    values = {each.name: VALUES.get(each.name, 4) for each in needed if each.kind is each.POSITIONAL_OR_KEYWORD}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Container is deprecated, and says so
        module: nn.Module = cls(**GIVEN.get(name, values))
    return module


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "DistributedDataParallel"])
def test_every_public_layer_of_torch_opens(name: str) -> None:
    result = reading(built(name))
    assert result.ghosts() == {}
    record: Any = result.records[0]
    assert record.note == ""
    assert "raised" not in record.extra_repr


@pytest.mark.parametrize("name", [name for name in PUBLIC if name.startswith("Lazy")])
def test_a_lazy_layer_claims_no_size_that_it_does_not_know(name: str) -> None:
    module = built(name)
    facts = constructor_facts(module, module.extra_repr())
    assert facts.split("→")[0].split()[0] == "?"
    assert "0" not in facts


def test_a_lazy_layer_that_has_seen_an_input_tells_its_size() -> None:
    layer = nn.LazyLinear(8)
    layer(torch.zeros(1, 3))
    assert constructor_facts(layer, layer.extra_repr()) == "3→8"


def test_a_model_whose_memory_is_one_flat_block_is_counted_to_the_byte() -> None:
    flat = torch.randn(math.prod((4, 5)))
    model = nn.Module()
    model.whole = nn.Parameter(flat)
    model.part = nn.Parameter(flat[:4])
    model.turned = nn.Parameter(flat.view(4, 5).t())
    model.spread = nn.Parameter(torch.zeros(1).expand(100), requires_grad=False)
    model.register_buffer("steps", flat[::2])
    result = reading(model)
    assert (result.totals.parameters, result.totals.trainable) == (20 + 4 + 20 + 100, 44)
    assert result.totals.bytes == 80 + 4
