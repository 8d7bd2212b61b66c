"""The tree of workflows and jobs: what is loaded, filtered, shown, selected."""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.text import clean, plural
from chronotui.tree.branch import Branch
from chronotui.tree.days import local_time
from chronotui.tree.filters import TreeFilters, TreeSubject, described
from chronotui.tree.listing import Listing, ListNote, NoteKind, lines_of, notes_of
from chronotui.tree.marks import JobMarks
from chronotui.tree.order import WorkflowOrder, in_order, may_have
from chronotui.tree.short_ids import SHORTEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import tzinfo

    from chronotui.model import Job, Workflow
    from chronotui.tree.days import Day, DayRows
    from chronotui.tree.health import WorkflowHealth
    from chronotui.tree.listing import NoteLine
    from chronotui.tree.order import KnownJobs
    from chronotui.tree.short_ids import Named


class TreeNodeKind(Enum):
    WORKFLOW = "workflow"
    DAY = "day"
    JOB = "job"
    NOTE = "note"


class NodeKey(NamedTuple):
    """Identity of a row.

    ``workflow_id`` is "" for the notes below the list of workflows. ``item`` is the
    job's id, the date of a day, or the line number of a note that takes several rows.
    """

    kind: TreeNodeKind
    workflow_id: str
    item: str = ""

    @classmethod
    def workflow(cls, workflow_id: str) -> NodeKey:
        return cls(TreeNodeKind.WORKFLOW, workflow_id)

    @classmethod
    def day(cls, workflow_id: str, day: Day) -> NodeKey:
        return cls(TreeNodeKind.DAY, workflow_id, day.date.isoformat())

    @classmethod
    def job(cls, workflow_id: str, job_id: str) -> NodeKey:
        return cls(TreeNodeKind.JOB, workflow_id, job_id)

    @classmethod
    def note(cls, workflow_id: str, line: int) -> NodeKey:
        """Return the key of one line of the note that ends a list."""
        return cls(TreeNodeKind.NOTE, workflow_id, str(line))


# The visible rows, as sections of consecutive ones.


class Section(NamedTuple):
    """A workflow's row with the rows below it, or notes alone.

    ``workflow_id`` is "" for the notes below the list of workflows; ``listing`` is
    None while the workflow is collapsed. With ``days`` the list stands under them.
    """

    workflow_id: str
    listing: Listing | None
    notes: Sequence[NoteLine]
    days: DayRows | None = None

    @property
    def head(self) -> int:
        """Rows before the first child: one, or none for notes alone."""
        return 1 if self.workflow_id not in {"", REMARK} else 0

    @property
    def jobs(self) -> int:
        """Rows of the list."""
        if self.days is not None:
            return len(self.days)
        return 0 if self.listing is None else len(self.listing)

    @property
    def rows(self) -> int:
        return self.head + self.jobs + len(self.notes)

    def key(self, offset: int) -> NodeKey:
        if offset < self.head:
            return NodeKey.workflow(self.workflow_id)
        at: int | None = offset - self.head
        if self.listing is None or at is None or at >= self.jobs:
            return NodeKey.note(self.workflow_id, offset - self.head - self.jobs)
        if self.days is not None:
            day, at = self.days.at(at)
            if at is None:
                return NodeKey.day(self.workflow_id, day)
        return NodeKey.job(self.workflow_id, self.listing.ids[at])

    def offset(self, key: NodeKey) -> int | None:
        """Return where a node of this section stands in it, None if nowhere."""
        if key.kind is TreeNodeKind.WORKFLOW:
            return 0
        if key.kind is TreeNodeKind.NOTE:
            line = int(key.item)
            return self.head + self.jobs + line if line < len(self.notes) else None
        at = self._day_row(key) if key.kind is TreeNodeKind.DAY else self._job_row(key)
        return None if at is None else self.head + at

    def day_of(self, key: NodeKey) -> Day | None:
        """Return the day a node is or stands in, None where there are no days."""
        if self.days is None or self.listing is None:
            return None
        if key.kind is TreeNodeKind.DAY:
            return self.days.named(key.item)
        at = self.listing.position(key.item)
        return None if at is None else self.days.of_item(at)

    def _day_row(self, key: NodeKey) -> int | None:
        day = None if self.days is None else self.days.named(key.item)
        return None if day is None or self.days is None else self.days.row_of_day(day)

    def _job_row(self, key: NodeKey) -> int | None:
        at = None if self.listing is None else self.listing.position(key.item)
        if at is None or self.days is None:
            return at
        return self.days.row_of_item(at)


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

    def day(self, key: NodeKey) -> Day | None:
        """Return the day a row is or stands in, None where there is none."""
        at = self._places.get(key.workflow_id)
        if at is None or key.kind not in {TreeNodeKind.DAY, TreeNodeKind.JOB}:
            return None
        return self._sections[at].day_of(key)

    def is_day_open(self, key: NodeKey) -> bool:
        at = self._places.get(key.workflow_id)
        day, days = self.day(key), None if at is None else self._sections[at].days
        return day is not None and days is not None and days.is_open(day)

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
REMARK: Final = " remark"
"""Stands for the workflow of the note above everything."""


