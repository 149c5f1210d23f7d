"""Whatever is sent arrives as it was, in whatever portions the bytes come."""

from __future__ import annotations

import math
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.messages import (
    EngineEvent,
    EngineStarted,
    Event,
    MeasureTensor,
    Request,
    ServerEvent,
    ServerRequest,
    StageStarted,
    TensorMeasured,
)
from inspector.schema import Row, TensorStats
from inspector.wire import HEADER, LIMIT, Unpacker, WireError, pack
from tests.message_strategies import instances

UNIONS = (ServerRequest, ServerEvent, Request, EngineEvent, Event)
KINDS = [(union, kind) for union in UNIONS for kind in get_args(union)]


@pytest.mark.parametrize(("union", "kind"), KINDS, ids=lambda value: getattr(value, "__name__", ""))
def test_every_message_survives_its_wire(union: Any, kind: Any) -> None:
    @settings(max_examples=20, deadline=None)
    @given(instances(kind))
    def survives(message: Any) -> None:
        assert list(Unpacker(union).feed(pack(message))) == [message]

    survives()


@settings(deadline=None)
@given(st.lists(instances(Row), max_size=4))
def test_rows_survive_being_packed_in_a_chunk(rows: list[Row]) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(rows), type=list[Row]) == rows


@settings(deadline=None)
@given(st.lists(instances(Request), max_size=5), st.data())
def test_messages_are_the_same_for_any_portioning_of_their_bytes(messages: list[Request], data: st.DataObject) -> None:
    stream = b"".join(map(pack, messages))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    unpacker: Unpacker[Request] = Unpacker(Request)
    heard: list[Request] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        heard += unpacker.feed(stream[start:end])
    assert heard == messages


def test_nan_and_infinity_survive() -> None:
    stats = TensorStats(elements=3, minimum=-math.inf, maximum=math.inf, mean=math.nan)
    (message,) = Unpacker[TensorMeasured](EngineEvent).feed(pack(TensorMeasured(0, stats, 0.0)))
    assert message.stats.minimum == -math.inf
    assert message.stats.maximum == math.inf
    assert message.stats.mean is not None
    assert math.isnan(message.stats.mean)


def test_a_message_left_half_read_is_not_lost_when_more_arrives() -> None:
    first, second, third = (MeasureTensor(row) for row in range(3))
    unpacker: Unpacker[Request] = Unpacker(Request)
    assert next(unpacker.feed(pack(first) + pack(second))) == first
    assert list(unpacker.feed(pack(third))) == [second, third]


def test_an_absurd_length_is_refused_before_it_is_waited_for() -> None:
    with pytest.raises(WireError, match=str(LIMIT + 1)):
        list(Unpacker[Request](Request).feed(HEADER.pack(LIMIT + 1)))


@pytest.mark.parametrize(
    "frame",
    [
        pack(EngineStarted(1, 2, ())),
        HEADER.pack(3) + b"\xc1\xc1\xc1",
        HEADER.pack(0),
        pack(StageStarted("x"))[:-1] + b"\xff",
    ],
    ids=["of another conversation", "no MessagePack", "empty", "torn"],
)
def test_a_frame_that_is_no_message_of_this_union_is_refused(frame: bytes) -> None:
    with pytest.raises(WireError):
        list(Unpacker[Request](Request).feed(frame))
