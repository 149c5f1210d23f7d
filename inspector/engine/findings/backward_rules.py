"""Every rule about a backward pass, in the order in which they are asked."""

from __future__ import annotations

from inspector.engine.failure import message_of
from inspector.engine.findings.backward_rule import BackwardScene
from inspector.engine.findings.gradient_births import GradientBirths
from inspector.engine.findings.gradient_scales import GradientScales
from inspector.engine.findings.no_gradient import NoGradient
from inspector.engine.findings.overwritten import Overwritten
from inspector.engine.findings.run_rules import in_order
from inspector.run_schema import Finding

_RULES = (Overwritten, GradientBirths, NoGradient, GradientScales)


def findings_of(scene: BackwardScene) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """What they found, what matters most first, and which of them could not be decided."""
    found: list[Finding] = []
    notes = []
    for rule in (scene.cut, *(kind() for kind in _RULES)):
        try:
            found += rule.findings(scene)
        except Exception as error:  # A rule that fails over one odd model must not take the others with it.
            notes.append(f"{rule.id} could not be decided: {type(error).__name__}: {message_of(error)}")
    return in_order(found), tuple(notes)
