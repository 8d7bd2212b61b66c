"""The picture of the last runs: readable by its heights and signs alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chronotui.model import Job, JobStatus, Trigger
from chronotui.tree.durations import (
    HEIGHT,
    LAST,
    DurationPicture,
    RunBar,
    picture_of,
    picture_rows,
    picture_words,
)

NOW = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)


def job(number: int, seconds: float | None, status: str = "COMPLETED") -> Job:
    """The run of so many hours ago."""
    begun = NOW - timedelta(hours=number + 1)
    made = Job(
        f"job-{number}",
        "w",
        JobStatus(status),
        Trigger.AUTOMATIC,
        created_at=begun,
    )
    if seconds is None:
        return made
    ended = None if status == "RUNNING" else begun + timedelta(seconds=seconds)
    started = NOW - timedelta(seconds=seconds) if status == "RUNNING" else begun
    return replace(made, started_at=started, completed_at=ended)


def lines(picture: DurationPicture | None, width: int = 60) -> list[str]:
    assert picture is not None
    return [
        "".join(f"{piece.text:<{piece.width}}" for piece in row).rstrip()
        for row in picture_rows(picture, width)
    ]


def test_each_run_is_a_bar_with_its_outcome_and_the_usual_is_a_line() -> None:
    jobs = [
        job(0, 60, "RUNNING"),
        job(1, 160),
        job(2, 40, "FAILED"),
        job(3, 160),
        job(4, 160),
        job(5, None, "PENDING"),
    ]
    assert lines(picture_of(jobs, NOW, marked="job-2")) == [
        " usual 2:40 ─██─█─",
        "             ██ █",
        "             ██ █▄",
        "             █████",
        "            ◌✓✓✗✓●",
        "               ↑ this run",
    ]


def test_one_that_took_far_longer_does_not_flatten_the_others() -> None:
    drawn = lines(picture_of([job(0, 9000), job(1, 100), job(2, 100)], NOW))
    assert drawn[0] == "      5:00+   ▲"
    assert drawn[HEIGHT - 2].startswith(" usual 1:40 ")
    assert drawn[HEIGHT - 1] == "            ███"


def test_nothing_that_ran_is_no_picture() -> None:
    assert picture_of([], NOW) is None
    assert picture_of([job(0, None, "PENDING")], NOW) is None


def test_no_more_than_the_last_runs_are_shown_and_said() -> None:
    picture = picture_of([job(n, 60) for n in range(LAST + 5)], NOW, marked="job-0")
    assert picture is not None
    assert len(picture.bars) == LAST
    assert picture_words(picture) == (
        "50 newest runs, the newest at the right; none failed; a good one usually "
        "takes 1:00; this one 1:00, longer than 0 of 49."
    )
    one = picture_of([job(0, 30, "FAILED")], NOW)
    assert one is not None
    assert picture_words(one) == "1 run, the newest at the right; 1 failed."


@pytest.mark.parametrize("width", [8, 11])
def test_where_there_is_no_room_there_is_no_picture(width: int) -> None:
    assert not lines(picture_of([job(0, 1)], NOW), width)


seconds = st.none() | st.floats(0, 1e6)
bars = st.builds(
    RunBar, seconds, st.sampled_from(["COMPLETED", "FAILED", "RUNNING", "NEW"])
)


@given(st.lists(bars, min_size=1, max_size=60), st.none() | seconds, st.integers(0, 90))
def test_every_row_fits_and_higher_bars_are_never_lower(
    shown: list[RunBar], usual: float | None, width: int
) -> None:
    rows = picture_rows(DurationPicture(tuple(shown), usual), width)
    assert all(sum(piece.width for piece in row) <= width for row in rows)
    assert all(
        piece.width == len(piece.text) or not piece.text
        for row in rows
        for piece in row
    )
    if not rows:
        return
    drawn = ["".join(piece.text for piece in row[1:]) for row in rows[:HEIGHT]]
    count = len(drawn[0])
    heights = [
        sum(" ▁▂▃▄▅▆▇█▲".index(row[at]) for row in drawn if row[at] != "─")
        for at in range(count)
    ]
    told = [bar.seconds or 0 for bar in shown[-count:]]
    for one, other in zip(range(count), range(1, count), strict=False):
        if told[one] > told[other]:
            assert heights[one] >= heights[other]
