"""Every rule about structure, and how a session tells what they notice: what is quick at once, the values after it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import partial

from torch import nn

from inspector.engine.findings.anatomy import Anatomy
from inspector.engine.findings.bad_values import bad_values
from inspector.engine.findings.constant_weights import constant_weights
from inspector.engine.findings.devices_of_model import devices_of_model
from inspector.engine.findings.frozen_parts import frozen_parts
from inspector.engine.findings.lazy_parameters import lazy_parameters
from inspector.engine.findings.mixed_dtypes import mixed_dtypes
from inspector.engine.findings.modes_at_load import frozen_norms, mixed_modes
from inspector.engine.findings.momenta import momenta
from inspector.engine.findings.no_forward import no_forward
from inspector.engine.findings.plain_tensors import plain_tensors
from inspector.engine.findings.same_values import same_values
from inspector.engine.findings.shared_modules import shared_modules
from inspector.engine.findings.unregistered import unregistered
from inspector.engine.findings.user_hooks import user_hooks
from inspector.engine.findings.value_sweep import Sweep, sweeping
from inspector.engine.structure import Structure, undisturbed
from inspector.messages import FindingsReported
from inspector.run_schema import Finding
from inspector.schema import Source

Rule = Callable[[Anatomy], Iterator[Finding]]
ValueRule = Callable[[Anatomy, Sweep], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    no_forward, unregistered, plain_tensors, devices_of_model, frozen_norms, frozen_parts, mixed_modes, momenta,
    lazy_parameters, mixed_dtypes, shared_modules, user_hooks,
)  # fmt: skip
MODE_RULES: tuple[Rule, ...] = (frozen_norms, mixed_modes)
"""Those of RULES that look at training flags."""
OF_MODES = frozenset(("NN105", "NN107"))
"""What they notice."""
VALUE_RULES: tuple[ValueRule, ...] = (bad_values, same_values, constant_weights)
_ORDER = {"error": 0, "warning": 1, "note": 2}


class Telling:
    """What is noticed of one structure, as it is told: while the model is loaded, and anew when its flags are set."""

    def __init__(
        self,
        model: nn.Module,
        structure: Structure,
        send: Callable[[FindingsReported], None],
        device: str = "cpu",
        origin: Source | None = None,
    ) -> None:
        self._anatomy = Anatomy(model, structure, device, origin)
        self._send = send
        self._found: list[Finding] = []
        self._told: FindingsReported | None = None

    def reporting(self) -> Generator[None, None, None]:
        """Send first what needs no value, then all of it, yielding on the way."""
        self._found = noticed(self._anatomy)
        self._tell(whole=False)
        yield
        self._found += yield from noticing_values(self._anatomy)
        self._tell(whole=True)

    def modes_set(self, flags: bytes) -> None:
        """Look again at what training flags tell. `flags` are those of every row, as in `ModesSet`."""
        self._anatomy.flags = memoryview(flags).cast("H")
        if self._told is None:
            return  # Nothing has been told yet: what will be takes these flags.
        before = self._found
        self._found = [one for one in before if one.id not in OF_MODES] + noticed(self._anatomy, MODE_RULES)
        if set(self._found) != set(before):
            self._tell(self._told.whole)

    def _tell(self, whole: bool) -> None:
        self._told = FindingsReported("structure", in_order(self._found), whole)
        self._send(self._told)


def findings_of(
    model: nn.Module, structure: Structure, device: str = "cpu", origin: Source | None = None
) -> tuple[Finding, ...]:
    """Everything that is noticed of a structure, at once."""
    told: list[FindingsReported] = []
    for _ in Telling(model, structure, told.append, device, origin).reporting():
        pass
    return told[-1].findings


def noticed(anatomy: Anatomy, rules: tuple[Rule, ...] = RULES) -> list[Finding]:
    """What can be noticed without looking at a value."""
    with undisturbed():
        return [finding for rule in rules for finding in _told(partial(rule, anatomy))]


def noticing_values(anatomy: Anatomy) -> Generator[None, None, list[Finding]]:
    """What one pass over all values tells; nothing of a model that was to have none."""
    if anatomy.device == "meta":
        return []
    steps = sweeping(anatomy)
    while True:
        try:
            with undisturbed():
                next(steps)
        except StopIteration as end:
            sweep: Sweep = end.value
            break
        yield
    found: list[Finding] = []
    for rule in VALUE_RULES:
        with undisturbed():
            found += _told(partial(rule, anatomy, sweep))
        yield
    return found


def in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """What is worst first, and the same in the order in which it stands in the model."""
    return tuple(sorted(findings, key=lambda found: (_ORDER[found.severity], found.id, found.row or 0)))


def _told(find: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """What a rule notices. One that raises over an object of the user's has noticed nothing."""
    try:
        return list(find())
    except Exception:
        return []
