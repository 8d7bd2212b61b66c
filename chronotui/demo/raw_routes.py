"""The raw download of an ended job's log, in each of its three formats.

Generated logs are written a thousand lines at a time. A block's text differs from the
next one's only in the number of the block, and, when a line is written every
millisecond from a whole second on, in the second. So a block is written once with
marks in it, and marks are replaced in bytes.
"""

from __future__ import annotations

import asyncio
import json
import re
from json.encoder import encode_basestring
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from chronotui.demo.clock import MILLISECOND, SECOND
from chronotui.demo.lines import GeneratedLog, TrueLine
from chronotui.demo.log_routes import TolerantMatcher
from chronotui.demo.phrases import BLOCK, BLOCK_LINES
from chronotui.demo.routes import RefusedError, rfc3339, route
from chronotui.demo.wire import Streamed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Sequence

    from chronotui.demo.lines import Chapter, DemoJob
    from chronotui.demo.routes import Call

_CONTENT_TYPES: Final = {
    "txt": "text/plain",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
}

_JSON_STARTS: Final = frozenset('{["-0123456789tfn')

_BLOCK: Final = BLOCK.encode()
_SECOND: Final = "\ue001"
_NUMBER: Final = "\ue002"
_SECOND_BYTES: Final = _SECOND.encode()
_TOGETHER: Final = 4
_FEW: Final = 5

_AT_ONCE: Final = 1000
_LINE_BYTES: Final = 180
"""What a page has of a line besides its message, about."""

_TOO_LARGE: Final = (
    "rpc error: code = ResourceExhausted desc = received message larger than max"
)


class RawWriter:
    def __init__(self, kind: str, job_id: str) -> None:
        self.kind = kind
        self.job_id = job_id
        self._first = True

    def head(self, workflow_id: str, query: str, stream: str | None) -> bytes:
        if self.kind != "json":
            return b""
        filters = f'{{"q":{encode_basestring(query)},"stream":"{stream or "all"}"}}'
        return (
            f'{{"id":"{self.job_id}","workflow_id":"{workflow_id}",'
            f'"filters":{filters},"logs":['
        ).encode()

    def write(self, lines: list[TrueLine]) -> bytes:
        if not lines:
            return b""
        if self.kind == "txt":
            return "".join([f"{line.message}\n" for line in lines]).encode()
        if self.kind == "jsonl":
            return "".join([f"{self.entry(line)}\n" for line in lines]).encode()
        text = ",".join([self.entry(line) for line in lines])
        comma = "" if self._first else ","
        self._first = False
        return (comma + text).encode()

    def written(self, entries: bytes) -> bytes:
        """Take entries made elsewhere, each already followed by its separator.

        A ``json`` block ends in a comma, which belongs before it instead.
        """
        if self.kind != "json":
            return entries
        comma = b"" if self._first else b","
        self._first = False
        return comma + entries[:-1]

    def entry(self, line: TrueLine) -> str:
        _, number, stream, time_ns, message = line
        parsed = f',"message_json":{message}' if is_json(message) else ""
        return (
            f'{{"timestamp":"{rfc3339(time_ns - time_ns % MILLISECOND)}",'
            f'"sequence_num":{number},"stream":"{stream}",'
            f'"event_id":"{line.event_id(self.job_id)}",'
            f'"message_raw":{encode_basestring(message)}{parsed}}}'
        )

    def whole_entries(self, piece: bytes, size: int) -> bytes:
        """Return what of a piece are whole entries within its first bytes."""
        end = b'},{"timestamp"' if self.kind == "json" else b"\n"
        return piece[: piece.rfind(end, 0, size + len(end) - 1) + 1]

    def tail(self) -> bytes:
        return b"]}" if self.kind == "json" else b""

    def failure(self, reason: str) -> bytes:
        said = "failed to fetch logs"
        if self.kind == "json":
            error = {"message": said, "error": reason}
            return f'],"error":{json.dumps(error)}}}'.encode()
        if self.kind == "jsonl":
            error = {"error": reason, "message": said}
            return f"{json.dumps(error)}\n".encode()
        return f"\n--- ERROR: {said} ---\n{reason}\n".encode()


