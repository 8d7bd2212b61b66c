"""The board: what runs, what failed lately and the rest, over all workflows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.screen import Screen

from chronotui.model import JobStatus, WorkflowKind
from chronotui.text import clean, plural
from chronotui.times import age, next_try_words
from chronotui.tree.board import BoardRows, BoardSection
from chronotui.tree.board_row import OLD, BoardFacts
from chronotui.tree.row import RowTimes
from chronotui.ui.desk.board_list import BoardList
from chronotui.ui.desk.meant import MeantJob, copied_id
from chronotui.ui.desk.pane_tabs import DETAILS
from chronotui.ui.desk.status import (
    NOTICE_SECONDS,
    SEPARATOR,
    SentencePlace,
    StatusPart,
    fit,
    state_of,
    with_next_key,
)
from chronotui.ui.key_hints import KeyHints
from chronotui.ui.keys import help_key
from chronotui.ui.standing import while_standing
from chronotui.ui.term.driver import OwnRow
from chronotui.ui.tree_filters import FilterBar
from chronotui.ui.tree_headings import LEAST_HEIGHT, TreeHeadings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import tzinfo

    from textual.app import ComposeResult
    from textual.timer import Timer

    from chronotui.engine.fleet import Fleet
    from chronotui.engine.newest_lines import NewestLines
    from chronotui.engine.session import Session
    from chronotui.model import Job, Workflow
    from chronotui.tree.filters import TreeFilters
    from chronotui.ui.desk.plan import DeskPlan
    from chronotui.ui.desk.screen import DeskScreen

LINES_APART: Final = 0.2
"""Seconds between two drawings of the newest lines: faster nobody reads."""

ROWS_APART: Final = 0.1
"""Seconds between two drawings of rows that were read."""

LOOK_AGAIN: Final = 0.1
"""Seconds until a board that was wanted before there is a session is shown."""

SAID_SECONDS: Final = 12.0


class BoardHeading(OwnRow):
    """The line over the board: what there is, how far and how old that is."""

    DEFAULT_CSS = """
    BoardHeading {
        height: 1; background: $panel;
        & > .board-heading--text { color: $text; }
        & > .board-heading--muted { color: $text-muted; }
        & > .board-heading--good { color: $text-success; }
        & > .board-heading--caution { color: $text-warning; }
        & > .board-heading--alarm { color: $text-error; text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"board-heading--{tone}"
        for tone in ("text", "muted", "good", "caution", "alarm")
    }

    def __init__(self) -> None:
        super().__init__()
        self._parts: Sequence[StatusPart] = ()

    def show(self, parts: Sequence[StatusPart]) -> None:
        if parts != self._parts:
            self._parts = parts
            self.repaint()

    def line(self, width: int) -> Text:
        line = Text(" ", no_wrap=True, end="")
        for number, part in enumerate(fit(list(self._parts), max(width - 2, 0))):
            line.append(SEPARATOR if number else "")
            line.append(part.text, self.tone(f"board-heading--{part.tone}"))
        return line


def heading_of(rows: BoardRows, fleet: Fleet, profile: str) -> list[StatusPart]:
    """Return what stands over the board, in reading order."""
    running, failed = rows.count(BoardSection.RUNNING), rows.count(BoardSection.FAILED)
    hours = fleet.settings.failed_since_seconds / 3600
    lately = "shown" if rows.hidden else f"since {hours:.0f} h"
    runs, fails = (
        f"{'' if fleet.knows_all(status) or rows.hidden else '≥ '}{count:,}"
        for status, count in ((JobStatus.RUNNING, running), (JobStatus.FAILED, failed))
    )
    parts = [
        StatusPart("Board", "text"),
        StatusPart(clean(profile), "muted", 4),
        StatusPart(
            f"{runs} running" + (" shown" if rows.hidden else ""),
            "good" if running else "muted",
            short=f"{runs} running",
        ),
        StatusPart(
            f"{fails} failed {lately}",
            "alarm" if failed else "muted",
            short=f"{fails} failed",
        ),
    ]
    if rows.hidden:
        parts.append(StatusPart(f"{rows.hidden:,} filtered out", "caution", 1))
    return [*parts, *_reading(fleet), *_trouble(fleet)]


def _reading(fleet: Fleet) -> list[StatusPart]:
    """Say how many workflows were read, how old that is and what it costs."""
    read, total = fleet.progress
    of = "" if total is None else f" of {total:,}"
    words = f"{read:,}{of} workflows read"
    most = fleet.settings.requests_per_minute
    spent = f"{fleet.requests_last_minute} of {most:g} requests/min"
    budget = StatusPart(spent, "muted", 3)
    if fleet.is_sweeping:
        sweep = StatusPart(f"{words}, esc stops", "caution", short=f"{read:,}{of} read")
        return [sweep, budget]
    ages = [fleet.age(each) for each in fleet.workflows]
    oldest = max((each for each in ages if each is not None), default=None)
    if oldest is None:
        return [StatusPart(words, "muted", 2), budget]
    old = f"oldest {age(oldest)} ago"
    words += f", {old}"
    # Twice as long as it takes to read all of them once: the counts are of then.
    if oldest > OLD + 2 * len(ages) * fleet.settings.minute / most:
        return [StatusPart(words, "caution", short=old), budget]
    return [StatusPart(words, "muted", 2), budget]


def _trouble(fleet: Fleet) -> list[StatusPart]:
    problem, wait = fleet.problem, fleet.seconds_to_next()
    if problem is None:
        return []
    state = f"✗ {state_of(problem)}"
    when = "" if wait is None else f", {next_try_words(wait)}"
    return [StatusPart(state + when, "alarm", short=state)]


class BoardScreen(Screen[None]):
    """One list over all workflows, over the desk.

    Args:
        desk: What it stands over, and opens logs on.
        session: The desk's session, whose fleet is shown.
        fleet: That fleet.
        lines: The newest lines of its jobs.
    """

    AUTO_FOCUS = "BoardList"
    DEFAULT_CSS = """
    BoardScreen {
        background: $background; color: $foreground;
        & TreeHeadings { display: none; }
        & TreeHeadings.-roomy { display: block; }
        & FilterBar { display: none; }
        & FilterBar.-shown { display: block; }
        & #filter-terminated { display: none !important; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter,l",
            "open",
            "opens",
            id="board.open",
            tooltip="open its log; one step back is the board",
        ),
        Binding(
            "m",
            "mark",
            "marks",
            id="board.mark",
            tooltip="mark the job, or take its mark away",
        ),
        Binding(
            "M",
            "merged",
            "merged",
            id="board.merged",
            tooltip="the marked jobs by time, else all that run",
        ),
        Binding(
            "c", "card", "card", id="board.card", tooltip="what happened, as Markdown"
        ),
        Binding(
            "a",
            "alert",
            "alert",
            id="board.alert",
            tooltip="tell when it ends, fails, matches or stalls",
        ),
        Binding(
            "f",
            "filters",
            "filters",
            id="board.filters",
            tooltip="filter by state, trigger or text",
        ),
        Binding(
            "escape,q,B",
            "back",
            "back",
            id="board.back",
            tooltip="stop reading all workflows, or back to the desk",
        ),
        help_key("slash", "filters(True)", "filter by text", "board.text"),
        help_key("0", "clear_filters", "no filter", "board.clear"),
        help_key("t", "times", "age or start time", "board.times"),
        help_key("T", "zone", "local time or UTC", "board.zone"),
        help_key("s,ctrl+s", "save", "save its log", "board.save"),
        help_key("y", "copy_id", "copy the id", "board.copy"),
        help_key("D", "details", "every field of the job", "board.details"),
        help_key("r,f5", "ask_now", "ask again now", "board.refresh"),
        help_key("P", "profiles", "profiles", "board.profiles"),
    ]

    def __init__(
        self, desk: DeskScreen, session: Session, fleet: Fleet, lines: NewestLines
    ) -> None:
        super().__init__()
        self.desk = desk
        self.session = session
        self.rows = session.board
        self._fleet = fleet
        self._lines = lines
        self._unsubscribe: list[Callable[[], None]] = []
        self._drawing: Timer | None = None
        self._told_problem = ""
        self._is_cut = False
        self._sentences = SentencePlace(self)
        self.heading = BoardHeading()
        self.filter_bar = FilterBar(leave=self._leave_filters, now=desk.plan.now)
        self.headings = TreeHeadings()
        self.list = BoardList(self.rows, self.facts, self._times, self._rested)

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.filter_bar
        yield self.headings
        yield self.list
        yield KeyHints()

    def on_mount(self) -> None:
        self.filter_bar.show(self.rows.filters)
        self._show_filters()
        self.set_focus(self.list)
        soon = while_standing(self, self._soon)
        self._unsubscribe = [
            self._fleet.subscribe(partial(soon, ROWS_APART)),
            self._lines.subscribe(partial(soon, LINES_APART)),
        ]
        self.set_interval(1.0, self._show_heading)
        self._sync()
        self.call_after_refresh(self.list.show_selected)
        self.call_after_refresh(self._rested)

    def on_unmount(self) -> None:
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._lines.want(())
        self._fleet.want(())

    def on_screen_suspend(self) -> None:
        """Listen to nothing while a screen covers it."""
        if not self._is_in_sight:
            self._lines.want(())

    @property
    def _is_in_sight(self) -> bool:
        """Whether nothing stands over it but a dialog."""
        stack = self.app.screen_stack
        return self in stack and (stack[-1] is self or stack[-1].is_modal)

    def on_screen_resume(self) -> None:
        self._sync()
        self._rested()

    @property
    def plan(self) -> DeskPlan:
        return self.desk.plan

    @property
    def meant(self) -> MeantJob:
        """The highlighted job and its workflow."""
        key = self.rows.selected
        if key is None:
            return MeantJob()
        return MeantJob(self.rows.workflow(key), self.rows.job(key))

    # what is shown

    def facts(self, job: Job) -> BoardFacts:
        """Return what a row tells beside its job."""
        fleet, workflow_id = self._fleet, job.workflow_id
        usual = fleet.usual_seconds(workflow_id)
        held, alerts = self.session.held(job), self.session.alerts
        read_ago = fleet.age(workflow_id)
        facts = BoardFacts(
            fleet.workflow(workflow_id),
            self.rows.short_id(job),
            usual=usual,
            age=None if read_ago is None else read_ago // 1,
            missing=None if held is None else held.state.missing,
            is_marked=job in self.session.marks,
            has_alert=alerts is not None and job.id in alerts.flagged,
        )
        if job.status != JobStatus.RUNNING:
            return facts
        return facts._replace(newest=self._lines.newest(job, usual))

    @property
    def _zone(self) -> tzinfo | None:
        return self.session.catalog.tree.zone

    def _times(self) -> RowTimes:
        return RowTimes(self.plan.now(), self.rows.ages, self._zone)

    def _soon(self, seconds: float) -> None:
        """Draw what changed, in one go with what changes until then."""
        if self._drawing is None:
            self._drawing = self.set_timer(seconds, self._sync)

    def _sync(self) -> None:
        self._drawing = None
        self.rows.take(self._fleet)
        self.list.empty_words = self._why_empty()
        self.list.sync()
        self.headings.set_class(self.size.height >= LEAST_HEIGHT, "-roomy")
        self.headings.show(self.list.headings())
        self._show_heading()

    def _show_heading(self) -> None:
        self.heading.show(heading_of(self.rows, self._fleet, self.plan.profile.name))
        problem = self._fleet.problem
        sentence = "" if problem is None else with_next_key(problem)
        if sentence != self._told_problem:
            self._told_problem = sentence
            self.say(sentence, seconds=SAID_SECONDS)

    def _why_empty(self) -> str:
        if self.rows.hidden:
            return " The filters leave no job; 0 shows all again."
        if self._fleet.is_sweeping or self._fleet.progress[1] is None:
            return " Reading the jobs of all workflows …"
        count = len(self._fleet.workflows)
        return f" No jobs: {plural(count, 'workflow')} read."

    def _rested(self) -> None:
        """Have what is in sight read sooner, and listen to what runs of it."""
        if not self._is_in_sight:
            return
        jobs = self.list.in_sight()
        self._fleet.want(dict.fromkeys(job.workflow_id for job in jobs))
        self._lines.want([job for job in jobs if self._has_lines(job)])

    def _has_lines(self, job: Job) -> bool:
        workflow = self._fleet.workflow(job.workflow_id)
        beats = workflow is not None and workflow.kind == WorkflowKind.HEARTBEAT
        return job.status == JobStatus.RUNNING and not beats

    def say(self, sentence: str, *, seconds: float = NOTICE_SECONDS) -> None:
        """Show a sentence over the line of keys for a while; "" takes it away."""
        self._sentences.say(sentence, seconds)

    def on_resize(self) -> None:
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        self._sync()
        self._sentences.fit()

    # keys

    def _chosen(self) -> tuple[Workflow | None, Job] | None:
        """Return what a key is about; None is said."""
        workflow, job = self.meant
        if job is None:
            self.say(self._why_empty().strip())
            return None
        return workflow, job

    def action_open(self) -> None:
        """Open the log of the row on the desk; one step back is this board."""
        chosen = self._chosen()
        if chosen is not None:
            self._leave(partial(self.desk.open_at, *chosen, back=self._again))

    def action_details(self) -> None:
        """Show the details of the row on the desk; one step back is this board."""
        chosen = self._chosen()

        async def show() -> None:
            if chosen is not None:
                await self.desk.open_at(*chosen, back=self._again)
                self.desk.log_side.show_details(*chosen, "")
                await self.desk.action_pane(DETAILS)

        if chosen is not None:
            self._leave(show)

    def _leave(self, then: Callable[[], Any]) -> None:
        """Go to the desk, and do something there."""
        if self.is_current:
            self.app.pop_screen()
            self.desk.call_later(then)

    def _again(self) -> None:
        show_board(self.desk, at_top=False)

    def action_back(self) -> None:
        """Stop the sweep, or go back to the desk."""
        if self.is_current and not self._cut_sweep():
            self.app.pop_screen()

    def stop_following(self) -> None:
        """Stop the sweep; what is pressed twice in a row quits."""
        if not self._cut_sweep():
            self.say("Press ^c again to quit.", seconds=2.0)

    def _cut_sweep(self) -> bool:
        if not self._fleet.is_sweeping or self._is_cut:
            return False
        self._is_cut = True
        self._fleet.cut_sweep()
        read, total = self._fleet.progress
        of = "" if total is None else f" of {total:,}"
        most = self._fleet.settings.requests_per_minute
        self.say(
            f"Stopped at {read:,}{of} workflows; the rest is read with "
            f"{most:g} requests a minute."
        )
        return True

    def action_mark(self) -> None:
        """Mark the row, or take its mark away."""
        chosen = self._chosen()
        if chosen is not None and chosen[0] is not None:
            from chronotui.ui.desk.merged import mark

            self.say(mark(self.session, chosen[0], chosen[1]))
            self.list.repaint_changed()

    def action_merged(self) -> None:
        """Show the marked jobs by time, else all that run; one step back is this."""
        from chronotui.ui.desk.merged import show_merged

        show_merged(self)

    def action_alert(self) -> None:
        """Ask when to be told of the job."""
        chosen = self._chosen()
        if chosen is not None:
            from chronotui.ui.alerts import show_alerts

            show_alerts(self, self.session, *chosen, say=self.say)

    def action_card(self) -> None:
        """Show what happened to the job, to be copied or saved."""
        chosen = self._chosen()
        if chosen is not None:
            from chronotui.ui.card import show_card

            short_id = self.rows.short_id(chosen[1])
            show_card(self, self.session, self.plan, *chosen, short_id=short_id)

    def action_save(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self.desk.save_log(*chosen)

    def action_copy_id(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self.say(copied_id(self.app, "job", chosen[1].shown_id))

    def action_times(self) -> None:
        """Tell how long ago, or when."""
        self.rows.ages = not self.rows.ages
        self._sync()

    async def action_zone(self) -> None:
        await self.desk.action_zone()
        self._sync()

    def action_ask_now(self) -> None:
        """Ask the server now for what is waited for."""
        self.desk.action_ask_now()
        self._told_problem = ""
        self._show_heading()

    async def action_profiles(self) -> None:
        """List the profiles; one step back is this board."""
        await self.run_action("app.profiles")

    # filters

    def action_filters(self, text: bool = False) -> None:
        self.filter_bar.add_class("-shown")
        self.filter_bar.focus_filters(text)

    def action_clear_filters(self) -> None:
        self.filter_bar.action_clear()

    def _leave_filters(self) -> None:
        self.set_focus(self.list)
        self._show_filters()

    def _show_filters(self) -> None:
        """Show what the rows are filtered by where they are."""
        filters = self.rows.filters
        is_set = filters.narrows_jobs or bool(filters.query)
        is_used = self.filter_bar in (self.focused.ancestors if self.focused else ())
        self.filter_bar.set_class(is_set or is_used, "-shown")

    @on(FilterBar.FiltersChanged)
    def _take_filters(self, event: FilterBar.FiltersChanged) -> None:
        event.stop()
        filters: TreeFilters = event.filters
        self.rows.set_filters(filters)
        self._show_filters()
        self._sync()
        self.list.show_selected()


NO_BOARD: Final = "{label} has one {group} to a profile: its list of {items} is all."


def show_board(desk: DeskScreen, *, at_top: bool = True) -> None:
    """Show the board over a desk, at its top or where it was left."""
    session = desk.session
    if session is None and desk.is_current:  # a key typed ahead
        desk.set_timer(LOOK_AGAIN, partial(show_board, desk))
    if session is None:
        return
    fleet, lines = session.fleet, session.newest_lines
    if fleet is None or lines is None:
        kind, nouns = desk.plan.kind, desk.plan.kind.nouns
        desk.say(
            NO_BOARD.format(label=kind.label, group=nouns.group, items=nouns.items)
        )
        return
    session.start_fleet()
    if at_top:
        session.board.select_row(0)
    desk.app.push_screen(BoardScreen(desk, session, fleet, lines))
