"""The strip under a log that shows its shape: lines by slice of time, errors in it.

Bars tell by their height, signs below them where errors and warnings are and where the
reader is; colours only repeat it.
"""

from __future__ import annotations

from itertools import groupby
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from rich.segment import Segment
from textual.binding import Binding
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from chronotui.text import plural
from chronotui.times import NS
from chronotui.ui.keys import help_key
from chronotui.ui.log.render import wall_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from textual.binding import BindingType
    from textual.events import Click

    from chronotui.log.shape import Axis, LogShape, Slice
    from chronotui.ui.log.view import LogView

EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
PLACE: Final = "▲"
ERROR: Final = "✗"
WARNING: Final = "!"
READ_SECONDS: Final = 0.01
"""Time for counting lines before a picture is drawn."""
REST_SECONDS: Final = 0.25
"""Least time between two countings: nobody reads bars faster."""
MARGIN: Final = 1
DAY_NS: Final = 24 * 3600 * NS
HEIGHTS: Final = ((36, 5), (28, 4), (22, 3), (16, 2), (0, 1))
"""Rows of the strip, in terminals from so many rows on."""
LEAST_WITH_WORDS: Final = 2
"""Rows above which one says what the picture is of."""


class ShapeCell(NamedTuple):
    """A sign, and what it is: bar, warning, error, place or words."""

    sign: str
    kind: str


def rows_for(height: int) -> int:
    """Return how many rows the strip takes in a terminal so high."""
    return next(rows for least, rows in HEIGHTS if height >= least)


def kind_of(slice_: Slice) -> str:
    if slice_.errors:
        return "error"
    return "warning" if slice_.warnings else "bar"


def bars(slices: Sequence[Slice], rows: int) -> Iterator[list[ShapeCell]]:
    """Yield rows of bars, the highest first; whatever is not empty is seen.

    The lowest row has the colour of what is in a slice; the rest stays calm.
    """
    top = max((each.lines for each in slices), default=0) or 1
    heights = [
        max(round(each.lines / top * rows * 8), min(each.lines, 1)) for each in slices
    ]
    for row in range(rows - 1, -1, -1):
        yield [
            ShapeCell(
                EIGHTHS[min(max(height - row * 8, 0), 8)],
                "bar" if row else kind_of(each),
            )
            for each, height in zip(slices, heights, strict=True)
        ]


def signs(slices: Sequence[Slice], place: int | None) -> list[ShapeCell]:
    """Return what stands below the bars: the reader, else errors, else warnings."""
    marks = {"error": ERROR, "warning": WARNING}
    cells = [ShapeCell(marks.get(kind_of(each), " "), kind_of(each)) for each in slices]
    if place is not None:
        cells[place] = ShapeCell(PLACE, "place")
    return cells


def one_row(slices: Sequence[Slice], place: int | None) -> list[ShapeCell]:
    """Return all of it in one row, where signs go before bars."""
    (row,) = bars(slices, 1)
    below = signs(slices, place)
    return [
        sign if sign.sign != " " else bar for bar, sign in zip(row, below, strict=True)
    ]


def clock(time_ns: int, axis: Axis, zone: tzinfo | None) -> str:
    """Return a time as finely as the slices are."""
    here = wall_time(time_ns, zone)
    if axis.width_ns * axis.slices > DAY_NS:
        return f"{here:%m-%d %H:%M}"
    if axis.width_ns < NS:
        return f"{here:%H:%M:%S}.{time_ns % NS // 1_000_000:03}"
    return f"{here:%H:%M:%S}"


