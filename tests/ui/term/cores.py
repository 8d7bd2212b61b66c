"""Terminals that count some characters differently, as real ones do.

Only what the painter writes of rows is understood: places, styles, erasing, text.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from wcwidth import wcwidth

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN: Final = re.compile(
    r"\x1b\[(?P<row>\d+)(?:;(?P<column>\d+))?H|\x1b\[(?P<on>\d*)C"
    r"|(?P<erase>\x1b\[K)|\x1b\[[\d;]*m|(?P<text>[^\x1b])"
)
_LETTERS: Final = (
    *((0x2E80, 0x303E), (0x3041, 0xA4CF), (0xAC00, 0xD7A3), (0xFF01, 0xFF60)),
)


@dataclass(frozen=True)
class Widths:
    """How many cells a terminal gives to what terminals disagree about.

    ``mark`` a mark that takes room (Mc), ``emoji`` a two-cell character that is no
    letter, ``flag`` half of a flag, ``skin`` a skin tone, ``variant`` what a selector
    adds to the character before it.
    """

    mark: int
    emoji: int
    flag: int
    skin: int
    variant: int

    def of(self, character: str) -> int:
        """Return how far a character moves the cursor."""
        code = ord(character)
        if 0x1F1E6 <= code < 0x1F200:
            return self.flag
        if 0x1F3FB <= code < 0x1F400:
            return self.skin
        if character == "\ufe0f":
            return self.variant
        if unicodedata.category(character) == "Mc":
            return self.mark
        width = max(wcwidth(character), 0)
        if width == 2 and not any(low <= code <= high for low, high in _LETTERS):
            return self.emoji
        return width


ALL_WIDTHS: Final = [
    Widths(*each) for each in product((0, 1), (1, 2), (1, 2), (0, 2), (0, 1))
]


class Core:
    """Rows of cells, written as a terminal without wrapping writes them."""

    def __init__(self, columns: int, lines: int, widths: Widths) -> None:
        self._columns = columns
        self._widths = widths
        self._rows = [[" "] * columns for _ in range(lines)]
        self._x = self._y = 0

    def row(self, y: int) -> str:
        """Return what a row shows."""
        return "".join(self._rows[y])

    def feed(self, written: str) -> None:
        """Take what the painter writes."""
        end = 0
        for token in _TOKEN.finditer(written):
            assert token.start() == end, written[end:]
            end = token.end()
            if token["row"]:
                self._y, self._x = int(token["row"]) - 1, int(token["column"] or 1) - 1
            elif token["on"] is not None:
                self._x += int(token["on"] or 1)
            elif token["erase"]:
                self._put(" " * (self._columns - self._x), self._x)
            elif token["text"]:
                self._write(token["text"])
        assert end == len(written), written[end:]

    def _write(self, character: str) -> None:
        row, width = self._rows[self._y], self._widths.of(character)
        if not width:
            if self._x:
                x = self._x - 1
                row[x - 1 if x and not row[x] else x] += character
            return
        x = min(self._x, self._columns - width)
        self._put([character, ""][:width], x)
        self._x = min(x + width, self._columns)

    def _put(self, cells: str | list[str], x: int) -> None:
        """Put cells into a row; of a wide character that loses a half nothing stays."""
        row, stop = self._rows[self._y], x + len(cells)
        if not row[x] and x:
            row[x - 1] = " "
        if stop < self._columns and not row[stop]:
            row[stop] = " "
        row[x:stop] = cells


DISPUTED: Final = (
    *("abc", "def ghi", "plain text here", "", "Łódź", "e\u0301te"),
    *("漢字", "한국어", "✅ ok", "नमस्ते", "री", "👍🏽 up", "🇩🇪 Berlin", "🇩"),
    *("x👨\u200d👩\u200d👧y", "⚠\ufe0f warn", "⚠\ufe0f⚠\ufe0f"),
)


def disputed_text(choice: Random, most: int) -> str:
    """Return some of the words, of so many cells, at some distance from the edge."""
    text = " " * choice.randrange(4)
    for word in choice.choices(DISPUTED, k=choice.randrange(5)):
        if cell_len(f"{text} {word}") <= most:
            text = f"{text} {word}"
    return text


def disputed_rows(seed: int, columns: int, lines: int) -> Iterator[tuple[int, str]]:
    """Yield rows that come one after the other, half empty, a line at their end."""
    choice = Random(seed)
    for _step in range(12):
        text = disputed_text(choice, columns // 2)
        blank = " " * (columns - 1 - cell_len(text))
        yield choice.randrange(lines), f"{text}{blank}│"
