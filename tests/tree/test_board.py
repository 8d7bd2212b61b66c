"""The rows of the board stay in order, whatever is read, and cost what changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chronotui.model import Job, JobStatus, Trigger, Workflow, WorkflowKind
from chronotui.tree.board import BoardRows, BoardSection, RowKey, key_of
from chronotui.tree.filters import TreeFilters

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
DAY = timedelta(hours=24)


class KnownJobs:
    """What was read of all workflows, at a time that the test sets."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[Job, ...]] = {}
        self.now = NOW

    @property
    def workflows(self) -> list[str]:
        return list(self.held)

    def workflow(self, workflow_id: str) -> Workflow:
        return Workflow(workflow_id, f"name of {workflow_id}", WorkflowKind.CONTAINER)

    def jobs(self, workflow_id: str) -> tuple[Job, ...]:
        return self.held[workflow_id]

    def has_failed_lately(self, job: Job) -> bool:
        ended = job.completed_at
        failed = job.status == JobStatus.FAILED
        return failed and ended is not None and ended >= self.now - DAY

    def put(self, *jobs: Job) -> None:
        """Take jobs as if they had just been read."""
        for job in jobs:
            others = self.held.get(job.workflow_id, ())
            kept = [one for one in others if one.id != job.id]
            self.held[job.workflow_id] = (job, *kept)


def job_of(number: int, status: str, *, hours: float = 1.0, workflow: str = "w") -> Job:
    state, began = JobStatus(status), NOW - timedelta(hours=hours)
    ended = began + timedelta(minutes=5) if state.is_terminal else None
    return Job(
        f"{number:08x}",
        workflow,
        state,
        Trigger.AUTOMATIC,
        started_at=began,
        completed_at=ended,
    )


def listed(rows: BoardRows) -> list[str]:
    return [rows.key(row).job_id[-2:] for row in range(len(rows))]


def test_what_runs_stands_before_what_failed_lately_and_the_rest() -> None:
    known, rows = KnownJobs(), BoardRows()
    known.put(
        job_of(1, "COMPLETED", hours=0.1),
        job_of(2, "RUNNING", hours=5, workflow="other"),
        job_of(3, "FAILED", hours=30),
        job_of(4, "FAILED", hours=2),
        job_of(5, "RUNNING", hours=0.5),
        job_of(6, "FAILED", hours=1, workflow="other"),
    )
    rows.take(known)
    assert listed(rows) == ["05", "02", "06", "04", "01", "03"]
    assert rows.count(BoardSection.RUNNING) == 2
    assert rows.count(BoardSection.FAILED) == 2
    assert [job.id[-1] for job in rows.running()] == ["5", "2"]


def test_what_failed_is_let_go_after_a_day() -> None:
    known, rows = KnownJobs(), BoardRows()
    known.put(job_of(1, "COMPLETED", hours=0.5))
    known.put(job_of(2, "FAILED", hours=1), job_of(3, "FAILED", hours=20))
    rows.take(known)
    assert listed(rows) == ["02", "03", "01"]
    known.now += timedelta(hours=10)
    rows.take(known)
    assert listed(rows) == ["02", "01", "03"]


def test_the_selected_row_stays_where_it_is_looked_at_until_it_is_left() -> None:
    known, rows = KnownJobs(), BoardRows()
    known.put(*(job_of(number, "RUNNING", hours=number) for number in range(1, 5)))
    rows.take(known)
    rows.select_row(1)
    known.put(replace(job_of(2, "COMPLETED", hours=2)))
    rows.take(known)
    assert listed(rows) == ["01", "02", "03", "04"]
    assert rows.count(BoardSection.RUNNING) == 3
    assert [job.id[-1] for job in rows.running()] == ["1", "3", "4"]
    rows.select_row(2)
    assert listed(rows) == ["01", "03", "04", "02"]
    assert rows.selected == RowKey("w", f"{3:08x}")
    assert rows.selected_row == 1


def test_a_selected_job_that_is_gone_leaves_its_place_to_the_next() -> None:
    known, rows = KnownJobs(), BoardRows()
    known.put(*(job_of(number, "RUNNING", hours=number) for number in range(1, 4)))
    rows.take(known)
    rows.select_row(1)
    known.held["w"] = tuple(job for job in known.held["w"] if job.id[-1] != "2")
    rows.take(known)
    assert rows.selected == RowKey("w", f"{3:08x}")
    known.held.clear()
    rows.take(known)
    assert rows.selected is None
    assert len(rows) == 0


def test_filters_narrow_by_state_trigger_name_and_id() -> None:
    known, rows = KnownJobs(), BoardRows()
    known.put(
        job_of(0xA1, "RUNNING", workflow="etl"),
        replace(job_of(0xA2, "FAILED", workflow="etl"), trigger=Trigger.MANUAL),
        job_of(0xB3, "COMPLETED", workflow="mail"),
    )
    rows.take(known)

    def left(**filters: object) -> list[str]:
        rows.set_filters(TreeFilters(**filters))  # type: ignore[arg-type]
        return listed(rows)

    assert left(status=JobStatus.FAILED) == ["a2"]
    assert left(trigger=Trigger.AUTOMATIC) == ["a1", "b3"]
    assert left(text="MAIL ") == ["b3"]
    assert left(text="000000a") == ["a1", "a2"]
    assert rows.hidden == 1
    known.put(job_of(0xA4, "RUNNING", hours=0.5, workflow="etl"))
    rows.take(known)
    assert listed(rows) == ["a4", "a1", "a2"]
    assert left() == ["a4", "a1", "a2", "b3"]


STATES = st.sampled_from(["RUNNING", "FAILED", "COMPLETED", "PENDING"])
CHANGES = st.lists(
    st.tuples(st.integers(0, 30), STATES, st.floats(0.1, 40), st.sampled_from("abc")),
    max_size=40,
)


@given(CHANGES, st.integers(0, 40))
def test_whatever_is_read_the_rows_are_those_of_a_fresh_board(
    changes: list[tuple[int, str, float, str]], at: int
) -> None:
    known, rows = KnownJobs(), BoardRows()
    for step, (number, status, hours, workflow) in enumerate(changes):
        known.put(job_of(number, status, hours=hours, workflow=workflow))
        rows.take(known)
        if step == at:
            rows.select_row(number)
        selected = rows.selected
        assert (selected is None) == (not len(rows))
        assert all(rows.locate(rows.key(row)) == row for row in range(len(rows)))
    fresh = BoardRows()
    fresh.take(known)
    rows.select_row(0)
    rows.select_row(len(rows) - 1)
    rows.select_row(0)
    held = rows.selected
    assert {key for key in map(rows.key, range(len(rows))) if key != held} == {
        key for key in map(fresh.key, range(len(fresh))) if key != held
    }
    order = [rows.key(row) for row in range(len(rows)) if rows.key(row) != held]
    assert order == [key for key in map(fresh.key, range(len(fresh))) if key != held]


def test_taking_over_again_costs_nothing_where_nothing_changed() -> None:
    known, rows = KnownJobs(), BoardRows()
    known.put(job_of(1, "RUNNING"))
    rows.take(known)
    job = rows.job(RowKey("w", f"{1:08x}"))
    assert job is not None
    ended = replace(job, status=JobStatus.COMPLETED)
    rows.update_job(ended)
    rows.take(known)  # what was read stays older than what a log has learned
    assert rows.job(key_of(job)) == ended
