"""Walks end, loops are noticed, and the order comes from the data."""

import pytest

from chronotui.model import LogLine
from chronotui.paging import (
    PAGES_WITHOUT_PROGRESS,
    CursorTrail,
    PageOrder,
    interleaves,
    order_of,
)


def lines(*numbers: int, attempt: int = 0) -> tuple[LogLine, ...]:
    return tuple(LogLine(attempt, number, "stdout", None, "") for number in numbers)


@pytest.mark.parametrize(
    ("numbers", "order"),
    [
        ((3, 2, 1), PageOrder.NEWEST_FIRST),
        ((1, 2, 3), PageOrder.OLDEST_FIRST),
        ((1, 2, 3, 4, 1, 2), PageOrder.OLDEST_FIRST),
        ((5, 4, 4, 2), PageOrder.NEWEST_FIRST),
        ((4, 4), None),
        ((4,), None),
        ((), None),
    ],
)
def test_order_is_found_from_the_lines(
    numbers: tuple[int, ...], order: PageOrder | None
) -> None:
    assert order_of(lines(*numbers)) is order


def test_attempts_count_before_numbers() -> None:
    assert order_of(lines(0, attempt=2) + lines(9, attempt=1)) is PageOrder.NEWEST_FIRST


def test_a_walk_ends_without_a_cursor() -> None:
    trail = CursorTrail()
    assert trail.follow("a") == "a"
    assert trail.follow("") is None
    assert trail.follow(None) is None
    assert not trail.looped


def test_a_cursor_seen_before_ends_the_walk_and_is_said() -> None:
    trail = CursorTrail()
    assert trail.follow("a") == "a"
    assert trail.follow("b") == "b"
    assert trail.follow("a") is None
    assert trail.looped


def test_empty_pages_are_walked_but_not_for_ever() -> None:
    trail = CursorTrail()
    taken = 0
    while trail.follow(f"cursor {taken}", progress=False):
        taken += 1
    assert taken == PAGES_WITHOUT_PROGRESS - 1
    assert trail.looped


def mixed(*places: tuple[int, int]) -> list[LogLine]:
    return [LogLine(*place, "stdout", None, "") for place in places]


def test_interleaved_attempts_do_not_hide_the_order() -> None:
    falling = mixed((2, 5), (1, 5), (2, 4), (1, 4), (2, 3))
    assert order_of(falling) is PageOrder.NEWEST_FIRST
    assert order_of(falling[::-1]) is PageOrder.OLDEST_FIRST


@pytest.mark.parametrize(
    ("places", "interleaved"),
    [
        ([(2, 5), (1, 5), (2, 4), (1, 4)], True),
        ([(1, 7), (2, 6), (1, 6)], True),
        ([(2, 1), (2, 0), (1, 90), (1, 89)], False),
        ([(2, 0), (1, 0)], None),
        ([(1, 9), (1, 8)], None),
        ([(0, 9), (0, 8), (0, 40)], None),
    ],
)
def test_a_page_tells_whether_attempts_interleave(
    places: list[tuple[int, int]], interleaved: bool | None
) -> None:
    assert interleaves(mixed(*places), PageOrder.NEWEST_FIRST) is interleaved
    rising = mixed(*places[::-1])
    assert interleaves(rising, PageOrder.OLDEST_FIRST) is interleaved
