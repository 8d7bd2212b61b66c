"""The lines of several jobs handed out in one order: by time, each job's own kept.

What is handed out cannot be put in its place any more. Logs that are over are merged
exactly. Of jobs that run, a line waits a moment for the others': each job's lines come
each once and in its order whatever happens, and only between jobs may one that was
held up on its way stand later than its time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from chronotui.engine.timing import Clock, set_within
from chronotui.errors import ChronotuiError
from chronotui.log.merged import ms_of, part_of, places_after
from chronotui.log.store import LogStore

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Callable,
        Iterator,
        Sequence,
    )

    from chronotui.log.chunks import Overflow
    from chronotui.model import LogLine

HOLD_SECONDS: Final = 0.5
"""A line waits so long for another job that has just told something."""

BEHIND_SECONDS: Final = 5.0
"""The same while the other one has told nothing yet, or is far behind."""

FAR_MS: Final = 10_000
"""A job whose newest line is so old is far behind, or silent."""

MOST_HELD: Final = 10_000
"""Lines of a job that are held until it is their turn; then it is read no further."""

MEMORY_BYTES: Final = 64 << 20
"""Lines of logs that are over and wait for others', in memory, of all together."""

AT_ONCE: Final = 1000
"""Lines of a job that are handed out at a time."""

_FOREVER: Final = 2**63


class LineReader(Protocol):
    """Reads one job's log, from its beginning or live."""

    def batches(self) -> AsyncIterator[list[LogLine]]:
        """Yield lines in the job's order, each once."""


class PartLine(NamedTuple):
    """A line of one of the jobs, which is named by its number."""

    part: int
    line: LogLine


class JobPart:
    """One job's lines that were read and wait for their turn.

    Attributes:
        heard_at: When the last ones came, or reading began.
        is_over: Whether no more will come.
        error: Why it could not be read on.
    """

    def __init__(self, number: int, reader: LineReader, now: float) -> None:
        self.number = number
        self.heard_at = now
        self.is_over = False
        self.error: ChronotuiError | None = None
        self._reader = reader
        self._lines: deque[tuple[int, LogLine]] = deque()
        self._last: int | None = None

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def is_done(self) -> bool:
        """Whether all there is was handed out."""
        return self.is_over and not self._lines

    @property
    def last(self) -> int:
        """The place up to which nothing more will come."""
        return -1 if self._last is None else self._last

    def put(self, lines: Sequence[LogLine]) -> None:
        """Have lines wait."""
        if not lines:
            return
        times = (0 if line.time_ns is None else line.time_ns for line in lines)
        places = list(places_after(self._last, times, self.number))
        self._lines.extend(zip(places, lines, strict=True))
        self._last = places[-1]

    @property
    def bound(self) -> int:
        """The place up to which it can be told whose line is next."""
        if len(self._lines) > AT_ONCE:
            return self._lines[AT_ONCE - 1][0]
        return _FOREVER if self.is_over else self.last

    def take(self, bound: int) -> Iterator[tuple[int, LogLine]]:
        """Hand out lines up to a place, with their own."""
        held = self._lines
        while held and held[0][0] <= bound:
            yield held.popleft()

    def refill(self) -> None:
        """Have more lines wait that were read already."""

    async def read(self, came: Callable[[], None], clock: Clock) -> None:
        """Read to the end; what goes wrong is kept."""
        try:
            async with aclosing(self._reader.batches()) as batches:  # type: ignore[type-var]
                async for lines in batches:
                    self.heard_at = clock.monotonic()
                    await self.keep(lines, came)
        except ChronotuiError as error:
            self.error = error
        finally:
            self.is_over = True
            came()

    async def keep(self, lines: list[LogLine], came: Callable[[], None]) -> None:
        """Take what was read; wait while too much waits already."""
        self.put(lines)
        came()
        while len(self._lines) > MOST_HELD:  # noqa: ASYNC110 - room is made, not told
            await asyncio.sleep(0.01)


class StoredPart(JobPart):
    """As `JobPart`, of a log that is over: it is read at once, and waits where it fits.

    So no download is held up by the turn of another one.
    """

    def __init__(
        self, number: int, reader: LineReader, now: float, store: LogStore
    ) -> None:
        super().__init__(number, reader, now)
        self._store = store
        self._taken = 0

    async def keep(self, lines: list[LogLine], came: Callable[[], None]) -> None:
        """Take what was read."""
        self._store.add(lines)
        self.refill()
        came()

    @property
    def is_done(self) -> bool:
        return super().is_done and self._taken >= len(self._store)

    @property
    def bound(self) -> int:
        return self.last if self._taken < len(self._store) else super().bound

    def refill(self) -> None:
        if not self._lines and self._taken < len(self._store):
            lines = self._store.lines(self._taken, self._taken + AT_ONCE)
            self._taken += len(lines)
            self.put(lines)

    def close(self) -> None:
        self._store.close()


