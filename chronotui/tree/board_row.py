"""What a row of the board says: a job, how it stands beside what is usual, its end.

A column is one entry of ``BOARD_COLUMNS``. What the job says has the rest of the width.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.model import JobStatus
from chronotui.text import clean, plural, printable_line
from chronotui.times import age, usual_duration
from chronotui.tree.marks import MARK
from chronotui.tree.row import (
    COLUMNS,
    FLAG,
    JOB_SIGNS,
    LEAST_ID,
    LONG_START,
    SPACE,
    WHOLE,
    JobCell,
    Role,
    RowPiece,
    RowTimes,
    heading_pieces,
    shared_out,
    signed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.model import Job, Workflow
    from chronotui.tree.stall import Stall

FAR_OFF: Final = 2.0
"""From so many times what is usual on a duration is far off."""

OLD: Final = 60.0
"""Seconds from which on it is said how old what a row tells is."""

UNKNOWN: Final = "–"
LEAST_SAID: Final = 18
SAID_SHARE: Final = 0.28
"""What a job says has so much of a row at least."""

STDERR_MARK: Final = "▌"

LONGEST_SAID: Final = 4096
"""Characters of a line that are looked at: more no row shows."""


class Newest(NamedTuple):
    """What is known of the end of a running job's log; None where it is not.

    Attributes:
        message: The newest line as the server gave it.
        is_stderr: Whether it is of standard error.
        is_live: Whether it is sure to be the newest: a stream stands.
        lines: So many lines there are at least.
        rate: Lines a second.
        stalled: Set for one that says nothing any more.
        trouble: Why nothing is heard of it; "" where nothing is in the way.
    """

    message: str | None = None
    is_stderr: bool = False
    is_live: bool = True
    lines: int | None = None
    rate: float | None = None
    stalled: Stall | None = None
    trouble: str = ""


NOTHING_KNOWN: Final = Newest()


class BoardFacts(NamedTuple):
    """What a row tells of beside its job.

    Attributes:
        usual: What the workflow's good runs take, in seconds.
        age: Seconds since the job was read.
        newest: The end of its log.
        missing: Lines missing of a log that is held.
        is_marked: Whether it is one of those that are looked at together.
        has_alert: Whether somebody is told when it ends, fails or falls silent.
    """

    workflow: Workflow | None
    short_id: str
    usual: float | None = None
    age: float | None = None
    newest: Newest = NOTHING_KNOWN
    missing: int | None = None
    is_marked: bool = False
    has_alert: bool = False


class BoardCell(NamedTuple):
    """What a column says something about, and the cells there are for it."""

    job: Job
    facts: BoardFacts
    times: RowTimes
    width: int

    @property
    def seconds(self) -> float | None:
        """How long the job took, or has been running."""
        return self.job.duration(self.times.now)

    @property
    def ratio(self) -> float | None:
        """How many times what is usual it took; None where that tells nothing.

        One that still runs, failed or was cancelled says nothing by being short.
        """
        usual, seconds = self.facts.usual, self.seconds
        if not usual or seconds is None or self.job.status.is_waiting:
            return None
        ratio = seconds / usual
        is_short = ratio <= 1 / FAR_OFF and self.job.status == JobStatus.COMPLETED
        return ratio if ratio >= FAR_OFF or is_short else None


class BoardColumn(NamedTuple):
    """A column of the board; see `chronotui.tree.row.JobColumn` for its widths."""

    text: Callable[[BoardCell], str]
    widths: dict[int, int]
    heading: str
    role: Callable[[BoardCell], Role] = lambda _cell: Role.PLAIN
    least: int = 0
    right: bool = False


def _as_in_tree(name: str) -> Callable[[BoardCell], str]:
    """Return what a column of the tree's jobs says."""
    column = COLUMNS[name]

    def text(cell: BoardCell) -> str:
        now, ages, zone = cell.times
        facts = cell.facts
        return column.text(
            JobCell(cell.job, facts.short_id, now, cell.width, zone, ages)
        )

    return text


