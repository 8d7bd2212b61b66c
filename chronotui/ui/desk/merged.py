"""The merged log: several jobs by time on one screen, each line with whose it is."""

from __future__ import annotations

from shlex import join
from typing import TYPE_CHECKING, ClassVar, Final, cast

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.messages import Prune
from textual.screen import Screen
from textual.widget import Widget

from chronotui.engine.merged import MOST_WATCHED, MergedLog, jobs_that_run
from chronotui.engine.sweep import JobOf
from chronotui.log.merged import part_of
from chronotui.text import clean, plural
from chronotui.tree.row import JOB_SIGNS
from chronotui.ui.desk.log_side import LineLoader
from chronotui.ui.desk.meant import MeantJob
from chronotui.ui.desk.status import (
    LOOKS,
    NOTICE_SECONDS,
    DeskStatus,
    SentencePlace,
    StatusLine,
    StatusTimer,
)
from chronotui.ui.key_hints import KeyHints
from chronotui.ui.keys import help_key
from chronotui.ui.log.prompt import LogPane
from chronotui.ui.log.state import JobChoice, OpenLog
from chronotui.ui.log.view import LogView
from chronotui.ui.standing import end_work_in, while_standing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from textual.app import ComposeResult

    from chronotui.engine.merged import WatchedJob
    from chronotui.engine.session import Session
    from chronotui.log.marks import Anchor
    from chronotui.model import Job, LogLine, Workflow
    from chronotui.ui.app import DeskApp
    from chronotui.ui.desk.screen import DeskScreen
    from chronotui.viewport import Spot

TICK_SECONDS: Final = 1.0
COLOURS: Final = 5
WIDE: Final = 100
"""Cells from which on the heading says all in full."""
TAGS: Final = tuple(f"merged-screen--tag-{number}" for number in range(COLOURS))

NOTHING_RUNS: Final = (
    "No job runs.",
    "One that begins joins by itself. m marks jobs in the tree, M shows them.",
)
STILL_READING: Final = (
    "No job is known to run yet.",
    "The workflows are still being read; a job that runs joins by itself.",
)
NOT_YET: Final = "Not connected yet: nothing is known to run. M shows it then."
READING: Final = ("Reading the logs …", "The newest lines come first.")


class JobTags:
    """The tags of lines: a word and a colour for each job."""

    def __init__(self, jobs: Sequence[WatchedJob], styles: Sequence[Style]) -> None:
        self.width = max((cell_len(each.tag) for each in jobs), default=0)
        self._tags = [
            (
                set_cell_size(each.tag, self.width),
                styles[number % len(styles)],
            )
            for number, each in enumerate(jobs)
        ]

    def of(self, line: LogLine, /) -> tuple[str, Style]:
        """Return the tag and the colour of a line's job."""
        return self._tags[part_of(line.sequence_num)]


class MergedView:
    """Jobs that are shown merged, and where their reader is; kept while he is away.

    Attributes:
        wanted: The ids of the jobs that were asked for; empty for all that runs.
    """

    def __init__(self, merged: MergedLog, wanted: frozenset[str]) -> None:
        self.merged = merged
        self.wanted = wanted
        self.opened = OpenLog(merged.store, tags=JobTags((), ()))
        self.undo: tuple[JobChoice | None, Spot[Anchor]] | None = None

    def close(self) -> None:
        """Leave the jobs."""
        self.merged.close()

    # solo and mute

    @property
    def shown_parts(self) -> frozenset[int]:
        """The numbers of the jobs whose lines are shown."""
        chosen = self.opened.filters.jobs
        every = frozenset(range(len(self.merged.jobs)))
        return every if chosen is None else chosen.parts & every

    def solo(self, part: int) -> None:
        """Show the lines of one job alone, or again of all."""
        alone = JobChoice(frozenset({part}), f"only {self.merged.jobs[part].tag}")
        filters = self.opened.filters
        filters.jobs = None if filters.jobs == alone else alone
        self.undo = None

    def mute(self, part: int) -> None:
        """Hide the lines of one job."""
        left = self.shown_parts - {part}
        jobs = enumerate(self.merged.jobs)
        hidden = [each.tag for number, each in jobs if number not in left]
        # Jobs that join later are heard.
        later = frozenset(range(len(self.merged.jobs), len(self.merged.jobs) + 256))
        before = self.opened.filters.jobs
        choice = JobChoice(left | later, f"without {', '.join(hidden)}")
        self.opened.filters.jobs = choice
        self.undo = before, self.opened.viewport.spot

    def unmute(self) -> bool:
        """Take the last muting back, if the reader is still where he was."""
        if self.undo is None or not self.undo[1].is_at(self.opened.viewport.spot):
            return False
        self.opened.filters.jobs, self.undo = self.undo[0], None
        return True