def width_words(axis: Axis) -> str:
    units = (("d", DAY_NS), ("h", 3600 * NS), ("min", 60 * NS), ("s", NS))
    fitting = ((name, size) for name, size in units if not axis.width_ns % size)
    name, size = next(fitting, ("ms", NS // 1000))
    return f"{axis.width_ns // size:,} {name} each"


def content_words(what: Slice) -> str:
    parts = [plural(what.lines, "line")]
    parts += [plural(what.errors, "error")] if what.errors else []
    parts += [plural(what.warnings, "warning")] if what.warnings else []
    return ", ".join(parts)


class ShapeStrip(Widget, can_focus=True):
    """Shows the shape of the log of a view, and goes where its reader wants to."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    ShapeStrip {
        height: 1; background: $panel; display: none;
        & > .shape-strip--bar { color: $text-muted; }
        & > .shape-strip--warning { color: $text-warning; }
        & > .shape-strip--error { color: $text-error; text-style: bold; }
        & > .shape-strip--place { color: $text; text-style: bold; }
        & > .shape-strip--words { color: $text-muted; }
        &:focus > .shape-strip--place { text-style: bold reverse; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"shape-strip--{kind}" for kind in ("bar", "warning", "error", "place", "words")
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "leave", "to the log", id="shape.leave"),
        Binding("h,left", "step(-1)", "before", id="shape.left"),
        Binding("l,right", "step(1)", "next", id="shape.right"),
        Binding("e", "step(1, True)", "next error", id="shape.error"),
        help_key("E", "step(-1, True)", "error before", "shape.back"),
        help_key("g,home", "end(0)", "first slice", "shape.first"),
        help_key("G,end", "end(-1)", "newest line", "shape.last"),
        Binding("escape,i", "close", "close", id="shape.close"),
    ]

    class Left(Message):
        """The reader goes back to the log; the strip is closed or stays."""

        def __init__(self, *, closed: bool) -> None:
            self.closed = closed
            super().__init__()

    def __init__(self, view: LogView) -> None:
        super().__init__()
        self._view = view
        self._read_at = 0.0
        self._is_due = False
        self._is_whole = False
        self._drawn: list[list[ShapeCell]] = []

    @property
    def shape(self) -> LogShape:
        return self._view.opened.shape

    # What it shows

    def update(self) -> None:
        """Show where the reader is, and now and then the log as it is by now."""
        if not self.display or not self.size:
            return
        is_new = self._is_whole != self.shape.complete
        if is_new or self._read_at + REST_SECONDS <= monotonic():
            self._count()
            return
        self._count_in(REST_SECONDS)
        self._draw()

    def _count_in(self, seconds: float) -> None:
        if not self._is_due:
            self._is_due = True
            self.set_timer(seconds, self._count)

    def _count(self) -> None:
        self._is_due = False
        self._read_at = monotonic()
        if not self.display:
            return
        self._is_whole = self.shape.complete
        room = max(self._view.size.width - 2 * MARGIN, 1)
        if not self.shape.read(room, READ_SECONDS):
            self._count_in(READ_SECONDS)
        self._draw()

    @property
    def place(self) -> int | None:
        """The slice of the line that is read; None where it has no time."""
        axis, line = self.shape.axis, self._view.opened.current_line
        if axis is None or line is None or line.time_ns is None:
            return None
        return axis.place(line.time_ns)

    def _draw(self) -> None:
        rows = self._rows()
        if rows != self._drawn:
            self._drawn = rows
            self.refresh()

    def _rows(self) -> list[list[ShapeCell]]:
        shape, place, height = self.shape, self.place, self.size.height
        if shape.axis is None:
            return [[ShapeCell("No line here has a time.", "words")]]
        if height == 1:
            return [one_row(shape.slices, place)]
        below = [signs(shape.slices, place)]
        if height > LEAST_WITH_WORDS:
            below.append(self._words(shape.axis, place))
        return [*bars(shape.slices, height - len(below)), *below]

    def _words(self, axis: Axis, place: int | None) -> list[ShapeCell]:
        """Return the last row: first and last time, and what there is in between."""
        zone, shape = self._view.zone, self.shape
        first, last = (clock(axis.start(at), axis, zone) for at in (0, axis.slices))
        middle = f"{content_words(shape.total)}; {width_words(axis)}"
        if place is not None and self.screen.focused is self:
            at = clock(axis.start(place), axis, zone)
            middle = f"{at}: {content_words(shape.slices[place])}"
        if not shape.complete:
            middle += ", reading"
        blank = axis.slices - len(first) - len(last)
        if blank < len(middle) + 2:
            whole = f"{first} to {last}  {middle}"
            fits = len(whole) <= self.size.width
            return [ShapeCell(whole if fits else middle, "words")]
        return [ShapeCell(f"{first}{middle:^{blank}}{last}", "words")]

    def render_line(self, y: int) -> Strip:
        plain = self.rich_style
        segments = [Segment(" " * MARGIN, plain)]
        cells = self._drawn[y] if y < len(self._drawn) else []
        for kind, group in groupby(cells, key=lambda cell: cell.kind):
            style = self.get_component_rich_style(f"shape-strip--{kind}")
            segments.append(Segment("".join(cell.sign for cell in group), style))
        return Strip(segments).adjust_cell_length(self.size.width, plain)

    def on_resize(self) -> None:
        self._count()

    def on_focus(self) -> None:
        self._count()

    def on_blur(self) -> None:
        self._draw()

    # Moving

    def action_step(self, direction: int, errors: bool = False) -> None:
        """Go to the next slice, 1, or the one before, -1, that has lines, or errors."""
        self._count()
        slices, place = self.shape.slices, self.place
        at = len(slices) if place is None else place
        ahead = range(at + 1, len(slices)) if direction > 0 else range(at - 1, -1, -1)
        fits = (n for n in ahead if (slices[n].errors if errors else slices[n].lines))
        found = next(fits, None)
        if found is not None:
            self._go_to(found)
            return
        what = "error" if errors else "line"
        where = "after" if direction > 0 else "before"
        self._view.say(f"No {what} {where} this slice.")

    def action_end(self, place: int) -> None:
        """Go to the first slice, or with -1 to the newest line."""
        if place < 0:
            self._view.action_follow()
        elif self.shape.slices:
            self._go_to(place)

    def _go_to(self, place: int) -> None:
        if self.shape.axis is not None:
            start = self.shape.axis.start(place)
            self._view.say("")
            self._view.go_to_row(self._view.opened.rows.row_at_time(start))

    def action_leave(self) -> None:
        self.post_message(self.Left(closed=False))

    def action_close(self) -> None:
        self.post_message(self.Left(closed=True))

    def on_click(self, event: Click) -> None:
        """Go to the slice that was clicked."""
        place = event.x - MARGIN
        if 0 <= place < len(self.shape.slices):
            self._go_to(place)
