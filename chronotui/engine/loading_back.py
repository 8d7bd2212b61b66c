"""Loading a log back to a line or a time its reader wants to go to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.core.log import LineKey
from chronotui.engine.history import FAR_LINES

if TYPE_CHECKING:
    from chronotui.core.log import LogStore
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
    if log.state.job.status.is_terminal and _lines_back(log.store, time_ns) > FAR_LINES:
        await log.load_all()
        return
    while _begins_after(log.store, time_ns) and await log.load_older():
        pass


def _begins_after(store: LogStore, time_ns: int) -> bool:
    """Whether lines before a time may be missing; a line without one tells nothing."""
    oldest = store.line(0).time_ns if len(store) else None
    return oldest is None or oldest > time_ns


def _lines_back(store: LogStore, time_ns: int) -> float:
    """Return how many lines before the loaded ones a time may be, at their rate."""
    lines = len(store)
    if not lines:
        return 0
    oldest, newest = store.line(0).time_ns, store.line(lines - 1).time_ns
    if oldest is None or newest is None or newest <= oldest:
        return 0
    return (oldest - time_ns) * lines / (newest - oldest)
