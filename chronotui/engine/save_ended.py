"""A finished download, held against the retained log before it gets its name."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from chronotui.engine.retained import RetainedLog
from chronotui.engine.retry import Retries
from chronotui.engine.save_download import (
    EntryWriter,
    Fetch,
    Fetched,
    FirstEntries,
    OtherFormatError,
    PlainWriter,
    TextMeasure,
)
from chronotui.engine.save_request import (
    SavePhase,
    count_of_lines,
    in_thread,
    size_text,
)
from chronotui.engine.save_work import build_from_pages, encoder_for, found_lines
from chronotui.engine.selection import LineSelection
from chronotui.errors import (
    AuthError,
    ChronotuiError,
    DownloadError,
    MissingError,
    NotFoundError,
    NotSignedInError,
    RequestRefusedError,
    ServerError,
)
from chronotui.log.formats import text_bytes
from chronotui.log.raw_body import DownloadEnd, judge
from chronotui.log.wholeness import (
    DownloadFacts,
    RawPlace,
    Retained,
    Whole,
    Wholeness,
    decide,
    last_place,
    raw_place,
)
from chronotui.model import STDERR, STDOUT, RawFormat
from chronotui.paging import CursorTrail, PageOrder, order_of
from chronotui.text import clean

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from chronotui.engine.save_download import Writer
    from chronotui.engine.save_work import Work
    from chronotui.engine.timing import WatchTiming
    from chronotui.log.raw_body import DownloadVerdict
    from chronotui.log.wholeness import Numbers
    from chronotui.model import Job, LogPage, SearchPage
    from chronotui.storage.files import PartFile

COUNTED: Final = "counted against the retained log"

_EMPTY_PAGES: Final = 20
"""So many empty pages are walked over to a page's lines."""

_PAGES_COUNTED: Final = 200
"""So many pages are read to say how many lines a short file lacks."""

_SCANNED: Final = 4 << 20

_LATER: Final = (
    "Try again. chronotui logs reads from the pages what a download leaves out."
)


class ShortDownloadError(DownloadError):
    """A download that ended properly and has not all the lines of the log."""


class Counted(NamedTuple):
    """The log as counted line by line in another way."""

    lines: int
    text_lines: int
    text_size: int
    missing: int


async def prove(
    work: Work, job: Job, fetched: Fetched, attempts: Mapping[int, Numbers]
) -> None:
    """Judge a download that ended as HTTP wants it; the work keeps what was found.

    Args:
        work: The save.
        job: The job.
        fetched: The download.
        attempts: Its lines by attempt, where its way of writing told them.

    Raises:
        ShortDownloadError: It has fewer lines than the retained log.
        DownloadError: It ends with the server's failure trailer.
        MissingError: It failed at once, for the log is not kept by policy.
    """
    work.meter.phase = SavePhase.CHECKING
    verdict = judge(fetched.raw_format, fetched.tail)
    if verdict.ending is DownloadEnd.SHORT:
        await _refuse_cut(work)
    retained = await newest_retained(work, must=verdict.ending is not DownloadEnd.WHOLE)
    if verdict.ending is DownloadEnd.FAILED:
        _fail(work, verdict)
    request, part = work.request, work.part
    held = DownloadFacts(
        fetched.raw_format,
        work.meter.lines,
        fetched.size,
        fetched.tail,
        bool(request.stream or request.query),
        attempts,
    )
    finding = Wholeness(Whole.UNDECIDED)
    if verdict.ending is DownloadEnd.DOUBTFUL:
        _fail_unless_said_by_job(work, verdict, retained)
    elif part is not None:
        finding = await in_thread(
            lambda: decide(held, retained, lambda end: _repeats(part, end)),
            part.abandon,
        )
    match finding.answer:
        case Whole.WHOLE:
            work.held = COUNTED
        case Whole.UNVERIFIABLE:
            work.unverified = finding.why
        case Whole.SHORT:
            await _refuse_short(work, held, finding.expected)
        case _:
            await _count(work, job, _Doubt(held, retained, finding, verdict))


