"""What a run did, one entry each: a step, a note, the text it made; as lines.

An entry takes what is told of it in any order and more than once. Titles are cleaned
here, for they stand within lines of ours; errors and text stay as they came.
"""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from chronotui.text import clean
from chronotui.times import elapsed_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from chronotui.model import NodeState, RunNote

GLYPHS: Final = {
    "": "●",
    "running": "●",
    "retry": "↻",
    "paused": "⏸",
    "succeeded": "✓",
    "partial-succeeded": "◐",
    "failed": "✗",
    "exception": "✗",
    "stopped": "■",
}
"""The sign of each state of a step; a state nobody knows is a ``?``."""

FAILURES: Final = frozenset({"failed", "exception"})
_STAGES: Final = {"": 0, "running": 0, "retry": 0, "paused": 1}
_ENDED: Final = 2

INDENT: Final = "  "
DEEPEST: Final = 6
"""Levels of iterations and loops that are indented; a deeper one stands with these."""

MOST_ERROR_LINES: Final = 200
MOST_ERROR_TEXT: Final = 1 << 16
MOST_PAYLOAD: Final = 1 << 20
"""Characters of JSON kept of each field of a step."""

PAYLOADS: Final = ("inputs", "outputs", "process_data")
"""What a snapshot leaves out, and a step is large by."""

NOTE_GLYPHS: Final = {"workflow_paused": "⏸", "human_input_required": "⏸"}


class EventLine(NamedTuple):
    """A line of a run's record.

    Attributes:
        place: Grows in the order lines are shown in; that of a line stays.
        time_ns: Nanoseconds since the epoch, UTC; None where nobody knows.
    """

    place: int
    time_ns: int | None
    text: str
    is_error: bool = False


def nanoseconds(at: datetime | None) -> int | None:
    """Return an aware time in nanoseconds since the epoch."""
    if at is None:
        return None
    return int(at.timestamp()) * 1_000_000_000 + at.microsecond * 1000


def lines_of(text: str) -> list[str]:
    """Return a server's words line by line, of very many the first."""
    lines = text[:MOST_ERROR_TEXT].replace("\r\n", "\n").split("\n")
    is_cut = len(text) > MOST_ERROR_TEXT or len(lines) > MOST_ERROR_LINES
    kept = lines[:MOST_ERROR_LINES]
    while len(kept) > 1 and not kept[-1].strip():
        kept.pop()
    return [*kept, "… cut here"] if is_cut else kept


def stage_of(state: NodeState) -> int:
    """Return how far a step is: 0 runs, 1 waits for a person, 2 has ended."""
    return _STAGES.get(state.status, _ENDED)


def _supersedes(told: NodeState, known: NodeState) -> bool:
    """Whether what is told of a step is newer than, or as new as, what is known.

    Nothing begins again once it has ended; what waited for a person does, under the
    id it had.
    """
    ended, was_ended = stage_of(told) == _ENDED, stage_of(known) == _ENDED
    if ended != was_ended:
        return ended
    if ended and told.is_snapshot != known.is_snapshot:
        return known.is_snapshot
    before, at = known.started_at, told.started_at
    return before is None or at is None or at >= before


