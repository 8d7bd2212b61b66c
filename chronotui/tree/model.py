"""The tree of workflows and jobs: what is loaded, filtered, shown, selected."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from enum import Enum
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.model import JobFilter
from chronotui.text import clean
from chronotui.tree.listing import Listing, ListNote, NoteKind, lines_of, notes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from chronotui.model import Job, JobStatus, Trigger, Workflow
    from chronotui.tree.listing import NoteLine


def described(job_filter: JobFilter) -> str:
    """Return the filter in words, "" when nothing is filtered."""
    words = []
    if job_filter.status is not None:
        words.append(clean(str(job_filter.status)))
    if job_filter.trigger is not None:
        words.append("manual" if job_filter.trigger == "MANUAL" else "automatic")
    return " ".join(words)


@dataclass(frozen=True, slots=True)
class TreeFilters:
    """Everything that narrows the tree.

    ``text`` goes to the server's workflow-name search, and to the beginning of the
    ids among what is loaded. ``terminated`` shows terminated workflows as well.
    """

    status: JobStatus | None = None
    trigger: Trigger | None = None
    text: str = ""
    terminated: bool = False

    @property
    def jobs(self) -> JobFilter:
        return JobFilter(self.status, self.trigger)

    @property
    def query(self) -> str:
        """The text as it goes to the server: without the spaces around it."""
        return self.text.strip()

    def with_terminated_toggled(self) -> TreeFilters:
        return replace(self, terminated=not self.terminated)

    def cleared(self) -> TreeFilters:
        """Return no filters; terminated workflows stay as they were."""
        return TreeFilters(terminated=self.terminated)


class TreeNodeKind(Enum):
    WORKFLOW = "workflow"
    JOB = "job"
    NOTE = "note"


class NodeKey(NamedTuple):
    """Identity of a row.

    ``workflow_id`` is "" for the notes below the list of workflows. ``item`` is the
    job's id, or the line number of a note that takes several rows.
    """

    kind: TreeNodeKind
    workflow_id: str
    item: str = ""

    @classmethod
    def workflow(cls, workflow_id: str) -> NodeKey:
        return cls(TreeNodeKind.WORKFLOW, workflow_id)

    @classmethod
    def job(cls, workflow_id: str, job_id: str) -> NodeKey:
        return cls(TreeNodeKind.JOB, workflow_id, job_id)

    @classmethod
    def note(cls, workflow_id: str, line: int) -> NodeKey:
        """Return the key of one line of the note that ends a list."""
        return cls(TreeNodeKind.NOTE, workflow_id, str(line))


# What is loaded: jobs with their short ids, workflows with the lists of their jobs.

SHORTEST: Final = 6


class ShortIds:
    """The common length at which all ids of a list differ, at least ``SHORTEST``.

    The length only grows, so a column of ids keeps its width while a list is read.
    Adding ids costs what they are many, not what the list is long, except for the
    few times the length grows.
    """

    def __init__(self) -> None:
        self.length = SHORTEST
        self._ids: set[str] = set()
        self._prefixes: set[str] = set()

    def add(self, ids: Iterable[str]) -> None:
        """Take up ids; one already known changes nothing."""
        new = list(ids)
        self._ids.update(new)
        self._prefixes.update([item[: self.length] for item in new])
        while len(self._prefixes) < len(self._ids):
            if self.length >= max(map(len, self._ids)):
                break
            self.length += 1
            self._prefixes = {item[: self.length] for item in self._ids}

    def of(self, item_id: str) -> str:
        return item_id[: self.length]


class JobPool:
    """The loaded jobs of one workflow by id, whichever list they came with.

    ``unfinished`` holds the ids of those whose state can still change.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self.unfinished: dict[str, None] = {}
        self.short_ids = ShortIds()

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs.values())

    def __getitem__(self, job_id: str) -> Job:
        return self._jobs[job_id]

    def get(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def put(self, jobs: Iterable[Job]) -> bool:
        """Take over what was read; tell whether anything differs from before."""
        changed = False
        new: list[str] = []
        for job in jobs:
            before = self._jobs.get(job.id)
            if before is None:
                new.append(job.id)
            after = job if before is None else _newest(before, job)
            if after == before:
                continue
            changed = True
            self._jobs[job.id] = after
            if after.status.is_terminal:
                self.unfinished.pop(after.id, None)
            else:
                self.unfinished[after.id] = None
        self.short_ids.add(new)
        return changed

    def ask_later(self, job_id: str) -> None:
        """Let the other unfinished jobs have their turn before this one."""
        if job_id in self.unfinished:
            del self.unfinished[job_id]
            self.unfinished[job_id] = None

    def drop(self, job_id: str) -> None:
        self._jobs.pop(job_id, None)
        self.unfinished.pop(job_id, None)


def _newest(before: Job, after: Job) -> Job:
    """Join two readings of one job; a job read alone lacks what a list tells."""
    if (
        before.updated_at is not None
        and after.updated_at is not None
        and after.updated_at < before.updated_at
    ):
        return before
    return replace(
        after,
        attempts=before.attempts if after.attempts is None else after.attempts,
        container_id=after.container_id or before.container_id,
        fields={**before.fields, **after.fields},
    )


class Branch:
    """A workflow, its loaded jobs, and the list of them that is shown.

    The unfiltered list is kept while a filtered one is shown, so that taking the
    filter away shows at once what was there.
    """

    def __init__(self, workflow: Workflow, job_filter: JobFilter) -> None:
        self.workflow = workflow
        self.expanded = False
        self.no_logs = False
        self.jobs = JobPool()
        self._lists = {JobFilter(): Listing()}
        self.job_filter = JobFilter()
        self.show(job_filter)

    @property
    def listing(self) -> Listing:
        return self._lists[self.job_filter]

    @property
    def keeps_no_logs(self) -> bool:
        """Whether it is known that none of its jobs has a log to read."""
        workflow = self.workflow
        unlogged = workflow.kind == "HEARTBEAT" or workflow.log_retention is False
        return self.no_logs or unlogged

    def show(self, job_filter: JobFilter) -> None:
        """Show the list for a filter: at first what is loaded, as far as it fits."""
        self.job_filter = job_filter
        everything = self._lists[JobFilter()]
        kept = self._lists.get(job_filter)
        if kept is None:
            fitting = (j for j in everything.ids if job_filter.accepts(self.jobs[j]))
            kept = Listing(fitting)
        self._lists = {JobFilter(): everything, job_filter: kept}

    def put(self, jobs: Sequence[Job]) -> list[str]:
        """Take over jobs as read; return their ids in order, for a list of them."""
        self.jobs.put(jobs)
        return [job.id for job in jobs]

    def update(self, job: Job) -> bool:
        """Take over a job read alone; lists it no longer fits lose it.

        Returns:
            Whether anything changed.
        """
        changed = self.jobs.put([job])
        for job_filter, listing in self._lists.items():
            if not job_filter.accepts(self.jobs[job.id]):
                changed |= listing.discard(job.id)
        return changed

    def reveal(self, job: Job) -> None:
        """Make a job stand in the shown list, wherever the server has it."""
        self.jobs.put([job])
        self._lists[JobFilter()].add_unconfirmed(job.id)
        if self.job_filter.accepts(job):
            self.listing.add_unconfirmed(job.id)

    def forget(self, job_id: str) -> None:
        for listing in self._lists.values():
            listing.discard(job_id)
        self.jobs.drop(job_id)


# The visible rows, as sections of consecutive ones.


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
        return 0 if self.listing is None else len(self.listing)

    @property
    def rows(self) -> int:
        return self.head + self.jobs + len(self.notes)

    def key(self, offset: int) -> NodeKey:
        if offset < self.head:
            return NodeKey.workflow(self.workflow_id)
        at = offset - self.head
        if self.listing is not None and at < len(self.listing):
            return NodeKey.job(self.workflow_id, self.listing.ids[at])
        return NodeKey.note(self.workflow_id, at - self.jobs)

    def offset(self, key: NodeKey) -> int | None:
        """Return where a node of this section stands in it, None if nowhere."""
        if key.kind is TreeNodeKind.WORKFLOW:
            return 0
        if key.kind is TreeNodeKind.JOB:
            at = None if self.listing is None else self.listing.position(key.item)
            return None if at is None else self.head + at
        line = int(key.item)
        return self.head + self.jobs + line if line < len(self.notes) else None


class TreeRows:
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
        at = self._places.get(workflow_id)
        return at is not None and self._sections[at].listing is not None

    def note(self, key: NodeKey) -> NoteLine | None:
        """Return the line of a note, None if it is not there (any more)."""
        at = self._places.get(key.workflow_id)
        if at is None or key.kind is not TreeNodeKind.NOTE:
            return None
        notes = self._sections[at].notes
        line = int(key.item)
        return notes[line] if line < len(notes) else None

    def _start(self, at: int) -> int:
        return self._ends[at] - self._sections[at].rows


# Which sections the tree shows, and the sentences where it shows nothing.

CLEAR: Final = "0 clears the filter."
SHOW_THEM: Final = ". shows them too."
NOTE_INDENT: Final = 4


def sections_of(tree: TreeModel, note_width: int) -> list[Section]:
    """Lay out the rows of a tree.

    A workflow found by its name stands with all its listed jobs; one found only by
    an id stands open, with the jobs whose ids match.
    """
    width = max(note_width - NOTE_INDENT, 0) if note_width else 0
    sections = list(_found_by_id(tree))
    for workflow_id in tree.workflows.ids:
        branch = tree.branch(workflow_id)
        if branch is None:
            continue
        if branch.expanded:
            empty = _no_job(tree, branch)
            notes = notes_of(branch.listing, what="jobs", empty=empty)
            lines = lines_of(notes, width)
            sections.append(Section(workflow_id, branch.listing, lines))
        else:
            sections.append(Section(workflow_id, None, ()))
    sections.append(Section("", None, lines_of(_last_notes(tree), width)))
    return sections


def _found_by_id(tree: TreeModel) -> Iterator[Section]:
    prefix = tree.filters.query
    if not prefix:
        return
    accepts = tree.filters.jobs.accepts
    for branch in tree.branches():
        workflow_id = branch.workflow.id
        if workflow_id in tree.workflows:
            continue
        jobs = [j.id for j in branch.jobs if j.id.startswith(prefix) and accepts(j)]
        if jobs or workflow_id.startswith(prefix):
            yield Section(workflow_id, Listing(jobs), ())


def _last_notes(tree: TreeModel) -> list[ListNote]:
    listing = tree.workflows
    notes = notes_of(listing, what="workflows", empty=_no_workflow(tree))
    if tree.filters.query and listing.answered:
        loaded = sum(len(branch.jobs) for branch in tree.branches())
        said = f"ids matched among the {loaded:,} loaded jobs"
        notes.append(ListNote(NoteKind.SAID, said))
    return notes


def _no_workflow(tree: TreeModel) -> str:
    hides = tree.workflows.hides_terminated
    if tree.filters.query:
        said = clean(tree.filters.query)
        if hides:
            return f"Only terminated workflows are named like “{said}”; {SHOW_THEM}"
        return f"No workflow is named like “{said}”. {CLEAR}"
    if hides:
        return f"No workflows but terminated ones; {SHOW_THEM}"
    if tree.filters.terminated:
        return "No workflows yet, no terminated ones either."
    return "No workflows yet."


def _no_job(tree: TreeModel, branch: Branch) -> str:
    said = described(tree.filters.jobs)
    if not said:
        return "No jobs yet."
    return f"No job is {said} in {clean(branch.workflow.name)}. {CLEAR}"


class TreeSelection:
    """The node that was chosen, and the row that stands for it now.

    A node that is not visible stays chosen: a row near it stands in, until it is
    visible again or another is chosen.
    """

    def __init__(self) -> None:
        self.row = 0
        self._wanted: NodeKey | None = None
        self.begins_at_top = False
        """Whether the first row stands in, if what follows hides the chosen node."""

    def choose(self, key: NodeKey, rows: TreeRows) -> None:
        """Choose a node; the row stays while it is not visible."""
        self._wanted = key
        row = rows.locate(key)
        self.row = self.row if row is None else row

    def settle(self, rows: TreeRows) -> None:
        wanted = self._wanted
        if wanted is not None and wanted.kind is TreeNodeKind.NOTE:
            self._wanted = wanted = self._successor(rows)
        row = None if wanted is None else rows.locate(wanted)
        if row is None and wanted is not None and wanted.kind is TreeNodeKind.JOB:
            row = self._nearest(rows, wanted)
        if row is None:
            row = 0 if self.begins_at_top else min(self.row, max(len(rows) - 1, 0))
        self.row = row
        self.begins_at_top = False

    def _successor(self, rows: TreeRows) -> NodeKey | None:
        """Return what stands where a note stood: "more" becomes a job."""
        return rows.key(min(self.row, len(rows) - 1)) if len(rows) else None

    def _nearest(self, rows: TreeRows, wanted: NodeKey) -> int | None:
        """Return the row next to where a vanished job stood, in its workflow."""
        head = rows.locate(NodeKey.workflow(wanted.workflow_id))
        if head is None or not 0 <= self.row < len(rows):
            return head
        same = rows.key(self.row).workflow_id == wanted.workflow_id
        return self.row if same else head


class TreeModel:
    """Workflows and their jobs as rows, without limits in their number.

    Whoever changes a branch or a listing calls ``touch``; rows are laid out again
    when next read. Rows are told by identity (``NodeKey``), so that selection and
    place outlive every refresh.
    """

    def __init__(self) -> None:
        self.filters = TreeFilters()
        self._note_width = 0
        self._branches: dict[str, Branch] = {}
        self._lists: dict[tuple[str, bool], Listing] = {("", False): Listing()}
        self._rows: TreeRows | None = None
        self._selection = TreeSelection()

    # what is loaded

    @property
    def workflows(self) -> Listing:
        return self._lists[self.filters.query, self.filters.terminated]

    def branch(self, workflow_id: str) -> Branch | None:
        return self._branches.get(workflow_id)

    def branches(self) -> Iterator[Branch]:
        """Go through all loaded workflows, shown or not, in no given order."""
        return iter(self._branches.values())

    def job(self, key: NodeKey) -> Job | None:
        branch = self._branches.get(key.workflow_id)
        return None if branch is None else branch.jobs.get(key.item)

    def put_workflows(self, workflows: Iterable[Workflow]) -> list[str]:
        """Take over workflows as read; return their ids in order, for a list."""
        ids = []
        for workflow in workflows:
            ids.append(workflow.id)
            branch = self._branches.get(workflow.id)
            if branch is None:
                branch = Branch(workflow, self.filters.jobs)
                self._branches[workflow.id] = branch
            branch.workflow = workflow
        self.touch()
        return ids

    def reveal(self, workflow: Workflow, job: Job | None = None) -> NodeKey:
        """Show and select a workflow or job, wherever the server's lists have it."""
        self.put_workflows([workflow])
        self.workflows.add_unconfirmed(workflow.id)
        key = NodeKey.workflow(workflow.id)
        branch = self._branches[workflow.id]
        if job is not None:
            branch.expanded = True
            branch.reveal(job)
            key = NodeKey.job(workflow.id, job.id)
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
        branch = self._branches.get(job.workflow_id)
        if branch is not None and branch.update(job):
            self.touch()

    def touch(self) -> None:
        self._rows = None

    # what is shown

    @property
    def rows(self) -> TreeRows:
        """The visible rows, as they are until the next change."""
        if self._rows is None:
            self._rows = TreeRows(sections_of(self, self._note_width))
            self._selection.settle(self._rows)
        return self._rows

    def set_filters(self, filters: TreeFilters) -> None:
        """Filter at once by what is loaded; the server's answers refine it."""
        before, self.filters = self.filters, filters
        if filters.query != before.query:
            self._selection.begins_at_top = True
        self._lists = {
            ("", filters.terminated): self._whole_list(filters.terminated),
            **self._lists_for(filters),
        }
        for branch in self._branches.values():
            branch.show(filters.jobs)
        self.touch()

    def set_expanded(self, workflow_id: str, expanded: bool) -> None:
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
        """Break the notes below lists at a width in cells; 0 breaks nothing."""
        if cells != self._note_width:
            self._note_width = cells
            self.touch()

    # what is selected

    @property
    def selected(self) -> NodeKey | None:
        """The selected node; while it is not visible, one that stands near."""
        rows = self.rows
        return rows.key(self._selection.row) if len(rows) else None

    @property
    def selected_row(self) -> int:
        return self._selection.row if len(self.rows) else 0

    def select(self, key: NodeKey) -> None:
        """Select a node by identity; one not visible is taken when it appears."""
        self._selection.choose(key, self.rows)

    def select_row(self, row: int) -> None:
        rows = self.rows
        if len(rows):
            self.select(rows.key(min(max(row, 0), len(rows) - 1)))

    # inside

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
        """Return the list a text narrows, by its place; none without a text."""
        if not filters.query:
            return {}
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
        return {place: kept}
