"""The log view: one widget with its keys, its messages and its commands.

It scrolls by rows, not by Textual's offsets: the height of all rows is never needed, so
ten million wrapped lines cost what a window costs.
"""

from __future__ import annotations

from asyncio import get_running_loop
from dataclasses import dataclass
from datetime import UTC
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final

from msgspec.structs import replace
from textual import events, on
from textual.message import Message
from textual.scroll_view import ScrollView

from chronotui.log.attempts import key_of
from chronotui.log.store import LogStore
from chronotui.model import STDERR, STDOUT
from chronotui.text import plural
from chronotui.times import Timestamps
from chronotui.ui.keys import help_key
from chronotui.ui.log import ViewportPlace, ViewSettings
from chronotui.ui.log.cells import why_no_json
from chronotui.ui.log.find import LogFinder, find_goal
from chronotui.ui.log.picture import LogPicture
from chronotui.ui.log.render import COMPONENTS, STYLES_CSS, zone_name
from chronotui.ui.log.state import EdgeWatch, OpenLog
from chronotui.ui.term import clipboard

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from textual.binding import BindingType
    from textual.geometry import Region
    from textual.strip import Strip

    from chronotui.log.marks import Anchor
    from chronotui.log.search import Search
    from chronotui.model import LogLine
    from chronotui.ui.log import Zone
    from chronotui.ui.log.find import Goal, Outcome
    from chronotui.ui.log.render import RowRenderer
    from chronotui.ui.log.state import Edge
    from chronotui.viewport import Spot

FRAME_SECONDS: Final = 1 / 30
"""Least time between two looks at what arrived."""

FLOOD_SECONDS: Final = 1 / 15.5
"""The same while a picture keeps less than half of the one before."""

SLICE_SECONDS: Final = 0.006
"""Longest piece of indexing between two frames."""

PROGRESS_SECONDS: Final = 0.1
"""Pause between two tellings of how far that has come."""

REDRAW_SECONDS: Final = 0.05
"""Least time between two pictures of rows that a filter is still looking through."""

REST_SECONDS: Final = 0.002
"""Pause between two slices, for keys and painting."""

SIDEWAYS_SHARE: Final = 3
"""A step sideways is this part of the room for text."""

WHEEL_LINES: Final = 3
TIMES: Final = ", ".join(mode.words for mode in Timestamps)


@dataclass(eq=False)
class LogMessage(Message):
    view: LogView

    def __post_init__(self) -> None:
        super().__post_init__()
        # A message bubbles no further than its sender, and that may be the pane.
        self.set_sender(self.view)


