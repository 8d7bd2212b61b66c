from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from chronotui.errors import UnreachableError
from chronotui.model import Job, JobStatus, Trigger, Workflow, WorkflowKind
from chronotui.tree.filters import TreeFilters
from chronotui.tree.listing import ListPosition, Loading, NoteKind
from chronotui.tree.model import NodeKey, TreeModel, TreeNodeKind
from chronotui.tree.short_ids import SHORTEST

STATUSES = st.sampled_from([JobStatus(word) for word in JobStatus.KNOWN])


def workflow(number: int, **fields: object) -> Workflow:
    known = {"id": f"w{number:02d}", "name": f"flow-{number}"} | fields
    return Workflow(kind=WorkflowKind.CONTAINER, **known)  # type: ignore[arg-type]


def job(owner: str, number: int, status: str = "COMPLETED", **fields: object) -> Job:
    known = {
        "id": f"{number:08x}-{owner}",
        "workflow_id": owner,
        "status": JobStatus(status),
        "trigger": Trigger.AUTOMATIC,
    } | fields
    return Job(**known)  # type: ignore[arg-type]


def loaded(workflows: int, jobs: int, *, more: bool = False) -> TreeModel:
    """Return a tree of unfolded workflows, each with its jobs, newest first."""
    tree = TreeModel()
    tree.workflows.extend(
        tree.put_workflows([workflow(n) for n in range(workflows)]), None
    )
    for branch in list(tree.branches()):
        owner = branch.workflow.id
        page = [job(owner, n) for n in range(jobs, 0, -1)]
        branch.listing.extend(
            branch.put(page), ListPosition(cursor="next") if more else None
        )
        branch.expanded = True
    tree.touch()
    return tree


def rows_of(tree: TreeModel) -> list[NodeKey]:
    return [tree.rows.key(row) for row in range(len(tree.rows))]


def texts(tree: TreeModel) -> list[str]:
    lines = (tree.rows.note(key) for key in rows_of(tree))
    return [line.text for line in lines if line is not None]


def statuses_of(tree: TreeModel) -> Counter[str]:
    return Counter(str(j.status) for b in tree.branches() for j in b.jobs)