def sections_of(tree: TreeModel, note_width: int) -> list[Section]:
    """Lay out the rows of a tree.

    A workflow found by its name stands with all its listed jobs; one found only by
    an id stands open, with the jobs whose ids match.
    """
    width = max(note_width - NOTE_INDENT, 0) if note_width else 0
    sections = list(_found_by_id(tree))
    if tree.remark is not None:
        sections.insert(0, Section(REMARK, None, lines_of([tree.remark], width)))
    shown, hidden = _shown(tree)
    for branch in in_order(shown, tree.order, tree.health):
        workflow_id = branch.workflow.id
        if branch.expanded:
            days = branch.day_rows(tree.zone)
            lines = lines_of(_job_notes(tree, branch, days), width)
            sections.append(Section(workflow_id, branch.listing, lines, days))
        else:
            sections.append(Section(workflow_id, None, ()))
    sections.append(Section("", None, lines_of(_last_notes(tree, hidden), width)))
    return sections


def _shown(tree: TreeModel) -> tuple[list[Branch], int]:
    """Return the listed workflows without those a filter hides, and how many it does.

    One is hidden only where it is known that it has no such job.
    """
    listed = [tree.branch(workflow_id) for workflow_id in tree.workflows.ids]
    branches = [branch for branch in listed if branch is not None]
    if tree.subject.runs or not tree.filters.narrows_jobs:
        return branches, 0
    shown = [branch for branch in branches if may_have(branch, tree.known)]
    return shown, len(branches) - len(shown)


def _found_by_id(tree: TreeModel) -> Iterator[Section]:
    prefix = tree.filters.query
    if not prefix:
        return
    accepts = tree.filters.jobs.accepts
    for branch in tree.branches():
        workflow_id = branch.workflow.id
        if workflow_id in tree.workflows:
            continue
        shows = branch.jobs.short_ids.shows
        jobs = [j.id for j in branch.jobs if shows(j.shown_id, prefix) and accepts(j)]
        if jobs or workflow_id.startswith(prefix):
            yield Section(workflow_id, Listing(jobs), ())


def _last_notes(tree: TreeModel, hidden: int) -> list[ListNote]:
    listing = tree.workflows
    what = "the app" if tree.subject.runs else "workflows"
    notes = notes_of(listing, what=what, empty=_no_workflow(tree))
    if hidden:
        notes.append(ListNote(NoteKind.SAID, _hidden(tree, hidden)))
    if tree.filters.query and listing.answered:
        notes.append(ListNote(NoteKind.SAID, _matched(tree)))
    return notes


def _hidden(tree: TreeModel, count: int) -> str:
    """Tell how many workflows a filter hides, and why."""
    are = "workflow is" if count == 1 else "workflows are"
    fits = described(tree.filters.jobs, tree.zone)
    return f"{count:,} {are} hidden: no job there is {fits}. {CLEAR}"


def _matched(tree: TreeModel) -> str:
    """Tell among how many jobs the text was looked for as an id."""
    loaded = sum(len(branch.jobs) for branch in tree.branches())
    if not loaded:
        return "Ids are matched among loaded jobs, and none is: o unfolds a workflow."
    return f"ids matched among {plural(loaded, 'loaded job')}"


def _no_workflow(tree: TreeModel) -> str:
    hides = tree.workflows.hides_terminated
    if tree.subject.runs:
        return "The server tells of no app."
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


def _job_notes(tree: TreeModel, branch: Branch, days: DayRows | None) -> list[ListNote]:
    """Return the notes below a list of jobs, or of runs.

    What would not be seen when it came is read only when somebody asks for it.
    """
    listing = branch.listing
    notes = notes_of(listing, what=tree.subject.items, empty=_no_job(tree, branch))
    if listing.passed_over and listing.answered:
        notes.insert(0, ListNote(NoteKind.SAID, _share(branch)))
    hidden = days is not None and days.ends_folded
    if notes and notes[-1].kind is NoteKind.MORE and (hidden or listing.waits):
        words = "look further" if listing.waits else notes[-1].text
        notes[-1] = ListNote(NoteKind.ON_DEMAND, f"{words}: enter")
    return notes


def notes_below(tree: TreeModel, branch: Branch) -> list[ListNote]:
    """Return the notes that end a branch's list where it stands without its days."""
    return _job_notes(tree, branch, None)


def _share(branch: Branch) -> str:
    """Tell how many of what was read fit a filter that is not the server's."""
    listing, only = branch.listing, branch.job_filter
    fits, read = len(listing), len(listing) + listing.passed_over
    what = described(only._replace(keyword="", since=None, until=None))
    fit = "fit" if only.user or only.account else "is" if fits == 1 else "are"
    further = "" if listing.complete else "; ⋮ looks further"
    return f"{fits:,} of {read:,} loaded {fit} {what}{further}"


