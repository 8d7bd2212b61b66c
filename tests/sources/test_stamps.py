"""Times of the wire, fast way and plain way alike."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chronotui.sources.wire_json import moment, time_ns
from chronotui.times import parse_time

SECOND = "2026-03-03T10:00:05"
SECOND_NS = 1_772_532_005_000_000_000


@pytest.mark.parametrize("digits", range(10))
def test_takes_up_to_nine_fraction_digits(digits: int) -> None:
    fraction = "123456789"[:digits]
    text = f"{SECOND}.{fraction}Z" if digits else f"{SECOND}Z"
    expected = SECOND_NS + int(fraction.ljust(9, "0"))
    assert [time_ns(text) for _ in range(2)] == [expected, expected]


def test_takes_offsets_after_the_second_is_known() -> None:
    assert time_ns(f"{SECOND}Z") == SECOND_NS
    assert time_ns(f"{SECOND}.5+02:00") == SECOND_NS + 500_000_000 - 7200 * 10**9


@pytest.mark.parametrize(
    "value", [None, "", 5, "soon", f"{SECOND}.Z", f"{SECOND}.12", SECOND, "²" * 25]
)
def test_what_is_no_time_is_none(value: object) -> None:
    time_ns(f"{SECOND}Z")
    assert time_ns(value) is None
    assert moment(value) is None


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001
    st.text(alphabet="0123456789.²٣_+- Z", max_size=12),
    st.sampled_from(["Z", "z", "+01:30", "-00:00", ""]),
)
@example(datetime(2026, 3, 3), ".٣", "Z")  # noqa: DTZ001
@example(datetime(2026, 3, 3), ".1234567890", "Z")  # noqa: DTZ001
def test_agrees_with_the_plain_parser(when: datetime, rest: str, zone: str) -> None:
    second = when.isoformat(timespec="seconds")
    time_ns(f"{second}Z")
    text = f"{second}{rest}{zone}"
    assert time_ns(text) == parse_time(text)


def test_a_moment_is_aware_and_in_utc() -> None:
    assert moment("2026-03-03T11:00:05.123456789+01:00") == datetime(
        2026, 3, 3, 10, 0, 5, 123456, tzinfo=UTC
    )
