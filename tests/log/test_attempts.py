"""Attempts are inferred the same whatever order the lines come in."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from chronotui.log.attempts import (
    MILLISECOND_NS,
    UNKNOWN,
    AttemptTimeline,
    Way,
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
