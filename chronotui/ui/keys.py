"""The keys that the widgets declare, collected by name.

A key is a Textual binding with an id and a description in the widget that obeys it.
``[keys]``, the palette, the help, the footer and the README's table come from there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from itertools import groupby, zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar, Final

from rich.style import Style
from rich.text import Text
from textual.app import SystemCommand
from textual.binding import Binding, BindingsMap, BindingType
from textual.containers import VerticalScroll
from textual.dom import DOMNode
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from textual.app import ComposeResult
    from textual.screen import Screen

OURS: Final = "chronotui."
DESK_GROUPS: Final = {
    "app": "Everywhere",
    "desk": "Panes",
    "tree": "Tree",
    "filters": "Filters",
    "log": "Log",
    "runs": "List of runs",
    "details": "Details",
}
GROUPS: Final = {
    **DESK_GROUPS,
    "prompt": "Prompt line",
    "line": "One line",
    "server_search": "Server search",
    "card": "Card",
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

    ``keys`` are Textual's key names, in the order they were bound; ``run`` is
    Textual's action.
    """

    id: str
    meaning: str
    keys: tuple[str, ...]
    run: str

    @property
    def group(self) -> str:
        """The heading the help lists it under."""
        return GROUPS.get(self.id.partition(".")[0], "Other")

    @property
    def is_of_desk(self) -> bool:
        """Whether it is offered on the desk, and not in a dialog or a prompt alone."""
        return self.id.partition(".")[0] in DESK_GROUPS

    def spelled(self, keymap: Mapping[str, str]) -> str:
        """Return its keys as ``[keys]`` puts them."""
        keys = keymap.get(self.id)
        listed = keys.split(",") if keys else self.keys
        return " ".join(spell(key.strip()) for key in listed)


def help_key(keys: str, action: str, meaning: str, name: str) -> Binding:
    """Return a binding that stands in the help and the palette, not in the footer."""
    return Binding(keys, action, meaning, show=False, id=name)


def actions_of(*bindings: Iterable[BindingType]) -> list[Action]:
    """Return the named actions of some binding lists, each once, in order."""
    found: dict[str, Action] = {}
    for listed in bindings:
        for _key, binding in BindingsMap(listed):
            if not binding.id or not binding.description:
                continue
            meaning = binding.tooltip or binding.description
            known = found.setdefault(
                binding.id, Action(binding.id, meaning, (), binding.action)
            )
            if binding.key not in known.keys:
                keys = (*known.keys, binding.key)
                found[binding.id] = replace(known, keys=keys)
    return list(found.values())


def own_bindings(widget: type[DOMNode]) -> list[BindingType]:
    """Return the bindings a class and our classes below it declare."""
    ours = [c for c in reversed(widget.__mro__) if c.__module__.startswith(OURS)]
    return [binding for c in ours for binding in c.__dict__.get("BINDINGS", ())]


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
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "equals_sign": "=",
}


def spell(key: str) -> str:
    """Return a key as a person writes it: ``ctrl+s`` is ``^s``, ``slash`` is ``/``."""
    if key.startswith("ctrl+"):
        return "^" + spell(key.removeprefix("ctrl+"))
    return SPELLED.get(
        key, key.upper() if key[:1] == "f" and key[1:].isdigit() else key
    )


DESK: Final = (
    "app",
    "desk.screen",
    "tree",
    "tree_filters",
    "log.view",
    "log.prompt",
    "desk.run_table",
    "desk.details",
)
"""Modules of what stands on the desk."""
DIALOGS: Final = (
    "log.line_screen",
    "desk.server_search",
    "card",
    "dialogs",
    "keys",
    "save",
    "save_path",
    "save_runs",
    "save_list",
    "profiles",
)


def classes_of(modules: Iterable[str]) -> Iterator[type[DOMNode]]:
    """Yield the widgets and screens of some modules, of each the outermost first."""
    for name in modules:
        module = import_module(f"chronotui.ui.{name}")
        for found in reversed(vars(module).values()):
            is_its_own = getattr(found, "__module__", "") == module.__name__
            if is_its_own and isinstance(found, type) and issubclass(found, DOMNode):
                yield found


def desk_actions() -> list[Action]:
    """Return the actions of the desk, without those of its dialogs."""
    actions = actions_of(*map(own_bindings, classes_of(DESK)))
    return [action for action in actions if action.is_of_desk]


def all_actions() -> list[Action]:
    """Return every action a key can be put on."""
    return actions_of(*map(own_bindings, classes_of((*DESK, *DIALOGS))))


def commands(
    screen: Screen[object], keymap: Mapping[str, str]
) -> Iterator[SystemCommand]:
    """Yield the actions of a screen and of the widgets on it, for the palette.

    An action of several widgets is that of the focused one of a dialog, and of the
    one that is shown on the desk. Each node with a ``command_title`` has its own.
    """
    seen: set[tuple[str, str]] = set()
    for node in _nodes(screen):
        title = getattr(node, "command_title", "")
        for action in actions_of(own_bindings(type(node))):
            is_offered = action.is_of_desk or screen.is_modal
            if not is_offered or (action.id, title) in seen:
                continue
            seen.add((action.id, title))
            words = f"{title}: {action.meaning}" if title else action.meaning
            yield SystemCommand(
                f"{words}  ({action.spelled(keymap)})",
                action.id,
                partial(node.app.run_action, action.run, node),
            )


