"""What a reader on a pipe is told about lines: waited for, given up, too late."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from chronotui.engine.selection import beginning_of
from chronotui.log.attempts import LineKey, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from chronotui.engine.intake import Intake
    from chronotui.engine.selection import Beginning, LineSelection
    from chronotui.engine.timing import WatchTiming
    from chronotui.engine.watch import Watch
    from chronotui.log.ledger import AttemptLedger, Gap
    from chronotui.log.store import LogStore
    from chronotui.model import LogLine

NAMED: Final = 20
"""Runs of numbers named in one sentence; the rest is counted."""


class Notices:
    """Gathers notices, so that many of them in a row are few sentences.

    Args:
        tell: Takes one sentence.
        apart: Seconds between two sentences of a kind.
        patience: Seconds a missing line is waited for, for the words.
    """

    def __init__(
        self, tell: Callable[[str], None], apart: float, patience: float
    ) -> None:
        self._tell = tell
        self._apart = apart
        self._patience = patience
        self._given_up: list[tuple[int, int, int]] = []
        self._given_up_lines = 0
        self._late: list[tuple[int, int, int]] = []
        self._waiting: tuple[int, int] | None = None
        self._told_at = float("-inf")

    def waiting(self, blocked: Blocked, now: float) -> None:
        """Say what is waited for, once."""
        place = (blocked.attempt, blocked.first)
        if place == self._waiting or now - self._told_at < self._apart:
            return
        self._waiting, self._told_at = place, now
        numbers = _named([(blocked.attempt, blocked.first, blocked.last)])
        words = f"{_count(blocked.missing)} not received yet"
        if not blocked.missing:
            words = "a line may be missing"
        self._tell(f"{words} ({numbers}); waiting up to {self._patience:.0f} s.")

    def gave_up(self, blocked: Blocked) -> None:
        """Note lines that are waited for no longer."""
        self._given_up.append((blocked.attempt, blocked.first, blocked.last))
        self._given_up_lines += blocked.missing

    def late(self, lines: Sequence[LogLine]) -> None:
        """Note lines that came after lines that follow them."""
        self._late += [(line.attempt, line[1], line[1]) for line in lines]

    def flush(self, now: float, *, at_once: bool = False) -> None:
        """Say what was noted, unless something was said a moment ago."""
        if not self._given_up and not self._late:
            return
        if not at_once and now - self._told_at < self._apart:
            return
        self._told_at = now
        if self._given_up:
            self._tell(
                f"{_count(self._given_up_lines)} did not come, going on without: "
                f"{_named(self._given_up)}."
            )
        if self._late:
            self._tell(
                f"{_count(len(self._late))} came too late to be printed in order: "
                f"{_named(self._late)}."
            )
        self._given_up, self._given_up_lines, self._late = [], 0, []


def _count(lines: int) -> str:
    return "1 line" if lines == 1 else f"{lines:,} lines"


def _named(runs: Iterable[tuple[int, int, int]]) -> str:
    """Name runs of numbers, joined where they meet."""
    joined: list[tuple[int, int, int]] = []
    for attempt, first, last in sorted(runs):
        if joined and joined[-1][0] == attempt and first <= joined[-1][2] + 1:
            joined[-1] = (attempt, joined[-1][1], max(last, joined[-1][2]))
        else:
            joined.append((attempt, first, last))
    several = any(attempt > 1 for attempt, _, _ in joined)
    words = [
        (f"{first}" if first == last else f"{first} to {last}")
        + (f" of attempt {attempt}" if several else "")
        for attempt, first, last in joined[:NAMED]
    ]
    more = f" and {len(joined) - NAMED} more places" if len(joined) > NAMED else ""
    return f"number {', '.join(words)}{more}"


# Handing out a growing log in order: each line once, none before its turn.

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


@dataclass(slots=True)
class Blocked:
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
    same number (design invariant 2: stderr before stdout).

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
        """Begin to hand out."""
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
        taken = 0
        for line in lines:
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
            gap = self._gap(attempt, number + 1, line.sequence_num - 1)
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

    def _gap(self, attempt: int, first: int, last: int) -> Gap | None:
        """Return the first gap among some numbers that is to be waited for."""
        ledger = self._intake.ledger
        gap = ledger.gap_before(attempt, first, last)
        while gap is not None and self.final and not gap.missing:
            gap = ledger.gap_before(attempt, gap.last + 1, last)
        return gap

    def _short_ahead(self, account: AttemptLedger, line: LogLine) -> Gap | None:
        """Return a gap a little above a line: what is missing may share its number."""
        first, last = line.sequence_num, line.sequence_num + LOOKAHEAD
        if self.final or not self._is_shared or not account.is_short(first, last):
            return None
        gap = self._intake.ledger.gap_before(line.attempt, first, last)
        while gap is not None and not gap.missing:
            gap = self._intake.ledger.gap_before(line.attempt, gap.last + 1, last)
        return gap

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


# A watched log handed out in order: what is wanted, once it is its turn.

FORGET_LINES: Final = 50_000
"""Handed-out lines are let go of when this many are held ..."""

KEPT_LINES: Final = 5_000
"""... but for so many, to know them by their messages when they come again."""


class OrderedLines:
    """Hands out the lines of a watch.

    Args:
        watch: Reads the log.
        selection: Which lines are wanted. The account of missing lines is of all of
            them, since a line that did not come does not say what it is.
        notices: Told of what is waited for, given up and too late.
        timing: How long to wait for what.
        new_store: Makes an empty store, for the lines still needed when the others
            are let go of.

    Attributes:
        printed: Lines handed out.
        late: Wanted lines that came when their turn was over.
    """

    def __init__(
        self,
        watch: Watch,
        selection: LineSelection,
        notices: Notices,
        *,
        timing: WatchTiming,
        new_store: Callable[[], LogStore],
    ) -> None:
        self._watch = watch
        self._intake = watch.intake
        self._selection = selection
        self._notices = notices
        self._timing = timing
        self._new_store = new_store
        self._beginning: Beginning | None = None
        self._now = 0.0
        self._reorder = ReorderBuffer(
            watch.intake, watch.account.boundaries.closed, timing
        )
        self._intake.ledger.last_attempt = selection.attempt
        self.printed = 0
        self.late = 0

    @property
    def missing(self) -> int:
        """Lines known to exist by now, asked for, and not handed out."""
        return self._reorder.given_up + self._watch.account.missing

    @property
    def is_waiting(self) -> bool:
        """Whether a line is held back that may be handed out without a change."""
        return self._reorder.holding or self._reorder.blocked is not None

    def take(self, now: float) -> list[LogLine]:
        """Return the wanted lines whose turn it is."""
        self._now = now
        self._notices.flush(now)
        reorder = self._reorder
        if reorder.place is None and not self._begin():
            return []
        limit = self._watch.account.unread_from()
        reorder.arrived(now)
        lines = reorder.take(now, limit)
        while not lines and self._skips(now):
            lines = reorder.take(now, limit)
        self._forget()
        return self._wanted(lines)

    def rest(self, now: float) -> Iterator[list[LogLine]]:
        """Yield all wanted lines left, past everything that never came."""
        reorder = self._reorder
        reorder.final = True
        if reorder.place is None:
            self._begin()
        while True:
            lines = reorder.take(now, None)
            if wanted := self._wanted(lines):
                yield wanted
            if not lines and not self._skip():
                break
        self._notices.flush(now, at_once=True)

    def _wanted(self, lines: list[LogLine]) -> list[LogLine]:
        wanted = [line for line in lines if self._selection.prints(line)]
        self.printed += len(wanted)
        return wanted

    def _begin(self) -> bool:
        """Find the first line wanted, once it is known which it is."""
        watch, selection = self._watch, self._selection
        coverage = watch.pages.coverage
        early = selection.from_the_start and coverage.rising
        if not watch.account.caught_up and not early:
            return False
        read = coverage.bottom is not None or watch.status.ended.is_set()
        beginning = beginning_of(self._intake, selection, retained_read=read)
        if beginning is None:
            return False
        self._beginning = beginning
        self._intake.ledger.asked = beginning.place
        self._reorder.begin(beginning)
        return True

    def _skips(self, now: float) -> bool:
        """Go on without what is missing if it was waited for long enough."""
        blocked = self._reorder.blocked
        if blocked is None or blocked.since is None or self._comes_otherwise:
            return False
        waited = now - blocked.since
        timing = self._timing
        if waited >= (timing.line_wait_said if blocked.skipped else timing.line_wait):
            return self._skip()
        if waited >= self._timing.line_wait_said and not blocked.ends:
            self._notices.waiting(blocked, now)
        return False

    @property
    def _comes_otherwise(self) -> bool:
        """Whether what is missing may soon come in another way than by pages.

        The log of a job that has ended is read so before it is sealed.
        """
        return self._watch.status.ended.is_set() and self._watch.is_unsure()

    def _skip(self) -> bool:
        blocked = self._reorder.skip()
        if blocked is not None and blocked.missing:
            self._notices.gave_up(blocked)
        return blocked is not None

    def entered(self, lines: Sequence[LogLine]) -> None:
        """Look for lines among those that entered whose turn is over."""
        place = self._reorder.place
        if place is not None and lines[0][:2] < place:
            self.came_late([line for line in lines if line[:2] < place])

    def came_late(self, lines: Sequence[LogLine]) -> None:
        """Count lines whose turn is over."""
        asked = [line for line in lines if self._is_asked(line)]
        for line in asked:
            self._reorder.came_late(line)
        late = [line for line in asked if self._selection.prints(line)]
        self.late += len(late)
        self._notices.late(late)

    def _is_asked(self, line: LogLine) -> bool:
        """Tell whether a line is not before what was asked for."""
        begin = self._beginning
        if begin is None or line[:2] < begin.place:
            return begin is None
        return begin.first is None or key_of(line) >= begin.first

    def _forget(self) -> None:
        """Let go of lines handed out long ago."""
        store, place = self._intake.store, self._reorder.place
        if len(store) < FORGET_LINES or place is None:
            return
        done = store.bisect(LineKey(*place, LAST_RANK, ""))
        if done < FORGET_LINES:
            return
        first = store.line(done - KEPT_LINES)
        self._intake.forget((first.attempt, first.sequence_num), self._new_store())
        store.close()
