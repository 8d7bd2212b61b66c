"""Kinds of lines: what is left of a line once its values are taken out.

Two runs of a job are compared by what their lines say, whatever numbers, ids, times and
paths are in them. A kind is a pure function of one line. Miners of templates (Drain,
Spell, IPLoM) find kinds by likeness among the lines seen so far: better where values
are plain words, but what a line belongs to then depends on what came before it, so
that two logs read apart have no kinds in common, an early error can change where a
later one belongs, and each line is compared with others. Here a line's kind is the
same in every log, and most lines cost a look into a table: all runs of digits are
made one digit, a block at a time, before lines are told apart.
"""

from __future__ import annotations

import json
import re
from array import array
from collections import Counter
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.log.finders import Hits
from chronotui.log.pattern import searched_bytes, searched_message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chronotui.log.block import Block

MOST_KINDS: Final = 20_000
"""Kinds of a log that are told apart; lines of further ones are counted together."""

MOST_READ: Final = 600
"""Bytes of a line, its digits made one, that its kind is told by."""

MOST_JSON: Final = 1 << 14
"""As much of a line is read if it is JSON."""

MOST_KNOWN: Final = 16 << 20
"""Bytes of lines whose kind is remembered."""

LINES_A_LOOK: Final = 256
"""Lines whose kind is told between two looks at the clock."""

MOST_WORDS: Final = 50_000
MOST_WORD: Final = 200
"""Words that are remembered, and bytes of one."""

NUMBER: Final = b"#"
QUOTED: Final = b"\xe2\x80\xa6"
PATH: Final = b"/" + QUOTED

_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")

_MESSAGES: Final = ("msg", "message", "event", "text", "log")
_REASONS: Final = ("err", "error", "exception", "reason", "cause", "error_message")
_LEVELS: Final = ("level", "severity", "lvl", "levelname", "log.level")


@cache
def _identifier() -> re.Pattern[bytes]:
    """An id in a word whose runs of digits are ``0``; no escape of JSON is one."""
    hexes = rb"[0a-f]{1,64}|[0A-F]{1,64}"
    return re.compile(
        # UUIDs and hexadecimal numbers,
        rb"(?<![\w\\])(?:(?:%b)(?:-(?:%b)){4}|0x[0a-fA-F]+"
        rb"|(?=[a-f]{0,64}0[0a-f]|[A-F]{0,64}0[0A-F]|[a-fA-F]{1,64}0(?!\w))(?:%b)"
        # and digits among letters more than once.
        rb"|[A-Za-z_]{0,32}0[A-Za-z_]{1,32}+0[0A-Za-z_]*+)(?!\w)"
        % (hexes, hexes, hexes)
    )


@cache
def _value() -> re.Pattern[bytes]:
    """A value in a line whose numbers and ids are ``0``, as one of its groups."""
    units = rb"ns|us|\xc2\xb5s|ms|s|sec|secs|seconds?|m|mins?|minutes?|h|hours?|d|days?"
    sizes = rb"[kKMGTP]i?B|B|bytes?"
    return re.compile(
        # A text that is the message itself is read as one.
        rb'(?P<kept>\b(?:msg|message|err|error|reason|event|detail)=")'
        # "…" or '…', not the apostrophe of a word.
        rb"|(?P<quoted>(?<![\w\"'])(?:\"[^\"]*+\"|'[^']*+'(?!\w)))"
        rb"|(?P<path>(?<![\w.>)\]])(?:[a-z][a-z0+.-]{0,15}:/)?(?:~|\.{1,2})?/"
        rb"[^\s\"'<>,;()\[\]]+)"
        # Numbers, times, dates, addresses and spans, with their unit.
        rb"|(?P<number>(?<!\w)0(?:[.,:/T_xe+-]{0,2}0)*+(?:Z|%%| ?(?:%b|%b))?(?!\w))"
        rb"|(?P<digits>0)" % (units, sizes)
    )


_PLACEHOLDERS: Final = {
    "quoted": QUOTED,
    "path": PATH,
    "number": NUMBER,
    "digits": NUMBER,
}


