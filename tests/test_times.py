from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.times import (
    LOCAL,
    age,
    format_time_ns,
    fraction_text,
    human_duration,
    parse_time,
    parse_when,
    zoned_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=timezone(timedelta(hours=2)))


@given(st.integers(-(2**63) + 10**9, 2**63 - 1))
def test_a_time_written_is_read_again(time_ns: int) -> None:
    assert parse_time(format_time_ns(time_ns)) == time_ns
    assert parse_time(format_time_ns(time_ns, 3)) == time_ns // 10**6 * 10**6


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01t02:00:00.000000001+02:00", 1),
        ("1969-12-31 22:00:00-02:00", 0),
        ("1970-01-01T00:00:00.1234567891Z", 123_456_789),
        ("2016-12-31T23:59:60Z", 1_483_228_800 * 10**9),
        ("0001-01-01T00:00:00Z", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-01-01T24:00:00Z", None),
        ("2026-01-01T00:00:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_rfc3339(text: str, time_ns: int | None) -> None:
    assert parse_time(text) == time_ns


def test_a_time_in_a_zone() -> None:
    time_ns = 1_700_000_000_123_000_000
    assert zoned_text(time_ns, NOON.tzinfo) == "2023-11-15T00:13:20"
    assert fraction_text(time_ns) == ".123"
    assert fraction_text(time_ns, 0) == ""


def test_lengths_of_time() -> None:
    assert [human_duration(s) for s in (-1, 9, 130.9, 3723, 90_000)] == [
        "0:00",
        "0:09",
        "2:10",
        "1:02:03",
        "25:00:00",
    ]
    assert [age(s) for s in (-5, 42, 300, 3 * 3600, 200_000)] == [
        "0 s",
        "42 s",
        "5 min",
        "3 h",
        "2 d",
    ]


@pytest.mark.parametrize(
    ("typed", "when"),
    [
        ("15m", NOON - timedelta(minutes=15)),
        ("-15m", NOON - timedelta(minutes=15)),
        ("1h30m", NOON - timedelta(minutes=90)),
        ("11:05", NOON.replace(hour=11, minute=5)),
        ("14:05:30", datetime(2026, 11, 21, 14, 5, 30, tzinfo=NOON.tzinfo)),
        ("2026-01-31T14:05:00Z", datetime(2026, 1, 31, 14, 5, tzinfo=UTC)),
        ("2026-01-31 14:05", datetime(2026, 1, 31, 14, 5, tzinfo=NOON.tzinfo)),
    ],
)
def test_times_people_type(typed: str, when: datetime) -> None:
    assert parse_when(typed, NOON) == when


@pytest.mark.parametrize("typed", ["", "soon", "25:00", "15 minutes", "99999999999w"])
def test_what_is_no_time_is_said(typed: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        parse_when(typed, NOON)


@pytest.fixture
def in_berlin(in_zone: Callable[[str], None]) -> None:
    in_zone("CET-1CEST,M3.5.0,M10.5.0/3")


@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize(
    ("typed", "now", "meant"),
    [
        # Winter is typed in summer, and summer in winter.
        ("2026-01-31T14:05", "2026-07-01T12:00Z", "2026-01-31T13:05Z"),
        ("2026-07-31 14:05", "2026-11-29T12:00Z", "2026-07-31T12:05Z"),
        ("2026-07-31", "2026-11-29T12:00Z", "2026-07-30T22:00Z"),
        # The last Sunday of October has the hour from 2:00 twice; now is in the second.
        ("2026-10-25T02:30", "2026-11-29T12:00Z", "2026-10-25T00:30Z"),
        ("02:30", "2026-10-25T01:10Z", "2026-10-25T00:30Z"),
        ("02:05", "2026-10-25T01:10Z", "2026-10-25T00:05Z"),
        ("15m", "2026-10-25T01:10Z", "2026-10-25T00:55Z"),
        ("2h", "2026-10-25T02:10Z", "2026-10-25T00:10Z"),
        # Yesterday at this time of day is 25 hours ago.
        ("14:05", "2026-10-25T12:00Z", "2026-10-24T12:05Z"),
        ("14:05", "2026-10-25T13:10Z", "2026-10-25T13:05Z"),
    ],
)
def test_local_times_follow_the_rules_of_their_day(
    typed: str, now: str, meant: str
) -> None:
    there = datetime.fromisoformat(now).astimezone(LOCAL)
    assert parse_when(typed, there).astimezone(UTC) == datetime.fromisoformat(meant)


@pytest.mark.usefixtures("in_berlin")
@given(st.integers(0, 2**31 - 1))
def test_the_machines_zone_says_what_the_machine_says(seconds: int) -> None:
    known = datetime.fromtimestamp(seconds, UTC)
    there = known.astimezone(LOCAL)
    assert there.replace(tzinfo=None) == known.astimezone().replace(tzinfo=None)
    assert there.astimezone(UTC) == known
