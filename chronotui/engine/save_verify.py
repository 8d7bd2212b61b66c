"""A finished download, held against the retained log before it gets its name.

`log.wholeness` decides from the newest retained lines; where those do not tell, the
whole log is counted line by line in another way.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from chronotui.engine.retained import LineSelection, RetainedLog
from chronotui.engine.retry import Retries
from chronotui.engine.save_download import Fetch, OtherFormatError, TextMeasure
from chronotui.engine.save_request import SavePhase, in_thread
from chronotui.errors import (
    AuthError,
    ChronotuiError,
    DownloadError,
    MissingError,
    UnreadableAnswerError,
)
from chronotui.log.raw_body import DownloadEnd, judge
from chronotui.log.store import LogStore
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
from chronotui.text import clean, plural

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from chronotui.engine.save_download import Fetched, Work
    from chronotui.log.raw_body import DownloadVerdict
    from chronotui.log.wholeness import Numbers
    from chronotui.model import Job, LogLine, LogPage, SearchPage
    from chronotui.storage.files import PartFile

COUNTED: Final = "counted against the retained log"
AS_RETAINED: Final = "as the retained log has them"

GROWING_SHARES: Final = (0.02, 0.04, 0.08, 0.16, 0.3, 0.4)
"""A file that is short is asked for again after such shares of the minute that a log
can still grow after its end (DESIGN.md, invariant 6)."""

_EMPTY_PAGES: Final = 20
"""So many empty pages are walked over to a page's lines."""

_PAGES_COUNTED: Final = 200
"""So many pages are read to say how many lines a short file lacks."""

_SCANNED: Final = 4 << 20

_LATER: Final = (
    "Try again. chronotui logs reads from the pages what a download leaves out."
)

_BUDGET_BYTES: Final = 32 << 20
SLICE_LINES: Final = 1000
"""Lines taken from a store in one go: well under a frame's time."""


class ShortDownloadError(DownloadError):
    """A download that ended properly and has not all the lines of the log."""


async def verify(
    work: Work, job: Job, fetched: Fetched, attempts: Mapping[int, Numbers]
) -> bool:
    """Judge a download that ended as HTTP wants it; the work keeps what was found.

    ``attempts`` are its lines by attempt, where its way of writing told them.

    Returns:
        False where it is as the server gives it, and the pages have more lines.

    Raises:
        ShortDownloadError: It has fewer lines than the retained log.
        DownloadError: It ends with the server's failure trailer.
        MissingError: It failed at once, for the log is not kept by policy.
    """
    work.meter.phase = SavePhase.CHECKING
    verdict = judge(fetched.raw_format, fetched.tail)
    if verdict.ending is DownloadEnd.SHORT:
        await _refuse_cut(work)
    retained = await _newest_retained(work, must=verdict.ending != DownloadEnd.WHOLE)
    if verdict.ending is DownloadEnd.FAILED:
        _fail(work, verdict)
    held = _facts(work, fetched, work.meter.lines, attempts)
    part = work.part
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
            return await _count(work, job, _Doubt(held, retained, finding, verdict))
    return True


def _facts(
    work: Work, got: Fetched, lines: int, attempts: Mapping[int, Numbers]
) -> DownloadFacts:
    filtered = work.request.is_filtered
    return DownloadFacts(got.raw_format, lines, got.size, got.tail, filtered, attempts)


async def _refuse_cut(work: Work) -> NoReturn:
    """Say after how many lines a body stops in the middle of one, of how many."""
    retained = await _newest_retained(work)
    least = retained.least_lines(filtered=work.request.is_filtered)
    of_all = f" of at least {least:,}" if least else ""
    raise ShortDownloadError(
        "The download is short: it stops in the middle of a line after "
        f"{plural(work.meter.lines, 'line')}{of_all}.",
        next_step=_LATER,
    )