def _placeholder(match: re.Match[bytes]) -> bytes:
    return _PLACEHOLDERS.get(match.lastgroup or "") or match[0]


def digits_as_one(text: bytes | bytearray) -> bytes:
    """Return a text with each run of digits as one ``0``."""
    text = text.translate(_DIGITS)
    for run in (b"0" * 16, b"0000", b"00"):
        while run in text:
            text = text.replace(run, b"0")
    return bytes(text)


def kind_of(message: str) -> str:
    """Return the kind of one message."""
    (line,) = _lines_of(searched_message(message).replace("\n", " "))
    words = map(without_ids, line.split(b" "))
    return _read(kind_of_line(b" ".join(words)))


def _read(kind: bytes) -> str:
    return kind.decode("utf-8", "surrogateescape")


def _written(kind: str) -> bytes:
    return kind.encode("utf-8", "surrogateescape")


def kind_of_line(line: bytes) -> bytes:
    """Return the kind of a line without ids, of ``MOST_JSON`` bytes at most."""
    if line[:1] == b"{":
        fields = _object(line)
        if fields is not None:
            return _kind_of_object(fields)
    return _value().sub(_placeholder, line[:MOST_READ])


def without_ids(word: bytes) -> bytes:
    """Return a word, its digits made one, with ``0`` for each id in it."""
    if len(word) > 2 and b"0" in word:
        return _identifier().sub(b"0", word)
    return word


