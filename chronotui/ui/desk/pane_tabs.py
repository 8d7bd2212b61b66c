"""The line over the panes: which pane is shown, and of which job."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.cells import cell_len
from rich.text import Text
from textual.message import Message
from textual.reactive import reactive

from chronotui.core.text import clean
from chronotui.ui.painting.own_row import OwnRow

if TYPE_CHECKING:
    from textual.events import Click

LIVE: Final = "live"
HISTORY: Final = "history"
DETAILS: Final = "details"
TITLES: Final = {LIVE: "Live", HISTORY: "History", DETAILS: "Details"}
BETWEEN: Final = " ▸ "
LEAST_NAME: Final = 6
"""Cells below which the beginning of a name is worth nothing."""


class PaneTabs(OwnRow):
    """Three titles and the opened job's name; a click chooses a pane."""

    DEFAULT_CSS = """
    PaneTabs { height: 1; background: $panel; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "pane-tabs--active",
        "pane-tabs--idle",
        "pane-tabs--alarm",
    }

    active: reactive[str] = reactive(LIVE, repaint=False)
    subject: reactive[str] = reactive("", repaint=False)
    standing: reactive[str] = reactive("", repaint=False)
    alarm: reactive[bool] = reactive(False, repaint=False)

    class Chosen(Message):
        """A pane was chosen with the mouse.

        Attributes:
            pane: One of ``live``, ``history``, ``details``.
        """

        def __init__(self, pane: str) -> None:
            self.pane = pane
            super().__init__()

    def watch_active(self) -> None:
        """Mark the title."""
        self.repaint()

    def watch_subject(self) -> None:
        """Name the job."""
        self.repaint()

    def watch_standing(self) -> None:
        """Say how the job stands."""
        self.repaint()

    def watch_alarm(self) -> None:
        """Colour the job."""
        self.repaint()

    def line(self, width: int) -> Text:
        """Return the titles at the left and the job at the right, fitted."""
        line = Text(no_wrap=True, end="")
        for name, title in TITLES.items():
            kind = "active" if name == self.active else "idle"
            line.append(f" {title} ", self.tone(f"pane-tabs--{kind}"))
        room = width - line.cell_len - 2
        if room < 4 or not self.subject:
            return line
        subject = self._fitted(room)
        if self.alarm:
            subject.stylize(self.tone("pane-tabs--alarm"))
        line.append(" " * (room - subject.cell_len + 1))
        line.append_text(subject)
        return line

    def _fitted(self, room: int) -> Text:
        """Return the job's name and how it stands, or as much as there is room for."""
        standing = clean(self.standing)
        name = Text(clean(self.subject), no_wrap=True)
        for_name = room - cell_len(standing) - len(BETWEEN)
        if for_name >= LEAST_NAME or name.cell_len <= for_name:
            name.truncate(for_name, overflow="ellipsis")
            return name.append(BETWEEN + standing)
        if cell_len(standing) > room:
            standing = standing.partition("  ")[2] or standing
        words = Text(standing, no_wrap=True)
        words.truncate(room, overflow="ellipsis")
        return words

    def on_click(self, event: Click) -> None:
        """Choose the pane whose title was clicked."""
        right = 0
        for name, title in TITLES.items():
            right += len(title) + 2
            if event.x < right:
                self.post_message(self.Chosen(name))
                return