async def _refuse_cut(work: Work) -> NoReturn:
    """Say after how many lines a body stops in the middle of one, of how many."""
    request = work.request
    retained = await newest_retained(work)
    least = retained.least_lines(filtered=bool(request.stream or request.query))
    of_all = f" of at least {least:,}" if least else ""
    raise ShortDownloadError(
        "The download is short: it stops in the middle of a line after "
        f"{count_of_lines(work.meter.lines)}{of_all}.",
        next_step=_LATER,
    )


def _fail(work: Work, verdict: DownloadVerdict) -> NoReturn:
    reason = clean(verdict.reason) or "it gave no reason"
    raise DownloadError(
        f"The server broke off the download after "
        f"{count_of_lines(work.meter.lines)}: {reason}.",
        next_step=_LATER,
    )


def _fail_unless_said_by_job(
    work: Work, verdict: DownloadVerdict, retained: Retained
) -> None:
    """Tell from the newest lines whether a trailer's words are the job's own.

    Where they say the same words, every line has to be counted.
    """
    words = [word for line in retained.newest for word in line.message.split("\n")]
    if retained.newest and tuple(words[-len(verdict.lines) :]) != verdict.lines:
        _fail(work, verdict)


def _repeats(part: PartFile, end: bytes) -> bool:
    """Whether a file's end stands in it before, too."""
    offset, seam = 0, b"\n"
    while offset < part.size:
        block = part.read(offset, _SCANNED)
        offset += len(block)
        text = seam + (block if offset < part.size else block[:-1])
        if not block or end in text:
            return bool(block)
        seam = text[1 - len(end) :]
    return False


async def _refuse_short(
    work: Work, held: DownloadFacts, expected: int | None
) -> NoReturn:
    """Say how many lines a short file has, of how many."""
    whole = "" if expected is None else f"{expected:,}"
    if not whole:
        newer, all_seen = await _newer_lines(work, held)
        whole = f"{held.lines + newer:,}" if newer else "more"
        whole = whole if all_seen else f"at least {whole}"
    raise ShortDownloadError(
        f"The download is short: it has {held.lines:,} of {whole} lines of the "
        "retained log, although it ended as if it were whole.",
        next_step=_LATER,
    )


async def _newer_lines(work: Work, held: DownloadFacts) -> tuple[int, bool]:
    """Count the retained lines after a file's last one; and whether that is all."""
    last = last_place(held.raw_format, held.tail) or RawPlace(-1, "", "")
    trail, newer = CursorTrail(), 0
    cursor: str | None = None
    with suppress(ChronotuiError):
        for _ in range(_PAGES_COUNTED):
            page = await _page(work, work.request.stream, cursor)
            later = [line for line in page.lines if raw_place(line) > last]
            newer += len(later)
            cursor = trail.follow(page.cursor)
            if len(later) < len(page.lines) or cursor is None:
                return newer, not trail.looped
    return newer, False


class _Doubt(NamedTuple):
    """A file of which every line has to be counted, and why."""

    held: DownloadFacts
    retained: Retained
    finding: Wholeness
    verdict: DownloadVerdict

    @property
    def is_text(self) -> bool:
        return self.held.raw_format is RawFormat.TXT

    @property
    def is_trailer(self) -> bool:
        """Whether it ends in what may be the server's failure trailer."""
        return self.verdict.ending is DownloadEnd.DOUBTFUL


async def _count(work: Work, job: Job, doubt: _Doubt) -> None:
    """Count the log line by line in another way, and compare.

    Raises:
        DownloadError: The file is short, or ends in the server's trailer, or it cannot
            be told whether it does.
    """
    held, expected = doubt.held, doubt.finding.expected
    counted, why = await _counted(work, job, doubt)
    if counted is not None:
        await _compare(work, job, doubt, counted)
        return
    if doubt.is_trailer:
        raise DownloadError(
            "The download ends in the words a failed one ends in, and the log could "
            f"not be read another way to tell: {why}.",
            next_step="Try again, or save it as jsonl, where the end is certain.",
        )
    if expected is None:
        work.unverified = why
    elif doubt.is_text:
        await _refuse_short(work, held, expected)
    else:
        # It goes on to the newest line: what it lacks is lacking inside.
        work.held, work.missing_lines = COUNTED, expected - held.lines


