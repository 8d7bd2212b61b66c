"""The newest lines of jobs whose logs nobody has open, as they are written.

One stream for each job that is wanted, a dozen at most; all of it within the fleet's
budget. A log's newest page is read where the stream alone would leave something
untold: at the beginning, and before a job is said to be silent, for streams drop lines
without a word.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from chronotui.engine.connection import ConnectionKind
from chronotui.engine.job_log import LineRate
from chronotui.engine.timing import (
    Clock,
    Listeners,
    WatchTiming,
    backoff_of,
    set_within,
)
from chronotui.errors import ChronotuiError, LogsUnavailableError, own_fault
from chronotui.model import (
    STDERR,
    Connected,
    JobStatus,
    LiveLines,
    StreamEnded,
    StreamFailed,
)
from chronotui.paging import PageOrder, order_of
from chronotui.tree.board_row import Newest
from chronotui.tree.stall import PastRuns, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from chronotui.engine.fleet import Fleet
    from chronotui.engine.job_log import JobLog
    from chronotui.engine.timing import Backoff
    from chronotui.model import Job, LiveEvent, LogLine
    from chronotui.sources.protocol import Source
    from chronotui.tree.stall import Stall

MOST: Final = 12
"""Streams at a time, those of the desk's opened logs included."""

HEARING: Final = frozenset({ConnectionKind.LIVE, ConnectionKind.QUIET})
"""While a watched log is connected otherwise, its silence is no job's."""

FIRST_BY: Final = "alerts"
"""Who is served before the others."""

QUIET_START: Final = 1.5
"""A stream that brings no line for so long after it stands has its page read."""

CONFIRMED_AFTER: Final = 10.0
"""A silence is believed once the newest page was read so long into it ..."""

CONFIRMED_FOR: Final = 60.0
"""... and as long as that is repeated so often."""

NO_LOG: Final = "no log is kept of it"

NOTHING_YET: Final = {True: "nothing heard yet", False: "…"}
"""What is told of a job without a line, by whether it is listened to."""

PAUSES: Final = 512
PAUSE_GRAIN: Final = 0.1
"""Lines closer together than this are one: else a burst would push all pauses out."""

HELD_LINES: Final = 100

KEPT: Final = 50
"""Ends of logs that nobody wants any more, which are known until they are again."""


