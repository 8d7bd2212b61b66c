"""Which lines of a log are known to exist and are not held (design invariant 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chronotui.core.attempt_ledger import AttemptLedger
from chronotui.core.log.line_block import LineBlock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from chronotui.model import LogLine


class Hole(NamedTuple):
    """Numbers ``first`` to ``last`` of an attempt, none of which is held.

    ``missing`` lines are missing there: fewer than there are numbers when lines
    before the hole share a number, whose follower the server skips.
    """

    attempt: int
    first: int
    last: int
    missing: int


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
        self._sees_ids = self._sees_ids or has_id
        self._add_run(attempt, number, number)

    def add_lines(self, lines: Sequence[LogLine]) -> None:
        """Take lines that are not held yet; runs of numbers cost what one does."""
        if not self._sees_ids:
            self._sees_ids = any(line.event_id for line in lines)
        if isinstance(lines, LineBlock):
            for first, last in lines.runs:
                self._add_run(lines.attempt, first, last)
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

    def _add_run(self, attempt: int, first: int, last: int) -> None:
        self.lines += last - first + 1
        self._sees_zero = self._sees_zero or not first
        if attempt < 1:
            return
        account = self._attempts.get(attempt)
        if account is None:
            account = self._attempts[attempt] = AttemptLedger()
        account.add_run(first, last)

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
