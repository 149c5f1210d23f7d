"""The event loop stays free whatever comes in, and what cannot be kept is counted."""

from __future__ import annotations

import asyncio
import os
import socket
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.messages import EngineEvent, MeasureTensor, Printed, Request, RowsDescribed, StageStarted
from inspector.output import TAIL_BYTES, Output
from inspector.streams import PIPE_BYTES, Conversation, Throttle
from inspector.wire import Unpacker, pack
from tests.ear import Ear


def messages(ear: Ear) -> list[object]:
    return [message for _, message in ear.heard]


def conversation(ear: Ear) -> tuple[Conversation[EngineEvent], socket.socket]:
    ours, theirs = socket.socketpair()
    return Conversation(asyncio.get_running_loop(), ours, EngineEvent, ear.listen, ear.listen), theirs


async def test_a_message_larger_than_any_buffer_arrives_whole() -> None:
    ear = Ear()
    ours, theirs = conversation(ear)
    large = RowsDescribed(0, os.urandom(8_000_000), 1)
    await asyncio.to_thread(theirs.sendall, pack(large))
    await ear.until(lambda: messages(ear) == [large])
    ours.close()
    theirs.close()


async def test_many_small_messages_leave_the_loop_its_turns() -> None:
    ear = Ear()

    def slowly(message: EngineEvent) -> None:
        ear.listen(message)
        end = monotonic() + 0.001
        while monotonic() < end:
            pass

    wire, theirs = socket.socketpair()
    ours: Conversation[EngineEvent] = Conversation(asyncio.get_running_loop(), wire, EngineEvent, slowly, ear.listen)
    theirs.sendall(b"".join(pack(StageStarted(str(number))) for number in range(300)))
    turns = 0
    while len(ear.heard) < 300:
        await asyncio.sleep(0)
        turns += 1
    assert [message.what for message in ear.of(0, StageStarted)] == list(map(str, range(300)))
    assert turns > 30
    ours.close()
    theirs.close()


async def test_the_end_of_the_other_side_is_told_after_its_last_words() -> None:
    ear = Ear()
    _, theirs = conversation(ear)
    theirs.sendall(pack(StageStarted("last")))
    theirs.close()
    await ear.until(lambda: len(ear.heard) == 2)
    assert messages(ear) == [StageStarted("last"), ""]


async def test_draining_hands_on_everything_at_once_and_then_the_end() -> None:
    ear = Ear()
    ours, theirs = conversation(ear)
    theirs.sendall(pack(StageStarted("a")) + pack(StageStarted("b")))
    theirs.close()
    ours.drain()
    assert messages(ear) == [StageStarted("a"), StageStarted("b"), ""]


async def test_nonsense_ends_the_conversation_and_says_why() -> None:
    ear = Ear()
    ours, theirs = conversation(ear)
    theirs.sendall(b"\xff" * 64)
    await ear.until(lambda: bool(ear.heard))
    (trouble,) = messages(ear)
    assert "frame" in str(trouble)
    assert ours.closed
    theirs.close()


async def test_sending_never_waits_and_loses_nothing() -> None:
    ours, theirs = conversation(Ear())
    requests = [MeasureTensor(row) for row in range(100_000)]
    for request in requests:  # Far more than the socket holds, and nobody reads yet.
        ours.send(pack(request))
    heard: list[Request] = []
    unpacker: Unpacker[Request] = Unpacker(Request)
    while len(heard) < len(requests):
        heard += unpacker.feed(await asyncio.to_thread(theirs.recv, 1 << 20))
    assert heard == requests
    ours.close()
    theirs.close()


async def test_descriptors_travel_with_their_message() -> None:
    ours, theirs = conversation(Ear())
    reading, writing = os.pipe()
    ours.send(b"x", (writing,))
    data, (copy,), _, _ = socket.recv_fds(theirs, 10, 4)
    os.write(copy, b"through")
    os.close(copy)
    assert (data, os.read(reading, 10)) == (b"x", b"through")
    assert os.read(reading, 10) == b""  # Only the copy was still open.
    os.close(reading)
    ours.close()
    theirs.close()


async def test_sending_to_a_closed_conversation_closes_the_descriptors() -> None:
    ours, theirs = conversation(Ear())
    ours.close()
    reading, writing = os.pipe()
    ours.send(b"x", (writing,))
    assert os.read(reading, 1) == b""
    os.close(reading)
    theirs.close()


async def test_text_cut_in_the_middle_of_a_character_is_put_together() -> None:
    ear = Ear()
    reading, writing = os.pipe()
    output = Output(asyncio.get_running_loop(), reading, "stdout", ear.listen)
    snowman = "☃".encode()
    os.write(writing, b"a" + snowman[:1])
    output.read()
    os.write(writing, snowman[1:] + b"\xff\n")
    output.drain()
    assert messages(ear) == [Printed("stdout", "a"), Printed("stdout", "☃\\xff\n")]
    output.close()
    os.close(writing)


async def test_of_a_flood_the_last_words_are_told_and_the_rest_is_counted() -> None:
    ear = Ear()
    reading, writing = os.pipe()
    output = Output(asyncio.get_running_loop(), reading, "stderr", ear.listen)
    sent = 0
    while not any(event.dropped for event in ear.of(0, Printed)) and sent < 64 << 20:
        sent += os.write(writing, b"x" * PIPE_BYTES)
        output.read()
        if sent > 4 << 20:
            output.drain()
    os.write(writing, b"the last words")
    output.drain()
    told = ear.of(0, Printed)
    assert told[-1].text.endswith("the last words")
    assert sum(len(event.text) + event.dropped for event in told) == sent + len("the last words")
    assert len(output.tail) == TAIL_BYTES
    output.close()
    os.close(writing)


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=50), st.floats(0, 3)), max_size=40))
def test_what_passes_a_throttle_and_what_it_drops_add_up(pieces: list[tuple[bytes, float]]) -> None:
    throttle, now, passed, counted = Throttle(rate=60), 100.0, b"", 0
    began = now
    for data, wait in pieces:
        now += wait
        if (piece := throttle.offer(data, now)) is not None:
            passed, counted = passed + piece[0], counted + piece[1]
            assert len(passed) <= 60 + (now - began) * 60 + 1e-6
    if (piece := throttle.rest()) is not None:
        passed, counted = passed + piece[0], counted + piece[1]
        assert piece[0] == pieces[-1][0]
    assert len(passed) + counted == sum(len(data) for data, _ in pieces)


def test_what_a_throttle_holds_back_passes_after_the_delay_that_it_names() -> None:
    throttle = Throttle(rate=100)
    assert throttle.offer(b"a" * 100, 1.0) == (b"a" * 100, 0)
    assert throttle.offer(b"b" * 40, 1.0) is None
    assert throttle.offer(b"c" * 50, 1.0) is None
    assert throttle.delay() == pytest.approx(0.5)
    assert throttle.release(1.49) is None
    assert throttle.release(1.51) == (b"c" * 50, 40)
    assert throttle.release(9.0) is None
