"""The line that is always true."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.reactive import reactive

from chronotui.ui.desk.status_text import SEPARATOR, Standing, fitted
from chronotui.ui.painting.own_row import OwnRow


class StatusLine(OwnRow):
    """Profile, connection, place, lines and missing lines, rate."""

    DEFAULT_CSS = """
    StatusLine { height: 1; background: $panel; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "status-line--text",
        "status-line--muted",
        "status-line--good",
        "status-line--caution",
        "status-line--alarm",
    }

    standing: reactive[Standing] = reactive(Standing(), repaint=False)

    def watch_standing(self) -> None:
        """Show it in the frame of what changed it."""
        self.repaint()

    def line(self, width: int) -> Text:
        """Return the parts that fit."""
        line = Text(" ", no_wrap=True, end="")
        for number, part in enumerate(fitted(self.standing, max(width - 2, 0))):
            if number:
                line.append(SEPARATOR)
            line.append(part.text, self.tone(f"status-line--{part.tone}"))
        return line
