"""One opened job: its lines, what is known of them, and reading on either side."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from copy import copy
from typing import TYPE_CHECKING

from chronotui.core.log import LineBlock, LogStore
from chronotui.engine.history import HistoryPaging, Position
from chronotui.engine.watch.intake import Intake
from chronotui.engine.watch.marking import Marking
from chronotui.engine.watch.rate import LineRate
from chronotui.engine.watch.settings import WatchSettings
from chronotui.engine.watch.state import Connection, ConnectionKind, LogState
from chronotui.engine.watch.ticker import Ticker
from chronotui.engine.watch.timing import Clock
from chronotui.engine.watch.watch import Watch
from chronotui.errors import ChronotuiError, own_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chronotui.core.log import LineKey
    from chronotui.engine.history import Progress
    from chronotui.engine.watch.source import LogSource
    from chronotui.engine.watch.state import Verdict
    from chronotui.model import Job, LogLine, SearchPage, Workflow


class JobLog:
    """The log of one job, watched and paged into one store.

    Belongs to one event loop. Listeners hear of changes at most once a tick.

    Args:
        client: A client of the job's server.
        workflow: The job's workflow, if known.
        job: The job as last listed.
        settings: How it is watched.
        store: Where its lines go; a new one with the default budget if None.
        clock: Time and chance.
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
        self._intake = Intake(self.store)
        self._rate = LineRate()
        self._intake.on_new = self._entered
        self._listeners: list[Callable[[], None]] = []
        self._ticker = Ticker(self._settings.timing.tick, self._tell)
        self._watch = Watch(
            client,
            workflow,
            job,
            settings=self._settings,
            intake=self._intake,
            clock=self._clock,
            changed=self._changed,
        )
        self._history = HistoryPaging(client, self._watch, self._changed)
        self._marking = Marking(self.store, self._watch)
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

    @property
    def position(self) -> Position:
        """Which part of the retained log is loaded."""
        return self._history.position

    def now(self) -> float:
        """Return the monotonic seconds that ``Connection`` counts in."""
        return self._clock.monotonic()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` on the loop after changes; return what ends that."""
        self._listeners.append(listener)

        def end() -> None:
            with suppress(ValueError):
                self._listeners.remove(listener)

        return end

    def signed_in(self) -> None:
        """Go on after somebody has signed in."""
        self._watch.gate.signed_in()

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
        self._changed()
        try:
            verdict = await self._watch.run()
        except asyncio.CancelledError:
            raise
        except ChronotuiError as error:
            self._problem = _ended_by(error, len(self.store))
            raise
        except BaseException as fault:
            self._problem = _ended_by(own_fault("in the watch", fault), len(self.store))
            raise
        else:
            self._sealed = True
            return verdict
        finally:
            self._watching = False
            self._changed()
            if self._quiet is not None:
                self._quiet.cancel()
                self._quiet = None
            self._ticker.stop()

    def ask_now(self) -> None:
        """Ask the server again now for whatever is waited for."""
        self._watch.ask_now()

    async def load_older(self) -> bool:
        """Load the page before the oldest line loaded; False when there is none."""
        return await self._history.load_older()

    async def load_newer(self) -> bool:
        """Read the newest page again; True when it brought lines."""
        return await self._history.load_newer()

    async def load_all(self, progress: Progress | None = None) -> None:
        """Load the whole log; cancel it to stop, what was loaded stays.

        Args:
            progress: Told the lines read, and how many there are if known.
        """
        await self._history.load_all(progress)

    async def search_server(
        self,
        query: str | None = None,
        stream: str | None = None,
        cursor: str | None = None,
    ) -> SearchPage:
        """Ask the server's own search for one page of hits, newest first."""
        return await self._history.search(query, stream, cursor)

    async def load_around(self, key: LineKey) -> bool:
        """Load pages until a line is there; False when the log does not have it."""
        return await self._history.load_around(key)

    def _entered(self, lines: Sequence[LogLine]) -> None:
        if not isinstance(lines, LineBlock):
            live = sum(1 for line in lines if not line.retained)
            self._rate.add(self._clock.monotonic(), live)
        self._changed()

    def _changed(self) -> None:
        self._state = None
        self._ticker.changed()

    def _tell(self) -> None:
        self._state = None
        self._marking.update(self._clock.monotonic(), self._verdict, self._changed)
        self._plan_quiet()
        for listener in tuple(self._listeners):
            listener()

    def _plan_quiet(self) -> None:
        """Tell once more when the stream has become quiet, or the rate has changed."""
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None
        if not self._watching:
            return
        now = self._clock.monotonic()
        connectivity = self._watch.connectivity
        due = [at for at in (self._rate.next_change(now),) if at is not None]
        quiet_at = connectivity.heard_at + self._settings.timing.quiet_after
        if connectivity.is_live and quiet_at > now:
            due.append(quiet_at)
        if due:
            loop = asyncio.get_running_loop()
            self._quiet = loop.call_later(max(0.0, min(due) - now), self._changed)

    @property
    def _verdict(self) -> Verdict | None:
        """The verdict, of what is held now: reading on in a sealed log adds to it."""
        return self._watch.verdict() if self._sealed else None

    def _make_state(self) -> LogState:
        watch, coverage = self._watch, self._watch.pages.coverage
        lines = len(self.store)
        missing = watch.account.missing
        return LogState(
            connection=self._connection(),
            job=watch.job,
            lines=lines,
            missing=missing,
            fetching=bool(missing) and self._watching,
            rate=self._rate.per_second(self._clock.monotonic()),
            newest_seq=self.store.line(lines - 1).sequence_num if lines else None,
            oldest_loaded_seq=self.store.line(0).sequence_num if lines else None,
            at_start=coverage.at_start,
            split=coverage.is_split,
            at_end=coverage.at_end,
            filling=self._filling(),
            verdict=self._verdict,
            problem=self._problem or self._watch.connectivity.refusal,
        )

    def _filling(self) -> tuple[int, int | None] | None:
        loading = self._history.loading
        if loading is not None:
            return loading
        watch = self._watch
        if watch.account.caught_up or not self._watching or not watch.pages.lines_read:
            return None
        rising = watch.pages.coverage.rising
        total = self._intake.highest()[1] if rising else self._settings.tail
        return watch.pages.lines_read, total

    def _connection(self) -> Connection:
        """Return the state to show: a live one only while something is alive."""
        watch, ending = self._watch, self._marking.ending(self._verdict)
        if self._watching or self._verdict is not None:
            return watch.connectivity.connection(watch.job, ending)
        if self._problem is None:
            return Connection(ConnectionKind.CONNECTING)
        by_policy = self._problem.answer is None and self._problem.exit_code == 4
        words = str(self._problem)
        return Connection(ConnectionKind.ENDED, words, is_troubled=not by_policy)


def _ended_by(error: ChronotuiError, lines: int) -> ChronotuiError:
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
