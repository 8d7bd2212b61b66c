"""Keys by action name: what ``[keys]`` may say and what the help lists."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar, Final

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingsMap, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from textual.app import ComposeResult
    from textual.dom import DOMNode
    from textual.screen import Screen

OURS: Final = "chronotui."
GROUPS: Final = {
    "app": "Everywhere",
    "desk": "Panes",
    "tree": "Tree",
    "filters": "Filters",
    "log": "Log",
    "details": "Details",
    "prompt": "Prompt line",
    "line": "One line",
    "server_search": "Server search",
    "dialog": "Dialogs",
    "save": "Saving",
    "saves": "List of saves",
    "leave": "Leaving",
    "stop": "Stopping a recording",
    "profiles": "Profiles",
    "profile_form": "Profile form",
    "profile_remove": "Removing a profile",
    "sign_in": "Signing in",
    "help": "Help",
}


@dataclass(frozen=True, slots=True)
class Action:
    """An action a key can be put on.

    ``keys`` are Textual's key names, in the order they were bound.
    """

    id: str
    meaning: str
    keys: tuple[str, ...]

    @property
    def group(self) -> str:
        """The heading the help lists it under."""
        return GROUPS.get(self.id.partition(".")[0], "Other")


def actions_of(*bindings: Iterable[BindingType]) -> list[Action]:
    """Return the named actions of some binding lists, each once, in order."""
    found: dict[str, Action] = {}
    for listed in bindings:
        for _key, binding in BindingsMap(listed):
            if not binding.id or not binding.description:
                continue
            known = found.get(binding.id)
            keys = known.keys if known else ()
            keys += () if binding.key in keys else (binding.key,)
            meaning = known.meaning if known else _meaning(binding)
            found[binding.id] = Action(binding.id, meaning, keys)
    return list(found.values())


def own_bindings(widget: type[DOMNode]) -> list[BindingType]:
    """Return the bindings a class and our classes below it declare."""
    ours = [c for c in reversed(widget.__mro__) if c.__module__.startswith(OURS)]
    return [binding for c in ours for binding in c.__dict__.get("BINDINGS", ())]


def _meaning(binding: Binding) -> str:
    return binding.tooltip or binding.description


SPELLED: Final = {
    "question_mark": "?",
    "slash": "/",
    "ampersand": "&",
    "colon": ":",
    "apostrophe": "'",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "escape": "esc",
    "home": "Home",
    "end": "End",
    "tab": "Tab",
    "shift+tab": "shift+Tab",
    "full_stop": ".",
    "minus": "-",
    "plus": "+",
    "comma": ",",
}


def spell(key: str) -> str:
    """Return a key as a person writes it: ``ctrl+s`` is ``^s``, ``slash`` is ``/``."""
    if key.startswith("ctrl+"):
        return "^" + spell(key.removeprefix("ctrl+"))
    return SPELLED.get(
        key, key.upper() if key[:1] == "f" and key[1:].isdigit() else key
    )


# Every class with keys: what the help lists and what ``[keys]`` may name.


def desk_classes() -> list[type[DOMNode]]:
    """Return the app and what stands on its desk."""
    from chronotui.ui.app import DeskApp
    from chronotui.ui.desk.details import DetailsPane
    from chronotui.ui.desk.screen import DeskScreen
    from chronotui.ui.log.prompt import LogPane
    from chronotui.ui.log.view import LogView
    from chronotui.ui.tree import JobTree
    from chronotui.ui.tree_filters import Choice, ChoiceMenu, FilterBar, FilterText

    return [
        DeskApp,
        DeskScreen,
        JobTree,
        FilterBar,
        FilterText,
        Choice,
        ChoiceMenu,
        LogView,
        LogPane,
        DetailsPane,
    ]


def dialog_classes() -> list[type[DOMNode]]:
    """Return what opens over the desk, and the fields in it."""
    from chronotui.ui.dialogs import RadioRow, SecretDialog
    from chronotui.ui.log.line_screen import JsonSheet, LineScreen, TextSheet
    from chronotui.ui.log.prompt import PromptInput
    from chronotui.ui.profiles import ProfileForm, ProfilesScreen, RemoveScreen
    from chronotui.ui.save import PathInput, SaveDialog
    from chronotui.ui.save_list import LeaveScreen, SaveScreen, SavesScreen, StopScreen
    from chronotui.ui.server_search import ServerSearchScreen

    fields: list[type[DOMNode]] = [
        PromptInput,
        TextSheet,
        JsonSheet,
        RadioRow,
        PathInput,
    ]
    saving: list[type[DOMNode]] = [SaveDialog, SaveScreen, SavesScreen]
    saving += [LeaveScreen, StopScreen]
    profiles: list[type[DOMNode]] = [ProfilesScreen, ProfileForm, RemoveScreen]
    others: list[type[DOMNode]] = [
        LineScreen,
        ServerSearchScreen,
        SecretDialog,
        HelpScreen,
    ]
    return [*others, *fields, *saving, *profiles]


def desk_actions() -> list[Action]:
    """Return the actions of the desk, without those of its dialogs."""
    return actions_of(*(own_bindings(each) for each in desk_classes()))


def all_actions() -> list[Action]:
    """Return every action a key can be put on."""
    classes = [*desk_classes(), *dialog_classes()]
    return actions_of(*(own_bindings(each) for each in classes))


# The footer: the few keys that matter where the focus is.

GAP: Final = 2


class KeyHints(Widget):
    """One line of ``key meaning`` pairs read from the active bindings.

    What is shown is decided by each binding's ``show``; the line drops pairs when
    it is too narrow, never half of one, and never the last: the way to the help.
    """

    DEFAULT_CSS = """
    KeyHints {
        height: 1;
        background: $panel; color: $text;
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-hints--key"}

    def on_mount(self) -> None:
        """Follow the bindings as the focus moves."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def _bindings_changed(self, _screen: Screen[object]) -> None:
        self.refresh()

    def _pairs(self) -> list[tuple[str, str]]:
        """Return (key, meaning) of every shown, enabled binding, each once."""
        pairs: dict[str, list[str]] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled and binding.description:
                keys = pairs.setdefault(binding.description, [])
                key = self.app.get_key_display(binding)
                if key not in keys:
                    keys.append(key)
        return [("".join(keys[:1]), meaning) for meaning, keys in pairs.items()]

    def render(self) -> Text:
        """Return the pairs that fit."""
        style = self.get_component_rich_style("key-hints--key")
        line = Text(" ", no_wrap=True, end="")
        *others, last = self._pairs() or [("", "")]
        room = self.size.width - _cells(last)
        for pair in others:
            if line.cell_len + _cells(pair) > room:
                break
            _add(line, pair, style)
        _add(line, last, style)
        return line


def _cells(pair: tuple[str, str]) -> int:
    key, meaning = pair
    return cell_len(key) + 1 + cell_len(meaning) + GAP


def _add(line: Text, pair: tuple[str, str], style: Style) -> None:
    key, meaning = pair
    line.append(key, style)
    line.append(f" {meaning.lower()}{' ' * GAP}")


# The help screen.

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
