"""The raw download of an ended job's log."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from chronotui.demo.generated import GeneratedLog
from chronotui.demo.message import Streamed
from chronotui.demo.raw_blocks import block_bytes, block_range
from chronotui.demo.raw_writer import CONTENT_TYPES, RawWriter
from chronotui.demo.search import Matcher
from chronotui.demo.service import RefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from chronotui.demo.generated import Chapter
    from chronotui.demo.lines import TrueLine
    from chronotui.demo.runs import DemoJob
    from chronotui.demo.service import Call

_AT_ONCE: Final = 1000
_LINE_BYTES: Final = 180
"""What a page has of a line besides its message, about."""

_TOO_LARGE: Final = (
    "rpc error: code = ResourceExhausted desc = received message larger than max"
)


def download(call: Call) -> Streamed:
    """Answer ``GET …/logs/raw``; a failure comes inside a 200."""
    job = call.job()
    ended = job.has_ended(call.now_ns)
    current = call.service.dialect.is_current
    if not ended or (not current and job.outcome == "CANCELED"):
        raise RefusedError(400, "job has not completed yet")
    kind, stream, query = "txt", None, ""
    if current:
        kind = call.choice("format", tuple(CONTENT_TYPES)) or "txt"
        stream = call.choice("stream", ("stdout", "stderr"))
        query = call.request.query.get("q", "").strip()
    reader = Download(call, job, RawWriter(kind, job.id), stream, query)
    name = f'attachment; filename="{job.id}-logs.{kind}"'
    headers = [("Content-Disposition", name), ("X-Content-Type-Options", "nosniff")]
    if current:
        headers.append(("Cache-Control", "no-store"))
    content_type = CONTENT_TYPES[kind] if current else "text/plain"
    return Streamed(reader.pieces(), content_type, headers)


class Download:
    """One download under way."""

    def __init__(
        self,
        call: Call,
        job: DemoJob,
        writer: RawWriter,
        stream: str | None,
        query: str,
    ) -> None:
        self._call = call
        self._job = job
        self._writer = writer
        self._stream = stream
        self._query = query
        self._matcher = Matcher(query) if query else None
        self._faults = call.service.faults

    async def pieces(self) -> AsyncGenerator[Sequence[bytes], None]:
        """Yield the file in pieces."""
        workflow = self._call.workflow()
        head = self._writer.head(workflow.id, self._query, self._stream)
        if head:
            yield [head]
        if not workflow.plan.retention:
            yield [self._writer.failure("log retention is disabled")]
            return
        if self._faults.cut_clean is not None:
            for piece in self._first_lines(self._faults.cut_clean):
                yield [piece]
                await asyncio.sleep(0)
            return
        left = self._faults.raw_fails_after
        for piece in self._body():
            if left is not None:
                left -= len(piece)
                if left <= 0:
                    reason = self._faults.raw_reason
                    whole = self._writer.whole_entries(piece, len(piece) + left)
                    yield [whole, self._writer.failure(reason)]
                    return
            yield [piece]
            await asyncio.sleep(0)

    def _first_lines(self, count: int) -> Iterator[bytes]:
        """Yield what a proxy passes on of a server that dies between two flushes."""
        place = None
        log, now_ns = self._job.log, self._call.now_ns
        while count and (lines := log.oldest(place, _AT_ONCE, now_ns)):
            place = lines[-1].place(interleaved=log.interleaved)
            kept = self._kept(lines)[:count]
            count -= len(kept)
            yield self._writer.write(kept)

    def _body(self) -> Iterator[bytes]:
        log = self._job.log
        if isinstance(log, GeneratedLog) and not log.mixes_attempts:
            for chapter, count in log.retained_chapters(self._call.now_ns):
                yield from self._chapter(chapter, count)
            yield self._writer.tail()
            return
        place = None
        service = self._call.service
        limit = service.page_limit_bytes if service.dialect.is_current else None
        size = _AT_ONCE if limit is None else service.log_page_size
        while lines := log.oldest(place, size, self._call.now_ns):
            place = lines[-1].place(interleaved=log.interleaved)
            kept = self._kept(lines)
            if limit is not None and _page_bytes(kept) > limit:
                # The server reads its own pages, oldest first, and has their limit.
                yield self._writer.failure(_TOO_LARGE)
                return
            yield self._writer.write(kept)
        yield self._writer.tail()

    def _chapter(self, chapter: Chapter, count: int) -> Iterator[bytes]:
        """Write an attempt: line by line at its edges, block by block between."""
        start, end = 0, 0
        if self._matcher is None and self._faults.retained_lost <= 0:
            start, end = block_range(chapter, count)
        if start == end:
            yield from self._lines(chapter, 0, count)
            return
        yield from self._lines(chapter, 0, start)
        for piece in block_bytes(chapter, start, end, self._writer, self._stream):
            yield self._writer.written(piece)
        yield from self._lines(chapter, end, count)

    def _lines(self, chapter: Chapter, start: int, end: int) -> Iterator[bytes]:
        for at in range(start, end, _AT_ONCE):
            lines = [chapter.line(i) for i in range(at, min(end, at + _AT_ONCE))]
            yield self._writer.write(self._kept(lines))

    def _kept(self, lines: list[TrueLine]) -> list[TrueLine]:
        return [
            line
            for line in lines
            if self._stream in (None, line.stream)
            and (self._matcher is None or self._matcher.ranges(line.message))
            and not self._faults.loses(line)
        ]


def _page_bytes(lines: Sequence[TrueLine]) -> int:
    return sum(len(line.message.encode()) + _LINE_BYTES for line in lines)
