"""Calling somebody to a terminal: the bell, its title, a notification (OSC 9).

What is around us decides how. The bell and a title are a multiplexer's own affair: tmux
and screen hand on what their user wants of them. A notification goes through them
wrapped. It is sent where a terminal is known to have them: others would show its text,
or take its first digits for a command.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from chronotui.text import clean
from chronotui.ui.term.clipboard import way_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chronotui.storage.settings import AlertSettings
    from chronotui.ui.term.clipboard import WayOut

BELL: Final = "\a"

KEEP_TITLE: Final = "\x1b[22;2t"
"""Has the terminal remember the title it has."""

RESTORE_TITLE: Final = "\x1b]2;\a\x1b[23;2t"
"""Takes ours away, where none was remembered, and gives back the one before."""

MOST_TITLE: Final = 120
MOST_TEXT: Final = 240

_PROGRAMS: Final = frozenset({"iTerm.app", "WezTerm", "ghostty", "rio"})
_TERMINALS: Final = ("xterm-kitty", "xterm-ghostty", "foot", "wezterm", "rio")
_MARKS: Final = (
    "KITTY_WINDOW_ID",
    "WEZTERM_PANE",
    "ITERM_SESSION_ID",
    "GHOSTTY_BIN_DIR",
)
"""What terminals with notifications leave in the environment; tmux keeps that."""

_WITHOUT_TITLE: Final = frozenset({"", "dumb", "linux"})


def has_notifications(environ: Mapping[str, str]) -> bool:
    """Whether the terminal is known to show a notification for OSC 9."""
    if environ.get("TERM_PROGRAM") in _PROGRAMS:
        return True
    if environ.get("LC_TERMINAL") == "iTerm2":  # it goes along through ssh
        return True
    if environ.get("TERM", "").startswith(_TERMINALS):
        return True
    return any(environ.get(name) for name in _MARKS)


def title(text: str) -> str:
    """Return what sets the terminal's title; keep the old one first."""
    return f"\x1b]2;{_cut(text, MOST_TITLE)}\a"


def notification(text: str, way: WayOut) -> str:
    """Return what shows a notification, wrapped for whoever is around us."""
    said = _cut(text, MOST_TEXT)
    if re.match(r"\d+(;|$)", said):
        said = f" {said}"  # some take a number in front for a command
    return way.wrapped(f"\x1b]9;{said}\a")


def _cut(text: str, most: int) -> str:
    said = clean(text)
    return said if len(said) <= most else f"{said[: most - 1]}…"


class TerminalCall:
    """Calls somebody to one terminal, as configured and as it can be called.

    Args:
        settings: Which ways are wanted.
        environ: The environment; it says what is around us.

    Attributes:
        way: What stands between us and the terminal.
        has_title: Whether the terminal shows a title of ours.
    """

    def __init__(self, settings: AlertSettings, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self.way = way_out(environ, "")
        self._takes_title = environ.get("TERM", "") not in _WITHOUT_TITLE
        self._has_notifications = has_notifications(environ)
        self.has_title = False

    def call(self, headline: str, sentences: Iterable[str]) -> str:
        """Return what is to be written for alerts."""
        written = BELL if self._settings.bell else ""
        if self._settings.title and self._takes_title:
            written += "" if self.has_title else KEEP_TITLE
            written += title(headline)
            self.has_title = True
        if self._settings.osc9 and self._has_notifications:
            written += "".join(notification(each, self.way) for each in sentences)
        return written

    def restored(self) -> str:
        """Return what gives the terminal its title back; "" where it has it."""
        had, self.has_title = self.has_title, False
        return RESTORE_TITLE if had else ""
