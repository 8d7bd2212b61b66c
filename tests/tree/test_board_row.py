"""What a row of the board says, and what it leaves out where there is no room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from chronotui.model import Job, JobStatus, Trigger, Workflow, WorkflowKind
from chronotui.tree.board_row import (
    BoardFacts,
    Newest,
    board_headings,
    board_pieces,
)
from chronotui.tree.row import Role, RowTimes
from chronotui.tree.stall import Stall
from tests.tree.test_row import text_of

NOW = datetime(2026, 3, 3, 10, 12, 44, tzinfo=UTC)
TIMES = RowTimes(NOW, ages=False, zone=UTC)
REPORT = Workflow("w1", "nightly-report", WorkflowKind.CONTAINER)
RUNS = Job(
    "8f3c21aa",
    "w1",
    JobStatus.RUNNING,
    Trigger.AUTOMATIC,
    attempts=2,
    started_at=NOW - timedelta(minutes=12, seconds=44),
)
FAILED = replace(
    RUNS, status=JobStatus.FAILED, completed_at=NOW - timedelta(minutes=10)
)
SAYS = Newest("ValueError: bad row 31977", is_stderr=True, lines=48_211, rate=4.0)


def row(job: Job, width: int, **facts: object) -> str:
    told = BoardFacts(REPORT, "8f3c21", **facts)  # type: ignore[arg-type]
    return text_of([*board_pieces(job, told, width, TIMES, 6)])


AT_119 = (
    "  ● nightly-report     8f3c21 auto   10:00    12:44 (15:30)       ×2"
    "   ≥ 48,211   4/s ▌ ValueError: bad row 31977"
)
AT_79 = (
    "  ● nightly-report 8f3c21 10:00    12:44 (15:30)  ≥ 48,211 ▌ ValueError: bad ro"
)
AT_59 = "  ● nightly-report 8f3c21 10:00    12:44 ▌ ValueError: bad"


@pytest.mark.parametrize(("width", "said"), [(119, AT_119), (79, AT_79), (59, AT_59)])
def test_a_running_row_says_what_fits(width: int, said: str) -> None:
    drawn = row(RUNS, width, usual=930.0, newest=SAYS)
    assert len(drawn) == width
    assert drawn.rstrip() == said


def test_columns_stand_below_their_headings() -> None:
    heading = text_of(board_headings(119, TIMES, 6))
    drawn = row(RUNS, 119, usual=930.0, newest=SAYS)
    assert heading.index("workflow") == drawn.index("nightly")
    assert heading.index("job") == drawn.index("8f3c21")
    assert heading.index("lines") + 5 == drawn.index("48,211") + 6
    assert heading.index("newest") == drawn.index("ValueError")


def test_a_row_is_as_wide_as_the_window() -> None:
    for width in range(0, 200, 7):
        pieces = board_pieces(RUNS, BoardFacts(REPORT, "8f3c21"), width, TIMES, 9)
        heading = board_headings(width, TIMES, 9)
        if width >= 60:
            assert sum(piece.width for piece in pieces) == width
            assert sum(piece.width for piece in heading) == width
        assert all(piece.width >= 0 for piece in pieces), width


@pytest.mark.parametrize(
    ("job", "usual", "says"),
    [
        (RUNS, 246.0, "3.1×"),
        (RUNS, 800.0, ""),
        (RUNS, 80_000.0, ""),
        (replace(FAILED, status=JobStatus.COMPLETED), 1000.0, "0.2×"),
        (FAILED, 1000.0, ""),
        (FAILED, 0.001, ">99×"),
        (RUNS, None, ""),
    ],
)
def test_what_is_far_off_is_said(job: Job, usual: float | None, says: str) -> None:
    drawn = row(job, 119, usual=usual)
    assert says in drawn
    assert says or "×" not in drawn.replace("×2", "")


def test_a_stalled_row_says_so_and_shorter_where_there_is_no_room() -> None:
    newest = SAYS._replace(stalled=Stall(230.0, 2.0))
    wide = row(RUNS, 160, newest=newest)
    assert wide.startswith("  ◌ ")
    assert "stalled: nothing for 3:50, usually every 2 s" in wide
    assert row(RUNS, 100, newest=newest).endswith("stalled: nothing for 3:50")


def test_what_is_not_known_is_no_number() -> None:
    drawn = row(FAILED, 140)
    assert "FAILED, 2 attempts" in drawn
    assert "–" in drawn
    assert "0" not in drawn.split("FAILED")[0].split("×2")[1]


def test_a_row_says_how_old_it_is_where_that_matters() -> None:
    assert "read" not in row(FAILED, 119, age=20.0)
    assert "FAILED, 2 attempts · read 3 min ago" in row(FAILED, 150, age=200.0)
    assert "read 2 min ago ▌ ValueError" in row(RUNS, 119, age=120.0, newest=SAYS)
    old = SAYS._replace(is_live=False)
    told = BoardFacts(REPORT, "8f3c21", newest=old)
    assert board_pieces(RUNS, told, 119, TIMES, 6)[-1].role is Role.MUTED


def test_marks_and_alerts_stand_before_the_sign() -> None:
    assert row(RUNS, 119, is_marked=True).startswith(" +● ")
    assert row(RUNS, 119, has_alert=True).startswith("⚑ ● ")


def test_missing_lines_stand_before_what_is_said() -> None:
    assert "37 missing ▌ ValueError" in row(RUNS, 119, newest=SAYS, missing=37)
    assert "missing" not in row(RUNS, 119, newest=SAYS, missing=0)


def test_what_a_server_says_cannot_break_out_of_its_row() -> None:
    newest = Newest("a\x1b[2J\x1b]0;title\x07\rthe rest\n[bold]x", lines=1)
    hostile = replace(REPORT, name="na\x1b[31mme\n")
    told = BoardFacts(hostile, "8f\x07", newest=newest)
    drawn = text_of([*board_pieces(RUNS, told, 119, TIMES, 6)])
    assert drawn.isprintable()
    assert "[bold]" in drawn
