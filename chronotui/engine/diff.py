"""What one job's log says that another's does not: both read whole, kind by kind."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from chronotui.engine.retained import RetainedLog
from chronotui.log.differences import LogKinds, differences
from chronotui.log.kinds import MOST_KINDS
from chronotui.text import clean, plural

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.log.chunks import Overflow
    from chronotui.log.differences import KindChange
    from chronotui.model import Job, Workflow
    from chronotui.sources.protocol import LogSource


class JobDiff(NamedTuple):
    """What came of comparing two jobs.

    Attributes:
        found: What they differ in, in the order to be read.
        whole: Whether both logs could be read whole.
    """

    found: list[KindChange]
    whole: bool


async def diff_jobs(
    client: LogSource,
    workflow: Workflow,
    job: Job,
    before: Job,
    *,
    tell: Callable[[str], None],
    spool: Callable[[], Overflow],
) -> JobDiff:
    """Compare a job's log with that of one before it.

    Raises:
        ChronotuiError: One of the logs cannot be read at all.
    """
    kinds: list[LogKinds] = []
    whole = True
    for each in (before, job):
        name = clean(each.shown_id)
        log = RetainedLog(
            client, workflow, each, tell=partial(_tell_of, tell, name), spool=spool
        )
        read = LogKinds()
        async for lines in log.batches():
            read.take(lines)
        if log.exit_code:
            whole = False
            tell(f"{name}: {_lacks(log)}.")
        if read.kinds.others:
            others = plural(read.kinds.others, "line")
            tell(f"{name}: more than {MOST_KINDS:,} kinds; {others} left out.")
        kinds.append(read)
    return JobDiff(differences(kinds[1], kinds[0]), whole)


def _tell_of(tell: Callable[[str], None], name: str, words: str) -> None:
    tell(f"{name}: {words}")


def _lacks(log: RetainedLog) -> str:
    lacking = f"{log.missing:,} missing" if log.missing else ""
    perhaps = f"{log.possible:,} possibly missing" if log.possible else ""
    counts = ", ".join(filter(None, (lacking, perhaps))) or "not read whole"
    return f"{plural(log.printed, 'line')} compared, {counts}"
