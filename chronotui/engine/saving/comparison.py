"""A recording against the server's own download, line by line, in constant memory.

The order within one number is ignored (design note, invariant 2). Both sides are
walked in step; what one side has and the other has not yet had waits in a table that
is empty whenever they agree, so memory follows the difference and not the log.

A server may write the attempts of a retried job side by side, by number alone (wire
note "Retained logs"), or one after the other; a recording is always the latter. Its
notes are then walked in both orders at once, until one of them is seen to be wrong.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from chronotui.core.raw_entries import RawEntries
from chronotui.engine.saving.notebook import Note, digest, note_of
from chronotui.engine.saving.request import count_of_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.engine.saving.notebook import Notebook

_NAMED: Final = 3

MOST_WAITING: Final = 100_000
"""Lines an order may be apart from the server's before another one is preferred."""

Key: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """How a recording and the server's file differ.

    ``only_ours`` and ``only_theirs`` count lines; the examples name a few of them.
    ``out_of_order_at`` is the first number where the same lines stand in another
    order. ``ends_early`` says that the server's file is the recording's beginning.
    """

    only_ours: int = 0
    only_theirs: int = 0
    our_examples: tuple[str, ...] = ()
    their_examples: tuple[str, ...] = ()
    out_of_order_at: int | None = None
    ends_early: bool = False

    @property
    def lines(self) -> int:
        """How many lines differ."""
        return self.only_ours + self.only_theirs

    @property
    def is_none(self) -> bool:
        """Whether there is none."""
        return not self.lines and self.out_of_order_at is None

    def sentence(self) -> str:
        """Say exactly what differs."""
        parts = []
        if self.only_ours:
            parts.append(
                f"{count_of_lines(self.only_ours)} only in the recording "
                f"({', '.join(self.our_examples)})"
            )
        if self.only_theirs:
            parts.append(
                f"{count_of_lines(self.only_theirs)} only in the server's file "
                f"({', '.join(self.their_examples)})"
            )
        if not parts:
            parts.append(
                f"the same lines in another order from number {self.out_of_order_at:,}"
            )
        return " and ".join(parts)


class Comparison:
    """Compares a recording with a body as it arrives.

    Args:
        notebook: The recording's notes.
        by_text: Whether the body is text, which tells messages and nothing else.
    """

    def __init__(self, notebook: Notebook, *, by_text: bool) -> None:
        orders = (False, True) if notebook.attempts > 1 else (False,)
        self._walks = [
            _Walk(
                notebook.notes(as_text=by_text, interleaved=interleaved),
                by_text=by_text,
                interleaved=interleaved,
            )
            for interleaved in orders
        ]

    def take(self, note: Note, name: str = "") -> None:
        """Take one line of the server's file.

        Args:
            note: What is known of it.
            name: What it is called in a sentence, by default its number.
        """
        for walk in self._walks:
            walk.take(note, name)
        if len(self._walks) > 1:
            self._walks.sort(key=_Walk.waiting)
            if self._walks[-1].waiting() > MOST_WAITING:
                self._walks.pop()

    def finish(self) -> Difference:
        """Return the difference, once the body has ended."""
        found = [walk.finish() for walk in self._walks]
        return min(found, key=lambda each: (not each.is_none, each.lines))


class _Walk:
    """Walks the notes in one order, in step with the body."""

    def __init__(
        self, ours: Iterator[Note], *, by_text: bool, interleaved: bool
    ) -> None:
        self._ours = ours
        self._by_text = by_text
        self._interleaved = interleaved
        self._only_ours: Counter[Key] = Counter()
        self._only_theirs: Counter[Key] = Counter()
        self._names: dict[Key, str] = {}
        self._place: tuple[int, int] | None = None
        self._disorder: int | None = None

    def waiting(self) -> int:
        """Return how many lines one side has had and the other has not."""
        return len(self._only_ours) + len(self._only_theirs)

    def take(self, note: Note, name: str) -> None:
        """Take one line of the server's file."""
        ours = next(self._ours, None)
        if ours is not None:
            self._pass_boundary(ours)
        key = self._key(note)
        self._settle(key, self._only_ours, self._only_theirs, name or _name(note))
        if ours is not None:
            self._take_ours(ours)

    def _pass_boundary(self, note: Note) -> None:
        """Where a number ends, what both sides have had must be the same."""
        attempt = 0 if self._interleaved else note.attempt
        place = (attempt, note.sequence_num)
        if place == self._place:
            return
        apart = self._only_ours and self._only_theirs
        if apart and self._disorder is None and self._place is not None:
            self._disorder = self._place[1]
        self._place = place

    def _take_ours(self, note: Note) -> None:
        key = self._key(note)
        self._settle(key, self._only_theirs, self._only_ours, _name(note))

    def _key(self, note: Note) -> Key:
        """Return what a line is told by; one without event id knows no attempt."""
        if self._by_text:
            return (note.message,)
        return (note.sequence_num, note.stream, note.message)

    def _settle(
        self, key: Key, awaited: Counter[Key], here: Counter[Key], name: str
    ) -> None:
        left = awaited[key]
        if not left:
            here[key] += 1
            self._names[key] = name
        elif left > 1:
            awaited[key] = left - 1
        else:
            del awaited[key], self._names[key]

    def finish(self) -> Difference:
        """Return the difference, once the body has ended."""
        early = not self.waiting()
        for note in self._ours:
            self._take_ours(note)
        ours, theirs = self._only_ours, self._only_theirs
        return Difference(
            ours.total(),
            theirs.total(),
            self._examples(ours),
            self._examples(theirs),
            None if ours or theirs else self._disorder,
            ends_early=early and bool(ours) and self._disorder is None,
        )

    def _examples(self, lines: Counter[Key]) -> tuple[str, ...]:
        return tuple(self._names[key] for key in list(lines)[:_NAMED])


def _name(note: Note) -> str:
    attempt = f"try {note.attempt} " if note.attempt > 1 else ""
    return f"{attempt}number {note.sequence_num:,}"


class EntryBody:
    """A jsonl body: a line is told by its number, stream and message."""

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison
        self._entries = RawEntries()

    def take(self, piece: bytes) -> None:
        """Compare the lines that are whole by now."""
        for entry in self._entries.feed(piece):
            if entry.message_raw is not None:
                self._comparison.take(note_of(entry.line()))

    def finish(self) -> bytes:
        """Take over what is left; a last line without its end is none."""
        return b""


class TextBody:
    """A text body: a line is told by what it says."""

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison
        self._rest = b""
        self._lines = 0

    def take(self, piece: bytes) -> None:
        """Compare the lines that are whole by now."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._compare(line)

    def _compare(self, line: bytes) -> None:
        self._lines += 1
        self._comparison.take(Note(0, 0, b"", digest(line)), f"line {self._lines:,}")

    def finish(self) -> bytes:
        """Compare a last line without its end."""
        if self._rest:
            self._compare(self._rest)
        return b""
