"""Whatever order lines come in, the store ends with the truth and the right count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronotui.engine.intake import Context, Intake
from chronotui.errors import IncompleteError
from chronotui.log.attempts import Way
from chronotui.log.store import LogStore
from chronotui.model import STDOUT, LogLine
from tests.log.line_histories import START, coarse, event_id, jobs, with_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = 7

SECOND = 10**9


def bare(lines: Sequence[LogLine]) -> list[LogLine]:
    """The lines as a documented server sends them."""
    return [line._replace(attempt=0) for line in lines]


def shown(line: LogLine) -> tuple[object, ...]:
    """A line without what differs between live and retained."""
    return coarse(line)[:-1]


def ordered(lines: Sequence[LogLine]) -> list[LogLine]:
    return sorted(
        lines, key=lambda line: (line.attempt, line.sequence_num, line.stream)
    )


class Reading:
    """Live lines and pages coming in as the test says."""

    def __init__(self) -> None:
        self.late: list[LogLine] = []
        self.intake = Intake(LogStore(), forgotten=self.late.extend)
        self.live_context, self.page_context = Context(), Context()

    def live(self, lines: Sequence[LogLine]) -> None:
        lines = [line._replace(retained=False) for line in lines]
        self.intake.take(lines, Way.LIVE, self.live_context)

    def page(self, lines: Sequence[LogLine], way: Way) -> None:
        pages = [coarse(line) for line in lines]
        self.intake.take(pages, way, self.page_context)

    def content(self) -> list[LogLine]:
        store = self.intake.store
        return store.lines(0, len(store))


def disturbed(data: st.DataObject, truth: list[LogLine]) -> list[list[LogLine]]:
    """Live batches: from some line on, some dropped, doubled, swapped."""
    begin = data.draw(st.integers(0, len(truth)), "first live line")
    live: list[LogLine] = []
    for line in truth[begin:]:
        live += [line] * data.draw(st.sampled_from([0, 1, 1, 1, 1, 1, 1, 2]), "times")
    for place in range(len(live) - 1):
        if data.draw(st.integers(0, 9), "swap") == 0:
            live[place], live[place + 1] = live[place + 1], live[place]
    batches = []
    while live:
        size = data.draw(st.integers(1, 9), "batch")
        batches.append(live[:size])
        del live[:size]
    return batches


def interleave(
    data: st.DataObject, reading: Reading, truth: list[LogLine], way: Way
) -> None:
    """Bring in live batches and every page, in any order the two can mix."""
    listed = truth if way is Way.RISING else truth[::-1]
    pages = [listed[at : at + PAGE] for at in range(0, len(listed), PAGE)]
    live = disturbed(data, truth_in_time(truth))
    while live or pages:
        if live and (not pages or data.draw(st.booleans(), "live first")):
            reading.live(live.pop(0))
        else:
            reading.page(pages.pop(0), way)


def truth_in_time(truth: list[LogLine]) -> list[LogLine]:
    return sorted(truth, key=lambda line: line.time_ns or 0)


@pytest.mark.parametrize("way", [Way.RISING, Way.FALLING])
@given(data=st.data(), job=jobs())
@settings(max_examples=35)
def test_with_event_ids_the_store_ends_with_the_truth(
    data: st.DataObject, job: list[LogLine], way: Way
) -> None:
    truth = ordered(with_ids(job, base=0))
    reading = Reading()
    interleave(data, reading, truth, way)
    assert reading.content() == [coarse(line) for line in truth]
    reading.intake.ledger.whole = True
    assert reading.intake.ledger.missing == 0
    assert reading.intake.ledger.lines == len(truth)


@given(data=st.data(), job=jobs())
@settings(max_examples=70)
def test_without_event_ids_attempts_are_told_all_the_same(
    data: st.DataObject, job: list[LogLine]
) -> None:
    truth = ordered(job)
    attempts = {shown(line): line.attempt for line in truth}
    reading = Reading()
    listed = bare(truth)
    interleave(data, reading, listed, Way.RISING)
    assert [line.attempt for line in reading.content()] == [
        attempts[shown(line)] for line in reading.content()
    ]
    assert list(map(shown, reading.content())) == list(map(shown, truth))
    reading.intake.ledger.whole = True
    assert reading.intake.ledger.missing == 0


@given(data=st.data(), job=jobs(attempts=2))
@settings(max_examples=35)
def test_what_was_never_retained_nor_live_stays_missing(
    data: st.DataObject, job: list[LogLine]
) -> None:
    truth = ordered(with_ids(job, base=0))
    highest = {line.attempt: line.sequence_num for line in truth}
    numbers = [line[:2] for line in truth]
    candidates = [
        line
        for line in truth
        if line.sequence_num < highest[line.attempt] and numbers.count(line[:2]) == 1
    ]
    lost = set(data.draw(st.lists(st.sampled_from(candidates))) if candidates else ())
    kept = [line for line in truth if line not in lost]
    reading = Reading()
    interleave(data, reading, kept, Way.FALLING)
    interleave(data, reading, kept, Way.FALLING)
    reading.intake.ledger.whole = True
    assert reading.intake.ledger.missing == len(lost)


def test_retained_wins_over_live_for_its_fields() -> None:
    reading = Reading()
    line = LogLine(1, 0, STDOUT, START + 123_456, "live", event_id(1, STDOUT, 0))
    reading.live([line])
    reading.page([line._replace(message="retained")], Way.FALLING)
    (held,) = reading.content()
    assert held.message == "retained"
    assert held.time_ns == START
    assert held.retained


def test_a_server_that_gives_ids_on_one_way_only_doubles_nothing() -> None:
    named = [
        LogLine(1, n, STDOUT, START + n * 10**7, f"m{n}", event_id(1, STDOUT, n))
        for n in range(20)
    ]
    for live, pages in ((bare_ids(named), named), (named, bare_ids(named))):
        reading = Reading()
        reading.live(live[5:])
        reading.page(pages, Way.RISING)
        assert len(reading.content()) == 20
        assert {line.attempt for line in reading.content()} == {1}


def bare_ids(lines: Sequence[LogLine]) -> list[LogLine]:
    return [line._replace(attempt=0, event_id="") for line in lines]


def test_numbers_and_times_no_server_means_break_nothing() -> None:
    good = LogLine(1, 0, STDOUT, START, "good", event_id(1, STDOUT, 0))
    reading = Reading()
    for odd in (
        good._replace(sequence_num=1 << 63, event_id="a"),
        good._replace(time_ns=1 << 70, event_id="b"),
        good._replace(time_ns=-(1 << 70), event_id="c"),
    ):
        reading.intake.take([odd, good], Way.LIVE, Context())
    assert [line.message for line in reading.content()] == ["good"]


def test_a_spool_that_cannot_be_read_back_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading = Reading()

    def fail(_lines: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(reading.intake.store, "add", fail)
    line = LogLine(1, 0, STDOUT, START, "x", event_id(1, STDOUT, 0))
    with pytest.raises(IncompleteError, match="Input/output error"):
        reading.live([line])


def test_what_was_forgotten_is_known_when_it_comes_again() -> None:
    lines = [
        LogLine(1, n, STDOUT, START + n, f"m{n}", event_id(1, STDOUT, n))
        for n in range(100)
        if n != 30
    ]
    reading = Reading()
    reading.live(lines)
    reading.intake.forget((1, 60), LogStore())
    assert len(reading.content()) == 40
    missed = LogLine(1, 30, STDOUT, START + 30, "m30", event_id(1, STDOUT, 30))
    reading.page([*lines[20:30], missed, *lines[55:65]], Way.RISING)
    assert len(reading.content()) == 40
    assert reading.late == [coarse(missed)]
    assert reading.intake.ledger.missing == 1


@pytest.mark.parametrize("kept_from", [(1, 80), (2, 5), (2, 80)])
def test_what_was_forgotten_is_known_after_another_attempt_too(
    kept_from: tuple[int, int],
) -> None:
    """A server that tells no attempts: the lines kept get their attempts anew."""
    attempts = [
        [
            LogLine(attempt, n, STDOUT, START + attempt * SECOND + n * 10**6, f"m{n}")
            for n in range(1, 101)
        ]
        for attempt in (1, 2, 3)
    ]
    reading = Reading()
    first = [line for line in attempts[0] if line.sequence_num != 30]
    reading.live(bare(first))
    if kept_from[0] == 2:
        reading.live(bare(attempts[1][:90]))
    reading.intake.forget(kept_from, LogStore())
    reading.live(bare(attempts[1]))
    reading.live(bare(attempts[2]))
    reading.page(bare([*first, *attempts[1], *attempts[2]]), Way.RISING)
    ledger = reading.intake.ledger
    ledger.asked = (1, 1)
    assert reading.late == []
    assert [gap[:4] for gap in ledger.gaps()] == [(1, 30, 30, 1)]
    assert ledger.lines == 299
    reading.page(bare([*attempts[0][25:35]]), Way.FALLING)
    assert reading.late == [coarse(attempts[0][29])]


def test_the_attempt_of_what_was_forgotten_follows_the_lines_kept() -> None:
    """Only then an older attempt shows: lines as high in number, and earlier."""
    older, newer = (
        [
            LogLine(attempt, n, STDOUT, START + attempt * SECOND + n * 10**6, f"m{n}")
            for n in range(1, 101)
        ]
        for attempt in (1, 2)
    )
    reading = Reading()
    reading.live(bare(newer))
    reading.intake.forget((1, 60), LogStore())
    reading.page(bare(older[85:]), Way.RISING)
    ledger = reading.intake.ledger
    assert reading.late == [coarse(line) for line in older[85:]]
    assert {line.attempt for line in reading.content()} == {2}
    second = ledger.attempt(2)
    assert second is not None
    assert (second.lines, second.missing(1)) == (100, 0)
    assert ledger.lines == 100


@given(data=st.data(), job=jobs(attempts=2), ids=st.booleans())
@settings(max_examples=50)
def test_no_gap_changes_without_being_told(
    data: st.DataObject, job: list[LogLine], ids: bool
) -> None:
    truth = ordered(with_ids(job, base=0)) if ids else job
    reading = Reading()
    ledger = reading.intake.ledger
    ledger.interleaved = data.draw(st.booleans(), "interleaved")
    seen = 0, list(ledger.gaps()), list(ledger.open_ends())
    for batch in disturbed(data, truth_in_time(truth)):
        reading.live(batch if ids else bare(batch))
        now = reading.intake.gap_changes, [*ledger.gaps()], [*ledger.open_ends()]
        if now[0] == seen[0]:
            assert now == seen
        seen = now


def test_a_line_that_only_goes_on_changes_no_gap() -> None:
    reading = Reading()
    line = LogLine(1, 0, STDOUT, START, "m", event_id(1, STDOUT, 0))
    told = []
    for number in (0, 1, 2, 5, 6):
        reading.live([line._replace(sequence_num=number, event_id=f"e{number}")])
        told.append(reading.intake.gap_changes)
    assert told == [1, 1, 1, 2, 2]
