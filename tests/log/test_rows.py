from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chronotui.log.attempts import key_of
from chronotui.log.chunks import CHUNK_LINES
from chronotui.log.finders import LineFilter
from chronotui.log.marks import (
    Anchor,
    GapMark,
    GapState,
    LineRow,
    Mark,
)
from chronotui.log.pattern import compile_pattern
from chronotui.log.rows import Rows
from chronotui.log.search import Search
from chronotui.log.store import LogStore, relabel

if TYPE_CHECKING:
    from tests.log.conftest import Lines

SEVENS = LineFilter(include=(compile_pattern("7$"),))


def complete(rows: Rows) -> Rows:
    while not rows.advance(1):
        pass
    return rows


def test_rows_follow_the_store_when_asked(store: LogStore, lines: Lines) -> None:
    rows = Rows(store)
    store.add(lines(10_000, 10_005))
    assert len(rows) == 10_000
    first = rows.refresh()
    assert len(rows) == 10_005
    assert 8_000 < first <= 10_000
    assert rows.refresh() == len(rows)


def test_rows_before_those_that_may_be_others_stay(lines: Lines) -> None:
    store = LogStore()
    store.add(lines(0, 100, retained=False))
    rows = Rows(store)
    store.add(lines(100, 103))
    store.add(lines(103, 104))
    assert rows.refresh() == 100
    store.add(lines(40, 41))  # retained, as it was live
    store.add(lines(104, 105))
    assert rows.refresh() <= 40
    store.add(lines(106, 107))
    store.add(lines(105, 106))  # comes before another one
    assert rows.refresh() <= 105
    store.add(lines(107, 5000))
    assert rows.refresh() == 107
    store.set_edge("older lines not loaded yet", None)
    assert rows.refresh() == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(
        st.tuples(st.integers(0, 60), st.integers(1, 20), st.booleans()), max_size=8
    )
)
def test_what_is_said_to_stay_stays(
    batches: list[tuple[int, int, bool]], lines: Lines
) -> None:
    store, held = LogStore(), 0
    store.set_edge(None, "newer lines not loaded yet")
    rows = Rows(store)
    for start, count, retained in batches:
        before = rows.rows(0, len(rows))
        at = held if start > 40 else start  # most go on at the end
        store.add(lines(at, at + count, retained=retained))
        held = max(held, at + count)
        first = rows.refresh()
        assert rows.rows(0, first) == before[:first]


def test_what_stands_between_lines(store: LogStore, lines: Lines) -> None:
    store.add(lines(0, 3, attempt=2, event_id=""))
    gap = GapMark(1, 10_000, 10_036, 37, GapState.LOST)
    store.set_gaps([gap])
    store.set_section(2, "attempt 2", "attempt 2 ended")
    store.set_edge("older lines not loaded yet", "end of log")
    rows = Rows(store)
    marks = [rows.row(0), *rows.rows(10_001, 10_003), *rows.rows(10_006, 99_999)]
    assert [(m.kind, m.text, m.gap) for m in marks if isinstance(m, Mark)] == [
        ("top", "older lines not loaded yet", None),
        ("gap", "", gap),
        ("header", "attempt 2", None),
        ("trailer", "attempt 2 ended", None),
        ("bottom", "end of log", None),
    ]
    assert rows.attempt_row(2) == 10_002
    assert rows.attempt_row(1) == 1
    assert rows.attempt_row(3) is None
    anchor = rows.anchor(10_001)
    store.set_gaps([])
    rows.refresh()
    assert rows.row(rows.locate(anchor)) == LineRow(10_000, store.line(10_000))
    second = Rows(store, attempt=2)
    rows_of_second = second.rows(0, 9)
    kinds = [row.kind if isinstance(row, Mark) else "line" for row in rows_of_second]
    assert kinds == ["top", "header", *["line"] * 3, "trailer", "bottom"]
    assert second.attempt_row(1) is None


def test_a_filter_works_on_in_slices_nearest_first(lines: Lines) -> None:
    store = LogStore()
    store.add(lines(0, 100_000))
    middle = Anchor(key_of(store.line(50_000)))
    rows = Rows(store, SEVENS, near=middle)
    shown = rows.row(rows.locate(middle))
    assert isinstance(shown, LineRow)
    assert abs(shown.index - 50_000) < CHUNK_LINES, "a busy machine finds a part of it"
    start = Anchor(key_of(store.line(0)))
    rows = Rows(store, SEVENS)
    rows.advance(0.0001, near=start)
    shown = rows.row(0)
    assert isinstance(shown, LineRow)
    assert shown.index == 7
    while not rows.advance(0.0001, near=start):
        done, total = rows.progress
        assert 0 < done <= total == 100_000
    assert rows.line_count == 10_000
    assert rows.progress == (100_000, 100_000)
    assert rows.complete


