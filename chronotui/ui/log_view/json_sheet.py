"""A line of JSON as a tree that folds."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.segment import Segment
from textual.binding import Binding
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from chronotui.core.json_folds import JsonFolds
from chronotui.core.reading import Reading
from chronotui.ui.log_view.json_rows import paragraph_of
from chronotui.ui.log_view.runs import segments

if TYPE_CHECKING:
    from textual import events
    from textual.binding import BindingType

    from chronotui.core.json_tree import JsonTree
    from chronotui.core.screen_rows import ScreenRow
    from chronotui.ui.log_view.highlighter import Highlighter
    from chronotui.ui.log_view.look import Look
    from chronotui.ui.log_view.shown import Paragraph

MOST_KEPT: Final = 1024
"""Rows kept once they are laid out."""


class JsonSheet(Widget, can_focus=True):
    """Shows the nodes of a JSON text, a row or more for each.

    Args:
        tree: The nodes.
        look: The log view's styles.
        find: The search of the log, so that its matches stand out.
    """

    DEFAULT_CSS = """
    JsonSheet { height: 1fr; background: $background; }
    """
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "Down", show=False, id="line.down"),
        Binding("k,up", "move(-1)", "Up", show=False, id="line.up"),
        Binding(
            "space,ctrl+f,pagedown",
            "turn(1.0)",
            "Page down",
            show=False,
            id="line.page_down",
        ),
        Binding(
            "b,ctrl+b,pageup", "turn(-1.0)", "Page up", show=False, id="line.page_up"
        ),
        Binding(
            "ctrl+d", "turn(0.5)", "Half page down", show=False, id="line.half_down"
        ),
        Binding("ctrl+u", "turn(-0.5)", "Half page up", show=False, id="line.half_up"),
        Binding("g,home", "go(0)", "Start", show=False, id="line.start"),
        Binding("G,end", "go(-1)", "End", show=False, id="line.end"),
        Binding("l,right", "unfold", "Unfold", show=False, id="line.unfold"),
        Binding("h,left", "fold", "Fold", show=False, id="line.fold"),
        Binding("o,enter", "flip", "Fold or unfold", show=False, id="line.flip"),
    ]

    class Moved(Message):
        """Another node is current."""

    def __init__(
        self, tree: JsonTree, look: Look, *, find: Highlighter | None = None
    ) -> None:
        super().__init__()
        self.folds = JsonFolds(tree)
        self._look = look
        self._find = find
        self._laid: dict[int, tuple[Paragraph, list[tuple[int, int]], int]] = {}
        self._width = 0
        self._reading: Reading[int] = Reading(self.folds, self._height)
        self._reading.go_top()

    @property
    def node(self) -> int:
        """The node under the eye."""
        return self.folds.anchor(self._reading.current)

    # Keys

    def action_move(self, rows: int) -> None:
        """Go to the next node, or the one above."""
        self._reading.move(rows)
        self._moved()

    def action_turn(self, share: float) -> None:
        """Go a window up or down, or a part of one."""
        lines = max(1, round(abs(share) * self.size.height) - (abs(share) == 1.0))
        self._reading.page(lines if share > 0 else -lines)
        self._moved()

    def action_go(self, row: int) -> None:
        """Go to the first row, or with -1 to the last."""
        self._go_to(row if row >= 0 else len(self.folds) - 1)

    def action_unfold(self) -> None:
        """Show what the node holds; if it is shown, go to the first of it."""
        row = self._reading.current
        if self.folds.is_open(self.node):
            self._go_to(row + 1)
        else:
            self.folds.unfold(row)
            self._changed()

    def action_fold(self) -> None:
        """Hide what the node holds; if it is hidden, go to the node it is in."""
        node = self.node
        if self.folds.is_open(node):
            self.folds.fold(self._reading.current)
            self._changed()
        elif self.folds.tree.parents[node] >= 0:
            self._go_to(self.folds.locate(self.folds.tree.parents[node]))

    def action_flip(self) -> None:
        """Show or hide what the node holds."""
        row = self._reading.current
        (self.folds.fold if self.folds.is_open(self.node) else self.folds.unfold)(row)
        self._changed()

    # Mouse

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll down."""
        event.stop()
        self._reading.scroll(3)
        self._moved()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll up."""
        event.stop()
        self._reading.scroll(-3)
        self._moved()

    def on_click(self, event: events.Click) -> None:
        """Go to the node clicked; on the current one, fold or unfold it."""
        row = self._reading.row_at(event.y)
        if row < 0:
            return
        if row == self._reading.current:
            self.action_flip()
        else:
            self._go_to(row)

    # Drawing

    def on_resize(self, _event: events.Resize) -> None:
        """Wrap to the new width; the place stays."""
        self._fit()
        self.refresh()

    def _fit(self) -> None:
        width, height = self.size
        if width != self._width:
            self._width = width
            self._laid.clear()
            self._reading.reconsider()
        self._reading.resize(height)

    def _go_to(self, row: int) -> None:
        self._reading.go_to(row)
        self._moved()

    def _changed(self) -> None:
        self._laid.pop(self.node, None)
        self._reading.reconsider()
        self._reading.resettle()
        self._moved()

    def _moved(self) -> None:
        if self._find is not None:
            self._find.begin()
        self.refresh()
        self.post_message(self.Moved())

    def _height(self, row: int) -> int:
        return len(self._lay(self.folds.anchor(row))[1])

    def _lay(self, node: int) -> tuple[Paragraph, list[tuple[int, int]], int]:
        """Return a node's row, its parts, and the indent of the later ones."""
        laid = self._laid.get(node)
        if laid is None:
            width = max(self._width, 1)
            base = self._look.stdout
            paragraph, indent = paragraph_of(self.folds, node, self._look, base, width)
            if self._find is not None:
                places = self._find(paragraph.searched)
                paragraph = paragraph.lit(places, self._look.match)
            laid = (paragraph, self._parts(node, paragraph, indent), indent)
            if len(self._laid) >= MOST_KEPT:
                self._laid.clear()
            self._laid[node] = laid
        return laid

    def _parts(
        self, node: int, paragraph: Paragraph, indent: int
    ) -> list[tuple[int, int]]:
        """Return the parts of a row: one where something is folded away."""
        width = max(self._width, 1)
        if self.folds.is_foldable(node):
            return [paragraph.grid.cut(0, width)[:2]]
        return paragraph.grid.wrap(width, indent)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the strips of a part of the window; the compositor asks."""
        if self.size != (self._width, self._reading.window):
            self._fit()
        places = list(self._reading.window_rows())[crop.y : crop.bottom]
        return [self._strip(place).crop(crop.x, crop.right) for place in places]

    def render_line(self, y: int) -> Strip:
        """Return one screen row."""
        return self.render_lines(Region(0, y, self.size.width, 1))[0]

    def _strip(self, place: ScreenRow) -> Strip:
        width, base = self.size.width, self._look.stdout
        row, part = place
        if row < 0:
            return Strip.blank(width, base)
        paragraph, parts, indent = self._lay(self.folds.anchor(row))
        start, end = parts[min(part, len(parts) - 1)]
        strip = Strip(segments(paragraph.grid.text, paragraph.runs, start, end))
        if part:
            strip = Strip.join([Strip.blank(indent, base), strip])
        strip = strip.adjust_cell_length(width, base)
        if row != self._reading.current:
            return strip
        over = self._look.current
        return Strip(Segment.apply_style(strip, post_style=over), width)