def is_json(message: str) -> bool:
    if message[:1] not in _JSON_STARTS:
        return False
    try:
        json.loads(message, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(word: str) -> None:
    raise ValueError(word)


def block_range(chapter: Chapter, count: int, kind: str) -> tuple[int, int]:
    """Return the lines (from, to) that are whole blocks out of the book.

    In JSON they are only where block and second go together.
    """
    whole = chapter.start_ns % SECOND == 0 and chapter.first_number == 0
    if kind != "txt" and not (whole and chapter.step_ns == MILLISECOND):
        return (0, 0)
    end = count if chapter.body_end is None else min(count, chapter.body_end)
    start = -(-max(1, len(chapter.opening)) // BLOCK_LINES) * BLOCK_LINES
    end -= end % BLOCK_LINES
    return (start, end) if end > start else (0, 0)


def block_bytes(
    chapter: Chapter, start: int, end: int, writer: RawWriter, stream: str | None
) -> Iterator[bytes]:
    """Yield whole blocks; each entry is followed by its separator."""
    if writer.kind == "txt":
        template = chapter.book.text_block(stream)
    else:
        template = _template(chapter, writer, stream)
    seconds = chapter.start_ns // SECOND
    fill = _filling(template)
    pieces = []
    for block in range(start // BLOCK_LINES, end // BLOCK_LINES):
        second = rfc3339((seconds + block) * SECOND)[:-1].encode()
        pieces.append(fill(b"%d" % block, second))
        if len(pieces) == _TOGETHER:
            yield b"".join(pieces)
            pieces.clear()
    if pieces:
        yield b"".join(pieces)


def _filling(template: bytes) -> Callable[[bytes, bytes], bytes]:
    """Return what puts number and second of a block into a template.

    The marks are found once, so that a download costs little more than copying.
    """
    marks = re.compile(b"(%b|%b)" % (_BLOCK, _SECOND_BYTES))
    pieces = marks.split(template)
    if len(pieces) < _FEW:
        return lambda block, second: template.replace(_BLOCK, block).replace(
            _SECOND_BYTES, second
        )
    choose = itemgetter(*[mark == _SECOND_BYTES for mark in pieces[1::2]])

    def fill(block: bytes, second: bytes) -> bytes:
        pieces[1::2] = choose((block, second))
        return b"".join(pieces)

    return fill


def _template(chapter: Chapter, writer: RawWriter, stream: str | None) -> bytes:
    """Write a block with marks where its number and its second belong."""
    entries = []
    separator = "," if writer.kind == "json" else "\n"
    for place, (name, message) in enumerate(chapter.book.phrases):
        if stream not in (None, name):
            continue
        number = chapter.book.numbers[place]
        line = TrueLine(chapter.attempt, 0, name, place * MILLISECOND, message)
        text = writer.entry(line)
        text = text.replace('"1970-01-01T00:00:00', f'"{_SECOND}', 1)
        text = text.replace('"sequence_num":0,', f'"sequence_num":{_NUMBER},', 1)
        text = text.replace(f':{name}:0"', f':{name}:{_NUMBER}"', 1)
        text = text.replace(_NUMBER, f"{BLOCK}{number:03d}", 2)
        entries.append(text + separator)
    return "".join(entries).encode()


@route("GET", "workflows/*/jobs/*/logs/raw", "raw", "failed to get job")
def download(call: Call) -> Streamed:
    """Answer with the file; a failure comes inside a 200."""
    job = call.job()
    ended = job.has_ended(call.now_ns)
    current = call.service.dialect.is_current
    if not ended or (not current and job.outcome == "CANCELED"):
        raise RefusedError(400, "job has not completed yet")
    kind, stream, query = "txt", None, ""
    if current:
        kind = call.choice("format", tuple(_CONTENT_TYPES)) or "txt"
        stream = call.choice("stream", ("stdout", "stderr"))
        query = call.request.query.get("q", "").strip()
    reader = Download(call, job, RawWriter(kind, job.id), stream, query)
    name = f'attachment; filename="{job.id}-logs.{kind}"'
    headers = [("Content-Disposition", name), ("X-Content-Type-Options", "nosniff")]
    if current:
        headers.append(("Cache-Control", "no-store"))
    content_type = _CONTENT_TYPES[kind] if current else "text/plain"
    return Streamed(reader.pieces(), content_type, headers)


class Download:
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
        self._matcher = TolerantMatcher(query) if query else None
        self._faults = call.service.faults

    async def pieces(self) -> AsyncGenerator[Sequence[bytes], None]:
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
                    whole = self._writer.whole_entries(piece, len(piece) + left)
                    yield [whole, self._writer.failure("context deadline exceeded")]
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
        limit = service.page_limit_bytes
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
        start = end = 0
        if self._matcher is None and self._faults.retained_lost <= 0:
            start, end = block_range(chapter, count, self._writer.kind)
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
            and (self._matcher is None or self._matcher.matches(line.message))
            and not self._faults.loses(line)
        ]


def _page_bytes(lines: Sequence[TrueLine]) -> int:
    return sum(len(line.message.encode()) + _LINE_BYTES for line in lines)
