from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import product

import pytest

from chronotui.model import (
    Job,
    JobFilter,
    JobStatus,
    Trigger,
    Workflow,
    WorkflowKind,
)
from chronotui.tree.branch import Branch
from chronotui.tree.listing import ListNote, NoteKind, lines_of
from chronotui.tree.row import (
    Role,
    RowPiece,
    RowTimes,
    columns_for,
    flagged,
    is_ticking,
    job_headings,
    job_pieces,
    note_pieces,
)

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


def workflow(name: str = "nightly-report", **fields: object) -> Workflow:
    known = {"id": "w1", "name": name, "kind": WorkflowKind.CONTAINER} | fields
    return Workflow(**known)  # type: ignore[arg-type]


def job(
    status: str, *, ago: float = 0, ran: float | None = None, **more: object
) -> Job:
    ended = NOW - timedelta(seconds=ago)
    started = None if ran is None else ended - timedelta(seconds=ran)
    terminal = JobStatus(status).is_terminal
    fields = {
        "id": "8f3c21aa-0000-4000-8000-000000000000",
        "workflow_id": "w1",
        "status": JobStatus(status),
        "trigger": Trigger.AUTOMATIC,
        "started_at": started,
        "completed_at": ended if terminal else None,
    } | more
    return Job(**fields)  # type: ignore[arg-type]


def branch(*jobs: Job, **fields: object) -> Branch:
    made = Branch(workflow(**fields), JobFilter())  # type: ignore[arg-type]
    made.jobs.put(jobs)
    return made


def text_of(pieces: list[RowPiece]) -> str:
    drawn = (
        p.text[: p.width].rjust(p.width)
        if p.right
        else p.text[: p.width].ljust(p.width)
        for p in pieces
    )
    return "".join(drawn)


def row(shown: Job, width: int) -> str:
    return text_of(job_pieces(branch(shown), shown, width, RowTimes(NOW))).rstrip()


@pytest.mark.parametrize(
    ("shown", "wide", "narrow"),
    [
        (
            job("RUNNING", ran=764, attempts=2),
            "   ● 8f3c21 auto   running      12:44 attempt 2",
            " ● 8f3c21 running 12:44",
        ),
        (
            job("FAILED", ago=3700, ran=130, attempts=3),
            "   ✗ 8f3c21 auto   1 h ago       2:10 attempt 3",
            " ✗ 8f3c21 1 h      2:10",
        ),
        (
            job("COMPLETED", ago=90000, ran=927, trigger=Trigger.MANUAL),
            "   ✓ 8f3c21 manual 1 d ago      15:27",
            " ✓ 8f3c21 1 d     15:27",
        ),
        (
            job("CANCELED", ago=59 * 60, ran=4000),
            "   ■ 8f3c21 auto   59 min ago 1:06:40",
            " ■ 8f3c21 59 min    1 h",
        ),
        (job("PENDING"), "   ◌ 8f3c21 auto   pending", " ◌ 8f3c21 pending"),
        (job("QUEUED"), "   ◌ 8f3c21 auto   queued", " ◌ 8f3c21 queued"),
        (job("PAUSED"), "   ? 8f3c21 auto   paused", " ? 8f3c21 paused"),
        (
            job("COMPLETED", ago=5, ran=9_000_000),
            "   ✓ 8f3c21 auto   5 s ago      104 d",
            " ✓ 8f3c21 5 s     104 d",
        ),
    ],
)
def test_a_jobs_row_says_what_fits(shown: Job, wide: str, narrow: str) -> None:
    assert row(shown, 50) == wide
    assert row(shown, 23) == narrow


def test_between_the_extremes_columns_come_in_by_what_they_tell() -> None:
    shown = job("FAILED", ago=3700, ran=130, attempts=3)
    assert row(shown, 29) == " ✗ 8f3c21 1 h        2:10 ×3"
    assert row(shown, 31) == " ✗ 8f3c21 a 1 h        2:10 ×3"


def test_a_jobs_row_is_never_wider_than_the_window() -> None:
    for width, id_length in product(range(61), (6, 9, 36)):
        indent, columns = columns_for(width, id_length)
        taken = indent + 1 + sum(cells + 1 for cells in columns.values())
        assert taken <= max(width, 11), (width, id_length)


def test_only_a_job_that_runs_ticks() -> None:
    assert is_ticking(job("RUNNING", ran=3))
    assert not is_ticking(job("RUNNING"))
    assert not is_ticking(job("COMPLETED", ran=3))


