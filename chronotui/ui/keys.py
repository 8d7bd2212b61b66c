"""The keys that the widgets declare, collected by name.

A key is a Textual binding with an id and a description in the widget that obeys it.
``[keys]``, the palette, the help, the footer and the README's table come from there.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from msgspec.structs import replace
from textual.app import SystemCommand
from textual.binding import Binding, BindingsMap, BindingType
from textual.dom import DOMNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from textual.app import App
    from textual.screen import Screen

OURS: Final = "chronotui."
DESK_GROUPS: Final = {
    "app": "Everywhere",
    "desk": "Panes",
    "tree": "Tree",
    "board": "Board",
    "across": "Across runs",
    "filters": "Filters",
    "log": "Log",
    "runs": "List of runs",
    "details": "Details",
    "merged": "Merged log",
}
GROUPS: Final = {
    **DESK_GROUPS,
    "prompt": "Prompt line",
    "shape": "Shape of the log",
    "line": "One line",
    "server_search": "Server search",
    "change": "Changing something",
    "unanswered": "Actions without an answer",
    "asked": "Actions asked",
    "card": "Card",
    "alert": "Alerts",
    "news": "What is new",
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

PURPOSES: Final = {
    "find": "open toggle filters text clear terminated order board sort_next "
    "sort_previous turn across switch filters.leave filters.tree "
    "filters.next filters.back filters.menu across.list next_run previous_run",
    "watch": "live end follow refresh mark merged alert solo mute interrupt",
    "search": "search search_server filter next_match previous_match goto across.ask "
    "since_when",
    "what went wrong": "next_error previous_error news shape card bookmark "
    "next_bookmark",
    "read": "history details zoom log.open timestamps times zone wrap both_streams "
    "only_stdout only_stderr json all raw previous_attempt next_attempt",
    "copy and save": "copy hand_over copy_line range save saves",
    "act": "start terminate read_notices actions",
    "move": "up down page_up page_down half_up half_down first last log.start top "
    "bottom left right out expand back menu_back menu_down menu_up menu_choose",
    "program": "help quit app.leave suspend palette profiles",
}
"""What one wants to do, and the actions for it by the last part of their name.

An action's whole name goes before its last part. The order is that of the palette.
"""
_PURPOSE_OF: Final = {
    name: purpose for purpose, names in PURPOSES.items() for name in names.split()
}
_RANKS: Final = {purpose: rank for rank, purpose in enumerate(PURPOSES)}
OTHER: Final = "other"
ACT: Final = "act"
"""The purpose of what changes something, which is offered where that is allowed."""


class Action(Struct, frozen=True):
    """An action a key can be put on.

    ``keys`` are Textual's key names, in the order they were bound; ``run`` is
    Textual's action.
    """

    id: str
    meaning: str
    keys: tuple[str, ...]
    run: str

    @property
    def part(self) -> str:
        """The part of the desk it is of, such as ``log``."""
        return self.id.partition(".")[0]

    @property
    def group(self) -> str:
        """The heading the help lists it under."""
        return GROUPS.get(self.part, "Other")

    @property
    def purpose(self) -> str:
        """What one wants to do with it; of `PURPOSES`."""
        last = self.id.rpartition(".")[2]
        return _PURPOSE_OF.get(self.id) or _PURPOSE_OF.get(last, OTHER)

    @property
    def rank(self) -> int:
        """Its place among the purposes."""
        return _RANKS.get(self.purpose, len(_RANKS))

    @property
    def is_of_desk(self) -> bool:
        """Whether it is offered on the desk, and not in a dialog or a prompt alone."""
        return self.part in DESK_GROUPS

    def keys_in(self, keymap: Mapping[str, str]) -> list[str]:
        """Return the keys it is on where ``[keys]`` puts it, by Textual's names."""
        given = keymap.get(self.id)
        return [key.strip() for key in given.split(",")] if given else [*self.keys]

    def spelled(self, keymap: Mapping[str, str]) -> str:
        """Return its keys as ``[keys]`` puts them."""
        return " ".join(map(spell, self.keys_in(keymap)))


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
    "semicolon": ";",
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
    "desk.board_list",
    "desk.board",
    "desk.across",
    "tree_filters",
    "log.view",
    "log.prompt",
    "log.shape",
    "desk.run_table",
    "desk.details",
    "desk.merged",
)
"""Modules of what stands on the desk."""
DIALOGS: Final = (
    "log.line_screen",
    "desk.server_search",
    "card",
    "alerts",
    "news",
    "actions",
    "dialogs",
    "help",
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


def is_offered(action: Action, app: App[Any]) -> bool:
    """Whether an action stands in palette and help: not all may change something."""
    changes = action.is_of_desk and action.purpose == ACT
    return not changes or getattr(app, "acts", False)


def commands(
    screen: Screen[object], keymap: Mapping[str, str]
) -> Iterator[SystemCommand]:
    """Yield the actions of a screen and of the widgets on it, for the palette.

    They come by their purpose, which stands in front of those of the desk. An action
    of several widgets is that of the focused one of a dialog, and of the one that is
    shown on the desk. Each node with a ``command_title`` has its own.
    """
    found: dict[tuple[str, str], tuple[Action, DOMNode]] = {}
    for node in _nodes(screen):
        title = getattr(node, "command_title", "")
        for action in actions_of(own_bindings(type(node))):
            if not is_offered(action, node.app):
                continue
            if action.is_of_desk or screen.is_modal:
                found.setdefault((action.id, title), (action, node))
    ranked = sorted(found.items(), key=lambda each: each[1][0].rank)
    for (_, title), (action, node) in ranked:
        purpose = action.purpose if action.is_of_desk else ""
        words = ": ".join(filter(None, (purpose, title, action.meaning)))
        yield SystemCommand(
            f"{words}  ({action.spelled(keymap)})",
            action.id,
            partial(node.app.run_action, action.run, node),
        )


def _nodes(screen: Screen[object]) -> list[DOMNode]:
    """Return a screen's nodes, those of the focus first, one that is hidden last."""
    children = list(screen.walk_children())
    if screen.is_modal:
        focused = [screen.focused] if screen.focused is not None else []
        return [screen, *focused, *children]
    focus = screen.focused
    chain = focus.ancestors_with_self if focus is not None else []
    return sorted(
        [*chain, screen.app, screen, *children], key=lambda node: not _is_shown(node)
    )


def _is_shown(node: DOMNode) -> bool:
    return all(parent.display for parent in node.ancestors_with_self)
