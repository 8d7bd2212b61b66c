"""Drawing the window over an opened log; only screen rows that changed are painted."""

from __future__ import annotations

from asyncio import get_running_loop
from datetime import UTC
from itertools import groupby
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding
from textual.geometry import Region
from textual.scroll_view import ScrollView

from chronotui.ui.log.messages import (
    Edge,
    EdgeReached,
    PlaceChanged,
    ReadOn,
    Said,
    ViewportPlace,
    WholeLogWanted,
)
from chronotui.ui.log.prompt import draw_reason
from chronotui.ui.log.render import (
    BLACK,
    Flags,
    Highlighter,
    LineRenderer,
    LogStyles,
    RowRenderer,
    Stamper,
    look_of,
)
from chronotui.ui.log.settings import ViewSettings
from chronotui.ui.log.state import place_of
from chronotui.ui.term.buffer import DrawnRow
from chronotui.ui.term.driver import Shortcut

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from textual import events
    from textual.binding import BindingType
    from textual.events import Resize
    from textual.strip import Strip
    from textual.widget import Widget

    from chronotui.log.marks import Anchor
    from chronotui.ui.log.messages import Tone
    from chronotui.ui.log.state import OpenLog


class LogCanvas(ScrollView, can_focus=True, inherit_bindings=False):
    """Draws an opened log from where its reader is.

    It scrolls by rows, not by Textual's offsets: the height of all rows is never
    needed, so ten million wrapped lines cost what a window costs.

    Args:
        settings: How lines are shown.
        local_zone: The reader's zone; None is the machine's own.
    """

    ALLOW_SELECT = False

    def __init__(
        self,
        *,
        settings: ViewSettings | None = None,
        local_zone: tzinfo | None = None,
        id: str | None = None,  # noqa: A002 - Textual's own name
    ) -> None:
        super().__init__(id=id)
        self.settings = settings or ViewSettings()
        self.local_zone = local_zone
        self.opened: OpenLog | None = None
        self._painter: RowRenderer | None = None
        self._look: LogStyles | None = None
        self._drawn: list[DrawnRow] = []
        self._drawn_width = 0
        self._shortcut = Shortcut(self)
        self._background = BLACK
        self._highlighter: Highlighter | None = None
        self._reason = ("", "")

    @property
    def look(self) -> LogStyles:
        """The styles of now."""
        if self._look is None:
            self._look = look_of(self)
            self._background = self.background_colors[1]
        return self._look

    @property
    def zone(self) -> tzinfo | None:
        """The zone times are shown in; None is the machine's own."""
        return UTC if self.settings.zone == "utc" else self.local_zone

    def prepare(self, opened: OpenLog) -> RowRenderer:
        """Return the painter for the size, settings and search of now."""
        drawer = LineRenderer(
            look=self.look,
            stamper=Stamper(self.settings.timestamps, self.zone, opened.start_ns),
            width=self.size.width,
            wrap=self.settings.wrap,
            left=opened.left,
            find=self._highlighter_of(opened),
            filters=tuple(self.get_line_filters()),
            background=self._background,
        )
        painter = self._painter
        if painter is None or not painter.paints(opened.near, opened.as_json):
            painter = RowRenderer(opened.near, drawer, opened.as_json)
            self._painter = painter
            opened.viewport.measure_with(painter.height)
        painter.drawer = drawer
        return painter

    def _highlighter_of(self, opened: OpenLog) -> Highlighter | None:
        if opened.search is None:
            self._highlighter = None
        elif self._highlighter is None or self._highlighter.search != opened.search:
            self._highlighter = Highlighter(opened.search)
        return self._highlighter

    def reason(self) -> tuple[str, str]:
        """Return why nothing is shown: a title and a sentence."""
        opened = self.opened
        if opened is None or not len(opened.store):
            return self._reason
        if not opened.rows.complete:
            return ("Nothing yet.", "The filter is still reading the lines.")
        return ("Nothing to show.", f"Hidden by {opened.filters}; esc takes it away.")

    def settle(self) -> None:
        """Fit the place of reading to the size and settings of now."""
        if self.opened is not None:
            self.prepare(self.opened)
            self.opened.viewport.resize(self.size.height)
        self._drawn = []

    def repaint(self) -> None:
        """Draw the window and have the screen rows that changed painted."""
        before, self._drawn = self._drawn, self._draw()
        if len(before) != len(self._drawn):
            self.refresh()
            return
        changed = {y: row for y, row in enumerate(self._drawn) if row is not before[y]}
        if not changed or self._shortcut.paint(changed):
            return
        for _, run in groupby(enumerate(changed), lambda pair: pair[1] - pair[0]):
            rows = [y for _, y in run]
            self.refresh(Region(0, rows[0], self.size.width, len(rows)))

    def _draw(self) -> list[DrawnRow]:
        width, height = self.size
        self._drawn_width = width
        if self.opened is None or not self.opened.has_lines_shown:
            strips = draw_reason(self.reason(), self.look, width, height)
            return [DrawnRow(list(strip)) for strip in strips]
        return self._draw_rows(self.opened, self.prepare(self.opened))

    def _draw_rows(self, opened: OpenLog, painter: RowRenderer) -> list[DrawnRow]:
        if self._highlighter is not None:
            self._highlighter.begin()
        places = list(opened.viewport.window_rows())
        picked = opened.picked_rows()
        drawn = {
            number: painter.rows_of(number, self._flags(opened, number, picked))
            for number in dict.fromkeys(place.row for place in places)
            if number >= 0
        }
        blank = [painter.drawer.blank]
        rows: list[DrawnRow] = []
        for number, part in places:
            parts = drawn.get(number, blank)
            rows.append(parts[min(part, len(parts) - 1)])
        return rows

    def _flags(self, opened: OpenLog, number: int, picked: range) -> Flags:
        current = number == opened.viewport.current
        bookmarked = bool(opened.bookmarks) and opened.is_bookmarked(number)
        found = current and opened.search is not None
        return Flags(current, number in picked, bookmarked, found=found)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the strips of a part of the window; the compositor asks."""
        width, height = self.size
        if len(self._drawn) != height or self._drawn_width != width:
            self.settle()
            self._drawn = self._draw()
        shown = self._drawn[crop.y : crop.bottom]
        if crop.x == 0 and crop.right == width:
            return [row.strip for row in shown]
        return [row.strip.crop(crop.x, crop.right) for row in shown]

    def render_line(self, y: int) -> Strip:
        """Return one screen row."""
        return self.render_lines(Region(0, y, self.size.width, 1))[0]

    def notify_style_update(self) -> None:
        """Take the theme's new colours when next drawn."""
        super().notify_style_update()
        self._look = None
        self._drawn = []
        self.refresh()


