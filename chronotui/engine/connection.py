"""Where the connection stands, put together from every witness, and in words."""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.errors import LogsUnavailableError, UnreachableError
from chronotui.times import next_try_words, wall_clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from chronotui.engine.timing import Clock, WatchTiming
    from chronotui.errors import ChronotuiError
    from chronotui.model import Job

JOB: Final = "job"
RUN: Final = "run"
PAGE: Final = "log_page"
STREAM: Final = "live"
"""Routes of a watch, as requests are named."""

_SHORT: Final = {JOB: "job", RUN: "run", PAGE: "log"}
"""What was asked, so short that the answer and the next time stand on any line."""


class ConnectionKind(StrEnum):
    CONNECTING = "CONNECTING"
    LIVE = "LIVE"
    QUIET = "QUIET"
    WAITING = "WAITING"
    RECONNECTING = "RECONNECTING"
    OFFLINE = "OFFLINE"
    ENDED = "ENDED"
    SIGN_IN = "SIGN IN"


class Connection(NamedTuple):
    """The connection's state, and why.

    Attributes:
        reason: Why, as one plain phrase; server words in it are not cleaned.
        since: Monotonic seconds when the state began; for QUIET, of the last line.
        tries: Connections that failed in a row.
        next_try: Monotonic seconds of the next try; None while one is under way.
        asked_until: Seconds since the epoch of the next try, where the server asked
            for the wait; None where it is our own.
        is_troubled: Whether the reason tells of something that is not as it should
            be although the state itself is none of trouble.
        subject: What was asked then, where it is asked again.
        waits_for: What is waited for, for WAITING.
    """

    kind: ConnectionKind
    reason: str = ""
    since: float = 0.0
    tries: int = 0
    next_try: float | None = None
    asked_until: float | None = None
    is_troubled: bool = False
    subject: str = ""
    waits_for: str = "the start"

    def text(self, now: float, zone: tzinfo | None = None) -> str:
        """Return the state in words, e.g. ``RECONNECTING 3, in 4 s``.

        A clock time is told in ``zone``; None is the machine's own.
        """
        kind = self.kind
        if kind is ConnectionKind.QUIET:
            return f"QUIET {int(now - self.since)} s"
        if kind is ConnectionKind.WAITING:
            return f"WAITING for {self.waits_for}"
        if kind not in {ConnectionKind.RECONNECTING, ConnectionKind.OFFLINE}:
            return str(kind)
        words = str(kind) + (f" {self.tries}" if self.tries else "")
        return ", ".join(filter(None, (words, self._when(now, zone))))

    def why(self, now: float, zone: tzinfo | None = None) -> str:
        """Return the reason, and when it is asked again where ``text`` does not say."""
        if not self.subject:
            return self.reason
        when = self._when(now, zone)
        if when and not self.is_asking(now):
            when = f"again {when}"
        words = [self.subject, when] if when else [self.subject]
        if self.asked_until is not None:  # the clock time first: a line may be cut
            words.reverse()
        return f"{', '.join(words)}: {self.reason}"

    def is_asking(self, now: float) -> bool:
        """Tell whether what failed is being asked again."""
        return self.next_try is None or self.next_try <= now

    def _when(self, now: float, zone: tzinfo | None) -> str:
        if self.next_try is None:
            return ""
        if self.asked_until is not None and not self.is_asking(now):
            return f"at {wall_clock(self.asked_until, zone)} as the server asked"
        return next_try_words(self.next_try - now)


class StreamPhase(Enum):
    IDLE = "idle"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    BROKEN = "broken"


