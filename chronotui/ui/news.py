"""What is new in a job's log against the last good run: over the desk, as a list.

Kinds of lines never seen before stand first, then those whose count is far off, then
those that are gone. Each is a way to its first line, and the new ones are a filter.
"""

from __future__ import annotations

from enum import Enum
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

from rich.cells import cell_len
from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Size
from textual.widgets import Static

from chronotui.log.causes import Weight
from chronotui.log.differences import SUSPECT, Change
from chronotui.model import STDERR
from chronotui.text import clean, plural, printable_line
from chronotui.times import age
from chronotui.tree.row import SPACE, Role, RowPiece
from chronotui.ui.dialogs import Dialog
from chronotui.ui.keys import help_key
from chronotui.ui.row_window import RowWindow, motion_keys
from chronotui.ui.standing import while_standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from textual.app import ComposeResult
    from textual.events import Click

    from chronotui.engine.news import JobNews, NewsState
    from chronotui.log.differences import KindChange
    from chronotui.model import Job

PROGRESS_SECONDS: Final = 0.1
"""Least time between two tellings of how far the reading has come."""

NOT_YET: Final = "not yet"
"""What is gone, of a run that goes on."""

COUNT_CELLS: Final = 9
CHANGE_CELLS: Final = 7
LEAST_LINE: Final = 30
"""Cells for a line's words below which columns beside it are left out."""

NOTHING_NEW: Final = "The logs say the same, kind of line by kind of line."

KEYS: Final = "enter goes there · X only new · r again · esc closes"
"""What the box says below."""


class NewsAnswer(Enum):
    """What is asked for beside a line."""

    FILTER = "only what is new"


Choice: TypeAlias = "KindChange | NewsAnswer"


# What stands in a row.


def change_words(found: KindChange, *, running: bool) -> str:
    if found.is_suspect:
        return SUSPECT
    is_gone = found.change is Change.GONE
    return NOT_YET if running and is_gone else str(found.change)


def columns_for(width: int, place: int) -> dict[str, int]:
    """Return the cells of each column there is room for, from left to right."""
    columns = {"change": CHANGE_CELLS, "lines": COUNT_CELLS}
    more = {"before": COUNT_CELLS, "place": place}
    for name, cells in more.items():
        taken = sum(columns.values()) + len(columns) + cells + 1
        if width - taken - 2 >= LEAST_LINE:
            columns[name] = cells
    return columns


_TITLES: Final = {"change": "", "lines": "lines", "before": "before", "place": "first"}
_ROLES: Final = {
    Weight.RAISED: Role.FAILED,
    Weight.ERROR: Role.FAILED,
    Weight.WARNS: Role.WAITING,
}


