"""A line whole on a screen of its own: as it came, and where it is JSON as a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.segment import Segment
from rich.text import Text
from textual import events, on
from textual.binding import Binding
from textual.containers import Vertical
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from chronotui.json_tree import MOST_CHARACTERS, JsonFolds, NodeKind, read_json
from chronotui.text import clean, plural
from chronotui.ui.keys import help_key
from chronotui.ui.log.cells import (
    MOST_WHOLE,
    Grid,
    Paragraph,
    Run,
    byte_size,
    overlay,
    segments,
    whole_message,
)
from chronotui.ui.log.render import exact_time
from chronotui.ui.standing import OverScreen
from chronotui.ui.term import clipboard
from chronotui.viewport import Viewport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from rich.style import Style
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from chronotui.json_tree import JsonTree
    from chronotui.model import LogLine
    from chronotui.ui.log.render import Highlighter, LogStyles
    from chronotui.viewport import ScreenRow


class TextSheet(ScrollView, can_focus=True):
    """Shows a long text wrapped to its width; continuation lines hang."""

    DEFAULT_CSS = """
    TextSheet { height: 1fr; scrollbar-size-vertical: 1; background: $background; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        help_key("j,down", "step(1)", "Down", "line.down"),
        help_key("k,up", "step(-1)", "Up", "line.up"),
        help_key("space,ctrl+f,pagedown", "turn(1)", "Page down", "line.page_down"),
        help_key("b,ctrl+b,pageup", "turn(-1)", "Page up", "line.page_up"),
        help_key("g,home", "scroll_home", "Start", "line.start"),
        help_key("G,end", "scroll_end", "End", "line.end"),
    ]

    def __init__(self, paragraph: Paragraph) -> None:
        super().__init__()
        self._paragraph = paragraph
        self._rows: list[tuple[int, int]] = []
        self._indent = 0
        self._width = 0

    def action_step(self, lines: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False)

    def action_turn(self, pages: int) -> None:
        self.action_step(pages * max(1, self.size.height - 1))

    def action_scroll_home(self) -> None:
        self.scroll_to(y=0, animate=False)

    def action_scroll_end(self) -> None:
        self.scroll_to(y=self.max_scroll_y, animate=False)

    def on_resize(self) -> None:
        width = self.size.width
        if width and width != self._width:
            self._width = width
            self._indent = self._paragraph.indent(width)
            self._rows = self._paragraph.grid.wrap(width, self._indent)
            self.virtual_size = Size(width, len(self._rows))
            self.refresh()

    def render_line(self, y: int) -> Strip:
        row = y + self.scroll_offset.y
        if row >= len(self._rows):
            return Strip.blank(self.size.width, self.rich_style)
        indent = self._indent if row else 0
        return part_of(
            self._paragraph, self._rows[row], indent, self.size.width, self.rich_style
        )


