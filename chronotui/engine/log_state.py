"""What a watch is asked to do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from chronotui.engine.timing import WatchTiming
from chronotui.errors import LogsUnavailableError
from chronotui.model import WorkflowKind
from chronotui.times import local_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chronotui.errors import ChronotuiError
    from chronotui.model import Job, JobStatus, LogLine, Workflow


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """How one job's log is watched.

    Attributes:
        poll_seconds: How often the job is asked for its state (profile key
            ``poll_seconds``).
        tail: So many retained lines are read back on opening; None reads from the
            first line (recording, following from the start).
        since_ns: Nothing before this time (nanoseconds since the epoch) is read
            back, nor counts as missing.
        may_sign_in: Whether somebody can sign in again while the watch waits; if
            not, a session that cannot be renewed ends the watch with its error.
        waits: Whether a first refusal of the job is said and asked about again, as on
            the desk; if not, it ends the watch at once.
        timing: Every delay.
    """

    poll_seconds: float = 5.0
    tail: int | None = 1000
    since_ns: int | None = None
    may_sign_in: bool = True
    waits: bool = True
    timing: WatchTiming = field(default_factory=WatchTiming)


# How far back a log is read on opening, and which jobs have none.


def refuse_without_log(workflow: Workflow | None) -> None:
    """Say of a workflow that never has logs that it has none.

    Raises:
        LogsUnavailableError: It is such a one (WIRE.md "Workflows").
    """
    if workflow is not None and workflow.kind == WorkflowKind.HEARTBEAT:
        raise LogsUnavailableError(
            "A HEARTBEAT workflow only asks an address whether it answers; "
            "its jobs have no log.",
            next_step="Its Details show what was asked and how it ended.",
        )


def enough_of(settings: WatchSettings) -> Callable[[Sequence[LogLine]], bool]:
    """Return what tells, page by page, that the log was read back far enough."""
    read = 0

    def enough(lines: Sequence[LogLine]) -> bool:
        nonlocal read
        read += len(lines)
        if settings.since_ns is not None:
            times = [line.time_ns for line in lines if line.time_ns is not None]
            return bool(times) and min(times) < settings.since_ns
        return settings.tail is not None and read >= settings.tail

    return enough


# Where a watched job stands: not started, running, over.


class JobPhase:
    """The job as last read, and what can be waited for.

    Attributes:
        job: As last read.
        ended: Set while its state says that it is over.
        running: Set while it is neither waiting nor over.
        begun: Set once it has left waiting.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.ended = asyncio.Event()
        self.running = asyncio.Event()
        self.begun = asyncio.Event()
        self._settle()

    def take(self, job: Job) -> bool:
        """Take over a newer reading; True if it says anything new.

        A job read alone does not tell its attempts and its container (WIRE.md "Jobs");
        what a list told of them stays.
        """
        known = self.job
        self.job = replace(
            job,
            attempts=known.attempts if job.attempts is None else job.attempts,
            container_id=job.container_id or known.container_id,
        )
        self._settle()
        return self.job != known

    def age_of_end(self, now: float) -> float | None:
        """Return the seconds since the job ended; None if it says none.

        Args:
            now: Seconds since the epoch.
        """
        ended_at = self.job.completed_at or self.job.updated_at
        if not self.job.status.is_terminal or ended_at is None:
            return None
        return now - ended_at.timestamp()

    def _settle(self) -> None:
        status = self.job.status
        over = status.is_terminal
        running = not over and not status.is_waiting
        for event, holds in ((self.ended, over), (self.running, running)):
            if holds:
                event.set()
            else:
                event.clear()
        if not status.is_waiting:
            self.begun.set()


# What a watched log says about itself: frozen values for the desk and the shell.


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
