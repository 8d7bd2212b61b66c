"""A window over a list of rows, drawn line by line, with a selection that moves.

What a row says, and what moving the window asks for, is told by the list's own widget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from chronotui.tree.row import Role, RowPiece
from chronotui.ui.keys import help_key

if TYPE_CHECKING:
    from rich.style import Style
    from textual.binding import Binding
    from textual.events import MouseScrollDown, MouseScrollUp
    from textual.timer import Timer
    from textual.widget import Widget

TICK_SECONDS: Final = 1.0
"""How often the durations of what runs are drawn again, if any is in view."""

WHEEL_ROWS: Final = 3
PREFIX: Final = "row-window--"
CURSOR: Final = f"{PREFIX}cursor"


class RowStyles:
    """The styles of a list's rows under one theme, from its stylesheet.

    ``filling`` is that of empty cells, ``parts`` those of roles; each on the selected
    row (True) and off it.
    """

    def __init__(self, widget: Widget) -> None:
        cursor = widget.get_component_rich_style(CURSOR, partial=True)
        self.filling = {False: widget.rich_style, True: widget.rich_style + cursor}
        self.parts: dict[tuple[Role, bool], Style] = {}
        for role in Role:
            style = widget.get_component_rich_style(f"{PREFIX}{role}")
            stays = role is Role.FAILED_SIGN
            self.parts[role, False] = style
            self.parts[role, True] = style if stays else style + cursor


def strip_of(
    pieces: tuple[RowPiece, ...], width: int, look: RowStyles, cursor: bool
) -> Strip:
    """Draw a row as exactly ``width`` cells; ``cursor`` is the selected one."""
    segments = []
    for piece in pieces:
        text = fitted(piece.text, piece.width, right=piece.right)
        words = text.lstrip(" ")
        if len(words) < len(text):
            space = " " * (len(text) - len(words))
            segments.append(Segment(space, look.filling[cursor]))
        segments.append(Segment(words, look.parts[piece.role, cursor]))
    strip = Strip(segments).simplify()
    return strip.adjust_cell_length(width, look.filling[cursor])


def fitted(text: str, width: int, *, right: bool = False) -> str:
    """Cut or fill clean text to exactly ``width`` cells; a cut is shown by "…"."""
    cells = cell_len(text)
    if cells > width:
        return set_cell_size(set_cell_size(text, width - 1) + "…", width)
    return " " * (width - cells) + text if right else text + " " * (width - cells)


def motion_keys(group: str, *, last: str = "last") -> list[Binding]:
    """Return the keys that move the selection, named in a group of actions."""
    return [
        help_key("j,down", "move(1)", "down", f"{group}.down"),
        help_key("k,up", "move(-1)", "up", f"{group}.up"),
        help_key("space,ctrl+f,pagedown", "page(1)", "page down", f"{group}.page_down"),
        help_key("b,ctrl+b,pageup", "page(-1)", "page up", f"{group}.page_up"),
        help_key("ctrl+d", "page(0.5)", "half a page down", f"{group}.half_down"),
        help_key("ctrl+u", "page(-0.5)", "half a page up", f"{group}.half_up"),
        help_key("g,home", "first", "first", f"{group}.first"),
        help_key("G,end", "last", last, f"{group}.last"),
    ]


class RowWindow(ScrollView, can_focus=True, inherit_bindings=False):
    """Draws the rows in sight again where they read otherwise, and moves over them.

    A keypress and a frame cost what the window is high, whatever the list holds.

    Attributes:
        empty_words: What stands in the first row of an empty list.
    """

    DEFAULT_CSS = """
    RowWindow {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        & > .row-window--muted { color: $text-muted; }
        & > .row-window--name { text-style: bold; }
        & > .row-window--alarm { color: $text-error; }
        & > .row-window--running { color: $text-success; text-style: bold; }
        & > .row-window--waiting { color: $text-warning; }
        & > .row-window--completed { color: $text-muted; }
        & > .row-window--failed { color: $text-error; text-style: bold; }
        & > .row-window--failed-sign {
            background: $error; color: $background; text-style: bold;
        }
        & > .row-window--canceled { color: $text-muted; }
        & > .row-window--partial { color: $text-warning; }
        & > .row-window--unknown { color: $text-warning; }
        & > .row-window--cursor { background: $surface; }
        &:focus > .row-window--cursor { background: $panel; }
        &:ansi > .row-window--cursor { text-style: underline; }
        &:ansi:focus > .row-window--cursor {
            background: $block-cursor-background; color: $block-cursor-foreground;
            text-style: none;
        }
        &:nocolor > .row-window--cursor { text-style: underline; }
        &:nocolor:focus > .row-window--cursor { text-style: reverse; }
        &:nocolor > .row-window--failed-sign { text-style: bold reverse; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        CURSOR,
        *(f"{PREFIX}{role}" for role in Role),
    }

    def __init__(self) -> None:
        super().__init__()
        self.empty_words = ""
        self._look: RowStyles | None = None
        self._painted: dict[int, object] = {}
        self._strips: dict[tuple[tuple[RowPiece, ...], bool, int], Strip] = {}
        self._ticker: Timer | None = None
        self._is_hidden = False

    # what a list's own widget tells

    @property
    def count(self) -> int:
        """How many rows can be selected."""
        raise NotImplementedError

    @property
    def current(self) -> int:
        """The number of the selected row."""
        raise NotImplementedError

    def go_to(self, row: int) -> None:
        """Select the row nearest to a number."""
        raise NotImplementedError

    def words(self, row: int) -> tuple[Any, ...] | None:
        """Return what a row says, fit to be compared; None below the last.

        Its last two are the row's pieces and whether it is selected, unless the list
        draws its rows itself.
        """
        raise NotImplementedError

    def scrolled(self) -> None:
        """Look at what is in the window now; the selection stays."""
        raise NotImplementedError

    # what is drawn

    @property
    def page_rows(self) -> int:
        return max(self.scrollable_content_region.height, 1)

    @property
    def row_width(self) -> int:
        return self.scrollable_content_region.width

    @property
    def first_row(self) -> int:
        return self.scroll_offset.y

    @property
    def look(self) -> RowStyles:
        if self._look is None:
            self._look = RowStyles(self)
        return self._look

    def render_line(self, y: int) -> Strip:
        words = self.words(self.first_row + y)
        if words is None:
            self._painted.pop(y, None)
            return self._strip_below(y)
        self._painted[y] = words
        *_, pieces, cursor = words
        return self._strip(pieces, cursor)

    def _strip(self, pieces: tuple[RowPiece, ...], cursor: bool) -> Strip:
        key = pieces, cursor, self.row_width
        strip = self._strips.get(key)
        if strip is None:
            if len(self._strips) > 4 * self.page_rows:
                self._strips.clear()
            strip = strip_of(pieces, self.row_width, self.look, cursor)
            self._strips[key] = strip
        return strip

    def _strip_below(self, y: int) -> Strip:
        width, said = self.row_width, self.empty_words
        if y or self.count or not said:
            return Strip.blank(width, self.look.filling[False])
        return strip_of((RowPiece(said, Role.MUTED, width),), width, self.look, False)

    def take_height(self, rows: int) -> None:
        """Take over how many rows there are: none beyond can be scrolled to."""
        if rows != self.virtual_size.height:
            self.virtual_size = Size(self.row_width, rows)

    def bring_in(self, row: int) -> None:
        """Let the window show a row, scrolled no further than it must be."""
        top = self.first_row
        wanted = min(max(top, row - self.page_rows + 1), row)
        if wanted != top:
            self.scroll_to_row(wanted)
        if self.first_row == top:
            self.repaint_changed()

    def repaint_changed(self) -> None:
        """Repaint the rows of the window that read otherwise than painted."""
        if self._is_hidden:
            return
        top = self.first_row
        for y in range(self.page_rows):
            if self.words(top + y) != self._painted.get(y):
                self.refresh_lines(top + y)

    def on_hide(self) -> None:
        """Paint nothing that nobody sees; all of it is drawn anew when it is shown."""
        self._is_hidden = True
        self._styles_cache.clear()
        if self._ticker is not None:
            self._ticker.pause()

    def on_show(self) -> None:
        self._is_hidden = False
        self.repaint_changed()
        if self._ticker is not None:
            self._ticker.resume()

    def scroll_to_row(self, row: int) -> None:
        """Let the window begin at a row, or as near as there are rows.

        Forced, since a scrollbar that is not laid out yet would forbid it.
        """
        self.scroll_to(y=max(row, 0), animate=False, force=True)

    @property
    def is_ticking(self) -> bool:
        """Whether a timer redraws running durations."""
        return self._ticker is not None

    def tick_if(self, ticking: bool) -> None:
        if ticking and self._ticker is None:
            self._ticker = self.set_interval(
                TICK_SECONDS, self.repaint_changed, pause=self._is_hidden
            )
        elif not ticking and self._ticker is not None:
            self._ticker.stop()
            self._ticker = None

    # keys and the mouse

    def action_move(self, rows: int) -> None:
        self.go_to(self.current + rows)

    def action_page(self, pages: float) -> None:
        """Move the selection by pages, keeping one row of overlap."""
        rows = max(int(abs(pages) * (self.page_rows - 1)), 1)
        self.action_move(rows if pages > 0 else -rows)

    def action_first(self) -> None:
        self.go_to(0)

    def action_last(self) -> None:
        self.go_to(self.count - 1)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        self._wheel(event, WHEEL_ROWS)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        self._wheel(event, -WHEEL_ROWS)

    def _wheel(self, event: MouseScrollDown | MouseScrollUp, rows: int) -> None:
        event.stop()
        event.prevent_default()
        self.scroll_to_row(self.first_row + rows)

    # what Textual tells

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.scrolled()

    def notify_style_update(self) -> None:
        self._look = None
        self._strips.clear()
        super().notify_style_update()
