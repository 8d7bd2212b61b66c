"""The live stream of a job, one tuple of events for each network read.

httpx-sse opens the stream; its frames are decoded by ``core.sse``, a read at a time.
A task of its own reads ahead, so that everything already received comes as one batch.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import httpx
from httpx_sse import aconnect_sse

from chronotui.api.answers import CHECK_URL, media_type, quote_words
from chronotui.api.failures import FAILURES
from chronotui.api.lines import read_live_lines
from chronotui.core.sse import Frame, SseDecoder
from chronotui.errors import UnreadableAnswerError
from chronotui.model import (
    Connected,
    LiveEvent,
    LiveLines,
    StreamEnded,
    StreamFailed,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from chronotui.api.ask import Ask
    from chronotui.api.transport import Transport

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
    it back with the frames, and throws away what it holds when it is left (wire note
    "In front of it").
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
