"""Asking the reader for a search, a filter or a place, and obeying the answer."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Static

from chronotui.log.attempts import key_of
from chronotui.model import STDERR, STDOUT
from chronotui.ui.log import messages
from chronotui.ui.log.cells import is_json, plural
from chronotui.ui.log.find import Filtering, Going, SearchKeys
from chronotui.ui.log.line_screen import LineScreen
from chronotui.ui.log.messages import (
    LineOpened,
    PlaceChanged,
    ReadOn,
    ServerSearchWanted,
    SettingsChanged,
)
from chronotui.ui.log.prompt import (
    GAP,
    Asked,
    BarPart,
    Prompt,
    bar_parts,
    filter_words,
    search_words,
)
from chronotui.ui.log.render import COMPONENTS, LOOK_CSS, Highlighter
from chronotui.ui.log.window import LogWindow, ViewportMouse
from chronotui.ui.term import clipboard

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from chronotui.ui.log.settings import ViewSettings, Zone
    from chronotui.ui.log.state import OpenLog


class Asking(Vertical):
    """A log view with a prompt.

    Args:
        view: The log view.
        now: The clock that ``-15m`` and ``14:05`` are meant by.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash",
            "ask_search",
            "Search",
            id="log.search",
            tooltip="Search what is loaded; regular expression, smart case",
        ),
        Binding(
            "ampersand",
            "ask_filter",
            "Filter",
            id="log.filter",
            tooltip="Show only lines that match; ! in front hides them",
        ),
        Binding(
            "colon",
            "ask_goto",
            "Go to",
            show=False,
            id="log.goto",
            tooltip="Go to a line number, 14:05, -15m, start or end",
        ),
    ]

    def __init__(
        self,
        view: LogView,
        now: Callable[[], datetime],
        *,
        id: str | None = None,  # noqa: A002 - Textual's own name
    ) -> None:
        super().__init__(id=id)
        self.view = view
        self.prompt = Prompt(self._answered, self._given_up)
        self._now = now
        self._wrong = ""
        self._refused: tuple[Asked, str] | None = None

    @abstractmethod
    def update_bar(self) -> None:
        """Say anew what is filtered and searched, and what is typed."""

    def action_ask_search(self) -> None:
        """Search, with a preview while typing."""
        self.stop_asking()
        self.view.begin_search()
        self._ask(Asked.SEARCH)

    def action_ask_filter(self) -> None:
        """Show only lines that match, or that do not, with a preview while typing."""
        self.stop_asking()
        self.view.begin_filter()
        self._ask(Asked.FILTER)

    def action_ask_goto(self) -> None:
        """Go to a line, a time, or an end."""
        self.stop_asking()
        self._ask(Asked.GOTO)

    def _ask(self, asked: Asked) -> None:
        self._wrong, self._refused = "", None
        self.prompt.ask(asked)
        self.update_bar()

    @on(Prompt.Typed)
    def _typed(self, event: Prompt.Typed) -> None:
        event.stop()
        prompt = self.prompt
        if not prompt.display or (event.asked, event.text) != (
            prompt.asked,
            prompt.input.value,
        ):
            return
        if self._refused == (event.asked, event.text):
            return  # enter came before the news of what was typed last
        self._wrong, self._refused = "", None
        if event.asked is Asked.SEARCH:
            self._wrong = self.view.preview_search(event.text)
        elif event.asked is Asked.FILTER:
            self._wrong = self.view.preview_filter(event.text)
        self.update_bar()

    def remark(self) -> None:
        """Say beside what is typed what is wrong with it, or what it finds."""
        if not self.prompt.display:
            return
        words, opened = self._wrong, self.view.opened
        if not words and opened is not None:
            find = {Asked.SEARCH: search_words, Asked.FILTER: filter_words}
            asked = find.get(self.prompt.asked)
            words = asked(opened) if asked is not None else ""
        self.prompt.remark(words, wrong=bool(self._wrong))

    def _answered(self, asked: Asked, text: str) -> None:
        self._wrong = {
            Asked.SEARCH: self._search,
            Asked.FILTER: self.view.put_filter,
            Asked.GOTO: self._goto,
        }[asked](text)
        self._refused = (asked, text) if self._wrong else None
        if not self._wrong:
            self._close_prompt()
        self.update_bar()

    def _given_up(self) -> None:
        self.stop_asking()
        self.update_bar()

    def stop_asking(self) -> None:
        """Close the prompt, if it is open, and show what was shown before."""
        if not self.prompt.display:
            return
        if self.prompt.asked is Asked.SEARCH:
            self.view.end_search(keep=False)
        elif self.prompt.asked is Asked.FILTER:
            self.view.give_up_filter()
        self._close_prompt()

    def _close_prompt(self) -> None:
        had_focus = self.screen.focused is self.prompt.input
        self.prompt.close()
        if had_focus:
            self.screen.set_focus(self.view)

    def _search(self, text: str) -> str:
        opened = self.view.opened
        wrong = ""
        if opened is None or opened.search_text != text:
            wrong = self.view.preview_search(text)
        if not wrong:
            self.view.end_search(keep=bool(text))
        return wrong

    def _goto(self, text: str) -> str:
        return self.view.go_to_place(text, self._now())