class JobTail:
    """What is known of the end of one job's log.

    Attributes:
        job: The job as it was last wanted.
        line: The newest line, None while none is known.
        lines: So many lines its attempt has at least; None while that is not known.
        problem: Why nothing is heard of it.
        has_no_log: Whether the server keeps none, as it said.
        is_live: Whether a stream stands.
    """

    def __init__(self, job: Job, clock: Clock) -> None:
        self.job = job
        self.line: LogLine | None = None
        self.lines: int | None = None
        self.problem: ChronotuiError | None = None
        self.has_no_log = False
        self._clock = clock
        self._rate = LineRate(clock)
        self.is_live = False
        self._heard_at: float | None = None
        self._read_at: float | None = None
        self._last_ns: int | None = None
        self._pauses: deque[float] = deque(maxlen=PAUSES)
        self._longest = 0.0

    @property
    def rate(self) -> float | None:
        """Lines a second; None while no stream stands."""
        return self._rate.per_second() if self.is_live else None

    @property
    def pauses(self) -> list[float]:
        """Seconds between lines of this run, the longest one among them."""
        return [self._longest, *self._pauses] if self._pauses else []

    def silence(self, skew: float = 0.0) -> float | None:
        """Seconds since its newest line, or since its start; None where unknown.

        Args:
            skew: How far the server's clock is ahead of ours.
        """
        now = self._clock.wall() + skew
        told: list[float] = []
        if self._heard_at is not None:
            told.append(self._clock.monotonic() - self._heard_at)
        if self.line is not None and self.line.time_ns is not None:
            told.append(now - self.line.time_ns / 1e9)
        elif self.line is None and self.job.started_at is not None:
            told.append(now - self.job.started_at.timestamp())
        return max(min(told), 0.0) if told else None

    def is_confirmed(self, silence: float) -> bool:
        """Whether the retained log was read well into a silence."""
        if self._read_at is None:
            return False
        ago = self._clock.monotonic() - self._read_at
        return silence - ago >= CONFIRMED_AFTER

    @property
    def read_ago(self) -> float | None:
        """Seconds since the newest page was read."""
        at = self._read_at
        return None if at is None else self._clock.monotonic() - at

    @property
    def was_heard(self) -> bool:
        """Whether a line came since the last stream was opened."""
        return self._heard_at is not None

    def unheard(self) -> None:
        """Note that a stream was opened, which has brought nothing yet."""
        self._heard_at = None

    def connected(self) -> None:
        self.is_live = True
        self.problem = None

    def lost(self, problem: ChronotuiError | None) -> None:
        self.is_live = False
        if not self.has_no_log:
            self.problem = problem

    def refused(self, problem: LogsUnavailableError) -> None:
        self.has_no_log = True
        self.problem = problem

    def page_read(self, lines: Sequence[LogLine]) -> None:
        """Take the newest retained page, as the server gave it.

        Attempts interleave: the page of the highest numbers may be of one before
        alone, and tells nothing of this one then.
        """
        newest = max((line.attempt for line in lines), default=0)
        if 0 < newest < (self.job.attempts or 1):
            return
        self._read_at = self._clock.monotonic()
        if self.lines is None:
            self.lines = 0
        self._take(sorted(lines, key=lambda line: (line.attempt, line.sequence_num)))

    def heard(self, lines: Sequence[LogLine]) -> None:
        """Take lines in the order they arrived."""
        self._heard_at = self._clock.monotonic()
        self._rate.add(len(lines))
        self._take(lines)

    def _take(self, lines: Iterable[LogLine]) -> None:
        for line in lines:
            self._note_pause(line.time_ns)
            if self._is_newer(line):
                newer_attempt = self.line is not None and line.attempt > (
                    self.line.attempt
                )
                known = 0 if newer_attempt else self.lines or 0
                self.line, self.lines = line, max(known, line.sequence_num, 1)

    def _is_newer(self, line: LogLine) -> bool:
        known = self.line
        if known is None:
            return True
        if line.attempt and known.attempt:
            return line[:2] >= known[:2]
        if line.time_ns is not None and known.time_ns is not None:
            return line.time_ns >= known.time_ns
        return line.sequence_num >= known.sequence_num

    def _note_pause(self, time_ns: int | None) -> None:
        if time_ns is None:
            return
        pause = 0.0 if self._last_ns is None else (time_ns - self._last_ns) / 1e9
        if self._last_ns is None or pause >= PAUSE_GRAIN:
            self._last_ns = time_ns
        if pause >= PAUSE_GRAIN:
            self._pauses.append(pause)
            self._longest = max(self._longest, pause)


