"""The reorder buffer: hands out a growing log in order, no line before its turn."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from chronotui.log.attempts import LineKey, key_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.engine.intake import Intake
    from chronotui.engine.retained import Beginning
    from chronotui.engine.timing import WatchTiming
    from chronotui.log.ledger import AttemptLedger, Gap
    from chronotui.log.store import LogStore
    from chronotui.model import LogLine

SLICE: Final = 2000
"""Lines handed out at a time."""

FIRST_SLICE: Final = 16
"""Lines looked at first; the next one often has to wait."""

GIVEN_UP_KEPT: Final = 1000
"""Gaps given up that are remembered, for lines of them that come late."""

LOOKAHEAD: Final = 8
"""Where both streams write, the line missing at a number may share one this near
below it: the other line of a doubled number shows only where its skip would be."""

LAST_RANK: Final = 9
"""Above every rank: a key after all lines of a number."""


class Blocked(Struct):
    """What the next line waits for.

    Attributes:
        attempt: Of the lines waited for.
        first: First number waited for.
        last: Last one; the attempt's own end when ``ends``.
        missing: Lines known to be missing; 0 for the end of an attempt, and where
            that cannot be told yet.
        since: When it was known that they are missing, in monotonic seconds; None
            while the log is still being read in.
        ends: Whether it is an attempt's end that is not certain yet.
        skipped: Whether the numbers were probably only skipped: nothing near them
            is missing, but the retained log was not read around them yet.
        ahead: Whether the gap is above the next line, which may share its number
            with the line that is missing.
    """

    attempt: int
    first: int
    last: int
    missing: int
    since: float | None
    ends: bool = False
    skipped: bool = False
    ahead: bool = False


class ReorderBuffer:
    """Takes lines out of a store in order.

    A line is passed over only when it is known that it will not be waited for any
    longer. The newest line waits a moment for a line of the other stream under the
    same number (DESIGN.md, invariant 2: stderr before stdout).

    Args:
        intake: The store, and the account of what is missing.
        closed: Tells whether an attempt's end is certain.
        timing: How long to wait for what.

    Attributes:
        place: (attempt, number) up to which everything was handed out.
        given_up: Missing lines no longer waited for.
        blocked: What the next line waits for; None if it does not.
        holding: Whether the newest line waits for one of its number.
        final: No line will come any more.
    """

    def __init__(
        self, intake: Intake, closed: Callable[[int], bool], timing: WatchTiming
    ) -> None:
        self._intake = intake
        self._closed = closed
        self._timing = timing
        self._out: set[LineKey] = set()
        self._first_key: LineKey | None = None
        self._arrivals: deque[tuple[float, tuple[int, int]]] = deque()
        self._newest: tuple[float, LineKey] | None = None
        self._gone: deque[Blocked] = deque(maxlen=GIVEN_UP_KEPT)
        self._streams: set[str] = set()
        self.place: tuple[int, int] | None = None
        self.given_up = 0
        self.blocked: Blocked | None = None
        self.holding = False
        self.final = False

    @property
    def _store(self) -> LogStore:
        return self._intake.store

    def begin(self, beginning: Beginning) -> None:
        attempt, number = beginning.place
        self.place = (attempt, number - 1)
        self._first_key = beginning.first
        self._out = set()

    def arrived(self, now: float) -> None:
        """Note how far the log reaches now."""
        highest = self._intake.highest()
        if not self._arrivals or highest > self._arrivals[-1][1]:
            self._arrivals.append((now, highest))

    def take(self, now: float, limit: tuple[int, int] | None) -> list[LogLine]:
        """Return the lines whose turn it is.

        Args:
            now: Monotonic seconds.
            limit: Nothing above this place; the log is not read in further yet.
        """
        if self.place is None:
            return []
        found = self._partners()
        self.blocked = None
        self.holding = False
        size = FIRST_SLICE
        while len(found) < SLICE:
            lines = self._following(limit, size)
            taken = self._in_turn(lines, now, limit)
            found += taken
            if len(taken) < max(size, len(lines)):
                break
            size = min(2 * size, SLICE)
        if self._first_key is not None:
            found = [line for line in found if key_of(line) >= self._first_key]
        return found

    def _partners(self) -> list[LogLine]:
        """Return lines of the number handed out last that came after it."""
        attempt, number = self.place or (0, 0)
        index = self._store.bisect(LineKey(attempt, number, 0, ""))
        found = []
        for line in self._store.lines(index, index + len(self._out) + 2):
            key = key_of(line)
            if key[:2] == (attempt, number) and key not in self._out:
                self._out.add(key)
                found.append(line)
        return found if self._out else []

    def _following(self, limit: tuple[int, int] | None, size: int) -> list[LogLine]:
        """Return the next lines after what was handed out, about ``size``.

        All lines of a number are among them or none.
        """
        attempt, number = self.place or (0, 0)
        index = self._store.bisect(LineKey(attempt, number, LAST_RANK, ""))
        lines = self._store.lines(index, index + size)
        if len(lines) == size:
            end = self._store.bisect(LineKey(*lines[-1][:2], LAST_RANK, ""))
            lines += self._store.lines(index + size, end)
        last = self._intake.ledger.last_attempt
        if last is not None:
            lines = [line for line in lines if line.attempt <= last]
        if limit is not None:
            lines = [line for line in lines if line[:2] < limit]
        return lines

    def _in_turn(
        self, lines: list[LogLine], now: float, limit: tuple[int, int] | None
    ) -> list[LogLine]:
        """Return the lines up to the first that has to wait."""
        taken = self._plain(lines)
        if taken:
            last = lines[taken - 1]
            self.place, self._out = last[:2], {key_of(last)}
            self._streams.update([line.stream for line in lines[:taken]])
        for line in lines[taken:]:
            place = line[:2]
            if place != self.place:
                if not self._may_follow(line, limit):
                    break
                if not self._alone_for_long(line, now):
                    self.holding = True
                    break
                self.place, self._out = place, set()
            self._out.add(key_of(line))
            self._streams.add(line.stream)
            taken += 1
        return lines[:taken]

    def _plain(self, lines: list[LogLine]) -> int:
        """Return how many lines follow with nothing to be decided, as most do.

        They go on number by number, nothing is short among them or a little above,
        and they are not so near to the newest line that one of its number may come.
        """
        attempt, number = self.place or (0, 0)
        account, highest = self._intake.ledger.attempt(attempt), self._intake.highest()
        count = len(lines)
        if attempt == highest[0]:
            count = min(count, highest[1] - LOOKAHEAD - number)
        last = number + count
        if (
            account is None
            or count < 1
            or account.is_short(number + 1, last + LOOKAHEAD)
        ):
            return 0
        numbers = range(number + 1, last + 1)
        follow = [line[:2] for line in lines[:count]]
        return count if follow == [(attempt, n) for n in numbers] else 0

    def _alone_for_long(self, line: LogLine, now: float) -> bool:
        """Tell whether the newest numbers have waited for their other lines."""
        highest = self._intake.highest()
        if self.final or line[:2] != highest:
            is_near = line.sequence_num > highest[1] - LOOKAHEAD
            if self.final or not is_near or line.attempt != highest[0]:
                return True
            since = self._known(line, None)
            waited = since is None or now - since >= self._timing.partner_wait
            return waited or not self._is_shared
        last = self._store.line(len(self._store) - 1)
        if last.stream != line.stream:
            return True
        key = key_of(line)
        if self._newest is None or self._newest[1] != key:
            self._newest = (now, key)
        return now - self._newest[0] >= self._timing.partner_wait

    def _may_follow(self, line: LogLine, limit: tuple[int, int] | None) -> bool:
        """Tell whether nothing is missing before a line, and note what is."""
        assert self.place is not None  # noqa: S101 - take asked before
        attempt, number = self.place
        ledger = self._intake.ledger
        if line.attempt != attempt:
            if not self._closed(attempt) and attempt in ledger.attempts():
                self.blocked = Blocked(
                    attempt, number + 1, number + 1, 0, self._known(line, limit), True
                )
                return False
            attempt, number = line.attempt, ledger.base - 1
        account = ledger.attempt(attempt)
        if account is None:
            return True
        gap = None
        if line.sequence_num > number + 1:
            last = line.sequence_num - 1
            gap = self._gap(attempt, number + 1, last, only_missing=self.final)
        ahead = gap is None
        gap = gap or self._short_ahead(account, line)
        if gap is None:
            return True
        self.blocked = Blocked(
            attempt,
            gap.first,
            gap.last,
            gap.missing,
            self._known(line, limit),
            skipped=not account.is_suspect(gap.first),
            ahead=ahead,
        )
        return False

    def _gap(
        self, attempt: int, first: int, last: int, *, only_missing: bool
    ) -> Gap | None:
        """Return the first gap among some numbers that is to be waited for."""
        ledger = self._intake.ledger
        gap = ledger.gap_before(attempt, first, last)
        while gap is not None and only_missing and not gap.missing:
            gap = ledger.gap_before(attempt, gap.last + 1, last)
        return gap

    def _short_ahead(self, account: AttemptLedger, line: LogLine) -> Gap | None:
        """Return a gap a little above a line: what is missing may share its number."""
        first, last = line.sequence_num, line.sequence_num + LOOKAHEAD
        if self.final or not self._is_shared or not account.is_short(first, last):
            return None
        return self._gap(line.attempt, first, last, only_missing=True)

    @property
    def _is_shared(self) -> bool:
        """Whether both streams write, so that they may share numbers."""
        return len(self._streams) > 1

    def _known(self, line: LogLine, limit: tuple[int, int] | None) -> float | None:
        """Return since when a line, and so what is missing before it, is known."""
        while len(self._arrivals) > 1 and self._arrivals[0][1] < line[:2]:
            self._arrivals.popleft()
        return self._arrivals[0][0] if self._arrivals and limit is None else None

    def skip(self) -> Blocked | None:
        """Wait no longer for what the next line is blocked by; return it."""
        blocked, self.blocked = self.blocked, None
        if blocked is None:
            return None
        ledger = self._intake.ledger
        if blocked.ends:
            following = next(a for a in ledger.attempts() if a > blocked.attempt)
            self.place = (following, ledger.base - 1)
            ledger.asked = (following, ledger.base)
            self._out = set()
        elif not blocked.skipped:
            self.given_up += blocked.missing
            self._gone.append(blocked)
            ledger.asked = (blocked.attempt, blocked.last + 1)
        if not blocked.ends and not blocked.ahead:
            self.place, self._out = (blocked.attempt, blocked.last), set()
        return blocked

    def came_late(self, line: LogLine) -> None:
        """Count a line that came when others after it were handed out.

        Where it was waited for and given up it is counted already.
        """
        attempt, number = line[:2]
        if not any(
            gone.attempt == attempt and gone.first - LOOKAHEAD <= number <= gone.last
            for gone in self._gone
        ):
            self.given_up += 1
