"""The main screen: tree at the left, the opened job at the right, the truth below."""

from __future__ import annotations

import asyncio
import gc
from datetime import UTC
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Final

from msgspec.structs import replace
from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Resize, ScreenResume
from textual.messages import Prune
from textual.screen import Screen

from chronotui.errors import ChronotuiError, LogsUnavailableError
from chronotui.tree.filters import TreeSubject
from chronotui.tree.model import NodeKey
from chronotui.tree.short_ids import SHORTEST
from chronotui.ui.desk.log_side import (
    LogSide,
    has_worker,
    load_for_logs,
    of_problem,
)
from chronotui.ui.desk.meant import (
    NO_JOB_MEANT,
    MeantJob,
    copied_id,
    find_linked,
    meant_job,
    newest_failed,
)
from chronotui.ui.desk.pane_tabs import DETAILS, HISTORY
from chronotui.ui.desk.saver import (
    NO_RUN_SAVED,
    NOTHING_SAVED,
    Saver,
    subject_of_runs,
)
from chronotui.ui.desk.status import (
    NOTICE_SECONDS,
    DeskStatus,
    SentencePlace,
    StatusLine,
    StatusTimer,
)
from chronotui.ui.key_hints import KeyHints
from chronotui.ui.keys import help_key
from chronotui.ui.standing import end_work_in, stands, while_standing
from chronotui.ui.tree import JobTree
from chronotui.ui.tree_pane import JobTreePane

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.events import DescendantFocus, Event

    from chronotui.engine.catalog import Catalog
    from chronotui.engine.client import SecretQuestion
    from chronotui.engine.job_log import LogState
    from chronotui.engine.session import OpenableLog, Session
    from chronotui.log.handoff import LinePlace
    from chronotui.model import Job, Workflow
    from chronotui.ui.desk.plan import DeskPlan
    from chronotui.ui.desk.run_table import RunRows
    from chronotui.ui.desk.tour import TourLines
    from chronotui.ui.log.view import LogView

LINK: Final = "link"
SEARCH: Final = "search-server"

REST_SECONDS: Final = 0.2
"""How long after the first answer the tree has been read and painted, as a rule."""
LINK_SECONDS: Final = 1.0
"""And the job that a link names has been read: it comes before anything else."""
LONG_SECONDS: Final = 12.0


class Sides(Horizontal):
    """What the two sides stand in; they cover it."""

    BLANK = True


