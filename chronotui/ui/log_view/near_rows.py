"""Rows near the window, fetched once as long as they stay what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.core.log import Anchor, LineRow, key_of

if TYPE_CHECKING:
    from chronotui.core.log import Row, Rows

MOST_KEPT: Final = 1024
"""Rows kept; a screen has 200 at most."""


class NearRows:
    """Rows by number, for drawing and for the place of reading.

    A line may be a hundred megabytes, so none is decoded twice for one picture.

    Args:
        rows: Where they come from. Call `forget_from` whenever it changed.
    """

    def __init__(self, rows: Rows) -> None:
        self.source = rows
        self._known: dict[int, Row] = {}

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.source)

    def row(self, number: int) -> Row:
        """Return one row.

        Raises:
            IndexError: There is none.
        """
        row = self._known.get(number)
        if row is None:
            row = self.source.row(number)
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            self._known[number] = row
        return row

    def anchor(self, number: int, /) -> Anchor:
        """Return a row's identity.

        Raises:
            IndexError: There is no such row.
        """
        row = self.row(number)
        if isinstance(row, LineRow):
            return Anchor(key_of(row.line))
        return self.source.anchor(number)

    def locate(self, anchor: Anchor, /) -> int:
        """Return the row of an identity, or the nearest one shown."""
        return self.source.locate(anchor)

    def forget_from(self, first: int) -> None:
        """Fetch rows from a number on anew: they may be others now."""
        if self._known:
            self._known = {n: row for n, row in self._known.items() if n < first}
