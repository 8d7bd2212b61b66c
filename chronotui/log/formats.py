"""Log lines as the bytes of a saved file: the registry of save formats.

An entry of `SAVE_FORMATS` is all there is to a format; the command line, the dialog,
the names of files and everything that writes or checks one ask it. The shapes of
``jsonl`` and ``json`` are the server's own (WIRE.md "Raw download"): ``timestamp,
sequence_num, stream, event_id, message_raw`` and, where the message is itself JSON,
``message_json``. Nothing is cleaned here: what is saved is what the server sent.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from msgspec import Struct

from chronotui.model import LogLine, RawFormat
from chronotui.times import format_time_ns, parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


STAMP_DIGITS: Final = 3
"""Of a second, in text: other tools expect just so many."""


class SavedLog(NamedTuple):
    """What a head says of the lines behind it; ``stream`` None is both."""

    job_id: str = ""
    workflow_id: str = ""
    stream: str | None = None
    query: str | None = None


class SaveFormat(Struct, frozen=True, kw_only=True, eq=False):
    """Everything that is known of one format.

    Attributes:
        name: As the command line takes it.
        label: As the dialog offers it.
        says: In the command line's help; formats may share their words.
        extension: The file name's ending, without the dot.
        served: The server's download that is such a file, byte for byte. Without one
            the file is always made, from a jsonl download or from pages.
        encode_lines: Makes the texts of lines.
        encode_entries: Makes those of the entries of a jsonl download (as
            `raw_body.decode_entries` gives them), where it is quicker several as one,
            with separators between them. None where an entry is its own text.
        separator: Stands between lines, where ``ends_lines`` behind the last, too.
        head: What stands before the first line.
        tail: What stands after the last one.
    """

    name: str
    label: str
    says: str
    extension: str
    encode_lines: Callable[[Iterable[LogLine]], list[bytes]]
    encode_entries: Callable[[Sequence[Any]], list[bytes]] | None = None
    served: RawFormat | None = None
    separator: bytes = b"\n"
    ends_lines: bool = True
    head: Callable[[SavedLog], bytes] = lambda _log: b""
    tail: bytes = b""

    def __str__(self) -> str:
        return self.name


def _string(text: str) -> bytes:
    # Lone surrogates cannot be UTF-8; json writes them as escapes.
    try:
        return json.dumps(text, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(text).encode()


_JSON_STARTS: Final = frozenset('{["-0123456789tfn')


def json_value(message: str) -> bytes | None:
    """Return the message as one line of JSON, None where it is not JSON.

    The text is taken over as it stands, so numbers keep every digit and objects
    their key order; line ends between tokens become spaces.
    """
    text = message.strip(" \t\r\n")
    if not text or text[0] not in _JSON_STARTS:
        return None
    import msgspec  # noqa: PLC0415 - core must be cheap to import

    try:
        encoded = text.encode()
        msgspec.json.decode(encoded, type=msgspec.Raw)
        msgspec.json.decode(encoded)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return None
    return encoded.replace(b"\r", b" ").replace(b"\n", b" ")


def _time_text(line: LogLine, digits: int | None = None) -> str:
    return "" if line.time_ns is None else format_time_ns(line.time_ns, digits)


def entry_bytes(line: LogLine) -> bytes:
    """Return one line as a JSON object in the server's shape, without a line end."""
    parts = [
        b'{"timestamp":',
        _string(_time_text(line)),
        b',"sequence_num":%d,"stream":' % line.sequence_num,
        _string(line.stream),
        b',"event_id":',
        _string(line.event_id),
        b',"message_raw":',
        _string(line.message),
    ]
    value = json_value(line.message)
    if value is not None:
        parts += [b',"message_json":', value]
    parts.append(b"}")
    return b"".join(parts)


def text_bytes(message: str) -> bytes:
    """Return a message as the server's txt has it, without a line end."""
    # A lone surrogate is what a server in Go writes as U+FFFD.
    try:
        return message.encode()
    except UnicodeEncodeError:
        return (
            message.encode("utf-16", "surrogatepass")
            .decode("utf-16", "replace")
            .encode()
        )


def timed_bytes(time_text: str, stream: str, message: str) -> bytes:
    """Return ``time [stream] message``; what is absent is ``-``, without a line end."""
    return b"%s [%s] %s" % (
        text_bytes(time_text or "-"),
        text_bytes(stream or "-"),
        text_bytes(message),
    )


@cache
def _in_utc() -> re.Pattern[str]:
    """The stamps of a server in years that a time can have, but for a leap second."""
    return re.compile(
        r"((?:1[7-9]|2[01])\d\d-\d\d-\d\dT\d\d:\d\d:[0-5]\d)(?:\.(\d{1,3})\d*)?Z",
        re.ASCII,
    )


def stamp_text(timestamp: str) -> str:
    """Return a server's RFC 3339 time in UTC with just three digits, so that it sorts.

    "" for what is no time, as `parse_time` sees it.
    """
    match = _in_utc().fullmatch(timestamp)
    if match is not None:
        return f"{match[1]}.{match[2] or '':0<{STAMP_DIGITS}}Z"
    time_ns = parse_time(timestamp)
    return "" if time_ns is None else format_time_ns(time_ns, STAMP_DIGITS)


