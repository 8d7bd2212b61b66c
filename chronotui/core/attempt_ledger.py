"""Which numbers of one attempt are held, and which are missing (invariant 4)."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


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

    def add_run(self, first: int, last: int) -> None:
        """Take a line of each number from ``first`` to ``last``."""
        place = bisect_right(self._starts, first) - 1
        free_below = place < 0 or self._ends[place] < first
        free_above = place + 1 == len(self._starts) or self._starts[place + 1] > last
        if not free_below or not free_above:
            for number in range(first, last + 1):
                self.add(number)
            return
        self.add(first)
        if last > first:
            self.add(last)
            self._close(first, last)

    def _close(self, first: int, last: int) -> None:
        """Fill the hole between two numbers held, of which nothing is held."""
        between = last - first - 1
        if not between:
            return
        place = bisect_right(self._starts, first) - 1
        self._explained -= self._explains(place)
        self._ends[place : place + 2] = [self._ends[place + 1]]
        del self._starts[place + 1]
        self._distinct += between
        self.lines += between

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
        if floor <= self.lowest and not self.missing(self.lowest):
            return
        begin = max(0, bisect_right(self._starts, floor) - 1)
        for place in range(begin, len(self._ends) - 1):
            first, last = self._ends[place] + 1, self._starts[place + 1] - 1
            count = last - first + 1 - self._explains(place)
            if floor > first:
                first = floor
                count = min(count, last - first + 1)
            if count > 0:
                yield first, last, count
