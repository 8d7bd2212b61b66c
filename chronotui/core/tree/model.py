"""The tree of workflows and jobs: what is loaded, what is shown, what is selected."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from chronotui.core.tree.branch import Branch
from chronotui.core.tree.filters import TreeFilters
from chronotui.core.tree.keys import NodeKey
from chronotui.core.tree.listing import Listing
from chronotui.core.tree.sections import Rows
from chronotui.core.tree.selection import Selection
from chronotui.core.tree.shown import sections_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from chronotui.core.tree.listing import Place
    from chronotui.core.tree.notes import NoteLine
    from chronotui.model import Job, Workflow


class TreeModel:
    """Workflows and their jobs as rows, without limits in their number.

    Whoever changes a branch or a listing calls ``touch``; rows are laid out again
    when next read. Rows are told by identity (``NodeKey``), so that selection and
    place outlive every refresh.

    Args:
        note_width: Cells a note below a list may take; 0 for one long row.
    """

    def __init__(self, *, note_width: int = 0) -> None:
        self.filters = TreeFilters()
        self.totals: Counter[str] = Counter()
        self.version = 0
        self._note_width = note_width
        self._branches: dict[str, Branch] = {}
        self._lists: dict[tuple[str, bool], Listing] = {("", False): Listing()}
        self._rows: Rows | None = None
        self._selection = Selection()

    # what is loaded

    @property
    def workflows(self) -> Listing:
        """The list of workflows that is shown."""
        return self._lists[self.filters.query, self.filters.terminated]

    def branch(self, workflow_id: str) -> Branch | None:
        """Return a loaded workflow with its jobs."""
        return self._branches.get(workflow_id)

    def branches(self) -> Iterator[Branch]:
        """Go through all loaded workflows, shown or not, in no given order."""
        return iter(self._branches.values())

    def job(self, key: NodeKey) -> Job | None:
        """Return the job a key names, if it is loaded."""
        branch = self._branches.get(key.workflow_id)
        return None if branch is None else branch.jobs.get(key.item)

    def put_workflows(self, workflows: Iterable[Workflow]) -> list[str]:
        """Take over workflows as read; return their ids in order."""
        ids = []
        for workflow in workflows:
            ids.append(workflow.id)
            branch = self._branches.get(workflow.id)
            if branch is None:
                job_filter = self.filters.jobs
                branch = Branch(workflow, job_filter, self.totals)
                self._branches[workflow.id] = branch
            branch.workflow = workflow
        return ids

    def extend_workflows(
        self, listing: Listing, workflows: Sequence[Workflow], next_place: Place | None
    ) -> None:
        """Join the next page to a list of workflows."""
        listing.extend(self.put_workflows(workflows), next_place)
        self.touch()

    def reveal(self, workflow: Workflow, job: Job | None = None) -> NodeKey:
        """Show and select a workflow or job, wherever the server's lists have it."""
        self.put_workflows([workflow])
        self.workflows.foresee(workflow.id)
        key = NodeKey.workflow(workflow.id)
        branch = self._branches[workflow.id]
        if job is not None:
            branch.expanded = True
            branch.reveal(job)
            key = NodeKey.job(workflow.id, job.id)
        self.touch()
        self.select(key)
        return key

    def short_id(self, job: Job) -> str:
        """Return a job's id as short as keeps the loaded ones of its list apart."""
        branch = self._branches.get(job.workflow_id)
        return job.id if branch is None else branch.jobs.short_ids.of(job.id)

    def note_no_logs(self, workflow_id: str) -> None:
        """Take note that a workflow keeps no logs, as an answer about them said."""
        branch = self._branches.get(workflow_id)
        if branch is not None and not branch.no_logs:
            branch.no_logs = True
            self.touch()

    def update_job(self, job: Job) -> None:
        """Take over a job read alone, if its workflow is loaded."""
        branch = self._branches.get(job.workflow_id)
        if branch is not None and branch.update(job):
            self.touch()

    def touch(self) -> None:
        """Say that something changed."""
        self.version += 1
        self._rows = None

    # what is shown

    def set_filters(self, filters: TreeFilters) -> None:
        """Filter at once by what is loaded; the server's answers refine it."""
        before, self.filters = self.filters, filters
        if filters.query != before.query:
            self._selection.begin_at_top()
        self._lists = {
            ("", filters.terminated): self._whole_list(filters.terminated),
            **self._lists_for(filters),
        }
        for branch in self._branches.values():
            branch.show(filters.jobs)
        self.touch()

    def set_expanded(self, workflow_id: str, expanded: bool) -> None:
        """Show or fold away the jobs of a workflow."""
        branch = self._branches.get(workflow_id)
        if branch is None or branch.expanded == expanded:
            return
        selected = self.selected
        branch.expanded = expanded
        self.touch()
        inside = selected is not None and selected.workflow_id == workflow_id
        if inside and not expanded:
            self.select(NodeKey.workflow(workflow_id))

    def set_note_width(self, cells: int) -> None:
        """Break the notes below lists at a width in cells."""
        if cells != self._note_width:
            self._note_width = cells
            self.touch()

    def __len__(self) -> int:
        return len(self._laid_out)

    def key(self, row: int) -> NodeKey:
        """Return the identity of a visible row.

        Raises:
            IndexError: If there is no such row.
        """
        return self._laid_out.key(row)

    def locate(self, key: NodeKey) -> int | None:
        """Return the row of a node, None if it is not visible."""
        return self._laid_out.locate(key)

    def is_open(self, workflow_id: str) -> bool:
        """Whether the jobs of a workflow are shown below it."""
        return self._laid_out.is_open(workflow_id)

    def note(self, key: NodeKey) -> NoteLine | None:
        """Return the line of a note, None if it is not there (any more)."""
        return self._laid_out.note(key)

    # what is selected

    @property
    def selected(self) -> NodeKey | None:
        """The selected node; while it is not visible, one that stands near."""
        rows = self._laid_out
        return rows.key(self._selection.row) if len(rows) else None

    @property
    def selected_row(self) -> int:
        """The selected row, 0 when there are none."""
        return self._selection.row if len(self._laid_out) else 0

    def select(self, key: NodeKey) -> None:
        """Select a node by identity; one not visible is taken when it appears."""
        self._selection.choose(key, self._laid_out)

    def select_row(self, row: int) -> NodeKey | None:
        """Select the row nearest to a number; return its identity."""
        return self._selection.choose_row(row, self._laid_out)

    # inside

    @property
    def _laid_out(self) -> Rows:
        if self._rows is None:
            self._rows = Rows(sections_of(self, self._note_width))
            self._selection.settle(self._rows)
        return self._rows

    def _whole_list(self, terminated: bool) -> Listing:
        kept = self._lists.get(("", terminated))
        if kept is not None:
            return kept
        other = self._lists.get(("", not terminated), Listing())
        return Listing(
            workflow_id
            for workflow_id in other.ids
            if terminated or self._branches[workflow_id].workflow.terminated_at is None
        )

    def _lists_for(self, filters: TreeFilters) -> dict[tuple[str, bool], Listing]:
        place = (filters.query, filters.terminated)
        kept = self._lists.get(place)
        if kept is None:
            folded = filters.query.casefold()
            whole = self._whole_list(filters.terminated)
            kept = Listing(
                workflow_id
                for workflow_id in whole.ids
                if folded in self._branches[workflow_id].workflow.name.casefold()
            )
        return {place: kept} if filters.query else {}
