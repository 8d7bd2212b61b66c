"""What the rows of an app, of its days and of its runs say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from chronotui.model import Job, JobFilter
from chronotui.tree.branch import Branch
from chronotui.tree.days import Day
from chronotui.tree.listing import ListPosition
from chronotui.tree.row import Role, RowTimes, is_ticking
from chronotui.tree.run_row import (
    app_pieces,
    day_pieces,
    elapsed_seconds,
    is_stale,
    run_columns_for,
    run_pieces,
)
from tests.engine.scripted_runs import APP, run, run_id
from tests.tree.test_row import text_of

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def branch_of(*jobs: Job) -> Branch:
    branch = Branch(APP, JobFilter(), by_time=True)
    branch.listing.extend(branch.put(jobs), ListPosition(cursor="on"))
    return branch


def row(shown: Job, width: int, *, dated: bool = False) -> str:
    times = RowTimes(NOW, ages=False, zone=UTC)
    pieces = run_pieces(branch_of(shown), shown, width, times, dated=dated)
    return text_of(pieces).rstrip()


ID = run_id(1)[:6]


@pytest.mark.parametrize(
    ("shown", "wide", "narrow"),
    [
        (
            run(1, ago(seconds=89), "RUNNING"),
            f"   ● 11:58:31   1:29 {ID} nightly-etl",
            f" ● 11:58   1:29 {ID}",
        ),
        (
            run(1, ago(minutes=31), "RUNNING"),
            f"   ● 11:29:00 stale? {ID} nightly-etl",
            f" ● 11:29 stale? {ID}",
        ),
        (
            run(
                1,
                ago(hours=1),
                "FAILED",
                fields={"workflow_run": {"elapsed_time": 4.81}},
            ),
            f"   ✗ 11:00:00  4.8 s {ID} nightly-etl",
            f" ✗ 11:00  4.8 s {ID}",
        ),
        (
            run(1, ago(hours=2), "PARTIAL-SUCCEEDED", by="someone@example.com"),
            f"   ◐ 10:00:00   12 s {ID} someone@example.com",
            f" ◐ 10:00   12 s {ID}",
        ),
        (
            run(1, ago(hours=2), "CANCELED", origin="webhook", by=""),
            f"   ■ 10:00:00   12 s {ID}                      webhook",
            f" ■ 10:00   12 s {ID}",
        ),
        (
            run(1, ago(hours=2), "PAUSED"),
            f"   ⏸ 10:00:00        {ID} nightly-etl",
            f" ⏸ 10:00        {ID}",
        ),
        (
            run(1, ago(hours=2), "UNKNOWN", by=""),
            "   ? 10:00:00        row-1",
            " ? 10:00        row-1",
        ),
        (
            run(1, ago(hours=2), "scheduled", by="a\x1b[2Jb"),
            f"   ? 10:00:00 schedu {ID} a␛[2Jb",
            f" ? 10:00 schedu {ID}",
        ),
    ],
)
def test_a_runs_row_says_what_fits(shown: Job, wide: str, narrow: str) -> None:
    assert row(shown, 60) == wide
    assert row(shown, 24) == narrow


def test_where_a_run_came_from_is_told_where_that_is_no_matter_of_course() -> None:
    assert row(run(1, NOW, origin="service-api"), 60).endswith("nightly-etl")
    assert row(run(1, NOW, origin="schedule"), 60).endswith(" schedule")


def test_a_row_without_a_day_above_tells_it_unless_it_is_today() -> None:
    yesterday = run(1, ago(hours=20))
    assert row(yesterday, 48, dated=True).startswith("   ✓ 27 Nov 16:00")
    assert row(yesterday, 48).startswith("   ✓ 16:00")
    assert row(run(1, ago(hours=2)), 48, dated=True).startswith("   ✓ 10:00")


def test_a_runs_row_is_never_wider_than_the_window() -> None:
    for width, id_length, dated in product(range(61), (6, 36), (False, True)):
        indent, columns = run_columns_for(width, id_length, dated=dated)
        taken = indent + 1 + sum(cells + 1 for cells in columns.values())
        assert taken <= max(width, 11), (width, id_length, dated)


def test_a_run_is_measured_by_the_servers_own_figure_when_it_has_ended() -> None:
    ended = run(1, ago(hours=1), fields={"workflow_run": {"elapsed_time": 3.5}})
    assert elapsed_seconds(ended, NOW) == 3.5
    odd = run(1, ago(hours=1), fields={"workflow_run": {"elapsed_time": "soon"}})
    assert elapsed_seconds(odd, NOW) == 12
    runs = run(1, ago(hours=1), "RUNNING", fields={"workflow_run": {"elapsed_time": 0}})
    assert elapsed_seconds(runs, NOW) == 3600
    assert is_stale(runs, NOW)
    assert not is_stale(ended, NOW)
    assert elapsed_seconds(run(1, NOW, "PAUSED"), NOW) is None


def test_a_run_that_runs_ticks_from_the_time_of_its_row() -> None:
    assert is_ticking(run(1, ago(minutes=1), "RUNNING"))
    assert not is_ticking(run(1, ago(minutes=1), "PAUSED"))


def test_a_stale_run_is_no_alarm_and_not_calm() -> None:
    shown = run(1, ago(minutes=31), "RUNNING")
    pieces = run_pieces(
        branch_of(shown), shown, 48, RowTimes(NOW, ages=False), dated=False
    )
    assert [p.role for p in pieces if p.text == "stale?"] == [Role.WAITING]


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (60, "▾ Nightly ETL · workflow · dify 1.14.2       1 of 1,234 runs"),
        (48, "▾ Nightly ETL · workflow         1 of 1,234 runs"),
        (36, "▾ Nightly ETL        1 of 1,234 runs"),
        (24, "▾ Nightly ETL · workflow"),
        (20, "▾ Nightly ETL"),
        (8, "▾ Nightl"),
    ],
)
def test_an_app_says_what_it_is_and_how_many_runs_are_listed(
    width: int, said: str
) -> None:
    branch = branch_of(run(1, NOW))
    branch.listing.total = 1234
    pieces = app_pieces(branch, width, open_=True, run="run")
    assert text_of(pieces).rstrip() == said
    assert sum(piece.width for piece in pieces) <= width


def test_a_wide_name_is_not_cut_to_half() -> None:
    branch = branch_of(run(1, NOW))
    branch.workflow = APP.__class__("app", "夜间任务", APP.kind)
    name = app_pieces(branch, 48, open_=True, run="run")[1]
    assert name.width == 8


def test_a_day_is_named_and_counted() -> None:
    day = Day(NOW.date(), 0, 1200)
    wide = text_of(day_pieces(day, 40, NOW.date(), open_=True))
    assert wide == "  ▾ today" + " " * 26 + "1,200"
    folded = text_of(day_pieces(day, 24, NOW.date() + timedelta(days=1), open_=False))
    assert folded.split() == ["▸", "yesterday", "1,200"]
