"""Words about the connection for somebody who reads a log on a pipe."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from chronotui.engine.intake import Intake
from chronotui.engine.log_state import (
    Connection,
    ConnectionKind,
    WatchSettings,
    short_words,
)
from chronotui.engine.ordered import Notices, OrderedLines
from chronotui.engine.selection import LineSelection
from chronotui.engine.timing import Clock
from chronotui.engine.watch import Watch
from chronotui.errors import ChronotuiError, IncompleteError
from chronotui.log.store import LogStore
from chronotui.text import clean
from chronotui.times import human_duration

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from chronotui.engine.log_state import Verdict
    from chronotui.log.chunks import Overflow
    from chronotui.model import Job, LogLine, Workflow
    from chronotui.sources.protocol import LogSource

DOWN: Final = frozenset({ConnectionKind.RECONNECTING, ConnectionKind.OFFLINE})


class Narration:
    """Says each turn of the connection once.

    Args:
        tell: Takes one sentence.
        patience: Seconds an outage lasts before it is worth a sentence.
    """

    def __init__(self, tell: Callable[[str], None], patience: float) -> None:
        self._tell = tell
        self._patience = patience
        self._down_since: float | None = None
        self._said_down = False
        self._said_waiting = False
        self._said_asked: float | None = None

    def hear(self, connection: Connection, now: float) -> None:
        """Take the connection as it stands now."""
        if connection.kind is ConnectionKind.WAITING and not self._said_waiting:
            self._said_waiting = True
            self._tell(f"waiting for the start: {connection.reason}.")
        if connection.kind in DOWN or connection.is_troubled:
            self._is_down(connection, now)
        elif connection.kind is not ConnectionKind.CONNECTING:
            self._is_up()

    def _is_down(self, connection: Connection, now: float) -> None:
        if self._down_since is None:
            self._down_since = now
        asked = connection.asked_until
        if asked is not None and self._is_news(asked):
            self._said_asked = asked
            self._say_down(connection, now)
            return
        at_once = connection.kind is ConnectionKind.OFFLINE
        if self._said_down or (now - self._down_since < self._patience and not at_once):
            return
        self._say_down(connection, now)

    def _is_news(self, asked_until: float) -> bool:
        """Whether the server asked for another wait than the one that was told."""
        said = self._said_asked
        return said is None or abs(asked_until - said) >= self._patience

    def _say_down(self, connection: Connection, now: float) -> None:
        self._said_down = True
        reason = clean(connection.why(now)).rstrip(".")
        self._tell(f"{connection.text(now)}: {reason}. Trying on.")

    def _is_up(self) -> None:
        self._down_since = None
        if self._said_down:
            self._said_down = False
            self._tell("connected again; nothing is lost that the server still has.")


# Printing a job's log live, in order, each line exactly once.

MEMORY_BYTES: Final = 64 << 20
"""Lines waiting for their turn that are kept in memory; more go to the spool."""


@dataclass(frozen=True, slots=True)
class FollowResult:
    """How following a job ended.

    Attributes:
        verdict: The sealed log's verdict.
        printed: Lines handed out.
        missing: Lines known to exist, asked for, and not handed out.
        job: The job as it ended.
    """

    verdict: Verdict
    printed: int
    missing: int
    job: Job

    @property
    def exit_code(self) -> int:
        """6 when lines are missing, else 1 unless COMPLETED, else 0."""
        if self.missing or not self.verdict.sealed:
            return 6
        return 0 if self.job.status == "COMPLETED" else 1


class Follow:
    """One job followed to its end; made for one reading of ``batches``.

    Args:
        client: A client of the job's server.
        workflow: The job's workflow, if known.
        job: The job as last read.
        selection: Which lines are wanted; the account of missing lines is of all
            streams, since a line that did not come does not say which it is of.
        settings: How to watch; how far back follows from the selection.
        tell: Takes sentences for standard error.
        spool: Opens a place for lines beyond memory.
        clock: Time and chance.
    """

    def __init__(
        self,
        client: LogSource,
        workflow: Workflow | None,
        job: Job,
        *,
        selection: LineSelection | None = None,
        settings: WatchSettings | None = None,
        tell: Callable[[str], None] = lambda _: None,
        spool: Callable[[], Overflow] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._selection = selection or LineSelection()
        self._settings = settings or WatchSettings()
        self._tell = tell
        self._spool = spool
        self._clock = clock or Clock()
        self._wake = asyncio.Event()
        self._read = 0
        self._watch = Watch(
            client,
            workflow,
            job,
            settings=replace(
                self._settings, tail=None, since_ns=self._selection.since_ns
            ),
            intake=Intake(self._new_store()),
            clock=self._clock,
            changed=self._wake.set,
            enough=None if self._selection.tail is None else self._enough,
        )
        timing = self._settings.timing
        self._narration = Narration(tell, timing.line_wait_said)
        self._lines = OrderedLines(
            self._watch,
            self._selection,
            Notices(tell, timing.line_wait_said, timing.line_wait),
            timing=timing,
            new_store=self._new_store,
        )
        self.result: FollowResult | None = None
        self.connection = Connection(ConnectionKind.CONNECTING)
        """Where the connection stood when it was last looked at."""

    @property
    def printed(self) -> int:
        """Lines handed out so far."""
        return self._lines.printed

    @property
    def missing(self) -> int:
        """Lines known to exist by now, asked for, and not handed out."""
        return self._lines.missing if self.result is None else self.result.missing

    def signed_in(self) -> None:
        """Go on after somebody has signed in, as a recording in the desk does."""
        self._watch.gate.signed_in()

    def summary(self) -> str:
        """Return one sentence for standard error: printed, missing, and the end."""
        printed = self.printed
        lines = "1 line" if printed == 1 else f"{printed:,} lines"
        possible = 0 if self.result is None else self.result.verdict.possible
        words = f"{lines} printed, {short_words(self.missing, possible)}"
        if self._lines.late:
            words += f" ({self._lines.late:,} of them came too late)"
        if self.result is None:
            return f"{words}; the job goes on."
        verdict, job = self.result.verdict, self.result.job
        words += f"; the job ended {job.status}"
        if verdict.seconds is not None:
            words += f" after {human_duration(verdict.seconds)}"
        if verdict.attempts > 1:
            words += f", {verdict.attempts} attempts"
        return f"{words} ({verdict.note})." if verdict.note else f"{words}."

    async def batches(self) -> AsyncGenerator[list[LogLine], None]:
        """Yield lines in order, each once, until the job's log is sealed.

        Cancel the reading task, or ``aclose`` the iterator, to stop. Afterwards
        ``result`` holds the outcome (None when stopped early).

        Raises:
            ChronotuiError: The log cannot be followed: not signed in, not allowed,
                not found, no log by policy.
        """
        watching = asyncio.create_task(self._watch.run())
        watching.add_done_callback(lambda _: self._wake.set())
        try:
            while not watching.done():
                self._wake.clear()
                self._narrate()
                lines = self._lines.take(self._clock.monotonic())
                if lines:
                    yield lines
                else:
                    await self._pause()
            refusal = _refusal_of(watching)
            if refusal is None:
                verdict = watching.result()
            elif not self._watch.was_answered:
                raise refusal
            for lines in self._lines.rest(self._clock.monotonic()):
                yield lines
            if refusal is not None:
                raise self._cut_off(refusal)
            self.result = self._outcome(verdict)
        finally:
            watching.cancel()
            await asyncio.wait([watching])
            if not watching.cancelled():
                watching.exception()
            self._watch.intake.store.close()

    def _cut_off(self, refusal: ChronotuiError) -> ChronotuiError:
        """Return what ended it early: incomplete, if anything was handed out."""
        if not self.printed:
            return refusal
        return IncompleteError(
            f"The log breaks off after {self.printed:,} lines: {refusal.sentence}",
            next_step="Try again; the job may go on.",
        )

    def _new_store(self) -> LogStore:
        return LogStore(budget_bytes=MEMORY_BYTES, overflow=self._spool)

    def _enough(self, lines: Sequence[LogLine]) -> bool:
        """Tell whether as many lines as the tail wants have been read back."""
        self._read += sum(map(self._selection.prints, lines))
        return self._read >= (self._selection.tail or 0)

    def _narrate(self) -> None:
        watch = self._watch
        over = str(watch.job.status) if watch.status.ended.is_set() else ""
        self.connection = watch.connectivity.connection(watch.job, over)
        self._narration.hear(self.connection, self._clock.monotonic())

    async def _pause(self) -> None:
        """Wait for a change, or for the moment a wait is over."""
        timing = self._settings.timing
        seconds = timing.line_wait_said
        if self._lines.is_waiting:
            seconds = min(timing.partner_wait, seconds)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    def _outcome(self, verdict: Verdict) -> FollowResult:
        missing = self._lines.missing
        whole = replace(verdict, missing=missing, sealed=verdict.sealed and not missing)
        return FollowResult(whole, self.printed, missing, self._watch.job)


def _refusal_of(watching: asyncio.Task[Verdict]) -> ChronotuiError | None:
    """Return the error a watch ended with, if it is one with words."""
    error = None if watching.cancelled() else watching.exception()
    return error if isinstance(error, ChronotuiError) else None
