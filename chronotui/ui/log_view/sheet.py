"""A long text on a screen of its own, wrapped, drawn row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from chronotui.ui.log_view.runs import segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.binding import BindingType
    from textual.events import Resize

    from chronotui.ui.log_view.shown import Paragraph


class TextSheet(ScrollView, can_focus=True):
    """Shows paragraphs wrapped to its width; continuation lines hang."""

    DEFAULT_CSS = """
    TextSheet { height: 1fr; scrollbar-size-vertical: 1; background: $background; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "step(1)", "Down", show=False, id="line.down"),
        Binding("k,up", "step(-1)", "Up", show=False, id="line.up"),
        Binding(
            "space,ctrl+f,pagedown",
            "turn(1)",
            "Page down",
            show=False,
            id="line.page_down",
        ),
        Binding(
            "b,ctrl+b,pageup", "turn(-1)", "Page up", show=False, id="line.page_up"
        ),
        Binding("g,home", "scroll_home", "Start", show=False, id="line.start"),
        Binding("G,end", "scroll_end", "End", show=False, id="line.end"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._paragraphs: Sequence[Paragraph] = ()
        self._rows: list[tuple[Paragraph, int, int, int]] = []
        self._width = 0

    def show(self, paragraphs: Sequence[Paragraph]) -> None:
        """Show other paragraphs, from their start."""
        self._paragraphs = paragraphs
        self._width = 0
        self._lay_out()
        self.scroll_to(0, 0, animate=False)

    def action_step(self, lines: int) -> None:
        """Scroll by lines."""
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False)

    def action_turn(self, pages: int) -> None:
        """Scroll by pages."""
        lines = pages * max(1, self.size.height - 1)
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False)

    def action_scroll_home(self) -> None:
        """Scroll to the start."""
        self.scroll_to(y=0, animate=False)

    def action_scroll_end(self) -> None:
        """Scroll to the end."""
        self.scroll_to(y=self.max_scroll_y, animate=False)

    def on_resize(self, _event: Resize) -> None:
        """Wrap to the new width."""
        self._lay_out()

    def _lay_out(self) -> None:
        width = self.size.width
        if not width or width == self._width:
            return
        self._width = width
        self._rows = [
            (paragraph, start, end, indent if index else 0)
            for paragraph in self._paragraphs
            for indent in [paragraph.indent(width)]
            for index, (start, end) in enumerate(paragraph.grid.wrap(width, indent))
        ]
        self.virtual_size = Size(width, len(self._rows))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one row of the text."""
        style = self.rich_style
        row = y + self.scroll_offset.y
        if row >= len(self._rows):
            return Strip.blank(self.size.width, style)
        paragraph, start, end, indent = self._rows[row]
        text = segments(paragraph.grid.text, paragraph.runs, start, end)
        strip = Strip(text)
        if indent:
            strip = Strip.join([Strip.blank(indent, style), strip])
        return strip.adjust_cell_length(self.size.width, style)
