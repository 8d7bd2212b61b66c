"""The opened job in a few words, for the line over its panes."""

from __future__ import annotations

from asyncio import Lock
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from rich.cells import cell_len
from rich.text import Text
from textual import on
from textual.containers import Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import ContentSwitcher

from chronotui.errors import NotSignedInError, ServerError, WebPageError
from chronotui.text import clean
from chronotui.times import human_duration
from chronotui.ui.desk.details import DetailsPane
from chronotui.ui.desk.status import TROUBLED
from chronotui.ui.log import ViewportPlace
from chronotui.ui.term.driver import OwnRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.events import Click

    from chronotui.engine.catalog import Catalog
    from chronotui.engine.log_state import Connection, LogState
    from chronotui.engine.session import OpenedJob
    from chronotui.errors import ChronotuiError
    from chronotui.model import Job, Workflow
    from chronotui.ui.log import ViewSettings
    from chronotui.ui.log.prompt import LogPane
    from chronotui.ui.log.state import OpenLog

SHORT_ID: Final = 8
"""Characters of an id whose list is not loaded."""


def cut_id(job: Job) -> str:
    """Return the beginning of a job's id, where no list says how much tells it."""
    return job.id[:SHORT_ID]


def name_of(workflow: Workflow | None, job: Job) -> str:
    """Return the workflow's name, or the beginning of its id."""
    return workflow.name if workflow is not None else job.workflow_id[:SHORT_ID]


def subject_of_job(job: Job, now: datetime, short_id: str = "") -> str:
    """Return e.g. ``8f3c21  FAILED after 2:10, 3 attempts``; ``short_id`` as listed."""
    words = f"{short_id or cut_id(job)}  {job.status}"
    seconds = running_seconds(job, now)
    if seconds is not None:
        after = "after " if job.status.is_terminal else ""
        words += f" {after}{human_duration(seconds)}"
    if job.attempts is not None and job.attempts > 1:
        ended = job.status.is_terminal
        words += f", {job.attempts} attempts" if ended else f"  attempt {job.attempts}"
    return words


def running_seconds(job: Job, now: datetime) -> float | None:
    """Return how long the job ran, or has been running; None before it started."""
    if job.started_at is None:
        return None
    end = job.completed_at or (None if job.status.is_terminal else now)
    if end is None:
        return None
    return max((end - job.started_at).total_seconds(), 0.0)


# The line over the panes: which pane is shown, and of which job.

LIVE: Final = "live"
HISTORY: Final = "history"
DETAILS: Final = "details"
TITLES: Final = {LIVE: "Live", HISTORY: "History", DETAILS: "Details"}
BETWEEN: Final = " ▸ "
LEAST_NAME: Final = 6
"""Cells below which the beginning of a name is worth nothing."""


class PaneTabs(OwnRow):
    """Three titles and the opened job's name; a click chooses a pane."""

    DEFAULT_CSS = """
    PaneTabs { height: 1; background: $panel; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "pane-tabs--active",
        "pane-tabs--idle",
        "pane-tabs--alarm",
    }

    active: reactive[str] = reactive(LIVE, repaint=False)
    subject: reactive[str] = reactive("", repaint=False)
    status: reactive[str] = reactive("", repaint=False)
    alarm: reactive[bool] = reactive(False, repaint=False)

    class Chosen(Message):
        """A pane was chosen with the mouse.

        Attributes:
            pane: One of ``live``, ``history``, ``details``.
        """

        def __init__(self, pane: str) -> None:
            self.pane = pane
            super().__init__()

    def watch_active(self) -> None:
        """Mark the title."""
        self.repaint()

    def watch_subject(self) -> None:
        """Name the job."""
        self.repaint()

    def watch_status(self) -> None:
        """Say how the job stands."""
        self.repaint()

    def watch_alarm(self) -> None:
        """Colour the job."""
        self.repaint()

    def line(self, width: int) -> Text:
        """Return the titles at the left and the job at the right, fitted."""
        line = Text(no_wrap=True, end="")
        for name, title in TITLES.items():
            kind = "active" if name == self.active else "idle"
            line.append(f" {title} ", self.tone(f"pane-tabs--{kind}"))
        room = width - line.cell_len - 2
        if room < 4 or not self.subject:
            return line
        subject = self._fitted(room)
        if self.alarm:
            subject.stylize(self.tone("pane-tabs--alarm"))
        line.append(" " * (room - subject.cell_len + 1))
        line.append_text(subject)
        return line

    def _fitted(self, room: int) -> Text:
        """Return the job's name and how it stands, or as much as there is room for."""
        status = clean(self.status)
        name = Text(clean(self.subject), no_wrap=True)
        for_name = room - cell_len(status) - len(BETWEEN)
        if for_name >= LEAST_NAME or name.cell_len <= for_name:
            name.truncate(for_name, overflow="ellipsis")
            return name.append(BETWEEN + status)
        if cell_len(status) > room:
            status = status.partition("  ")[2] or status
        words = Text(status, no_wrap=True)
        words.truncate(room, overflow="ellipsis")
        return words

    def on_click(self, event: Click) -> None:
        """Choose the pane whose title was clicked."""
        right = 0
        for name, title in TITLES.items():
            right += len(title) + 2
            if event.x < right:
                self.post_message(self.Chosen(name))
                return


