"""What is printed for the lines of a log: text or JSON, one by one or by the slice."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import repeat
from typing import TYPE_CHECKING

from chronotui.log.formats import STAMP_DIGITS
from chronotui.log.raw_spans import EntrySlice
from chronotui.model import STDERR
from chronotui.times import TimeTexts, UsualStamps, format_time_ns

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from chronotui.cli.output import Output
    from chronotui.engine.retained import Piece
    from chronotui.model import LogLine

    LinePrinter: TypeAlias = Callable[[LogLine], bytes]
    SlicePrinter: TypeAlias = Callable[[Piece], bytes]

_FIELDS = ("attempt", "sequence_num", "stream", "timestamp", "event_id", "message")


def line_printer(form: str, output: Output, *, timestamps: bool) -> LinePrinter:
    """Return what turns a line into the bytes printed for it, line end included.

    Args:
        form: "text" or "jsonl".
        output: On a terminal, all is made harmless and text on stderr coloured;
            into a pipe it is exact.
        timestamps: Whether time and stream stand before the message.
    """
    if form == "jsonl":
        return _shown_entry if output.is_terminal else _entry
    if output.is_terminal:
        return _shown_with(colour=output.has_colour, timestamps=timestamps)
    return _exact_with_time if timestamps else _exact


def is_plain(form: str, output: Output, *, timestamps: bool) -> bool:
    """Tell whether messages are printed as they are, and nothing else."""
    return line_printer(form, output, timestamps=timestamps) is _exact


def slice_printer(form: str, output: Output, *, timestamps: bool) -> SlicePrinter:
    """Return what turns many lines into the bytes `line_printer` makes of each."""
    encode = line_printer(form, output, timestamps=timestamps)
    if encode is _entry:
        return _entries()
    if encode is _exact:
        return _exact_text
    if encode is _exact_with_time:
        return _exact_with_times()
    return lambda piece: b"".join(map(encode, piece.lines()))


def _entry(line: LogLine) -> bytes:
    values = (*line[:3], _time(line), line.event_id, line.message)
    entry = dict(zip(_FIELDS, values, strict=True))
    try:
        text = json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
        return f"{text}\n".encode()
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can carry
        return f"{json.dumps(entry, separators=(',', ':'))}\n".encode()


def _shown_entry(line: LogLine) -> bytes:
    from chronotui.text import clean

    return f"{clean(_entry(line).decode()[:-1])}\n".encode(errors="replace")


def _entries() -> SlicePrinter:
    """Return `_entry` of every line of a slice."""
    import msgspec

    types = (int, int, str, str | None, str, str)
    fields = list(zip(_FIELDS, types, strict=True))
    make = msgspec.defstruct("Entry", fields, gc=False)
    encode, texts = msgspec.json.Encoder().encode_lines, TimeTexts()
    usual = UsualStamps()

    def entries(piece: Piece) -> bytes:
        if isinstance(piece, EntrySlice) and usual.are(piece.stamps()):
            with suppress(UnicodeEncodeError):
                # Inside a text the quotes would be escaped. replace() looks twice.
                parts = encode(piece.entries).split(b',"message_raw":"')
                return b',"message":"'.join(parts)
        numbers, streams = piece.numbers(), piece.streams()
        ids = piece.event_ids(streams, numbers)
        stamps, messages = texts.of(piece.times()), piece.messages()
        attempts = repeat(piece.attempt)
        columns = (attempts, numbers, streams, stamps, ids, messages)
        try:
            return encode(list(map(make, *columns)))
        except UnicodeEncodeError:
            return b"".join(map(_entry, piece.lines()))

    return entries


def _exact(line: LogLine) -> bytes:
    return f"{line.message}\n".encode(errors="surrogatepass")


def _exact_text(piece: Piece) -> bytes:
    return piece.text()


def _exact_with_time(line: LogLine) -> bytes:
    return f"{_prefix(line)}{line.message}\n".encode(errors="surrogatepass")


def _exact_with_times() -> SlicePrinter:
    """Return `_exact_with_time` of every line of a slice."""
    texts = TimeTexts(STAMP_DIGITS)

    def exact_with_times(piece: Piece) -> bytes:
        stamps, streams = texts.of(piece.times()), piece.streams()
        columns = zip(stamps, streams, piece.messages(), strict=True)
        lines = [f"{t or '-'} [{s or '-'}] {message}\n" for t, s, message in columns]
        return "".join(lines).encode(errors="surrogatepass")

    return exact_with_times


def _shown_with(*, colour: bool, timestamps: bool) -> LinePrinter:
    from chronotui.text import clean, printable_line

    def shown(line: LogLine) -> bytes:
        text = printable_line(line.message)
        if timestamps:
            text = clean(_prefix(line)) + text
        if colour and line.stream == STDERR:
            text = f"\x1b[31m{text}\x1b[0m"
        return f"{text}\n".encode(errors="replace")

    return shown


def _prefix(line: LogLine) -> str:
    return f"{_time(line, STAMP_DIGITS) or '-'} [{line.stream or '-'}] "


def _time(line: LogLine, digits: int | None = None) -> str | None:
    return None if line.time_ns is None else format_time_ns(line.time_ns, digits)
