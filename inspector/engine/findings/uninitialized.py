"""NN121: a class of modules that is used before nn.Module.__init__ made it one."""

from __future__ import annotations

import ast
import re

from inspector.catalogue import CATALOGUE
from inspector.engine.class_text import tree_of
from inspector.engine.failure import place
from inspector.run_schema import Finding
from inspector.schema import Failure, Source

_MENDED = "super().__init__()"
"""What the way out of such a failure speaks of: it was found by looking for the tables that are missing."""
_IN_CLASS = re.compile(r"(?:first in|writes for) (\w+)")


def of_failure(failure: Failure) -> Finding | None:
    """The finding that says why a model could not be built, if this is why."""
    if failure.stage not in ("construct", "import") or _MENDED not in failure.mend or failure.source is None:
        return None
    source = failure.source
    match = _IN_CLASS.search(failure.mend)
    kind = match[1] if match else "the class"
    where = _class_around(source, kind)
    what = f"`{source.code}` in line {source.line} runs before {_MENDED}" if failure.type == "AttributeError" else ""
    message = f"{kind}: {what}" if what else f"{kind}.__init__ never calls {_MENDED}"
    severity = CATALOGUE["NN121"].severity
    return Finding("NN121", severity, None, "", message, failure.mend, where or source)


def _class_around(source: Source, name: str) -> Source | None:
    """The line of the class statement of that name that is nearest above a line, or else the only one."""
    lines = [
        node.lineno for node in ast.walk(tree_of(source.file)) if isinstance(node, ast.ClassDef) and node.name == name
    ]
    before = [line for line in lines if line <= source.line] or lines
    return place(source.file, max(before)) if before else None
