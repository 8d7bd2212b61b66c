"""A job's log followed live, as on a pipe: each line once and in order.

Besides the lines there are sentences, for standard error: of the connection, and of
lines that are waited for, given up or too late.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from chronotui.engine.connection import Connection, ConnectionKind
from chronotui.engine.ending import short_words
from chronotui.engine.reorder_buffer import LAST_RANK, ReorderBuffer
from chronotui.engine.retained import LineSelection, beginning_of
from chronotui.engine.timing import Clock, WatchSettings, set_within
from chronotui.engine.watch import Watch
from chronotui.errors import ChronotuiError, IncompleteError
from chronotui.log.attempts import LineKey, key_of
from chronotui.log.store import LogStore
from chronotui.text import clean, plural
from chronotui.times import human_duration

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence

    from chronotui.engine.ending import Verdict
    from chronotui.engine.reorder_buffer import Blocked
    from chronotui.engine.retained import Beginning
    from chronotui.log.chunks import Overflow
    from chronotui.model import Job, LogLine, Workflow
    from chronotui.sources.protocol import LogSource

DOWN: Final = frozenset({ConnectionKind.RECONNECTING, ConnectionKind.OFFLINE})

NAMED: Final = 20
"""Runs of numbers named in one sentence; the rest is counted."""

MEMORY_BYTES: Final = 64 << 20
"""Lines waiting for their turn that are kept in memory; more go to the spool."""

FORGET_LINES: Final = 50_000
"""Handed-out lines are let go of when this many are held ..."""

KEPT_LINES: Final = 5_000
"""... but for so many, to know them by their messages when they come again."""


class ConnectionNotices:
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

    def update(self, connection: Connection, now: float) -> None:
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
        lasts = now - self._down_since >= self._patience
        asked = connection.asked_until
        if asked is not None and self._is_news(asked):
            self._said_asked = asked
        elif self._said_down or not (
            lasts or connection.kind is ConnectionKind.OFFLINE
        ):
            return
        self._said_down = True
        reason = clean(connection.why(now)).rstrip(".")
        self._tell(f"{connection.text(now)}: {reason}. Trying on.")

    def _is_news(self, asked_until: float) -> bool:
        """Whether the server asked for another wait than the one that was told."""
        said = self._said_asked
        return said is None or abs(asked_until - said) >= self._patience

    def _is_up(self) -> None:
        self._down_since = None
        if self._said_down:
            self._said_down = False
            self._tell("connected again; nothing is lost that the server still has.")


class LineNotices:
    """Gathers what is said of lines, so that many notices in a row are few sentences.

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
        words = f"{plural(blocked.missing, 'line')} not received yet"
        if not blocked.missing:
            words = "a line may be missing"
        self._tell(f"{words} ({numbers}); waiting up to {self._patience:.0f} s.")

    def gave_up(self, blocked: Blocked) -> None:
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
            count = plural(self._given_up_lines, "line")
            words = "did not come, going on without"
            self._tell(f"{count} {words}: {_named(self._given_up)}.")
        if self._late:
            count = plural(len(self._late), "line")
            words = "came too late to be printed in order"
            self._tell(f"{count} {words}: {_named(self._late)}.")
        self._given_up, self._given_up_lines, self._late = [], 0, []


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


