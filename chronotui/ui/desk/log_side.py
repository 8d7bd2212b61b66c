"""The right side: the opened job's panes, its name over them, and what it loads."""

from __future__ import annotations

from asyncio import Lock
from functools import partial
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from msgspec import Struct, field
from textual import on
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import ContentSwitcher

from chronotui.errors import ChronotuiError
from chronotui.ui.desk.details import DetailsPane
from chronotui.ui.desk.pane_tabs import (
    DETAILS,
    HISTORY,
    LIVE,
    PaneTabs,
    subject_of_job,
    subject_of_run,
)
from chronotui.ui.desk.status import CLOCK_SECONDS, FOR_GOOD, Say, is_troubled
from chronotui.ui.log import ViewportPlace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Iterable
    from datetime import datetime, tzinfo

    from textual.app import ComposeResult
    from textual.dom import DOMNode
    from textual.widget import Widget

    from chronotui.engine.connection import Connection
    from chronotui.engine.job_log import LogState, Observed
    from chronotui.engine.merged import MergedLog
    from chronotui.engine.notices import Notices
    from chronotui.engine.recent_runs import RecentRuns
    from chronotui.engine.session import OpenableLog, OpenedJob
    from chronotui.model import Job, Workflow
    from chronotui.sources.protocol import Nouns, SourceKind
    from chronotui.tree.model import TreeModel
    from chronotui.ui.desk.run_table import RunTable
    from chronotui.ui.log import ViewSettings
    from chronotui.ui.log.find import Goal
    from chronotui.ui.log.prompt import LogPane
    from chronotui.ui.log.state import Edge, OpenLog
    from chronotui.ui.log.view import LogView

    LoadableLog: TypeAlias = OpenableLog | MergedLog
    Work: TypeAlias = Callable[[], Coroutine[None, None, Any]]

SHORT_ID: Final = 8
"""Characters of an id whose list is not loaded."""


class ShownJob(Struct):
    """A job on the desk, kept while others are read, so coming back is instant.

    Attributes:
        opened: The job and its log.
        pane: The pane shown last.
        views: The place of reading in each pane, by the pane's name.
        is_read_back: Whether its history was looked at while it ran.
    """

    opened: OpenedJob
    pane: str
    views: dict[str, OpenLog] = field(default_factory=dict)
    is_read_back: bool = False

    @classmethod
    def of(cls, opened: OpenedJob, panes: Iterable[str]) -> ShownJob:
        """Return a job as it is first shown: running on Live, ended on History.

        A run is always shown on Live: its history is the list of runs. One that has
        ended shows there what it gave, or its error, and why there is no more.
        """
        from chronotui.ui.log.state import OpenLog

        job = opened.log.state.job
        start_ns = _nanoseconds(job.started_at)
        views = {pane: OpenLog(opened.log.store, start_ns=start_ns) for pane in panes}
        is_past = job.status.is_terminal and HISTORY in views
        return cls(opened, HISTORY if is_past else LIVE, views)

    @property
    def job(self) -> Job:
        """The job as last read."""
        return self.opened.log.state.job

    def stays_in_history(self) -> bool:
        """Have the history of what runs stay where it is, once; Live follows it.

        Returns whether it does so from now on.
        """
        view = self.views.get(HISTORY)
        if view is None or self.is_read_back or self.job.has_ended:
            return False
        view.stop_following()
        self.is_read_back = not view.viewport.following
        return self.is_read_back


def _nanoseconds(time: datetime | None) -> int | None:
    if time is None:
        return None
    return int(time.timestamp()) * 1_000_000_000 + time.microsecond * 1_000


class Reason(NamedTuple):
    """Why a pane is empty, with the next step; server words are not cleaned yet."""

    title: str
    sentence: str


def nothing_open(nouns: Nouns) -> Reason:
    """Return what a pane says before anything is opened."""
    item = nouns.item
    return Reason(
        f"No {item} is open.",
        f"Choose a {item} in the tree and press enter; Tab goes to the tree.",
    )


HEARTBEAT: Final = "{name} is a HEARTBEAT workflow: it never has logs."
RETENTION_OFF: Final = (
    "Log retention is off for {name}: Chronoverse keeps nothing to read."
)
RUN_HINT: Final = "D shows the run's details."
DETAILS_HINT: Final = "D shows the job's details."


