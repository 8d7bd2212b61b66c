"""Which row is selected, by identity, while rows come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.core.tree.keys import NodeKey, NodeKind

if TYPE_CHECKING:
    from chronotui.core.tree.sections import Rows


class Selection:
    """The node that was chosen, and the row that stands for it now.

    A node that is not visible stays chosen: a row near it stands in, until it is
    visible again or another is chosen.
    """

    def __init__(self) -> None:
        self.row = 0
        self._wanted: NodeKey | None = None
        self._begin_at_top = False

    def choose(self, key: NodeKey, rows: Rows) -> None:
        """Choose a node; the row stays while it is not visible."""
        self._wanted = key
        row = rows.locate(key)
        self.row = self.row if row is None else row

    def choose_row(self, row: int, rows: Rows) -> NodeKey | None:
        """Choose the row nearest to a number; return its identity."""
        if not len(rows):
            return None
        self.row = min(max(row, 0), len(rows) - 1)
        self._wanted = rows.key(self.row)
        return self._wanted

    def begin_at_top(self) -> None:
        """Let the first row stand in, if the chosen node is hidden by what follows."""
        self._begin_at_top = True

    def settle(self, rows: Rows) -> None:
        """Find the row in a new layout."""
        wanted = self._wanted
        if wanted is not None and wanted.kind is NodeKind.NOTE:
            self._wanted = wanted = self._successor(rows)
        row = None if wanted is None else rows.locate(wanted)
        if row is None and wanted is not None and wanted.kind is NodeKind.JOB:
            row = self._nearest(rows, wanted)
        if row is None:
            row = 0 if self._begin_at_top else min(self.row, max(len(rows) - 1, 0))
        self.row = row
        self._begin_at_top = False

    def _successor(self, rows: Rows) -> NodeKey | None:
        """Return what stands where a note stood: "more" becomes a job."""
        return rows.key(min(self.row, len(rows) - 1)) if len(rows) else None

    def _nearest(self, rows: Rows, wanted: NodeKey) -> int | None:
        """Return the row next to where a vanished job stood, in its workflow."""
        head = rows.locate(NodeKey.workflow(wanted.workflow_id))
        if head is None or not 0 <= self.row < len(rows):
            return head
        same = rows.key(self.row).workflow_id == wanted.workflow_id
        return self.row if same else head
