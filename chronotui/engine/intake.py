"""The one door into a log: identity, order and the account of what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.errors import IncompleteError
from chronotui.log.attempts import (
    MILLISECOND_NS,
    UNKNOWN,
    AttemptTimeline,
    LineKey,
    Way,
    same_line,
)
from chronotui.log.block import LineBlock
from chronotui.log.ledger import Ledger
from chronotui.log.store import relabel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chronotui.log.store import LogStore
    from chronotui.model import LogLine

SLICE: Final = 4096
"""Lines read from the store at a time."""

LARGEST: Final = 1 << 62
"""Above every number and every time in nanoseconds that can be meant."""

LATER_SECONDS: Final = 0.05
"""Pages that follow one another faster than this enter the store together."""


class StoredLines:
    """Lines held in a store and about to enter it, as `AttemptTimeline` asks for them.

    Args:
        enter: Puts pending lines into the store.
        renumbered: Called after lines got other attempts; the timeline that asked
            for it has not taken note yet, so it is called at the next flush.
    """

    def __init__(
        self,
        store: LogStore,
        enter: Callable[[Sequence[LogLine]], None],
        renumbered: Callable[[], None],
    ) -> None:
        self.store = store
        self._pending: list[LogLine] = []
        self._urgent = False
        self._enter = enter
        self._renumbered = renumbered
        self._stale = False

    def pend(self, line: LogLine, *, known: bool) -> None:
        """Take a line that enters with the next flush; ``known`` ones may wait."""
        self._pending.append(line)
        self._urgent = self._urgent or not known

    def flush(self) -> None:
        if self._stale:
            self._stale = False
            self._renumbered()
        if self._pending:
            pending, self._pending = self._pending, []
            self._urgent = False
            self._enter(pending)

    def _settle(self) -> None:
        """Flush what the answer to a question may depend on."""
        if self._urgent or self._stale:
            self.flush()

    def numbered(self, attempt: int, sequence_num: int) -> list[LogLine]:
        self._settle()
        index = self.store.bisect(LineKey(attempt, sequence_num, 0, ""))
        found = []
        while index < len(self.store):
            line = self.store.line(index)
            if line[:2] != (attempt, sequence_num):
                break
            found.append(line)
            index += 1
        return found

    def below(self, attempt: int, sequence_num: int) -> LogLine | None:
        self._settle()
        index = self.store.bisect(LineKey(attempt, sequence_num, 0, "")) - 1
        return self._of(attempt, index)

    def above(self, attempt: int, sequence_num: int) -> LogLine | None:
        self._settle()
        index = self.store.bisect(LineKey(attempt, sequence_num + 1, 0, ""))
        return self._of(attempt, index)

    def _of(self, attempt: int, index: int) -> LogLine | None:
        if not 0 <= index < len(self.store):
            return None
        line = self.store.line(index)
        return line if line.attempt == attempt else None

    def of_attempt(self, attempt: int) -> Iterator[LogLine]:
        self._settle()
        places = self.store.attempt_range(attempt)
        for start in range(places.start, places.stop, SLICE):
            yield from self.store.lines(start, min(start + SLICE, places.stop))

    def part(self, attempt: int, since_ns: int) -> None:
        """Make another attempt of the lines of ``attempt`` from a time on."""

        def later(line: LogLine) -> int:
            if line.attempt > attempt:
                return line.attempt + 1
            return attempt + (line.time_ns is not None and line.time_ns >= since_ns)

        self.flush()
        relabel(self.store, attempt, later)
        self._stale = True

    def join(self, attempt: int) -> None:
        """Make ``attempt`` and the one after it one; later ones become one less."""
        self.flush()
        relabel(
            self.store, attempt, lambda line: line.attempt - (line.attempt > attempt)
        )
        self._stale = True


class Context:
    """The line before, on one way lines come in: the stream, or one walk."""

    def __init__(self) -> None:
        self.previous: LogLine | None = None


class Intake:
    """Takes lines from the stream and from pages into one store.

    Args:
        entered: Called with the lines that entered, in order.
        forgotten: Called with lines that belong to what was forgotten and were not
            held then: they are too late.
        renumbered: Called when lines held turned out to be of other attempts, with
            what tells the attempt of a time.

    Attributes:
        ledger: What of the log is missing.
        gap_changes: How often lines entered that may have opened or closed a gap:
            not those that only go on where the newest one ended.
    """

    def __init__(
        self,
        store: LogStore,
        *,
        entered: Callable[[Sequence[LogLine]], None] | None = None,
        forgotten: Callable[[Sequence[LogLine]], None] | None = None,
        renumbered: Callable[[Callable[[int], int]], None] | None = None,
    ) -> None:
        self.store = store
        self.ledger = Ledger()
        self.gap_changes = 0
        self._entered = entered
        self._forgotten = forgotten
        self._told_renumbered = renumbered
        self._from = (-1, -1)
        self._from_ns: int | None = None
        self._top = (0, -1)
        self._held = StoredLines(store, self._enter, self._renumbered)
        self._timeline = AttemptTimeline(self._held)
        self._sees_ids = self._sees_bare = False
        self._changes = 0
        self._later: list[LogLine] = []
        self._later_since = 0.0

    @property
    def has_waiting(self) -> bool:
        """Whether lines were taken that have not entered yet."""
        return bool(self._later)

    def highest(self) -> tuple[int, int]:
        """Return (attempt, number) of the newest line held; (0, -1) without one."""
        return self._top if len(self.store) else (0, -1)

    def holds_between(self, first: LogLine, last: LogLine) -> bool:
        """Tell whether a line is held from one line's place to another's."""
        low = self.store.bisect(LineKey(*first[:2], -1, ""))
        return low < self.store.bisect(LineKey(last[0], last[1] + 1, -1, ""))

    def take(
        self, lines: Sequence[LogLine], way: Way, context: Context
    ) -> Sequence[LogLine]:
        """Take lines in the order they came.

        Returns:
            The same lines with the attempts they were found to be of.
        """
        if self._later:
            self.settle()
        if not lines:
            return lines
        told = isinstance(lines, LineBlock)
        if not self._sees_bare and (told or all(line.event_id for line in lines)):
            self._sees_ids = True
            if told or all(line.attempt for line in lines):
                self._enter(lines)
                context.previous = lines[-1]
                return lines
        return self._place_all(lines, way, context)

    def take_page(
        self, lines: Sequence[LogLine], way: Way, context: Context, now: float
    ) -> Sequence[LogLine]:
        """Take a page of a long walk; it may enter a moment later, with others.

        Call ``settle`` at the end of the walk.
        """
        told = all(line.event_id and line.attempt for line in lines)
        if self._sees_bare or not told or way is not Way.FALLING:
            return self.take(lines, way, context)
        if not self._later:
            self._later_since = now
        self._later += lines
        if len(self._later) >= SLICE // 4 or now - self._later_since > LATER_SECONDS:
            self.settle()
        return lines

    def settle(self) -> None:
        if self._later:
            later, self._later = self._later, []
            self._enter(later)

    def _place_all(
        self, lines: Sequence[LogLine], way: Way, context: Context
    ) -> list[LogLine]:
        changes = self._changes
        placed: list[LogLine] = []
        self._timeline.begin_batch()
        for line in lines:
            settled, known = self._place(line, way, context.previous)
            if settled.attempt != UNKNOWN:
                context.previous = settled
            placed.append(settled)
            self._held.pend(settled, known=known)
        self._held.flush()
        if changes != self._changes:
            placed = [self._again(line) for line in placed]
            if context.previous is not None:
                context.previous = self._again(context.previous)
        return placed

    def _place(
        self, line: LogLine, way: Way, previous: LogLine | None
    ) -> tuple[LogLine, bool]:
        """Return a line with its attempt and id, and whether it is held already."""
        known = False
        if line.event_id:
            self._sees_ids = True
        else:
            self._sees_bare = True
        if not line.attempt:
            forgotten = self._forgotten_attempt(line)
            if forgotten:
                return line._replace(attempt=forgotten), False
            line = line._replace(attempt=self._timeline.place(line, way, previous))
            known = self._timeline.was_held
        if self._sees_ids and self._sees_bare:
            line = self._under_held_id(line)
        return line, known

    def _forgotten_attempt(self, line: LogLine) -> int:
        """Return the attempt of a line if none of its lines is held any more, else 0.

        Such an attempt is not parted: there is nothing to hold the line against.
        """
        if self._from[0] < 2 or line.time_ns is None:
            return 0
        attempt = self._timeline.attempt_at(line.time_ns + MILLISECOND_NS)
        return attempt if attempt < self._from[0] else 0

    def _under_held_id(self, line: LogLine) -> LogLine:
        """Give a line the event id it is held under, on a server that mixes both."""
        for held in self._held.numbered(line.attempt, line.sequence_num):
            if held.stream == line.stream and same_line(held, line):
                return line._replace(event_id=held.event_id)
        return line

    def _again(self, line: LogLine) -> LogLine:
        if line.event_id or line.time_ns is None or line.attempt == UNKNOWN:
            return line
        return line._replace(attempt=self._timeline.attempt_at(line.time_ns))

    def pass_by(self, runs: Sequence[tuple[int, int]]) -> None:
        """Count lines of the first attempt, above all others, that are not held.

        Each of ``runs`` is (first, last) of numbers that rise by one. `forget` what is
        below the last one before others are taken.
        """
        self.ledger.add_runs(1, runs)
        self._top = (1, runs[-1][1])

    def forget(self, below: tuple[int, int], store: LogStore) -> None:
        """Go on in another, empty store with the lines from a place on.

        Lines below it that come again are known by their numbers.
        """
        start = self.store.bisect(LineKey(*below, -1, ""))
        places = self.store.attempt_range(below[0])
        kept = len(self.store) - start
        self.ledger.let_go(below, kept, max(0, places.stop - start))
        self._from_ns = self.store.line(start).time_ns if kept else None
        for piece in self.store.slices(start, len(self.store)):
            store.append(piece)
        self.store = self._held.store = store
        self._from = below

    def _too_late(self, lines: Sequence[LogLine]) -> Sequence[LogLine]:
        if isinstance(lines, LineBlock) and lines.places[0] >= self._from:
            return lines
        below = [line for line in lines if line[:2] < self._from]
        if below:
            if self._forgotten is not None:
                held = self.ledger.held
                self._forgotten([line for line in below if not held(*line[:2])])
            lines = [line for line in lines if line[:2] >= self._from]
        return lines

    def _enter(self, lines: Sequence[LogLine]) -> None:
        if self._from[0] >= 0:
            lines = self._too_late(lines)
        new = self._store_all(lines)
        if not new:
            return
        self.gap_changes += not self._goes_on(new)
        self._top = max(self._top, new[-1][:2])
        self.ledger.add_lines(new)
        if self._entered is not None:
            self._entered(new)

    def _goes_on(self, new: Sequence[LogLine]) -> bool:
        """Tell whether new lines go on where the newest one ended, and no gap changes.

        Where a doubled number is open, or the end of the last attempt is among the
        numbers of an earlier one, every line moves what is to be read.
        """
        attempt, number = self._top
        count = len(new)
        if new[0][:2] != (attempt, number + 1) or isinstance(new, LineBlock):
            return False
        if new[-1][:2] != (attempt, number + count):
            return False
        if count > 1 and len({line[1] for line in new}) < count:
            return False
        if attempt > 1 and self.ledger.interleaved:
            return False
        account = self.ledger.attempt(attempt)
        return account is not None and not account.credit

    def _store_all(self, lines: Sequence[LogLine]) -> Sequence[LogLine]:
        """Put lines into the store and return the new ones.

        Raises:
            IncompleteError: Stored lines around them cannot be read back.
        """
        try:
            return self.store.add(lines).new
        except OverflowError:
            # No server counts or dates like this; such a line has no place.
            return self.store.add([line for line in lines if _fits(line)]).new
        except OSError as error:
            raise IncompleteError(
                "The spool file cannot be read back, so lines cannot be put in order: "
                f"{error.strerror or error}.",
                next_step="Free space in the spool folder, then open the job again.",
            ) from error

    def _renumbered(self) -> None:
        self._changes += 1
        self.gap_changes += 1
        if self._from_ns is not None:
            # What was forgotten is of the attempt of the first line kept.
            self._from = (self._timeline.attempt_at(self._from_ns), self._from[1])
        held = (
            line[:2]
            for start in range(0, len(self.store), SLICE)
            for line in self.store.lines(start, start + SLICE)
        )
        self.ledger.replace(held, first=self._from[0])
        last = len(self.store) - 1
        self._top = self.store.line(last)[:2] if last >= 0 else (0, -1)
        if self._told_renumbered is not None:
            self._told_renumbered(self._timeline.attempt_at)


def _fits(line: LogLine) -> bool:
    time_ns = line.time_ns or 0
    return line.sequence_num < LARGEST and -LARGEST < time_ns < LARGEST
