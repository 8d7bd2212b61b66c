"""One line whole: its exact time, where it stands, and all of its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.text import Text
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from chronotui.core.text import clean, printable_line
from chronotui.ui.log_view import clipboard
from chronotui.ui.log_view.json_text import is_json
from chronotui.ui.log_view.sheet import TextSheet
from chronotui.ui.log_view.shown import byte_size, whole_json, whole_message
from chronotui.ui.log_view.stamps import exact_time

if TYPE_CHECKING:
    from datetime import tzinfo

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from chronotui.model import LogLine
    from chronotui.ui.log_view.drawing import Find
    from chronotui.ui.log_view.look import Look

KEYS: Final = "esc closes   y copies"


class LineScreen(ModalScreen[None]):
    """Shows one line whole, over the log.

    Args:
        line: The line.
        look: The log view's styles.
        number: Its place in the log of its try, from 1.
        zone: The zone its time is shown in; UTC is shown beside it.
        find: The search of the log, so that its matches stand out here too.
    """

    DEFAULT_CSS = """
    LineScreen {
        align: center middle;
        & > Vertical {
            width: 96%;
            height: 90%;
            background: $background;
            border: round $primary;
            border-title-color: $text-muted;
            border-subtitle-color: $text-muted;
            padding: 0 1;
        }
        & #facts { height: auto; max-height: 50%; margin-bottom: 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "close", "Close", id="line.close"),
        Binding("p", "toggle_json", "JSON", id="line.json"),
        Binding("y", "copy", "Copy", id="line.copy"),
    ]

    def __init__(
        self,
        line: LogLine,
        look: Look,
        *,
        number: int = 0,
        zone: tzinfo | None = None,
        find: Find | None = None,
    ) -> None:
        super().__init__()
        self.line = line
        self._look = look
        self._number = number
        self._zone = zone
        self._find = find
        self._is_json = is_json(line.message)
        self._as_json = self._is_json

    def compose(self) -> ComposeResult:
        """Yield the facts over the text."""
        with Vertical() as box:
            box.border_title = Text("Line")
            box.border_subtitle = Text(
                KEYS + ("   p as it came" if self._is_json else "")
            )
            yield Static(self._facts(), id="facts", markup=False)
            yield TextSheet()

    def on_mount(self) -> None:
        """Show the text."""
        self._show_text()
        self.query_one(TextSheet).focus()

    def _facts(self) -> Text:
        line = self.line
        attempt = str(line.attempt) if line.attempt else "not known"
        source = "retained log" if line.retained else "live, not retained yet"
        place = f", line {self._number:,} of its try" if self._number else ""
        facts = (
            ("time", exact_time(line.time_ns, self._zone)),
            ("stream", line.stream),
            ("number", f"{line.sequence_num:,}{place}"),
            ("try", attempt),
            ("event", line.event_id or "none"),
            ("size", f"{byte_size(line.message)}, {source}"),
        )
        text = Text()
        for number, (name, value) in enumerate(facts):
            text.append("\n" if number else "")
            text.append(f"{name:8}", self._look.stamp)
            text.append(clean(value))
        return text

    def _show_text(self) -> None:
        base, look = self._look.stdout, self._look
        message = self.line.message
        if self._as_json:
            paragraphs = whole_json(message, base, look)
        else:
            paragraphs = whole_message(message, base, look)
        if self._find is not None:
            paragraphs = [
                each.lit(self._find(each.searched), look.match) for each in paragraphs
            ]
        self.query_one(TextSheet).show(paragraphs)

    def action_toggle_json(self) -> None:
        """Show JSON indented, or as it came."""
        if self._is_json:
            self._as_json = not self._as_json
            self._show_text()

    def action_copy(self) -> None:
        """Copy the whole message."""
        box = self.query_one(Vertical)
        try:
            size = clipboard.copy(self.app, printable_line(self.line.message))
        except clipboard.TooLargeToCopyError as error:
            box.border_subtitle = Text(
                f"Too large to copy: {error.size:,} bytes. s in the log saves it."
            )
            return
        box.border_subtitle = Text(f"Copied {size:,} bytes.")

    def action_close(self) -> None:
        """Go back to the log."""
        self.dismiss(None)
