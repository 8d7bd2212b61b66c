"""One line whole: its exact time, where it stands, and all of its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.text import Text
from textual import on
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from chronotui.core.json_tree import read_json
from chronotui.core.text import clean
from chronotui.ui.log_view import clipboard
from chronotui.ui.log_view.json_sheet import JsonSheet
from chronotui.ui.log_view.sheet import TextSheet
from chronotui.ui.log_view.shown import byte_size, whole_message
from chronotui.ui.log_view.stamps import exact_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from chronotui.model import LogLine
    from chronotui.ui.log_view.highlighter import Highlighter
    from chronotui.ui.log_view.look import Look

TEXT_KEYS: Final = "esc closes   y copies"
TREE_KEYS: Final = "esc closes   ← → fold   y copies this   Y the line   p as it came"
MOST_PATH: Final = 60
"""Characters shown of the way to a node."""


class LineScreen(ModalScreen[None]):
    """Shows one line whole, over the log; one that is JSON as a tree.

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
        Binding("Y", "copy_line", "Copy the line", id="line.copy_line"),
    ]

    def __init__(
        self,
        line: LogLine,
        look: Look,
        *,
        number: int = 0,
        zone: tzinfo | None = None,
        find: Highlighter | None = None,
    ) -> None:
        super().__init__()
        self.line = line
        self._look = look
        self._number = number
        self._zone = zone
        self._find = find
        tree = read_json(line.message)
        self._tree = JsonSheet(tree, look, find=find) if tree is not None else None
        if tree is not None and not tree.complete:
            self._part = f"the first {len(tree):,} nodes, Y copies all"
        else:
            self._part = ""

    def compose(self) -> ComposeResult:
        """Yield the facts over the text, or over the tree and the hidden text."""
        with Vertical():
            yield Static(self._facts(), id="facts", markup=False)
            sheet = TextSheet()
            sheet.display = self._tree is None
            if self._tree is not None:
                yield self._tree
            yield sheet

    def on_mount(self) -> None:
        """Show the text."""
        self._show_text()
        self._focus_shown()

    @property
    def _shows_tree(self) -> bool:
        return self._tree is not None and bool(self._tree.display)

    def _focus_shown(self) -> None:
        tree = self._tree if self._shows_tree else None
        self.set_focus(tree or self.query_one(TextSheet))
        self._say(TREE_KEYS if tree else TEXT_KEYS + ("   p tree" * bool(self._tree)))
        self._title()

    @on(JsonSheet.Moved)
    def _title(self) -> None:
        """Say where in the tree the reader is."""
        words = "Line"
        if self._tree is not None and self._shows_tree:
            path = clean(self._tree.folds.tree.path(self._tree.node))
            short = path if len(path) <= MOST_PATH else f"…{path[-MOST_PATH:]}"
            words = "  ".join(part for part in ("Line", short, self._part) if part)
        self.query_one(Vertical).border_title = Text(words)

    def _say(self, words: str) -> None:
        self.query_one(Vertical).border_subtitle = Text(words)

    def _facts(self) -> Text:
        line = self.line
        attempt = f"try {line.attempt}" if line.attempt else "an unknown try"
        place = f", line {self._number:,} of {attempt}" if self._number else ""
        source = "retained log" if line.retained else "live, not retained yet"
        facts = (
            ("time", exact_time(line.time_ns, self._zone)),
            ("stream", f"{line.stream}, {byte_size(line.message)}, {source}"),
            ("number", f"{line.sequence_num:,}{place}"),
            ("event", line.event_id or "none"),
        )
        text = Text()
        for number, (name, value) in enumerate(facts):
            text.append("\n" if number else "")
            text.append(f"{name:8}", self._look.stamp)
            text.append(clean(value))
        return text

    def _show_text(self) -> None:
        look = self._look
        paragraphs = whole_message(self.line.message, look.stdout, look)
        if self._find is not None:
            paragraphs = [
                each.lit(self._find(each.searched), look.match) for each in paragraphs
            ]
        self.query_one(TextSheet).show(paragraphs)

    def action_toggle_json(self) -> None:
        """Show JSON as a tree, or as it came."""
        if self._tree is not None:
            shows_tree = not self._shows_tree
            self._tree.display = shows_tree
            self.query_one(TextSheet).display = not shows_tree
            self._focus_shown()

    def action_copy(self) -> None:
        """Copy the node's value, or the whole message."""
        if self._tree is None or not self._shows_tree:
            self.action_copy_line()
            return
        value = self._tree.folds.tree.value(self._tree.node)
        self._copy(value.split("\n"), "value")

    def action_copy_line(self) -> None:
        """Copy the whole message."""
        self._copy([self.line.message], "line")

    def _copy(self, lines: Sequence[str], what: str) -> None:
        try:
            size = clipboard.copy(self.app, clipboard.printable(lines))
        except clipboard.TooLargeToCopyError as error:
            size_words = f"{error.size:,} bytes"
            self._say(f"Too large to copy: {size_words}. s in the log saves it.")
            return
        self._say(f"Copied the {what}, {size:,} bytes.")

    def action_close(self) -> None:
        """Go back to the log."""
        self.dismiss(None)