def row_pieces(
    found: KindChange, width: int, columns: dict[str, int], *, running: bool
) -> Iterator[RowPiece]:
    """Yield what a row says of a difference."""
    gone = found.change is Change.GONE
    texts = {
        "change": change_words(found, running=running),
        "lines": "–" if gone else f"{found.lines:,}",
        "before": f"{found.lines_before:,}" if found.lines_before else "–",
        "place": place_words(found),
    }
    role = Role.MUTED if gone else _ROLES.get(found.weight, Role.PLAIN)
    for name, cells in columns.items():
        is_new = name == "change" and (found.change is Change.NEW or found.is_suspect)
        own = role if is_new else Role.MUTED
        yield RowPiece(texts[name], own, cells, right=name != "change")
        yield SPACE
    sign = "▌" if found.line.stream == STDERR else " "
    yield RowPiece(sign, Role.ALARM, 1)
    left = width - sum(columns.values()) - len(columns) - 2
    yield SPACE
    words = printable_line(found.line.message[: max(left, 1) * 8])
    if found.before:
        before = f"{printable_line(found.before)}: "
        cells = min(cell_len(before), max(left // 2, 1))
        yield RowPiece(before, Role.WAITING, cells)
        left -= cells
    yield RowPiece(words, role, max(left, 1))


def place_words(found: KindChange) -> str:
    """Return the place of its first line as commands name it."""
    return f"{found.line.attempt}:{found.line.sequence_num:}"


def heading(columns: dict[str, int]) -> str:
    titles = (
        _TITLES[name].ljust(cells) if name == "change" else _TITLES[name].rjust(cells)
        for name, cells in columns.items()
    )
    return " ".join(titles) + "   line"


def summary(state: NewsState, short_id: Callable[[Job], str]) -> str:
    """Return what was compared and how much of it differs, in one line."""
    words = [state.problem] if state.problem else []
    if state.good is not None:
        words.append(f"against {clean(short_id(state.good))}{_when(state)}")
    if state.lines or state.lines_before:
        words.append(f"{plural(state.lines, 'line')} against {state.lines_before:,}")
    if state.found is not None and not state.doing:
        words.append(_counts(state.found))
        if not state.job.has_ended:
            words.append("as far as it has come, r compares again")
    if state.doing:
        words.append(f"{state.doing} …")
    return " · ".join(words)


def _when(state: NewsState) -> str:
    """Return how long before the job the good run began, if both are known."""
    began = state.job.started_at or state.job.created_at
    good = None if state.good is None else state.good.started_at
    if began is None or good is None or good > began:
        return ", good"
    return f", good, {age((began - good).total_seconds())} before"


def _counts(found: Sequence[KindChange]) -> str:
    new = sum(each.change is Change.NEW for each in found)
    gone = sum(each.change is Change.GONE for each in found)
    off = len(found) - new - gone
    if not found:
        return NOTHING_NEW
    return f"{plural(new, 'kind')} new, {off:,} far off in number, {gone:,} gone"


class NewsRows(RowWindow, inherit_bindings=False):
    """The differences, one a row."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *motion_keys("news"),
        Binding("enter,l", "open", "go there", id="news.open"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.found: Sequence[KindChange] = ()
        self._row = 0
        self._running = False
        self._columns: dict[str, int] = {}

    @property
    def count(self) -> int:
        return len(self.found)

    @property
    def current(self) -> int:
        return self._row

    @property
    def columns(self) -> dict[str, int]:
        if not self._columns:
            longest = max(map(len, map(place_words, self.found)), default=5)
            self._columns = columns_for(self.row_width, min(max(longest, 5), 14))
        return self._columns

    def show(
        self, found: Sequence[KindChange], *, running: bool, kind: str | None = None
    ) -> None:
        """Show other differences; the kind that was selected stays so.

        Args:
            kind: The one that is selected at first.
        """
        if self.selected is not None:
            kind = self.selected.kind
        kinds = [each.kind for each in found]
        self.found, self._running = found, running
        self._row = kinds.index(kind) if kind is not None and kind in kinds else 0
        self._columns = {}
        self.virtual_size = Size(self.row_width, len(found))
        self._painted.clear()
        self.go_to(self._row)
        self.refresh()

    @property
    def selected(self) -> KindChange | None:
        return self.found[self._row] if self._row < len(self.found) else None

    def go_to(self, row: int) -> None:
        self._row = min(max(row, 0), max(self.count - 1, 0))
        self.bring_in(self._row)

    def words(self, row: int) -> tuple[tuple[RowPiece, ...], bool] | None:
        if row >= len(self.found):
            return None
        pieces = row_pieces(
            self.found[row], self.row_width, self.columns, running=self._running
        )
        return tuple(pieces), row == self._row

    def scrolled(self) -> None:
        """Nothing is asked for: all rows are there."""

    def on_resize(self) -> None:
        self._columns = {}
        self._painted.clear()
        self.virtual_size = Size(self.row_width, len(self.found))
        self.go_to(self._row)
        self.refresh()

    def action_open(self) -> None:
        found = self.selected
        if found is not None and isinstance(self.screen, NewsScreen):
            self.screen.dismiss(found)

    def on_click(self, event: Click) -> None:
        """Select a row; a second click goes there."""
        row = self.first_row + event.y
        if row < self.count:
            self.go_to(row)
            if event.chain == 2:
                self.action_open()


class NewsScreen(Dialog["Choice | None"]):
    """Answers with the difference to go to, or that the log be filtered.

    Args:
        news: Compares the logs; what it has found before is shown at once.
        title: Whose log it is, cleaned.
        short_id: Returns a job's id as it is shown elsewhere.
        kind: The kind of line that is selected at first.
    """

    DEFAULT_CSS = """
    NewsScreen > Vertical { width: 96%; height: 90%; }
    NewsScreen #summary { height: auto; max-height: 4; }
    NewsScreen #heading { height: 1; color: $text-muted; }
    NewsScreen #notes { height: auto; max-height: 3; color: $text-warning; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Close", id="news.close"),
        Binding("X,ampersand", "filter", "Only what is new", id="news.filter"),
        Binding("r,f5", "again", "Compare again", id="news.again"),
        help_key("S", "stop", "stop reading", "news.stop"),
    ]

    def __init__(
        self,
        news: JobNews,
        title: str,
        *,
        short_id: Callable[[Job], str] = lambda job: job.shown_id,
        kind: str | None = None,
    ) -> None:
        super().__init__()
        self.news = news
        self._title = title
        self._short_id = short_id
        self._kind = kind
        self._shown: Sequence[KindChange] | None = None
        self._told_at = 0.0

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content(f"What is new in {self._title}")
            box.border_subtitle = Content(KEYS)
            yield Static(id="summary", markup=False)
            yield Static(id="heading", markup=False)
            yield NewsRows()
            yield Static(id="notes", markup=False)

    def on_mount(self) -> None:
        self.set_focus(self.query_one(NewsRows))
        state = self.news.state
        if state.found is None or not state.job.has_ended:
            self.action_again()
        else:
            self._show()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    @work(group="news", exclusive=True)
    async def action_again(self) -> None:
        """Compare again; what was found before stays until then."""
        await self.news.compare(while_standing(self, self._changed))
        self._show()

    def action_stop(self) -> None:
        """Stop reading; what was found before stays."""
        self.workers.cancel_node(self)
        self._show()

    def _changed(self) -> None:
        if monotonic() - self._told_at >= PROGRESS_SECONDS:
            self._show()

    def _show(self) -> None:
        self._told_at = monotonic()
        state, rows = self.news.state, self.query_one(NewsRows)
        if state.found is not None and state.found is not self._shown:
            self._shown = state.found
            running = not state.job.has_ended
            rows.show(state.found, running=running, kind=self._kind)
        words = summary(state, self._short_id)
        self.query_one("#summary", Static).update(Content(words))
        titles = heading(rows.columns) if rows.count else ""
        self.query_one("#heading", Static).update(Content(titles))
        notes = self.query_one("#notes", Static)
        notes.display = bool(state.notes)
        notes.update(Content("\n".join(state.notes)))

    def action_filter(self) -> None:
        """Answer that the log be filtered, once the good run is known."""
        if self.news.state.known is not None:
            self.dismiss(NewsAnswer.FILTER)
        else:
            self.app.bell()
