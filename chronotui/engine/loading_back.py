"""Loading a log back to a line or a time its reader wants to go to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.core.log import LineKey
from chronotui.engine.history import FAR_LINES

if TYPE_CHECKING:
    from chronotui.engine.watch import JobLog


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
