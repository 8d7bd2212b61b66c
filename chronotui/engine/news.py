"""What is new in a job's log: compared with the last good run before it, step by step.

The good run is read once, the job's own log again whenever that is asked for: it may
still go on. The event loop is free between a few hundred lines.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from chronotui.engine.card import good_runs_before
from chronotui.engine.connection import ConnectionKind
from chronotui.engine.diff import LINES_AT_ONCE, KindsRead, read_kinds, take_slowly
from chronotui.engine.retry import Retries
from chronotui.errors import ChronotuiError, LogsUnavailableError, NotFoundError
from chronotui.log.attempts import LineKey, key_of
from chronotui.log.differences import LogKinds, differences
from chronotui.log.kinds import KnownKinds
from chronotui.model import JobStatus
from chronotui.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chronotui.engine.job_log import JobLog
    from chronotui.log.chunks import Overflow
    from chronotui.log.differences import KindChange
    from chronotui.log.store import LogStore
    from chronotui.model import Job, Workflow
    from chronotui.sources.protocol import Source

MOST_GOOD_RUNS: Final = 3
"""Good runs that are looked at for one that has a log."""

NO_GOOD_RUN: Final = "No run of this workflow completed before it: nothing to compare."
NO_GOOD_LOG: Final = "No log is kept of the good runs before it: nothing to compare."
FINDING: Final = "looking for the last good run"


class NewsState(Struct, frozen=True):
    """What is known by now, replaced as a whole.

    Attributes:
        job: As last read.
        good: The run it is compared with.
        doing: What goes on now, in words; "" when nothing does.
        lines: Lines of the job's log that were read.
        lines_before: Lines of the good run's.
        found: What they differ in, None before they were compared.
        known: The good run's kinds of lines.
        notes: What is lacking of either log, in sentences.
        problem: Why they cannot be compared, a sentence.
    """

    job: Job
    good: Job | None = None
    doing: str = ""
    lines: int = 0
    lines_before: int = 0
    found: Sequence[KindChange] | None = None
    known: KnownKinds | None = None
    notes: tuple[str, ...] = ()
    problem: str = ""


class JobNews:
    """Compares one job's log with the last good run's.

    Args:
        held: The job's log, where it is open.
        spool: Opens a place for lines beyond memory.

    Attributes:
        state: What is known by now.
    """

    def __init__(
        self,
        client: Source,
        workflow: Workflow | None,
        job: Job,
        *,
        held: Callable[[], JobLog | None] = lambda: None,
        spool: Callable[[], Overflow] | None = None,
    ) -> None:
        self.workflow = workflow
        self.state = NewsState(job)
        self._client = client
        self._held = held
        self._spool = spool
        self._retries = Retries(self._tell)
        self._before: LogKinds | None = None
        self._notes_before: tuple[str, ...] = ()
        self._changed: Callable[[], None] = lambda: None

    async def compare(self, changed: Callable[[], None]) -> None:
        """Read what was not read yet, and the job's own log again.

        Cancel it to stop; the good run, once read, is kept.

        Args:
            changed: Called with every change of the state.
        """
        self._changed = changed
        self._set(doing=FINDING, problem="", notes=self._notes_before)
        try:
            before = self._before or await self._read_good()
            if before is not None:
                await self._read_own(before)
        except ChronotuiError as error:
            self._set(problem=clean(str(error)))
        finally:
            self._set(doing="")

    def _set(self, **changes: object) -> None:
        self.state = replace(self.state, **changes)
        self._changed()

    def _tell(self, note: str) -> None:
        self._set(notes=(*self.state.notes, clean(note)))

    async def _read_good(self) -> LogKinds | None:
        """Read the newest good run that has a log; None, and why, without one."""
        runs = await good_runs_before(
            self._client, self.state.job, self._retries, most=MOST_GOOD_RUNS
        )
        for run in runs:
            self._set(good=run, lines_before=0)
            try:
                read = await self._read(run, "lines_before")
            except (LogsUnavailableError, NotFoundError):
                continue
            kinds = read.kinds.kinds
            if kinds.lines:
                self._before, self._notes_before = read.kinds, self.state.notes
                self._set(known=KnownKinds(kinds.seen))
                return read.kinds
        self._set(good=None, problem=NO_GOOD_LOG if runs else NO_GOOD_RUN)
        return None

    async def _read_own(self, before: LogKinds) -> None:
        held = self._held()
        if held is not None:
            self._set(job=held.state.job)
        elif not self.state.job.has_ended:
            job = self.state.job
            self._set(job=await self._retries.ask(lambda: self._client.reread(job)))
        self._set(lines=0)
        if held is not None and _is_all_there(held):
            kinds = await self._read_held(held.store)
        else:
            kinds = (await self._read(self.state.job, "lines")).kinds
        self._set(doing="comparing", lines=kinds.kinds.lines)
        ended_well = self.state.job.status == JobStatus.COMPLETED
        found = await asyncio.to_thread(
            differences, kinds, before, ended_well=ended_well
        )
        self._set(found=found)

    async def _read(self, job: Job, counter: str) -> KindsRead:
        self._set(doing=f"reading {clean(job.shown_id)}")
        return await read_kinds(
            self._client,
            self.workflow,
            job,
            tell=self._tell,
            spool=self._spool,
            count=lambda lines: self._set(**{counter: lines}),
        )

    async def _read_held(self, store: LogStore) -> LogKinds:
        """Take the lines a store has by now; others may enter meanwhile."""
        self._set(doing=f"reading {clean(self.state.job.shown_id)}")
        kinds = LogKinds()
        if not len(store):
            return kinds
        last = key_of(store.line(len(store) - 1))
        start = 0
        while start <= (end := store.bisect(last)):
            stop = min(start + LINES_AT_ONCE, end + 1)
            piece = next(store.slices(start, stop))
            key = piece.last_key
            await take_slowly(kinds, piece, lambda lines: self._set(lines=lines))
            start = store.bisect(_after(key))
        return kinds


def _after(key: LineKey) -> LineKey:
    return key._replace(event_id=key.event_id + "\0")


def _is_all_there(log: JobLog) -> bool:
    """Whether an open log holds all lines there are by now."""
    state = log.state
    if not state.at_start or state.split or state.missing:
        return False
    live = (ConnectionKind.LIVE, ConnectionKind.QUIET)
    return state.verdict is not None or state.connection.kind in live
