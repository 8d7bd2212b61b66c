"""The styles a log is drawn with, taken once from the stylesheet."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, tzinfo
from functools import cached_property, lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from rich.segment import Segment
from textual.color import Color as TextualColor
from textual.strip import Strip

from chronotui.log.attempts import key_of
from chronotui.log.marks import EdgeRow, GapRow, LineRow, SectionRow
from chronotui.model import STDERR
from chronotui.text import clean
from chronotui.ui.log.cells import (
    MOST_SHOWN,
    Grid,
    Paragraph,
    gap_text,
    segments,
    shown_json,
    shown_message,
)
from chronotui.ui.log.settings import Timestamps
from chronotui.ui.term.buffer import DrawnRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rich.style import Style
    from textual.filter import LineFilter
    from textual.widget import Widget

    from chronotui.log.attempts import LineKey
    from chronotui.log.marks import Row
    from chronotui.log.search import Search
    from chronotui.model import LogLine
    from chronotui.ui.log.state import NearRows

PREFIX: Final = "log-view--"


@dataclass(frozen=True)
class LogStyles:
    """Styles by use; ``current``, ``picked`` and the matches lie over the others."""

    stdout: Style
    stderr: Style
    mark: Style
    stamp: Style
    bookmark: Style
    gap: Style
    section: Style
    edge: Style
    note: Style
    current: Style
    picked: Style
    match: Style
    match_current: Style
    json_key: Style
    json_text: Style
    json_value: Style

    @cached_property
    def on_current(self) -> LogStyles:
        """The styles of the current row."""
        return self._on(self.current)

    @cached_property
    def on_picked(self) -> LogStyles:
        """The styles of a row in the range."""
        return self._on(self.picked)

    def _on(self, over: Style) -> LogStyles:
        return replace(self, **{name: getattr(self, name) + over for name in GROUNDS})


OVERLAYS: Final = frozenset(
    {
        "current",
        "picked",
        "match",
        "match_current",
        "json_key",
        "json_text",
        "json_value",
    }
)
"""Styles that say only what they change."""

GROUNDS: Final = (
    *("stdout", "stderr", "mark", "stamp", "bookmark"),
    *("gap", "section", "edge", "note"),
)
"""Styles that fill a row, and so take its background."""

COMPONENTS: Final = frozenset(
    PREFIX + name.name.replace("_", "-") for name in fields(LogStyles)
)

LOOK_CSS: Final = """
LogView {
    background: $background;
    color: $foreground;
    overflow: hidden;

    & > .log-view--stderr { color: $text-error; }
    & > .log-view--mark { color: $error; text-style: bold; }
    & > .log-view--stamp { color: $text-muted; }
    & > .log-view--bookmark { color: $accent; text-style: bold; }
    & > .log-view--gap { color: $text-error; text-style: bold; }
    & > .log-view--section { color: $text-accent; text-style: bold; }
    & > .log-view--edge { color: $text-muted; text-style: italic; }
    & > .log-view--note { color: $text-muted; text-style: italic; }
    & > .log-view--current { background: $surface; }
    & > .log-view--picked { background: $primary-muted; }
    & > .log-view--match { background: $warning-muted; text-style: underline; }
    & > .log-view--match-current {
        background: $warning; color: $background; text-style: bold;
    }
    & > .log-view--json-key { color: $text-primary; }
    & > .log-view--json-text { color: $text-success; }
    & > .log-view--json-value { color: $text-warning; }
    &:focus > .log-view--current { background: $panel; }
    &:ansi > .log-view--current { text-style: underline; }
    &:nocolor > .log-view--current { text-style: underline; }
    &:nocolor > .log-view--picked { text-style: reverse; }
    &:nocolor > .log-view--match { text-style: bold underline; }
    &:nocolor > .log-view--match-current { text-style: bold reverse; }
}
"""


def look_of(widget: Widget) -> LogStyles:
    """Read the styles from a widget whose component classes are `COMPONENTS`."""
    return LogStyles(
        **{
            field.name: widget.get_component_rich_style(
                PREFIX + field.name.replace("_", "-"), partial=field.name in OVERLAYS
            )
            for field in fields(LogStyles)
        }
    )


# What stands before a line's text: bookmark, time and the mark of its stream.

MARK: Final = "▌"
BOOKMARK: Final = "◆"


def first_gutter(
    line: LogLine, stamp: str, look: LogStyles, *, bookmarked: bool
) -> list[Segment]:
    """Return the gutter of a line's first row.

    Args:
        line: The line.
        stamp: Its time between two spaces, or one space.
        look: The styles.
        bookmarked: Whether a sign takes the place of the first space.
    """
    if not bookmarked:
        return [Segment(stamp, look.stamp), *_marks(line, look)]
    sign = Segment(BOOKMARK, look.bookmark)
    return [sign, Segment(stamp[1:], look.stamp), *_marks(line, look)]


def later_gutter(line: LogLine, width: int, look: LogStyles) -> list[Segment]:
    """Return the gutter of a line's further rows: its mark and no time."""
    if not width:
        return []
    return [Segment(" " * (width - 2), look.stamp), *_marks(line, look)]