@pytest.mark.parametrize(
    ("ago", "wide", "narrow"),
    [
        (0, "   ✓ 8f3c21 auto   11:59:00        1:00", " ✓ 8f3c21 11:59   1:00"),
        (
            43_200,
            "   ✓ 8f3c21 auto    2 Mar 23:59    1:00",
            " ✓ 8f3c21  2 Mar  1:00",
        ),
        (
            40_000_000,
            "   ✓ 8f3c21 auto   2024-11-25      1:00",
            " ✓ 8f3c21 2024    1:00",
        ),
    ],
)
def test_a_row_may_tell_when_a_job_began(ago: float, wide: str, narrow: str) -> None:
    shown = job("COMPLETED", ago=ago, ran=60)
    times = RowTimes(NOW, ages=False, zone=UTC)
    for width, expected in ((50, wide), (23, narrow)):
        pieces = job_pieces(branch(shown), shown, width, times)
        assert text_of(pieces).rstrip() == expected


def test_a_start_is_told_in_the_zone_that_is_asked_for() -> None:
    shown = job("RUNNING", ran=60)
    zone = timezone(timedelta(hours=5, minutes=30))
    pieces = job_pieces(branch(shown), shown, 50, RowTimes(NOW, False, zone))
    assert "17:29:00" in text_of(pieces)
    waiting = job("PENDING")
    pieces = job_pieces(branch(waiting), waiting, 50, RowTimes(NOW, False, zone))
    assert "pending" in text_of(pieces)


@pytest.mark.parametrize("ages", [True, False])
@pytest.mark.parametrize("width", [23, 30, 38, 45, 60])
def test_headings_stand_above_their_columns(width: int, ages: bool) -> None:
    shown = job("FAILED", ago=3700, ran=130, attempts=3)
    times = RowTimes(NOW, ages, UTC)
    row = job_pieces(branch(shown), shown, width, times)
    headings = job_headings(branch(shown), width, times)
    assert sum(p.width for p in row) == sum(p.width for p in headings)
    words = text_of(headings)
    assert words.index("job") == text_of(row).index("8f3c21")
    assert ("age" if ages else "took") in words


def test_a_clock_behind_the_servers_shows_no_negative_times() -> None:
    assert "0:00" in row(job("RUNNING", ago=-50, ran=10), 46)


def test_a_failed_job_stands_out_and_each_state_has_its_own_sign() -> None:
    shown = job("FAILED", ago=5, ran=3)
    pieces = job_pieces(branch(shown), shown, 46, RowTimes(NOW))
    assert RowPiece("✗", Role.FAILED_SIGN, 1) in pieces
    assert {p.role for p in pieces if p.text} >= {Role.FAILED, Role.FAILED_SIGN}
    words = ("RUNNING", "PENDING", "COMPLETED", "FAILED", "CANCELED", "MOON")
    assert len({row(job(word), 46)[3] for word in words}) == 6


def test_hostile_names_and_words_are_harmless() -> None:
    hostile = "\x1b]0;owned\x07[red]\u202e"
    shown = job(hostile, id=hostile * 9, trigger=Trigger(hostile))
    drawn = text_of(job_pieces(branch(shown), shown, 60, RowTimes(NOW)))
    assert drawn.isprintable()
    assert "\u202e" not in drawn


def test_notes_are_broken_into_rows_that_fit() -> None:
    note = ListNote(NoteKind.PROBLEM, "The server cannot be reached. Press r.")
    lines = lines_of([note], 14)
    assert [line.text for line in lines] == [
        "The server",
        "cannot be",
        "reached. Press",
        "r.",
    ]
    assert text_of(note_pieces(lines[0], 18, nested=True)).rstrip() == "  ✗ The server"
    assert text_of(note_pieces(lines[1], 18, nested=True)).rstrip() == "    cannot be"


def test_an_alert_shows_on_a_row_and_costs_no_cell() -> None:
    indent, name = RowPiece("", Role.PLAIN, 3), RowPiece("nightly", Role.NAME, 9)
    sign, gap = RowPiece("●", Role.RUNNING, 1), RowPiece("", Role.PLAIN, 1)
    for pieces, indented, said in (
        ([indent, sign, gap, name], True, "⚑●nightly"),
        ([indent._replace(text="▪"), sign, gap, name], True, "▪●⚑nightly"),
        ([RowPiece("▸ ", Role.MUTED, 2), name], False, "▸ nightly⚑"),
        ([RowPiece("▸ ", Role.MUTED, 2), name._replace(width=7)], False, "▸ ⚑nightly"),
    ):
        row = flagged(pieces, indented=indented)
        assert "".join(piece.text for piece in row) == said
        assert sum(p.width for p in row) == sum(p.width for p in pieces)
