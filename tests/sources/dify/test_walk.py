"""Every row once, whatever shares a second, cannot be read or is written meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronotui.errors import RequestRefusedError
from chronotui.sources.dify.second import read_second
from chronotui.sources.dify.walk import Place, WalkStep, read_place, step
from tests.sources.dify.twin import STATUSES, Row, Twin

if TYPE_CHECKING:
    from chronotui.sources.dify.wire import RowPage

T0 = 1_795_200_000


async def walk(twin: Twin, limit: int, place: Place | None = None) -> list[WalkStep]:
    steps: list[WalkStep] = []
    place = place or Place()
    while True:
        steps.append(await step(twin, place, limit))
        if steps[-1].place is None:
            return steps
        place = read_place(steps[-1].place.cursor())
        assert len(steps) < 3000, "it does not end"


def ids(steps: list[WalkStep]) -> list[str]:
    return [row.id for step in steps for row in step.rows]


def seconds(steps: list[WalkStep]) -> list[int]:
    return [row.second for step in steps for row in step.rows]


def table(*seconds: int) -> list[Row]:
    return [
        Row(f"r{number:04}", T0 + second, STATUSES[number % 4])
        for number, second in enumerate(seconds)
    ]


@pytest.mark.parametrize("limit", [3, 7, 10, 20, 50, 100])
async def test_seven_rows_a_second_lose_none_at_any_size(limit: int) -> None:
    twin = Twin(table(*(number // 7 for number in range(131))), seed=limit)
    steps = await walk(twin, limit)
    assert Counter(ids(steps)) == Counter(row.id for row in twin.rows)
    assert all(a >= b for a, b in pairwise(seconds(steps)))
    assert {step.total for step in steps} == {131}


async def test_pages_by_number_would_lose_rows_here() -> None:
    twin = Twin(table(*(number // 7 for number in range(131))), seed=3)
    found = []
    for page in range(1, 8):
        found += (await twin(None, None, page, 20)).rows
    assert len({row.id for row in found}) < 131


async def test_distinct_seconds_cost_hardly_more_than_pages_by_number() -> None:
    twin = Twin(table(*range(0, 30_000, 3)))
    assert len(ids(await walk(twin, 100))) == 10_000
    assert len(twin.asked) <= 103


async def test_a_bulk_in_one_second_is_read_to_its_last_row() -> None:
    bulk = [500] * 730
    twin = Twin(table(*range(400), *bulk, *range(600, 900)), seed=5)
    steps = await walk(twin, 50)
    assert Counter(ids(steps)) == Counter(row.id for row in twin.rows)
    assert sum(step.missing for step in steps) == 0


async def test_what_a_bulk_keeps_to_itself_is_counted() -> None:
    class Stubborn(Twin):
        def _ordered(self, rows: list[Row], page: int, limit: int) -> list[Row]:
            return sorted(rows, key=lambda row: (-row.second, page * 97 % 5, row.id))

        def _found(
            self, after: int | None, before: int | None, status: str
        ) -> list[Row]:
            found = super()._found(after, before, status)
            return found if after is None else [*found, *found[:2]]

    twin = Stubborn(table(*[5] * 150))
    steps = await walk(twin, 100)
    assert sum(step.missing for step in steps) == 2
    assert len(set(ids(steps))) == 150


rows_of_tables = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(STATUSES), st.integers(0, 19)),
    max_size=70,
)


@settings(max_examples=150, deadline=None)
@given(
    drawn=rows_of_tables,
    limit=st.sampled_from([2, 5, 7, 20, 50, 100]),
    seed=st.integers(0, 999),
    is_steady=st.booleans(),
    late=st.dictionaries(st.integers(1, 30), st.integers(0, 45), max_size=5),
)
def test_every_row_comes_once_and_in_order(
    *,
    drawn: list[tuple[int, str, int]],
    limit: int,
    seed: int,
    is_steady: bool,
    late: dict[int, int],
) -> None:
    rows = [
        Row(f"r{number:03}", T0 + second, status)
        for number, (second, status, _) in enumerate(drawn)
    ]
    inserts = {at: Row(f"late{at}", T0 + second) for at, second in late.items()}
    twin = Twin(list(rows), seed=seed, is_steady=is_steady, inserts=inserts)
    steps = asyncio.run(walk(twin, limit))
    counted = Counter(ids(steps))
    assert not [one for one, times in counted.items() if times > 1]
    assert {row.id for row in rows} <= set(counted)
    assert all(a >= b for a, b in pairwise(seconds(steps)))
    assert not any(step.odd or step.missing for step in steps)


@settings(max_examples=150, deadline=None)
@given(
    drawn=rows_of_tables,
    limit=st.sampled_from([5, 20, 50, 100]),
    seed=st.integers(0, 999),
)
def test_an_unreadable_row_costs_no_other(
    drawn: list[tuple[int, str, int]], limit: int, seed: int
) -> None:
    rows = []
    spoilt: set[int] = set()
    for number, (second, status, dice) in enumerate(drawn):
        is_odd = dice == 0 and second not in spoilt
        spoilt |= {second} if is_odd else set()
        rows.append(Row(f"r{number:03}", T0 + second, status, is_odd))
    twin = Twin(rows, seed=seed, is_steady=False)
    steps = asyncio.run(walk(twin, limit))
    assert Counter(ids(steps)) == Counter(row.id for row in rows if not row.is_odd)
    told = Counter(one.second for step in steps for one in step.odd)
    assert told == Counter(row.second for row in rows if row.is_odd)
    assert all("is not a valid" in one.said for step in steps for one in step.odd)


async def test_a_table_of_unreadable_rows_is_walked_in_bounded_requests() -> None:
    rows = [Row(f"r{n}", T0 + n * 60, is_odd=True) for n in range(40)]
    twin = Twin(rows)
    steps = await walk(twin, 50)
    assert [one.second for step in steps for one in step.odd] == [
        row.second for row in reversed(rows)
    ]
    assert len(twin.asked) / len(rows) < 25


async def test_the_newest_row_may_be_far_in_the_future_and_unreadable() -> None:
    far = 3_000_000_000
    twin = Twin([Row("far", far, is_odd=True), Row("now", T0)])
    steps = await walk(twin, 50)
    assert [one.second for step in steps for one in step.odd] == [far]
    assert ids(steps) == ["now"]


async def test_two_unreadable_rows_in_one_second_are_two() -> None:
    rows = [Row(f"r{n}", T0, is_odd=n < 2) for n in range(9)]
    twin = Twin([*rows, *table(-5, -6, 4)], is_steady=False)
    steps = await walk(twin, 50)
    assert len(ids(steps)) == 10
    assert [one.number for step in steps for one in step.odd] == [1, 2]


@pytest.mark.parametrize("until", [None, T0 + 50])
async def test_a_server_that_ignores_times_is_walked_by_page_number(
    until: int | None,
) -> None:
    twin = Twin(table(*range(130)), ignores_times=True)
    steps = await walk(twin, 20, Place(before=until))
    assert [step.ignores_times for step in steps].count(True) == 1
    expected = [row.id for row in twin.rows if until is None or row.second <= until]
    assert Counter(ids(steps)) == Counter(expected)


async def test_where_pages_are_counted_new_rows_double_none() -> None:
    inserts = {at: Row(f"new{at}", T0 + 1000 + at) for at in range(2, 7)}
    twin = Twin(table(*range(130)), ignores_times=True, inserts=inserts)
    counted = Counter(ids(await walk(twin, 20, Place(page=1))))
    assert max(counted.values()) == 1
    assert {row.id for row in twin.rows if row.id.startswith("r")} <= set(counted)


async def test_where_pages_are_counted_an_unreadable_row_costs_no_other() -> None:
    rows = table(*range(60))
    rows[30] = Row("odd", T0 + 30, is_odd=True)
    steps = await walk(Twin(rows, ignores_times=True), 20, Place(page=1))
    assert len(ids(steps)) == 59
    assert [one.second for step in steps for one in step.odd] == [T0 + 31]


async def test_rows_without_a_time_are_walked_by_page_number() -> None:
    class Timeless(Twin):
        async def __call__(self, *asked: Any, **more: Any) -> RowPage:
            page = await super().__call__(*asked, **more)
            return page._replace(rows=[row._replace(second=0) for row in page.rows])

    twin = Timeless(table(*range(130)))
    steps = await walk(twin, 50)
    assert Counter(ids(steps)) == Counter(row.id for row in twin.rows)


@pytest.mark.parametrize("is_odd", [False, True])
async def test_a_count_that_lies_costs_a_bounded_number_of_requests(
    *, is_odd: bool
) -> None:
    class Liar(Twin):
        async def __call__(self, *asked: Any, **more: Any) -> RowPage:
            page = await super().__call__(*asked, **more)
            return page._replace(total=10**9, has_more=bool(page.rows))

    twin = Liar([*table(*[5] * 120), Row("odd", T0 + 5, is_odd=is_odd)])
    steps = await walk(twin, 100)
    assert len(set(ids(steps))) >= (50 if is_odd else 120)
    assert sum(step.missing for step in steps) > 10**8
    assert sum(len(step.odd) for step in steps) <= 1000
    assert len(twin.asked) < 1500


async def test_a_page_that_is_always_the_same_is_walked_no_further_than_counted() -> (
    None
):
    class Cached(Twin):
        """Answers as a proxy that forgets what was asked."""

        async def __call__(self, *_asked: Any, **_more: Any) -> RowPage:
            page = await super().__call__(None, None, 1, 50)
            return page._replace(has_more=True)

    twin = Cached(table(*range(1000)))
    steps = await walk(twin, 50)
    assert len(ids(steps)) == len(set(ids(steps))) == 50
    assert len(twin.asked) <= 22


async def test_a_walk_ends_at_its_oldest_second() -> None:
    twin = Twin(table(*range(100)))
    steps = await walk(twin, 20, Place(after=T0 + 75))
    assert sorted(seconds(steps)) == list(range(T0 + 75, T0 + 100))
    assert len(twin.asked) <= 3


async def test_an_empty_list_is_one_request() -> None:
    twin = Twin([])
    steps = await walk(twin, 50)
    assert (ids(steps), len(twin.asked), steps[0].total) == ([], 1, 0)


async def test_a_second_is_read_alone() -> None:
    twin = Twin(table(1, 1, 1, 2, 0))
    found = await read_second(twin, T0 + 1)
    assert sorted(found.rows) == ["r0000", "r0001", "r0002"]
    assert len(twin.asked) == 1


@pytest.mark.parametrize(
    "cursor", ["", "{}", "[]", "x", "[1,2,3,4,5,6,7]", '["a",1,1,1,1,1,[]]']
)
def test_a_foreign_cursor_is_refused_in_words(cursor: str) -> None:
    with pytest.raises(RequestRefusedError, match="no place in a list"):
        read_place(cursor)


def test_a_place_comes_back_from_its_cursor() -> None:
    place = Place(5, 1, 4, ("a", "b"), 0, 1, 12)
    assert read_place(place.cursor()) == place
