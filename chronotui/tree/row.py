"""What a row of the tree says: its words, each with its width and the part it plays.

A column of the rows of jobs is one entry of ``COLUMNS``; those of the runs of an app
stand in `chronotui.tree.run_row`, rows of workflows in `chronotui.tree.workflow_row`.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from chronotui.text import clean
from chronotui.times import age, human_duration
from chronotui.tree.days import local_time
from chronotui.tree.listing import NoteKind
from chronotui.tree.marks import MARK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date, datetime, tzinfo

    from chronotui.model import Job
    from chronotui.tree.branch import Branch
    from chronotui.tree.listing import NoteLine


class Role(StrEnum):
    """The part a piece plays; the user interface gives each a style."""

    PLAIN = "plain"
    MUTED = "muted"
    NAME = "name"
    ALARM = "alarm"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    FAILED_SIGN = "failed-sign"
    CANCELED = "canceled"
    PARTIAL = "partial"
    UNKNOWN = "unknown"


class RowPiece(NamedTuple):
    """Clean text for exactly ``width`` cells: cut or filled by whoever draws it."""

    text: str
    role: Role
    width: int
    right: bool = False


SPACE: Final = RowPiece("", Role.PLAIN, 1)

JOB_SIGNS: Final[dict[str, tuple[str, Role]]] = {
    "RUNNING": ("●", Role.RUNNING),
    "PENDING": ("◌", Role.WAITING),
    "QUEUED": ("◌", Role.WAITING),
    "COMPLETED": ("✓", Role.COMPLETED),
    "FAILED": ("✗", Role.FAILED),
    "CANCELED": ("■", Role.CANCELED),
}

TRIGGER_WORDS: Final = {"AUTOMATIC": "auto", "MANUAL": "manual"}

# The row of a job: its sign, then columns.

SIGN_CELLS: Final = 2
LEAST_ID: Final = 6
LONG_AGE: Final = 10
LONG_START: Final = 12
LONG_ATTEMPT: Final = 9
WIDE: Final = 36
"""From this width on rows are indented like a tree."""

WHOLE: Final = 0
"""As many cells as the short ids of the list need."""


class JobCell(NamedTuple):
    """What a column says something about: a job, and the cells there are for it.

    Clock times are told in ``zone``; None is the machine's own. ``ages`` tells how
    long ago instead.
    """

    job: Job
    short_id: str
    now: datetime
    width: int
    zone: tzinfo | None = None
    ages: bool = True


class JobColumn(NamedTuple):
    """A column of the rows of jobs.

    ``widths`` are those it may have, each with its rank: the order in which all
    columns are given room, what tells most first. ``least`` cells it always has.
    ``heading`` stands above it, as much of it as there is room for.
    """

    text: Callable[[JobCell], str]
    role: Callable[[Role], Role]
    widths: dict[int, int]
    heading: str
    least: int = 0
    right: bool = False


def is_ticking(job: Job) -> bool:
    """Whether a job's row changes by itself every second."""
    begun = job.started_at or (job.run_id and job.created_at)
    return job.status == "RUNNING" and bool(begun)


def _trigger(cell: JobCell) -> str:
    word = str(cell.job.trigger)
    text = TRIGGER_WORDS.get(word) or clean(word).lower()
    return text if cell.width > 1 else text[:1]


def _age(cell: JobCell) -> str:
    """Say how long ago a job ended, or what it does now."""
    job = cell.job
    ended = job.completed_at or job.updated_at or job.started_at or job.created_at
    if ended is None or not job.status.is_terminal:
        return clean(str(job.status)).lower()
    text = age(max((cell.now - ended).total_seconds(), 0.0))
    return f"{text} ago" if cell.width >= LONG_AGE else text


def _start(cell: JobCell) -> str:
    """Say when a job began: the time today, else the day, both where there is room."""
    job = cell.job
    moment = job.started_at or job.scheduled_at or job.created_at
    if moment is None:
        return clean(str(job.status)).lower()
    begun = local_time(moment, cell.zone)
    return clock_text(begun, local_time(cell.now, cell.zone), cell.width)