def _object(line: bytes) -> Mapping[str, object] | None:
    try:
        value = json.loads(_escaped().sub(b"?", line).decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


@cache
def _escaped() -> re.Pattern[bytes]:
    """An escape of JSON whose digits were made one."""
    return re.compile(rb"\\u[0-9a-fA-F]{1,4}")


def _kind_of_object(fields: Mapping[str, object]) -> bytes:
    """Return level, message and reason of a line of JSON; its keys without them.

    Also the names of fields that complain and are not empty: ``missing``, ``errors``.
    """
    level, message, reason = (
        next((fields[key] for key in keys if fields.get(key)), None)
        for keys in (_LEVELS, _MESSAGES, _REASONS)
    )
    if message is None and reason is None:
        named = (f"{key}={_spoken(fields[key])}" for key in sorted(fields))
        words = "{" + " ".join(named) + "}"
    else:
        said = [_spoken(each) for each in (level, message, reason) if each is not None]
        said += sorted(
            key for key, value in fields.items() if _is_complaint(key, value)
        )
        words = ": ".join(said)
    return _value().sub(_placeholder, words.encode("utf-8", "replace")[:MOST_READ])


def _is_complaint(key: str, value: object) -> bool:
    """Whether a field names what is wrong; of numbers nobody knows, all being one."""
    is_told = bool(value) and not isinstance(value, int | float | str)
    return is_told and _complaints().search(key) is not None


@cache
def _complaints() -> re.Pattern[str]:
    return re.compile(
        r"(?i)fail|error|missing|absent|reject|invalid|lost|skipped|mismatch|differ"
        r"|duplicate|unknown|unmatched|denied|conflict|warning"
    )


def _spoken(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


class _Words(dict[bytes, bytes]):
    """Words without ids; those that have none are remembered."""

    def __missing__(self, word: bytes) -> bytes:
        reduced = without_ids(word)
        if reduced == word and len(word) < MOST_WORD:
            if len(self) >= MOST_WORDS:
                self.clear()
            self[word] = reduced
        return reduced


class _KindTable(dict[bytes, int]):
    """The number of a line's kind by the line, its digits made one.

    A line that is not known for its ids is looked for without them. Kinds beyond the
    ``most`` are all of that number.
    """

    def __init__(self, numbers: dict[bytes, int], most: int) -> None:
        super().__init__()
        self._numbers = numbers
        self._most = most
        self._words = _Words()
        self._size = 0

    def __missing__(self, line: bytes) -> int:
        reduced = b" ".join(map(self._words.__getitem__, line.split(b" ")))
        number = self.get(reduced)
        if number is None:
            number = self._number_of(kind_of_line(reduced))
            self._keep(reduced, number)
        if reduced != line:
            self._keep(line, number)
        return number

    def _number_of(self, kind: bytes) -> int:
        number = self._numbers.get(kind)
        if number is None:
            number = min(len(self._numbers), self._most)
            if number < self._most:
                self._numbers[kind] = number
        return number

    def _keep(self, line: bytes, number: int) -> None:
        self._size += len(line) + 100
        if self._size > MOST_KNOWN:
            self.clear()
            self._size = len(line)
        self[line] = number


class Seen(NamedTuple):
    """What a log has of a kind; ``first`` counts its lines from 0."""

    lines: int
    first: int


class Kinds:
    """The kinds of the lines of one log, taken block by block in order.

    Attributes:
        seen: What there is of each kind, by the kind's text.
        others: Lines of kinds beyond ``MOST_KINDS``.
        lines: All lines taken.
    """

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._table = _KindTable(self._numbers, MOST_KINDS)
        self._counts: Counter[int] = Counter()
        self._first: dict[int, int] = {}
        self._order = array("H")
        self.lines = 0

    @property
    def others(self) -> int:
        return self._counts[MOST_KINDS]

    def take(self, block: Block) -> list[int]:
        """Take the lines of a block that come next.

        Returns the indexes in it of lines that are the first of their kind.
        """
        found = list(map(self._table.__getitem__, _lines(block, 0)))
        start, self.lines = self.lines, self.lines + len(found)
        self._counts.update(found)
        self._order.extend(found)
        new = self._counts.keys() - self._first.keys() - {MOST_KINDS}
        firsts = {number: found.index(number) for number in new}
        self._first.update((number, start + at) for number, at in firsts.items())
        return sorted(firsts.values())

    def first_like(self, at: int) -> int | None:
        """Return the first line of the kind of a line; None for a kind left out."""
        return self._first.get(self._order[at])

    @property
    def seen(self) -> dict[str, Seen]:
        counts, first = self._counts, self._first
        return {
            _read(kind): Seen(counts[number], first[number])
            for kind, number in self._numbers.items()
        }


class KnownKinds:
    """The kinds of one log; finds the lines of another that are of none of them.

    Args:
        kinds: As `Kinds.seen` has them.
    """

    def __init__(self, kinds: Iterable[str]) -> None:
        numbers = {_written(kind): number for number, kind in enumerate(kinds)}
        self._unknown = len(numbers)
        self._table = _KindTable(numbers, self._unknown)

    def find(self, block: Block, start: int, deadline: float, /) -> Hits:
        lines = _lines(block, start)
        number_of, unknown = self._table.__getitem__, self._unknown
        found: list[int] = []
        for done in range(0, len(lines), LINES_A_LOOK):
            numbers = map(number_of, lines[done : done + LINES_A_LOOK])
            first = start + done
            found += [
                at for at, number in enumerate(numbers, first) if number == unknown
            ]
            if perf_counter() >= deadline:
                return Hits(found, min(first + LINES_A_LOOK, len(block)))
        return Hits(found, len(block))

    def has(self, message: str) -> bool:
        """Whether a message is of one of the kinds."""
        (line,) = _lines_of(searched_message(message).replace("\n", " "))
        return self._table[line] != self._unknown


def _lines(block: Block, start: int) -> list[bytes]:
    """Return lines as kinds are told by: without colours, digits made one."""
    if not block.broken:
        return _cut(digits_as_one(searched_bytes(block, start).text).split(b"\n")[:-1])
    messages = (block.message(number) for number in range(start, len(block)))
    shown = (searched_message(each).replace("\n", " ") for each in messages)
    return _lines_of("\n".join(shown))


def _lines_of(text: str) -> list[bytes]:
    return _cut(digits_as_one(text.encode("utf-8", "surrogatepass")).split(b"\n"))


def _cut(lines: list[bytes]) -> list[bytes]:
    if max(map(len, lines), default=0) > MOST_JSON:
        return [line[:MOST_JSON] for line in lines]
    return lines
