"""What narrows runs, as it is typed and as it is told."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given

from chronotui.model import JobFilter, JobStatus, Trigger
from chronotui.tree.filters import (
    RunWords,
    TreeFilters,
    described,
    is_run_id,
    read_run_words,
)

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def read(typed: str) -> RunWords:
    words = read_run_words(typed, NOW)
    assert words is not None
    return words


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("timeout", RunWords("timeout", "timeout")),
        (" bad  gateway ", RunWords("bad  gateway", "bad gateway")),
        ("user:nightly-etl", RunWords("user:nightly-etl", user="nightly-etl")),
        (
            'a user:"Jo Doe" b',
            RunWords('a user:"Jo Doe" b', "a b", user="Jo Doe"),
        ),
        ("superuser:x", RunWords("superuser:x", "superuser:x")),
        (
            "account:a@b.example since:15m until:2026-11-28T11:59:00Z",
            RunWords(
                "account:a@b.example since:15m until:2026-11-28T11:59:00Z",
                since=NOW - timedelta(minutes=15),
                until=NOW - timedelta(minutes=1),
                account="a@b.example",
            ),
        ),
        ("http://x", RunWords("http://x", "http://x")),
    ],
)
def test_what_is_typed_is_a_keyword_and_words(typed: str, meant: RunWords) -> None:
    assert read(typed) == meant


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("since:10:99", "since: '10:99' is no time"),
        ("user:", "Write what follows user:"),
        ("user:a user:b", "twice"),
        ("user:a account:b", "a user or an account"),
        ("since:11:00 until:10:00", "so that no run fits"),
    ],
)
def test_what_cannot_be_meant_is_said_in_a_sentence(typed: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        read_run_words(typed, NOW)
    assert str(refused.value).endswith(".")


@given(st.text(max_size=60))
def test_whatever_is_typed_is_read_or_refused(typed: str) -> None:
    with suppress(ValueError):
        words = read_run_words(typed, NOW)
        assert words is None or words.typed


def test_nothing_typed_narrows_nothing() -> None:
    assert read_run_words("  ", NOW) is None
    assert TreeFilters().jobs == JobFilter()


def test_a_filter_is_told_in_words() -> None:
    words = read("timeout user:nightly-etl since:10:00")
    only = TreeFilters(JobStatus.FAILED, words=words).jobs
    assert only.keyword == "timeout"
    told = "FAILED · “timeout” · user nightly-etl · since 2026-11-28 10:00"
    assert described(only, UTC) == told
    jobs = JobFilter(JobStatus.FAILED, Trigger.MANUAL)
    assert described(jobs) == "FAILED manual"
    assert described(JobFilter(user="a\x1b[31mb")) != "user a\x1b[31mb"


def test_only_a_whole_id_names_a_run() -> None:
    assert is_run_id(" 9a51c0de-0000-4000-8000-00000000beef ")
    assert not is_run_id("9a51c0de")
    assert not is_run_id("run 9a51c0de-0000-4000-8000-00000000beef")
