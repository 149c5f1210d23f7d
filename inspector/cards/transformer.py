"""The Transformer and its halves: stacks of the layers that transformer_layer.py explains."""

from __future__ import annotations

from typing import Any, NamedTuple

from inspector.cards.arithmetic import counted, figure
from inspector.cards.attention import MASKS, Factors, check_axes, check_batches, labelled, reading, xavier
from inspector.cards.card import Arguments, Card, Counted, Drawn, Initial, Inputs, Part, Shaped, Sizes
from inspector.cards.normalization import CARDS as NORMS
from inspector.cards.space import positive
from inspector.cards.switches import is_on
from inspector.cards.transformer_layer import (
    ATTENDS_ITSELF,
    ATTENDS_MEMORY_TOO,
    BESIDE,
    COMMON,
    DECODER_LAYER,
    DEFAULTS,
    DROPS,
    ENCODER_LAYER,
    FUSED,
    INSIDE,
    WIDTH,
    check,
    decoder_terms,
    encoder_terms,
    inner,
    layer_parameters,
    source_of,
    target_of,
    width,
)
from inspector.cards.transformer_layer import CARDS as LAYERS
from inspector.figures import whole

# --- shapes -----------------------------------------------------------------------------------------------------------


def _stack_shape(arguments: Arguments, inputs: Inputs, half: Half) -> Shaped:
    """Whatever the layer is: one of torch's keeps the shape."""
    if arguments["num_layers"] == 0:
        raise ValueError("num_layers is 0, and at least one layer is wanted")
    layer = _layer(arguments, half)
    if layer is not None and half.card.shape is not None:
        return half.card.shape(layer, inputs)
    x = source_of(arguments, inputs) if half.main == "src" else target_of(arguments, inputs)[0]
    return Shaped((x,), (f"the output has the shape of {half.main}",))


class Half(NamedTuple):
    """What an encoder and a decoder differ in."""

    argument: str
    """That which is copied."""
    card: Card
    """Of torch's own layer for it."""
    main: str
    """What goes through."""
    attentions: tuple[str, ...]


ENCODES = Half("encoder_layer", ENCODER_LAYER, "src", ATTENDS_ITSELF)
DECODES = Half("decoder_layer", DECODER_LAYER, "tgt", ATTENDS_MEMORY_TOO)


def _layer(arguments: Arguments, half: Half) -> Arguments | None:
    """The arguments of the layer that is copied; None when it is not torch's own, or not known."""
    part = arguments[half.argument]
    return {**half.card.defaults, **part.arguments} if isinstance(part, Part) and part.name == half.card.name else None


def _pair(arguments: Arguments, inputs: Inputs) -> tuple[Sizes, Sizes]:
    """The source comes first here, and last in a decoder."""
    target, source = target_of(arguments, inputs[1::-1])
    return source, target


def _shape(arguments: Arguments, inputs: Inputs) -> Shaped:
    """Source and target go in, the target comes out."""
    check(arguments)
    source, target = _pair(arguments, inputs)
    batch_first, e = is_on(arguments["batch_first"]), figure(arguments["d_model"])
    check_axes("Transformer", source, e, "src")
    check_axes("Transformer", target, e, "tgt")
    check_batches(("src", source), ("tgt", target), batch_first)
    for name in ("num_encoder_layers", "num_decoder_layers"):
        positive(name, (figure(arguments[name]),))
    lines = (reading("src", source, batch_first), reading("tgt", target, batch_first))
    return Shaped((target,), (*lines, "the output has the shape of tgt"))


# --- parameters -------------------------------------------------------------------------------------------------------


