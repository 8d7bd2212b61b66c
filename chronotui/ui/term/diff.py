"""The least a terminal has to be sent for it to show what is wanted.

``Painter`` holds what is wanted and what is shown; a ``Pen`` writes the difference:
rows that moved are moved by the terminal, the rest is written style by style.
"""

from __future__ import annotations

import re
from functools import lru_cache
from operator import ne, or_
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.ui.term.buffer import BLANK, CONTINUED, UNKNOWN, CellRow, Pieces, Surface
from chronotui.ui.term.widths import AT_PLACE, BEHIND, LEFT_BLANK, spoilt, ways, zones

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.console import Console

    from chronotui.ui.term.buffer import DrawnRow

SHORT_COLOUR, LONG_COLOUR = 3, 5
"""Parameters of a colour by number and of one by red, green and blue."""

_FLAGS: Final = frozenset(map(str, (1, 2, 3, 4, 5, 7, 8, 9, 21, 51, 52, 53)))
_DECORATIONS: Final = frozenset(map(str, (4, 7, 9, 21, 51, 52, 53)))
"""Flags that show on blanks."""

Run = tuple[int, int, str | None]
"""Row and column of a text; None: from there to the row's end is erased."""

ERASE: Final = "\x1b[K"


class Pen:
    """Writes cells of rows of a width; each place and style is said once."""

    def __init__(self, width: int, *, erases_in_colour: bool) -> None:
        self.erases_in_colour = erases_in_colour
        self._width = width
        self._out: list[str] = []
        self._style = ""
        self._at: tuple[int, int] | None = None

    def move(self, x: int, y: int) -> None:
        """Go to a cell, counted from 0."""
        at = self._at
        if at == (x, y):
            return
        by = 0 if at is None else x - at[0]
        if at is not None and at[1] == y and by > 0:
            there = f"\x1b[{by}C"  # never longer than the place in full
        else:
            there = f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H"
            # Behind the last cell terminals differ about where the cursor is.
            if at is not None and at[1] == y - 1 and -4 < by <= 0 < self._width - at[0]:
                there = min("\x1b[B" + "\b" * -by, there, key=len)
        self._out.append(there)
        self._at = (x, y)

    def style(self, style: str) -> None:
        if style != self._style:
            self._out.append(change_of_style(self._style, style))
            self._style = style

    def text(self, text: str) -> None:
        """Write text of one cell a character in the style in force."""
        self._out.append(text)
        if self._at is not None:
            self._at = (self._at[0] + len(text), self._at[1])

    def write(self, style: str, runs: Iterable[Run]) -> None:
        """Write texts of one-cell graphemes, or erase, in one style."""
        for y, x, text in runs:
            self.move(x, y)
            if style != self._style:
                self.style(style)
            self._out.append(ERASE if text is None else text)
            self._at = None if text is None else (x + len(text), y)

    def control(self, written: str) -> None:
        self._out.append(written)
        self._at = None

    def finish(self) -> str:
        """Return all that was written, with the terminal's own style restored."""
        self.style("")
        return "".join(self._out)


class SgrState(NamedTuple):
    """An SGR parameter string taken apart; a colour is its parameters."""

    flags: frozenset[str]
    foreground: str
    background: str


@lru_cache(4096)
def change_of_style(old: str, new: str) -> str:
    """Return the shortest writing that changes one style into another."""
    sgr, _, link = new.partition("\x1b")
    old_sgr, _, old_link = old.partition("\x1b")
    written = "\x1b]8;;\x1b\\" if old_link and old_link != link else ""
    written += _change_of_sgr(old_sgr, sgr)
    return written + "\x1b" + link if link and link != old_link else written


def _change_of_sgr(old: str, new: str) -> str:
    if old == new:
        return ""
    whole = f"\x1b[0;{new}m" if new and old else f"\x1b[{new}m"
    before, after = _sgr_state(old), _sgr_state(new)
    if before is None or after is None or not before.flags <= after.flags:
        return whole
    added = sorted(after.flags - before.flags)
    for was, becomes in zip(before[1:], after[1:], strict=True):
        if was and not becomes:
            return whole
        if was != becomes:
            added.append(becomes)
    return min(f"\x1b[{';'.join(added)}m", whole, key=len) if added else ""


