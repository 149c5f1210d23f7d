"""What an argument probably is, before anything is tried: from its annotation, its name, and the model's layers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from torch import nn

from inspector.engine.inputs import layers
from inspector.engine.inputs.layers import BATCH, LENGTH, SIZE, hidden_state, takes, tells_shape, whole
from inspector.engine.inputs.recipes import Drawn, Plain, Recipe, Several, plain
from inspector.engine.kinds import is_a

_IDS = r"(.*_)?(ids?|idx|tokens?|sentences?|words?|sequences?|seqs?|captions?|questions?|input_ids|indices|index|text)"
_ONE_EACH = r"(users?|items?|movies?|products?|labels?|class(es)?|class_labels?|category|targets?|y|cond|(.*_)?id)"
_PICTURE = r"(.*_)?(images?|imgs?|pictures?|photos?|pixel_values|pixels|frames?|rgb)"
_STEP = r"(t|ts|timesteps?|time_steps?|steps?|times?|noise_levels?|sigmas?|diffusion_steps?)"
_STATE = r"(h|hx|h_?0|hidden(_states?)?|states?|h_prev|prev_state|hc|init(ial)?_(state|hidden)|memory_state)"
_CELL = r"(c|cx|c_?0|cell(_state)?)"
_NOISE = r"(z|noise|latents?|latent_(vector|code)|codes?)"
_NUMBERS = r"(dense|numeric(al|s)?|continuous|x_(num|cont|dense)|(.*_)?(features?|feats?)|values?)"
_PAIR = r"(user|item|movie|product|book|artist|song|query|doc|head|relation|tail|node)s?_?(ids?|idx|index)"
_LENGTHS = r"(.*_)?(lengths?|lens?|seq_lens?|lengths_.*)"
_SQUARE_MASK = r"((src|tgt|attn|attention|causal|self|memory)_)mask"
_MASK = r"(.*_)?masks?"
_SOUND = r"(audio|wav(e|s|eform|eforms)?|signals?|sounds?|speech|raw_audio|pcm)"
_VIDEO = r"(videos?|clips?|frames_sequence)"
_GRAPH = r"(adj(acency)?(_matrix|_mat)?|a_hat|adjs|laplacian|graph)"
_EDGES = r"(edge_index|edges|edge_list)"

Maker = Callable[["Model"], Iterator[Recipe]]


class Model:
    """What is seen of a model at a glance: its layers in the order of their registration."""

    def __init__(self, model: nn.Module) -> None:
        self.root = model
        self.modules = list(model.modules())
        self.consumers = [module for module in self.modules if _is_consumer(module)]

    def first(self, *kinds: Any) -> Any:
        """The first layer of one of these classes; None when there is none."""
        return next((module for module in self.modules if is_a(module, *kinds)), None)

    @property
    def steps_first(self) -> bool:
        """Whether the first layer that cares reads steps before batch."""
        layer = self.first(nn.RNNBase, nn.MultiheadAttention)
        return layer is not None and not layer.batch_first


def _is_consumer(module: nn.Module) -> bool:
    try:
        return tells_shape(module) and bool(takes(module))
    except Exception:  # A layer that is not as torch.nn makes it.
        return False


def expected(name: str, annotation: str, model: Model) -> list[Recipe]:
    """What to try for an argument, the most plausible first; empty when its type is none that can be made."""
    by_type = _by_annotation(annotation, name, model)
    if by_type is not None:
        return by_type
    return _distinct([*_by_name(name, model), *_by_layers(model), *_anything()])


def _distinct(recipes: list[Recipe]) -> list[Recipe]:
    return list(dict.fromkeys(recipes))


# --- by annotation ----------------------------------------------------------------------------------------------------


def _by_annotation(annotation: str, name: str, model: Model) -> list[Recipe] | None:
    """None when the annotation leaves it open, or says that it is a tensor."""
    text = annotation.replace("typing.", "").replace("torch.", "").strip()
    bare = re.sub(r"^Optional\[(.*)\]$", r"\1", text)
    bare = re.sub(r"\s*\|\s*None$|^None\s*\|\s*", "", bare)
    if bare in ("", "Any", "object") or bare.endswith("Tensor"):
        return None
    if re.match(r"(list|List|Sequence|Iterable|tuple|Tuple)\b", bare):
        return _sequence(bare, name, model)
    if re.match(r"(dict|Dict|Mapping)\b", bare):
        return [Several("dict", (), ())]
    if "Tensor" in bare:  # `Float[Tensor, "b c h w"]`, `Tensor | PackedSequence`, `Union[...]`
        return None
    if bare == "str":
        return _words(model)
    choices: dict[str, list[Any]] = {"bool": [False, True], "int": [1, 2, 8], "float": [1.0, 0.5], "complex": [1j]}
    if bare in choices:
        return [plain(value) for value in choices[bare]]
    return [plain(None)] if bare != text else []


def _sequence(annotation: str, name: str, model: Model) -> list[Recipe]:
    kind: Any = "tuple" if annotation[:1] in "tT" else "list"
    if "Tensor" not in annotation and re.search(r"\bint\b", annotation):
        return [plain([1, 1]) if kind == "list" else plain((1, 1))]
    inner = re.sub(r"^\w+\[|\]$|,\s*\.\.\.", "", annotation)
    count = max(2, len(re.findall("Tensor", inner))) if kind == "tuple" else 2
    state = [recipe for recipe in _by_name(name, model) if isinstance(recipe, Several)]
    single = [recipe for recipe in [*_by_layers(model), *_anything()] if isinstance(recipe, Drawn)]
    if kind == "list" and re.fullmatch(_PICTURE, name.lower()):  # Each of a size of its own, and so without a batch.
        single = [replace(one, shape=one.shape[1:]) for one in single if len(one.shape) == 4][:1] + single
    return [*state, *(Several(kind, (recipe,) * count) for recipe in single[:3])]


def _words(model: Model) -> list[Recipe]:
    """Texts that forward may use as a key."""
    keys = [key for module in model.modules for key in keys_of(module)]
    return [plain(key) for key in dict.fromkeys([*keys, "x"])]


def keys_of(module: nn.Module) -> list[str]:
    """The keys of a ModuleDict or ParameterDict."""
    if is_a(module, nn.ModuleDict):
        return [str(key) for key in vars(module)["_modules"]]
    return [str(key) for key in getattr(module, "_keys", ())] if is_a(module, nn.ParameterDict) else []


# --- by name ----------------------------------------------------------------------------------------------------------


def _by_name(name: str, model: Model) -> Iterator[Recipe]:
    lowered = re.sub(r"\d+$|_\d+$|^_+", "", name.lower()) or name.lower()
    for pattern, maker in _NAMES:
        if re.fullmatch(pattern, lowered) or re.fullmatch(pattern, name.lower()):
            yield from maker(model)
            return


def _rows(model: Model) -> int:
    table = model.first(nn.Embedding, nn.EmbeddingBag)
    return table.num_embeddings if table is not None else 10


def _tokens(model: Model) -> Iterator[Recipe]:
    if model.first(nn.Embedding, nn.EmbeddingBag) is not None:
        yield whole((LENGTH, BATCH) if model.steps_first else (BATCH, LENGTH), _rows(model))


def _segments(model: Model) -> Iterator[Recipe]:
    yield whole((BATCH, LENGTH), 2)


def _one_each(model: Model) -> Iterator[Recipe]:
    yield whole((BATCH,), min(_rows(model), 10))


def _noise(model: Model) -> Iterator[Recipe]:
    """What a generator begins with: an image of one pixel for a transposed convolution, else a row of numbers."""
    layer = model.first(nn.ConvTranspose2d, nn.Linear, nn.Conv2d)
    if is_a(layer, nn.ConvTranspose2d):
        yield Drawn((BATCH, layer.in_channels, 1, 1))
    elif is_a(layer, nn.Linear):
        yield Drawn((BATCH, layer.in_features))


def _numbers(model: Model) -> Iterator[Recipe]:
    """What stands beside ids, and is none."""
    if model.first(nn.Embedding, nn.EmbeddingBag) is not None:
        layer = model.first(nn.Linear)
        yield Drawn((BATCH, layer.in_features if layer is not None else LENGTH))


def _pictures(model: Model) -> Iterator[Recipe]:
    layer = model.first(nn.Conv2d)
    if layer is not None:
        yield Drawn((BATCH, layer.in_channels or 3, SIZE, SIZE))
    yield Drawn((BATCH, 3, SIZE, SIZE))


def _steps(model: Model) -> Iterator[Recipe]:
    yield whole((BATCH,), 1000)
    yield Drawn((BATCH,))
    yield Drawn((BATCH, 1))


def _hidden(model: Model) -> Iterator[Recipe]:
    layer = model.first(nn.RNNBase, nn.RNNCellBase)
    state = hidden_state(layer) if layer is not None else None
    if state is not None:
        yield state
        if isinstance(state, Several):
            yield state.parts[0]


def _cell(model: Model) -> Iterator[Recipe]:
    for state in _hidden(model):
        yield state.parts[1] if isinstance(state, Several) else state
        return


def _first_hidden(model: Model) -> Iterator[Recipe]:
    for state in _hidden(model):
        yield state.parts[0] if isinstance(state, Several) else state
        return


def _lengths(model: Model) -> Iterator[Recipe]:
    yield Drawn((BATCH,), "int64", "normal", LENGTH, LENGTH)


def _square_mask(model: Model) -> Iterator[Recipe]:
    yield Drawn((LENGTH, LENGTH), "bool", "zeros")
    yield Drawn((BATCH, LENGTH), "bool", "zeros")


def _padding_mask(model: Model) -> Iterator[Recipe]:
    yield Drawn((BATCH, LENGTH), "bool", "zeros")


def _attention_mask(model: Model) -> Iterator[Recipe]:
    yield Drawn((BATCH, LENGTH), "int64", "ones")


def _mask(model: Model) -> Iterator[Recipe]:
    yield Drawn((BATCH, LENGTH), "bool", "ones")
    yield Drawn((LENGTH, LENGTH), "bool", "ones")


def _sound(model: Model) -> Iterator[Recipe]:
    layer = model.first(nn.Conv1d)
    yield Drawn((BATCH, layer.in_channels if layer is not None else 1, 16000))


def _videos(model: Model) -> Iterator[Recipe]:
    layer = model.first(nn.Conv3d)
    yield Drawn((BATCH, layer.in_channels if layer is not None else 3, 8, SIZE, SIZE))


def _graph(model: Model) -> Iterator[Recipe]:
    yield Drawn((BATCH, BATCH), "float32", "uniform", 0.0, 1.0)


def _edges(model: Model) -> Iterator[Recipe]:
    yield whole((2, 8), BATCH)


_NAMES: tuple[tuple[str, Maker], ...] = (
    (_PICTURE, _pictures),
    (_VIDEO, _videos),
    (_SOUND, _sound),
    (_GRAPH, _graph),
    (_EDGES, _edges),
    (r"attention_mask", _attention_mask),
    (r".*(key_padding|pad(ding)?)_mask", _padding_mask),
    (_SQUARE_MASK, _square_mask),
    (_MASK, _mask),
    (_LENGTHS, _lengths),
    (r"(token_type|segment)_ids", _segments),
    (_NOISE, _noise),
    (_NUMBERS, _numbers),
    (_PAIR, _one_each),
    (_IDS, _tokens),
    (r"(src|tgt|source|target|trg|inp|inputs?)", _tokens),
    (_ONE_EACH, _one_each),
    (_STEP, _steps),
    (r"h_?0", _first_hidden),
    (_STATE, _hidden),
    (_CELL, _cell),
)


# --- by layers --------------------------------------------------------------------------------------------------------


def _by_layers(model: Model) -> Iterator[Recipe]:
    """What the first few layers take that take some shapes only, one of each class."""
    classes: set[Any] = set()
    for module in model.consumers:
        if type(module) in classes:
            continue
        classes.add(type(module))
        yield (takes(module) or _FALLBACK)[0]
        if len(classes) == 4:
            return


def _anything() -> Iterator[Recipe]:
    yield Drawn((BATCH, LENGTH))
    yield Drawn((BATCH, 3, SIZE, SIZE))
    yield Drawn((BATCH, LENGTH, LENGTH))
    yield whole((BATCH, LENGTH), 10)
    yield whole((BATCH,), 10)


_FALLBACK: tuple[Recipe, ...] = (Drawn((BATCH, LENGTH)),)


def of_a_layer(model: nn.Module) -> tuple[Recipe, ...] | None:
    """All arguments, where the model is itself one of torch.nn's layers."""
    return layers.takes(model) if type(model).__module__.startswith("torch.nn.modules") else None


def is_word(recipe: Recipe) -> bool:
    """Whether the recipe is a text."""
    return isinstance(recipe, Plain) and type(recipe.value) is str
