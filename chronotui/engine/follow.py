"""Printing a job's log live, in order, each line exactly once."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from chronotui.core.log import LineKey, LogStore, key_of
from chronotui.core.times import human_duration
from chronotui.engine.beginning import beginning_of
from chronotui.engine.emission import LAST_RANK, Emission
from chronotui.engine.narration import Narration
from chronotui.engine.notices import Notices
from chronotui.engine.selection import LineSelection
from chronotui.engine.watch.intake import Intake
from chronotui.engine.watch.settings import WatchSettings
from chronotui.engine.watch.timing import Clock
from chronotui.engine.watch.watch import Watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from chronotui.core.log import Overflow
    from chronotui.engine.watch.source import LogSource
    from chronotui.engine.watch.state import Verdict
    from chronotui.model import Job, LogLine, Workflow

MEMORY_BYTES: Final = 64 << 20
"""Lines waiting for their turn that are kept in memory; more go to the spool."""

FORGET_LINES: Final = 50_000
"""Handed-out lines are let go when this many are held ..."""

KEPT_LINES: Final = 5_000
"""... but for so many, to know by their messages when they come again."""


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
        self._client = client
        self._workflow = workflow
        self._selection = selection or LineSelection()
        self._settings = settings or WatchSettings()
        self._timing = self._settings.timing
        self._tell = tell
        self._spool = spool
        self._clock = clock or Clock()
        self._job = job
        self._intake = Intake(self._new_store())
        self._watch: Watch | None = None
        self._emission: Emission | None = None
        patience = self._timing.line_wait_said
        self._narration = Narration(tell, patience)
        self._notices = Notices(tell, patience, self._timing.line_wait)
        self._first_key: LineKey | None = None
        self._late = 0
        self._read = 0
        self._printed = 0
        self.result: FollowResult | None = None

    @property
    def printed(self) -> int:
        """Lines handed out so far."""
        return self._printed

    @property
    def missing(self) -> int:
        """Lines known to exist by now, asked for, and not handed out."""
        if self.result is not None:
            return self.result.missing
        if self._watch is None or self._emission is None:
            return 0
        return self._emission.given_up + self._watch.missing

    def signed_in(self) -> None:
        """Go on after somebody has signed in."""
        if self._watch is not None:
            self._watch.gate.signed_in()

    def summary(self) -> str:
        """Return one sentence for standard error: printed, missing, and the end."""
        lines = "1 line" if self._printed == 1 else f"{self._printed:,} lines"
        words = f"{lines} printed, {self.missing:,} missing"
        if self._late:
            words += f" ({self._late:,} of them came too late)"
        if self.result is None:
            return f"{words}; the job goes on."
        verdict, job = self.result.verdict, self.result.job
        words += f"; the job ended {job.status}"
        if verdict.seconds is not None:
            words += f" after {human_duration(verdict.seconds)}"
        if verdict.attempts > 1:
            words += f", {verdict.attempts} tries"
        return f"{words} ({verdict.note})." if verdict.note else f"{words}."

    async def batches(self) -> AsyncIterator[list[LogLine]]:
        """Yield lines in order, each once, until the job's log is sealed.

        Cancel the reading task, or ``aclose`` the iterator, to stop. Afterwards
        ``result`` holds the outcome (None when stopped early).

        Raises:
            ChronotuiError: The log cannot be followed: not signed in, not allowed,
                not found, no log by policy.
        """
        wake = asyncio.Event()
        watch = self._start(wake.set)
        watching = asyncio.create_task(watch.run())
        watching.add_done_callback(lambda _: wake.set())
        try:
            while not watching.done():
                wake.clear()
                lines = self._step()
                if lines:
                    yield lines
                else:
                    await self._pause(wake)
            verdict = watching.result()
            async for lines in self._rest(verdict):
                yield lines
        finally:
            watching.cancel()
            await asyncio.wait([watching])
            if not watching.cancelled():
                watching.exception()
            self._intake.store.close()

    def _new_store(self) -> LogStore:
        return LogStore(budget_bytes=MEMORY_BYTES, overflow=self._spool)

    def _start(self, changed: Callable[[], None]) -> Watch:
        selection = self._selection
        settings = replace(self._settings, tail=None, since_ns=selection.since_ns)
        self._watch = watch = Watch(
            self._client,
            self._workflow,
            self._job,
            settings=settings,
            intake=self._intake,
            clock=self._clock,
            changed=changed,
            enough=None if selection.tail is None else self._enough,
        )
        self._emission = Emission(self._intake, watch.boundaries.closed, self._timing)
        self._intake.on_new = self._entered
        self._intake.on_forgotten = self._came_late
        self._intake.ledger.last_attempt = selection.attempt
        return watch

    def _enough(self, lines: Sequence[LogLine]) -> bool:
        """Tell whether as many lines as the tail wants have been read back."""
        self._read += sum(map(self._selection.prints, lines))
        return self._read >= (self._selection.tail or 0)

    def _entered(self, lines: Sequence[LogLine]) -> None:
        emission = self._emission
        if emission is None:
            return
        emission.arrived(self._clock.monotonic())
        if emission.place is not None and lines[0][:2] < emission.place:
            self._came_late([line for line in lines if emission.is_late(line)])

    def _came_late(self, lines: Sequence[LogLine]) -> None:
        first = self._first_key
        late = [
            line
            for line in lines
            if self._selection.prints(line) and (first is None or key_of(line) >= first)
        ]
        self._late += len(late)
        self._notices.late(late)

    def _step(self) -> list[LogLine]:
        """Return the lines whose turn it is now."""
        watch, emission = self._watch, self._emission
        assert watch is not None and emission is not None  # noqa: S101, PT018
        now = self._clock.monotonic()
        over = str(watch.job.status) if watch.ended.is_set() else ""
        self._narration.hear(watch.connectivity.connection(watch.job, over), now)
        self._notices.flush(now)
        if emission.place is None and not self._begin(watch, emission):
            return []
        lines = emission.take(now, watch.unread_from())
        while not lines and self._skips(emission, now):
            lines = emission.take(now, watch.unread_from())
        self._forget_printed(emission)
        return self._wanted(lines)

    def _wanted(self, lines: list[LogLine]) -> list[LogLine]:
        wanted = [line for line in lines if self._selection.prints(line)]
        self._printed += len(wanted)
        return wanted

    def _begin(self, watch: Watch, emission: Emission) -> bool:
        """Find the first line wanted, once it is known which it is."""
        selection, coverage = self._selection, watch.pages.coverage
        early = selection.from_the_start and coverage.rising
        if not watch.caught_up and not early:
            return False
        read = coverage.bottom is not None or watch.ended.is_set()
        beginning = beginning_of(self._intake, selection, retained_read=read)
        if beginning is None:
            return False
        self._first_key = beginning.first
        self._intake.ledger.asked = beginning.place
        emission.begin(beginning)
        return True

    def _skips(self, emission: Emission, now: float) -> bool:
        """Go on without what is missing if it was waited for long enough."""
        blocked = emission.blocked
        if blocked is None or blocked.since is None:
            return False
        waited = now - blocked.since
        if waited >= self._timing.line_wait:
            emission.skip()
            if blocked.missing:
                self._notices.gave_up(blocked)
            return True
        if waited >= self._timing.line_wait_said and not blocked.ends:
            self._notices.waiting(blocked, now)
        return False

    async def _pause(self, wake: asyncio.Event) -> None:
        """Wait for a change, or for the moment a wait is over."""
        timing, emission = self._timing, self._emission
        seconds = timing.line_wait_said
        if emission is not None and (emission.holding or emission.blocked):
            seconds = min(timing.partner_wait, timing.line_wait_said)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await wake.wait()
        await asyncio.sleep(0)

    def _forget_printed(self, emission: Emission) -> None:
        """Let go of lines handed out long ago."""
        store = self._intake.store
        if len(store) < FORGET_LINES or emission.place is None:
            return
        done = store.bisect(LineKey(*emission.place, LAST_RANK, ""))
        if done < FORGET_LINES:
            return
        first = store.line(done - KEPT_LINES)
        self._intake.forget((first.attempt, first.sequence_num), self._new_store())
        store.close()

    async def _rest(self, verdict: Verdict) -> AsyncIterator[list[LogLine]]:
        """Yield what is left, past everything that never came; set the result."""
        watch, emission = self._watch, self._emission
        assert watch is not None and emission is not None  # noqa: S101, PT018
        emission.final = True
        if emission.place is None:
            self._begin(watch, emission)
        while True:
            lines = emission.take(self._clock.monotonic(), None)
            if wanted := self._wanted(lines):
                yield wanted
            if lines:
                continue
            blocked = emission.skip()
            if blocked is None:
                break
            if blocked.missing:
                self._notices.gave_up(blocked)
        self._notices.flush(self._clock.monotonic(), at_once=True)
        missing = emission.given_up + self._intake.ledger.missing
        verdict = replace(
            verdict,
            missing=missing,
            sealed=verdict.sealed and not missing,
        )
        self.result = FollowResult(verdict, self._printed, missing, watch.job)