MOST_KNOWN: Final = 8192
"""Parts of stamps that are remembered; most were seen before."""


class _StampParts(dict[str, str]):
    """What is written for a part of a stamp, which is read with what it lacks."""

    def __init__(self, before: str, after: str, written: slice) -> None:
        super().__init__()
        self._around = (before, after)
        self._written = written

    def __missing__(self, part: str) -> str:
        before, after = self._around
        stamp = f"{before}{part}{after}"
        if _in_utc().fullmatch(stamp) is None:
            raise KeyError(part)
        if len(self) >= MOST_KNOWN:
            self.clear()
        self[part] = text = stamp_text(stamp)[self._written]
        return text


_TO_SECOND: Final = slice(19)
_FROM_SECOND: Final = slice(19, None)
_SECONDS: Final = _StampParts("", "Z", _TO_SECOND)
_FRACTIONS: Final = _StampParts("1970-01-01T00:00:00", "", _FROM_SECOND)


def _timed_entries(entries: Sequence[Any]) -> list[bytes]:
    """Return all entries as one text, where their stamps and messages are as usual."""
    seconds, fractions = _SECONDS, _FRACTIONS
    begin, end = _TO_SECOND, _FROM_SECOND
    try:
        text = "\n".join(
            [
                f"{seconds[(stamp := x.timestamp)[begin]]}{fractions[stamp[end]]}"
                f" [{x.stream or '-'}] {x.message_raw}"
                for x in entries
            ]
        )
        return [text.encode()]
    except (KeyError, TypeError, UnicodeEncodeError):
        return [
            timed_bytes(stamp_text(x.timestamp or ""), x.stream or "", x.message_raw)
            for x in entries
        ]


def _text_entries(entries: Sequence[Any]) -> list[bytes]:
    return [text_bytes("\n".join([x.message_raw for x in entries]))]


def _lines_json(lines: Iterable[LogLine]) -> list[bytes]:
    return [entry_bytes(line) for line in lines]


def _json_head(log: SavedLog) -> bytes:
    values = (log.job_id, log.workflow_id, log.query or "", log.stream or "all")
    return b'{"id":%s,"workflow_id":%s,"filters":{"q":%s,"stream":%s},"logs":[' % tuple(
        map(_string, values)
    )


TXT: Final = SaveFormat(
    name="txt",
    label="txt",
    says="txt as the server gives it",
    extension="txt",
    encode_lines=lambda lines: [text_bytes(line.message) for line in lines],
    encode_entries=_text_entries,
    served=RawFormat.TXT,
)
TXT_TIME: Final = SaveFormat(
    name="txt-time",
    label="txt with time",
    says="txt with time",
    extension="txt",
    encode_lines=lambda lines: [
        timed_bytes(_time_text(line, STAMP_DIGITS), line.stream, line.message)
        for line in lines
    ],
    encode_entries=_timed_entries,
)
JSONL: Final = SaveFormat(
    name="jsonl",
    label="jsonl",
    says="entries",
    extension="jsonl",
    encode_lines=_lines_json,
    served=RawFormat.JSONL,
)
JSON: Final = SaveFormat(
    name="json",
    label="json",
    says="entries",
    extension="json",
    encode_lines=_lines_json,
    served=RawFormat.JSON,
    separator=b",",
    ends_lines=False,
    head=_json_head,
    tail=b"]}",
)

SAVE_FORMATS: Final = (TXT, TXT_TIME, JSONL, JSON)
"""In the order they are offered; the first is the default."""


def save_format(name: str) -> SaveFormat:
    """Return the format of a name.

    Raises:
        KeyError: There is none.
    """
    return {each.name: each for each in SAVE_FORMATS}[name]


class LineEncoder:
    """Turns lines into the bytes of a file: head, batches of lines, tail."""

    def __init__(
        self,
        format: SaveFormat,  # noqa: A002
        log: SavedLog = SavedLog(),  # noqa: B008 - it never changes
    ) -> None:
        self.format = format
        self._log = log
        self._first = True

    def go_on(self) -> None:
        """Write behind lines that are in the file already."""
        self._first = False

    def head(self) -> bytes:
        return self.format.head(self._log)

    def lines(self, lines: Iterable[LogLine]) -> bytes:
        """Return a batch of lines, in the order given."""
        return self.separated(self._joined(self.format.encode_lines(lines)))

    @property
    def keeps_entries(self) -> bool:
        """Whether entries of a jsonl download are written as they came."""
        return self.format.encode_entries is None

    def entries(self, entries: list[Any]) -> bytes:
        """Return entries of a jsonl download, or the texts kept, for `separated`."""
        encode = self.format.encode_entries
        return self._joined(entries if encode is None else encode(entries))

    def _joined(self, texts: list[bytes]) -> bytes:
        if not texts:
            return b""
        form = self.format
        parts = [*texts, b""] if form.ends_lines else [b"", *texts]
        return form.separator.join(parts)

    def separated(self, content: bytes) -> bytes:
        """Return content as it follows what was written: no comma begins it all."""
        if self.format.ends_lines or not self._first or not content:
            return content
        self._first = False
        return content[len(self.format.separator) :]

    def tail(self) -> bytes:
        return self.format.tail