def _stack_parameters(arguments: Arguments, half: Half) -> Counted:
    """So many times what the layer has; of a layer that is not known that is all there is to say."""
    layer, layers = _layer(arguments, half), figure(arguments["num_layers"])
    if layer is None:
        lines = [f"layers {layers.text}·(parameters of {half.argument})"]
        return Counted(None, tuple(lines + ["norm its own"] * (arguments["norm"] is not None)))
    each, norm = layer_parameters(layer, half.attentions), _norm_parameters(arguments["norm"])
    lines = [*(f"each layer: {line}" for line in each.lines), _times("layers", layers.text, each, layers.value)]
    total = None if None in (each.total, layers.value, norm.total) else int(layers.value or 0) * (each.total or 0)
    return Counted(None if total is None else total + (norm.total or 0), (*lines, *norm.lines))


def _norm_parameters(norm: Any) -> Counted:
    """Of the norm behind the last layer."""
    if norm is None:
        return Counted(0, ())
    card = next((card for card in NORMS if isinstance(norm, Part) and card.name == norm.name), None)
    if card is None or card.parameters is None:
        return Counted(None, ("norm its own",))
    counted_alone = card.parameters({**card.defaults, **norm.arguments})
    return Counted(counted_alone.total, tuple(f"norm.{line}" for line in counted_alone.lines))


def _parameters(arguments: Arguments) -> Counted:
    """Layers times what one has, and a norm at the end of each half."""
    e = figure(arguments["d_model"])
    norm = counted(("norm", (2, e) if arguments["bias"] else (e,)))
    total, lines = 0, []
    known = True
    for half, attentions in (("encoder", ATTENDS_ITSELF), ("decoder", ATTENDS_MEMORY_TOO)):
        if arguments[f"custom_{half}"] is not None:
            known = False
            lines.append(f"{half}: those of custom_{half}")
            continue
        layer, layers = layer_parameters(arguments, attentions), figure(arguments[f"num_{half}_layers"])
        lines += [_times(f"{half}.layers", layers.text, layer, layers.value), f"{half}.{norm.lines[0]}"]
        if layer.total is None or norm.total is None or layers.value is None:
            known = False
        else:
            total += int(layers.value) * layer.total + norm.total
    return Counted(total if known else None, tuple(lines))


def _times(name: str, layers: str, layer: Counted, count: float | None) -> str:
    each = "(parameters of a layer)" if layer.total is None else whole(layer.total)
    result = "" if layer.total is None or count is None else f" = {whole(int(count) * layer.total)}"
    return f"{name} {layers}·{each}{result}"


# --- distribution -----------------------------------------------------------------------------------------------------

_OF_WHOLE = (
    *COMMON,
    Initial("*attn.out_proj.weight", lambda arguments: xavier(width(arguments), width(arguments))),
    Initial("*linear?.weight", lambda arguments: xavier(width(arguments), inner(arguments))),
)
"""A Transformer draws all matrices anew."""


def _copied(what: str) -> tuple[Initial, ...]:
    text = f"copies of {what}: all layers begin with the same numbers"
    return (Initial("layers.*", lambda _: Drawn(text)),)


# --- cost -------------------------------------------------------------------------------------------------------------


def _stack_cost(arguments: Arguments, inputs: Inputs, half: Half) -> Counted:
    layer, layers = _layer(arguments, half), figure(arguments["num_layers"])
    if layer is None:
        return Counted(None, (f"{layers.text} times what {half.argument} costs",))
    _stack_shape(arguments, inputs, half)
    if half is ENCODES:
        terms = encoder_terms(layer, source_of(layer, inputs))
    else:
        terms = decoder_terms(layer, *target_of(layer, inputs))
    return labelled([(name, (("num_layers", layers), *factors)) for name, factors in terms])


def _cost(arguments: Arguments, inputs: Inputs) -> Counted:
    """Layers times what one costs; the norms cost nothing."""
    _shape(arguments, inputs)
    source, target = _pair(arguments, inputs)
    terms: list[tuple[str, Factors]] = []
    custom = [half for half in ("encoder", "decoder") if arguments[f"custom_{half}"] is not None]
    for half, own in (
        ("encoder", encoder_terms(arguments, source)),
        ("decoder", decoder_terms(arguments, target, source)),
    ):
        if half not in custom:
            layers = (f"num_{half}_layers", figure(arguments[f"num_{half}_layers"]))
            terms += [(f"{half}, {name}", (layers, *factors)) for name, factors in own]
    if not custom:
        return labelled(terms)
    return Counted(None, (*labelled(terms).lines, *(f"{half}: what custom_{half} costs" for half in custom)))


