"""A card and what is known of one layer, put together: plain text in sections, which every front end can render.

Explained for a class alone it is the general rule; with the arguments of a layer the numbers stand in it; with a run
the shapes that were seen, and with the statistics of its tensors what was measured beside what was drawn.

Names and values of the user's are in it as they are: who prints it makes them safe.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from msgspec import structs

from inspector.cards import card_of
from inspector.cards.arithmetic import shape_text
from inspector.cards.card import Card, Counted, Drawn, Inputs, Shaped, Sizes, Symbol
from inspector.cards.reading import Read, general, is_changed, of_layer
from inspector.catalogue import CATALOGUE
from inspector.figures import flops, number, plural, whole
from inspector.run_schema import Seen
from inspector.schema import Argument, ModuleDetail, Record, TensorStats


class Section(Record, frozen=True):
    """A part of a card."""

    key: str
    """here, what, formula, arguments, takes, shape, parameters, initial, cost, modes, pitfalls, tryout."""
    title: str
    lines: tuple[str, ...]
    """Whole sentences or equations. A line that is longer than the screen may be wrapped, but for formulas."""


class ExplainedArgument(Record, frozen=True):
    """One argument of the constructor."""

    name: str
    meaning: str
    value: str | None = None
    """As source text; None when there is no layer, or when it does not tell."""
    default: str | None = None
    """None when it has to be given."""
    changed: bool = False
    """Whether the value here is another than the default."""


class Pitfall(Record, frozen=True):
    """A kind of finding that this building block is known for."""

    id: str
    title: str


class Explained(Record, frozen=True):
    """A building block explained."""

    name: str
    """The class: `Conv2d`."""
    family: str
    sections: tuple[Section, ...]
    """In the order in which they are read; there is none without lines."""
    arguments: tuple[ExplainedArgument, ...] = ()
    """What the section of arguments says, for who makes a table of it."""
    pitfalls: tuple[Pitfall, ...] = ()
    parameters: int | None = None
    """None: not known."""
    flops: int | None = None
    """Of one call; None: not known."""

    def section(self, key: str) -> Section | None:
        """A section by its key."""
        return next((section for section in self.sections if section.key == key), None)


class Flow(Record, frozen=True):
    """What a run saw of one call of the layer."""

    inputs: tuple[Seen, ...] = ()
    outputs: tuple[Seen, ...] = ()
    """Empty when the call failed."""
    origin: tuple[str, ...] = ()
    """Where the sizes of the input come from: `576 = 16·6·6 of max_pool2d, flattened at :22`."""
    samples: int | None = None
    """How many samples the batch has."""
    flops: int | None = None
    """What the run counted for the call; None when it did not count."""


class Registered(Record, frozen=True):
    """What a model registers for one layer, beside what its arguments lead to."""

    parameters: int | None = None
    """Elements of its own and of everything below it; None while there are lazy ones among them."""
    lazy: bool = False
    """Whether there are such."""
    stats: Mapping[str, TensorStats] = {}
    """Statistics of its own parameters by name, as far as somebody measured them."""


def explain(card: Card) -> Explained:
    """A class, for somebody who asks what it is."""
    return _explained(card, general(card), Flow(), Registered())


def explain_module(
    detail: ModuleDetail, flow: Flow | None = None, registered: Registered | None = None
) -> Explained | None:
    """A layer of the user's model; None when it is no building block of torch, nor made directly from one."""
    card = card_of(detail.qualified_type)
    if card is None:
        card = next(filter(None, map(card_of, detail.bases)), None)
        if card is None or card.name == "Module":
            return None
    read = of_layer(card, detail.arguments, detail.attributes)
    explained = _explained(card, read, flow or Flow(), registered or Registered(), is_layer=True)
    return explained if card_of(detail.qualified_type) is not None else _made_from(explained, detail)


def _made_from(explained: Explained, detail: ModuleDetail) -> Explained:
    """Of a class of the user's: that the card is of another one."""
    own = detail.qualified_type.rpartition(".")[2]
    words = f"{own} is a class of its own, made from {explained.name}: this card is {explained.name}'s"
    first, *rest = explained.sections
    if first.key != "here":
        first, rest = Section("here", "", ()), [first, *rest]
    here = structs.replace(first, lines=(words, *first.lines))
    return structs.replace(explained, sections=(here, *rest))


def explain_arguments(card: Card, arguments: Iterable[Argument], flow: Flow | None = None) -> Explained:
    """A layer, or a function that does the same, of which nothing is known but its arguments."""
    return _explained(card, of_layer(card, arguments, ()), flow or Flow(), Registered(), is_layer=True)


def with_tryout(explained: Explained, title: str, lines: Sequence[str]) -> Explained:
    """The same with what came of a try-out, before what holds for all of its kind."""
    tryout = Section("tryout", title, tuple(lines))
    return structs.replace(explained, sections=tuple(sorted((*explained.sections, tryout), key=_place)))