def why_empty(pane: str, workflow: Workflow | None, state: LogState) -> Reason:
    """Return why a pane, ``live`` or ``history``, of the opened job has no line."""
    if state.problem is not None:
        return of_problem(state.problem, workflow)
    if state.observed is not None:
        return _of_run(state, state.observed)
    if workflow is not None and workflow.kind == "HEARTBEAT":
        sentence = f"{HEARTBEAT.format(name=workflow.shown_name)} {DETAILS_HINT}"
        return Reason("No log to show.", sentence)
    return _of_connection(state.connection) or _by_status(pane, state)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}." if words else ""


def _of_run(state: LogState, observed: Observed) -> Reason:
    """Return why nothing is seen of a run."""
    connection, job = state.connection, state.job
    unseen = _sentence("".join(observed.unseen[:1]))
    if job.has_ended:
        if str(connection.kind) != "ENDED":
            return _of_connection(connection) or Reason("Reading the run …", "")
        words = f"{unseen} It gave no outputs. {RUN_HINT}"
        return Reason(f"The run ended {job.status}.", words.strip())
    if str(connection.kind) == "WAITING":
        every = connection.waits_for.partition(", ")[2]
        words = f"Its outputs and its error appear here when it ends; {every}."
        why = _sentence(connection.reason) or unseen
        return Reason("The run's events cannot be followed.", f"{why} {words}".strip())
    return _of_connection(connection) or Reason(
        "No events yet.", "The run's steps and its text appear here as they come."
    )


def _of_connection(connection: Connection) -> Reason | None:
    """Return what stands between the pane and its first line; None if nothing does."""
    if not connection.reason or not is_troubled(connection):
        return None
    words = connection.reason.rstrip(".")
    return Reason("Nothing could be read yet.", f"{words}. r asks again now.")


def of_problem(problem: ChronotuiError, workflow: Workflow | None) -> Reason:
    """Return an error as a pane's words."""
    sentence = str(problem)
    if problem.exit_code == 4 and workflow is not None:
        if workflow.kind == "HEARTBEAT":
            sentence = f"{HEARTBEAT.format(name=workflow.shown_name)} {DETAILS_HINT}"
        elif not workflow.log_retention:
            sentence = (
                f"{RETENTION_OFF.format(name=workflow.shown_name)} {DETAILS_HINT}"
            )
    return Reason(f"{problem.title}.", sentence)


def _by_status(pane: str, state: LogState) -> Reason:
    status = state.job.status
    if status.is_waiting:
        return Reason(
            "Waiting for the job to start.",
            f"It is {status}. Its lines appear here when it runs.",
        )
    if status.is_terminal:
        if state.filling is not None or (state.verdict is None and not state.at_end):
            return Reason("Reading the log …", "The newest lines come first.")
        return Reason("No output.", f"The job wrote nothing. {DETAILS_HINT}")
    if pane == LIVE:
        return Reason(
            "No output yet.", "The job is running; its lines appear here as it writes."
        )
    return Reason(
        "Nothing is retained yet.",
        "Retained lines trail the job by some seconds. L shows it live.",
    )


STAYS: Final = "History stays where you read; L, or G here, follows the newest line."


NEEDED_BY_LOGS: Final = (
    "chronotui.engine.job_log",
    "chronotui.log.store",
    "chronotui.ui.log.prompt",
)


def load_for_logs() -> None:
    """Load what opening a job's log needs."""
    for module in NEEDED_BY_LOGS:
        import_module(module)


def has_worker(node: DOMNode, group: str) -> bool:
    """Whether a worker of a group is running on a node."""
    return any(
        worker.group == group and worker.node is node and not worker.is_finished
        for worker in node.workers
    )


def start_worker(node: DOMNode, group: str, work: Work) -> None:
    """Begin some work, once whatever a node does of that group has been stopped."""
    node.run_worker(work, group=group, exclusive=True)


LONG: Final = "long"


