"""Which line is which, and of which attempt (DESIGN.md, invariants 1 and 2).

Identity and order of lines, and the inference of attempts where no event id tells.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol
from zlib import crc32

from msgspec import Struct

from chronotui.model import STDERR, STDOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from chronotui.model import LogLine

MILLISECOND_NS: Final = 1_000_000


def attempt_of(event_id: str) -> int | None:
    """Read the attempt an event id belongs to; None when it has no known shape.

    WIRE.md "Logs" gives two shapes: ``log:<job>:<stream>:<n>`` for the first attempt
    and ``log:<job>:attempt:<k>:<stream>:<n>`` for the others.
    """
    if event_id.count(":") == 3:
        return 1 if event_id.startswith("log:") else None
    parts = event_id.rsplit(":", 4)
    if len(parts) == 5 and parts[1] == "attempt":
        number = parts[2]
        is_number = number.isascii() and number.isdecimal() and len(number) < 10
        return int(number) or None if is_number else None
    return None


def same_line(one: LogLine, other: LogLine) -> bool:
    """Tell whether two lines of one number and stream are the same line.

    Event ids settle it where both lines have one. Otherwise the messages must be
    equal and the times at most 1 ms apart: a live time has nanoseconds, a retained
    one milliseconds. A line without a time is compared by its message.
    """
    if one.event_id and other.event_id:
        return one.event_id == other.event_id
    return one.message == other.message and not apart(one.time_ns, other.time_ns)


def apart(one_ns: int | None, other_ns: int | None) -> bool:
    """Tell whether two times differ by more than rounding to milliseconds does."""
    if one_ns is None or other_ns is None:
        return False
    return abs(one_ns - other_ns) > MILLISECOND_NS


STDERR_RANK: Final = 0
STDOUT_RANK: Final = 1
OTHER_RANK: Final = 2

_EPOCH_SHIFT: Final = 2**64
"""Makes times positive, so that their digits sort as they do."""

RANKS: Final = {STDERR: STDERR_RANK, STDOUT: STDOUT_RANK}
"""A stream's place among lines with one number; others have ``OTHER_RANK``."""


class LineKey(NamedTuple):
    """Where a line stands and which one it is; keys sort as lines are shown.

    ``rank`` is that of its stream. Without the server's ``event_id``, that is what
    tells the line from others with the same number: nothing where attempt and stream
    are known, else the stream's word, or time and message.
    """

    attempt: int
    sequence_num: int
    rank: int
    event_id: str


def rank_of(stream: str) -> int:
    return RANKS.get(stream, OTHER_RANK)


def key_of(line: LogLine) -> LineKey:
    """Return a line's key; it depends on nothing but the line."""
    rank = RANKS.get(line.stream, OTHER_RANK)
    event_id = line.event_id
    if not event_id and (rank == OTHER_RANK or not line.attempt):
        event_id = _stand_in(line)
    return LineKey(line.attempt, line.sequence_num, rank, event_id)


def timed_stand_in(line: LogLine, margin_ns: int = 0) -> str:
    """Return the beginning, up to its time, of what tells a line from others.

    For lines of unknown attempt, without an id; ``margin_ns`` moves the time.
    """
    word = line.stream if rank_of(line.stream) == OTHER_RANK else ""
    return f"{word}~{(line.time_ns or 0) + margin_ns + _EPOCH_SHIFT:020d}~"


def _stand_in(line: LogLine) -> str:
    if line.attempt:
        return line.stream
    check = crc32(line.message.encode("utf-8", "surrogatepass"))
    return f"{timed_stand_in(line)}{check:08x}"


DISORDER_NS: Final = 250 * MILLISECOND_NS
"""Two streams share a racy counter: neighbours may differ by this in time ..."""

DISORDER_NUMBERS: Final = 16
"""... and by this in number, and still be of one attempt."""

RESTART_NS: Final = 1000 * MILLISECOND_NS
"""A new attempt needs a new container: it does not write within this of the last."""


class Way(Enum):
    LIVE = "live"
    RISING = "oldest first"
    FALLING = "newest first"


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


class AttemptSpan(Struct):
    begins_ns: int
    lowest: int
    highest: int
    highest_ns: int

    def take(self, number: int, time_ns: int) -> None:
        self.lowest = min(self.lowest, number)
        if number >= self.highest:
            self.highest, self.highest_ns = number, time_ns


class Vacancy(Struct, frozen=True):
    """A stretch of an attempt that no held line is in, but those just placed."""

    attempt: int
    low: int
    low_ns: int
    high: int
    high_ns: int
    rising: bool

    def takes(self, number: int, time_ns: int, previous: LogLine) -> bool:
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


UNKNOWN: Final = 0
"""The attempt of a line that cannot be told."""


class HeldLines(Protocol):
    """The lines held, every one that was placed among them when it is asked again.

    ``below`` and ``above`` give the attempt's nearest line with a lower or a higher
    number. ``part`` makes another attempt of an attempt's lines from a time on, every
    later one becoming one more; ``join`` makes an attempt and the next one.
    """

    def numbered(self, attempt: int, sequence_num: int) -> Sequence[LogLine]: ...
    def below(self, attempt: int, sequence_num: int) -> LogLine | None: ...
    def above(self, attempt: int, sequence_num: int) -> LogLine | None: ...
    def of_attempt(self, attempt: int) -> Iterable[LogLine]: ...
    def part(self, attempt: int, since_ns: int) -> None: ...
    def join(self, attempt: int) -> None: ...


