"""A widget of one row that draws it itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from chronotui.ui.painting.drawn import DrawnRow
from chronotui.ui.painting.shortcut import Shortcut

if TYPE_CHECKING:
    from rich.style import Style
    from rich.text import Text
    from textual.color import Color


class OwnRow(Widget):
    """Shows one line that changes often; a line below it would be blank."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._shortcut = Shortcut(self)
        self._styles: dict[str, Style] = {}
        self._background: Color | None = None

    def line(self, width: int) -> Text:
        """Return what stands in a row of some cells; more of it is cut off."""
        raise NotImplementedError

    def tone(self, name: str) -> Style:
        """Return the style of a component class; "" is the widget's own."""
        style = self._styles.get(name)
        if style is None:
            style = self.get_component_rich_style(name) if name else self.rich_style
            self._styles[name] = style
        return style

    def repaint(self) -> None:
        """Show what the line is now."""
        if not self.size or not self._shortcut.paint({0: self._row()}):
            self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the strips of a part of it; the compositor asks."""
        row = self._row().strip.crop(crop.x, crop.right)
        blank = Strip.blank(crop.width, self.tone("").background_style)
        return [blank if y else row for y in range(crop.y, crop.bottom)]

    def render_line(self, y: int) -> Strip:
        """Return one row."""
        return self.render_lines(Region(0, y, self.size.width, 1))[0]

    def notify_style_update(self) -> None:
        """Take the theme's new colours when next drawn."""
        super().notify_style_update()
        self._styles = {}
        self._background = None

    def _row(self) -> DrawnRow:
        width, own = self.size.width, self.tone("")
        text = self.line(width)
        text.truncate(width, overflow="ellipsis")
        pieces = Segment.apply_style(text.render(self.app.console), own)
        strip = Strip(pieces).adjust_cell_length(width, own.background_style)
        segments = list(strip)
        if self._background is None:
            self._background = self.background_colors[1]
        for line_filter in self.get_line_filters():
            segments = line_filter.apply(segments, self._background)
        return DrawnRow(segments)
