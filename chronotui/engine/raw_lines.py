"""The whole log of an ended job through one raw download, decoded in a thread."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError as FutureCancelledError
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from chronotui.engine.intake import Context
from chronotui.engine.pages import Walk
from chronotui.errors import ChronotuiError
from chronotui.log.attempts import Way
from chronotui.log.block import LineBlock
from chronotui.log.ledger import NEAR
from chronotui.log.raw_body import RawBlocks
from chronotui.log.raw_spans import RawSpans
from chronotui.model import RawFormat

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence

    from chronotui.engine.intake import Intake
    from chronotui.engine.pages import RetainedPages
    from chronotui.log.raw_spans import Printed, RawPart, RawSpan
    from chronotui.model import Job, LogLine
    from chronotui.sources.protocol import LogSource, RawAnswer

Batch = TypeVar("Batch")
Made_co = TypeVar("Made_co", covariant=True)

QUEUED_BATCHES: Final = 4
"""Decoded batches that may wait; then the download waits, and TCP with it."""

MOST_PAGES: Final = 2000
"""Pages read for what a download left out; what is further back stays missing."""

STEP_LINES: Final = 128
"""Lines taken at once where some of them may be held already."""


def raw_lines(
    source: LogSource, job: Job, skip: int = 0
) -> AsyncGenerator[Sequence[LogLine] | None, None]:
    """Return the lines of an ended job's raw download, oldest first, in batches.

    The first ``skip`` ones are left out.

    ``None`` comes last when the download is not the whole log or is not to be had:
    the server answers in another format, refuses, breaks off or appends its failure
    (WIRE.md "Raw download"). The lines before it are good.
    """
    return _batches(source, job, RawBlocks(skip))


def raw_spans(
    source: LogSource,
    job: Job,
    printed: Callable[[RawPart], Printed | None],
    *,
    stream: str | None,
    decodes: bool,
) -> AsyncGenerator[Sequence[LogLine] | RawSpan | None, None]:
    """Return the same, as spans where they can be (`RawSpans`).

    ``printed`` is called in another thread.
    """
    return _batches(
        source, job, RawSpans(job.id, printed, stream=stream, decodes=decodes)
    )


async def _batches(
    source: LogSource, job: Job, body: _Body[Batch]
) -> AsyncGenerator[Batch | None, None]:
    download = _Download(source, job, body)
    download.start()
    try:
        while (batch := await download.next()) is not None:
            if isinstance(batch, _AllCame):
                return
            yield batch
        yield None
    finally:
        download.stop()


async def load_raw(
    source: LogSource,
    job: Job,
    intake: Intake,
    took: Callable[[Sequence[LogLine]], bool],
    *,
    skip: int = 0,
) -> bool:
    """Take the whole log of an ended job into an intake.

    The loop is free between any two steps of it.

    Args:
        took: Told the lines of each step, with their attempts; returns whether they
            are enough.
        skip: First lines of the download that were taken before.

    Returns:
        False when the rest has to come from elsewhere, see `raw_lines`.
    """
    context = Context()
    async with aclosing(raw_lines(source, job, skip)) as batches:
        async for lines in batches:
            if lines is None:
                return False
            for part in in_steps(lines, intake):
                if took(intake.take(part, Way.RISING, context)):
                    return True
                await asyncio.sleep(0)
    return True


def in_steps(lines: Sequence[LogLine], intake: Intake) -> Iterator[Sequence[LogLine]]:
    """Yield lines in parts, each of which is taken in a few milliseconds.

    A block among lines that are held costs as much as single lines do.
    """
    block = lines if isinstance(lines, LineBlock) else None
    if block is not None and not intake.holds_between(lines[0], lines[-1]):
        yield lines
        return
    for start in range(0, len(lines), STEP_LINES):
        stop = min(start + STEP_LINES, len(lines))
        yield lines[start:stop] if block is None else block.part(start, stop)


async def read_left_out(pages: RetainedPages) -> None:
    """Read what a download of the whole log left out from the pages that have it.

    One walk back from the newest page comes by all of it.

    Raises:
        ChronotuiError: A page cannot be read.
    """
    ledger = pages.intake.ledger
    if not ledger.missing:
        return
    wanted: dict[int, int] = {}
    for gap in ledger.short_gaps():
        # The line that is missing may stand a little before where the count says so.
        wanted.setdefault(gap.attempt, gap.first - NEAR)
    count = 0
    async for _span, lines in Walk(pages):
        count += 1
        for line in lines:
            if line.sequence_num < wanted.get(line.attempt, -1):
                del wanted[line.attempt]
        if not wanted or not ledger.missing or count >= MOST_PAGES:
            return


class _Body(Protocol[Made_co]):
    """Makes batches of the pieces of a body."""

    @property
    def failed(self) -> bool: ...
    def feed(self, piece: bytes, /) -> Iterator[Made_co]: ...
    def finish(self) -> Iterator[Made_co]: ...


class _AllCame:
    """Says that a download has come whole."""


class _Download(Generic[Batch]):
    """Reads one download in a thread and hands its batches to the loop.

    ``None`` in the queue says that the rest has to come from elsewhere. An error
    nobody foresaw is handed over to be raised there.
    """

    def __init__(self, source: LogSource, job: Job, body: _Body[Batch]) -> None:
        self._source = source
        self._job = job
        self._body = body
        self._loop = asyncio.get_running_loop()
        self._answer: RawAnswer | None = None
        self._stopped = False
        self._queue: asyncio.Queue[Batch | _AllCame | BaseException | None] = (
            asyncio.Queue(QUEUED_BATCHES)
        )

    def start(self) -> None:
        threading.Thread(target=self._run, name="raw download", daemon=True).start()

    async def next(self) -> Batch | _AllCame | None:
        batch = await self._queue.get()
        if isinstance(batch, BaseException):
            raise batch
        return batch

    def stop(self) -> None:
        """End the download; the thread follows by itself."""
        self._stopped = True
        if self._answer is not None:
            self._answer.abort()
        while not self._queue.empty():
            self._queue.get_nowait()

    def _run(self) -> None:
        end: _AllCame | BaseException | None = None
        try:
            with self._source.download(
                self._job.workflow_id, self._job.id, format=RawFormat.JSONL
            ) as answer:
                self._answer = answer
                if answer.format is RawFormat.JSONL and self._read(answer):
                    end = _AllCame()
        except ChronotuiError:
            end = None
        except BaseException as problem:  # noqa: BLE001 - handed to the reader
            end = problem
        finally:
            # Without it the reader waits for ever.
            self._put(end)

    def _read(self, answer: RawAnswer) -> bool:
        """Hand over every line; False when the body is not whole."""
        body = self._body
        try:
            for chunk in answer.chunks():
                if not self._hand_over(body.feed(chunk)):
                    return False
        finally:
            whole = self._hand_over(body.finish())
        return whole and not body.failed

    def _hand_over(self, batches: Iterable[Batch]) -> bool:
        return all(map(self._put, batches)) and not self._stopped

    def _put(self, batch: Batch | _AllCame | BaseException | None) -> bool:
        if self._stopped:
            return False
        putting = self._queue.put(batch)
        try:
            asyncio.run_coroutine_threadsafe(putting, self._loop).result()
        except (RuntimeError, FutureCancelledError):
            putting.close()
            return False
        return True