def _nodes(screen: Screen[object]) -> list[DOMNode]:
    children = list(screen.walk_children())
    if screen.is_modal:
        focused = [screen.focused] if screen.focused is not None else []
        return [screen, *focused, *children]
    return sorted([screen.app, screen, *children], key=lambda node: not _is_shown(node))


def _is_shown(node: DOMNode) -> bool:
    return all(parent.display for parent in node.ancestors_with_self)


class KeyHints(Widget):
    """The footer: ``key meaning`` pairs of the bindings active at the focus.

    What is shown is decided by each binding's ``show``; the line drops pairs when
    it is too narrow, never half of one, and never the last: the way to the help.
    """

    DEFAULT_CSS = """
    KeyHints {
        height: 1; background: $panel; color: $text;
        & > .key-hints--key { color: $text-accent; text-style: bold; }
        &:light > .key-hints--key { color: $text-primary; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-hints--key"}

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def _pairs(self) -> Iterator[Text]:
        """Yield every shown, enabled binding, each meaning once."""
        style = self.get_component_rich_style("key-hints--key")
        keys: dict[str, str] = {}
        for active in self.screen.active_bindings.values():
            binding, meaning = active.binding, active.binding.description
            if binding.show and active.enabled and meaning and meaning not in keys:
                keys[meaning] = self.app.get_key_display(binding)
        for meaning, key in keys.items():
            yield Text.assemble((key, style), f" {meaning.lower()}  ")

    def render(self) -> Text:
        line = Text(" ", no_wrap=True, end="")
        *others, last = list(self._pairs()) or [Text()]
        room = self.size.width - last.cell_len
        for pair in others:
            if line.cell_len + pair.cell_len > room:
                break
            line.append_text(pair)
        return line.append_text(last)


LEGEND: Final = (
    ("▌", "stderr"),
    ("⋯", "lines that have not been received; they fill in by themselves"),
    ("●", "running"),
    ("◌", "waiting to start"),
    ("⏸", "paused, waits for a person"),
    ("✓", "completed"),
    ("◐", "succeeded in part: some branches failed"),
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


def help_over(screen: Screen[object], keymap: Mapping[str, str]) -> HelpScreen:
    """Return the help: what a dialog alone can do, what all of them can, the rest."""
    own = actions_of(own_bindings(type(screen))) if screen.is_modal else []
    groups = [action.group for action in own if action.group != GROUPS["app"]]
    groups.sort(key=GROUPS["dialog"].__eq__)
    return HelpScreen(all_actions(), keymap, first=groups)


class HelpScreen(ModalScreen[None]):
    """All keys by group, as they are bound now, and what the signs mean."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > VerticalScroll {
        width: 84; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; padding: 0 1; background: $surface;
    }
    HelpScreen > .help-screen--title { text-style: bold; color: $accent; }
    HelpScreen > .help-screen--key { text-style: bold; }
    HelpScreen > .help-screen--name { color: $text-muted; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "help-screen--title",
        "help-screen--key",
        "help-screen--name",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss", "Close", id="help.close"),
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
        self._actions = actions
        self._keymap = keymap
        self._order = [*dict.fromkeys([*first, *GROUPS.values()])]

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = "Keys"
            box.border_subtitle = "esc closes"
            yield Static()

    def on_resize(self) -> None:
        """Put as much beside each other as there is room for."""
        width = min(self.size.width, WIDTH) - FRAME
        self.query_one(Static).update(self._text(width))

    def action_scroll(self, where: str) -> None:
        getattr(self.query_one(VerticalScroll), f"scroll_{where}")(animate=False)

    def _text(self, width: int) -> Text:
        title, ink = self._ink("title"), self._ink("key")
        text = Text()
        rank = {group: place for place, group in enumerate(self._order)}
        ranked = sorted(self._actions, key=lambda one: rank.get(one.group, len(rank)))
        for group, actions in groupby(ranked, key=lambda one: one.group):
            text.append(f"{group}\n", title)
            for action in actions:
                self._row(text, action, width)
            text.append("\n")
        text.append("Signs\n", title)
        for sign, meaning in LEGEND:
            rows = wrap(meaning, max(width - SIGN_CELLS, LEAST))
            text.append(f"  {sign}".ljust(SIGN_CELLS), ink)
            text.append(f"\n{' ' * SIGN_CELLS}".join(rows) + "\n")
        last = ON_OTHER_KEYS if width >= NAMED else f"{ON_OTHER_KEYS} {WIDER}"
        text.append("\n" + "\n".join(wrap(last, max(width, LEAST))) + "\n")
        return text

    def _ink(self, part: str) -> Style:
        """Return a part's style without the background, which is the box's."""
        style = self.get_component_rich_style(f"help-screen--{part}")
        return Style(color=style.color, bold=style.bold)

    def _row(self, text: Text, action: Action, width: int) -> None:
        """Add an action: keys, meaning and, where there is room, its name."""
        ink, keys = self._ink("key"), action.spelled(self._keymap)
        if width >= NAMED:
            text.append(f"  {keys:<18}", ink)
            text.append(f"{action.meaning:<33}")
            text.append(f" {action.id}\n", self._ink("name"))
            return
        column = min(NARROW_KEYS, width // 2)
        left = wrap(keys, max(column - 3, LEAST)) or [""]
        words = wrap(action.meaning, max(width - column, LEAST)) or [""]
        for some_keys, some_words in zip_longest(left, words, fillvalue=""):
            text.append(f"  {some_keys}".ljust(column), ink)
            text.append(f"{some_words}\n")
