"""A grid of styled cells, and how what Textual writes changes it.

Text is taken apart into cells and style codes, so that rows are compared, joined and
cut as strings, without a look at each cell.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import split_graphemes
from rich.segment import Segment
from textual.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console
    from rich.style import Style


UNKNOWN: Final = "\0"
CONTINUED: Final = ""
BLANK: Final = " "

Cells = str | list[str]
"""A grapheme in its first cell, ``CONTINUED`` in its further cells, or unknown.

Where every grapheme is one character in one cell they are one string: its parts
are compared, joined and cut without a look at each.
"""

PLAIN: Final = "\0"
"""The code of the terminal's own style."""

_MOVE: Final = re.compile(r"\x1b\[(\d+);(\d+)H")
_TOKEN: Final = re.compile(
    r"\x1b\[(?P<sgr>[\d;:]*)m"
    r"|(?P<link>\x1b\]8;[^\x07\x1b]*(?:\x1b\\|\x07))"
    r"|(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
)
_SINGLE: Final = frozenset(
    map(
        chr,
        [
            *range(0x20, 0x7F),
            *range(0xA0, 0xAD),
            *range(0xAE, 0x300),
            *range(0x2500, 0x25FD),
        ],
    )
)

REMEMBERED: Final = 1024
"""Written pieces of rows whose cells are kept: rows come again when a view scrolls."""

MOST_STYLES: Final = 1 << 14
"""Styles told apart before all is forgotten: a log may bring a new one a cell."""


def is_single(text: str) -> bool:
    """Tell if each character of a text surely takes one cell; a control does not."""
    return (text.isascii() and text.isprintable()) or _SINGLE.issuperset(text)


class StyledCells(NamedTuple):
    """What writing from one cell on puts into a row, a style code for each cell.

    ``sgr`` and ``link`` are in force after it.
    """

    cells: Cells
    styles: str
    sgr: str = ""
    link: str = ""


class Pieces:
    """Takes writing apart and remembers what came of it.

    Styles are single characters, so that those of a row are one string. A style is
    the parameter string of an SGR sequence, then the OSC 8 sequence of a link if there
    is one; "" is the terminal's own.
    """

    def __init__(self) -> None:
        self._styles = [""]
        self._codes = {"": PLAIN}
        self.piece_of = lru_cache(REMEMBERED)(self._piece_of)
        self._codes_of_styles: dict[Style | None, str] = {None: PLAIN}

    @property
    def is_full(self) -> bool:
        return len(self._styles) >= MOST_STYLES

    def style(self, code: str) -> str:
        return self._styles[ord(code)]

    def _code(self, style: str) -> str:
        code = self._codes.get(style)
        if code is None:
            code = self._codes[style] = chr(len(self._styles))
            self._styles.append(style)
        return code

    def of_segments(
        self, segments: Sequence[Segment], console: Console
    ) -> StyledCells | None:
        """Return the piece that segments make; None when they are more than text."""
        text = "".join([segment.text for segment in segments])
        if not is_single(text):
            return self.piece_of(Strip(segments).render(console))
        codes = self._codes_of_styles
        try:
            styles = "".join([codes[style] * len(part) for part, style, _ in segments])
        except KeyError:
            for _, style, _ in segments:
                blank = Strip([Segment(BLANK, style)]).render(console)
                piece = self.piece_of(blank)
                codes[style] = piece.styles if piece is not None else PLAIN
            return self.of_segments(segments, console)
        return StyledCells(text, styles)

    def _piece_of(
        self, written: str, sgr: str = "", link: str = ""
    ) -> StyledCells | None:
        """Return the piece written in a style; None when it is more than text."""
        texts: list[Cells] = []
        codes: list[str] = []
        length = 0
        for token in _TOKEN.finditer(written):
            length += token.end() - token.start()
            if token.lastgroup == "text":
                text = token["text"]
                cells = text if is_single(text) else cells_of(text)
                texts.append(cells)
                codes.append(self._code(sgr + link) * len(cells))
            elif token.lastgroup == "sgr":
                sgr = _after(sgr, token["sgr"])
            else:
                link = token["link"]
                link = "" if link.startswith("\x1b]8;;\x1b") else link
        if length != len(written):
            return None
        return StyledCells(_joined(texts), "".join(codes), sgr, link)


def _joined(texts: Sequence[Cells]) -> Cells:
    single = [text for text in texts if isinstance(text, str)]
    if len(single) == len(texts):
        return "".join(single)
    return [cell for text in texts for cell in text]


def cells_of(text: str) -> list[str]:
    cells: list[str] = []
    spans, _ = split_graphemes(text)
    for start, end, width in spans:
        if width:
            cells.append(text[start:end])
            cells.extend([CONTINUED] * (width - 1))
        elif cells:
            last = len(cells) - 1
            while last and cells[last] == CONTINUED:
                last -= 1
            cells[last] += text[start:end]
    return cells


def _after(current: str, parameters: str) -> str:
    """Return the style in force after one more SGR sequence."""
    if parameters in {"", "0"}:
        return ""
    if parameters.startswith("0;"):
        return parameters[2:]
    return f"{current};{parameters}" if current else parameters


