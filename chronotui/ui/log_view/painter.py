"""Rows by number as they are drawn, each drawn once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.core.log import EdgeRow, GapRow, LineRow, SectionRow, key_of
from chronotui.ui.log_view.drawing import PLAIN, Flags
from chronotui.ui.log_view.settings import Timestamps
from chronotui.ui.log_view.wording import gap_text

if TYPE_CHECKING:
    from chronotui.core.log import LineKey, Row
    from chronotui.model import LogLine
    from chronotui.ui.log_view.drawing import Drawer
    from chronotui.ui.log_view.near_rows import NearRows
    from chronotui.ui.painting.drawn import DrawnRow

MOST_KEPT: Final = 768
"""Rows kept as they were drawn; beyond it all are dropped and drawn again."""


class _Drawn(NamedTuple):
    row: Row
    previous_ns: int | None
    drawn: list[DrawnRow]

    def is_of(self, row: Row, previous_ns: int | None) -> bool:
        """Whether this is what a row looks like; its number does not matter."""
        if isinstance(row, LineRow) and isinstance(self.row, LineRow):
            return self.row.line == row.line and self.previous_ns == previous_ns
        return self.row == row


class RowPainter:
    """Draws the rows of one log; drop it, or change `drawer`, to draw anew.

    Attributes:
        as_json: Lines shown as indented JSON.
    """

    def __init__(self, rows: NearRows, drawer: Drawer, as_json: set[LineKey]) -> None:
        self.rows = rows
        self.as_json = as_json
        self._drawer = drawer
        self._drawn: dict[tuple[object, Flags], _Drawn] = {}
        self._heights: dict[tuple[LineKey, bool], tuple[LogLine, int]] = {}
        self._widths: dict[LineKey, tuple[LogLine, int]] = {}

    def paints(self, rows: NearRows, as_json: set[LineKey]) -> bool:
        """Whether this painter was made for these rows."""
        return self.rows is rows and self.as_json is as_json

    @property
    def drawer(self) -> Drawer:
        """What draws; setting it forgets all that was drawn."""
        return self._drawer

    @drawer.setter
    def drawer(self, drawer: Drawer) -> None:
        if drawer != self._drawer:
            self._drawer = drawer
            self._drawn.clear()
            self._heights.clear()

    def height(self, number: int) -> int:
        """Return how many screen rows a row takes."""
        row = self.rows.row(number)
        if not isinstance(row, LineRow):
            return len(self.rows_of(number))
        if not self._drawer.wrap and not self.as_json:
            return 1
        key = key_of(row.line)
        known = self._heights.get((key, key in self.as_json))
        if known is not None and known[0] == row.line:
            return known[1]
        as_json = key in self.as_json
        height = self._drawer.height(row.line, as_json=as_json)
        if len(self._heights) >= MOST_KEPT:
            self._heights.clear()
        self._heights[key, as_json] = (row.line, height)
        return height

    def text_width(self, number: int) -> int:
        """Return how many cells a row's text takes when nothing is cut off."""
        row = self.rows.row(number)
        if not isinstance(row, LineRow):
            return 0
        key = key_of(row.line)
        known = self._widths.get(key)
        if known is None or known[0] != row.line:
            if len(self._widths) >= MOST_KEPT:
                self._widths.clear()
            known = (row.line, self._drawer.text_width(row.line))
            self._widths[key] = known
        return known[1]

    def rows_of(self, number: int, flags: Flags = PLAIN) -> list[DrawnRow]:
        """Return a row's screen rows, drawn now or before."""
        row = self.rows.row(number)
        previous_ns = None
        key: object = row
        if isinstance(row, LineRow):
            key = line_key = key_of(row.line)
            previous_ns = self._previous_ns(number)
            flags = flags._replace(as_json=line_key in self.as_json)
        known = self._drawn.get((key, flags))
        if known is not None and known.is_of(row, previous_ns):
            return known.drawn
        drawn = self._draw(row, previous_ns, flags)
        if len(self._drawn) >= MOST_KEPT:
            self._drawn.clear()
        self._drawn[key, flags] = _Drawn(row, previous_ns, drawn)
        return drawn

    def _previous_ns(self, number: int) -> int | None:
        """Return the time of the line above, where the time column needs it."""
        if self._drawer.stamper.mode is not Timestamps.DELTA:
            return None
        for above in range(number - 1, max(number - 4, -1), -1):
            row = self.rows.row(above)
            if isinstance(row, LineRow):
                return row.line.time_ns
        return None

    def _draw(self, row: Row, previous_ns: int | None, flags: Flags) -> list[DrawnRow]:
        match row:
            case LineRow():
                return self._drawer.line(row.line, previous_ns, flags)
            case GapRow():
                return self._drawer.gap(gap_text(row.gap), flags)
            case SectionRow():
                return self._drawer.section(row.text, flags)
            case EdgeRow():
                return self._drawer.edge(row.text, flags)
