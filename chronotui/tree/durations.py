"""The last runs of a workflow as a picture: how long each took, and how it ended.

One column a run, the newest at the right. Bars tell by their height alone, outcomes by
their signs; colours only repeat it.
"""

from __future__ import annotations

from itertools import groupby
from math import ceil
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.model import JobStatus
from chronotui.text import plural
from chronotui.times import human_duration, usual_duration
from chronotui.tree.health import usual_seconds
from chronotui.tree.row import JOB_SIGNS, Role, RowPiece

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from chronotui.model import Job

LAST: Final = 50
"""So many runs are shown."""

HEIGHT: Final = 4
"""Rows of the bars."""

EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
BEYOND: Final = "▲"
"""Stands on a bar that is higher than the picture."""

USUAL: Final = "─"

MOST_TIMES: Final = 3
"""The picture is at most so many times as high as what is usual."""

LABEL_CELLS: Final = 12
SHORT_LABEL_CELLS: Final = 8
LEAST_WIDTH: Final = 40
"""Cells from which on labels are written out."""

LEAST_BARS: Final = 4


class RunBar(NamedTuple):
    """A run in the picture; ``seconds`` is None where it took no time yet."""

    seconds: float | None
    status: str
    is_marked: bool = False


class DurationPicture(NamedTuple):
    """What is drawn.

    Attributes:
        bars: The runs, oldest first.
        usual: What good runs take, None where none is known.
        more: Whether there are older runs.
    """

    bars: tuple[RunBar, ...]
    usual: float | None = None
    more: bool = False

    @property
    def marked(self) -> RunBar | None:
        """The run that is spoken of, if it is among them."""
        return next((bar for bar in self.bars if bar.is_marked), None)


def picture_of(
    jobs: Sequence[Job], now: datetime, *, marked: str = "", more: bool = False
) -> DurationPicture | None:
    """Return the picture of jobs, newest first; None where there is nothing to see.

    Args:
        marked: The id of the job that is spoken of.
        more: Whether there are older ones.
    """
    shown = jobs[:LAST]
    bars = tuple(
        RunBar(_seconds(job, now), str(job.status), job.id == marked)
        for job in reversed(shown)
    )
    if not any(bar.seconds is not None for bar in bars):
        return None
    return DurationPicture(bars, usual_seconds(shown), more or len(jobs) > LAST)


def _seconds(job: Job, now: datetime) -> float | None:
    """Return whole seconds while a job runs: the picture changes no more often."""
    seconds = job.duration(now)
    return seconds if seconds is None or job.completed_at else float(int(seconds))


def picture_rows(picture: DurationPicture, width: int) -> list[tuple[RowPiece, ...]]:
    """Return the picture in rows of at most ``width`` cells; oldest runs give way."""
    label = LABEL_CELLS if width >= LEAST_WIDTH else SHORT_LABEL_CELLS
    room = width - label
    if room < LEAST_BARS:
        return []
    bars = picture.bars[-room:]
    scale = _Scale(picture, bars)
    rows = [
        (
            RowPiece(scale.label(row, label), Role.MUTED, label),
            *_joined(scale.cell(bar, row) for bar in bars),
        )
        for row in range(HEIGHT, 0, -1)
    ]
    rows.append((RowPiece("", Role.PLAIN, label), *_joined(map(_outcome, bars))))
    place = next((at for at, bar in enumerate(bars) if bar.is_marked), None)
    if place is not None:
        rows.append(_mark(label, place, width))
    return rows


def picture_words(picture: DurationPicture) -> str:
    """Say in words what the picture shows of all runs, and of the one spoken of."""
    bars = picture.bars
    failed = sum(bar.status == JobStatus.FAILED for bar in bars)
    newest = "newest run" if picture.more else "run"
    parts = [f"{plural(len(bars), newest)}, the newest at the right"]
    parts.append(f"{failed:,} failed" if failed else "none failed")
    if picture.usual is not None:
        parts.append(f"a good one usually takes {usual_duration(picture.usual)}")
    marked = picture.marked
    if marked is not None and marked.seconds is not None:
        others = [bar.seconds for bar in bars if bar is not marked]
        told = [seconds for seconds in others if seconds is not None]
        shorter = sum(seconds < marked.seconds for seconds in told)
        took = human_duration(marked.seconds)
        parts.append(f"this one {took}, longer than {shorter:,} of {len(told):,}")
    return "; ".join(parts) + "."


class _Scale:
    """How high a bar is, in eighths of a row."""

    def __init__(self, picture: DurationPicture, bars: Sequence[RunBar]) -> None:
        seconds = [bar.seconds for bar in bars if bar.seconds is not None]
        usual = picture.usual
        highest = max(seconds, default=1.0)
        limit = MOST_TIMES * (usual or median(seconds or [1.0]))
        self._top = max(min(highest, limit), 1.0)
        self._is_cut = highest > self._top
        self._usual = usual
        self._usual_row = 0
        if usual is not None:
            self._usual_row = min(max(ceil(self._eighths(usual) / 8), 1), HEIGHT)

    def _eighths(self, seconds: float) -> int:
        return max(round(seconds / self._top * HEIGHT * 8), 1)

    def label(self, row: int, width: int) -> str:
        if row == self._usual_row and self._usual is not None:
            took = usual_duration(self._usual)
            text = f"usual {took}" if width >= LABEL_CELLS else f"~{took}"
        elif row == HEIGHT:
            text = human_duration(self._top) + "+" * self._is_cut
        else:
            text = ""
        return f"{text[: width - 1]:>{width - 1}} "

    def cell(self, bar: RunBar, row: int) -> tuple[str, Role]:
        eighths = 0 if bar.seconds is None else self._eighths(bar.seconds)
        left = eighths - (row - 1) * 8
        if row == HEIGHT and left > 8:
            return BEYOND, _role(bar)
        if left <= 0:
            is_usual = row == self._usual_row
            return (USUAL, Role.MUTED) if is_usual else (" ", Role.PLAIN)
        return EIGHTHS[min(left, 8)], _role(bar)


def _role(bar: RunBar) -> Role:
    return JOB_SIGNS.get(bar.status, ("?", Role.UNKNOWN))[1]


def _outcome(bar: RunBar) -> tuple[str, Role]:
    return JOB_SIGNS.get(bar.status, ("?", Role.UNKNOWN))


def _joined(cells: Iterable[tuple[str, Role]]) -> Iterator[RowPiece]:
    for role, group in groupby(cells, key=lambda cell: cell[1]):
        text = "".join(mark for mark, _role in group)
        yield RowPiece(text, role, len(text))


def _mark(label: int, place: int, width: int) -> tuple[RowPiece, ...]:
    """Return the row that points at the run spoken of, in words where they fit."""
    column = label + place
    words = "this run"
    after = width - column - 1
    if after > len(words):
        text = f"{' ' * column}↑ {words}"
    elif column > len(words):
        text = f"{words:>{column - 1}} ↑"
    else:
        text = f"{' ' * column}↑"
    return (RowPiece(text, Role.NAME, len(text)),)
