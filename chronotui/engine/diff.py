"""What one job's log says that another's does not: both read whole, kind by kind."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.engine.retained import RetainedLog
from chronotui.log.differences import LogKinds, differences
from chronotui.log.kinds import MOST_KINDS
from chronotui.model import JobStatus
from chronotui.text import clean, plural

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.log.chunks import Overflow
    from chronotui.log.differences import KindChange
    from chronotui.log.line_slice import LineSlice
    from chronotui.model import Job, Workflow
    from chronotui.sources.protocol import LogSource

LINES_AT_ONCE: Final = 512
"""Lines whose kinds are told before others have their turn: one to five ms."""


class JobDiff(NamedTuple):
    """What came of comparing two jobs.

    Attributes:
        found: What they differ in, in the order to be read.
        whole: Whether both logs could be read whole.
    """

    found: list[KindChange]
    whole: bool


class KindsRead(NamedTuple):
    """The kinds of lines of a log, and whether all of it could be read."""

    kinds: LogKinds
    whole: bool


async def diff_jobs(
    client: LogSource,
    workflow: Workflow | None,
    job: Job,
    before: Job,
    *,
    tell: Callable[[str], None],
    spool: Callable[[], Overflow] | None,
) -> JobDiff:
    """Compare a job's log with that of one before it.

    Raises:
        ChronotuiError: One of the logs cannot be read at all.
    """
    there, here = [
        await read_kinds(client, workflow, each, tell=tell, spool=spool)
        for each in (before, job)
    ]
    ended_well = job.status == JobStatus.COMPLETED
    found = differences(here.kinds, there.kinds, ended_well=ended_well)
    return JobDiff(found, here.whole and there.whole)


async def read_kinds(
    client: LogSource,
    workflow: Workflow | None,
    job: Job,
    *,
    tell: Callable[[str], None],
    spool: Callable[[], Overflow] | None,
    count: Callable[[int], None] = lambda _: None,
) -> KindsRead:
    """Read the kinds of lines of a job's retained log as it is by now.

    Args:
        count: Told how many lines have been read so far.

    Raises:
        ChronotuiError: It cannot be read at all.
    """
    name = clean(job.shown_id)
    log = RetainedLog(
        client, workflow, job, tell=partial(_tell_of, tell, name), spool=spool
    )
    read = LogKinds()
    async with aclosing(log.slices()) as slices:
        async for piece in slices:
            await take_slowly(read, piece, count)
    if log.exit_code:
        tell(f"{name}: {_lacks(log)}.")
    if read.kinds.others:
        others = plural(read.kinds.others, "line")
        tell(f"{name}: more than {MOST_KINDS:,} kinds; {others} left out.")
    return KindsRead(read, not log.exit_code)


async def take_slowly(
    kinds: LogKinds, piece: LineSlice, count: Callable[[int], None]
) -> None:
    """Take lines, a few at a time: what else goes on has its turn between."""
    places = piece.places
    for start in range(0, len(places), LINES_AT_ONCE):
        kinds.take(piece._replace(places=places[start : start + LINES_AT_ONCE]))
        count(kinds.kinds.lines)
        await asyncio.sleep(0)


def _tell_of(tell: Callable[[str], None], name: str, words: str) -> None:
    tell(f"{name}: {words}")


def _lacks(log: RetainedLog) -> str:
    lacking = f"{log.missing:,} missing" if log.missing else ""
    perhaps = f"{log.possible:,} possibly missing" if log.possible else ""
    counts = ", ".join(filter(None, (lacking, perhaps))) or "not read whole"
    return f"{plural(log.printed, 'line')} compared, {counts}"