async def _compare(work: Work, job: Job, doubt: _Doubt, counted: Counted) -> None:
    held = doubt.held
    size = held.size + (doubt.is_text and not held.tail.endswith(b"\n"))
    if doubt.is_trailer and size != counted.text_size:
        if held.size - doubt.verdict.trailer_bytes == counted.text_size:
            _fail(work, doubt.verdict)
        raise DownloadError(
            "The download ends in the words a failed one ends in, and the log as text "
            f"has {counted.text_size:,} bytes, not the {held.size:,} downloaded.",
            next_step="Try again, or save it as jsonl, where the end is certain.",
        )
    work.held, work.missing_lines = COUNTED, counted.missing
    if doubt.is_text:
        if size != counted.text_size and counted.text_lines > held.lines:
            await _refuse_short(work, held, counted.text_lines)
        return
    left_out = counted.lines - held.lines
    if left_out > 0:
        lines = count_of_lines(left_out)
        work.notes.append(
            f"The server's own download leaves out {lines} of its retained log: the "
            "file was built from its pages."
        )
        await build_from_pages(work, job)


async def _counted(work: Work, job: Job, doubt: _Doubt) -> tuple[Counted | None, str]:
    """Count the log's lines; None and why when that cannot be done."""
    try:
        counted = None
        if doubt.is_text:
            counted = await _counted_entries(work, doubt.retained)
        if counted is not None:
            return counted, ""
        return await _counted_lines(work, job)
    except (ChronotuiError, OtherFormatError) as problem:
        words = getattr(problem, "sentence", "")
        return None, clean(words).rstrip(".")


async def _counted_entries(work: Work, retained: Retained) -> Counted | None:
    """Count a jsonl download; None where there is none, or no whole one."""
    measure = TextMeasure()
    fetch = Fetch(work.client, work.request, RawFormat.JSONL, lambda _hint: measure)
    try:
        fetched = await in_thread(fetch.run, fetch.stop)
    except (ChronotuiError, OtherFormatError):
        return None
    request = work.request
    held = DownloadFacts(
        RawFormat.JSONL,
        measure.lines,
        fetched.size,
        fetched.tail,
        bool(request.stream or request.query),
        measure.attempts,
    )
    whole = judge(RawFormat.JSONL, fetched.tail).ending is DownloadEnd.WHOLE
    if not whole or decide(held, retained).answer is not Whole.WHOLE:
        return None
    return Counted(measure.lines, measure.text_lines, measure.size, 0)


async def _counted_lines(work: Work, job: Job) -> tuple[Counted | None, str]:
    """Count the retained log, or what the server's search finds in it."""
    lines = text_lines = size = missing = 0
    request, counted_before = work.request, work.meter.lines
    log = RetainedLog(
        work.client,
        request.workflow,
        job,
        selection=LineSelection(stream=request.stream),
        timing=work.watch.timing,
        spool=work.spool,
    )
    async for batch in found_lines(work) if request.query else log.batches():
        lines += len(batch)
        texts = [text_bytes(line.message) for line in batch]
        text_lines += sum(text.count(b"\n") + 1 for text in texts)
        size += sum(len(text) + 1 for text in texts)
    work.meter.lines = counted_before
    if not request.query:
        missing = log.missing
        if log.unread:
            return None, log.unread
    return Counted(lines, text_lines, size, missing), ""


async def newest_retained(work: Work, *, must: bool = False) -> Retained:
    """Read the newest retained lines under a save's own filter.

    Args:
        work: The save.
        must: Whether a refusal of the log itself is raised.

    Raises:
        MissingError: As asked for.
        AuthError: As asked for.
    """
    request = work.request
    filtered = bool(request.stream or request.query)
    try:
        if filtered:
            return await _newest_found(work, request.stream)
        newest = await _newest_listed(work)
    except ChronotuiError as problem:
        if must and isinstance(problem, MissingError | AuthError):
            raise
        why = clean(problem.sentence).rstrip(".")
        return Retained(refused=why) if filtered else await _newest_of_both(work, why)
    return newest or await _newest_of_both(work)