@lru_cache(1024)
def _sgr_state(sgr: str) -> SgrState | None:
    """Take a parameter string apart; None when it says more than is known here."""
    words = sgr.split(";") if sgr else []
    flags, colours = set(), {"3": "", "4": ""}
    at = 0
    while at < len(words):
        word = words[at]
        size = 1
        if word in {"38", "48"}:
            size = LONG_COLOUR if words[at + 1 : at + 2] == ["2"] else SHORT_COLOUR
            colours[word[0]] = ";".join(words[at : at + size])
        elif word in _FLAGS:
            flags.add(word)
        elif len(word) == 2 and word[0] in colours and word[1] in "01234567":
            colours[word[0]] = word
        elif word[:-1] in {"9", "10"} and word[-1] in "01234567":
            colours["3" if word[0] == "9" else "4"] = word
        else:
            return None
        at += size
    return SgrState(frozenset(flags), colours["3"], colours["4"])


# Which cells differ, and the shortest writing that turns one row into another.

Changes = dict[int, bytes]
"""By row, a byte for each cell: 1 where it differs."""

Span = tuple[int, int]

BRIDGE: Final = 4
"""Unchanged cells rewritten rather than skipped: a move costs about as much."""

ERASE_FROM: Final = 8
"""Blank cells at the end of a row from which erasing is shorter than writing."""

_SPAN: Final = re.compile(rb"\x01(?:\x00{0,%d}\x01)*" % BRIDGE)
_ONE_STYLE: Final = re.compile(r"(.)\1*", re.DOTALL)


def differing(shown: CellRow, wanted: CellRow) -> bytes:
    """Return a byte for each cell, 1 where the rows differ; empty if nowhere."""
    marks: Iterable[bool] = ()
    if shown.cells != wanted.cells:
        marks = map(ne, shown.cells, wanted.cells)
    if shown.styles != wanted.styles:
        other = map(ne, shown.styles, wanted.styles)
        marks = map(or_, marks, other) if marks else other
    found = bytes(marks)
    return found if 1 in found else b""


def changes(
    shown: Sequence[CellRow], wanted: Sequence[CellRow], rows: Iterable[int]
) -> Changes:
    return {
        y: places
        for y in rows
        if shown[y] is not wanted[y]
        and shown[y] != wanted[y]
        and (places := differing(shown[y], wanted[y]))
    }


def write_rows(
    pen: Pen,
    pieces: Pieces,
    shown: Sequence[CellRow],
    wanted: Sequence[CellRow],
    changed: Changes,
) -> None:
    """Write what each wanted row has that the shown one has not.

    Rows of one-cell graphemes are written style by style, all rows together:
    changing the style costs more than going to another row.
    """
    by_style: dict[str, list[Run]] = {}
    blanks: list[tuple[str, Run]] = []
    ends = {wanted[y].styles[-1] for y in changed} if pen.erases_in_colour else set()
    erased = {code for code in ends if _can_be_erased(pieces.style(code))}
    for y, differs in changed.items():
        row, places = wanted[y], differs
        if UNKNOWN in row.cells:
            known = (2 if cell == UNKNOWN else 0 for cell in row.cells)
            places = bytes(map(max, places, known))
        if isinstance(row.cells, str) and isinstance(shown[y].cells, str):
            for code, run in _runs(y, row, places, erases=row.styles[-1] in erased):
                if run[2] and not run[2].strip(BLANK):
                    blanks.append((code, run))
                else:
                    by_style.setdefault(code, []).append(run)
        else:
            _write_graphemes(pen, pieces, y, (shown[y], row), places)
    if blanks:
        _add_blanks(by_style, blanks, pieces)
    for code, runs in by_style.items():
        pen.write(pieces.style(code), runs)


def _runs(
    y: int, row: CellRow, places: bytes, *, erases: bool
) -> Iterator[tuple[str, Run]]:
    """Yield what is to be written of a row of one-cell graphemes, with style codes.

    Its blank end is erased, if it may be and that is shorter.
    """
    text, styles = "".join(row.cells), row.styles
    end = len(text)
    if erases and text[-1] == BLANK:
        blank = max(len(text.rstrip(BLANK)), len(styles.rstrip(styles[-1])))
        end = blank if end - blank >= ERASE_FROM else end
    for found in _SPAN.finditer(places):
        start, stop = found.span()
        till, code = min(stop, end), styles[start]
        if styles.count(code, start, till) == till - start > 0:
            yield code, (y, start, text[start:till])
        else:
            for one in _ONE_STYLE.finditer(styles, start, till):
                x1, x2 = one.span()
                yield one[1], (y, x1, text[x1:x2])
        if stop > end:
            yield styles[-1], (y, max(start, end), None)
            return


