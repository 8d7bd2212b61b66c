"""The visible rows, as sections of consecutive ones."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from chronotui.core.tree.keys import NodeKey, NodeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.core.tree.listing import Listing
    from chronotui.core.tree.notes import NoteLine


class Section(NamedTuple):
    """A workflow's row with the rows below it, or notes alone.

    ``workflow_id`` is "" for the notes below the list of workflows; ``listing`` is
    None while the workflow is collapsed.
    """

    workflow_id: str
    listing: Listing | None
    notes: Sequence[NoteLine]

    @property
    def head(self) -> int:
        """Rows before the first child: one, or none for notes alone."""
        return 1 if self.workflow_id else 0

    @property
    def jobs(self) -> int:
        """How many jobs are visible."""
        return 0 if self.listing is None else len(self.listing)

    @property
    def rows(self) -> int:
        """How many rows the section takes."""
        return self.head + self.jobs + len(self.notes)

    def key(self, offset: int) -> NodeKey:
        """Return the identity of a row of this section."""
        if offset < self.head:
            return NodeKey.workflow(self.workflow_id)
        at = offset - self.head
        if self.listing is not None and at < len(self.listing):
            return NodeKey.job(self.workflow_id, self.listing[at])
        return NodeKey.note(self.workflow_id, at - self.jobs)

    def offset(self, key: NodeKey) -> int | None:
        """Return where a node of this section stands in it, None if nowhere."""
        if key.kind is NodeKind.WORKFLOW:
            return 0
        if key.kind is NodeKind.JOB:
            at = None if self.listing is None else self.listing.position(key.item)
            return None if at is None else self.head + at
        line = int(key.item)
        return self.head + self.jobs + line if line < len(self.notes) else None


class Rows:
    """Row numbers to nodes and back, in the logarithm of the workflows' number."""

    def __init__(self, sections: Sequence[Section]) -> None:
        self._sections = sections
        self._ends = list(accumulate(section.rows for section in sections))
        self._places = {s.workflow_id: at for at, s in enumerate(sections)}

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def key(self, row: int) -> NodeKey:
        """Return the identity of a row.

        Raises:
            IndexError: If there is no such row.
        """
        if not 0 <= row < len(self):
            raise IndexError(row)
        at = bisect_right(self._ends, row)
        return self._sections[at].key(row - self._start(at))

    def locate(self, key: NodeKey) -> int | None:
        """Return the row of a node, None if it is not visible."""
        at = self._places.get(key.workflow_id)
        if at is None:
            return None
        offset = self._sections[at].offset(key)
        return None if offset is None else self._start(at) + offset

    def is_open(self, workflow_id: str) -> bool:
        """Whether a workflow's jobs are visible."""
        at = self._places.get(workflow_id)
        return at is not None and self._sections[at].listing is not None

    def note(self, key: NodeKey) -> NoteLine | None:
        """Return the line of a note, None if it is not there (any more)."""
        at = self._places.get(key.workflow_id)
        if at is None or key.kind is not NodeKind.NOTE:
            return None
        notes = self._sections[at].notes
        line = int(key.item)
        return notes[line] if line < len(notes) else None

    def _start(self, at: int) -> int:
        return self._ends[at] - self._sections[at].rows
