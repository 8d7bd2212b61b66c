"""Several jobs watched together: each with its own log, all shown as one by time."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from chronotui.engine.connection import Connection, ConnectionKind
from chronotui.engine.ending import short_words
from chronotui.engine.job_log import LogState
from chronotui.engine.sweep import JobOf
from chronotui.engine.timing import Listeners, WatchTiming
from chronotui.log.attempts import LineKey
from chronotui.log.marks import GapMark, GapState, Mark, MarkKind
from chronotui.log.merged import (
    ATTEMPT,
    MOST_COUNT,
    MOST_PARTS,
    MergedStore,
    ms_of,
    place_at,
)
from chronotui.model import Job, JobStatus, Trigger, WorkflowKind
from chronotui.text import clean, plural
from chronotui.tree.tags import NamedJob, tag_of, tags_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from chronotui.engine.session import OpenableLog, OpenedJob, Session
    from chronotui.log.handoff import LinePlace
    from chronotui.log.merged import JobOrder
    from chronotui.model import LogLine, Workflow

MOST_WATCHED: Final = 20
"""Jobs that are watched at a time."""

READER: Final = "merged"

OLDER: Final = "⋮ older lines not loaded yet"

BUDGET_SECONDS: Final = 0.008
"""Longest piece of taking lines over between two frames."""

TICKS: Final = 2
"""Ticks of one log between two takings over: what ten logs flood is drawn no faster."""

SHARE: Final = 8
"""The merged log has this part of the memory of one log, its jobs as much together."""


def jobs_that_run(session: Session) -> list[JobOf]:
    """Return what runs and may write, as far as it is known, the newest first."""
    running: dict[str, JobOf] = {}
    over: set[str] = set()
    for workflow, jobs in _jobs_known(session):
        writes = workflow.kind != WorkflowKind.HEARTBEAT
        for job in jobs:
            if job.status == JobStatus.RUNNING and writes:
                running[job.id] = JobOf(workflow, job)
            elif job.has_ended:
                over.add(job.id)
    left = [of for job_id, of in running.items() if job_id not in over]
    return sorted(left, key=lambda of: _began(of.job), reverse=True)


def _jobs_known(session: Session) -> Iterator[tuple[Workflow, Iterable[Job]]]:
    fleet = session.fleet
    for workflow_id in () if fleet is None else fleet.workflows:
        workflow = None if fleet is None else fleet.workflow(workflow_id)
        if fleet is not None and workflow is not None:
            yield workflow, fleet.jobs(workflow_id)
    for branch in session.catalog.tree.branches():
        yield branch.workflow, [branch.jobs[each] for each in branch.listing.ids]


_NEVER: Final = datetime.max.replace(tzinfo=UTC)


def _began(job: Job) -> datetime:
    at = job.started_at or job.created_at or job.scheduled_at
    return at or datetime.min.replace(tzinfo=UTC)


class WatchedJob(Struct, eq=False):
    """One of the jobs: its own log, and where its lines stand among the others'.

    Attributes:
        tag: What it is called before its lines.
        short_id: Its id as it is shown.
        joined: Whether it began while the others were watched.
        listed: As a list told that it has ended, where its own watch did not.
    """

    workflow: Workflow
    opened: OpenedJob
    order: JobOrder
    tag: str
    short_id: str
    joined: bool = False
    listed: Job | None = None

    @property
    def log(self) -> OpenableLog:
        return self.opened.log

    @property
    def state(self) -> LogState:
        return self.opened.log.state

    @property
    def job(self) -> Job:
        job = self.state.job
        return self.listed if self.listed is not None and not job.has_ended else job

    @property
    def name(self) -> str:
        """Its workflow's name and its id, cleaned."""
        return clean(f"{self.workflow.shown_name} {self.short_id}")

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come: it is sealed, or its watch has ended."""
        return self.state.verdict is not None or (
            self.state.connection.kind is ConnectionKind.ENDED
        )

    def lacks(self) -> str:
        """Return what is known of its completeness, e.g. ``37 missing``."""
        verdict = self.state.verdict
        possible = 0 if verdict is None else verdict.possible
        return short_words(self.state.missing, possible)


class MergedRows:
    """The rows of the merged log that are no lines: each job's, in their places.

    Attributes:
        heard: The numbers of the jobs whose rows are shown; None for all.
    """

    def __init__(self, store: MergedStore) -> None:
        self._store = store
        self._seen: object = None
        self.heard: frozenset[int] | None = None

    def update(self, jobs: Sequence[WatchedJob]) -> None:
        """Bring them up to date."""
        seen: list[object] = [self.heard]
        seen += [
            (
                each.order.moves,
                each.log.store.marks.version,
                each.order.last if each.is_over else None,
            )
            for each in jobs
            if each.order.store is not None
        ]
        if seen == self._seen:
            return
        self._seen = seen
        rows: list[Mark] = []
        latest = self._latest_beginning(jobs)
        for each in jobs:
            if self.heard is None or each.order.part in self.heard:
                rows += self._rows_of(each, is_latest=each is latest)
        self._store.store.marks.set_rows(rows)

    def _latest_beginning(self, jobs: Sequence[WatchedJob]) -> WatchedJob | None:
        """Return the job whose older lines are wanted first: above it others lack."""
        cut = [each for each in unread_above(jobs) if each.order.first is not None]
        return max(cut, key=lambda each: each.order.first or 0, default=None)

    def _rows_of(self, each: WatchedJob, *, is_latest: bool) -> list[Mark]:
        rows: list[Mark] = []
        if each.joined:
            rows.append(self._began(each))
        for mark in each.log.store.marks.all():
            row = self._row(each, mark, is_latest=is_latest)
            if row is not None:
                rows.append(row)
        return rows

    def _row(self, each: WatchedJob, mark: Mark, *, is_latest: bool) -> Mark | None:
        """Return a row of a job's own log as it stands here; None where it does not."""
        if mark.gap is not None:
            return self._gap(each, mark.gap)
        if mark.kind is MarkKind.TRAILER:
            key = LineKey(ATTEMPT, self._end(each), 9, f"{each.order.part}")
            return Mark(key, mark.kind, f"{each.name} {mark.text}", at=mark.at)
        if mark.kind is MarkKind.HEADER:
            place = each.order.place_from(mark.key.attempt, mark.key.sequence_num)
            tie = f"{each.order.part} {mark.key.attempt}"
            key = LineKey(ATTEMPT, place or 0, -2, tie)
            row = Mark(key, mark.kind, f"{each.name} {mark.text}")
            return None if place is None else row
        return self._edge(each, mark, is_latest=is_latest)

    def _gap(self, each: WatchedJob, gap: GapMark) -> Mark:
        place = each.order.place_from(gap.attempt, gap.first)
        if place is None:
            place = (each.order.last or 0) + 1
        tie = f"{each.order.part} {gap.attempt} {gap.first}"
        return Mark(LineKey(ATTEMPT, place, -1, tie), MarkKind.GAP, each.tag, gap)

    def _edge(self, each: WatchedJob, mark: Mark, *, is_latest: bool) -> Mark | None:
        first, last, tie = each.order.first, each.order.last, f"{each.order.part}"
        if first is None or last is None:
            return None
        if mark.kind is MarkKind.BOTTOM:
            key = LineKey(ATTEMPT, last, 10, tie)
            return Mark(key, mark.kind, f"{each.tag}: {mark.text}")
        key = LineKey(ATTEMPT, first, -2, tie)
        if is_latest:
            gap = GapMark(ATTEMPT, first, first, 0, GapState.UNREAD)
            return Mark(key, MarkKind.GAP, each.tag, gap)
        return Mark(key, mark.kind, f"{each.tag}: {mark.text}")

    def _began(self, each: WatchedJob) -> Mark:
        first, began = each.order.first, _began(each.job)
        place = place_at(max(int(began.timestamp() * 1000), 0), each.order.part)
        if first is not None:
            place = min(place, first)
        key = LineKey(ATTEMPT, place, -3, f"{each.order.part}")
        return Mark(key, MarkKind.HEADER, f"{each.name} began, joined")

    def _end(self, each: WatchedJob) -> int:
        """Return the place of a job's end: where its time is, behind all its lines."""
        last, ended = each.order.last or 0, each.job.completed_at
        if ended is None:
            return last
        ms = max(int(ended.timestamp() * 1000), ms_of(last))
        return max(last, place_at(ms, each.order.part, MOST_COUNT))


