"""The row over the tree that names its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.text import Text

from chronotui.tree.row import WIDE, Role
from chronotui.ui.row_window import fitted
from chronotui.ui.term.driver import OwnRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.tree.row import RowPiece

LEAST_HEIGHT: Final = 20
"""Rows of the tree's side from which on one is spared for the headings."""


def has_room(width: int, height: int) -> bool:
    return width >= WIDE and height >= LEAST_HEIGHT


class TreeHeadings(OwnRow):
    """Names the columns of what is selected: of workflows, of jobs or of runs."""

    DEFAULT_CSS = """
    TreeHeadings {
        height: 1; color: $text-muted; background: $background;
        display: none;
        &.-roomy { display: block; }
        & > .tree-headings--word { color: $text-muted; text-style: underline; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"tree-headings--word"}

    def __init__(self) -> None:
        super().__init__()
        self._pieces: Sequence[RowPiece] = ()

    def show(self, pieces: Sequence[RowPiece]) -> None:
        if pieces != self._pieces:
            self._pieces = pieces
            self.repaint()

    def line(self, width: int) -> Text:  # noqa: ARG002 - they have their own
        """Return the headings, each above its column."""
        line = Text(no_wrap=True, end="")
        for piece in self._pieces:
            words = fitted(piece.text, piece.width, right=piece.right)
            is_word = piece.role is Role.MUTED and bool(piece.text)
            line.append(words, self.tone("tree-headings--word") if is_word else None)
        return line
