"""A terminal's pen: where it is, how it writes, and what changing that costs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORT_COLOUR, LONG_COLOUR = 3, 5
"""Parameters of a colour by number and of one by red, green and blue."""

_FLAGS: Final = frozenset(map(str, (1, 2, 3, 4, 5, 7, 8, 9, 21, 51, 52, 53)))


Run = tuple[int, int, str | None]
"""Row and column of a text; None: from there to the row's end is erased."""


class Pen:
    """Writes cells and remembers place and style, so that each is said once."""

    def __init__(self, *, erases_in_colour: bool) -> None:
        self.erases_in_colour = erases_in_colour
        self._out: list[str] = []
        self._style = ""
        self._at: tuple[int, int] | None = None

    def move(self, x: int, y: int) -> None:
        """Go to a cell, counted from 0."""
        if self._at == (x, y):
            return
        there = f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H"
        if self._at is not None and self._at[1] == y and self._at[0] < x:
            on = f"\x1b[{x - self._at[0]}C"
            there = min(on, there, key=len)
        self._out.append(there)
        self._at = (x, y)

    def style(self, style: str) -> None:
        """Change to a style, if it is not in force."""
        if style != self._style:
            self._out.append(change_of_style(self._style, style))
            self._style = style

    def text(self, text: str) -> None:
        """Write text of one cell a character in the style in force."""
        self._out.append(text)
        if self._at is not None:
            self._at = (self._at[0] + len(text), self._at[1])

    def runs(self, style: str, runs: Iterable[Run]) -> None:
        """Write runs of one style, of cells of one character each."""
        for y, x, text in runs:
            self.move(x, y)
            self.style(style)
            if text is None:
                self.control("\x1b[K")
            else:
                self.text(text)

    def control(self, written: str) -> None:
        """Write what leaves the pen nobody knows where."""
        self._out.append(written)
        self._at = None

    def finish(self) -> str:
        """Return all that was written, with the terminal's own style restored."""
        self.style("")
        return "".join(self._out)


class Look(NamedTuple):
    """An SGR parameter string taken apart; a colour is its parameters."""

    flags: frozenset[str]
    foreground: str
    background: str


@lru_cache(4096)
def change_of_style(old: str, new: str) -> str:
    """Return the shortest writing that changes one style into another."""
    sgr, _, link = new.partition("\x1b")
    old_sgr, _, old_link = old.partition("\x1b")
    written = "\x1b]8;;\x1b\\" if old_link and old_link != link else ""
    written += _change_of_sgr(old_sgr, sgr)
    return written + "\x1b" + link if link and link != old_link else written


def _change_of_sgr(old: str, new: str) -> str:
    if old == new:
        return ""
    whole = f"\x1b[0;{new}m" if new and old else f"\x1b[{new}m"
    before, after = _look(old), _look(new)
    if before is None or after is None or not before.flags <= after.flags:
        return whole
    added = sorted(after.flags - before.flags)
    for was, becomes in zip(before[1:], after[1:], strict=True):
        if was and not becomes:
            return whole
        if was != becomes:
            added.append(becomes)
    return min(f"\x1b[{';'.join(added)}m", whole, key=len) if added else ""


@lru_cache(1024)
def _look(sgr: str) -> Look | None:
    """Take a parameter string apart; None when it says more than is known here."""
    words = sgr.split(";") if sgr else []
    flags, colours = set(), {"3": "", "4": ""}
    at = 0
    while at < len(words):
        word = words[at]
        size = 1
        if word in {"38", "48"}:
            size = LONG_COLOUR if words[at + 1 : at + 2] == ["2"] else SHORT_COLOUR
            colours[word[0]] = ";".join(words[at : at + size])
        elif word in _FLAGS:
            flags.add(word)
        elif len(word) == 2 and word[0] in colours and word[1] in "01234567":
            colours[word[0]] = word
        elif word[:-1] in {"9", "10"} and word[-1] in "01234567":
            colours["3" if word[0] == "9" else "4"] = word
        else:
            return None
        at += size
    return Look(frozenset(flags), colours["3"], colours["4"])
