"""The shape of a log: how many lines, warnings and errors there are by slice of time.

Lines are told by chunk. What a chunk adds is counted once, and again when the chunk,
what is shown of it, or the slices are others. So a picture costs what changed since the
last one and a sum over the chunks, not the log.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from operator import add, le
from time import perf_counter
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.log.block import NO_TIME
from chronotui.log.finders import LevelFinder, LineMatches
from chronotui.log.levels import Level
from chronotui.times import NS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chronotui.log.rows import Rows
    from chronotui.log.search import Search

_MS: Final = NS // 1000
_MINUTE: Final = 60 * NS
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
WIDTHS: Final = (
    *(_MS * ms for ms in (1, 2, 3, 5, 8, 10, 20, 30, 50, 80, 100, 200, 300, 500, 800)),
    *(NS * seconds for seconds in (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 40)),
    *(_MINUTE * minutes for minutes in (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 40)),
    *(_HOUR * hours for hours in (1, 2, 3, 4, 6, 8, 12, 18)),
    *(_DAY * days for days in (1, 2, 3, 4, 7, 10, 14, 21, 28, 42, 91, 182, 364)),
)
"""How long a slice may be: one that grows changes it seldom, and fills its room."""


class Axis(NamedTuple):
    """Slices of time, each as long as the others, in nanoseconds."""

    origin_ns: int
    width_ns: int
    slices: int

    @classmethod
    def over(cls, first_ns: int, last_ns: int, most: int) -> Axis:
        """Return at most so many slices from one time to another."""
        for width in WIDTHS:
            origin = first_ns - first_ns % width
            count = (last_ns - origin) // width + 1
            if count <= most:
                return cls(origin, width, count)
        width = -(-(last_ns - first_ns + 1) // max(most, 1))
        return cls(first_ns, width, max(most, 1))

    def place(self, time_ns: int) -> int:
        """Return the slice of a time, the nearest one for those outside."""
        return min(max((time_ns - self.origin_ns) // self.width_ns, 0), self.slices - 1)

    def start(self, slice_: int) -> int:
        return self.origin_ns + slice_ * self.width_ns


class Slice(NamedTuple):
    """What is in a slice: lines, those that warn, and errors that begin there."""

    lines: int = 0
    warnings: int = 0
    errors: int = 0


class _Tally(NamedTuple):
    """What a chunk adds to slices; ``state`` is what it was counted of."""

    state: tuple[int, ...]
    slices: dict[int, Slice]


class LogShape:
    """The shape of the rows shown; for other rows ask for another one with `over`.

    Call `refresh` after ``rows.refresh()``, `advance` until it returns True, and `read`
    before a picture is drawn.

    Attributes:
        axis: The slices; None while no line has a time.
        slices: What is in each of them, as far as it has been read.
    """

    def __init__(
        self, rows: Rows, errors: Search, warnings: LineMatches | None = None
    ) -> None:
        finder = LevelFinder(Level.WARNING, most=Level.WARNING)
        self._warnings = warnings or LineMatches(rows.store.spool, finder)
        self._rows = rows
        self._errors = errors
        self._version = -1
        self._tallies: dict[int, _Tally] = {}
        self.axis: Axis | None = None
        self.slices: list[Slice] = []
        self.refresh()

    def over(self, rows: Rows, errors: Search) -> LogShape:
        """Return the shape of other rows of the same store; warnings stay known."""
        return LogShape(rows, errors, self._warnings)

    @property
    def complete(self) -> bool:
        """Whether all that is shown was looked at for warnings."""
        return self._warnings.complete

    @property
    def total(self) -> Slice:
        """What is in all slices together."""
        return Slice(*map(sum, zip(*self.slices, strict=True)))

    def refresh(self) -> None:
        """Take over what the store changed."""
        visible = self._rows.visible
        if self._version == visible.version:
            return
        changed = self._rows.store.chunks.changed_since(self._version) - visible.base
        known = self._version >= 0 and self._warnings.complete
        first = max(changed, 0) if known else 0
        self._version = visible.version
        self._warnings.keep_only(visible.chunks)
        self._warnings.plan(visible.chunks[first:], len(visible.chunks))

    def advance(self, budget_seconds: float) -> bool:
        """Look for warnings for a while; whether all is done."""
        return self._warnings.advance(perf_counter() + budget_seconds)

    def read(self, most: int, budget_seconds: float) -> bool:
        """Count what changed, in at most so many slices; whether all is counted."""
        deadline = perf_counter() + budget_seconds
        self.axis = axis = self._axis(most)
        slices = [Slice()] * (axis.slices if axis is not None else 0)
        known, self._tallies = self._tallies, {}
        is_whole = True
        for index, chunk in enumerate(self._rows.visible.chunks):
            tally = known.get(chunk.stamp)
            if axis is None or chunk.newest_ns == NO_TIME:
                continue
            shown = self._shown(index)
            state = (*axis[:2], chunk.edits, chunk.count, *map(len, shown))
            if tally is None or tally.state != state:
                if perf_counter() >= deadline:
                    is_whole = False
                    continue
                times = self._rows.store.spool.peek(chunk).times
                tally = _Tally(state, dict(_counted(axis, times, shown)))
            self._tallies[chunk.stamp] = tally
            for place, added in tally.slices.items():
                slices[place] = Slice(*map(add, slices[place], added))
        self.slices = slices
        return is_whole

    def _shown(self, index: int) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
        """Return the indexes of a chunk's lines, warnings and errors that are shown."""
        visible = self._rows.visible
        chunk = visible.chunks[index]
        warnings: Sequence[int] = self._warnings.of(chunk).hits
        lines: Sequence[int] = range(chunk.count)
        if visible.selection is not None:
            lines = visible.hits[index]
            warnings = sorted(set(warnings).intersection(lines))
        return lines, warnings, self._errors.in_chunk(index)

    def _axis(self, most: int) -> Axis | None:
        """Return slices from the oldest line that begins an attempt to the newest."""
        chunks = self._rows.visible.chunks
        newest = max((chunk.newest_ns for chunk in chunks), default=NO_TIME)
        if newest == NO_TIME or most < 1:
            return None
        oldest = newest
        attempt = None
        for chunk in chunks:
            if chunk.attempt != attempt and chunk.newest_ns != NO_TIME:
                attempt = chunk.attempt
                times = self._rows.store.spool.peek(chunk).times
                oldest = min(oldest, *(t for t in times if t != NO_TIME))
        return Axis.over(oldest, newest, most)


def _counted(
    axis: Axis, times: Sequence[int], shown: Sequence[Sequence[int]]
) -> Iterator[tuple[int, Slice]]:
    """Yield the slices of lines, each with what is in it of lines that are shown.

    Lines without a time are those of the line before.
    """
    if all(map(le, times, times[1:])) and times[0] != NO_TIME:
        bounds = _bounds(axis, times)
        for place, start, stop in bounds:
            counts = (
                bisect_left(part, stop) - bisect_left(part, start) for part in shown
            )
            yield place, Slice(*counts)
        return
    places: list[int] = []
    for time_ns in times:
        before = places[-1] if places else 0
        places.append(before if time_ns == NO_TIME else axis.place(time_ns))
    counted = [Counter(places[line] for line in part) for part in shown]
    for place in set(places):
        yield place, Slice(*(counts[place] for counts in counted))


def _bounds(axis: Axis, times: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield the slices of ascending times, their first line and the one behind."""
    start = 0
    while start < len(times):
        place = axis.place(times[start])
        stop = bisect_left(times, axis.start(place + 1), start + 1)
        if place == axis.slices - 1:
            stop = len(times)
        yield place, start, max(stop, start + 1)
        start = max(stop, start + 1)
