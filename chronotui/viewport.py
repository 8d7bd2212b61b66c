"""Where the reader is in a list of rows, and how the window follows.

A reader either follows, the newest row at the bottom of the window, or reads, and then
the current row stays at its screen row whatever is inserted, healed, filtered, wrapped
or resized around it (DESIGN.md, invariant 7). Only where the window would be blank
below the last row is it filled from above; the row goes back to where the reader had
it as soon as other rows, heights or sizes allow. Heights are asked for only near the
window, so every step costs what the window costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

AnchorT = TypeVar("AnchorT")

MOST_HEIGHTS: Final = 1024
"""Heights kept, of rows near the window; a screen has 200 at most."""


class RowSource(Protocol[AnchorT]):
    def __len__(self) -> int: ...

    def anchor(self, row: int, /) -> AnchorT:
        """Return the identity of a row, which outlives its number."""

    def locate(self, anchor: AnchorT, /) -> int:
        """Return the row of an identity now, or the nearest one shown."""


class ScreenRow(NamedTuple):
    """What one screen row shows: a part of a row; ``row`` is -1 below the end."""

    row: int
    part: int


class Spot(NamedTuple, Generic[AnchorT]):
    """A place of reading: a row, where it stood on the screen, or the tail."""

    anchor: AnchorT | None
    offset: int
    following: bool

    def is_at(self, other: Spot[AnchorT]) -> bool:
        """Whether both are the same row, or the tail, wherever on the screen."""
        if self.following or other.following:
            return self.following == other.following
        return self.anchor == other.anchor


class Viewport(Generic[AnchorT]):
    """Following or reading, the current row and the top of the window.

    Rows, and their heights in screen rows, at least 1, may change at any time, in
    effect with `resettle`. ``newest`` is for lists that end in a notice.
    """

    def __init__(
        self,
        rows: RowSource[AnchorT],
        height_of: Callable[[int], int] = lambda _row: 1,
        newest: Callable[[], int] | None = None,
    ) -> None:
        self._rows = rows
        self._height_of = height_of
        self._heights: dict[int, int] = {}
        self._newest = newest
        self.window = 1
        self.following = True
        self.current = 0
        self.top = ScreenRow(0, 0)
        self._anchor: AnchorT | None = None
        self._offset = 0
        self._moved_to: int | None = None
        self._seen: AnchorT | None = None
        self._seen_row = -1

    def show_rows(self, rows: RowSource[AnchorT]) -> None:
        """Take other rows, in effect with `resettle`."""
        self._rows = rows
        self._heights.clear()
        self.reconsider()

    def measure_with(self, height_of: Callable[[int], int]) -> None:
        """Take other heights, in effect with `resettle`."""
        self._height_of = height_of
        self._heights.clear()

    # What is shown

    @property
    def newest(self) -> int:
        """The newest row, -1 when there is none."""
        if not len(self._rows):
            return -1
        return self._newest() if self._newest is not None else len(self._rows) - 1

    def window_rows(self) -> list[ScreenRow]:
        """Return what each screen row of the window shows, top first."""
        row, part = self.top
        count, known = len(self._rows), self._heights
        shown: list[ScreenRow] = []
        room = self.window
        while row < count and room > 0:
            parts = range(part, min(known.get(row) or self._height(row), part + room))
            shown += [ScreenRow(row, each) for each in parts]
            room -= len(parts)
            row, part = row + 1, 0
        return shown + [ScreenRow(-1, 0)] * room

    @property
    def screen_y(self) -> int:
        """Screen row of the current row's first part; negative if it is above."""
        return self._offset_of(self.current)

    def row_at(self, screen_y: int) -> int:
        """Return the row shown at a screen row, -1 where there is none."""
        row = self._forward(self.top, screen_y).row
        return row if row < len(self._rows) else -1

    @property
    def last_shown(self) -> int:
        """The last row the window shows, even in part; -1 when there is none."""
        row = self._forward(self.top, self.window - 1).row
        return min(row, len(self._rows) - 1)

    def unseen_from(self) -> int:
        """Return the first row the reader has not had on the screen yet."""
        if self.following or self._seen is None:
            return len(self._rows)
        return min(self._seen_row + 1, len(self._rows))

    # What changes around the reader

    def resettle(self, first: int = 0) -> None:
        """Take over changed rows or heights; the place of reading stands still.

        Args:
            first: The first row that may be another one, or have another height.
        """
        known = self._heights
        self._heights = {row: known[row] for row in known if row < first}
        count = len(self._rows)
        if not count:
            self.current, self.top = 0, ScreenRow(0, 0)
            return
        if self._seen is not None:
            self._seen_row = self._rows.locate(self._seen)
        if self.following or self._anchor is None:
            self.current = max(self.newest, 0)
            self.top = self._bottom_top()
            self._anchor = self._rows.anchor(self.current)
            self._offset = self._offset_of(self.current)
            return
        self.current = min(max(self._rows.locate(self._anchor), 0), count - 1)
        wanted = self._offset if self._moved_to is None else self._moved_to
        self._place(self.current, wanted)
        self._fill()
        self._moved_to = self.screen_y
        self._note_seen()

    def resize(self, window: int) -> None:
        if window != self.window:
            self.reconsider()
        self.window = max(1, window)
        self.resettle()

    def reconsider(self) -> None:
        """Let the next `resettle` put the current row where the reader had it.

        For changes after which the whole picture is another one; rows that only come
        and go leave it where it stands.
        """
        self._moved_to = None

    # What the reader does

    def follow(self) -> None:
        self.following = True
        self.resettle()

    def stop_following(self) -> None:
        if self.following and len(self._rows):
            self._leave_tail()
            self._hold()

    def move(self, rows: int) -> None:
        """Move the current row; the window scrolls at its edges.

        A row taller than the window is walked through before it is left.
        """
        if not self._start_move(upward=rows < 0):
            return
        for _ in range(min(abs(rows), self.window)):
            self._step(1 if rows > 0 else -1)
        self._hold()

    def scroll(self, lines: int) -> None:
        """Scroll the window by screen rows; the current row stays if it can."""
        if not self._start_move(upward=lines < 0):
            return
        self._scroll(lines)
        y = self._offset_of(self.current)
        if y >= self.window:
            self.current = self.last_shown
        elif y < 0 and y + self._height(self.current) <= 0:
            self.current = self.top.row
        self._hold()

    def page(self, lines: int) -> None:
        """Scroll by screen rows and take the current row along."""
        if not self._start_move(upward=lines < 0):
            return
        y = min(max(self.screen_y, 0), self.window - 1)
        before = self.top
        self._scroll(lines)
        if self.top == before:
            self.current = 0 if lines < 0 else max(self.newest, 0)
        else:
            row = self.row_at(y)
            self.current = row if row >= 0 else len(self._rows) - 1
        self._show(self.current)
        self._hold()

    def go_to(self, row: int) -> None:
        """Make a row current; a far one is shown a third from the top."""
        if not len(self._rows):
            return
        self._leave_tail()
        self.current = min(max(row, 0), len(self._rows) - 1)
        height = self._height(self.current)
        y = self._offset_of(self.current)
        if y < 0 or y + min(height, self.window) > self.window:
            self._place(self.current, self.window // 3)
            self._fill()
        self._hold()

    @property
    def spot(self) -> Spot[AnchorT]:
        return Spot(self._anchor, self._offset, self.following)

    def return_to(self, spot: Spot[AnchorT]) -> None:
        """Go back to where the reader was, on the same screen row."""
        if spot.following or spot.anchor is None:
            self.follow()
            return
        self._leave_tail()
        self._anchor, self._offset = spot.anchor, spot.offset
        self.reconsider()
        self.resettle()

    # Steps

    def _start_move(self, *, upward: bool) -> bool:
        """Leave the tail for an upward move; a downward one has nowhere to go."""
        if self.following and upward:
            self._leave_tail()
        return not self.following and len(self._rows) > 0

    def _leave_tail(self) -> None:
        if self.following and len(self._rows):
            self.following = False
            self._see(max(self.newest, 0))

    def _hold(self) -> None:
        self._anchor = self._rows.anchor(self.current)
        self._offset = self._offset_of(self.current)
        self._moved_to = None
        self._note_seen()

    def _note_seen(self) -> None:
        last = self.last_shown
        if self._seen is None or last > self._seen_row:
            self._see(last)

    def _see(self, row: int) -> None:
        self._seen, self._seen_row = self._rows.anchor(row), row

    def _step(self, direction: int) -> None:
        y = self._offset_of(self.current)
        if direction > 0 and y + self._height(self.current) > self.window:
            self._scroll(1)
        elif direction < 0 and y < 0:
            self._scroll(-1)
        else:
            target = self.current + direction
            if 0 <= target < len(self._rows):
                self.current = target
                self._show(target, from_below=direction < 0)

    def _scroll(self, lines: int) -> None:
        if lines < 0:
            self.top = self._back(self.top, -lines)
            return
        limit = self._bottom_top()
        if self.top < limit:
            self.top = min(self._forward(self.top, lines), limit)

    def _show(self, row: int, *, from_below: bool = False) -> None:
        """Scroll as little as shows a row whole, or fills the window with it."""
        height = self._height(row)
        y = self._offset_of(row)
        if y < 0:
            self.top = ScreenRow(row, 0)
            if from_below and height > self.window:
                self.top = ScreenRow(row, height - self.window)
        elif y + height > self.window:
            lead = max(self.window - height, 0)
            self.top = self._back(ScreenRow(row, 0), lead)

    def _place(self, row: int, screen_y: int) -> None:
        """Put a row's first part at a screen row, as far as the rows above allow."""
        height = self._height(row)
        y = min(max(screen_y, 1 - height), self.window - 1)
        if y < 0:
            self.top = ScreenRow(row, -y)
        else:
            self.top = self._back(ScreenRow(row, 0), y)

    def _fill(self) -> None:
        """Leave no blank rows below the end while there are rows above."""
        if self._forward(self.top, self.window - 1).row >= len(self._rows):
            self.top = min(self.top, self._bottom_top())

    # Rows in screen rows

    def _height(self, row: int) -> int:
        height = self._heights.get(row)
        if height is None:
            if len(self._heights) >= MOST_HEIGHTS:
                self._heights.clear()
            height = self._heights[row] = self._height_of(row)
        return height

    def _back(self, place: ScreenRow, lines: int) -> ScreenRow:
        """Return the place so many screen rows above, the very first at most."""
        row, part = place
        part -= lines
        while part < 0:
            if row == 0:
                return ScreenRow(0, 0)
            row -= 1
            part += self._heights.get(row) or self._height(row)
        return ScreenRow(row, part)

    def _forward(self, place: ScreenRow, lines: int) -> ScreenRow:
        """Return the place so many screen rows below; its row may be past the end."""
        row, part = place
        part += lines
        count = len(self._rows)
        while row < count:
            height = self._heights.get(row) or self._height(row)
            if part < height:
                break
            row, part = row + 1, part - height
        return ScreenRow(row, part)

    def _bottom_top(self) -> ScreenRow:
        """Return the top of a window that ends with the last row."""
        last = len(self._rows) - 1
        if last < 0:
            return ScreenRow(0, 0)
        return self._back(ScreenRow(last, self._height(last) - 1), self.window - 1)

    def _offset_of(self, row: int) -> int:
        """Return the screen row of a row's first part.

        Negative above the window; the window's height stands for anything below it.
        """
        top = self.top
        if row < top.row:
            return -self._height(row) if row < len(self._rows) else -1
        y = -top.part
        for above in range(top.row, row):
            y += self._heights.get(above) or self._height(above)
            if y >= self.window:
                return self.window
        return y
