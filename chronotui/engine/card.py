"""Gathering a job's card: its log, what is usual, and what the last good run said.

A card is had in steps, each telling more, so that a desk can show the first at once.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from chronotui.engine.diff import diff_jobs
from chronotui.engine.ending import short_words
from chronotui.engine.retained import LineSelection, RetainedLog
from chronotui.engine.retry import Retries
from chronotui.engine.save_request import free_path, safe_name, shorten
from chronotui.engine.timing import Clock, WatchTiming
from chronotui.errors import ChronotuiError
from chronotui.log.card import CardNews, JobCard, KindCount
from chronotui.log.differences import Change
from chronotui.log.excerpts import excerpts_of
from chronotui.log.store import LogStore
from chronotui.model import JobFilter, JobStatus
from chronotui.paging import CursorTrail
from chronotui.storage.files import PartFile
from chronotui.text import clean, plural
from chronotui.tree.health import USUAL_RUNS, usual_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from chronotui.engine.job_log import JobLog, LogState
    from chronotui.log.chunks import Overflow
    from chronotui.log.handoff import Origin
    from chronotui.model import Job, Workflow
    from chronotui.sources.protocol import Source

ENDING: Final = ".md"

MEMORY_BYTES: Final = 64 << 20

RUNNING_TAIL: Final = 2_000
"""Newest lines that are read of a job that goes on."""

MOST_PAGES: Final = 10
"""Pages of good runs that are looked through for those before a job."""


COMPARING: Final = "What is new against the last good run is being read …"
NO_GOOD_RUN: Final = "No good run before it to compare with."


class CardLog(NamedTuple):
    """The lines a card is made of.

    Attributes:
        store: Holds them; None where none could be read.
        verdict: What is known of their completeness.
    """

    store: LogStore | None
    verdict: str


class JobCardReader:
    """Gathers the card of one job.

    Args:
        origin: Whose card it is, as it stands in the card and in its command.
        held: The job's log, where it is open.
        spool: Opens a place for lines beyond memory.
        tell: Takes sentences on what takes long.

    Attributes:
        exit_code: 0, 6 where the log is not whole, or what says why there is none.
    """

    def __init__(
        self,
        client: Source,
        workflow: Workflow | None,
        job: Job,
        origin: Origin,
        *,
        held: JobLog | None = None,
        spool: Callable[[], Overflow] | None = None,
        tell: Callable[[str], None] = lambda _: None,
        clock: Clock | None = None,
    ) -> None:
        self._client = client
        self._workflow = workflow
        self._held = held
        self._spool = spool
        self._clock = clock or Clock()
        self._retries = Retries(tell, clock=self._clock)
        self._good: list[Job] = []
        now = datetime.fromtimestamp(self._clock.wall(), UTC)
        self._card = JobCard(
            origin=origin, job=job, attempts=job.attempts or 1, now=now
        )
        self.exit_code = 0

    async def texts(self) -> AsyncIterator[str]:
        """Yield the card, each time with more in it.

        What cannot be had is said in it.
        """
        if self._held is not None:
            self._take(CardLog(self._held.store, verdict_words(self._held.state)))
            yield self._card.text()
        is_enough = self._has_error_whole
        await self._read_past()
        if not is_enough:
            await self._read_log()
        if not self._is_compared:
            yield self._card.text()
            return
        if not self._good:
            self._card = replace(self._card, news=CardNews(note=NO_GOOD_RUN))
            yield self._card.text()
            return
        self._card = replace(self._card, news=CardNews(note=COMPARING))
        yield self._card.text()
        await self._compare(self._good[0])
        yield self._card.text()

    def _take(self, log: CardLog) -> None:
        """Put what a log has into the card."""
        store, card = log.store, self._card
        attempts = card.attempts if store is None else max(store.attempts(), default=0)
        self._card = replace(
            card,
            attempts=max(card.attempts, attempts),
            log=None if store is None else excerpts_of(store),
            verdict=log.verdict,
        )

    async def _read_past(self) -> None:
        """Read which runs before it were good; without them nothing is usual."""
        job = self._card.job
        try:
            self._good = await good_runs_before(
                self._client, job, self._retries, most=USUAL_RUNS
            )
        except ChronotuiError as error:
            self._say_not_compared(error)
            return
        self._card = replace(self._card, usual=usual_seconds(self._good))

    async def _read_log(self) -> None:
        job, notes = self._card.job, list[str]()
        selection = None if job.has_ended else LineSelection(tail=RUNNING_TAIL)
        log = RetainedLog(
            self._client,
            self._workflow,
            job,
            selection=selection,
            tell=notes.append,
            spool=self._spool,
            clock=self._clock,
        )
        store = LogStore(budget_bytes=MEMORY_BYTES, overflow=self._spool)
        try:
            async for lines in log.batches():
                store.add(lines)
        except ChronotuiError as error:
            self.exit_code = error.exit_code
            words = clean(error.sentence).rstrip(".")
            if len(store):
                self._take(CardLog(store, f"not whole: {words}"))
            elif self._card.log is None:
                self._take(CardLog(None, f"none: {words}"))
        else:
            self.exit_code = log.exit_code if job.has_ended else 0
            self._take(CardLog(store, self._words_on(log, notes)))
        finally:
            store.close()

    @property
    def _has_error_whole(self) -> bool:
        """Whether an open log shows the last error, or that there is none."""
        held, shown = self._held, self._card.log
        if held is None or held.state.at_start:
            return held is not None
        error = None if shown is None else shown.error
        return error is not None and error.begin != held.store.line(0)

    @property
    def _is_compared(self) -> bool:
        """Whether what is new is asked: it did not end well, and has a log."""
        job = self._card.job
        bad = job.has_ended and job.status != JobStatus.COMPLETED
        return bad and self._card.log is not None and self._card.news is None

    async def _compare(self, good: Job) -> None:
        """Read this log and that of the last good run, and compare their lines."""
        notes: list[str] = []
        try:
            diff = await diff_jobs(
                self._client,
                self._workflow,
                self._card.job,
                good,
                tell=notes.append,
                spool=self._spool,
            )
        except ChronotuiError as error:
            self._say_not_compared(error)
            return
        new = [x for x in diff.found if x.change is Change.NEW]
        note = "" if diff.whole else f"Not whole: {clean(' '.join(notes))}"
        kinds = [KindCount(each.kind, each.lines) for each in new]
        news = CardNews(good, kinds, note)
        self._card = replace(self._card, news=news)

    def _say_not_compared(self, error: ChronotuiError) -> None:
        words = clean(error.sentence).rstrip(".")
        news = CardNews(note=f"Not compared with the last good run: {words}.")
        self._card = replace(self._card, news=news)

    def _words_on(self, log: RetainedLog, notes: list[str]) -> str:
        """Return what is known of a log that was read."""
        job = self._card.job
        lines = f"{plural(log.printed, 'line')}, "
        lines += short_words(log.missing, log.possible)
        said = [clean(note).rstrip(".") for note in notes]
        if not job.has_ended:
            going_on = "the job has not started"
            if not job.status.is_waiting:
                going_on = f"the job goes on; newest {lines}"
            return "; ".join([going_on, *said])
        age = job.seconds_since_end(self._clock.wall())
        if age is not None and age < WatchTiming().settled_age:
            said.append("it has just ended, and lines may still come")
        if log.exit_code:
            return "; ".join([f"not whole: {lines}", *said])
        return "; ".join([lines if said else f"whole, {lines}", *said])


def card_name(workflow: str, job: Job) -> str:
    """Return the name of a card's file, made of its workflow and its id."""
    stem = safe_name(workflow, fallback="job").replace(" ", "-")
    job_id = safe_name(job.shown_id, fallback="job")
    return shorten(f"{stem}-{job_id}-card{ENDING}")


