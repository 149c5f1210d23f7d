"""What a layer got in a recorded call, as texts that can be typed after --input: shapes, dtypes, ranges of integers.

The values themselves are gone; a layer that is tried gets others of the same kind.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from inspector.engine.failure import LoadFailed, refuse
from inspector.engine.inputs.recipes import DTYPES, Drawn, Plain, Recipe, Several
from inspector.engine.inputs.wording import named, spell
from inspector.engine.spec import literal
from inspector.run_schema import Seen

_HEAD = re.compile(r"[^\W\d]\w*")
_STEP = re.compile(r"\[(\d+|\"[^\"]*\"|'[^']*')\]")

Tree = dict[Any, Any]
"""What stands at a path: a Seen, or by its next step another tree."""


def texts_of(inputs: Sequence[Seen], many: str = "") -> tuple[str, ...]:
    """One text for each argument. `many` is what forward calls its *args. Raises LoadFailed for what no text says."""
    arguments: Tree = {}
    for seen in inputs:
        _put(arguments, _steps(seen, many), seen)
    texts = []
    for name, tree in arguments.items():
        text = spell(_recipe(tree))
        texts.append(text if name.startswith(f"{many}[") and many else named(name, text))
    return tuple(texts)


def _steps(seen: Seen, many: str) -> list[Any]:
    """`x`, `hx[1]`, `batch["mask"]` as the argument's name and the keys below it."""
    head = re.match(rf"{re.escape(many)}\[\d+\]", seen.path) if many else None
    head = head or _HEAD.match(seen.path)
    if head is None:
        raise _unsayable(seen)
    rest = seen.path[head.end() :]
    keys = [match[1] for match in _STEP.finditer(rest)]
    if "".join(f"[{key}]" for key in keys) != rest:
        raise _unsayable(seen)  # an attribute of some object
    return [head[0], *(int(key) if key.isdecimal() else key[1:-1] for key in keys)]


def _put(tree: Tree, steps: list[Any], seen: Seen) -> None:
    for step in steps[:-1]:
        tree = tree.setdefault(step, {})
    tree[steps[-1]] = seen


def _recipe(tree: Any) -> Recipe:
    if isinstance(tree, Seen):
        return _tensor(tree) if tree.shape is not None else _plain(tree)
    parts = tuple(_recipe(part) for part in tree.values())
    if all(isinstance(key, int) for key in tree):
        return Several("tuple", parts)
    return Several("dict", parts, tuple(tree))


def _tensor(seen: Seen) -> Recipe:
    plain = seen.text in ("", "Parameter")
    if seen.dtype not in DTYPES or not plain:
        raise _unsayable(seen)
    shape, stats = seen.shape or (), seen.stats
    drawn = Drawn(shape, seen.dtype)
    if drawn.floating or seen.dtype == "bool" or stats is None or stats.minimum is None or stats.maximum is None:
        return drawn if drawn.floating or seen.dtype == "bool" else Drawn(shape, seen.dtype, "zeros")
    return Drawn(shape, seen.dtype, "normal", stats.minimum, stats.maximum)


def _plain(seen: Seen) -> Recipe:
    try:
        return Plain(literal(seen.text), seen.text)
    except ValueError:
        raise _unsayable(seen) from None


def _unsayable(seen: Seen) -> LoadFailed:
    what = seen.text or seen.dtype or "a value"
    message = f"what it got as {seen.path} in the recorded call, {what}, cannot be typed, and so not be made again"
    return refuse("inputs", "CannotBeTried", message, mend="Type an input for it, such as  2x3x32x32")
