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
from chronotui.log.attempts import key_of
from chronotui.text import clean
from chronotui.times import Timestamps
from chronotui.ui.desk.status import FOR_GOOD
from chronotui.ui.dialogs import Dialog
from chronotui.ui.keys import help_key
from chronotui.ui.log.render import Stamper

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import tzinfo

    from textual.app import ComposeResult

    from chronotui.engine.session import OpenableLog
    from chronotui.model import LogLine, SearchPage
    from chronotui.ui.desk.log_side import LogSide
    from chronotui.ui.desk.status import Say

Ranges = tuple[tuple[int, int], ...]
LONGEST_SHOWN: Final = 300
STAMP_CELLS: Final = 23
"""Day and time to the millisecond; which zone that is in stands on the desk."""
HITS_AHEAD: Final = 5
"""Hits left below the highlighted one when more are asked for."""
SCOPE: Final = "the whole retained log (typing errors forgiven)"


async def search_server(side: LogSide, log: OpenableLog, text: str, say: Say) -> None:
    """Show what the server finds in a log, and go to the hit that is chosen."""

    async def search(query: str, cursor: str | None) -> SearchPage:
        return await log.history.search(query, cursor=cursor)

    screen = ServerSearchScreen(search, text, zone=side.details.zone)
    hit = await side.app.push_screen_wait(screen)
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
        search: Asks the server for a page of hits: (query, cursor), newest first.
        text: What is searched for at first; may be empty.
        zone: What times are told in; None is the zone here.
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
        help_key("o", "turn", "oldest or newest hits first", "server_search.turn"),
    ]

    def __init__(
        self,
        search: Callable[[str, str | None], Awaitable[SearchPage]],
        text: str = "",
        *,
        zone: tzinfo | None = None,
    ) -> None:
        super().__init__()
        self._search = search
        self._text = text
        self._stamps = Stamper(Timestamps.FULL, zone)
        self._hits: list[tuple[LogLine, Ranges]] = []
        self._oldest_first = False
        self._query = ""
        self._cursor: str | None = None

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Search the server"
            box.border_subtitle = "enter goes to the line · o oldest first · esc closes"
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
        if near_end and not self._oldest_first and self._cursor is not None:
            self._load(self._query, self._cursor)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._hits[event.option_index][0])

    def action_to_hits(self) -> None:
        self.set_focus(self.query_one(OptionList))

    def action_turn(self) -> None:
        """Turn the order of the hits round; the oldest are known once all are read."""
        self._oldest_first = not self._oldest_first
        if self._oldest_first and self._cursor is not None:
            self._load(self._query, self._cursor)
        elif self._hits:
            self._list()

    def _list(self) -> None:
        """Show the hits in the order that is wanted, from the first one.

        A page has the attempts of a retried job side by side.
        """
        listed = self.query_one(OptionList)
        self._hits.sort(key=lambda hit: key_of(hit[0]), reverse=not self._oldest_first)
        listed.clear_options()
        listed.add_options([Option(self._label(*hit)) for hit in self._hits])
        listed.highlighted = 0 if self._hits else None
        self._say_count()

    def _begin(self, query: str) -> None:
        self._query = query
        self._hits.clear()
        self.query_one(OptionList).clear_options()
        self._load(query, None)

    @work(group="server-search", exclusive=True)
    async def _load(self, query: str, cursor: str | None) -> None:
        """Read pages until one holds a hit, or all of them for the oldest first."""
        seen = {cursor}
        self._cursor = None
        self._say("searching …")
        try:
            page = await self._search(query, cursor)
            while page.cursor and page.cursor not in seen:
                if page.lines and not self._oldest_first:
                    break
                self._keep(page)
                seen.add(page.cursor)
                page = await self._search(query, page.cursor)
        except ChronotuiError as error:
            self._say(str(error))
            return
        self._cursor = page.cursor if page.cursor not in seen else None
        is_first = not self._hits
        self._keep(page)
        if self._oldest_first or (is_first and self._cursor is None):
            self._list()

    def _keep(self, page: SearchPage) -> None:
        """Take over the hits of a page, shown below those there are."""
        first = not self._hits
        listed = self.query_one(OptionList)
        hits = list(zip(page.lines, page.highlights, strict=True))
        self._hits += hits
        listed.add_options([Option(self._label(*hit)) for hit in hits])
        self._say_count()
        if first and self._hits:
            listed.highlighted = 0
            self.set_focus(listed)

    def _say_count(self) -> None:
        order = "the oldest first" if self._oldest_first else "the newest first"
        more = ", more below" if self._cursor is not None else ""
        found = f"{len(self._hits):,} found{more}, {order}, in {SCOPE}"
        self._say(found if self._hits else f"Nothing in {SCOPE}")

    def _label(self, line: LogLine, ranges: Ranges) -> Text:
        found = self.get_component_rich_style("server-search--found", partial=True)
        known = self._stamps.stamp(line.time_ns)[:STAMP_CELLS]
        stamp = "no time" if line.time_ns is None else known
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
