"""Cuts the bytes of a WebSocket connection into messages, without a socket.

Nearly all that an exchange sends is text in one frame (RFC 6455, section 5.2: 0x81, length, payload). Those are
cut out here, ten times as fast as the websockets library does it; every other frame is handed on whole, to be
read by that library: pings, closing, fragments, what is longer than 64 KiB, and whatever is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_TEXT: Final = 0x81  # the last fragment, opcode 1
_CLOSE: Final = 0x88
_DATA_BEGINS: Final = frozenset({0x01, 0x02, _TEXT, 0x82})
_DATA_GOES_ON: Final = frozenset({0x00, 0x80})
_CONTROL: Final = frozenset({_CLOSE, 0x89, 0x8A})
_IN_TWO_BYTES: Final = 126
_IN_EIGHT_BYTES: Final = 127


class FrameReader:
    """Feed it what a server sends after its handshake, in pieces of any size.

    max_bytes: the longest payload of a frame. A longer one breaks the protocol.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []
        self._held_bytes = 0
        self._needed_bytes = 2
        self._is_fragmented = False
        self._is_over = False

    def feed(self, data: bytes) -> Iterator[tuple[list[bytes], bytes]]:
        """Gives (messages, other) in turn: text messages in order, and what comes after them.

        `other` is one whole frame of another kind, b'' for none. Once a frame closes the connection or breaks
        the protocol it is all that comes from there on.
        """
        self._parts.append(data)
        self._held_bytes += len(data)
        if self._held_bytes < self._needed_bytes:
            return  # a frame longer than a read is put together once, and not at every read
        whole = data if len(self._parts) == 1 else b"".join(self._parts)
        position, size = 0, 0
        while not self._is_over:
            messages, position = self._texts(whole, position)
            size = self._size(whole, position)
            if len(whole) - position < size:
                if messages:
                    yield messages, b""
                break
            other = whole[position : position + size]
            position += size
            self._is_over = self._is_over or other[0] == _CLOSE
            yield messages, other
        if self._is_over and position < len(whole):
            yield [], whole[position:]
            position = len(whole)
        self._parts = [whole[position:]] if position < len(whole) else []
        self._held_bytes, self._needed_bytes = len(whole) - position, 0 if self._is_over else size

    def _texts(self, whole: bytes, position: int) -> tuple[list[bytes], int]:
        """The whole text messages from `position` on, and where they end."""
        messages: list[bytes] = []
        if self._is_fragmented:
            return messages, position
        add = messages.append
        end, limit = len(whole), self._max_bytes
        while end - position >= 2 and whole[position] == _TEXT:
            length = whole[position + 1]
            start = position + 2
            if length >= _IN_TWO_BYTES:
                if length != _IN_TWO_BYTES or end - position < 4:
                    break
                length = whole[position + 2] << 8 | whole[position + 3]
                start = position + 4
            stop = start + length
            if stop > end or length > limit:
                break
            add(whole[start:stop])
            position = stop
        return messages, position

    def _size(self, whole: bytes, position: int) -> int:
        """Bytes of the frame at `position`, or how many it takes to tell; all the rest if it breaks a rule."""
        left = len(whole) - position
        if left < 2:
            return 2
        first, length = whole[position], whole[position + 1]
        header = {_IN_TWO_BYTES: 4, _IN_EIGHT_BYTES: 10}.get(length, 2)
        if left < header:
            return header
        if header > 2:
            length = int.from_bytes(whole[position + 2 : position + header], "big")
        # A server does not mask, so the second byte has no bit 0x80.
        if whole[position + 1] > _IN_EIGHT_BYTES or length > self._max_bytes or not self._may_come(first):
            self._is_over = True
            return left
        if left >= header + length and first not in _CONTROL:
            self._is_fragmented = not first & 0x80
        return header + length

    def _may_come(self, first: int) -> bool:
        return first in _CONTROL or first in (_DATA_GOES_ON if self._is_fragmented else _DATA_BEGINS)
