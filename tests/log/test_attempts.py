"""What attempt a line is of, whatever order lines come in, and which lines are one."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronotui.log.attempts import (
    MILLISECOND_NS,
    UNKNOWN,
    AttemptTimeline,
    Way,
    attempt_of,
    same_line,
)
from chronotui.model import STDOUT, LogLine
from tests.log.line_histories import START, coarse, jobs, retained


def _key(line: LogLine) -> tuple[int, str]:
    return (line.sequence_num, line.stream)


@dataclass
class ListedLines:
    """Held lines in plain lists, one an attempt."""

    attempts: dict[int, list[LogLine]] = field(default_factory=dict)

    def add(self, line: LogLine) -> None:
        insort(self.attempts.setdefault(line.attempt, []), line, key=_key)

    def numbered(self, attempt: int, sequence_num: int) -> list[LogLine]:
        lines = self.attempts.get(attempt, [])
        return [line for line in lines if line.sequence_num == sequence_num]

    def below(self, attempt: int, sequence_num: int) -> LogLine | None:
        lines = self.attempts.get(attempt, [])
        place = bisect_left(lines, (sequence_num, ""), key=_key)
        return lines[place - 1] if place else None

    def above(self, attempt: int, sequence_num: int) -> LogLine | None:
        lines = self.attempts.get(attempt, [])
        place = bisect_left(lines, (sequence_num + 1, ""), key=_key)
        return lines[place] if place < len(lines) else None

    def of_attempt(self, attempt: int) -> list[LogLine]:
        return list(self.attempts.get(attempt, []))

    def part(self, attempt: int, since_ns: int) -> None:
        everything = [line for lines in self.attempts.values() for line in lines]
        self.attempts.clear()
        for line in everything:
            later = line.attempt > attempt or (
                line.attempt == attempt and (line.time_ns or 0) >= since_ns
            )
            self.add(line._replace(attempt=line.attempt + later))

    def join(self, attempt: int) -> None:
        everything = [line for lines in self.attempts.values() for line in lines]
        self.attempts.clear()
        for line in everything:
            self.add(line._replace(attempt=line.attempt - (line.attempt > attempt)))


class Reader:
    """Takes lines as the engine does: place, then hold."""

    def __init__(self) -> None:
        self.held = ListedLines()
        self.timeline = AttemptTimeline(self.held)
        self.previous: dict[Way, LogLine | None] = dict.fromkeys(Way)

    def take(self, line: LogLine, way: Way) -> None:
        bare = line._replace(attempt=0)
        placed = bare._replace(
            attempt=self.timeline.place(bare, way, self.previous[way])
        )
        self.previous[way] = placed
        for duplicate in self.held.numbered(placed.attempt, placed.sequence_num):
            if duplicate.stream == placed.stream:
                assert same_line(duplicate, placed), "two different lines were merged"
                return
        self.held.add(placed)

    def content(self) -> list[LogLine]:
        lines = [line for part in self.held.attempts.values() for line in part]
        return sorted(coarse(line) for line in lines)


@given(jobs())
def test_an_oldest_first_read_tells_every_attempt(truth: list[LogLine]) -> None:
    reader = Reader()
    for line in retained(truth):
        reader.take(line, Way.RISING)
    assert reader.content() == sorted(map(coarse, truth))


@given(jobs())
def test_a_newest_first_read_tells_every_attempt(truth: list[LogLine]) -> None:
    reader = Reader()
    for line in reversed(retained(truth)):
        reader.take(line, Way.FALLING)
    assert reader.content() == sorted(map(coarse, truth))


@given(st.data(), jobs())
@settings(max_examples=60)
def test_live_lines_among_an_oldest_first_read_end_where_they_belong(
    data: st.DataObject, truth: list[LogLine]
) -> None:
    begin = data.draw(st.integers(0, len(truth)))
    live = [line for line in truth[begin:] if data.draw(st.integers(0, 9))]
    for place in range(len(live) - 1):
        if not data.draw(st.integers(0, 9)):
            live[place], live[place + 1] = live[place + 1], live[place]
    reader = Reader()
    pages = retained(truth)
    while live or pages:
        if live and (not pages or data.draw(st.booleans())):
            line = live.pop(0)._replace(retained=False)
            reader.take(line, Way.LIVE)
            if not data.draw(st.integers(0, 9)):
                reader.take(line, Way.LIVE)
        else:
            reader.take(pages.pop(0), Way.RISING)
    assert reader.content() == sorted(map(coarse, truth))


def test_a_live_retry_begins_the_next_attempt() -> None:
    reader = Reader()
    for attempt in (1, 2):
        for number in range(1, 6):
            at = START + attempt * 10**9 + number * MILLISECOND_NS
            reader.take(LogLine(attempt, number, STDOUT, at, "x"), Way.LIVE)
    assert {a: len(lines) for a, lines in reader.held.attempts.items()} == {1: 5, 2: 5}


def test_lines_no_time_tells_apart_are_both_kept_and_unknown() -> None:
    reader = Reader()
    reader.take(LogLine(0, 1, STDOUT, START, "one"), Way.LIVE)
    bare = LogLine(0, 1, STDOUT, START, "two")
    assert reader.timeline.place(bare, Way.LIVE, None) == UNKNOWN


# Identity: event ids tell the attempt, and same lines are told from others.


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