class LineLoader:
    """Loads lines of the opened log that the reader comes near to or asks for.

    One request for each edge and one longer load at a time; `stop` ends the latter.

    Attributes:
        log: The opened log.
    """

    def __init__(self, node: DOMNode, say: Say) -> None:
        self.log: LoadableLog | None = None
        self._node = node
        self._say = say

    def load_edge(self, edge: Edge) -> None:
        """Load the next page above (``top``) or below (``bottom``), if there is one."""
        if self.log is None:
            return
        state, history = self.log.state, self.log.history
        is_loaded = state.at_start if edge == "top" else state.at_end
        if is_loaded or not state.lines or has_worker(self._node, edge):
            return
        load = history.load_older if edge == "top" else history.load_newer
        start_worker(self._node, edge, partial(self._reported, load))

    def load_all(self, pane: LogPane) -> None:
        """Load the whole log and go to its start, if that is still wanted."""
        log = self.log
        if log is None or log.state.at_start or has_worker(self._node, LONG):
            return
        what = "the lines left out" if log.state.split else "the log to its start"
        self._say(f"Loading {what} … esc stops.", seconds=FOR_GOOD)
        start_worker(self._node, LONG, partial(self._load_all, log, pane))

    async def _load_all(self, log: LoadableLog, pane: LogPane) -> None:
        if await self._reported(log.history.load_all):
            self._say("")
            if log is self.log and pane.view.is_at_top:
                pane.view.sync()
                pane.view.go_to_row(0)

    def load_back(self, pane: LogPane, goal: Goal, typed: str) -> None:
        """Load back to a place, as it was typed, and go there; the last one wins."""
        if self.log is not None:
            self._say(f"Loading back to {typed} … esc stops.", seconds=FOR_GOOD)
            load = partial(self._load_back, self.log, pane, goal)
            start_worker(self._node, LONG, load)

    async def _load_back(self, log: LoadableLog, pane: LogPane, goal: Goal) -> None:
        from chronotui.ui.log.find import LineGoal

        if isinstance(goal, LineGoal):
            load = partial(log.history.load_back_to_line, *goal)
        else:
            load = partial(log.history.load_back_to_time, goal.time_ns)
        if not await self._reported(load):
            return
        self._say("")
        if log is self.log:
            try:
                pane.view.go_to_loaded(goal)
            except ValueError as error:
                self._say(str(error))

    def find_error(self, pane: LogPane) -> None:
        """Load page by page until there is an error above the reader."""
        if self.log is not None and not has_worker(self._node, LONG):
            words = "Looking for an error in older lines … esc stops."
            self._say(words, seconds=FOR_GOOD)
            find = partial(self._find_error, self.log, pane)
            start_worker(self._node, LONG, partial(self._reported, find))

    async def _find_error(self, log: LoadableLog, pane: LogPane) -> None:
        while await log.history.load_older():
            if log is not self.log or pane.view.went_to_older_error():
                self._say("")
                return
        self._say("")
        if log is self.log:
            state = log.state
            pane.set_scope(older=not state.at_start, newer=not state.at_end)
            if not pane.view.went_to_older_error():
                self._say("No error above this line in what can be loaded.")

    def stop(self) -> bool:
        """Stop a longer load; False when there is none."""
        if not has_worker(self._node, LONG):
            return False
        self._node.workers.cancel_group(self._node, LONG)
        self._say("Stopped; what was loaded stays.")
        return True

    async def _reported(self, load: Work) -> bool:
        """Load lines; False when that failed, which is said."""
        try:
            await load()
        except ChronotuiError as error:
            self._say(str(error))
            return False
        return True


