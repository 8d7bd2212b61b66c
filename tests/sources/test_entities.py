"""Workflows and jobs out of the documented examples and the server's schema."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.errors import UnreadableAnswerError
from chronotui.model import BuildStatus, JobStatus, Trigger, WorkflowKind
from chronotui.sources.wire_json import (
    read_job,
    read_jobs,
    read_workflow,
    read_workflows,
)

DOCUMENTED_JOBS = """{
  "jobs": [
    {
      "id": "job_xyz789",
      "workflow_id": "wf_abc123",
      "container_id": "cnt_def456",
      "status": "COMPLETED",
      "trigger": "AUTOMATIC",
      "scheduled_at": "2026-03-03T10:00:00Z",
      "started_at": "2026-03-03T10:00:05Z",
      "completed_at": "2026-03-03T10:15:32Z",
      "created_at": "2026-03-03T09:59:58Z",
      "updated_at": "2026-03-03T10:15:32Z"
    },
    {
      "id": "job_uvw456",
      "workflow_id": "wf_abc123",
      "container_id": "cnt_ghi789",
      "status": "RUNNING",
      "trigger": "MANUAL",
      "scheduled_at": "2026-03-03T11:30:00Z",
      "started_at": "2026-03-03T11:30:02Z",
      "completed_at": "",
      "created_at": "2026-03-03T11:29:55Z",
      "updated_at": "2026-03-03T11:30:02Z"
    }
  ],
  "cursor": "next_page_token_here"
}"""

WORKFLOW = {
    "id": "0f1e", "name": "nightly-report", "payload": '{"image":"report:2"}',
    "kind": "CONTAINER", "build_status": "COMPLETED", "interval": 1440,
    "consecutive_job_failures_count": 2, "max_consecutive_job_failures_allowed": 3,
    "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-02T00:00:00+01:00",
    "terminated_at": "2026-02-01T00:00:00.123456789Z", "log_retention": True,
}  # fmt: skip


def test_reads_the_documented_jobs() -> None:
    found = read_jobs(DOCUMENTED_JOBS.encode(), "wf_abc123")
    ended, running = found.items
    assert found.cursor == "next_page_token_here"
    assert (ended.id, ended.workflow_id) == ("job_xyz789", "wf_abc123")
    assert ended.container_id == "cnt_def456"
    assert ended.status == JobStatus.COMPLETED
    assert ended.trigger == Trigger.AUTOMATIC
    assert ended.completed_at == datetime(2026, 3, 3, 10, 15, 32, tzinfo=UTC)
    assert ended.attempts is None
    assert running.status == JobStatus.RUNNING
    assert running.completed_at is None
    assert running.fields["completed_at"] == ""


def test_reads_a_workflow_of_the_schema() -> None:
    found = read_workflow(json.dumps({**WORKFLOW, "generation": 7}).encode())
    assert found.name == "nightly-report"
    assert found.kind == WorkflowKind.CONTAINER
    assert found.payload == '{"image":"report:2"}'
    assert found.build_status == BuildStatus.COMPLETED
    assert (found.interval_minutes, found.generation) == (1440, 7)
    assert (found.consecutive_failures, found.max_consecutive_failures) == (2, 3)
    assert found.log_retention is True
    assert found.updated_at == datetime(2026, 1, 1, 23, tzinfo=UTC)
    assert found.terminated_at == datetime(2026, 2, 1, 0, 0, 0, 123456, tzinfo=UTC)
    assert found.fields == {**WORKFLOW, "generation": 7}


def test_zero_values_are_absent() -> None:
    found = read_workflows(b'{"workflows":[{"id":"w","name":"n","kind":"HEARTBEAT"}]}')
    (workflow,) = found.items
    assert workflow.log_retention is None
    assert workflow.consecutive_failures == 0
    assert workflow.build_status is None
    assert workflow.payload == ""
    assert found.cursor is None


@pytest.mark.parametrize("body", [b"{}", b'{"jobs":null,"cursor":""}', b'{"jobs":[]}'])
def test_an_empty_list_is_an_answer(body: bytes) -> None:
    assert read_jobs(body, "w").items == ()
    assert read_jobs(body, "w").cursor is None


def test_a_job_read_alone_has_what_it_has() -> None:
    body = b'{"id":"j","status":"PENDING","trigger":"MANUAL","scheduled_at":null}'
    job = read_job(body, "w")
    assert (job.workflow_id, job.container_id, job.attempts) == ("w", None, None)
    assert job.started_at is None


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("CANCELLED", JobStatus.CANCELED), ("CANCELED", JobStatus.CANCELED),
        ("running", JobStatus.RUNNING), ("PAUSED", JobStatus("PAUSED")),
        ("", JobStatus("UNKNOWN")), (None, JobStatus("UNKNOWN")),
        (["x"], JobStatus("UNKNOWN")),
    ],
)  # fmt: skip
def test_any_state_survives(word: object, status: JobStatus) -> None:
    body = json.dumps({"id": "j", "status": word, "trigger": "WEBHOOK"}).encode()
    job = read_job(body, "w")
    assert job.status == status
    assert job.trigger == "WEBHOOK"
    assert job.fields["status"] == word


def test_unknown_fields_are_kept_for_the_details() -> None:
    job = read_job(b'{"id":"j","retries":{"max":3}}', "w")
    assert job.fields["retries"] == {"max": 3}


@pytest.mark.parametrize(
    ("attempts", "read"),
    [(3, 3), ("3", 3), (3.0, 3), (3.5, None), (True, None), ("x", None), (None, None),
     ("9" * 5000, int("9" * 18))],
)  # fmt: skip
def test_numbers_come_in_shapes(attempts: object, read: int | None) -> None:
    body = json.dumps({"id": "j", "attempts": attempts}).encode()
    assert read_job(body, "w").attempts == read


@pytest.mark.parametrize(
    ("retention", "read"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("False", False),
        ("x", None),
        (1, None),
    ],
)
def test_truth_values_come_in_shapes(retention: object, read: bool | None) -> None:
    body = json.dumps({"id": "w", "log_retention": retention}).encode()
    assert read_workflow(body).log_retention is read


def test_a_payload_that_is_an_object_is_shown_as_json() -> None:
    assert (
        read_workflow(b'{"id":"w","payload":{"a":"\xc3\xa9"}}').payload == '{"a": "é"}'
    )


@pytest.mark.parametrize("levels", [70, 500, 994, 5000])
@pytest.mark.parametrize("field", ["payload", "other"])
def test_what_cannot_be_shown_for_its_depth_is_said(field: str, levels: int) -> None:
    nested = "[" * levels + "]" * levels
    with pytest.raises(UnreadableAnswerError):
        read_workflow(f'{{"id":"w","{field}":{nested}}}'.encode())


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"[]", b"5", b'{"jobs":5}', b'{"jobs":{"a":1}}',
        b'{"jobs":[[]]}', b'{"jobs":[null]}', b'{"jobs":[{}]}', b'{"jobs":[{"id":""}]}',
        b'{"jobs":[{"id":[]}]}', DOCUMENTED_JOBS.encode()[:300], b"\x1f\x8b\x08",
    ],
)  # fmt: skip
def test_a_broken_list_is_said(body: bytes) -> None:
    with pytest.raises(UnreadableAnswerError) as broken:
        read_jobs(body, "w")
    assert "cannot be read" in broken.value.sentence


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text() | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["name", "kind", "payload", "interval", "status", "trigger", "attempts", "cursor",
     "created_at", "completed_at", "log_retention", "build_status", "workflow_id"]
)  # fmt: skip


@given(st.dictionaries(NAMES, JSON))
def test_only_the_id_is_needed(fields: dict[str, object]) -> None:
    body = json.dumps({**fields, "id": "x"}).encode()
    assert read_workflow(body).id == "x"
    assert read_job(body, "w").id == "x"
