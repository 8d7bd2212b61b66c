"""A row of cells as a widget drew it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console
    from rich.segment import Segment

    from chronotui.ui.painting.pieces import Piece, Pieces


class DrawnRow:
    """Styled text that fills a widget's row.

    What the compositor needs of it and what the painter needs are both made when
    first asked for: a row of a log that floods is mostly asked for one of them, once.

    Args:
        segments: The text; it is not changed afterwards.
    """

    __slots__ = ("_made", "_strip", "segments")

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.segments = segments
        self._strip: Strip | None = None
        self._made: tuple[Pieces, Piece | None] | None = None

    def __iter__(self) -> Iterator[Segment]:
        """Return the segments one by one."""
        return iter(self.segments)

    @property
    def text(self) -> str:
        """The text of the row."""
        return "".join([segment.text for segment in self.segments])

    @property
    def strip(self) -> Strip:
        """The row for Textual's compositor."""
        if self._strip is None:
            self._strip = Strip(self.segments)
        return self._strip

    @property
    def cell_length(self) -> int:
        """Number of cells."""
        return self.strip.cell_length

    def piece(self, pieces: Pieces, console: Console) -> Piece | None:
        """Return the row as the painter's cells; None when it is more than that."""
        if self._made is None or self._made[0] is not pieces:
            self._made = (pieces, pieces.of_segments(self.segments, console))
        return self._made[1]