class TreeMachine(RuleBasedStateMachine):
    """The rows of a tree beside a plain list of what they should be."""

    def __init__(self) -> None:
        super().__init__()
        self.tree = TreeModel()
        self.jobs: dict[str, list[Job]] = {}
        self.open: set[str] = set()
        self.status: JobStatus | None = None

    @rule(count=st.integers(1, 3))
    def more_workflows(self, count: int) -> None:
        made = [workflow(len(self.jobs) + n) for n in range(count)]
        place = ListPosition(cursor=f"c{len(self.jobs)}")
        self.tree.workflows.extend(self.tree.put_workflows(made), place)
        self.jobs |= {w.id: [] for w in made}

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), expanded=st.booleans())
    def fold(self, data: st.DataObject, expanded: bool) -> None:
        owner = data.draw(st.sampled_from(sorted(self.jobs)))
        self.tree.set_expanded(owner, expanded)
        (self.open.add if expanded else self.open.discard)(owner)

    @precondition(lambda self: self.jobs and self.status is None)
    @rule(data=st.data(), count=st.integers(0, 4), last=st.booleans())
    def more_jobs(self, data: st.DataObject, count: int, last: bool) -> None:
        owner = data.draw(st.sampled_from(sorted(self.jobs)))
        branch = self.tree.branch(owner)
        assert branch is not None
        known = self.jobs[owner]
        statuses = [data.draw(STATUSES) for _ in range(count)]
        made = [job(owner, 9000 - len(known) - n, s) for n, s in enumerate(statuses)]
        place = None if last else ListPosition(cursor=f"c{len(known)}-{count}")
        branch.listing.extend(branch.put(made), place)
        self.tree.touch()
        known += made

    @precondition(lambda self: any(self.jobs.values()))
    @rule(data=st.data(), status=STATUSES)
    def a_job_changes(self, data: st.DataObject, status: JobStatus) -> None:
        owner = data.draw(st.sampled_from(sorted(w for w, j in self.jobs.items() if j)))
        at = data.draw(st.integers(0, len(self.jobs[owner]) - 1))
        changed = replace(self.jobs[owner][at], status=status)
        self.jobs[owner][at] = changed
        if self.status is not None and status == self.status:
            return self.filter(self.status)
        self.tree.update_job(changed)
        return None

    @rule(status=st.one_of(st.none(), STATUSES))
    def filter(self, status: JobStatus | None) -> None:
        self.tree.set_filters(TreeFilters())
        for jobs in self.jobs.values():
            for changed in jobs:
                self.tree.update_job(changed)
        self.status = status
        self.tree.set_filters(TreeFilters(status=status))

    @precondition(lambda self: len(self.tree.rows) > 0)
    @rule(data=st.data())
    def select(self, data: st.DataObject) -> None:
        row = data.draw(st.integers(0, len(self.tree.rows) - 1))
        self.tree.select_row(row)
        assert self.tree.selected == self.tree.rows.key(row)

    def _expected(self) -> list[NodeKey]:
        rows = []
        for owner, jobs in self.jobs.items():
            rows.append(NodeKey.workflow(owner))
            if owner in self.open:
                shown = [j for j in jobs if self.status in {None, j.status}]
                rows += [NodeKey.job(owner, j.id) for j in shown]
        return rows

    @invariant()
    def rows_are_the_plain_list(self) -> None:
        rows = rows_of(self.tree)
        assert [k for k in rows if k.kind is not TreeNodeKind.NOTE] == self._expected()
        assert [self.tree.rows.locate(key) for key in rows] == list(range(len(rows)))

    @invariant()
    def the_loaded_jobs_are_as_last_read(self) -> None:
        everything = [j for jobs in self.jobs.values() for j in jobs]
        assert statuses_of(self.tree) == Counter(str(j.status) for j in everything)

    @invariant()
    def something_visible_is_selected(self) -> None:
        selected = self.tree.selected
        assert selected is not None
        assert self.tree.rows.locate(selected) == self.tree.selected_row


TestTree = TreeMachine.TestCase


def test_a_row_that_is_not_there_cannot_be_asked_for() -> None:
    tree = loaded(1, 2)
    for row in (-1, len(tree.rows)):
        with pytest.raises(IndexError):
            tree.rows.key(row)


def test_selection_is_kept_by_identity_when_newer_jobs_come() -> None:
    tree = loaded(2, 3)
    key = NodeKey.job("w01", job("w01", 2).id)
    tree.select(key)
    for branch in tree.branches():
        owner = branch.workflow.id
        newest = [job(owner, n) for n in (5, 4, 3)]
        assert branch.listing.refresh(branch.put(newest), ListPosition(cursor="x"))
    tree.touch()
    assert tree.selected == key
    assert tree.rows.locate(key) == tree.selected_row


def test_a_vanished_selection_goes_to_what_stands_there_now() -> None:
    tree = loaded(2, 3)
    gone = job("w00", 2)
    tree.select(NodeKey.job("w00", gone.id))
    branch = tree.branch("w00")
    assert branch is not None
    branch.forget(gone.id)
    tree.touch()
    assert tree.selected == NodeKey.job("w00", job("w00", 1).id)


def test_a_filter_taken_away_gives_the_selection_back() -> None:
    tree = loaded(3, 3)
    key = NodeKey.job("w02", job("w02", 1).id)
    tree.select(key)
    tree.set_filters(TreeFilters(text="flow-0"))
    assert tree.selected == NodeKey.workflow("w00")
    tree.set_filters(TreeFilters())
    assert tree.selected == key


