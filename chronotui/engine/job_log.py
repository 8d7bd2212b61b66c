"""One opened job: its lines, what is known of them, and reading on either side."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from copy import copy
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from chronotui.engine.connection import Connection, ConnectionKind
from chronotui.engine.history import HistoryPaging
from chronotui.engine.timing import Clock, Listeners, WatchSettings
from chronotui.engine.watch import Watch
from chronotui.errors import ChronotuiError, own_fault
from chronotui.log.marks import GapMark, GapState
from chronotui.log.store import LogStore
from chronotui.times import human_duration, utc_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chronotui.engine.ending import Verdict
    from chronotui.log.ledger import Gap
    from chronotui.model import Job, LogLine, Workflow
    from chronotui.sources.protocol import LogSource

GAPS_SHOWN: Final = 20_000
"""Gap rows at most; the count of missing lines is always of all."""

COST_SHARE: Final = 20
"""Gaps are counted again no more often than lets this take a twentieth of the time."""

RATE_SECONDS: Final = 3.0
"""Lines a second are of so long: calm, and still now."""

FALL_SECONDS: Final = 1.25
"""How much later it is told that the rate has fallen."""

RATE_GRAIN_SECONDS: Final = 0.25


class Observed(NamedTuple):
    """What was seen of a run, where no server keeps its log.

    Attributes:
        events: Steps and notes, and its text.
        unseen: What was not seen, in words without a mark at their end.
    """

    events: int
    unseen: tuple[str, ...]


class LogState(Struct, frozen=True):
    """A snapshot of a watched log, replaced as a whole.

    Attributes:
        missing: Lines known to exist, asked for, and not held.
        fetching: Whether missing lines are still being looked for.
        awaited: Whether they were looked for, and the retained log lacks them so far.
        rate: Lines a second, over the last seconds.
        at_start: Whether the log's first line has been reached.
        split: Whether its first lines are held and lines after them were not read.
        at_end: Whether the retained log has been read to its newest line.
        filling: While the retained log is read in: lines read, and how many there
            are in all where that is known.
        verdict: Set once the log is sealed.
        problem: Why the log is empty, incomplete or no longer watched.
        observed: Set for a run, whose lines tell what was seen of it: none of them
            can be missing, for nobody counts them.
    """

    connection: Connection
    job: Job
    lines: int = 0
    missing: int = 0
    fetching: bool = False
    awaited: bool = False
    rate: float = 0.0
    at_start: bool = False
    split: bool = False
    at_end: bool = False
    filling: tuple[int, int | None] | None = None
    verdict: Verdict | None = None
    problem: ChronotuiError | None = None
    observed: Observed | None = None


def how_ended(job: Job) -> str:
    """Return how, when and after how long a job ended; "" while it has not."""
    if not job.has_ended:
        return ""
    words = f"ended {job.status}"
    if job.completed_at is not None:
        words += f" {utc_clock(job.completed_at)}"
    seconds = job.duration()
    return words if seconds is None else f"{words} after {human_duration(seconds)}"


class NoticeRows:
    """Keeps the store's rows that are no lines true: gaps, attempts and edges."""

    def __init__(self, store: LogStore, watch: Watch) -> None:
        self._store = store
        self._watch = watch
        self._next_gaps = 0.0
        self._gap_state = GapState.FETCHING

    def update(self, now: float, verdict: Verdict | None) -> bool:
        """Bring all rows up to date; False when gaps are left for a later tick."""
        marked = self._mark_gaps(now, verdict)
        self._mark_sections(verdict)
        self._mark_edges()
        return marked

    def _mark_gaps(self, now: float, verdict: Verdict | None) -> bool:
        state = GapState.FETCHING if verdict is None else GapState.LOST
        if now < self._next_gaps and state is self._gap_state:
            return False
        began = time.perf_counter()
        self._gap_state = state
        account = self._watch.account
        gaps = [
            GapMark(gap.attempt, gap.first, gap.last, gap.missing, self._state(gap))
            for gap in islice(account.gaps(), GAPS_SHOWN)
            if gap.missing
        ]
        gaps += [
            GapMark(gap.attempt, gap.first, gap.last, gap.missing, GapState.UNREAD)
            for gap in islice(account.unread(), GAPS_SHOWN)
        ]
        gaps += [*self._unread_middle(), *self._unread_beginnings()]
        self._store.set_gaps(gaps)
        self._next_gaps = now + (time.perf_counter() - began) * COST_SHARE
        return True

    def _state(self, gap: Gap) -> GapState:
        is_awaited = self._watch.backfill.schedule.was_tried(gap)
        is_fetching = self._gap_state is GapState.FETCHING
        return GapState.AWAITED if is_fetching and is_awaited else self._gap_state

    def _unread_middle(self) -> list[GapMark]:
        """Return what lies between the beginning that was downloaded and the pages."""
        coverage = self._watch.pages.coverage
        head, bottom = coverage.head, coverage.bottom
        if head is None or bottom is None or not coverage.is_split:
            return []
        first = head.number + 1
        count = bottom.number - first if bottom.attempt == head.attempt else 0
        return [GapMark(head.attempt, first, first, max(count, 0), GapState.UNREAD)]

    def _unread_beginnings(self) -> list[GapMark]:
        """Return what was not read back to of attempts after the first one loaded.

        Where attempts interleave each of them was read back to the same number.
        """
        coverage, ledger = self._watch.pages.coverage, self._watch.intake.ledger
        bottom = coverage.bottom
        if not coverage.interleaved or coverage.counts_from_start or bottom is None:
            return []
        gaps = []
        for attempt in ledger.attempts()[1:]:
            account = ledger.attempt(attempt)
            lowest = bottom.number if account is None else account.lowest
            last = min(lowest, bottom.number) - 1
            if last >= ledger.base:
                count = last - ledger.base + 1
                gaps.append(GapMark(attempt, ledger.base, last, count, GapState.UNREAD))
        return gaps

    def _mark_sections(self, verdict: Verdict | None) -> None:
        attempts = [attempt for attempt in self._store.attempts() if attempt > 0]
        if not attempts:
            return
        several = len(attempts) > 1 or attempts[0] > 1
        for attempt in attempts[:-1]:
            self._store.set_section(attempt, f"attempt {attempt}", None)
        last = attempts[-1]
        words = self.ending(verdict)
        if words and several:
            words = f"attempt {last} {words}"
        self._store.set_section(
            last,
            f"attempt {last}" if several else None,
            words or None,
            ended_at=self._watch.status.job.completed_at,
        )

    def ending(self, verdict: Verdict | None) -> str:
        """Return how the job ended, in words; "" while it has not."""
        job = self._watch.status.job
        if not job.status.is_terminal:
            return ""
        words = how_ended(job)
        attempts = max([job.attempts or 1, *self._store.attempts()])
        if attempts > 1:
            words += f", {attempts} attempts"
        return words if verdict is None else f"{words} · {verdict.sentence()}"

    def _mark_edges(self) -> None:
        coverage = self._watch.pages.coverage
        top = bottom = None
        unread = coverage.bottom is not None and not coverage.at_start
        if unread and coverage.head is None:
            top = "⋮ older lines not loaded yet"
            if coverage.looped:
                top = "⋮ older lines cannot be loaded: the server repeats a page"
            elif coverage.cut_off and not coverage.rising:
                top = f"⋮ older lines cannot be loaded: {coverage.cut_off}"
        highest = self._watch.intake.highest()
        reached = coverage.top is None or coverage.top.key == highest
        if coverage.rising and not coverage.at_end and reached:
            bottom = "⋮ newer lines not loaded yet"
        if coverage.end_cut_off:
            bottom = f"⋮ newer lines cannot be loaded: {coverage.cut_off}"
        notes = filter(None, (bottom, self._store.spool.memory.note))
        self._store.set_edge(top, " · ".join(notes))