_ORDER = (
    "here", "what", "tryout", "formula", "shape", "parameters", "takes", "arguments", "initial", "cost", "modes",
    "pitfalls",
)  # fmt: skip
"""The arithmetic with the layer's own numbers before everything that holds for all of its kind."""


def _place(section: Section) -> int:
    return _ORDER.index(section.key)


def _explained(card: Card, read: Read, flow: Flow, registered: Registered, is_layer: bool = False) -> Explained:
    inputs = tuple(seen.shape for seen in flow.inputs if seen.shape is not None)
    arguments = tuple(_argument(card, read, name) for name in read.present)
    pitfalls = tuple(Pitfall(pitfall, CATALOGUE[pitfall].title) for pitfall in card.pitfalls)
    held = _held_by(card, lazily := _as_first_run(card, read, inputs))
    cost = _cost_of(card, read, inputs)
    sections = (
        Section("here", "", tuple(_here_lines(card, held, registered, cost, flow)) if is_layer else ()),
        Section("what", "", (card.sentence,)),
        Section("formula", "formula", card.formula),
        Section("arguments", "arguments", tuple(map(_argument_line, arguments))),
        Section("takes", "takes", card.takes),
        Section("shape", "shape", tuple(_shape_lines(card, read, inputs, flow))),
        Section("parameters", "parameters", tuple(_parameter_lines(held, registered))),
        Section("initial", "first values", tuple(_initial_lines(card, lazily, registered.stats))),
        Section("cost", "cost", tuple(_cost_lines(card, cost, flow))),
        Section("modes", "train and eval", (card.modes or "The same in both.",)),
        Section("pitfalls", "pitfalls", tuple(f"{pitfall.id} {pitfall.title}" for pitfall in pitfalls)),
    )
    return Explained(
        name=card.name,
        family=card.family,
        sections=tuple(sorted((section for section in sections if section.lines), key=_place)),
        arguments=arguments,
        pitfalls=pitfalls,
        parameters=held.total,
        flops=cost.total,
    )


def _here_lines(card: Card, held: Counted, registered: Registered, cost: Counted, flow: Flow) -> Iterable[str]:
    """`each of 2 samples: 576 → 120; 69,240 parameters; 138 kFLOP a sample`: this layer in one line."""
    facts = [passage(flow)] if flow.inputs or flow.outputs else []
    if count := held.total if registered.parameters is None else registered.parameters:
        facts.append(plural(count, "parameter"))
    if cost.total:
        each = _per_sample(cost.total, flow)
        facts.append(f"{flops(each, 'FLOP')} a sample" if each is not None else f"{flops(cost.total, 'FLOP')} a call")
    if card.family == "loss" and (value := _lone_value(flow)) is not None:
        facts.append(f"it gave {number(value)} in this run")
    yield from ("; ".join(filter(None, facts)),) if any(facts) else ()


def _lone_value(flow: Flow) -> float | None:
    """The one number that came out, where it was measured."""
    stats = flow.outputs[0].stats if len(flow.outputs) == 1 else None
    return stats.mean if stats is not None and stats.elements == 1 else None


def passage(flow: Flow) -> str:
    """What goes in and what comes out, of each sample where the batch is known."""
    ways = [[seen.shape for seen in side if seen.shape is not None] for side in (flow.inputs, flow.outputs)]
    count = flow.samples
    each = count is not None and all(len(sizes) > 1 and sizes[0] == count for side in ways for sizes in side)
    if not ways[0] or not ways[1]:
        return ""
    before, after = (_shapes([sizes[1:] if each else sizes for sizes in side]) for side in ways)
    whose = f"each of {count} samples: " if each and count is not None and count > 1 else ""
    return f"{whose}{before} → {after}"


# --- arguments --------------------------------------------------------------------------------------------------------


def _argument(card: Card, read: Read, name: str) -> ExplainedArgument:
    default = _source(card.defaults[name]) if name in card.defaults else None
    changed = name in read.texts and is_changed(name, read.values, card.defaults)
    return ExplainedArgument(name, card.arguments[name], read.texts.get(name), default, changed)


def _source(value: object) -> str:
    return value.text if isinstance(value, Symbol) else repr(value)


def _argument_line(argument: ExplainedArgument) -> str:
    """`* stride = (2, 2) (default 1): how many places the kernel moves`; the star marks what is not at its default."""
    mark = "* " if argument.changed else "  "
    known = f" = {argument.value}" if argument.value is not None else ""
    if argument.default is None:
        default = "" if known else " (required)"
    elif argument.changed or not known:
        default = f" (default {argument.default})"
    else:
        default = ""
    return f"{mark}{argument.name}{known}{default}: {argument.meaning}"


# --- what cannot be told ----------------------------------------------------------------------------------------------

_NO_VALUES = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError)
"""What a card's functions raise of values that no layer was ever built with, as when somebody changed an attribute."""
_CANNOT = "cannot be told from the arguments as they are now"

# --- shape ------------------------------------------------------------------------------------------------------------


