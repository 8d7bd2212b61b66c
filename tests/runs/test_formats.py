from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.model import Job, JobStatus, Trigger
from chronotui.runs.formats import (
    CSV,
    CSV_COLUMNS,
    JSON,
    JSONL,
    LIST_FORMATS,
    RUN_FORMATS,
    RUN_JSON,
    RUN_TXT,
    ListEncoder,
    SavedRun,
    list_format,
    run_format,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chronotui.runs.formats import ListFormat

AT = datetime(2026, 11, 20, 10, 12, 31, tzinfo=UTC)


def row(**fields: Any) -> dict[str, Any]:
    run = {
        "id": "9a51",
        "version": "2026-11-01 08:30:12.345678",
        "status": "failed",
        "triggered_from": "app-run",
        "error": "Run failed: 503",
        "elapsed_time": 4.81,
        "total_tokens": 912,
        "total_steps": 5,
        "exceptions_count": 0,
    }
    user = {"id": "7d20", "type": "service-api", "session_id": "nightly-etl"}
    return {
        "id": "0f6c",
        "workflow_run": run,
        "created_from": "service-api",
        "created_by_role": "end_user",
        "created_by_account": None,
        "created_by_end_user": user,
        "created_at": 1795200000,
        **fields,
    }


def job(fields: dict[str, Any] | None = None, **more: Any) -> Job:
    return Job(
        "0f6c",
        "app",
        JobStatus.FAILED,
        Trigger("app-run"),
        created_at=AT,
        completed_at=AT,
        run_id="9a51",
        fields=row() if fields is None else fields,
        **more,
    )


def written(form: ListFormat, *batches: Sequence[Job]) -> bytes:
    encoder = ListEncoder(form)
    return b"".join([*map(encoder.rows, batches), encoder.end()])


def records(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


def test_names_lead_to_formats() -> None:
    assert [list_format(form.name) for form in LIST_FORMATS] == list(LIST_FORMATS)
    assert [run_format(form.name) for form in RUN_FORMATS] == list(RUN_FORMATS)


@given(st.lists(st.integers(0, 3), max_size=6))
def test_however_it_is_cut_into_batches_a_list_is_the_same(sizes: list[int]) -> None:
    jobs = [job({"id": str(n)}) for n in range(sum(sizes))]
    rest = iter(jobs)
    batches = [[next(rest) for _ in range(size)] for size in sizes]
    rows = [dict(one.fields) for one in jobs]
    assert json.loads(written(JSON, *batches)) == rows
    lines = written(JSONL, *batches).splitlines()
    assert [json.loads(line) for line in lines] == rows
    assert len(records(written(CSV, *batches))) == 1 + len(jobs)


def test_rows_in_json_are_the_servers_without_what_was_added() -> None:
    with_detail = job({**row(), "detail": {"inputs": "secret"}})
    assert json.loads(written(JSON, [with_detail])) == [row()]


@pytest.mark.parametrize("text", ["\ud800 lone", "日本 🎉", "\x00\x1b[31m", 2**80])
def test_any_value_of_a_row_comes_back(text: object) -> None:
    lines = written(JSONL, [job({"error": text})])
    assert json.loads(lines) == {"error": text}


def test_a_record_has_the_documented_columns() -> None:
    heading, record = records(written(CSV, [job()]))
    assert tuple(heading) == CSV_COLUMNS
    assert dict(zip(heading, record, strict=True)) == {
        "id": "0f6c",
        "run_id": "9a51",
        "status": "failed",
        "created_at": "2026-11-20T10:12:31Z",
        "finished_at": "2026-11-20T10:12:31Z",
        "elapsed_time": "4.81",
        "total_tokens": "912",
        "total_steps": "5",
        "exceptions_count": "0",
        "triggered_from": "app-run",
        "created_from": "service-api",
        "created_by_role": "end_user",
        "session_id": "nightly-etl",
        "end_user_type": "service-api",
        "account_email": "",
        "version": "2026-11-01 08:30:12.345678",
        "error": "Run failed: 503",
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"workflow_run": None, "created_by_end_user": None},
        {"workflow_run": "text", "created_by_account": [1]},
        {"workflow_run": {"error": {"a": 1}, "status": True}},
    ],
)
def test_a_row_of_any_shape_is_a_record(fields: dict[str, Any]) -> None:
    heading, record = records(written(CSV, [job(fields)]))
    assert len(record) == len(heading)


def test_what_stands_in_for_a_row_is_no_row() -> None:
    for form in LIST_FORMATS:
        assert written(form, [job({}), job(), job({})]) == written(form, [job()])


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(start: str) -> None:
    text = f"{start}cmd|' /C calc'!A0"
    fields = row(created_by_end_user={"session_id": text}, created_from=text)
    fields["workflow_run"]["error"] = text
    _heading, record = records(written(CSV, [job(fields)]))
    cells = dict(zip(CSV_COLUMNS, record, strict=True))
    for name in ("session_id", "created_from", "error"):
        assert cells[name] == f"'{text}"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_record_holds_every_text(text: str) -> None:
    content = written(CSV, [job(row(created_from=text))] * 2)
    assert content.count(b"\r\n") >= 3
    assert content.endswith(b"\r\n")
    _heading, first, second = records(content)
    assert first == second
    assert first[10].removeprefix("'") == text.removeprefix("'")


def test_numbers_are_numbers_although_they_begin_with_a_minus() -> None:
    fields = row()
    fields["workflow_run"]["elapsed_time"] = -1.5
    assert records(written(CSV, [job(fields)]))[1][5] == "-1.5"


@dataclass
class Seen:
    events: int = 2
    unseen: tuple[str, ...] = ("attached late",)

    def plain_text(self) -> Iterator[str]:
        yield "2026-11-20T10:12:27Z ✓ Fetch"
        yield "2026-11-20T10:12:29Z ✗ Summarise"

    def as_json(self) -> object:
        return {"nodes": [{"title": "Fetch"}]}


SERVER = ("https://dify.example.com", "1.14.2", "Nightly ETL")


def test_a_run_as_json_is_row_detail_and_what_was_seen() -> None:
    detail = {"id": "9a51", "outputs": {"rows": 42}}
    saved = SavedRun(*SERVER, job({**row(), "detail": detail}), Seen())
    assert json.loads(RUN_JSON.encode(saved)) == {
        "source": "https://dify.example.com",
        "server_version": "1.14.2",
        "row": row(),
        "detail": detail,
        "events_seen": {"nodes": [{"title": "Fetch"}]},
        "complete": True,
    }


def test_a_run_without_its_end_is_not_complete() -> None:
    for saved in (
        SavedRun(*SERVER, job()),
        SavedRun(*SERVER, Job("r", "app", JobStatus.RUNNING, Trigger(""))),
    ):
        assert json.loads(RUN_JSON.encode(saved))["complete"] is False
        assert "# Not complete" in RUN_TXT.encode(saved).decode()


def test_a_runs_text_says_in_its_head_what_was_not_seen() -> None:
    named = ("https://h", "1", "two\nlines")
    text = RUN_TXT.encode(SavedRun(*named, job({"detail": {}}), Seen())).decode()
    *head, first, second = text.splitlines()
    assert all(line.startswith("# ") for line in head)
    assert "# Run 9a51 of two lines at https://h" in head
    assert "# Not seen: attached late" in head
    assert (first[-5:], second[-9:]) == ("Fetch", "Summarise")