def clock_text(begun: datetime, now: datetime, width: int) -> str:
    """Return a moment's time of day, its day, or both in `LONG_START` cells."""
    day = f"{begun.day:2} {begun:%b}"
    if begun.year != now.year:
        return f"{begun:%Y-%m-%d}" if width >= LONG_AGE else f"{begun:%Y}"
    is_today = begun.date() == now.date()
    if width >= LONG_START:
        return f"{begun:%H:%M:%S}" if is_today else f"{day} {begun:%H:%M}"
    return f"{begun:%H:%M}" if is_today else day


def _duration(cell: JobCell) -> str:
    """Say how long a job ran or has been running, "" when it is not known."""
    seconds = cell.job.duration(cell.now)
    if seconds is None:
        return ""
    text = human_duration(seconds)
    return text if len(text) <= cell.width else age(seconds)


def _attempts(cell: JobCell) -> str:
    count = cell.job.attempts
    if count is None or count < 2:
        return ""
    return f"attempt {count}" if cell.width >= LONG_ATTEMPT else f"×{count}"


def _plain_unless_failed(state: Role) -> Role:
    return state if state is Role.FAILED else Role.PLAIN


def _muted_when_done(state: Role) -> Role:
    return Role.MUTED if state in {Role.COMPLETED, Role.CANCELED} else state


COLUMNS: Final = {
    "id": JobColumn(
        lambda cell: clean(cell.short_id),
        _plain_unless_failed,
        widths={3: WHOLE},
        heading="job",
        least=LEAST_ID,
    ),
    "trigger": JobColumn(
        _trigger, lambda _state: Role.MUTED, widths={5: 1, 6: 6}, heading="by"
    ),
    "age": JobColumn(_age, _muted_when_done, widths={0: 7, 7: LONG_AGE}, heading="age"),
    "start": JobColumn(
        _start, _muted_when_done, widths={0: 6, 7: LONG_START}, heading="start"
    ),
    "duration": JobColumn(
        _duration,
        _plain_unless_failed,
        widths={1: 5, 2: 7},
        heading="took",
        right=True,
    ),
    "attempts": JobColumn(
        _attempts,
        lambda _state: Role.PLAIN,
        widths={4: 3, 8: LONG_ATTEMPT},
        heading="attempts",
    ),
}
"""From left to right; of age and start one is shown."""


@lru_cache(maxsize=64)
def columns_for(
    width: int, id_length: int, *, ages: bool = True
) -> tuple[int, dict[str, int]]:
    """Share out the width of a job's row, see `shared_out`; its indent comes first."""
    indent = 1 if width < WIDE else 3
    hidden = "start" if ages else "age"
    columns = {name: each for name, each in COLUMNS.items() if name != hidden}
    return indent, shared_out(columns, width - indent - SIGN_CELLS, id_length)


class SharingColumn(Protocol):
    """A column that is given room among others, see `JobColumn`."""

    @property
    def widths(self) -> dict[int, int]: ...

    @property
    def heading(self) -> str: ...

    @property
    def least(self) -> int: ...

    @property
    def right(self) -> bool: ...


def shared_out(
    columns: Mapping[str, SharingColumn], room: int, id_length: int
) -> dict[str, int]:
    """Share out the cells behind a row's sign among columns.

    Args:
        columns: The columns by name.
        room: The cells there are, with the space before each column.
        id_length: Cells the short ids of the list want.

    Returns:
        The cells of each column without the space before it; a column that has none
        is left out.
    """
    cells = {name: column.least for name, column in columns.items()}
    left = max(room - sum(cells.values()), 0)
    grants = sorted(
        (rank, name, asked)
        for name, column in columns.items()
        for rank, asked in column.widths.items()
    )
    for _rank, name, asked in grants:
        had = cells[name]
        wanted = asked or max(min(id_length, had + left), had)
        cost = wanted - had + (had == 0)
        if cost <= left:
            cells[name] = wanted
            left -= cost
    return {name: given for name, given in cells.items() if given}


class RowTimes(NamedTuple):
    """Against which time rows are told, aware, and how: see `JobCell`."""

    now: datetime
    ages: bool = True
    zone: tzinfo | None = None

    @property
    def today(self) -> date:
        return local_time(self.now, self.zone).date()


