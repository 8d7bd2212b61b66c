"""The right side: the opened job's panes."""

from __future__ import annotations

from asyncio import Lock
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from textual import on
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import ContentSwitcher

from chronotui.ui.desk.details_pane import DetailsPane
from chronotui.ui.desk.pane_tabs import DETAILS, HISTORY, LIVE, PaneTabs
from chronotui.ui.desk.reasons import NOTHING_OPEN, Reason, why_empty
from chronotui.ui.desk.shown_job import ShownJob
from chronotui.ui.desk.subject import cut_id, name_of, standing_of
from chronotui.ui.log_view.messages import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from chronotui.engine.session import OpenedJob
    from chronotui.engine.watch import LogState
    from chronotui.model import Job, Workflow
    from chronotui.ui.log_view import LogPane, ViewSettings

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
        from chronotui.ui.log_view import LogPane

        async with self._furnishing:
            if self._panes:
                return
            panes = {
                pane: LogPane(settings=self._settings, id=pane)
                for pane in (LIVE, HISTORY)
            }
            for pane in panes.values():
                pane.display = False
                pane.view.when_placed = self._placed
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
    def place(self) -> Place:
        """Where the reader is in the shown pane."""
        log_pane = self.log_pane
        return log_pane.view.place if log_pane is not None else Place()

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
            tabs.subject = tabs.standing = ""
            return
        tabs.subject = name_of(self.current.opened.workflow, state.job)
        tabs.standing = standing_of(state.job, self._now(), self._short_id(state.job))
        tabs.alarm = state.job.status == ALARMING

    def _placed(self) -> None:
        if self.log_pane is not None:
            self.when_placed()

    def _explain(self, pane: str, reason: Reason) -> None:
        self._panes[pane].explain_empty(reason.title, reason.sentence)

    @on(PaneTabs.Chosen)
    async def _choose(self, message: PaneTabs.Chosen) -> None:
        message.stop()
        await self.furnish()
        self.choose(message.pane)
        self.focus_pane()