def unread_above(jobs: Iterable[WatchedJob]) -> list[WatchedJob]:
    """Return the jobs whose older lines are retained and not loaded."""
    return [
        each
        for each in jobs
        if each.order.store is not None and each.state.lines and not each.state.at_start
    ]


class MergedHistory:
    """Reads on in the retained logs of several jobs."""

    def __init__(self, jobs: list[WatchedJob]) -> None:
        self._jobs = jobs

    async def load_older(self) -> bool:
        """Load what is older of the job that begins latest; False when none is."""
        left = unread_above(self._jobs)
        left.sort(key=lambda each: each.order.first or 0, reverse=True)
        for each in left:
            if await each.log.history.load_older():
                return True
        return False

    async def load_newer(self) -> bool:
        """Read on at the newest end; True when that brought lines."""
        brought = False
        for each in self._jobs:
            if each.order.store is not None and not each.state.at_end:
                brought |= await each.log.history.load_newer()
        return brought

    async def load_all(self) -> None:
        """Load everything, one job after the other."""
        for each in unread_above(self._jobs):
            await each.log.history.load_all()

    async def load_back_to_line(self, _attempt: int, _number: int) -> None:
        """Load nothing: lines of several jobs are numbered as they are loaded."""

    async def load_back_to_time(self, time_ns: int) -> None:
        for each in unread_above(self._jobs):
            await each.log.history.load_back_to_time(time_ns)


