"""Drawing the window over an opened log; only screen rows that changed are painted."""

from __future__ import annotations

from datetime import UTC
from itertools import groupby
from typing import TYPE_CHECKING

from textual.geometry import Region
from textual.scroll_view import ScrollView

from chronotui.ui.log_view.drawing import BLACK, Drawer, Flags
from chronotui.ui.log_view.highlighter import Highlighter
from chronotui.ui.log_view.look import Look, look_of
from chronotui.ui.log_view.painter import RowPainter
from chronotui.ui.log_view.reason import draw_reason
from chronotui.ui.log_view.settings import ViewSettings
from chronotui.ui.log_view.stamps import Stamper
from chronotui.ui.painting.drawn import DrawnRow
from chronotui.ui.painting.shortcut import Shortcut

if TYPE_CHECKING:
    from datetime import tzinfo

    from textual.strip import Strip

    from chronotui.ui.log_view.open_log import OpenLog


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
        self._painter: RowPainter | None = None
        self._look: Look | None = None
        self._drawn: list[DrawnRow] = []
        self._drawn_width = 0
        self._shortcut = Shortcut(self)
        self._background = BLACK
        self._highlighter: Highlighter | None = None
        self._reason = ("", "")

    @property
    def look(self) -> Look:
        """The styles of now."""
        if self._look is None:
            self._look = look_of(self)
            self._background = self.background_colors[1]
        return self._look

    @property
    def zone(self) -> tzinfo | None:
        """The zone times are shown in; None is the machine's own."""
        return UTC if self.settings.zone == "utc" else self.local_zone

    def prepare(self, opened: OpenLog) -> RowPainter:
        """Return the painter for the size, settings and search of now."""
        drawer = Drawer(
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
            painter = RowPainter(opened.near, drawer, opened.as_json)
            self._painter = painter
            opened.reading.measure_with(painter.height)
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
            self.opened.reading.resize(self.size.height)
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

    def _draw_rows(self, opened: OpenLog, painter: RowPainter) -> list[DrawnRow]:
        if self._highlighter is not None:
            self._highlighter.begin()
        places = list(opened.reading.window_rows())
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
        current = number == opened.reading.current
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
