"""NN212: batch normalisation in train mode with one value for each channel."""

from __future__ import annotations

from torch import nn

from inspector.engine.findings.origins import told
from inspector.engine.findings.phrases import by, or_
from inspector.engine.findings.rule import Proof, Rule
from inspector.engine.findings.scene import Scene, is_tensor

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def _prove(scene: Scene) -> Proof | None:
    if (module := scene.module(*_NORMS)) is not None:
        data = scene.bound().get("input")
        from_batch = module.training or module.running_mean is None
        switch = f"{scene.name_of(scene.call)}.eval()" if module.training and module.running_mean is not None else ""
    elif scene.operation == "batch_norm":
        data, from_batch, switch = scene.given(0, "input"), scene.given(5, "training", False) is True, ""
    else:
        return None
    if not from_batch or not is_tensor(data) or data.dim() < 2 or data.numel() != data.shape[1]:
        return None
    _, beside, producer = told(scene, scene.seen(data), 0)
    mode = "train mode needs" if switch or scene.halt.training else "statistics of the batch need"
    return Proof(
        message=f"{scene.who} got one value for each of {data.shape[1]} channels, which has no variance: "
        f"{mode} a batch of at least 2 here",
        fix=or_(("a batch of 2 or more", f"{switch} to use the running statistics" if switch else "")),
        received=f"{by(data.shape)}   {beside}".rstrip(),
        expected=f"at least {by((2, *data.shape[1:]))}",
        producer=producer,
    )


BATCH_STATISTICS = Rule(
    "NN212",
    (ValueError, RuntimeError),
    _prove,
    r"more than 1 value|per channel",
)
