"""NN112: tensors of one model on several devices."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.engine.findings.anatomy import Anatomy
from inspector.engine.findings.phrases import plural
from inspector.engine.findings.plain_tensors import left_behind
from inspector.engine.kinds import is_a
from inspector.engine.source_files import attributes
from inspector.run_schema import Finding
from inspector.schema import Kind

_LISTED = 3


def devices_of_model(anatomy: Anatomy) -> Iterator[Finding]:
    """One finding at the first tensor that is where fewest are."""
    if len(set(anatomy.outline.devices) - {"", "mixed"}) < 2 or is_a(
        attributes(anatomy.model).get("hf_device_map"), dict
    ):
        return
    places: dict[str, list[int]] = {}
    for row, device in _placed(anatomy):
        places.setdefault(device, []).append(row)
    if anatomy.device == "meta":
        places.pop("meta", None)  # Nothing was allocated because nobody wanted it to be; the rest is as it was built.
    if len(places) < 2:
        return
    odd = min(places.values(), key=len)
    counts = [f"{device} ({_counted(anatomy, rows, rows is odd)})" for device, rows in places.items()]
    yield anatomy.finding("NN112", odd[0], f"{plural(len(places), 'device')} in this model: {', '.join(counts)}")


def _placed(anatomy: Anatomy) -> Iterator[tuple[int, str]]:
    for row, _, form in anatomy.tensors():
        if form.shape != () and not form.lazy:
            yield row, form.device
    for row, ghost in left_behind(anatomy):
        if ghost.form is not None and ghost.form.shape != ():
            yield row, ghost.form.device


def _counted(anatomy: Anatomy, rows: list[int], is_odd: bool) -> str:
    if not is_odd:
        return plural(len(rows), "tensor")
    names = [anatomy.name(row) + (" , a plain attribute" if anatomy.kinds[row] == Kind.GHOST else "") for row in rows]
    rest = f" and {len(rows) - _LISTED:,} more" if len(rows) > _LISTED else ""
    return f"{len(rows)}: {', '.join(name.replace(' ,', ',') for name in names[:_LISTED])}{rest}"