# Keys that change how lines are shown, and which.


class Showing(LogWindow):
    """Time column, zone, wrap, stream, indented JSON."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "t",
            "next_timestamps",
            "Times",
            show=False,
            id="log.timestamps",
            tooltip="Times: off, time, full, since start, since the line before",
        ),
        Binding(
            "T",
            "toggle_zone",
            "Zone",
            show=False,
            id="log.zone",
            tooltip="Show times in the local zone or in UTC",
        ),
        Binding(
            "w",
            "toggle_wrap",
            "Wrap",
            show=False,
            id="log.wrap",
            tooltip="Wrap long lines, or cut them at the edge",
        ),
        Binding(
            "0",
            "stream('')",
            "Both streams",
            show=False,
            id="log.both_streams",
            tooltip="Show standard output and standard error",
        ),
        Binding(
            "1",
            f"stream('{STDOUT}')",
            "Only stdout",
            show=False,
            id="log.only_stdout",
            tooltip="Show standard output alone",
        ),
        Binding(
            "2",
            f"stream('{STDERR}')",
            "Only stderr",
            show=False,
            id="log.only_stderr",
            tooltip="Show standard error alone",
        ),
        Binding(
            "p",
            "toggle_json",
            "Indent JSON",
            show=False,
            id="log.json",
            tooltip="Show the current line's JSON indented, or as it came",
        ),
    ]

    def apply_settings(self, settings: ViewSettings) -> None:
        """Show lines as remembered; posts nothing."""
        if settings != self.settings:
            self.settings = settings
            self._redraw_higher_or_lower()

    def action_next_timestamps(self) -> None:
        """Go on to the next kind of time column."""
        timestamps = self.settings.timestamps.next
        self._change(replace(self.settings, timestamps=timestamps))
        self.say(f"Times: {timestamps.meaning}.")

    def action_toggle_zone(self) -> None:
        """Change between the local zone and UTC."""
        zone: Zone = "local" if self.settings.zone == "utc" else "utc"
        self._change(replace(self.settings, zone=zone))
        self.say(f"Times in {self.place.zone}.")

    def action_toggle_wrap(self) -> None:
        """Wrap long lines, or cut them at the edge."""
        self._change(replace(self.settings, wrap=not self.settings.wrap))
        self.say("Long lines wrap." if self.settings.wrap else "Long lines are cut.")

    def action_stream(self, stream: str) -> None:
        """Show one stream alone, or both.

        Args:
            stream: The stream's name, or empty for both.
        """
        if self.opened is None:
            return
        self.opened.filters.stream = stream or None
        self.opened.filters.suspended = False
        self.refilter()
        self.say(f"Only {stream}; 0 shows both." if stream else "Both streams.")

    def action_toggle_json(self) -> None:
        """Show the current line's JSON indented, or as it came."""
        line = self.opened.current_line if self.opened else None
        if self.opened is None or line is None:
            return
        if not is_json(line.message):
            self.say("This line is not JSON.")
            return
        self.opened.as_json ^= {key_of(line)}
        self._redraw_higher_or_lower()

    def _redraw_higher_or_lower(self) -> None:
        """Draw anew what may take more rows than before, or fewer."""
        if self.opened is not None:
            self.opened.viewport.reconsider()
        self.redraw()

    def _change(self, settings: ViewSettings) -> None:
        self.apply_settings(settings)
        self.post_message(SettingsChanged(self, settings))


