"""Rows of a log as they are drawn: styles, the time column, lines, each drawn once."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import cached_property, lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from msgspec import Struct
from msgspec.structs import replace
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as TextualColor
from textual.strip import Strip

from chronotui.log.attempts import key_of
from chronotui.log.levels import LOOKED_AT, Level, shown_level
from chronotui.log.marks import GapState, LineRow, MarkKind
from chronotui.model import STDERR
from chronotui.text import clean, plural
from chronotui.times import NS, Timestamps, utc_clock
from chronotui.ui.log.cells import (
    MOST_SHOWN,
    Grid,
    JsonStyles,
    Paragraph,
    segments,
    shown_json,
    shown_message,
)
from chronotui.ui.term.buffer import DrawnRow, Layout, PlainRow, is_single

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from textual.filter import LineFilter
    from textual.widget import Widget

    from chronotui.log.attempts import LineKey
    from chronotui.log.marks import GapMark, Mark, Row
    from chronotui.log.search import Search
    from chronotui.model import LogLine
    from chronotui.ui.log.state import NearRows

    Find: TypeAlias = Callable[[str], Iterable[tuple[int, int]]]

PREFIX: Final = "log-view--"


class LogStyles(Struct, frozen=True, dict=True):
    """Styles by use; ``current`` is the mark of the current line.

    ``picked`` and the matches lie over the others.
    """

    text: Style
    warning: Style
    error: Style
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

    @classmethod
    def of(cls, widget: Widget) -> LogStyles:
        """Read the styles from a widget whose component classes are `COMPONENTS`."""
        return cls(
            **{
                name: widget.get_component_rich_style(
                    component, partial=name not in GROUNDS
                )
                for name, component in COMPONENTS.items()
            }
        )

    @cached_property
    def on_picked(self) -> LogStyles:
        over = self.picked
        return replace(self, **{name: getattr(self, name) + over for name in GROUNDS})

    @cached_property
    def by_level(self) -> Mapping[Level | None, Style]:
        """The style of a line's text: how grave it says it is, whatever its stream.

        The gutter tells the stream.
        """
        styles: dict[Level | None, Style] = dict.fromkeys(Level, self.text)
        styles |= {None: self.text, Level.WARNING: self.warning}
        return styles | dict.fromkeys((Level.ERROR, Level.FATAL), self.error)

    @cached_property
    def json(self) -> JsonStyles:
        return JsonStyles(self.json_key, self.json_text, self.json_value)


GROUNDS: Final = (
    *("text", "warning", "error", "mark", "stamp", "bookmark"),
    *("gap", "section", "edge", "note"),
)
"""Styles that fill a row, and so take its background; others say what they change."""

COMPONENTS: Final = {
    name: PREFIX + name.replace("_", "-") for name in LogStyles.__struct_fields__
}

STYLES_CSS: Final = """
LogView {
    background: $background;
    color: $foreground;
    overflow: hidden;

    & > .log-view--warning { color: $text-warning; }
    & > .log-view--error { color: $text-error; }
    & > .log-view--mark { color: $error; text-style: bold; }
    & > .log-view--stamp { color: $text-muted; }
    & > .log-view--bookmark { color: $accent; text-style: bold; }
    & > .log-view--gap { color: $text-error; text-style: bold; }
    & > .log-view--section { color: $text-accent; text-style: bold; }
    & > .log-view--edge { color: $text-muted; text-style: italic; }
    & > .log-view--note { color: $text-muted; text-style: italic; }
    & > .log-view--current { color: $text-muted; }
    & > .log-view--picked { background: $primary-muted; }
    & > .log-view--match { background: $warning-muted; text-style: underline; }
    & > .log-view--match-current {
        background: $warning; color: $background; text-style: bold;
    }
    & > .log-view--json-key { color: $text-primary; }
    & > .log-view--json-text { color: $text-success; }
    & > .log-view--json-value { color: $text-warning; }
    &:focus > .log-view--current { color: $text-accent; }
    &:light:focus > .log-view--current { color: $text-primary; }
    &:ansi > .log-view--match { background: ansi_yellow; color: ansi_black; }
    &:ansi > .log-view--match-current {
        background: ansi_bright_yellow; color: ansi_black;
    }
    &:nocolor > .log-view--picked { text-style: reverse; }
    &:nocolor > .log-view--match { text-style: bold underline; }
    &:nocolor > .log-view--match-current { text-style: bold reverse; }
}
"""


# The time column.

UNKNOWN: Final = "?"
MOST_HOURS: Final = 99
DELTA_CELLS: Final = 10
"""Hours stand in them without thousandths."""


def wall_time(time_ns: int, zone: tzinfo | None) -> datetime:
    """Return a line's time in a zone; None is the machine's own.

    Raises:
        ValueError: No calendar reaches that far.
    """
    try:
        return datetime.fromtimestamp(time_ns // NS, tz=UTC).astimezone(zone)
    except (OverflowError, OSError) as error:
        raise ValueError(time_ns) from error


def zone_name(zone: tzinfo | None, time_ns: int | None) -> str:
    """Return ``UTC+2`` for the zone at a time; without one, at the epoch's winter."""
    # No zone changes within a quarter of an hour.
    return "UTC" if zone is UTC else _zone_name(zone, (time_ns or 0) // (900 * NS))


@lru_cache(maxsize=1024)
def _zone_name(zone: tzinfo | None, quarters: int) -> str:
    try:
        return offset_name(wall_time(quarters * 900 * NS, zone))
    except ValueError:
        return offset_name(wall_time(0, zone))


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
    return f"{moment:%Y-%m-%d %H:%M:%S}.{time_ns % NS:09} {offset_name(moment)}"


class Stamper(Struct, frozen=True):
    """Writes the time column for one mode and zone.

    ``start_ns`` is where elapsed time counts from, None when nobody knows.
    """

    mode: Timestamps
    zone: tzinfo | None = None
    start_ns: int | None = None

    @property
    def width(self) -> int:
        """Cells of the column, without the space after it."""
        return STAMPS[self.mode].width

    def stamp(self, time_ns: int | None, previous_ns: int | None = None) -> str:
        """Return the column for a line, exactly `width` cells."""
        width, write, _ = STAMPS[self.mode]
        text = UNKNOWN if time_ns is None else write(self, time_ns, previous_ns)
        return text.rjust(width)[:width]


def _clock(stamper: Stamper, time_ns: int, _previous_ns: int | None) -> str:
    _day, clock, _offset = _second_words(time_ns // NS, stamper.zone)
    return f"{clock}.{time_ns % NS // 1_000_000:03}" if clock else UNKNOWN


def _date_and_clock(stamper: Stamper, time_ns: int, _previous_ns: int | None) -> str:
    day, clock, offset = _second_words(time_ns // NS, stamper.zone)
    thousandths = time_ns % NS // 1_000_000
    return f"{day} {clock}.{thousandths:03}{offset}" if clock else UNKNOWN


def _elapsed(stamper: Stamper, time_ns: int, _previous_ns: int | None) -> str:
    return _span(time_ns, stamper.start_ns)


def _delta(_stamper: Stamper, time_ns: int, previous_ns: int | None) -> str:
    span = _span(time_ns, previous_ns)
    return span if len(span) <= DELTA_CELLS else span.partition(".")[0]


class StampColumn(NamedTuple):
    """How a mode is written: cells, and the text at a time and one before it."""

    width: int
    write: Callable[[Stamper, int, int | None], str]
    looks_back: bool = False


STAMPS: Final[Mapping[Timestamps, StampColumn]] = {
    Timestamps.OFF: StampColumn(0, lambda *_times: ""),
    Timestamps.TIME: StampColumn(12, _clock),
    Timestamps.FULL: StampColumn(29, _date_and_clock),
    Timestamps.ELAPSED: StampColumn(13, _elapsed),
    Timestamps.DELTA: StampColumn(DELTA_CELLS, _delta, looks_back=True),
}


@lru_cache(maxsize=1024)
def _second_words(seconds: int, zone: tzinfo | None) -> tuple[str, str, str]:
    """Return day, time and offset of a second; empty where no calendar reaches."""
    try:
        moment = wall_time(seconds * NS, zone)
    except ValueError:
        return "", "", ""
    day, clock, offset = f"{moment:%Y-%m-%d %H:%M:%S %z}".split(" ")
    return day, clock, f"{offset[:3]}:{offset[3:5]}"


def _span(time_ns: int, since_ns: int | None) -> str:
    """Return ``+1:02:03.456`` between two times, ``?`` without the earlier one."""
    if since_ns is None:
        return UNKNOWN
    sign = "+" if time_ns >= since_ns else "-"
    seconds, milliseconds = divmod(abs(time_ns - since_ns) // 1_000_000, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours > MOST_HOURS:
        return f"{sign}{hours}h"
    if hours:
        return f"{sign}{hours}:{minutes:02}:{seconds:02}.{milliseconds:03}"
    if minutes:
        return f"{sign}{minutes}:{seconds:02}.{milliseconds:03}"
    return f"{sign}{seconds}.{milliseconds:03}"


# Lines as rows of cells: gutter, time, text; wrapped or shifted sideways.

MARK: Final = "▌"
BOOKMARK: Final = "◆"
CURRENT: Final = "►"
"""The current line's, where a bookmark would stand; one that does is reversed.

Nothing else of the row tells it: at each step the mark is all that is sent of two rows.
"""
REVERSED: Final = Style(reverse=True)

BLACK: Final = TextualColor(0, 0, 0)
LEAST_TEXT: Final = 12
"""Cells of text below which the time column makes room."""

MOST_STYLES: Final = 4096
"""Styles whose filtered ones are kept: a log may bring a new one a character."""

MOST_NOTICE: Final = 1000
"""Characters of a row that is no line."""

SIGNS: Final = 3
"""Cells of the gutter: bookmark, stream mark, space."""

MARGIN: Final = 2
"""Cells left and right of the reason why nothing is shown."""

_AFTER: Final = {
    GapState.FETCHING: "not received, fetching",
    GapState.AWAITED: "not received, and not retained yet; asked for again",
    GapState.LOST: "not received, and not in the retained log",
    GapState.UNREAD: "not loaded",
}


def gap_text(gap: GapMark, of: str = "") -> str:
    """Return what a row says of missing lines; ``of`` is whose they are."""
    lines = plural(gap.count, "line") if gap.count else "lines"
    return f"⋯ {f'{of}: ' if of else ''}{lines} {_AFTER[gap.state]}"


def told_in(mark: Mark, zone: tzinfo | None) -> str:
    """Return the text of a mark, the time in it told in a zone."""
    if mark.at is None:
        return mark.text
    here = mark.at.astimezone(zone)
    clock = f"{here:%H:%M:%S} {offset_name(here)}"
    return mark.text.replace(utc_clock(mark.at), clock)


class Flags(NamedTuple):
    """What is special about a row at the moment.

    ``found`` says that the current match of a search is in it.
    """

    picked: bool = False
    bookmarked: bool = False
    as_json: bool = False
    found: bool = False


PLAIN: Final = Flags()


class LineTags(Protocol):
    """What stands before each line of a log of several jobs: whose it is."""

    @property
    def width(self) -> int:
        """Cells of a tag."""

    def of(self, line: LogLine, /) -> tuple[str, Style]:
        """Return a line's tag, filled to its width, and what tells its colour."""


class LineRenderer:
    """Draws rows for one width and one way of showing them.

    Args:
        look: The styles.
        stamper: Writes the time column.
        width: Cells of a whole row.
        wrap: Whether long lines go on below.
        wrap_stderr: Whether those on standard error do, whatever ``wrap`` says.
        left: Columns of text scrolled out to the left, when not wrapped.
        tags: What stands before lines; None where all are of one job.
        find: Returns matches in a text; None when nothing is searched.
        filters: What Textual changes colours by: for terminals of few, or none.
        background: What those filters blend with.
    """

    def __init__(
        self,
        look: LogStyles,
        stamper: Stamper,
        width: int,
        *,
        wrap: bool = False,
        wrap_stderr: bool = False,
        left: int = 0,
        tags: LineTags | None = None,
        find: Find | None = None,
        filters: tuple[LineFilter, ...] = (),
        background: TextualColor = BLACK,
    ) -> None:
        self.look = look
        self.stamper = stamper
        self.width = width
        self.wrap = wrap
        self.wrap_stderr = wrap_stderr
        self.left = left
        self.find = find
        stamp_width = stamper.width + 1 if stamper.width else 0
        self.looks_back = STAMPS[stamper.mode].looks_back
        self._tags = tags
        signs = SIGNS + (tags.width + 1 if tags is not None else 0)
        self._has_stamp = 0 < stamp_width <= width - signs - LEAST_TEXT
        gutter = signs + (stamp_width if self._has_stamp else 0)
        self.gutter = min(gutter, width - 1) if width > SIGNS else 0
        self.room = max(width - self.gutter, 1)
        self._filters = filters
        self._background = background
        self._filtered: dict[Style | None, Style | None] = {}
        self._layouts: dict[tuple[Level | None, bool, Flags], Layout] = {}
        self._marked = (self.blank, PLAIN, self.blank)

    # Lines

    def height(self, line: LogLine, *, as_json: bool) -> int:
        wraps = self.wraps(line)
        if not as_json and (not wraps or self._is_plain(line.message, wraps)):
            return 1
        paragraphs = self._paragraphs(line, self.look, as_json=as_json)
        return len(self._parts(paragraphs, wraps))

    def wraps(self, line: LogLine) -> bool:
        """Whether a line goes on below instead of being cut at the edge."""
        return self.wrap or (self.wrap_stderr and line.stream == STDERR)

    def _is_plain(self, message: str, wraps: bool) -> bool:
        """Whether a message is what it looks like, a cell for each character."""
        most = self.room if wraps else MOST_SHOWN
        return len(message) <= most and message.isascii() and message.isprintable()

    def text_width(self, line: LogLine) -> int:
        """Return how many cells a line's text takes when it is not wrapped."""
        if self.wraps(line):
            return 0
        return self._paragraphs(line, self.look, as_json=False)[0].grid.width

    def line(
        self, line: LogLine, previous_ns: int | None = None, flags: Flags = PLAIN
    ) -> list[DrawnRow]:
        level, wraps = shown_level(line.message[:LOOKED_AT]), self.wraps(line)
        is_usual = self.find is None and self._tags is None and self.gutter > 0
        if is_usual and not flags.as_json and self._is_plain(line.message, wraps):
            return [self._plain_row(line, previous_ns, flags, level)]
        look = self._look(flags)
        base = look.by_level[level]
        first = self._first_gutter(line, previous_ns, flags, look)
        paragraphs = self._paragraphs(line, look, as_json=flags.as_json)
        if self.find is not None:
            match = look.match_current if flags.found else look.match
            paragraphs = [
                paragraph.lit(self.find(paragraph.searched), match)
                for paragraph in paragraphs
            ]
        later: list[Segment] = []
        if self.gutter:
            no_stamp = Segment(" " * (self.gutter - 2), look.stamp)
            later = [no_stamp, *_stream_mark(line, look)]
        rows: list[DrawnRow] = []
        for paragraph, start, end, lead in self._parts(paragraphs, wraps):
            text = segments(paragraph.grid.text, paragraph.runs, start, end)
            blank = [Segment(" " * lead, base)] if lead else []
            gutter = later if rows else first
            rows.append(self._row([*gutter, *blank, *text], base))
        return rows

    def _look(self, flags: Flags) -> LogStyles:
        return self.look.on_picked if flags.picked else self.look

    def _paragraphs(
        self, line: LogLine, look: LogStyles, *, as_json: bool
    ) -> list[Paragraph]:
        base = look.by_level[shown_level(line.message[:LOOKED_AT])]
        if as_json:
            return shown_json(line.message, base, look.note, look.json)
        return [shown_message(line.message, base, look.note)]

    def _parts(
        self, paragraphs: Sequence[Paragraph], wraps: bool
    ) -> list[tuple[Paragraph, int, int, int]]:
        """Return start, end and blank cells before it of each screen row's text."""
        parts: list[tuple[Paragraph, int, int, int]] = []
        for paragraph in paragraphs:
            grid = paragraph.grid
            if not wraps:
                parts.append((paragraph, *grid.cut(self.left, self.left + self.room)))
                continue
            lead, indent = 0, paragraph.indent(self.room)
            for start, end in grid.wrap(self.room, indent):
                parts.append((paragraph, start, end, lead))
                lead = indent
        return parts

    def _first_gutter(
        self, line: LogLine, previous_ns: int | None, flags: Flags, look: LogStyles
    ) -> list[Segment]:
        if not self.gutter:
            return []
        stamp = " "
        if self._has_stamp:
            stamp = f" {self.stamper.stamp(line.time_ns, previous_ns)} "
        signs = _stream_mark(line, look)
        if self._tags is not None:
            tag, color = self._tags.of(line)
            signs.insert(0, Segment(f"{tag} ", look.stamp + color))
        if not flags.bookmarked:
            return [Segment(stamp, look.stamp), *signs]
        sign = Segment(BOOKMARK, look.bookmark)
        return [sign, Segment(stamp[1:], look.stamp), *signs]

    def _plain_row(
        self, line: LogLine, previous_ns: int | None, flags: Flags, level: Level | None
    ) -> DrawnRow:
        """Return the row of a line of one-cell characters, in a layout of many."""
        kept = (level, line.stream == STDERR, flags)
        layout = self._layouts.get(kept)
        if layout is None:
            look = self._look(flags)
            gutter = self._first_gutter(line, previous_ns, flags, look)
            parts = [(len(text), style) for text, style, _ in gutter]
            parts.append((self.width - self.gutter, look.by_level[level]))
            seen = [(cells, self._as_seen(style)) for cells, style in parts]
            layout = self._layouts[kept] = Layout(seen)
        left = 0 if self.wraps(line) else self.left
        text = f"{BOOKMARK if flags.bookmarked else ' '}"
        if self._has_stamp:
            text += f"{self.stamper.stamp(line.time_ns, previous_ns)} "
        text += f"{MARK if kept[1] else ' '} {line.message[left : left + self.room]}"
        return PlainRow(text.ljust(self.width), layout)

    def _row(self, pieces: list[Segment], base: Style) -> DrawnRow:
        """Return a row from what fits it, padded."""
        blank = self.width - sum(
            [
                len(each.text) if each.text.isascii() else each.cell_length
                for each in pieces
            ]
        )
        if blank > 0:
            pieces.append(Segment(" " * blank, base))
        if blank < 0:
            pieces = list(Strip(pieces).adjust_cell_length(self.width))
        if self._filters:
            pieces = [Segment(text, self._as_seen(style)) for text, style, _ in pieces]
        return DrawnRow(pieces)

    def marked(self, row: DrawnRow, flags: Flags = PLAIN) -> DrawnRow:
        """Return a row as the first one of the current line; the same at each call."""
        if self._marked[:2] == (row, flags):
            return self._marked[2]
        marked = self._with_mark(row, flags)
        self._marked = (row, flags, marked)
        return marked

    def _with_mark(self, row: DrawnRow, flags: Flags) -> DrawnRow:
        look = self._look(flags)
        first, *rest = row.segments
        if not first.text or not is_single(first.text[0]):
            return row  # too narrow for a gutter
        sign, style = CURRENT, look.stamp + look.current
        if first.text == BOOKMARK:
            sign, style = BOOKMARK, look.bookmark + REVERSED
        mark = Segment(sign, self._as_seen(style))
        return DrawnRow([mark, Segment(first.text[1:], first.style), *rest])

    def _as_seen(self, style: Style | None) -> Style | None:
        """Return what Textual's filters make of a style, whatever the text."""
        if not self._filters or style in self._filtered:
            return self._filtered.get(style, style)
        segments = [Segment(" ", style)]
        for line_filter in self._filters:
            segments = line_filter.apply(segments, self._background)
        if len(self._filtered) >= MOST_STYLES:
            self._filtered.clear()
        self._filtered[style] = segments[0].style
        return segments[0].style

    # Other rows

    @cached_property
    def blank(self) -> DrawnRow:
        return self._row([], self.look.text)

    def gap(self, text: str, flags: Flags = PLAIN) -> list[DrawnRow]:
        return self._notice(text, self._look(flags).gap)

    def edge(self, text: str, flags: Flags = PLAIN) -> list[DrawnRow]:
        return self._notice(text, self._look(flags).edge)

    def section(self, text: str, flags: Flags = PLAIN) -> list[DrawnRow]:
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
        return [self._row([Segment(part, style)], style) for part in parts]

    def reason(self, title: str, sentence: str, height: int) -> list[DrawnRow]:
        """Draw why there is nothing: a title and a sentence, wrapped and centred."""
        rows = [
            *self._centred(title, self.look.section),
            *self._centred(sentence, self.look.text),
        ][:height]
        above = (height - len(rows)) // 3
        below = height - len(rows) - above
        return [*[self.blank] * above, *rows, *[self.blank] * below]

    def _centred(self, text: str, style: Style) -> list[DrawnRow]:
        grid = Grid(clean(text))
        room = self.width - 2 * MARGIN if self.width > 4 * MARGIN else self.width
        rows = []
        for start, end in grid.wrap(room) if grid.width else ():
            part = grid.text[start:end].strip()
            blank = " " * ((self.width - Grid(part).width) // 2)
            rows.append(self._row([Segment(blank + part, style)], style))
        return rows


def _stream_mark(line: LogLine, look: LogStyles) -> list[Segment]:
    if line.stream == STDERR:
        return [Segment(MARK, look.mark), Segment(" ", look.text)]
    return [Segment("  ", look.text)]


# Rows by number as they are drawn.

MOST_KEPT: Final = 768
"""Rows kept as they were drawn; beyond it all are dropped and drawn again."""

NOTICES: Final = 2
"""Rows that are no lines and may stand between two lines."""


class RowRenderer:
    """Draws the rows of one log; replace `lines` to draw them another way.

    Attributes:
        at_rest: Rows by number as they are outside of a range, and without the match
            that is looked at; for a look at many at once. Those it lacks `rows_of`
            puts there.
    """

    def __init__(
        self,
        rows: NearRows,
        lines: LineRenderer,
        as_json: Container[LineKey],
        bookmarks: Container[LineKey],
    ) -> None:
        self.rows = rows
        self._as_json = as_json
        self._bookmarks = bookmarks
        self.at_rest: dict[int, list[DrawnRow]] = {}
        self._drawn: dict[
            tuple[object, Flags], tuple[tuple[object, int | None], list[DrawnRow]]
        ] = {}
        self._heights: dict[tuple[LineKey, bool], tuple[LogLine, int]] = {}
        self._lines = lines

    @property
    def lines(self) -> LineRenderer:
        """What draws; setting it forgets all that was drawn."""
        return self._lines

    @lines.setter
    def lines(self, lines: LineRenderer) -> None:
        self._lines = lines
        for known in (self.at_rest, self._drawn, self._heights):
            known.clear()

    def forget_from(self, first: int) -> None:
        """Look anew at what rows from a number on are: their lines, their marks."""
        self.at_rest = {n: drawn for n, drawn in self.at_rest.items() if n < first}

    def height(self, number: int) -> int:
        row = self.rows.row(number)
        if not isinstance(row, LineRow):
            return len(self.rows_of(number))
        if not self._lines.wraps(row.line) and not self._as_json:
            return 1
        key = key_of(row.line)
        as_json = key in self._as_json
        known = self._heights.get((key, as_json))
        if known is not None and known[0] == row.line:
            return known[1]
        height = self._lines.height(row.line, as_json=as_json)
        if len(self._heights) >= MOST_KEPT:
            self._heights.clear()
        self._heights[key, as_json] = (row.line, height)
        return height

    def text_width(self, number: int) -> int:
        """Return how many cells a row's text takes when nothing is cut off."""
        row = self.rows.row(number)
        return self._lines.text_width(row.line) if isinstance(row, LineRow) else 0

    def rows_of(self, number: int, flags: Flags = PLAIN) -> list[DrawnRow]:
        """Return a row's screen rows, drawn now or before.

        Bookmark and JSON are looked up here, whatever the flags say of them.
        """
        row = self.rows.row(number)
        key: object = row
        content: tuple[object, int | None] = (row, None)
        at_rest = flags is PLAIN
        if isinstance(row, LineRow):
            key = line_key = key_of(row.line)
            above = self._time_above(number) if self._lines.looks_back else None
            content = (row.line, above)
            if line_key in self._bookmarks or line_key in self._as_json:
                flags = flags._replace(
                    bookmarked=line_key in self._bookmarks,
                    as_json=line_key in self._as_json,
                )
        known = self._drawn.get((key, flags))
        if known is None or known[0] != content:
            if len(self._drawn) >= MOST_KEPT:
                self._drawn.clear()
                self.at_rest.clear()
            known = (content, self._draw(row, content[1], flags))
            self._drawn[key, flags] = known
        if at_rest:
            self.at_rest[number] = known[1]
        return known[1]

    def _time_above(self, number: int) -> int | None:
        for above in range(number - 1, max(number - 2 - NOTICES, -1), -1):
            row = self.rows.row(above)
            if isinstance(row, LineRow):
                return row.line.time_ns
        return None

    def _draw(self, row: Row, previous_ns: int | None, flags: Flags) -> list[DrawnRow]:
        if isinstance(row, LineRow):
            return self._lines.line(row.line, previous_ns, flags)
        if row.gap is not None:
            return self._lines.gap(gap_text(row.gap, row.text), flags)
        if row.kind in {MarkKind.HEADER, MarkKind.TRAILER}:
            text = told_in(row, self._lines.stamper.zone)
            return self._lines.section(text, flags)
        return self._lines.edge(row.text, flags)


# Matches in the lines drawn, within a time that keeps the screen alive.

MOST_SECONDS: Final = 0.05
"""Time for all lines of one window; an expression that needs more marks fewer."""


class Highlighter:
    """Finds matches for drawing; a catastrophic expression goes without."""

    def __init__(self, search: Search) -> None:
        self.search = search
        self._spent = 0.0

    def begin(self) -> None:
        self._spent = 0.0

    def __call__(self, text: str) -> Sequence[tuple[int, int]]:
        if self._spent >= MOST_SECONDS:
            return ()
        begun = perf_counter()
        spans = self.search.spans(text)
        self._spent += perf_counter() - begun
        return spans