# Asking for lines before the reader gets to where they end.

WINDOWS_AHEAD: Final = 2
"""Windows of rows left before an edge when more is asked for."""


class EdgeWatch:
    """Says once for each state of an edge that the reader comes near it.

    Attributes:
        more_above: Whether older lines may exist that are not loaded.
        more_below: The same for newer lines.
    """

    def __init__(self) -> None:
        self.more_above = True
        self.more_below = True
        self._asked: dict[Edge, Anchor | None] = {}
        self._asked_from: Anchor | None = None

    def forget(self) -> None:
        """Ask again when next near an edge: the log, or what is loaded, changed."""
        self._asked.clear()
        self._asked_from = None

    def ask_again(self, edge: Edge) -> None:
        """Ask once more although nothing came: the reader pushes at the edge."""
        self._asked.pop(edge, None)

    def look(self, view: Widget, opened: OpenLog) -> None:
        """Post what must be loaded for the window not to run dry."""
        rows, viewport = opened.rows, opened.viewport
        ahead = viewport.window * WINDOWS_AHEAD
        count = len(rows)
        gap = rows.unread_row if self.more_above else None
        if gap is not None:
            if viewport.top.row - ahead <= gap <= viewport.last_shown + ahead:
                self._ask_into(view, opened, gap)
        elif self.more_above and viewport.top.row < ahead:
            self._ask(view, "top", rows.anchor(0) if count else None)
        if self.more_below and viewport.last_shown >= count - ahead:
            self._ask(view, "bottom", rows.anchor(count - 1) if count else None)

    def _ask_into(self, view: Widget, opened: OpenLog, gap: int) -> None:
        """Ask for lines between two stretches that are loaded.

        Pages reach into the gap from below; from above only the log from its start.
        """
        rows = opened.rows
        if opened.viewport.current > gap:
            self._ask(view, "top", rows.anchor(min(gap + 1, len(rows) - 1)))
        elif self._asked_from != rows.anchor(max(gap - 1, 0)):
            self._asked_from = rows.anchor(max(gap - 1, 0))
            view.post_message(WholeLogWanted(view))

    def _ask(self, view: Widget, edge: Edge, anchor: Anchor | None) -> None:
        if edge in self._asked and self._asked[edge] == anchor:
            return
        self._asked[edge] = anchor
        view.post_message(EdgeReached(view, edge))


