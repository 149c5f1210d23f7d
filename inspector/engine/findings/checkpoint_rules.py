"""Every rule about a checkpoint, in the order of their ids."""

from __future__ import annotations

import os

from inspector.engine.findings.anatomy import Anatomy
from inspector.engine.findings.checkpoint_keys import missing_keys, unexpected_keys
from inspector.engine.findings.checkpoint_prefixes import prefixes
from inspector.engine.findings.checkpoint_rule import CheckpointRule, CheckpointScene, listed
from inspector.engine.findings.checkpoint_shapes import shapes_differ
from inspector.engine.findings.structure_rules import in_order
from inspector.run_schema import Finding

CHECKPOINT_RULES: tuple[CheckpointRule, ...] = (prefixes, missing_keys, unexpected_keys, shapes_differ)


def findings_of(scene: CheckpointScene) -> tuple[Finding, ...]:
    """What all of them have to say, what is worst first."""
    return in_order([finding for rule in CHECKPOINT_RULES for finding in rule(scene)])


def needs_code(anatomy: Anatomy, file: str, names: tuple[str, ...]) -> Finding:
    """NN605: what the file would import and call if it were read."""
    message = (
        f"{os.path.basename(file)} was not read: it holds more than tensors, and reading it would import and call "
        f"{listed(names)}; nothing of that is among what torch takes for harmless"
    )
    fix = (
        "if you trust whoever wrote it: --unsafe-load; else have the weights alone written where it comes from: "
        "torch.save(model.state_dict(), 'weights.pt')"
    )
    return anatomy.finding("NN605", 0, message, fix)
