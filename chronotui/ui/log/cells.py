"""Text as styled cells: tabs, widths, wraps, colours, and what of a message is shown.

Positions are character indices; columns are cells. Widths are the ones Textual lays
out with, so that what is measured is what is painted.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import accumulate, chain, islice, pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import get_character_cell_size, split_graphemes
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from chronotui.text import clean, parse_ansi, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from chronotui.text import Span, StyleSpec


def percent(done: int, total: int) -> str:
    """Return ``34 %``; never 100 before all is done."""
    return f"{100 * done // max(total, 1)} %"


class Run(NamedTuple):
    """Characters ``start`` to ``end`` (not included) in one style."""

    start: int
    end: int
    style: Style


_start: Final = attrgetter("start")
_end: Final = attrgetter("end")


def overlay(runs: Sequence[Run], over: Iterable[Run]) -> list[Run]:
    """Lay ordered runs, none meeting another, over runs that cover the text."""
    result: list[Run] = []
    pending = iter(over)
    top = next(pending, None)
    for start, end, style in runs:
        at = start
        while top is not None and top.start < end:
            left, right = max(top.start, at), min(top.end, end)
            if left > at:
                result.append(Run(at, left, style))
            if right > left:
                result.append(Run(left, right, style + top.style))
            at = max(right, at)
            if top.end > end:
                break
            top = next(pending, None)
        if at < end:
            result.append(Run(at, end, style))
    return result


def segments(text: str, runs: Sequence[Run], start: int, end: int) -> list[Segment]:
    """Return characters ``start`` to ``end`` of a text as segments.

    The runs are in order and none meets another; only those of the part are looked at.
    """
    first = bisect_right(runs, start, key=_end)
    last = bisect_left(runs, end, first, key=_start)
    return [
        Segment(text[max(run.start, start) : min(run.end, end)], run.style)
        for run in runs[first:last]
    ]


@lru_cache(maxsize=1024)
def rich_style(spec: StyleSpec) -> Style:
    """Return a style that says only what the program said."""
    return Style(
        color=_color(spec.fg),
        bgcolor=_color(spec.bg),
        bold=spec.bold or None,
        dim=spec.dim or None,
        italic=spec.italic or None,
        underline=spec.underline or None,
        reverse=spec.reverse or None,
    )


def _color(color: int | tuple[int, int, int] | None) -> Color | None:
    if color is None:
        return None
    if isinstance(color, int):
        return Color.from_ansi(color)
    return Color.from_rgb(*color)


TAB: Final = 8
"""Columns between tab stops."""

PIECE: Final = 512
"""Characters measured at once: about a screen's width of any script."""

JOINER: Final = "\u200d"
SELECTOR: Final = "\ufe0f"

BREAK_SHARE: Final = 4
"""A wrapped part ends at a space if one is in its last 1/4."""


class Tabbed:
    """Text with its tabs turned into spaces, and how positions moved.

    Args:
        text: The text.
        most: Characters after which what follows another tab is left out.
    """

    __slots__ = ("_added", "_at", "text")

    def __init__(self, text: str, most: int | None = None) -> None:
        self._at: list[int] = []
        self._added: list[int] = [0]
        if "\t" not in text:
            self.text = text
            return
        pieces: list[str] = []
        column = position = 0
        *tabbed, last = text.split("\t")
        for piece in tabbed:
            column += len(piece) if piece.isascii() else Grid(piece).width
            spaces = TAB - column % TAB
            pieces += (piece, " " * spaces)
            column += spaces
            position += len(piece) + 1
            self._at.append(position)
            self._added.append(self._added[-1] + spaces - 1)
            if most is not None and position + self._added[-1] >= most:
                break
        else:
            pieces.append(last)
        self.text = "".join(pieces)

    def place(self, position: int) -> int:
        """Return where a position of the text with tabs is now."""
        return position + self._added[bisect_right(self._at, position)]


