"""Where the connection stands, put together from every witness."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from chronotui.engine.watch.state import Connection, ConnectionKind
from chronotui.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.engine.watch.timing import Clock, WatchTiming
    from chronotui.errors import ChronotuiError
    from chronotui.model import Job


class StreamPhase(Enum):
    """What the live stream is doing."""

    IDLE = "idle"
    CONNECTING = "connecting"
    STANDING = "standing"
    BROKEN = "broken"


class Connectivity:
    """What the stream, the requests and the sign-in say about the connection.

    Attributes:
        phase: Of the live stream.
        heard_at: Monotonic seconds of the stream's last sign of life.
        away_since: When requests began to fail for want of a connection; None
            while they are answered.
        outage: Seconds without a stream before the one that stands.
    """

    def __init__(
        self, clock: Clock, timing: WatchTiming, changed: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._timing = timing
        self._changed = changed
        self._answered = False
        self._failure: ChronotuiError | None = None
        self._lost: ChronotuiError | None = None
        self._signing_in: ChronotuiError | None = None
        self._since = 0.0
        self._tries = 0
        self._next_try: float | None = None
        self.phase = StreamPhase.IDLE
        self.heard_at = 0.0
        self.away_since: float | None = None
        self._came_back: float | None = None
        self.outage = 0.0
        self._broken_since: float | None = None

    @property
    def is_live(self) -> bool:
        """Whether a stream stands."""
        return self.phase is StreamPhase.STANDING

    def answered(self) -> None:
        """Note that the server answered a request."""
        if not self._answered or self._failure is not None:
            self._changed()
        self._answered = True
        self._failure = None
        if self.away_since is not None:
            self._came_back, self.away_since = self.away_since, None

    def was_deaf(self) -> bool:
        """Tell, once, that requests failed meanwhile and a stream stands untouched.

        It has not said a word since they began to fail: it may be dead.
        """
        away, self._came_back = self._came_back, None
        return away is not None and self.is_live and self.heard_at < away

    def failed(self, error: ChronotuiError) -> None:
        """Note that a request failed."""
        self._failure = error
        if isinstance(error, UnreachableError) and self.away_since is None:
            self.away_since = self._clock.monotonic()
        self._changed()

    def connecting(self) -> None:
        """Note that a stream is being opened."""
        self._enter(StreamPhase.CONNECTING)
        self._next_try = None

    def connected(self) -> None:
        """Note that the subscription stands."""
        self._enter(StreamPhase.STANDING)
        self.heard_at = self._clock.monotonic()
        self._lost = None
        self._tries = 0
        if self._broken_since is not None:
            self.outage = self._clock.monotonic() - self._broken_since
            self._broken_since = None
        self.answered()

    def heard(self) -> None:
        """Note that lines arrived."""
        now = self._clock.monotonic()
        if now - self.heard_at >= self._timing.quiet_after:
            self._changed()
        self.heard_at = now

    def lost(self, error: ChronotuiError, tries: int, next_try: float) -> None:
        """Note that the stream is broken and will be opened again."""
        self._enter(StreamPhase.BROKEN)
        if self._broken_since is None:
            self._broken_since = self._clock.monotonic()
        self._lost = error
        self._tries = tries
        self._next_try = next_try

    def idle(self) -> None:
        """Note that no stream is wanted."""
        self._enter(StreamPhase.IDLE)

    def sign_in(self, error: ChronotuiError | None) -> None:
        """Note that signing in is waited for, or with None, that it is done."""
        self._signing_in = error
        self._since = self._clock.monotonic()
        self._changed()

    def _enter(self, phase: StreamPhase) -> None:
        if phase is not self.phase:
            self._since = self._clock.monotonic()
            self.phase = phase
        self._changed()

    def connection(self, job: Job, ending: str) -> Connection:
        """Return the state to show.

        Args:
            job: As last read.
            ending: How the job ended, in words; "" while it has not.
        """
        if self._signing_in is not None:
            reason = self._signing_in.sentence
            return Connection(ConnectionKind.SIGN_IN, reason, self._since)
        if ending:
            reason = ending
            if self._failure is not None:
                reason += f"; the last lines are still asked for: {self._words()}"
            return Connection(ConnectionKind.ENDED, reason, self._since)
        if self._is_offline():
            return self._down(ConnectionKind.OFFLINE)
        if job.status.is_waiting:
            return Connection(ConnectionKind.WAITING, f"the job is {job.status}")
        return self._of_stream()

    def _of_stream(self) -> Connection:
        if self.phase is StreamPhase.STANDING:
            silent = self._clock.monotonic() - self.heard_at
            quiet = silent >= self._timing.quiet_after
            kind = ConnectionKind.QUIET if quiet else ConnectionKind.LIVE
            since = self.heard_at if quiet else self._since
            return Connection(kind, self._words(), since)
        if self.phase is StreamPhase.BROKEN or self._tries:
            return self._down(ConnectionKind.RECONNECTING)
        return Connection(ConnectionKind.CONNECTING, self._words(), self._since)

    def _down(self, kind: ConnectionKind) -> Connection:
        return Connection(kind, self._words(), self._since, self._tries, self._next_try)

    def _is_offline(self) -> bool:
        """Tell whether nothing was ever answered, or both witnesses say no network."""
        if self.phase is StreamPhase.STANDING:
            return False
        if not self._answered:
            return isinstance(self._failure or self._lost, UnreachableError)
        return isinstance(self._failure, UnreachableError) and (
            isinstance(self._lost, UnreachableError) or self.phase is StreamPhase.IDLE
        )

    def _words(self) -> str:
        error = self._lost or self._failure
        return "" if error is None else error.sentence