def _workflow(cell: BoardCell) -> str:
    workflow = cell.facts.workflow
    return clean(cell.job.workflow_id if workflow is None else workflow.shown_name)


def _usual(cell: BoardCell) -> str:
    usual = cell.facts.usual
    return "" if usual is None else f"({_span(usual, cell.width - 2)})"


def _span(seconds: float, width: int) -> str:
    text = usual_duration(seconds)
    return text if len(text) <= width else age(seconds)


def _ratio(cell: BoardCell) -> str:
    ratio = cell.ratio
    if ratio is None:
        return ""
    return f"{ratio:.1f}×" if ratio < 100 else ">99×"


def _lines(cell: BoardCell) -> str:
    count = cell.facts.newest.lines
    return UNKNOWN if count is None else f"≥ {_number(count, cell.width - 2)}"


def _number(count: int, width: int) -> str:
    """Write a number in few cells; one of many is told in thousands or more."""
    text = f"{count:,}"
    units = iter("kMGT")
    while len(text) > width and count >= 1000:
        count //= 1000
        text = f"{count}{next(units)}"
    return text


def _rate(cell: BoardCell) -> str:
    rate = cell.facts.newest.rate
    return "" if rate is None else f"{_number(round(rate), cell.width - 2)}/s"


def _missing(cell: BoardCell) -> str:
    missing = cell.facts.missing
    return UNKNOWN if missing is None else _number(missing, cell.width)


def _muted(_cell: BoardCell) -> Role:
    return Role.MUTED


def _id_role(cell: BoardCell) -> Role:
    return Role.FAILED if cell.job.status == JobStatus.FAILED else Role.PLAIN


def _ratio_role(cell: BoardCell) -> Role:
    slow = cell.ratio is not None and cell.ratio >= FAR_OFF
    return Role.WAITING if slow else Role.MUTED


def _missing_role(cell: BoardCell) -> Role:
    return Role.ALARM if cell.facts.missing else Role.MUTED


def _lines_role(cell: BoardCell) -> Role:
    return Role.MUTED if cell.facts.newest.lines is None else Role.PLAIN


BOARD_COLUMNS: Final = {
    "workflow": BoardColumn(
        _workflow,
        {3: 14, 9: 18, 14: 26, 16: 40},
        heading="workflow",
        least=10,
    ),
    "id": BoardColumn(
        _as_in_tree("id"), {1: WHOLE}, heading="job", role=_id_role, least=LEAST_ID
    ),
    "trigger": BoardColumn(_as_in_tree("trigger"), {11: 6}, heading="by", role=_muted),
    "start": BoardColumn(
        _as_in_tree("start"), {4: 6, 13: LONG_START}, heading="start", role=_muted
    ),
    "age": BoardColumn(_as_in_tree("age"), {4: 7, 13: 10}, heading="age", role=_muted),
    "took": BoardColumn(_as_in_tree("duration"), {2: 7}, heading="took", right=True),
    "usual": BoardColumn(_usual, {6: 7}, heading="(usual)", role=_muted),
    "ratio": BoardColumn(_ratio, {7: 5}, heading="", role=_ratio_role, right=True),
    "attempts": BoardColumn(_as_in_tree("attempts"), {8: 3}, heading=""),
    "lines": BoardColumn(_lines, {5: 9}, heading="lines", role=_lines_role, right=True),
    "rate": BoardColumn(_rate, {10: 5}, heading="", role=_muted, right=True),
    "missing": BoardColumn(
        _missing, {12: 4, 17: 7}, heading="missing", role=_missing_role, right=True
    ),
}
"""From left to right; of start and age one is shown."""

INDENT: Final = 2
"""Cells before the sign of a row: that of an alert, that of a mark."""


@lru_cache(maxsize=64)
def board_columns_for(
    width: int, id_length: int, *, ages: bool
) -> tuple[dict[str, int], int]:
    """Share out a row's width; return the cells of columns, and of what a job says."""
    hidden = "start" if ages else "age"
    columns = {name: each for name, each in BOARD_COLUMNS.items() if name != hidden}
    room = max(width - INDENT - 1, 0)
    kept = max(LEAST_SAID, int(width * SAID_SHARE))
    cells = shared_out(columns, max(room - kept - 1, 0), id_length)
    left = room - sum(cells.values()) - len(cells) - 1
    return cells, max(left, 0)


