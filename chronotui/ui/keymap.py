"""Keys by action name: what ``[keys]`` may say and what the help lists."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from textual.binding import Binding, BindingsMap

from chronotui.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from textual.binding import BindingType

GROUPS: Final = {
    "app": "Everywhere",
    "desk": "Panes",
    "tree": "Tree",
    "filters": "Filters",
    "log": "Log",
    "details": "Details",
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
            keys = (*known.keys, binding.key) if known else (binding.key,)
            meaning = known.meaning if known else _meaning(binding)
            found[binding.id] = Action(binding.id, meaning, keys)
    return list(found.values())


def _meaning(binding: Binding) -> str:
    return binding.tooltip or binding.description


def checked_keymap(
    keys: Mapping[str, str], actions: Iterable[Action]
) -> dict[str, str]:
    """Return ``[keys]`` as a keymap.

    Raises:
        ConfigError: An action that does not exist; the nearest one is named.
    """
    known = {action.id for action in actions}
    for name in keys:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ConfigError(
                f"[keys] names an action that does not exist: {name!r}.{hint}",
                next_step="Press ? in the desk for the names.",
            )
    return dict(keys)


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
