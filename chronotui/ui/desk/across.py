"""A pattern in every run of a workflow, over the desk: results as they come."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.geometry import Size
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Input, Label, Static

from chronotui.engine.across_search import AcrossSearch, AcrossState, ResultRow
from chronotui.engine.since_when import in_words
from chronotui.log.handoff import LinePlace
from chronotui.log.pattern import BadPattern
from chronotui.model import STDERR
from chronotui.text import clean, plural, printable_line
from chronotui.times import human_duration
from chronotui.tree.days import local_time
from chronotui.tree.row import JOB_SIGNS, Role, RowPiece, clock_text
from chronotui.ui.desk.board import BoardHeading
from chronotui.ui.desk.meant import MeantJob
from chronotui.ui.desk.status import (
    NOTICE_SECONDS,
    SentencePlace,
    StatusPart,
)
from chronotui.ui.key_hints import KeyHints
from chronotui.ui.keys import help_key
from chronotui.ui.row_window import RowWindow, fitted, motion_keys, strip_of
from chronotui.ui.standing import while_standing
from chronotui.ui.term import clipboard

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from rich.style import Style
    from textual.app import ComposeResult
    from textual.events import Click
    from textual.timer import Timer

    from chronotui.engine.session import Session
    from chronotui.log.pattern import Pattern
    from chronotui.model import Job, LogLine
    from chronotui.ui.desk.plan import DeskPlan
    from chronotui.ui.desk.screen import DeskScreen
    from chronotui.ui.desk.status import Tone

DRAWN_APART: Final = 0.1
"""Seconds between two drawings of what was found."""

START_CELLS: Final = 12
TOOK_CELLS: Final = 7
NUMBER_CELLS: Final = 9
CLOCK_CELLS: Final = 12
WITH_CLOCK: Final = 70
"""Cells of a row from which on lines tell their time."""

BEFORE_MATCH: Final = 16
"""Cells of a message left of a match that would not be in sight otherwise."""

LONGEST: Final = 4000
"""Characters of a message that are drawn."""

SHORT_NAME: Final = 16
"""Characters of a workflow's name where room is short."""

KEYS: Final = "enter searches all runs, newest first"


def run_pieces(
    row: ResultRow, short_id: str, width: int, now: datetime, zone: tzinfo | None
) -> tuple[RowPiece, ...]:
    """Return what the row of a run says."""
    run, job = row.run, row.run.job
    sign, role = JOB_SIGNS.get(str(job.status), ("?", Role.UNKNOWN))
    begun = job.started_at or job.created_at
    start = ""
    if begun is not None:
        moments = local_time(begun, zone), local_time(now, zone)
        start = clock_text(*moments, START_CELLS)
    seconds = job.duration(now)
    took = "" if seconds is None else human_duration(seconds)
    found = plural(run.matches, "line") if run.matches else ""
    if not run.is_over:
        found = f"{found}, looking on"
    if run.problem:
        found = f"{found}, " * bool(found) + f"not read whole: {clean(run.problem)}"
    fixed = (
        RowPiece(sign, role, 2),
        RowPiece(short_id, Role.NAME, cell_len(short_id) + 2),
        RowPiece(start, Role.MUTED, START_CELLS + 1),
        RowPiece(took, Role.MUTED, TOOK_CELLS, right=True),
        RowPiece("", Role.PLAIN, 2),
    )
    left = width - sum(piece.width for piece in fixed)
    says = Role.ALARM if run.problem else Role.PLAIN
    return (*fixed, RowPiece(found, says, max(left, 1)))


