"""Asking the reader for a search, a filter or a place, and obeying the answer."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding
from textual.containers import Vertical

from chronotui.ui.log_view.bar import filter_words, search_words
from chronotui.ui.log_view.prompt import Asked, Prompt

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from textual.binding import BindingType

    from chronotui.ui.log_view.view import LogView


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