async def _newest_of_both(work: Work, why: str = "") -> Retained:
    """Ask the server's search for the newest lines of either stream.

    Args:
        work: The save.
        why: What the pages were refused with.
    """
    try:
        return _joined(
            await _newest_found(work, STDOUT), await _newest_found(work, STDERR)
        )
    except ChronotuiError:
        return Retained(refused=why)


async def _newest_listed(work: Work) -> Retained | None:
    """Read the newest page; None on a server that lists the oldest lines first."""
    return _newest_of(
        await _filled(lambda cursor: _page(work, None, cursor), work.watch.timing)
    )


async def _newest_found(work: Work, stream: str | None) -> Retained:
    """Ask the server's search for the newest lines of a stream or a query."""
    page = await _filled(lambda cursor: _page(work, stream, cursor), work.watch.timing)
    return _newest_of(page) or Retained()


async def _page(
    work: Work, stream: str | None, cursor: str | None
) -> LogPage | SearchPage:
    """Read a page of what passes the save's query, and a stream."""
    request = work.request
    if stream or request.query:
        return await work.client.search_logs(
            request.workflow_id,
            request.job_id,
            query=request.query,
            stream=stream,
            cursor=cursor,
        )
    return await work.client.log_page(
        request.workflow_id, request.job_id, cursor=cursor, fresh=True
    )


async def _filled(
    read: Callable[[str | None], Awaitable[LogPage | SearchPage]], timing: WatchTiming
) -> LogPage | SearchPage:
    """Read pages up to the first with a line, a few at most."""
    retries = Retries(timing=timing)
    page = await retries.ask(lambda: read(None))
    for _ in range(_EMPTY_PAGES):
        cursor = page.cursor
        if page.lines or cursor is None:
            break
        page = await retries.ask(lambda cursor=cursor: read(cursor))  # type: ignore[misc]
    return page


def _newest_of(page: LogPage | SearchPage) -> Retained | None:
    """Return a page's lines, oldest first; None if they may be the oldest of all."""
    order = order_of(page.lines)
    if order is None and any(line.event_id for line in page.lines):
        order = PageOrder.NEWEST_FIRST
    if order is PageOrder.NEWEST_FIRST:
        return Retained(page.lines[::-1], page.cursor is None)
    return None if page.cursor else Retained(page.lines, is_all=True)


def _joined(one: Retained, other: Retained) -> Retained:
    """Join the newest lines of both streams, as far as neither lacks any."""
    lines = sorted([*one.newest, *other.newest], key=lambda line: (line[0], line[1:3]))
    low = max(
        (
            part.newest[0][:2]
            for part in (one, other)
            if part.newest and not part.is_all
        ),
        default=None,
    )
    known = [line for line in lines if low is None or line[:2] > low]
    incomplete = not (one.is_all and other.is_all)
    if incomplete and not (one.newest and other.newest):
        # One that gave no line of its stream may have newer ones.
        empty = one if not one.newest else other
        if not empty.is_all:
            return Retained()
    return Retained(tuple(known), not incomplete)


# Saving the log of an ended job: the raw download, or the retained pages.

GROWING_SHARES: Final = (0.02, 0.04, 0.08, 0.16, 0.3, 0.4)
"""A file that is short is asked for again after such shares of the minute that a log
can still grow after its end (design note, invariant 6)."""


async def save_ended(work: Work, job: Job) -> None:
    """Write the log of an ended job.

    Raises:
        DownloadError: The download was cut, trailed or short, or the disk is full.
        ChronotuiError: The server's refusal, or the path's.
    """
    minute = work.watch.timing.end_limit
    notes = tuple(work.notes)
    for share in GROWING_SHARES:
        try:
            await _save_once(work, job)
        except ShortDownloadError:
            age = job.seconds_since_end(time.time())
            if age is None or age >= minute:
                raise
            await work.begin_again(notes)
            work.meter.restart(SavePhase.SETTLING)
            await asyncio.sleep(share * minute)
        else:
            return
    await _save_once(work, job)


