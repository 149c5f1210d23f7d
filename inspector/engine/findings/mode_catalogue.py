"""Every rule about train and eval that takes a comparison. What the flags alone tell is told when a model is loaded."""

from __future__ import annotations

from inspector.engine.findings.mode_rule import ModeRule, ModeScene
from inspector.engine.findings.running_statistics import RUNNING_STATISTICS
from inspector.engine.findings.same_in_both_modes import SAME_IN_BOTH_MODES
from inspector.engine.findings.unstable_eval import UNSTABLE_EVAL
from inspector.run_schema import Finding

MODE_RULES: tuple[ModeRule, ...] = (UNSTABLE_EVAL, RUNNING_STATISTICS, SAME_IN_BOTH_MODES)


def findings_of(scene: ModeScene) -> tuple[Finding, ...]:
    """What all of them have to say, what matters most first."""
    return tuple(finding for rule in MODE_RULES for finding in rule.findings(scene))
