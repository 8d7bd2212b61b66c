"""What a row of the tree says: its words, each with its width and the part it plays.

A column of the rows of jobs is one entry of ``COLUMNS``; those of the runs of an app
stand in `chronotui.tree.run_row`.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.text import clean
from chronotui.times import age, human_duration
from chronotui.tree.listing import NoteKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime, tzinfo

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

_SIGNS: Final[dict[str, tuple[str, Role]]] = {
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
LONG_ATTEMPT: Final = 9
WIDE: Final = 36
"""From this width on rows are indented like a tree."""

WHOLE: Final = 0
"""As many cells as the short ids of the list need."""


class JobCell(NamedTuple):
    """What a column says something about: a job, and the cells there are for it.

    Clock times are told in ``zone``; None is the machine's own.
    """

    job: Job
    short_id: str
    now: datetime
    width: int
    zone: tzinfo | None = None


class JobColumn(NamedTuple):
    """A column of the rows of jobs.

    ``widths`` are those it may have, each with its rank: the order in which all
    columns are given room, what tells most first. ``least`` cells it always has.
    """

    text: Callable[[JobCell], str]
    role: Callable[[Role], Role]
    widths: dict[int, int]
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
        least=LEAST_ID,
    ),
    "trigger": JobColumn(_trigger, lambda _state: Role.MUTED, widths={5: 1, 6: 6}),
    "age": JobColumn(_age, _muted_when_done, widths={0: 7, 7: LONG_AGE}),
    "duration": JobColumn(
        _duration, _plain_unless_failed, widths={1: 5, 2: 7}, right=True
    ),
    "attempts": JobColumn(
        _attempts, lambda _state: Role.PLAIN, widths={4: 3, 8: LONG_ATTEMPT}
    ),
}
"""From left to right."""


@lru_cache(maxsize=64)
def columns_for(width: int, id_length: int) -> tuple[int, dict[str, int]]:
    """Share out the width of a job's row, see `shared_out`; its indent comes first."""
    indent = 1 if width < WIDE else 3
    return indent, shared_out(COLUMNS, width - indent - SIGN_CELLS, id_length)


def shared_out(
    columns: Mapping[str, JobColumn], room: int, id_length: int
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


def job_pieces(branch: Branch, job: Job, width: int, now: datetime) -> list[RowPiece]:
    """Return a job's row: its sign, then the columns there is room for.

    Args:
        branch: The workflow it belongs to.
        job: The job.
        width: Cells of the row; the pieces fill them or fewer.
        now: The time ages and running durations are told against, aware.
    """
    ids = branch.jobs.short_ids
    indent, columns = columns_for(width, ids.length)
    glyph, state = _SIGNS.get(str(job.status), ("?", Role.UNKNOWN))
    pieces = signed(indent, glyph, state)
    short_id = ids.of(job.shown_id)
    for name, cells in columns.items():
        column = COLUMNS[name]
        text = column.text(JobCell(job, short_id, now, cells))
        pieces += [SPACE, RowPiece(text, column.role(state), cells, column.right)]
    return pieces


def signed(indent: int, glyph: str, state: Role) -> list[RowPiece]:
    """Return the beginning of a job's row: the sign of its state, indented."""
    role = Role.FAILED_SIGN if state is Role.FAILED else state
    return [RowPiece("", Role.PLAIN, indent), RowPiece(glyph, role, 1)]


# The row of a workflow, and of the notes below lists.

LEAST_NAME: Final = 14
NOTE_SIGNS: Final = {
    NoteKind.MORE: ("⋮", Role.MUTED),
    NoteKind.ON_DEMAND: ("⋮", Role.MUTED),
    NoteKind.LOADING: ("⋮", Role.MUTED),
    NoteKind.PROBLEM: ("✗", Role.ALARM),
    NoteKind.REFUSED: ("✗", Role.ALARM),
    NoteKind.SAID: ("·", Role.MUTED),
}


def workflow_pieces(branch: Branch, width: int, *, open_: bool) -> list[RowPiece]:
    """Return a workflow's row: its name, and at the right what is to be known of it.

    Args:
        branch: The workflow.
        width: Cells of the row, which the pieces fill.
        open_: Whether its jobs are shown below it.
    """
    name = clean(branch.workflow.name) or clean(branch.workflow.id)
    left = width - 2
    room = left - min(len(name), LEAST_NAME)
    labels: list[RowPiece] = []
    for text, role in _labels(branch):
        if len(text) + 2 <= room:
            labels.append(RowPiece(text, role, len(text) + 2, right=True))
            room -= len(text) + 2
    name_width = left - sum(piece.width for piece in labels)
    return [
        RowPiece("▾ " if open_ else "▸ ", Role.MUTED, 2),
        RowPiece(name, Role.NAME, max(name_width, 1)),
        *labels,
    ]


def note_pieces(line: NoteLine, width: int, *, nested: bool) -> list[RowPiece]:
    """Return one row of a note below a list."""
    indent = 2 if nested else 0
    sign, role = NOTE_SIGNS[line.note.kind]
    return [
        RowPiece("", Role.PLAIN, indent),
        RowPiece(sign if line.first else "", role, 2),
        RowPiece(line.text, role, max(width - indent - 2, 1)),
    ]


def interval_words(minutes: int) -> str:
    """Return how often a workflow runs, in the largest unit that is exact."""
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes >= 2 * size and minutes % size == 0:
            return f"every {minutes // size} {unit}"
    return f"every {minutes} min"


def _labels(branch: Branch) -> Iterator[tuple[str, Role]]:
    """Name what distinguishes a workflow, the most important first."""
    workflow = branch.workflow
    if workflow.consecutive_failures:
        yield f"✗ {workflow.consecutive_failures}", Role.FAILED
    if workflow.terminated_at is not None:
        yield "terminated", Role.MUTED
    elif workflow.build_status == "FAILED":
        yield "build failed", Role.FAILED
    elif workflow.build_status in {"QUEUED", "STARTED"}:
        yield "building", Role.WAITING
    if branch.keeps_no_logs:
        yield "no logs", Role.MUTED
    if workflow.interval_minutes and workflow.terminated_at is None:
        yield interval_words(workflow.interval_minutes), Role.MUTED