def _no_job(tree: TreeModel, branch: Branch) -> str:
    said, subject = described(branch.job_filter, tree.zone), tree.subject
    if not said:
        return "" if branch.listing.said else f"No {subject.items} yet."
    if subject.runs:
        return f"No {subject.item} fits {said}. {CLEAR}"
    name = clean(branch.workflow.shown_name)
    return f"No {subject.item} is {said} in {name}. {CLEAR}"


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
        if row is None and wanted is not None and wanted.item:
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

    Args:
        subject: What it lists. An app stands unfolded from the beginning.
        zone: The one days and times are told in; None is the machine's own.

    Attributes:
        remark: What is said above everything of what was typed last.
        order: How workflows are ordered.
        known: What is read of folded workflows as well; None where nothing is.
        flagged: Ids of the jobs and workflows whose rows say that they have an alert.
    """

    def __init__(
        self, subject: TreeSubject | None = None, *, zone: tzinfo | None = None
    ) -> None:
        self.subject = subject or TreeSubject()
        self.zone = zone
        self.remark: ListNote | None = None
        self.order = WorkflowOrder.LISTED
        self.known: KnownJobs | None = None
        self.flagged: frozenset[str] = frozenset()
        self.filters = TreeFilters()
        self.marks = JobMarks()
        self._added: set[str] = set()
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
                runs = self.subject.runs
                branch = Branch(workflow, self.filters.jobs, by_time=runs)
                branch.expanded = runs
                self._branches[workflow.id] = branch
            branch.workflow = workflow
        self.touch()
        return ids

    def add_known(self, workflows: Sequence[Workflow]) -> None:
        """Show what else the server has, behind what is listed, until pages tell.

        Those added before that are not among them are gone.
        """
        listing, folded = self.workflows, self.filters.query.casefold()
        fit = [w for w in workflows if folded in w.name.casefold()]
        present = {workflow.id for workflow in fit}
        unconfirmed = set(listing.ids[listing.frontier :])
        listing.discard_all((self._added - present) & unconfirmed)
        new = [w for w in fit if w.id not in listing and not listing.complete]
        self.put_workflows(w for w in new if w.id not in self._branches)
        for workflow in new:
            listing.add_unconfirmed(workflow.id)
            self._added.add(workflow.id)
        self.touch()

    def health(self, workflow_id: str) -> WorkflowHealth | None:
        """How a workflow has been doing, None while that is not known."""
        return None if self.known is None else self.known.health(workflow_id)

    def reveal(self, workflow: Workflow, job: Job | None = None) -> NodeKey:
        """Show and select a workflow or job, wherever the server's lists have it."""
        self.put_workflows([workflow])
        self.workflows.add_unconfirmed(workflow.id)
        key = NodeKey.workflow(workflow.id)
        branch = self._branches[workflow.id]
        if job is not None:
            branch.expanded = True
            branch.reveal(job)
            if job.created_at is not None:
                day = local_time(job.created_at, self.zone).date()
                branch.folded_days.discard(day)
            key = NodeKey.job(workflow.id, job.id)
        self.select(key)
        return key

    def short_id(self, named: Named) -> str:
        """Return a job's id as short as keeps the loaded ones of its list apart."""
        branch = self._branches.get(named.workflow_id)
        if branch is None:
            return named.shown_id[:SHORTEST]
        return branch.jobs.short_ids.of(named.shown_id)

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
        self.remark = None
        if filters.query != before.query:
            self._selection.begins_at_top = True
        self._lists = {
            ("", filters.terminated): self._whole_list(filters.terminated),
            **self._lists_for(filters),
        }
        for branch in self._branches.values():
            branch.show(filters.jobs)
            branch.expanded = branch.expanded or self.subject.runs
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

    def set_day_expanded(self, key: NodeKey, expanded: bool) -> None:
        """Show the runs of the day a row belongs to, or fold them away."""
        branch, day = self._branches.get(key.workflow_id), self.rows.day(key)
        if branch is None or day is None:
            return
        selected = self.selected
        inside = selected is not None and self.rows.day(selected) == day
        if expanded:
            branch.folded_days.discard(day.date)
        else:
            branch.folded_days.add(day.date)
        self.touch()
        if inside and not expanded:
            self.select(NodeKey.day(key.workflow_id, day))

    def set_order(self, order: WorkflowOrder) -> None:
        """Order the workflows; what is selected stays it."""
        if order is not self.order:
            self.order = order
            self.touch()

    @property
    def depends_on_known(self) -> bool:
        """Whether what is read of folded workflows tells which rows there are."""
        ordered = self.order is not WorkflowOrder.LISTED
        return self.filters.narrows_jobs or ordered

    def say(self, remark: ListNote | None) -> None:
        """Say something above everything of what was typed; None takes it back."""
        if remark != self.remark:
            self.remark = remark
            self.touch()

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