class DrawnRow:
    """Styled text that fills a widget's row; its segments are not changed afterwards.

    What the compositor needs of it and what the painter needs are both made when
    first asked for: a row of a log that floods is mostly asked for one of them, once.
    """

    __slots__ = ("_made", "_segments", "_strip", "_whole")

    def __init__(self, segments: Iterable[Segment]) -> None:
        self._segments = list(segments)
        self._strip: Strip | None = None
        self._made: tuple[Pieces, StyledCells | None] | None = None
        self._whole: CellRow | None = None

    @property
    def segments(self) -> Sequence[Segment]:
        return self._segments

    @property
    def strip(self) -> Strip:
        """The row for Textual's compositor."""
        if self._strip is None:
            self._strip = Strip(self.segments)
        return self._strip

    def piece(self, pieces: Pieces, console: Console) -> StyledCells | None:
        """Return the row as the painter's cells; None when it is more than text."""
        if self._made is None or self._made[0] is not pieces:
            self._made = (pieces, pieces.of_segments(self.segments, console))
            self._whole = None
        return self._made[1]

    def whole(self, piece: StyledCells) -> CellRow:
        """Return its piece as a row of the screen; the same object at each call.

        So that rows which moved are told by what they are and not by how they look.
        """
        if self._whole is None:
            self._whole = CellRow(piece.cells, piece.styles)
        return self._whole


class Layout:
    """Where in rows of a width which style begins; many rows share one.

    Args:
        parts: Cells and their style, from left to right.
    """

    __slots__ = ("_codes", "_pieces", "parts")

    def __init__(self, parts: Sequence[tuple[int, Style | None]]) -> None:
        self.parts = parts
        self._pieces: Pieces | None = None
        self._codes = ""

    def codes(self, pieces: Pieces, console: Console) -> str:
        """Return the style code of each cell."""
        if self._pieces is not pieces:
            blank = [Segment(BLANK * cells, style) for cells, style in self.parts]
            piece = pieces.of_segments(blank, console)
            self._codes = "" if piece is None else piece.styles
            self._pieces = pieces
        return self._codes


class PlainRow(DrawnRow):
    """A drawn row of one-cell characters: a text, and a layout that fits it."""

    __slots__ = ("_layout", "_text")

    def __init__(self, text: str, layout: Layout) -> None:
        super().__init__(())
        self._text = text
        self._layout = layout

    @property
    def segments(self) -> Sequence[Segment]:
        if not self._segments:
            end = 0
            for cells, style in self._layout.parts:
                start, end = end, end + cells
                self._segments.append(Segment(self._text[start:end], style))
        return self._segments

    def piece(self, pieces: Pieces, console: Console) -> StyledCells | None:
        if self._made is None or self._made[0] is not pieces:
            codes = self._layout.codes(pieces, console)
            self._made = (pieces, StyledCells(self._text, codes))
            self._whole = None
        return self._made[1]


class CellRow(NamedTuple):
    """One row: its cells and the code of the style each was written with.

    Never changed in place, so two screens may share one.
    """

    cells: Cells
    styles: str

    @classmethod
    def of(cls, cell: str, width: int) -> CellRow:
        """Return a row of one cell over and over, in the terminal's own style."""
        return cls(cell * width, PLAIN * width)

    def with_piece(self, x: int, piece: StyledCells) -> CellRow:
        """Return the row with a piece from cell ``x`` on, as far as there is room."""
        old, new = self.cells, piece.cells
        end = min(x + len(new), len(old))
        styles = piece.styles[: end - x]
        if end - x < len(old):
            styles = self.styles[:x] + styles + self.styles[end:]
        if isinstance(new, str) and (end - x == len(old) or isinstance(old, str)):
            new = new[: end - x]
            if end - x < len(old):
                new = f"{old[:x]}{new}{old[end:]}"
            return CellRow(new, styles)
        return CellRow(_with_cells(old, x, new[: end - x]), styles)


def _with_cells(old: Cells, x: int, new: Sequence[str]) -> Cells:
    """Write over cells of which some take more than one character, or two cells."""
    cells = list(old)
    _halve(cells, x, x + len(new))
    cells[x : x + len(new)] = new
    text = "".join(cells)
    if len(text) == len(cells) and CONTINUED not in cells:
        return text if is_single(text.replace(UNKNOWN, BLANK)) else cells
    return cells


def _halve(cells: list[str], start: int, end: int) -> None:
    """Forget the other half of a wide grapheme that is written over."""
    if start < len(cells) and cells[start] == CONTINUED:
        left = start - 1
        while left > 0 and cells[left] == CONTINUED:
            left -= 1
        cells[left:start] = [UNKNOWN] * (start - left)
    right = end
    while right < len(cells) and cells[right] == CONTINUED:
        cells[right] = UNKNOWN
        right += 1


class Surface:
    """What a terminal of ``width`` by ``height`` cells shows, and its cursor."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.cursor = (0, 0)
        self.forget()

    def forget(self) -> None:
        self.rows = [CellRow.of(UNKNOWN, self.width)] * self.height

    def paint(self, painting: str, pieces: Pieces) -> set[int] | None:
        """Apply a painting.

        Returns:
            The numbers of the rows it wrote to, or None, with nothing applied,
            when it holds anything but moves, styles, links and text.
        """
        planned: list[tuple[int, int, StyledCells]] = []
        x, y = self.cursor
        sgr = link = ""
        parts = _MOVE.split(painting)
        for at in range(0, len(parts), 3):
            if at:
                y, x = int(parts[at - 2]) - 1, int(parts[at - 1]) - 1
            for number, written in enumerate(parts[at].split("\n")):
                y += number > 0
                if not written:
                    continue
                piece = pieces.piece_of(written, sgr, link)
                if piece is None:
                    return None
                sgr, link = piece.sgr, piece.link
                if y < self.height and x < self.width and piece.cells:
                    planned.append((x, y, piece))
                    x = min(x + len(piece.cells), self.width)
        for column, row, piece in planned:
            self.rows[row] = self.rows[row].with_piece(column, piece)
        self.cursor = (x, y)
        return {row for _, row, _ in planned}
