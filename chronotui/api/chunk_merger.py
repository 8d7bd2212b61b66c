"""Many small HTTP chunks made one: sans-IO, a network read at a time.

A live stream comes with a chunk for each event, and reading a chunk costs h11 and
what lies above it as much as decoding ten log lines. What was received together is
therefore handed on as one chunk. Everything else passes unchanged, and what is
malformed is left for h11 to refuse.
"""

from __future__ import annotations

import re
from typing import Final

_MAX_HEAD: Final = 65536
_MAX_SIZE_LINE: Final = 1024

_FINAL_STATUS: Final = re.compile(rb"HTTP/1\.1 [2-5]\d\d[ \r]")
_CHUNKED: Final = re.compile(
    rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE
)
_NEXT_CHUNK: Final = re.compile(
    rb"\r\n([0-9A-Fa-f]{1,15})(?:[ \t]*|;[^\r\n]{0,900})\r\n"
)
"""The end of a chunk, or of the head, and the size line of the next chunk."""

_REFUSED: Final = b"\x00"
"""Put where a chunk does not end as it must: no size line begins with it."""


class ChunkMerger:
    """Rewrites the bytes of one connection's answers, one answer after the other."""

    def __init__(self) -> None:
        self._pending = b""
        self._left = 0
        self._in_body = False
        self._passes = False

    def begin(self) -> None:
        """Expect the head of an answer next; call it when a request is sent."""
        self._pending = b""
        self._left = 0
        self._in_body = False
        self._passes = False

    def feed(self, data: bytes) -> bytes:
        """Take what was received; return what to hand on, b"" if nothing yet."""
        if self._passes:
            return data
        data = self._pending + data
        self._pending = b""
        if self._in_body:
            return self._merge(data, 0)
        return self._find_body(data)

    def _find_body(self, data: bytes) -> bytes:
        """Hand on the head of a chunked answer; leave any other answer alone."""
        end = data.find(b"\r\n\r\n")
        if end < 0 and len(data) <= _MAX_HEAD:
            self._pending = data
            return b""
        is_final = end >= 0 and _FINAL_STATUS.match(data) is not None
        if is_final and _CHUNKED.search(data, 0, end + 2) is not None:
            self._in_body = True
            return data[: end + 4] + self._merge(data, end + 2)
        self._passes = True
        return data

    def _merge(self, data: bytes, place: int) -> bytes:
        """Join the contents of all chunks there are, whole or only begun."""
        parts: list[bytes] = []
        while True:
            if self._left:
                content = data[place : place + self._left]
                parts.append(content)
                place += len(content)
                self._left -= len(content)
            chunk = None if self._left else _NEXT_CHUNK.match(data, place)
            if chunk is None:
                break
            self._left = int(chunk[1], 16)
            if not self._left:
                self._passes = True
                break
            place = chunk.end()
        merged = b"".join(parts)
        handed_on = b"%x\r\n%s\r\n" % (len(merged), merged) if merged else b""
        return handed_on + self._leave(data[place:])

    def _leave(self, rest: bytes) -> bytes:
        """Keep the beginning of a size line; pass what ends or breaks the body."""
        is_begun = rest[:2] == b"\r\n"[: len(rest)]
        is_short = b"\r\n" not in rest[2:] and len(rest) < _MAX_SIZE_LINE
        if is_begun and is_short and not self._passes:
            self._pending = rest
            return b""
        self._passes = True
        return rest[2:] if is_begun else _REFUSED + rest
