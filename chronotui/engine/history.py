"""Reading on in a retained log: older pages, newer ones, or all of it at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from chronotui.engine.raw_lines import load_raw, read_left_out
from chronotui.log.attempts import LineKey, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chronotui.engine.job_log import JobLog
    from chronotui.engine.watch import Watch
    from chronotui.log.store import LogStore
    from chronotui.model import LogLine, SearchPage
    from chronotui.sources.protocol import LogSource

if TYPE_CHECKING:
    Progress: TypeAlias = Callable[[int, int | None], None]

FAR_LINES: Final = 5000
"""Lines nearer than this are reached by pages."""

DOWNLOAD_SPEED: Final = 30
"""How many times as fast as by pages lines come in one download, at least."""

LINES_AROUND: Final = 1000
"""Lines loaded beyond one that was looked for."""


@dataclass(frozen=True, slots=True)
class Position:
    """Which part of a retained log is loaded.

    Attributes:
        oldest: (attempt, number) of the oldest retained line read.
        newest: Of the newest one.
        at_start: Whether the oldest is the log's first.
        at_end: Whether the newest was the log's last, when last looked.
    """

    oldest: tuple[int, int] | None
    newest: tuple[int, int] | None
    at_start: bool
    at_end: bool


def _never(_last: LineKey) -> bool:
    """Say of no line that it is the last one wanted."""
    return False


class HistoryPaging:
    """Pages the retained log of a watched job into the same store."""

    def __init__(
        self, source: LogSource, watch: Watch, changed: Callable[[], None]
    ) -> None:
        self._source = source
        self._watch = watch
        self._changed = changed
        self._downloading = asyncio.Lock()
        self._stepped = asyncio.Event()
        self.loading: tuple[int, int | None] | None = None

    @property
    def position(self) -> Position:
        """Which part of the retained log is loaded."""
        coverage = self._watch.pages.coverage
        return Position(
            None if coverage.bottom is None else coverage.bottom.key,
            None if coverage.top is None else coverage.top.key,
            coverage.at_start,
            coverage.at_end,
        )

    async def load_older(self) -> bool:
        """Load the page below the oldest line; False when there is none."""
        pages = self._watch.pages
        if pages.coverage.top is None and not pages.coverage.at_start:
            await pages.open(lambda _: True)
            return pages.coverage.top is not None
        return await pages.read_older() is not None

    async def load_newer(self) -> bool:
        """Read on at the newest end; True when that brought lines."""
        return await self._watch.pages.read_tail()

    async def load_all(self, progress: Progress | None) -> None:
        """Load everything, through one raw download where the server has it."""
        try:
            if not self._watch.job.status.is_terminal or not await self._load_raw(
                progress
            ):
                await self._load_pages(progress)
        finally:
            self.loading = None
            self._changed()

    async def _load_raw(
        self, progress: Progress | None, enough: Callable[[LineKey], bool] = _never
    ) -> bool:
        """Load an ended job's log from its beginning, or on from where that ended.

        Args:
            progress: Told how far it came.
            enough: Whether the line last loaded was the last one wanted.

        Returns:
            False when it has to be paged.
        """
        pages, watch = self._watch.pages, self._watch
        coverage = pages.coverage
        stopped = False

        def took(lines: Sequence[LogLine]) -> bool:
            nonlocal stopped
            if not coverage.at_start:
                pages.loaded_head(lines)
            self._tell(progress, coverage.head_lines)
            stopped = coverage.at_start or enough(key_of(lines[-1]))
            return stopped

        try:
            async with self._downloading:
                if coverage.at_start:
                    return True
                skip = coverage.head_lines
                whole = await load_raw(
                    self._source, watch.job, watch.intake, took, skip=skip
                )
                return whole and (stopped or await self._is_whole())
        finally:
            self._stepped.set()

    async def _is_whole(self) -> bool:
        """Hold a download that has ended against the pages, and read what it lacks.

        A proxy may cut it at a line's end, which nothing in it tells of.
        """
        pages = self._watch.pages
        head = pages.coverage.head
        if pages.coverage.bottom is None:
            await pages.open(lambda _: True)
        if not pages.downloaded(head and head.key):
            return False
        await read_left_out(pages)
        return True

    async def _load_pages(self, progress: Progress | None) -> None:
        pages = self._watch.pages
        done = len(self._watch.intake.store)
        if pages.coverage.top is None and not pages.coverage.at_start:
            await pages.open(lambda _: True)
        while (lines := await pages.read_older()) is not None:
            done += len(lines)
            self._tell(progress, done)

    def _tell(self, progress: Progress | None, done: int) -> None:
        self._stepped.set()
        top = self._watch.pages.coverage.top
        total = None if top is None or top.attempt > 1 else top.number + 1
        self.loading = (done, total)
        self._changed()
        if progress is not None:
            progress(done, total)

    async def search(
        self, query: str | None, stream: str | None, cursor: str | None
    ) -> SearchPage:
        """Ask the server's own search for one page."""
        job = self._watch.job
        return await self._source.search_logs(
            job.workflow_id, job.id, query=query, stream=stream, cursor=cursor
        )

    async def load_around(self, key: LineKey) -> bool:
        """Load what is around a line; False when the log does not have it.

        That is by pages, or from the log's beginning where that is sooner.
        """
        store = self._watch.intake.store
        if not self._reaches(key) and self._is_sooner_downloaded(key):
            await self._load_up_to(key)
        while not self._reaches(key):
            if not await self.load_older():
                break
        return store.find(key) is not None

    def _reaches(self, key: LineKey) -> bool:
        """Whether what is loaded goes past a line's place, or holds the line."""
        coverage = self._watch.pages.coverage
        held = self._watch.intake.store.find(key) is not None
        return held or coverage.reaches(key[:2])

    def _is_sooner_downloaded(self, key: LineKey) -> bool:
        """Whether a line is reached sooner from the log's beginning than by pages."""
        coverage = self._watch.pages.coverage
        bottom, head = coverage.bottom, coverage.head
        if bottom is None or not self._watch.job.status.is_terminal:
            return False
        if bottom.attempt != key.attempt:
            return bottom.attempt > key.attempt
        back = bottom.number - key.sequence_num
        known = head is not None and head.attempt == key.attempt
        ahead = key.sequence_num - (head.number if head and known else 0)
        return back > FAR_LINES and ahead < back * DOWNLOAD_SPEED

    async def _load_up_to(self, key: LineKey) -> None:
        """Load from the log's beginning to a little beyond a line."""
        place = self._watch.pages.coverage.key
        beyond = (key.attempt, key.sequence_num + LINES_AROUND)
        try:
            while self._downloading.locked() and not self._reaches(key):
                self._stepped.clear()
                await self._stepped.wait()
            if not self._reaches(key):
                await self._load_raw(
                    None, lambda last: place(last[:2]) >= place(beyond)
                )
        finally:
            self.loading = None
            self._changed()


