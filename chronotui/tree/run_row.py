"""What the rows of an app say: the app's own, those of days, those of its runs.

A column of the rows of runs is one entry of ``RUN_COLUMNS``.
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from unicodedata import east_asian_width

from chronotui.text import clean, plural
from chronotui.times import age, human_duration
from chronotui.tree.days import day_label, local_time
from chronotui.tree.row import (
    LEAST_ID,
    SIGN_CELLS,
    SPACE,
    WHOLE,
    WIDE,
    JobCell,
    JobColumn,
    Role,
    RowPiece,
    RowTimes,
    heading_pieces,
    shared_out,
    signed,
)
from chronotui.tree.workflow_row import LEAST_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from chronotui.model import Job
    from chronotui.tree.branch import Branch
    from chronotui.tree.days import Day

STALE: Final = timedelta(minutes=25)
"""A run that runs for so long may have died: servers end one after 20 minutes."""

RUN_SIGNS: Final[dict[str, tuple[str, Role]]] = {
    "RUNNING": ("●", Role.RUNNING),
    "PAUSED": ("⏸", Role.WAITING),
    "COMPLETED": ("✓", Role.COMPLETED),
    "PARTIAL-SUCCEEDED": ("◐", Role.PARTIAL),
    "FAILED": ("✗", Role.FAILED),
    "CANCELED": ("■", Role.CANCELED),
}

PLAIN_ORIGINS: Final = frozenset({"app-run", "service-api", "installed-app"})
"""Where runs are started from as a rule, by users of the API and by accounts."""

WITH_SECONDS: Final = 8


def is_stale(job: Job, now: datetime) -> bool:
    """Whether a run is said to be running for longer than runs may."""
    begun = job.started_at or job.created_at
    return job.status == "RUNNING" and begun is not None and now - begun > STALE


def elapsed_seconds(job: Job, now: datetime) -> float | None:
    """Return how long a run took or has been running, None when nobody can say.

    The server's own figure goes before the difference of its times, which are whole
    seconds; while a run goes on it is 0 and says nothing.
    """
    begun = job.started_at or job.created_at
    if job.status == "RUNNING":
        return None if begun is None else max((now - begun).total_seconds(), 0.0)
    run = job.fields.get("workflow_run")
    figure = run.get("elapsed_time") if isinstance(run, dict) else None
    if isinstance(figure, int | float) and figure > 0:
        return float(figure)
    if begun is None or job.completed_at is None:
        return None
    return max((job.completed_at - begun).total_seconds(), 0.0)


def _began(cell: JobCell) -> datetime | None:
    moment = cell.job.started_at or cell.job.created_at
    return None if moment is None else local_time(moment, cell.zone)


def _date(cell: JobCell) -> str:
    """Say on which day a run began, unless that is today."""
    began = _began(cell)
    if began is None or began.date() == local_time(cell.now, cell.zone).date():
        return ""
    return f"{began.day:2} {began:%b}"


def _time(cell: JobCell) -> str:
    """Say at what time a run began, or how long ago."""
    began = _began(cell)
    if began is None:
        return ""
    if cell.ages:
        text = age(max((cell.now - began).total_seconds(), 0.0))
        return text if len(text) <= cell.width else text.replace(" min", "m")
    return f"{began:%H:%M:%S}" if cell.width >= WITH_SECONDS else f"{began:%H:%M}"


def _elapsed(cell: JobCell) -> str:
    """Say how long a run took: ``4.8 s``, ``12 s``, ``1:29``, ``2 h``."""
    job = cell.job
    seconds = elapsed_seconds(job, cell.now)
    if seconds is None:
        return "" if job.has_ended or cell.width < LEAST_ID else _state(job)
    if is_stale(job, cell.now):
        return "stale?"
    if seconds < 60 and job.status != "RUNNING":
        tenths = f"{seconds:.1f} s"
        return tenths if seconds < 10 else f"{int(seconds)} s"
    text = human_duration(seconds)
    return text if len(text) <= cell.width else age(seconds)


def _state(job: Job) -> str:
    known = str(job.status) in RUN_SIGNS
    return "" if known or job.status == "UNKNOWN" else clean(str(job.status))


def _who(cell: JobCell) -> str:
    return clean(cell.job.by)


def _origin(cell: JobCell) -> str:
    """Say from where a run was started, if who started it does not say as much."""
    origin = cell.job.origin
    return "" if origin in PLAIN_ORIGINS else clean(origin)


def _plain_unless_failed(state: Role) -> Role:
    return state if state is Role.FAILED else Role.PLAIN


RUN_COLUMNS: Final = {
    "date": JobColumn(_date, _plain_unless_failed, widths={1: 6}, heading="day"),
    "time": JobColumn(
        _time, _plain_unless_failed, widths={0: 5, 5: WITH_SECONDS}, heading="began"
    ),
    "elapsed": JobColumn(
        _elapsed, _plain_unless_failed, widths={2: 6}, heading="took", right=True
    ),
    "id": JobColumn(
        lambda cell: clean(cell.short_id),
        _plain_unless_failed,
        widths={4: WHOLE},
        heading="run",
        least=LEAST_ID,
    ),
    "who": JobColumn(
        _who, lambda _state: Role.MUTED, widths={3: 7, 6: 12, 8: 20}, heading="by"
    ),
    "origin": JobColumn(
        _origin, lambda _state: Role.MUTED, widths={7: 8}, heading="from"
    ),
}
"""From left to right."""


@lru_cache(maxsize=64)
def run_columns_for(
    width: int, id_length: int, *, dated: bool
) -> tuple[int, dict[str, int]]:
    """Share out the width of a run's row, see `shared_out`; its indent comes first.

    ``dated`` is for a list without days: a date stands before the times.
    """
    indent = 1 if width < WIDE else 3
    columns = {name: c for name, c in RUN_COLUMNS.items() if dated or name != "date"}
    return indent, shared_out(columns, width - indent - SIGN_CELLS, id_length)


def run_pieces(
    branch: Branch,
    job: Job,
    width: int,
    times: RowTimes,
    *,
    dated: bool,
) -> list[RowPiece]:
    """Return a run's row: its sign, then the columns there is room for.

    Args:
        branch: The app it belongs to.
        job: The run.
        width: Cells of the row; the pieces fill them or fewer.
        times: How times are told.
        dated: Whether no row of a day stands above it: then all runs are of one day,
            which is told unless it is today.
    """
    now, ages, zone = times
    short_id = branch.jobs.short_ids.of(job.shown_id)
    indent, columns = _columns_of(branch, job, width, times, dated=dated)
    glyph, state = RUN_SIGNS.get(str(job.status), ("?", Role.UNKNOWN))
    pieces = signed(indent, glyph, state)
    for name, cells in columns.items():
        column = RUN_COLUMNS[name]
        text = column.text(JobCell(job, short_id, now, cells, zone, ages))
        role = column.role(state)
        if name == "elapsed" and is_stale(job, now):
            role = Role.WAITING
        pieces += [SPACE, RowPiece(text, role, cells, column.right)]
    return pieces


def _columns_of(
    branch: Branch, job: Job | None, width: int, times: RowTimes, *, dated: bool
) -> tuple[int, dict[str, int]]:
    """Share out the width of the row of a run, or of any that began today."""
    if job is None or times.ages:
        dated = False
    elif dated:
        dated = _date(JobCell(job, "", times.now, 0, times.zone)) != ""
    return run_columns_for(width, branch.jobs.short_ids.length, dated=dated)


def run_headings(
    branch: Branch, job: Job | None, width: int, times: RowTimes, *, dated: bool
) -> list[RowPiece]:
    """Return what stands above the columns of a run's row, see `run_pieces`."""
    indent, columns = _columns_of(branch, job, width, times, dated=dated)
    return heading_pieces(RUN_COLUMNS, columns, indent)