class FollowResult(Struct, frozen=True):
    """How following a job ended; ``missing`` are lines that were not handed out."""

    verdict: Verdict
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
        selection: Which lines are wanted. The account of missing lines is of all of
            them, since a line that did not come does not say what it is.
        settings: How to watch; how far back follows from the selection.
        tell: Takes sentences for standard error.
        spool: Opens a place for lines beyond memory.

    Attributes:
        printed: Lines handed out.
        late: Wanted lines that came when their turn was over.
        result: The outcome; None before the end, and when stopped early.
        connection: Where the connection stood when it was last looked at.
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
        self._selection = selection = selection or LineSelection()
        settings = settings or WatchSettings()
        self._timing = timing = settings.timing
        self._spool = spool
        self._clock = clock or Clock()
        self._wake = asyncio.Event()
        self._read = 0
        self._watch = Watch(
            client,
            workflow,
            job,
            settings=replace(settings, tail=None, since_ns=selection.since_ns),
            store=self._new_store(),
            clock=self._clock,
            changed=self._wake.set,
            enough=None if selection.tail is None else self._enough,
            entered=self._entered,
            forgotten=self._came_late,
        )
        self._intake = self._watch.intake
        self._intake.ledger.last_attempt = selection.attempt
        self._reorder = ReorderBuffer(
            self._intake, self._watch.account.boundaries.closed, timing
        )
        self._beginning: Beginning | None = None
        self._of_connection = ConnectionNotices(tell, timing.line_wait_said)
        self._of_lines = LineNotices(tell, timing.line_wait_said, timing.line_wait)
        self.printed = 0
        self.late = 0
        self.result: FollowResult | None = None
        self.connection = Connection(ConnectionKind.CONNECTING)

    @property
    def missing(self) -> int:
        """Lines known to exist by now, asked for, and not handed out."""
        if self.result is not None:
            return self.result.missing
        return self._reorder.given_up + self._watch.account.missing

    def signed_in(self) -> None:
        """Go on after somebody has signed in, as a recording in the desk does."""
        self._watch.gate.signed_in()

    def summary(self) -> str:
        """Return one sentence for standard error: printed, missing, and the end."""
        possible = 0 if self.result is None else self.result.verdict.possible
        lacks = short_words(self.missing, possible)
        words = f"{plural(self.printed, 'line')} printed, {lacks}"
        if self.late:
            words += f" ({self.late:,} of them came too late)"
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

        Cancel the reading task, or ``aclose`` the iterator, to stop.

        Raises:
            ChronotuiError: The log cannot be followed: not signed in, not allowed,
                not found, no log by policy.
        """
        watching = asyncio.create_task(self._watch.run())
        watching.add_done_callback(lambda _: self._wake.set())
        try:
            while not watching.done():
                self._wake.clear()
                self._check_connection()
                lines = self._due(self._clock.monotonic())
                if lines:
                    yield lines
                else:
                    await self._pause()
            refusal = _refusal_of(watching)
            if refusal is None:
                verdict = watching.result()
            elif not self._watch.was_answered:
                raise refusal
            for lines in self._rest(self._clock.monotonic()):
                yield lines
            if refusal is not None:
                raise self._cut_off(refusal)
            self.result = self._outcome(verdict)
        finally:
            watching.cancel()
            await asyncio.wait([watching])
            if not watching.cancelled():
                watching.exception()
            self._intake.store.close()

    def _cut_off(self, refusal: ChronotuiError) -> ChronotuiError:
        """Return what ended it early: incomplete, if anything was handed out."""
        if not self.printed:
            return refusal
        return IncompleteError(
            f"The log breaks off after {self.printed:,} lines: {refusal.sentence}",
            next_step="Try again; the job may go on.",
        )

    def _outcome(self, verdict: Verdict) -> FollowResult:
        missing = self.missing
        whole = replace(verdict, missing=missing, sealed=verdict.sealed and not missing)
        return FollowResult(whole, missing, self._watch.job)

    def _check_connection(self) -> None:
        watch = self._watch
        over = str(watch.job.status) if watch.status.ended.is_set() else ""
        self.connection = watch.connectivity.connection(watch.job, over)
        self._of_connection.update(self.connection, self._clock.monotonic())

    async def _pause(self) -> None:
        """Wait for a change, or for the moment a wait is over."""
        seconds = self._timing.line_wait_said
        if self._reorder.holding or self._reorder.blocked is not None:
            seconds = min(self._timing.partner_wait, seconds)
        await set_within(self._wake, seconds)

    # which lines are handed out

    def _due(self, now: float) -> list[LogLine]:
        """Return the wanted lines whose turn it is."""
        self._of_lines.flush(now)
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

    def _rest(self, now: float) -> Iterator[list[LogLine]]:
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
        self._of_lines.flush(now, at_once=True)

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

    def _enough(self, lines: Sequence[LogLine]) -> bool:
        """Tell whether as many lines as the tail wants have been read back."""
        self._read += sum(map(self._selection.prints, lines))
        return self._read >= (self._selection.tail or 0)

    def _skips(self, now: float) -> bool:
        """Go on without what is missing if it was waited for long enough."""
        blocked, watch, timing = self._reorder.blocked, self._watch, self._timing
        if blocked is None or blocked.since is None:
            return False
        if watch.status.ended.is_set() and watch.is_unsure():
            # What is missing may soon come in another way than by pages: the log of
            # a job that has ended is read so before it is sealed.
            return False
        waited = now - blocked.since
        if waited >= (timing.line_wait_said if blocked.skipped else timing.line_wait):
            return self._skip()
        if waited >= timing.line_wait_said and not blocked.ends:
            self._of_lines.waiting(blocked, now)
        return False

    def _skip(self) -> bool:
        blocked = self._reorder.skip()
        if blocked is not None and blocked.missing:
            self._of_lines.gave_up(blocked)
        return blocked is not None

    def _entered(self, lines: Sequence[LogLine]) -> None:
        place = self._reorder.place
        if place is not None and lines[0][:2] < place:
            self._came_late([line for line in lines if line[:2] < place])

    def _came_late(self, lines: Sequence[LogLine]) -> None:
        asked = [line for line in lines if self._is_asked(line)]
        for line in asked:
            self._reorder.came_late(line)
        late = [line for line in asked if self._selection.prints(line)]
        self.late += len(late)
        self._of_lines.late(late)

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
        self._intake.forget(first[:2], self._new_store())
        store.close()

    def _new_store(self) -> LogStore:
        return LogStore(budget_bytes=MEMORY_BYTES, overflow=self._spool)


def _refusal_of(watching: asyncio.Task[Verdict]) -> ChronotuiError | None:
    """Return the error a watch ended with, if it is one with words."""
    error = None if watching.cancelled() else watching.exception()
    return error if isinstance(error, ChronotuiError) else None