async def _save_once(work: Work, job: Job) -> None:
    try:
        await _download(work, job)
    except OtherFormatError as other:
        what = str(work.request.format)
        if work.request.format.served is RawFormat.TXT:
            filtered = work.request.stream or work.request.query
            what = "filtered" if filtered else "attempt after attempt"
        work.notes.append(
            f"The server's own download gives nothing but the whole log as {other.sent}"
            f": this {what} file was built from the retained pages."
        )
    except (NotSignedInError, RequestRefusedError, NotFoundError) as refusal:
        words = clean(refusal.sentence).rstrip(".")
        work.notes.append(
            f"The server refuses its own download of this job ({words}): the file "
            "was built from the retained pages."
        )
    else:
        return
    await build_from_pages(work, job)


async def _download(work: Work, job: Job) -> None:
    """Write the raw download, byte for byte where it is the file that was asked for.

    Text of a stream, of a query or of a retried job is made from jsonl: there each
    line says which it is.

    Raises:
        OtherFormatError: The server cannot give what that takes.
    """
    request = work.request
    filtered = bool(request.stream or request.query)
    served = request.format.served
    if served is RawFormat.TXT and (filtered or await _is_retried(work, job)):
        served = None
    if served is not None and await _download_plainly(work, job, served):
        return
    await _download_entries(work, job)


async def _is_retried(work: Work, job: Job) -> bool:
    """Tell whether a job was tried more than once: its text would not show it."""
    if job.attempts is not None and job.status.is_terminal:
        return job.attempts > 1
    first = FirstEntries()
    probe = Fetch(
        work.client, work.request, RawFormat.JSONL, lambda _: first, filtered=False
    )
    try:
        await _asked(work, probe)
    except (OtherFormatError, ServerError):
        # The pages of such a server tell, or nothing does.
        return False
    return first.retried


async def _download_plainly(work: Work, job: Job, served: RawFormat) -> bool:
    """Write the body byte for byte; False if that mixes the attempts of a job."""
    request = work.request
    mark = request.format.mark
    job_id = "" if served is RawFormat.TXT else request.job_id
    writer: PlainWriter | None = None

    def begin(part: PartFile) -> Writer:
        nonlocal writer
        writer = PlainWriter(part, work.meter, mark, job_id)
        return writer

    fetched = await _fetch(work, served, begin)
    if writer is not None and writer.interleaved:
        await work.drop_part()
        return False
    await prove(work, job, fetched, {})
    return True


async def _download_entries(work: Work, job: Job) -> None:
    """Make the file from the entries of a jsonl body, attempt after attempt."""
    writer: EntryWriter | None = None

    def begin(part: PartFile) -> Writer:
        nonlocal writer
        work.meter.restart(SavePhase.DOWNLOADING)
        writer = EntryWriter(part, work.meter, encoder_for(work), work.spool)
        return writer

    try:
        fetched = await _fetch(work, RawFormat.JSONL, begin)
    finally:
        if writer is not None:
            writer.close()
    attempts = {} if writer is None else writer.attempts
    if len(attempts) > 1:
        work.notes.append(_attempts_note(work, len(attempts)))
    await prove(work, job, fetched, attempts)


def _attempts_note(work: Work, count: int) -> str:
    note = f"The job was tried {count} times: the file has one try after the other"
    if work.request.format.served is RawFormat.TXT:
        return f"{note}, made from jsonl, for the server's own text mixes them."
    return f"{note}, where the server's own mixes them."


async def _fetch(
    work: Work, raw_format: RawFormat, begin: Callable[[PartFile], Writer]
) -> Fetched:
    def opened(hint: str | None) -> Writer:
        part = work.open_part(hint)
        work.meter.phase = SavePhase.DOWNLOADING
        return begin(part)

    try:
        return await _asked(work, Fetch(work.client, work.request, raw_format, opened))
    except ServerError as broken:
        if work.part is None:
            raise
        meter = work.meter
        raise DownloadError(
            f"The download broke off after {size_text(meter.bytes)} "
            f"({count_of_lines(meter.lines)}): {broken.sentence}",
            next_step="Try again.",
        ) from broken


async def _asked(work: Work, fetch: Fetch) -> Fetched:
    """Run a download; one that does not begin is asked for again once or twice."""
    return await Retries(work.tell, timing=work.watch.timing).ask(
        lambda: in_thread(fetch.run, fetch.stop)
    )
