"""The live stream of a job: server-sent events out of bytes, a batch at a time.

httpx-sse opens the stream. Its bytes are decoded here, sans-IO and incremental, as
httpx-sse's decoder would on every split of every stream, with two differences on
purpose: ``id`` and ``retry`` are ignored (the server sends none, WIRE.md "Live
stream"), and an event that says nothing (no name, no data) is not reported. A task of
its own reads ahead, so that everything already received comes as one batch.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.errors import UnreadableAnswerError
from chronotui.model import Connected, LiveEvent, LiveLines, StreamEnded, StreamFailed
from chronotui.sources.wire_errors import FAILURES, media_type, quote_words
from chronotui.sources.wire_json import read_live_lines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    import httpx

    from chronotui.sources.auth import SignedIn
    from chronotui.sources.http import Http, HttpRequest

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
    unfinished when the stream ends is dropped whole (DESIGN.md, invariant 5).
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


_READ_AHEAD_BYTES: Final = 1 << 20
"""Bytes received and not taken at which reading pauses; TCP then slows the server."""


@asynccontextmanager
async def open_live(
    signed_in: SignedIn, request: HttpRequest
) -> AsyncIterator[AsyncIterator[tuple[LiveEvent, ...]]]:
    """Subscribe; the block gets an iterator of what arrives.

    The iterator ends when the server closes the stream in good order and raises when
    the connection breaks.

    Raises:
        ChronotuiError: It cannot be opened, or breaks.
    """
    async with open_stream(signed_in, request) as reader:
        yield _Events(reader)


@asynccontextmanager
async def open_stream(
    signed_in: SignedIn, request: HttpRequest
) -> AsyncIterator[ReadAhead]:
    """Open a stream of events; the block gets its bytes, read ahead.

    Raises:
        ChronotuiError: It cannot be opened, or is no stream of events.
    """
    async with signed_in.exchange(request) as answer:
        kind = media_type(answer.headers)
        if kind != "text/event-stream":
            raise UnreadableAnswerError(
                f"The live stream is no event stream but {quote_words(kind.encode())}.",
                next_step=signed_in.http.words.check_url,
            )
        reader = ReadAhead(answer, signed_in.http)
        try:
            yield reader
        finally:
            await reader.aclose()


class ReadAhead:
    """Reads an answer's body in a task and hands over all there is at once."""

    def __init__(self, answer: httpx.Response, http: Http) -> None:
        self._answer = answer
        self._http = http
        self._parts: list[bytes] = []
        self._size = 0
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()
        self._task = asyncio.create_task(self._read())
        self._task.add_done_callback(lambda _: self._filled.set())

    async def take(self) -> bytes:
        """Wait for bytes and return all that came; b"" at the end of the body.

        Raises:
            ChronotuiError: The connection broke; what came before is given first.
        """
        await self._filled.wait()
        taken = b"".join(self._parts)
        if not taken and self._task.done():
            self._task.result()
            return b""
        self._parts.clear()
        self._size = 0
        self._drained.set()
        if not self._task.done():
            self._filled.clear()
        return taken

    async def aclose(self) -> None:
        """Stop reading."""
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.exception()

    async def _read(self) -> None:
        try:
            async for part in self._answer.aiter_bytes():
                self._parts.append(part)
                self._size += len(part)
                self._filled.set()
                if self._size > _READ_AHEAD_BYTES:
                    self._drained.clear()
                    await self._drained.wait()
        except FAILURES as error:
            raise self._http.explained(error) from error


class _Events:
    """What arrives, one tuple for each network read that completed an event.

    No generator, which would end when a wait for its next item is cancelled.
    """

    def __init__(self, reader: ReadAhead) -> None:
        self._reader = reader
        self._decoder = SseDecoder()

    def __aiter__(self) -> _Events:
        return self

    async def __anext__(self) -> tuple[LiveEvent, ...]:
        while received := await self._reader.take():
            events = tuple(read_events(self._decoder.feed(received)))
            if events:
                return events
        raise StopAsyncIteration


def read_events(frames: Iterable[Frame]) -> Iterable[LiveEvent]:
    """Turn frames into events; neighbouring ``log`` frames become one batch.

    Unknown events say nothing.
    """
    batch: list[bytes] = []
    for name, data in frames:
        if name == "log":
            batch.append(data)
            continue
        if batch:
            yield LiveLines(*read_live_lines(batch))
            batch = []
        event = _read_event(name, data)
        if event is not None:
            yield event
    if batch:
        yield LiveLines(*read_live_lines(batch))


def _read_event(name: str, data: bytes) -> LiveEvent | None:
    if name == "connected":
        return Connected()
    if name == "end":
        return StreamEnded()
    if name == "error":
        said = quote_words(data)
        return StreamFailed(said or "the server did not say why")
    return None
