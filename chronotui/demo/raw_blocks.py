"""Downloads of generated logs a thousand lines at a time.

A block's text differs from the next one's only in the number of the block, and,
when a line is written every millisecond from a whole second on, in the second. So
a block is written once with marks in it, and marks are replaced in bytes.
"""

from __future__ import annotations

import re
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from chronotui.demo.clock import MILLISECOND, SECOND
from chronotui.demo.dialect import rfc3339
from chronotui.demo.lines import TrueLine
from chronotui.demo.phrases import BLOCK, BLOCK_LINES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chronotui.demo.generated import Chapter
    from chronotui.demo.raw_writer import RawWriter

_BLOCK: Final = BLOCK.encode()
_SECOND: Final = "\ue001"
_NUMBER: Final = "\ue002"
_SECOND_BYTES: Final = _SECOND.encode()
_TOGETHER: Final = 4
_FEW: Final = 5


def block_range(chapter: Chapter, count: int) -> tuple[int, int]:
    """Return the lines (from, to) that are whole blocks out of the book."""
    end = count if chapter.body_end is None else min(count, chapter.body_end)
    start = -(-max(1, len(chapter.opening)) // BLOCK_LINES) * BLOCK_LINES
    end -= end % BLOCK_LINES
    return (start, end) if end > start else (0, 0)


def block_bytes(
    chapter: Chapter, start: int, end: int, writer: RawWriter, stream: str | None
) -> Iterator[bytes]:
    """Yield whole blocks; each entry is followed by its separator."""
    if writer.kind == "txt":
        template = chapter.book.text_block(stream)
    elif _ticks(chapter):
        template = _template(chapter, writer, stream)
    else:
        yield from _slowly(chapter, start, end, writer, stream)
        return
    seconds = chapter.start_ns // SECOND
    fill = _filling(template)
    pieces = []
    for block in range(start // BLOCK_LINES, end // BLOCK_LINES):
        second = rfc3339((seconds + block) * SECOND)[:-1].encode()
        pieces.append(fill(b"%d" % block, second))
        if len(pieces) == _TOGETHER:
            yield b"".join(pieces)
            pieces.clear()
    if pieces:
        yield b"".join(pieces)


def _filling(template: bytes) -> Callable[[bytes, bytes], bytes]:
    """Return what puts number and second of a block into a template.

    The marks are found once, so that a download costs little more than copying.
    """
    marks = re.compile(b"(%b|%b)" % (_BLOCK, _SECOND_BYTES))
    pieces = marks.split(template)
    if len(pieces) < _FEW:
        return lambda block, second: template.replace(_BLOCK, block).replace(
            _SECOND_BYTES, second
        )
    choose = itemgetter(*[mark == _SECOND_BYTES for mark in pieces[1::2]])

    def fill(block: bytes, second: bytes) -> bytes:
        pieces[1::2] = choose((block, second))
        return b"".join(pieces)

    return fill


def _ticks(chapter: Chapter) -> bool:
    """Tell whether block and second go together."""
    whole = chapter.start_ns % SECOND == 0 and chapter.first_number == 0
    return chapter.step_ns == MILLISECOND and whole


def _template(chapter: Chapter, writer: RawWriter, stream: str | None) -> bytes:
    """Write a block with marks where its number and its second belong."""
    entries = []
    separator = "," if writer.kind == "json" else "\n"
    for place, (name, message) in enumerate(chapter.book.phrases):
        if stream not in (None, name):
            continue
        number = chapter.book.numbers[place]
        line = TrueLine(chapter.attempt, 0, name, place * MILLISECOND, message)
        text = writer.entry(line)
        text = text.replace('"1970-01-01T00:00:00', f'"{_SECOND}', 1)
        text = text.replace('"sequence_num":0,', f'"sequence_num":{_NUMBER},', 1)
        text = text.replace(f':{name}:0"', f':{name}:{_NUMBER}"', 1)
        text = text.replace(_NUMBER, f"{BLOCK}{number:03d}", 2)
        entries.append(text + separator)
    return "".join(entries).encode()


def _slowly(
    chapter: Chapter, start: int, end: int, writer: RawWriter, stream: str | None
) -> Iterator[bytes]:
    separator = "," if writer.kind == "json" else "\n"
    for at in range(start, end, BLOCK_LINES):
        lines = map(chapter.line, range(at, at + BLOCK_LINES))
        kept = (line for line in lines if stream in (None, line.stream))
        yield "".join([writer.entry(line) + separator for line in kept]).encode()
