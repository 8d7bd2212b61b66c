"""One choice of a few, all in sight: ``(•) txt  ( ) jsonl``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.events import Click
    from textual.geometry import Size

Value = TypeVar("Value")

_GAP: Final = 2


class Choices(Widget, Generic[Value], can_focus=True):
    """A row of options, wrapped where it is too long; arrows and clicks choose.

    Args:
        options: Values with their words, at least one.
        chosen: The value at first.
        id: Textual's id of the widget.
    """

    DEFAULT_CSS = """
    Choices {
        width: 1fr;
        height: auto;
        &:disabled { color: $text-disabled; }
    }
    Choices > .choices--chosen { text-style: bold; }
    Choices:focus > .choices--chosen {
        background: $block-cursor-background;
        color: $block-cursor-foreground;
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"choices--chosen"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "right,l,space", "step(1)", "next choice", show=False, id="dialog.next"
        ),
        Binding("left,h", "step(-1)", "choice before", show=False, id="dialog.back"),
    ]
    place: reactive[int] = reactive(0)

    class Changed(Message):
        """Another option was chosen."""

        def __init__(self, choices: Choices[Any]) -> None:
            super().__init__()
            self.choices = choices

        @property
        def control(self) -> Choices[Any]:
            """The row it was chosen in."""
            return self.choices

    def __init__(
        self,
        options: Sequence[tuple[Value, str]],
        chosen: Value,
        *,
        id: str | None = None,  # noqa: A002 - Textual's own word
    ) -> None:
        super().__init__(id=id)
        self._options = tuple(options)
        values = [value for value, _words in self._options]
        self.set_reactive(Choices.place, values.index(chosen))

    @property
    def value(self) -> Value:
        """The value chosen."""
        return self._options[self.place][0]

    def _rows(self, width: int) -> list[list[tuple[int, int, int]]]:
        """Return rows of (option, first column, width)."""
        rows: list[list[tuple[int, int, int]]] = [[]]
        column = 0
        for place, (_value, words) in enumerate(self._options):
            size = len(words) + 4
            if column and column + size > width:
                rows.append([])
                column = 0
            rows[-1].append((place, column, size))
            column += size + _GAP
        return rows

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the rows it takes at a width."""
        del container, viewport
        return len(self._rows(width))

    def render(self) -> Content:
        """Draw the options, the chosen one marked by sign and by style."""
        chosen = self.get_visual_style("choices--chosen")
        lines = []
        for row in self._rows(self.size.width or 80):
            words = [
                Content.styled(f"(•) {self._options[place][1]}", chosen)
                if place == self.place
                else Content(f"( ) {self._options[place][1]}")
                for place, _column, _size in row
            ]
            lines.append(Content(" " * _GAP).join(words))
        return Content("\n").join(lines)

    def watch_place(self) -> None:
        """Tell of the new choice."""
        self.post_message(self.Changed(self))

    def action_step(self, step: int) -> None:
        """Choose the next option or the one before, round the ends."""
        self.place = (self.place + step) % len(self._options)

    def on_click(self, event: Click) -> None:
        """Choose what was clicked."""
        event.stop()
        rows = self._rows(self.size.width or 80)
        if not 0 <= event.y < len(rows):
            return
        for place, column, size in rows[event.y]:
            if column <= event.x < column + size:
                self.place = place