def day_pieces(day: Day, width: int, today: date, *, open_: bool) -> list[RowPiece]:
    """Return the row of a day: how it is called, and its loaded runs counted."""
    indent = 0 if width < WIDE else 2
    count = f"{day.size:,}"
    left = max(width - indent - 2 - len(count) - 1, 1)
    return [
        RowPiece("", Role.PLAIN, indent),
        RowPiece("▾ " if open_ else "▸ ", Role.MUTED, 2),
        RowPiece(day_label(day.date, today), Role.NAME, left),
        RowPiece(count, Role.MUTED, len(count) + 1, right=True),
    ]


def app_pieces(branch: Branch, width: int, *, open_: bool, run: str) -> list[RowPiece]:
    """Return the row of an app: its name, what it is, and its runs counted.

    Args:
        branch: The app.
        width: Cells of the row, which the pieces fill.
        open_: Whether its runs are shown below it.
        run: What a run of it is called.
    """
    name = clean(branch.workflow.shown_name)
    wide = _cells(name)
    count = _count(branch, run)
    room = width - 2 - min(wide, LEAST_NAME)
    counted = _cells(count) + 2 if count and _cells(count) + 2 <= room else 0
    room = width - 2 - counted
    labels = "".join(_fitting(branch.workflow.labels, room - wide))
    named = max(min(wide, room - _cells(labels)), 1)
    pieces = [
        RowPiece("▾ " if open_ else "▸ ", Role.MUTED, 2),
        RowPiece(name, Role.NAME, named),
        RowPiece(labels, Role.MUTED, _cells(labels)),
    ]
    if counted:
        left = width - sum(piece.width for piece in pieces)
        pieces.append(RowPiece(count, Role.MUTED, left, right=True))
    return pieces


def _cells(text: str) -> int:
    """Return about how wide a text is on a terminal."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def _fitting(labels: tuple[str, ...], room: int) -> Iterator[str]:
    """Give the labels there is room for, each behind a point; none after a long one."""
    for label in labels:
        text = f" · {clean(label)}"
        if _cells(text) > room:
            return
        room -= _cells(text)
        yield text


def _count(branch: Branch, run: str) -> str:
    """Return how many runs are listed, of how many there are where that is told."""
    listing = branch.listing
    if not listing.answered:
        return ""
    known, total = len(listing), listing.total
    if total is None or listing.passed_over or known >= total:
        return plural(known, run)
    return f"{known:,} of {plural(total, run)}"
