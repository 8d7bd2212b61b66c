"""The help screen."""

from __future__ import annotations

from itertools import groupby, zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar, Final

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from chronotui.ui.keymap import GROUPS, Action, spell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult

SIGNS = (
    ("▌", "stderr"),
    ("⋯", "lines that have not been received; they fill in by themselves"),
    ("●", "running"),
    ("◌", "waiting to start"),
    ("✓", "completed"),
    ("✗", "failed"),
    ("■", "canceled"),
)

WIDTH: Final = 84
FRAME: Final = 5
"""Cells of the border, the padding and the scrollbar."""
NAMED: Final = 72
"""From so many cells on the actions' names stand beside them."""
NARROW_KEYS: Final = 18
SIGN_CELLS: Final = 5
LEAST: Final = 4
ON_OTHER_KEYS: Final = "Every action can be put on other keys by its name in [keys]."
WIDER: Final = "A wider terminal shows the names."


class HelpScreen(ModalScreen[None]):
    """All keys by group, as they are bound now, and what the signs mean."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > VerticalScroll {
        width: 84; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; padding: 0 1; background: $surface;
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "help-screen--title",
        "help-screen--key",
        "help-screen--name",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss", "Close", id="help.close"),
        Binding("j,down", "scroll('down')", "down", show=False, id="help.down"),
        Binding("k,up", "scroll('up')", "up", show=False, id="help.up"),
        Binding(
            "space,ctrl+f,pagedown",
            "scroll('page_down')",
            "page down",
            show=False,
            id="help.page_down",
        ),
        Binding(
            "b,ctrl+b,pageup",
            "scroll('page_up')",
            "page up",
            show=False,
            id="help.page_up",
        ),
        Binding("g,home", "scroll('home')", "top", show=False, id="help.top"),
        Binding("G,end", "scroll('end')", "bottom", show=False, id="help.bottom"),
    ]

    def __init__(
        self,
        actions: Sequence[Action],
        keymap: Mapping[str, str],
        *,
        first: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._actions = actions
        self._keymap = keymap
        self._order = [*dict.fromkeys([*first, *GROUPS.values()])]

    def compose(self) -> ComposeResult:
        """Yield the text of the help."""
        with VerticalScroll() as box:
            box.border_title = "Keys"
            box.border_subtitle = "esc closes"
            yield Static()

    def on_resize(self) -> None:
        """Put as much beside each other as there is room for."""
        width = min(self.size.width, WIDTH) - FRAME
        self.query_one(Static).update(self._text(width))

    def action_scroll(self, where: str) -> None:
        """Scroll one step, one page, or to an end."""
        getattr(self.query_one(VerticalScroll), f"scroll_{where}")(animate=False)

    def _text(self, width: int) -> Text:
        title = self._ink("title")
        key = self._ink("key")
        text = Text()
        for group, actions in groupby(self._ranked(), key=lambda a: a.group):
            text.append(f"{group}\n", title)
            for action in actions:
                self._row(text, action, width)
            text.append("\n")
        text.append("Signs\n", title)
        for sign, meaning in SIGNS:
            rows = wrap(meaning, max(width - SIGN_CELLS, LEAST))
            text.append(f"  {sign}".ljust(SIGN_CELLS), key)
            text.append(f"\n{' ' * SIGN_CELLS}".join(rows) + "\n")
        last = ON_OTHER_KEYS if width >= NAMED else f"{ON_OTHER_KEYS} {WIDER}"
        text.append("\n" + "\n".join(wrap(last, max(width, LEAST))) + "\n")
        return text

    def _ink(self, part: str) -> Style:
        """Return a part's style without the background, which is the box's."""
        style = self.get_component_rich_style(f"help-screen--{part}")
        return Style(color=style.color, bold=style.bold)

    def _ranked(self) -> list[Action]:
        rank = {group: place for place, group in enumerate(self._order)}
        return sorted(self._actions, key=lambda a: rank.get(a.group, len(rank)))

    def _row(self, text: Text, action: Action, width: int) -> None:
        """Add an action: keys, meaning and, where there is room, its name."""
        key = self._ink("key")
        name = self._ink("name")
        if width >= NAMED:
            text.append(f"  {self._keys(action):<18}", key)
            text.append(f"{action.meaning:<33}")
            text.append(f" {action.id}\n", name)
            return
        column = min(NARROW_KEYS, width // 2)
        keys = wrap(self._keys(action), max(column - 3, LEAST)) or [""]
        words = wrap(action.meaning, max(width - column, LEAST)) or [""]
        for some_keys, some_words in zip_longest(keys, words, fillvalue=""):
            text.append(f"  {some_keys}".ljust(column), key)
            text.append(f"{some_words}\n")

    def _keys(self, action: Action) -> str:
        keys = self._keymap.get(action.id)
        listed = tuple(keys.split(",")) if keys else action.keys
        return " ".join(spell(one.strip()) for one in listed)
