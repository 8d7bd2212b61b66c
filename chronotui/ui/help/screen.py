"""The help screen."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

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
        Binding("j", "scroll('down')", show=False),
        Binding("k", "scroll('up')", show=False),
        Binding("space", "scroll('page_down')", show=False),
        Binding("b", "scroll('page_up')", show=False),
        Binding("G", "scroll('end')", show=False),
        Binding("g", "scroll('home')", show=False),
    ]

    def __init__(self, actions: Sequence[Action], keymap: Mapping[str, str]) -> None:
        super().__init__()
        self._actions = actions
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        """Yield the one text that scrolls."""
        with VerticalScroll() as scroll:
            scroll.border_title = "Keys"
            scroll.border_subtitle = "esc closes"
            yield Static(id="keys")

    def on_mount(self) -> None:
        """Draw the lists."""
        self.query_one("#keys", Static).update(self._text())

    def action_scroll(self, where: str) -> None:
        """Scroll one step, one page, or to an end."""
        getattr(self.query_one(VerticalScroll), f"scroll_{where}")(animate=False)

    def _text(self) -> Text:
        title = self.get_component_rich_style("help-screen--title", partial=True)
        key = self.get_component_rich_style("help-screen--key", partial=True)
        name = self.get_component_rich_style("help-screen--name", partial=True)
        order = list(GROUPS.values())
        ranked = sorted(
            self._actions,
            key=lambda a: order.index(a.group) if a.group in order else len(order),
        )
        text = Text()
        for group, actions in groupby(ranked, key=lambda a: a.group):
            text.append(f"{group}\n", title)
            for action in actions:
                text.append(f"  {self._keys(action):<18}", key)
                text.append(f"{action.meaning:<40}")
                text.append(f"  {action.id}\n", name)
            text.append("\n")
        text.append("Signs\n", title)
        for sign, meaning in SIGNS:
            text.append(f"  {sign:<18}", key)
            text.append(f"{meaning}\n")
        text.append("\nEvery action can be put on other keys by its name in [keys].\n")
        return text

    def _keys(self, action: Action) -> str:
        keys = self._keymap.get(action.id)
        listed = tuple(keys.split(",")) if keys else action.keys
        return " ".join(spell(one.strip()) for one in listed)