def job_pieces(branch: Branch, job: Job, width: int, times: RowTimes) -> list[RowPiece]:
    """Return a job's row: its sign, then the columns there is room for.

    Args:
        branch: The workflow it belongs to.
        job: The job.
        width: Cells of the row; the pieces fill them or fewer.
        times: How times are told.
    """
    ids = branch.jobs.short_ids
    now, ages, zone = times
    indent, columns = columns_for(width, ids.length, ages=ages)
    glyph, state = JOB_SIGNS.get(str(job.status), ("?", Role.UNKNOWN))
    pieces = signed(indent, glyph, state)
    short_id = ids.of(job.shown_id)
    for name, cells in columns.items():
        column = COLUMNS[name]
        text = column.text(JobCell(job, short_id, now, cells, zone, ages))
        pieces += [SPACE, RowPiece(text, column.role(state), cells, column.right)]
    return pieces


def marked(pieces: list[RowPiece]) -> list[RowPiece]:
    """Return the row of a job that was marked: that stands where it is indented."""
    indent, *rest = pieces
    return [RowPiece(MARK, Role.NAME, indent.width), *rest]


def heading_pieces(
    columns: Mapping[str, SharingColumn], cells: Mapping[str, int], indent: int
) -> list[RowPiece]:
    """Return the headings of columns, each as wide as its column.

    Args:
        columns: The columns by name.
        cells: Those that are shown, with their cells, from left to right.
        indent: Cells before the signs of rows.
    """
    pieces = [RowPiece("", Role.PLAIN, indent + 1)]
    for name, width in cells.items():
        column = columns[name]
        words = column.heading if len(column.heading) <= width else ""
        pieces += [SPACE, RowPiece(words, Role.MUTED, width, column.right)]
    return pieces


def job_headings(branch: Branch, width: int, times: RowTimes) -> list[RowPiece]:
    """Return what stands above the columns of a workflow's jobs, see `job_pieces`."""
    length = branch.jobs.short_ids.length
    indent, columns = columns_for(width, length, ages=times.ages)
    return heading_pieces(COLUMNS, columns, indent)


def signed(indent: int, glyph: str, state: Role) -> list[RowPiece]:
    """Return the beginning of a job's row: the sign of its state, indented."""
    role = Role.FAILED_SIGN if state is Role.FAILED else state
    return [RowPiece("", Role.PLAIN, indent), RowPiece(glyph, role, 1)]


FLAG: Final = "⚑"


def flagged(pieces: Sequence[RowPiece], *, indented: bool) -> list[RowPiece]:
    """Return a row with the sign of an alert: in its indent, or behind its name.

    Where a mark stands in the indent it stands behind the sign of the job's state, and
    where a name needs all of its room, before it.
    """
    first, second, *rest = pieces
    if indented and first.text and rest:
        return [first, second, RowPiece(FLAG, Role.WAITING, 1), *rest[1:]]
    if indented:
        return [first._replace(text=FLAG, role=Role.WAITING), second, *rest]
    sign = RowPiece(FLAG, Role.WAITING, 2)
    if len(second.text) + sign.width <= second.width:
        name = second._replace(width=second.width - sign.width)
        return [first, name, sign, *rest]
    return [first._replace(width=1), sign._replace(width=1), second, *rest]


# The rows of the notes below lists.

NOTE_SIGNS: Final = {
    NoteKind.MORE: ("⋮", Role.MUTED),
    NoteKind.ON_DEMAND: ("⋮", Role.MUTED),
    NoteKind.LOADING: ("⋮", Role.MUTED),
    NoteKind.PROBLEM: ("✗", Role.ALARM),
    NoteKind.REFUSED: ("✗", Role.ALARM),
    NoteKind.SAID: ("·", Role.MUTED),
}


def note_pieces(line: NoteLine, width: int, *, nested: bool) -> list[RowPiece]:
    """Return one row of a note below a list."""
    indent = 2 if nested else 0
    sign, role = NOTE_SIGNS[line.note.kind]
    return [
        RowPiece("", Role.PLAIN, indent),
        RowPiece(sign if line.first else "", role, 2),
        RowPiece(line.text, role, max(width - indent - 2, 1)),
    ]
