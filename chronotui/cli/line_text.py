"""One line of a log as `logs` prints it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

from chronotui.core.times import format_time_ns
from chronotui.model import STDERR

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.cli.output import Output
    from chronotui.model import LogLine

    LinePrinter: TypeAlias = Callable[[LogLine], bytes]


def line_printer(form: str, output: Output, *, timestamps: bool) -> LinePrinter:
    """Return what turns a line into the bytes printed for it, line end included.

    Args:
        form: "text" or "jsonl".
        output: On a terminal, text is made harmless there and stderr coloured; into
            a pipe it is exact.
        timestamps: Whether time and stream stand before the message.
    """
    if form == "jsonl":
        return _entry
    if output.is_terminal:
        return _shown_with(colour=output.has_colour, timestamps=timestamps)
    return _exact_with_time if timestamps else _exact


def _entry(line: LogLine) -> bytes:
    entry = {
        "attempt": line.attempt,
        "sequence_num": line.sequence_num,
        "stream": line.stream,
        "timestamp": _time(line),
        "event_id": line.event_id,
        "message": line.message,
    }
    try:
        return f"{json.dumps(entry, ensure_ascii=False)}\n".encode()
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can carry
        return f"{json.dumps(entry)}\n".encode()


def _exact(line: LogLine) -> bytes:
    return f"{line.message}\n".encode(errors="surrogatepass")


def _exact_with_time(line: LogLine) -> bytes:
    return f"{_prefix(line)}{line.message}\n".encode(errors="surrogatepass")


def _shown_with(*, colour: bool, timestamps: bool) -> LinePrinter:
    from chronotui.core.text import clean, printable_line

    def shown(line: LogLine) -> bytes:
        text = printable_line(line.message)
        if timestamps:
            text = clean(_prefix(line)) + text
        if colour and line.stream == STDERR:
            text = f"\x1b[31m{text}\x1b[0m"
        return f"{text}\n".encode(errors="replace")

    return shown


def _prefix(line: LogLine) -> str:
    return f"{_time(line) or '-'} {line.stream or '-'} "


def _time(line: LogLine) -> str | None:
    return None if line.time_ns is None else format_time_ns(line.time_ns)