class Turns:
    """Tells whose lines are next.

    Args:
        parts: The jobs.
        patient: Whether a line waits until it is certain that none goes before it; if
            not, for a moment.
    """

    def __init__(
        self, parts: Sequence[JobPart], clock: Clock, *, patient: bool
    ) -> None:
        self._parts = parts
        self._clock = clock
        self._patient = patient

    def take(self) -> list[PartLine]:
        """Return the lines whose turn it is, some at a time; none where all wait."""
        for part in self._parts:
            part.refill()
        bounds = [part.bound for part in self._parts if len(part) or self._holds(part)]
        bound = min(bounds, default=-1)
        taken = [each for part in self._parts for each in part.take(bound)]
        taken.sort(key=itemgetter(0))
        return [PartLine(part_of(place), line) for place, line in taken]

    def give_up(self) -> None:
        """Wait for nothing that has not come by now."""
        for part in self._parts:
            part.is_over = True

    def wait(self) -> float:
        """Return the seconds after which a line may not have to wait any more."""
        now = self._clock.monotonic()
        held = [
            part.heard_at + self._patience(part) - now
            for part in self._parts
            if not self._patient and not part.is_over and not len(part)
        ]
        return max(min((each for each in held if each > 0), default=60.0), 0.001)

    def _holds(self, part: JobPart) -> bool:
        """Whether lines of others wait for what a job tells next."""
        if part.is_over or len(part):
            return False
        now = self._clock.monotonic()
        return self._patient or now - part.heard_at < self._patience(part)

    def _patience(self, part: JobPart) -> float:
        lag = self._clock.wall() * 1000 - ms_of(max(part.last, 0))
        return BEHIND_SECONDS if lag > FAR_MS else HOLD_SECONDS


class MergedLines:
    """Several jobs' logs read together; made for one reading of ``batches``.

    Args:
        readers: One for each job.
        live: Whether they go on; logs that are over are merged exactly.
        spool: Opens a place for lines beyond memory.

    Attributes:
        parts: What is known of each job, in the readers' order.
    """

    def __init__(
        self,
        readers: Sequence[LineReader],
        *,
        live: bool,
        spool: Callable[[], Overflow] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._live = live
        self._clock = clock or Clock()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        now = self._clock.monotonic()
        budget = MEMORY_BYTES // max(len(readers), 1)
        self.parts: list[JobPart] = []
        for number, reader in enumerate(readers):
            if live:
                self.parts.append(JobPart(number, reader, now))
            else:
                store = LogStore(budget_bytes=budget, overflow=spool)
                self.parts.append(StoredPart(number, reader, now, store))
        self._turns = Turns(self.parts, self._clock, patient=not live)

    def join(self, reader: LineReader) -> None:
        """Read one more job that runs, from now on."""
        part = JobPart(len(self.parts), reader, self._clock.monotonic())
        self.parts.append(part)
        self._begin(part)

    def _begin(self, part: JobPart) -> None:
        reading = part.read(self._wake.set, self._clock)
        self._tasks.append(asyncio.create_task(reading))

    def rest(self) -> Iterator[list[PartLine]]:
        """Yield what was read and not handed out when reading was stopped."""
        self._turns.give_up()
        while batch := self._turns.take():
            yield batch

    async def batches(self) -> AsyncGenerator[list[PartLine], None]:
        """Yield lines in order, some at a time; none when a job ends.

        Cancel the reading task, or ``aclose`` the iterator, to stop. A job that cannot
        be read on ends alone, see `JobPart`.
        """
        turns = self._turns
        for part in self.parts:
            self._begin(part)
        try:
            over = 0
            while over < len(self.parts):
                self._wake.clear()
                batch = turns.take()
                before, over = over, sum(part.is_done for part in self.parts)
                if batch or over > before:
                    yield batch
                else:
                    await set_within(self._wake, turns.wait())
            await asyncio.gather(*self._tasks)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for part in self.parts:
                if isinstance(part, StoredPart):
                    part.close()