def _marks(line: LogLine, look: LogStyles) -> list[Segment]:
    if line.stream == STDERR:
        return [Segment(MARK, look.mark), Segment(" ", look.stderr)]
    return [Segment("  ", look.stdout)]


# The time column: wall time, time since the start, time since the line before.

WIDTHS: Final = {
    Timestamps.OFF: 0,
    Timestamps.TIME: 12,
    Timestamps.FULL: 29,
    Timestamps.ELAPSED: 13,
    Timestamps.DELTA: 10,
}
"""Cells of the column, without the space after it."""

UNKNOWN: Final = "?"
BILLION: Final = 1_000_000_000


def wall_time(time_ns: int, zone: tzinfo | None) -> datetime:
    """Return a line's time in a zone; None is the machine's own.

    Raises:
        ValueError: No calendar reaches that far.
    """
    try:
        moment = datetime.fromtimestamp(time_ns // BILLION, tz=UTC)
        return moment.astimezone(zone)
    except (OverflowError, OSError) as error:
        raise ValueError(time_ns) from error


def offset_name(moment: datetime) -> str:
    """Return ``UTC``, ``UTC+2`` or ``UTC+5:30`` for a time's zone."""
    offset = moment.utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset else 0
    if not minutes:
        return "UTC"
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")


def exact_time(time_ns: int | None, zone: tzinfo | None) -> str:
    """Return date, time with all nine digits, and the zone's offset."""
    if time_ns is None:
        return "not known"
    try:
        moment = wall_time(time_ns, zone)
    except ValueError:
        return f"{time_ns} ns since 1970"
    nanoseconds = time_ns % BILLION
    return f"{moment:%Y-%m-%d %H:%M:%S}.{nanoseconds:09} {offset_name(moment)}"


@dataclass(frozen=True, slots=True)
class Stamper:
    """Writes the time column for one mode and zone.

    ``start_ns`` is where elapsed time counts from, None when nobody knows.
    """

    mode: Timestamps
    zone: tzinfo | None = None
    start_ns: int | None = None

    @property
    def width(self) -> int:
        """Cells of the column, without the space after it."""
        return WIDTHS[self.mode]

    def stamp(self, time_ns: int | None, previous_ns: int | None = None) -> str:
        """Return the column for a line, exactly `width` cells."""
        if not self.width:
            return ""
        text = UNKNOWN if time_ns is None else self._text(time_ns, previous_ns)
        return text.rjust(self.width)[: self.width]

    def _text(self, time_ns: int, previous_ns: int | None) -> str:
        if self.mode is Timestamps.ELAPSED:
            return _span(time_ns, self.start_ns)
        if self.mode is Timestamps.DELTA:
            return _span(time_ns, previous_ns)
        seconds, rest = divmod(time_ns, BILLION)
        day, clock, offset = _second_words(seconds, self.zone)
        if not clock:
            return UNKNOWN
        clock = f"{clock}.{rest // 1_000_000:03}"
        return clock if self.mode is Timestamps.TIME else f"{day} {clock}{offset}"


@lru_cache(maxsize=1024)
def _second_words(seconds: int, zone: tzinfo | None) -> tuple[str, str, str]:
    """Return day, time and offset of a second; empty where no calendar reaches."""
    try:
        moment = wall_time(seconds * BILLION, zone)
    except ValueError:
        return "", "", ""
    day, clock, offset = f"{moment:%Y-%m-%d %H:%M:%S %z}".split(" ")
    return day, clock, f"{offset[:3]}:{offset[3:5]}"


def _span(time_ns: int, since_ns: int | None) -> str:
    """Return ``+1:02:03.456`` between two times, ``?`` without the earlier one."""
    if since_ns is None:
        return UNKNOWN
    sign = "+" if time_ns >= since_ns else "-"
    milliseconds = abs(time_ns - since_ns) // 1_000_000
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        if hours > 99:
            return f"{sign}{hours}h"
        return f"{sign}{hours}:{minutes:02}:{seconds:02}.{milliseconds:03}"
    if minutes:
        return f"{sign}{minutes}:{seconds:02}.{milliseconds:03}"
    return f"{sign}{seconds}.{milliseconds:03}"


# Lines as rows of cells: gutter, time, text; wrapped or shifted sideways.

if TYPE_CHECKING:
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


class LinePart(NamedTuple):
    """One screen row of a line: a stretch of a paragraph and its indent."""

    paragraph: Paragraph
    start: int
    end: int
    indent: int


@dataclass(frozen=True)
class LineRenderer:
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

    look: LogStyles
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

    def _look(self, flags: Flags) -> LogStyles:
        if flags.picked:
            return self.look.on_picked
        return self.look.on_current if flags.current else self.look

    def _paragraphs(
        self, line: LogLine, look: LogStyles, *, as_json: bool
    ) -> list[Paragraph]:
        base = look.stderr if line.stream == STDERR else look.stdout
        if as_json:
            return shown_json(line.message, base, look)
        return [shown_message(line.message, base, look)]

    def _parts(self, paragraphs: Sequence[Paragraph]) -> list[LinePart]:
        parts: list[LinePart] = []
        for paragraph in paragraphs:
            if not self.wrap:
                parts.append(LinePart(paragraph, 0, len(paragraph.grid.text), 0))
                continue
            indent = paragraph.indent(self.room)
            parts += [
                LinePart(paragraph, start, end, indent if index else 0)
                for index, (start, end) in enumerate(
                    paragraph.grid.wrap(self.room, indent)
                )
            ]
        return parts

    def _text(self, part: LinePart, base: Style) -> list[Segment]:
        """Return one screen row's text, neither padded nor too long."""
        grid, runs = part.paragraph.grid, part.paragraph.runs
        start, end, lead = part.start, part.end, part.indent
        if not self.wrap:
            start, end, lead = grid.cut(self.left, self.left + self.room)
        blank = [Segment(" " * lead, base)] if lead else []
        return blank + segments(grid.text, runs, start, end)

    def _prefix(
        self, line: LogLine, previous_ns: int | None, flags: Flags, look: LogStyles
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


# Rows by number as they are drawn, each drawn once.

MOST_KEPT: Final = 768
"""Rows kept as they were drawn; beyond it all are dropped and drawn again."""


class _Drawn(NamedTuple):
    row: Row
    previous_ns: int | None
    drawn: list[DrawnRow]

    def is_of(self, row: Row, previous_ns: int | None) -> bool:
        """Whether this is what a row looks like; its number does not matter."""
        if isinstance(row, LineRow) and isinstance(self.row, LineRow):
            return self.row.line == row.line and self.previous_ns == previous_ns
        return self.row == row


class RowRenderer:
    """Draws the rows of one log; drop it, or change `drawer`, to draw anew.

    Attributes:
        as_json: Lines shown as indented JSON.
    """

    def __init__(
        self, rows: NearRows, drawer: LineRenderer, as_json: set[LineKey]
    ) -> None:
        self.rows = rows
        self.as_json = as_json
        self._drawer = drawer
        self._drawn: dict[tuple[object, Flags], _Drawn] = {}
        self._heights: dict[tuple[LineKey, bool], tuple[LogLine, int]] = {}
        self._widths: dict[LineKey, tuple[LogLine, int]] = {}

    def paints(self, rows: NearRows, as_json: set[LineKey]) -> bool:
        """Whether this painter was made for these rows."""
        return self.rows is rows and self.as_json is as_json

    @property
    def drawer(self) -> LineRenderer:
        """What draws; setting it forgets all that was drawn."""
        return self._drawer

    @drawer.setter
    def drawer(self, drawer: LineRenderer) -> None:
        if drawer != self._drawer:
            self._drawer = drawer
            self._drawn.clear()
            self._heights.clear()

    def height(self, number: int) -> int:
        """Return how many screen rows a row takes."""
        row = self.rows.row(number)
        if not isinstance(row, LineRow):
            return len(self.rows_of(number))
        if not self._drawer.wrap and not self.as_json:
            return 1
        key = key_of(row.line)
        known = self._heights.get((key, key in self.as_json))
        if known is not None and known[0] == row.line:
            return known[1]
        as_json = key in self.as_json
        height = self._drawer.height(row.line, as_json=as_json)
        if len(self._heights) >= MOST_KEPT:
            self._heights.clear()
        self._heights[key, as_json] = (row.line, height)
        return height

    def text_width(self, number: int) -> int:
        """Return how many cells a row's text takes when nothing is cut off."""
        row = self.rows.row(number)
        if not isinstance(row, LineRow):
            return 0
        key = key_of(row.line)
        known = self._widths.get(key)
        if known is None or known[0] != row.line:
            if len(self._widths) >= MOST_KEPT:
                self._widths.clear()
            known = (row.line, self._drawer.text_width(row.line))
            self._widths[key] = known
        return known[1]

    def rows_of(self, number: int, flags: Flags = PLAIN) -> list[DrawnRow]:
        """Return a row's screen rows, drawn now or before."""
        row = self.rows.row(number)
        previous_ns = None
        key: object = row
        if isinstance(row, LineRow):
            key = line_key = key_of(row.line)
            previous_ns = self._previous_ns(number)
            flags = flags._replace(as_json=line_key in self.as_json)
        known = self._drawn.get((key, flags))
        if known is not None and known.is_of(row, previous_ns):
            return known.drawn
        drawn = self._draw(row, previous_ns, flags)
        if len(self._drawn) >= MOST_KEPT:
            self._drawn.clear()
        self._drawn[key, flags] = _Drawn(row, previous_ns, drawn)
        return drawn

    def _previous_ns(self, number: int) -> int | None:
        """Return the time of the line above, where the time column needs it."""
        if self._drawer.stamper.mode is not Timestamps.DELTA:
            return None
        for above in range(number - 1, max(number - 4, -1), -1):
            row = self.rows.row(above)
            if isinstance(row, LineRow):
                return row.line.time_ns
        return None

    def _draw(self, row: Row, previous_ns: int | None, flags: Flags) -> list[DrawnRow]:
        match row:
            case LineRow():
                return self._drawer.line(row.line, previous_ns, flags)
            case GapRow():
                return self._drawer.gap(gap_text(row.gap), flags)
            case SectionRow():
                return self._drawer.section(row.text, flags)
            case EdgeRow():
                return self._drawer.edge(row.text, flags)


# Matches in the lines drawn, within a time that keeps the screen alive.

MOST_SECONDS: Final = 0.05
"""Time for all lines of one window; an expression that needs more marks fewer."""


class Highlighter:
    """Finds matches for drawing; a catastrophic expression goes without.

    Attributes:
        search: What is searched.
    """

    def __init__(self, search: Search) -> None:
        self.search = search
        self._spent = 0.0

    def begin(self) -> None:
        """Begin another window."""
        self._spent = 0.0

    def __call__(self, text: str) -> Sequence[tuple[int, int]]:
        """Return start and end of each match in a text that is shown."""
        if self._spent >= MOST_SECONDS:
            return ()
        begun = perf_counter()
        spans = self.search.spans(text)
        self._spent += perf_counter() - begun
        return spans
