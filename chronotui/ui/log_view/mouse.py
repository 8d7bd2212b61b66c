"""The mouse on a log: wheel, click, drag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.ui.log_view.motions import Motions

if TYPE_CHECKING:
    from textual import events

WHEEL_LINES: Final = 3


class Mouse(Motions):
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
        row = self.opened.reading.row_at(event.y) if self.opened else -1
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
        row = self.opened.reading.row_at(min(max(event.y, 0), height - 1))
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
