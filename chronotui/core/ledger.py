"""Which lines of a log are known to exist and are not held (design invariant 4)."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Hole(NamedTuple):
    """Numbers ``first`` to ``last`` of an attempt, none of which is held.

    ``missing`` lines are missing there: fewer than there are numbers when lines
    before the hole share a number, whose follower the server skips.
    """

    attempt: int
    first: int
    last: int
    missing: int


class AttemptLedger:
    """The numbers held of one attempt, as runs.

    A number may be held more than once: the two streams share a racy counter, and
    after a number given twice the next one is skipped (wire note "Retained logs").
    The hole right after a shared number is therefore explained by it, one number
    for each line too many; every other number not held is a missing line.
    """

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._extra: dict[int, int] = {}
        self._distinct = 0
        self._explained = 0
        self.lines = 0

    @property
    def lowest(self) -> int:
        """The lowest number held; only with lines."""
        return self._starts[0]

    @property
    def highest(self) -> int:
        """The highest number held; only with lines."""
        return self._ends[-1]

    def held(self, number: int) -> bool:
        """Tell whether a line of this number is held."""
        place = bisect_right(self._starts, number) - 1
        return place >= 0 and number <= self._ends[place]

    def add(self, number: int) -> None:
        """Take a line that is not held yet."""
        self.lines += 1
        ends = self._ends
        if not ends or number > ends[-1]:
            self._append(number)
            return
        place = bisect_right(self._starts, number) - 1
        if place >= 0 and number <= ends[place]:
            self._share(number, place)
        else:
            self._insert(number, place)

    def _append(self, number: int) -> None:
        self._distinct += 1
        if self._ends and number == self._ends[-1] + 1:
            self._ends[-1] = number
            return
        self._starts.append(number)
        self._ends.append(number)
        if len(self._ends) > 1:
            self._explained += self._explains(len(self._ends) - 2)

    def _share(self, number: int, place: int) -> None:
        before = self._explains(place)
        self._extra[number] = self._extra.get(number, 0) + 1
        self._explained += self._explains(place) - before

    def _insert(self, number: int, place: int) -> None:
        """Put a number into the hole after run ``place`` (-1: before the first)."""
        self._distinct += 1
        self._explained -= self._explains(place)
        joins_left = place >= 0 and number == self._ends[place] + 1
        joins_right = number == self._starts[place + 1] - 1
        if joins_left and joins_right:
            self._ends[place : place + 2] = [self._ends[place + 1]]
            del self._starts[place + 1]
            return
        if joins_left:
            self._ends[place] = number
        elif joins_right:
            self._starts[place + 1] = number
        else:
            self._starts.insert(place + 1, number)
            self._ends.insert(place + 1, number)
            self._explained += self._explains(place + 1)
        self._explained += self._explains(place)

    def _explains(self, place: int) -> int:
        """Return how much of the hole after run ``place`` its last number explains."""
        if not 0 <= place < len(self._ends) - 1:
            return 0
        extra = self._extra.get(self._ends[place], 0)
        if not extra:
            return 0
        return min(extra, self._starts[place + 1] - self._ends[place] - 1)

    def settle(self, below: int) -> None:
        """Forget which numbers below ``below`` share a line, to save memory.

        Their holes stay known; what shared lines explained of them is filled.
        """
        kept = {n: more for n, more in self._extra.items() if n >= below}
        if len(kept) == len(self._extra):
            return
        starts, ends = [self._starts[0]], [self._ends[0]]
        for place in range(1, len(self._starts)):
            explained = self._explains(place - 1) if ends[-1] < below else 0
            if ends[-1] + explained + 1 == self._starts[place]:
                self._distinct += explained
                self._explained -= explained
                ends[-1] = self._ends[place]
            else:
                starts.append(self._starts[place])
                ends.append(self._ends[place])
        self._starts, self._ends = starts, ends
        self._extra = {
            n: self._extra[n] for n in self._extra if self._is_needed(n, below)
        }

    def _is_needed(self, number: int, below: int) -> bool:
        if number >= below:
            return True
        place = bisect_right(self._starts, number) - 1
        return self._ends[place] == number

    def surplus(self, number: int) -> int:
        """Return how many lines of this number are held beyond the first."""
        return self._extra.get(number, 0)

    def missing(self, floor: int) -> int:
        """Return how many lines from ``floor`` to the highest are missing."""
        if not self._ends:
            return 0
        if floor > self.lowest:
            return sum(count for _, _, count in self.holes(floor))
        numbers = self.highest - floor + 1
        return max(0, numbers - self._distinct - self._explained)

    def holes(self, floor: int) -> Iterator[tuple[int, int, int]]:
        """Yield (first, last, count) of every hole with a missing line, upwards."""
        if not self._ends:
            return
        if floor < self.lowest:
            yield floor, self.lowest - 1, self.lowest - floor
        begin = max(0, bisect_right(self._starts, floor) - 1)
        for place in range(begin, len(self._ends) - 1):
            first, last = self._ends[place] + 1, self._starts[place + 1] - 1
            count = last - first + 1 - self._explains(place)
            if floor > first:
                first = floor
                count = min(count, last - first + 1)
            if count > 0:
                yield first, last, count


class Ledger:
    """The account of a whole log.

    Attributes:
        reached: Where the log was read back to, as (attempt, number).
        whole: Whether it was read back to its start: counting begins with the
            first number of the first attempt that has lines.
        asked: Where what was asked for begins; nothing before it counts.
        last_attempt: The last attempt asked for; None for all.
        lines: Lines taken.
    """

    def __init__(self) -> None:
        self._attempts: dict[int, AttemptLedger] = {}
        self._sees_ids = False
        self._sees_zero = False
        self.reached: tuple[int, int] | None = None
        self.whole = False
        self.asked: tuple[int, int] | None = None
        self.last_attempt: int | None = None
        self.lines = 0

    @property
    def floor(self) -> tuple[int, int] | None:
        """Where counting begins; attempts after that one count from ``base``."""
        reached = self._start or self.reached
        if reached is None or self.asked is None:
            return reached or self.asked
        return max(reached, self.asked)

    @property
    def _start(self) -> tuple[int, int] | None:
        """Where the log begins, once it was read back to there."""
        if self.whole and self._attempts:
            return min(self._attempts), self.base
        return None

    @property
    def knows_base(self) -> bool:
        """Whether a line has told that numbers begin with 0."""
        return self._sees_zero or self._sees_ids

    @property
    def base(self) -> int:
        """The number an attempt begins with.

        0 where a line of number 0 or an event id was seen, for that is a current
        server; else 1, as in the documented dialect, also when the first retained
        line has a higher number, for then the first lines themselves are gone.
        """
        return 0 if self.knows_base else 1

    def attempts(self) -> tuple[int, ...]:
        """Return the attempts lines are held of, in order."""
        return tuple(sorted(self._attempts))

    def attempt(self, attempt: int) -> AttemptLedger | None:
        """Return the account of one attempt."""
        return self._attempts.get(attempt)

    def add(self, attempt: int, number: int, *, has_id: bool = False) -> None:
        """Take a line that is not held yet; attempt 0 is unknown and not counted."""
        self.lines += 1
        if not number:
            self._sees_zero = True
        if has_id:
            self._sees_ids = True
        if attempt < 1:
            return
        account = self._attempts.get(attempt)
        if account is None:
            account = self._attempts[attempt] = AttemptLedger()
        account.add(number)

    def held(self, attempt: int, number: int) -> bool:
        """Tell whether a line of this number is held."""
        account = self._attempts.get(attempt)
        return account is not None and account.held(number)

    def replace(self, held: Iterable[tuple[int, int]]) -> None:
        """Start the account again from every (attempt, number) held."""
        self._attempts.clear()
        self.lines = 0
        for attempt, number in held:
            self.add(attempt, number)

    def floor_of(self, attempt: int) -> int:
        """Return where counting begins in an attempt that has lines."""
        account = self._attempts[attempt]
        floor = self.floor
        if floor is None:
            lowest = min(self._attempts)
            return account.lowest if attempt == lowest else self.base
        if attempt < floor[0]:
            return account.highest + 1
        if attempt != floor[0]:
            return self.base
        return floor[1] if floor == self._start else _past_twin(account, floor[1])

    @property
    def missing(self) -> int:
        """Lines known to exist, asked for, and not held."""
        return sum(
            self._attempts[attempt].missing(self.floor_of(attempt))
            for attempt in self._counted()
        )

    def holes(self) -> Iterator[Hole]:
        """Yield every hole with a missing line, in the log's order."""
        for attempt in self._counted():
            account = self._attempts[attempt]
            for first, last, count in account.holes(self.floor_of(attempt)):
                yield Hole(attempt, first, last, count)

    def _counted(self) -> list[int]:
        lowest = self.floor[0] if self.floor is not None else 0
        highest = self.last_attempt or max(self._attempts, default=0)
        return sorted(a for a in self._attempts if lowest <= a <= highest)


def _past_twin(account: AttemptLedger, floor: int) -> int:
    """Return where counting begins above a floor that is not the log's start.

    The line at the floor may share its number with one below it that was not
    read; then the next number was skipped, and its absence tells nothing.
    """
    if account.held(floor) and not account.surplus(floor) and floor < account.highest:
        return floor if account.held(floor + 1) else floor + 2
    return floor