class LogView(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows an opened log; knows its rows and nothing of where they come from.

    Call `show` with an `OpenLog`, and `log_changed` when its store changed.

    Args:
        settings: How lines are shown.
        local_zone: The reader's zone; None is the machine's own.
        when_placed: Called when the reader is elsewhere, lines came, or more were read
            for filter and search, before the picture of it is on its way: what is
            painted then comes in the same frame.

    Attributes:
        why_empty: A title and a sentence for as long as there is nothing.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = STYLES_CSS
    COMPONENT_CLASSES: ClassVar[set[str]] = set(COMPONENTS.values())
    MOTIONS: ClassVar = frozenset({"move", "page"})
    """Actions that an app may do ahead of everything else, see `TypedAhead`."""
    BINDINGS: ClassVar[list[BindingType]] = [
        help_key("j,down", "move(1)", "Line down", "log.down"),
        help_key("k,up", "move(-1)", "Line up", "log.up"),
        help_key("space,ctrl+f,pagedown", "page(1.0)", "Page down", "log.page_down"),
        help_key("b,ctrl+b,pageup", "page(-1.0)", "Page up", "log.page_up"),
        help_key("ctrl+d", "page(0.5)", "Half page down", "log.half_down"),
        help_key("ctrl+u", "page(-0.5)", "Half page up", "log.half_up"),
        help_key(
            "g,home",
            "log_start",
            "Go to the start of the log, loading it whole if need be",
            "log.start",
        ),
        help_key("G,end", "follow", "Go to the newest line and follow", "log.end"),
        help_key("F", "follow", "Follow the newest line", "log.follow"),
        help_key("h,left", "sideways(-1)", "Scroll left", "log.left"),
        help_key("l,right", "sideways(1)", "Scroll right", "log.right"),
        help_key(
            "left_square_bracket",
            "attempt(-1)",
            "Go to the start of this attempt, then of the one before",
            "log.previous_attempt",
        ),
        help_key(
            "right_square_bracket",
            "attempt(1)",
            "Go to the start of the next attempt",
            "log.next_attempt",
        ),
        help_key("t", "next_timestamps", f"Times: {TIMES}", "log.timestamps"),
        help_key(
            "T", "toggle_zone", "Show times in the local zone or in UTC", "log.zone"
        ),
        help_key(
            "w", "toggle_wrap", "Wrap long lines, or cut them at the edge", "log.wrap"
        ),
        help_key(
            "0",
            "stream('')",
            "Show standard output and standard error",
            "log.both_streams",
        ),
        help_key(
            "1", f"stream('{STDOUT}')", "Show standard output alone", "log.only_stdout"
        ),
        help_key(
            "2", f"stream('{STDERR}')", "Show standard error alone", "log.only_stderr"
        ),
        help_key(
            "p",
            "toggle_json",
            "Show the current line's JSON indented, or as it came",
            "log.json",
        ),
        help_key(
            "m",
            "toggle_bookmark",
            "Bookmark the current line, or take its bookmark away",
            "log.bookmark",
        ),
        help_key(
            "apostrophe",
            "next_bookmark",
            "Go to the next bookmark",
            "log.next_bookmark",
        ),
        help_key("y", "copy_lines", "Copy the current line, or the range", "log.copy"),
        help_key(
            "v",
            "toggle_range",
            "Start a range of lines at the current one, or give it up",
            "log.range",
        ),
        help_key(
            "enter",
            "open_line",
            "Show the line whole; in a filtered view, in the full log",
            "log.open",
        ),
        help_key("escape", "step_back", "Back", "log.back"),
        help_key(
            "n", "next_match(1)", "Go to the next match of the search", "log.next_match"
        ),
        help_key("N", "next_match(-1)", "Go to the match before", "log.previous_match"),
        help_key(
            "e",
            "next_error(1)",
            "Go to the next error; a traceback or a burst on stderr is one",
            "log.next_error",
        ),
        help_key("E", "next_error(-1)", "Go to the error before", "log.previous_error"),
    ]

    @dataclass(eq=False)
    class EdgeReached(LogMessage):
        """The window is near lines that are not loaded, or at the very edge."""

        edge: Edge

    class WholeLogWanted(LogMessage):
        """The reader went to the start, and the start is not loaded."""

    @dataclass(eq=False)
    class OlderWanted(LogMessage):
        """The reader wants to go where is not loaded; `go_to_loaded` goes there."""

        goal: Goal
        typed: str

    class OlderErrorWanted(LogMessage):
        """The error before is not among what is loaded; see `went_to_older_error`."""

    @dataclass(eq=False)
    class ServerSearchWanted(LogMessage):
        """The server is to search its whole retained log for a text, maybe empty."""

        text: str

    @dataclass(eq=False)
    class LineOpened(LogMessage):
        line: LogLine

    @dataclass(eq=False)
    class SettingsChanged(LogMessage):
        """The reader changed how lines are shown; worth remembering."""

        settings: ViewSettings

    @dataclass(eq=False)
    class Said(LogMessage):
        """A key had a result worth a short sentence; "" takes the last one away."""

        text: str

    def __init__(
        self,
        *,
        settings: ViewSettings | None = None,
        local_zone: tzinfo | None = None,
        when_placed: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self.settings = settings or ViewSettings()
        self.local_zone = local_zone
        self.opened = OpenLog(LogStore())
        self.edges = EdgeWatch()
        self.finder = LogFinder(self.edges)
        self._when_placed = when_placed
        self._place: ViewportPlace | None = None
        self.why_empty = ("", "")
        self._picture = LogPicture(self)
        # Arrivals and indexing
        self._sync_due = False
        self._last_synced = 0.0
        self._rest = FRAME_SECONDS
        self._indexing = False
        self._last_told = 0.0
        self._last_redrawn = 0.0
        self._pressed_at: int | None = None

    # What is shown

    def show(self, opened: OpenLog | None) -> None:
        """Show a log where its reader left it; None shows nothing."""
        self.opened = opened or OpenLog(LogStore())
        self.opened.refresh()
        self.edges.forget()
        self._place = None
        self.redraw()

    def explain_empty(self, title: str, sentence: str) -> None:
        """Say why there is nothing, for as long as there is nothing."""
        if (title, sentence) != self.why_empty:
            self.why_empty = (title, sentence)
            if not len(self.opened.rows):
                self.redraw()

    @property
    def place(self) -> ViewportPlace:
        if self._place is None:
            place = self.opened.place()
            time_ns = place.line.time_ns if place.line else None
            left = 0 if self.settings.wrap else place.left
            zone = zone_name(self.zone, time_ns)
            self._place = replace(place, zone=zone, left=left)
        return self._place

    @property
    def zone(self) -> tzinfo | None:
        return UTC if self.settings.zone == "utc" else self.local_zone

    @property
    def is_at_top(self) -> bool:
        """Whether the reader stands on the first row there is."""
        viewport = self.opened.viewport
        return not viewport.following and viewport.current == 0

    def say(self, text: str) -> None:
        """Tell the reader in one short sentence what came of a key."""
        self.post_message(self.Said(self, text))

    def redraw(self) -> None:
        """Draw everything anew: the way of showing changed."""
        if self.size:
            self._picture.settle()
            self.moved()

    def moved(self) -> None:
        """Show and tell what the reader's step, or an arrival, changed."""
        self._place = None
        self._picture.repaint()
        self._when_placed()
        for wanted in self.edges.wanted(self.opened):
            if wanted == "whole":
                self.post_message(self.WholeLogWanted(self))
            else:
                self.post_message(self.EdgeReached(self, wanted))
        if not self._indexing and not self.opened.is_indexed:
            self._indexing = True
            self.set_timer(REST_SECONDS, self._index)

    def refilter(self) -> None:
        self.opened.refilter()
        self.redraw()

    def return_to(self, spot: Spot[Anchor]) -> None:
        """Go back to where the reader was, among rows that are others again."""
        self.renderer()
        self.opened.viewport.return_to(spot)
        self.redraw()

    # Painting

    def renderer(self) -> RowRenderer:
        return self._picture.renderer()

    def render_lines(self, crop: Region) -> list[Strip]:
        return self._picture.strips(crop)

    def notify_style_update(self) -> None:
        """Take the theme's new colours when next drawn."""
        super().notify_style_update()
        self._picture.forget_styles()
        self.refresh()

    def on_resize(self) -> None:
        self.redraw()

    # Arrivals and indexing

    def log_changed(self) -> None:
        """Take over what the store changed, once a frame however often it is said."""
        if self._sync_due:
            return
        self._sync_due = True
        wait = self._last_synced + self._rest - monotonic()
        if wait > 0:
            # A timer of Textual's is a task: too much for each frame.
            get_running_loop().call_later(wait, self.call_later, self.sync)
        else:
            self.call_later(self.sync)

    def sync(self) -> None:
        self._sync_due = False
        self._last_synced = monotonic()
        opened = self.opened
        before = len(opened.rows)
        first = opened.refresh()
        floods = (len(opened.rows) - before) * 2 > self.size.height
        self._rest = FLOOD_SECONDS if floods else FRAME_SECONDS
        if self.size:
            self.renderer().forget_from(first)
            opened.viewport.resettle(first)
            self.moved()

    def _index(self) -> None:
        """Read on for the filter and the search, slice by slice."""
        self._indexing = False
        opened = self.opened
        changed = opened.index(SLICE_SECONDS)
        if changed:
            self.renderer().forget_from(0)
        self._obey(self.finder.indexed(opened))
        now, is_done = monotonic(), opened.is_indexed
        if is_done or now - self._last_told >= PROGRESS_SECONDS:
            self._last_told = now
            self._when_placed()
        if changed and (is_done or now - self._last_redrawn >= REDRAW_SECONDS):
            self._last_redrawn = now
            self.moved()
        elif not is_done:
            self._indexing = True
            self.set_timer(REST_SECONDS, self._index)

    # Moving

    def action_move(self, rows: int) -> None:
        viewport = self.opened.viewport
        if rows < 0 and viewport.current == 0:
            self.edges.ask_again("top")
        viewport.move(rows)
        self.moved()

    def action_page(self, share: float) -> None:
        """Go a window down or up, or a part of one."""
        viewport = self.opened.viewport
        if share < 0 and viewport.top.row == 0:
            self.edges.ask_again("top")
        lines = max(1, round(abs(share) * self.size.height) - (abs(share) == 1.0))
        viewport.page(lines if share > 0 else -lines)
        self.moved()
        # The next key is likely the same one.
        self.call_later(self._picture.draw_ahead, lines if share > 0 else -lines)

    def action_log_start(self) -> None:
        self.go_to_row(0)
        if self.edges.more_above:
            self.post_message(self.WholeLogWanted(self))

    def go_to_row(self, row: int) -> None:
        self.opened.viewport.go_to(row)
        self.moved()

    def action_follow(self) -> None:
        self.opened.viewport.follow()
        self.edges.ask_again("bottom")
        self.moved()

    def action_stop_following(self) -> None:
        self.opened.viewport.stop_following()
        self.moved()

    def action_sideways(self, direction: int) -> None:
        opened = self.opened
        if self.settings.wrap or not len(opened.rows):
            return
        renderer = self.renderer()
        room = renderer.lines.room
        shown = {place.row for place in opened.viewport.window_rows()} - {-1}
        step = max(1, room // SIDEWAYS_SHARE) * direction
        furthest = max(opened.left, max(map(renderer.text_width, shown)) - room + 1, 0)
        opened.left = min(max(opened.left + step, 0), furthest)
        self.moved()

    def action_attempt(self, direction: int) -> None:
        if self.opened.store.is_sparse:
            self.say("There are no attempts here to move between.")
            return
        if not len(self.opened.rows):
            return
        row = self.opened.attempt_start(direction)
        if row is None and direction > 0:
            self.say("This is the last attempt.")
        elif row is None:
            self.say("This is the start of the first attempt that is loaded.")
            self.edges.ask_again("top")
            self.go_to_row(0)
        else:
            self.go_to_row(row)

    # Finding

    def action_next_match(self, step: int) -> None:
        if self.opened.search is None:
            self.say("Nothing is searched for; / searches.")
        else:
            self._look_for(self.opened.search, step)

    def action_next_error(self, step: int) -> None:
        if len(self.opened.rows):
            self._look_for(self.opened.errors, step)

    def _look_for(self, search: Search, step: int) -> None:
        self._obey(self.finder.next(self.opened, search, step))
        self.moved()

    def _obey(self, outcome: Outcome) -> None:
        if outcome.wants_older:
            self.post_message(self.OlderErrorWanted(self))
        if outcome.said is not None:
            self.say(outcome.said)

    def went_to_older_error(self) -> bool:
        """Go to the error before among lines loaded since it was asked for.

        Returns whether no more of them need be loaded: it is there, there is none, or
        the reader went elsewhere.
        """
        self.sync()
        outcome = self.finder.older_error(self.opened)
        if not outcome.wants_older:
            self._obey(outcome)
            self.moved()
        return not outcome.wants_older

    def go_to_loaded(self, goal: Goal) -> None:
        """As `go_to_goal`, unless the reader went elsewhere since it was asked for."""
        self.sync()
        if self.finder.is_awaited(self.opened):
            self.go_to_goal(goal)

    def go_to_goal(self, goal: Goal) -> None:
        """Go to a place, and say so if it is not quite the one that was meant.

        Raises:
            ValueError: The log has no such place; the message is a sentence.
        """
        row, word = find_goal(goal, self.opened)
        self.go_to_row(row)
        self.say(word)

    # How lines are shown

    def action_next_timestamps(self) -> None:
        modes = list(Timestamps)
        place = modes.index(self.settings.timestamps) + 1
        timestamps = modes[place % len(modes)]
        self._change(replace(self.settings, timestamps=timestamps))
        self.say(f"Times: {timestamps.meaning}.")

    def action_toggle_zone(self) -> None:
        zone: Zone = "local" if self.settings.zone == "utc" else "utc"
        self._change(replace(self.settings, zone=zone))
        self.say(f"Times in {self.place.zone}.")

    def action_toggle_wrap(self) -> None:
        self._change(replace(self.settings, wrap=not self.settings.wrap))
        self.say("Long lines wrap." if self.settings.wrap else "Long lines are cut.")

    def _change(self, settings: ViewSettings) -> None:
        self.settings = settings
        self._place = None  # also where nothing is drawn, for the log is hidden
        self.opened.viewport.reconsider()
        self.redraw()
        self.post_message(self.SettingsChanged(self, settings))

    def action_stream(self, stream: str) -> None:
        """Show one stream alone, or both where it is empty."""
        self.opened.filters.stream = stream or None
        self.opened.filters.suspended = False
        self.refilter()
        self.say(f"Only {stream}; 0 shows both." if stream else "Both streams.")

    def action_toggle_json(self) -> None:
        line = self.opened.current_line
        if line is None:
            return
        if refusal := why_no_json(line.message):
            self.say(refusal)
            return
        self.opened.as_json ^= {key_of(line)}
        self.opened.viewport.reconsider()
        self.redraw()

    # Lines: bookmarks, ranges, copies

    def action_toggle_bookmark(self) -> None:
        match self.opened.toggle_bookmark():
            case None:
                self.say("Only lines can be bookmarked.")
            case True:
                self.say("Bookmarked; ' goes to the next bookmark.")
            case False:
                self.say("Bookmark taken away.")
        self.redraw()

    def action_next_bookmark(self) -> None:
        found = self.opened.next_bookmark()
        if found is None:
            self.say("No bookmarks; m sets one.")
            return
        row, wrapped = found
        self.say("First bookmark: went on from the start." if wrapped else "")
        self.go_to_row(row)

    def action_toggle_range(self) -> None:
        opened = self.opened
        if not len(opened.rows):
            return
        if opened.range_from is None:
            opened.viewport.stop_following()
            opened.range_from = opened.rows.anchor(opened.viewport.current)
            self.say("Range started: move, then y copies it; v gives it up.")
        else:
            opened.range_from = None
            self.say("")
        self.moved()

    def action_copy_lines(self) -> None:
        opened = self.opened
        picked = opened.picked_rows()
        if len(picked) > clipboard.MOST_BYTES:
            self._refuse(f"{len(picked):,} lines", clipboard.MOST_BYTES)
            return
        lines = opened.picked_lines()
        if not lines:
            self.say("There is no line to copy here.")
            return
        try:
            text = clipboard.printable([line.message for line in lines])
            sent = clipboard.copy(self.app, text)
        except clipboard.TooLargeToCopyError as error:
            self._refuse(f"{error.size:,} bytes", error.most)
            return
        opened.range_from = None
        what = f"{plural(len(lines), 'line')}, {plural(sent.size, 'byte')}"
        self.say(f"Sent {what}, to {sent.to}.")
        self.moved()

    def _refuse(self, size: str, most: int) -> None:
        self.say(
            f"Too large to copy: {size}, {most:,} bytes arrive at most. s saves it."
        )

    def action_open_line(self) -> None:
        opened, line = self.opened, self.opened.current_line
        if line is None:
            return
        if opened.filters.hides and opened.filters.hides_lines:
            opened.viewport.stop_following()
            opened.filters.suspended = True
            self.refilter()
            self.say("In the full log; esc goes back to the filtered view.")
        else:
            self.post_message(self.LineOpened(self, line))

    def action_step_back(self) -> None:
        """Give up the range, else the search, else the last filter."""
        opened = self.opened
        if opened.range_from is not None:
            opened.range_from = None
            self.moved()
        elif opened.search is not None:
            opened.search = None
            self.redraw()
        elif opened.filters.pop():
            self.refilter()
        self.say("")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave ``esc`` to the screen around when nothing is to be given up."""
        if action != "step_back":
            return super().check_action(action, parameters)
        opened = self.opened
        return bool(opened.range_from is not None or opened.search or opened.filters)

    # The mouse

    @on(events.MouseScrollUp)
    @on(events.MouseScrollDown)
    @on(events.MouseScrollLeft)
    @on(events.MouseScrollRight)
    def _wheel(self, event: events.MouseEvent) -> None:
        event.stop()
        event.prevent_default()
        back = isinstance(event, events.MouseScrollUp | events.MouseScrollLeft)
        sideways = isinstance(event, events.MouseScrollLeft | events.MouseScrollRight)
        if sideways or event.shift or event.ctrl:
            self.action_sideways(-1 if back else 1)
        else:
            self.opened.viewport.scroll(-WHEEL_LINES if back else WHEEL_LINES)
            self.moved()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        row = self.opened.viewport.row_at(event.y)
        if row >= 0:
            self.opened.range_from = None
            self._pressed_at = row
            self.capture_mouse()
            self.go_to_row(row)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._pressed_at is None:
            return
        opened, last = self.opened, self.size.height - 1
        if not 0 <= event.y <= last:
            opened.viewport.scroll(-1 if event.y < 0 else 1)
            self.moved()
        row = opened.viewport.row_at(min(max(event.y, 0), last))
        if row < 0 or (row == self._pressed_at and opened.range_from is None):
            return
        if opened.range_from is None:
            opened.range_from = opened.rows.anchor(self._pressed_at)
        self.go_to_row(row)

    def on_mouse_up(self) -> None:
        self._pressed_at = None
        self.release_mouse()

    async def on_click(self, event: events.Click) -> None:
        if event.chain == 2:
            await self.run_action("open_line")
