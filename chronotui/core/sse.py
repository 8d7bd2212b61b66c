"""Server-sent events out of bytes: sans-IO, incremental, a batch at a time.

Decoding agrees with httpx-sse's decoder on every split of every stream, with two
differences on purpose: ``id`` and ``retry`` are ignored (the server sends none, wire
note "Live"), and an event that says nothing (no name, no data) is not reported.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from chronotui.errors import UnreadableAnswerError

MAX_FRAME_BYTES: Final = 16 << 20
"""Largest unfinished frame kept; a 64 KiB line, every byte escaped, is 400 KB."""

DEFAULT_EVENT: Final = "message"


class Frame(NamedTuple):
    """One event: its name and its data, the data lines joined by newlines.

    ``data`` is bytes as received; bytes that are not UTF-8 are left to the reader.
    """

    event: str
    data: bytes


class SseDecoder:
    """Turns the bytes of one event stream into frames.

    Lines may end in LF, CR or CRLF. A frame is complete at its blank line; what is
    unfinished when the stream ends is dropped whole (invariant 5).
    """

    def __init__(self, *, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._limit = max_frame_bytes
        self._unfinished = bytearray()
        self._ended_in_cr = False

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take the next bytes and return the frames they complete, in order.

        Raises:
            UnreadableAnswerError: A frame grew past the limit without ending.
        """
        if self._ended_in_cr or b"\r" in chunk:
            chunk = self._with_plain_newlines(chunk)
        if self._unfinished:
            block = self._complete_block(chunk)
        else:
            block, _, rest = chunk.rpartition(b"\n\n")
            self._unfinished += rest
        if len(self._unfinished) > self._limit:
            self._unfinished.clear()
            raise UnreadableAnswerError(
                "The live stream sent a line that does not end: more than "
                f"{self._limit:,} bytes."
            )
        return _frames(block) if block else []

    def _complete_block(self, chunk: bytes) -> bytes:
        """Join what was unfinished with the chunk and cut at the last blank line."""
        buffer = self._unfinished
        seam = len(buffer) - 1
        buffer += chunk
        end = buffer.rfind(b"\n\n", seam)
        if end < 0:
            return b""
        block = bytes(buffer[:end])
        del buffer[: end + 2]
        return block

    def _with_plain_newlines(self, chunk: bytes) -> bytes:
        """Return the chunk with LF alone, whichever way the chunks cut a CRLF."""
        if self._ended_in_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._ended_in_cr = False
        if chunk:
            self._ended_in_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _frames(block: bytes) -> list[Frame]:
    """Read whole frames that are parted by blank lines."""
    frames: list[Frame] = []
    for raw in block.split(b"\n\n"):
        head, _, rest = raw.partition(b"\n")
        if _is_plain(head, rest):
            frames.append(Frame(head[7:].decode("utf-8", "replace"), rest[6:]))
            continue
        frame = _read_fields(raw)
        if frame is not None:
            frames.append(frame)
    return frames


def _is_plain(head: bytes, rest: bytes) -> bool:
    """Tell the usual frame: one event line, then one data line, neither empty."""
    return (
        head[:7] == b"event: "
        and rest[:6] == b"data: "
        and b"\n" not in rest
        and len(head) > 7
        and len(rest) > 6
    )


def _read_fields(raw: bytes) -> Frame | None:
    """Read one frame field by field; comments and unknown fields say nothing."""
    event = b""
    data: list[bytes] = []
    for line in raw.split(b"\n"):
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"event":
            event = value
        elif name == b"data":
            data.append(value)
    joined = b"\n".join(data)
    word = event.decode("utf-8", "replace") or DEFAULT_EVENT
    if not joined and word == DEFAULT_EVENT:
        return None
    return Frame(word, joined)
