"""Keys by action name: what ``[keys]`` may say and what the help lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from textual.binding import Binding, BindingsMap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.binding import BindingType
    from textual.dom import DOMNode

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
