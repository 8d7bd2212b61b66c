"""In which order workflows stand, and which of them a filter hides."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chronotui.model import JobFilter, JobStatus
from chronotui.tree.filters import TreeFilters
from chronotui.tree.health import WorkflowHealth
from chronotui.tree.listing import ListPosition
from chronotui.tree.model import NodeKey, TreeModel, TreeNodeKind
from chronotui.tree.order import WorkflowOrder
from tests.tree.test_model import job, loaded, texts, workflow

FAILED = TreeFilters(JobStatus.FAILED)


class Known:
    """What was read of all workflows, as a test says."""

    def __init__(self) -> None:
        self.told: dict[str, WorkflowHealth] = {}
        self.fitting: dict[str, bool] = {}

    def health(self, workflow_id: str) -> WorkflowHealth | None:
        return self.told.get(workflow_id)

    def fits(self, workflow_id: str, only: JobFilter) -> bool | None:
        assert only == FAILED.jobs
        return self.fitting.get(workflow_id)


def health(*words: str, failures: int = 0) -> WorkflowHealth:
    outcomes = tuple(map(JobStatus, words))
    return WorkflowHealth(outcomes, words.count("RUNNING"), failures, 0.0)


def shown(tree: TreeModel) -> list[str]:
    keys = [tree.rows.key(row) for row in range(len(tree.rows))]
    return [k.workflow_id for k in keys if k.kind is TreeNodeKind.WORKFLOW]


def known_tree(workflows: int) -> tuple[TreeModel, Known]:
    tree, known = loaded(workflows, 0), Known()
    tree.known = known
    for branch in tree.branches():
        branch.expanded = False
    return tree, known


def test_what_fails_stands_before_what_runs_before_what_failed_lately() -> None:
    tree, known = known_tree(6)
    known.told = {
        "w00": health("COMPLETED"),
        "w01": health("FAILED", "COMPLETED"),
        "w02": health("COMPLETED", "RUNNING"),
        "w03": health("FAILED", failures=1),
        "w05": health("FAILED", "RUNNING", failures=1),
    }
    assert shown(tree) == ["w00", "w01", "w02", "w03", "w04", "w05"]
    tree.set_order(WorkflowOrder.TROUBLE)
    assert shown(tree) == ["w03", "w05", "w02", "w01", "w00", "w04"]
    tree.set_order(WorkflowOrder.LISTED)
    assert shown(tree) == ["w00", "w01", "w02", "w03", "w04", "w05"]


def test_the_servers_own_count_of_failures_needs_no_reading() -> None:
    tree, _known = known_tree(3)
    tree.put_workflows([workflow(2, consecutive_failures=2)])
    tree.set_order(WorkflowOrder.TROUBLE)
    assert shown(tree)[0] == "w02"


def test_by_name_goes_by_what_is_shown_of_it() -> None:
    tree, _known = known_tree(3)
    named = {0: "beta", 1: "", 2: "Alpha"}
    tree.put_workflows([workflow(n, name=name) for n, name in named.items()])
    tree.set_order(WorkflowOrder.NAME)
    assert shown(tree) == ["w02", "w00", "w01"]


def test_another_order_keeps_what_is_selected() -> None:
    tree, known = known_tree(5)
    known.told = {"w04": health("FAILED", failures=1)}
    tree.select(NodeKey.workflow("w04"))
    tree.set_order(WorkflowOrder.TROUBLE)
    assert tree.selected == NodeKey.workflow("w04")
    assert tree.selected_row == 0


def test_a_filter_hides_only_what_is_known_to_have_no_such_job() -> None:
    tree, known = known_tree(4)
    known.fitting = {"w00": False, "w01": True}
    tree.set_filters(FAILED)
    assert shown(tree) == ["w01", "w02", "w03"]
    branch = tree.branch("w03")
    assert branch is not None
    branch.listing.extend([], None)
    tree.touch()
    assert shown(tree) == ["w01", "w02"]
    said = "2 workflows are hidden: no job there is FAILED. 0 clears the filter."
    assert said in texts(tree)
    known.fitting["w03"] = True  # one failed since
    tree.touch()
    assert shown(tree) == ["w01", "w02", "w03"]
    tree.set_filters(tree.filters.cleared())
    assert len(shown(tree)) == 4


def test_a_list_that_goes_on_may_still_hold_such_a_job() -> None:
    tree, _known = known_tree(1)
    tree.set_filters(FAILED)
    branch = tree.branch("w00")
    assert branch is not None
    branch.listing.extend([], ListPosition(cursor="on"))
    tree.touch()
    assert shown(tree) == ["w00"]


def test_a_loaded_job_keeps_its_workflow_whatever_else_is_known() -> None:
    tree, known = known_tree(1)
    branch = tree.branch("w00")
    assert branch is not None
    branch.listing.extend(branch.put([job("w00", 1, "FAILED")]), None)
    known.fitting = {"w00": False}
    tree.set_filters(FAILED)
    assert shown(tree) == ["w00"]


def test_without_jobs_that_are_narrowed_nothing_is_hidden() -> None:
    tree, known = known_tree(2)
    known.fitting = {"w00": False, "w01": False}
    tree.set_filters(TreeFilters(text="flow"))
    assert shown(tree) == ["w00", "w01"]


def test_what_else_the_server_has_stands_behind_what_is_listed() -> None:
    tree = TreeModel()
    first = tree.put_workflows([workflow(0)])
    tree.workflows.extend(first, ListPosition(cursor="on"))
    tree.add_known([workflow(n) for n in range(4)])
    assert shown(tree) == ["w00", "w01", "w02", "w03"]
    tree.add_known([workflow(n) for n in (0, 1, 3)])  # w02 is gone
    assert shown(tree) == ["w00", "w01", "w03"]
    tree.workflows.extend(tree.put_workflows([workflow(1)]), None)
    assert shown(tree) == ["w00", "w01"]
    tree.add_known([workflow(5)])  # the list is whole: it tells
    assert shown(tree) == ["w00", "w01"]


def test_a_text_goes_for_what_else_there_is_as_well() -> None:
    tree, _known = known_tree(1)
    tree.set_filters(TreeFilters(text="flow-1"))
    tree.add_known([workflow(0), workflow(1), workflow(12)])
    assert shown(tree) == ["w01", "w12"]


@given(
    st.lists(
        st.sampled_from(["", "COMPLETED", "FAILED", "RUNNING", "failing"]), max_size=30
    )
)
def test_an_order_loses_and_doubles_nothing_and_keeps_rows_findable(
    states: list[str],
) -> None:
    tree, known = known_tree(len(states))
    for number, state in enumerate(states):
        if state == "failing":
            known.told[f"w{number:02}"] = health("FAILED", failures=1)
        elif state:
            known.told[f"w{number:02}"] = health(state)
    listed = shown(tree)
    for order in WorkflowOrder:
        tree.set_order(order)
        assert sorted(shown(tree)) == sorted(listed)
        for row in range(len(tree.rows)):
            assert tree.rows.locate(tree.rows.key(row)) == row


def test_a_key_goes_through_all_orders() -> None:
    order = WorkflowOrder.LISTED
    seen = []
    for _ in WorkflowOrder:
        order = order.next
        seen.append(order)
    assert seen == [WorkflowOrder.TROUBLE, WorkflowOrder.NAME, WorkflowOrder.LISTED]
    assert all(each.words for each in WorkflowOrder)