class MergedHeading(Widget):
    """Says which jobs are merged, how each stands, and what all of them lack.

    Attributes:
        is_long: Whether each job has a row of its own.
    """

    DEFAULT_CSS = """
    MergedHeading { height: auto; max-height: 50%; background: $panel; }
    """

    def __init__(self, view: MergedView) -> None:
        super().__init__()
        self._view = view
        self.is_long = False
        self.styles_of_jobs: Sequence[Style] = ()
        self._told: object = None

    def check(self) -> None:
        """Draw it anew if it says something else now: rows of jobs always count on."""
        view = self._view
        told_of = ((each.state, each.job.status) for each in view.merged.jobs)
        stands = [
            (state.connection.kind, status, state.missing, state.verdict)
            for state, status in told_of
        ]
        told = len(view.merged.left_out), view.shown_parts, stands
        if self.is_long or told != self._told:
            self._told = told
            self.refresh()

    def render(self) -> Text:
        width = max(self.size.width, self.app.size.width)
        text = self._row(width)
        if self.is_long:
            for number, each in enumerate(self._view.merged.jobs):
                text.append("\n")
                text.append_text(self._job_row(number, each, width))
        return text

    def _row(self, width: int) -> Text:
        merged = self._view.merged
        summary = merged.summary(short=width < WIDE)
        title = Text(f" {summary}", no_wrap=True, end="")
        lacks = Text(f"   {merged.lacks} in all ", no_wrap=True, end="")
        room = width - title.cell_len - lacks.cell_len
        jobs = self._jobs(room)
        kept = len(jobs)
        while kept and _cells(jobs[:kept]) + (kept < len(jobs)) * len("  +99") > room:
            kept -= 1
        more = [Text(f"  +{len(jobs) - kept}")] if kept < len(jobs) else []
        jobs = [*jobs[:kept], *more]
        title.append_text(Text().join(jobs))
        title.append(" " * max(room - _cells(jobs), 0))
        title.append_text(lacks)
        title.truncate(width, overflow="ellipsis")
        return title

    def _jobs(self, room: int) -> list[Text]:
        """Return a word for each job, as much as fits."""
        jobs: list[Text] = []
        for form in (_full, _lacking, _short):
            jobs = [
                self._job(n, form(job)) for n, job in enumerate(self._view.merged.jobs)
            ]
            if _cells(jobs) <= room:
                break
        return jobs

    def _job(self, number: int, words: str) -> Text:
        if number in self._view.shown_parts:
            return Text.assemble("  ", (words, self._style(number)))
        return Text.assemble("  ", (f"({words})", "dim"))

    def _job_row(self, number: int, each: WatchedJob, width: int) -> Text:
        state = each.state
        connection = state.connection.text(each.log.now())
        heard = "" if number in self._view.shown_parts else "  hidden"
        row = Text.assemble(
            "  ",
            (f"{each.tag}  ", self._style(number)),
            f"{each.name}  {_sign(each)} {clean(str(each.job.status))}  "
            f"{connection}  {plural(state.lines, 'line')}  {each.lacks()}{heard}",
        )
        if state.problem is not None:
            row.append(f"  {clean(str(state.problem))}")
        row.truncate(width, overflow="ellipsis")
        return row

    def _style(self, number: int) -> Style:
        styles = self.styles_of_jobs
        return styles[number % len(styles)] if styles else Style()


def _cells(words: Sequence[Text]) -> int:
    return sum(word.cell_len for word in words)


def _sign(each: WatchedJob) -> str:
    """Return how a job stands: its state, or what is wrong with its connection."""
    kind = str(each.state.connection.kind)
    if each.job.status == "RUNNING" and kind in {"OFFLINE", "RECONNECTING"}:
        return LOOKS[kind][0]
    return JOB_SIGNS.get(str(each.job.status), ("?", None))[0]


