"""What stands before a line's text: bookmark, time and the mark of its stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.segment import Segment

from chronotui.model import STDERR

if TYPE_CHECKING:
    from chronotui.model import LogLine
    from chronotui.ui.log_view.look import Look

MARK: Final = "▌"
BOOKMARK: Final = "◆"


def first_gutter(
    line: LogLine, stamp: str, look: Look, *, bookmarked: bool
) -> list[Segment]:
    """Return the gutter of a line's first row.

    Args:
        line: The line.
        stamp: Its time between two spaces, or one space.
        look: The styles.
        bookmarked: Whether a sign takes the place of the first space.
    """
    if not bookmarked:
        return [Segment(stamp, look.stamp), *_marks(line, look)]
    sign = Segment(BOOKMARK, look.bookmark)
    return [sign, Segment(stamp[1:], look.stamp), *_marks(line, look)]


def later_gutter(line: LogLine, width: int, look: Look) -> list[Segment]:
    """Return the gutter of a line's further rows: its mark and no time."""
    if not width:
        return []
    return [Segment(" " * (width - 2), look.stamp), *_marks(line, look)]


def _marks(line: LogLine, look: Look) -> list[Segment]:
    if line.stream == STDERR:
        return [Segment(MARK, look.mark), Segment(" ", look.stderr)]
    return [Segment("  ", look.stdout)]