# Loading a log back to a line or a time its reader wants to go to.


async def load_back_to_line(log: JobLog, attempt: int, number: int) -> None:
    """Load pages back to a line of a try; all there are if there is none such.

    Raises:
        ChronotuiError: The pages cannot be read.
    """
    await log.load_around(LineKey(attempt, number, -1, ""))


async def load_back_to_time(log: JobLog, time_ns: int) -> None:
    """Load pages back to the first line not before a time.

    Where that is far back in an ended job, one download of all is quicker.

    Raises:
        ChronotuiError: The pages cannot be read.
    """
    if log.state.job.status.is_terminal and _lines_back(log, time_ns) > FAR_LINES:
        await log.load_all()
        return
    while _begins_after(log, time_ns) and await log.load_older():
        pass


def _oldest(log: JobLog) -> int:
    """Return the first line of what was paged back to, counted in the store."""
    oldest = log.position.oldest
    if oldest is None or log.state.at_start:
        return 0
    return min(log.store.bisect(LineKey(*oldest, -1, "")), len(log.store) - 1)


def _begins_after(log: JobLog, time_ns: int) -> bool:
    """Whether lines before a time may be missing; a line without one tells nothing."""
    oldest = log.store.line(_oldest(log)).time_ns if len(log.store) else None
    return oldest is None or oldest > time_ns


def _lines_back(log: JobLog, time_ns: int) -> float:
    """Return how many lines before the paged ones a time may be, at their rate."""
    if not len(log.store):
        return 0
    first, last = _oldest(log), len(log.store) - 1
    oldest, newest = log.store.line(first).time_ns, log.store.line(last).time_ns
    if oldest is None or newest is None or newest <= oldest:
        return 0
    return (oldest - time_ns) * (last - first) / (newest - oldest)


# From a hit of the server's search to its line in the opened log.


async def load_hit(log: JobLog, hit: LogLine) -> LineKey | None:
    """Load the pages up to a hit and return its line's key; None if it is not there.

    Documented servers give no event id, so a hit of theirs carries no attempt: its
    line is the one with its number, stream and message, in whichever attempt.

    Raises:
        ChronotuiError: The pages cannot be read.
    """
    if hit.attempt:
        key = key_of(hit)
        return key if await log.load_around(key) else None
    found = _held(log.store, hit)
    if found is None and not log.state.at_start:
        await log.load_all()
        found = _held(log.store, hit)
    return found


def _held(store: LogStore, hit: LogLine) -> LineKey | None:
    for attempt in reversed(store.attempts()):
        key = key_of(hit._replace(attempt=attempt))
        index = store.find(key)
        if index is not None and store.line(index).message == hit.message:
            return key
    return None
