"""What is known of an attempt, and of a stretch of it that no held line is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chronotui.model import LogLine


@dataclass(slots=True)
class Span:
    """What is known of one attempt: where it begins in time, and its numbers."""

    begins_ns: int
    lowest: int
    highest: int
    highest_ns: int

    def take(self, number: int, time_ns: int) -> None:
        """Take note of a line of the attempt."""
        self.lowest = min(self.lowest, number)
        if number >= self.highest:
            self.highest, self.highest_ns = number, time_ns


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of an attempt that no held line is in, but those just placed."""

    attempt: int
    low: int
    low_ns: int
    high: int
    high_ns: int
    rising: bool

    def takes(self, number: int, time_ns: int, previous: LogLine) -> bool:
        """Tell whether a line goes on from the previous one inside the stretch."""
        before, before_ns = previous.sequence_num, previous.time_ns
        if not self.low < number < self.high or before_ns is None:
            return False
        if (
            not self.low_ns <= time_ns < self.high_ns
            or previous.attempt != self.attempt
        ):
            return False
        if self.rising:
            return number > before and time_ns >= before_ns
        return number < before and time_ns <= before_ns