# Keys that act on lines: bookmark, range, copy, open.


class Picking(LogWindow):
    """Bookmarks, a range of lines, the clipboard, a line shown whole."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "m",
            "toggle_bookmark",
            "Bookmark",
            show=False,
            id="log.bookmark",
            tooltip="Bookmark the current line, or take its bookmark away",
        ),
        Binding(
            "apostrophe",
            "next_bookmark",
            "Next bookmark",
            show=False,
            id="log.next_bookmark",
            tooltip="Go to the next bookmark",
        ),
        Binding(
            "y",
            "copy_lines",
            "Copy",
            show=False,
            id="log.copy",
            tooltip="Copy the current line, or the range",
        ),
        Binding(
            "v",
            "toggle_range",
            "Range",
            show=False,
            id="log.range",
            tooltip="Start a range of lines at the current one, or give it up",
        ),
        Binding(
            "enter",
            "open_line",
            "Open line",
            show=False,
            id="log.open",
            tooltip="Show the line whole; in a filtered view, in the full log",
        ),
        Binding("escape", "step_back", "Back", show=False, id="log.back"),
    ]

    def action_toggle_bookmark(self) -> None:
        """Bookmark the current line, or take its bookmark away."""
        if self.opened is None:
            return
        match self.opened.toggle_bookmark():
            case None:
                self.say("Only lines can be bookmarked.")
            case True:
                self.say("Bookmarked; ' goes to the next bookmark.")
            case False:
                self.say("Bookmark taken away.")
        self.moved()

    def action_next_bookmark(self) -> None:
        """Go to the next bookmark, from the last one to the first."""
        if self.opened is None:
            return
        found = self.opened.next_bookmark()
        if found is None:
            self.say("No bookmarks; m sets one.")
            return
        row, wrapped = found
        self.opened.viewport.go_to(row)
        self.say("First bookmark: went on from the start." if wrapped else "")
        self.moved()

    def action_toggle_range(self) -> None:
        """Start a range of lines at the current one, or give it up."""
        opened = self.opened
        if opened is None or not len(opened.rows):
            return
        if opened.range_from is None:
            opened.viewport.stop_following()
            opened.range_from = opened.rows.anchor(opened.viewport.current)
            self.say("Range started: move, then y copies it; v gives it up.")
        else:
            opened.range_from = None
            self.say("")
        self.moved()

    def action_copy_lines(self) -> None:
        """Copy the current line or the range through the terminal."""
        opened = self.opened
        if opened is None:
            return
        picked = opened.picked_rows()
        if len(picked) > clipboard.MOST_BYTES:
            self._refuse(f"{len(picked):,} lines")
            return
        lines = opened.picked_lines()
        if not lines:
            self.say("There is no line to copy here.")
            return
        try:
            text = clipboard.printable([line.message for line in lines])
            size = clipboard.copy(self.app, text)
        except clipboard.TooLargeToCopyError as error:
            self._refuse(f"{error.size:,} bytes")
            return
        opened.range_from = None
        self.say(f"Copied {plural(len(lines), 'line')}, {plural(size, 'byte')}.")
        self.moved()

    def _refuse(self, size: str) -> None:
        most = f"{clipboard.MOST_BYTES:,}"
        self.say(
            f"Too large to copy: {size}, a terminal takes {most} bytes. s saves it.",
            "caution",
        )

    def action_open_line(self) -> None:
        """Show the line in the full log when filtered, else show it whole."""
        opened = self.opened
        line = opened.current_line if opened else None
        if opened is None or line is None:
            return
        if opened.filters.hides:
            opened.viewport.stop_following()
            opened.filters.suspended = True
            self.refilter()
            self.say("In the full log; esc goes back to the filtered view.")
        else:
            self.post_message(LineOpened(self, line))

    def action_step_back(self) -> None:
        """Give up the range, else the search, else the last filter."""
        opened = self.opened
        if opened is None:
            return
        if opened.range_from is not None:
            opened.range_from = None
            self.moved()
        elif opened.search is not None:
            opened.search = None
            self.redraw()
        elif opened.filters.pop():
            self.refilter()
        self.say("")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave ``esc`` to the screen around when nothing is to be given up."""
        if action != "step_back":
            return super().check_action(action, parameters)
        opened = self.opened
        return opened is not None and bool(
            opened.range_from is not None or opened.search or opened.filters
        )


