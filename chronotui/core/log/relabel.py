"""Giving lines another attempt, when a later line shows where they belong."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.core.log.store import LogStore
    from chronotui.model import LogLine


def relabel(
    store: LogStore, from_attempt: int, attempt_of: Callable[[LogLine], int]
) -> None:
    """Find the attempts of all lines from an attempt on again.

    Reads and places all of them, so it is for the rare moment when a server that
    does not tell attempts turns out to have had one more.

    Args:
        store: The log.
        from_attempt: Lines of earlier attempts stay as they are.
        attempt_of: Returns a line's attempt, at least ``from_attempt``; it must
            keep lines apart that are apart.
    """
    start = store.attempt_range(from_attempt).start
    lines = store.lines(start, len(store))
    if not lines:
        return
    first, _ = store.chunks.place(start)
    store.spool.count_in(store.chunks.chunks[first:], -1)
    store.chunks.replace(first, len(store.chunks.chunks), ())
    changed = [line._replace(attempt=attempt_of(line)) for line in lines]
    for attempt in sorted({line.attempt for line in changed}):
        store.add([line for line in changed if line.attempt == attempt])