class MergedLog:
    """Jobs watched together, up to 20 at a time, and their lines in one store.

    It offers a log view what a `JobLog` does. A new run of one of their workflows joins
    by itself.

    Args:
        session: The server they are on.
        short_id: Returns a job's id as it is shown.
        everything: Whether all that runs is watched, of whichever workflow.

    Attributes:
        jobs: The jobs, in the order they came; their lines are told by that.
        left_out: Jobs that are not watched, because so many are.
    """

    def __init__(
        self,
        session: Session,
        short_id: Callable[[Job], str],
        *,
        everything: bool = False,
        timing: WatchTiming | None = None,
    ) -> None:
        self._session = session
        self._short_id = short_id
        self._everything = everything
        self._began = datetime.now(UTC)
        self._lines = MergedStore(
            budget_bytes=session.memory_of(SHARE), overflow=session.spool
        )
        self.store = self._lines.store
        self.jobs: list[WatchedJob] = []
        self.left_out: dict[str, JobOf] = {}
        self.history = MergedHistory(self.jobs)
        self._rows = MergedRows(self._lines)
        self._listeners = Listeners(TICKS * (timing or WatchTiming()).tick)
        self._listeners.add(self._update)
        self._unsubscribe: list[Callable[[], None]] = []

    # the jobs

    def add_all(self, jobs: Sequence[JobOf]) -> None:
        """Watch jobs together; what they are called tells them apart."""
        named = [
            NamedJob(of.workflow.shown_name, self._short_id(of.job)) for of in jobs
        ]
        for of, tag in zip(jobs, tags_of(named), strict=True):
            self.add(of, tag)

    def add(self, of: JobOf, tag: str = "", *, joined: bool = False) -> bool:
        """Watch one more job; False where it is watched, or too many are."""
        if any(each.job.id == of.job.id for each in self.jobs):
            return False
        watched = [each for each in self.jobs if not each.is_over]
        if len(watched) >= MOST_WATCHED or len(self.jobs) >= MOST_PARTS:
            self.left_out[of.job.id] = of
            return False
        self.left_out.pop(of.job.id, None)
        share = SHARE * MOST_WATCHED
        opened = self._session.open(of.workflow, of.job, by=READER, share=share)
        opened.holders.add(self)
        short_id = self._short_id(of.job)
        if not tag:
            name = NamedJob(of.workflow.shown_name, short_id)
            tag = tag_of(name, {each.tag for each in self.jobs})
        order = self._lines.add_job(opened.log.store)
        self.jobs.append(
            WatchedJob(of.workflow, opened, order, tag, short_id, joined=joined)
        )
        self._unsubscribe.append(opened.log.subscribe(self._listeners.notify))
        self._let_go()
        self._listeners.notify()
        return True

    def _let_go(self) -> None:
        """Let go of the jobs longest over, beyond those watched at a time.

        Their lines stay, and are what they were.
        """
        held = [each for each in self.jobs if each.order.store is not None]
        over = [each for each in held if each.is_over and not each.order.is_due]
        for each in over[: max(len(held) - MOST_WATCHED, 0)]:
            each.order.store = None
            each.opened.holders.discard(self)
            each.opened.leave(READER)

    def watch(self) -> None:
        """Watch all jobs, those as well whose watch has ended without its end."""
        for each in self.jobs:
            if each.order.store is not None and each.state.verdict is None:
                each.opened.watch(READER)

    def pause(self) -> None:
        """Close the streams; the lines stay, and `watch` goes on with them."""
        for each in self.jobs:
            each.opened.leave(READER)

    def close(self) -> None:
        """Leave all jobs for good."""
        self.pause()
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        for each in self.jobs:
            each.opened.holders.discard(self)
        self._session.let_go()
        self._lines.close()

    def tick(self) -> None:
        """Look for runs that began, and have their workflows read sooner.

        What was left out is watched as soon as another one is over.
        """
        fleet = self._session.fleet
        if fleet is not None and not self._everything:
            fleet.want({each.workflow.id for each in self.jobs})
        waiting = [] if self._everything else list(self.left_out.values())
        self.left_out.clear()
        for of in waiting:
            self.add(of)
        for of in self._new_runs():
            self.add(of, joined=_began(of.job) > self._began)
        self._take_ends()

    def _take_ends(self) -> None:
        """Take it from the lists that a job has ended which is not watched any more.

        One without a log never is.
        """
        left = {
            each.job.id: each
            for each in self.jobs
            if each.is_over and not each.job.has_ended
        }
        for _workflow, jobs in _jobs_known(self._session) if left else ():
            for job in jobs:
                if job.id in left and job.has_ended:
                    left[job.id].listed = job

    def _new_runs(self) -> list[JobOf]:
        """Return what runs and belongs here, the oldest first."""
        newest: dict[str, datetime] = {}
        for each in self.jobs:
            key = each.workflow.id
            newest[key] = max(newest.get(key, _began(each.job)), _began(each.job))
        known = {each.job.id for each in self.jobs}
        return [
            of
            for of in reversed(jobs_that_run(self._session))
            if of.job.id not in known
            and (
                self._everything or _began(of.job) > newest.get(of.workflow.id, _NEVER)
            )
        ]

    @property
    def knows_all(self) -> bool:
        """Whether every workflow was asked what runs."""
        fleet = self._session.fleet
        return fleet is not None and fleet.knows_all(JobStatus.RUNNING)

    def hear(self, parts: frozenset[int] | None) -> None:
        """Show the rows of some jobs that are no lines, by their numbers; None: all."""
        if parts != self._rows.heard:
            self._rows.heard = parts
            self._listeners.notify()

    # what is known

    @property
    def state(self) -> LogState:
        """What is known of all of them together; the parts tell their own."""
        states = [each.state for each in self.jobs]
        fillings = [each.filling for each in states if each.filling is not None]
        return LogState(
            connection=most_telling(
                [(each.tag, each.state.connection) for each in self.jobs]
            ),
            job=next(
                (each.job for each in self.jobs if not each.is_over),
                states[-1].job if states else _NO_JOB,
            ),
            lines=len(self.store),
            missing=sum(each.missing for each in states),
            fetching=any(each.fetching for each in states),
            awaited=all(each.awaited for each in states if each.missing),
            rate=sum(each.rate for each in states),
            at_start=not unread_above(self.jobs),
            at_end=all(each.at_end for each in states),
            filling=fillings[0] if fillings else None,
        )

    @property
    def lacks(self) -> str:
        """What all of them lack together, e.g. ``0 missing``."""
        verdicts = [each.state.verdict for each in self.jobs]
        possible = sum(verdict.possible for verdict in verdicts if verdict is not None)
        return short_words(sum(each.state.missing for each in self.jobs), possible)

    def owner(self, line: LogLine) -> WatchedJob:
        """Return whose a shown line is."""
        return self.jobs[self._lines.origin(line)[0]]

    def place(self, line: LogLine) -> LinePlace | None:
        """Return a shown line's place in its own log."""
        return self._lines.origin(line)[1]

    def now(self) -> float:
        """Return the monotonic seconds that ``Connection`` counts in."""
        return self.jobs[0].log.now() if self.jobs else 0.0

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` on the loop after changes; return what ends that."""
        return self._listeners.add(listener)

    def ask_now(self) -> None:
        """Ask the server now for whatever is waited for; watch anew what has ended."""
        self.watch()
        for each in self.jobs:
            if each.order.store is not None:
                each.log.ask_now()

    def _update(self) -> None:
        """Take over what came, before the listeners look at it."""
        # What cannot be read back from a spool file is said by the store's note.
        with suppress(OSError):
            if not self._lines.take_over(BUDGET_SECONDS):
                self._listeners.notify()
        # A reader who goes to the top stands on this row while lines come below it.
        top = OLDER if unread_above(self.jobs) else None
        self.store.set_edge(top, self.store.spool.memory.note or None)
        self._rows.update(self.jobs)

    def summary(self, *, short: bool = False) -> str:
        """Return what is watched, in words."""
        words = plural(len(self.jobs), "job") + ("" if short else " merged by time")
        if not self.left_out:
            return words
        why = "" if short else f": {MOST_WATCHED} at most"
        return f"{words}, {len(self.left_out)} left out{why}"


_NO_JOB: Final = Job("", "", JobStatus.UNKNOWN, Trigger.AUTOMATIC)

_GRAVEST: Final = (
    ConnectionKind.SIGN_IN,
    ConnectionKind.OFFLINE,
    ConnectionKind.RECONNECTING,
    ConnectionKind.LIVE,
    ConnectionKind.QUIET,
    ConnectionKind.CONNECTING,
    ConnectionKind.WAITING,
    ConnectionKind.ENDED,
)


def most_telling(connections: Sequence[tuple[str, Connection]]) -> Connection:
    """Return the state of the one that is worst off; live while one is.

    They have ended only once all have. What an ended one still waits for stands
    beside the state of those that run, if nothing is wrong with that.

    Args:
        connections: Each with the tag of whose it is.
    """
    told = [
        each._replace(reason=f"{tag}: {each.reason}" if each.reason else "")
        for tag, each in connections
    ]
    worst = min(told, key=_gravity, default=Connection(ConnectionKind.CONNECTING))
    if worst.reason:
        return worst
    ended = next((each for each in told if each.is_troubled), worst)
    return ended._replace(kind=worst.kind, since=worst.since, waits_for=worst.waits_for)


def _gravity(connection: Connection) -> tuple[int, int, bool, float]:
    own = at = _GRAVEST.index(connection.kind)
    if connection.is_troubled and connection.kind is not ConnectionKind.ENDED:
        at = min(at, _GRAVEST.index(ConnectionKind.RECONNECTING))
    # Together they have been quiet since the last line of any.
    since = connection.since if connection.kind is ConnectionKind.QUIET else 0.0
    return at, own, not connection.is_troubled, -since
