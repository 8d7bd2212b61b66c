"""One server as one desk sees it: its client, its tree and the opened jobs."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, cast

from msgspec import Struct, field

from chronotui.engine.catalog import Catalog, CatalogSettings
from chronotui.engine.client import AskSecret, open_server
from chronotui.engine.connection import ConnectionKind
from chronotui.engine.fleet import Fleet, FleetSettings
from chronotui.engine.fleet_entry import KEPT
from chronotui.engine.notices import Notices
from chronotui.engine.recent_runs import RecentRuns
from chronotui.engine.timing import WatchSettings, WatchTiming
from chronotui.errors import ChronotuiError
from chronotui.model import JobFilter
from chronotui.sources.protocol import CHRONOVERSE, KINDS, SourceKind
from chronotui.storage.files import SpoolFile, spool_dir

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.engine.across_search import AcrossSearch
    from chronotui.engine.actions import Actions
    from chronotui.engine.alert_watch import AlertWatch
    from chronotui.engine.job_log import JobLog
    from chronotui.engine.newest_lines import NewestLines
    from chronotui.engine.news import JobNews
    from chronotui.engine.run_details import RunDetails
    from chronotui.engine.run_log import RunLog
    from chronotui.engine.save import Saves
    from chronotui.log.chunks import Overflow
    from chronotui.model import Job, Workflow
    from chronotui.sources.protocol import RunSource, Source
    from chronotui.storage.settings import Profile, UiSettings
    from chronotui.storage.state import DiagnosticLog
    from chronotui.tree.board import BoardRows
    from chronotui.tree.branch import Branch
    from chronotui.tree.marks import JobMarks

    OpenableLog: TypeAlias = JobLog | RunLog
    """What a desk shows of a job, or of a run."""

KEPT_JOBS: Final = 4
"""Opened jobs whose lines are kept; the longest left one is let go first."""


DESK: Final = "desk"
"""The reader of one log at a time; others watch beside it."""


class Beside(Protocol):
    """Something that watches jobs beside the one that is open."""

    def close(self) -> None:
        """Leave them all."""


class OpenedJob(Struct):
    """A job, or a run, whose log is on this desk.

    Attributes:
        workflow: Its workflow, as last listed; None when only the job is known.
        watching: The task that watches it; None while it is left.
        leaving: The task that watched it before, while it ends.
        readers: Who wants it watched.
        holders: Who needs its lines, watched or not.
    """

    workflow: Workflow | None
    log: OpenableLog
    watching: asyncio.Task[None] | None = None
    leaving: asyncio.Task[None] | None = None
    readers: set[str] = field(default_factory=set)
    holders: set[object] = field(default_factory=set)

    def watch(self, by: str = DESK) -> bool:
        """Watch it from now on; False when it is watched already."""
        self.readers.add(by)
        if self.is_watched:
            return False
        self.watching = asyncio.create_task(self._watch())
        self.watching.add_done_callback(_note_fault)
        return True

    def leave(self, by: str = DESK) -> None:
        """Close its stream unless another reader wants it; its lines stay."""
        self.readers.discard(by)
        if self.watching is not None and not self.readers:
            self.watching.cancel()
            self.leaving, self.watching = self.watching, None

    @property
    def is_watched(self) -> bool:
        return self.watching is not None and not self.watching.done()

    @property
    def is_left(self) -> bool:
        """Whether nobody watches it, or needs its lines."""
        is_still = self.leaving is None or self.leaving.done()
        return self.watching is None and is_still and not self.holders

    async def _watch(self) -> None:
        with suppress(ChronotuiError):  # it is in the log's state
            await self.log.watch()


class Session:
    """The things that go on while a desk is connected; belongs to one event loop.

    Args:
        tree: How often lists are asked.
        watch: How opened jobs are watched.
        memory_bytes: Log text kept in memory by all opened jobs together, before
            they move to spool files.
        spool: Opens a spool file.
        kind: What kind of server it is.
        requests_per_minute: What the fleet may ask.

    Attributes:
        beside: What shows jobs beside the desk, to be closed with it.
        spool: Opens a spool file; None where everything stays in memory.
        details: Reads the runs that are looked at in a list; None where jobs are.
        alerts: What alerts are watched by, while a desk watches for them.
        news: What logs were compared with, by their jobs' ids.
        notices: Reads what a server tells of workflows; None where there are none.
        recent_runs: Reads the last runs of a workflow; None where there are none.
        actions: What may be changed; None where the profile allows nothing.
    """

    def __init__(
        self,
        client: Source | RunSource,
        *,
        tree: CatalogSettings,
        watch: WatchSettings,
        memory_bytes: int,
        spool: Callable[[], Overflow] | None = None,
        kind: SourceKind = CHRONOVERSE,
        requests_per_minute: float = 60.0,
    ) -> None:
        self.client = client
        self.kind = kind
        self.catalog = Catalog(client, settings=tree, kind=kind)
        self.details: RunDetails | None = None
        if kind.capabilities.runs:
            from chronotui.engine.run_details import RunDetails

            runs = cast("RunSource", client)
            self.details = RunDetails(runs, self.catalog.tree.update_job)
        self.actions: Actions | None = None
        self.notices: Notices | None = None
        self.recent_runs: RecentRuns | None = None
        if kind.capabilities.actions:
            self.notices = Notices(cast("Source", client))
        self._fleet_settings = FleetSettings(
            requests_per_minute=requests_per_minute, poll_seconds=tree.poll_seconds
        )
        if self.fleet is not None:
            self.recent_runs = RecentRuns(client, self.fleet)
        self._sweeping: asyncio.Task[None] | None = None
        self._watch_settings = watch
        self._memory_bytes = memory_bytes
        self.spool = spool
        self.alerts: AlertWatch | None = None
        self._opened: OrderedDict[str, OpenedJob] = OrderedDict()
        self.news: OrderedDict[str, JobNews] = OrderedDict()
        self._polling: asyncio.Task[None] | None = None
        self._asked_to_sign_in = False
        self._across: AcrossSearch | None = None
        self.beside: Beside | None = None

    def start(self) -> None:
        """Begin to read the tree, or begin again after a fault of ours."""
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self.catalog.run())
            self._polling.add_done_callback(_note_fault)

    @cached_property
    def saves(self) -> Saves:
        """The saves of this desk."""
        from chronotui.engine.save import Saves

        client, watch = cast("Source", self.client), self._watch_settings
        return Saves(client, spool=self.spool, watch=watch)

    @property
    def has_saves(self) -> bool:
        """Whether anything was saved, or was about to be."""
        return "saves" in self.__dict__

    @cached_property
    def fleet(self) -> Fleet | None:
        """What runs and failed over all workflows; None where there is one app."""
        if not self.kind.capabilities.jobs:
            return None
        fleet = Fleet(self.client, settings=self._fleet_settings)
        self.catalog.jobs_read = partial(_put_into, fleet)
        return fleet

    @property
    def marks(self) -> JobMarks:
        """The jobs that were marked on this desk."""
        return self.catalog.tree.marks

    def start_fleet(self) -> bool:
        """Begin to read the fleet, or begin again after a fault of ours.

        Returns:
            Whether there is one.
        """
        if self.fleet is None:
            return False
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.create_task(self.fleet.run())
            self._sweeping.add_done_callback(_note_fault)
        return True

    @cached_property
    def board(self) -> BoardRows:
        """The jobs of the fleet in the board's order, as they were looked at last."""
        from chronotui.tree.board import BoardRows

        return BoardRows()

    @cached_property
    def newest_lines(self) -> NewestLines | None:
        """The ends of logs nobody has open; None where there is no fleet."""
        if self.fleet is None:
            return None
        from chronotui.engine.newest_lines import NewestLines

        return NewestLines(
            cast("Source", self.client),
            self.fleet,
            held=self._watched_log,
            watched=lambda: sum(one.is_watched for one in self._opened.values()),
            timing=self._watch_settings.timing,
        )

    def _watched_log(self, job_id: str) -> JobLog | None:
        opened = self._opened.get(job_id)
        if opened is None or not opened.is_watched:
            return None
        return cast("JobLog", opened.log)

    def open(
        self, workflow: Workflow | None, job: Job, *, by: str = DESK, share: int = 1
    ) -> OpenedJob:
        """Open a job's log, or come back to it; it is watched from now on.

        Of runs one is watched at a time: servers have few streams to give.

        Args:
            by: Who reads it, until that one leaves it.
            share: How many logs share the memory that one has.
        """
        opened = self._opened.get(job.id)
        if opened is None:
            opened = OpenedJob(workflow, self._log_of(workflow, job, share))
            self._opened[job.id] = opened
        self._opened.move_to_end(job.id)
        self.let_go()
        if self.kind.capabilities.runs:
            for other in self._opened.values():
                if other is not opened:
                    other.leave()
        opened.watch(by)
        return opened

    @property
    def opened(self) -> tuple[OpenedJob, ...]:
        """The jobs whose lines are kept here, the newest opened last."""
        return tuple(self._opened.values())

    def held(self, job: Job) -> OpenableLog | None:
        """Return the log of a job whose lines are kept here."""
        opened = self._opened.get(job.id)
        return None if opened is None else opened.log

    def across(self, workflow: Workflow) -> AcrossSearch:
        """Return the search over a workflow's runs; that over another's stops."""
        from chronotui.engine.across_search import AcrossSearch

        last = self._across
        if last is not None and last.workflow.id == workflow.id:
            return last
        source = cast("Source", self.client)
        search = self._across = AcrossSearch(source, workflow, spool=self.spool)
        if last is not None:
            last.stop()
            search.text = last.text
        return search

    def ask_now(self, opened: OpenedJob | None) -> None:
        """Ask the server now for whatever is waited for; watch anew what has ended.

        Args:
            opened: The job that is looked at.
        """
        self.start()
        self.catalog.refresh()
        if self._sweeping is not None and self.start_fleet() and self.fleet is not None:
            self.fleet.ask_now()
            if self.newest_lines is not None:
                self.newest_lines.ask_now()
        if opened is not None and not opened.watch():
            opened.log.ask_now()

    def log_changed(self) -> None:
        """Have the tree ask for a sign-in when a log waits for one."""
        waits = any(
            each.watching and each.log.state.connection.kind is ConnectionKind.SIGN_IN
            for each in self._opened.values()
        )
        if waits and self.catalog.signed_out is None:
            if not self._asked_to_sign_in:
                self._asked_to_sign_in = True
                self.catalog.refresh()
        else:
            self._asked_to_sign_in = False

    def catalog_answered(self) -> None:
        """Let logs go on that wait for a sign-in, once the tree is let in again."""
        if self.catalog.signed_out is None and self.catalog.problem is None:
            for opened in self._opened.values():
                kind = opened.log.state.connection.kind
                if opened.watching and kind is ConnectionKind.SIGN_IN:
                    opened.log.signed_in()
            if self.has_saves:
                self.saves.signed_in()
            if self._sweeping is not None and self.fleet is not None:
                self.fleet.signed_in()

    async def close(self) -> None:
        """Stop everything and close the connections."""
        alerts = self.alerts
        if self.beside is not None:
            self.beside.close()
        opened = self._opened.values()
        tasks = [task for one in opened for task in (one.watching, one.leaving)]
        running = [
            task for task in [*tasks, self._polling, self._sweeping] if task is not None
        ]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if self.has_saves:
            await self.saves.close()
        newest = self.__dict__.get("newest_lines")
        readers = [newest, self.details, self.notices, self.recent_runs]
        for reader in (*readers, self._across):
            if reader is not None:
                await reader.close()
        for one in opened:
            one.log.store.close()
        self._opened.clear()
        await self.client.aclose()
        if alerts is not None:
            await alerts.parting()

    def memory_of(self, share: int) -> int:
        """Return the bytes of memory a log has that shares them with others."""
        return max(self._memory_bytes // KEPT_JOBS // share, 1 << 20)

    def _log_of(self, workflow: Workflow | None, job: Job, share: int) -> OpenableLog:
        from chronotui.engine.job_log import JobLog
        from chronotui.log.store import LogStore

        store = LogStore(budget_bytes=self.memory_of(share), overflow=self.spool)
        settings = self._watch_settings
        if self.kind.capabilities.runs:
            from chronotui.engine.run_log import RunLog

            runs = cast("RunSource", self.client)
            return RunLog(runs, workflow, job, settings=settings, store=store)
        jobs = cast("Source", self.client)
        return JobLog(jobs, workflow, job, settings=settings, store=store)

    def let_go(self) -> None:
        """Close the longest left jobs beyond the kept ones."""
        for job_id, opened in list(self._opened.items())[:-KEPT_JOBS]:
            if opened.is_left:
                opened.log.store.close()
                del self._opened[job_id]


def _put_into(fleet: Fleet, branch: Branch) -> None:
    """Let the fleet have what the tree has read of a workflow, unfiltered."""
    if branch.job_filter == JobFilter():
        listing = branch.listing
        ids = listing.ids[: min(listing.frontier, KEPT)]
        has_more = not listing.complete or len(ids) < len(listing)
        jobs = [branch.jobs[job_id] for job_id in ids]
        fleet.put(branch.workflow.id, jobs, has_more=has_more)


def _note_fault(task: asyncio.Task[None]) -> None:
    """Take it that a fault was seen: what it stopped says so itself."""
    if not task.cancelled():
        task.exception()


async def open_session(
    profile: Profile,
    ui: UiSettings,
    *,
    ask: AskSecret | None,
    remember: bool = True,
    log: DiagnosticLog | None = None,
    timing: WatchTiming | None = None,
) -> Session:
    """Make a profile's session, see `open_server`; nothing is sent before it starts.

    Raises:
        UsageError: The profile cannot be used as it is.
    """
    client = await asyncio.to_thread(
        open_server, profile, ask=ask, remember=remember, log=log
    )
    session = Session(
        client,
        tree=CatalogSettings(poll_seconds=profile.poll_seconds),
        watch=WatchSettings(
            poll_seconds=profile.poll_seconds, timing=timing or WatchTiming()
        ),
        memory_bytes=ui.memory_mb << 20,
        spool=partial(SpoolFile, spool_dir(ui.spool_dir)),
        kind=KINDS[profile.kind],
        requests_per_minute=profile.requests_per_minute,
    )
    if profile.actions and session.kind.capabilities.actions:
        from chronotui.engine.actions import Actions
        from chronotui.storage.action_journal import ActionJournal

        journal = ActionJournal.of_user() if remember else ActionJournal(None)
        session.actions = Actions(cast("Source", client), profile, journal)
    return session
