"""What a rule about a backward pass may look at: the recorded forward, and what was measured behind it."""

from __future__ import annotations

from dataclasses import dataclass, field

from inspector.engine.backward.births import Birth
from inspector.engine.backward.measuring import Place
from inspector.engine.backward.saved import Overwritten
from inspector.engine.findings.cut_graph import CutGraph
from inspector.engine.findings.run_rule import RunScene
from inspector.gradient_schema import LayerGradient, Objective


@dataclass
class BackwardScene(RunScene):
    """One forward and one backward in train mode."""

    objective: Objective = ""
    words: str = ""
    """What was propagated."""
    cut: CutGraph = field(default_factory=CutGraph)
    """Has watched the forward."""
    missing: tuple[Place, ...] = ()
    """Trainable parameters without a gradient although their modules were called."""
    uncalled: tuple[Place, ...] = ()
    """Trainable parameters without one whose modules were called in the run before, and not in this forward."""
    trained: frozenset[int] = frozenset()
    """Identities of the parameters that got one."""
    propagated: frozenset[int] = frozenset()
    """Indices of the calls that made what was propagated."""
    layers: tuple[LayerGradient, ...] = ()
    bad: tuple[str, ...] = ()
    """Paths of the parameters whose gradient is not finite."""
    measured: int = 0
    """Parameters that have a gradient."""
    births: tuple[Birth, ...] = ()
    overwritten: tuple[Overwritten, ...] = ()
