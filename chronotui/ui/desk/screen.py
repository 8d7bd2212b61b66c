"""Opening a job's log and leaving the last one's stream."""

from __future__ import annotations

import asyncio
import gc
from asyncio import get_running_loop
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Resize, ScreenResume

from chronotui.errors import ChronotuiError, LogsUnavailableError
from chronotui.ui.desk.base import FOR_GOOD, DeskBase
from chronotui.ui.desk.log_side import LogSide
from chronotui.ui.desk.reading_on import ReadingOn, Saving, ServerSearching
from chronotui.ui.desk.status import StatusLine
from chronotui.ui.keys import KeyHints
from chronotui.ui.tree import JobTree, JobTreePane

if TYPE_CHECKING:
    from asyncio import TimerHandle
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.dom import DOMNode
    from textual.events import DescendantFocus, Event

    from chronotui.engine.client import SecretQuestion
    from chronotui.engine.session import OpenedJob, Session
    from chronotui.model import Job, Workflow
    from chronotui.tree.model import NodeKey
    from chronotui.ui.log.view import LogView

STANDING_SECONDS: Final = 0.15
"""How long the status line waits to be painted in one frame with the log's lines."""

FOLLOWING_SECONDS: Final = 0.1
"""How often it counts on while a followed log floods: faster nobody reads."""


class OpeningJobs(DeskBase):
    """One job is open at a time; the others keep their lines and places."""

    _unsubscribe: Callable[[], None] | None = None
    _status_due: TimerHandle | None = None
    _said_at = 0.0
    _said_following = False
    _told_tree: tuple[Job, ChronotuiError | None] | None = None

    def open_job(self, workflow: Workflow | None, job: Job) -> None:
        """Open a job's log and put the focus in it; the last one's stream closes."""
        if self.session is None:
            return
        left = self.log_side.current
        opened = self.session.open(workflow, job)
        if left is not None and left.opened is not opened:
            left.opened.leave()
        self._listen(opened)
        self.log_side.show_job(opened)
        self.log_side.focus_pane()
        self.show_status()

    def _listen(self, opened: OpenedJob) -> None:
        self.stop_listening()
        self._unsubscribe = opened.log.subscribe(self._log_changed)

    def stop_listening(self) -> None:
        """Take no more changes over."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        self._forget_due()

    def show_status(self) -> None:
        """Say on the status line how things stand now."""
        self._forget_due()
        if self.is_whole:
            self._said_at = monotonic()
            self._said_following = self.log_side.place.following
            super().show_status()

    def reader_placed(self) -> None:
        """Say where the reader is now, in the frame that shows it."""
        follows_on = self._said_following and self.log_side.place.following
        if follows_on and monotonic() < self._said_at + FOLLOWING_SECONDS:
            self._say_soon()
        else:
            self.show_status()

    def _say_soon(self) -> None:
        if self._status_due is None:
            self._status_due = get_running_loop().call_later(
                STANDING_SECONDS, self.show_status
            )

    def _forget_due(self) -> None:
        if self._status_due is not None:
            self._status_due.cancel()
            self._status_due = None

    def _log_changed(self) -> None:
        if self.session is not None and self.is_whole:
            self._tell_tree()
            self.log_side.log_changed()
            self._say_soon()
            self.session.log_changed()

    def _tell_tree(self) -> None:
        """Show in the tree what the log has learned before it is polled again."""
        state = self.log_side.state
        if state is None or (state.job, state.problem) == self._told_tree:
            return
        self._told_tree = (state.job, state.problem)
        self.tree_side.update_job(state.job)
        if isinstance(state.problem, LogsUnavailableError):
            self.tree_side.note_no_logs(state.job.workflow_id)


# Connecting, signing in again, and opening what a deep link names.

NEEDED_BY_LOGS: Final = (
    "chronotui.engine.job_log",
    "chronotui.ui.log.prompt",
)

LINK: Final = "link"
"""The group of the worker that follows a deep link."""

REST_SECONDS: Final = 0.2
"""How long after the first answer the tree has been read and painted, as a rule."""


def wake_collector() -> None:
    """Let the garbage collector work if it rested while the desk was loaded.

    What is there by now stays: leaving it out of every collection keeps each of
    them short.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