def part_of(
    paragraph: Paragraph, part: tuple[int, int], indent: int, width: int, base: Style
) -> Strip:
    strip = Strip(segments(paragraph.grid.text, paragraph.runs, *part))
    if indent:
        strip = Strip.join([Strip.blank(indent, base), strip])
    return strip.adjust_cell_length(width, base)


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
    indent = min(INDENT * tree.depths[node], width // INDENT_SHARE)
    sign = "  "
    if folds.is_foldable(node):
        sign = OPEN if folds.is_open(node) else FOLDED
    pieces: list[tuple[str, Style | None]] = [(" " * indent + sign, look.stamp)]
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


MOST_KEPT: Final = 1024
"""Rows kept once they are laid out."""


class JsonSheet(Widget, can_focus=True):
    """Shows the nodes of a JSON text, a row or more for each."""

    DEFAULT_CSS = """
    JsonSheet { height: 1fr; background: $background; }
    """
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        help_key("j,down", "move(1)", "Down", "line.down"),
        help_key("k,up", "move(-1)", "Up", "line.up"),
        help_key("space,ctrl+f,pagedown", "turn(1.0)", "Page down", "line.page_down"),
        help_key("b,ctrl+b,pageup", "turn(-1.0)", "Page up", "line.page_up"),
        help_key("ctrl+d", "turn(0.5)", "Half page down", "line.half_down"),
        help_key("ctrl+u", "turn(-0.5)", "Half page up", "line.half_up"),
        help_key("g,home", "go(0)", "Start", "line.start"),
        help_key("G,end", "go(-1)", "End", "line.end"),
        help_key("l,right", "unfold", "Unfold", "line.unfold"),
        help_key("h,left", "fold", "Fold", "line.fold"),
        help_key("o,enter", "flip", "Fold or unfold", "line.flip"),
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
        self._viewport.go_to(0)

    @property
    def node(self) -> int:
        return self.folds.anchor(self._viewport.current)

    # Keys

    def action_move(self, rows: int) -> None:
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
        row = self._viewport.current
        (self.folds.fold if self.folds.is_open(self.node) else self.folds.unfold)(row)
        self._changed()

    # Mouse

    @on(events.MouseScrollDown)
    @on(events.MouseScrollUp)
    def _wheel(self, event: events.MouseEvent) -> None:
        event.stop()
        self._viewport.scroll(-3 if isinstance(event, events.MouseScrollUp) else 3)
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

    def on_resize(self) -> None:
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
            base = self._look.text
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
        if self.size != (self._width, self._viewport.window):
            self._fit()
        places = list(self._viewport.window_rows())[crop.y : crop.bottom]
        return [self._strip(place).crop(crop.x, crop.right) for place in places]

    def _strip(self, place: ScreenRow) -> Strip:
        width, base = self.size.width, self._look.text
        row, part = place
        if row < 0:
            return Strip.blank(width, base)
        paragraph, parts, indent = self._lay(self.folds.anchor(row))
        shown = parts[min(part, len(parts) - 1)]
        strip = part_of(paragraph, shown, indent if part else 0, width, base)
        if row != self._viewport.current:
            return strip
        over = self._look.current
        return Strip(Segment.apply_style(strip, post_style=over), width)


TEXT_KEYS: Final = "y copies · esc closes"
TREE_KEYS: Final = "← → fold · y copies this · Y the line · p as it came · esc closes"
MOST_PATH: Final = 60
"""Characters shown of the way to a node."""


class LineScreen(OverScreen[None]):
    """Shows one line whole, over the log; one that is JSON as a tree.

    Args:
        place: Its place in its log, from 1, where the server numbers no lines.
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
        place: int | None = None,
        zone: tzinfo | None = None,
        find: Highlighter | None = None,
    ) -> None:
        super().__init__()
        self.line = line
        self._look = look
        self._place = place
        self._zone = zone
        self._find = find
        tree = read_json(line.message)
        self._tree = JsonSheet(tree, look, find=find) if tree is not None else None
        if tree is not None and not tree.complete:
            self._part = f"the first {len(tree):,} nodes, Y copies all"
        elif len(line.message) > MOST_CHARACTERS:
            self._part = "too large to be laid out, as it came"
        else:
            self._part = ""

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(self._facts(), id="facts", markup=False)
            sheet = TextSheet(self._text())
            sheet.display = self._tree is None
            if self._tree is not None:
                yield self._tree
            yield sheet

    def on_mount(self) -> None:
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
        words = "  ".join(filter(None, ("Line", self._part)))
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
        source = "retained log" if line.retained else "live, not retained yet"
        size = f"{line.stream}, {byte_size(line.message)}"
        facts = [("time", exact_time(line.time_ns, self._zone))]
        if self._place is None:
            facts += [
                ("stream", f"{size}, {source}"),
                ("line", f"{line.sequence_num:,} of {attempt}"),
                ("event", line.event_id or "none"),
            ]
        else:
            facts += [("stream", size), ("line", f"{self._place:,}")]
        text = Text()
        for number, (name, value) in enumerate(facts):
            text.append("\n" if number else "")
            text.append(f"{name:8}", self._look.stamp)
            text.append(clean(value))
        return text

    def _text(self) -> Paragraph:
        look = self._look
        paragraph = whole_message(self.line.message, look.text, look.note)
        if self._find is None:
            return paragraph
        return paragraph.lit(self._find(paragraph.searched), look.match)

    def action_toggle_json(self) -> None:
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
        self._copy([self.line.message], "line")

    def _copy(self, lines: Sequence[str], what: str) -> None:
        try:
            sent = clipboard.copy(self.app, clipboard.printable(lines))
        except clipboard.TooLargeToCopyError as error:
            size_words = f"{error.size:,} bytes"
            self._say(f"Too large to copy: {size_words}. s in the log saves it.")
            return
        self._say(f"Sent the {what}, {sent.size:,} bytes, to {sent.to}.")

    def action_close(self) -> None:
        self.dismiss(None)