def _shape_lines(card: Card, read: Read, inputs: Inputs, flow: Flow) -> Iterable[str]:
    """What goes in, where that comes from, what comes out, and the arithmetic between."""
    outputs = tuple(seen.shape for seen in flow.outputs if seen.shape is not None)
    if inputs:
        yield f"in   {_shapes(inputs)}"
    yield from (f"     {line}" for line in flow.origin)
    if card.shape is None:
        yield from (f"out  {_shapes(outputs)}",) if outputs else ()
        return
    try:
        shaped = card.shape(read.values, inputs)
    except ValueError as refusal:
        shaped = Shaped((), () if outputs else (f"refused: {refusal}",))
    except _NO_VALUES:
        shaped = Shaped((), () if outputs else (_CANNOT,))
    agrees = not outputs or outputs == shaped.outputs[: len(outputs)]
    yield from (f"out  {_shapes(outputs or shaped.outputs)}",) if outputs or shaped.outputs else ()
    yield from (f"     {line}" for line in shaped.lines if agrees)


def _shapes(shapes: Sequence[Sizes]) -> str:
    return ", ".join(map(shape_text, shapes))


_FROM_FIRST = re.compile(r"(\w+) = (\d+), from the first input")


def _as_first_run(card: Card, read: Read, inputs: Inputs) -> Read:
    """The arguments as they are after the first run, of a lazy layer that some input is known of."""
    if not card.name.startswith("Lazy") or not inputs or card.shape is None:
        return read
    try:
        lines = card.shape(read.values, inputs).lines
    except _NO_VALUES:
        return read
    told = {found[1]: int(found[2]) for line in lines if (found := _FROM_FIRST.fullmatch(line))}
    return read._replace(values={**read.values, **told})


# --- parameters -------------------------------------------------------------------------------------------------------


def _held_by(card: Card, read: Read) -> Counted:
    if card.parameters is None:
        return Counted(0, ())
    try:
        return card.parameters(read.values)
    except _NO_VALUES:
        return Counted(None, (_CANNOT,))


def _parameter_lines(held: Counted, registered: Registered) -> Iterable[str]:
    """The count, and what is there where that is another one, as of weights that are made from other tensors."""
    known = registered.parameters
    if held.total == 0 and not held.lines:
        yield f"{whole(known)} in its parts" if known else "none"
        return
    yield from held.lines
    if len(held.lines) > 1 and held.total is not None:
        yield f"together {whole(held.total)}"
    if known is None and registered.lazy:
        yield "none of them is there yet: the first run makes them"
    if known is not None and known != held.total:
        of_card = "" if held.total is None else ", which is not what its arguments lead to"
        yield f"registered {whole(known)}{of_card}"


def _initial_lines(card: Card, read: Read, measured: Mapping[str, TensorStats]) -> Iterable[str]:
    """How each parameter is drawn, and what is there now."""
    for initial in card.initial:
        try:
            drawn = initial.of(read.values)
        except _NO_VALUES:
            drawn = None
        if drawn is None:
            continue
        yield f"{initial.parameter}  {drawn.text}"
        for name, stats in measured.items():
            if fnmatchcase(name, initial.parameter):
                yield f"{name}  {_measured(drawn, stats)}"


def _measured(drawn: Drawn, stats: TensorStats) -> str:
    """`measured −0.04166 … 0.04166, std 0.024`, and whether that can still be what was drawn."""
    if stats.minimum is None or stats.maximum is None:
        return "measured: nothing finite"
    text = f"measured {_signed(stats.minimum)} … {_signed(stats.maximum)}"
    if stats.std is not None:
        text += f", std {number(stats.std)}"
    if drawn.low is not None and drawn.high is not None:
        slack = 1e-3 * max(abs(drawn.low), abs(drawn.high))
        if stats.minimum < drawn.low - slack or stats.maximum > drawn.high + slack:
            text += ": not as drawn, so trained, loaded or set since"
    return text


def _signed(value: float) -> str:
    return number(value).replace("-", "−")


# --- cost -------------------------------------------------------------------------------------------------------------


def _cost_of(card: Card, read: Read, inputs: Inputs) -> Counted:
    if card.cost is None:
        return Counted(0, ())
    try:
        return card.cost(read.values, inputs)
    except _NO_VALUES:  # which the section of shapes has told
        return Counted(None, ())


def _cost_lines(card: Card, cost: Counted, flow: Flow) -> Iterable[str]:
    """FLOPs of a call, and of each sample in it."""
    if card.cost is None:
        yield "no FLOPs: by convention only multiply-adds count"
        return
    yield from cost.lines
    if cost.total is not None:
        own = _per_sample(cost.total, flow)
        each = f", {flops(own, 'FLOP')} a sample" if own is not None else ""
        yield f"{flops(cost.total, 'FLOP')} a call{each}; a multiply-add is two"
    if flow.flops is not None and flow.flops != cost.total:
        yield f"the run counted {whole(flow.flops)}"


def _per_sample(total: int, flow: Flow) -> int | None:
    """Of each sample of a batch of several; None where that is not known."""
    if flow.samples and flow.samples > 1 and total % flow.samples == 0:
        return total // flow.samples
    return None