class Connecting(OpeningJobs, Saving):
    """Builds the session after the first frame and keeps it signed in."""

    _is_furnished = False

    @work(group="connect", exclusive=True)
    async def connect(self) -> None:
        """Connect, show the tree, follow the deep link."""
        opening = await asyncio.to_thread(import_module, "chronotui.engine.session")
        plan = self.plan
        try:
            session: Session = await opening.open_session(
                plan.profile,
                plan.ui,
                ask=self._ask,
                remember=plan.remembers_session,
                log=plan.log,
                timing=plan.timing,
            )
        except ChronotuiError as error:
            self.refusal = error
            self.show_status()
            return
        finally:
            wake_collector()
        self.session = session
        session.catalog.subscribe(self._catalog_changed)
        self.tree_side.attach(session.catalog)
        session.saves.subscribe(self.save_changed)
        session.start()
        if plan.workflow:
            self._follow_link(session, plan.workflow, plan.job)

    @work(group=LINK, exclusive=True)
    async def _follow_link(
        self, session: Session, workflow_text: str, job_text: str | None
    ) -> None:
        """Open what a deep link names, as soon as the server answers."""
        named = f"job {job_text}" if job_text else f"workflow {workflow_text}"
        waited = False

        def waiting(problem: ChronotuiError) -> None:
            nonlocal waited
            waited = True
            catalog = session.catalog
            is_told = catalog.problem is not None or not catalog.answered
            why = "." if is_told else f": {problem.sentence}"
            self.say(f"Opens {named} when the server answers{why}", seconds=FOR_GOOD)

        try:
            key = await session.catalog.find_link(workflow_text, job_text, waiting)
        except ChronotuiError as error:
            self.say(str(error), seconds=30)
            return
        if waited:
            self.say("")
        await self._open_linked(session, key)

    async def _open_linked(self, session: Session, key: NodeKey) -> None:
        tree = session.catalog.tree
        job, branch = tree.job(key), tree.branch(key.workflow_id)
        workflow = branch.workflow if branch else None
        is_hidden = workflow is not None and workflow.terminated_at is not None
        if is_hidden and not tree.filters.terminated:
            self.tree_side.set_filters(tree.filters.with_terminated_toggled())
        tree.select(key)
        self.tree_side.tree_view.show_selected()
        if job is not None:
            await self.log_side.furnish()
            self.open_job(workflow, job)

    def forget_link(self) -> None:
        """Wait for no deep link any more: another job was chosen."""
        self.workers.cancel_group(self, LINK)

    async def _load_the_rest(self) -> None:
        """Load what opening a job will need, now that the tree is there."""
        for module in NEEDED_BY_LOGS:
            await asyncio.to_thread(import_module, module)
        if self.is_whole:
            await self.log_side.furnish()

    async def on_unmount(self) -> None:
        """Stop everything that went on for this desk."""
        self.stop_listening()
        self.workers.cancel_node(self)
        if self.session is not None:
            await self.session.close()
            self.recordings_kept(self.session.saves)

    def _catalog_changed(self) -> None:
        if self.session is not None and self.is_whole:
            self.show_status()
            self.session.catalog_answered()
            if not self._is_furnished and self.session.catalog.answered:
                self._is_furnished = True
                self.set_timer(REST_SECONDS, self._load_the_rest)

    async def _ask(self, question: SecretQuestion) -> str:
        from chronotui.ui.dialogs import ask_in_dialog

        return await ask_in_dialog(self.app, question)


# The main screen.


class Sides(Horizontal):
    """What the two sides stand in; they cover it."""

    BLANK = True


