"""Texts of strangers in Markdown, where they can neither break out nor be markup.

A name stands in a code span, lines stand in a fence; each is longer than any run of
backticks within. GitHub, Slack and a plain text show them as they are, and nobody is
called by an ``@name`` in them. Words outside are our own; a sentence of ours with a
server's words in it stands there only if nobody can take it for more than words.
"""

from __future__ import annotations

from itertools import count, pairwise
from typing import TYPE_CHECKING, Final

from chronotui.text import clean, printable_line

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST_FENCE: Final = 3
_PLAIN: Final = frozenset(" ,;()/%'✓×–…+-?!")
_BEFORE_A_SPACE: Final = frozenset(".:")
"""Within a word they make a link or a picture of it."""

NOTHING: Final = "–"
"""Stands for a text without anything to show, which no code span can hold."""


def _run_not_in(text: str, least: int) -> str:
    """Return backticks, at least so many, that the text has no such run of."""
    return next(run for size in count(least) if (run := "`" * size) not in text)


def code(text: str) -> str:
    """Return a name or a word of a server as a code span, cleaned."""
    shown = clean(text)
    if not shown.strip():
        return NOTHING
    marks = _run_not_in(shown, 1)
    # One space on both sides is taken away again.
    touches = "`" in (shown[0], shown[-1]) or shown[0] == shown[-1] == " "
    pad = " " if touches else ""
    return f"{marks}{pad}{shown}{pad}{marks}"


def said(sentence: str) -> str:
    """Return a sentence that may have a server's words in it, as code if need be."""
    shown = clean(sentence).strip()
    return shown if _is_plain(shown) else code(shown)


def _is_plain(text: str) -> bool:
    """Whether a text has nothing in it that is markup, a link, a name or a picture."""
    for char, after in pairwise(f"{text} "):
        if char in _BEFORE_A_SPACE:
            if not (after == " " or after.isdigit()):
                return False
        elif not (char.isalnum() or char in _PLAIN):
            return False
    return bool(text)


def fenced(messages: Iterable[str]) -> str:
    """Return messages of a log as a fence, one a line, made harmless.

    Without a word after its marks: not every reader takes that for a language.
    """
    text = "\n".join(map(printable_line, messages))
    marks = _run_not_in(text, LEAST_FENCE)
    return f"{marks}\n{text}\n{marks}"


def document(parts: Iterable[str]) -> str:
    """Return paragraphs and fences as one text; empty ones are left out."""
    return "\n\n".join(filter(None, parts)) + "\n"
