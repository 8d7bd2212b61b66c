"""The standard streams: data on one, words for people on the other, and tables."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO
from unicodedata import category, east_asian_width

from chronotui.errors import DownloadError
from chronotui.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

_FALLBACK_COLUMNS: Final = 80
_NO_CELL: Final = frozenset({"Mn", "Me", "Cf"})
_GAP: Final = "  "


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal; a closed or absent one is not."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def speaks_utf8(stream: TextIO | None) -> bool:
    from codecs import lookup

    return stream is None or lookup(stream.encoding or "utf-8").name == "utf-8"


def may_ask() -> bool:
    """Whether a person is there to answer: input and words on a terminal."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def has_screen() -> bool:
    """Whether a desk can be shown: input and output on a terminal."""
    return is_terminal(sys.stdin) and is_terminal(sys.stdout)


def shows_colour(stream: TextIO | None) -> bool:
    """Whether colours are wanted and understood (NO_COLOR, TERM=dumb)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM", "") in {"", "dumb"}:
        return False
    return is_terminal(stream)


def columns(stream: TextIO | None) -> int:
    try:
        named = int(os.environ.get("COLUMNS", "0"))
    except ValueError:
        named = 0
    if named > 0:
        return named
    try:
        named = os.get_terminal_size(stream.fileno() if stream else 1).columns
    except (OSError, ValueError):
        named = 0
    return named or _FALLBACK_COLUMNS


def shows_progress(stream: TextIO | None) -> bool:
    """Whether a line can be drawn again in place."""
    return is_terminal(stream) and os.environ.get("TERM", "") not in {"", "dumb"}


_BEGINS_SURROGATE: Final = b"\xed"
"""As it does a lone surrogate, which is no character, a quarter of all Hangul."""


def _valid(content: bytes) -> bytes:
    """Return text with U+FFFD for each lone surrogate in it."""
    try:
        content.decode()
    except UnicodeDecodeError:
        from chronotui.log.formats import text_bytes

        return text_bytes(content.decode(errors="surrogatepass"))
    return content


class OutputClosedError(Exception):
    """Whoever read our output has stopped reading."""


class TerminalLostError(Exception):
    """The terminal that standard output goes to is gone."""


class Output:
    """Writes data to standard output.

    They go out as UTF-8, whatever the locale says, so that a pipe gets them exactly;
    a terminal gets what it can show.

    Raises:
        OutputClosedError: The reader of standard output went away.
        TerminalLostError: The terminal it goes to is gone.
        DownloadError: Standard output cannot be written, such as a full disk.
    """

    def __init__(self) -> None:
        self._out: TextIO | None = sys.stdout
        self.is_terminal = is_terminal(self._out)
        self._recodes = self.is_terminal and not speaks_utf8(self._out)
        self.has_colour = shows_colour(self._out)
        self.columns = columns(self._out)

    def write(self, text: str) -> None:
        try:
            content = text.encode()
        except UnicodeEncodeError:  # lone surrogates of a \u escape
            content = text.encode(errors="surrogatepass")
        self.write_bytes(content)

    def write_bytes(self, content: bytes) -> None:
        if self._out is None:
            raise self._failure(OSError(errno.EBADF, ""))
        if _BEGINS_SURROGATE in content:
            content = _valid(content)
        if self._recodes:
            content = content.decode(errors="replace").encode(
                self._out.encoding, "replace"
            )
        try:
            self._out.buffer.write(content)
        except OSError as error:
            raise self._failure(error) from None

    def write_data(self, content: bytes) -> None:
        """Write whole lines that are exact in a pipe and harmless on a terminal."""
        if self.is_terminal:
            lines = content.decode(errors="replace").replace("\r\n", "\n").split("\n")
            content = "\n".join(map(clean, lines)).encode(errors="replace")
        self.write_bytes(content)

    def flush(self) -> None:
        try:
            if self._out is not None:
                self._out.flush()
        except OSError as error:
            raise self._failure(error) from None

    def write_table(
        self,
        columns: Sequence[Column],
        items: Iterable[object],
        *,
        fits: bool = True,
    ) -> None:
        """Write a table; one that ``fits`` is not wider than the terminal."""
        width = self.columns if fits and self.is_terminal else None
        lines = table_lines(columns, items, width=width, colour=self.has_colour)
        self.write("".join([f"{line}\n" for line in lines]))

    def _failure(self, error: OSError) -> Exception:
        silence_stdout()
        if isinstance(error, BrokenPipeError):
            return OutputClosedError()
        if self.is_terminal and error.errno == errno.EIO:
            return TerminalLostError()
        why = os.strerror(error.errno or errno.EIO)
        return DownloadError(f"Standard output cannot be written: {why}.")


def say(words: str) -> None:
    """Write words to standard error, line by line and harmless; never fails."""
    lines = [clean(line) for line in words.splitlines() or [""]]
    text = "".join(f"{line}\n" for line in lines)
    stream = sys.stderr
    if stream is None:
        return
    try:
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except OSError:
        _silence(stream)
    except ValueError:
        return


def silence_stdout() -> None:
    """Let the interpreter's own last flush go nowhere instead of complaining."""
    _silence(sys.stdout)


