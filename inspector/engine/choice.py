"""Which of a file's offers is meant: the named one, or by the order that is promised; never a silent guess.

Without a name: instances `model`, `net`, then the only instance; factories that need no arguments; then the classes
that no other class of the file uses as a part. A class that one other of them derives from steps back for that one; of
several that derive from it, it may be the plain one that is wanted. The first of these tiers that offers anything
decides.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from msgspec import structs

from inspector.engine.arguments import Given
from inspector.engine.candidates import FACTORY_NAMES, INSTANCE_NAMES, Catalogue, Offer, implements_forward
from inspector.engine.command import spell
from inspector.engine.failure import LoadFailed, refuse
from inspector.engine.importing import Imported
from inspector.engine.kinds import home
from inspector.engine.no_module import no_module
from inspector.messages import Load
from inspector.schema import Candidate

_MOST_LISTED = 8


class Choice(NamedTuple):
    """What is to be opened, why, and what else there was."""

    offer: Offer
    why: str
    others: tuple[Candidate, ...]


class _Tier(NamedTuple):
    offers: list[Offer]
    why: str
    """Why the only offer of this tier is taken."""


def choose(imported: Imported, catalogue: Catalogue, given: Given, request: Load, where: str) -> Choice:
    """Decide what is meant when no name was given. Raises LoadFailed when nothing is there, or more than one thing."""
    tier = next((tier for tier in _tiers(catalogue, given) if tier.offers), None)
    if tier is None:
        raise no_module(imported, catalogue, request, where)
    if len(tier.offers) > 1:
        raise _ambiguous(imported, tier.offers, request, where)
    return Choice(tier.offers[0], tier.why, others(catalogue, tier.offers[0]))


def others(catalogue: Catalogue, taken: Offer) -> tuple[Candidate, ...]:
    """What else the file could have given."""
    return tuple(_annotated(offer) for offer in catalogue if offer.value is not taken.value)


def _tiers(catalogue: Catalogue, given: Given) -> Iterable[_Tier]:
    for name in INSTANCE_NAMES:
        yield _Tier(
            [offer for offer in catalogue.instances if offer.candidate.name == name], f"the instance named {name}"
        )
    yield _instances(catalogue)
    ready = [offer for offer in catalogue.factories if not _still_needs(offer, given)]
    yield _Tier(_no_parts(ready, catalogue), "the only function that builds a model")
    yield _classes(catalogue, given)
    yield _Tier(catalogue.instances, "the only instance in the file")
    yield _Tier(catalogue.factories, "the only function that builds a model")


def _instances(catalogue: Catalogue) -> _Tier:
    """Loss functions and the like at the top of a file are no models while there is anything else."""
    alone = len(list(catalogue)) == len(catalogue.instances) == 1
    models = [offer for offer in catalogue.instances if alone or not _is_bare_layer(offer)]
    return _Tier(models, "the only instance in the file")


def _is_bare_layer(offer: Offer) -> bool:
    """A layer of torch's own without parameters or children: nn.ReLU(), nn.CrossEntropyLoss()."""
    held = vars(offer.value)
    empty = not held.get("_parameters") and not held.get("_modules")
    return empty and home(type(offer.value)).startswith("torch.nn.modules.")


def _still_needs(offer: Offer, given: Given) -> bool:
    wanted = [argument.name for argument in offer.candidate.arguments if argument.required]
    return any(name not in given.names for name in wanted[len(given.args) :])


def _no_parts(factories: list[Offer], catalogue: Catalogue) -> list[Offer]:
    """Leave out functions that are there to build parts of this file's classes, but for those of a promised name."""
    names = frozenset(offer.candidate.name for offer in factories)
    used = [catalogue.definitions.used_by(offer.candidate.name, names) for offer in catalogue.classes]
    parts = frozenset().union(*used) - set(FACTORY_NAMES)
    return [offer for offer in factories if offer.candidate.name not in parts]


def _classes(catalogue: Catalogue, given: Given) -> _Tier:
    whole = [offer for offer in catalogue.classes if not offer.users] or catalogue.classes
    running = [offer for offer in whole if implements_forward(offer.value)] or whole
    left = [offer for offer in running if not _steps_back(offer, running, given)]
    if len(catalogue.classes) == 1:
        return _Tier(left, "the only nn.Module class in the file")
    if len(left) < len(running):
        return _Tier(left, "the only class that no other uses as a part or derives from")
    return _Tier(left, "the only class that no other uses as a part")


def _steps_back(base: Offer, offers: list[Offer], given: Given) -> bool:
    """Whether exactly one of the others derives from a class, and can be built if the class itself can."""
    derived = [offer for offer in offers if offer is not base and base.value in offer.value.__mro__]
    nearest = [one for one in derived if not any(one.value in o.value.__mro__ for o in derived if o is not one)]
    return len(nearest) == 1 and (_still_needs(base, given) or not _still_needs(nearest[0], given))


def _ambiguous(imported: Imported, offers: list[Offer], request: Load, where: str) -> LoadFailed:
    listed = [f"{offer.candidate.name} ({_line(imported, offer)})" for offer in offers]
    names = ", ".join(listed[:_MOST_LISTED])
    if len(listed) > _MOST_LISTED:
        names += f" and {len(listed) - _MOST_LISTED} more"
    last = offers[-1].candidate.name
    return refuse(
        "target",
        "Ambiguous",
        f"Found {len(offers)} models in {imported.label}: {names}",
        mend="Say which one is meant, after a colon",
        command=spell(request, f"{where}:{last}"),
        candidates=tuple(_annotated(offer) for offer in offers),
    )


def _line(imported: Imported, offer: Offer) -> str:
    elsewhere = f"{os.path.basename(offer.file)} " if offer.file != imported.file else ""
    return f"{elsewhere}line {offer.candidate.line}"


def _annotated(offer: Offer) -> Candidate:
    if not offer.users:
        return offer.candidate
    return structs.replace(offer.candidate, note=f"a part of {', '.join(offer.users[:3])}")