_BEGIN: Final[Callable[[AttemptSpan], int]] = attrgetter("begins_ns")


class AttemptTimeline:
    """Tells the attempt of lines without an event id (DESIGN.md, invariant 1).

    The attempts of a job follow one another in time and each begins its numbers anew.
    So within an attempt numbers rise with time, and where they do not, another attempt
    has begun: the same number and stream with another message, or with a time more
    than 1 ms apart; a number that falls back in an oldest-first read; a late line with
    a number far below its predecessor's.

    The attempts are kept as a list of the times they begin at. A line that contradicts
    its attempt begins another one, and lines held already that belong to that one go
    along. So the answer depends on the lines, not on the order they came in.

    ``was_held`` tells whether the line placed last is one of those held.
    """

    def __init__(self, held: HeldLines) -> None:
        self._held = held
        self._spans: list[AttemptSpan] = []
        self._gap: Vacancy | None = None
        self.was_held = False

    def begin_batch(self) -> None:
        """Take note that other lines may have been held since the last one."""
        self._gap = None

    def attempt_at(self, time_ns: int) -> int:
        """Return the attempt a time falls into; 1 is everything before the second."""
        begin = min(1, len(self._spans))
        return max(1, bisect_right(self._spans, time_ns, lo=begin, key=_BEGIN))

    def place(self, line: LogLine, way: Way, previous: LogLine | None) -> int:
        """Return the attempt of a line whose own is not told.

        ``previous`` came before it on the same way, as it was placed. ``UNKNOWN`` when
        the line differs from one held under its number and stream and no time tells
        which was first.
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
        if bound is not None:
            if bound.time_ns is None:
                return
            end, end_ns = bound.sequence_num, bound.time_ns
        elif rising:
            later = self._spans[attempt : attempt + 1]
            end, end_ns = 1 << 62, later[0].begins_ns if later else 1 << 63
        else:
            first = attempt == 1
            end, end_ns = -1, 0 if first else self._spans[attempt - 1].begins_ns
        low, high = sorted(((end, end_ns), (line.sequence_num, time_ns)))
        self._gap = Vacancy(attempt, *low, *high, rising)

    def _place_among_held(
        self, line: LogLine, time_ns: int, way: Way, previous: LogLine | None
    ) -> int:
        if not self._spans:
            number = line.sequence_num
            self._spans.append(AttemptSpan(time_ns, number, number, time_ns))
            return 1
        if self._follows_on(line, time_ns, way):
            self._spans[-1].take(line.sequence_num, time_ns)
            return len(self._spans)
        duplicate = self._duplicate(line)
        if duplicate:
            self.was_held = True
            return duplicate
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
        last = self._spans[-1]
        return (
            way is not Way.FALLING
            and line.sequence_num > last.highest
            and time_ns >= last.highest_ns - MILLISECOND_NS
        )

    def _duplicate(self, line: LogLine) -> int:
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
            if rival.time_ns is None:
                continue
            # Too far apart in time to race for one number, unless it is the line
            # just before and no attempt could have ended and begun between the two.
            away_ns = abs(rival.time_ns - time_ns)
            beside = (
                previous is not None
                and same_line(rival, previous)
                and number > self._spans[attempt - 1].lowest
                and away_ns < RESTART_NS
            )
            if not beside and away_ns > DISORDER_NS:
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
        other_ns = time_ns if other.time_ns is None else other.time_ns
        if not apart(time_ns, other_ns):
            return UNKNOWN
        points = self._between(attempt, line, time_ns, other, other_ns)
        # Of falls of one depth the one with the longest pause counts.
        _depth, _pause, begins_ns = max(
            (before[1] - after[1], after[0] - before[0], after[0])
            for before, after in pairwise(points)
        )
        begins_ns -= begins_ns % MILLISECOND_NS
        self._held.part(attempt, begins_ns)
        self._spans.insert(attempt, AttemptSpan(begins_ns, 0, -1, begins_ns))
        self._measure(attempt)
        self._measure(attempt + 1)
        mine = attempt + (time_ns >= begins_ns)
        self._spans[mine - 1].take(line.sequence_num, time_ns)
        if mine > attempt and mine < len(self._spans):
            here, there = self._spans[mine - 1 : mine + 1]
            if here.highest < there.lowest:
                # The next attempt's numbers go on where this one's end.
                self._held.join(mine)
                here.take(there.highest, there.highest_ns)
                del self._spans[mine]
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

    def _measure(self, attempt: int) -> None:
        span = self._spans[attempt - 1]
        lowest, highest, highest_ns = 1 << 62, -1, span.begins_ns
        for held in self._held.of_attempt(attempt):
            lowest = min(lowest, held.sequence_num)
            if held.sequence_num >= highest:
                highest = held.sequence_num
                highest_ns = span.begins_ns if held.time_ns is None else held.time_ns
        span.lowest, span.highest, span.highest_ns = lowest, highest, highest_ns
