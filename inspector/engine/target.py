"""From what was typed to one nn.Module: find the file, import it, choose, build. The steps have a file each.

spec: text → parts   location: parts → file   importing: file → module   candidates, choice, naming: module → offer
arguments, config_file: what the constructor gets   construct: offer → nn.Module   failure, mends: why not
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

from msgspec import structs
from torch import nn

from inspector.engine import arguments, device, spec
from inspector.engine.candidates import Catalogue
from inspector.engine.choice import Choice, choose, others
from inspector.engine.construct import construct
from inspector.engine.failure import LoadFailed, sendable
from inspector.engine.importing import Imported, files_of, import_location
from inspector.engine.kinds import is_instance
from inspector.engine.location import Location, locate
from inspector.engine.naming import find_named
from inspector.messages import Load, StageStarted
from inspector.schema import Candidate, Target


class Built(NamedTuple):
    """A model, and where it came from."""

    model: nn.Module
    target: Target
    files: tuple[str, ...]
    """The user's own files that were imported, the target's first."""
    others: tuple[Candidate, ...]
    """What else the file could have given."""
    seconds: float
    """Import and construction together."""
    note: str
    """What must be said of how it was built."""
    module: ModuleType | None = None
    """The user's file as a module: what else stands at its top level."""
    request: Load = Load(target="")
    where: str = ""
    """The target with the name of what was taken from it, as it would be typed."""


def load(request: Load, announce: Callable[[StageStarted], None]) -> Built:
    """Import the user's file, choose one nn.Module and build it.

    Raises LoadFailed, which says why there is no model, for everything but KeyboardInterrupt: that ends the engine.
    """
    started = time.perf_counter()
    device.check(request)
    wanted = spec.parse(request.target)
    given = arguments.gather(request, wanted)
    location = locate(wanted.where, request)
    try:
        return _load(request, wanted, given, location, announce, started)
    except LoadFailed as failed:
        # A module whose import failed is not in sys.modules any more, but its frames are there.
        reached = [frame.file for frame in failed.failure.frames]
        failed.failure = structs.replace(failed.failure, files=files_of(location, *reached))
        raise


def _load(
    request: Load,
    wanted: spec.Spec,
    given: arguments.Given,
    location: Location,
    announce: Callable[[StageStarted], None],
    started: float,
) -> Built:
    announce(StageStarted(f"importing {location.label}", user_code=True))
    imported = import_location(location, request)
    choice = _choose(imported, wanted, given, request)
    candidate = choice.offer.candidate
    where = request.target if wanted.name else f"{wanted.where}:{candidate.name}"
    built = construct(choice.offer, given, wanted.called, request, where, announce)
    target = Target(
        file=sendable(choice.offer.file if not is_instance(choice.offer.value) else imported.file),
        name=candidate.name,
        line=candidate.line,
        call=built.call,
        device=request.device,
        chosen=choice.why,
    )
    seconds = time.perf_counter() - started
    files, module = files_of(location), imported.module
    return Built(built.model, target, files, choice.others, seconds, built.note, module, request, where)


def _choose(imported: Imported, wanted: spec.Spec, given: arguments.Given, request: Load) -> Choice:
    catalogue = Catalogue(imported)
    name, why = wanted.name, ""
    config = given.config
    if not name and config is not None and config.name in catalogue.names:
        name, why = config.name, f"named by _target_ in {request.config}"
    if not name:
        return choose(imported, catalogue, given, request, wanted.where)
    offer = find_named(imported, catalogue, name, request, wanted.where)
    return Choice(offer, why, others(catalogue, offer))
