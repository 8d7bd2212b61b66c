"""The notice in the middle of an empty log."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.text import Text
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Input, Static

from chronotui.text import clean
from chronotui.ui.log.cells import Grid, percent, plural

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.style import Style
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from chronotui.log.rows import Rows
    from chronotui.log.search import Search
    from chronotui.ui.log.messages import Tone
    from chronotui.ui.log.render import LogStyles
    from chronotui.ui.log.state import OpenLog

MARGIN = 2


def draw_reason(
    reason: tuple[str, str], look: LogStyles, width: int, height: int
) -> list[Strip]:
    """Draw why there is nothing: a title and a sentence, wrapped and centred."""
    title, sentence = reason
    lines = [
        *_centred(title, look.section, width),
        *_centred(sentence, look.stdout, width),
    ][:height]
    blank = Strip.blank(width, look.stdout)
    above = (height - len(lines)) // 3
    return [*[blank] * above, *lines, *[blank] * (height - above - len(lines))]


def _centred(text: str, style: Style, width: int) -> list[Strip]:
    grid = Grid(clean(text))
    room = width - 2 * MARGIN if width > 4 * MARGIN else width
    strips = []
    for start, end in grid.wrap(room) if grid.width else ():
        part = grid.text[start:end].strip()
        blank = " " * ((width - Grid(part).width) // 2)
        strip = Strip([Segment(blank + part, style)])
        strips.append(strip.adjust_cell_length(width, style))
    return strips


# The one line a reader types into: search, filter, go to.

MOST_REMEMBERED: Final = 50

ROOM_TO_TYPE: Final = 20
"""Cells that are left to the input at least; a longer remark stands above it."""


class Asked(Enum):
    """What the prompt asks for; the value stands before the typed text."""

    SEARCH = "/"
    FILTER = "&"
    GOTO = ":"


HINTS: Final = {
    Asked.SEARCH: "regular expression, smart case",
    Asked.FILTER: "shows what matches; !x hides; level:warn",
    Asked.GOTO: "line number, 14:05, -15m, start, end",
}


class PromptInput(Input):
    """A bare input that remembers what was typed for the same question."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "Cancel", show=False, id="prompt.cancel"),
        Binding("up", "remembered(-1)", "Earlier", show=False, id="prompt.earlier"),
        Binding("down", "remembered(1)", "Later", show=False, id="prompt.later"),
    ]

    def __init__(self, answered: Callable[[], None], given_up: Callable[[], None]):
        super().__init__(compact=True, select_on_focus=False)
        self._answered = answered
        self._given_up = given_up

    class Recalled(Message):
        """The reader asked for an earlier or later typed text.

        Attributes:
            step: -1 earlier, 1 later.
        """

        def __init__(self, step: int) -> None:
            self.step = step
            super().__init__()

    async def action_submit(self) -> None:
        """Answer at once: keys that follow belong to the log already."""
        self._answered()

    def action_give_up(self) -> None:
        """Close the prompt without an answer."""
        self._given_up()

    def action_remembered(self, step: int) -> None:
        """Ask for another text typed before."""
        self.post_message(self.Recalled(step))


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
        & #sign { width: 2; color: $accent; text-style: bold; padding: 0 0 0 1; }
        & PromptInput { width: 1fr; height: 1; border: none; padding: 0; }
        & PromptInput, & PromptInput:focus { background: $panel; border: none; }
        & #remark { width: auto; max-width: 75%; padding: 0 1; color: $text-muted; }
        & #whole { height: auto; max-height: 4; display: none; padding: 0 1; }
        & .-wrong { color: $text-error; }
    }
    """

    class Typed(Message):
        """The text changed.

        Attributes:
            asked: What is asked for.
            text: The text as typed so far.
        """

        def __init__(self, asked: Asked, text: str) -> None:
            self.asked = asked
            self.text = text
            super().__init__()

    def __init__(
        self,
        answered: Callable[[Asked, str], None],
        given_up: Callable[[], None],
    ) -> None:
        super().__init__()
        self._answered = answered
        self._given_up = given_up
        self.asked = Asked.SEARCH
        self._typed: dict[Asked, list[str]] = {asked: [] for asked in Asked}
        self._recalled = 0

    def compose(self) -> ComposeResult:
        """Yield sign, input and remark, under a long remark."""
        yield Static(id="whole", markup=False, classes="-wrong")
        with Horizontal():
            yield Static(id="sign", markup=False)
            yield PromptInput(self._answer, self._given_up)
            yield Static(id="remark", markup=False)

    @property
    def input(self) -> PromptInput:
        """The input itself."""
        return self.query_one(PromptInput)

    def ask(self, asked: Asked) -> None:
        """Open the prompt, empty, with the focus in it."""
        self.asked = asked
        self._recalled = 0
        self.query_one("#sign", Static).update(Text(asked.value))
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
        words = text or HINTS[self.asked]
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

    def close(self) -> None:
        """Take the prompt away."""
        self.display = False

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell what is typed so far."""
        event.stop()
        if self.display:
            self.post_message(self.Typed(self.asked, event.value))

    def _answer(self) -> None:
        """Tell the answer and remember it."""
        typed, answer = self._typed[self.asked], self.input.value
        if answer and answer not in typed[-1:]:
            typed.append(answer)
            del typed[:-MOST_REMEMBERED]
        self._answered(self.asked, answer)

    def on_descendant_blur(self) -> None:
        """Take what is typed for the answer when the reader clicks elsewhere."""
        if self.display and self.app.app_focus:
            self._answer()
        if self.display and self.app.app_focus:
            self._given_up()

    def on_prompt_input_recalled(self, event: PromptInput.Recalled) -> None:
        """Put a text typed before into the input."""
        event.stop()
        typed = self._typed[self.asked]
        self._recalled = min(max(self._recalled - event.step, 0), len(typed))
        self.input.value = typed[-self._recalled] if self._recalled else ""
        self.input.cursor_position = len(self.input.value)


# The line under a log that says what is filtered and searched, and how far.

GAP: Final = "   "


class BarPart(NamedTuple):
    """A piece of the line; later ones give way first when room is short."""

    text: str
    tone: Tone = "text"


def bar_parts(opened: OpenLog, *, more: bool) -> list[BarPart]:
    """Return what stands under a log; nothing when all of it is shown.

    Args:
        opened: The log.
        more: Whether lines may exist that are not loaded.
    """
    return [*_filter_parts(opened), *_search_parts(opened, more=more)]


def search_words(opened: OpenLog) -> str:
    """Return what stands beside a search while it is typed."""
    search = opened.search
    if search is None:
        return ""
    done, total = search.progress
    progress = f"  {percent(done, total)} read" if done < total else ""
    return _count_part(opened).text + progress


def filter_words(opened: OpenLog) -> str:
    """Return what stands beside a filter while it is typed."""
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
