"""Looking for a pattern in the bytes of a jsonl download; few of them become lines.

A piece of the pattern's own text is looked for in whole blocks; only an entry that has
it is decoded, and matched as everywhere else. The piece is made of characters that JSON
writes in one way, and entries with colours in them, or with letters in another
spelling, are looked at closer: an entry that is left out cannot match.
"""

from __future__ import annotations

import re
from functools import cache
from math import inf
from typing import TYPE_CHECKING, Final

from chronotui.log.attempts import attempt_of
from chronotui.log.finders import pattern_finder
from chronotui.log.line_slice import LineSlice
from chronotui.log.pattern import LineMatcher
from chronotui.log.raw_body import (
    DownloadEnd,
    StampTimes,
    decode_entries,
    judge_jsonl,
)
from chronotui.model import LogLine
from chronotui.text import sgr

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import regex

    from chronotui.log.pattern import Pattern
    from chronotui.log.raw_body import RawEntry

BLOCK_BYTES: Final = 48 << 10
"""Bytes looked through at a time, as they come from the network.

Memory from 128 KiB on is asked of the system anew each time, and cleared by it."""

LOOKED_AT_FIRST: Final = 8
"""Entries at the beginning of a log that tell whether attempts are mixed in it."""

MANY: Final = 16
"""So many entries are searched together."""

FEW: Final = 256
"""So many backslashes of a block are looked at one after the other."""

_ESCAPE: Final = re.compile(rb"\\u00[0-9a-fA-F]{2}")
_FOLDED: Final = re.compile(rb"\\u(?:013[01]|017[fF]|212[aA])")
"""The letters beyond ASCII that are the same as one of it, escaped."""

_COLOUR: Final = re.compile(rb"\\u001[bB]\[[0-9;:]*m")
_KNOWN_ESCAPES: Final = frozenset({b"\\u003c", b"\\u003e", b"\\u0026", b"\\u007f"})
"""Escapes of characters that no needle has."""

_UNSAFE: Final = r"[^ !#$%'()*+,\-.0-9:;=?@A-Z\[\]^_`a-z{|}~]"
_FOLDED_ELSEWHERE: Final = "sSkKiI"
"""Letters that are the same as one beyond ASCII where a regular expression ignores
case."""

_META: Final = frozenset(".^$*+?{}[]()|\\")


def needles_of(pattern: Pattern, *, ascii_only: bool) -> tuple[bytes, ...] | None:
    """Return bytes of which an entry that matches has at least one; None if unknown.

    They are in lower case where the pattern ignores it.

    Args:
        pattern: What is looked for.
        ascii_only: Whether the entries have no characters beyond ASCII.
    """
    if pattern.words:
        if pattern.ignores_case and not all(map(str.isascii, pattern.words)):
            return None
        found = [_longest(re.split(_UNSAFE, word)) for word in pattern.words]
    else:
        found = [_needed(pattern, ascii_only=ascii_only)]
    if not all(found):
        return None
    lower = pattern.ignores_case
    texts = [text.lower() if lower else text for text in found]
    return tuple(dict.fromkeys(text.encode() for text in texts))


def _longest(pieces: Sequence[str]) -> str:
    return max(pieces, key=len, default="")


def _needed(pattern: Pattern, *, ascii_only: bool) -> str:
    """Return a text that every match of an expression has in it; "" if none is known.

    Only expressions without groups and alternatives are looked at.
    """
    expression = pattern.expression
    folds = pattern.ignores_case and not ascii_only
    if any(mark in expression for mark in "|()[]"):
        return ""
    pieces = [""]
    at = 0
    while at < len(expression):
        mark = expression[at]
        if mark == "{":
            end = expression.find("}", at)
            if end < 0:
                return ""
            pieces[-1] = pieces[-1][:-1]
            pieces.append("")
            at = end
        elif mark in "*?+":
            # What is repeated may be absent.
            pieces[-1] = pieces[-1][:-1]
            pieces.append("")
        elif mark == "\\" or mark in _META or not _is_plain(mark, folds=folds):
            pieces.append("")
            at += mark == "\\"
        else:
            pieces[-1] += mark
        at += 1
    return _longest(pieces)


def _is_plain(mark: str, *, folds: bool) -> bool:
    if folds and mark in _FOLDED_ELSEWHERE:
        return False
    return re.match(_UNSAFE, mark) is None


