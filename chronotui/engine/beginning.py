"""Where the part of a log begins that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.core.log import LineKey, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.engine.selection import LineSelection
    from chronotui.engine.watch.intake import Intake
    from chronotui.model import LogLine

SLICE: Final = 1000
"""Lines looked at a time, from the newest back."""


class Beginning(NamedTuple):
    """The first place wanted; ``first`` where not every line of its number is."""

    place: tuple[int, int]
    first: LineKey | None = None


def beginning_of(
    intake: Intake, selection: LineSelection, *, retained_read: bool = True
) -> Beginning | None:
    """Find the beginning in a log that has been read back far enough.

    Args:
        intake: The log.
        selection: What is asked for.
        retained_read: Whether a retained line has been seen, or none will be. Only
            that tells where the numbers of a documented server begin (invariant 4),
            and whether there was an attempt before the one that runs.

    Returns:
        None while it cannot be told yet.
    """
    ledger = intake.ledger
    attempts = [attempt for attempt in ledger.attempts() if attempt > 0]
    known = ledger.knows_base and attempts[:1] == [1]
    if not selection.from_the_start:
        begun = _of_tail(intake, selection) or _of_time(intake, selection)
        if begun is not None or not ledger.whole:
            return begun or Beginning(_after_all(intake))
    if not attempts or not (known or retained_read):
        return None
    if not selection.attempt:
        return Beginning((attempts[0], ledger.floor_of(attempts[0])))
    if selection.attempt > attempts[-1]:
        return None
    return Beginning((selection.attempt, ledger.base))


def _after_all(intake: Intake) -> tuple[int, int]:
    attempt, number = intake.highest()
    return max(attempt, 1), max(number + 1, intake.ledger.base)


def _of_tail(intake: Intake, selection: LineSelection) -> Beginning | None:
    """Return where the tail begins; None when it reaches back beyond the lines held."""
    if selection.tail is None:
        return None
    left = selection.tail
    if not left:
        after = _after_all(intake)
        return Beginning(after, LineKey(*after, 0, ""))
    for line in _backwards(intake):
        left -= selection.prints(line)
        if not left:
            return Beginning(line[:2], key_of(line))
    return None


def _of_time(intake: Intake, selection: LineSelection) -> Beginning | None:
    """Return the place after the last line before the time asked for."""
    if selection.since_ns is None:
        return None
    for line in _backwards(intake):
        if not selection.in_time(line):
            return Beginning((line.attempt, line.sequence_num + 1))
    return None


def _backwards(intake: Intake) -> Iterator[LogLine]:
    store = intake.store
    stop = len(store)
    while stop > 0:
        start = max(0, stop - SLICE)
        yield from reversed(store.lines(start, stop))
        stop = start