def _add_blanks(
    by_style: dict[str, list[Run]], blanks: Sequence[tuple[str, Run]], pieces: Pieces
) -> None:
    """Add blanks to the first style they look the same in, among its other runs.

    Blanks show nothing of a style but its background.
    """
    first: dict[str, str] = {}
    for code in by_style:
        style = pieces.style(code)
        if _can_be_erased(style):
            first.setdefault(_background(style), code)
    grown = set()
    for code, run in blanks:
        style = pieces.style(code)
        goes_with = code
        if _can_be_erased(style):
            goes_with = first.setdefault(_background(style), code)
        by_style.setdefault(goes_with, []).append(run)
        grown.add(goes_with)
    for code in grown:
        by_style[code].sort(key=_place)


def _place(run: Run) -> tuple[int, int]:
    return run[:2]


def _background(style: str) -> str:
    state = _sgr_state(style)
    return "" if state is None else state.background


@lru_cache(1024)
def _can_be_erased(style: str) -> bool:
    """Whether what is erased in a style looks like blanks written in it."""
    state = None if "\x1b" in style else _sgr_state(style)
    return state is not None and state.flags.isdisjoint(_DECORATIONS)


def _write_graphemes(
    pen: Pen, pieces: Pieces, y: int, rows: tuple[CellRow, CellRow], places: bytes
) -> None:
    """Write a row that has, or had, graphemes of more than one character or cell.

    ``rows`` are the row as it is shown and as it is wanted. Graphemes that terminals
    count differently are written as `widths` has it.
    """
    shown, wanted = rows
    found = zones(wanted.cells)
    written = ways(found, len(wanted.cells))
    blanked, places = spoilt([*zones(shown.cells), *found], wanted.cells, places)
    for start, stop in blanked:
        for one in _ONE_STYLE.finditer(wanted.styles, start, stop):
            pen.move(one.start(), y)
            pen.style(pieces.style(one[1]))
            pen.text(BLANK * len(one[0]))
    for span in _SPAN.finditer(places):
        for x in range(*_whole(wanted, span.span())):
            cell, way = wanted.cells[x], written[x]
            if not cell or way == LEFT_BLANK:
                continue
            if way != BEHIND:
                pen.move(x, y)
            pen.style(pieces.style(wanted.styles[x]))
            is_single = len(cell) == 1 and wanted.cells[x + 1 : x + 2] != [CONTINUED]
            if way == AT_PLACE and is_single:
                pen.text(cell)
            else:
                pen.control(cell)


def _whole(row: CellRow, span: Span) -> Span:
    """Widen a range so that it cuts no wide grapheme in two."""
    start, stop = span
    while start and row.cells[start] == CONTINUED:
        start -= 1
    while stop < len(row.cells) and row.cells[stop] == CONTINUED:
        stop += 1
    return start, stop


# Rows that only moved, which the terminal can move itself.

LEAST_ROWS: Final = 4
"""Fewer rows than this are not worth a scroll region."""

ROW_COST: Final = 8
"""What going to a row costs, in cells."""

FEW_CELLS: Final = 8
"""Fewer cells than this change in a row that only has another mark."""


class Shift(NamedTuple):
    """Rows from ``top`` up to ``bottom`` move up by ``lines``; negative: down."""

    top: int
    bottom: int
    lines: int


def plain_shift(
    shown: Sequence[CellRow], wanted: Sequence[CellRow], touched: Iterable[int]
) -> Shift | None:
    """Return a move that surely pays, told by which rows are the very same ones.

    None where there is no such move: then `find_shift` looks at their cells.
    """
    rows = [y for y in touched if shown[y] is not wanted[y]]
    if len(rows) < LEAST_ROWS:
        return None
    places = {id(shown[y]): y for y in rows}
    votes: dict[int, list[int]] = {}
    for y in rows:
        place = places.get(id(wanted[y]))
        if place is not None:
            votes.setdefault(place - y, []).append(y)
    lines, moved = max(votes.items(), key=lambda vote: len(vote[1]), default=(0, rows))
    first, last = moved[0], moved[-1]
    if not lines or len(moved) != last - first + 1:
        return None
    # The row with the reader's mark moves as well, and changes a little on its way.
    known = frozenset(rows)
    first -= _looks_moved(shown, wanted, known, Shift(first - 1, first, lines))
    last += _looks_moved(shown, wanted, known, Shift(last + 1, last + 2, lines))
    top, bottom = first + min(lines, 0), last + max(lines, 0) + 1
    # Each row that moves is gone to and changed otherwise; each new one is all written.
    if len(moved) * ROW_COST <= abs(lines) * len(wanted[0].cells):
        return None
    if any(UNKNOWN in row.cells for row in wanted[top:bottom]):
        return None
    return Shift(top, bottom, lines)


