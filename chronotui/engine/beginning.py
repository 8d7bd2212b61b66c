"""Where the part of a log begins that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chronotui.core.log import LineKey, key_of

if TYPE_CHECKING:
    from chronotui.engine.selection import LineSelection
    from chronotui.engine.watch.intake import Intake
    from chronotui.model import LogLine

SLICE = 1000


class Beginning(NamedTuple):
    """The first place wanted; ``first`` where not every line of its number is."""

    place: tuple[int, int]
    first: LineKey | None = None


def beginning_of(intake: Intake, selection: LineSelection) -> Beginning | None:
    """Find the beginning in a log that has been read back far enough.

    Returns:
        None while there is no line yet from which to tell.
    """
    ledger = intake.ledger
    if not selection.from_the_start:
        first = _first_wanted(intake, selection)
        if first is not None:
            return Beginning(first[:2], key_of(first))
        attempt, number = intake.highest()
        place = (max(attempt, 1), max(number + 1, ledger.base))
        return Beginning(place, LineKey(*place, 0, ""))
    attempts = [attempt for attempt in ledger.attempts() if attempt > 0]
    if not attempts or (selection.attempt and selection.attempt > attempts[-1]):
        return None
    if selection.attempt:
        return Beginning((selection.attempt, ledger.base))
    return Beginning((attempts[0], ledger.floor_of(attempts[0])))


def _first_wanted(intake: Intake, selection: LineSelection) -> LogLine | None:
    """Return the first line of the tail, or at or after the time asked for."""
    store = intake.store
    stop = len(store)
    left = stop if selection.tail is None else selection.tail
    first: LogLine | None = None
    while stop > 0 and left > 0:
        start = max(0, stop - SLICE)
        for line in reversed(store.lines(start, stop)):
            if left > 0 and selection.prints(line):
                first, left = line, left - 1
        stop = start
    return first
