"""Identity: event ids tell the attempt, and same lines are told from others."""

import pytest

from chronotui.log.attempts import attempt_of, same_line
from chronotui.model import LogLine

JOB = "0190d6a2-7c1e-7a55-b7d2-0f3c5a1b2c3d"


@pytest.mark.parametrize(
    ("event_id", "attempt"),
    [
        (f"log:{JOB}:stdout:0", 1),
        (f"log:{JOB}:stderr:17", 1),
        (f"log:{JOB}:attempt:2:stdout:0", 2),
        (f"log:{JOB}:attempt:31:stderr:9", 31),
        (f"log:{JOB}:attempt:x:stderr:9", None),
        (f"log:{JOB}:attempt:0:stderr:9", None),
        (f"log:{JOB}:attempt:{'9' * 5000}:stderr:9", None),
        ("", None),
        ("01JGABC", None),
        ("something:else", None),
    ],
)
def test_event_id_tells_the_attempt(event_id: str, attempt: int | None) -> None:
    assert attempt_of(event_id) == attempt


def line(
    message: str = "hello", time_ns: int | None = 10**18, event_id: str = ""
) -> LogLine:
    return LogLine(0, 5, "stdout", time_ns, message, event_id)


def test_live_nanoseconds_and_retained_milliseconds_are_one_line() -> None:
    assert same_line(line(time_ns=10**18 + 999_999), line(time_ns=10**18))


def test_another_time_or_message_is_another_line() -> None:
    assert not same_line(line(), line(time_ns=10**18 + 1_000_001))
    assert not same_line(line(), line("hallo"))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_millisecond_apart_is_the_same_and_a_nanosecond_more_is_not(
    sign: int,
) -> None:
    known = line(time_ns=10**18)
    assert same_line(line(time_ns=10**18 + sign * 1_000_000), known)
    assert not same_line(line(time_ns=10**18 + sign * 1_000_001), known)


def test_event_ids_decide_where_both_have_one() -> None:
    assert same_line(line("live", event_id="a"), line("retained", event_id="a"))
    assert not same_line(line(event_id="a"), line(event_id="b"))
    assert same_line(line(event_id="a"), line())


def test_a_line_without_a_time_is_compared_by_its_message() -> None:
    assert same_line(line(time_ns=None), line())
    assert not same_line(line("x", time_ns=None), line())