def _looks_moved(
    shown: Sequence[CellRow],
    wanted: Sequence[CellRow],
    known: frozenset[int],
    one: Shift,
) -> bool:
    """Whether a row is to be, but for a few cells, what stands where it comes from."""
    y, source = one.top, one.top + one.lines
    if not known.issuperset((y, source)):
        return False
    return differing(shown[source], wanted[y]).count(1) < FEW_CELLS


def find_shift(
    shown: Sequence[CellRow], wanted: Sequence[CellRow], changed: Changes
) -> Shift | None:
    """Return the move that saves the most cells, None when none saves any."""
    if len(changed) < LEAST_ROWS:
        return None
    top, bottom = min(changed), max(changed) + 1
    left = min(places.find(1) for places in changed.values())
    right = max(places.rfind(1) for places in changed.values()) + 1
    lines = _likely_lines(shown[top:bottom], wanted[top:bottom], slice(left, right))
    if not lines or abs(lines) >= bottom - top - 1:
        return None
    if any(UNKNOWN in row.cells for row in wanted[top:bottom]):
        return None  # what is not known would move along and never be put right
    # A marked row that stays at the edge is cheaper to change than to move on.
    edge = Shift(top + (lines < 0), bottom - (lines > 0), lines)
    before = _cost(changed.values())
    costs = {}
    for shift in (Shift(top, bottom, lines), edge):
        moved = shifted(shown, shift)
        costs[shift] = _cost(changes(moved, wanted, range(top, bottom)).values())
    best = min(costs, key=costs.__getitem__)
    return best if costs[best] * 4 < before * 3 else None


def _likely_lines(
    shown: Sequence[CellRow], wanted: Sequence[CellRow], columns: slice
) -> int:
    """Return by how many lines most rows moved up; 0 when that cannot be told."""
    places: dict[str | tuple[str, ...], int] = {}
    for y, key in enumerate(_parts(shown, columns)):
        places[key] = -1 if key in places else y
    places.pop(BLANK * (columns.stop - columns.start), None)
    votes: dict[int, int] = {}
    for y, key in enumerate(_parts(wanted, columns)):
        place = places.get(key, -1)
        if place >= 0:
            votes[place - y] = votes.get(place - y, 0) + 1
    likely = max(votes, key=votes.__getitem__, default=0)
    # What fewer rows agree on does not save a quarter of the cells.
    return likely if votes.get(likely, 0) * 4 >= len(wanted) else 0


def _parts(rows: Sequence[CellRow], columns: slice) -> list[str | tuple[str, ...]]:
    parts = [row.cells[columns] for row in rows]
    return [part if isinstance(part, str) else tuple(part) for part in parts]


def _cost(rows: Iterable[bytes]) -> int:
    """Count the cells that differ, and what going to their rows costs."""
    return sum(places.count(1) + ROW_COST for places in rows)


def shifted(shown: Sequence[CellRow], shift: Shift) -> list[CellRow]:
    """Return the rows as they look after the move; the new ones are blank."""
    rows = list(shown)
    width = len(rows[0].cells)
    for y in range(shift.top, shift.bottom):
        source = y + shift.lines
        if shift.top <= source < shift.bottom:
            rows[y] = shown[source]
        else:
            rows[y] = CellRow.of(BLANK, width)
    return rows


def write_shift(pen: Pen, shift: Shift) -> None:
    pen.style("")
    pen.control(f"\x1b[{shift.top + 1};{shift.bottom}r")
    if shift.lines > 0:
        pen.move(0, shift.bottom - 1)
        pen.control("\n" * shift.lines)
    else:
        pen.move(0, shift.top)
        pen.control("\x1bM" * -shift.lines)
    pen.control("\x1b[r")