# A job on the desk: its log, and what the reader did in each pane.


@dataclass(slots=True)
class ShownJob:
    """Kept while the reader looks at other jobs, so coming back is instant.

    Attributes:
        opened: The job and its log.
        pane: The pane shown last.
        views: The place of reading in each pane, by the pane's name.
    """

    opened: OpenedJob
    pane: str
    views: dict[str, OpenLog] = field(default_factory=dict)

    @classmethod
    def of(cls, opened: OpenedJob) -> ShownJob:
        """Return a job as it is first shown: running on Live, ended on History."""
        from chronotui.ui.log.state import OpenLog

        job = opened.log.state.job
        start_ns = _nanoseconds(job.started_at)
        views = {
            pane: OpenLog(opened.log.store, start_ns=start_ns)
            for pane in (LIVE, HISTORY)
        }
        return cls(opened, HISTORY if job.status.is_terminal else LIVE, views)

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.opened.log.state.job.id


def _nanoseconds(time: datetime | None) -> int | None:
    if time is None:
        return None
    return int(time.timestamp()) * 1_000_000_000 + time.microsecond * 1_000


# Why there is nothing to show, in a title and a sentence with the next step.


class Reason(NamedTuple):
    """An empty pane's words; server words in them are not cleaned yet."""

    title: str
    sentence: str


NOTHING_OPEN: Final = Reason(
    "No job is open.",
    "Choose a job in the tree and press enter; Tab goes to the tree.",
)
HEARTBEAT: Final = "{name} is a HEARTBEAT workflow: it never has logs."
RETENTION_OFF: Final = (
    "Log retention is off for {name}: Chronoverse keeps nothing to read."
)
DETAILS_HINT: Final = "D shows the job's details."


def of_lists(
    catalog: Catalog | None, url: str, refusal: ChronotuiError | None = None
) -> str:
    """Return what stands between the desk and its lists, and the next step.

    Args:
        catalog: The lists; None before there is a connection.
        url: The server.
        refusal: Why there will be no connection.

    Returns:
        "" where nothing does.
    """
    problem = catalog.problem if catalog is not None else refusal
    if problem is not None:
        return with_next_key(problem)
    if catalog is None or not catalog.answered:
        return f"Connecting to {url} …"
    return ""


def with_next_key(problem: ChronotuiError) -> str:
    """Return an error for the desk, with the key that helps."""
    if isinstance(problem, NotSignedInError) and not isinstance(problem, WebPageError):
        return f"{problem.sentence} r signs in again, P opens the profiles."
    if problem.answer is not None or isinstance(problem, ServerError):
        return f"{problem} It is asked again by itself; r asks now."
    return f"{problem} P opens the profiles."


