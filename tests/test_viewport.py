"""The place of reading: following sticks, reading stands still."""

from __future__ import annotations

from bisect import bisect_left, insort

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chronotui.viewport import ScreenRow, Viewport

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no reason for a property to fail."""


class SortedRows:
    """Rows that are sorted numbers; a number is its own identity."""

    def __init__(self, numbers: list[int]) -> None:
        self.numbers = sorted(set(numbers))
        self.heights: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self.numbers)

    def anchor(self, row: int) -> int:
        return self.numbers[row]

    def locate(self, anchor: int) -> int:
        return min(bisect_left(self.numbers, anchor), len(self.numbers) - 1)

    def height(self, row: int) -> int:
        return self.heights.get(self.numbers[row], 1)

    def add(self, number: int) -> None:
        if number not in self.numbers:
            insort(self.numbers, number)


def reader(count: int, window: int = 10) -> tuple[SortedRows, Viewport[int]]:
    rows = SortedRows([number * 10 for number in range(count)])
    viewport = Viewport(rows, rows.height)
    viewport.resize(window)
    return rows, viewport


def test_following_shows_the_newest_row_at_the_bottom() -> None:
    rows, viewport = reader(100)
    rows.add(5000)
    viewport.resettle()
    assert viewport.current == 100
    assert list(viewport.window_rows())[-1] == ScreenRow(100, 0)


def test_a_short_log_starts_at_the_top() -> None:
    _rows, viewport = reader(3)
    assert [place.row for place in viewport.window_rows()] == [0, 1, 2] + [-1] * 7


def test_an_upward_move_reads_and_new_rows_are_counted() -> None:
    rows, viewport = reader(100)
    viewport.move(-1)
    assert not viewport.following
    before = list(viewport.window_rows())
    for number in range(2000, 2012):
        rows.add(number)
    viewport.resettle()
    assert list(viewport.window_rows()) == before
    assert len(rows) - viewport.unseen_from() == 12


def test_rows_that_come_on_the_screen_are_no_longer_new() -> None:
    rows, viewport = reader(100)
    viewport.move(-1)
    for number in range(2000, 2012):
        rows.add(number)
    viewport.resettle()
    viewport.page(5)
    assert len(rows) - viewport.unseen_from() == 7


def test_follow_again_goes_to_the_newest() -> None:
    _rows, viewport = reader(100)
    viewport.go_to(0)
    viewport.follow()
    assert viewport.current == 99
    assert viewport.following


@pytest.mark.parametrize("move", ["move", "scroll", "page"])
def test_a_downward_move_keeps_following(move: str) -> None:
    _rows, viewport = reader(100)
    getattr(viewport, move)(1)
    assert viewport.following
    assert viewport.current == 99


def test_pages_take_the_current_row_along() -> None:
    _rows, viewport = reader(100)
    viewport.go_to(50)
    y = viewport.screen_y
    viewport.page(9)
    assert viewport.current == 59
    assert viewport.screen_y == y
    viewport.page(-9)
    assert viewport.current == 50


def test_a_page_at_either_end_moves_the_current_row_there() -> None:
    _rows, viewport = reader(100)
    viewport.go_to(95)
    viewport.page(9)
    viewport.page(9)
    assert viewport.current == 99
    viewport.go_to(0)
    viewport.move(3)
    viewport.page(-9)
    assert viewport.current == 0


def test_the_wheel_leaves_the_current_row_until_it_would_leave_the_window() -> None:
    _rows, viewport = reader(100)
    viewport.go_to(50)
    viewport.scroll(3)
    assert viewport.current == 50
    viewport.scroll(40)
    assert viewport.current == viewport.top.row > 50


def test_a_tall_row_is_walked_through_before_it_is_left() -> None:
    rows, viewport = reader(100)
    rows.heights[500] = 25
    viewport.go_to(49)
    viewport.move(1)
    assert (viewport.current, viewport.screen_y) == (50, 0)
    for _ in range(15):
        viewport.move(1)
    assert (viewport.current, viewport.top) == (50, ScreenRow(50, 15))
    viewport.move(1)
    assert viewport.current == 51
    viewport.move(-1)
    assert (viewport.current, viewport.top) == (50, ScreenRow(50, 15))
    for _ in range(16):
        viewport.move(-1)
    assert viewport.current == 49


def test_filtering_and_unfiltering_comes_back_to_the_same_place() -> None:
    rows, viewport = reader(100)
    viewport.go_to(50)
    before = list(viewport.window_rows())
    whole = rows.numbers
    rows.numbers = [number for number in whole if number % 300 == 0]
    viewport.resettle()
    rows.numbers = []
    viewport.resettle()
    viewport.show_rows(rows)
    rows.numbers = whole
    viewport.resettle()
    assert list(viewport.window_rows()) == before


def test_rows_that_end_within_the_window_fill_it_from_above() -> None:
    rows, viewport = reader(100)
    viewport.go_to(50)
    viewport.scroll(viewport.screen_y - 2)
    before = list(viewport.window_rows())
    assert viewport.screen_y == 2
    whole = rows.numbers
    rows.numbers = whole[:53]
    viewport.resettle()
    assert [place.row for place in viewport.window_rows()] == list(range(43, 53))
    assert (rows.anchor(viewport.current), viewport.screen_y) == (500, 7)
    rows.add(515)
    viewport.resettle()
    assert (rows.anchor(viewport.current), viewport.screen_y) == (500, 7)
    rows.numbers = whole
    viewport.reconsider()
    viewport.resettle()
    assert list(viewport.window_rows()) == before


def test_lower_rows_fill_the_window_too() -> None:
    rows, viewport = reader(30)
    rows.heights = dict.fromkeys(rows.numbers, 3)
    viewport.resettle()
    viewport.go_to(27)
    viewport.scroll(viewport.screen_y)
    rows.heights = {}
    viewport.resize(9)
    assert [place.row for place in viewport.window_rows()] == list(range(21, 30))
    assert viewport.current == 27


def test_no_rows_no_harm() -> None:
    _rows, viewport = reader(0)
    for move in (viewport.move, viewport.scroll, viewport.page):
        move(-1)
        move(1)
    viewport.go_to(5)
    viewport.go_to(0)
    viewport.return_to(viewport.spot)
    viewport.stop_following()
    assert viewport.row_at(0) == viewport.last_shown == viewport.newest == -1
    assert list(viewport.window_rows()) == [ScreenRow(-1, 0)] * 10


def test_a_spot_is_come_back_to_whatever_was_added() -> None:
    rows, viewport = reader(100)
    tail = viewport.spot
    viewport.go_to(50)
    viewport.scroll(3)
    spot, y = viewport.spot, viewport.screen_y
    viewport.go_to(0)
    for number in range(1, 300, 7):
        rows.add(number)
    viewport.resettle()
    viewport.return_to(spot)
    assert rows.anchor(viewport.current) == 500
    assert viewport.screen_y == y
    viewport.return_to(tail)
    assert viewport.following


@UNHURRIED
@given(
    count=st.integers(30, 200),
    place=st.integers(12, 25),
    moves=st.lists(st.integers(-3, 3), max_size=6),
    changes=st.lists(
        st.one_of(
            st.tuples(st.just("insert"), st.integers(-500, 3000)),
            st.tuples(st.just("append"), st.integers(4000, 5000)),
            st.tuples(st.just("tall"), st.integers(0, 199)),
            st.tuples(st.just("resize"), st.integers(12, 30)),
        ),
        max_size=30,
    ),
)
def test_the_line_under_the_eye_never_moves(
    count: int, place: int, moves: list[int], changes: list[tuple[str, int]]
) -> None:
    rows, viewport = reader(count, 12)
    viewport.go_to(place)
    for step in moves:
        viewport.scroll(step)
    number, chosen = rows.anchor(viewport.current), viewport.screen_y
    y = chosen
    for kind, value in changes:
        if kind == "tall" and value < len(rows) and rows.numbers[value] != number:
            rows.heights[rows.numbers[value]] = 3
        elif kind == "resize":
            if value != viewport.window:
                y = min(chosen, value - 1)
            viewport.resize(value)
            y = moved_down(rows, viewport, y)
        elif kind in {"insert", "append"}:
            rows.add(value)
        viewport.resettle()
        assert rows.anchor(viewport.current) == number
        assert viewport.screen_y == y


def moved_down(rows: SortedRows, viewport: Viewport[int], y: int) -> int:
    """Return where the current row belongs: elsewhere only at either end."""
    if viewport.screen_y == y:
        return y
    if viewport.screen_y < y:
        assert viewport.top == ScreenRow(0, 0)
        return viewport.screen_y
    last = len(rows) - 1
    bottom = ScreenRow(last, rows.height(last) - 1)
    assert list(viewport.window_rows())[-1] == bottom
    return viewport.screen_y


def test_a_window_that_grows_at_the_end_is_filled_from_above() -> None:
    rows, viewport = reader(100)
    viewport.scroll(-3)
    viewport.go_to(99)
    viewport.resize(14)
    assert [place.row for place in viewport.window_rows()] == list(range(86, 100))
    viewport.resettle()
    assert [place.row for place in viewport.window_rows()] == list(range(86, 100))
    assert rows.anchor(viewport.current) == 990


@UNHURRIED
@given(
    count=st.integers(1, 60),
    heights=st.dictionaries(st.integers(0, 59), st.integers(1, 20)),
    moves=st.lists(
        st.tuples(
            st.sampled_from(["move", "scroll", "page", "go_to", "resize", "add"]),
            st.integers(-30, 60),
        ),
        max_size=25,
    ),
)
def test_the_current_row_is_always_on_the_screen(
    count: int, heights: dict[int, int], moves: list[tuple[str, int]]
) -> None:
    rows, viewport = reader(count, 7)
    rows.heights = {row * 10: height for row, height in heights.items()}
    viewport.resettle()
    for kind, value in moves:
        if kind == "resize":
            viewport.resize(max(1, value))
        elif kind == "add":
            rows.add(value)
            viewport.resettle()
        else:
            getattr(viewport, kind)(value)
        shown = list(viewport.window_rows())
        assert len(shown) == viewport.window
        assert viewport.current in {screen.row for screen in shown}
        assert viewport.row_at(0) == viewport.top.row
        if viewport.following:
            assert viewport.current == len(rows) - 1
            assert viewport.last_shown == len(rows) - 1


@UNHURRIED
@given(
    moves=st.lists(st.integers(-30, 3), max_size=2),
    changes=st.lists(
        st.tuples(st.integers(-500, 6000), st.sampled_from([1, 1, 3])), max_size=20
    ),
)
def test_heights_kept_from_before_are_those_of_now(
    moves: list[int], changes: list[tuple[int, int]]
) -> None:
    rows, viewport = reader(40)
    other = Viewport(rows, rows.height)
    other.resize(10)
    for lines in moves:
        viewport.scroll(lines)
        other.scroll(lines)
    for number, height in changes:
        rows.add(number)
        rows.heights[number] = height
        viewport.resettle(rows.numbers.index(number))
        other.resettle()
        assert viewport.window_rows() == other.window_rows()
        assert (viewport.top, viewport.spot) == (other.top, other.spot)
