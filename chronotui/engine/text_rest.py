"""The rest of a long log as the server's own text, where that can be proven whole.

Text has a third of the bytes of entries and needs no decoding, but its lines have no
numbers. So the log begins with entries: they show whether the attempts of a retried job
are mixed. Then the text is held back until it is known to be all of the log: it begins
with the very lines of the entries, and has as many as the newest number counts, where
every double number has been paid for (DESIGN.md, invariants 4 and 9). In any doubt the
entries are gone on with, and nobody has seen the text.
"""

from __future__ import annotations

import asyncio
import codecs
import threading
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Final

from chronotui.errors import ChronotuiError
from chronotui.log.block import LineBlock
from chronotui.log.chunks import CHUNK_LINES
from chronotui.log.ledger import NEAR
from chronotui.log.line_slice import LineSlice
from chronotui.log.raw_body import DownloadEnd, WholeLines, judge_txt
from chronotui.log.raw_search import TextSearch
from chronotui.model import RawFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chronotui.log.chunks import Overflow
    from chronotui.log.pattern import Pattern
    from chronotui.model import Job, LogLine, LogPage
    from chronotui.sources.protocol import LogSource, RawAnswer

HEAD_LINES: Final = 3 * CHUNK_LINES
"""So many lines are read as entries before."""

HEAD_BYTES: Final = 8 << 20
"""Most text of them: a log of very long lines comes as entries."""

LEAST_LINES: Final = 50_000
"""A log with fewer lines is over before another download has begun."""

MOST_BYTES: Final = 256 << 20
"""Most text that is held back."""

MOST_SECONDS: Final = 10.0
"""Longest that nothing is printed for."""

LOOK_SECONDS: Final = 0.5
"""After so long, what came tells whether all can come in that time."""

PIECE_BYTES: Final = 64 << 10
"""Text counted and put down at a time; see `raw_search.BLOCK_BYTES`."""

_END_BYTES: Final = 16 << 10
"""Of a text's end, what tells of a trailer."""


def counted_by(page: LogPage) -> int | None:
    """Return how many lines a log has, by its newest page; None where it cannot tell.

    The numbers go down one by one far enough that no double is open, all of the first
    attempt.
    """
    lines = page.lines
    if len(lines) <= NEAR:
        return None
    newest = lines[0].sequence_num
    for back, line in enumerate(lines):
        if line[:2] != (1, newest - back) or not line.event_id:
            return None
    return newest + 1


