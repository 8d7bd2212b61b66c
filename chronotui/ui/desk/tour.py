"""A few lines over the desk that say what there is to see in a demo."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.text import Text
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LEAST_ROWS: Final = 20
"""On a lower screen the desk has the room."""
AWAY: Final = "esc: not again"


class TourLines(Widget):
    """Lines that stay until they are dismissed, by ``esc`` or a click.

    Args:
        lines: What to say, a line each.
        dismissed: Called when they are not to be seen again.
    """

    DEFAULT_CSS = """
    TourLines {
        dock: top; height: auto; padding: 0 1; background: $panel;
        & > .tour-lines--away { color: $text-muted; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"tour-lines--away"}

    def __init__(self, lines: Sequence[str], dismissed: Callable[[], None]) -> None:
        super().__init__()
        self._lines = tuple(lines)
        self._dismissed = dismissed

    def fit(self, rows: int) -> None:
        """Make room where the screen has few rows."""
        self.display = rows >= LEAST_ROWS

    def dismiss(self) -> None:
        self._dismissed()
        self.remove()

    def on_click(self) -> None:
        self.dismiss()

    def get_content_height(self, *_sizes: object) -> int:
        return len(self._lines)

    def render(self) -> Text:
        """Put how to dismiss them behind the last line, or over its end."""
        width = self.size.width
        away = Text(AWAY, self.get_component_rich_style("tour-lines--away"))
        text = Text(no_wrap=True, overflow="ellipsis", end="")
        *others, last = self._lines
        for line in others:
            text.append(f"{line[:width]}\n")
        room = max(width - len(AWAY), 0)
        text.append(f"{last[: max(room - 1, 0)]:<{room}}")
        return text.append_text(away)