class DeskScreen(Connecting, ReadingOn, ServerSearching):
    """Tree at the left, the opened job at the right, the truth below."""

    AUTO_FOCUS = "JobTree"
    BLANK = True  # the two sides and the lines below them cover it
    HORIZONTAL_BREAKPOINTS = [(0, "-slim"), (70, "-narrow"), (100, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,shift+tab", "switch_side", "tree/log", id="desk.switch"),
        Binding("L", "pane('live')", "Live pane", show=False, id="desk.live"),
        Binding("H", "pane('history')", "History pane", show=False, id="desk.history"),
        Binding("D", "pane('details')", "Details pane", show=False, id="desk.details"),
        Binding("z", "zoom", "full-screen log", show=False, id="desk.zoom"),
        Binding("s,ctrl+s", "save", "save", id="desk.save"),
        Binding("W", "saves", "list of saves", show=False, id="desk.saves"),
        Binding("r,f5", "ask_now", "ask again now", show=False, id="desk.refresh"),
        Binding("escape", "back", "back one step", show=False, id="desk.back"),
    ]

    _was_resumed = False

    def compose(self) -> ComposeResult:
        """Yield the two sides and the lines below them."""
        # Before they are styled by it, not when the terminal's size is told again.
        width = self.app.size.width
        fits = [name for least, name in self.HORIZONTAL_BREAKPOINTS if width >= least]
        self.add_class(*fits[-1:], update=False)
        with Sides(id="sides"):
            yield JobTreePane(now=self.plan.now, id="tree-side")
            yield LogSide(
                self.plan.view_settings,
                id="log-side",
                now=self.plan.now,
                short_id=self.short_id,
            )
        yield StatusLine()
        yield KeyHints()

    async def on_event(self, event: Event) -> None:
        """Paint first; what takes time begins after the first frame.

        The first resume paints it. It need not style anything: that was done when
        the widgets were mounted. A size that is the terminal's no longer is dropped:
        laid out, each of two sizes on their way would send itself again for ever.
        """
        if isinstance(event, Resize) and event.size != self.app.size:
            return
        first = isinstance(event, ScreenResume) and not self._was_resumed
        if first and isinstance(event, ScreenResume):
            self._was_resumed = True
            event.refresh_styles = False
        await super().on_event(event)
        if first:
            self.call_later(self.connect)

    def _pop_result_callback(self) -> None:
        """Let another desk take the place: the app's first screen was never pushed.

        Textual's ``switch_screen`` takes for granted that it was.
        """
        if self._result_callbacks:
            super()._pop_result_callback()

    def on_mount(self) -> None:
        """Put the focus in the tree and let the clock move what it moves."""
        self.set_focus(self.tree_side.tree_view)
        self.log_side.when_placed = self.reader_placed
        self.show_status()
        self.set_interval(1.0, self._tick)
        self.say_memory(self.plan.notice)

    def _tick(self) -> None:
        if self.is_whole:
            self.log_side.tick()
            self.show_status()

    def on_resize(self, _event: Resize) -> None:
        """Say so when there is too little room."""
        self.call_after_refresh(self.show_status)
        self.call_after_refresh(self.say_size)

    def action_ask_now(self) -> None:
        """Ask the server now for what is waited for; watch anew what has ended."""
        if self.session is not None:
            shown = self.log_side.current
            self.session.ask_now(shown.opened if shown is not None else None)
            self.show_status()

    @on(JobTree.RefreshWanted)
    def _refresh_wanted(self) -> None:
        self.action_ask_now()

    # where the focus is

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """On a narrow terminal the side without the focus makes room."""
        in_log = self.log_side in event.widget.ancestors_with_self
        self.set_class(in_log, "-in-log")
        if not in_log:
            self.remove_class("-zoomed")

    def action_switch_side(self) -> None:
        """Go from the tree to the log, or back."""
        if self.has_class("-in-log"):
            self.set_focus(self.tree_side.tree_view)
        else:
            self.log_side.focus_pane()

    async def action_pane(self, pane: str) -> None:
        """Show a pane; the focus moves along if it was in another one."""
        await self.log_side.furnish()
        self.log_side.choose(pane)
        if self.has_class("-in-log"):
            self.log_side.focus_pane()

    def action_zoom(self) -> None:
        """Give the log the whole screen, or the tree its place back."""
        self.toggle_class("-zoomed")
        if self.has_class("-zoomed"):
            self.log_side.focus_pane()

    def action_back(self) -> None:
        """Go back one step: a long load, full screen, log, tree."""
        if self.stop_loading():
            return
        if self.has_class("-zoomed"):
            self.remove_class("-zoomed")
        elif self.has_class("-in-log"):
            self.set_focus(self.tree_side.tree_view)
        else:
            self.say("")

    @property
    def is_at_root(self) -> bool:
        """Whether there is no step to go back."""
        return not self.has_class("-zoomed") and not self.has_class("-in-log")

    def stop_following(self) -> None:
        """Stop following, as less does; the log goes on arriving."""
        pane = self.log_side.log_pane
        if pane is not None:
            pane.view.action_stop_following()
        self.say("Press ^c again to quit.", seconds=2.0)

    def action_sources(self) -> list[DOMNode]:
        """Return every widget with named actions, for the palette."""
        tree, log = self.tree_side, self.log_side
        pane = log.log_pane or log.any_log_pane
        nodes: list[DOMNode] = [self.app, self, tree.tree_view, tree.filter_bar]
        nodes += tree.filter_bar.query("Choice, FilterText")
        nodes += [pane, pane.view] if pane is not None else []
        return [*nodes, log.details]

    # what the sides tell

    @on(JobTree.Highlighted)
    def _highlighted(self, message: JobTree.Highlighted) -> None:
        self.log_side.show_details(message.workflow, message.job, message.sentence)

    @on(JobTree.JobOpened)
    async def _job_opened(self, message: JobTree.JobOpened) -> None:
        self.forget_link()
        await self.log_side.furnish()
        self.open_job(message.workflow, message.job)

    @on(LogSide.PaneChanged)
    def _pane_changed(self) -> None:
        self.show_status()

    def on_log_view_said(self, message: LogView.Said) -> None:
        self.say(message.text)
