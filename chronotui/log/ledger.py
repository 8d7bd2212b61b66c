"""Which lines of a log are known to exist and are not held (DESIGN.md, invariant 4).

The two streams of a job take their numbers from one racy counter: two lines may get
the same number, and for each such doubling one later number is left out. So the
numbers of an attempt are walked upwards with a credit that begins at 0: every line
beyond the first of a number adds one, every absent number takes one, and where there
is none to take a line is missing.

With +1 for each line and -1 for each number, that is a walk whose new lows are the
missing lines. Another line held at a number lifts the walk from there on, which takes
away the first low at or above it and never makes one; only a number above all others
can. So the lows and the credit at the end are all that counting needs, whatever
order lines come in.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.log.block import LineBlock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from chronotui.model import LogLine

NEAR: Final = 64
"""A skipped number stands this near its double, with many open at once: up to 4 was
seen with few. So an absent number this near below a missing line may be that line."""

FIRST_NUMBERS: Final = 8
"""Above where reading began, so many numbers may be skipped for doubles below it."""


class Gap(NamedTuple):
    """Numbers ``first`` to ``last`` of an attempt, none of which is held.

    ``missing`` lines are missing there. ``possible`` of the other numbers took a
    credit, and the retained log was not read around them yet.
    """

    attempt: int
    first: int
    last: int
    missing: int
    possible: int = 0


class NumberRuns:
    """A set of numbers as runs, mostly added above all others."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.total = 0

    def append(self, first: int, last: int) -> None:
        """Add numbers above all others."""
        self.total += last - first + 1
        if self.ends and first == self.ends[-1] + 1:
            self.ends[-1] = last
        else:
            self.starts.append(first)
            self.ends.append(last)

    def include(self, first: int, last: int) -> None:
        """Add numbers, some of which may be there already."""
        starts, ends = self.starts, self.ends
        begin = bisect_left(ends, first - 1)
        stop = bisect_right(starts, last + 1)
        if begin + 1 == stop and starts[begin] <= first and last <= ends[begin]:
            return
        known = self._sum(range(begin, stop))
        if begin < stop:
            first, last = min(first, starts[begin]), max(last, ends[stop - 1])
        starts[begin:stop] = [first]
        ends[begin:stop] = [last]
        self.total += last - first + 1 - known

    def take(self, first: int, count: int) -> int:
        """Take the first so many numbers away, from one on; return how many were."""
        starts, ends = self.starts, self.ends
        begin = stop = bisect_left(ends, first)
        left = count
        kept: list[tuple[int, int]] = []
        while stop < len(ends) and left:
            start, end = starts[stop], ends[stop]
            stop += 1
            lowest = max(start, first)
            if start < lowest:
                kept.append((start, lowest - 1))
            gone = min(left, end - lowest + 1)
            left -= gone
            if lowest + gone <= end:
                kept.append((lowest + gone, end))
        starts[begin:stop] = [run[0] for run in kept]
        ends[begin:stop] = [run[1] for run in kept]
        self.total -= count - left
        return count - left

    def keep_to(self, last: int) -> None:
        stop = bisect_right(self.starts, last)
        self.total = self.below(last + 1)
        del self.starts[stop:], self.ends[stop:]
        if stop:
            self.ends[-1] = min(self.ends[-1], last)

    def any(self, first: int, last: int) -> bool:
        place = bisect_left(self.ends, first)
        return place < len(self.ends) and self.starts[place] <= last

    def starts_from(self, number: int) -> Iterator[int]:
        """Yield where each run begins, from the one at or above a number on."""
        for place in range(bisect_left(self.ends, number), len(self.starts)):
            yield self.starts[place]

    def below(self, number: int) -> int:
        stop, runs = bisect_left(self.starts, number), len(self.starts)
        # Whichever side has fewer runs is counted.
        if 2 * stop > runs:
            below = self.total - self._sum(range(stop, runs))
        else:
            below = self._sum(range(stop))
        return below - max(0, self.ends[stop - 1] - number + 1) if stop else 0

    def _sum(self, places: range) -> int:
        return sum(self.ends[i] - self.starts[i] + 1 for i in places)

    def count(self, first: int, last: int) -> int:
        found = 0
        for place in range(bisect_left(self.ends, first), len(self.starts)):
            start, end = self.starts[place], self.ends[place]
            if start > last:
                break
            found += min(end, last) - max(start, first) + 1
        return found