class DeskScreen(Screen[None]):
    """One profile's desk.

    Args:
        plan: What it is started with.
        tell: Takes what is to be said once the terminal is given back.
    """

    AUTO_FOCUS = "JobTree"
    BLANK = True  # the two sides and the lines below them cover it
    HORIZONTAL_BREAKPOINTS = [(0, "-slim"), (70, "-narrow"), (100, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "tab,shift+tab",
            "switch_side",
            "tree/log",
            id="desk.switch",
            tooltip="to the other side, tree or log",
        ),
        help_key("L", "pane('live')", "Live pane", "desk.live"),
        help_key("H", "pane('history')", "History pane", "desk.history"),
        help_key("D", "pane('details')", "Details pane", "desk.details"),
        help_key("B", "board", "board of all workflows", "desk.board"),
        help_key("R", "across", "search every run of the workflow", "desk.across"),
        help_key("z", "zoom", "full-screen log", "desk.zoom"),
        help_key("T", "zone", "local time or UTC", "desk.zone"),
        Binding("s,ctrl+s", "save", "save", id="desk.save"),
        help_key("c", "card", "what happened, as Markdown", "desk.card"),
        help_key("a", "alert", "alerts: tell when it ends, fails …", "desk.alert"),
        help_key("X", "news", "what is new against the last good run", "desk.news"),
        help_key(
            "Y",
            "hand_over",
            "copy the line, with where it is from and what opens it",
            "desk.hand_over",
        ),
        help_key("W", "saves", "list of saves", "desk.saves"),
        help_key("m", "mark", "mark the job, or take its mark away", "desk.mark"),
        help_key(
            "M", "merged", "the marked jobs by time, else all that run", "desk.merged"
        ),
        help_key("r,f5", "ask_now", "ask again now", "desk.refresh"),
        help_key("escape", "back", "back one step", "desk.back"),
    ]

    def __init__(self, plan: DeskPlan, tell: Callable[[str], None]) -> None:
        super().__init__()
        self.plan = plan
        self.session: Session | None = None
        self._tell = tell
        self._refusal: ChronotuiError | None = None
        self._saver: Saver | None = None
        self._was_resumed = False
        self._is_preloaded = False
        self._questions = 0
        self._told_problem = ""
        self._told_tree: tuple[Job, ChronotuiError | None] | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self._came_from: Callable[[], object] | None = None
        subject = TreeSubject(*plan.kind.nouns, runs=plan.kind.capabilities.runs)
        self.tree_side = JobTreePane(
            subject=subject, now=plan.now, look=plan.tree_look, id="tree-side"
        )
        self.log_side = LogSide(
            plan.kind,
            plan.view_settings,
            say=self.say,
            moved=self._reader_moved,
            now=plan.now,
            short_id=self.short_id,
        )
        self._status_line = StatusLine()
        self._key_hints = KeyHints()
        self._tour: TourLines | None = None
        self._status_timer = StatusTimer(while_standing(self, self._show_status))
        self._sentences = SentencePlace(self)

    def compose(self) -> ComposeResult:
        # Before they are styled by it, not when the terminal's size is told again.
        width = self.app.size.width
        fits = [name for least, name in self.HORIZONTAL_BREAKPOINTS if width >= least]
        self.add_class(*fits[-1:], update=False)
        if self.plan.tour:
            from chronotui.ui.desk.tour import TourLines

            self._tour = TourLines(self.plan.tour, self.plan.dismiss_tour)
            self._tour.fit(self.app.size.height)
            yield self._tour
        yield Sides(self.tree_side, self.log_side, id="sides")
        yield self._status_line
        yield self._key_hints

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
        self.set_focus(self.tree_side.tree_view)
        self._status_timer.now()
        self.set_interval(1.0, self._tick)
        self._say_memory(self.plan.notice)

    @on(Prune)
    def _end_work(self) -> None:
        end_work_in(self)

    async def on_unmount(self) -> None:
        """Stop everything that went on for this desk."""
        self._unsubscribe()
        self._status_timer.stop()
        if self.session is not None:
            await self.session.close()
        if self._saver is not None:
            for words in self._saver.kept_recordings():
                self._tell(words)

    @property
    def is_whole(self) -> bool:
        """Whether both sides stand: not before composing, nor while closing."""
        return stands(self.log_side) and stands(self._status_line)

    # The session: connecting, the deep link, what catalog and log tell.

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
                remember=plan.memory is not None,
                log=plan.log,
                timing=plan.timing,
            )
        except ChronotuiError as error:
            self._refusal = error
            self._status_timer.now()
            return
        finally:
            if not gc.isenabled():  # it rested while the desk was loaded
                gc.freeze()  # what is there by now stays: later collections are short
                gc.enable()
        self.session = session
        self._saver = Saver(
            self,
            session,
            self.say,
            self.short_id,
            self._remember_folder,
        )
        if plan.kind.capabilities.runs:
            self._saver.nothing_saved = NO_RUN_SAVED
        session.catalog.subscribe(while_standing(self, self._catalog_changed))
        self.tree_side.attach(session.catalog)
        if session.fleet is not None:
            self.tree_side.attach_fleet(session.fleet)
        tree = session.catalog.tree
        self.log_side.attach(tree, session.notices, session.recent_runs)
        self._set_zone(plan.view_settings.zone)
        if session.details is not None:
            unread = self.log_side.details.show_unread
            session.details.read = while_standing(self, self._run_read)
            session.details.failed = while_standing(self, unread)
        session.start()
        if plan.workflow or plan.job:
            self.follow_link(session.catalog, plan.workflow or "", plan.job)

    async def _ask(self, question: SecretQuestion) -> str:
        from chronotui.ui.dialogs import ask_in_dialog

        self._questions += 1
        self._status_timer.now()
        try:
            return await ask_in_dialog(self.app, question)
        finally:
            self._questions -= 1
            self._status_timer.now()

    @work(group=LINK, exclusive=True)
    async def follow_link(
        self, catalog: Catalog, workflow: str, job: str | None
    ) -> None:
        """Open the job that a link names, or select its workflow."""
        loading = asyncio.create_task(asyncio.to_thread(load_for_logs))
        key = await find_linked(catalog, workflow, job, self.say)
        if key is None:
            return
        tree = catalog.tree
        branch, found = tree.branch(key.workflow_id), tree.job(key)
        linked = branch.workflow if branch else None
        is_hidden = linked is not None and linked.terminated_at is not None
        if is_hidden and not tree.filters.terminated:
            self.tree_side.set_filters(tree.filters.with_terminated_toggled())
        tree.select(key)
        self.tree_side.tree_view.show_selected()
        if found is not None:
            await loading  # it went on while the server was asked
            await self.open_at(linked, found, self.plan.line)

    def _catalog_changed(self) -> None:
        if self.session is None:
            return
        if self.log_side.table is not None:
            self.log_side.table.rows.sync()
        self._status_timer.now()
        self.session.catalog_answered()
        if not self._is_preloaded and self.session.catalog.answered:
            self._is_preloaded = True
            rest = LINK_SECONDS if has_worker(self, LINK) else REST_SECONDS
            self.set_timer(rest, self._preload)

    async def _preload(self) -> None:
        """Load what opening a job will need, now that the tree is there."""
        await asyncio.to_thread(load_for_logs)
        desk = "chronotui.ui.desk"
        alerting = await asyncio.to_thread(import_module, f"{desk}.alerting")
        if self.is_whole and self.session is not None:
            await self.log_side.mount_panes()
            self.session.start_fleet()
            alerting.keep_watch(self, self.session)
            if self.session.actions is not None:
                acting = await asyncio.to_thread(import_module, "chronotui.ui.actions")
                acting.ask_about_unanswered(self)

    async def open_at(
        self,
        workflow: Workflow | None,
        job: Job,
        line: LinePlace | None = None,
        *,
        back: Callable[[], object] | None = None,
    ) -> None:
        """Open a job's log, at one of its lines.

        Args:
            back: Shows again what it was opened from; one step back from the log.
        """
        if line is None:
            await self._open(workflow, job)
        else:  # loading back to it begins with the log, not where that is half read
            await self.log_side.mount_panes()
            self.open_job(workflow, job)
        self._came_from = back
        shown = self.log_side.current
        if line is not None and shown is not None:
            from chronotui.ui.desk.handing import go_to_line

            # It may take long: this screen must go on taking keys and drawing.
            going = go_to_line(self.log_side, shown.opened.log, line, self.say)
            self.run_worker(going, group=LINK, exclusive=True)

    async def _open(self, workflow: Workflow | None, job: Job) -> None:
        """Open a job's log; it is asked for before anything is drawn for it."""
        if self.session is None:
            return
        opened = self.session.open(workflow, job)
        try:
            await asyncio.sleep(0)
            await self.log_side.mount_panes()
        except asyncio.CancelledError:
            shown = self.log_side.current
            if shown is None or shown.opened is not opened:
                opened.leave()
            raise
        self.open_job(workflow, job)

    def open_job(self, workflow: Workflow | None, job: Job) -> None:
        """Open a job's log and put the focus in it; the last one's stream closes."""
        self._came_from = None
        if self.session is None:
            return
        left = self.log_side.current
        opened = self.session.open(workflow, job)
        if left is not None and left.opened is not opened:
            left.opened.leave()
        self._unsubscribe()
        self._unsubscribe = opened.log.subscribe(
            while_standing(self, self._log_changed)
        )
        self.log_side.show_job(opened)
        self.log_side.focus_pane()
        self._status_timer.now()

    def _log_changed(self) -> None:
        state = self.log_side.state
        if self.session is None or state is None:
            return
        if (state.job, state.problem) != self._told_tree:
            self._tell_tree(state)
        self.log_side.log_changed()
        self._status_timer.soon()
        self.session.log_changed()

    def _tell_tree(self, state: LogState) -> None:
        """Show in the tree what the log has learned before it is polled again."""
        self._told_tree = (state.job, state.problem)
        self._run_read(state.job)
        if isinstance(state.problem, LogsUnavailableError):
            self.tree_side.note_no_logs(state.job.workflow_id)

    def _run_read(self, job: Job) -> None:
        """Show everywhere what was read of a job or run alone."""
        self.tree_side.update_job(job)
        self.log_side.details.update_job(job)

    def short_id(self, job: Job) -> str:
        """Return a job's id as the tree shows it, or its beginning."""
        if self.session is None:
            return job.shown_id[:SHORTEST]
        return self.session.catalog.tree.short_id(job)

    @property
    def zone(self) -> tzinfo | None:
        """The zone times are told in; None is the machine's own."""
        return self.session.catalog.tree.zone if self.session else None

    # What is said below.

    def say(self, sentence: str, *, seconds: float = NOTICE_SECONDS) -> None:
        """Show a sentence over the line of keys for a while; "" takes it away.

        Where another screen that says sentences stands over the desk, it does so.
        """
        over = next((s for s in self.app.screen_stack[::-1] if hasattr(s, "say")), self)
        if over is not self:
            over.say(sentence, seconds=seconds)
        else:
            self._sentences.say(sentence, seconds)

    def _say_memory(self, before: str = "") -> None:
        """Say once why choices are not remembered, behind what is to be said first."""
        problem = self.plan.memory_problem
        new = problem if problem != self._told_problem else ""
        self._told_problem = problem
        if before or new:
            words = " ".join(filter(None, (before, new)))
            # After what the choice itself has to say, which it would replace.
            self.call_later(self.say, words, seconds=LONG_SECONDS)

    def on_resize(self) -> None:
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        """Say so when there is too little room."""
        self._status_timer.now()
        if self._tour is not None:
            self._tour.fit(self.size.height)
        self._sentences.fit()

    def _tick(self) -> None:
        if self.is_whole:
            self.log_side.tick()
            self._status_timer.tick()

    def _reader_moved(self) -> None:
        pane = self.log_side.log_pane
        following = pane is None or pane.view.opened.viewport.following
        self._status_timer.moved(following=following)

    def _show_status(self) -> None:
        if self.is_whole:
            status = self._read_status()
            self._status_line.show(status)
            self._key_hints.check()
            if status.log is None:
                trouble = status.trouble(self.plan.profile.url)
                self.log_side.details.show_trouble(trouble)

    def _read_status(self) -> DeskStatus:
        pane = self.log_side.log_pane
        shown = self.log_side.current if pane is not None else None
        log = shown.opened.log if shown is not None else None
        session = self.session
        has_saves = session is not None and session.has_saves
        saves = session.saves.recordings if session and has_saves else ()
        running = session.saves.running if session and has_saves else ()
        recorded = saves[0].request.job if len(saves) == 1 else None
        return DeskStatus(
            self.plan.profile.name,
            catalog=self.session.catalog if self.session else None,
            refusal=self._refusal,
            log=log.state if log is not None else None,
            now=log.now() if log is not None else 0.0,
            zone=self.zone,
            place=pane.view.place if pane is not None and log is not None else None,
            recordings=[save.progress for save in saves],
            recorded_id=self.short_id(recorded) if recorded is not None else "",
            downloads=[s.progress for s in running if not s.is_recording],
            is_asking=self._questions > 0,
        )

    # Keys.

    def action_ask_now(self) -> None:
        """Ask the server now for what is waited for; watch anew what has ended."""
        if self.session is not None:
            shown = self.log_side.current
            self.session.ask_now(shown.opened if shown is not None else None)
            self._status_timer.now()

    def action_switch_side(self) -> None:
        if self.has_class("-in-log"):
            self.set_focus(self.tree_side.tree_view)
        else:
            self.log_side.focus_pane()

    async def action_pane(self, pane: str) -> None:
        """Show a pane and put the focus in it; before any is open, open a job there.

        Details follow what is highlighted: beside the tree they leave it the focus.
        """
        await self.log_side.mount_panes()
        meant = self.meant
        is_first = self.log_side.current is None and pane in self.log_side.log_panes
        if is_first and meant.job is not None and not self.has_class("-in-log"):
            self.open_job(meant.workflow, meant.job)
        self.log_side.choose(pane)
        stays = pane == DETAILS and self.log_side.display
        if self.has_class("-in-log") or not (stays or self.log_side.is_vacant(pane)):
            self.log_side.focus_pane()

    @property
    def meant(self) -> MeantJob:
        """What keys are about: the highlighted row, or in a log the opened job."""
        tree = self.session.catalog.tree if self.session is not None else None
        return meant_job(tree, self.log_side, in_log=self.has_class("-in-log"))

    def action_zoom(self) -> None:
        """Give the log the whole screen, or the tree its place back."""
        self.toggle_class("-zoomed")
        if self.has_class("-zoomed"):
            self.log_side.focus_pane()

    async def action_zone(self) -> None:
        await self.log_side.toggle_zone()

    def action_back(self) -> None:
        """Go back one step: a long load, full screen, log, list of runs, tree, tour."""
        if self.log_side.loader.stop():
            return
        if self.has_class("-zoomed"):
            self.remove_class("-zoomed")
        elif self.has_class("-in-log") and self._came_from is not None:
            back, self._came_from = self._came_from, None
            self.workers.cancel_group(self, LINK)
            self.say("")
            back()
        elif self.has_class("-in-log") and self.log_side.went_back_to_list():
            return
        elif self.has_class("-in-log"):
            self.set_focus(self.tree_side.tree_view)
        elif self._tour is not None:
            self._tour.dismiss()
            self._tour = None
        else:
            self.say("")

    @property
    def is_at_root(self) -> bool:
        """Whether there is no step to go back."""
        return not self.has_class("-zoomed") and not self.has_class("-in-log")

    def action_save(self) -> None:
        """Ask what to save of the job that is meant, or of an app's runs."""
        if self.plan.kind.capabilities.runs:
            self._save_runs()
            return
        workflow, job = self.meant
        if job is None:
            self.say(NO_JOB_MEANT)
        else:
            self.save_log(workflow, job)

    def save_log(self, workflow: Workflow | None, job: Job) -> None:
        """Ask what to save of a job's log."""
        shown = self.log_side.current
        if self._saver is None:
            self.say(NO_JOB_MEANT)
            return
        if shown is None or shown.job.id != job.id:
            self._saver.ask_of(job, workflow, self.plan)
            return
        state = shown.opened.log.state
        if isinstance(state.problem, LogsUnavailableError) and not state.lines:
            reason = of_problem(state.problem, shown.opened.workflow)
            self.say(f"There is nothing to save. {reason.sentence}")
        else:
            self._saver.ask(shown, self.log_side.pane, self.plan)

    def action_board(self) -> None:
        from chronotui.ui.desk.board import show_board

        show_board(self)

    def action_across(self) -> None:
        from chronotui.ui.desk.across import show_across

        show_across(self)

    def action_card(self) -> None:
        """Show what happened to the job that is meant, to be copied or saved.

        Of a workflow it is the one that failed last.
        """
        workflow, job = self.meant
        if job is None and workflow is not None and self.session is not None:
            job = newest_failed(self.session, workflow)
        if self.session is None or job is None:
            self.say(f"Choose a {self.plan.kind.nouns.item} first.")
            return
        from chronotui.ui.card import show_card

        short_id = self.short_id(job)
        show_card(self, self.session, self.plan, workflow, job, short_id=short_id)

    def action_alert(self) -> None:
        """Ask when to be told of what is meant."""
        from chronotui.ui.desk.alerting import alert_of

        alert_of(self)

    def action_mark(self) -> None:
        from chronotui.ui.desk.merged import toggle_mark

        toggle_mark(self)

    def action_merged(self) -> None:
        from chronotui.ui.desk.merged import show_merged

        show_merged(self)

    def action_news(self) -> None:
        """Show what the log of the job that is meant says and a good run's does not."""
        from chronotui.ui.desk.what_is_new import show_news

        show_news(self)

    def action_hand_over(self) -> None:
        """Copy the line that is read, or which job is meant, and what opens it."""
        workflow, job = self.meant
        if job is None:
            self.say(f"Choose a {self.plan.kind.nouns.item} first.")
            return
        from chronotui.ui.desk.handing import hand_over

        pane = self.log_side.log_pane if self.has_class("-in-log") else None
        self.say(hand_over(self, pane, workflow, job))

    def _save_runs(self) -> None:
        session, saver, side = self.session, self._saver, self.log_side
        subject = None
        if session is not None and saver is not None:
            subject = subject_of_runs(session, side, self.plan, self.short_id)
        if subject is None or saver is None:
            self.say("There is nothing to save: the server has not told of the app.")
            return
        in_list = side.pane == HISTORY and self.has_class("-in-log")
        saver.ask_runs(subject, whole_list=in_list)

    def action_saves(self) -> None:
        if self._saver is not None:
            self._saver.list()
        else:
            self.say(NOTHING_SAVED)

    def _remember_folder(self, folder: Path) -> None:
        """Begin the next save there, of this desk and of later ones."""
        self.plan = replace(self.plan, save_folder=folder)
        self.plan.remember_folder(folder)
        self._say_memory()

    def leave(self, then: Callable[[], object]) -> None:
        """Do what leaves the desk, after asking when saves are running."""
        if self._saver is not None:
            self._saver.leave(then)
        else:
            then()

    def stop_following(self) -> None:
        """Stop following, as less does; the log goes on arriving."""
        pane = self.log_side.log_pane
        if pane is not None:
            pane.view.action_stop_following()
        self.say("Press ^c again to quit.", seconds=2.0)

    # What the sides tell.

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """On a narrow terminal the side without the focus makes room."""
        in_log = self.log_side in event.widget.ancestors_with_self
        self.set_class(in_log, "-in-log")
        if not in_log:
            self.remove_class("-zoomed")

    @on(JobTree.RefreshWanted)
    def _refresh_wanted(self) -> None:
        self.action_ask_now()

    @on(JobTree.Highlighted)
    def _highlighted(self, message: JobTree.Highlighted) -> None:
        table = self.log_side.table
        if message.job is None and table is not None and table.rows.has_focus:
            return  # the table's run stands in no row of the tree
        if self._came_from is not None and self.has_class("-in-log"):
            return  # what is read was opened from elsewhere
        if message.job is not None and table is not None:
            table.rows.select(message.job)
        self._show_details(message.workflow, message.job, message.sentence)

    def on_run_rows_highlighted(self, message: RunRows.Highlighted) -> None:
        """Select in the tree, and show in Details, what is selected in the table."""
        if self.session is None:
            return
        tree, job = self.session.catalog.tree, message.job
        branch = tree.branch(job.workflow_id)
        tree.select(NodeKey.job(job.workflow_id, job.id))
        self.tree_side.tree_view.show_selected()
        self._show_details(None if branch is None else branch.workflow, job)

    def _show_details(
        self, workflow: Workflow | None, job: Job | None, sentence: str = ""
    ) -> None:
        """Show what is known of a selection at once, and have a run read whole."""
        self.log_side.show_details(workflow, job, sentence)
        if self.session is not None and self.session.details is not None:
            self.session.details.want(job if job is not None and job.run_id else None)

    def on_run_rows_more_wanted(self, message: RunRows.MoreWanted) -> None:
        if self.session is not None:
            self.session.catalog.set_expanded(message.app_id, True)
            self.session.catalog.want_more(message.app_id)

    @on(JobTree.JobOpened)
    async def _job_opened(self, message: JobTree.JobOpened) -> None:
        self.workers.cancel_group(self, LINK)  # another job was chosen
        await self._open(message.workflow, message.job)

    @on(JobTree.CopyWanted)
    def _copy_id(self, message: JobTree.CopyWanted) -> None:
        self.say(copied_id(self.app, message.what, message.item_id))

    @on(JobTreePane.LookChanged)
    def _look_changed(self, message: JobTreePane.LookChanged) -> None:
        before, self.plan = self.plan, replace(self.plan, tree_look=message.look)
        self.plan.remember_look(message.look)
        order = message.look.order
        self._say_memory(order.words if order is not before.tree_look.order else "")

    @on(LogSide.PaneChanged)
    def _pane_changed(self) -> None:
        self._status_timer.now()

    def on_log_view_said(self, message: LogView.Said) -> None:
        self.say(message.text)

    def on_log_view_settings_changed(self, message: LogView.SettingsChanged) -> None:
        self.plan.remember_view(message.settings)
        self._set_zone(message.settings.zone)
        self._say_memory()

    def _set_zone(self, zone: str) -> None:
        """Tell times, in tree and panes, as those of lines are told."""
        for side in (self.tree_side, self.log_side):
            side.set_zone(UTC if zone == "utc" else None)

    def on_log_view_server_search_wanted(
        self, message: LogView.ServerSearchWanted
    ) -> None:
        shown = self.log_side.current
        if not self.plan.kind.capabilities.search:
            label = self.plan.kind.label
            self.say(f"{label} has no search in logs: / searches what is here.")
        elif shown is not None and not has_worker(self, SEARCH):
            self._search(shown.opened.log, message.text)

    @work(group=SEARCH)
    async def _search(self, log: OpenableLog, text: str) -> None:
        from chronotui.ui.desk.server_search import search_server

        await search_server(self.log_side, log, text, self.say)
