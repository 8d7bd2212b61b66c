"""Keys that move the reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding

from chronotui.ui.log_view.messages import WholeLogWanted
from chronotui.ui.log_view.window import LogWindow

if TYPE_CHECKING:
    from textual.binding import BindingType

SIDEWAYS_SHARE: Final = 3
"""A step sideways is this part of the room for text."""


class Motions(LogWindow):
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
        if opened is None or opened.reading.following:
            return False
        return opened.reading.current == 0

    def go_to_start(self) -> None:
        """Go to the first line that is loaded."""
        if self.opened is not None:
            self.opened.reading.go_top()
            self.moved()

    def action_log_end(self) -> None:
        """Go to the newest line and follow."""
        self.action_follow()

    def action_follow(self) -> None:
        """Stick to the newest line."""
        if self.opened is not None:
            self.opened.reading.follow()
            self.edges.ask_again("bottom")
            self.moved()

    def action_stop_following(self) -> None:
        """Stay at the line under the eye."""
        if self.opened is not None:
            self.opened.reading.stop_following()
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
            self.opened.reading.go_to(row)
            self.moved()

    def scroll_window(self, lines: int) -> None:
        """Scroll by screen rows, as a wheel does."""
        if self.opened is not None:
            self.opened.reading.scroll(lines)
            self.moved()

    def _move(self, rows: int) -> None:
        if self.opened is None:
            return
        if rows < 0 and self.opened.reading.current == 0:
            self.edges.ask_again("top")
        self.opened.reading.move(rows)
        self.moved()

    def _page(self, share: float) -> None:
        if self.opened is None:
            return
        if share < 0 and self.opened.reading.top.row == 0:
            self.edges.ask_again("top")
        lines = max(1, round(abs(share) * self.size.height) - (abs(share) == 1.0))
        self.opened.reading.page(lines if share > 0 else -lines)
        self.moved()

    def _sideways(self, direction: int) -> None:
        opened = self.opened
        if opened is None or self.settings.wrap or not len(opened.rows):
            return
        painter = self.prepare(opened)
        room = painter.drawer.room
        widest = max(
            painter.text_width(place.row)
            for place in opened.reading.window_rows()
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
        current = opened.reading.current
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
