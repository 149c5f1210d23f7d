"""Every way for a forward to fail that is known, in the order in which torch itself would notice."""

from __future__ import annotations

from inspector.engine.findings.arguments import ARGUMENTS
from inspector.engine.findings.batch_statistics import BATCH_STATISTICS
from inspector.engine.findings.channels import CHANNELS, KERNEL
from inspector.engine.findings.devices import DEVICES
from inspector.engine.findings.dtypes import DTYPES
from inspector.engine.findings.features import FEATURES
from inspector.engine.findings.indices import INDICES
from inspector.engine.findings.masks import MASKS
from inspector.engine.findings.memory import MEMORY
from inspector.engine.findings.no_forward import NO_FORWARD
from inspector.engine.findings.recurrence import RECURRENCE
from inspector.engine.findings.reshaping import CONTIGUITY, COUNT
from inspector.engine.findings.rule import Rule
from inspector.engine.findings.shapes import SHAPES

RULES: tuple[Rule, ...] = (
    NO_FORWARD, ARGUMENTS, MEMORY, DEVICES, DTYPES, BATCH_STATISTICS, INDICES, FEATURES, CHANNELS, KERNEL, RECURRENCE,
    MASKS, COUNT, CONTIGUITY, SHAPES,
)  # fmt: skip