# The window over an opened log: what every key and every arrival ends in.

FRAME_SECONDS: Final = 1 / 30
"""Least time between two takings-over of what arrived."""

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


class LogWindow(LogCanvas):
    """Follows a log as it grows, and tells where its reader is.

    Args:
        settings: How lines are shown.
        local_zone: The reader's zone; None is the machine's own.

    Attributes:
        place: Where the reader is.
        when_placed: Called with each change of it, before the picture that changed it
            is on its way: what is painted then comes in the same frame.
    """

    def __init__(
        self,
        *,
        settings: ViewSettings | None = None,
        local_zone: tzinfo | None = None,
        id: str | None = None,  # noqa: A002 - Textual's own name
    ) -> None:
        super().__init__(settings=settings, local_zone=local_zone, id=id)
        self.edges = EdgeWatch()
        self.place = ViewportPlace()
        self.when_placed: Callable[[], None] = lambda: None
        self._taking_over = False
        self._indexing = False
        self._last_taken = 0.0
        self._rest = FRAME_SECONDS
        self._last_told = 0.0
        self._last_redrawn = 0.0

    # What is shown

    def show(self, opened: OpenLog | None) -> None:
        """Show a log where its reader left it; None shows nothing."""
        self.opened = opened
        self.edges.forget()
        if opened is not None:
            opened.refresh()
        self.redraw()

    def explain_empty(self, title: str, sentence: str) -> None:
        """Say why there is nothing, for as long as there is nothing."""
        if (title, sentence) != self._reason:
            self._reason = (title, sentence)
            if self.opened is None or not len(self.opened.rows):
                self.redraw()

    def redraw(self) -> None:
        """Draw everything anew: the way of showing changed."""
        if self.size:
            self.settle()
            self.moved()

    def moved(self) -> None:
        """Show and tell what the reader's step, or an arrival, changed."""
        self.repaint()
        self._tell()
        self._index()

    def refilter(self) -> None:
        """Show what the filters of the log say now."""
        if self.opened is not None:
            self.opened.refilter()
            self.redraw()

    def say(self, text: str, tone: Tone = "text") -> None:
        """Tell the reader in one short sentence what came of a key."""
        self.post_message(Said(self, text, tone))

    def on_resize(self, _event: Resize) -> None:
        """Keep the place in a window of another size."""
        self.redraw()

    def _tell(self) -> None:
        opened = self.opened
        place = place_of(opened, self.zone) if opened is not None else ViewportPlace()
        if place != self.place:
            self.place = place
            self.when_placed()
            self.post_message(PlaceChanged(self, place))
        if opened is not None:
            self.edges.look(self, opened)

    # Arrivals and indexing

    def log_changed(self) -> None:
        """Take over what the store changed, once a frame however often it is said."""
        if self._taking_over or self.opened is None:
            return
        self._taking_over = True
        wait = self._last_taken + self._rest - monotonic()
        if wait > 0:
            # A timer of Textual's is a task: too much for each frame.
            get_running_loop().call_later(wait, self.call_later, self.take_over)
        else:
            self.call_later(self.take_over)

    def take_over(self) -> None:
        """Take over what the store changed, now."""
        self._taking_over = False
        self._last_taken = monotonic()
        if self.opened is None:
            return
        before = len(self.opened.rows)
        self.opened.refresh()
        arrived = len(self.opened.rows) - before
        floods = arrived * 2 > self.size.height
        self._rest = FLOOD_SECONDS if floods else FRAME_SECONDS
        if not self.size:
            return
        self.prepare(self.opened)
        self.opened.viewport.resettle()
        self.moved()

    def indexed(self) -> None:
        """Take note that more rows have been read through; for those who wait."""

    def _index(self) -> None:
        """Go on reading rows for the filter and the search, slice by slice."""
        if self.opened is None or self._indexing or self.opened.is_indexed:
            return
        self._indexing = True
        self.set_timer(REST_SECONDS, self._index_slice)

    def _index_slice(self) -> None:
        self._indexing = False
        opened = self.opened
        if opened is None:
            return
        changed = opened.index(SLICE_SECONDS)
        self.indexed()
        if monotonic() - self._last_told >= PROGRESS_SECONDS or opened.is_indexed:
            self._last_told = monotonic()
            self.post_message(ReadOn(self))
        if changed and (
            opened.is_indexed or monotonic() - self._last_redrawn >= REDRAW_SECONDS
        ):
            self.moved()
            self._last_redrawn = monotonic()
        else:
            self._index()


