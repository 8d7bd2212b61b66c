"""From a hit of the server's search to its line in the opened log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.core.log import key_of

if TYPE_CHECKING:
    from chronotui.core.log import LineKey, LogStore
    from chronotui.engine.watch import JobLog
    from chronotui.model import LogLine


async def load_hit(log: JobLog, hit: LogLine) -> LineKey | None:
    """Load the pages up to a hit and return its line's key; None if it is not there.

    Documented servers give no event id, so a hit of theirs carries no attempt: its
    line is the one with its number, stream and message, in whichever attempt.

    Raises:
        ChronotuiError: The pages cannot be read.
    """
    if hit.attempt:
        key = key_of(hit)
        return key if await log.load_around(key) else None
    found = _held(log.store, hit)
    if found is None and not log.state.at_start:
        await log.load_all()
        found = _held(log.store, hit)
    return found


def _held(store: LogStore, hit: LogLine) -> LineKey | None:
    for attempt in reversed(store.attempts()):
        key = key_of(hit._replace(attempt=attempt))
        index = store.find(key)
        if index is not None and store.line(index).message == hit.message:
            return key
    return None
