"""Asking for lines before the reader gets to where they end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.ui.log_view.messages import Edge, EdgeReached, WholeLogWanted

if TYPE_CHECKING:
    from textual.widget import Widget

    from chronotui.core.log import Anchor
    from chronotui.ui.log_view.open_log import OpenLog

WINDOWS_AHEAD: Final = 2
"""Windows of rows left before an edge when more is asked for."""


class EdgeWatch:
    """Says once for each state of an edge that the reader comes near it.

    Attributes:
        more_above: Whether older lines may exist that are not loaded.
        more_below: The same for newer lines.
    """

    def __init__(self) -> None:
        self.more_above = True
        self.more_below = True
        self._asked: dict[Edge, Anchor | None] = {}
        self._asked_from: Anchor | None = None

    def forget(self) -> None:
        """Ask again when next near an edge: the log, or what is loaded, changed."""
        self._asked.clear()
        self._asked_from = None

    def ask_again(self, edge: Edge) -> None:
        """Ask once more although nothing came: the reader pushes at the edge."""
        self._asked.pop(edge, None)

    def look(self, view: Widget, opened: OpenLog) -> None:
        """Post what must be loaded for the window not to run dry."""
        rows, reading = opened.rows, opened.reading
        ahead = reading.window * WINDOWS_AHEAD
        count = len(rows)
        gap = rows.unread_row if self.more_above else None
        if gap is not None:
            if reading.top.row - ahead <= gap <= reading.last_shown + ahead:
                self._ask_into(view, opened, gap)
        elif self.more_above and reading.top.row < ahead:
            self._ask(view, "top", rows.anchor(0) if count else None)
        if self.more_below and reading.last_shown >= count - ahead:
            self._ask(view, "bottom", rows.anchor(count - 1) if count else None)

    def _ask_into(self, view: Widget, opened: OpenLog, gap: int) -> None:
        """Ask for lines between two stretches that are loaded.

        Pages reach into the gap from below; from above only the log from its start.
        """
        rows = opened.rows
        if opened.reading.current > gap:
            self._ask(view, "top", rows.anchor(min(gap + 1, len(rows) - 1)))
        elif self._asked_from != rows.anchor(max(gap - 1, 0)):
            self._asked_from = rows.anchor(max(gap - 1, 0))
            view.post_message(WholeLogWanted(view))

    def _ask(self, view: Widget, edge: Edge, anchor: Anchor | None) -> None:
        if edge in self._asked and self._asked[edge] == anchor:
            return
        self._asked[edge] = anchor
        view.post_message(EdgeReached(view, edge))
