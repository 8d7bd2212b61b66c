"""Rows of details: titled, labelled, wrapped to a width; nothing is left out."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from msgspec import Struct
from rich.cells import cell_len, chop_cells

from chronotui.text import clean
from chronotui.times import human_duration
from chronotui.tree.durations import picture_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from chronotui.engine.notices import WorkflowNotices
    from chronotui.model import Notification, WorkflowTotals
    from chronotui.tree.durations import DurationPicture
    from chronotui.tree.row import RowPiece

Kind = Literal["title", "field", "text", "prose", "note", "alarm", "error", "picture"]


class DetailRow(Struct, frozen=True):
    """One row: a title, a labelled value, a line of text or of an error, a note.

    An ``alarm`` is about the desk's own connection, an ``error`` about what is shown.
    Wrapped ``text`` hangs, as JSON does; ``prose`` goes on below itself. A ``picture``
    takes as many rows as it needs.
    """

    kind: Kind
    label: str
    value: str = ""
    picture: DurationPicture | None = None


def value_text(value: object) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return clean(value if isinstance(value, str) else json.dumps(value))


@lru_cache(maxsize=8)
def pretty_lines(payload: str) -> tuple[str, ...]:
    """Return the payload indented when it is JSON, else its own lines; all clean.

    The last ones are kept: a workflow's payload is shown with each of its jobs.
    """
    try:
        text = json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = payload
    return tuple(clean(line) for line in text.splitlines())


GAP: Final = DetailRow("text", "")


def notice_rows(told: WorkflowNotices, zone: tzinfo | None) -> list[DetailRow]:
    """Return what a server counted of a workflow and notified of it, all clean.

    They stand last, so that nothing moves when they come.
    """
    rows: list[DetailRow] = []
    if told.is_read:
        rows += [GAP, DetailRow("title", "Totals"), *_totals(told.totals)]
    if told.unread is not None:
        rows += [GAP, DetailRow("title", "Unread notifications")]
        rows += [_notification(one, zone) for one in told.unread]
        if not told.unread:
            rows.append(DetailRow("note", "None about this workflow."))
        if told.is_cut:
            words = "There are more of all workflows; older ones were not read."
            rows.append(DetailRow("note", words))
    if told.problem:
        rows += [
            GAP,
            DetailRow("note", f"Not all could be read. {clean(told.problem)}"),
        ]
    return rows


def _totals(totals: WorkflowTotals | None) -> list[DetailRow]:
    if totals is None:
        return [DetailRow("note", "The server has counted nothing of it yet.")]
    return [
        DetailRow("field", "jobs", f"{totals.jobs:,}"),
        DetailRow("field", "lines", f"{totals.lines:,}"),
        DetailRow("field", "running time", human_duration(totals.seconds)),
    ]


def _notification(one: Notification, zone: tzinfo | None) -> DetailRow:
    at = one.created_at
    when = "" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    said = ": ".join(filter(None, (one.title, one.message))) or one.kind
    return DetailRow("prose", f"{when}  {clean(said)}".strip())


LEAST_VALUE: Final = 20
"""Cells beside the labels below which a longer value gets rows of its own."""
INDENT: Final = 2


class DetailPiece(NamedTuple):
    """A label's part and a text's part of one row, either may be empty.

    A row of a picture has ``parts`` instead.
    """

    label: str
    text: str
    kind: str
    parts: tuple[RowPiece, ...] = ()


def lay_out(rows: Sequence[DetailRow], width: int) -> list[DetailPiece]:
    """Return the rows in pieces of at most ``width`` cells; nothing is left out."""
    labels = [row.label for row in rows if row.kind == "field"]
    column = max((cell_len(label) for label in labels), default=0) + INDENT
    laid_out: list[DetailPiece] = []
    for row in rows:
        if row.kind == "field":
            laid_out += _field(row, column, width)
        elif row.picture is not None:
            drawn = picture_rows(row.picture, width)
            laid_out += [DetailPiece("", "", row.kind, parts) for parts in drawn]
        elif row.kind in {"note", "alarm", "error"}:
            parts = _wrapped(row.label, width)
            laid_out += [DetailPiece("", part, row.kind) for part in parts]
        else:
            laid_out += _text(row, width)
    return laid_out


def _field(row: DetailRow, column: int, width: int) -> Iterator[DetailPiece]:
    room = width - column
    if cell_len(row.value) <= room or room >= 2 * LEAST_VALUE:
        indent = " " * column
        label = row.label + " " * (column - cell_len(row.label))
        for part in _wrapped(row.value, max(room, 1)):
            yield DetailPiece(label, part, "field")
            label = indent
        return
    yield from (DetailPiece(part, "", "field") for part in _wrapped(row.label, width))
    spare = width - cell_len(row.value)
    most = INDENT if spare >= 0 or width > LEAST_VALUE else 0
    indent = " " * (min(most, spare) if spare >= 0 else most)  # no id is torn for it
    for part in _wrapped(row.value, width - len(indent)):
        yield DetailPiece(indent, part, "field")


def _text(row: DetailRow, width: int) -> Iterator[DetailPiece]:
    """Wrap a line of text; later rows stand below its first word, or hang there."""
    own = len(row.label) - len(row.label.lstrip(" "))
    indent = own if row.kind == "prose" else own + INDENT
    hanging = " " * indent if indent < width // 2 else ""
    first, *others = _wrapped(row.label, width, len(hanging))
    yield DetailPiece("", first, row.kind)
    yield from (DetailPiece(hanging, part, row.kind) for part in others)


def _wrapped(text: str, width: int, hanging: int = 0) -> Iterator[str]:
    """Cut text into parts of at most ``width`` cells, later ones shorter.

    A part ends with a word, unless the next one is longer than a row; the blank
    between two parts is left out. What a part costs does not grow with the text.
    """
    is_ascii, later = text.isascii(), width - hanging
    if is_ascii and len(text) <= width:  # most lines of a payload
        yield text
        return
    start, room = 0, width
    while (end := _reach(text, start, room, is_ascii=is_ascii)) < len(text):
        blank = text.rfind(" ", start + 1, end + 1)
        word_fits = (
            len(text) - blank - 1 <= later
            or text.find(" ", blank + 1, blank + 2 + later) >= 0
        )
        if blank > 0 and word_fits and not text[start:blank].isspace():
            yield text[start:blank]
            start = blank + 1
        else:
            yield text[start:end]
            start = end
        room = later
    yield text[start:]


def _reach(text: str, start: int, room: int, *, is_ascii: bool) -> int:
    """Return where what fits into so many cells ends, one character on at least."""
    if is_ascii:
        return min(start + max(room, 1), len(text))
    piece = text[start : start + 2 * room + 1]
    if cell_len(piece) <= room:
        return start + len(piece)
    fits = chop_cells(piece, max(room, 1))[0]
    return start + max(len(fits), 1)
