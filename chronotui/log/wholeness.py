"""Whether a downloaded file is the whole log, held against the retained one.

A proxy can end an answer that broke off as if it were complete (WIRE.md, "In front
of it"), and a server that dies between two flushes cuts exactly at a line's end:
nothing in the file shows it. `decide` is the one place that judges, from what the file
holds at its end, how many lines it has, and what the retained log says.
"""

from __future__ import annotations

import json
from collections import Counter
from enum import Enum
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct, field

from chronotui.log.formats import text_bytes
from chronotui.log.json_body import entries_of_body, loads_entry
from chronotui.model import LogLine, RawFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LEAST_MATCHED: Final = 8
"""So many log lines at the end of a text must be those of the retained log: fewer may
stand elsewhere in it, too."""


class Whole(Enum):
    WHOLE = "whole"
    SHORT = "short"
    UNDECIDED = "undecided"
    """What is known tells neither: every line has to be counted in another way."""
    UNVERIFIABLE = "not verifiable"
    """There is nothing to compare with."""


class Numbers(NamedTuple):
    lines: int
    highest: int

    def with_more(self, lines: int, highest: int) -> Numbers:
        return Numbers(self.lines + lines, max(self.highest, highest))

    def missing(self, base: int) -> int:
        """Return how many lines are missing at least.

        A number is skipped only after one that was given twice (WIRE.md, "Retained
        logs"): whole attempts have no fewer lines than numbers.
        """
        return max(0, self.highest + 1 - base - self.lines)


class DownloadFacts(Struct, frozen=True):
    """What is known of a file that ended as HTTP wants it.

    ``lines`` counts log lines, in a text its line ends: a message may have several.
    ``tail`` is the end of the body, as the server sent it, of json a body of its last
    entries; ``size`` is the length of all of it. ``attempts`` are the lines by attempt
    where the file told them.
    """

    raw_format: RawFormat
    lines: int
    size: int
    tail: bytes
    filtered: bool = False
    attempts: Mapping[int, Numbers] = field(default_factory=dict)


class Retained(Struct, frozen=True):
    """What the retained log says under the file's own filter.

    ``newest`` are its last lines, without a gap between them, in the order of a raw
    file; ``is_all`` says that there are no others. Without any line and not all, the
    newest ones cannot be told from the others. ``refused`` says why nothing could be
    read.
    """

    newest: tuple[LogLine, ...] = ()
    is_all: bool = False
    refused: str = ""

    @property
    def base(self) -> int:
        """The number an attempt begins with (DESIGN.md, invariant 4)."""
        current = any(line.event_id or not line.sequence_num for line in self.newest)
        return 0 if current else 1

    def least_lines(self, *, filtered: bool) -> int:
        """Return how many lines a whole file has at least.

        With a filter numbers do not tell: those between belong to other lines.
        """
        counted = len(self.newest) if self.is_all else 0
        if filtered or not self.newest:
            return counted
        highest = max(line.sequence_num for line in self.newest)
        return max(counted, highest + 1 - self.base)


class Wholeness(Struct, frozen=True):
    """What a file was found to be; ``expected`` lines at least, where that is known."""

    answer: Whole
    expected: int | None = None
    why: str = ""


class RawPlace(NamedTuple):
    sequence_num: int
    stream: str
    event_id: str


def raw_place(line: LogLine) -> RawPlace:
    return RawPlace(line.sequence_num, line.stream, line.event_id)


def decide(
    held: DownloadFacts,
    retained: Retained,
    repeats: Callable[[bytes], bool] = lambda _: True,
) -> Wholeness:
    """Tell whether a file is the whole log.

    ``repeats`` tells whether a text stands in the file before its end, too; it is only
    asked of a text that nothing else decides.
    """
    if retained.refused or not retained.newest:
        return _decide_without_lines(held, retained)
    least = retained.least_lines(filtered=held.filtered)
    if not held.lines:
        return Wholeness(Whole.SHORT, least or None)
    if held.raw_format is RawFormat.TXT:
        return _decide_text(held, retained, least, repeats)
    return _decide_entries(held, retained, least)


def _decide_without_lines(held: DownloadFacts, retained: Retained) -> Wholeness:
    if retained.refused:
        return Wholeness(Whole.UNVERIFIABLE, why=retained.refused)
    if not retained.is_all:
        return Wholeness(Whole.UNDECIDED)
    if not held.lines:
        return Wholeness(Whole.WHOLE, 0)
    why = "the retained log shows no line of it"
    return Wholeness(Whole.UNVERIFIABLE, why=why)


def _decide_entries(held: DownloadFacts, retained: Retained, least: int) -> Wholeness:
    """A file whose entries are identified: it ends with the newest line or before."""
    if not reaches(held.raw_format, held.tail, retained.newest):
        retried = len(held.attempts) > 1
        return Wholeness(Whole.SHORT, least if least and not retried else None)
    base = retained.base
    if held.filtered or len(held.attempts) <= 1:
        missing = max(0, least - held.lines)
    else:
        missing = sum(numbers.missing(base) for numbers in held.attempts.values())
    if missing:
        return Wholeness(Whole.UNDECIDED, held.lines + missing)
    return Wholeness(Whole.WHOLE, held.lines)


def reaches(raw_format: RawFormat, tail: bytes, newest: Sequence[LogLine]) -> bool:
    """Whether entries go on to the newest line, or beyond it."""
    end = newest[-1]
    wanted = max((x for x in newest if x[:2] == end[:2]), key=raw_place)
    last = last_place(raw_format, tail)
    if last is not None and last >= raw_place(wanted):
        return True
    if not wanted.event_id or json.dumps(wanted.event_id).encode() not in tail:
        return False
    # A message may be that very id, or hold an entry that has it.
    places = map(_place_of, _entries(raw_format, tail))
    return any(place and place.event_id == wanted.event_id for place in places)


