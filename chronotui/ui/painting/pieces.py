"""Styled text as cells: what Textual writes taken apart."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import split_graphemes
from rich.segment import Segment
from textual.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    """Whether each character of a text surely takes one cell; a control does not."""
    return (text.isascii() and text.isprintable()) or _SINGLE.issuperset(text)


class Styles:
    """Styles as single characters, so that those of a row are one string.

    A style is the parameter string of an SGR sequence, then the OSC 8 sequence of a
    link if there is one; "" is the terminal's own.
    """

    def __init__(self) -> None:
        self._styles = [""]
        self._codes = {"": PLAIN}

    @property
    def is_full(self) -> bool:
        """Whether it is time to begin anew."""
        return len(self._styles) >= MOST_STYLES

    def code(self, style: str) -> str:
        """Return the character that stands for a style."""
        code = self._codes.get(style)
        if code is None:
            code = self._codes[style] = chr(len(self._styles))
            self._styles.append(style)
        return code

    def style(self, code: str) -> str:
        """Return the style a character stands for."""
        return self._styles[ord(code)]


class Piece(NamedTuple):
    """What writing from one cell on puts into a row, a style code for each cell.

    ``sgr`` and ``link`` are in force after it.
    """

    cells: Cells
    styles: str
    sgr: str = ""
    link: str = ""


class Pieces:
    """Takes writing apart and remembers what came of it.

    Attributes:
        styles: The codes of the styles met so far.
    """

    def __init__(self) -> None:
        self.styles = Styles()
        self.piece_of = lru_cache(REMEMBERED)(self._piece_of)
        self._codes: dict[Style | None, str] = {None: PLAIN}

    def of_segments(
        self, segments: Sequence[Segment], console: Console
    ) -> Piece | None:
        """Return the piece that segments make; None when they are more than that."""
        text = "".join([segment.text for segment in segments])
        if not is_single(text):
            return self.piece_of(Strip(segments).render(console))
        codes = self._codes
        try:
            styles = "".join([codes[style] * len(part) for part, style, _ in segments])
        except KeyError:
            for _, style, _ in segments:
                codes[style] = self._code_of(style, console)
            return self.of_segments(segments, console)
        return Piece(text, styles)

    def _code_of(self, style: Style | None, console: Console) -> str:
        piece = self.piece_of(Strip([Segment(BLANK, style)]).render(console))
        return piece.styles if piece is not None else PLAIN

    def _piece_of(self, written: str, sgr: str = "", link: str = "") -> Piece | None:
        """Return the piece written in a style; None when it is more than that."""
        texts: list[Cells] = []
        codes: list[str] = []
        length = 0
        for token in _TOKEN.finditer(written):
            length += token.end() - token.start()
            if token.lastgroup == "text":
                text = token["text"]
                cells = text if is_single(text) else cells_of(text)
                texts.append(cells)
                codes.append(self.styles.code(sgr + link) * len(cells))
            elif token.lastgroup == "sgr":
                sgr = _after(sgr, token["sgr"])
            else:
                link = token["link"]
                link = "" if link.startswith("\x1b]8;;\x1b") else link
        if length != len(written):
            return None
        return Piece(_joined(texts), "".join(codes), sgr, link)


def _joined(texts: Sequence[Cells]) -> Cells:
    single = [text for text in texts if isinstance(text, str)]
    if len(single) == len(texts):
        return "".join(single)
    return [cell for text in texts for cell in text]


def cells_of(text: str) -> list[str]:
    """Return the cells a text takes."""
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
