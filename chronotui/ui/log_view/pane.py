"""A log with what belongs to it: the prompt and the filter and search line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding
from textual.widgets import Static

from chronotui.ui.log_view.asking import Asking
from chronotui.ui.log_view.bar import (
    GAP,
    BarPart,
    bar_parts,
)
from chronotui.ui.log_view.highlighter import Highlighter
from chronotui.ui.log_view.line_screen import LineScreen
from chronotui.ui.log_view.messages import (
    LineOpened,
    PlaceChanged,
    ReadOn,
    ServerSearchWanted,
)
from chronotui.ui.log_view.view import LogView

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from chronotui.ui.log_view.open_log import OpenLog
    from chronotui.ui.log_view.settings import ViewSettings


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
