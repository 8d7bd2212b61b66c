"""Rows and details of every release as jobs; nothing odd breaks anything."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.errors import UnreadableAnswerError
from chronotui.model import JobStatus
from chronotui.sources.dify.wire import (
    is_odd,
    is_run_id,
    job_of_detail,
    odd_job,
    read_app,
    read_detail,
    read_info,
    read_job,
    read_rows,
    read_time,
    starter_of,
    with_detail,
)

RUN = "9a51c0de-1111-4222-8333-444455556666"
AT = 1_795_200_000
MOMENT = datetime.fromtimestamp(AT, UTC)


def row(**changes: Any) -> dict[str, Any]:
    run = {
        "id": RUN,
        "version": "2026-11-01 08:30:12.345678",
        "status": "failed",
        "triggered_from": "app-run",
        "error": "Run failed: 503",
        "elapsed_time": 4.81,
        "total_tokens": 912,
        "total_steps": 5,
        "created_at": AT,
        "finished_at": AT + 4,
        "exceptions_count": 0,
    }
    run |= changes.pop("run", {})
    whole = {
        "id": "0f6c-row",
        "workflow_run": run,
        "details": None,
        "created_from": "service-api",
        "created_by_role": "end_user",
        "created_by_account": None,
        "created_by_end_user": {
            "id": "7d20",
            "type": "service-api",
            "is_anonymous": False,
            "session_id": "nightly-etl",
        },
        "created_at": AT + 1,
    }
    return {**whole, **changes}


def listed(*rows: object, **envelope: object) -> bytes:
    whole = {"page": 1, "limit": 50, "total": 1, "has_more": False, "data": rows}
    return json.dumps({**whole, **envelope}).encode()


def one(**changes: Any) -> Any:
    return read_job(read_rows(listed(row(**changes))).rows[0])


def test_a_row_is_a_job() -> None:
    job = one()
    assert (job.id, job.run_id, job.shown_id) == ("0f6c-row", RUN, RUN)
    assert job.status == JobStatus.FAILED
    assert (job.by, job.origin, job.error) == (
        "nightly-etl", "service-api", "Run failed: 503",
    )  # fmt: skip
    assert job.started_at == MOMENT
    assert job.created_at == datetime.fromtimestamp(AT + 1, UTC)
    assert job.duration() == 4
    assert job.fields == row()


@pytest.mark.parametrize(
    ("word", "status", "has_ended"),
    [
        ("running", JobStatus.RUNNING, False),
        ("succeeded", JobStatus.COMPLETED, True),
        ("failed", JobStatus.FAILED, True),
        ("stopped", JobStatus.CANCELED, True),
        ("paused", JobStatus.PAUSED, False),
        ("partial-succeeded", JobStatus.PARTIAL, True),
        ("scheduled", "scheduled", True),
        ("archived-cold", "archived-cold", True),
        (None, JobStatus.UNKNOWN, False),
    ],
)
def test_states_are_told_and_invented_ones_kept(
    *, word: str | None, status: str, has_ended: bool
) -> None:
    job = one(run={"status": word})
    assert (job.status, job.has_ended) == (status, has_ended)


def test_a_running_row_has_zeros_and_no_end() -> None:
    job = one(
        run={"status": "running", "elapsed_time": 0.0, "total_steps": 0, "error": None,
             "finished_at": None}
    )  # fmt: skip
    assert (job.status, job.completed_at, job.error) == (JobStatus.RUNNING, None, "")
    assert job.duration(datetime.fromtimestamp(AT + 90, UTC)) == 90


def test_a_row_without_its_run_is_there() -> None:
    job = one(workflow_run=None)
    assert (job.status, job.run_id, job.shown_id) == ("UNKNOWN", "", "0f6c-row")
    assert job.started_at == job.created_at
    assert not job.has_ended


def test_who_and_where() -> None:
    account = {"id": "51e0", "name": "Mira", "email": "mira@example.com"}
    job = one(
        created_by_account=account, created_by_end_user=None, created_by_role="account",
        created_from="installed-app",
    )  # fmt: skip
    assert (job.by, job.origin) == ("mira@example.com", "installed-app")
    deleted = one(created_by_end_user=None)
    assert deleted.by == ""
    assert one(run={"triggered_from": "schedule"}).origin == "schedule"
    assert one(run={"triggered_from": None}).origin == "service-api"


def test_an_old_server_spells_the_type_otherwise() -> None:
    user = {"type": "service_api", "session_id": "s"}
    assert starter_of(one(created_by_end_user=user)).type == "service-api"


NO_TIMES: list[object] = [
    None, "", 0, -1, True, "soon", 1e300, float("inf"), float("nan"), [], {}, 10**30,
]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (AT, MOMENT),
        (float(AT), MOMENT),
        (str(AT), MOMENT),
        ("Sun, 22 Nov 2026 10:40:00 -0000", datetime(2026, 11, 22, 10, 40, tzinfo=UTC)),
        ("Sun, 22 Nov 2026 10:40:00 GMT", datetime(2026, 11, 22, 10, 40, tzinfo=UTC)),
        ("2026-11-22T10:40:00Z", datetime(2026, 11, 22, 10, 40, tzinfo=UTC)),
        *((value, None) for value in NO_TIMES),
    ],
)
def test_times_of_every_release(value: object, expected: datetime | None) -> None:
    assert read_time(value) == expected


DETAIL: dict[str, Any] = {
    "id": RUN, "workflow_id": "b7", "status": "succeeded",
    "inputs": '{"url":"https://x","sys.user_id":"me"}', "outputs": {"rows": 42},
    "error": None, "total_steps": 5, "total_tokens": 912, "created_at": AT,
    "finished_at": AT + 9, "elapsed_time": 9.0,
}  # fmt: skip


def detail(**changes: object) -> Any:
    return read_detail(json.dumps({**DETAIL, **changes}).encode())


def test_the_detail_goes_before_the_row() -> None:
    merged = with_detail(one(), detail())
    assert (merged.status, merged.error) == (JobStatus.COMPLETED, "")
    assert merged.completed_at == datetime.fromtimestamp(AT + 9, UTC)
    assert merged.fields["detail"] == DETAIL
    assert merged.fields["workflow_run"] == row()["workflow_run"]
    assert (merged.id, merged.by) == ("0f6c-row", "nightly-etl")


@pytest.mark.parametrize("outputs", [None, {}, '{"rows":42}', "text", [1, 2], 3])
@pytest.mark.parametrize("inputs", [None, '{"a":1}', "no json", {"a": 1}])
def test_inputs_and_outputs_of_any_shape(inputs: object, outputs: object) -> None:
    told = detail(inputs=inputs, outputs=outputs)
    job = job_of_detail(told)
    assert job.fields["detail"] == told
    assert (job.id, job.run_id, job.status) == (RUN, RUN, JobStatus.COMPLETED)


def test_stamps_of_before_1_2() -> None:
    told = detail(
        created_at="Sun, 22 Nov 2026 10:40:00 -0000",
        finished_at="Sun, 22 Nov 2026 10:40:09 -0000",
    )
    assert job_of_detail(told).duration() == 9


def test_the_empty_detail_of_before_1_13_is_none() -> None:
    nothing: dict[str, Any] = dict.fromkeys(DETAIL) | {
        "total_steps": 0,
        "elapsed_time": 0,
    }
    assert read_detail(json.dumps(nothing).encode()) is None


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (RUN, True),
        (RUN.upper(), True),
        ("9a51", False),
        ("", False),
        (RUN.replace("-", ""), False),
        (f"{{{RUN}}}", False),
        (f"urn:uuid:{RUN}", False),
        ("../../info", False),
        (f"{RUN}\n", False),
    ],
)
def test_what_has_the_form_of_a_run_id(*, typed: str, expected: bool) -> None:
    assert is_run_id(typed) is expected


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"data":[{"id"', b'{"data":{}}', b'{"data":[1]}',
     b'{"data":[{"created_at":1}]}', b"{}",
     b'{"data":[' + b"[" * 400 + b"]" * 400 + b"]}"],
)  # fmt: skip
def test_what_is_no_list_is_told(body: bytes) -> None:
    with pytest.raises(UnreadableAnswerError, match="list of runs cannot be read"):
        read_rows(body)


def test_a_list_nested_without_end_is_told() -> None:
    deep: object = 1
    for _ in range(90):
        deep = [deep]
    with pytest.raises(UnreadableAnswerError, match="nested too deeply"):
        read_rows(listed(*[row(extra=deep)] * 2))


def test_missing_counts_are_none() -> None:
    page = read_rows(b'{"data":[{"id":"a","created_at":5}]}')
    assert (page.total, page.has_more) == (None, None)
    assert page.leads_on(1, 50)
    assert not read_rows(b'{"data":[],"has_more":true}').leads_on(1, 50)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    changes=st.dictionaries(st.sampled_from(sorted(row())), values, max_size=5),
    run=st.dictionaries(st.sampled_from(sorted(row()["workflow_run"])), values),
)
def test_fields_of_any_shape_make_a_job_or_a_sentence(
    changes: dict[str, Any], run: dict[str, Any]
) -> None:
    changed = row(run=run) | changes
    try:
        job = read_job(read_rows(json.dumps({"data": [changed]}).encode()).rows[0])
    except UnreadableAnswerError:
        return
    assert isinstance(job.by + job.origin + job.error + job.run_id + job.status, str)


def test_the_app() -> None:
    app = read_app(read_info(b'{"name":"Nightly ETL","mode":"workflow"}'), "1.14.2")
    assert (app.id, app.name, app.kind) == ("app", "Nightly ETL", "workflow")
    assert app.labels == ("workflow", "dify 1.14.2")
    old = read_app(read_info(b'{"name":"Old"}'), "")
    assert old.labels == ("dify",)
    with pytest.raises(UnreadableAnswerError, match="the app"):
        read_info(b"{}")


def test_a_row_that_cannot_be_sent_is_stood_in_for() -> None:
    job = odd_job(AT, 2, "Dify stumbles")
    assert is_odd(job)
    assert (job.id, job.status, job.created_at, job.error, job.fields) == (
        f"unreadable-{AT}-2", "UNKNOWN", MOMENT, "Dify stumbles", {},
    )  # fmt: skip
    assert not is_odd(one())
