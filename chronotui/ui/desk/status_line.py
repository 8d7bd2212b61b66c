"""The line that is always true."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.geometry import Region
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from chronotui.ui.desk.status_text import SEPARATOR, Standing, fitted
from chronotui.ui.painting.drawn import DrawnRow
from chronotui.ui.painting.shortcut import Shortcut

if TYPE_CHECKING:
    from rich.style import Style


class StatusLine(Widget):
    """Profile, connection, place, lines and missing lines, rate.

    It changes with every picture of a log that grows, so it draws its own row.
    """

    DEFAULT_CSS = """
    StatusLine { height: 1; background: $panel; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "status-line--text",
        "status-line--muted",
        "status-line--good",
        "status-line--caution",
        "status-line--alarm",
    }
    ALLOW_SELECT = False

    standing: reactive[Standing] = reactive(Standing(), repaint=False)

    def __init__(self) -> None:
        super().__init__()
        self._shortcut = Shortcut(self)
        self._styles: dict[str, Style] = {}

    def watch_standing(self) -> None:
        """Paint it anew."""
        if not self.size or not self._shortcut.paint({0: self._row()}):
            self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the strips of a part of it; the compositor asks."""
        row = self._row().strip.crop(crop.x, crop.right)
        blank = Strip.blank(crop.width, self._style("").background_style)
        return [row if y == 0 else blank for y in range(crop.y, crop.bottom)]

    def render_line(self, y: int) -> Strip:
        """Return one row."""
        return self.render_lines(Region(0, y, self.size.width, 1))[0]

    def notify_style_update(self) -> None:
        """Take the theme's new colours when next drawn."""
        super().notify_style_update()
        self._styles = {}

    def _style(self, tone: str) -> Style:
        """Return the style of a tone; "" is that of the spaces between."""
        style = self._styles.get(tone)
        if style is None:
            name = f"status-line--{tone}"
            style = self.get_component_rich_style(name) if tone else self.rich_style
            self._styles[tone] = style
        return style

    def _row(self) -> DrawnRow:
        """Return the parts that fit."""
        width = self.size.width
        base = self._style("")
        pieces = [Segment(" ", base)]
        for number, part in enumerate(fitted(self.standing, max(width - 2, 0))):
            if number:
                pieces.append(Segment(SEPARATOR, base))
            pieces.append(Segment(part.text, self._style(part.tone)))
        strip = Strip(pieces)
        if strip.cell_length > width:
            strip = Strip([*strip.crop(0, max(width - 1, 0)), Segment("…", base)])
        segments = list(strip.adjust_cell_length(width, base.background_style))
        for line_filter in self.get_line_filters():
            segments = line_filter.apply(segments, self.background_colors[1])
        return DrawnRow(segments)
