"""A chunked HTTP body taken out of its framing, many chunks at a time (RFC 9112, 7.1).

For bulk transfers: what one read of the network brought is cut with a few searches,
where a general parser makes an event of each chunk.
"""

from __future__ import annotations

from typing import Final

_MOST_FRAMING: Final = 16 * 1024
"""Longest size line, and longest trailer section, that is waited for."""

_HEX: Final = frozenset(b"0123456789abcdefABCDEF")


class ChunkedBody:
    """Takes the bytes of a chunked body as they come.

    Attributes:
        ended: Whether the last chunk and the trailer section have come.
    """

    def __init__(self) -> None:
        self.ended = False
        self._held = b""
        self._left = 0
        self._closing = False
        self._last = False

    def feed(self, data: bytes) -> bytes:
        """Return the content in the next bytes of the body.

        Raises:
            ValueError: The framing is broken.
        """
        if self._held:
            data, self._held = self._held + data, b""
        if self._left > len(data):
            self._left -= len(data)
            return data
        pieces: list[bytes] = []
        place = 0
        while place < len(data) and not self.ended:
            if self._left:
                piece = data[place : place + self._left]
                self._left -= len(piece)
                self._closing = not self._left
                pieces.append(piece)
                place += len(piece)
                continue
            after = self._framing(data, place)
            if after < 0:
                self._hold(data[place:])
                break
            place = after
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _hold(self, rest: bytes) -> None:
        if len(rest) > _MOST_FRAMING:
            raise ValueError("endless framing")
        self._held = rest

    def _framing(self, data: bytes, place: int) -> int:
        """Read the framing at a place; return what follows it, -1 to wait for more."""
        if self._closing:
            return self._end_chunk(data, place)
        end = data.find(b"\r\n", place)
        if end < 0:
            return -1
        line = data[place:end]
        if self._last:
            # The trailer section: fields up to an empty line.
            self.ended = not line
        else:
            self._begin_chunk(line)
        return end + 2

    def _end_chunk(self, data: bytes, place: int) -> int:
        found = data[place : place + 2]
        if found == b"\r\n":
            self._closing = False
            return place + 2
        if found == b"\r":
            return -1
        raise ValueError("a chunk is longer than it said")

    def _begin_chunk(self, line: bytes) -> None:
        size = line.partition(b";")[0].strip(b" \t")
        if not size or len(size) > 16 or not _HEX.issuperset(size):
            raise ValueError("a chunk without its size")
        self._left = int(size, 16)
        self._last = not self._left
