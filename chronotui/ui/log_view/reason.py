"""The notice in the middle of an empty log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.strip import Strip

from chronotui.core.text import clean
from chronotui.ui.log_view.cells import Grid

if TYPE_CHECKING:
    from rich.style import Style

    from chronotui.ui.log_view.look import Look

MARGIN = 2


def draw_reason(
    reason: tuple[str, str], look: Look, width: int, height: int
) -> list[Strip]:
    """Draw why there is nothing: a title and a sentence, wrapped and centred."""
    title, sentence = reason
    lines = [
        *_centred(title, look.section, width),
        *_centred(sentence, look.stdout, width),
    ][:height]
    blank = Strip.blank(width, look.stdout)
    above = (height - len(lines)) // 3
    return [*[blank] * above, *lines, *[blank] * (height - above - len(lines))]


def _centred(text: str, style: Style, width: int) -> list[Strip]:
    grid = Grid(clean(text))
    room = width - 2 * MARGIN if width > 4 * MARGIN else width
    strips = []
    for start, end in grid.wrap(room) if grid.width else ():
        part = grid.text[start:end].strip()
        blank = " " * ((width - Grid(part).width) // 2)
        strip = Strip([Segment(blank + part, style)])
        strips.append(strip.adjust_cell_length(width, style))
    return strips
