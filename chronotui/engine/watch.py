"""Watching one job: stream, pages, poll and clock, led to one verdict."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec.structs import replace

from chronotui.engine.connection import JOB, PAGE, Connectivity
from chronotui.engine.ending import Ending, verdict_of
from chronotui.engine.gaps import Backfill, GapTracker
from chronotui.engine.intake import Context, Intake
from chronotui.engine.pages import RetainedPages, enough_of, refuse_without_log
from chronotui.engine.raw_lines import in_steps, load_raw, raw_lines
from chronotui.engine.retry import Asker, JobPoll, Phase, SignInGate
from chronotui.engine.stream import LiveStream
from chronotui.errors import (
    MissingError,
    NotAllowedError,
    PageTooLargeError,
    RequestRefusedError,
)
from chronotui.log.attempts import Way

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from chronotui.engine.ending import Verdict
    from chronotui.engine.timing import Clock, WatchSettings
    from chronotui.log.store import LogStore
    from chronotui.model import Job, LogLine, LogPage, Workflow
    from chronotui.sources.protocol import LogSource

Value = TypeVar("Value")

CURSOR_REFUSALS: Final = 2
"""So often in a row a cursor is refused before the list is begun again without it."""

MOST_CONFIRMED: Final = 1_000_000
"""Lines of a log that is downloaded whole for a few that its pages lack."""

CONFIRMED_AFTER: Final = (0, 1, 4)
"""Pauses before each try to confirm a log that ended long ago, in ``end_cap``."""


class TaskLeftError(RuntimeError):
    """A task that runs beside a watch came to an end: a fault of the program."""


async def accompanied(
    main: Coroutine[Any, Any, Value], *companions: Coroutine[Any, Any, None]
) -> Value:
    """Run a main task with others beside it that never end by themselves.

    When the main task ends, the others are stopped. When one of them fails, so does
    the main task, with that error.

    Raises:
        TaskLeftError: Another one returned, or was cancelled, while the main one ran.
    """
    beside = [asyncio.create_task(each) for each in companions]
    leading = asyncio.create_task(main)
    tasks: list[asyncio.Task[Any]] = [leading, *beside]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        left = [task for task in beside if task.done()]
        if leading.done() or not left:
            return await leading
        for task in left:
            if not task.cancelled():
                task.result()
        raise TaskLeftError(f"{left[0].get_coro()} left its watch")
    finally:
        running = [task for task in tasks if not task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        for task in tasks:
            if not task.cancelled():
                task.exception()


class JobPhase:
    """The job as last read, and what can be waited for.

    Attributes:
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

        A job read alone does not tell its attempts and its container (WIRE.md
        "Jobs"); what a list told of them stays.
        """
        known = self.job
        self.job = replace(
            job,
            attempts=known.attempts if job.attempts is None else job.attempts,
            container_id=job.container_id or known.container_id,
        )
        self._settle()
        return self.job != known

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


class LargePages:
    """Pages too large for the server: each is asked for seldom."""

    def __init__(self, apart: float, clock: Clock) -> None:
        self._apart = apart
        self._clock = clock
        self._known: dict[str | None, PageTooLargeError] = {}
        self._asked_at = float("-inf")

    def wait(self) -> float:
        """Return the seconds until one of them may be asked for again."""
        return max(0.0, self._asked_at + self._apart - self._clock.monotonic())

    def check(self, cursor: str | None) -> None:
        """Raise the error known of a page, if it is too early to ask for it again."""
        if cursor in self._known and self.wait() > 0:
            raise self._known[cursor]

    def note(self, cursor: str | None, error: PageTooLargeError) -> None:
        if self.wait() <= 0 or cursor not in self._known:
            self._asked_at = self._clock.monotonic()
        self._known[cursor] = error

    def read(self, cursor: str | None) -> None:
        self._known.pop(cursor, None)


class Watch:
    """One job's log, watched until it is sealed.

    Args:
        changed: Called when something changed that can be shown.
        enough: Tells of each page read on opening whether it was the last wanted;
            by default as the settings say.
        count_live: Called with the number of new lines that the stream brought.
        entered: See `Intake`.
        forgotten: See `Intake`.

    Attributes:
        was_answered: Whether the server ever answered for the job as it should.
        rows_changed: Whether more may have changed since this was reset than the
            connection and lines that go on where the newest one ended.
    """

    def __init__(
        self,
        source: LogSource,
        workflow: Workflow | None,
        job: Job,
        *,
        settings: WatchSettings,
        store: LogStore,
        clock: Clock,
        changed: Callable[[], None],
        enough: Callable[[Sequence[LogLine]], bool] | None = None,
        count_live: Callable[[int], None] | None = None,
        entered: Callable[[Sequence[LogLine]], None] | None = None,
        forgotten: Callable[[Sequence[LogLine]], None] | None = None,
    ) -> None:
        self._source = source
        self._workflow = workflow
        self._settings = settings
        self._timing = timing = settings.timing
        self._clock = clock
        self._changed = changed
        self._count_live = count_live
        self._wants_part = enough is not None
        self._wanted = enough or enough_of(settings)
        self._is_open = False
        self._too_large = LargePages(timing.page_apart, clock)
        self.was_answered = False
        self.rows_changed = True
        self.status = JobPhase(job)
        self.intake = Intake(
            store,
            entered=entered,
            forgotten=forgotten,
            renumbered=self._renumbered,
        )
        self.account = GapTracker(self.intake, timing, clock, self.change_rows)
        self.pages = RetainedPages(
            self._fetch,
            self.intake,
            self.account,
            attempts=job.attempts or 0,
            load_raw=self._load_raw,
        )
        self.connectivity = Connectivity(clock, timing, changed)
        self.gate = SignInGate(self.connectivity, may_sign_in=settings.may_sign_in)
        self._asker = self._new_asker(PAGE)
        self._job_asker = self._new_asker(JOB)
        self._poll = JobPoll(
            lambda: source.job(self.job.workflow_id, self.job.id),
            self._job_asker,
            settings.poll_seconds,
            self._take_job,
        )
        self.backfill = Backfill(
            self.pages,
            self.account,
            connectivity=self.connectivity,
            open_rest=self._open_rest,
            renew=self._renew_stream,
        )
        self._stream = self._new_stream()
        self._ending = Ending(
            self.backfill, unsure=self.is_unsure, confirm=self._confirm
        )

    @property
    def job(self) -> Job:
        return self.status.job

    @property
    def phase(self) -> Phase:
        if not self.was_answered:
            return Phase.OPENING
        if self.status.ended.is_set():
            return Phase.ENDING
        return Phase.WATCHING if self.account.caught_up else Phase.BACKFILLING

    def change_rows(self) -> None:
        """Note a change that may be of any row."""
        self.rows_changed = True
        self._changed()

    def ask_now(self) -> None:
        """Ask everything at once that is waited for; a page too large excepted."""
        self.backfill.tail.soon(0.0)
        self.backfill.wake()
        self._stream.ask_now()
        self._asker.ask_now()
        self._poll.ask_now()

    def _new_asker(self, route: str) -> Asker:
        return Asker(
            route,
            self.connectivity,
            self.gate,
            phase=lambda: self.phase,
            waits=self._settings.waits,
        )

    def _new_stream(self) -> LiveStream:
        return LiveStream(
            lambda: self._source.live(self.job.workflow_id, self.job.id),
            self.intake,
            backfill=self.backfill,
            poll=self._poll,
            connectivity=self.connectivity,
            gate=self.gate,
            lag=self.account.lag,
            wanted=self.status.running,
            phase=lambda: self.phase,
            taken=self._lines_taken,
        )

    def _renumbered(self, attempt_at: Callable[[int], int]) -> None:
        self.account.renumbered(attempt_at)

    def _renew_stream(self) -> None:
        self._stream.renew()

    def _lines_taken(self, new: int, may_move_rows: bool) -> None:
        self.rows_changed = self.rows_changed or may_move_rows
        if self._count_live is not None:
            self._count_live(new)
        self._changed()

    async def run(self) -> Verdict:
        """Watch until the log is sealed; may be cancelled and run again.

        Raises:
            LogsUnavailableError: There is no log by policy.
            NotFoundError: There is no such job, and that has lasted.
            AuthError: It may not be seen, and that has lasted; nobody can sign in.
            ChronotuiError: The error is our own.
        """
        refuse_without_log(self._workflow)
        self._asker.reset()
        self._job_asker.reset()
        ended = self.status.ended.is_set()
        self._poll.regular = not ended
        others: list[Coroutine[Any, Any, None]] = [self._poll.run()]
        if not ended:
            self.backfill.tail.read(found=False)
            others += [self._stream.run(), self._probe_sleep()]
        work = self._read_ended() if ended else self._read_on()
        verdict = await accompanied(work, *others)
        self.connectivity.settled()
        return verdict

    async def _read_ended(self) -> Verdict:
        await self._open()
        if not self._ended_before(self._timing.settled_age):
            await self._ending.read_out(lambda: True)
            return self.verdict()
        for pause in CONFIRMED_AFTER:
            if not self.is_unsure():
                break
            await asyncio.sleep(pause * self._timing.end_cap)
            await self._confirm()
        return self.verdict()

    async def _read_on(self) -> Verdict:
        await self.status.begun.wait()
        await self._open()
        self.backfill.tail.read(found=False)
        while True:
            await self.backfill.run(self.status.ended)
            if await self._ending.read_out(self.status.ended.is_set):
                return self.verdict()

    async def _open(self) -> None:
        self.account.caught_up = False
        self._is_open = await self.pages.open(self._wanted)
        settled = self._ended_before(self._timing.settled_age)
        self.account.opened(settled=settled)
        self.change_rows()

    async def _open_rest(self) -> None:
        """Read on where a page too large for the server stood in the way."""
        if not self._is_open:
            self._is_open = await self.pages.open(self._wanted)

    async def _load_raw(self) -> bool:
        settings = self._settings
        if not self.status.ended.is_set() or self._wants_part:
            return False
        if settings.tail is not None or settings.since_ns is not None:
            return False

        last: tuple[int, int] | None = None

        def took(lines: Sequence[LogLine]) -> bool:
            nonlocal last
            last = lines[-1][:2]
            self.change_rows()
            return False

        whole = await load_raw(self._source, self.job, self.intake, took)
        return whole and self.pages.downloaded(last)

    def _ended_before(self, seconds: float) -> bool:
        """Tell whether the job ended that long ago."""
        age = self.job.seconds_since_end(self._clock.wall())
        return self.job.status.is_terminal and age is not None and age >= seconds

    def _may_be_cached(self) -> bool:
        """Whether the server may give pages from before the job's end.

        It keeps older ones for half an hour in a cache that no header passes by
        (WIRE.md "Logs").
        """
        return not self._ended_before(self._timing.pages_kept)

    def is_unsure(self) -> bool:
        """Whether pages alone cannot vouch for the log, and its download may."""
        coverage, account = self.pages.coverage, self.account
        self._note_attempts()
        if coverage.end_cut_off or (coverage.cut_off and account.missing):
            return True
        if coverage.confirmed or self._extent() > MOST_CONFIRMED:
            return False
        if account.missing or self.intake.ledger.possible:
            return True
        return coverage.needs_confirmation and self._may_be_cached()

    def _note_attempts(self) -> None:
        """Let the pages know of attempts that only the stream or the job tells of."""
        held = self.intake.ledger.attempts()
        self.pages.coverage.known_attempt = max([self.job.attempts or 0, *held])

    def _extent(self) -> int:
        """Return about how many lines the whole log has."""
        ledger = self.intake.ledger
        accounts = (ledger.attempt(attempt) for attempt in ledger.attempts())
        return sum(account.highest + 1 for account in accounts if account is not None)

    def _from(
        self, floor: tuple[int, int], lines: Sequence[LogLine]
    ) -> Sequence[LogLine]:
        """Return the lines from a place on, in the list's own order.

        Where attempts interleave, the last one may be below it as a whole.
        """
        if self.pages.coverage.interleaved:
            last = self.pages.coverage.known_attempt
            return [line for line in lines if line[1] >= floor[1] or line[0] == last]
        return [line for line in lines if line[:2] >= floor]

    async def _confirm(self) -> bool:
        """Take over from the raw download what pages may lack, as far as it is wanted.

        Returns:
            False when it is not to be had, or ends before what is known.
        """
        pages, ledger = self.pages, self.intake.ledger
        whole = pages.coverage.counts_from_start
        floor = None if whole else ledger.floor
        key, context = pages.coverage.key, Context()
        last: tuple[int, int] | None = None

        async with aclosing(raw_lines(self._source, self.job)) as blocks:
            async for lines in blocks:
                if lines is None:
                    return False
                last = lines[-1][:2]
                wanted = lines if floor is None else self._from(floor, lines)
                for part in in_steps(wanted, self.intake):
                    self.intake.take(part, Way.RISING, context)
                    self.change_rows()
                    await asyncio.sleep(0)
        highest = pages.highest()
        if pages.coverage.interleaved and last is not None:
            # Lines of one number stand in an order of their own.
            last = (highest.attempt, last[1])
        if last is None or key(last) < key(highest):
            return False
        pages.confirmed(whole=whole)
        return True

    def verdict(self) -> Verdict:
        """Return what is known of the log; a verdict once it was read to its end."""
        self._note_attempts()
        return verdict_of(
            self.job,
            self.intake.ledger,
            self.pages.coverage,
            may_be_cached=self._may_be_cached(),
        )

    async def _fetch(self, cursor: str | None, fresh: bool) -> LogPage:
        """Read a page, asked for until it is answered.

        A refusal has the job asked for: as long as that is answered it is an outage.

        Raises:
            PageTooLargeError: The server cannot send it; not asked again within a
                minute.
            RequestRefusedError: Twice in a row the server did not take the cursor.
            ChronotuiError: See `Asker.ask`.
        """
        job = self.job
        refused = 0

        async def read() -> LogPage | RequestRefusedError:
            nonlocal refused
            self._too_large.check(cursor)
            try:
                return await self._source.log_page(
                    job.workflow_id, job.id, cursor=cursor, fresh=fresh
                )
            except (MissingError, NotAllowedError):
                self._poll.ask_soon()
                raise
            except RequestRefusedError as error:
                refused += 1
                if cursor is not None and refused == CURSOR_REFUSALS:
                    return error
                raise
            except PageTooLargeError as error:
                self._too_large.note(cursor, error)
                raise

        try:
            page = await self._asker.ask(read)
        except PageTooLargeError as error:
            self.connectivity.failed(PAGE, error, 1, self._too_large.wait())
            raise
        self.was_answered = True
        if isinstance(page, RequestRefusedError):
            raise page
        self._too_large.read(cursor)
        return page

    def _take_job(self, job: Job) -> None:
        self.was_answered = True
        if self.status.take(job):
            self.change_rows()
        if self.status.ended.is_set():
            self.backfill.wake()
        if self.connectivity.was_deaf():
            self._stream.renew()

    async def _probe_sleep(self) -> None:
        """Notice that the machine has slept: its connections are dead by then."""
        timing, clock = self._timing, self._clock
        while True:
            wall, monotonic = clock.wall(), clock.monotonic()
            await asyncio.sleep(timing.sleep_probe)
            awake = clock.monotonic() - monotonic
            asleep = clock.wall() - wall - awake
            if asleep >= timing.sleep_jump or awake >= timing.sleep_jump:
                self._wake_up()

    def _wake_up(self) -> None:
        self.backfill.wake_up()
        self._stream.renew()
        self._asker.ask_now()
        self._poll.ask_now()
