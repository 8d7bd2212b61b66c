"""What the tree and its filters tell the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from chronotui.model import Job, Workflow
    from chronotui.tree.model import NodeKey, TreeFilters


class JobOpened(Message, namespace="job_tree"):
    """A job was chosen to be read."""

    def __init__(self, workflow: Workflow, job: Job) -> None:
        super().__init__()
        self.workflow = workflow
        self.job = job


class Highlighted(Message, namespace="job_tree"):
    """Another row is selected, or what is known of the selected one changed.

    ``workflow`` and ``job`` are what the row belongs to, None where it has none;
    ``sentence`` is the whole text of a note, "" on other rows.
    """

    def __init__(
        self,
        node: NodeKey,
        workflow: Workflow | None,
        job: Job | None,
        sentence: str = "",
    ) -> None:
        super().__init__()
        self.node = node
        self.workflow = workflow
        self.job = job
        self.sentence = sentence


class MoreWanted(Message, namespace="job_tree"):
    """The end of a list that has a further page came into view.

    ``workflow_id`` is "" for the list of workflows.
    """

    def __init__(self, workflow_id: str) -> None:
        super().__init__()
        self.workflow_id = workflow_id


class ExpansionWanted(Message, namespace="job_tree"):
    """A workflow is to show its jobs, or to fold them away."""

    def __init__(self, workflow_id: str, expanded: bool) -> None:
        super().__init__()
        self.workflow_id = workflow_id
        self.expanded = expanded


class RefreshWanted(Message, namespace="job_tree"):
    """Everything shown is to be read again now."""


class FiltersChanged(Message, namespace="filter_bar"):
    """The tree is to be filtered otherwise."""

    def __init__(self, filters: TreeFilters) -> None:
        super().__init__()
        self.filters = filters
