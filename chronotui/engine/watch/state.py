"""What a watched log says about itself: frozen values for the desk and the shell."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from chronotui.core.times import local_clock

if TYPE_CHECKING:
    from chronotui.errors import ChronotuiError
    from chronotui.model import Job, JobStatus


class ConnectionKind(StrEnum):
    """Where the connection stands (contract "Truth on the screen")."""

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
        kind: One of the states.
        reason: Why, as one plain phrase; server words in it are not cleaned.
        since: Monotonic seconds when the state began; for QUIET, of the last line.
        tries: Connections that failed in a row.
        next_try: Monotonic seconds of the next try; None while one is under way.
        asked_until: Seconds since the epoch of the next try, where the server asked
            for the wait; None where it is our own.
        is_troubled: Whether the reason tells of something that is not as it should
            be although the state itself is none of trouble.
        subject: What was asked then, where it is asked again.
    """

    kind: ConnectionKind
    reason: str = ""
    since: float = 0.0
    tries: int = 0
    next_try: float | None = None
    asked_until: float | None = None
    is_troubled: bool = False
    subject: str = ""

    def text(self, now: float) -> str:
        """Return the state in words, e.g. ``RECONNECTING 3, in 4 s``.

        Args:
            now: Monotonic seconds (``JobLog.now()``).
        """
        kind = self.kind
        if kind is ConnectionKind.QUIET:
            return f"QUIET {int(now - self.since)} s"
        if kind is ConnectionKind.WAITING:
            return "WAITING for the start"
        if kind not in {ConnectionKind.RECONNECTING, ConnectionKind.OFFLINE}:
            return str(kind)
        words = str(kind) + (f" {self.tries}" if self.tries else "")
        return ", ".join(filter(None, (words, self._when(now))))

    def why(self, now: float) -> str:
        """Return the reason, and when it is asked again where ``text`` does not say.

        Args:
            now: As for ``text``.
        """
        if not self.subject:
            return self.reason
        when = self._when(now)
        asked = f"{self.subject}, again {when}" if when else self.subject
        if self.asked_until is not None:  # the clock time first: a line may be cut
            asked = f"again {when}, {self.subject}"
        return f"{asked}: {self.reason}"

    def _when(self, now: float) -> str:
        """Return when the next try is: by the clock where the server said so."""
        if self.next_try is None:
            return ""
        if self.asked_until is not None:
            return f"at {local_clock(self.asked_until)} as the server asked"
        return f"in {max(0, round(self.next_try - now))} s"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known about a log once its job has ended and it was read to the end.

    Attributes:
        sealed: Whether the log stood still and every line asked for is held.
        lines: Lines held.
        missing: Lines known to exist, asked for, and never received.
        attempts: Attempts seen, at least 1.
        status: How the job ended.
        seconds: How long it ran; None when the server does not say.
        note: Why the log cannot be vouched for, or why lines are missing; "" where
            counting says it all.
        part: Whether older lines than those held were not read, or not all.
        split: Whether the log's first lines are held then, and others left out.
        possible: Lines that may be missing beyond those: numbers not held that are
            probably only skipped, around which the retained log was not read.
    """

    sealed: bool
    lines: int
    missing: int
    attempts: int
    status: JobStatus
    seconds: float | None = None
    note: str = ""
    part: bool = False
    split: bool = False
    possible: int = 0

    def sentence(self) -> str:
        """Return e.g. ``sealed ✓ 48,211 lines, 0 missing``."""
        lines = "1 line" if self.lines == 1 else f"{self.lines:,} lines"
        if self.part:
            lines = f"first and newest {lines}" if self.split else f"newest {lines}"
        mark = "sealed ✓" if self.sealed else "not whole:"
        words = f"{mark} {lines}, {short_words(self.missing, self.possible)}"
        return f"{words} ({self.note})" if self.note else words


def short_words(missing: int, possible: int) -> str:
    """Return what a log lacks, e.g. ``3 missing, 1 possibly missing``."""
    if not possible:
        return f"{missing:,} missing"
    words = f"{possible:,} possibly missing"
    return f"{missing:,} missing, {words}" if missing else words


@dataclass(frozen=True, slots=True)
class LogState:
    """A snapshot of a watched log, replaced as a whole.

    Attributes:
        connection: Where the connection stands.
        job: The job as last read.
        lines: Lines held.
        missing: Lines known to exist, asked for, and not held.
        fetching: Whether missing lines are still being looked for.
        rate: Lines a second, over the last seconds.
        newest_seq: Number of the newest line held; None without lines.
        oldest_loaded_seq: Number of the oldest line held.
        at_start: Whether the log's first line has been reached.
        split: Whether its first lines are held and lines after them were not read.
        at_end: Whether the retained log has been read to its newest line.
        filling: While the retained log is read in: lines read, and how many there
            are in all where that is known.
        verdict: Set once the log is sealed.
        problem: Why the log is empty, incomplete or no longer watched.
    """

    connection: Connection
    job: Job
    lines: int = 0
    missing: int = 0
    fetching: bool = False
    rate: float = 0.0
    newest_seq: int | None = None
    oldest_loaded_seq: int | None = None
    at_start: bool = False
    split: bool = False
    at_end: bool = False
    filling: tuple[int, int | None] | None = None
    verdict: Verdict | None = None
    problem: ChronotuiError | None = None
