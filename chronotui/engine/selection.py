"""Which lines of a log are asked for, as the command line's flags say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.log.attempts import LineKey, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chronotui.engine.intake import Intake
    from chronotui.model import LogLine


@dataclass(frozen=True, slots=True)
class LineSelection:
    """What ``logs`` was asked to print.

    Attributes:
        stream: Only this stream, in the server's word; None for both.
        grep: Whether a message is wanted; None for all.
        since_ns: Only lines at or after this time, nanoseconds since the epoch.
            A line without a time is taken.
        tail: Only the last so many of the lines that would be printed, counted
            when the log is opened.
        attempt: Only lines of this attempt (from 1).
    """

    stream: str | None = None
    grep: Callable[[str], bool] | None = None
    since_ns: int | None = None
    tail: int | None = None
    attempt: int | None = None

    @property
    def from_the_start(self) -> bool:
        """Whether the whole log has to be read: nothing leaves out its beginning."""
        return self.tail is None and self.since_ns is None

    def in_time(self, line: LogLine) -> bool:
        """Whether the line is not before what was asked for."""
        return (
            self.since_ns is None
            or line.time_ns is None
            or line.time_ns >= self.since_ns
        )

    def prints(self, line: LogLine) -> bool:
        """Whether the line is printed, ``tail`` left aside."""
        return (
            (self.stream is None or line.stream == self.stream)
            and (self.attempt is None or line.attempt == self.attempt)
            and self.in_time(line)
            and (self.grep is None or self.grep(line.message))
        )


# Where the part of a log begins that was asked for.

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