class Grid:
    """Columns of a text without tabs and control characters.

    A text that is not ASCII is measured as far as is asked for, a piece at a time.
    """

    __slots__ = ("_columns", "_starts", "_stop", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._stop = 0
        self._starts: list[int] | None = None
        self._columns: list[int] = [0]
        if not text.isascii():
            self._starts = []

    @property
    def width(self) -> int:
        if self._starts is None:
            return len(self.text)
        while self._measure(self._starts):
            pass
        return self._columns[-1]

    def _measure(self, starts: list[int]) -> bool:
        """Measure one more piece, which ends where a cluster does; False at the end."""
        text, start = self.text, self._stop
        end = min(start + PIECE, len(text))
        while end < len(text) and _goes_on(text, end):
            end += 1
        if start == end:
            return False
        piece, column = text[start:end], self._columns[-1]
        if piece.isascii():
            starts += range(start, end)
            self._columns += range(column + 1, column + end - start + 1)
        else:
            clusters, _width = split_graphemes(piece)
            starts += [start + at for at, _end, _cells in clusters]
            widths = (cells for _start, _end, cells in clusters)
            self._columns += islice(accumulate(widths, initial=column), 1, None)
        self._stop = end
        return True

    def column(self, position: int) -> int:
        """Return the column a character starts at (its cluster's, if it is inside)."""
        starts = self._starts
        if starts is None:
            return min(position, len(self.text))
        if position >= len(self.text):
            return self.width
        while position >= self._stop:
            self._measure(starts)
        return self._columns[bisect_right(starts, position) - 1]

    def cut(self, left: int, right: int) -> tuple[int, int, int]:
        """Return what of the text fits whole between two columns.

        Returns:
            Start and end position, and how many columns after ``left`` the start
            lies: a wide character cut by the edge leaves a blank there.
        """
        starts, columns = self._starts, self._columns
        if starts is None:
            return min(left, len(self.text)), min(right, len(self.text)), 0
        while columns[-1] <= right and self._measure(starts):
            pass
        first = bisect_left(columns, left)
        last = bisect_right(columns, right) - 1
        if first >= len(starts) or last <= first:
            end = starts[first] if first < len(starts) else len(self.text)
            return end, end, 0
        end = starts[last] if last < len(starts) else len(self.text)
        return starts[first], end, columns[first] - left

    def wrap(self, width: int, indent: int = 0) -> list[tuple[int, int]]:
        """Cut into parts of at most ``width`` cells, the later ones ``indent`` less.

        Returns:
            Start and end position of each part, at least one part.
        """
        parts: list[tuple[int, int]] = []
        start = column = 0
        room = max(width, 1)
        while self.width - column > room:
            _start, end, _lead = self.cut(column, column + room)
            end = self._break(start, max(end, self._next(start)), room)
            parts.append((start, end))
            start, column = end, self.column(end)
            room = max(width - indent, 1)
        if start < len(self.text) or not parts:
            parts.append((start, len(self.text)))
        return parts

    def _next(self, position: int) -> int:
        """Return where the next cluster starts, for one wider than the room."""
        starts = self._starts
        if starts is None:
            return position + 1
        while position + 1 >= self._stop and self._measure(starts):
            pass
        index = bisect_right(starts, position)
        return starts[index] if index < len(starts) else len(self.text)

    def _break(self, start: int, end: int, room: int) -> int:
        """Prefer the end of a word where that costs little room."""
        space = self.text.rfind(" ", max(start + 1, end - room // BREAK_SHARE), end)
        return end if space < 0 else space + 1


def _goes_on(text: str, position: int) -> bool:
    """Whether a character belongs to the cluster of the one before."""
    return (
        text[position - 1] == JOINER
        or text[position] in {JOINER, SELECTOR}
        or not get_character_cell_size(text[position])
    )


def indent_of(text: str, width: int) -> int:
    """Return the hanging indent of a wrapped text: its own and two more, if it fits."""
    own = len(text) - len(text.lstrip(" "))
    return own + 2 if own + 2 <= width // 2 else min(2, width // 4)


# JSON, indented. Numbers keep their digits, keys that come twice come twice.

INDENT: Final = 2
DEEPEST: Final = 40
"""Levels that are still indented further."""

LONGEST: Final = 1 << 20
"""Characters beyond which a message is not read as JSON: it would take too long."""

_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[{}\[\],:]|[^\s{}\[\],:"]++')
_EMPTY: Final = {"{": "}", "[": "]"}


class JsonStyles(NamedTuple):
    """How a piece of JSON is coloured; brackets, colons and commas are not."""

    key: Style
    text: Style
    value: Style


def is_json(message: str) -> bool:
    """Whether a message is one JSON object or list."""
    text = message.strip() if len(message) <= LONGEST else ""
    if not text.startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def why_no_json(message: str) -> str:
    """Return why a message is not shown indented; "" where it can be."""
    if len(message) > LONGEST and message.lstrip()[:1] in {"{", "["}:
        return "This line is too large to lay out here; enter opens it."
    return "" if is_json(message) else "This line is not JSON."


def pretty_json(message: str, styles: JsonStyles) -> Iterator[tuple[str, list[Run]]]:
    """Yield the lines of a text known to be JSON, indented, harmless, and coloured."""
    line = _JsonLine(styles)
    depth = 0
    before = ""
    found = (match.group() for match in _TOKEN.finditer(message))
    for piece, after in pairwise(chain(found, [""])):
        if piece in "]}" and _EMPTY.get(before) != piece:
            depth -= 1
            yield line.take(depth)
        line.add(piece, after)
        before = piece
        if piece in "[{":
            if _EMPTY[piece] == after:
                continue
            depth += 1
        if piece in "[{,":
            yield line.take(depth)
    yield line.take(0)


class _JsonLine:
    """A line in the making."""

    def __init__(self, styles: JsonStyles) -> None:
        self._styles = styles
        self._pieces: list[str] = []
        self._length = 0
        self._runs: list[Run] = []

    def add(self, piece: str, after: str) -> None:
        text = clean(piece) + " " * (piece == ":")
        start, self._length = self._length, self._length + len(text)
        self._pieces.append(text)
        if piece not in "{}[],:":
            is_text = piece.startswith('"')
            key, of_text, value = self._styles
            style = value if not is_text else key if after == ":" else of_text
            self._runs.append(Run(start, self._length, style))

    def take(self, depth: int) -> tuple[str, list[Run]]:
        """Return the line, and begin the next one so deep."""
        line = ("".join(self._pieces), self._runs)
        indent = " " * (INDENT * min(depth, DEEPEST))
        self._pieces, self._length, self._runs = [indent], len(indent), []
        return line


# What of a message is shown: cleaned, coloured, capped, or as indented JSON.

MOST_SHOWN: Final = 8192
"""Characters of one message in the list; the rest is for the line's own screen."""

MOST_JSON_LINES: Final = 200
"""Lines of one indented message in the list."""

MOST_WHOLE: Final = 1 << 18
"""Characters of one message on a screen of its own; the rest must be saved."""

MOST_WHOLE_WIDE: Final = 1 << 16
"""The same where they are not ASCII: each has to be measured."""


MOST_REMEMBERED: Final = 1 << 17
"""Characters of a message that is kept as it is shown, for a screenful of them."""

LONGEST_PICTURE: Final = 8
"""Characters that may stand for one: its number."""


class Paragraph(NamedTuple):
    """A stretch of text that wraps on its own; ``source`` maps its tabs."""

    grid: Grid
    runs: Sequence[Run]
    source: Tabbed | None = None
    raw: str = ""

    def lit(self, places: Iterable[tuple[int, int]], style: Style) -> Paragraph:
        """Return it with matches, found in the text of `searched`, laid over it."""
        place = self.source.place if self.source else int
        found = [Run(place(start), place(end), style) for start, end in places]
        return self._replace(runs=overlay(self.runs, found)) if found else self

    def indent(self, width: int) -> int:
        return indent_of(self.grid.text, width)

    @property
    def searched(self) -> str:
        """The text matches are looked for in: its tabs are still tabs."""
        return self.raw if self.source else self.grid.text


def shown_message(message: str, base: Style, aside: Style) -> Paragraph:
    if len(message) <= MOST_SHOWN and message.isascii() and message.isprintable():
        return Paragraph(Grid(message), (Run(0, len(message), base),))
    note = f" … {byte_size(message)}, Enter opens"
    capped = _remembered if len(message) <= MOST_REMEMBERED else _capped
    return capped(message, Run(0, MOST_SHOWN, base), note, aside)


def whole_message(message: str, base: Style, aside: Style) -> Paragraph:
    most = MOST_WHOLE if message.isascii() else MOST_WHOLE_WIDE
    note = f" … the first {most:,} characters of {byte_size(message)}: save it"
    return _capped(message, Run(0, most, base), note, aside)


def _capped(message: str, most: Run, note: str, note_style: Style) -> Paragraph:
    """Return a message in a style, a note behind what fits into a run.

    Neither is more read than fits, nor shown: a character may stand for eight.
    """
    last = message.rfind("\r", 0, len(message.rstrip("\r\n"))) + 1
    cut = len(message) - last > most.end
    # Colours of the states before the last one stay on; of too much they do not.
    kept = message if len(message) <= most.end else message[last : last + most.end]
    text, spans = _parsed(kept, most.end)
    cut = cut or len(text) > most.end
    raw = text[: most.end]
    tabbed = Tabbed(raw, most.end)
    shown = tabbed.text[: most.end]
    cut = cut or len(shown) < len(tabbed.text)
    place = tabbed.place
    runs: Sequence[Run] = overlay(
        (Run(0, len(shown), most.style),),
        [Run(place(s.start), place(s.end), rich_style(s.style)) for s in spans],
    )
    if cut:
        runs = (*runs, Run(len(shown), len(shown) + len(note), note_style))
        shown += note
    tabs = "\t" in raw
    return Paragraph(Grid(shown), runs, tabbed if tabs else None, raw if tabs else "")


# Each letter of a search draws the same lines again.
_remembered = lru_cache(maxsize=64)(_capped)


def _parsed(message: str, most: int) -> tuple[str, tuple[Span, ...]]:
    """Return a message as shown, at least its first so many characters."""
    if len(message) > most // LONGEST_PICTURE and "\r" not in message:
        text, spans = parse_ansi(message[: most // LONGEST_PICTURE])
        if len(text) >= most:
            return text, spans
    return parse_ansi(message)


def byte_size(message: str) -> str:
    """Return the size of a text in UTF-8, in words; huge ones are estimated."""
    if message.isascii() or len(message) > 1 << 22:
        size = len(message)
    else:
        size = len(message.encode("utf-8", "surrogatepass"))
    if size < 1 << 10:
        return plural(size, "byte")
    if size < 1 << 20:
        return f"{size >> 10:,} KiB"
    return f"{size / (1 << 20):,.1f} MiB"


def shown_json(
    message: str, base: Style, aside: Style, styles: JsonStyles
) -> list[Paragraph]:
    """Return a message that is JSON, indented, a paragraph for each line."""
    paragraphs: list[Paragraph] = []
    for text, runs in pretty_json(message, styles):
        if len(paragraphs) >= MOST_JSON_LINES:
            note = "… the rest: Enter opens"
            paragraphs.append(Paragraph(Grid(note), (Run(0, len(note), aside),)))
            break
        cut = text[:MOST_SHOWN]
        paragraphs.append(
            Paragraph(Grid(cut), overlay((Run(0, len(cut), base),), runs))
        )
    return paragraphs