class RawSearch:
    """Finds the lines of a download that match, as its body comes.

    Attributes:
        lines: Entries that came so far.
        is_mixed: Whether it is not the log of one attempt whose numbers begin at 0:
            nothing is looked for then.
    """

    def __init__(self, pattern: Pattern) -> None:
        self._matcher = LineMatcher(pattern)
        self._finder = pattern_finder(pattern, self._matcher)
        self._folds = pattern.ignores_case
        self._words = pattern.words
        if not all(map(str.isascii, pattern.words)):
            self._words = ()
        self._needles = _needles(pattern, ascii_only=False)
        self._needles_of_ascii = _needles(pattern, ascii_only=True)
        self._begun = self._is_dense = False
        self._held: list[bytes] = []
        self._size = 0
        self._enough = BLOCK_BYTES
        self._last_line = b""
        self.lines = 0
        self.is_mixed = False

    @property
    def too_slow(self) -> int:
        """Lines that took too long to match; they count as no match."""
        return self._matcher.too_slow

    @property
    def is_whole(self) -> bool:
        """Whether the body, taken to its end, ends as one that is whole does."""
        is_cut = any(map(bytes.strip, self._held))
        return not is_cut and judge_jsonl(self._last_line).ending is DownloadEnd.WHOLE

    def feed(self, piece: bytes) -> list[RawEntry]:
        """Take the next bytes; return the entries that match in what is whole by now.

        Raises:
            UnreadableAnswerError: An entry is not what it should be.
        """
        self._held.append(piece)
        self._size += len(piece)
        return self.finish() if self._size >= self._enough else []

    def finish(self) -> list[RawEntry]:
        """Return the entries that match in what is left; raises as `feed`."""
        held = b"".join(self._held)
        end = held.rfind(b"\n") + 1
        rest = held[end:]
        self._held, self._size = [rest], len(rest)
        self._enough = max(BLOCK_BYTES, 2 * len(rest))
        return self._found_in(held, end) if end else []

    def _found_in(self, held: bytes, end: int) -> list[RawEntry]:
        """Return the entries that match up to the end of a line."""
        if not self._begun:
            self._begin(held)
        if self.is_mixed:
            return []
        self._last_line = held[held.rfind(b"\n", 0, end - 1) + 1 : end]
        # What is after the end has no end of a line.
        lines = _count(held, b"\n")
        self.lines += lines
        return self._matching(self._candidates(held, end, lines))

    def _begin(self, held: bytes) -> None:
        """Look at the first entries."""
        self._begun = True
        end = 0
        for _ in range(LOOKED_AT_FIRST):
            end = held.find(b"\n", end) + 1 or end
        entries = decode_entries(held[:end])
        attempts = {attempt_of(each.event_id or "") for each in entries}
        self.is_mixed = attempts != {1} or bool(entries[0].sequence_num)

    def _candidates(self, held: bytes, end: int, lines: int) -> bytes:
        """Return the entries that may match, of so many."""
        needles = self._needles
        if needles != self._needles_of_ascii and _is_ascii(held):
            needles = self._needles_of_ascii
        if needles is None or self._is_dense:
            return held[:end]
        escapes = _escapes(held)
        if any(b"2" <= held[at + 4 : at + 5] <= b"7" for at in escapes):
            return held[:end]
        starts: set[int] = set()
        for needle in needles:
            starts.update(_lines_with(held, end, needle))
        coloured = [at for at in escapes if held[at + 4 : at + 5] == b"1" and at < end]
        starts.update(_coloured_with(held, coloured, needles))
        # Then it is cheaper not to choose.
        self._is_dense = len(starts) * 2 > lines
        return b"".join([held[at : held.find(b"\n", at) + 1] for at in sorted(starts)])

    def _matching(self, candidates: bytes) -> list[RawEntry]:
        decoded = decode_entries(candidates)
        entries = [entry for entry in decoded if entry.message_raw is not None]
        text = "\n".join([entry.message_raw for entry in entries])
        if len(entries) < MANY or text.count("\n") != len(entries) - 1:
            matches = self._matcher
            return [entry for entry in entries if matches(entry.message_raw)]
        if self._words and "\r" not in text and (text.isascii() or not self._folds):
            return self._with_words(entries, text)
        text += "\n"
        lines = LineSlice.of_text(text.encode("utf-8", "surrogatepass"), 0)
        found: list[RawEntry] = []
        done = 0
        while done < len(entries):
            hits = self._finder.find(lines.block, done, inf)
            found += [entries[at] for at in hits.indexes]
            done = hits.done
        return found

    def _with_words(self, entries: list[RawEntry], text: str) -> list[RawEntry]:
        """Return the entries that have a word, by the text of their messages.

        Where nearly every one has, this takes half of what the finder does.
        """
        if "\x1b" in text:
            text = sgr().sub("", text)
        first, *others = self._words
        if self._folds:
            text, first = text.lower(), first.lower()
            others = [word.lower() for word in others]
        both = zip(entries, text.split("\n"), strict=True)
        if not others:
            return [entry for entry, message in both if first in message]
        words = (first, *others)
        return [each for each, message in both if any(map(message.__contains__, words))]


