"""The line that is always true."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from chronotui.ui.desk.status_text import SEPARATOR, Standing, fitted


class StatusLine(Widget):
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

    standing: reactive[Standing] = reactive(Standing())

    def render(self) -> Text:
        """Return the parts that fit."""
        width = max(self.size.width - 2, 0)
        line = Text(" ", no_wrap=True, end="")
        for number, part in enumerate(fitted(self.standing, width)):
            if number:
                line.append(SEPARATOR)
            style = self.get_component_rich_style(f"status-line--{part.tone}")
            line.append(part.text, style)
        line.truncate(max(self.size.width, 0), overflow="ellipsis")
        return line