def why_empty(
    pane: str, workflow: Workflow | None, job: Job | None, state: LogState | None
) -> Reason:
    """Return why a pane of the opened job shows no line.

    Args:
        pane: ``live`` or ``history``.
        workflow: The job's workflow, as far as it is known.
        job: The opened job; None when none is open.
        state: What its log says about itself; None before it was asked for.
    """
    if job is None or state is None:
        return NOTHING_OPEN
    if state.problem is not None:
        return of_problem(state.problem, workflow)
    if workflow is not None and workflow.kind == "HEARTBEAT":
        sentence = f"{HEARTBEAT.format(name=workflow.name)} {DETAILS_HINT}"
        return Reason("No log to show.", sentence)
    return _of_connection(state.connection) or _by_status(pane, state)


def _of_connection(connection: Connection) -> Reason | None:
    """Return what stands between the pane and its first line; None if nothing does."""
    kind = str(connection.kind)
    if not connection.reason or not (kind in TROUBLED or connection.is_troubled):
        return None
    words = connection.reason.rstrip(".")
    return Reason("Nothing could be read yet.", f"{words}. r asks again now.")


def of_problem(problem: ChronotuiError, workflow: Workflow | None) -> Reason:
    """Return an error as a pane's words."""
    sentence = str(problem)
    if problem.exit_code == 4 and workflow is not None:
        if workflow.kind == "HEARTBEAT":
            sentence = f"{HEARTBEAT.format(name=workflow.name)} {DETAILS_HINT}"
        elif not workflow.log_retention:
            sentence = f"{RETENTION_OFF.format(name=workflow.name)} {DETAILS_HINT}"
    return Reason(f"{problem.title}.", sentence)


def _by_status(pane: str, state: LogState) -> Reason:
    status = state.job.status
    if status.is_waiting:
        return Reason(
            "Waiting for the job to start.",
            f"It is {status}. Its lines appear here when it runs.",
        )
    if status.is_terminal:
        return _ended(state)
    if pane == LIVE:
        return Reason(
            "No output yet.", "The job is running; its lines appear here as it writes."
        )
    return Reason(
        "Nothing is retained yet.",
        "Retained lines trail the job by some seconds. L shows it live.",
    )


def _ended(state: LogState) -> Reason:
    if state.filling is not None or (state.verdict is None and not state.at_end):
        return Reason("Reading the log …", "The newest lines come first.")
    return Reason("No output.", f"The job wrote nothing. {DETAILS_HINT}")


# The right side: the opened job's panes.

ALARMING: Final = "FAILED"


