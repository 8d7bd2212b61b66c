"""Where the connection stands, put together from every witness."""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.engine.log_state import Connection, ConnectionKind
from chronotui.engine.retry import JOB, PAGE, STREAM
from chronotui.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.engine.timing import Clock, WatchTiming
    from chronotui.errors import ChronotuiError
    from chronotui.model import Job

_SHORT: Final = {JOB: "job", PAGE: "log"}
"""What was asked, so short that the answer and the next time stand on any line."""


class StreamPhase(Enum):
    """What the live stream is doing."""

    IDLE = "idle"
    CONNECTING = "connecting"
    STANDING = "standing"
    BROKEN = "broken"


class Trouble(NamedTuple):
    """What a route was answered last, while it is not answered as it should be.

    Attributes:
        error: The answer, or that none came.
        tries: Failures in a row.
        next_try: Monotonic seconds when it is asked next.
        asked_until: Seconds since the epoch of that, where the server asked for the
            wait; None where it is our own.
    """

    error: ChronotuiError
    tries: int
    next_try: float
    asked_until: float | None


class Connectivity:
    """What the stream, the requests and the sign-in say about the connection.

    Attributes:
        phase: Of the live stream.
        heard_at: Monotonic seconds of the stream's last sign of life.
        outage: Seconds without a stream before the one that stands.
        refusal: The server's refusal of the job itself, while it stands.
        held_back: Whether something between holds the stream back: pages are ahead.
    """

    def __init__(
        self, clock: Clock, timing: WatchTiming, changed: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._timing = timing
        self._changed = changed
        self._troubles: dict[str, Trouble] = {}
        self._answered_at: float | None = None
        self._signing_in: ChronotuiError | None = None
        self._since = 0.0
        self._away_since: float | None = None
        self._came_back: float | None = None
        self._broken_since: float | None = None
        self.phase = StreamPhase.IDLE
        self.heard_at = 0.0
        self.outage = 0.0
        self.refusal: ChronotuiError | None = None
        self.held_back = False

    @property
    def is_live(self) -> bool:
        """Whether a stream stands."""
        return self.phase is StreamPhase.STANDING

    @property
    def stood(self) -> float:
        """Seconds the stream has stood; 0 while there is none."""
        return self._clock.monotonic() - self._since if self.is_live else 0.0

    # what the requests say

    def answered(self, route: str) -> None:
        """Note that the server answered a request as it should."""
        if self._answered_at is None or route in self._troubles:
            self._changed()
        self._answered_at = self._clock.monotonic()
        self._troubles.pop(route, None)
        if route == JOB or (self.refusal is not None and self.refusal.route == route):
            self.refusal = None
        if self._away_since is not None:
            self._came_back, self._away_since = self._away_since, None

    def failed(
        self,
        route: str,
        error: ChronotuiError,
        tries: int,
        delay: float,
        *,
        refused: bool = False,
    ) -> None:
        """Note that a request failed.

        Args:
            route: What was asked.
            error: What came.
            tries: Failures in a row.
            delay: Seconds until it is asked again.
            refused: Whether the job itself is refused.
        """
        self._note(route, error, tries, delay)
        if refused:
            self.refusal = error
        if isinstance(error, UnreachableError):
            if self._away_since is None:
                self._away_since = self._clock.monotonic()
        else:
            self._answered_at = self._clock.monotonic()
        self._changed()

    def _note(
        self, route: str, error: ChronotuiError, tries: int, delay: float
    ) -> None:
        asked = error.retry_after is not None
        self._troubles[route] = Trouble(
            error,
            tries,
            self._clock.monotonic() + delay,
            self._clock.wall() + delay if asked else None,
        )

    def was_deaf(self) -> bool:
        """Tell, once, that requests failed meanwhile and a stream was left untouched.

        It has not said a word since they began to fail, or its headers have not come
        for very long: it may be dead.
        """
        away, self._came_back = self._came_back, None
        if self.phase is StreamPhase.CONNECTING:
            waited = self._clock.monotonic() - self._since
            cut_off = away is not None and self._since < away
            return cut_off or waited >= self._timing.head_limit
        return away is not None and self.is_live and self.heard_at < away

    # what the stream says

    def connecting(self) -> None:
        """Note that a stream is being opened."""
        self._enter(StreamPhase.CONNECTING)

    def connected(self) -> None:
        """Note that the subscription stands."""
        self._enter(StreamPhase.STANDING)
        self.heard_at = self._clock.monotonic()
        if self._broken_since is not None:
            self.outage = self._clock.monotonic() - self._broken_since
            self._broken_since = None
        self.answered(STREAM)

    def heard(self) -> None:
        """Note that lines arrived."""
        now = self._clock.monotonic()
        if now - self.heard_at >= self._timing.quiet_after:
            self._changed()
        self.heard_at = now

    def lost(self, error: ChronotuiError, tries: int, delay: float) -> None:
        """Note that the stream is broken and will be opened again after ``delay``."""
        self._enter(StreamPhase.BROKEN)
        if self._broken_since is None:
            self._broken_since = self._clock.monotonic()
        self._note(STREAM, error, tries, delay)

    def idle(self) -> None:
        """Note that no stream is wanted."""
        self._enter(StreamPhase.IDLE)

    def hold_back(self, held: bool) -> None:
        """Note whether something between holds the stream back."""
        if held is not self.held_back:
            self.held_back = held
            self._changed()

    def waits_for_headers(self) -> bool:
        """Tell whether a stream was asked for long ago, and others are answered."""
        now = self._clock.monotonic()
        return (
            self.phase is StreamPhase.CONNECTING
            and now - self._since >= self._timing.connect_limit
            and self._answered_at is not None
            and self._answered_at > self._since
        )

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

    # what is shown

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
            return self._with_trouble(
                Connection(ConnectionKind.ENDED, ending, self._since)
            )
        if self._is_offline():
            return self._down(ConnectionKind.OFFLINE)
        if job.status.is_waiting:
            words = f"the job is {job.status}"
            return self._with_trouble(Connection(ConnectionKind.WAITING, words))
        return self._of_stream()

    def _of_stream(self) -> Connection:
        if self.phase is StreamPhase.STANDING:
            silent = self._clock.monotonic() - self.heard_at
            quiet = silent >= self._timing.quiet_after
            kind = ConnectionKind.QUIET if quiet else ConnectionKind.LIVE
            since = self.heard_at if quiet else self._since
            return self._with_trouble(Connection(kind, "", since))
        if self.waits_for_headers():
            connecting = Connection(ConnectionKind.CONNECTING, "", self._since)
            return self._with_trouble(connecting)
        if self.phase is StreamPhase.BROKEN or STREAM in self._troubles:
            return self._down(ConnectionKind.RECONNECTING)
        return self._with_trouble(
            Connection(ConnectionKind.CONNECTING, "", self._since)
        )

    def _down(self, kind: ConnectionKind) -> Connection:
        stream, other = self._troubles.get(STREAM), self._worst()
        shown = stream or other
        if shown is None:
            return Connection(kind, "", self._since)
        waiting = self.phase is not StreamPhase.CONNECTING or shown is other
        return Connection(
            kind,
            shown.error.sentence,
            self._since,
            shown.tries,
            shown.next_try if waiting else None,
            shown.asked_until if waiting else None,
        )

    def _with_trouble(self, connection: Connection) -> Connection:
        """Add what is not as it should be beside the state itself."""
        trouble = self._worst()
        if trouble is not None:
            subject = _SHORT.get(trouble.error.route, "server")
            if trouble.error.answer is not None:
                subject += f" {trouble.error.answer.status}"
            if connection.kind is ConnectionKind.ENDED:
                subject = f"last lines, {subject}"
            return connection._replace(
                reason=trouble.error.sentence,
                next_try=trouble.next_try,
                asked_until=trouble.asked_until,
                is_troubled=True,
                subject=subject,
            )
        if connection.kind is not ConnectionKind.ENDED and (
            self.held_back or self.waits_for_headers()
        ):
            every = round(self._timing.tail_apart)
            words = (
                "the stream is held back by something between, "
                f"reading pages every {every} s"
            )
            return connection._replace(reason=words, is_troubled=True)
        return connection

    def _worst(self) -> Trouble | None:
        """Return the trouble of requests that has lasted longest, the job's first."""
        others = [self._troubles[r] for r in (JOB, PAGE) if r in self._troubles]
        return max(others, key=lambda trouble: trouble.tries, default=None)

    def _is_offline(self) -> bool:
        """Tell whether nothing was ever answered, or both witnesses say no network."""
        if self.phase is StreamPhase.STANDING:
            return False
        stream, other = self._troubles.get(STREAM), self._worst()
        if self._answered_at is None:
            first = other or stream
            return first is not None and isinstance(first.error, UnreachableError)
        if other is None or not isinstance(other.error, UnreachableError):
            return False
        no_stream = stream is not None and isinstance(stream.error, UnreachableError)
        return no_stream or self.phase is StreamPhase.IDLE


# Lines a second, over the last few seconds.

WINDOW_SECONDS: Final = 3.0
"""Long enough to be calm, short enough to be now."""

GRAIN_SECONDS: Final = 0.25


class LineRate:
    """Counts lines in slices of a quarter second."""

    def __init__(self) -> None:
        self._slices: deque[tuple[float, int]] = deque()

    def add(self, now: float, lines: int) -> None:
        """Count lines that entered now."""
        if self._slices and now - self._slices[-1][0] < GRAIN_SECONDS:
            began, count = self._slices.pop()
            self._slices.append((began, count + lines))
        else:
            self._slices.append((now, lines))

    def per_second(self, now: float) -> float:
        """Return the rate now."""
        while self._slices and now - self._slices[0][0] > WINDOW_SECONDS:
            self._slices.popleft()
        return sum(count for _, count in self._slices) / WINDOW_SECONDS

    def next_change(self, now: float) -> float | None:
        """Return when the rate will have fallen if nothing enters; None at zero."""
        if not self.per_second(now):
            return None
        return self._slices[0][0] + WINDOW_SECONDS + 0.001
