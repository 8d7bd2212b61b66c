"""The fleet: what runs and what failed over all workflows, within a budget.

It begins with a sweep, several requests at a time, and then reads one thing after the
other, never more than so many requests a minute: what has waited longest, where a
second counts more for what runs, has failed or is looked at. What was read elsewhere
counts as well.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime, timedelta
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct

from chronotui.engine.fleet_entry import FleetEntry, Part
from chronotui.engine.fleet_list import FleetList, FleetRequest, Wish
from chronotui.engine.sweep import AT_ONCE, Sweep, concerns_all, failed_since
from chronotui.engine.timing import (
    Backoff,
    Clock,
    Listeners,
    RequestBudget,
    set_within,
)
from chronotui.errors import (
    ChronotuiError,
    NotSignedInError,
    UnreachableError,
    own_fault,
)
from chronotui.model import JobFilter
from chronotui.sources.protocol import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from chronotui.model import Job, JobStatus, Page, Workflow
    from chronotui.sources.protocol import ListSource
    from chronotui.tree.health import WorkflowHealth

Value = TypeVar("Value")

TICK_SECONDS: Final = 0.033
"""Changes are gathered this long before listeners are told."""

LEAST_WAIT: Final = 0.001
"""Seconds below which nothing is waited for: a clock may not tell them apart."""

LEAST_SLEEP: Final = 30.0
"""Seconds that the clock on the wall leaps by when the machine has slept."""

IN_A_ROW: Final = 3
"""So many requests of others follow one another before the fleet makes its own."""

TRIES: Final = 3
"""A workflow that failed so often, while others were answered, is left for later."""


class FleetSettings(Struct, frozen=True):
    """How workflows are read.

    Attributes:
        requests_per_minute: After the opening sweep (profile's key).
        failed_since_seconds: A job that failed within these has failed lately.
        at_once: Requests of the opening sweep at a time.
        poll_seconds: What runs is asked this far apart at least, where the budget
            would allow more.
        retry_first: Wait after a failed request, growing ...
        retry_cap: ... up to this; a sign-in is waited for as long.
        retry_after_cap: A server's own wait is honoured up to this.
        minute: How long a minute is, in seconds; tests have shorter ones.
    """

    requests_per_minute: float = 60.0
    failed_since_seconds: float = 86_400.0
    at_once: int = AT_ONCE
    poll_seconds: float = 5.0
    retry_first: float = 1.0
    retry_cap: float = 60.0
    retry_after_cap: float = 300.0
    minute: float = 60.0


class Fleet:
    """Reads the newest jobs of every living workflow, and reads them again.

    Belongs to one event loop. Everything but ``run`` returns at once.

    Attributes:
        problem: What stands between the fleet and the server now, None if nothing;
            what was read before stays.
        is_sweeping: Whether the opening sweep goes on.
    """

    def __init__(
        self,
        client: ListSource,
        *,
        settings: FleetSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings = settings or FleetSettings()
        self.problem: ChronotuiError | None = None
        self.is_sweeping = False
        self._client = client
        self._clock = clock or Clock()
        self._slept = 0.0
        self._ahead = inf
        lately = timedelta(seconds=settings.failed_since_seconds)
        self._list = FleetList(settings.minute, settings.poll_seconds, lately)
        self._budget = RequestBudget(
            settings.requests_per_minute, minute=settings.minute
        )
        self._sweep: Sweep | None = None
        self._was_swept = False
        self._wish = Wish()
        self._wake = asyncio.Event()
        self._held_until = 0.0
        self._held_at = 0.0
        self._next_at = 0.0
        self._answered = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._in_a_row = 0
        self._backoff = Backoff(
            first=settings.retry_first,
            factor=2.0,
            cap=settings.retry_cap,
            after_cap=settings.retry_after_cap,
            chance=self._clock.chance,
        )
        self._listeners = Listeners(TICK_SECONDS, burst=2)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` on the loop after changes; return what ends that."""
        return self._listeners.add(listener)

    def _now(self) -> float:
        """Return seconds by a clock that goes on while the machine sleeps.

        A leap of the wall's clock counts as sleep: everything is read again sooner.
        """
        monotonic = self._clock.monotonic()
        ahead = self._clock.wall() - monotonic
        leapt, self._ahead = ahead - self._ahead, ahead
        if leapt >= LEAST_SLEEP:
            self._slept += leapt
        return monotonic + self._slept

    # what is known

    @property
    def workflows(self) -> Sequence[str]:
        """The ids of the living workflows, in the server's order."""
        return self._list.ids

    def workflow(self, workflow_id: str) -> Workflow | None:
        entry = self._list.get(workflow_id)
        return None if entry is None else entry.workflow

    def jobs(self, workflow_id: str) -> tuple[Job, ...]:
        """The jobs of a workflow as far as read, newest first.

        Behind the newest ones some may be left out; those that run, or failed lately,
        come sooner or later.
        """
        entry = self._list.get(workflow_id)
        return () if entry is None else entry.jobs

    def newest(self, workflow_id: str) -> tuple[tuple[Job, ...], bool]:
        """The newest jobs of a workflow without a gap, and whether there are others."""
        entry = self._list.get(workflow_id)
        return ((), False) if entry is None else (entry.newest, entry.has_more)

    def age(self, workflow_id: str) -> float | None:
        """Seconds since a workflow's jobs were read, None while they were not."""
        entry = self._list.get(workflow_id)
        if entry is None or entry.read_at is None:
            return None
        return max(0.0, self._now() - entry.read_at)

    def health(self, workflow_id: str) -> WorkflowHealth | None:
        """How a workflow has been doing, None while that was not read."""
        entry, age = self._list.get(workflow_id), self.age(workflow_id)
        return None if entry is None or age is None else entry.health(age)

    def usual_seconds(self, workflow_id: str) -> float | None:
        """The median duration of the good runs read, None without any."""
        entry = self._list.get(workflow_id)
        return None if entry is None else entry.usual_seconds

    def fits(self, workflow_id: str, only: JobFilter) -> bool | None:
        """Whether a workflow has a job that fits; None where that is not known."""
        entry = self._list.get(workflow_id)
        return None if entry is None else entry.fits(only)

    def trouble(self, workflow_id: str) -> ChronotuiError | None:
        """Why the jobs of one workflow could not be read the last time."""
        entry = self._list.get(workflow_id)
        return None if entry is None else entry.problem

    def has_failed_lately(self, job: Job) -> bool:
        since = self._clock.wall() - self.settings.failed_since_seconds
        return failed_since(job, datetime.fromtimestamp(since, UTC))

    def knows_all(self, status: JobStatus) -> bool:
        """Whether all jobs of a state are held: that run, or that failed lately."""
        wall = self._clock.wall()
        return self._list.is_whole and all(
            each.knows(status, wall) for each in self._list
        )

    @property
    def progress(self) -> tuple[int, int | None]:
        """How many workflows were read, of how many; None until all are listed."""
        read = sum(each.read_at is not None for each in self._list)
        return read, len(self._list) if self._list.is_whole else None

    @property
    def requests_last_minute(self) -> int:
        """How many requests were made of the budget; the sweep is none of it."""
        return self._budget.spent(self._now())

    def seconds_to_next(self) -> float | None:
        """Seconds until what failed is asked again, None where nothing did."""
        if self.problem is None:
            return None
        until = max(self._held_until, self._next_at)
        return max(0.0, until - self._now())

    # what others do

    def want(self, workflow_ids: Iterable[str]) -> None:
        """Ask sooner for these, which somebody looks at, and no longer for others."""
        self._wish_for(self._wish._replace(ids=frozenset(workflow_ids)))

    def look_for(self, only: JobFilter | None) -> None:
        """Ask the wanted workflows for jobs that fit, each once, where `fits` is None.

        None looks for nothing more.
        """
        self._wish_for(self._wish._replace(only=only))

    def _wish_for(self, wish: Wish) -> None:
        if wish != self._wish:
            self._wish = wish
            self._wake.set()

    def put(
        self, workflow_id: str, jobs: Sequence[Job], *, has_more: bool = True
    ) -> None:
        """Take over what was just read elsewhere: newest first, from the newest on.

        Args:
            has_more: Whether older ones may follow.
        """
        now = self._now()
        self._list.put(workflow_id, jobs, now, has_more=has_more)
        self._changed()

    def cut_sweep(self) -> None:
        """Leave the rest of the opening sweep to the budget."""
        if self._sweep is not None:
            self._sweep.cut()
            self._wake.set()

    def ask_now(self) -> None:
        """Ask again at once after a failure; the budget still holds."""
        self._held_until = 0.0
        self._backoff.reset()
        self._wake.set()

    def signed_in(self) -> None:
        """Go on after a sign-in that was waited for."""
        if isinstance(self.problem, NotSignedInError):
            self.ask_now()

    async def turn(self) -> None:
        """Wait until a request that is not the fleet's own fits into its budget.

        Those of the opening sweep's time are none of it, as the sweep is not. It
        comes while the fleet is run, and while nothing stands in its way.
        """
        await self._released()
        if not self.is_sweeping:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            self._wake.set()
            await turn

    # what goes on

    async def run(self) -> None:
        """Sweep once, then read within the budget, until cancelled.

        A fault of ours is said as a problem.
        """
        try:
            if not self._was_swept:
                await self._open()
            while True:
                await self._read_next()
        except asyncio.CancelledError:
            raise
        except BaseException as fault:
            self.problem = own_fault("while it read the fleet", fault)
            self._changed()
            raise
        finally:
            self.is_sweeping = False
            self._changed()

    async def _open(self) -> None:
        """Go over all workflows; one that cannot be read now is left to the budget."""
        self.is_sweeping = True
        self._sweep = Sweep(
            self._client,
            self._sweep_over,
            ask=partial(self._until_answered, alone=False),
            listed=self._listed,
            at_once=self.settings.at_once,
        )
        await self._sweep.run()
        if self._sweep.total is not None:
            self._list.swept(self._now())
        self._sweep = None
        self._was_swept = True
        self.is_sweeping = False

    def _listed(self, workflows: Sequence[Workflow]) -> None:
        self._list.add(workflows)
        self._changed()

    async def _sweep_over(self, workflow: Workflow) -> None:
        entry = self._list.get(workflow.id)
        if entry is None or entry.read_at is not None:
            return  # it was read elsewhere meanwhile
        try:
            page = await self._until_answered(lambda: self._jobs(entry))
        except ChronotuiError as error:
            self._list.begun(FleetRequest(entry), self._now())
            entry.failed(Part.NEWEST, error, alone=True)
        else:
            self._take_newest(entry, page)
        self._changed()

    async def _until_answered(
        self, request: Callable[[], Awaitable[Value]], *, alone: bool = True
    ) -> Value:
        """Make a request until it is answered; an outage is waited out.

        Args:
            alone: Whether it may fail alone.

        Raises:
            ChronotuiError: It does: it was refused, or others were answered while it
                failed again and again.
        """
        tries, answered = 0, self._answered
        while True:
            await self._released()
            begun = self._now()
            try:
                answer = await request()
            except ChronotuiError as error:
                tries += 1
                failed_alone = tries >= TRIES and self._answered > answered
                if alone and (failed_alone or not concerns_all(error)):
                    raise
                self._hold(error, begun)
            else:
                self._release()
                return answer

    async def _read_next(self) -> None:
        """Make the most urgent request as soon as there is one and it may be made."""
        self._wake.clear()
        now = self._now()
        work, due = self._list.most_urgent(now, self._clock.wall(), self._wish)
        wait = 0.0 if self._is_waited_for else due
        wait = max(self._held_until - now, self._budget.wait(now), wait)
        self._next_at = now + wait
        if wait > LEAST_WAIT:
            await set_within(self._wake, wait)
            return
        self._budget.take(now)
        if self._gave_turn(due):
            return
        self._list.begun(work, now)
        entry = work.entry
        if entry is None:
            await self._read_list(now)
        else:
            await self._read_again(entry, work.part, now)
        self._changed()

    @property
    def _is_waited_for(self) -> bool:
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()  # whoever wanted it has left
        return bool(self._waiting)

    def _gave_turn(self, due: float) -> bool:
        """Leave a request to who waits for one; several times in a row at most."""
        is_own = self._in_a_row >= IN_A_ROW and due <= 0
        if is_own or self.problem is not None or not self._is_waited_for:
            self._in_a_row = 0
            return False
        self._in_a_row += 1
        self._waiting.popleft().set_result(None)
        self._changed()
        return True

    async def _read_list(self, now: float) -> None:
        """Read the next page of the list of workflows, or its first one again."""
        cursor = self._list.next_cursor(now)
        try:
            page = await self._client.workflows(cursor=cursor)
        except ChronotuiError as error:
            if not concerns_all(error):
                self._list.give_up(cursor, now)
            if cursor is None or concerns_all(error):
                self._hold(error, now)
        else:
            self._list.take(cursor, page, now)
            self._release()

    async def _read_again(self, entry: FleetEntry, part: Part, now: float) -> None:
        try:
            await self._read_part(entry, part)
        except ChronotuiError as error:
            alone = not concerns_all(error) or entry.failures + 1 >= TRIES
            entry.failed(part, error, alone=alone)
            if not alone or isinstance(error, NotSignedInError | UnreachableError):
                self._hold(error, now)
        else:
            self._release()

    async def _read_part(self, entry: FleetEntry, part: Part) -> None:
        if part is Part.ALONE and (job := entry.unfinished) is not None:
            entry.put_alone(await self._client.reread(job))
        elif part is Part.BEHIND and (wanted := entry.behind(self._clock.wall())):
            of_state = JobFilter(status=wanted.status)
            page = await self._jobs(entry, of_state, wanted.cursor)
            wall = self._clock.wall()
            entry.put_behind(wanted, page.items, page.cursor, wall)
        elif part is Part.FITTING and (only := self._wish.only) is not None:
            entry.put_fitting(only, (await self._jobs(entry, only)).items)
        else:
            self._take_newest(entry, await self._jobs(entry))

    def _take_newest(self, entry: FleetEntry, page: Page[Job]) -> None:
        now = self._now()
        entry.put(page.items, now, has_more=page.cursor is not None)

    def _jobs(
        self,
        entry: FleetEntry,
        only: JobFilter = EVERYTHING,
        cursor: str | None = None,
    ) -> Awaitable[Page[Job]]:
        return self._client.jobs(entry.workflow.id, cursor=cursor, only=only)

    # outages

    async def _released(self) -> None:
        while (wait := self._held_until - self._now()) > LEAST_WAIT:
            self._wake.clear()
            await set_within(self._wake, wait)

    def _hold(self, error: ChronotuiError, begun: float) -> None:
        """Have everything wait; requests that were under way together fail as one."""
        self.problem = error
        if begun >= self._held_at:
            self._held_at = self._now()
            wait = self._backoff.delay(error.retry_after)
            if isinstance(error, NotSignedInError):
                wait = max(wait, self.settings.retry_cap)
            self._held_until = self._held_at + wait
        self._changed()

    def _release(self) -> None:
        self._answered += 1
        if self.problem is not None:
            self.problem = None
            self._held_until = 0.0
            self._backoff.reset()
            self._changed()

    def _changed(self) -> None:
        self._listeners.notify()
