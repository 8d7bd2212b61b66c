"""Days of a list and places in it, by bisection and by looking at each item."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
from hypothesis import given

from chronotui.model import JobFilter, JobStatus
from chronotui.tree.branch import Branch
from chronotui.tree.days import DayRows, TimedIds, day_label, local_time
from chronotui.tree.listing import ListPosition
from tests.engine.scripted_runs import APP, run

if TYPE_CHECKING:
    from collections.abc import Sequence

BERLIN = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
SECONDS = st.integers(0, 4 * 86_400)


def timed(seconds: Sequence[int | None]) -> TimedIds:
    times = {
        str(at): None if s is None else BEGIN + timedelta(seconds=s)
        for at, s in enumerate(seconds)
    }
    return TimedIds(list(times), times.get)


newest_first = st.lists(SECONDS, max_size=40).map(lambda s: sorted(s, reverse=True))


@given(newest_first)
def test_days_are_those_of_the_calendar_where_the_clock_is_turned_back(
    seconds: list[int],
) -> None:
    known = timed(seconds)
    dates = [local_time(BEGIN + timedelta(seconds=s), BERLIN).date() for s in seconds]
    counted = [(day, len(list(group))) for day, group in groupby(dates)]
    days = known.days(BERLIN)
    assert [(day.date, day.size) for day in days] == counted


@given(st.lists(st.none() | SECONDS, max_size=30))
def test_every_item_stands_in_one_day_whatever_the_order(
    seconds: list[int | None],
) -> None:
    days = timed(seconds).days(BERLIN)
    if any(s is not None for s in seconds):
        covered = [at for day in days for at in range(day.first, day.first + day.size)]
        assert covered == list(range(len(seconds)))
        dates = [day.date for day in days]
        assert dates == sorted(set(dates), reverse=True)
    else:
        assert not days


@given(st.lists(SECONDS, min_size=1, max_size=40), st.data())
def test_rows_under_days_go_there_and_back(
    seconds: list[int], data: st.DataObject
) -> None:
    days = timed(sorted(seconds, reverse=True)).days(BERLIN)
    dates = [day.date for day in days]
    folded = data.draw(st.sets(st.sampled_from(dates)))
    rows = DayRows(days, folded)
    seen = [rows.at(row) for row in range(len(rows))]
    for row, (day, item) in enumerate(seen):
        back = rows.row_of_day(day) if item is None else rows.row_of_item(item)
        assert back == row
    items = [item for _day, item in seen if item is not None]
    shown = {at for at in range(len(seconds)) if rows.of_item(at).date not in folded}
    assert items == sorted(shown)
    assert [rows.row_of_item(at) is None for at in range(len(seconds))] == [
        at not in shown for at in range(len(seconds))
    ]
    assert rows.ends_folded == (dates[-1] in folded)


@given(st.lists(SECONDS, unique=True, max_size=30), st.lists(SECONDS, max_size=20))
def test_what_is_merged_goes_to_its_time_and_nothing_is_lost(
    held: list[int], new: list[int]
) -> None:
    def listed(seconds: list[int], name: str) -> list[object]:
        return [
            run(at, BEGIN + timedelta(seconds=s), id=f"{name}{at}-{s}")
            for at, s in enumerate(sorted(seconds, reverse=True))
        ]

    branch = Branch(APP, JobFilter(), by_time=True)
    before = branch.put(listed(held, "held"))  # type: ignore[arg-type]
    branch.listing.extend(before, None)
    branch.merge(listed(new, "new"))  # type: ignore[arg-type]
    times = [branch.time_of(item) for item in branch.listing.ids]
    assert times == sorted(times, reverse=True)  # type: ignore[type-var]
    assert len(times) == len(held) + len(new)
    assert [item for item in branch.listing.ids if item in set(before)] == before
    assert branch.listing.frontier == len(branch.listing)


def test_what_is_older_than_the_loaded_is_left_to_its_page() -> None:
    branch = Branch(APP, JobFilter(), by_time=True)
    page = [run(at, BEGIN - timedelta(minutes=at)) for at in range(3)]
    branch.listing.extend(branch.put(page), ListPosition(cursor="on"))
    assert branch.merge([run(9, BEGIN - timedelta(hours=1))]) == 0
    assert branch.merge([run(8, BEGIN - timedelta(seconds=90))]) == 1
    assert branch.listing.ids == ["row-0", "row-1", "row-8", "row-2"]


def test_what_pages_pass_over_is_gone_but_for_the_last_second() -> None:
    branch = Branch(APP, JobFilter(), by_time=True)
    same = BEGIN - timedelta(minutes=2)
    times = [BEGIN, BEGIN - timedelta(minutes=1), same, same, same]
    page = [run(at, time) for at, time in enumerate(times)]
    branch.listing.extend(branch.put(page), ListPosition(cursor="on"))
    branch.drop_absent(["row-0", "row-3"])
    assert branch.listing.ids == ["row-0", "row-2", "row-3", "row-4"]
    assert branch.listing.frontier == 4


def test_days_are_laid_out_anew_only_after_a_change() -> None:
    branch = Branch(APP, JobFilter(), by_time=True)
    page = [run(at, BEGIN - timedelta(hours=9 * at)) for at in range(9)]
    branch.listing.extend(branch.put(page), None)
    first = branch.day_rows(UTC)
    branch.jobs.put([run(0, BEGIN, "FAILED")])
    assert branch.day_rows(UTC) is first
    branch.folded_days.add(BEGIN.date())
    assert branch.day_rows(UTC) is not first


def test_a_day_is_called_as_people_call_it() -> None:
    today = datetime(2026, 11, 28, tzinfo=UTC).date()
    names = [day_label(today - timedelta(days=n), today) for n in (0, 1, 2, 400)]
    assert names == ["today", "yesterday", "Thu 26 Nov", "Fri 24 Oct 2025"]


def test_a_time_no_zone_can_hold_is_told_in_utc() -> None:
    last = datetime.max.replace(tzinfo=UTC)
    assert local_time(last, BERLIN).year == 9999


def test_a_run_keeps_what_was_known_of_it() -> None:
    branch = Branch(APP, JobFilter(), by_time=True)
    branch.put([run(1, BEGIN)])
    branch.put([run(1, BEGIN, "RUNNING")])
    assert branch.jobs["row-1"].status == JobStatus.COMPLETED
    branch.put([run(2, BEGIN, "RUNNING")])
    branch.put([run(2, BEGIN, "UNKNOWN")])
    assert branch.jobs["row-2"].run_id