class TextRest:
    """Takes a log's first lines, and then reads its text.

    Args:
        spool: Opens the place where text waits until it is known to be whole.

    Attributes:
        taken: How many first lines were taken.
        taken_bytes: How many bytes of text they have.
        lines: Lines of the whole log, once it was read.
    """

    def __init__(
        self, source: LogSource, job: Job, spool: Callable[[], Overflow]
    ) -> None:
        self._source = source
        self._job = job
        self._spool = spool
        self._head: list[bytes] = []
        self.taken = self.taken_bytes = 0
        self._is_over = job.attempts not in (None, 1)
        self._held: _HeldText | None = None
        self.lines = 0

    def is_due(self, lines: Sequence[LogLine]) -> bool:
        """Take the next of the first lines; tell whether it is time to read the text.

        That is told once.
        """
        if self._is_over:
            return False
        if not isinstance(lines, LineBlock) or lines.attempt != 1:
            self._give_up()
            return False
        self._head.append(bytes(lines.block.text))
        self.taken += len(lines)
        self.taken_bytes += len(self._head[-1])
        if self.taken_bytes > HEAD_BYTES:
            self._give_up()
        self._is_over = self._is_over or self.taken >= HEAD_LINES
        return self._is_over and bool(self._head)

    def _give_up(self) -> None:
        self._is_over = True
        self._head.clear()

    async def read(self) -> bool:
        """Read the text; return whether it is the whole log."""
        head = b"".join(self._head)
        self._head.clear()
        with suppress(ChronotuiError):
            count = await self._count()
            if count is None or count < LEAST_LINES:
                return False
            self._held = await self._download(head, count)
            if self._held is not None and await self._count() == count:
                self.lines = count
                return True
        self.close()
        return False

    async def _count(self) -> int | None:
        job = self._job
        page = await self._source.log_page(job.workflow_id, job.id, fresh=True)
        return counted_by(page)

    async def _download(self, head: bytes, count: int) -> _HeldText | None:
        try:
            held = _HeldText(self._spool(), head, count)
        except OSError:
            return None
        thread = _TextThread(self._source, self._job, held)
        try:
            async with asyncio.timeout(MOST_SECONDS):
                came = await thread.ended()
        except TimeoutError:
            return None
        finally:
            thread.stop()
        if came and held.is_whole:
            return held
        held.close()
        return None

    def pieces(self, begin: int) -> Iterator[bytes]:
        """Yield the text from an offset on.

        Raises:
            OSError: It cannot be read back.
        """
        if self._held is not None:
            yield from self._held.pieces(begin)

    def slices(self, begin: int, pattern: Pattern | None) -> Iterator[LineSlice]:
        """Yield the lines of it that may match a pattern, None for all.

        Raises:
            OSError: As `pieces`.
        """
        lines, first = WholeLines(), 0
        search = None if pattern is None else TextSearch(pattern)
        for piece in self.pieces(begin):
            text = lines.feed(piece)
            if search is not None:
                text = search.candidates(text)
            if text:
                yield LineSlice.of_text(text, first)
                first += text.count(b"\n")

    def close(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None


class _HeldText:
    """Text on its way into a spool, looked at as it comes."""

    def __init__(self, spool: Overflow, head: bytes, count: int) -> None:
        self._spool = spool
        self._head = head
        self._count = count
        self._waiting: list[bytes] = []
        self._size = 0
        self._bytes = 0
        self._lines = 0
        self._end = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._begun = monotonic()

    @property
    def is_whole(self) -> bool:
        """Whether it is what was counted, and ends as a log does."""
        return (
            self._lines == self._count
            and not self._head
            and self._end.endswith(b"\n")
            and judge_txt(self._end).ending is DownloadEnd.WHOLE
        )

    def take(self, chunk: bytes) -> bool:
        """Take what came; return False when it is no use to go on."""
        self._waiting.append(chunk)
        self._size += len(chunk)
        if self._size < max(PIECE_BYTES, len(self._head)):
            return True
        return self.settle()

    def settle(self) -> bool:
        """Look at what waits and put it down; return False as `take`.

        An empty line is none of a log: a trailer begins with one.
        """
        piece = b"".join(self._waiting)
        self._waiting.clear()
        self._size = 0
        if not piece.startswith(self._head):
            return False
        self._head = b""
        try:
            self._decoder.decode(piece)
            self._spool.write(piece)
        except (UnicodeDecodeError, OSError):
            return False
        seen = self._end[-1:] + piece if self._end else b"\n" + piece
        self._end = (self._end + piece)[-_END_BYTES:]
        self._bytes += len(piece)
        self._lines += piece.count(b"\n")
        return b"\n\n" not in seen and self._is_soon_over()

    def _is_soon_over(self) -> bool:
        part = self._lines / self._count
        if part > 1 or self._bytes > MOST_BYTES * min(part * 2, 1):
            return False
        took = monotonic() - self._begun
        return took < LOOK_SECONDS or took < MOST_SECONDS * part

    def pieces(self, begin: int) -> Iterator[bytes]:
        for start in range(begin, self._bytes, PIECE_BYTES):
            size = min(PIECE_BYTES, self._bytes - start)
            yield self._spool.read(start, size)

    def close(self) -> None:
        self._spool.close()


class _TextThread:
    """Reads one download of text in a thread.

    What it writes to is closed after it, where nobody waits for its end any more or
    it did not end well: a file must not be closed under who writes to it.
    """

    def __init__(self, source: LogSource, job: Job, held: _HeldText) -> None:
        self._source = source
        self._job = job
        self._held = held
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[bool] = self._loop.create_future()
        self._answer: RawAnswer | None = None
        self._stopped = False
        threading.Thread(target=self._run, name="text download", daemon=True).start()

    async def ended(self) -> bool:
        """Return whether all of it came."""
        return await self._ended

    def stop(self) -> None:
        self._stopped = True
        if self._answer is not None:
            self._answer.abort()

    def _run(self) -> None:
        came, problem = False, None
        try:
            with self._source.download(
                self._job.workflow_id, self._job.id, format=RawFormat.TXT
            ) as answer:
                self._answer = answer
                came = answer.format is RawFormat.TXT and self._take(answer)
        except ChronotuiError:
            came = False
        except BaseException as unforeseen:  # noqa: BLE001 - handed to the reader
            problem = unforeseen
        try:
            self._loop.call_soon_threadsafe(self._tell, came, problem)
        except RuntimeError:  # the loop is closed
            self._held.close()

    def _take(self, answer: RawAnswer) -> bool:
        for chunk in answer.chunks():
            if self._stopped or not self._held.take(chunk):
                return False
        return self._held.settle()

    def _tell(self, came: bool, problem: BaseException | None) -> None:
        if problem is None and not self._ended.done():
            self._ended.set_result(came)
            return
        self._held.close()
        if problem is not None and not self._ended.done():
            self._ended.set_exception(problem)