def test_more_becomes_the_first_of_the_jobs_it_stood_for() -> None:
    tree = loaded(1, 2, more=True)
    tree.select_row(3)
    assert tree.selected == NodeKey.note("w00", 0)
    branch = tree.branch("w00")
    assert branch is not None
    older = [job("w00", 0)]
    branch.listing.extend(branch.put(older), ListPosition(cursor="more"))
    tree.touch()
    assert tree.selected == NodeKey.job("w00", older[0].id)


def test_folding_from_inside_selects_the_workflow() -> None:
    tree = loaded(2, 3)
    tree.select(NodeKey.job("w01", job("w01", 2).id))
    tree.set_expanded("w01", False)
    assert tree.selected == NodeKey.workflow("w01")


def test_a_workflow_stays_though_no_job_of_it_fits_the_filter() -> None:
    tree = loaded(2, 2)
    tree.set_filters(TreeFilters(status=JobStatus.FAILED))
    rows = rows_of(tree)
    assert [k.workflow_id for k in rows if k.kind is TreeNodeKind.WORKFLOW] == [
        "w00",
        "w01",
    ]
    assert texts(tree) == ["loading jobs", "loading jobs"]


def test_an_empty_list_says_why() -> None:
    tree = loaded(1, 0)
    assert texts(tree) == ["No jobs yet."]
    tree.set_filters(TreeFilters(JobStatus.FAILED, Trigger.MANUAL))
    branch = tree.branch("w00")
    assert branch is not None
    branch.listing.extend(branch.put([]), None)
    tree.touch()
    hidden = "1 workflow is hidden: no job there is FAILED manual. 0 clears the filter."
    assert texts(tree) == [hidden]


def test_no_workflows_is_said_with_its_reason() -> None:
    tree = TreeModel()
    assert texts(tree) == ["loading workflows"]
    tree.workflows.extend(tree.put_workflows([]), None)
    assert texts(tree) == ["No workflows yet."]
    tree.set_filters(TreeFilters(text="x"))
    tree.workflows.extend(tree.put_workflows([]), None)
    assert texts(tree)[0] == "No workflow is named like “x”. 0 clears the filter."
    tree.set_filters(TreeFilters(terminated=True))
    tree.workflows.extend(tree.put_workflows([]), None)
    assert texts(tree) == ["No workflows yet, no terminated ones either."]


def test_a_problem_is_said_below_what_was_loaded() -> None:
    tree = loaded(1, 2)
    branch = tree.branch("w00")
    assert branch is not None
    branch.listing.fail(UnreachableError("The server is gone.", next_step="Press r."))
    tree.touch()
    assert texts(tree) == ["The server is gone. Press r."]
    assert len(branch.listing) == 2


def test_reading_again_shows_no_note_and_reading_on_does() -> None:
    tree = loaded(1, 2, more=True)
    branch = tree.branch("w00")
    assert branch is not None
    for loading, said in ((Loading.REFRESH, "more"), (Loading.MORE, "loading jobs")):
        branch.listing.loading = loading
        tree.touch()
        assert texts(tree) == [said]


def test_a_text_narrows_names_at_once_and_ids_among_the_loaded() -> None:
    tree = loaded(3, 2)
    wanted = job("w02", 2)
    tree.set_filters(TreeFilters(text=wanted.id))
    assert rows_of(tree)[:2] == [
        NodeKey.workflow("w02"),
        NodeKey.job("w02", wanted.id),
    ]
    assert tree.rows.is_open("w02")
    tree.set_filters(TreeFilters(text="FLOW-1"))
    assert rows_of(tree)[0] == NodeKey.workflow("w01")
    tree.workflows.extend(tree.put_workflows([workflow(1)]), None)
    assert texts(tree) == ["ids matched among 6 loaded jobs"]


def test_the_servers_answer_refines_what_was_narrowed() -> None:
    tree = loaded(3, 0)
    tree.set_filters(TreeFilters(text="flow"))
    tree.workflows.extend(tree.put_workflows([workflow(2), workflow(7)]), None)
    shown = [k.workflow_id for k in rows_of(tree) if k.kind is TreeNodeKind.WORKFLOW]
    assert shown == ["w02", "w07"]