class AttemptLedger:
    """The numbers of one attempt, and the ``credit`` of those doubled.

    A number that took a credit and is settled counts as held from then on.
    """

    def __init__(self) -> None:
        self._held = NumberRuns()
        self._lows = NumberRuns()
        self._settled_to = -1
        self.credit = 0
        self.lines = 0

    @property
    def lowest(self) -> int:
        return self._held.starts[0]

    @property
    def highest(self) -> int:
        """The highest number held; -1 if none is."""
        return self._held.ends[-1] if self._held.ends else -1

    @property
    def open_credit(self) -> int:
        """Doubled numbers whose skip may still come, or whose count hides a loss.

        0 once the retained log was read beyond the highest number.
        """
        return self.credit if self._settled_to < self.highest else 0

    def held(self, number: int) -> bool:
        return self._held.any(number, number)

    def add_run(self, first: int, last: int) -> None:
        self.lines += last - first + 1
        ends = self._held.ends
        highest = ends[-1] if ends else -1
        if first <= highest:
            inner = min(last, highest)
            self.credit += inner - first + 1
            self.credit -= self._lows.take(first, inner - first + 1)
            self._held.include(first, inner)
            first = inner + 1
        if first > last:
            return
        # Above all others: those left out take the credit.
        skipped = first - highest - 1
        if skipped:
            paid = min(skipped, self.credit)
            self.credit -= paid
            if paid < skipped:
                self._lows.append(highest + 1 + paid, first - 1)
        self._held.append(first, last)

    def settle(self, first: int, last: int) -> None:
        """Take the retained log as read for good, the numbers ``first`` to ``last``.

        Absent numbers there that took a credit are settled, but for those so near
        below a missing line that they may be it.
        """
        if first <= self.highest < last:
            self._settled_to = self.highest
        held = self._held
        begin = bisect_left(held.ends, first - 1)
        stop = bisect_right(held.starts, last + 1)
        if stop - begin < 2:
            return
        starts, ends = [held.starts[begin]], [held.ends[begin]]
        for start, end in zip(
            held.starts[begin + 1 : stop], held.ends[begin + 1 : stop], strict=True
        ):
            if self._lows.any(ends[-1] + 1, start - 1 + NEAR):
                starts.append(start)
                ends.append(end)
            else:
                held.total += start - ends[-1] - 1
                ends[-1] = end
        held.starts[begin:stop] = starts
        held.ends[begin:stop] = ends

    def keep_below(self, number: int, lines: int) -> None:
        """Be the account of the numbers below one again, as before any above came.

        So many lines were taken of those.
        """
        self._held.keep_to(number - 1)
        highest = self.highest
        self._lows.keep_to(highest)
        self._settled_to = min(self._settled_to, highest)
        self.lines = lines
        # Every number costs one, but for those whose lines are missing.
        self.credit = lines - (highest + 1) + self._lows.total

    def missing(self, floor: int) -> int:
        return self._lows.total - self._lows.below(floor)

    def possible(self, floor: int) -> int:
        """Count unsettled absent numbers that took a credit, and open credit."""
        if not self._held.ends:
            return 0
        open_credit = self.open_credit
        if floor > self.lowest:
            return open_credit + sum(gap[3] for gap in self.gaps(floor))
        absent = self.highest - self.lowest + 1 - self._held.total
        return open_credit + absent - self._lows.total + self.lowest

    def gaps(
        self, floor: int, last: int | None = None
    ) -> Iterator[tuple[int, int, int, int]]:
        """Yield (first, last, missing, possible) of every gap, upwards.

        Numbers count from ``floor`` on, up to ``last`` if there is one.
        """
        if not self._held.ends:
            return
        if floor < self.lowest:
            yield floor, self.lowest - 1, self.lowest - floor, 0
        begin = bisect_left(self._held.ends, floor) - 1
        for place in range(max(0, begin), len(self._held.ends) - 1):
            start, end = self._held.ends[place] + 1, self._held.starts[place + 1] - 1
            if last is not None and start > last:
                return
            start = max(start, floor)
            if start <= end:
                missing = self._lows.count(start, end)
                yield start, end, missing, end - start + 1 - missing

    def short_gaps(self, floor: int) -> Iterator[tuple[int, int, int, int]]:
        past = floor
        for start in self._lows.starts_from(floor):
            first = max(start, floor)
            if first < past:
                continue
            place = bisect_right(self._held.starts, first)
            last = self._held.starts[place] - 1
            first = max(floor, self._held.ends[place - 1] + 1) if place else floor
            missing = self._lows.count(first, last)
            yield first, last, missing, last - first + 1 - missing
            past = last + 1

    def is_short(self, first: int, last: int) -> bool:
        return self._lows.any(first, last)

    def is_suspect(self, number: int) -> bool:
        """Tell whether an absent number may be a missing line that counts above it."""
        return self._lows.any(number, number + NEAR)

    def past_doubles(self, floor: int) -> int:
        """Return where counting begins above a floor with lines below it unread.

        A number a little above it may be skipped for a double that was not read, so
        its absence tells nothing.
        """
        past = floor + FIRST_NUMBERS
        if not self._lows.any(past, past):
            return past
        return max(floor, next(self._lows.starts_from(past)))