class Trouble(NamedTuple):
    """What a route was answered last, while it is not answered as it should be.

    Attributes:
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
        heard_at: Monotonic seconds of the stream's last sign of life.
        outage: Seconds without a stream before the one that stands.
        refusal: The server's refusal of the job itself, while it stands.
        held_back: Whether something between holds the stream back: pages are ahead.
    """

    def __init__(
        self, clock: Clock, timing: WatchTiming, changed: Callable[[], None]
    ) -> None:
        self.clock = clock
        self.timing = timing
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
        return self.phase is StreamPhase.CONNECTED

    @property
    def connected_seconds(self) -> float:
        """How long the stream has been connected; 0 while it is not."""
        return self.clock.monotonic() - self._since if self.is_live else 0.0

    # what the requests say

    def answered(self, route: str) -> None:
        if self._answered_at is None or route in self._troubles:
            self._changed()
        self._answered_at = self.clock.monotonic()
        self._troubles.pop(route, None)
        refusal = self.refusal
        # That a job is there says nothing of a log that is not kept, by policy.
        says_more = route == JOB and not isinstance(refusal, LogsUnavailableError)
        if refusal is not None and (says_more or refusal.route == route):
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
        """Note that a request failed, ``tries`` times in a row, and is made again.

        Args:
            delay: Seconds until then.
            refused: Whether the job itself is refused.
        """
        self._note(route, error, tries, delay)
        if refused:
            self.refusal = error
        if isinstance(error, UnreachableError):
            if self._away_since is None:
                self._away_since = self.clock.monotonic()
        else:
            self._answered_at = self.clock.monotonic()
        self._changed()

    def _note(
        self, route: str, error: ChronotuiError, tries: int, delay: float
    ) -> None:
        asked = error.retry_after is not None
        self._troubles[route] = Trouble(
            error,
            tries,
            self.clock.monotonic() + delay,
            self.clock.wall() + delay if asked else None,
        )

    def was_deaf(self) -> bool:
        """Tell, once, that requests failed meanwhile and a stream was left untouched.

        It has not said a word since they began to fail, or its headers have not come
        for very long: it may be dead.
        """
        away, self._came_back = self._came_back, None
        if self.phase is StreamPhase.CONNECTING:
            waited = self.clock.monotonic() - self._since
            cut_off = away is not None and self._since < away
            return cut_off or waited >= self.timing.head_limit
        return away is not None and self.is_live and self.heard_at < away

    # what the stream says

    def connecting(self) -> None:
        self._enter(StreamPhase.CONNECTING)

    def connected(self) -> None:
        self._enter(StreamPhase.CONNECTED)
        self.heard_at = self.clock.monotonic()
        if self._broken_since is not None:
            self.outage = self.clock.monotonic() - self._broken_since
            self._broken_since = None
        self.answered(STREAM)

    def heard(self) -> None:
        now = self.clock.monotonic()
        if now - self.heard_at >= self.timing.quiet_after:
            self._changed()
        self.heard_at = now

    def lost(self, error: ChronotuiError, tries: int, delay: float) -> None:
        """Note that the stream is broken and will be opened again after ``delay``."""
        self._enter(StreamPhase.BROKEN)
        if self._broken_since is None:
            self._broken_since = self.clock.monotonic()
        self._note(STREAM, error, tries, delay)

    def forgive(self) -> None:
        """Note that no stream is wanted any more, however it failed."""
        self._troubles.pop(STREAM, None)
        self._broken_since = None
        self.idle()

    def settled(self) -> None:
        """Note that the log is read to its end: what failed is not asked again."""
        self._troubles.clear()
        self._changed()

    def idle(self) -> None:
        self._enter(StreamPhase.IDLE)

    def hold_back(self, held: bool) -> None:
        if held is not self.held_back:
            self.held_back = held
            self._changed()

    def waits_for_headers(self) -> bool:
        """Tell whether a stream was asked for long ago, and others are answered."""
        now = self.clock.monotonic()
        return (
            self.phase is StreamPhase.CONNECTING
            and now - self._since >= self.timing.connect_limit
            and self._answered_at is not None
            and self._answered_at > self._since
        )

    def sign_in(self, error: ChronotuiError | None) -> None:
        """Note that signing in is waited for, or with None, that it is done."""
        self._signing_in = error
        self._since = self.clock.monotonic()
        self._changed()

    def _enter(self, phase: StreamPhase) -> None:
        if phase is not self.phase:
            self._since = self.clock.monotonic()
            self.phase = phase
        self._changed()

    # what is shown

    def connection(self, job: Job, ending: str) -> Connection:
        """Return the state to show; ``ending`` tells the job's end, "" before it."""
        if self._signing_in is not None:
            reason = self._signing_in.sentence
            return Connection(ConnectionKind.SIGN_IN, reason, self._since)
        if ending:
            return self._with_trouble(ConnectionKind.ENDED, ending)
        if not self.is_live and self._is_offline():
            return self._down(ConnectionKind.OFFLINE)
        if job.status.is_waiting:
            return self._with_trouble(
                ConnectionKind.WAITING, f"the job is {job.status}", 0.0
            )
        return self._of_stream()

    def _of_stream(self) -> Connection:
        if self.is_live:
            silent = self.clock.monotonic() - self.heard_at
            if silent >= self.timing.quiet_after:
                return self._with_trouble(ConnectionKind.QUIET, since=self.heard_at)
            return self._with_trouble(ConnectionKind.LIVE)
        broken = self.phase is StreamPhase.BROKEN or STREAM in self._troubles
        if broken and not self.waits_for_headers():
            return self._down(ConnectionKind.RECONNECTING)
        return self._with_trouble(ConnectionKind.CONNECTING)

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

    def _with_trouble(
        self, kind: ConnectionKind, reason: str = "", since: float | None = None
    ) -> Connection:
        """Return a state with what is not as it should be beside the state itself."""
        connection = Connection(kind, reason, self._since if since is None else since)
        trouble = self._worst() if self._troubles else None
        if trouble is not None:
            subject = _SHORT.get(trouble.error.route, "server")
            if trouble.error.answer is not None:
                subject += f" {trouble.error.answer.status}"
            if kind is ConnectionKind.ENDED:
                subject = f"last lines, {subject}"
            return connection._replace(
                reason=trouble.error.sentence,
                next_try=trouble.next_try,
                asked_until=trouble.asked_until,
                is_troubled=True,
                subject=subject,
            )
        if kind is not ConnectionKind.ENDED and (
            self.held_back or (not self.is_live and self.waits_for_headers())
        ):
            every = round(self.timing.tail_apart)
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
        stream, other = self._troubles.get(STREAM), self._worst()
        if self._answered_at is None:
            first = other or stream
            return first is not None and isinstance(first.error, UnreachableError)
        if other is None or not isinstance(other.error, UnreachableError):
            return False
        no_stream = stream is not None and isinstance(stream.error, UnreachableError)
        return no_stream or self.phase is StreamPhase.IDLE


