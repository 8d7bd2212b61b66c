"""One opened run as the desk shows it: what was seen of it, as the lines of a log."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from chronotui.engine.connection import Connection, ConnectionKind
from chronotui.engine.job_log import LogState, Observed, ended_by
from chronotui.engine.run_watch import RunWatch
from chronotui.engine.timing import Clock, Listeners, WatchSettings
from chronotui.errors import ChronotuiError, UsageError, own_fault
from chronotui.log.attempts import LineKey
from chronotui.log.store import LogStore
from chronotui.model import STDERR, STDOUT, LogLine
from chronotui.times import elapsed_text, utc_clock
from chronotui.tree.run_row import elapsed_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.model import Job, SearchPage, Workflow
    from chronotui.runs.entries import EventLine
    from chronotui.runs.events import RunRecord
    from chronotui.sources.protocol import RunEventSource

ATTEMPT: Final = 1


def line_of(event: EventLine) -> LogLine:
    """Return a line of a record as one of a log."""
    stream = STDERR if event.is_error else STDOUT
    place, time_ns = event.place, event.time_ns
    return LogLine(ATTEMPT, place, stream, time_ns, event.text, retained=False)


def how_run_ended(job: Job) -> str:
    """Return how, when and after how long a run ended; "" while it has not."""
    if not job.has_ended:
        return ""
    words, at = f"ended {job.status}", job.completed_at
    if at is not None:
        words += f" {utc_clock(at)}"
    detail = job.fields.get("detail")
    seconds = detail.get("elapsed_time") if isinstance(detail, dict) else None
    if not (isinstance(seconds, int | float) and seconds > 0):
        seconds = elapsed_seconds(job, at or datetime.now(UTC))
    return words if seconds is None else f"{words} after {elapsed_text(seconds)}"


def _key(place: int) -> LineKey:
    return LineKey(ATTEMPT, place, -1, "")


class ObservedHistory:
    """The part of a log that could be read on: none, for no server keeps it."""

    loading: tuple[int, int | None] | None = None

    def __init__(self, store: LogStore) -> None:
        self._store = store

    async def load_older(self) -> bool:
        return False

    async def load_newer(self) -> bool:
        return False

    async def load_all(self) -> None:
        return

    async def load_around(self, key: LineKey) -> bool:
        return self._store.find(key) is not None

    async def load_back_to_line(self, _attempt: int, _number: int) -> None:
        return

    async def load_back_to_time(self, _time_ns: int) -> None:
        return

    async def load_hit(self, _hit: LogLine) -> LineKey | None:
        return None

    async def search(
        self,
        _query: str,
        cursor: str | None = None,  # noqa: ARG002 - as a `HistoryPaging` takes it
    ) -> SearchPage:
        """Refuse, as there is nothing on the server to search."""
        raise UsageError(
            "The server keeps no log of a run to search.",
            next_step="/ searches what is shown.",
        )


class RunLog:
    """What was seen of one run, watched into one store.

    It offers what a `JobLog` does. A line's number is its place in the record, which
    orders it and does not count.
    """

    def __init__(
        self,
        client: RunEventSource,
        workflow: Workflow | None,
        job: Job,
        *,
        settings: WatchSettings | None = None,
        store: LogStore | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings or WatchSettings()
        self._clock = clock or Clock()
        self.workflow = workflow
        self.store = LogStore() if store is None else store
        self.store.is_sparse = True
        self.history = ObservedHistory(self.store)
        self._listeners = Listeners(self._settings.timing.tick)
        self._listeners.add(self._update)
        self._watch = RunWatch(
            client, job, settings=self._settings, clock=self._clock, changed=self.tell
        )
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

    @property
    def record(self) -> RunRecord:
        """What was seen, for saving."""
        return self._watch.record

    def now(self) -> float:
        """Return the monotonic seconds that ``Connection`` counts in."""
        return self._clock.monotonic()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` on the loop after changes; return what ends that."""
        return self._listeners.add(listener)

    def signed_in(self) -> None:
        self._watch.gate.signed_in()

    def ask_now(self) -> None:
        self._watch.ask_now()

    def tell(self) -> None:
        """Have the listeners called soon."""
        self._state = None
        self._listeners.notify()

    async def watch(self) -> None:
        """Watch until the run has ended.

        Cancel it to leave the run, which closes its stream; call it again to come
        back: what was seen stays.

        Raises:
            ChronotuiError: The run cannot be watched; also in ``state.problem``.
        """
        async with self._one_watch:
            await self._watch_alone()

    async def _watch_alone(self) -> None:
        self._problem = None
        self._watching = True
        self.tell()
        try:
            await self._watch.run()
        except asyncio.CancelledError:
            raise
        except ChronotuiError as error:
            self._problem = ended_by(error, len(self.store))
            raise
        except BaseException as fault:
            self._problem = ended_by(own_fault("in the watch", fault), len(self.store))
            raise
        finally:
            self._watching = False
            self.tell()
            self._listeners.flush()

    def _update(self) -> None:
        """Bring the store up to date before the listeners look at it."""
        self._state = None
        for span in self.record.take_changes():
            lines = [line_of(event) for event in span.lines]
            self.store.rewrite(_key(span.low), _key(span.high), lines)
        self._mark_edges()
        self._plan_quiet()

    def _mark_edges(self) -> None:
        if not len(self.store):
            return  # the pane says in its middle why it is empty
        unseen = self.record.unseen
        notes = filter(None, (self._watch.stale, self.store.spool.memory.note))
        self.store.set_edge(
            f"⋮ not seen: {'; '.join(unseen)}" if unseen else None,
            " · ".join(notes) or None,
        )
        job = self._watch.job
        ending = how_run_ended(job) or None
        self.store.set_section(ATTEMPT, None, ending, ended_at=job.completed_at)

    def _plan_quiet(self) -> None:
        """Tell once more when the stream has become quiet."""
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None
        connectivity = self._watch.connectivity
        wait = connectivity.heard_at + self._settings.timing.quiet_after - self.now()
        if self._watching and connectivity.is_live and wait > 0:
            self._quiet = asyncio.get_running_loop().call_later(wait, self.tell)

    def _make_state(self) -> LogState:
        return LogState(
            connection=self._connection(),
            job=self._watch.job,
            lines=len(self.store),
            at_start=True,
            at_end=True,
            problem=self._problem or self._watch.connectivity.refusal,
            observed=Observed(self.record.events, self.record.unseen),
        )

    def _connection(self) -> Connection:
        """Return the state to show: a live one only while something is alive."""
        watch = self._watch
        ending = how_run_ended(watch.job)
        if not self._watching:
            if self._problem is not None:
                words = str(self._problem)
                return Connection(ConnectionKind.ENDED, words, is_troubled=True)
            if not (ending and watch.was_answered):
                return Connection(ConnectionKind.CONNECTING)
        connection = watch.connectivity.connection(
            watch.job, ending if watch.was_answered else ""
        )
        why, stale = watch.why_polled, watch.stale
        calm = {ConnectionKind.CONNECTING, ConnectionKind.LIVE, ConnectionKind.QUIET}
        if connection.kind not in calm:
            return connection
        if why:
            every = round(self._poll_apart())
            connection = connection._replace(
                kind=ConnectionKind.WAITING,
                waits_for=f"the end, asked every {every} s",
            )
        words = "; ".join(filter(None, (why, stale)))
        if words and not connection.is_troubled:
            connection = connection._replace(reason=words, is_troubled=True)
        return connection

    def _poll_apart(self) -> float:
        """Return how far apart something new can be learned."""
        if self._watch.connectivity.is_live:
            return self._settings.timing.snapshot_apart
        return self._watch.poll_seconds