# The log view whole: a window, its keys and its mouse.


class LogView(Filtering, Going, SearchKeys, Picking, Showing, ViewportMouse):
    """Shows an opened log; knows its rows and nothing of where they come from.

    Call `show` with an `OpenLog`, and `log_changed` when its store changed.
    """

    DEFAULT_CSS = LOOK_CSS
    COMPONENT_CLASSES: ClassVar[set[str]] = set(COMPONENTS)

    EdgeReached = messages.EdgeReached
    LineOpened = messages.LineOpened
    OlderErrorWanted = messages.OlderErrorWanted
    OlderWanted = messages.OlderWanted
    PlaceChanged = messages.PlaceChanged
    Said = messages.Said
    SettingsChanged = messages.SettingsChanged
    ServerSearchWanted = messages.ServerSearchWanted
    WholeLogWanted = messages.WholeLogWanted


# A log with what belongs to it: the prompt and the filter and search line.


class LogPane(Asking):
    """A log view and the line to type into; all that a screen has to place.

    Args:
        settings: How lines are shown.
        local_zone: The reader's zone; None is the machine's own.
        now: The clock that ``-15m`` and ``14:05`` are meant by.
    """

    DEFAULT_CSS = """
    LogPane {
        height: 1fr;
        & > #bar { height: 1; display: none; padding: 0 1; background: $panel; }
        & > .log-pane--text { color: $foreground; }
        & > .log-pane--caution { color: $text-warning; }
        & > .log-pane--alarm { color: $text-error; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log-pane--text",
        "log-pane--caution",
        "log-pane--alarm",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "S",
            "search_server",
            "Search the server",
            show=False,
            id="log.search_server",
            tooltip="Have the server search the whole retained log",
        ),
    ]

    def __init__(
        self,
        *,
        settings: ViewSettings | None = None,
        local_zone: tzinfo | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        id: str | None = None,  # noqa: A002 - Textual's own name
    ) -> None:
        view = LogView(settings=settings, local_zone=local_zone)
        super().__init__(view, now, id=id)
        self._bar_parts: list[BarPart] = []

    def compose(self) -> ComposeResult:
        """Yield the log, its line and its prompt."""
        yield self.view
        yield Static(id="bar", markup=False)
        yield self.prompt

    # What is shown

    def show(self, opened: OpenLog | None) -> None:
        """Show a log where its reader left it; None shows nothing."""
        self.stop_asking()
        self.view.show(opened)
        self.update_bar()

    def explain_empty(self, title: str, sentence: str) -> None:
        """Say why there is nothing, for as long as there is nothing."""
        self.view.explain_empty(title, sentence)

    def set_scope(self, *, older: bool) -> None:
        """Take note whether lines before the loaded ones may exist."""
        if older != self.view.edges.more_above:
            self.view.edges.more_above = older
            self.update_bar()

    @on(PlaceChanged)
    @on(ReadOn)
    def _place_changed(self) -> None:
        self.update_bar()

    def update_bar(self) -> None:
        """Say anew what is filtered and searched."""
        if not self.is_mounted:
            return
        opened = self.view.opened
        self.remark()
        more = self.view.edges.more_above
        parts = bar_parts(opened, more=more) if opened is not None else []
        self._show_bar([] if self.prompt.display else parts)

    def _show_bar(self, parts: list[BarPart]) -> None:
        if parts == self._bar_parts:
            return
        self._bar_parts = parts
        text = Text(no_wrap=True, overflow="ellipsis")
        for part in parts:
            style = self.get_component_rich_style(
                f"log-pane--{part.tone}", partial=True
            )
            text.append(GAP if text else "").append(part.text, style)
        bar = self.query_one("#bar", Static)
        bar.display = bool(parts)
        bar.update(text, layout=False)

    def action_search_server(self) -> None:
        """Have the server search the whole retained log for what is searched."""
        opened = self.view.opened
        text = opened.search_text if opened else ""
        self.post_message(ServerSearchWanted(self.view, text))

    @on(LineOpened)
    def _line_opened(self, event: LineOpened) -> None:
        opened = self.view.opened
        find = Highlighter(opened.search) if opened and opened.search else None
        screen = LineScreen(
            event.line,
            self.view.look,
            number=self.view.place.number,
            zone=self.view.zone,
            find=find,
        )
        self.app.push_screen(screen)
