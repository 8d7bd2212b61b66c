"""The line that is always true."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from chronotui.core.text import clean
from chronotui.ui.desk.status_text import SEPARATOR, Part, Standing, fit, parts_of

LEAST_NOTICE: Final = 40
"""Cells a notice gets at least, whatever else would be said."""


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
        """Return the parts that fit, or the notice when there is one."""
        width = max(self.size.width - 2, 0)
        parts = fit(parts_of(self.standing), width)
        if self.standing.notice:
            parts = self._with_notice(parts, width)
        line = Text(" ", no_wrap=True, end="")
        for number, part in enumerate(parts):
            if number:
                line.append(SEPARATOR)
            style = self.get_component_rich_style(
                f"status-line--{part.tone}", partial=True
            )
            line.append(part.text, style)
        line.truncate(max(self.size.width, 0), overflow="ellipsis")
        return line

    def _with_notice(self, parts: list[Part], width: int) -> list[Part]:
        """Put the notice first and keep what must never be hidden beside it."""
        notice = Part(clean(self.standing.notice), "text", 0)
        kept = [part for part in parts if part.rank == 0]
        return [*fit(kept, max(width - LEAST_NOTICE, 0)), notice]
