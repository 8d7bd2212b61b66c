"""What the row of a workflow says: its name, what is to be known, and its health."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.text import clean
from chronotui.times import age
from chronotui.tree.health import OUTCOMES
from chronotui.tree.row import JOB_SIGNS, Role, RowPiece

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.tree.branch import Branch
    from chronotui.tree.health import WorkflowHealth

LEAST_NAME: Final = 14
BETWEEN: Final = 2
"""Cells before a label."""

OLD: Final = 60.0
"""Seconds from which on it is said how old a workflow's health is."""
AGE_CELLS: Final = 7

UNREAD: Final = "…"
NO_JOBS: Final = "–"


class Label(NamedTuple):
    """Something at the right of a workflow's row; the least ``rank`` gets room first.

    ``least`` cells are kept for it, whatever it says now.
    """

    rank: int
    pieces: tuple[RowPiece, ...]
    least: int = 0

    @property
    def width(self) -> int:
        return max(sum(piece.width for piece in self.pieces), self.least) + BETWEEN


def workflow_pieces(
    branch: Branch,
    width: int,
    *,
    open_: bool,
    health: WorkflowHealth | None = None,
    has_health: bool = False,
) -> list[RowPiece]:
    """Return a workflow's row: its name, and at the right what is to be known of it.

    Args:
        branch: The workflow.
        width: Cells of the row, which the pieces fill.
        open_: Whether its jobs are shown below it.
        health: How it has been doing; None while that was not read.
        has_health: Whether it is read at all: then there is room for it from the
            beginning, and nothing moves when it comes.
    """
    name = clean(branch.workflow.shown_name)
    left = width - 2
    room = left - min(len(name), LEAST_NAME)
    if has_health and branch.workflow.terminated_at is None:
        before, after = _labels(branch, health)
        labels = [*before, _running(health), *after, *_health_labels(health)]
    else:
        labels = [*chain(*_labels(branch, None))]
    granted: set[int] = set()
    for label in sorted(labels):
        if label.width <= room:
            granted.add(label.rank)
            room -= label.width
    shown = [label for label in labels if label.rank in granted]
    name_width = left - sum(label.width for label in shown)
    return [
        RowPiece("▾ " if open_ else "▸ ", Role.MUTED, 2),
        RowPiece(name, Role.NAME, max(name_width, 1)),
        *(piece for label in shown for piece in _drawn(label)),
    ]


def _drawn(label: Label) -> Iterator[RowPiece]:
    """Give a label's pieces, the space before them first."""
    said = sum(piece.width for piece in label.pieces)
    yield RowPiece("", Role.PLAIN, label.width - said)
    yield from label.pieces


def workflow_headings(width: int, *, has_health: bool) -> list[RowPiece]:
    """Return what stands above the rows of workflows, see `workflow_pieces`."""
    last = "last runs" if has_health else ""
    end = AGE_CELLS if has_health else 0
    left = width - 2 - end
    named = "workflow" if left > 2 * len("workflow") + len(last) else ""
    return [
        RowPiece("", Role.PLAIN, 2),
        RowPiece(named, Role.MUTED, max(left - len(last), 0)),
        RowPiece(last, Role.MUTED, len(last)),
        RowPiece("read" if end else "", Role.MUTED, end, right=True),
    ]


def interval_words(minutes: int) -> str:
    """Return how often a workflow runs, in the largest unit that is exact."""
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes >= 2 * size and minutes % size == 0:
            return f"every {minutes // size} {unit}"
    return f"every {minutes} min"


def _label(rank: int, text: str, role: Role) -> Label:
    return Label(rank, (RowPiece(text, role, len(text)),))


def _labels(
    branch: Branch, health: WorkflowHealth | None
) -> tuple[list[Label], list[Label]]:
    """Name what distinguishes a workflow: its failures, and what else there is."""
    workflow = branch.workflow
    failures = workflow.consecutive_failures or (health.failures if health else 0)
    failing = [_label(0, f"✗ {failures}", Role.FAILED)] if failures else []
    return failing, list(_plain_labels(branch))


def _plain_labels(branch: Branch) -> Iterator[Label]:
    workflow = branch.workflow
    if workflow.terminated_at is not None:
        yield _label(4, "terminated", Role.MUTED)
    elif workflow.build_status == "FAILED":
        yield _label(4, "build failed", Role.FAILED)
    elif workflow.build_status in {"QUEUED", "STARTED"}:
        yield _label(4, "building", Role.WAITING)
    if branch.keeps_no_logs:
        yield _label(5, "no logs", Role.MUTED)
    if workflow.interval_minutes and workflow.terminated_at is None:
        yield _label(6, interval_words(workflow.interval_minutes), Role.MUTED)


def _running(health: WorkflowHealth | None) -> Label:
    """Count the jobs that run; there is room for it though none does."""
    count = 0 if health is None else health.running
    label = _label(3, f"● {count}" if count else "", Role.RUNNING)
    return label._replace(least=len("● 1"))


def _health_labels(health: WorkflowHealth | None) -> Iterator[Label]:
    """Tell how the newest jobs ended, the newest at the right, and when it was read."""
    if health is None:
        signs = [RowPiece(UNREAD, Role.MUTED, 1)]
    elif not health.outcomes:
        signs = [RowPiece(NO_JOBS, Role.MUTED, 1)]
    else:
        told = [JOB_SIGNS.get(str(each)) for each in health.outcomes]
        known = [sign or ("?", Role.UNKNOWN) for sign in told]
        signs = [RowPiece(glyph, role, 1) for glyph, role in known]
    yield Label(1, tuple(signs), least=OUTCOMES)
    is_old = health is not None and health.age >= OLD
    words = age(health.age) if is_old and health is not None else ""
    piece = RowPiece(words, Role.MUTED, AGE_CELLS - BETWEEN, right=True)
    yield Label(2, (piece,))
