"""In which order workflows stand, and which of them a filter leaves out."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from chronotui.model import JobFilter, JobStatus
from chronotui.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chronotui.model import Workflow
    from chronotui.tree.branch import Branch
    from chronotui.tree.health import WorkflowHealth


class WorkflowOrder(StrEnum):
    """How workflows are ordered, by its name in the state file; in a key's order."""

    LISTED = "listed"
    TROUBLE = "trouble"
    NAME = "name"

    @property
    def words(self) -> str:
        return ORDER_WORDS[self]

    @property
    def next(self) -> WorkflowOrder:
        orders = list(WorkflowOrder)
        return orders[(orders.index(self) + 1) % len(orders)]


class TreeLook(NamedTuple):
    """How a tree is looked at: ``ages`` tells how long ago, False when.

    None is what fits what it lists.
    """

    order: WorkflowOrder = WorkflowOrder.LISTED
    ages: bool | None = None


ORDER_WORDS: Final = {
    WorkflowOrder.LISTED: "Workflows stand as the server lists them.",
    WorkflowOrder.TROUBLE: "Workflows stand by trouble: failing, running, the others.",
    WorkflowOrder.NAME: "Workflows stand by name.",
}


class KnownJobs(Protocol):
    """What is read of all workflows, whether they are unfolded or not."""

    def health(self, workflow_id: str) -> WorkflowHealth | None:
        """How a workflow has been doing, None while that was not read."""

    def fits(self, workflow_id: str, only: JobFilter) -> bool | None:
        """Whether a workflow has a job that fits; None where that is not known."""


def in_order(
    branches: Sequence[Branch],
    order: WorkflowOrder,
    health: Callable[[str], WorkflowHealth | None],
) -> Sequence[Branch]:
    """Order workflows; those that are alike stay as they are listed."""
    if order is WorkflowOrder.NAME:
        return sorted(branches, key=lambda each: _name(each.workflow))
    if order is WorkflowOrder.TROUBLE:
        return sorted(
            branches, key=lambda each: _trouble(each.workflow, health(each.workflow.id))
        )
    return branches


def _name(workflow: Workflow) -> tuple[str, str]:
    return clean(workflow.shown_name).casefold(), workflow.id


def _trouble(workflow: Workflow, health: WorkflowHealth | None) -> int:
    """Return how far down a workflow stands: the failing and the running ones first."""
    if workflow.terminated_at is not None:
        return 4
    if workflow.consecutive_failures or (health is not None and health.failures):
        return 0
    if health is None:
        return 3
    if health.running:
        return 1
    return 2 if JobStatus.FAILED in health.outcomes else 3


def may_have(branch: Branch, known: KnownJobs | None) -> bool:
    """Whether a workflow has, or may have, a job that fits what it is filtered by."""
    listing, only = branch.listing, branch.job_filter
    if len(listing) or only == JobFilter():
        return True
    fits = None if known is None else known.fits(branch.workflow.id, only)
    if fits is None:
        return not (listing.answered and listing.complete)
    return fits
