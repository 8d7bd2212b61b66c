"""Reads the runs of an app into the tree: further pages, what is new, what still runs.

A list of runs costs its server much. What is loaded is kept: only what is newer is
asked for, from a little before the newest that is known, and what has not ended is
read alone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from heapq import nsmallest
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.engine.list_readers import (
    ALONE,
    CATCH_UP_PAGES,
    SKIPPED_PAGES,
    ListReader,
)
from chronotui.errors import (
    AuthError,
    ChronotuiError,
    OverloadedError,
    UnreachableError,
)
from chronotui.model import JobStatus
from chronotui.tree.days import TimedIds
from chronotui.tree.listing import ListPosition, Loading
from chronotui.tree.run_row import is_stale

if TYPE_CHECKING:
    from chronotui.engine.timing import Backoff
    from chronotui.model import Job, Page
    from chronotui.sources.protocol import RunSource
    from chronotui.tree.branch import Branch

OVERLAP: Final = timedelta(seconds=30)
"""A row may be written so long after its time."""

SKEW: Final = timedelta(seconds=60)
"""How far the server's clock may be from what is known of it."""

ENOUGH: Final = 10
"""Runs that fit, for which pages of others are passed over in one reading."""

TRIES: Final = 3
"""How often a run nobody can tell the state of is asked for alone."""


class TopPages(NamedTuple):
    """What was read from the top of a list.

    ``last`` is the last page, ``hidden`` how many runs the pages left out. ``meets``
    tells that nothing lies between it and what is known.
    """

    jobs: list[Job]
    last: Page[Job]
    hidden: int
    meets: bool