def test_a_filter_that_lets_nothing_through(store: LogStore) -> None:
    rows = complete(Rows(store, LineFilter(include=(compile_pattern("absent"),))))
    assert len(rows) == 0
    anchor = Anchor(key_of(store.line(5)))
    assert rows.locate(anchor) == 0
    assert rows.row_at_time(0) == 0
    search = Search(rows, compile_pattern("message"))
    assert search.advance(1)
    assert (search.count, search.next(0)) == (0, None)
    store.set_edge(None, "end of log")
    rows.refresh()
    assert (len(rows), rows.locate(anchor)) == (1, 0)


def test_a_hidden_line_is_located_at_its_neighbour(store: LogStore) -> None:
    rows = complete(Rows(store, SEVENS))
    hidden = Anchor(key_of(store.line(5_010)))
    row = rows.row(rows.locate(hidden))
    assert isinstance(row, LineRow)
    assert row.index == 5_017
    assert rows.locate(Anchor(key_of(store.line(9_999)))) == len(rows) - 1


def test_rows_by_time(store: LogStore, lines: Lines) -> None:
    rows = Rows(store)
    assert rows.row_at_time(-1) == 0
    assert rows.row_at_time(5_000_000_000) == 5_000
    assert rows.row_at_time(5_000_000_001) == 5_001
    assert rows.row_at_time(2**62) == 9_999
    filtered = complete(Rows(store, SEVENS))
    row = filtered.row(filtered.row_at_time(5_000_000_000))
    assert isinstance(row, LineRow)
    assert row.index == 5_007


def test_rows_outside_are_no_rows(store: LogStore) -> None:
    rows = Rows(store)
    for number in (-1, 10_000):
        with pytest.raises(IndexError):
            rows.row(number)
        with pytest.raises(IndexError):
            rows.anchor(number)
        with pytest.raises(IndexError):
            store.line(number)


def test_rows_not_refreshed_yet_never_fail(store: LogStore, lines: Lines) -> None:
    views = [complete(Rows(store, each)) for each in (None, SEVENS)]
    store.add(lines(0, 10_000, event_id="", stream="stderr", message="x7"))
    for rows in views:
        shown = rows.rows(0, len(rows))
        assert len(shown) == len(rows)
        assert rows.locate(rows.anchor(len(rows) - 1)) < len(rows)


def test_a_filter_forgets_what_inserts_made_of_its_chunks(
    store: LogStore, lines: Lines
) -> None:
    rows = complete(Rows(store, SEVENS))
    for number in range(0, 10_000, 100):
        late = lines(number, number + 1, stream="stderr", event_id="", message="x7")
        store.add(late)
        rows.refresh()
    assert rows.line_count == 1100
    assert (rows.complete, rows.too_slow) == (True, 0)


def test_a_search_says_how_far_it_is(lines: Lines) -> None:
    store = LogStore()
    for start in range(0, 200_000, 1000):
        store.add(lines(start, start + 1000))
    search = Search(Rows(store), compile_pattern("[79]$"))
    while not search.complete:
        done, total = search.progress
        assert 0 <= done < total == 200_000
        search.advance(0)
    assert search.progress == (200_000, 200_000)
    assert search.count == 40_000


def test_lines_get_the_attempt_they_turn_out_to_be_of(
    store: LogStore, lines: Lines
) -> None:
    rows = Rows(store)
    relabel(store, 1, lambda line: 1 if line.sequence_num < 4_000 else 2)
    relabel(store, 3, lambda _line: 4)
    assert store.attempts() == (1, 2)
    assert store.attempt_range(2) == range(4_000, 10_000)
    assert store.find(key_of(lines(5, 6)[0])) == 5
    assert store.find(key_of(lines(5_000, 5_001)[0])) is None
    assert rows.rows(0, len(rows))
    rows.refresh()
    assert rows.line_count == 10_000


def test_a_search_follows_its_rows(store: LogStore, lines: Lines) -> None:
    rows = Rows(store)
    search = Search(rows, compile_pattern("7$"))
    store.add(lines(10_000, 10_010))
    search.refresh()
    rows.refresh()
    search.refresh()
    assert search.advance(1)
    assert search.count == 1001
    jump = search.next(9_999)
    assert jump is not None
    assert (jump.row, jump.wrapped) == (10_007, False)
    assert search.next(10_007, wrap=False) is None
    assert search.spans("a 77") == [(3, 4)]