def _kept_payload(value: object) -> tuple[object, int]:
    """Return a field of a step as it is kept, and how many characters that takes."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    if len(text) <= MOST_PAYLOAD:
        return value, len(text)
    words = f"(not kept: {len(text):,} characters of JSON)"
    return words, len(words)


class RunStep(Struct):
    """One execution of a node.

    Attributes:
        at: What it is ordered by, nanoseconds since the epoch.
        place: The place of its first line.
        state: What is true of it now.
        fields: The server's words on it; what was told once is not taken back.
        sizes: Characters of JSON that its larger fields take.
        was_live: Whether its end was told as it happened.
    """

    at: int
    place: int
    state: NodeState
    fields: dict[str, object] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    was_live: bool = False

    def take(self, told: NodeState, room: int) -> bool:
        """Take over what is told; False where that changes nothing.

        Args:
            room: Characters that its larger fields may grow by.
        """
        known, had = self.state, len(self.fields)
        newer, older = (told, known) if _supersedes(told, known) else (known, told)
        rounds = [each.round for each in (known, told) if each.round is not None]
        self.state = replace(
            newer,
            title=newer.title or older.title,
            node_type=newer.node_type or older.node_type,
            started_at=newer.started_at or older.started_at,
            elapsed=newer.elapsed if newer.elapsed is not None else _elapsed(older),
            error=newer.error or (older.error if _same_end(newer, older) else ""),
            parent_id=newer.parent_id or older.parent_id,
            round=max(rounds, default=None),
            retries=max(known.retries, told.retries),
            fields={},
        )
        self.keep(told.fields, room, is_newer=newer is told)
        if stage_of(told) == _ENDED and not told.is_snapshot:
            self.was_live = True
        return self.state != known or len(self.fields) != had

    def keep(self, told: Mapping[str, object], room: int, *, is_newer: bool) -> None:
        """Keep the server's words, the larger ones as far as there is room."""
        for name, value in told.items():
            if value is None or (name in self.fields and not is_newer):
                continue
            if name not in PAYLOADS:
                self.fields[name] = value
                continue
            kept, size = _kept_payload(value)
            room += self.sizes.pop(name, 0)
            if size > room:
                kept, size = "(not kept: the run's steps are too large)", 0
            room -= size
            self.sizes[name] = size
            self.fields[name] = kept

    @property
    def size(self) -> int:
        """Characters of JSON that its larger fields take together."""
        return sum(self.sizes.values())

    @property
    def has_ended(self) -> bool:
        return stage_of(self.state) == _ENDED

    @property
    def is_blind(self) -> bool:
        """Whether its end is known by a snapshot alone."""
        return self.has_ended and not self.was_live

    @property
    def is_failure(self) -> bool:
        return self.state.status in FAILURES

    def texts(self, depth: int) -> Iterator[str]:
        """Yield its lines, indented by the depth of what it runs in."""
        state = self.state
        indent = INDENT * min(depth, DEEPEST)
        kind = f" ({clean(state.node_type)})" if state.node_type else ""
        title = clean(state.title or state.node_id or state.id)
        words = [f"{indent}{GLYPHS.get(state.status, '?')} {title}{kind}"]
        if state.status not in GLYPHS:
            words.append(clean(state.status))
        if state.elapsed is not None and stage_of(state):
            words.append(elapsed_text(state.elapsed))
        if state.round is not None:
            words.append(f"round {state.round + 1}")
        if state.retries:
            words.append(f"retry {state.retries}")
        errors = lines_of(state.error) if state.error else []
        yield "  ".join([*words, *errors[:1]])
        for line in errors[1:]:
            yield f"{indent}{INDENT}{line}"


def _elapsed(older: NodeState) -> float | None:
    return older.elapsed if stage_of(older) == _ENDED else None


def _same_end(newer: NodeState, older: NodeState) -> bool:
    """Whether an error told of a step still stands although it is not told again."""
    return newer.status == older.status


class Note(Struct):
    """What was said of the run as a whole.

    Attributes:
        at: What it is ordered by, nanoseconds since the epoch.
        place: The place of its first line.
    """

    at: int
    place: int
    note: RunNote

    @property
    def is_failure(self) -> bool:
        return self.note.is_error

    def texts(self, _depth: int) -> Iterator[str]:
        """Yield its lines."""
        glyph = "✗" if self.note.is_error else NOTE_GLYPHS.get(self.note.kind, "·")
        first, *others = lines_of(self.note.text)
        yield f"{glyph} {first}"
        for line in others:
            yield f"{INDENT}{line}"


MOST_TEXT: Final = 4 << 20
"""Characters of a run's text kept; of more the newest."""

MOST_LINE: Final = 1 << 16
"""Characters of a line of it; a longer one goes on in the next."""


class TextLine(NamedTuple):
    """A line of a run's text, with the time its first character came.

    ``is_whole`` tells one that ended from one that goes on in the next.
    """

    time_ns: int | None
    text: str
    is_whole: bool = True


