"""A watched log handed out in order: what is wanted, once it is its turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.core.log import LineKey, key_of
from chronotui.engine.beginning import beginning_of
from chronotui.engine.emission import LAST_RANK, Emission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chronotui.core.log import LogStore
    from chronotui.engine.beginning import Beginning
    from chronotui.engine.notices import Notices
    from chronotui.engine.selection import LineSelection
    from chronotui.engine.watch.timing import WatchTiming
    from chronotui.engine.watch.watch import Watch
    from chronotui.model import LogLine

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
        self._emission = Emission(watch.intake, watch.account.boundaries.closed, timing)
        self._intake.on_new = self._entered
        self._intake.on_forgotten = self._came_late
        self._intake.ledger.last_attempt = selection.attempt
        self.printed = 0
        self.late = 0

    @property
    def missing(self) -> int:
        """Lines known to exist by now, asked for, and not handed out."""
        return self._emission.given_up + self._watch.account.missing

    @property
    def is_waiting(self) -> bool:
        """Whether a line is held back that may be handed out without a change."""
        return self._emission.holding or self._emission.blocked is not None

    def take(self, now: float) -> list[LogLine]:
        """Return the wanted lines whose turn it is."""
        self._now = now
        self._notices.flush(now)
        emission = self._emission
        if emission.place is None and not self._begin():
            return []
        limit = self._watch.account.unread_from()
        emission.arrived(now)
        lines = emission.take(now, limit)
        while not lines and self._skips(now):
            lines = emission.take(now, limit)
        self._forget()
        return self._wanted(lines)

    def rest(self, now: float) -> Iterator[list[LogLine]]:
        """Yield all wanted lines left, past everything that never came."""
        emission = self._emission
        emission.final = True
        if emission.place is None:
            self._begin()
        while True:
            lines = emission.take(now, None)
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
        read = coverage.bottom is not None or watch.standing.ended.is_set()
        beginning = beginning_of(self._intake, selection, retained_read=read)
        if beginning is None:
            return False
        self._beginning = beginning
        self._intake.ledger.asked = beginning.place
        self._emission.begin(beginning)
        return True

    def _skips(self, now: float) -> bool:
        """Go on without what is missing if it was waited for long enough."""
        blocked = self._emission.blocked
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
        return self._watch.standing.ended.is_set() and self._watch.is_unsure()

    def _skip(self) -> bool:
        blocked = self._emission.skip()
        if blocked is not None and blocked.missing:
            self._notices.gave_up(blocked)
        return blocked is not None

    def _entered(self, lines: Sequence[LogLine]) -> None:
        place = self._emission.place
        if place is not None and lines[0][:2] < place:
            self._came_late([line for line in lines if line[:2] < place])

    def _came_late(self, lines: Sequence[LogLine]) -> None:
        asked = [line for line in lines if self._is_asked(line)]
        for line in asked:
            self._emission.came_late(line)
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
        store, place = self._intake.store, self._emission.place
        if len(store) < FORGET_LINES or place is None:
            return
        done = store.bisect(LineKey(*place, LAST_RANK, ""))
        if done < FORGET_LINES:
            return
        first = store.line(done - KEPT_LINES)
        self._intake.forget((first.attempt, first.sequence_num), self._new_store())
        store.close()