class _LetGo(NamedTuple):
    """What is counted and held by nobody: the lines below a place."""

    attempt: int
    number: int
    lines: int
    of_attempt: int
    """So many of ``lines`` are of that attempt."""


class Ledger:
    """The account of a whole log.

    Attributes:
        reached: Where the log was read back to, as (attempt, number).
        interleaved: Whether that number is where every attempt was read back to,
            for the list goes by number across attempts.
        whole: Whether it was read back to its start: counting begins with the
            first number of the first attempt that has lines.
        asked: Where what was asked for begins; nothing before it counts.
        last_attempt: The last attempt asked for; None for all.
        knows_base: Whether a line has told that numbers begin with 0.
    """

    def __init__(self) -> None:
        self._attempts: dict[int, AttemptLedger] = {}
        self._let_go: _LetGo | None = None
        self.knows_base = False
        self.reached: tuple[int, int] | None = None
        self.interleaved = False
        self.whole = False
        self.asked: tuple[int, int] | None = None
        self.last_attempt: int | None = None
        self.lines = 0

    @property
    def floor(self) -> tuple[int, int] | None:
        """Where counting begins; attempts after that one count from ``base``.

        Where attempts interleave, that is of the attempts asked for.
        """
        reached = self._start or self.reached
        if reached is not None and self.interleaved and self._attempts:
            reached = (min(self._attempts), reached[1])
        if reached is None or self.asked is None:
            return reached or self.asked
        return max(reached, self.asked)

    @property
    def _start(self) -> tuple[int, int] | None:
        if self.whole and self._attempts:
            return min(self._attempts), self.base
        return None

    @property
    def base(self) -> int:
        """The number an attempt begins with.

        0 where a line of number 0 or an event id was seen, for that is a current
        server; else 1, as in the documented dialect, also when the first retained
        line has a higher number, for then the first lines themselves are gone.
        """
        return 0 if self.knows_base else 1

    def attempts(self) -> tuple[int, ...]:
        return tuple(sorted(self._attempts))

    def attempt(self, attempt: int) -> AttemptLedger | None:
        return self._attempts.get(attempt)

    def add(self, attempt: int, number: int, *, has_id: bool = False) -> None:
        """Take a line that is not held yet; attempt 0 is unknown and not counted."""
        self.knows_base = self.knows_base or has_id
        self._add_run(attempt, number, number)

    def add_lines(self, lines: Sequence[LogLine]) -> None:
        """Take lines that are not held yet; runs of numbers cost what one does."""
        if not self.knows_base:
            self.knows_base = any(line.event_id for line in lines)
        if isinstance(lines, LineBlock):
            self.add_runs(lines.attempt, lines.runs)
            return
        attempt, first, last = 0, 0, -1
        for line in lines:
            if line[1] == last + 1 and line[0] == attempt:
                last += 1
                continue
            if last >= first:
                self._add_run(attempt, first, last)
            attempt, first, last = line[0], line[1], line[1]
        if last >= first:
            self._add_run(attempt, first, last)

    def add_runs(self, attempt: int, runs: Iterable[tuple[int, int]]) -> None:
        """Take lines by the (first, last) of numbers that rise by one."""
        for first, last in runs:
            self._add_run(attempt, first, last)

    def _add_run(self, attempt: int, first: int, last: int) -> None:
        self.lines += last - first + 1
        self.knows_base = self.knows_base or not first
        if attempt < 1:
            return
        account = self._attempts.get(attempt)
        if account is None:
            account = self._attempts[attempt] = AttemptLedger()
        account.add_run(first, last)

    def held(self, attempt: int, number: int) -> bool:
        account = self._attempts.get(attempt)
        return account is not None and account.held(number)

    def let_go(self, below: tuple[int, int], kept: int, of_attempt: int) -> None:
        """Note that lines ``below`` a place are no longer held by who calls `replace`.

        Of the lines ``kept``, so many are ``of_attempt``, the place's own.
        """
        account = self._attempts.get(below[0])
        lines = 0 if account is None else account.lines - of_attempt
        self._let_go = _LetGo(*below, self.lines - kept, lines)

    def replace(self, held: Iterable[tuple[int, int]], first: int) -> None:
        """Start the account again from every (attempt, number) held.

        What is known of the lines that were let go of stays; ``first`` is the attempt
        the first line kept is of by now.
        """
        let_go, known = self._let_go, self._attempts
        self._attempts, self.lines = {}, 0
        if let_go is not None:
            self._let_go, self.lines = let_go._replace(attempt=first), let_go.lines
            self._attempts = {n: known[n] for n in known if n < let_go.attempt}
            if let_go.of_attempt:
                account = self._attempts[first] = known[let_go.attempt]
                account.keep_below(let_go.number, let_go.of_attempt)
        for attempt, number in held:
            self.add(attempt, number)

    def floor_of(self, attempt: int) -> int:
        account = self._attempts[attempt]
        floor = self.floor
        if floor is None:
            lowest = min(self._attempts)
            return account.lowest if attempt == lowest else self.base
        if attempt < floor[0]:
            return account.highest + 1
        begins = self._begin_of(attempt, account)
        return max(begins, floor[1]) if attempt == floor[0] else begins

    def _begin_of(self, attempt: int, account: AttemptLedger) -> int:
        """Return where counting begins by what was read, whatever was asked for."""
        reached = self.reached
        if self._start is not None or reached is None or reached[1] <= self.base:
            return self.base
        if self.interleaved:
            # Lines below that are live: what came before them was not listened to.
            return account.past_doubles(min(reached[1], account.lowest))
        return account.past_doubles(reached[1]) if attempt == reached[0] else self.base

    @property
    def missing(self) -> int:
        """Lines known to exist, asked for, and not held."""
        return sum(account.missing(floor) for _, account, floor in self._counted())

    @property
    def possible(self) -> int:
        """Lines asked for that may be missing: their places were not read yet."""
        return sum(account.possible(floor) for _, account, floor in self._counted())

    def gaps(self) -> Iterator[Gap]:
        for attempt, account, floor in self._counted():
            for gap in account.gaps(floor):
                yield Gap(attempt, *gap)

    def short_gaps(self) -> Iterator[Gap]:
        for attempt, account, floor in self._counted():
            for gap in account.short_gaps(floor):
                yield Gap(attempt, *gap)

    def open_ends(self) -> Iterator[Gap]:
        """Yield what follows attempts whose credit is open, and was not read."""
        for attempt, account, _floor in self._counted():
            if account.open_credit:
                after = account.highest + 1
                yield Gap(attempt, after, after, 0, account.open_credit)

    def gap_before(self, attempt: int, first: int, last: int) -> Gap | None:
        """Return the first gap that counts and is not settled among some numbers."""
        account = self._attempts.get(attempt)
        if account is None:
            return None
        floor = max(first, self.floor_of(attempt))
        gap = next(account.gaps(floor, last), None)
        return None if gap is None else Gap(attempt, *gap)

    def _counted(self) -> Iterator[tuple[int, AttemptLedger, int]]:
        """Yield the attempts asked for, in order, and where counting begins in each."""
        lowest = self.floor[0] if self.floor is not None else 0
        highest = self.last_attempt or max(self._attempts, default=0)
        for attempt in self.attempts():
            if lowest <= attempt <= highest:
                yield attempt, self._attempts[attempt], self.floor_of(attempt)
