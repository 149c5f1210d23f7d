"""The verbs: everything that crosses between the processes, in closed unions. Orders are imperative, news past tense.

Two conversations, both over Unix sockets, both framed by `inspector.wire`:

  front end ⇄ warm server   server_talk.py. One server for each front end.
  front end ⇄ engine        requests.py and events.py: the user's model. One engine for each loaded model.

What the user's code prints never travels here: descriptors 1 and 2 of every process but the front end are pipes that
the client reads, and tells of as `Printed` (client_news.py). A request that cannot be stopped by asking is stopped by
killing its engine.
"""

from __future__ import annotations

from inspector.messages.client_news import (
    EngineDied,
    Printed,
    StillRunning,
)
from inspector.messages.events import (
    CHUNK_ROWS,
    CallsDescribed,
    CheckpointCompared,
    EngineEvent,
    EngineStarted,
    Failed,
    FindingsReported,
    FlowMeasured,
    InputsChosen,
    LayerTried,
    LossTried,
    ModelBuilt,
    ModesCompared,
    ModesSet,
    ModuleDescribed,
    RowsDescribed,
    RunCancelled,
    RunFinished,
    RunProgressed,
    RunTraced,
    StageStarted,
    StructureFinished,
    StructureOutlined,
    Summarized,
    TensorDrawn,
    TensorMeasured,
)
from inspector.messages.requests import (
    INTERRUPT,
    LOCATE,
    CompareCheckpoint,
    CompareModes,
    DescribeModule,
    DrawTensor,
    Load,
    MeasureFlow,
    MeasureTensor,
    Probe,
    Request,
    Run,
    SampleTraining,
    SetModes,
    StepStatistics,
    Summarize,
    TryLayer,
    TryLoss,
)
from inspector.messages.server_talk import (
    EngineEnded,
    EngineForked,
    Farewell,
    ForkEngine,
    KillEngine,
    ServerEvent,
    ServerRequest,
    TorchImported,
    TorchMissing,
)

Event = TorchImported | TorchMissing | EngineForked | EngineEvent | Printed | StillRunning | EngineDied
"""What a front end hears."""

__all__ = [
    "CHUNK_ROWS",
    "INTERRUPT",
    "LOCATE",
    "CallsDescribed",
    "CheckpointCompared",
    "CompareCheckpoint",
    "CompareModes",
    "DescribeModule",
    "DrawTensor",
    "EngineDied",
    "EngineEnded",
    "EngineEvent",
    "EngineForked",
    "EngineStarted",
    "Event",
    "Failed",
    "Farewell",
    "FindingsReported",
    "FlowMeasured",
    "ForkEngine",
    "InputsChosen",
    "KillEngine",
    "LayerTried",
    "Load",
    "LossTried",
    "MeasureFlow",
    "MeasureTensor",
    "ModelBuilt",
    "ModesCompared",
    "ModesSet",
    "ModuleDescribed",
    "Printed",
    "Probe",
    "Request",
    "RowsDescribed",
    "Run",
    "RunCancelled",
    "RunFinished",
    "RunProgressed",
    "RunTraced",
    "SampleTraining",
    "ServerEvent",
    "ServerRequest",
    "SetModes",
    "StageStarted",
    "StepStatistics",
    "StillRunning",
    "StructureFinished",
    "StructureOutlined",
    "Summarize",
    "Summarized",
    "TensorDrawn",
    "TensorMeasured",
    "TorchImported",
    "TorchMissing",
    "TryLayer",
    "TryLoss",
]