def line_clock(line: LogLine, zone: tzinfo | None) -> str:
    """Return the time of day of a line, with milliseconds."""
    if line.time_ns is None:
        return ""
    try:
        moment = datetime.fromtimestamp(line.time_ns // 1_000_000_000, tz=UTC)
    except (OverflowError, OSError, ValueError):
        return ""
    local = local_time(moment, zone)
    return f"{local:%H:%M:%S}.{line.time_ns // 1_000_000 % 1000:03d}"


class AcrossList(RowWindow, inherit_bindings=False):
    """The rows of what was found.

    Args:
        search: What is shown.
        short_id: Cuts the id of a run as it is shown.
        zone: Tells what times are told in.
        now: The time.
        selected: The row that was selected before.
    """

    DEFAULT_CSS = """
    AcrossList {
        & > .across-list--found { text-style: bold reverse; }
        & > .across-list--stderr { color: $text-error; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "across-list--found",
        "across-list--stderr",
    }
    BINDINGS: ClassVar[list[BindingType]] = [*motion_keys("across")]

    def __init__(
        self,
        search: AcrossSearch,
        short_id: Callable[[Job], str],
        zone: Callable[[], tzinfo | None],
        now: Callable[[], datetime],
        selected: int | None = None,
    ) -> None:
        super().__init__()
        self._search = search
        self._short_id = short_id
        self._zone = zone
        self._now = now
        self._selected = selected

    @property
    def count(self) -> int:
        return len(self._search.rows)

    @property
    def current(self) -> int:
        """The selected row: the first line, until another one was chosen."""
        wanted = 1 if self._selected is None else self._selected
        return min(wanted, max(self.count - 1, 0))

    @property
    def row(self) -> ResultRow | None:
        """The selected row, None where there is none."""
        return self._search.rows[self.current] if self.count else None

    def go_to(self, row: int) -> None:
        self._selected = min(max(row, 0), max(self.count - 1, 0))
        self.show_selected()

    def begin(self) -> None:
        """Show other results, from the top."""
        self._selected = None
        self.scroll_to_row(0)
        self.show_selected()

    def go_to_run(self, step: int) -> None:
        """Select the next run, or the one before."""
        rows, at = self._search.rows, self.current + step
        while 0 <= at < len(rows):
            if rows[at].line is None and not rows[at].more:
                self.go_to(at)
                return
            at += step

    def sync(self) -> None:
        """Show what was added, and what rows say otherwise."""
        if self.is_mounted:
            self.take_height(self.count)
            self.repaint_changed()

    def show_selected(self) -> None:
        """Bring the selected row into the window."""
        self.take_height(self.count)
        self.bring_in(self.current)

    def words(self, row: int) -> tuple[object, ...] | None:
        if row >= self.count:
            return None
        found = self._search.rows[row]
        cursor, width = row == self.current, self.row_width
        if found.line is None:
            return self._pieces(found), cursor
        return id(found.run), found.line, cursor, width, self._zone()

    def _pieces(self, found: ResultRow) -> tuple[RowPiece, ...]:
        width = self.row_width
        if not found.more:
            short_id = self._short_id(found.run.job)
            return run_pieces(found, short_id, width, self._now(), self._zone())
        words = "  ⋯ further lines of this run are counted, not listed: enter opens it"
        return (RowPiece(words, Role.MUTED, width),)

    def render_line(self, y: int) -> Strip:
        row, width, look = self.first_row + y, self.row_width, self.look
        words = self.words(row)
        if words is None:
            self._painted.pop(y, None)
            return Strip.blank(width, look.filling[False])
        self._painted[y] = words
        found, cursor = self._search.rows[row], row == self.current
        if found.line is None:
            return strip_of(self._pieces(found), width, look, cursor)
        return self._line(found.line, width, cursor=cursor)

    def _line(self, line: LogLine, width: int, *, cursor: bool) -> Strip:
        look = self.look
        plain, muted = look.parts[Role.PLAIN, cursor], look.parts[Role.MUTED, cursor]
        is_error = line.stream == STDERR
        attempt = f"{line.attempt}:" if line.attempt > 1 else ""
        number = f"{attempt}{line.sequence_num:,}"
        number = fitted(number, NUMBER_CELLS, right=True)
        segments = [Segment(f"  {number} ", muted)]
        if width >= WITH_CLOCK:
            clock = fitted(line_clock(line, self._zone()), CLOCK_CELLS)
            segments.append(Segment(f" {clock} ", muted))
        mark = self._ink("stderr", plain) if is_error else plain
        segments.append(Segment("▌ " if is_error else "  ", mark))
        segments += self._message(line.message, width, plain)
        strip = Strip(segments).simplify()
        return strip.adjust_cell_length(width, look.filling[cursor])

    def _message(self, message: str, width: int, plain: Style) -> list[Segment]:
        """Draw a message, from where its first match is in sight, with the matches."""
        text = printable_line(message[:LONGEST])
        pattern: Pattern | None = self._search.pattern
        spans = [] if pattern is None else pattern.spans(text)
        room = width - NUMBER_CELLS - 5
        start = 0
        if spans and spans[0][1] > room - CLOCK_CELLS:
            start = max(spans[0][0] - BEFORE_MATCH, 0)
        found = self._ink("found", plain)
        segments = [Segment("…" if start else "", plain)]
        place = start
        for begin, end in spans:
            if begin >= place:
                segments.append(Segment(text[place:begin], plain))
                segments.append(Segment(text[begin:end], found))
                place = end
            if place > start + width:
                break
        segments.append(Segment(text[place : start + width], plain))
        return segments

    def _ink(self, part: str, plain: Style) -> Style:
        name = f"across-list--{part}"
        return plain + self.get_component_rich_style(name, partial=True)

    def scrolled(self) -> None:
        """Nothing is asked for: all there is is here."""

    def on_click(self, event: Click) -> None:
        """Select a row; a second click opens it."""
        row = self.first_row + event.y
        if row < self.count:
            self.go_to(row)
            if event.chain == 2:
                self.call_later(self.run_action, "screen.open")

    def on_resize(self) -> None:
        self.virtual_size = Size(self.row_width, self.count)
        self.show_selected()


def heading_of(search: AcrossSearch) -> list[StatusPart]:
    """Return what stands over the results, in reading order."""
    name = clean(search.workflow.shown_name)
    short = name[:SHORT_NAME]
    parts = [StatusPart("Across runs", "text", 3), StatusPart(name, short=short)]
    if search.state is AcrossState.IDLE:
        return [*parts, StatusPart(KEYS, "muted")]
    found = plural(search.lines, "line")
    if search.matching:
        found += f" in {plural(search.matching, 'run')}"
    read = f"{plural(search.ended, 'run')} read"
    parts += [StatusPart(found), StatusPart(read, "text", 1)]
    if search.unread:
        parts.append(StatusPart(f"{search.unread:,} not read whole", "alarm"))
    if search.empty:
        parts.append(StatusPart(f"{search.empty:,} keep no lines", "muted", 2))
    if search.too_slow:
        slow = f"{plural(search.too_slow, 'line')} took too long, left out"
        parts.append(StatusPart(slow, "caution"))
    parts.append(_state_of(search))
    return parts


def _state_of(search: AcrossSearch) -> StatusPart:
    if search.is_running:
        narrowing = "looking since when" if search.is_narrowing else ""
        is_searching = search.state is AcrossState.SEARCHING
        words = narrowing or search.state.value
        if narrowing and is_searching:
            words = f"{search.state.value} and {narrowing}"
        elif narrowing and (rest := _rest_of(search)):
            words = f"{rest}; {narrowing}"
        short = "esc stops"
        return StatusPart(f"{words}, {short}", "caution", short=short)
    tones: dict[AcrossState, Tone] = {
        AcrossState.FAILED: "alarm",
        AcrossState.STOPPED: "caution",
        AcrossState.DONE: "good",
    }
    words = _rest_of(search) or search.state.value
    return StatusPart(words, tones.get(search.state, "muted"))


def _rest_of(search: AcrossSearch) -> str:
    """Say what a search that ended early did not come to; "" where it did not."""
    if search.state not in {AcrossState.STOPPED, AcrossState.FAILED}:
        return ""
    left = search.not_read
    if left is None and not search.ended:
        return str(search.state.value)
    rest = "further runs" if left is None else plural(left, "run")
    return f"{search.state.value}, {rest} not read"


class AcrossScreen(Screen[None]):
    """A search over a workflow's runs.

    Args:
        desk: What it stands over, and opens lines on.
        session: The desk's session.
        search: What is shown, and goes on while a line of it is looked at.
        typed: What the pattern is at first.
        selected: The row that is selected at first.
    """

    DEFAULT_CSS = """
    AcrossScreen {
        background: $background; color: $foreground;
        & #asked { height: 1; background: $surface; }
        & #asked Label { padding: 0 1; color: $text-muted; }
        & #asked Input { width: 1fr; }
        & #told { height: auto; max-height: 4; padding: 0 1; display: none; }
        & #told.-shown { display: block; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,l", "open", "opens", id="across.open"),
        Binding("slash", "ask", "pattern", id="across.ask"),
        Binding("w", "since_when", "since when", id="across.since_when"),
        Binding("n", "run(1)", "next run", id="across.next_run"),
        help_key("N", "run(-1)", "run before", "across.previous_run"),
        help_key("y", "copy", "copy the line, with what opens it", "across.copy"),
        help_key("c", "card", "card of the run", "across.card"),
        help_key("r,f5", "ask_now", "search again", "across.refresh"),
        help_key("down", "to_list", "to what was found", "across.list"),
        Binding("escape,q", "back", "stop, then back", id="across.back"),
    ]

    def __init__(
        self,
        desk: DeskScreen,
        session: Session,
        search: AcrossSearch,
        *,
        typed: str = "",
        selected: int | None = None,
    ) -> None:
        super().__init__()
        self.desk = desk
        self.session = session
        self.search = search
        is_begun = search.state is not AcrossState.IDLE
        self._typed = search.text if is_begun else typed or search.text
        self._unsubscribe: Callable[[], None] = lambda: None
        self._drawing: Timer | None = None
        self._sentences = SentencePlace(self)
        self.heading = BoardHeading()
        self.field = Input(
            self._typed, placeholder="pattern", compact=True, id="pattern"
        )
        self.told = Static(id="told", markup=False)
        self.list = AcrossList(
            search, self._short_id, self._zone, desk.plan.now, selected
        )

    def compose(self) -> ComposeResult:
        yield self.heading
        with Horizontal(id="asked"):
            yield Label("find", markup=False)
            yield self.field
        yield self.told
        yield self.list
        yield KeyHints()

    def on_mount(self) -> None:
        self._unsubscribe = self.search.subscribe(while_standing(self, self._soon))
        has_results = self.search.state is not AcrossState.IDLE
        self.set_focus(self.list if has_results else self.field)
        self._sync()
        self.call_after_refresh(self.list.show_selected)

    def on_unmount(self) -> None:
        self._unsubscribe()

    @property
    def plan(self) -> DeskPlan:
        return self.desk.plan

    @property
    def meant(self) -> MeantJob:
        """The run of the selected row, and its workflow."""
        row = self.list.row
        return MeantJob(self.search.workflow, None if row is None else row.run.job)

    def _zone(self) -> tzinfo | None:
        return self.session.catalog.tree.zone

    def _short_id(self, job: Job) -> str:
        return clean(self.session.catalog.tree.short_id(job))

    def say(self, sentence: str, *, seconds: float = NOTICE_SECONDS) -> None:
        """Show a sentence over the line of keys for a while; "" takes it away."""
        self._sentences.say(sentence, seconds)

    def on_resize(self) -> None:
        self._sentences.fit()

    # what is shown

    def _soon(self) -> None:
        """Draw what changed, in one go with what changes until then."""
        if self._drawing is None:
            self._drawing = self.set_timer(DRAWN_APART, self._sync)

    def _sync(self) -> None:
        self._drawing = None
        self.heading.show(heading_of(self.search))
        words = self._words()
        self.told.update(clean(words))
        self.told.set_class(bool(words), "-shown")
        self.list.sync()

    def _words(self) -> str:
        """Say what went wrong, or since when."""
        search = self.search
        if search.problem is not None:
            return f"{search.problem.sentence} r searches again."
        boundary = search.boundary
        if boundary is not None and (boundary.looked or not search.is_narrowing):
            so_far = "" if search.is_narrowed else "So far: "
            return so_far + in_words(boundary, self._named)
        if search.state is AcrossState.DONE and not search.lines:
            return f"Nothing in {plural(search.ended, 'run')}. / changes the pattern."
        return ""

    def _named(self, job: Job) -> str:
        short, moment = self._short_id(job), job.started_at or job.created_at
        if moment is None:
            return short
        return f"{short} (started {local_time(moment, self._zone()):%Y-%m-%d %H:%M:%S})"

    # keys

    @on(Input.Submitted)
    def _asked(self, event: Input.Submitted) -> None:
        event.stop()
        self._begin(event.value)

    def _begin(self, text: str) -> None:
        try:
            self.search.begin(text)
        except BadPattern as problem:
            self.say(str(problem))
            return
        self.list.begin()
        self.set_focus(self.list)
        self._sync()

    def action_ask(self) -> None:
        """Change the pattern."""
        self.set_focus(self.field)

    def action_to_list(self) -> None:
        if self.list.count:
            self.set_focus(self.list)

    def action_ask_now(self) -> None:
        if self.search.text:
            self._begin(self.search.text)

    def action_since_when(self) -> None:
        """Find the boundary between runs that match and an older one that does not."""
        if self.search.pattern is None:
            self.say("Search for a pattern first.")
            return
        self.search.ask_since_when()
        self._sync()

    def action_run(self, step: int) -> None:
        self.list.go_to_run(step)

    def action_open(self) -> None:
        """Open the line in its own log; one step back are these results."""
        row = self.list.row
        if row is None:
            self.say("There is nothing to open yet.")
            return
        place = None if row.line is None else LinePlace.of(row.line)
        again = partial(self._again, self.list.current)
        self.app.pop_screen()
        self.desk.call_later(
            self.desk.open_at, self.search.workflow, row.run.job, place, back=again
        )

    def _again(self, selected: int) -> None:
        screen = AcrossScreen(self.desk, self.session, self.search, selected=selected)
        self.desk.app.push_screen(screen)

    def action_back(self) -> None:
        """Leave the pattern, or stop what goes on, or go back to the desk."""
        if self.focused is not self.list and self.list.count:
            self.set_focus(self.list)
        elif not self.search.stop():
            self.app.pop_screen()

    def stop_following(self) -> None:
        """Stop what goes on; what is pressed twice in a row quits."""
        if not self.search.stop():
            self.say("Press ^c again to quit.", seconds=2.0)

    def action_card(self) -> None:
        """Show what happened to the run, to be copied or saved."""
        workflow, job = self.meant
        if job is None:
            self.say("There is no run yet.")
            return
        from chronotui.ui.card import show_card

        short_id = self._short_id(job)
        show_card(self, self.session, self.plan, workflow, job, short_id=short_id)

    def action_copy(self) -> None:
        """Copy the line with where it is from and what opens it."""
        row = self.list.row
        if row is None or row.line is None:
            self.say("Choose a line first.")
            return
        config = getattr(self.app, "config", None)
        origin = self.plan.origin(config, self.search.workflow, row.run.job)
        try:
            text = clipboard.printable(origin.handed([row.line]))
            sent = clipboard.copy(self.app, text)
        except clipboard.TooLargeToCopyError as error:
            self.say(f"Too large to copy: {plural(error.size, 'byte')}.")
            return
        self.say(f"Sent the line, {plural(sent.size, 'byte')}, to {sent.to}.")


NO_RUNS: Final = "R searches the runs of a workflow: {label} has none."
CHOOSE: Final = "Choose a workflow in the tree first."


def show_across(desk: DeskScreen) -> None:
    """Ask for a pattern and search the runs of the workflow that is meant."""
    session, workflow = desk.session, desk.meant.workflow
    if desk.plan.kind.capabilities.runs:
        desk.say(NO_RUNS.format(label=desk.plan.kind.label))
    elif session is None or workflow is None:
        desk.say(CHOOSE)
    else:
        pane = desk.log_side.log_pane
        in_log = "" if pane is None else pane.view.opened.search_text
        search = session.across(workflow)
        desk.app.push_screen(AcrossScreen(desk, session, search, typed=in_log))
