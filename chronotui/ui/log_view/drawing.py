"""Lines as rows of cells: gutter, time, text; wrapped or shifted sideways."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from rich.segment import Segment
from textual.color import Color as TextualColor
from textual.strip import Strip

from chronotui.core.text import clean
from chronotui.model import STDERR
from chronotui.ui.log_view.cells import Grid
from chronotui.ui.log_view.gutter import first_gutter, later_gutter
from chronotui.ui.log_view.runs import segments
from chronotui.ui.log_view.shown import MOST_SHOWN, Paragraph, shown_json, shown_message
from chronotui.ui.painting.drawn import DrawnRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rich.style import Style
    from textual.filter import LineFilter

    from chronotui.model import LogLine
    from chronotui.ui.log_view.look import Look
    from chronotui.ui.log_view.stamps import Stamper

    Find: TypeAlias = Callable[[str], Iterable[tuple[int, int]]]

BLACK: Final = TextualColor(0, 0, 0)
LEAST_TEXT: Final = 12
"""Cells of text below which the time column makes room."""

MOST_STYLES: Final = 4096
"""Styles whose filtered ones are kept: a log may bring a new one a character."""

MOST_NOTICE: Final = 1000
"""Characters of a row that is no line."""

SIGNS: Final = 3
"""Cells of the gutter: bookmark, stream mark, space."""


class Flags(NamedTuple):
    """What is special about a row at the moment.

    ``found`` says that the current match of a search is in it.
    """

    current: bool = False
    picked: bool = False
    bookmarked: bool = False
    as_json: bool = False
    found: bool = False


PLAIN: Final = Flags()


class Part(NamedTuple):
    """One screen row of a line: a stretch of a paragraph and its indent."""

    paragraph: Paragraph
    start: int
    end: int
    indent: int


@dataclass(frozen=True)
class Drawer:
    """Draws rows for one width and one way of showing them.

    Args:
        look: The styles.
        stamper: Writes the time column.
        width: Cells of a whole row.
        wrap: Whether long lines go on below.
        left: Columns of text scrolled out to the left, when not wrapped.
        find: Returns matches in a text; None when nothing is searched.
        filters: What Textual changes colours by: for terminals of few, or none.
        background: What those filters blend with.
    """

    look: Look
    stamper: Stamper
    width: int
    wrap: bool = False
    left: int = 0
    find: Find | None = None
    filters: tuple[LineFilter, ...] = ()
    background: TextualColor = BLACK
    gutter: int = field(init=False)
    room: int = field(init=False)
    _known: dict[Style | None, Style | None] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        """Measure the columns: the text keeps at least one cell."""
        gutter = min(self.stamp_width + SIGNS, max(self.width - 1, 0))
        object.__setattr__(self, "gutter", gutter if self.width > SIGNS else 0)
        object.__setattr__(self, "room", max(self.width - self.gutter, 1))

    @property
    def stamp_width(self) -> int:
        """Cells of the time column and the space after it; 0 if there is no room."""
        width = self.stamper.width + 1 if self.stamper.width else 0
        return width if self.width - width - SIGNS >= LEAST_TEXT else 0

    # Lines

    def height(self, line: LogLine, *, as_json: bool) -> int:
        """Return how many screen rows a line takes."""
        if not as_json and (not self.wrap or self._is_plain(line.message)):
            return 1
        look = self._look(PLAIN)
        return len(self._parts(self._paragraphs(line, look, as_json=as_json)))

    def _is_plain(self, message: str) -> bool:
        """Whether a message is what it looks like, a cell for each character."""
        most = self.room if self.wrap else MOST_SHOWN
        return len(message) <= most and message.isascii() and message.isprintable()

    def text_width(self, line: LogLine) -> int:
        """Return how many cells a line's text takes when it is not wrapped."""
        paragraphs = self._paragraphs(line, self.look, as_json=False)
        return paragraphs[0].grid.width

    def line(
        self, line: LogLine, previous_ns: int | None = None, flags: Flags = PLAIN
    ) -> list[DrawnRow]:
        """Draw a line, a row for each of its screen rows."""
        look = self._look(flags)
        base = look.stderr if line.stream == STDERR else look.stdout
        first = self._prefix(line, previous_ns, flags, look)
        if self.find is None and not flags.as_json and self._is_plain(line.message):
            text = line.message[self.left : self.left + self.room]
            return [self._row(first, [Segment(text, base)], base)]
        paragraphs = self._paragraphs(line, look, as_json=flags.as_json)
        if self.find is not None:
            match = look.match_current if flags.found else look.match
            paragraphs = [
                paragraph.lit(self.find(paragraph.searched), match)
                for paragraph in paragraphs
            ]
        later = later_gutter(line, self.gutter, look)
        return [
            self._row(later if index else first, self._text(part, base), base)
            for index, part in enumerate(self._parts(paragraphs))
        ]

    def _look(self, flags: Flags) -> Look:
        if flags.picked:
            return self.look.on_picked
        return self.look.on_current if flags.current else self.look

    def _paragraphs(
        self, line: LogLine, look: Look, *, as_json: bool
    ) -> list[Paragraph]:
        base = look.stderr if line.stream == STDERR else look.stdout
        if as_json:
            return shown_json(line.message, base, look)
        return [shown_message(line.message, base, look)]

    def _parts(self, paragraphs: Sequence[Paragraph]) -> list[Part]:
        parts: list[Part] = []
        for paragraph in paragraphs:
            if not self.wrap:
                parts.append(Part(paragraph, 0, len(paragraph.grid.text), 0))
                continue
            indent = paragraph.indent(self.room)
            parts += [
                Part(paragraph, start, end, indent if index else 0)
                for index, (start, end) in enumerate(
                    paragraph.grid.wrap(self.room, indent)
                )
            ]
        return parts

    def _text(self, part: Part, base: Style) -> list[Segment]:
        """Return one screen row's text, neither padded nor too long."""
        grid, runs = part.paragraph.grid, part.paragraph.runs
        start, end, lead = part.start, part.end, part.indent
        if not self.wrap:
            start, end, lead = grid.cut(self.left, self.left + self.room)
        blank = [Segment(" " * lead, base)] if lead else []
        return blank + segments(grid.text, runs, start, end)

    def _prefix(
        self, line: LogLine, previous_ns: int | None, flags: Flags, look: Look
    ) -> list[Segment]:
        """Return the gutter of a line's first row."""
        if not self.gutter:
            return []
        stamp = " "
        if self.stamp_width:
            stamp = f" {self.stamper.stamp(line.time_ns, previous_ns)} "
        return first_gutter(line, stamp, look, bookmarked=flags.bookmarked)

    def _row(self, prefix: list[Segment], text: list[Segment], base: Style) -> DrawnRow:
        """Return a row from what fits it, padded."""
        pieces = [*prefix, *text]
        blank = self.width - sum(map(_cells, pieces))
        if blank > 0:
            pieces.append(Segment(" " * blank, base))
        if blank < 0:
            pieces = list(Strip(pieces).adjust_cell_length(self.width))
        if self.filters:
            pieces = [Segment(text, self._filtered(style)) for text, style, _ in pieces]
        return DrawnRow(pieces)

    def _filtered(self, style: Style | None) -> Style | None:
        """Return what Textual's filters make of a style, whatever the text."""
        known = self._known
        if style not in known:
            segments = [Segment(" ", style)]
            for line_filter in self.filters:
                segments = line_filter.apply(segments, self.background)
            if len(known) >= MOST_STYLES:
                known.clear()
            known[style] = segments[0].style
        return known[style]

    # Other rows

    @cached_property
    def blank(self) -> DrawnRow:
        """A row that stands for nothing."""
        return self._row([], [], self.look.stdout)

    def gap(self, text: str, flags: Flags = PLAIN) -> list[DrawnRow]:
        """Draw the row that stands for missing lines."""
        return self._notice(text, self._look(flags).gap)

    def edge(self, text: str, flags: Flags = PLAIN) -> list[DrawnRow]:
        """Draw a notice at the start or the end of the log."""
        return self._notice(text, self._look(flags).edge)

    def section(self, text: str, flags: Flags = PLAIN) -> list[DrawnRow]:
        """Draw a heading, with a rule to the edge."""
        return self._wrapped(f"── {clean(text)} ", 3, self._look(flags).section, "─")

    def _notice(self, text: str, style: Style) -> list[DrawnRow]:
        indent = self.gutter if self.width - self.gutter >= 2 * LEAST_TEXT else 0
        return self._wrapped(" " * indent + clean(text), indent, style)

    def _wrapped(
        self, text: str, indent: int, style: Style, fill: str = " "
    ) -> list[DrawnRow]:
        """Draw all of a text, wrapped whatever the setting: nothing in it is idle."""
        grid = Grid(text[:MOST_NOTICE])
        indent = indent if self.width > 2 * indent else 0
        parts = [
            " " * (indent if index else 0) + grid.text[start:end]
            for index, (start, end) in enumerate(grid.wrap(self.width, indent))
        ]
        parts[-1] += fill * (self.width - Grid(parts[-1]).width)
        return [self._row([], [Segment(part, style)], style) for part in parts]


def _cells(segment: Segment) -> int:
    return len(segment.text) if segment.text.isascii() else segment.cell_length
