"""Text from strangers, made visible and harmless.

Every string a server sends passes one of these on its way to a terminal; what is
stored and saved stays exact (design note, "A line's way"). All three are pure:

- `clean` for names, ids, errors and titles: one line of printable text;
- `printable_line` for a log message as plain text;
- `parse_ansi` for a log message with its colours as spans.

A control character shows as its picture (ESC as ``␛``), an invisible one that
moves, hides or reorders text as its number (``⟨U+202E⟩``), a lone surrogate as
U+FFFD. The selectors U+FE0E and U+FE0F are dropped: terminals disagree on the width
they give the character before.
"""

from __future__ import annotations

from chronotui.core.ansi import Colour, Span, StyleSpec, split_styles
from chronotui.core.harmless import harmless

__all__ = ["Colour", "Span", "StyleSpec", "clean", "parse_ansi", "printable_line"]

TAB_COLUMNS = 8
"""Columns between tab stops."""


def clean(text: str) -> str:
    """Return one line of printable text, tabs as spaces.

    Cleaning twice gives what cleaning once gave.
    """
    if text.isascii() and text.isprintable():
        return text
    return harmless(text).expandtabs(TAB_COLUMNS)


def printable_line(message: str) -> str:
    """Return a message for a terminal, without colours: the text of `parse_ansi`."""
    if message.isascii() and message.isprintable():
        return message
    return parse_ansi(message)[0].expandtabs(TAB_COLUMNS)


def parse_ansi(message: str) -> tuple[str, tuple[Span, ...]]:
    """Return a message as shown, and the styles its program gave it.

    Of a progress bar redrawn by carriage returns the last state that is not empty
    is shown, in the colours the states before it left on; line ends at the end of
    the message are not shown. Sequences other than colours become visible text.
    Tabs stay, for the one who knows the columns.

    Returns:
        The text, free of control characters but tabs, and spans in order that do not
        overlap; stretches without a style have no span.
    """
    if message.isascii() and message.isprintable():
        return message, ()
    return split_styles(message)
