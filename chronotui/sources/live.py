"""Server-sent events out of bytes: sans-IO, incremental, a batch at a time.

Decoding agrees with httpx-sse's decoder on every split of every stream, with two
differences on purpose: ``id`` and ``retry`` are ignored (the server sends none, WIRE.md
"Live stream"), and an event that says nothing (no name, no data) is not reported.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import httpx
import msgspec
from httpx_sse import aconnect_sse
from msgspec.structs import astuple

from chronotui.errors import UnreadableAnswerError
from chronotui.model import (
    Connected,
    LiveEvent,
    LiveLines,
    LogLine,
    LogPage,
    SearchPage,
    StreamEnded,
    StreamFailed,
)
from chronotui.sources.wire_errors import CHECK_URL, FAILURES, media_type, quote_words
from chronotui.sources.wire_json import (
    integer,
    loads,
    objects,
    read_object,
    split_marks,
    text,
    time_ns,
    unreadable,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from chronotui.sources.transport import Transport
    from chronotui.sources.wire_errors import Ask

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


# Log lines out of JSON, one by one or a whole batch in one call.

_SOURCES_KEPT: Final = 1024
_MOST: Final = 2**63 - 1


class _Entry(msgspec.Struct, gc=False):
    """A log object as servers write it; any other shape takes the tolerant way."""

    event_id: str = ""
    timestamp: str = ""
    sequence_num: Annotated[int, msgspec.Meta(ge=0, le=_MOST)] = 0
    stream: str = ""
    message: str = ""


class _Page(msgspec.Struct):
    logs: list[_Entry] = []
    cursor: str = ""
    highlight_token: str = ""


_PAGE: Final = msgspec.json.Decoder(_Page)
_BATCH: Final = msgspec.json.Decoder(list[_Entry])
_ONE: Final = msgspec.json.Decoder(_Entry)


def read_log_page(body: bytes) -> LogPage:
    """Decode a page of retained lines, order as sent.

    Raises:
        UnreadableAnswerError: The page, or a line of it, is broken.
    """
    page = _read_page(body, "the log page")
    return LogPage(_lines(page.logs, retained=True), page.cursor or None)


def read_search_page(body: bytes) -> SearchPage:
    """Decode a page of search hits, the marks turned into ranges.

    Raises:
        UnreadableAnswerError: The page, or a line of it, is broken.
    """
    page = _read_page(body, "the log search")
    found = _lines(page.logs, retained=True)
    split = [split_marks(line.message, page.highlight_token) for line in found]
    lines = tuple(
        line._replace(message=message)
        for line, (message, _) in zip(found, split, strict=True)
    )
    ranges = tuple(ranges for _, ranges in split)
    return SearchPage(lines, ranges, page.cursor or None)


def read_live_lines(batch: Sequence[bytes]) -> tuple[tuple[LogLine, ...], int]:
    """Decode the data of frames that arrived together, in one call if all are whole.

    Returns:
        The lines in order of arrival, and how many frames could not be read.
    """
    try:
        entries = _BATCH.decode(b"[" + b",".join(batch) + b"]")
    except (ValueError, RecursionError):
        return _read_one_by_one(batch)
    if len(entries) != len(batch):
        return _read_one_by_one(batch)
    return _lines(entries, retained=False), 0


def attempt_of(event_id: str) -> int:
    """Return the attempt an event id tells, 0 when it tells none.

    ``log:<job>:<stream>:<n>`` is the first, ``log:<job>:attempt:<k>:<stream>:<n>``
    is number k (WIRE.md "Logs").
    """
    source = event_id.rpartition(":")[0]
    known = _attempts.get(source)
    return _first_of_its_source(source) if known is None else known


def _first_of_its_source(source: str) -> int:
    if len(_attempts) >= _SOURCES_KEPT:
        _attempts.clear()
    _attempts[source] = _attempt_of_source(source)
    return _attempts[source]


_attempts: dict[str, int] = {}
"""Attempts by event id without its number: few sources write many lines."""


def _attempt_of_source(source: str) -> int:
    parts = source.split(":")
    if len(parts) < 3 or parts[0] != "log":
        return 0
    if parts[-3:-2] == ["attempt"] and len(parts) >= 5:
        number = parts[-2]
        return int(number[:9]) if number.isascii() and number.isdigit() else 0
    return 1


def _lines(entries: Sequence[_Entry], *, retained: bool) -> tuple[LogLine, ...]:
    """Make lines; each costs about what its JSON cost to decode, so it is kept flat.

    Structs are unpacked in one call, and lines are made past the constructor of
    NamedTuple, which only calls ``tuple.__new__`` itself.
    """
    new = tuple.__new__
    return tuple(
        [
            new(
                LogLine,
                (attempt_of(source), number, stream, time_ns(time), said, source,
                 retained),
            )
            for source, time, number, stream, said in map(astuple, entries)
        ]
    )  # fmt: skip


def _read_page(body: bytes, what: str) -> _Page:
    try:
        return _PAGE.decode(body)
    except (ValueError, RecursionError):
        pass
    answer = read_object(body, what)
    try:
        entries = [_tolerant(entry) for entry in objects(answer, "logs", what)]
    except ValueError as error:
        raise unreadable(what, str(error)) from None
    return _Page(entries, text(answer, "cursor"), text(answer, "highlight_token"))


def _read_one_by_one(batch: Sequence[bytes]) -> tuple[tuple[LogLine, ...], int]:
    entries: list[_Entry] = []
    for data in batch:
        try:
            entries.append(_read_one(data))
        except ValueError:
            continue
    return _lines(entries, retained=False), len(batch) - len(entries)


def _read_one(data: bytes) -> _Entry:
    try:
        return _ONE.decode(data)
    except (ValueError, RecursionError):
        return _tolerant(loads(data))


def _tolerant(entry: object) -> _Entry:
    """Read a log object whose unimportant fields may be of any shape.

    Raises:
        ValueError: Its message or its number cannot be told.
    """
    if not isinstance(entry, dict):
        raise ValueError("a log line is no object")  # noqa: TRY004
    message = entry.get("message")
    if message is not None and not isinstance(message, str):
        raise ValueError("a message is no text")
    number = integer(entry, "sequence_num")
    if number is None and entry.get("sequence_num") not in (None, ""):
        raise ValueError("a sequence number is no number")
    if number is not None and not 0 <= number <= _MOST:
        raise ValueError("a sequence number is out of range")
    return _Entry(
        text(entry, "event_id"),
        text(entry, "timestamp"),
        number or 0,
        text(entry, "stream"),
        message or "",
    )


# The live stream of a job, one tuple of events for each network read.
#
# httpx-sse opens the stream; its frames are decoded by ``core.sse``, a read at a time.
# A task of its own reads ahead, so that everything already received comes as one batch.

_READ_AHEAD_BYTES: Final = 1 << 20
"""Bytes received and not taken at which reading pauses; TCP then slows the server."""


@asynccontextmanager
async def open_live(
    transport: Transport, ask: Ask
) -> AsyncIterator[AsyncIterator[tuple[LiveEvent, ...]]]:
    """Subscribe; the block gets an iterator of what arrives.

    The iterator ends when the server closes the stream in good order and raises when
    the connection breaks.

    Raises:
        ChronotuiError: It cannot be opened, or breaks.
    """
    opener = partial(_open_events, transport)
    async with transport.exchange(ask, opener=opener) as answer:
        kind = media_type(answer.headers)
        if kind != "text/event-stream":
            raise UnreadableAnswerError(
                f"The live stream is no event stream but {quote_words(kind.encode())}.",
                next_step=CHECK_URL,
            )
        reader = _ReadAhead(answer, transport)
        try:
            yield _Events(reader)
        finally:
            await reader.aclose()


@asynccontextmanager
async def _open_events(
    transport: Transport, client: httpx.AsyncClient, ask: Ask, headers: dict[str, str]
) -> AsyncIterator[httpx.Response]:
    """Open with httpx-sse; only connecting has to come about in time.

    The head of the answer may take as long as it takes: a proxy that buffers holds
    it back with the frames, and throws away what it holds when it is left (WIRE.md
    "Proxies").
    """
    patience = transport.timeout_seconds
    opening = aconnect_sse(
        client,
        ask.method,
        ask.url,
        headers={**headers, "Accept-Encoding": "identity"},
        timeout=httpx.Timeout(patience, read=None),
    )
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(opening)
        yield source.response


class _ReadAhead:
    """Reads an answer's body in a task and hands over all there is at once."""

    def __init__(self, answer: httpx.Response, transport: Transport) -> None:
        self._answer = answer
        self._transport = transport
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
            raise self._transport.explained(error) from error


class _Events:
    """What arrives, one tuple for each network read that completed an event."""

    def __init__(self, reader: _ReadAhead) -> None:
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
