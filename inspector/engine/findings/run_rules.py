"""Every rule about a recorded run: made for one run, watching it, asked when it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import nn

from inspector.engine.failure import message_of
from inspector.engine.findings.batch_as_time import BatchAsTime
from inspector.engine.findings.born_values import BornValues
from inspector.engine.findings.cancelled_bias import CancelledBias
from inspector.engine.findings.dead_units import DeadUnits
from inspector.engine.findings.distributions import Distributions
from inspector.engine.findings.made_in_forward import MadeInForward
from inspector.engine.findings.masked_rows import MaskedRows
from inspector.engine.findings.run_rule import RunRule, RunScene
from inspector.engine.findings.run_warnings import RunWarnings
from inspector.engine.findings.saturation import Saturation
from inspector.engine.findings.scales import Scales
from inspector.engine.findings.softmax_axis import SoftmaxAxis
from inspector.engine.findings.unbatched import Unbatched
from inspector.engine.findings.uncalled import Uncalled
from inspector.engine.forward.batch_tracking import BatchTracking
from inspector.engine.forward.observation import Observation
from inspector.run_schema import Finding, Severity

_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}

Track = Callable[[], BatchTracking | None]
"""Two more passes, which show where the samples of the batch lie."""


class RunRules:
    """The rules of one run."""

    def __init__(self, model: nn.Module) -> None:
        made = MadeInForward(model)
        self.rules: tuple[RunRule, ...] = (
            BornValues(), MaskedRows(), SoftmaxAxis(), Scales(), made, BatchAsTime(), Uncalled(), Unbatched(),
            Distributions(), DeadUnits(), Saturation(), CancelledBias(), RunWarnings(),
        )  # fmt: skip
        watching = [rule for rule in self.rules if type(rule).watch is not RunRule.watch]
        self.observation = Observation(watching, around=[made])
        """To be entered around the run, and to be its recorder's `on_return`."""

    def findings(self, scene: RunScene, track: Track | None = None) -> tuple[Finding, ...]:
        """What all of them have to say, what matters most first."""
        rules = [rule for rule in self.rules if _applies(rule, scene)]
        if track is not None and any(rule.suspects(scene) for rule in rules):
            scene.batch = track()
        return in_order(finding for rule in rules for finding in self._ask(rule, scene))

    def _ask(self, rule: RunRule, scene: RunScene) -> list[Finding]:
        try:
            return list(rule.findings(scene))
        except Exception as error:  # A rule that fails over one odd model must not take the others with it.
            self.observation.notes.append(
                f"{rule.id} could not be decided: {type(error).__name__}: {message_of(error)}"
            )
            return []


def _applies(rule: RunRule, scene: RunScene) -> bool:
    return bool(scene.calls) and (rule.of_dry_runs if scene.dry else scene.mode in rule.modes)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first, notes last; otherwise as they came."""
    return tuple(sorted(findings, key=lambda finding: _ORDER[finding.severity]))