def last_place(raw_format: RawFormat, tail: bytes) -> RawPlace | None:
    """Return the place of a jsonl or json body's last entry, None if unreadable."""
    entries = _entries(raw_format, tail)
    return _place_of(entries[-1]) if entries else None


def _entries(raw_format: RawFormat, tail: bytes) -> list[bytes]:
    """Return the entries at the end of a body; of one that is cut in a list, none."""
    if raw_format is RawFormat.JSONL:
        return tail.rstrip().split(b"\n")
    entries, end = entries_of_body(tail)
    return [tail[each.begin : each.end] for each in entries] if end >= 0 else []


def _place_of(text: bytes) -> RawPlace | None:
    try:
        entry = loads_entry(text)
    except ValueError:
        return None
    if not isinstance(entry, dict) or "message_raw" not in entry:
        return None
    number = entry.get("sequence_num") or 0
    words = entry.get("stream") or "", entry.get("event_id") or ""
    if not isinstance(number, int) or not all(isinstance(word, str) for word in words):
        return None
    return RawPlace(number, *words)


def _decide_text(
    held: DownloadFacts,
    retained: Retained,
    least: int,
    repeats: Callable[[bytes], bool],
) -> Wholeness:
    """A text names no line: its end and its count have to tell.

    Its line ends are no fewer than its log lines, so fewer of them than the retained
    log has lines are too few. An end that may stand elsewhere in the log, too, tells
    nothing, whatever the count: messages of several lines make up for missing ones.
    """
    tail = held.tail if held.tail.endswith(b"\n") else held.tail + b"\n"
    lines = held.lines + (tail is not held.tail)
    is_body = held.size <= len(held.tail)
    if retained.is_all and is_body:
        return _decide_short_text(tail, lines, retained)
    groups = _texts_by_number(retained)
    texts = [text for group in groups for text in group]
    matched = _matched_at_end(tail, groups, is_body=is_body)
    if matched is None:
        return _decide_other_end(held, tail, texts, least)
    if lines < least:
        return Wholeness(Whole.UNDECIDED, least)
    told = matched >= LEAST_MATCHED and not _is_periodic(texts[-matched:])
    if held.filtered or not told:
        return Wholeness(Whole.UNDECIDED)
    if lines > least:
        end = b"\n".join([b"", *texts[-matched:], b""])
        if repeats(end):
            return Wholeness(Whole.UNDECIDED)
    return Wholeness(Whole.WHOLE, lines)


def _decide_short_text(tail: bytes, lines: int, retained: Retained) -> Wholeness:
    """Both the file and the retained log are known to their last line."""
    theirs = Counter(
        part
        for line in retained.newest
        for part in text_bytes(line.message).split(b"\n")
    )
    missing = theirs - Counter(tail[:-1].split(b"\n"))
    expected = max(theirs.total(), lines)
    return Wholeness(Whole.SHORT if missing else Whole.WHOLE, expected)


def _decide_other_end(
    held: DownloadFacts, tail: bytes, texts: Sequence[bytes], least: int
) -> Wholeness:
    """The file ends otherwise: before the newest lines, or after them."""
    lines = held.lines + (not held.tail.endswith(b"\n"))
    end = b"\n".join([b"", *texts, b""])
    found = (b"\n" + tail).rfind(end)
    told = len(texts) >= LEAST_MATCHED and not _is_periodic(texts)
    if found >= 0 and told and not held.filtered:
        after = tail.count(b"\n", found + len(end) - 1)
        if lines - after >= least:
            return Wholeness(Whole.WHOLE, lines)
    if lines < least:
        return Wholeness(Whole.SHORT, least)
    return Wholeness(Whole.UNDECIDED)


def _texts_by_number(retained: Retained) -> list[list[bytes]]:
    """Return the newest messages, those of one number together: their order is free.

    Of the first number there may be more than are known.
    """
    groups = [
        [text_bytes(line.message) for line in lines]
        for _, lines in groupby(retained.newest, key=lambda line: line.sequence_num)
    ]
    return groups if retained.is_all or len(groups) == 1 else groups[1:]


def _matched_at_end(
    tail: bytes, groups: Sequence[Sequence[bytes]], *, is_body: bool
) -> int | None:
    """Return how many messages stand at the end of a text; None if others do.

    Within a group they are in any order. ``is_body`` says that the tail is the whole
    text.
    """
    matched, end = 0, len(tail)
    for group in reversed(groups):
        left = sorted(group, key=len)
        while left:
            if not is_body and end <= len(left[-1]) + 1:
                return matched or None
            text = next((x for x in reversed(left) if _ends_in(tail, end, x)), None)
            if text is None:
                return None
            left.remove(text)
            matched, end = matched + 1, end - len(text) - 1
    return matched


def _ends_in(tail: bytes, end: int, text: bytes) -> bool:
    start = end - len(text) - 1
    if start < 0 or tail[start:end] != text + b"\n":
        return False
    return start == 0 or tail[start - 1 : start] == b"\n"


def _is_periodic(texts: Sequence[bytes]) -> bool:
    """Whether the lines repeat, so that a log cut earlier would end in the same."""
    texts = list(texts)
    return any(
        texts[apart:] == texts[:-apart] for apart in range(1, len(texts) // 2 + 1)
    )
