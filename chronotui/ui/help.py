"""The help: every key as it is bound now, by part and purpose, with a search."""

from __future__ import annotations

from itertools import groupby, zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar, Final

from rich.style import Style
from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from chronotui.text import clean
from chronotui.ui.keys import (
    GROUPS,
    actions_of,
    all_actions,
    help_key,
    is_offered,
    own_bindings,
)
from chronotui.ui.standing import OverScreen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from textual.app import ComposeResult
    from textual.screen import Screen

    from chronotui.ui.keys import Action

LEGEND: Final = (
    ("▌", "stderr"),
    ("⋯", "lines that have not been received; they fill in by themselves"),
    ("●", "running"),
    ("◌", "waiting to start"),
    ("⏸", "paused, waits for a person"),
    ("✓", "completed"),
    ("◐", "succeeded in part: steps failed or were tried again"),
    ("✗", "failed"),
    ("■", "canceled"),
)

WIDTH: Final = 96
FRAME: Final = 5
"""Cells of the border, the padding and the scrollbar."""
NAMED: Final = 72
"""From so many cells on the actions' names stand beside them."""
KEYS: Final = 18
NARROW_KEYS: Final = 18
NAME_CELLS: Final = 24
SIGN_CELLS: Final = 5
LEAST: Final = 4
ON_OTHER_KEYS: Final = "c puts an action on another key, or its name in [keys] does."
WIDER: Final = "A wider terminal shows the names."
NOTHING: Final = "Nothing here fits. Esc shows everything again."


def help_over(screen: Screen[object], keymap: Mapping[str, str]) -> HelpScreen:
    """Return the help: first what the focus or the dialog obeys, then the rest."""
    actions = [one for one in all_actions() if is_offered(one, screen.app)]
    return HelpScreen(actions, keymap, first=_groups_here(screen))


def _groups_here(screen: Screen[object]) -> list[str]:
    """Return the groups of the focused part, or of a dialog, the nearest first.

    What all dialogs have in common follows what a dialog has of its own.
    """
    if screen.is_modal:
        own = actions_of(own_bindings(type(screen)))
        groups = [action.group for action in own if action.group != GROUPS["app"]]
        return sorted(groups, key=GROUPS["dialog"].__eq__)
    focused = screen.focused
    nodes = focused.ancestors_with_self if focused is not None else [screen]
    found = [actions_of(own_bindings(type(node))) for node in nodes]
    return [action.group for actions in found for action in actions]


