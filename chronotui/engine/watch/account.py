"""What is missing of a log, in the light of how far it has been read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.core.sealing import LagMeter
from chronotui.engine.watch.boundaries import Boundaries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chronotui.core.coverage import Coverage
    from chronotui.core.ledger import Hole
    from chronotui.engine.watch.intake import Intake
    from chronotui.engine.watch.timing import Clock, WatchTiming


class Account:
    """The ledger, the ends of attempts, and the stretch that has been read.

    Attributes:
        boundaries: Which ends of attempts are certain.
        lag: How far the retained log trails.
        caught_up: Whether what was wanted on opening has been read.
    """

    def __init__(
        self, intake: Intake, coverage: Coverage, timing: WatchTiming, clock: Clock
    ) -> None:
        self._intake = intake
        self._coverage = coverage
        self._timing = timing
        self._clock = clock
        self.lag = LagMeter(grain=timing.still / 60)
        self.boundaries = Boundaries(intake.ledger, self.lag, timing.still)
        self.caught_up = False

    def holes(self) -> Iterator[Hole]:
        """Yield what is missing where it should be, and ends of attempts unread."""
        unread_from = self.unread_from()
        for hole in self._intake.ledger.holes():
            if unread_from is None or hole[:2] < unread_from:
                yield hole
        if self.caught_up:
            yield from self.boundaries.holes(self._clock.monotonic())

    def unread(self) -> Iterator[Hole]:
        """Yield what an oldest-first reading has not come to yet."""
        unread_from = self.unread_from()
        if unread_from is not None:
            for hole in self._intake.ledger.holes():
                if hole[:2] >= unread_from:
                    yield hole

    @property
    def missing(self) -> int:
        """Lines known to exist, asked for, and not held.

        While an oldest-first log is read in, what lies ahead is not missing yet.
        """
        if self.unread_from() is None:
            return self._intake.ledger.missing
        return sum(hole.missing for hole in self.holes())

    def unread_from(self) -> tuple[int, int] | None:
        """Return the place an oldest-first reading has come to; None at its end."""
        coverage = self._coverage
        if coverage.at_end or not coverage.rising:
            return None
        return (0, 0) if coverage.top is None else coverage.top.key

    def set_floor(self) -> None:
        """Let counting begin where the log has been read back to."""
        ledger, coverage = self._intake.ledger, self._coverage
        ledger.whole = coverage.at_start
        if coverage.bottom is not None:
            ledger.reached = coverage.bottom.key

    def read(self, low: tuple[int, int], high: tuple[int, int]) -> None:
        """Note that the retained log was read from ``low`` to ``high``."""
        top = self._coverage.top
        newest = (0, 0) if top is None else top.key
        self.boundaries.read(low, high, self._clock.monotonic(), newest)

    def newest_read(self) -> None:
        """Note that the newest page was read."""
        top = self._coverage.top
        self.lag.retained(self._clock.monotonic(), None if top is None else top.key)

    def opened(self, *, settled: bool) -> None:
        """Note that what was wanted on opening has been read.

        Args:
            settled: Whether the job ended so long ago that nothing can follow.
        """
        if settled:
            self.boundaries.close_all()
        long_ago = int((self._clock.wall() - self._timing.settled_age) * 1e9)
        self.boundaries.long_past(self._first_time, long_ago)
        self.caught_up = True

    def _first_time(self, attempt: int) -> int | None:
        store = self._intake.store
        places = store.attempt_range(attempt)
        return store.line(places.start).time_ns if places else None

    def renumbered(self, attempt_at: Callable[[int], int]) -> None:
        """Find every place again after lines turned out to be of other attempts."""
        self._coverage.renumber(attempt_at)
        self.boundaries.renumbered()
        self.set_floor()
