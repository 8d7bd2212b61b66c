"""Whether a finished download is the whole log, checked against the retained one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from chronotui.core.log_formats import text_bytes
from chronotui.core.paging import PageOrder, order_of
from chronotui.core.text import clean
from chronotui.core.trailer import Ending, holds_line, judge
from chronotui.engine.retained import RetainedLog
from chronotui.engine.saving.fetch import Fetch, OtherFormatError
from chronotui.engine.saving.progress import SavePhase
from chronotui.engine.saving.request import count_of_lines
from chronotui.engine.saving.threads import in_thread
from chronotui.engine.saving.writers import TextMeasure
from chronotui.errors import (
    AuthError,
    ChronotuiError,
    DownloadError,
    IncompleteError,
    MissingError,
    ServerError,
)
from chronotui.model import RawFormat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.core.trailer import Verdict
    from chronotui.engine.saving.fetch import Fetched
    from chronotui.engine.saving.work import Work
    from chronotui.model import Job, LogLine, LogPage


async def prove(work: Work, job: Job, fetched: Fetched) -> None:
    """Judge a download that ended as HTTP wants it.

    Raises:
        DownloadError: It ends with the server's failure trailer, or is short.
        MissingError: It failed at once, for the log is not kept by policy.
    """
    work.meter.phase = SavePhase.CHECKING
    verdict = judge(fetched.raw_format, fetched.tail)
    if verdict.ending is Ending.SHORT:
        raise DownloadError(
            "The download is short: it stops in the middle of a line after "
            f"{count_of_lines(work.meter.lines)}.",
            next_step="Try again.",
        )
    newest = await _newest_lines(work, must=verdict.ending is not Ending.WHOLE)
    if verdict.ending is Ending.FAILED:
        _fail(work, verdict)
    if verdict.ending is Ending.DOUBTFUL:
        if not await _are_log_lines(work, job, verdict, newest):
            _fail(work, verdict)
    elif newest and not _reaches(fetched, newest):
        raise DownloadError(
            f"The download is short: it has {count_of_lines(work.meter.lines)}, but "
            f"not line number {newest[-1].sequence_num:,} of the retained log.",
            next_step="Try again.",
        )


def _fail(work: Work, verdict: Verdict) -> NoReturn:
    reason = clean(verdict.reason) or "it gave no reason"
    raise DownloadError(
        f"The server broke off the download after "
        f"{count_of_lines(work.meter.lines)}: {reason}.",
        next_step="Try again.",
    )


async def _newest_lines(work: Work, *, must: bool) -> tuple[LogLine, ...]:
    """Return the newest retained lines, oldest first.

    Empty where one request cannot tell: with a filter, on a failing server, on one
    that lists oldest first.
    """
    if work.request.stream or work.request.query:
        return ()
    try:
        page = await work.client.log_page(
            work.request.workflow_id, work.request.job_id, fresh=True
        )
    except (MissingError, AuthError):
        if must:
            raise
        return ()
    except ChronotuiError:
        return ()
    return _oldest_first(page)


def _oldest_first(page: LogPage) -> tuple[LogLine, ...]:
    if order_of(page.lines) is PageOrder.NEWEST_FIRST:
        return page.lines[::-1]
    return () if page.cursor else page.lines


def _reaches(fetched: Fetched, newest: Sequence[LogLine]) -> bool:
    """Whether the end of the body holds one of the lines of the newest number."""
    number = newest[-1].sequence_num
    return any(
        holds_line(fetched.raw_format, fetched.tail, line)
        for line in newest
        if line.sequence_num == number
    )


async def _are_log_lines(
    work: Work, job: Job, verdict: Verdict, newest: Sequence[LogLine]
) -> bool:
    """Whether words at the end that look like a trailer are the job's own.

    The newest retained lines say no for certain. Where they say the same words, the
    size of the whole log as text decides.

    Raises:
        DownloadError: It cannot be told.
    """
    words = [word for line in newest for word in line.message.split("\n")]
    if newest and tuple(words[-len(verdict.lines) :]) != verdict.lines:
        return False
    size = 0 if work.part is None else work.part.size
    try:
        expected = await _size_as_text(work, job)
    except (ServerError, IncompleteError):
        expected = None
    if expected in {size, size + 1}:
        return True
    if expected == size - verdict.trailer_bytes:
        return False
    why = "the log could not be read another way to tell"
    if expected is not None:
        why = f"the log as text has {expected:,} bytes, not the {size:,} downloaded"
    raise DownloadError(
        f"The download ends in the words a failed one ends in, and {why}.",
        next_step="Try again, or save it as jsonl, where the end is certain.",
    )


async def _size_as_text(work: Work, job: Job) -> int | None:
    """Return how long the whole log is as txt, read in another way; None if cut."""
    measure = TextMeasure()
    fetch = Fetch(work.client, work.request, RawFormat.JSONL, lambda _hint: measure)
    try:
        fetched = await in_thread(fetch.run, fetch.stop)
    except OtherFormatError:
        return await _size_of_pages(work, job)
    if judge(RawFormat.JSONL, fetched.tail).ending is not Ending.WHOLE:
        return None
    return measure.size


async def _size_of_pages(work: Work, job: Job) -> int:
    log = RetainedLog(work.client, work.request.workflow, job, spool=work.spool)
    size = 0
    async for batch in log.batches():
        size += sum(len(text_bytes(line.message)) + 1 for line in batch)
    return size