class LogSide(Vertical):
    """Shows one opened job at a time and remembers how the others were left.

    Args:
        kind: What the server is able to do.
        settings: How lines are shown at first.
        say: Says a sentence on the desk.
        moved: Called when the reader of the shown pane is elsewhere, before the
            picture that shows it is on its way.
        now: The clock, aware.
        short_id: Returns a job's id as the tree shows it.

    Attributes:
        current: The job that is shown.
    """

    DEFAULT_CSS = """
    LogSide { background: $background; }
    LogSide > ContentSwitcher { height: 1fr; }
    """

    class PaneChanged(Message):
        """Another pane, or another job, is shown."""

    def __init__(
        self,
        kind: SourceKind,
        settings: ViewSettings,
        *,
        say: Say,
        moved: Callable[[], None],
        now: Callable[[], datetime],
        short_id: Callable[[Job], str],
    ) -> None:
        super().__init__(id="log-side")
        self._kind = kind
        self._settings = settings
        self._say = say
        self._moved = moved
        self._now = now
        self._short_id = short_id
        self._panes: dict[str, LogPane] = {}
        self.table: RunTable | None = None
        self._mounting = Lock()
        self._shown: dict[str, ShownJob] = {}
        self._named: Job | None = None
        self._named_at = 0.0
        self._tabs = PaneTabs()
        self.details = DetailsPane(runs=kind.capabilities.runs, now=now, id=DETAILS)
        self._switcher = ContentSwitcher(self.details, initial=DETAILS)
        self.loader = LineLoader(self, say)
        self.current: ShownJob | None = None
        self._is_from_list = False
        self._tree: TreeModel | None = None

    def compose(self) -> ComposeResult:
        yield self._tabs
        yield self._switcher

    async def mount_panes(self) -> None:
        """Put the other panes behind their titles, if they are not there yet.

        They are most of what the desk has to load and to style, so its first frame
        goes without them. The history of an app is the list of its runs.
        """
        from chronotui.ui.log.prompt import LogPane

        async with self._mounting:
            if self._panes:
                return
            runs = self._kind.capabilities.runs
            panes = {
                name: LogPane(settings=self._settings, when_placed=self._moved, id=name)
                for name in ((LIVE,) if runs else (LIVE, HISTORY))
            }
            for pane in panes.values():
                pane.display = False
                pane.view.explain_empty(*nothing_open(self._kind.nouns))
            await self._switcher.mount(*panes.values())
            if runs:
                await self._mount_table()
            self._panes = panes

    async def _mount_table(self) -> None:
        from chronotui.ui.desk.run_table import RunTable

        table = RunTable(now=self._now, id=HISTORY)
        table.display = False
        await self._switcher.mount(table)
        table.set_zone(self.details.zone)
        if self._tree is not None:
            table.rows.attach(self._tree)
        self.table = table

    def attach(
        self, tree: TreeModel, notices: Notices | None, recent: RecentRuns | None
    ) -> None:
        """List the runs of a tree's app, or tell what is noticed of its workflows."""
        self._tree = tree
        self.details.attach(notices, recent)
        if self.table is not None:
            self.table.rows.attach(tree)

    async def toggle_zone(self) -> None:
        """Tell times in the other zone, local or UTC, in the log and everywhere."""
        await self.mount_panes()
        before = self._panes[LIVE].view.settings.zone
        for pane in self._panes.values():
            if pane.view.settings.zone == before:
                pane.view.action_toggle_zone()

    def set_zone(self, zone: tzinfo | None) -> None:
        """Tell the times of runs in another zone; None is the machine's own."""
        self.details.set_zone(zone)
        if self.table is not None:
            self.table.set_zone(zone)

    @property
    def pane(self) -> str:
        """Name of the pane that is shown."""
        return self._switcher.current or DETAILS

    @property
    def log_pane(self) -> LogPane | None:
        """The log pane that is shown, None on Details."""
        return self._panes.get(self._switcher.current or DETAILS)

    @property
    def log_panes(self) -> Collection[str]:
        """The names of the panes that show a log."""
        return self._panes.keys()

    def is_vacant(self, pane: str) -> bool:
        """Whether a pane has nothing to show before a job is opened."""
        return pane in self._panes and self.current is None

    @property
    def place(self) -> ViewportPlace:
        """Where the reader is in the shown pane."""
        pane = self.log_pane
        return ViewportPlace() if pane is None else pane.view.place

    @property
    def state(self) -> LogState | None:
        """What the opened job's log says about itself."""
        return self.current.opened.log.state if self.current else None

    @property
    def meant_run(self) -> Job | None:
        """The run that keys are about: the one that is read, else the highlighted."""
        is_read = self.log_pane is not None and self.log_pane.has_focus_within
        if self.current is not None and (is_read or self.details.job is None):
            return self.current.job
        return self.details.job

    def show_job(self, opened: OpenedJob) -> None:
        """Show an opened job where it was left, or on the pane that fits its state."""
        job_id = opened.log.state.job.id
        shown = self._shown.get(job_id)
        if shown is None or shown.opened is not opened:
            shown = self._shown[job_id] = ShownJob.of(opened, self._panes)
        self._is_from_list = self._is_in_list
        self.current = shown
        self.loader.log = opened.log
        for name, pane in self._panes.items():
            pane.show(shown.views[name])
        self.choose(shown.pane)

    def choose(self, pane: str) -> None:
        """Show a pane."""
        self._switcher.current = pane
        self._tabs.mark(pane)
        if self.current is not None and pane in self._panes:
            self.current.pane = pane
            if pane == HISTORY and self.current.stays_in_history():
                self._say(STAYS)
        self.name_job()
        self.log_changed()
        self.post_message(self.PaneChanged())

    def focus_pane(self) -> None:
        """Give the shown pane the focus."""
        self.screen.set_focus(self._focused_in(self.pane))

    def _focused_in(self, pane: str) -> Widget:
        if pane == HISTORY and self.table is not None:
            return self.table.rows
        return self._panes[pane].view if pane in self._panes else self.details

    @property
    def _is_in_list(self) -> bool:
        return self.table is not None and self.table.rows.has_focus

    def went_back_to_list(self) -> bool:
        """Go back from a run that was opened in the list of runs; False elsewhere."""
        if not self._is_from_list or self.pane == HISTORY:
            return False
        self._is_from_list = False
        self.choose(HISTORY)
        self.focus_pane()
        return True

    def log_changed(self) -> None:
        """Take over what the opened job's log has become."""
        if self.current is None:
            return
        opened, pane = self.current.opened, self.log_pane
        state = opened.log.state
        if pane is None:
            return
        if state.job is not self._named or self._clock_is_due:
            self.name_job()
        if not state.lines:
            workflow = opened.workflow
            pane.view.explain_empty(*why_empty(self.pane, workflow, state))
        pane.set_scope(older=not state.at_start, newer=not state.at_end)
        pane.view.log_changed()

    @property
    def _clock_is_due(self) -> bool:
        """Whether the job's clock is behind: with lines it goes on in their frame."""
        return monotonic() - self._named_at >= CLOCK_SECONDS

    def name_job(self) -> None:
        """Say whose log it is, and for how long the job has been running by now."""
        self._named_at = monotonic()
        if self.pane == HISTORY and self.table is not None:
            self._tabs.name_job(*self.table.subject, alarm=False)
            return
        workflow, job = self._subject
        if job is None:
            name = "" if workflow is None else workflow.shown_name
            self._tabs.name_job(name, "", alarm=False)
            return
        self._named = job
        is_run = self._kind.capabilities.runs
        subject = subject_of_run if is_run else subject_of_job
        self._tabs.name_job(
            job.workflow_id[:SHORT_ID] if workflow is None else workflow.shown_name,
            subject(job, self._now(), self._short_id(job)),
            alarm=job.status == "FAILED",
            more=job.by if is_run else "",
        )

    @property
    def _subject(self) -> tuple[Workflow | None, Job | None]:
        """What the shown pane is about: Details follow the tree, logs do not."""
        if self.pane == DETAILS:
            return self.details.selection
        if self.current is None:
            return None, None
        return self.current.opened.workflow, self.current.job

    def show_details(
        self, workflow: Workflow | None, job: Job | None, sentence: str
    ) -> None:
        """Show what is known of a selection, see `DetailsPane.show`."""
        self.details.show(workflow, job, sentence)
        if self.pane == DETAILS:
            self.name_job()

    def tick(self) -> None:
        """Tell how long what runs has been running by now."""
        if self._clock_is_due:
            self.name_job()
        self.details.tick()

    def on_run_table_changed(self) -> None:
        self.name_job()

    @on(PaneTabs.Chosen)
    async def _choose(self, message: PaneTabs.Chosen) -> None:
        message.stop()
        await self.mount_panes()
        self.choose(message.pane)
        self.focus_pane()

    def on_log_view_edge_reached(self, message: LogView.EdgeReached) -> None:
        self.loader.load_edge(message.edge)

    def on_log_view_whole_log_wanted(self) -> None:
        if self.log_pane is not None:
            self.loader.load_all(self.log_pane)

    def on_log_view_older_wanted(self, message: LogView.OlderWanted) -> None:
        if self.log_pane is not None:
            self.loader.load_back(self.log_pane, message.goal, message.typed)

    def on_log_view_older_error_wanted(self) -> None:
        if self.log_pane is not None:
            self.loader.find_error(self.log_pane)
