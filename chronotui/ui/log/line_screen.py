"""A long text on a screen of its own, wrapped, drawn row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.segment import Segment
from rich.text import Text
from textual import on
from textual.binding import Binding
from textual.containers import Vertical
from textual.geometry import Region, Size
from textual.message import Message
from textual.screen import ModalScreen
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from chronotui.json_tree import JsonFolds, NodeKind, read_json
from chronotui.text import clean
from chronotui.ui.log.cells import (
    MOST_WHOLE,
    Grid,
    Paragraph,
    Run,
    byte_size,
    overlay,
    plural,
    segments,
    whole_message,
)
from chronotui.ui.log.render import exact_time
from chronotui.ui.term import clipboard
from chronotui.viewport import Viewport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from rich.style import Style
    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.events import Resize

    from chronotui.json_tree import JsonTree
    from chronotui.model import LogLine
    from chronotui.ui.log.render import Highlighter, LogStyles
    from chronotui.viewport import ScreenRow


class TextSheet(ScrollView, can_focus=True):
    """Shows paragraphs wrapped to its width; continuation lines hang."""

    DEFAULT_CSS = """
    TextSheet { height: 1fr; scrollbar-size-vertical: 1; background: $background; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "step(1)", "Down", show=False, id="line.down"),
        Binding("k,up", "step(-1)", "Up", show=False, id="line.up"),
        Binding(
            "space,ctrl+f,pagedown",
            "turn(1)",
            "Page down",
            show=False,
            id="line.page_down",
        ),
        Binding(
            "b,ctrl+b,pageup", "turn(-1)", "Page up", show=False, id="line.page_up"
        ),
        Binding("g,home", "scroll_home", "Start", show=False, id="line.start"),
        Binding("G,end", "scroll_end", "End", show=False, id="line.end"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._paragraphs: Sequence[Paragraph] = ()
        self._rows: list[tuple[Paragraph, int, int, int]] = []
        self._width = 0

    def show(self, paragraphs: Sequence[Paragraph]) -> None:
        """Show other paragraphs, from their start."""
        self._paragraphs = paragraphs
        self._width = 0
        self._lay_out()
        self.scroll_to(0, 0, animate=False)

    def action_step(self, lines: int) -> None:
        """Scroll by lines."""
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False)

    def action_turn(self, pages: int) -> None:
        """Scroll by pages."""
        lines = pages * max(1, self.size.height - 1)
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False)

    def action_scroll_home(self) -> None:
        """Scroll to the start."""
        self.scroll_to(y=0, animate=False)

    def action_scroll_end(self) -> None:
        """Scroll to the end."""
        self.scroll_to(y=self.max_scroll_y, animate=False)

    def on_resize(self, _event: Resize) -> None:
        """Wrap to the new width."""
        self._lay_out()

    def _lay_out(self) -> None:
        width = self.size.width
        if not width or width == self._width:
            return
        self._width = width
        self._rows = [
            (paragraph, start, end, indent if index else 0)
            for paragraph in self._paragraphs
            for indent in [paragraph.indent(width)]
            for index, (start, end) in enumerate(paragraph.grid.wrap(width, indent))
        ]
        self.virtual_size = Size(width, len(self._rows))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one row of the text."""
        style = self.rich_style
        row = y + self.scroll_offset.y
        if row >= len(self._rows):
            return Strip.blank(self.size.width, style)
        paragraph, start, end, indent = self._rows[row]
        text = segments(paragraph.grid.text, paragraph.runs, start, end)
        strip = Strip(text)
        if indent:
            strip = Strip.join([Strip.blank(indent, style), strip])
        return strip.adjust_cell_length(self.size.width, style)


# Rows of a JSON tree: a sign, a key, and what of the value there is room for.

INDENT: Final = 2
INDENT_SHARE: Final = 3
"""Levels are indented into at most this part of the width."""

MOST_PEEKED: Final = 160
"""Characters shown of what is folded."""

OPEN: Final = "▾ "
FOLDED: Final = "▸ "
_HELD: Final = {
    NodeKind.OBJECT: ("{", "key", "}"),
    NodeKind.LIST: ("[", "item", "]"),
    NodeKind.TEXT: ("", "line", ""),
}


def paragraph_of(
    folds: JsonFolds, node: int, look: LogStyles, base: Style, width: int
) -> tuple[Paragraph, int]:
    """Return a node's row before it is wrapped, and where its later parts begin."""
    tree = folds.tree
    pieces: list[tuple[str, Style | None]] = []
    indent = min(INDENT * tree.depths[node], width // INDENT_SHARE)
    sign = "  "
    if folds.is_foldable(node):
        sign = OPEN if folds.is_open(node) else FOLDED
    pieces.append((" " * indent + sign, look.stamp))
    label = _label(tree, node)
    if label:
        pieces += [(label, look.json_key), (": ", None)]
    pieces += _value(folds, node, look)
    return _joined(pieces, base), min(indent + 4, width // 2)


def _label(tree: JsonTree, node: int) -> str:
    if tree.keys[node] is not None:
        return clean(tree.key(node)) or '""'
    is_item = tree.parents[node] >= 0 and tree.kinds[node] is not NodeKind.LINE
    return f"[{tree.places[node]:,}]" if is_item else ""


def _value(
    folds: JsonFolds, node: int, look: LogStyles
) -> list[tuple[str, Style | None]]:
    tree, kind = folds.tree, folds.tree.kinds[node]
    if kind is NodeKind.LINE:
        return [(_shown(tree.value(node)), look.json_text)]
    if kind in {NodeKind.OBJECT, NodeKind.LIST} or folds.is_foldable(node):
        before, word, after = _HELD[kind]
        held = f"{before}{plural(tree.counts[node], word)}{after}"
        if folds.is_open(node):
            return [(held, look.note)]
        peek = _shown(tree.source(node, MOST_PEEKED))
        if not folds.is_foldable(node):
            return [(peek, look.json_value)]
        return [(f"{held}  ", look.note), (peek, look.stamp)]
    style = look.json_text if kind is NodeKind.TEXT else look.json_value
    return [(_shown(tree.source(node, MOST_WHOLE)), style)]


def _shown(text: str) -> str:
    return clean(text.replace("\t", "    "))


def _joined(pieces: list[tuple[str, Style | None]], base: Style) -> Paragraph:
    text = "".join(piece for piece, _style in pieces)
    runs: list[Run] = []
    at = 0
    for piece, style in pieces:
        if style is not None and piece:
            runs.append(Run(at, at + len(piece), style))
        at += len(piece)
    return Paragraph(Grid(text), overlay((Run(0, len(text), base),), runs))


# A line of JSON as a tree that folds.

MOST_KEPT: Final = 1024
"""Rows kept once they are laid out."""


class JsonSheet(Widget, can_focus=True):
    """Shows the nodes of a JSON text, a row or more for each.

    Args:
        tree: The nodes.
        look: The log view's styles.
        find: The search of the log, so that its matches stand out.
    """

    DEFAULT_CSS = """
    JsonSheet { height: 1fr; background: $background; }
    """
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "Down", show=False, id="line.down"),
        Binding("k,up", "move(-1)", "Up", show=False, id="line.up"),
        Binding(
            "space,ctrl+f,pagedown",
            "turn(1.0)",
            "Page down",
            show=False,
            id="line.page_down",
        ),
        Binding(
            "b,ctrl+b,pageup", "turn(-1.0)", "Page up", show=False, id="line.page_up"
        ),
        Binding(
            "ctrl+d", "turn(0.5)", "Half page down", show=False, id="line.half_down"
        ),
        Binding("ctrl+u", "turn(-0.5)", "Half page up", show=False, id="line.half_up"),
        Binding("g,home", "go(0)", "Start", show=False, id="line.start"),
        Binding("G,end", "go(-1)", "End", show=False, id="line.end"),
        Binding("l,right", "unfold", "Unfold", show=False, id="line.unfold"),
        Binding("h,left", "fold", "Fold", show=False, id="line.fold"),
        Binding("o,enter", "flip", "Fold or unfold", show=False, id="line.flip"),
    ]

    class Moved(Message):
        """Another node is current."""

    def __init__(
        self, tree: JsonTree, look: LogStyles, *, find: Highlighter | None = None
    ) -> None:
        super().__init__()
        self.folds = JsonFolds(tree)
        self._look = look
        self._find = find
        self._laid: dict[int, tuple[Paragraph, list[tuple[int, int]], int]] = {}
        self._width = 0
        self._viewport: Viewport[int] = Viewport(self.folds, self._height)
        self._viewport.go_top()

    @property
    def node(self) -> int:
        """The node under the eye."""
        return self.folds.anchor(self._viewport.current)

    # Keys

    def action_move(self, rows: int) -> None:
        """Go to the next node, or the one above."""
        self._viewport.move(rows)
        self._moved()

    def action_turn(self, share: float) -> None:
        """Go a window up or down, or a part of one."""
        lines = max(1, round(abs(share) * self.size.height) - (abs(share) == 1.0))
        self._viewport.page(lines if share > 0 else -lines)
        self._moved()

    def action_go(self, row: int) -> None:
        """Go to the first row, or with -1 to the last."""
        self._go_to(row if row >= 0 else len(self.folds) - 1)

    def action_unfold(self) -> None:
        """Show what the node holds; if it is shown, go to the first of it."""
        row = self._viewport.current
        if self.folds.is_open(self.node):
            self._go_to(row + 1)
        else:
            self.folds.unfold(row)
            self._changed()

    def action_fold(self) -> None:
        """Hide what the node holds; if it is hidden, go to the node it is in."""
        node = self.node
        if self.folds.is_open(node):
            self.folds.fold(self._viewport.current)
            self._changed()
        elif self.folds.tree.parents[node] >= 0:
            self._go_to(self.folds.locate(self.folds.tree.parents[node]))

    def action_flip(self) -> None:
        """Show or hide what the node holds."""
        row = self._viewport.current
        (self.folds.fold if self.folds.is_open(self.node) else self.folds.unfold)(row)
        self._changed()

    # Mouse

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll down."""
        event.stop()
        self._viewport.scroll(3)
        self._moved()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll up."""
        event.stop()
        self._viewport.scroll(-3)
        self._moved()

    def on_click(self, event: events.Click) -> None:
        """Go to the node clicked; on the current one, fold or unfold it."""
        row = self._viewport.row_at(event.y)
        if row < 0:
            return
        if row == self._viewport.current:
            self.action_flip()
        else:
            self._go_to(row)

    # Drawing

    def on_resize(self, _event: events.Resize) -> None:
        """Wrap to the new width; the place stays."""
        self._fit()
        self.refresh()

    def _fit(self) -> None:
        width, height = self.size
        if width != self._width:
            self._width = width
            self._laid.clear()
            self._viewport.reconsider()
        self._viewport.resize(height)

    def _go_to(self, row: int) -> None:
        self._viewport.go_to(row)
        self._moved()

    def _changed(self) -> None:
        self._laid.pop(self.node, None)
        self._viewport.reconsider()
        self._viewport.resettle()
        self._moved()

    def _moved(self) -> None:
        if self._find is not None:
            self._find.begin()
        self.refresh()
        self.post_message(self.Moved())

    def _height(self, row: int) -> int:
        return len(self._lay(self.folds.anchor(row))[1])

    def _lay(self, node: int) -> tuple[Paragraph, list[tuple[int, int]], int]:
        """Return a node's row, its parts, and the indent of the later ones."""
        laid = self._laid.get(node)
        if laid is None:
            width = max(self._width, 1)
            base = self._look.stdout
            paragraph, indent = paragraph_of(self.folds, node, self._look, base, width)
            if self._find is not None:
                places = self._find(paragraph.searched)
                paragraph = paragraph.lit(places, self._look.match)
            laid = (paragraph, self._parts(node, paragraph, indent), indent)
            if len(self._laid) >= MOST_KEPT:
                self._laid.clear()
            self._laid[node] = laid
        return laid

    def _parts(
        self, node: int, paragraph: Paragraph, indent: int
    ) -> list[tuple[int, int]]:
        """Return the parts of a row: one where something is folded away."""
        width = max(self._width, 1)
        if self.folds.is_foldable(node):
            return [paragraph.grid.cut(0, width)[:2]]
        return paragraph.grid.wrap(width, indent)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the strips of a part of the window; the compositor asks."""
        if self.size != (self._width, self._viewport.window):
            self._fit()
        places = list(self._viewport.window_rows())[crop.y : crop.bottom]
        return [self._strip(place).crop(crop.x, crop.right) for place in places]

    def render_line(self, y: int) -> Strip:
        """Return one screen row."""
        return self.render_lines(Region(0, y, self.size.width, 1))[0]

    def _strip(self, place: ScreenRow) -> Strip:
        width, base = self.size.width, self._look.stdout
        row, part = place
        if row < 0:
            return Strip.blank(width, base)
        paragraph, parts, indent = self._lay(self.folds.anchor(row))
        start, end = parts[min(part, len(parts) - 1)]
        strip = Strip(segments(paragraph.grid.text, paragraph.runs, start, end))
        if part:
            strip = Strip.join([Strip.blank(indent, base), strip])
        strip = strip.adjust_cell_length(width, base)
        if row != self._viewport.current:
            return strip
        over = self._look.current
        return Strip(Segment.apply_style(strip, post_style=over), width)


# One line whole: its exact time, where it stands, and all of its text.

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
        look: LogStyles,
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
        attempt = f"attempt {line.attempt}" if line.attempt else "an unknown attempt"
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
