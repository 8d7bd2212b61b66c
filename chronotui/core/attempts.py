"""Which attempt a line without an event id belongs to (design invariant 1).

The attempts of a job follow one another in time and each begins its numbers anew.
So within an attempt numbers rise with time, and where they do not, another attempt
has begun: the same number and stream with another message, or with a time more
than 1 ms apart; a number that falls back in an oldest-first read; a late line with
a number far below its predecessor's.

The attempts are kept as a list of the times they begin at. A line that contradicts
its attempt begins another one, and lines held already that belong to that one go
along. So the answer depends on the lines, not on the order they came in.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final, Protocol

from chronotui.core.attempt_rules import (
    Way,
    begin_after_fall,
    distant,
    restarted,
    reversed_in_time,
    step_into_another,
)
from chronotui.core.attempt_spans import Gap, Span
from chronotui.core.identity import MILLISECOND_NS, apart, same_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chronotui.model import LogLine

UNKNOWN: Final = 0
"""The attempt of a line that cannot be told."""


class HeldLines(Protocol):
    """The lines held so far, by attempt and number."""

    def numbered(self, attempt: int, sequence_num: int) -> Sequence[LogLine]:
        """Return the lines of this attempt and number."""
        ...

    def below(self, attempt: int, sequence_num: int) -> LogLine | None:
        """Return the nearest line of the attempt with a lower number."""
        ...

    def above(self, attempt: int, sequence_num: int) -> LogLine | None:
        """Return the nearest line of the attempt with a higher number."""
        ...

    def of_attempt(self, attempt: int) -> Iterable[LogLine]:
        """Return every line of an attempt."""
        ...

    def part(self, attempt: int, since_ns: int) -> None:
        """Make another attempt of the lines of ``attempt`` from a time on.

        They become attempt + 1, and every later attempt one more.
        """
        ...

    def join(self, attempt: int) -> None:
        """Make ``attempt`` and the one after it one; later ones become one less."""
        ...


class AttemptTimeline:
    """Gives lines without an attempt their attempt.

    Args:
        held: The lines held; every line that was placed must be among them when it
            is asked again.

    Attributes:
        was_held: Whether the line placed last is one of those held.
    """

    def __init__(self, held: HeldLines) -> None:
        self._held = held
        self._spans: list[Span] = []
        self._gap: Gap | None = None
        self.was_held = False

    def begin_batch(self) -> None:
        """Take note that other lines may have been held since the last one."""
        self._gap = None

    def attempt_at(self, time_ns: int) -> int:
        """Return the attempt a time falls into; 1 is everything before the second."""
        later = bisect_right(
            self._spans, time_ns, lo=min(1, len(self._spans)), key=_begins
        )
        return max(1, later)

    def place(self, line: LogLine, way: Way, previous: LogLine | None) -> int:
        """Return the attempt of a line.

        Args:
            line: A line whose own attempt is not told.
            way: The order it came in.
            previous: The line before it on the same way, as it was placed.

        Returns:
            The attempt, from 1; ``UNKNOWN`` when the line differs from one held
            under its number and stream and no time tells which was first.
        """
        time_ns = self._time_of(line, previous)
        self.was_held = False
        if way is Way.LIVE:
            self._gap = None
        if self._gap is not None and previous is not None:
            if self._gap.takes(line.sequence_num, time_ns, previous):
                self._spans[self._gap.attempt - 1].take(line.sequence_num, time_ns)
                return self._gap.attempt
            self._gap = None
        attempt = self._place_among_held(line, time_ns, way, previous)
        self._find_gap(attempt, line, time_ns, way)
        return attempt

    def _find_gap(self, attempt: int, line: LogLine, time_ns: int, way: Way) -> None:
        """Look how far lines of a page may go on without meeting one that is held."""
        if way is Way.LIVE or attempt == UNKNOWN or line.time_ns is None:
            return
        rising = way is Way.RISING
        find = self._held.above if rising else self._held.below
        bound = find(attempt, line.sequence_num)
        if bound is not None and bound.time_ns is None:
            return
        if bound is not None and bound.time_ns is not None:
            end, end_ns = bound.sequence_num, bound.time_ns
        elif rising:
            later = self._spans[attempt : attempt + 1]
            end, end_ns = 1 << 62, later[0].begins_ns if later else 1 << 63
        else:
            first = attempt == 1
            end, end_ns = -1, 0 if first else self._spans[attempt - 1].begins_ns
        low, high = sorted(((end, end_ns), (line.sequence_num, time_ns)))
        self._gap = Gap(attempt, *low, *high, rising)

    def _place_among_held(
        self, line: LogLine, time_ns: int, way: Way, previous: LogLine | None
    ) -> int:
        if not self._spans:
            self._begin(1, line.sequence_num, time_ns)
            return 1
        if self._follows_on(line, time_ns, way):
            self._spans[-1].take(line.sequence_num, time_ns)
            return len(self._spans)
        twin = self._twin(line)
        if twin:
            self.was_held = True
            return twin
        attempt = self.attempt_at(time_ns)
        other = self._contradiction(attempt, line, time_ns, previous)
        if other is None and previous is not None and previous.attempt == attempt:
            other = step_into_another(line, time_ns, way, previous)
        if other is None:
            self._spans[attempt - 1].take(line.sequence_num, time_ns)
            return attempt
        return self._divide(attempt, line, time_ns, other)

    def _time_of(self, line: LogLine, previous: LogLine | None) -> int:
        if line.time_ns is not None:
            return line.time_ns
        if previous is not None and previous.time_ns is not None:
            return previous.time_ns
        return self._spans[-1].highest_ns if self._spans else 0

    def _follows_on(self, line: LogLine, time_ns: int, way: Way) -> bool:
        """Tell whether a line simply continues the last attempt."""
        last = self._spans[-1]
        return (
            way is not Way.FALLING
            and line.sequence_num > last.highest
            and time_ns >= last.highest_ns - MILLISECOND_NS
        )

    def _twin(self, line: LogLine) -> int:
        for attempt in range(len(self._spans), 0, -1):
            for held in self._held.numbered(attempt, line.sequence_num):
                if held.stream == line.stream and same_line(held, line):
                    return attempt
        return 0

    def _contradiction(
        self, attempt: int, line: LogLine, time_ns: int, previous: LogLine | None
    ) -> LogLine | None:
        """Return a line held that cannot be of one attempt with this one."""
        number = line.sequence_num
        for rival in self._held.numbered(attempt, number):
            if rival.stream == line.stream:
                return rival
            beside = (
                previous is not None
                and same_line(rival, previous)
                and number > self._spans[attempt - 1].lowest
                and not restarted(rival.time_ns, time_ns)
            )
            if not beside and distant(rival.time_ns, time_ns):
                return rival
        lower = self._held.below(attempt, number)
        if lower is not None and reversed_in_time(
            lower.sequence_num, lower.time_ns, number, time_ns
        ):
            return lower
        higher = self._held.above(attempt, number)
        if higher is not None and reversed_in_time(
            number, time_ns, higher.sequence_num, higher.time_ns
        ):
            return higher
        return None

    def _divide(self, attempt: int, line: LogLine, time_ns: int, other: LogLine) -> int:
        """Part an attempt between two lines that cannot both be of it."""
        other_ns = time_ns if other.time_ns is None else other.time_ns
        if not apart(time_ns, other_ns):
            return UNKNOWN
        points = self._between(attempt, line, time_ns, other, other_ns)
        begins_ns = begin_after_fall(points)
        begins_ns -= begins_ns % MILLISECOND_NS
        self._part(attempt, begins_ns)
        mine = attempt + (time_ns >= begins_ns)
        self._spans[mine - 1].take(line.sequence_num, time_ns)
        if mine > attempt and self._continues(mine):
            self._join(mine)
        return mine

    def _between(
        self, attempt: int, line: LogLine, time_ns: int, other: LogLine, other_ns: int
    ) -> list[tuple[int, int]]:
        """Return (time, number) of the attempt's lines between two, the two included.

        They are in time order; of one time, the higher number first.
        """
        low, high = sorted((time_ns, other_ns))
        points = {(time_ns, line.sequence_num), (other_ns, other.sequence_num)}
        points |= {
            (held.time_ns, held.sequence_num)
            for held in self._held.of_attempt(attempt)
            if held.time_ns is not None and low < held.time_ns < high
        }
        return sorted(points, key=lambda point: (point[0], -point[1]))

    def _part(self, attempt: int, begins_ns: int) -> None:
        self._held.part(attempt, begins_ns)
        self._spans.insert(attempt, Span(begins_ns, 0, -1, begins_ns))
        for changed in (attempt, attempt + 1):
            self._measure(changed)

    def _join(self, attempt: int) -> None:
        """Make an attempt and its follower one."""
        self._held.join(attempt)
        follower = self._spans.pop(attempt)
        self._spans[attempt - 1].take(follower.highest, follower.highest_ns)

    def _continues(self, attempt: int) -> bool:
        """Tell whether the next attempt's numbers go on where this one's end."""
        if attempt >= len(self._spans):
            return False
        here, there = self._spans[attempt - 1], self._spans[attempt]
        return here.highest < there.lowest

    def _measure(self, attempt: int) -> None:
        """Find an attempt's numbers again from the lines held of it."""
        span = self._spans[attempt - 1]
        lowest, highest, highest_ns = 1 << 62, -1, span.begins_ns
        for held in self._held.of_attempt(attempt):
            lowest = min(lowest, held.sequence_num)
            if held.sequence_num >= highest:
                highest = held.sequence_num
                highest_ns = span.begins_ns if held.time_ns is None else held.time_ns
        span.lowest, span.highest, span.highest_ns = lowest, highest, highest_ns

    def _begin(self, attempt: int, number: int, time_ns: int) -> None:
        self._spans.insert(attempt - 1, Span(time_ns, number, number, time_ns))


def _begins(span: Span) -> int:
    return span.begins_ns