# --- cards ------------------------------------------------------------------------------------------------------------

_NORM = "a norm for the result of the last layer; None: none"

ENCODER = Card(
    name="TransformerEncoder",
    family="attention",
    sentence="Several copies of an encoder layer, one after the other.",
    formula=("x ← layerᵢ(x)        i = 1 … num_layers", "y = norm(x)          if there is one"),
    arguments={
        "encoder_layer": "the layer that is copied; the original is not part of the model",
        "num_layers": "how many copies",
        "norm": _NORM,
        "enable_nested_tensor": "whether padding may be left out in eval mode, where that is faster",
        "mask_check": "whether a mask is looked at before that, for padding that is not at the end",
    },
    defaults={"norm": None, "enable_nested_tensor": True, "mask_check": True},
    shape=lambda arguments, inputs: _stack_shape(arguments, inputs, ENCODES),
    parameters=lambda arguments: _stack_parameters(arguments, ENCODES),
    initial=_copied("encoder_layer"),
    cost=lambda arguments, inputs: _stack_cost(arguments, inputs, ENCODES),
    modes=f"{FUSED} Padding that a mask names at the end of sequences comes out as 0 then.",
    pitfalls=("NN115", "NN209", "NN310", "NN302"),
    takes=("src: as the layer takes it", *MASKS),
)

DECODER = Card(
    name="TransformerDecoder",
    family="attention",
    sentence="Several copies of a decoder layer, one after the other, which all look at the same memory.",
    formula=("x ← layerᵢ(x, memory)        i = 1 … num_layers", "y = norm(x)                  if there is one"),
    arguments={
        "decoder_layer": "the layer that is copied; the original is not part of the model",
        "num_layers": "how many copies",
        "norm": _NORM,
    },
    defaults={"norm": None},
    shape=lambda arguments, inputs: _stack_shape(arguments, inputs, DECODES),
    parameters=lambda arguments: _stack_parameters(arguments, DECODES),
    initial=_copied("decoder_layer"),
    cost=lambda arguments, inputs: _stack_cost(arguments, inputs, DECODES),
    modes=DROPS,
    pitfalls=("NN115", "NN209", "NN310"),
    takes=("tgt and memory: as the layer takes them", *MASKS),
)

TRANSFORMER = Card(
    name="Transformer",
    family="attention",
    sentence="An encoder that reads one sequence and a decoder that reads another and looks at what the encoder made; "
    "embeddings, positions and the layer at the end are yours to add.",
    formula=(
        "memory = encoder(src)            num_encoder_layers, then a norm",
        "y = decoder(tgt, memory)         num_decoder_layers, then a norm",
        "tgt_mask is not made for you: without it each place sees what comes after it",
    ),
    arguments={
        **WIDTH,
        "num_encoder_layers": "how many layers the encoder has",
        "num_decoder_layers": "how many layers the decoder has",
        **INSIDE,
        "custom_encoder": "a module to be used as encoder",
        "custom_decoder": "a module to be used as decoder",
        **BESIDE,
    },
    defaults={
        "d_model": 512,
        "nhead": 8,
        "num_encoder_layers": 6,
        "num_decoder_layers": 6,
        "custom_encoder": None,
        "custom_decoder": None,
        **DEFAULTS,
    },
    shape=_shape,
    parameters=_parameters,
    initial=_OF_WHOLE,
    cost=_cost,
    modes=FUSED,
    pitfalls=("NN209", "NN310", "NN309", "NN302"),
    takes=("src: S×N×d_model, tgt: T×N×d_model; with batch_first=True the batch first; both without N", *MASKS),
)

CARDS: tuple[Card, ...] = (TRANSFORMER, ENCODER, DECODER, *LAYERS)
