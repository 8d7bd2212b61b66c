"""The one line a reader types into: search, filter, go to."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Final

from rich.cells import cell_len
from rich.text import Text
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.binding import BindingType

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
