"""The real desk on a job whose lines come from this process instead of a server.

Everything from the watch on is what a user runs: engine, store, panes, status line
and driver. Only HTTP and its decoding are left out, as they are of the references.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any, cast

from chronotui.engine import session as opening
from chronotui.engine.catalog import CatalogSettings
from chronotui.engine.session import Session
from chronotui.engine.timing import WatchSettings, WatchTiming
from chronotui.model import (
    STDERR,
    STDOUT,
    Connected,
    Job,
    JobStatus,
    LiveLines,
    LogLine,
    LogPage,
    Page,
    Trigger,
    Workflow,
    WorkflowKind,
)
from chronotui.storage.files import SpoolFile
from chronotui.storage.settings import AuthSettings, Config, Profile
from chronotui.ui.app import DeskApp
from chronotui.ui.desk.plan import DeskPlan
from chronotui.ui.term.driver import driver_class
from tests.benchmarks import texts
from tests.benchmarks.hosting import Arrivals, Orders

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from chronotui.model import LiveEvent

BEATS_A_SECOND = 500
WORKFLOW = Workflow("w", "nightly-report", WorkflowKind.CONTAINER, interval_minutes=1)
JOBS = [
    Job(name, "w", JobStatus.RUNNING, Trigger.MANUAL, started_at=datetime.now(UTC))
    for name in ("11111111", "22222222")
]


def lines(start: int, stop: int) -> LiveLines:
    """Return the lines of some numbers as one read from the network brings them."""
    return LiveLines(tuple(_line(number) for number in range(start, stop)))


def _line(number: int) -> LogLine:
    stream = STDOUT if number % 20 else STDERR
    return LogLine(
        1,
        number,
        stream,
        texts.START_SECONDS * 10**9 + number * 10**6,
        texts.text(number),
        f"log:8f3c21:{stream}:{number}",
        retained=False,
    )


@dataclass
class Peer:
    """A server of one workflow with two running jobs, the first of which writes."""

    arriving: asyncio.Queue[LiveLines] = field(default_factory=asyncio.Queue)

    async def workflows(self, **_asked: object) -> Page[Workflow]:
        return Page((WORKFLOW,))

    async def jobs(self, _workflow_id: str, **_asked: object) -> Page[Job]:
        return Page(tuple(JOBS))

    async def job(self, _workflow_id: str, job_id: str) -> Job:
        return next(job for job in JOBS if job.id == job_id)

    async def log_page(self, *_of: str, **_asked: object) -> LogPage:
        return LogPage(())

    @asynccontextmanager
    async def live(
        self, _workflow_id: str, job_id: str
    ) -> AsyncIterator[AsyncIterator[tuple[LiveEvent, ...]]]:
        yield self._events(job_id)

    async def _events(self, job_id: str) -> AsyncIterator[tuple[LiveEvent, ...]]:
        yield (Connected(),)
        while job_id == JOBS[0].id:
            yield (await self.arriving.get(),)
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        """Nothing is open."""


class Pulse:
    """A beat on the event loop that tells how long the loop did not come to it."""

    def __init__(self) -> None:
        self._longest = 0.0
        self._beating: asyncio.TimerHandle | None = None

    async def begin(self) -> str:
        """Watch the loop from now on."""
        self._longest = 0.0
        self._beat(asyncio.get_running_loop().time())
        return "watching"

    async def end(self) -> float:
        """Return the longest the loop was held, in seconds."""
        if self._beating is not None:
            self._beating.cancel()
        return self._longest

    def _beat(self, due: float) -> None:
        loop = asyncio.get_running_loop()
        self._longest = max(self._longest, loop.time() - due)
        due = loop.time() + 1 / BEATS_A_SECOND
        self._beating = loop.call_at(due, self._beat, due)


class DeskHost:
    """The desk, its peer, and the orders about them."""

    def __init__(self) -> None:
        self.peer = Peer()
        profile = Profile(name="bench", url="http://bench", auth=AuthSettings("none"))
        plan = DeskPlan(profile, Path(gettempdir()))
        config = Config(Path("/dev/null"))
        self.app = DeskApp(plan, config, driver_class=driver_class())
        self.orders = Orders()

    async def open_session(self, *_asked: object, **_more: object) -> Session:
        """Stand in for the engine's own: the same session on another client."""
        timing = WatchTiming(quiet_after=3600.0, tail_silence=3600.0)
        self.session = Session(
            cast("Any", self.peer),
            tree=CatalogSettings(poll_seconds=5.0),
            watch=WatchSettings(timing=timing),
            memory_bytes=512 << 20,
            spool=partial(SpoolFile, Path(gettempdir())),
        )
        self._serving = asyncio.create_task(self._serve())
        return self.session

    async def _serve(self) -> None:
        catalog = self.session.catalog
        await once(catalog.subscribe, lambda: catalog.answered)
        arrivals = Arrivals(lines, self.peer.arriving.put_nowait)
        pulse = Pulse()

        async def fill(wanted: float) -> int:
            log = self.session.open(WORKFLOW, JOBS[0]).log
            count = await arrivals.at_once(wanted)
            await once(log.subscribe, lambda: log.state.lines >= count)
            gc.collect()
            return count

        async def show(number: float) -> str:
            desk = self.app.desk
            await desk.log_side.mount_panes()
            desk.open_job(WORKFLOW, JOBS[int(number)])
            return "shown"

        self.orders.say("ready")
        await self.orders.serve(
            show=show,
            fill=fill,
            prepare=arrivals.prepare,
            run=arrivals.run,
            watch=pulse.begin,
            held=pulse.end,
        )

    def run(self) -> int:
        """Show the desk until it is told to end."""
        gc.disable()  # as the command does, until the desk is connected
        cast("Any", opening).open_session = self.open_session
        return self.app.run() or 0


async def once(
    subscribe: Callable[[Callable[[], None]], Callable[[], None]],
    holds: Callable[[], bool],
) -> None:
    """Wait until something holds that listeners are told of."""
    passed = asyncio.Event()
    end = subscribe(lambda: passed.set() if holds() else None)
    if not holds():
        await passed.wait()
    end()


if __name__ == "__main__":
    sys.exit(DeskHost().run())