class TextBlock:
    """The text a run makes, put together from its pieces.

    A server may say again, to a stream opened anew, what it said before: text that
    begins as all of it did is held back until it differs.

    Attributes:
        changed: The first line that is not what it was when this was last set to
            None; None when all are.
        first: The number of the first line kept.
        cut: Characters that came and are not kept.
        replaced: How often the text was replaced by another one.
    """

    def __init__(self) -> None:
        self._lines: deque[TextLine] = deque()
        self.first = 0
        self._size = 0
        self._open: list[str] = []
        self._open_size = 0
        self._open_ns: int | None = None
        self._again: str | None = None
        self._matched = 0
        self.changed: int | None = None
        self.cut = 0
        self.replaced = 0

    def __len__(self) -> int:
        """Return how many lines there were, those not kept among them."""
        return self.first + len(self._lines) + bool(self._open)

    @property
    def whole_lines(self) -> int:
        """How many lines will not change any more."""
        return self.first + len(self._lines)

    def attached(self) -> None:
        """Note that a stream was opened anew."""
        self._again, self._matched = (None if self.cut else self.text() or None), 0

    def replace(self, text: str, now_ns: int | None) -> None:
        """Take a text in the place of all that came before."""
        if text == self.text():
            return
        had = len(self)
        self._lines.clear()
        self._open.clear()
        self.first = self._size = self._open_size = self.cut = 0
        self._again = None
        self.replaced += bool(had)
        self._change(0)
        self._take(text, now_ns)

    def append(self, text: str, now_ns: int | None) -> None:
        """Take a piece, unless it says again what was said before."""
        if self._again is None:
            self._take(text, now_ns)
            return
        known = self._again[self._matched : self._matched + len(text)]
        if not text.startswith(known):
            text, self._again = self._again[: self._matched] + text, None
            self._take(text, now_ns)
            return
        self._matched += len(known)
        if self._matched == len(self._again):
            self._again = None
            self._take(text[len(known) :], now_ns)

    def _take(self, text: str, now_ns: int | None) -> None:
        if not text:
            return
        self._change(self.whole_lines)
        first, *others = text.split("\n")
        self._add(first, now_ns)
        for line in others:
            self._end_line(now_ns, is_whole=True)
            self._add(line, now_ns)
        if self._size > MOST_TEXT:
            self._let_go()

    def _let_go(self) -> None:
        """Give up the oldest lines, so many that this is seldom done."""
        while self._size > MOST_TEXT - MOST_TEXT // 8 and len(self._lines) > 1:
            gone = len(self._lines.popleft().text) + 1
            self._size -= gone
            self.cut += gone
            self.first += 1

    def _add(self, piece: str, now_ns: int | None) -> None:
        while piece:
            if not self._open:
                self._open_ns = now_ns
            part = piece[: MOST_LINE - self._open_size]
            self._open.append(part)
            self._open_size += len(part)
            piece = piece[len(part) :]
            if self._open_size >= MOST_LINE:
                self._end_line(now_ns, is_whole=False)

    def _end_line(self, now_ns: int | None, *, is_whole: bool) -> None:
        text = "".join(self._open)
        began_ns = self._open_ns if self._open else now_ns
        self._lines.append(TextLine(began_ns, text, is_whole))
        self._size += len(text) + 1
        self._open.clear()
        self._open_size = 0

    def _change(self, line: int) -> None:
        self.changed = line if self.changed is None else min(self.changed, line)

    def lines(self, start: int = 0) -> Iterator[tuple[int, TextLine]]:
        """Yield the lines kept from a number on, each with its number."""
        for index in range(max(start - self.first, 0), len(self._lines)):
            yield self.first + index, self._lines[index]
        if self._open and start <= self.whole_lines:
            yield self.whole_lines, TextLine(self._open_ns, "".join(self._open))

    def text(self) -> str:
        """Return the text that is kept, as it came."""
        pieces = (f"{e.text}\n" if e.is_whole else e.text for e in self._lines)
        return "".join([*pieces, *self._open])