def _fail(work: Work, verdict: DownloadVerdict) -> NoReturn:
    reason = clean(verdict.reason) or "it gave no reason"
    raise DownloadError(
        f"The server broke off the download after "
        f"{plural(work.meter.lines, 'line')}: {reason}.",
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


async def _count(work: Work, job: Job, doubt: _Doubt) -> bool:
    """Count the log line by line in another way, and compare; as `verify`.

    Raises:
        DownloadError: The file is short, or ends in the server's trailer, or it cannot
            be told whether it does.
    """
    held, expected = doubt.held, doubt.finding.expected
    counted = await _counted(work, job, doubt)
    if not isinstance(counted, str):
        return await _compare(work, doubt, *counted)
    if doubt.is_trailer:
        raise DownloadError(
            "The download ends in the words a failed one ends in, and the log could "
            f"not be read another way to tell: {counted}.",
            next_step="Try again, or save it as jsonl, where the end is certain.",
        )
    if expected is None:
        work.unverified = counted
    elif doubt.is_text:
        await _refuse_short(work, held, expected)
    else:
        # It goes on to the newest line: what it lacks is lacking inside.
        work.held, work.missing_lines = COUNTED, expected - held.lines
    return True


async def _compare(
    work: Work, doubt: _Doubt, counted: TextMeasure, missing: int
) -> bool:
    held = doubt.held
    size = held.size + (doubt.is_text and not held.tail.endswith(b"\n"))
    if doubt.is_trailer and size != counted.size:
        if held.size - doubt.verdict.trailer_bytes == counted.size:
            _fail(work, doubt.verdict)
        raise DownloadError(
            "The download ends in the words a failed one ends in, and the log as text "
            f"has {counted.size:,} bytes, not the {held.size:,} downloaded.",
            next_step="Try again, or save it as jsonl, where the end is certain.",
        )
    work.held, work.missing_lines = COUNTED, missing
    if doubt.is_text:
        if size != counted.size and counted.text_lines > held.lines:
            await _refuse_short(work, held, counted.text_lines)
        return True
    left_out = counted.lines - held.lines
    if left_out <= 0:
        return True
    work.notes.append(
        f"The server's own download leaves out {plural(left_out, 'line')} of its "
        "retained log: the file was built from its pages."
    )
    return False


async def _counted(
    work: Work, job: Job, doubt: _Doubt
) -> tuple[TextMeasure, int] | str:
    """Count the log's lines, and those it lacks itself; why when that fails."""
    try:
        if doubt.is_text:
            counted = await _counted_entries(work, doubt.retained)
            if counted is not None:
                return counted, 0
        return await _counted_lines(work, job)
    except ChronotuiError as problem:
        return clean(problem.sentence).rstrip(".")


async def _counted_entries(work: Work, retained: Retained) -> TextMeasure | None:
    """Count a jsonl download; None where there is none, or no whole one."""
    measure = TextMeasure()
    try:
        fetched = await Fetch(work, RawFormat.JSONL, measure).run()
    except (ChronotuiError, OtherFormatError):
        return None
    held = _facts(work, fetched, measure.lines, measure.attempts)
    whole = judge(RawFormat.JSONL, fetched.tail).ending is DownloadEnd.WHOLE
    if not whole or decide(held, retained).answer is not Whole.WHOLE:
        return None
    return measure


async def _counted_lines(work: Work, job: Job) -> tuple[TextMeasure, int] | str:
    """Count the retained log, or what the server's search finds in it."""
    measure, counted_before = TextMeasure(), work.meter.lines
    log = retained_log(work, job)
    async for batch in found_lines(work) if work.request.query else log.batches():
        for line in batch:
            measure.add(line.message)
    work.meter.lines = counted_before
    if work.request.query:
        return measure, 0
    return log.unread or (measure, log.missing)


# The retained log: its newest lines, and all of them.


async def _newest_retained(work: Work, *, must: bool = False) -> Retained:
    """Read the newest retained lines under a save's own filter.

    Raises:
        MissingError: The log itself is refused, and ``must`` asks for that.
        AuthError: As above.
    """
    request = work.request
    try:
        if request.is_filtered:
            return await _newest_found(work, request.stream)
        newest = _newest_of(await _filled(work, None))
    except ChronotuiError as problem:
        if must and isinstance(problem, MissingError | AuthError):
            raise
        why = clean(problem.sentence).rstrip(".")
        if request.is_filtered:
            return Retained(refused=why)
        return await _newest_of_both(work, why)
    # A server that lists the oldest lines first gives none.
    return newest or await _newest_of_both(work)


async def _newest_of_both(work: Work, why: str = "") -> Retained:
    """Ask the server's search for the newest lines of either stream.

    ``why`` is what the pages were refused with.
    """
    try:
        return _joined(
            await _newest_found(work, STDOUT), await _newest_found(work, STDERR)
        )
    except ChronotuiError:
        return Retained(refused=why)


async def _newest_found(work: Work, stream: str | None) -> Retained:
    """Ask the server's search for the newest lines of a stream or a query."""
    return _newest_of(await _filled(work, stream)) or Retained()


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


async def _filled(work: Work, stream: str | None) -> LogPage | SearchPage:
    """Read pages up to the first with a line, a few at most."""
    retries = Retries(timing=work.watch.timing)
    cursor: str | None = None
    for _ in range(_EMPTY_PAGES + 1):
        page = await retries.ask(partial(_page, work, stream, cursor))
        cursor = page.cursor
        if page.lines or cursor is None:
            break
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
    parts = (one, other)
    if any(not part.newest and not part.is_all for part in parts):
        # One that gave no line of its stream may have newer ones.
        return Retained()
    lows = [part.newest[0][:2] for part in parts if not part.is_all]
    known = [line for line in lines if not lows or line[:2] > max(lows)]
    return Retained(tuple(known), not lows)


def retained_log(
    work: Work, job: Job, tell: Callable[[str], None] = lambda _: None
) -> RetainedLog:
    """Return a reading of the pages, of the request's stream alone."""
    return RetainedLog(
        work.client,
        work.request.workflow,
        job,
        selection=LineSelection(stream=work.request.stream),
        timing=work.watch.timing,
        tell=tell,
        spool=work.spool,
    )


async def found_lines(work: Work) -> AsyncIterator[list[LogLine]]:
    """Yield the hits of the request's query and stream, in the log's order.

    The search lists newest first: the hits are gathered before the first is
    yielded, past a small budget in the spool file.

    Raises:
        UnreadableAnswerError: The server hands out the same page for ever.
        ChronotuiError: The search cannot be read.
    """
    stream = work.request.stream
    retries = Retries(timing=work.watch.timing)
    store = LogStore(budget_bytes=_BUDGET_BYTES, overflow=work.spool)
    cursor: str | None = None
    try:
        trail = CursorTrail()
        while True:
            page = await retries.ask(partial(_page, work, stream, cursor))
            wanted = [x for x in page.lines if stream in {None, x.stream}]
            added = store.add(wanted)
            work.meter.lines = len(store)
            cursor = trail.follow(page.cursor, progress=bool(added.new))
            if cursor is None:
                break
        if trail.looped:
            raise UnreadableAnswerError(
                "The server's search repeats the same page without end.",
                next_step="Save without the query, or search for other words.",
            )
        work.meter.lines = 0
        for start in range(0, len(store), SLICE_LINES):
            yield store.lines(start, start + SLICE_LINES)
    finally:
        store.close()
