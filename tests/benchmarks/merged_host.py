"""The real desk on ten jobs whose lines come from this process, shown merged."""

from __future__ import annotations

import asyncio
import gc
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chronotui.model import (
    STDERR,
    STDOUT,
    Connected,
    Job,
    JobStatus,
    LiveLines,
    LogLine,
    Page,
    Trigger,
)
from tests.benchmarks import texts
from tests.benchmarks.desk_host import JOBS, WORKFLOW, DeskHost, Peer, once
from tests.benchmarks.hosting import Arrivals

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from chronotui.model import LiveEvent

MANY = 10
EACH = [
    Job(
        f"{n:08}",
        "w",
        JobStatus.RUNNING,
        Trigger.MANUAL,
        started_at=JOBS[0].started_at,
    )
    for n in range(MANY)
]


def lines(start: int, stop: int) -> list[LiveLines]:
    """Return lines of some numbers, each the next job's, as each stream brings them."""
    by_job: list[list[LogLine]] = [[] for _ in EACH]
    for number in range(start, stop):
        stream = STDOUT if number % 20 else STDERR
        of_job, own = number % MANY, number // MANY
        time_ns = texts.START_SECONDS * 10**9 + number * 10**5
        event_id = f"log:{of_job}:{stream}:{own}"
        text = texts.text(number)
        line = LogLine(1, own, stream, time_ns, text, event_id, retained=False)
        by_job[of_job].append(line)
    return [LiveLines(tuple(each)) for each in by_job]


@dataclass
class MergedPeer(Peer):
    """A server of one workflow with ten jobs that all write."""

    streams: list[asyncio.Queue[LiveLines]] = field(
        default_factory=lambda: [asyncio.Queue() for _ in EACH]
    )

    def deliver(self, arrived: list[LiveLines]) -> None:
        """Let each stream bring its lines."""
        for queue, some in zip(self.streams, arrived, strict=True):
            if some.lines:
                queue.put_nowait(some)

    async def jobs(self, _workflow_id: str, **_asked: object) -> Page[Job]:
        return Page(tuple(EACH))

    async def job(self, _workflow_id: str, job_id: str) -> Job:
        return EACH[int(job_id)]

    async def _events(self, job_id: str) -> AsyncIterator[tuple[LiveEvent, ...]]:
        yield (Connected(),)
        while True:
            yield (await self.streams[int(job_id)].get(),)


class MergedHost(DeskHost):
    """The desk with the merged log of the peer's jobs on it."""

    def __init__(self) -> None:
        super().__init__()
        self.peer: MergedPeer = MergedPeer()

    async def _serve(self) -> None:
        from chronotui.ui.desk.merged import MergedView

        catalog = self.session.catalog
        await once(catalog.subscribe, lambda: catalog.answered)
        arrivals = Arrivals(lines, self.peer.deliver)

        async def fill(wanted: float) -> int:
            for job in EACH:
                self.session.marks.toggle(WORKFLOW, job)
            self.app.desk.action_merged()
            shown = self.session.beside
            assert isinstance(shown, MergedView)
            merged = shown.merged
            count = await arrivals.at_once(wanted)
            await once(merged.subscribe, lambda: len(merged.store) >= count)
            gc.collect()
            return count

        self.orders.say("ready")
        await self.orders.serve(fill=fill, prepare=arrivals.prepare, run=arrivals.run)


if __name__ == "__main__":
    sys.exit(MergedHost().run())