DEAF_READINGS: Final = 2
"""Readings in a row that found lines a connected stream had not said."""

LATE_ARRIVALS: Final = 2
"""So many arrivals of lines that pages had before are no accident."""

CALM_READINGS: Final = 3
"""After so many readings that found nothing the stream is trusted again."""


class BufferingDetector:
    """Whether something between holds the stream back, as a buffering proxy does.

    Lines written far apart that arrive together are a suspicion, and bring readings
    that tell: lines that pages had before the stream brought them, or pages that go
    on while a stream opened anew says nothing at all.
    """

    def __init__(self, timing: WatchTiming) -> None:
        self._timing = timing
        self._late = 0
        self._calm = 0
        self._said = False
        self._renewed = False
        self._deaf = 0
        self.suspected = False
        self.is_certain = False

    def connected(self) -> None:
        self._said = False

    def arrived(self, seconds_apart: float, *, were_read: bool) -> None:
        """Note lines written that far apart, and whether pages had them before."""
        self._said, self._deaf = True, 0
        self._renewed = False
        lump = seconds_apart >= self._timing.lumps
        if were_read or lump:
            self.suspected = True
            self._calm = 0
        self._late = self._late + 1 if were_read else 0
        self.is_certain = self.is_certain or self._late >= LATE_ARRIVALS

    def read(self, *, ahead: bool) -> bool:
        """Note a reading of the newest page while a stream stood.

        Args:
            ahead: Whether it held lines that the stream had not said.

        Returns:
            Whether the stream is to be opened anew: twice it said nothing of what
            the pages had, so it may be half-open.
        """
        if not ahead:
            self._deaf = 0
            self._calm += 1
            if self._calm >= CALM_READINGS and (self._said or not self.is_certain):
                self.suspected = self.is_certain = False
            return False
        self._calm = 0
        self._deaf += 1
        if self._deaf < DEAF_READINGS or self.is_certain:
            return False
        self._deaf = 0
        if self._renewed and not self._said:
            self.suspected = self.is_certain = True
            return False
        self._renewed = True
        return True


class TailPoll:
    """When the newest page is read again, to see what the stream did not say."""

    def __init__(
        self, connectivity: Connectivity, held_back: BufferingDetector
    ) -> None:
        self._connectivity = connectivity
        self._held_back = held_back
        self._read_at = 0.0
        self._asked: float | None = None
        self._found = False

    def soon(self, seconds: float) -> None:
        """Read it after ``seconds`` at the latest."""
        due = self._connectivity.clock.monotonic() + seconds
        self._asked = due if self._asked is None else min(self._asked, due)

    def read(self, *, found: bool) -> None:
        """Note that it was read, and whether it held lines the stream did not say."""
        self._read_at = self._connectivity.clock.monotonic()
        self._asked = None
        self._found = found

    def due(self, *, rising: bool) -> float:
        """Return when to read it next, in monotonic seconds.

        An oldest-first list is read on even while lines arrive, for its newest page
        is found only by way of all the others.
        """
        live = self._connectivity
        timing = live.timing
        silent = live.heard_at + timing.tail_silence
        if not live.is_live or self._found or self._held_back.suspected:
            regular = self._read_at + timing.tail_apart
        elif self._read_at >= silent or rising:
            regular = self._read_at + timing.tail_quiet
        else:
            regular = silent
        return regular if self._asked is None else min(regular, self._asked)
