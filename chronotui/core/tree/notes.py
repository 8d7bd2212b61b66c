"""The rows below a list: that there is more, that it is read, why it is empty."""

from __future__ import annotations

import textwrap
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.core.text import clean
from chronotui.core.tree.listing import Loading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chronotui.core.tree.listing import Listing

LEAST_NOTE_WIDTH: Final = 12


class NoteKind(Enum):
    """What a note is about."""

    MORE = "more"
    LOADING = "loading"
    PROBLEM = "problem"
    SAID = "said"


class Note(NamedTuple):
    """A note below a list, whole; ``kind`` MORE asks for the next page when seen."""

    kind: NoteKind
    text: str


class NoteLine(NamedTuple):
    """One row of a note; ``first`` tells the row that carries the glyph."""

    note: Note
    text: str
    first: bool


def notes_of(listing: Listing, *, what: str, empty: str) -> list[Note]:
    """Return the notes that end a list.

    Args:
        listing: The list.
        what: What is listed, in the plural, for sentences.
        empty: The sentence when the list is read to its end and holds nothing.
    """
    notes = []
    if listing.problem is not None:
        notes.append(Note(NoteKind.PROBLEM, clean(str(listing.problem))))
    elif listing.looped:
        notes.append(Note(NoteKind.SAID, _looped(what)))
    elif listing.complete:
        if not len(listing):
            notes.append(Note(NoteKind.SAID, empty))
    elif listing.loading is Loading.MORE or not listing.answered:
        notes.append(Note(NoteKind.LOADING, f"loading {what}"))
    else:
        notes.append(Note(NoteKind.MORE, "more"))
    return notes


def lines_of(notes: Iterable[Note], width: int) -> list[NoteLine]:
    """Break notes into rows of at most ``width`` cells; 0 breaks nothing."""
    lines: list[NoteLine] = []
    for note in notes:
        parts = [note.text]
        if width:
            parts = textwrap.wrap(note.text, max(width, LEAST_NOTE_WIDTH)) or [""]
        lines += [NoteLine(note, part, at == 0) for at, part in enumerate(parts)]
    return lines


def _looped(what: str) -> str:
    return (
        f"The server hands back the same cursor again and again: there may be more "
        f"{what} than it lets one read."
    )