class HelpScreen(OverScreen[None]):
    """All keys, as they are bound now, and what the signs mean; ``/`` finds some."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > Vertical {
        width: 96; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; padding: 0 1; background: $surface;
    }
    HelpScreen VerticalScroll { height: auto; max-height: 100%; }
    HelpScreen Input {
        dock: top; display: none; border: none; height: 1; padding: 0;
    }
    HelpScreen > .help-screen--title { text-style: bold; color: $text-accent; }
    HelpScreen > .help-screen--key { text-style: bold; }
    HelpScreen > .help-screen--name { color: $text-muted; }
    """
    AUTO_FOCUS = "VerticalScroll"
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "help-screen--title",
        "help-screen--key",
        "help-screen--name",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "leave", "Close", id="help.close"),
        help_key("slash", "find", "find a key by what it does", "help.find"),
        help_key("c", "change", "put something on another key", "help.change"),
        help_key("j,down", "scroll('down')", "down", "help.down"),
        help_key("k,up", "scroll('up')", "up", "help.up"),
        help_key(
            "space,ctrl+f,pagedown",
            "scroll('page_down')",
            "page down",
            "help.page_down",
        ),
        help_key("b,ctrl+b,pageup", "scroll('page_up')", "page up", "help.page_up"),
        help_key("g,home", "scroll('home')", "top", "help.top"),
        help_key("G,end", "scroll('end')", "bottom", "help.bottom"),
    ]

    def __init__(
        self,
        actions: Sequence[Action],
        keymap: Mapping[str, str],
        *,
        first: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._keymap = keymap
        order = [*dict.fromkeys([*first, *GROUPS.values()])]
        rank = {group: place for place, group in enumerate(order)}
        self._actions = sorted(
            actions,
            key=lambda one: (
                rank.get(one.group, len(rank)),
                one.rank if one.is_of_desk else 0,
            ),
        )

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Keys"
            box.border_subtitle = "/ finds · c changes a key · esc closes"
            yield Input(placeholder="what it does, or its key", compact=True)
            with VerticalScroll():
                yield Static()

    def on_resize(self) -> None:
        """Put as much beside each other as there is room for."""
        self._show()

    def _show(self) -> None:
        width = min(self.size.width, WIDTH) - FRAME
        self.query_one(Static).update(self._text(width))

    def action_scroll(self, where: str) -> None:
        getattr(self.query_one(VerticalScroll), f"scroll_{where}")(animate=False)

    # Looking for something

    def action_find(self) -> None:
        search = self.query_one(Input)
        search.display = True
        self.set_focus(search)

    @on(Input.Changed)
    def _typed(self) -> None:
        self._show()
        self.action_scroll("home")

    @on(Input.Submitted)
    def _keep_what_was_found(self) -> None:
        self.set_focus(self.query_one(VerticalScroll))

    @work(group="key-change", exclusive=True)
    async def action_change(self) -> None:
        """Put an action on another key, in the configuration where there is one."""
        from chronotui.ui.key_change import KeyChange

        change = await self.app.push_screen_wait(KeyChange(self._actions, self._keymap))
        put_on_keys = getattr(self.app, "put_on_keys", None)
        if change is None or put_on_keys is None:
            return
        said = put_on_keys(*change)
        self._keymap = {**self._keymap, change.name: change.keys}
        self._show()
        self.query_one(Vertical).border_subtitle = Content(clean(said))

    def action_leave(self) -> None:
        """Give up the search, then the help."""
        search = self.query_one(Input)
        if not search.display:
            self.dismiss()
            return
        search.value = ""
        search.display = False
        self.set_focus(self.query_one(VerticalScroll))

    def _found(self) -> Iterator[Action]:
        """Yield the actions with every word that is looked for."""
        words = self.query_one(Input).value.casefold().split()
        for action in self._actions:
            keys = action.spelled(self._keymap)
            told = f"{action.group} {action.purpose} {action.meaning} {action.id}"
            if all(word in told.casefold() or word in keys.lower() for word in words):
                yield action

    # What it shows

    def _text(self, width: int) -> Text:
        title = self._ink("title")
        text = Text()
        found = list(self._found())
        for (group, purpose), actions in groupby(
            found, key=lambda one: (one.group, one.purpose if one.is_of_desk else "")
        ):
            text.append(f"{group}: {purpose}\n" if purpose else f"{group}\n", title)
            for action in actions:
                self._row(text, action, width)
            text.append("\n")
        if not found:
            text.append(f"{NOTHING}\n\n")
        if not self.query_one(Input).value:
            self._legend(text, width)
        last = ON_OTHER_KEYS if width >= NAMED else f"{ON_OTHER_KEYS} {WIDER}"
        text.append("\n".join(wrap(last, max(width, LEAST))) + "\n")
        return text

    def _legend(self, text: Text, width: int) -> None:
        text.append("Signs\n", self._ink("title"))
        for sign, meaning in LEGEND:
            rows = wrap(meaning, max(width - SIGN_CELLS, LEAST))
            text.append(f"  {sign}".ljust(SIGN_CELLS), self._ink("key"))
            text.append(f"\n{' ' * SIGN_CELLS}".join(rows) + "\n")
        text.append("\n")

    def _ink(self, part: str) -> Style:
        """Return a part's style without the background, which is the box's."""
        style = self.get_component_rich_style(f"help-screen--{part}")
        return Style(color=style.color, bold=style.bold)

    def _row(self, text: Text, action: Action, width: int) -> None:
        """Add an action: keys, meaning and, where there is room, its name."""
        keys = action.spelled(self._keymap)
        column = KEYS + 2 if width >= NAMED else min(NARROW_KEYS, width // 2)
        names = NAME_CELLS if width >= NAMED else 0
        room = max(width - column - names, LEAST)
        left = wrap(keys, max(column - 3, LEAST)) or [""]
        words = wrap(action.meaning, room) or [""]
        name = action.id if names else ""
        for some_keys, some_words in zip_longest(left, words, fillvalue=""):
            text.append(f"  {some_keys}".ljust(column), self._ink("key"))
            text.append(f"{some_words:<{room if name else 0}}")
            text.append(f" {name}\n" if name else "\n", self._ink("name"))
            name = ""
