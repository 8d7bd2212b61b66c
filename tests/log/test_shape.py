"""The shape of a log, held against counting every line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from chronotui.log.finders import LineFilter
from chronotui.log.rows import Rows
from chronotui.log.search import Search
from chronotui.log.shape import WIDTHS, Axis, LogShape, Slice
from chronotui.log.store import LogStore
from chronotui.model import STDERR, STDOUT, LogLine
from chronotui.times import NS

if TYPE_CHECKING:
    from collections.abc import Sequence

START = 1_700_000_000 * NS
MESSAGES = {"WARN slow": (1, 0), "ERROR bad": (0, 1), "all well": (0, 0)}
LONG = 1_000.0


def line(number: int, time_ns: int | None, message: str = "all well") -> LogLine:
    return LogLine(1, number, STDOUT, time_ns, message)


def shape_of(
    lines: Sequence[LogLine], only: LineFilter | None = None, most: int = 40
) -> LogShape:
    store = LogStore()
    store.add(list(lines))
    rows = Rows(store, only)
    while not rows.advance(LONG):
        continue
    errors = Search(rows)
    while not errors.advance(LONG):
        continue
    shape = LogShape(rows, errors)
    while not shape.advance(LONG):
        continue
    assert shape.read(most, LONG)
    return shape


@given(
    first=st.integers(0, 2**60), span=st.integers(0, 2**61), most=st.integers(1, 300)
)
def test_slices_hold_all_times_and_fit(first: int, span: int, most: int) -> None:
    axis = Axis.over(first, first + span, most)
    assert 1 <= axis.slices <= most
    assert axis.origin_ns <= first
    assert axis.place(first) == 0 or axis.origin_ns + axis.width_ns <= first
    assert axis.start(axis.place(first + span)) <= first + span
    assert first + span < axis.start(axis.slices)


def test_a_picture_is_never_small_where_time_is_long() -> None:
    for span in range(10, 4000, 7):
        axis = Axis.over(START, START + span * NS, 60)
        assert axis.width_ns in WIDTHS
        assert axis.slices > 25


@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(0, 100 * NS), st.none()),
            st.sampled_from(sorted(MESSAGES)),
        ),
        max_size=40,
    ),
    st.booleans(),
    st.sampled_from([None, STDOUT, STDERR]),
)
def test_every_line_is_in_its_slice(
    made: list[tuple[int | None, str]], ordered: bool, stream: str | None
) -> None:
    if ordered:
        made.sort(key=lambda each: each[0] or 0)
    lines = [
        line(number, None if at is None else START + at, message)
        for number, (at, message) in enumerate(made)
    ]
    shape = shape_of(lines, LineFilter(stream=stream) if stream else None)
    axis = shape.axis
    if axis is None:
        assert all(each.time_ns is None for each in lines)
        assert shape.slices == []
        return
    wanted = [[0, 0] for _ in shape.slices]
    place = 0
    for each in lines if stream != STDERR else ():
        place = place if each.time_ns is None else axis.place(each.time_ns)
        wanted[place][0] += 1
        wanted[place][1] += MESSAGES[each.message][0]
    assert [list(each[:2]) for each in shape.slices] == wanted
    shown = stream != STDERR
    assert (shape.total.errors > 0) == (
        shown and any(each.message == "ERROR bad" for each in lines)
    )


def test_a_shape_follows_its_log() -> None:
    store = LogStore()
    rows = Rows(store)
    errors = Search(rows)
    shape = LogShape(rows, errors)
    assert shape.read(50, LONG)
    assert (shape.axis, shape.slices) == (None, [])
    for part in range(3):
        store.add([line(n, START + n * NS) for n in range(part * 10, part * 10 + 10)])
        store.add([line(100 + part, START + (part * 10 + 9) * NS, "WARN x")])
        rows.refresh()
        errors.refresh()
        shape.refresh()
        while not (errors.advance(LONG) and shape.advance(LONG)):
            continue
        assert shape.read(50, LONG)
        assert shape.total == Slice((part + 1) * 11, part + 1, 0)
    assert shape.read(50, -1.0)  # nothing changed, so there is nothing to count
