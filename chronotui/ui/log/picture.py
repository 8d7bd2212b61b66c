"""What the window of a log shows, screen row by screen row.

Each row is drawn once, and only screen rows that changed are painted.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from textual.geometry import Region

from chronotui.ui.log.render import (
    PLAIN,
    Flags,
    Highlighter,
    LineRenderer,
    LogStyles,
    RowRenderer,
    Stamper,
)
from chronotui.ui.term.driver import Shortcut

if TYPE_CHECKING:
    from textual.strip import Strip

    from chronotui.ui.log.view import LogView
    from chronotui.ui.term.buffer import DrawnRow


class LogPicture:
    """The rows of a view's window as they were drawn last.

    Args:
        view: Says what is opened, how lines are shown, and how large the window is.
    """

    def __init__(self, view: LogView) -> None:
        self._view = view
        self._shortcut = Shortcut(view)
        self._look: LogStyles | None = None
        self._renderer: RowRenderer | None = None
        self._drawn_as: object = None
        self._highlighter: Highlighter | None = None
        self._rows: list[DrawnRow] = []
        self._width = 0

    def renderer(self) -> RowRenderer:
        """Return what draws rows as they are to be shown by now."""
        view, opened = self._view, self._view.opened
        filters = tuple(view.get_line_filters())
        self._look = look = self._look or LogStyles.of(view)
        drawn_as = (
            *(look, filters, view.settings, view.local_zone, view.size.width),
            *(opened.near, opened.left, opened.search, opened.tags),
        )
        renderer = self._renderer
        if renderer is not None and drawn_as == self._drawn_as:
            return renderer
        self._drawn_as = drawn_as
        search = opened.search
        self._highlighter = Highlighter(search) if search is not None else None
        lines = LineRenderer(
            look,
            Stamper(view.settings.timestamps, view.zone, opened.start_ns),
            view.size.width,
            wrap=view.settings.wrap,
            wrap_stderr=opened.wraps_errors,
            left=opened.left,
            tags=opened.tags,
            find=self._highlighter,
            filters=filters,
            background=view.background_colors[1],
        )
        if renderer is not None and renderer.rows is opened.near:
            renderer.lines = lines
            return renderer
        renderer = RowRenderer(opened.near, lines, opened.as_json, opened.bookmarks)
        opened.viewport.measure_with(renderer.height)
        self._renderer = renderer
        return renderer

    def forget_styles(self) -> None:
        """Read the theme's colours anew when next drawn."""
        self._look = None
        self._rows = []

    def settle(self) -> None:
        """Fit the place of reading to the size and settings of now."""
        self.renderer().forget_from(0)
        self._view.opened.viewport.resize(self._view.size.height)
        self._rows = []

    def repaint(self) -> None:
        """Draw the window and have the screen rows that changed painted."""
        before, self._rows = self._rows, self._draw()
        if len(before) != len(self._rows):
            self._view.refresh()
            return
        changed = {y: row for y, row in enumerate(self._rows) if row is not before[y]}
        if not changed or self._shortcut.paint(changed):
            return
        for _, run in groupby(enumerate(changed), lambda pair: pair[1] - pair[0]):
            rows = [y for _, y in run]
            self._view.refresh(Region(0, rows[0], self._view.size.width, len(rows)))

    def draw_ahead(self, lines: int) -> None:
        """Draw the rows that going on by so many lines brings into sight.

        Where that is known to be short work: no row is wrapped, or searched in.
        """
        view, opened, renderer = self._view, self._view.opened, self.renderer()
        if view.settings.wrap or opened.search or not opened.has_lines_shown:
            return
        viewport, rows = opened.viewport, range(len(opened.near))
        begin = viewport.last_shown + 1 if lines > 0 else viewport.top.row + lines
        for number in rows[max(begin, 0) : max(begin + abs(lines), 0)]:
            if number not in renderer.at_rest:
                self._shortcut.prepare(renderer.rows_of(number))

    def strips(self, crop: Region) -> list[Strip]:
        """Return what the compositor asks for of the window."""
        width, height = self._view.size
        if len(self._rows) != height or self._width != width:
            self.settle()
            self._rows = self._draw()
        shown = self._rows[crop.y : crop.bottom]
        if crop.x == 0 and crop.right == width:
            return [row.strip for row in shown]
        return [row.strip.crop(crop.x, crop.right) for row in shown]

    def _draw(self) -> list[DrawnRow]:
        """Return the window's rows; only those not drawn before cost anything."""
        opened, renderer = self._view.opened, self.renderer()
        self._width, height = self._view.size
        if not opened.has_lines_shown:
            is_empty = not len(opened.store)
            reason = self._view.why_empty if is_empty else opened.why_hidden()
            return renderer.lines.reason(*reason, height)
        if self._highlighter is not None:
            self._highlighter.begin()
        shown = opened.viewport.window_rows()
        current = opened.viewport.current
        special, on_current = self._special({row for row, _ in shown})
        drawn, lines = renderer.at_rest, renderer.lines
        rows: list[DrawnRow] = []
        for number, part in shown:
            if number < 0:
                rows.append(lines.blank)
                continue
            parts = special.get(number) or drawn.get(number)
            if parts is None:
                parts = renderer.rows_of(number)
            row = parts[part] if part < len(parts) else parts[-1]
            is_marked = number == current and (part == 0 or not rows)
            rows.append(lines.marked(row, on_current) if is_marked else row)
        return rows

    def _special(self, shown: set[int]) -> tuple[dict[int, list[DrawnRow]], Flags]:
        """Return the rows shown that are not at rest, and how the current one is."""
        opened, renderer = self._view.opened, self.renderer()
        current = opened.viewport.current
        picked = opened.picked_rows() if opened.range_from else range(0)
        flags = Flags(picked=True)
        special = {
            number: renderer.rows_of(number, flags)
            for number in shown
            if number in picked
        }
        on_current = Flags(current in picked, found=opened.search is not None)
        if on_current != PLAIN:
            special[current] = renderer.rows_of(current, on_current)
        return special, on_current
