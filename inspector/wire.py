"""One message as a frame: four bytes of length, then MessagePack. NaN and infinity survive; nothing is executed."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec

HEADER = struct.Struct("<I")
LIMIT = 1 << 30
"""A frame longer than this is a sign of a broken stream, not of a large model."""

Message = TypeVar("Message")
_encoder = msgspec.msgpack.Encoder()


class WireError(Exception):
    """What arrived is not a message of this conversation."""


def encodable(text: str) -> str:
    """Text that a frame can carry: half of a surrogate pair, which UTF-8 has no bytes for, is escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def pack(message: msgspec.Struct) -> bytes:
    """Encode one message as a frame."""
    body = _encoder.encode(message)
    return HEADER.pack(len(body)) + body


class Unpacker(Generic[Message]):
    """Cuts a byte stream into messages; bytes may arrive in any portions."""

    def __init__(self, union: Any) -> None:
        self._decode = msgspec.msgpack.Decoder(union).decode
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take some bytes and yield every message that they complete.

        Raises WireError when the stream cannot be a conversation of this union.
        """
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            (length,) = HEADER.unpack_from(self._buffer)
            if length > LIMIT:
                raise WireError(f"a frame of {length} bytes was announced")
            end = HEADER.size + length
            if len(self._buffer) < end:
                return
            with memoryview(self._buffer) as view:
                body = bytes(view[HEADER.size : end])
            del self._buffer[:end]
            yield self._message(body)

    def _message(self, body: bytes) -> Message:
        try:
            message: Message = self._decode(body)
        except msgspec.DecodeError as error:
            raise WireError(str(error)) from error
        return message