class LogSide(Vertical):
    """Shows one opened job at a time and remembers how the others were left.

    Attributes:
        current: The job that is shown.
        when_placed: Called when the reader of the shown pane is elsewhere.
    """

    DEFAULT_CSS = """
    LogSide { background: $background; }
    LogSide > ContentSwitcher { height: 1fr; }
    """

    class PaneChanged(Message):
        """Another pane, or another job, is shown."""

    def __init__(
        self,
        settings: ViewSettings,
        *,
        id: str | None = None,  # noqa: A002
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        short_id: Callable[[Job], str] = cut_id,
    ) -> None:
        super().__init__(id=id)
        self._settings = settings
        self._now = now
        self._short_id = short_id
        self._panes: dict[str, LogPane] = {}
        self._furnishing = Lock()
        self._shown: dict[str, ShownJob] = {}
        self.current: ShownJob | None = None
        self._told: Job | None = None
        self.when_placed: Callable[[], None] = lambda: None

    def compose(self) -> ComposeResult:
        """Yield the titles and the three panes."""
        yield PaneTabs()
        with ContentSwitcher(initial=DETAILS):
            yield DetailsPane(id=DETAILS)

    def on_mount(self) -> None:
        """Start on Details, with nothing open."""
        self.query_one(PaneTabs).active = DETAILS

    async def furnish(self) -> None:
        """Put the two log panes behind their titles, if they are not there yet.

        They are most of what the desk has to load and to style, so its first frame
        goes without them.
        """
        from chronotui.ui.log.prompt import LogPane

        async with self._furnishing:
            if self._panes:
                return
            panes = {
                pane: LogPane(
                    settings=self._settings, when_placed=self._placed, id=pane
                )
                for pane in (LIVE, HISTORY)
            }
            for pane in panes.values():
                pane.display = False
            await self.query_one(ContentSwitcher).mount(*panes.values())
            self._panes = panes
        for name in panes:
            self._explain(name, NOTHING_OPEN)

    @property
    def pane(self) -> str:
        """Name of the pane that is shown."""
        return self.query_one(ContentSwitcher).current or DETAILS

    @property
    def log_pane(self) -> LogPane | None:
        """The log pane that is shown, None on Details."""
        if self.pane == DETAILS:
            return None
        return self._panes[self.pane]

    @property
    def any_log_pane(self) -> LogPane | None:
        """A log pane, shown or not; None before they are there."""
        return next(iter(self._panes.values()), None)

    @property
    def details(self) -> DetailsPane:
        """The Details pane."""
        return self.query_one(DetailsPane)

    @property
    def place(self) -> ViewportPlace:
        """Where the reader is in the shown pane."""
        log_pane = self.log_pane
        return log_pane.view.place if log_pane is not None else ViewportPlace()

    @property
    def state(self) -> LogState | None:
        """What the opened job's log says about itself."""
        return self.current.opened.log.state if self.current else None

    def show_details(
        self, workflow: Workflow | None, job: Job | None, sentence: str = ""
    ) -> None:
        """Show what is known of the tree's selection on Details."""
        self.query_one(DetailsPane).show(workflow, job, sentence)

    def say_trouble(self, alarm: str) -> None:
        """Say on Details what stands between the desk and the server."""
        self.query_one(DetailsPane).say_trouble(alarm)

    def show_job(self, opened: OpenedJob) -> None:
        """Show an opened job where it was left, or on the pane that fits its state."""
        job_id = opened.log.state.job.id
        shown = self._shown.get(job_id)
        if shown is None or shown.opened is not opened:
            shown = self._shown[job_id] = ShownJob.of(opened)
        self.current = shown
        for pane in (LIVE, HISTORY):
            self._panes[pane].show(shown.views[pane])
        self.choose(shown.pane)
        self.log_changed()

    def choose(self, pane: str) -> None:
        """Show a pane."""
        self.query_one(ContentSwitcher).current = pane
        self.query_one(PaneTabs).active = pane
        if self.current is not None and pane != DETAILS:
            self.current.pane = pane
        self.log_changed()
        self.post_message(self.PaneChanged())

    def focus_pane(self) -> None:
        """Give the shown pane the focus."""
        log_pane = self.log_pane
        if log_pane is not None:
            self.screen.set_focus(log_pane.view)
        else:
            self.screen.set_focus(self.query_one(DetailsPane))

    def log_changed(self) -> None:
        """Take over what the opened job's log has become."""
        state = self.state
        if state is None or state.job is not self._told:
            self.tick()
        if self.current is None or state is None:
            return
        log_pane = self.log_pane
        if log_pane is None:
            return
        if not state.lines:
            reason = why_empty(
                self.pane, self.current.opened.workflow, state.job, state
            )
            self._explain(self.pane, reason)
        log_pane.set_scope(older=not state.at_start)
        log_pane.view.log_changed()

    def tick(self) -> None:
        """Say again what moves with the clock."""
        tabs = self.query_one(PaneTabs)
        state = self.state
        self._told = state.job if state is not None else None
        if self.current is None or state is None:
            tabs.subject = tabs.status = ""
            return
        tabs.subject = name_of(self.current.opened.workflow, state.job)
        tabs.status = subject_of_job(state.job, self._now(), self._short_id(state.job))
        tabs.alarm = state.job.status == ALARMING

    def _placed(self) -> None:
        if self.log_pane is not None:
            self.when_placed()

    def _explain(self, pane: str, reason: Reason) -> None:
        self._panes[pane].view.explain_empty(reason.title, reason.sentence)

    @on(PaneTabs.Chosen)
    async def _choose(self, message: PaneTabs.Chosen) -> None:
        message.stop()
        await self.furnish()
        self.choose(message.pane)
        self.focus_pane()
