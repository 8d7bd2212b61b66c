"""Cursors lead back to where a hole is, from the nearest page known."""

import pytest

from chronotui.log.attempts import Way
from chronotui.log.coverage import MARKS_KEPT, Coverage, LinePosition, PageSpan, span_of
from chronotui.model import LogLine
from chronotui.paging import PageOrder


def page(low: int, high: int, onward: str | None) -> PageSpan:
    return PageSpan(LinePosition(1, low), LinePosition(1, high), None, onward)


def coverage(order: PageOrder) -> Coverage:
    known = Coverage()
    known.order = order
    return known


def test_newest_first_the_page_above_a_hole_leads_to_it() -> None:
    known = coverage(PageOrder.NEWEST_FIRST)
    assert known.way is Way.FALLING
    for low in (900, 800, 700):
        known.remember(page(low, low + 99, f"below {low}"))
    assert known.way_to((1, 850), (1, 850)) == "below 900"
    assert known.way_to((1, 750), (1, 799)) == "below 800"
    assert known.way_to((1, 950), (1, 950)) is None
    assert known.way_to((1, 100), (1, 100)) == "below 700"


def test_oldest_first_the_page_below_a_hole_leads_to_it() -> None:
    known = coverage(PageOrder.OLDEST_FIRST)
    assert known.way is Way.RISING
    for high in (100, 200, 300):
        known.remember(page(high - 99, high, f"above {high}"))
    assert known.way_to((1, 50), (1, 60)) is None
    assert known.way_to((1, 150), (1, 160)) == "above 100"
    assert known.way_to((1, 5000), (1, 5000)) == "above 300"


def test_a_page_read_again_renews_its_cursor() -> None:
    known = coverage(PageOrder.OLDEST_FIRST)
    known.remember(page(1, 100, "old"))
    known.remember(page(1, 100, "new"))
    known.remember(page(101, 200, None))
    assert known.way_to((1, 150), (1, 150)) == "new"


def test_the_cursor_of_an_empty_page_is_not_taken_for_a_way() -> None:
    known = coverage(PageOrder.OLDEST_FIRST)
    known.remember(page(1, 100, "above 100"))
    known.remember(
        PageSpan(LinePosition(0, 0), LinePosition(0, 0), "above 100", "empty")
    )
    assert known.way_to((1, 50), (1, 50)) is None
    assert known.way_to((1, 150), (1, 150)) == "above 100"


def test_remembered_cursors_are_bounded() -> None:
    known = coverage(PageOrder.OLDEST_FIRST)
    for high in range(3 * MARKS_KEPT):
        known.remember(page(high, high, str(high)))
    assert len(known._marks) <= MARKS_KEPT
    near = known.way_to((1, 3 * MARKS_KEPT), (1, 3 * MARKS_KEPT))
    assert int(near or 0) > 3 * MARKS_KEPT - 10


def test_places_find_their_attempts_again_by_their_times() -> None:
    known = coverage(PageOrder.OLDEST_FIRST)
    known.remember(PageSpan(LinePosition(1, 1, 10), LinePosition(1, 50, 60), None, "c"))
    known.reach(LinePosition(1, 1, 10), LinePosition(1, 50, 60))
    known.renumber(lambda time_ns: 1 + (time_ns >= 50))
    assert known.bottom == LinePosition(1, 1, 10)
    assert known.top == LinePosition(2, 50, 60)
    assert known.way_to((2, 51), (2, 51)) == "c"


def test_lines_of_unknown_attempt_are_nowhere() -> None:
    assert span_of([LogLine(0, 5, "stdout", None, "")]) is None
    assert span_of([]) is None


@pytest.mark.parametrize(
    ("bottom", "meets"),
    [((1, 9), True), ((1, 10), False), ((1, 11), False), ((1, 12), False)],
)
def test_pages_meet_a_download_where_nothing_can_lie_between(
    bottom: tuple[int, int], meets: bool
) -> None:
    """Two lines may share the number either ends with, and one of them be left out."""
    known = coverage(PageOrder.NEWEST_FIRST)
    assert not known.meets_head()
    known.reach(LinePosition(*bottom), LinePosition(1, 99))
    known.grow_head(LinePosition(1, 10), 11)
    assert known.meets_head() == meets
    assert known.is_split != meets
