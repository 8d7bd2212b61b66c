"""One filter of a few values: shown in a few cells, changed by key, menu or mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, NamedTuple, TypeVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Offset
from textual.message import Message
from textual.widget import Widget

from chronotui.core.text import clean
from chronotui.ui.job_tree.menu import ChoiceMenu

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.events import Click
    from textual.geometry import Size

Value = TypeVar("Value")

LONG_CELLS: Final = 46
"""From this width of the bar on a filter carries its title."""


class Option(NamedTuple, Generic[Value]):
    """A value with its word."""

    value: Value | None
    word: str


class Choice(Widget, Generic[Value], can_focus=True):
    """Shows one of a few values; the first of them filters nothing.

    Args:
        title: What is chosen, in a word.
        options: The values; the first is None, for "any".
        id: Textual's id of the widget.
    """

    DEFAULT_CSS = """
    Choice {
        width: auto;
        height: 1;
        margin-right: 1;
        color: $text-muted;
        &.-set { color: $text-accent; text-style: bold; }
        &.-set:light { color: $text-primary; }
        &:hover { color: $text; }
        &:focus { text-style: reverse; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l,space", "cycle(1)", "next value", id="filters.next"),
        Binding("left,h", "cycle(-1)", "previous value", show=False, id="filters.back"),
        Binding("enter,down,j", "menu", "all values", id="filters.menu"),
    ]

    class Changed(Message):
        """Another value was chosen."""

        def __init__(self, choice: Choice[Any]) -> None:
            super().__init__()
            self.choice = choice

        @property
        def control(self) -> Choice[Any]:
            """The filter it was chosen in."""
            return self.choice

    def __init__(
        self,
        title: str,
        options: Sequence[Option[Value]],
        *,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._title = title
        self._options = options
        self._at = 0
        self._long = False

    @property
    def title(self) -> str:
        """What is chosen, in a word."""
        return self._title

    @property
    def value(self) -> Value | None:
        """The chosen value, None for any."""
        return self._options[self._at].value

    def set_value(self, value: Value | None) -> None:
        """Show a value without saying that it changed; any other word is added."""
        known = [option.value for option in self._options]
        if value not in known:
            self._options = [*self._options, Option(value, clean(str(value)))]
            known.append(value)
        self._take(known.index(value))

    def render(self) -> Content:
        """Draw the value, or the title where nothing is filtered."""
        word = self._options[self._at].word
        if self._long:
            word = f"{self._title}: {word}"
        elif not self._at:
            word = self._title
        return Content(f"{word} ▾")

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002
        """Return the cells the words take; the title stands where there is room."""
        self._long = container.width >= LONG_CELLS
        return cell_len(self.render().plain)

    def action_cycle(self, step: int) -> None:
        """Choose the next or previous value."""
        self._choose((self._at + step) % len(self._options))

    def action_menu(self) -> None:
        """Choose among all values."""
        words = [option.word for option in self._options]
        words[0] = f"any {self._title}"
        below = Offset(self.region.x, self.region.bottom)
        self.app.push_screen(ChoiceMenu(words, self._at, below), self._chosen)

    def on_click(self, event: Click) -> None:
        """Open the menu."""
        event.stop()
        self.action_menu()

    def _chosen(self, at: int | None) -> None:
        if at is not None:
            self._choose(at)

    def _choose(self, at: int) -> None:
        if at != self._at:
            self._take(at)
            self.post_message(self.Changed(self))

    def _take(self, at: int) -> None:
        if at == self._at:
            return
        self._at = at
        self.set_class(at > 0, "-set")
        self.refresh(layout=True)