# Keys that move the reader.

SIDEWAYS_SHARE: Final = 3
"""A step sideways is this part of the room for text."""


class ViewportMotions(LogWindow):
    """Lines, pages, ends, sideways, attempts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "line_down", "Line down", show=False, id="log.down"),
        Binding("k,up", "line_up", "Line up", show=False, id="log.up"),
        Binding(
            "space,ctrl+f,pagedown",
            "page_down",
            "Page down",
            show=False,
            id="log.page_down",
        ),
        Binding("b,ctrl+b,pageup", "page_up", "Page up", show=False, id="log.page_up"),
        Binding(
            "ctrl+d", "half_page_down", "Half page down", show=False, id="log.half_down"
        ),
        Binding("ctrl+u", "half_page_up", "Half page up", show=False, id="log.half_up"),
        Binding(
            "g,home",
            "log_start",
            "Start",
            show=False,
            id="log.start",
            tooltip="Go to the start of the log, loading it whole if need be",
        ),
        Binding(
            "G,end",
            "log_end",
            "End",
            show=False,
            id="log.end",
            tooltip="Go to the newest line and follow",
        ),
        Binding(
            "F", "follow", "Follow", id="log.follow", tooltip="Follow the newest line"
        ),
        Binding("h,left", "text_left", "Scroll left", show=False, id="log.left"),
        Binding("l,right", "text_right", "Scroll right", show=False, id="log.right"),
        Binding(
            "left_square_bracket",
            "previous_attempt",
            "Previous try",
            show=False,
            id="log.previous_attempt",
            tooltip="Go to the start of this try, then of the one before",
        ),
        Binding(
            "right_square_bracket",
            "next_attempt",
            "Next try",
            show=False,
            id="log.next_attempt",
            tooltip="Go to the start of the next try",
        ),
    ]

    def action_line_down(self) -> None:
        """Go to the next line."""
        self._move(1)

    def action_line_up(self) -> None:
        """Go to the line above; this is reading."""
        self._move(-1)

    def action_page_down(self) -> None:
        """Go a window down."""
        self._page(1.0)

    def action_page_up(self) -> None:
        """Go a window up."""
        self._page(-1.0)

    def action_half_page_down(self) -> None:
        """Go half a window down."""
        self._page(0.5)

    def action_half_page_up(self) -> None:
        """Go half a window up."""
        self._page(-0.5)

    def action_log_start(self) -> None:
        """Go to the first line there is, and ask for the whole log."""
        self.go_to_start()
        if self.edges.more_above:
            self.post_message(WholeLogWanted(self))

    @property
    def is_at_top(self) -> bool:
        """Whether the reader stands on the first row there is."""
        opened = self.opened
        if opened is None or opened.viewport.following:
            return False
        return opened.viewport.current == 0

    def go_to_start(self) -> None:
        """Go to the first line that is loaded."""
        if self.opened is not None:
            self.opened.viewport.go_top()
            self.moved()

    def action_log_end(self) -> None:
        """Go to the newest line and follow."""
        self.action_follow()

    def action_follow(self) -> None:
        """Stick to the newest line."""
        if self.opened is not None:
            self.opened.viewport.follow()
            self.edges.ask_again("bottom")
            self.moved()

    def action_stop_following(self) -> None:
        """Stay at the line under the eye."""
        if self.opened is not None:
            self.opened.viewport.stop_following()
            self.moved()

    def action_text_left(self) -> None:
        """Show what is to the left."""
        self._sideways(-1)

    def action_text_right(self) -> None:
        """Show what is to the right."""
        self._sideways(1)

    def action_previous_attempt(self) -> None:
        """Go to the start of this try, or of the one before."""
        self._attempt(-1)

    def action_next_attempt(self) -> None:
        """Go to the start of the next try."""
        self._attempt(1)

    def go_to_row(self, row: int) -> None:
        """Make a row the current one."""
        if self.opened is not None:
            self.opened.viewport.go_to(row)
            self.moved()

    def scroll_window(self, lines: int) -> None:
        """Scroll by screen rows, as a wheel does."""
        if self.opened is not None:
            self.opened.viewport.scroll(lines)
            self.moved()

    def _move(self, rows: int) -> None:
        if self.opened is None:
            return
        if rows < 0 and self.opened.viewport.current == 0:
            self.edges.ask_again("top")
        self.opened.viewport.move(rows)
        self.moved()

    def _page(self, share: float) -> None:
        if self.opened is None:
            return
        if share < 0 and self.opened.viewport.top.row == 0:
            self.edges.ask_again("top")
        lines = max(1, round(abs(share) * self.size.height) - (abs(share) == 1.0))
        self.opened.viewport.page(lines if share > 0 else -lines)
        self.moved()

    def _sideways(self, direction: int) -> None:
        opened = self.opened
        if opened is None or self.settings.wrap or not len(opened.rows):
            return
        painter = self.prepare(opened)
        room = painter.drawer.room
        widest = max(
            painter.text_width(place.row)
            for place in opened.viewport.window_rows()
            if place.row >= 0
        )
        step = max(1, room // SIDEWAYS_SHARE) * direction
        furthest = max(opened.left, widest - room + 1, 0)
        opened.left = min(max(opened.left + step, 0), furthest)
        self.moved()

    def _attempt(self, direction: int) -> None:
        opened = self.opened
        if opened is None or not len(opened.rows):
            return
        starts = opened.attempt_starts()
        current = opened.viewport.current
        if direction < 0:
            before = [row for row in starts if row < current]
            if not before:
                self.say("This is the start of the first try that is loaded.")
                self.edges.ask_again("top")
            self.go_to_row(before[-1] if before else 0)
            return
        after = [row for row in starts if row > current]
        if after:
            self.go_to_row(after[0])
        else:
            self.say("This is the last try.")


# The mouse on a log: wheel, click, drag.

WHEEL_LINES: Final = 3


class ViewportMouse(ViewportMotions):
    """Wheel scrolls, a click sets the current line, a drag picks a range."""

    _pressed_at: int | None = None

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll down, or right with shift."""
        event.stop()
        event.prevent_default()
        if event.shift or event.ctrl:
            self.action_text_right()
        else:
            self.scroll_window(WHEEL_LINES)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll up, or left with shift."""
        event.stop()
        event.prevent_default()
        if event.shift or event.ctrl:
            self.action_text_left()
        else:
            self.scroll_window(-WHEEL_LINES)

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        """Show what is to the right."""
        event.stop()
        event.prevent_default()
        self.action_text_right()

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        """Show what is to the left."""
        event.stop()
        event.prevent_default()
        self.action_text_left()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Make the line under the pointer current."""
        row = self.opened.viewport.row_at(event.y) if self.opened else -1
        if self.opened is None or row < 0:
            return
        self.opened.range_from = None
        self._pressed_at = row
        self.capture_mouse()
        self.go_to_row(row)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Pick a range while the button is down."""
        if self.opened is None or self._pressed_at is None:
            return
        height = self.size.height
        if event.y < 0 or event.y >= height:
            self.scroll_window(-1 if event.y < 0 else 1)
        row = self.opened.viewport.row_at(min(max(event.y, 0), height - 1))
        if row < 0 or (row == self._pressed_at and self.opened.range_from is None):
            return
        if self.opened.range_from is None:
            self.opened.range_from = self.opened.rows.anchor(self._pressed_at)
        self.go_to_row(row)

    async def on_click(self, event: events.Click) -> None:
        """Open the line on a double click."""
        if event.chain == 2:
            await self.run_action("open_line")

    def on_mouse_up(self, _event: events.MouseUp) -> None:
        """End the drag; the range stays."""
        self._pressed_at = None
        self.release_mouse()
