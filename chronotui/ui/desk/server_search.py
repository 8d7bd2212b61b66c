"""The server's search of a whole retained log: its hits, and the way to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.style import Style
from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from chronotui.errors import ChronotuiError
from chronotui.text import clean
from chronotui.times import format_time_ns
from chronotui.ui.desk.status import FOR_GOOD
from chronotui.ui.dialogs import Dialog
from chronotui.ui.keys import help_key

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.app import ComposeResult

    from chronotui.engine.session import OpenableLog
    from chronotui.model import LogLine, SearchPage
    from chronotui.ui.desk.log_side import LogSide
    from chronotui.ui.desk.status import Say

Ranges = tuple[tuple[int, int], ...]
LONGEST_SHOWN: Final = 300
HITS_AHEAD: Final = 5
"""Hits left below the highlighted one when more are asked for."""
SCOPE: Final = "the whole retained log (typing errors forgiven)"


async def search_server(side: LogSide, log: OpenableLog, text: str, say: Say) -> None:
    """Show what the server finds in a log, and go to the hit that is chosen."""

    async def search(query: str, cursor: str | None) -> SearchPage:
        return await log.history.search(query, cursor=cursor)

    hit = await side.app.push_screen_wait(ServerSearchScreen(search, text))
    if hit is not None:
        await _go_to(side, log, hit, say)


async def _go_to(side: LogSide, log: OpenableLog, hit: LogLine, say: Say) -> None:
    from chronotui.log.marks import Anchor

    say("Loading the pages up to the hit …", seconds=FOR_GOOD)
    try:
        key = await log.history.load_hit(hit)
    except ChronotuiError as error:
        say(str(error))
        return
    say("")
    pane = side.log_pane if side.loader.log is log else None
    if pane is None:
        return
    if key is None:
        say("The server's search knows this line, its log has it no longer.")
        return
    pane.view.log_changed()
    pane.view.go_to_row(pane.view.opened.rows.locate(Anchor(key)))


class ServerSearchScreen(Dialog["LogLine | None"]):
    """Answers with the chosen hit, None when it is left.

    Args:
        search: Asks the server for a page of hits: (query, cursor).
        text: What is searched for at first; may be empty.
    """

    DEFAULT_CSS = """
    ServerSearchScreen > Vertical { width: 96%; height: 90%; }
    ServerSearchScreen OptionList {
        height: 1fr; text-wrap: nowrap; text-overflow: ellipsis;
    }
    ServerSearchScreen #found { height: 1; color: $text-muted; }
    ServerSearchScreen > .server-search--stderr { color: $text-error; }
    ServerSearchScreen > .server-search--found { text-style: bold reverse; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "server-search--found",
        "server-search--stderr",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close", id="server_search.close"),
        help_key("down", "to_hits", "to the hits", "server_search.hits"),
    ]

    def __init__(
        self,
        search: Callable[[str, str | None], Awaitable[SearchPage]],
        text: str = "",
    ) -> None:
        super().__init__()
        self._search = search
        self._text = text
        self._hits: list[LogLine] = []
        self._query = ""
        self._cursor: str | None = None

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Search the server"
            box.border_subtitle = "enter goes to the line · esc closes"
            yield Input(self._text, placeholder="words", compact=True, id="query")
            yield OptionList(compact=True, id="hits")
            yield Static(f"in {SCOPE}", id="found", markup=False)

    def on_mount(self) -> None:
        if self._text:
            self._begin(self._text)

    @on(Input.Submitted)
    def _asked(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip():
            self._begin(event.value.strip())

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        near_end = event.option_index >= len(self._hits) - HITS_AHEAD
        if near_end and self._cursor is not None:
            self._load(self._query, self._cursor)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._hits[event.option_index])

    def action_to_hits(self) -> None:
        self.set_focus(self.query_one(OptionList))

    def _begin(self, query: str) -> None:
        self._query = query
        self._hits.clear()
        self.query_one(OptionList).clear_options()
        self._load(query, None)

    @work(group="server-search", exclusive=True)
    async def _load(self, query: str, cursor: str | None) -> None:
        """Read pages until one holds a hit: a page may be empty and go on."""
        seen = {cursor}
        self._cursor = None
        self._say("searching …")
        try:
            page = await self._search(query, cursor)
            while not page.lines and page.cursor and page.cursor not in seen:
                seen.add(page.cursor)
                page = await self._search(query, page.cursor)
        except ChronotuiError as error:
            self._say(str(error))
            return
        self._cursor = page.cursor if page.cursor not in seen else None
        self._take(page)

    def _take(self, page: SearchPage) -> None:
        first = not self._hits
        listed = self.query_one(OptionList)
        self._hits += page.lines
        listed.add_options(
            Option(self._label(line, ranges))
            for line, ranges in zip(page.lines, page.highlights, strict=True)
        )
        count = f"{len(self._hits):,} found"
        more = ", more below" if self._cursor is not None else ""
        self._say(f"{count}{more} in {SCOPE}" if self._hits else f"Nothing in {SCOPE}")
        if first and self._hits:
            listed.highlighted = 0
            self.set_focus(listed)

    def _label(self, line: LogLine, ranges: Ranges) -> Text:
        found = self.get_component_rich_style("server-search--found", partial=True)
        stamp = format_time_ns(line.time_ns, digits=3) if line.time_ns else "no time"
        label = Text(no_wrap=True, overflow="ellipsis")
        label.append(stamp)
        label.append(" ▌ " if line.stream == "stderr" else "   ", self._ink("stderr"))
        place = 0
        message = line.message[:LONGEST_SHOWN]
        for start, end in ranges:
            label.append(clean(message[place:start]))
            label.append(clean(message[start:end]), found)
            place = max(place, end)
        label.append(clean(message[place:]))
        return label

    def _ink(self, part: str) -> Style:
        """Return a part's colour alone: what is behind it is the list's."""
        return Style(
            color=self.get_component_rich_style(f"server-search--{part}").color
        )

    def _say(self, sentence: str) -> None:
        self.query_one("#found", Static).update(clean(sentence))