def _silence(stream: TextIO | None) -> None:
    try:
        descriptor = stream.fileno() if stream is not None else -1
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, descriptor)
        os.close(null)
    except (OSError, ValueError, AttributeError):
        return


def cell_width(text: str) -> int:
    """Return the cells a cleaned text takes, by the tables of Python's own Unicode."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def cut_to_cells(text: str, width: int) -> str:
    """Return the text if it fits into ``width`` cells, else its start and ``…``."""
    if cell_width(text) <= width:
        return text
    taken = 0
    for index, mark in enumerate(text):
        taken += _cells(mark)
        if taken > width - 1:
            return f"{text[:index]}…"
    return text


def _cells(mark: str) -> int:
    if category(mark) in _NO_CELL:
        return 0
    return 2 if east_asian_width(mark) in "WF" else 1


class Cell(NamedTuple):
    """Text and the SGR codes it is shown with on a terminal with colours."""

    text: str
    style: str = ""


class Column(NamedTuple):
    """A heading, what stands below it, and what a narrow terminal may do to it.

    Attributes:
        cell: Makes an item's text, or its text with a style.
        least: How narrow it may become; 0 keeps it whole.
        drop: Which column is left out first, from 1; 0 keeps it.
        right: Whether cells stand on the right.
    """

    heading: str
    cell: Callable[[Any], Cell | str]
    least: int = 0
    drop: int = 0
    right: bool = False


def table_lines(
    columns: Sequence[Column],
    items: Iterable[object],
    *,
    width: int | None = None,
    colour: bool = False,
) -> list[str]:
    """Lay out a table, its headings first; every cell is cleaned.

    A terminal's ``width`` narrows columns and leaves some out; None keeps all whole.
    """
    head = [Cell(column.heading, "1") for column in columns]
    rows = [[_cleaned(column.cell(item)) for column in columns] for item in items]
    whole = [head, *rows]
    widths = [
        max(cell_width(row[i].text) for row in whole) for i in range(len(columns))
    ]
    if width is not None:
        widths = _fitted(columns, widths, width)
    return [_line(columns, row, widths, colour=colour) for row in whole]


def _cleaned(cell: Cell | str) -> Cell:
    text, style = (cell, "") if isinstance(cell, str) else cell
    return Cell(clean(text), style)


def _fitted(columns: Sequence[Column], widths: list[int], width: int) -> list[int]:
    """Narrow columns, the widest first, then leave some out; 0 is left out."""
    droppable = sorted(
        (column.drop, i) for i, column in enumerate(columns) if column.drop
    )
    while True:
        fitted = _narrowed(columns, widths, width)
        if _row_width(fitted) <= width or not droppable:
            return fitted
        _order, left_out = droppable.pop(0)
        widths = [0 if i == left_out else size for i, size in enumerate(widths)]


def _narrowed(columns: Sequence[Column], widths: list[int], width: int) -> list[int]:
    narrowed = list(widths)
    for _ in range(_row_width(widths) - width):
        spare, at = max(
            (narrowed[i] - column.least if column.least else 0, i)
            for i, column in enumerate(columns)
        )
        if spare <= 0:
            break
        narrowed[at] -= 1
    return narrowed


def _row_width(widths: Sequence[int]) -> int:
    shown = [size for size in widths if size]
    return sum(shown) + len(_GAP) * (len(shown) - 1)


def _line(
    columns: Sequence[Column],
    row: Sequence[Cell],
    widths: Sequence[int],
    *,
    colour: bool,
) -> str:
    parts = []
    for column, cell, width in zip(columns, row, widths, strict=True):
        if not width:
            continue
        text = cut_to_cells(cell.text, width)
        space = " " * (width - cell_width(text))
        shown = f"\x1b[{cell.style}m{text}\x1b[0m" if colour and cell.style else text
        parts.append(space + shown if column.right else shown + space)
    return _GAP.join(parts).rstrip()