def test_an_old_filters_answer_does_not_reach_the_shown_list() -> None:
    tree = loaded(2, 1)
    stale = tree.workflows
    tree.set_filters(TreeFilters(text="flow-1"))
    stale.extend(tree.put_workflows([workflow(0), workflow(5)]), None)
    shown = [k.workflow_id for k in rows_of(tree) if k.kind is TreeNodeKind.WORKFLOW]
    assert shown == ["w01"]


def test_a_deep_link_is_shown_before_any_page_is_read() -> None:
    tree = TreeModel()
    found = job("w09", 4)
    key = tree.reveal(workflow(9), found)
    assert tree.selected == key == NodeKey.job("w09", found.id)
    branch = tree.branch("w09")
    assert branch is not None
    branch.listing.extend(
        branch.put([job("w09", n) for n in (9, 8)]), ListPosition(cursor="8")
    )
    tree.touch()
    assert list(branch.listing.ids)[-1] == found.id
    assert tree.selected == key


def test_a_finished_job_leaves_a_list_of_running_ones() -> None:
    tree = loaded(1, 0)
    tree.set_filters(TreeFilters(status=JobStatus.RUNNING))
    branch = tree.branch("w00")
    assert branch is not None
    branch.listing.extend(branch.put([job("w00", 1, "RUNNING")]), None)
    tree.update_job(job("w00", 1, "COMPLETED"))
    assert len(branch.listing) == 0
    assert statuses_of(tree) == {"COMPLETED": 1}


def test_a_job_read_alone_keeps_what_only_lists_tell_and_never_goes_back() -> None:
    tree = loaded(1, 0)
    branch = tree.branch("w00")
    assert branch is not None
    newer, older = (datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in (2, 1))
    listed = job("w00", 1, "RUNNING", attempts=3, container_id="c", updated_at=newer)
    branch.update(listed)
    branch.update(replace(listed, attempts=None, container_id=None))
    assert branch.jobs[listed.id].attempts == 3
    assert branch.jobs[listed.id].container_id == "c"
    branch.update(replace(listed, status=JobStatus.QUEUED, updated_at=older))
    assert branch.jobs[listed.id].status == JobStatus.RUNNING


def test_terminated_workflows_go_when_they_are_not_asked_for() -> None:
    tree = TreeModel()
    tree.set_filters(TreeFilters(terminated=True))
    ended = workflow(1, terminated_at=datetime(2026, 1, 1, tzinfo=UTC))
    tree.workflows.extend(tree.put_workflows([workflow(0), ended]), None)
    tree.set_filters(TreeFilters())
    shown = [k.workflow_id for k in rows_of(tree) if k.kind is TreeNodeKind.WORKFLOW]
    assert shown == ["w00"]


def test_the_more_note_asks_and_says_which_list_it_ends() -> None:
    tree = loaded(1, 1, more=True)
    key = rows_of(tree)[2]
    line = tree.rows.note(key)
    assert line is not None
    assert (line.note.kind, key.workflow_id) == (NoteKind.MORE, "w00")
    assert tree.rows.note(NodeKey.note("w00", 5)) is None
    assert tree.rows.note(NodeKey.workflow("w00")) is None


def test_what_a_watch_learns_reaches_the_tree() -> None:
    tree = loaded(1, 2)
    shown = job("w00", 2)
    assert tree.short_id(shown) == "00000002"
    assert tree.short_id(job("w77", 1)) == job("w77", 1).id[:SHORTEST]
    tree.update_job(replace(shown, status=JobStatus.FAILED))
    assert statuses_of(tree)["FAILED"] == 1
    tree.update_job(job("w77", 1))
    assert statuses_of(tree).total() == 2
    tree.note_no_logs("w00")
    tree.note_no_logs("w77")
    branch = tree.branch("w00")
    assert branch is not None
    assert branch.keeps_no_logs
