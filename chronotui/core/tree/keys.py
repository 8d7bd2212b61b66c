"""What a row of the tree is, told by identity and not by its number."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class NodeKind(Enum):
    """What stands on a row."""

    WORKFLOW = "workflow"
    JOB = "job"
    NOTE = "note"


class NodeKey(NamedTuple):
    """Identity of a row.

    ``workflow_id`` is "" for the notes below the list of workflows. ``item`` is the
    job's id, or the line number of a note that takes several rows.
    """

    kind: NodeKind
    workflow_id: str
    item: str = ""

    @classmethod
    def workflow(cls, workflow_id: str) -> NodeKey:
        """Return the key of a workflow's row."""
        return cls(NodeKind.WORKFLOW, workflow_id)

    @classmethod
    def job(cls, workflow_id: str, job_id: str) -> NodeKey:
        """Return the key of a job's row."""
        return cls(NodeKind.JOB, workflow_id, job_id)

    @classmethod
    def note(cls, workflow_id: str, line: int) -> NodeKey:
        """Return the key of one line of the note that ends a list."""
        return cls(NodeKind.NOTE, workflow_id, str(line))