def _full(each: WatchedJob) -> str:
    missing = f" {each.state.missing:,} missing" if each.state.missing else ""
    return f"{each.name} {_sign(each)}{missing}"


def _lacking(each: WatchedJob) -> str:
    missing = f" {each.state.missing:,} missing" if each.state.missing else ""
    return f"{each.tag} {_sign(each)}{missing}"


def _short(each: WatchedJob) -> str:
    return f"{each.tag} {_sign(each)}{'⋯' if each.state.missing else ''}"


class MergedScreen(Screen[None]):
    """Shows the merged log over the desk, which goes on behind it."""

    AUTO_FOCUS = "LogView"
    DEFAULT_CSS = """
    MergedScreen {
        background: $background;
        & > .merged-screen--tag-0 { color: $text-primary; text-style: bold; }
        & > .merged-screen--tag-1 { color: $text-accent; }
        & > .merged-screen--tag-2 { color: $text-success; text-style: bold; }
        & > .merged-screen--tag-3 { color: $text-secondary; }
        & > .merged-screen--tag-4 { color: $foreground; text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = set(TAGS)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("comma", "solo", "solo", id="merged.solo"),
        Binding("semicolon", "mute", "mute", id="merged.mute"),
        help_key("D", "jobs", "each job in a row, what it lacks", "merged.details"),
        help_key("c", "card", "card of the line's job", "merged.card"),
        help_key(
            "Y",
            "hand_over",
            "copy the line, with where it is from and what opens it",
            "merged.hand_over",
        ),
        help_key("r,f5", "ask_now", "ask again now", "merged.refresh"),
        help_key("s,ctrl+s", "save", "save the log of the line's job", "merged.save"),
        Binding("escape,q", "leave", "back", id="merged.back"),
    ]

    def __init__(self, desk: DeskScreen, shown: MergedView) -> None:
        super().__init__()
        self._desk = desk
        self._shown = shown
        self._merged = shown.merged
        self._heading = MergedHeading(shown)
        self._status_line = StatusLine()
        self._key_hints = KeyHints()
        self._sentences = SentencePlace(self)
        self._status_timer = StatusTimer(while_standing(self, self._show_status))
        self.pane = LogPane(
            settings=_settings_of(desk),
            when_placed=self._placed,
            open_line=self._open_line,
        )
        self._loader = LineLoader(self, self.say)
        self._loader.log = self._merged
        self._tagged = -1
        self._unsubscribe: Callable[[], None] = lambda: None

    def compose(self) -> ComposeResult:
        yield self._heading
        yield self.pane
        yield self._status_line
        yield self._key_hints

    def on_mount(self) -> None:
        self._unsubscribe = self._merged.subscribe(while_standing(self, self._changed))
        self._merged.watch()
        self.pane.show(self._shown.opened)
        self.set_interval(TICK_SECONDS, self._tick)
        self._tick()
        self._changed()

    @on(Prune)
    def _end_work(self) -> None:
        end_work_in(self)

    def on_unmount(self) -> None:
        self._unsubscribe()
        self._status_timer.stop()

    def say(self, sentence: str, *, seconds: float = NOTICE_SECONDS) -> None:
        """Show a sentence over the line of keys for a while; "" takes it away."""
        self._sentences.say(sentence, seconds)

    # what changes

    def _tick(self) -> None:
        self._merged.tick()
        if self._tagged != len(self._merged.jobs) or not self._merged.jobs:
            self._changed()
        self._show_status()

    def _changed(self) -> None:
        """Take over what the jobs' logs have become."""
        merged, pane = self._merged, self.pane
        if not pane.is_mounted:
            return
        if self._tagged != len(merged.jobs):
            self._tag()
        state = merged.state
        if not state.lines:
            nothing = NOTHING_RUNS if merged.knows_all else STILL_READING
            pane.view.explain_empty(*(READING if merged.jobs else nothing))
        pane.set_scope(older=not state.at_start, newer=not state.at_end)
        pane.view.log_changed()
        self._status_timer.soon()
        if self._desk.session is not None:
            self._desk.session.log_changed()

    def _tag(self) -> None:
        """Give each job its tag: one more has joined."""
        self._tagged = len(self._merged.jobs)
        base = self.get_component_rich_style
        styles = []
        for name in TAGS:
            style = base(name, partial=True)
            styles.append(Style(color=style.color, bold=style.bold))
        self._heading.styles_of_jobs = styles
        self._shown.opened.tags = JobTags(self._merged.jobs, styles)
        self._heading.refresh(layout=True)
        self.pane.view.redraw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._tagged = -1
        self.call_later(self._changed)

    def _placed(self) -> None:
        filters = self._shown.opened.filters
        chosen = None if filters.suspended else filters.jobs
        self._merged.hear(None if chosen is None else chosen.parts)
        following = self._shown.opened.viewport.following
        self._status_timer.moved(following=following)

    def _show_status(self) -> None:
        desk = self._desk
        self._heading.check()
        self._status_line.show(
            DeskStatus(
                desk.plan.profile.name,
                catalog=desk.session.catalog if desk.session else None,
                log=self._merged.state if self._merged.jobs else None,
                now=self._merged.now(),
                zone=desk.zone,
                place=self.pane.view.place,
            )
        )
        self._key_hints.check()

    # keys

    @property
    def meant(self) -> MeantJob:
        """The current line's job, and its workflow."""
        line = self._shown.opened.current_line
        if line is None:
            return MeantJob()
        each = self._merged.owner(line)
        return MeantJob(each.workflow, each.job)

    def _current(self) -> WatchedJob | None:
        """Return whose the current line is; without one that is said."""
        line = self._shown.opened.current_line
        if line is None:
            self.say("Go to a line of the job first.")
            return None
        return self._merged.owner(line)

    def action_solo(self) -> None:
        """Show the lines of the current line's job alone, or again of all."""
        each = self._current()
        if each is None:
            return
        self._shown.solo(each.order.part)
        alone = self._shown.opened.filters.jobs is not None
        self._chosen(f"Only {each.name}; , shows all." if alone else "All jobs.")

    def action_mute(self) -> None:
        """Hide the lines of the current line's job; at once again, show them."""
        if self._shown.unmute():
            self._chosen("Shown again.")
            return
        each = self._current()
        if each is None:
            return
        if len(self._shown.shown_parts) < 2:
            self.say("This is the last job that is shown; esc shows all.")
            return
        self._shown.mute(each.order.part)
        self._chosen(f"Without {each.name}; ; again shows it, esc shows all.")
        if self._shown.undo is not None:
            self._shown.undo = self._shown.undo[0], self._shown.opened.viewport.spot

    def _chosen(self, words: str) -> None:
        self._shown.opened.filters.suspended = False
        self.pane.view.refilter()
        self._heading.check()
        self.say(words)

    def action_jobs(self) -> None:
        """Give each job a row in the heading, or all of them one."""
        self._heading.is_long = not self._heading.is_long
        self._heading.refresh(layout=True)

    def action_ask_now(self) -> None:
        self._merged.ask_now()
        if self._desk.session is not None:
            self._desk.session.ask_now(None)

    def action_save(self) -> None:
        """Save the log of the current line's job; say what prints it with the others.

        A file of one log is held against what is retained, one of several cannot be.
        """
        jobs, meant = self._merged.jobs, self._current()
        if meant is None:
            return
        same = [each.job for each in jobs if each.workflow.id == meant.workflow.id]
        config = getattr(self.app, "config", None)
        origin = self._desk.plan.origin(config, meant.workflow, meant.job)
        server = [word for option in origin.server.items() for word in option]
        words = ["chronotui", *server, "logs", meant.workflow.id]
        command = join([*words, *(job.id for job in same), "-f"])
        if len(same) > 1:
            self.say(f"Merged, they are printed by: {command}", seconds=30)
        self._desk.save_log(meant.workflow, meant.job)

    def action_card(self) -> None:
        """Show what happened to the current line's job."""
        each, desk = self._current(), self._desk
        if each is None or desk.session is None:
            return
        from chronotui.ui.card import show_card

        show_card(
            self,
            desk.session,
            desk.plan,
            each.workflow,
            each.job,
            short_id=each.short_id,
        )

    def action_hand_over(self) -> None:
        """Copy the line, or the range, with whose each is and what opens it."""
        from chronotui.ui.desk.handing import hand_over_merged

        self.say(hand_over_merged(self._desk, self.pane.view, self._merged))

    def stop_following(self) -> None:
        """Stop following, as less does; the logs go on arriving."""
        self.pane.view.action_stop_following()
        self.say("Press ^c again to quit.", seconds=2.0)

    def action_leave(self) -> None:
        """Go back; a longer load is stopped first."""
        if not self._loader.stop():
            self._merged.pause()
            self.dismiss()

    def _open_line(self, line: LogLine) -> None:
        """Open a line in its own log on the desk; one step back comes here again."""
        each, place = self._merged.owner(line), self._merged.place(line)
        desk, shown, app = self._desk, self._shown, self.app
        over_board = len(app.screen_stack) > 2  # the desk, the board, and this
        shown.opened.viewport.stop_following()

        async def open_it() -> None:
            while app.screen is not desk:
                await app.pop_screen()
            await desk.open_at(each.workflow, each.job, place, back=come_back)
            shown.merged.pause()

        def come_back() -> None:
            if over_board and desk.session is not None:
                row = desk.session.board.selected_row
                desk.action_board()
                desk.session.board.select_row(row)
            app.push_screen(MergedScreen(desk, shown))

        desk.call_later(open_it)

    # what the log view tells

    @on(LogView.Said)
    def _said(self, message: LogView.Said) -> None:
        self.say(message.text)

    @on(LogView.SettingsChanged)
    def _settings_changed(self, message: LogView.SettingsChanged) -> None:
        self._desk.plan.remember_view(message.settings)

    @on(LogView.EdgeReached)
    def _edge_reached(self, message: LogView.EdgeReached) -> None:
        self._loader.load_edge(message.edge)

    @on(LogView.WholeLogWanted)
    def _whole_log_wanted(self) -> None:
        self._loader.load_all(self.pane)

    @on(LogView.OlderWanted)
    def _older_wanted(self, message: LogView.OlderWanted) -> None:
        self._loader.load_back(self.pane, message.goal, message.typed)

    @on(LogView.OlderErrorWanted)
    def _older_error_wanted(self) -> None:
        self._loader.find_error(self.pane)

    @on(LogView.ServerSearchWanted)
    def _server_search_wanted(self) -> None:
        self.say(
            "The server searches one job's log at a time: enter opens the line's own; "
            "/ searches what is here."
        )