class NewestLines:
    """Listens to the jobs that are wanted; belongs to one event loop.

    Args:
        client: The server.
        fleet: Whose budget everything is asked in.
        held: Returns the log of a job that is watched elsewhere, and looked at there.
        watched: Tells how many are: their streams are some of `MOST`.
        timing: Delays between tries.
    """

    def __init__(
        self,
        client: Source,
        fleet: Fleet,
        *,
        held: Callable[[str], JobLog | None] = lambda _id: None,
        watched: Callable[[], int] = lambda: 0,
        timing: WatchTiming | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._client = client
        self._fleet = fleet
        self._held = held
        self._watched = watched
        self._timing = timing or WatchTiming()
        self._clock = clock or Clock()
        self._wanted: dict[str, list[Job]] = {}
        self._tails: dict[str, JobTail] = {}
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(MOST)
        self._to_read: dict[str, JobTail] = {}
        self._reader: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._now = asyncio.Event()
        self._listeners = Listeners(self._timing.tick)
        self._takers: list[Callable[[Job, Sequence[LogLine]], None]] = []
        self._was_away = False
        fleet.subscribe(self._fleet_changed)

    def _fleet_changed(self) -> None:
        """Try again at once when the server answers again."""
        was_away, self._was_away = self._was_away, self._fleet.problem is not None
        if was_away and not self._was_away:
            self.ask_now()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` on the loop after changes; return what ends that."""
        return self._listeners.add(listener)

    def lines_arrived(
        self, taker: Callable[[Job, Sequence[LogLine]], None]
    ) -> Callable[[], None]:
        """Call ``taker`` with all lines that come, also those of retained pages.

        A line may come twice. Returns what ends that.
        """
        self._takers.append(taker)
        return lambda: self._takers.remove(taker)

    # what is wanted

    def want(self, jobs: Sequence[Job], by: str = "board") -> None:
        """Listen to these, the first ones before the others, and no longer to others.

        Args:
            jobs: Those that somebody wants to hear of.
            by: Who that is; each has its own.
        """
        self._wanted[by] = list(jobs)
        self._arrange()

    def is_listening(self, job_id: str) -> bool:
        """Whether a job has a stream, or is about to."""
        return job_id in self._streams or self._held(job_id) is not None

    def ask_now(self) -> None:
        """Try again at once what is waited for."""
        self._now.set()
        self._now.clear()

    def _arrange(self) -> None:
        """Close the streams that are not wanted any more, and open others."""
        wanted: dict[str, Job] = {}
        for by in sorted(self._wanted, key=lambda name: name != FIRST_BY):
            for job in self._wanted[by]:
                wanted.setdefault(job.id, job)
        for job in wanted.values():
            self._tail(job)
        apart = [job_id for job_id in wanted if self._held(job_id) is None]
        chosen = apart[: max(MOST - self._watched(), 0)]
        for job_id in self._streams.keys() - set(chosen):
            self._close(job_id)
        for job_id in chosen:
            if job_id not in self._streams:
                self._open(self._tails[job_id])
        self._forget(wanted.keys())

    def _forget(self, wanted: Collection[str]) -> None:
        """Let go what was wanted long ago."""
        for job_id in [one for one in self._to_read if one not in wanted]:
            del self._to_read[job_id]
        for job_id in [one for one in self._tails if one not in wanted][:-KEPT]:
            del self._tails[job_id]

    def _tail(self, job: Job) -> JobTail:
        tail = self._tails.pop(job.id, None) or JobTail(job, self._clock)
        self._tails[job.id] = tail
        tail.job = job
        return tail

    def _open(self, tail: JobTail) -> None:
        task = asyncio.create_task(self._listen(tail))
        self._streams[tail.job.id] = task
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _close(self, job_id: str) -> None:
        self._streams.pop(job_id).cancel()
        if job_id in self._tails:
            self._tails[job_id].lost(None)

    async def close(self) -> None:
        """Close every stream."""
        self._wanted.clear()
        tasks = [*self._ending, *([self._reader] if self._reader else ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._streams.clear()
        self._listeners.cancel()

    # what is known

    def of(self, job_id: str) -> JobTail | None:
        """What is known of the end of a job's log; None where nobody wants it."""
        tail, log = self._tails.get(job_id), self._held(job_id)
        if tail is not None and log is not None:
            self._look_into(tail, log)
        return tail

    def stall_of(
        self, job: Job, usual: float | None, silent: Sequence[float] = ()
    ) -> Stall | None:
        """Return how a wanted job has stalled, once its retained log says so, too.

        Args:
            job: The job.
            usual: What the good runs of its workflow take, in seconds.
            silent: The longest pauses of good runs, as far as those were read.
        """
        tail = self.of(job.id)
        if tail is None or job.status != JobStatus.RUNNING:
            return None
        silence = tail.silence(self._client.clock_skew or 0.0)
        if silence is None:
            return None
        past = PastRuns(() if usual is None else (usual,), silent)
        took = (
            self._clock.wall() - job.started_at.timestamp() if job.started_at else None
        )
        stall = judge(tail.pauses, silence, past, took=took)
        log = self._held(job.id)
        if log is not None and log.state.connection.kind not in HEARING:
            return None
        if stall is None or log is not None:
            return stall
        ago = tail.read_ago
        if ago is None or not tail.is_confirmed(silence) or ago >= CONFIRMED_FOR:
            self._read(tail)
        return stall if tail.is_confirmed(silence) else None

    def newest(self, job: Job, usual: float | None) -> Newest:
        """Return what a row tells of the end of a job's log, see `stall_of`."""
        tail = self.of(job.id)
        if tail is None:
            return Newest()
        log, line = self._held(job.id), tail.line
        trouble = "" if tail.problem is None else tail.problem.sentence
        if tail.has_no_log:
            trouble = NO_LOG
        if not trouble and not self.is_listening(job.id):
            trouble = f"not listened to: {MOST} at a time"
        return Newest(
            None if line is None else line.message,
            is_stderr=line is not None and line.stream == STDERR,
            is_live=log is not None or tail.is_live,
            lines=tail.lines,
            rate=tail.rate if log is None else log.state.rate,
            stalled=self.stall_of(job, usual),
            trouble=trouble or NOTHING_YET[tail.is_live],
        )

    def _look_into(self, tail: JobTail, log: JobLog) -> None:
        """Take over the newest lines of a log that is watched elsewhere."""
        count = len(log.store)
        if count:
            newest = log.store.line(count - 1)
            if newest != tail.line:
                tail.page_read(log.store.lines(max(count - HELD_LINES, 0), count))

    # what goes on

    async def _listen(self, tail: JobTail) -> None:
        """Keep a stream for as long as the job is wanted."""
        backoff = backoff_of(self._timing, self._clock)
        try:
            async with self._slots:
                while not tail.has_no_log:
                    await self._fleet.turn()
                    tail.lost(await self._one_stream(tail, backoff))
                    self._listeners.notify()
                    retry_after = tail.problem.retry_after if tail.problem else None
                    await set_within(self._now, backoff.delay(retry_after))
        except asyncio.CancelledError:
            raise
        except BaseException as fault:
            tail.lost(own_fault("while it listened to a job", fault))
            self._listeners.notify()
            raise

    async def _one_stream(
        self, tail: JobTail, backoff: Backoff
    ) -> ChronotuiError | None:
        """Listen for as long as a stream stands; return why it could not be had."""
        job = tail.job
        unheard: asyncio.TimerHandle | None = None
        loop = asyncio.get_running_loop()
        try:
            async with self._client.live(job.workflow_id, job.id) as events:
                unheard = loop.call_later(QUIET_START, self._read_unheard, tail)
                tail.unheard()
                async for batch in events:
                    if not self._take(tail, batch, backoff):
                        return None
        except ChronotuiError as error:
            return error
        finally:
            if unheard is not None:
                unheard.cancel()
        return None

    def _take(
        self, tail: JobTail, batch: Sequence[LiveEvent], backoff: Backoff
    ) -> bool:
        """Take what a stream says; return whether it goes on."""
        goes_on = True
        for event in batch:
            if isinstance(event, StreamEnded | StreamFailed):
                goes_on = False
                self._read_unheard(tail)
                continue
            tail.connected()
            if isinstance(event, Connected):
                backoff.reset()
            elif isinstance(event, LiveLines) and event.lines:
                tail.heard(event.lines)
                self._tell(tail, event.lines)
        self._listeners.notify()
        return goes_on

    def _tell(self, tail: JobTail, lines: Sequence[LogLine]) -> None:
        for taker in tuple(self._takers):
            taker(tail.job, lines)

    # newest pages

    def _read_unheard(self, tail: JobTail) -> None:
        if not tail.was_heard:
            self._read(tail)

    def _read(self, tail: JobTail) -> None:
        """Have the newest page of a log read when it is its turn."""
        self._to_read.setdefault(tail.job.id, tail)
        self._wake.set()
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read_pages())

    async def _read_pages(self) -> None:
        """Read the newest pages of logs, one after the other."""
        while True:
            if not self._to_read:
                self._wake.clear()
                await self._wake.wait()
            await self._fleet.turn()
            if not self._to_read:
                continue
            tail = next(iter(self._to_read.values()))
            await self._read_page(tail)
            self._to_read.pop(tail.job.id, None)
            self._listeners.notify()

    async def _read_page(self, tail: JobTail) -> None:
        job = tail.job
        try:
            page = await self._client.log_page(job.workflow_id, job.id, fresh=True)
        except LogsUnavailableError as error:
            tail.refused(error)
        except ChronotuiError as error:
            if tail.line is None:
                tail.problem = error
        else:
            is_tail = page.cursor is None or (
                order_of(page.lines) is PageOrder.NEWEST_FIRST
            )
            if is_tail:
                tail.page_read(page.lines)
                self._tell(tail, page.lines)