class LineRate:
    """Lines a second over the last few, counted in slices of a quarter second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._slices: deque[tuple[float, int]] = deque()
        self._lines = 0

    def add(self, lines: int) -> None:
        now = self._clock.monotonic()
        self._lines += lines
        if self._slices and now - self._slices[-1][0] < RATE_GRAIN_SECONDS:
            began, count = self._slices.pop()
            self._slices.append((began, count + lines))
        else:
            self._slices.append((now, lines))

    def per_second(self) -> float:
        now = self._clock.monotonic()
        while self._slices and now - self._slices[0][0] > RATE_SECONDS:
            self._lines -= self._slices.popleft()[1]
        return self._lines / RATE_SECONDS

    def next_change(self) -> float | None:
        """Return when to tell that the rate has fallen if nothing enters; None at zero.

        Late enough for a line that comes every second to tell it.
        """
        if not self.per_second():
            return None
        return self._slices[0][0] + RATE_SECONDS + FALL_SECONDS


class JobLog:
    """The log of one job, watched and paged into one store.

    Belongs to one event loop. Listeners hear of changes at most once a tick.
    """

    def __init__(
        self,
        client: LogSource,
        workflow: Workflow | None,
        job: Job,
        *,
        settings: WatchSettings | None = None,
        store: LogStore | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings or WatchSettings()
        self._clock = clock or Clock()
        self.store = LogStore() if store is None else store
        self._rate = LineRate(self._clock)
        self._listeners = Listeners(self._settings.timing.tick)
        self._listeners.add(self._update)
        self._takers: list[Callable[[Sequence[LogLine]], None]] = []
        self._watch = Watch(
            client,
            workflow,
            job,
            settings=self._settings,
            store=self.store,
            clock=self._clock,
            changed=self._changed,
            count_live=self._rate.add,
            entered=self._entered,
        )
        self.history = HistoryPaging(client, self._watch, self._watch.change_rows)
        self._rows = NoticeRows(self.store, self._watch)
        self._missing = 0
        self._note = ""
        self._sealed = False
        self._problem: ChronotuiError | None = None
        self._watching = False
        self._one_watch = asyncio.Lock()
        self._quiet: asyncio.TimerHandle | None = None
        self._state: LogState | None = None

    @property
    def state(self) -> LogState:
        """What is known now; the same value until something changes."""
        if self._state is None:
            self._state = self._make_state()
        return self._state

    def now(self) -> float:
        """Return the monotonic seconds that ``Connection`` counts in."""
        return self._clock.monotonic()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` on the loop after changes; return what ends that."""
        return self._listeners.add(listener)

    def lines_entered(
        self, taker: Callable[[Sequence[LogLine]], None]
    ) -> Callable[[], None]:
        """Call ``taker`` with lines as they enter, each once; return what ends that.

        They come by whichever way, also from further back in the log.
        """
        self._takers.append(taker)
        return lambda: self._takers.remove(taker)

    def _entered(self, lines: Sequence[LogLine]) -> None:
        for taker in tuple(self._takers):
            taker(lines)

    def signed_in(self) -> None:
        self._watch.gate.signed_in()

    def ask_now(self) -> None:
        self._watch.ask_now()

    async def watch(self) -> Verdict:
        """Watch until the log is sealed.

        Cancel it to leave the job; call it again to come back: no line is lost.

        Raises:
            ChronotuiError: The log cannot be watched; also in ``state.problem``.
        """
        async with self._one_watch:
            return await self._watch_alone()

    async def _watch_alone(self) -> Verdict:
        self._problem = None
        self._watching = True
        self._watch.change_rows()
        try:
            verdict = await self._watch.run()
        except asyncio.CancelledError:
            raise
        except ChronotuiError as error:
            self._problem = ended_by(error, len(self.store))
            raise
        except BaseException as fault:
            self._problem = ended_by(own_fault("in the watch", fault), len(self.store))
            raise
        else:
            self._sealed = True
            return verdict
        finally:
            self._watching = False
            self._watch.change_rows()
            self._listeners.flush()

    def _changed(self) -> None:
        self._state = None
        self._listeners.notify()

    def _update(self) -> None:
        """Bring everything up to date before the listeners look at it."""
        self._state = None
        watch = self._watch
        note = self.store.spool.memory.note
        if watch.rows_changed or note != self._note:
            watch.rows_changed, self._note = False, note
            self._missing = watch.account.missing
            if not self._rows.update(self._clock.monotonic(), self._verdict):
                watch.change_rows()
        self._plan_quiet()

    def _plan_quiet(self) -> None:
        """Tell once more when the stream has become quiet, or the rate has changed."""
        loop = asyncio.get_running_loop()
        if self._quiet is not None:
            is_soon = self._quiet.when() <= loop.time() + RATE_SECONDS
            if is_soon and self._watching:
                return  # it is planned anew then: lines come far more often
            self._quiet.cancel()
            self._quiet = None
        seconds = self._quiet_after(self._clock.monotonic())
        if seconds < inf:
            self._quiet = loop.call_later(seconds, self._look_again)

    def _look_again(self) -> None:
        """Tell, unless all would read as it does: a rate is read in whole lines."""
        self._quiet = None
        before, now = self.state, self._make_state()
        is_told = round(before.rate) == round(now.rate)
        if is_told and replace(now, rate=before.rate) == before:
            self._plan_quiet()
        else:
            self._changed()

    def _quiet_after(self, now: float) -> float:
        """Return in how many seconds one of both is so if nothing comes until then."""
        if not self._watching:
            return inf
        connectivity = self._watch.connectivity
        due = [at for at in (self._rate.next_change(),) if at is not None]
        quiet_at = connectivity.heard_at + self._settings.timing.quiet_after
        if connectivity.is_live and quiet_at > now:
            due.append(quiet_at)
        return max(0.0, min(due, default=inf) - now)

    @property
    def _verdict(self) -> Verdict | None:
        """The verdict, of what is held now: reading on in a sealed log adds to it."""
        return self._watch.verdict() if self._sealed else None

    def _make_state(self) -> LogState:
        watch, coverage = self._watch, self._watch.pages.coverage
        missing = watch.account.missing if watch.rows_changed else self._missing
        verdict = self._verdict
        return LogState(
            connection=self._connection(verdict),
            job=watch.status.job,
            lines=len(self.store),
            missing=missing,
            fetching=bool(missing) and self._watching,
            awaited=bool(missing) and watch.backfill.schedule.were_tried,
            rate=self._rate.per_second(),
            at_start=coverage.at_start,
            split=coverage.is_split,
            at_end=coverage.at_end,
            filling=self._filling(),
            verdict=verdict,
            problem=self._problem or watch.connectivity.refusal,
        )

    def _filling(self) -> tuple[int, int | None] | None:
        loading = self.history.loading
        if loading is not None:
            return loading
        watch = self._watch
        if watch.account.caught_up or not self._watching or not watch.pages.lines_read:
            return None
        rising = watch.pages.coverage.rising
        total = watch.intake.highest()[1] if rising else self._settings.tail
        read = watch.pages.lines_read
        # Attempts before the newest one, and pages read twice, make it more than that.
        return read, None if total is not None and total < read else total

    def _connection(self, verdict: Verdict | None) -> Connection:
        """Return the state to show: a live one only while something is alive."""
        if self._watching or verdict is not None:
            job = self._watch.status.job
            return self._watch.connectivity.connection(job, self._rows.ending(verdict))
        if self._problem is None:
            return Connection(ConnectionKind.CONNECTING)
        by_policy = self._problem.answer is None and self._problem.exit_code == 4
        words = str(self._problem)
        return Connection(ConnectionKind.ENDED, words, is_troubled=not by_policy)


def ended_by(error: ChronotuiError, lines: int) -> ChronotuiError:
    """Return an error with what was kept, and with the key that begins again.

    Where there never is a log nothing was asked, and nothing can begin again.
    """
    if error.answer is None and error.exit_code == 4:
        return error
    kept = "1 line is kept" if lines == 1 else f"{lines:,} lines are kept"
    words = error.sentence.rstrip(".")
    ended = copy(error)
    ended.sentence = f"{words}. The watch has ended; {kept}." if lines else f"{words}."
    ended.next_step = "r asks again."
    return ended
