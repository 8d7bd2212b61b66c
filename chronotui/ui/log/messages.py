"""What a log view tells the screen around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from textual.message import Message

if TYPE_CHECKING:
    from textual.widget import Widget

    from chronotui.model import LogLine
    from chronotui.ui.log.find import Goal
    from chronotui.ui.log.settings import ViewSettings

Edge: TypeAlias = Literal["top", "bottom"]
Tone: TypeAlias = Literal["text", "caution", "alarm"]


@dataclass(frozen=True, slots=True)
class ViewportPlace:
    """Where the reader is, for the status line.

    ``number`` is the line's place in the log of its try, from 1, whichever part of
    it is loaded; 0 when there is no line. ``attempt`` is that try in a log of several,
    else 0. ``shown`` are the rows under the filters, ``new`` the lines below that were
    not on the screen yet. ``filters`` and ``search`` are as typed, empty when there is
    none.
    """

    following: bool = True
    number: int = 0
    attempt: int = 0
    shown: int = 0
    new: int = 0
    zone: str = ""
    filters: str = ""
    search: str = ""
    line: LogLine | None = None


class LogMessage(Message):
    """A message of a log view.

    Attributes:
        view: The view that posted it.
    """

    def __init__(self, view: Widget) -> None:
        self.view = view
        super().__init__()
        # A message bubbles no further than its sender, and that may be the pane.
        self.set_sender(view)

    @property
    def control(self) -> Widget:
        """The view, so that handlers can select by it."""
        return self.view


class EdgeReached(LogMessage, namespace="log_view"):
    """The window is near lines that are not loaded, or at the very edge.

    Attributes:
        edge: ``top`` or ``bottom``.
    """

    def __init__(self, view: Widget, edge: Edge) -> None:
        self.edge: Edge = edge
        super().__init__(view)


class LineOpened(LogMessage, namespace="log_view"):
    """A line is to be shown whole.

    Attributes:
        line: The line.
    """

    def __init__(self, view: Widget, line: LogLine) -> None:
        self.line = line
        super().__init__(view)


class OlderWanted(LogMessage, namespace="log_view"):
    """The reader wants to go to a place that is not loaded.

    Attributes:
        goal: The place, for `LogView.go_to_loaded` once it is there.
        typed: The place as typed.
    """

    def __init__(self, view: Widget, goal: Goal, typed: str) -> None:
        self.goal = goal
        self.typed = typed
        super().__init__(view)


class OlderErrorWanted(LogMessage, namespace="log_view"):
    """The reader wants the error before, and it is not among what is loaded.

    `LogView.went_to_older_error` tells when older lines hold it.
    """


class WholeLogWanted(LogMessage, namespace="log_view"):
    """The reader went to the start, and the start is not loaded."""


class SettingsChanged(LogMessage, namespace="log_view"):
    """The reader changed how lines are shown; worth remembering.

    Attributes:
        settings: The settings now.
    """

    def __init__(self, view: Widget, settings: ViewSettings) -> None:
        self.settings = settings
        super().__init__(view)


class PlaceChanged(LogMessage, namespace="log_view"):
    """The reader moved, or lines came.

    Attributes:
        place: Where the reader is now.
    """

    def __init__(self, view: Widget, place: ViewportPlace) -> None:
        self.place = place
        super().__init__(view)

    def can_replace(self, message: Message) -> bool:
        """Only the newest place matters."""
        return isinstance(message, PlaceChanged)


class ReadOn(LogMessage, namespace="log_view"):
    """The filter or the search has read through more lines, or all of them."""


class Said(LogMessage, namespace="log_view"):
    """A key had a result worth a word: wrapped round, copied, nothing there.

    Attributes:
        text: One short sentence; empty takes the last one away.
        tone: How much it matters.
    """

    def __init__(self, view: Widget, text: str, tone: Tone = "text") -> None:
        self.text = text
        self.tone: Tone = tone
        super().__init__(view)


class ServerSearchWanted(LogMessage, namespace="log_view"):
    """The server is to search its whole retained log.

    Attributes:
        text: What is searched for here; may be empty.
    """

    def __init__(self, view: Widget, text: str) -> None:
        self.text = text
        super().__init__(view)