def _settings_of(desk: DeskScreen) -> Any:
    pane = desk.log_side.log_pane
    return desk.plan.view_settings if pane is None else pane.view.settings


def toggle_mark(desk: DeskScreen) -> None:
    """Mark the job that is meant, or take its mark away."""
    workflow, job = desk.meant
    session = desk.session
    if session is None or workflow is None or job is None:
        desk.say("m marks jobs: o unfolds a workflow.")
        return
    desk.say(mark(session, workflow, job))
    desk.tree_side.tree_view.repaint_changed()


def mark(session: Session, workflow: Workflow, job: Job) -> str:
    """Mark a job, or take its mark away; say what was done and what to do next."""
    is_marked = session.marks.toggle(workflow, job)
    marked = plural(len(session.marks), "job")
    words = "Marked" if is_marked else "Mark taken away"
    more = f"; M shows {marked} merged" if len(session.marks) else ""
    return f"{words}{more}."


def show_merged(screen: Screen[Any]) -> None:
    """Show the marked jobs merged over a screen; without any, all that runs."""
    app = cast("DeskApp", screen.app)
    desk = app.desk
    session = desk.session
    if not desk.plan.kind.capabilities.jobs:
        label = desk.plan.kind.label
        desk.say(f"{label} has no logs of several runs at once.")
        return
    if session is None:
        desk.say(NOT_YET)
        return
    marked = [JobOf(workflow, job) for workflow, job in session.marks]
    wanted = frozenset(of.job.id for of in marked)
    if isinstance(session.beside, MergedView) and session.beside.wanted == wanted:
        shown = session.beside
    else:
        if session.beside is not None:
            session.beside.close()
        session.start_fleet()
        timing = desk.plan.timing
        merged = MergedLog(session, desk.short_id, everything=not marked, timing=timing)
        shown = session.beside = MergedView(merged, wanted)
        running = [] if marked else jobs_that_run(session)
        newest, left = running[:MOST_WATCHED], running[MOST_WATCHED:]
        merged.add_all([*marked, *reversed(newest), *left])
    app.push_screen(MergedScreen(desk, shown))