class RunReader(ListReader):
    """Reads the runs of an app, as they are filtered when this is made."""

    def __init__(self, client: RunSource, branch: Branch, backoff: Backoff) -> None:
        super().__init__(client, branch.listing, backoff)
        self._runs = client
        self._branch = branch
        self._filter = branch.job_filter
        self._read_at: datetime | None = None
        self._asked_in: dict[str, int] = {}
        self._in_vain: dict[str, int] = {}

    @property
    def is_active(self) -> bool:
        now = self._server_time()
        jobs = self._branch.jobs
        return any(self._may_change_soon(jobs[i], now) for i in jobs.unfinished)

    def _may_change_soon(self, job: Job, now: datetime) -> bool:
        if job.id not in self.listing:
            return False
        if job.status == JobStatus.UNKNOWN:
            return self._is_asked_for(job)
        return job.status == JobStatus.RUNNING and not is_stale(job, now)

    def _server_time(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._runs.clock_skew or 0)

    async def _read_more(self) -> None:
        """Read on until enough fits; a list that hides much waits to be asked."""
        listing, started = self.listing, self._server_time()
        begun = listing.frontier
        for _ in range(SKIPPED_PAGES):
            place = listing.next_place
            if place is None:
                break
            listing.loading = Loading.MORE if listing.answered else Loading.FIRST
            page = await self._page_at(place.cursor)
            if place.cursor is None:
                listing.total = page.total
            listing.say(page.notes)
            ids = self._branch.put(page.items)
            listing.extend(ids, _place_of(page), passed_over=page.hidden)
            listing.waits = page.hidden > 0
            if not page.hidden or listing.frontier - begun >= ENOUGH:
                listing.waits = False
                break
        self._read_at = self._read_at or started
        self.wants_more = False

    async def _read_again(self) -> list[str]:
        """Read what is new on top, then what has not ended and was not in there."""
        self.listing.loading = Loading.REFRESH
        self._rounds += 1
        started, since = self._server_time(), self._since()
        if self.from_top or since is None:
            self.from_top = False
            self._in_vain.clear()
            ids = await self._read_top(since)
        else:
            ids = await self._read_newer(since)
        self._read_at = started
        await self._read_alone(set(ids))
        return ids

    def _since(self) -> datetime | None:
        """Return the time from which on something may be new; None for always.

        Where runs are left out here, the newest may be long ago: then it is when the
        list was read last.
        """
        ids = self.listing.ids
        times = (self._branch.time_of(item) for item in ids[:ENOUGH])
        known = [time for time in times if time is not None]
        if self.listing.passed_over and self._read_at is not None:
            known.append(self._read_at - SKEW)
        return max(known, default=None)

    async def _read_newer(self, since: datetime) -> list[str]:
        """Read what is new since a time; where that is too much, begin anew."""
        page = await self._runs.newer(
            self._branch.workflow.id, since, only=self._filter
        )
        top = await self._down_to(page, since - OVERLAP, most_hidden=CATCH_UP_PAGES)
        if not top.meets:
            return await self._read_top(None)
        fresh = self._branch.merge(top.jobs)
        if self.listing.total is not None:
            self.listing.total += fresh
        self.listing.answer()
        return [job.id for job in top.jobs]

    async def _read_top(self, since: datetime | None) -> list[str]:
        """Read the beginning wholly, down to a time: what is gone from there goes.

        Without a time, or where that is too much, the list begins anew.
        """
        page = await self._page_at(None)
        top = await self._down_to(page, since, most_hidden=SKIPPED_PAGES)
        self.listing.total = page.total
        self.listing.said = ()
        self.listing.say(page.notes)
        if since is None or not top.meets or top.last.cursor is None:
            self.listing.passed_over = top.hidden
            self.listing.restart(self._branch.put(top.jobs), _place_of(top.last))
        else:
            self._branch.merge(top.jobs)
            self._branch.drop_absent([job.id for job in top.jobs])
            self.listing.answer()
        return [job.id for job in top.jobs]

    async def _down_to(
        self, page: Page[Job], moment: datetime | None, *, most_hidden: int
    ) -> TopPages:
        """Read on from a page until one holds what is older than a moment.

        So many pages that hide runs are taken to meet what is known.
        """
        jobs, hidden = list(page.items), page.hidden
        for read in range(CATCH_UP_PAGES):
            enough = page.hidden > 0 and read + 1 >= most_hidden
            if page.cursor is None or enough or _reaches(page, moment):
                return TopPages(jobs, page, hidden, meets=True)
            page = await self._page_at(page.cursor)
            jobs += page.items
            hidden += page.hidden
        return TopPages(jobs, page, hidden, meets=False)

    async def _read_alone(self, read: set[str]) -> None:
        """Ask for what has not ended and was not just read, a few, taking turns."""
        jobs = self._branch.jobs
        unread = [
            jobs[item]
            for item in jobs.unfinished
            if item not in read
            and item in self.listing
            and self._is_asked_for(jobs[item])
        ]
        for job in nsmallest(ALONE, unread, key=self._turn_of):
            self._asked_in[job.id] = self._rounds
            if job.status == JobStatus.UNKNOWN:
                self._count_vain(job)
            try:
                self._branch.update(await self._runs.reread(job))
            except (AuthError, OverloadedError, UnreachableError):
                raise
            except ChronotuiError:
                # It is about this run alone, and its row in the list is still true.
                self._count_vain(job)

    def _turn_of(self, job: Job) -> tuple[int, float]:
        """Order by when it was asked for last, then the newest first."""
        at = job.created_at
        age = 0.0 if at is None else -at.timestamp()
        return self._asked_in.get(job.id, 0), age

    def _is_asked_for(self, job: Job) -> bool:
        return self._in_vain.get(job.id, 0) < TRIES

    def _count_vain(self, job: Job) -> None:
        self._in_vain[job.id] = self._in_vain.get(job.id, 0) + 1

    async def _page_at(self, cursor: str | None) -> Page[Job]:
        return await self._runs.jobs(
            self._branch.workflow.id, cursor=cursor, only=self._filter
        )


def _place_of(page: Page[Job]) -> ListPosition | None:
    """Return where the list goes on after a page."""
    return None if page.cursor is None else ListPosition(cursor=page.cursor)


def _reaches(page: Page[Job], moment: datetime | None) -> bool:
    """Whether a page holds a run that is older than a moment."""
    if moment is None:
        return True
    ids = {job.id: job.created_at for job in page.items}
    oldest = TimedIds(list(ids), ids.get).time_at(len(ids) - 1)
    return oldest is not None and oldest < moment
