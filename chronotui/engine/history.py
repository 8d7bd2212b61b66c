"""Reading on in a retained log: older pages, newer ones, or all of it at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from chronotui.engine.raw_lines import load_raw, read_left_out
from chronotui.log.attempts import LineKey, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chronotui.engine.watch import Watch
    from chronotui.model import LogLine, SearchPage
    from chronotui.sources.protocol import LogSource

FAR_LINES: Final = 5000
"""Lines nearer than this are reached by pages."""

DOWNLOAD_SPEED: Final = 30
"""How many times as fast as by pages lines come in one download, at least."""

LINES_AROUND: Final = 1000
"""Lines loaded beyond one that was looked for."""


class HistoryPaging:
    """Pages the retained log of a watched job into the same store.

    Every ``load`` raises a ChronotuiError where pages cannot be read.

    Attributes:
        loading: Lines read of a longer reading, and how many there are if that is
            known; None when none is under way.
    """

    def __init__(
        self, source: LogSource, watch: Watch, changed: Callable[[], None]
    ) -> None:
        self._source = source
        self._watch = watch
        self._pages = watch.pages
        self._coverage = watch.pages.coverage
        self._store = watch.intake.store
        self._changed = changed
        self._downloading = asyncio.Lock()
        self._stepped = asyncio.Event()
        self.loading: tuple[int, int | None] | None = None

    async def load_older(self) -> bool:
        """Load the page below the oldest line; False when there is none."""
        if await self._open():
            return self._coverage.top is not None
        return await self._pages.read_older() is not None

    async def load_newer(self) -> bool:
        """Read on at the newest end; True when that brought lines."""
        return await self._pages.read_tail()

    async def load_all(self) -> None:
        """Load everything, through one raw download where the server has it.

        Cancel it to stop; what was loaded stays.
        """
        try:
            if not await self._load_raw():
                await self._load_pages()
        finally:
            self._loaded()

    async def load_around(self, key: LineKey) -> bool:
        """Load what is around a line; False when the log does not have it.

        That is by pages, or from the log's beginning where that is sooner.
        """
        if not self._reaches(key):
            await self._open()  # else nobody knows how far back it is
        if not self._reaches(key) and self._is_sooner_downloaded(key):
            await self._load_up_to(key)
        while not self._reaches(key):
            if not await self.load_older():
                break
        return self._store.find(key) is not None

    async def load_back_to_line(self, attempt: int, number: int) -> None:
        """Load back to a line of an attempt; all there is if there is none such."""
        await self.load_around(LineKey(attempt, number, -1, ""))

    async def load_back_to_time(self, time_ns: int) -> None:
        """Load back to the first line not before a time.

        Where that is far back in an ended job, one download of all is quicker.
        """
        ended = self._watch.job.status.is_terminal
        if ended and self._lines_back(time_ns) > FAR_LINES:
            await self.load_all()
            return
        while self._begins_after(time_ns) and await self.load_older():
            pass

    async def load_hit(self, hit: LogLine) -> LineKey | None:
        """Load up to a hit of the server's search and return its line's key.

        Documented servers give no event id, so a hit of theirs carries no attempt: its
        line is the one with its number, stream and message, in whichever attempt.

        Returns:
            None if the log does not have the line.
        """
        if hit.attempt:
            key = key_of(hit)
            return key if await self.load_around(key) else None
        found = self._held(hit)
        if found is None and not self._coverage.at_start:
            await self.load_all()
            found = self._held(hit)
        return found

    async def search(self, query: str, cursor: str | None = None) -> SearchPage:
        """Ask the server's own search for one page of hits, newest first."""
        job = self._watch.job
        return await self._source.search_logs(
            job.workflow_id, job.id, query=query, cursor=cursor
        )

    # by pages

    async def _open(self) -> bool:
        """Read the newest page, if none was read yet."""
        if self._coverage.top is not None or self._coverage.at_start:
            return False
        await self._pages.open(lambda _: True)
        return True

    async def _load_pages(self) -> None:
        done = len(self._store)
        await self._open()
        while (lines := await self._pages.read_older()) is not None:
            done += len(lines)
            self._tell(done)

    def _tell(self, done: int) -> None:
        self._stepped.set()
        top = self._coverage.top
        total = None if top is None or top.attempt > 1 else top.number + 1
        self.loading = (done, total)
        self._changed()

    def _loaded(self) -> None:
        self.loading = None
        self._changed()

    # from the beginning, in one download

    async def _load_raw(
        self, enough: Callable[[LineKey], bool] = lambda _: False
    ) -> bool:
        """Load an ended job's log from its beginning, or on from where that ended.

        Args:
            enough: Whether the line last loaded was the last one wanted.

        Returns:
            False when it has to be paged.
        """
        coverage, watch = self._coverage, self._watch
        stopped = False

        def took(lines: Sequence[LogLine]) -> bool:
            nonlocal stopped
            if not coverage.at_start:
                self._pages.loaded_head(lines)
            self._tell(coverage.head_lines)
            stopped = coverage.at_start or enough(key_of(lines[-1]))
            return stopped

        if not watch.job.status.is_terminal:
            return False
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
        coverage, pages = self._coverage, self._pages
        head = coverage.head
        if coverage.bottom is None:
            await pages.open(lambda _: True)
        if not pages.downloaded(head and head[:2]):
            return False
        await read_left_out(pages)
        return True

    def _is_sooner_downloaded(self, key: LineKey) -> bool:
        """Whether a line is reached sooner from the log's beginning than by pages."""
        bottom, head = self._coverage.bottom, self._coverage.head
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
        place = self._coverage.key
        beyond = (key.attempt, key.sequence_num + LINES_AROUND)
        try:
            while self._downloading.locked() and not self._reaches(key):
                self._stepped.clear()
                await self._stepped.wait()
            if not self._reaches(key):
                await self._load_raw(lambda last: place(last[:2]) >= place(beyond))
        finally:
            self._loaded()

    # what is held

    def _reaches(self, key: LineKey) -> bool:
        """Whether what is loaded goes past a line's place, or holds the line."""
        return self._store.find(key) is not None or self._coverage.reaches(key[:2])

    def _held(self, hit: LogLine) -> LineKey | None:
        for attempt in reversed(self._store.attempts()):
            key = key_of(hit._replace(attempt=attempt))
            index = self._store.find(key)
            if index is not None and self._store.line(index).message == hit.message:
                return key
        return None

    def _oldest(self) -> int:
        """Return the first line of what was paged back to, counted in the store."""
        bottom = self._coverage.bottom
        if bottom is None or self._coverage.at_start:
            return 0
        place = self._store.bisect(LineKey(*bottom[:2], -1, ""))
        return min(place, len(self._store) - 1)

    def _begins_after(self, time_ns: int) -> bool:
        """Whether lines before a time may be missing; one without it tells nothing."""
        if not len(self._store):
            return True
        oldest = self._store.line(self._oldest()).time_ns
        return oldest is None or oldest > time_ns

    def _lines_back(self, time_ns: int) -> float:
        """Return how many lines before the paged ones a time may be, at their rate."""
        store = self._store
        if not len(store):
            return 0
        first, last = self._oldest(), len(store) - 1
        oldest, newest = store.line(first).time_ns, store.line(last).time_ns
        if oldest is None or newest is None or newest <= oldest:
            return 0
        return (oldest - time_ns) * (last - first) / (newest - oldest)
