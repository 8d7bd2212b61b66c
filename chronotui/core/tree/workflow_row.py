"""The words of a workflow's row, and of the notes below lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.core.text import clean
from chronotui.core.tree.notes import NoteKind
from chronotui.core.tree.pieces import Piece, Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.core.tree.branch import Branch
    from chronotui.core.tree.notes import NoteLine

LEAST_NAME: Final = 14
NOTE_SIGNS: Final = {
    NoteKind.MORE: ("⋮", Role.MUTED),
    NoteKind.LOADING: ("⋮", Role.MUTED),
    NoteKind.PROBLEM: ("✗", Role.ALARM),
    NoteKind.SAID: ("·", Role.MUTED),
}


def workflow_pieces(branch: Branch, width: int, *, open_: bool) -> list[Piece]:
    """Return a workflow's row: its name, and at the right what is to be known of it.

    Args:
        branch: The workflow.
        width: Cells of the row, which the pieces fill.
        open_: Whether its jobs are shown below it.
    """
    name = clean(branch.workflow.name) or clean(branch.workflow.id)
    left = width - 2
    room = left - min(len(name), LEAST_NAME)
    labels: list[Piece] = []
    for text, role in _labels(branch):
        if len(text) + 2 <= room:
            labels.append(Piece(text, role, len(text) + 2, right=True))
            room -= len(text) + 2
    name_width = left - sum(piece.width for piece in labels)
    return [
        Piece("▾ " if open_ else "▸ ", Role.MUTED, 2),
        Piece(name, Role.NAME, max(name_width, 1)),
        *labels,
    ]


def note_pieces(line: NoteLine, width: int, *, nested: bool) -> list[Piece]:
    """Return one row of a note below a list."""
    indent = 2 if nested else 0
    sign, role = NOTE_SIGNS[line.note.kind]
    return [
        Piece("", Role.PLAIN, indent),
        Piece(sign if line.first else "", role, 2),
        Piece(line.text, role, max(width - indent - 2, 1)),
    ]


def interval_words(minutes: int) -> str:
    """Return how often a workflow runs, in the largest unit that is exact."""
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes >= 2 * size and minutes % size == 0:
            return f"every {minutes // size} {unit}"
    return f"every {minutes} min"


def _labels(branch: Branch) -> Iterator[tuple[str, Role]]:
    """Name what distinguishes a workflow, the most important first."""
    workflow = branch.workflow
    if workflow.consecutive_failures:
        yield f"✗ {workflow.consecutive_failures}", Role.FAILED
    if workflow.terminated_at is not None:
        yield "terminated", Role.MUTED
    elif workflow.build_status == "FAILED":
        yield "build failed", Role.FAILED
    elif workflow.build_status in {"QUEUED", "STARTED"}:
        yield "building", Role.WAITING
    if branch.keeps_no_logs:
        yield "no logs", Role.MUTED
    if workflow.interval_minutes and workflow.terminated_at is None:
        yield interval_words(workflow.interval_minutes), Role.MUTED
