"""A log with the line to type into and the line that says what is filtered and found.

`LogPane` is all that a screen has to place; it obeys what is typed into its prompt.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Final, Literal, NamedTuple, TypeAlias

from rich.cells import cell_len
from rich.text import Text
from textual import on
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from chronotui.text import clean, plural
from chronotui.times import LOCAL
from chronotui.ui.keys import help_key
from chronotui.ui.log.cells import percent
from chronotui.ui.log.find import goal_of
from chronotui.ui.log.line_screen import LineScreen
from chronotui.ui.log.render import Highlighter
from chronotui.ui.log.shape import ShapeStrip, rows_for
from chronotui.ui.log.view import LogView

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from chronotui.log.rows import Rows
    from chronotui.log.search import Search
    from chronotui.model import LogLine
    from chronotui.ui.log import ViewSettings
    from chronotui.ui.log.state import OpenLog

MOST_REMEMBERED: Final = 50

ROOM_TO_TYPE: Final = 20
"""Cells that are left to the input at least; a longer remark stands above it."""


class PromptKind(Enum):
    """What is typed; the value stands before it."""

    SEARCH = "/"
    FILTER = "&"
    GOTO = ":"


HINTS: Final = {
    PromptKind.SEARCH: "regular expression, smart case",
    PromptKind.FILTER: "shows what matches; !x hides; level:warn",
    PromptKind.GOTO: "line number, 14:05, -15m, start, end",
}


class PromptInput(Input):
    """A bare input that tells of keys which are no typing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        help_key("escape", "give_up", "Cancel", "prompt.cancel"),
        help_key("up", "remembered(-1)", "Earlier", "prompt.earlier"),
        help_key("down", "remembered(1)", "Later", "prompt.later"),
    ]

    def __init__(self, prompt: Prompt) -> None:
        super().__init__(compact=True, select_on_focus=False)
        self._prompt = prompt

    async def action_submit(self) -> None:
        """Answer at once: keys that follow belong to the log already."""
        self._prompt.answer()

    def action_give_up(self) -> None:
        self._prompt.given_up()

    def action_remembered(self, step: int) -> None:
        self._prompt.recall(step)


