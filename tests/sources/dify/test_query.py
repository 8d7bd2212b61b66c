"""What is asked of which release and what is left to us; nothing makes one fail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.model import JobFilter, JobStatus
from chronotui.sources.dify.query import Release, plan, wire_time
from chronotui.sources.dify.wire import RunRow, read_job

NEW = Release("1.14.2")


@pytest.mark.parametrize(
    ("words", "numbers", "expected"),
    [
        ("1.14.2", (1, 14, 0), False),
        ("1.13.0", (1, 14, 0), True),
        ("1.9.2", (1, 14, 0), True),
        ("0.15.8", (1, 0, 1), True),
        ("1.10.1-fix.1", (1, 11, 3), True),
        ("v1.14.0", (1, 14, 0), False),
        ("2", (1, 14, 0), False),
        ("", (1, 14, 0), False),
        ("main", (9, 9, 9), False),
    ],
)
def test_releases_are_told_apart_and_unknown_ones_are_new(
    *, words: str, numbers: tuple[int, ...], expected: bool
) -> None:
    assert Release(words).is_before(*numbers) is expected


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (JobStatus.COMPLETED, {"status": "succeeded"}),
        (JobStatus.FAILED, {"status": "failed"}),
        (JobStatus.CANCELED, {"status": "stopped"}),
        (JobStatus.RUNNING, {}),
        (JobStatus.PAUSED, {}),
        (JobStatus.PARTIAL, {}),
        (JobStatus("scheduled"), {}),
        (None, {}),
    ],
)
def test_only_three_states_are_asked_for(
    status: JobStatus | None, asked: dict[str, str]
) -> None:
    assert plan(JobFilter(status), NEW).asked == asked


def test_a_user_is_never_asked_for_beside_a_keyword() -> None:
    both = plan(JobFilter(keyword="x", user="nightly"), NEW)
    assert (both.asked, both.keywords) == ({}, ("x",))
    assert plan(JobFilter(user="u", account="a@b.c"), NEW).asked == {
        "created_by_end_user_session_id": "u",
        "created_by_account": "a@b.c",
    }


def test_people_are_ours_to_filter_before_1_5() -> None:
    assert plan(JobFilter(user="u", account="a"), Release("1.4.3")).asked == {}


def test_times_are_whole_seconds_within_what_was_asked() -> None:
    zone = timezone(timedelta(hours=8))
    query = plan(
        JobFilter(
            since=datetime(2026, 11, 20, 18, 0, 0, 500_000, zone),
            until=datetime(2026, 11, 20, 19, 0, 0, 500_000, zone),
        ),
        NEW,
    )
    assert query.after is not None
    assert query.before is not None
    assert wire_time(query.after) == "2026-11-20T10:00:01Z"
    assert wire_time(query.before) == "2026-11-20T11:00:00Z"


RUN = "9a51c0de-1111-4222-8333-444455556666"


@pytest.mark.parametrize(
    ("keyword", "version", "keywords", "used"),
    [
        ("plain", "1.14.2", ("plain",), None),
        ("x" * 40, "1.14.2", ("x" * 30,), 30),
        (RUN, "1.14.2", (RUN,), None),
        ("大阪", "1.14.2", ("\\u5927\\u962a", "大阪"), None),
        ("大阪", "1.11.2", ("大阪",), None),
        ("大阪", "", ("\\u5927\\u962a", "大阪"), None),
        (
            "大阪大阪大阪",
            "1.14.2",
            ("\\u5927\\u962a" * 2 + "\\u5927", "大阪大阪大阪"),
            5,
        ),
        ("São", "1.14.2", ("S\\u00e3o", "São"), None),
        ("🌙", "1.14.2", ("\\ud83c\\udf19", "🌙"), None),
        (
            "abcdefghijklmnopqrstuvwxy大阪",
            "1.14.2",
            ("abcdefghijklmnopqrstuvwxy", "abcdefghijklmnopqrstuvwxy大阪"),
            25,
        ),
        ("  ", "1.14.2", ("",), None),
        (" x ", "1.14.2", ("x",), None),
    ],
)
def test_a_keyword_is_spelled_as_it_is_stored(
    keyword: str, version: str, keywords: tuple[str, ...], used: int | None
) -> None:
    query = plan(JobFilter(keyword=keyword), Release(version))
    assert query.keywords == keywords
    told = (f"Only the first {used} characters of the text are looked up.",)
    assert query.notes == (told if used else ())


def test_a_time_before_the_first_second_is_the_first() -> None:
    old = datetime(1, 1, 1, 12, tzinfo=UTC)
    query = plan(JobFilter(since=old, until=old), NEW)
    assert (query.after, query.before) == (0, 0)


def job_by(session: str, email: str = "") -> object:
    fields = {
        "id": "r",
        "created_at": 1_795_200_000,
        "workflow_run": {"id": RUN, "status": "running"},
        "created_by_end_user": {"session_id": session} if session else None,
        "created_by_account": {"email": email} if email else None,
    }
    return read_job(RunRow("r", 1_795_200_000, fields))


@pytest.mark.parametrize(
    ("only", "session", "email", "expected"),
    [
        (JobFilter(user="a"), "a", "", True),
        (JobFilter(user="a"), "b", "", False),
        (JobFilter(user="a", keyword="x"), "b", "", False),
        (JobFilter(account="a@b.c"), "", "a@b.c", True),
        (JobFilter(account="a@b.c"), "a@b.c", "", False),
        (JobFilter(status=JobStatus.RUNNING), "a", "", True),
        (JobFilter(status=JobStatus.PAUSED), "a", "", False),
        (JobFilter(since=datetime(2027, 1, 1, tzinfo=UTC)), "a", "", False),
        (JobFilter(until=datetime(2026, 1, 1, tzinfo=UTC)), "a", "", False),
    ],
)
def test_every_row_is_looked_at_again(
    *, only: JobFilter, session: str, email: str, expected: bool
) -> None:
    assert plan(only, NEW).accepts(job_by(session, email)) is expected  # type: ignore[arg-type]


@given(
    keyword=st.text(max_size=60),
    user=st.text(max_size=5),
    version=st.sampled_from(["1.14.2", "1.9.2", "1.0.0", ""]),
)
def test_nothing_that_makes_a_server_fail_is_planned(
    keyword: str, user: str, version: str
) -> None:
    query = plan(JobFilter(keyword=keyword, user=user), Release(version))
    assert all(query.asked.values())
    for form in query.keywords:
        assert len(form) <= 36
        assert not (form and "created_by_end_user_session_id" in query.asked)
