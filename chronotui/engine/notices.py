"""What a server counts of a workflow, and tells its user of it: read when looked at."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.engine.timing import Clock, Listeners, set_within
from chronotui.errors import ChronotuiError
from chronotui.paging import CursorTrail

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from chronotui.model import Notification, WorkflowTotals
    from chronotui.sources.protocol import ActionSource

REST_SECONDS: Final = 0.5
"""A workflow that is looked at for so long is asked about."""
FRESH_SECONDS: Final = 60.0
"""What is younger is not asked for again."""
MOST_PAGES: Final = 5
"""So many pages of notifications are read: the newest."""
KEPT_TOTALS: Final = 64
TICK_SECONDS: Final = 0.05


class WorkflowNotices(NamedTuple):
    """What is known of a workflow beside itself.

    Attributes:
        totals: None where the server has counted nothing yet, or was not asked.
        unread: Notifications about it, newest first; None while they were not read.
        is_cut: Whether there may be older ones, which were not read.
        problem: Why something could not be read, "" where nothing went wrong.
        is_read: Whether the server was asked.
    """

    totals: WorkflowTotals | None = None
    unread: tuple[Notification, ...] | None = None
    is_cut: bool = False
    problem: str = ""
    is_read: bool = False


class _Totals(NamedTuple):
    read_at: float
    totals: WorkflowTotals | None
    problem: str = ""


class Notices:
    """Reads totals and unread notifications of the workflow that is looked at.

    At most one request for the totals of a workflow, and one reading of the
    notifications, a minute. Belongs to one event loop.
    """

    def __init__(
        self,
        client: ActionSource,
        *,
        clock: Clock | None = None,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        self._client = client
        self._clock = clock or Clock()
        self._rest = rest_seconds
        self._wanted = ""
        self._news = asyncio.Event()
        self._totals: OrderedDict[str, _Totals] = OrderedDict()
        self._unread: tuple[Notification, ...] | None = None
        self._is_cut = False
        self._unread_at = -FRESH_SECONDS
        self._problem = ""
        self._task: asyncio.Task[None] | None = None
        self._listeners = Listeners(TICK_SECONDS)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` on the loop after changes; return what ends that."""
        return self._listeners.add(listener)

    def of(self, workflow_id: str) -> WorkflowNotices:
        """Return what is known of a workflow."""
        found = self._totals.get(workflow_id)
        unread = self._unread
        if unread is not None:
            unread = tuple(one for one in unread if one.is_about(workflow_id))
        if found is None:
            return WorkflowNotices(None, unread, self._is_cut, self._problem)
        problem = found.problem or self._problem
        return WorkflowNotices(
            found.totals, unread, self._is_cut, problem, is_read=True
        )

    def want(self, workflow_id: str) -> None:
        """Ask about a workflow soon, unless another one, or "", is wanted before."""
        if workflow_id == self._wanted:
            return
        self._wanted = workflow_id
        self._news.set()
        if workflow_id and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run())

    def were_read(self, notification_ids: Sequence[str]) -> None:
        """Take it that notifications are not unread any more."""
        if self._unread is not None:
            gone = frozenset(notification_ids)
            self._unread = tuple(one for one in self._unread if one.id not in gone)
            self._listeners.notify()

    async def unread_of(self, workflow_id: str) -> tuple[Notification, ...]:
        """Read the notifications now, and return those about a workflow.

        Raises:
            ChronotuiError: They cannot be read.
        """
        await self._read_unread()
        return self.of(workflow_id).unread or ()

    async def close(self) -> None:
        """Stop reading."""
        self._wanted = ""
        self._listeners.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _is_fresh(self, workflow_id: str) -> bool:
        since = self._clock.monotonic() - FRESH_SECONDS
        found = self._totals.get(workflow_id)
        return found is not None and found.read_at > since and self._unread_at > since

    async def _run(self) -> None:
        while self._wanted:
            self._news.clear()
            if await set_within(self._news, self._rest):
                continue
            workflow_id = self._wanted
            if not self._is_fresh(workflow_id):
                await self._read(workflow_id)
                self._listeners.notify()
            # Looked at for longer than a minute, it is asked again.
            await set_within(self._news, FRESH_SECONDS)

    async def _read(self, workflow_id: str) -> None:
        """Read what is not fresh; what fails is said, and left alone for as long."""
        self._problem = ""
        now, totals, problem = self._clock.monotonic(), None, ""
        try:
            totals = await self._client.totals(workflow_id)
        except ChronotuiError as error:
            problem = error.sentence
        self._totals[workflow_id] = _Totals(now, totals, problem)
        self._totals.move_to_end(workflow_id)
        while len(self._totals) > KEPT_TOTALS:
            self._totals.popitem(last=False)
        if now - self._unread_at >= FRESH_SECONDS:
            await self._said(self._read_unread)

    async def _said(self, read: Callable[[], Awaitable[None]]) -> None:
        try:
            await read()
        except ChronotuiError as error:
            self._problem = error.sentence

    async def _read_unread(self) -> None:
        self._unread_at = self._clock.monotonic()
        found: list[Notification] = []
        trail, cursor = CursorTrail(), None
        for _ in range(MOST_PAGES):
            page = await self._client.notifications(cursor=cursor)
            found += page.items
            cursor = trail.follow(page.cursor, progress=page.brought_any)
            if cursor is None:
                break
        self._unread, self._is_cut = tuple(found), cursor is not None
        self._listeners.notify()
