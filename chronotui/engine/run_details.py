"""Reading the run that a reader looks at in a list, with its inputs and outputs."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from chronotui.engine.timing import set_within
from chronotui.errors import ChronotuiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.model import Job
    from chronotui.sources.protocol import RunEventSource

REST_SECONDS: Final = 0.3
"""A run that is highlighted for so long is read."""

KEPT_DETAILS: Final = 64


class RunDetails:
    """Reads runs alone, one at a time, the one wanted last; ended ones once.

    Args:
        read: Called with each run as read.
        failed: Called with a run that could not be read, and why.

    Attributes:
        read: As given; whoever shows runs may put himself in its place.
        failed: The same.
    """

    def __init__(
        self,
        client: RunEventSource,
        read: Callable[[Job], None],
        failed: Callable[[Job, ChronotuiError], None] = lambda _job, _error: None,
        *,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        self._client = client
        self.read = read
        self.failed = failed
        self._rest = rest_seconds
        self._wanted: Job | None = None
        self._news = asyncio.Event()
        self._kept: OrderedDict[str, Job] = OrderedDict()
        self._task: asyncio.Task[None] | None = None

    def want(self, job: Job | None) -> None:
        """Read a run soon, unless another one, or None, is wanted before."""
        self._wanted = job
        self._news.set()
        if job is None:
            return
        kept = self.known(job)
        if kept is not None:
            self._wanted = None
            self.read(kept)
        elif self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def known(self, job: Job) -> Job | None:
        """Return a run as it was read before, if it had ended by then."""
        kept = self._kept.get(job.id)
        if kept is not None:
            self._kept.move_to_end(job.id)
        return kept

    def take(self, job: Job) -> None:
        """Keep a run that was read elsewhere, if it has ended."""
        if job.has_ended and "detail" in job.fields:
            self._kept[job.id] = job
            self._kept.move_to_end(job.id)
            while len(self._kept) > KEPT_DETAILS:
                self._kept.popitem(last=False)

    async def close(self) -> None:
        """Stop reading."""
        self._wanted = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while self._wanted is not None:
            self._news.clear()
            if await set_within(self._news, self._rest):
                continue
            job, self._wanted = self._wanted, None
            try:
                found = await self._client.reread(job)
            except ChronotuiError as error:
                self.failed(job, error)
            else:
                self.take(found)
                self.read(found)