def board_pieces(
    job: Job, facts: BoardFacts, width: int, times: RowTimes, id_length: int
) -> tuple[RowPiece, ...]:
    """Return a job's row, as wide as the window.

    Args:
        job: The job.
        facts: What else is told.
        width: Cells of the row.
        times: How times are told.
        id_length: Cells the short ids of the board want.
    """
    columns, left = board_columns_for(width, id_length, ages=times.ages)
    glyph, role = JOB_SIGNS.get(str(job.status), ("?", Role.UNKNOWN))
    if facts.newest.stalled is not None and job.status == JobStatus.RUNNING:
        glyph, role = "◌", Role.WAITING
    pieces = [
        RowPiece(FLAG if facts.has_alert else "", Role.WAITING, 1),
        RowPiece(MARK if facts.is_marked else "", Role.NAME, 1),
        *signed(0, glyph, role),
    ]
    for name, cells in columns.items():
        column, cell = BOARD_COLUMNS[name], BoardCell(job, facts, times, cells)
        piece = RowPiece(column.text(cell), column.role(cell), cells, column.right)
        pieces += [SPACE, piece]
    return (*pieces, SPACE, *_said(job, facts, left))


def board_headings(width: int, times: RowTimes, id_length: int) -> list[RowPiece]:
    """Return what stands above the columns."""
    columns, left = board_columns_for(width, id_length, ages=times.ages)
    pieces = heading_pieces(BOARD_COLUMNS, columns, INDENT)
    said = RowPiece("newest line", Role.MUTED, max(left - 2, 0))
    return [*pieces, RowPiece("", Role.PLAIN, 3), said]


def _said(job: Job, facts: BoardFacts, width: int) -> list[RowPiece]:
    """Return what a job says, or how it ended, behind the mark of standard error."""
    newest = facts.newest
    mark, role = RowPiece("", Role.PLAIN, 2), Role.PLAIN
    if job.status != JobStatus.RUNNING:
        words, role = how_it_is(job, facts.age), Role.MUTED
        role = Role.FAILED if job.status == JobStatus.FAILED else role
    elif newest.stalled is not None:
        words, role = stalled_words(newest.stalled, width - 2), Role.WAITING
    elif newest.message is not None:
        words = printable_line(newest.message[:LONGEST_SAID])
        role = Role.PLAIN if newest.is_live else Role.MUTED
        if newest.is_stderr:
            mark = RowPiece(STDERR_MARK, Role.ALARM, 2)
    else:
        words, role = clean(newest.trouble), Role.MUTED
    lacks = f"{facts.missing:,} missing " if facts.missing else ""
    is_old = job.status == JobStatus.RUNNING and (facts.age or 0.0) >= OLD
    old = f"read {age(facts.age or 0.0)} ago " if is_old else ""
    room = max(width - 2 - len(old) - len(lacks), 0)
    return [
        RowPiece(old, Role.MUTED, len(old)),
        RowPiece(lacks, Role.ALARM, len(lacks)),
        mark,
        RowPiece(words, role, room),
    ]


def stalled_words(stall: Stall, width: int) -> str:
    """Say that a job stalls; beside what, where there is room for it."""
    words = f"stalled: {stall.words()}"
    return words if len(words) <= width else words.partition(", ")[0]


def how_it_is(job: Job, read_ago: float | None) -> str:
    """Say how a job that does not run stands, and how old that is where it matters."""
    state = clean(str(job.status))
    words = [] if job.status == JobStatus.COMPLETED else [state]
    if job.has_ended and job.attempts is not None and job.attempts > 1:
        words.append(plural(job.attempts, "attempt"))
    said = ", ".join(words)
    if read_ago is None or read_ago < OLD:
        return said
    old = f"read {age(read_ago)} ago"
    return f"{said} · {old}" if said else old
