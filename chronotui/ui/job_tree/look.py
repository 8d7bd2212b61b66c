"""How the rows of the tree look: one style for each part a piece plays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.core.tree.pieces import Role

if TYPE_CHECKING:
    from rich.style import Style
    from textual.widget import Widget

PREFIX: Final = "job-tree--"
CURSOR: Final = f"{PREFIX}cursor"
COMPONENTS: Final = frozenset({CURSOR, *(f"{PREFIX}{role}" for role in Role)})

LOOK_CSS: Final = """
JobTree {
    & > .job-tree--muted { color: $text-muted; }
    & > .job-tree--name { text-style: bold; }
    & > .job-tree--alarm { color: $text-error; }
    & > .job-tree--running { color: $text-success; text-style: bold; }
    & > .job-tree--waiting { color: $text-warning; }
    & > .job-tree--completed { color: $text-muted; }
    & > .job-tree--failed { color: $text-error; text-style: bold; }
    & > .job-tree--failed-sign {
        background: $error; color: $background; text-style: bold;
    }
    & > .job-tree--canceled { color: $text-muted; }
    & > .job-tree--unknown { color: $text-warning; }
    & > .job-tree--cursor { background: $surface; }
    &:focus > .job-tree--cursor { background: $panel; }
    &:nocolor > .job-tree--cursor { text-style: underline; }
    &:nocolor:focus > .job-tree--cursor { text-style: reverse; }
    &:nocolor > .job-tree--failed-sign { text-style: bold reverse; }
}
"""


class Look:
    """The styles of one widget under one theme.

    Args:
        widget: The tree whose stylesheet tells them.
    """

    def __init__(self, widget: Widget) -> None:
        cursor = widget.get_component_rich_style(CURSOR, partial=True)
        self._filling = {False: widget.rich_style, True: widget.rich_style + cursor}
        self._parts = {}
        for role in Role:
            style = widget.get_component_rich_style(f"{PREFIX}{role}")
            stays = role is Role.FAILED_SIGN
            self._parts[role, False] = style
            self._parts[role, True] = style if stays else style + cursor

    def filling(self, cursor: bool) -> Style:
        """Return the style of a row's empty cells."""
        return self._filling[cursor]

    def of(self, role: Role, cursor: bool) -> Style:
        """Return the style of a piece, on the selected row or off it."""
        return self._parts[role, cursor]