class TextSearch:
    """Leaves out lines of text that cannot match, as long as that is most of them."""

    def __init__(self, pattern: Pattern) -> None:
        self._needles = _needles(pattern, ascii_only=False)
        self._needles_of_ascii = _needles(pattern, ascii_only=True)
        self._is_dense = False

    def candidates(self, text: bytes) -> bytes:
        """Return the lines, of whole ones, that may match."""
        needles = self._needles_of_ascii if text.isascii() else self._needles
        if needles is None or self._is_dense:
            return text
        starts: set[int] = set()
        for needle in needles:
            starts.update(_lines_with(text, len(text), needle))
        at = text.find(b"\x1b")
        while at >= 0:  # colours may be in the midst of a needle
            starts.add(text.rfind(b"\n", 0, at) + 1)
            at = text.find(b"\x1b", text.find(b"\n", at))
        # Then it is cheaper not to choose.
        self._is_dense = len(starts) * 2 > _count(text, b"\n")
        if self._is_dense:
            return text
        return b"".join([text[at : text.find(b"\n", at) + 1] for at in sorted(starts)])


class LinesOfEntries:
    """Makes lines of entries that have a message; times are read as they come."""

    def __init__(self) -> None:
        self._times = StampTimes()

    def __call__(self, entries: Sequence[RawEntry]) -> list[LogLine]:
        times = self._times.of([entry.timestamp or "" for entry in entries])
        ids = [entry.event_id or "" for entry in entries]
        return [
            LogLine(
                attempt_of(event_id) or 0,
                entry.sequence_num or 0,
                entry.stream or "",
                time_ns,
                entry.message_raw or "",
                event_id,
            )
            for entry, time_ns, event_id in zip(entries, times, ids, strict=True)
        ]


def _needles(
    pattern: Pattern, *, ascii_only: bool
) -> list[regex.Pattern[bytes]] | None:
    needles = needles_of(pattern, ascii_only=ascii_only)
    if needles is None:
        return None
    return [_compiled(needle, pattern.ignores_case) for needle in needles]


def _is_ascii(held: bytes) -> bool:
    """Whether no letter is one beyond ASCII that ASCII ones are taken for."""
    return held.isascii() and not (b"\\" in held and _FOLDED.search(held))


@cache
def _compiled(needle: bytes, folds: bool) -> regex.Pattern[bytes]:
    """Compile a text, so that a search leaves other threads free, unlike `find`."""
    import regex  # noqa: PLC0415 - only who searches pays for it

    return regex.compile(regex.escape(needle), regex.IGNORECASE if folds else 0)


def _count(block: bytes, mark: bytes) -> int:
    """Count a byte, faster than count(), which looks at every one."""
    return len(block) - len(block.replace(mark, b""))


def _escapes(held: bytes) -> list[int]:
    """Return where characters up to U+00FF are escaped that may matter."""
    found: list[int] = []
    at = held.find(b"\\")
    while at >= 0 and len(found) < FEW:
        found.append(at)
        at = held.find(b"\\", at + 1)
    if at >= 0:
        found = [each.start() for each in _ESCAPE.finditer(held)]
    return [
        at
        for at in found
        if held.startswith(b"\\u00", at)
        and held[at : at + 6].lower() not in _KNOWN_ESCAPES
    ]


def _lines_with(held: bytes, end: int, needle: regex.Pattern[bytes]) -> Iterator[int]:
    """Yield where the lines begin that have a needle, in order."""
    found = needle.search(held, 0, end)
    while found is not None:
        at = found.start()
        yield held.rfind(b"\n", 0, at) + 1
        found = needle.search(held, held.find(b"\n", at), end)


def _coloured_with(
    held: bytes, coloured: Sequence[int], needles: Sequence[regex.Pattern[bytes]]
) -> Iterator[int]:
    """Yield where lines begin that have a needle once their colours are gone."""
    end = 0
    for at in coloured:
        if at < end:
            continue
        start = held.rfind(b"\n", 0, at) + 1
        end = held.find(b"\n", at)
        bare = _COLOUR.sub(b"", held[start:end])
        if any(needle.search(bare) is not None for needle in needles):
            yield start
