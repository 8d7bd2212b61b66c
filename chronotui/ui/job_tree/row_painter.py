"""Rows of the tree as strips of exactly the width asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.strip import Strip

from chronotui.core.tree.job_row import is_ticking, job_pieces
from chronotui.core.tree.keys import NodeKind
from chronotui.core.tree.workflow_row import note_pieces, workflow_pieces

if TYPE_CHECKING:
    from datetime import datetime

    from chronotui.core.tree import NodeKey, TreeModel
    from chronotui.core.tree.pieces import Piece
    from chronotui.ui.job_tree.look import Look


def pieces_at(
    model: TreeModel, key: NodeKey, width: int, now: datetime
) -> tuple[Piece, ...]:
    """Return the words of a row."""
    branch = model.branch(key.workflow_id)
    if key.kind is NodeKind.NOTE or branch is None:
        line = model.note(key)
        nested = bool(key.workflow_id)
        return () if line is None else tuple(note_pieces(line, width, nested=nested))
    if key.kind is NodeKind.WORKFLOW:
        open_ = model.is_open(key.workflow_id)
        return tuple(workflow_pieces(branch, width, open_=open_))
    return tuple(job_pieces(branch, branch.jobs[key.item], width, now))


def ticks(model: TreeModel, key: NodeKey) -> bool:
    """Whether a row changes by itself every second."""
    if key.kind is not NodeKind.JOB:
        return False
    job = model.job(key)
    return job is not None and is_ticking(job)


def strip_of(pieces: tuple[Piece, ...], width: int, look: Look, cursor: bool) -> Strip:
    """Draw a row.

    Args:
        pieces: Its words.
        width: Its cells.
        look: The styles.
        cursor: Whether it is the selected row.
    """
    segments = []
    for piece in pieces:
        text = fitted(piece.text, piece.width, right=piece.right)
        words = text.lstrip(" ")
        if len(words) < len(text):
            space = " " * (len(text) - len(words))
            segments.append(Segment(space, look.filling(cursor)))
        segments.append(Segment(words, look.of(piece.role, cursor)))
    strip = Strip(segments).simplify()
    return strip.adjust_cell_length(width, look.filling(cursor))


def fitted(text: str, width: int, *, right: bool = False) -> str:
    """Cut or fill clean text to exactly ``width`` cells; a cut is shown by "…"."""
    cells = cell_len(text)
    if cells > width:
        return set_cell_size(set_cell_size(text, width - 1) + "…", width)
    return " " * (width - cells) + text if right else text + " " * (width - cells)
