"""Log lines out of JSON, one by one or a whole batch in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec.structs import astuple

from chronotui.api.highlights import split_marks
from chronotui.api.json_bodies import (
    integer,
    loads,
    objects,
    read_object,
    text,
    unreadable,
)
from chronotui.api.stamps import time_ns
from chronotui.model import LogLine, LogPage, SearchPage

if TYPE_CHECKING:
    from collections.abc import Sequence

_SOURCES_KEPT: Final = 1024
_MOST: Final = 2**63 - 1


class _Entry(msgspec.Struct, gc=False):
    """A log object as servers write it; any other shape takes the tolerant way."""

    event_id: str = ""
    timestamp: str = ""
    sequence_num: Annotated[int, msgspec.Meta(ge=0, le=_MOST)] = 0
    stream: str = ""
    message: str = ""


class _Page(msgspec.Struct):
    logs: list[_Entry] = []
    cursor: str = ""
    highlight_token: str = ""


_PAGE: Final = msgspec.json.Decoder(_Page)
_BATCH: Final = msgspec.json.Decoder(list[_Entry])
_ONE: Final = msgspec.json.Decoder(_Entry)


def read_log_page(body: bytes) -> LogPage:
    """Decode a page of retained lines, order as sent.

    Raises:
        UnreadableAnswerError: The page, or a line of it, is broken.
    """
    page = _read_page(body, "the log page")
    return LogPage(_lines(page.logs, retained=True), page.cursor or None)


def read_search_page(body: bytes) -> SearchPage:
    """Decode a page of search hits, the marks turned into ranges.

    Raises:
        UnreadableAnswerError: The page, or a line of it, is broken.
    """
    page = _read_page(body, "the log search")
    found = _lines(page.logs, retained=True)
    split = [split_marks(line.message, page.highlight_token) for line in found]
    lines = tuple(
        line._replace(message=message)
        for line, (message, _) in zip(found, split, strict=True)
    )
    ranges = tuple(ranges for _, ranges in split)
    return SearchPage(lines, ranges, page.cursor or None)


def read_live_lines(batch: Sequence[bytes]) -> tuple[tuple[LogLine, ...], int]:
    """Decode the data of frames that arrived together, in one call if all are whole.

    Returns:
        The lines in order of arrival, and how many frames could not be read.
    """
    try:
        entries = _BATCH.decode(b"[" + b",".join(batch) + b"]")
    except (ValueError, RecursionError):
        return _read_one_by_one(batch)
    if len(entries) != len(batch):
        return _read_one_by_one(batch)
    return _lines(entries, retained=False), 0


def attempt_of(event_id: str) -> int:
    """Return the attempt an event id tells, 0 when it tells none.

    ``log:<job>:<stream>:<n>`` is the first, ``log:<job>:attempt:<k>:<stream>:<n>``
    is number k (wire note "Retained logs").
    """
    source = event_id.rpartition(":")[0]
    known = _attempts.get(source)
    return _first_of_its_source(source) if known is None else known


def _first_of_its_source(source: str) -> int:
    if len(_attempts) >= _SOURCES_KEPT:
        _attempts.clear()
    _attempts[source] = _attempt_of_source(source)
    return _attempts[source]


_attempts: dict[str, int] = {}
"""Attempts by event id without its number: few sources write many lines."""


def _attempt_of_source(source: str) -> int:
    parts = source.split(":")
    if len(parts) < 3 or parts[0] != "log":
        return 0
    if parts[-3:-2] == ["attempt"] and len(parts) >= 5:
        number = parts[-2]
        return int(number[:9]) if number.isascii() and number.isdigit() else 0
    return 1


def _lines(entries: Sequence[_Entry], *, retained: bool) -> tuple[LogLine, ...]:
    """Make lines; each costs about what its JSON cost to decode, so it is kept flat.

    Structs are unpacked in one call, and lines are made past the constructor of
    NamedTuple, which only calls ``tuple.__new__`` itself.
    """
    new = tuple.__new__
    return tuple(
        [
            new(
                LogLine,
                (attempt_of(source), number, stream, time_ns(time), said, source,
                 retained),
            )
            for source, time, number, stream, said in map(astuple, entries)
        ]
    )  # fmt: skip


def _read_page(body: bytes, what: str) -> _Page:
    try:
        return _PAGE.decode(body)
    except (ValueError, RecursionError):
        pass
    answer = read_object(body, what)
    try:
        entries = [_tolerant(entry) for entry in objects(answer, "logs", what)]
    except ValueError as error:
        raise unreadable(what, str(error)) from None
    return _Page(entries, text(answer, "cursor"), text(answer, "highlight_token"))


def _read_one_by_one(batch: Sequence[bytes]) -> tuple[tuple[LogLine, ...], int]:
    entries: list[_Entry] = []
    for data in batch:
        try:
            entries.append(_read_one(data))
        except ValueError:
            continue
    return _lines(entries, retained=False), len(batch) - len(entries)


def _read_one(data: bytes) -> _Entry:
    try:
        return _ONE.decode(data)
    except (ValueError, RecursionError):
        return _tolerant(loads(data))


def _tolerant(entry: object) -> _Entry:
    """Read a log object whose unimportant fields may be of any shape.

    Raises:
        ValueError: Its message or its number cannot be told.
    """
    if not isinstance(entry, dict):
        raise ValueError("a log line is no object")  # noqa: TRY004
    message = entry.get("message")
    if message is not None and not isinstance(message, str):
        raise ValueError("a message is no text")
    number = integer(entry, "sequence_num")
    if number is None and entry.get("sequence_num") not in (None, ""):
        raise ValueError("a sequence number is no number")
    if number is not None and not 0 <= number <= _MOST:
        raise ValueError("a sequence number is out of range")
    return _Entry(
        text(entry, "event_id"),
        text(entry, "timestamp"),
        number or 0,
        text(entry, "stream"),
        message or "",
    )
