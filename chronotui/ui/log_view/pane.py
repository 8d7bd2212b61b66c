"""A log with what belongs to it: the prompt and the filter and search line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Static

from chronotui.ui.log_view.bar import (
    GAP,
    BarPart,
    bar_parts,
    filter_words,
    search_words,
)
from chronotui.ui.log_view.line_screen import LineScreen
from chronotui.ui.log_view.messages import (
    LineOpened,
    PlaceChanged,
    ReadOn,
    ServerSearchWanted,
)
from chronotui.ui.log_view.prompt import Asked, Prompt
from chronotui.ui.log_view.view import LogView

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from chronotui.ui.log_view.open_log import OpenLog
    from chronotui.ui.log_view.settings import ViewSettings


class LogPane(Vertical):
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
        super().__init__(id=id)
        self.view = LogView(settings=settings, local_zone=local_zone)
        self.prompt = Prompt()
        self._now = now
        self._wrong = ""
        self._bar_parts: list[BarPart] = []

    def compose(self) -> ComposeResult:
        """Yield the log, its line and its prompt."""
        yield self.view
        yield Static(id="bar", markup=False)
        yield self.prompt

    # What is shown

    def show(self, opened: OpenLog | None) -> None:
        """Show a log where its reader left it; None shows nothing."""
        if self.prompt.display:
            self._give_up(self.prompt.asked)
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
        if self.prompt.display:
            self._remark(opened)
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

    # Asking

    def action_ask_search(self) -> None:
        """Search, with a preview while typing."""
        self.view.begin_search()
        self._ask(Asked.SEARCH)

    def action_ask_filter(self) -> None:
        """Show only lines that match, or that do not, with a preview while typing."""
        self.view.begin_filter()
        self._ask(Asked.FILTER)

    def action_ask_goto(self) -> None:
        """Go to a line, a time, or an end."""
        self._ask(Asked.GOTO)

    def _ask(self, asked: Asked) -> None:
        self._wrong = ""
        self.prompt.ask(asked)
        self.update_bar()

    def action_search_server(self) -> None:
        """Have the server search the whole retained log for what is searched."""
        opened = self.view.opened
        text = opened.search_text if opened else ""
        self.post_message(ServerSearchWanted(self.view, text))

    @on(Prompt.Typed)
    def _typed(self, event: Prompt.Typed) -> None:
        event.stop()
        self._wrong = ""
        if event.asked is Asked.SEARCH:
            self._wrong = self.view.preview_search(event.text)
        elif event.asked is Asked.FILTER:
            self._wrong = self.view.preview_filter(event.text)
        self.update_bar()

    def _remark(self, opened: OpenLog | None) -> None:
        """Say beside what is typed what is wrong with it, or what it finds."""
        words = self._wrong
        if not words and opened is not None:
            find = {Asked.SEARCH: search_words, Asked.FILTER: filter_words}
            asked = find.get(self.prompt.asked)
            words = asked(opened) if asked is not None else ""
        self.prompt.remark(words, wrong=bool(self._wrong))

    @on(Prompt.Answered)
    def _answered(self, event: Prompt.Answered) -> None:
        event.stop()
        self._wrong = {
            Asked.SEARCH: self._search,
            Asked.FILTER: self._filter,
            Asked.GOTO: self._goto,
        }[event.asked](event.text)
        if not self._wrong:
            self._close_prompt()
        self.update_bar()

    @on(Prompt.Closed)
    def _given_up(self, event: Prompt.Closed) -> None:
        event.stop()
        self._give_up(event.asked)
        self.update_bar()

    def _give_up(self, asked: Asked) -> None:
        if asked is Asked.SEARCH:
            self.view.end_search(keep=False)
        elif asked is Asked.FILTER:
            self.view.give_up_filter()
        self._close_prompt()

    def _close_prompt(self) -> None:
        had_focus = self.prompt.input.has_focus
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

    def _filter(self, text: str) -> str:
        return self.view.put_filter(text)

    def _goto(self, text: str) -> str:
        return self.view.go_to_place(text, self._now())

    @on(LineOpened)
    def _line_opened(self, event: LineOpened) -> None:
        opened = self.view.opened
        find = opened.search.spans if opened and opened.search else None
        screen = LineScreen(
            event.line,
            self.view.look,
            number=self.view.place.number,
            zone=self.view.zone,
            find=find,
        )
        self.app.push_screen(screen)
