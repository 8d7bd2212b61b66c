"""Keys that act on lines: bookmark, range, copy, open."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding

from chronotui.ui.log_view import clipboard
from chronotui.ui.log_view.messages import LineOpened
from chronotui.ui.log_view.window import LogWindow
from chronotui.ui.log_view.wording import plural

if TYPE_CHECKING:
    from textual.binding import BindingType


class Picking(LogWindow):
    """Bookmarks, a range of lines, the clipboard, a line shown whole."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "m",
            "toggle_bookmark",
            "Bookmark",
            show=False,
            id="log.bookmark",
            tooltip="Bookmark the current line, or take its bookmark away",
        ),
        Binding(
            "apostrophe",
            "next_bookmark",
            "Next bookmark",
            show=False,
            id="log.next_bookmark",
            tooltip="Go to the next bookmark",
        ),
        Binding(
            "y",
            "copy_lines",
            "Copy",
            show=False,
            id="log.copy",
            tooltip="Copy the current line, or the range",
        ),
        Binding(
            "v",
            "toggle_range",
            "Range",
            show=False,
            id="log.range",
            tooltip="Start a range of lines at the current one, or give it up",
        ),
        Binding(
            "enter",
            "open_line",
            "Open line",
            show=False,
            id="log.open",
            tooltip="Show the line whole; in a filtered view, in the full log",
        ),
        Binding("escape", "step_back", "Back", show=False, id="log.back"),
    ]

    def action_toggle_bookmark(self) -> None:
        """Bookmark the current line, or take its bookmark away."""
        if self.opened is None:
            return
        match self.opened.toggle_bookmark():
            case None:
                self.say("Only lines can be bookmarked.")
            case True:
                self.say("Bookmarked; ' goes to the next bookmark.")
            case False:
                self.say("Bookmark taken away.")
        self.moved()

    def action_next_bookmark(self) -> None:
        """Go to the next bookmark, from the last one to the first."""
        if self.opened is None:
            return
        found = self.opened.next_bookmark()
        if found is None:
            self.say("No bookmarks; m sets one.")
            return
        row, wrapped = found
        self.opened.reading.go_to(row)
        self.say("First bookmark: went on from the start." if wrapped else "")
        self.moved()

    def action_toggle_range(self) -> None:
        """Start a range of lines at the current one, or give it up."""
        opened = self.opened
        if opened is None or not len(opened.rows):
            return
        if opened.range_from is None:
            opened.reading.stop_following()
            opened.range_from = opened.rows.anchor(opened.reading.current)
            self.say("Range started: move, then y copies it; v gives it up.")
        else:
            opened.range_from = None
            self.say("")
        self.moved()

    def action_copy_lines(self) -> None:
        """Copy the current line or the range through the terminal."""
        opened = self.opened
        if opened is None:
            return
        picked = opened.picked_rows()
        if len(picked) > clipboard.MOST_BYTES:
            self._refuse(f"{len(picked):,} lines")
            return
        lines = opened.picked_lines()
        if not lines:
            self.say("There is no line to copy here.")
            return
        try:
            text = clipboard.printable([line.message for line in lines])
            size = clipboard.copy(self.app, text)
        except clipboard.TooLargeToCopyError as error:
            self._refuse(f"{error.size:,} bytes")
            return
        opened.range_from = None
        self.say(f"Copied {plural(len(lines), 'line')}, {plural(size, 'byte')}.")
        self.moved()

    def _refuse(self, size: str) -> None:
        most = f"{clipboard.MOST_BYTES:,}"
        self.say(
            f"Too large to copy: {size}, a terminal takes {most} bytes. s saves it.",
            "caution",
        )

    def action_open_line(self) -> None:
        """Show the line in the full log when filtered, else show it whole."""
        opened = self.opened
        line = opened.current_line if opened else None
        if opened is None or line is None:
            return
        if opened.filters.hides:
            opened.reading.stop_following()
            opened.filters.suspended = True
            self.refilter()
            self.say("In the full log; esc goes back to the filtered view.")
        else:
            self.post_message(LineOpened(self, line))

    def action_step_back(self) -> None:
        """Give up the range, else the search, else the last filter."""
        opened = self.opened
        if opened is None:
            return
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
        return opened is not None and bool(
            opened.range_from is not None or opened.search or opened.filters
        )
