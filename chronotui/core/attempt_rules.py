"""What tells that two lines are not of one attempt (design invariant 1)."""

from __future__ import annotations

from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from chronotui.core.identity import MILLISECOND_NS

if TYPE_CHECKING:
    from chronotui.model import LogLine

DISORDER_NS: Final = 250 * MILLISECOND_NS
"""Two streams share a racy counter: neighbours may differ by this in time ..."""

DISORDER_NUMBERS: Final = 16
"""... and by this in number, and still be of one attempt."""


RESTART_NS: Final = 1000 * MILLISECOND_NS
"""A new attempt needs a new container: it does not write within this of the last."""


class Way(Enum):
    """The order lines come in."""

    LIVE = "live"
    RISING = "oldest first"
    FALLING = "newest first"


def distant(one_ns: int | None, other_ns: int) -> bool:
    """Tell whether two lines are too far apart in time to race for one number."""
    return one_ns is not None and abs(one_ns - other_ns) > DISORDER_NS


def restarted(one_ns: int | None, other_ns: int) -> bool:
    """Tell whether an attempt could have ended and another begun between two lines."""
    return one_ns is not None and abs(one_ns - other_ns) >= RESTART_NS


def reversed_in_time(
    lower: int, lower_ns: int | None, higher: int, higher_ns: int | None
) -> bool:
    """Tell whether a lower number is so much later that both are not one attempt's."""
    if lower_ns is None or higher_ns is None:
        return False
    late = lower_ns - higher_ns
    if late <= MILLISECOND_NS:
        return False
    return late > DISORDER_NS or higher - lower > DISORDER_NUMBERS


def step_into_another(
    line: LogLine, time_ns: int, way: Way, previous: LogLine
) -> LogLine | None:
    """Return the line before if the step from it leads into another attempt.

    A page list is sorted within an attempt, so there every step back tells.
    """
    if previous.time_ns is None:
        return None
    step = line.sequence_num - previous.sequence_num
    later = time_ns - previous.time_ns
    if way is Way.RISING and step < 0 and later > MILLISECOND_NS:
        return previous
    if way is Way.FALLING and step > 0 and later < -MILLISECOND_NS:
        return previous
    return None


def begin_after_fall(points: list[tuple[int, int]]) -> int:
    """Return the time of the first line after the deepest fall of the numbers.

    Of falls of one depth the one with the longest pause counts.
    """
    falls = [
        (before[1] - after[1], after[0] - before[0], after[0])
        for before, after in pairwise(points)
    ]
    return max(falls)[2]