def save_card(text: str, folder: Path, name: str, *, make_folder: bool) -> Path:
    """Save a card under a name that is free, mode 0600; may block on a slow disk.

    Raises:
        PathRefusedError: The folder cannot be written to.
        DownloadError: The disk is full.
    """
    folder = folder.expanduser()
    if make_folder:
        with suppress(OSError):  # the file says what is wrong with it
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = PartFile(free_path(folder, name))
    try:
        file.write(text.encode("utf-8", "replace"))
        file.commit()
    finally:
        file.discard()
    return file.path


def verdict_words(state: LogState) -> str:
    """Return what an opened log says of its completeness."""
    if state.verdict is not None:
        return state.verdict.sentence()
    words = f"{plural(state.lines, 'line')} held, {state.missing:,} missing"
    if state.problem is not None:
        return f"{clean(state.problem.sentence).rstrip('.')}; {words}"
    if state.job.has_ended:
        return f"not read to its end yet; {words}"
    part = "" if state.at_start else "newest "
    return f"the job goes on; {part}{words}"


async def good_runs_before(
    client: Source, job: Job, retries: Retries, *, most: int
) -> list[Job]:
    """Return the jobs of its workflow that were COMPLETED and began before a job.

    The newest come first; there are at most so many.

    Raises:
        ChronotuiError: They cannot be listed.
    """
    only = JobFilter(status=JobStatus.COMPLETED)
    trail = CursorTrail()
    cursor: str | None = None
    found: list[Job] = []
    for _ in range(MOST_PAGES):
        page = await retries.ask(
            partial(client.jobs, job.workflow_id, cursor=cursor, only=only)
        )
        found += (each for each in page.items if _is_good_before(each, job))
        cursor = trail.follow(page.cursor, progress=page.brought_any)
        if cursor is None or len(found) >= most:
            break
    return found[:most]


def _is_good_before(other: Job, job: Job) -> bool:
    if other.id == job.id or other.status != JobStatus.COMPLETED:
        return False
    began, other_began = _began(job), _began(other)
    return began is None or (other_began is not None and other_began < began)


def _began(job: Job) -> datetime | None:
    return job.started_at or job.created_at or job.scheduled_at