class Prompt(Vertical):
    """A sign, the typed text, and what is wrong with it.

    Args:
        answered: Called with what was asked and the answer when the reader presses
            enter; may close the prompt.
        given_up: Called when the reader gives up.
    """

    DEFAULT_CSS = """
    Prompt {
        height: auto;
        display: none;
        background: $panel;
        & > Horizontal { height: 1; }
        & #sign { width: 2; color: $text-accent; text-style: bold; padding: 0 0 0 1; }
        & PromptInput { width: 1fr; height: 1; border: none; padding: 0; }
        & PromptInput, & PromptInput:focus { background: $panel; border: none; }
        & #remark { width: auto; max-width: 75%; padding: 0 1; color: $text-muted; }
        & #whole { height: auto; max-height: 4; display: none; padding: 0 1; }
        & .-wrong { color: $text-error; }
    }
    """

    class Typed(Message):
        """The text changed; it is as typed so far."""

        def __init__(self, kind: PromptKind, text: str) -> None:
            self.kind = kind
            self.text = text
            super().__init__()

    def __init__(
        self,
        answered: Callable[[PromptKind, str], None],
        given_up: Callable[[], None],
    ) -> None:
        super().__init__()
        self._answered = answered
        self.given_up = given_up
        self.kind = PromptKind.SEARCH
        self._typed: dict[PromptKind, list[str]] = {kind: [] for kind in PromptKind}
        self._recalled = 0

    def compose(self) -> ComposeResult:
        yield Static(id="whole", markup=False, classes="-wrong")
        with Horizontal():
            yield Static(id="sign", markup=False)
            yield PromptInput(self)
            yield Static(id="remark", markup=False)

    @property
    def input(self) -> PromptInput:
        return self.query_one(PromptInput)

    def open(self, kind: PromptKind) -> None:
        """Open the prompt, empty, with the focus in it."""
        self.kind = kind
        self._recalled = 0
        self.query_one("#sign", Static).update(Text(kind.value))
        self.input.value = ""
        self.remark("")
        self.display = True
        # At once, not by `focus`: keys typed ahead belong to the prompt already.
        self.screen.set_focus(self.input)

    def remark(self, text: str, *, wrong: bool = False) -> None:
        """Say something about what is typed; empty says what can be typed."""
        remark = self.query_one("#remark", Static)
        whole = self.query_one("#whole", Static)
        remark.set_class(wrong, "-wrong")
        words = text or HINTS[self.kind]
        whole.display = wrong and cell_len(words) > self._room
        whole.update(Text(words if whole.display else ""))
        if whole.display:
            words = ""
        remark.update(Text(words, no_wrap=True, overflow="ellipsis"))

    @property
    def _room(self) -> int:
        """Cells for a remark beside what is typed."""
        width = self.container_size.width
        typed = min(cell_len(self.input.value) + 1, ROOM_TO_TYPE)
        return min(width - 4 - typed, width * 3 // 4 - 2)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.display:
            self.post_message(self.Typed(self.kind, event.value))

    def answer(self) -> None:
        typed, answer = self._typed[self.kind], self.input.value
        if answer and answer not in typed[-1:]:
            typed.append(answer)
            del typed[:-MOST_REMEMBERED]
        self._answered(self.kind, answer)

    def on_descendant_blur(self) -> None:
        """Take what is typed for the answer when the reader clicks elsewhere."""
        if self.display and self.app.app_focus:
            self.answer()
        if self.display and self.app.app_focus:
            self.given_up()

    def recall(self, step: int) -> None:
        """Put an earlier, -1, or later text typed for the same into the input."""
        typed = self._typed[self.kind]
        self._recalled = min(max(self._recalled - step, 0), len(typed))
        self.input.value = typed[-self._recalled] if self._recalled else ""
        self.input.cursor_position = len(self.input.value)


# The line under a log that says what is filtered and searched, and how far.

GAP: Final = "   "

Tone: TypeAlias = Literal["text", "caution", "alarm"]


class BarPart(NamedTuple):
    """A piece of the line; later ones give way first when room is short."""

    text: str
    tone: Tone = "text"


def search_words(opened: OpenLog) -> str:
    search = opened.search
    if search is None:
        return ""
    done, total = search.progress
    progress = f"  {percent(done, total)} read" if done < total else ""
    return _count_part(opened).text + progress


def filter_words(opened: OpenLog) -> str:
    if opened.filters.tried is None:
        return ""
    done, total = opened.rows.progress
    shown = opened.rows.line_count
    if done < total:
        return f"{shown:,} lines so far, {percent(done, total)} read"
    if not shown:
        return f"no line matches, of {total:,}"
    return f"{plural(shown, 'line')} of {total:,}"


def _filter_parts(opened: OpenLog) -> list[BarPart]:
    filters = opened.filters
    if not filters:
        return []
    words = clean(str(filters))
    if filters.suspended:
        return [BarPart(f"{words}  lifted, esc puts it back", "caution")]
    done, total = opened.rows.progress
    count = f"{plural(opened.rows.line_count, 'line')} of {len(opened.store):,}"
    if done < total:
        count += f", {percent(done, total)} read"
    return [BarPart(words, "caution"), BarPart(count), *_slow_part(opened.rows)]


def _search_parts(opened: OpenLog, *, more: bool) -> list[BarPart]:
    search = opened.search
    if search is None:
        return []
    parts = [BarPart(f"/{clean(opened.search_text)}"), _count_part(opened)]
    done, total = search.progress
    if done < total:
        parts.append(BarPart(f"{percent(done, total)} read", "caution"))
    elif more and not search.count:
        loaded = plural(len(opened.store), "loaded line")
        parts[-1] = BarPart(f"no match in {loaded}", "caution")
        ways = BarPart("S asks the server"), BarPart("g loads all")
        return [*parts, *ways, *_slow_part(search)]
    elif more:
        parts.append(BarPart("in what is loaded", "caution"))
    return [*parts, *_slow_part(search), BarPart("n N")]


def _slow_part(reader: Rows | Search) -> list[BarPart]:
    slow = reader.too_slow
    words = f"{plural(slow, 'line')} took too long"
    return [BarPart(words, "alarm")] if slow else []


def _count_part(opened: OpenLog) -> BarPart:
    """Return how many lines match; a plus says that it is still being counted."""
    search = opened.search
    count = search.count if search else 0
    more = "+" if search is not None and not search.complete else ""
    if search is None or not count:
        return BarPart("no match yet" if more else "no match", "caution")
    row = opened.viewport.current
    if not search.is_match(row):
        return BarPart(f"{count:,}{more} matches" if count > 1 or more else "1 match")
    return BarPart(f"{search.rank(row) + 1:,}{more} of {count:,}{more}")


# The pane.


class LogPane(Vertical):
    """A log view, its filter and search line, and its prompt.

    Args:
        settings: How lines are shown.
        local_zone: The reader's zone; None is the machine's own.
        now: The clock that ``-15m`` and ``14:05`` are meant by.
        when_placed: As of `LogView`.
        open_line: Shows a line whole; None is a screen of its own.
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
            "ask('SEARCH')",
            "Search",
            id="log.search",
            tooltip="Search what is loaded; regular expression, smart case",
        ),
        Binding(
            "ampersand",
            "ask('FILTER')",
            "Filter",
            id="log.filter",
            tooltip="Show only lines that match; ! in front hides them",
        ),
        help_key(
            "colon",
            "ask('GOTO')",
            "Go to a line number, 14:05, -15m, start or end",
            "log.goto",
        ),
        help_key(
            "i",
            "shape",
            "Show the log's shape: lines, warnings and errors by time",
            "log.shape",
        ),
        help_key(
            "S",
            "search_server",
            "Have the server search the whole retained log",
            "log.search_server",
        ),
    ]

    def __init__(
        self,
        *,
        settings: ViewSettings | None = None,
        local_zone: tzinfo | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        when_placed: Callable[[], None] = lambda: None,
        open_line: Callable[[LogLine], object] | None = None,
        id: str | None = None,  # noqa: A002 - Textual's own name
    ) -> None:
        super().__init__(id=id)
        self.view = LogView(
            settings=settings, local_zone=local_zone, when_placed=self._placed
        )
        self.shape = ShapeStrip(self.view)
        self._when_placed = when_placed
        self._open_line = open_line or self._show_line
        self.prompt = Prompt(self._answered, self.cancel_prompt)
        self._now = now
        self._wrong = ""
        self._refused: tuple[PromptKind, str] | None = None
        self._bar_parts: list[BarPart] = []

    def compose(self) -> ComposeResult:
        yield self.view
        yield self.shape
        yield Static(id="bar", markup=False)
        yield self.prompt

    # What is shown

    @property
    def keys_now(self) -> tuple[str, ...]:
        """The actions that matter most as the log is read now, for the footer."""
        opened = self.view.opened
        names: list[str] = []
        if opened.range_from is not None:
            names += ["log.copy", "log.range"]
        if opened.search is not None:
            names += ["log.next_match", "log.previous_match"]
        if opened.filters:
            names += ["log.open", "log.back"]
        if not opened.viewport.following:
            names.append("log.end")
        return tuple(names)

    def show(self, opened: OpenLog | None) -> None:
        """Show a log where its reader left it; None shows nothing."""
        self.cancel_prompt()
        if opened is not None and not self.shape.display:
            opened.forget_shape()
        self.view.show(opened)
        self.update_bar()

    def set_scope(self, *, older: bool, newer: bool) -> None:
        """Take note whether lines before and after the loaded ones may exist."""
        self.view.edges.more_below = newer
        if older != self.view.edges.more_above:
            self.view.edges.more_above = older
            self.update_bar()

    def action_shape(self) -> None:
        """Show the log's shape and go into it; shown already, take it away."""
        if self.shape.display:
            self.close_shape()
            return
        self.shape.styles.height = rows_for(self.app.size.height)
        self.shape.display = True
        self.screen.set_focus(self.shape)
        self.shape.shape.refresh()
        self.view.moved()  # has it read

    def close_shape(self) -> None:
        self.shape.display = False
        self.view.opened.forget_shape()
        self.screen.set_focus(self.view)

    @on(ShapeStrip.Left)
    def _shape_left(self, event: ShapeStrip.Left) -> None:
        event.stop()
        if event.closed:
            self.close_shape()
        else:
            self.screen.set_focus(self.view)

    def on_resize(self) -> None:
        self.shape.styles.height = rows_for(self.app.size.height)

    def _placed(self) -> None:
        self.update_bar()
        self.shape.update()
        self._when_placed()

    def update_bar(self) -> None:
        """Say anew what is filtered and searched, and what is typed."""
        if not self.is_mounted:
            return
        opened, more = self.view.opened, self.view.edges.more_above
        parts: list[BarPart] = []
        if self.prompt.display:
            self._remark()
        elif opened.filters or opened.search is not None:
            parts = [*_filter_parts(opened), *_search_parts(opened, more=more)]
        if parts != self._bar_parts:
            self._show_bar(parts)

    def _remark(self) -> None:
        """Say beside what is typed what is wrong with it, or what it finds."""
        words = self._wrong
        if not words and self.prompt.kind is PromptKind.SEARCH:
            words = search_words(self.view.opened)
        elif not words and self.prompt.kind is PromptKind.FILTER:
            words = filter_words(self.view.opened)
        self.prompt.remark(words, wrong=bool(self._wrong))

    def _show_bar(self, parts: list[BarPart]) -> None:
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

    # What is typed

    def action_ask(self, kind: str) -> None:
        self.cancel_prompt()
        self._wrong, self._refused = "", None
        if kind == PromptKind.SEARCH.name:
            self.view.finder.begin_search(self.view.opened)
        elif kind == PromptKind.FILTER.name:
            self.view.finder.begin_filter(self.view.opened)
        self.prompt.open(PromptKind[kind])
        self.update_bar()

    @on(Prompt.Typed)
    def _typed(self, event: Prompt.Typed) -> None:
        event.stop()
        prompt, typed = self.prompt, (event.kind, event.text)
        if not prompt.display or typed != (prompt.kind, prompt.input.value):
            return
        if self._refused == typed:
            return  # enter came before the news of what was typed last
        self._wrong, self._refused = "", None
        if event.kind is PromptKind.SEARCH:
            self._wrong = self._preview_search(event.text)
        elif event.kind is PromptKind.FILTER:
            tried = self.view.opened.filters.tried
            finder = self.view.finder
            self._wrong = finder.preview_filter(self.view.opened, event.text)
            if self.view.opened.filters.tried != tried:
                self.view.redraw()
        self.update_bar()

    def _preview_search(self, text: str) -> str:
        wrong = self.view.finder.preview_search(self.view.opened, text)
        if not wrong:
            self.view.redraw()
        return wrong

    def _answered(self, kind: PromptKind, text: str) -> None:
        match kind:
            case PromptKind.SEARCH:
                self._wrong = self._search(text)
            case PromptKind.FILTER:
                self._wrong = self._filter(text)
            case PromptKind.GOTO:
                self._wrong = self._go_to(text)
        self._refused = (kind, text) if self._wrong else None
        if not self._wrong:
            self._close_prompt()
        self.update_bar()

    def _search(self, text: str) -> str:
        view = self.view
        wrong = "" if view.opened.search_text == text else self._preview_search(text)
        if not wrong:
            view.finder.end_search(view.opened, keep=bool(text))
            if not text:
                view.redraw()
        return wrong

    def _filter(self, text: str) -> str:
        wrong = self.view.finder.put_filter(self.view.opened, text)
        if not wrong:
            self.view.redraw()
        return wrong

    def _go_to(self, text: str) -> str:
        """Go to a line number, a time or an end; what is not loaded is asked for."""
        view, place = self.view, text.strip().lower()
        if place == "start":
            view.action_log_start()
        elif place == "end":
            view.action_follow()
        elif place and not len(view.opened.store):
            return "There are no lines to go to."
        elif place:
            try:
                now = self._now().astimezone(view.zone or LOCAL)
                goal = goal_of(place, view.opened, now)
                if view.finder.must_load(view.opened, goal):
                    view.post_message(view.OlderWanted(view, goal, place))
                else:
                    view.go_to_goal(goal)
            except ValueError as error:
                return str(error)
        return ""

    def cancel_prompt(self) -> None:
        """Close the prompt, if it is open, and show what was shown before."""
        view = self.view
        if not self.prompt.display:
            return
        if self.prompt.kind is PromptKind.SEARCH:
            view.finder.end_search(view.opened, keep=False)
            view.redraw()
        elif self.prompt.kind is PromptKind.FILTER:
            spot = view.finder.give_up_filter(view.opened)
            if spot is not None:
                view.return_to(spot)
        self._close_prompt()
        self.update_bar()

    def _close_prompt(self) -> None:
        had_focus = self.screen.focused is self.prompt.input
        self.prompt.display = False
        if had_focus:
            self.screen.set_focus(self.view)

    def action_search_server(self) -> None:
        view = self.view
        view.post_message(view.ServerSearchWanted(view, view.opened.search_text))

    @on(LogView.LineOpened)
    def _line_opened(self, event: LogView.LineOpened) -> None:
        self._open_line(event.line)

    def _show_line(self, line: LogLine) -> None:
        opened = self.view.opened
        search = opened.search
        screen = LineScreen(
            line,
            self.view.renderer().lines.look,
            place=self.view.place.number if opened.store.is_sparse else None,
            zone=self.view.zone,
            find=Highlighter(search) if search is not None else None,
        )
        self.app.push_screen(screen)