PASSES_BY: Final = re.compile(
    r"(?:\x1b\[\?(?!1049|47|1047)[\d;]+[hl]"  # modes, but for the other screen
    r"|\x1b\[\?[\d;]*\$p|\x1b\[[<>=?]?[\d;]*u|\x1b\[>[\d;]*[a-zA-Z]|\x1b\[c"
    r"|\x1b\](?:0|2|9|22|52|777);[^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x1b\[2[23];2t"
    r"|\x1bP[^\x1b]*(?:\x1b\x1b[^\x1b]*)*\x1b\\"
    r"|\x07)+"
)
"""Writes that change no cell: modes, questions, titles, clipboard, bell."""


class Painter:
    """Takes what Textual writes and returns what the terminal has to be sent.

    ``feed`` returns what must be written at once (all that is no painting);
    ``flush`` returns the painting that is due. Between the two the wanted screen
    may change any number of times: only the last state is written.
    """

    def __init__(
        self, width: int, height: int, *, erases_in_colour: bool = False
    ) -> None:
        self._erases_in_colour = erases_in_colour
        self.resize(width, height)

    def resize(self, width: int, height: int) -> None:
        """Start over with a screen of another size, all of it unknown."""
        self._wanted = Surface(width, height)
        self._forget()
        self._cursor_moved = False

    @property
    def is_due(self) -> bool:
        return bool(self._touched) or self._cursor_moved

    def feed(self, written: str) -> str:
        """Take one write; returns what has to be passed on at once."""
        due = ""
        if self._pieces.is_full:
            due = self.flush()
            self._forget()
        cursor = self._wanted.cursor
        touched = self._wanted.paint(written, self._pieces)
        if touched is not None:
            self._touched |= touched
            self._cursor_moved = self._cursor_moved or self._wanted.cursor != cursor
            return due
        if PASSES_BY.fullmatch(written):
            return due + written
        due += self.flush()
        self._forget()
        return due + written

    def put_rows(
        self, x: int, rows: Mapping[int, DrawnRow], width: int, console: Console
    ) -> bool:
        """Take rows of ``width`` cells, wanted from column ``x`` on, by screen row.

        Returns:
            False, with none of them taken, when they are not all known to fit.
        """
        pieces = self._pieces
        if pieces.is_full or x + width > self._wanted.width:
            return False
        placed: dict[int, CellRow] = {}
        wanted, is_whole = self._wanted.rows, width == self._wanted.width
        for y, row in rows.items():
            piece = row.piece(pieces, console)
            if piece is None or len(piece.cells) != width or y >= self._wanted.height:
                return False
            if is_whole:
                placed[y] = row.whole(piece)
            else:
                placed[y] = wanted[y].with_piece(x, piece)
        for y, placed_row in placed.items():
            wanted[y] = placed_row
        self._touched.update(placed)
        return True

    def prepare(self, rows: Iterable[DrawnRow], console: Console) -> None:
        """Take rows apart that `put_rows` will likely be given."""
        for row in rows:
            if not self._pieces.is_full:
                row.piece(self._pieces, console)

    def _forget(self) -> None:
        """Take every cell as unknown: what is painted next is painted whole."""
        self._pieces = Pieces()
        self._wanted.forget()
        self._shown = list(self._wanted.rows)
        self._touched: set[int] = set()

    def flush(self, *, keeps_cursor: bool = True) -> str:
        """Return the writing that makes the terminal show what is wanted.

        Args:
            keeps_cursor: Whether the cursor must be where it is wanted afterwards.
        """
        if not self.is_due:
            return ""
        pen = Pen(self._wanted.width, erases_in_colour=self._erases_in_colour)
        shown, wanted = self._shown, self._wanted.rows
        rows = sorted(self._touched)
        shift = plain_shift(shown, wanted, rows)
        if shift is None:
            changed = changes(shown, wanted, rows)
            shift = find_shift(shown, wanted, changed)
        if shift is not None:
            write_shift(pen, shift)
            shown = self._shown = shifted(shown, shift)
            rows = sorted(self._touched.union(range(shift.top, shift.bottom)))
            changed = changes(shown, wanted, rows)
        write_rows(pen, self._pieces, shown, wanted, changed)
        for y in rows:  # also where only the object is another one
            shown[y] = wanted[y]
        self._touched = set()
        painted = pen.finish()
        if (painted and keeps_cursor) or self._cursor_moved:
            x, y = self._wanted.cursor
            painted += f"\x1b[{y + 1};{x + 1}H"
        self._cursor_moved = False
        return painted
