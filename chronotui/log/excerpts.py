"""Pieces of a log that are worth showing elsewhere: its last error, and its end."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.log.errors import REACH, ErrorLines, Shape, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chronotui.log.store import LogStore
    from chronotui.model import LogLine

END_LINES: Final = 20
"""Newest lines that are the end of a log."""

MOST_LINES: Final = 200
"""Lines of one excerpt; of more, the first and the last are kept."""

LOOKED_BACK: Final = 50_000
"""Newest lines among which an error is looked for."""

_PARTS: Final = frozenset([Shape.GOES_ON, Shape.FRAME, Shape.CHAINS, Shape.BLANK])


class Excerpt(NamedTuple):
    """Lines of a log, not always neighbours.

    Attributes:
        first: Of lines that were too many, the first ones; else all.
        left_out: How many lines follow those that are left out.
        last: What follows these.
        error_at: Which of the lines, counted in all of them, an error begins with;
            None for none.
    """

    first: tuple[LogLine, ...]
    left_out: int = 0
    last: tuple[LogLine, ...] = ()
    error_at: int | None = None

    @classmethod
    def of(cls, lines: Sequence[LogLine], error_at: int | None = None) -> Excerpt:
        if len(lines) <= MOST_LINES:
            return cls(tuple(lines), error_at=error_at)
        half = MOST_LINES // 2
        first, last = tuple(lines[:half]), tuple(lines[-half:])
        return cls(first, len(lines) - 2 * half, last, error_at)

    @property
    def begin(self) -> LogLine:
        """The first line."""
        return self.first[0]

    @property
    def end(self) -> LogLine:
        """The last line."""
        return (self.last or self.first)[-1]


class LogExcerpts(NamedTuple):
    """What is shown of a log.

    Attributes:
        error: The last error; None where there is none among the newest lines.
        end: The newest lines; None where they stand in ``error``, which then is one
            with them, or where there is no line.
        looked_at: Among how many of the newest lines the error was looked for.
    """

    error: Excerpt | None = None
    end: Excerpt | None = None
    looked_at: int = 0


def excerpts_of(store: LogStore) -> LogExcerpts:
    """Return the last error of a log and its end; one excerpt where they meet."""
    total = len(store)
    looked_at = min(total, LOOKED_BACK)
    if not total:
        return LogExcerpts()
    start = max(total - END_LINES, store.attempt_range(store.attempts()[-1]).start)
    end = store.lines(start, total)
    error = _last_error(store)
    if not error:
        return LogExcerpts(None, Excerpt.of(end), looked_at)
    if error[-1] < start:
        lines = [store.line(index) for index in error]
        return LogExcerpts(Excerpt.of(lines, 0), Excerpt.of(end), looked_at)
    first = min(error[0], start)
    lines = store.lines(first, total)
    return LogExcerpts(Excerpt.of(lines, error[0] - first), None, looked_at)


def _last_error(store: LogStore) -> list[int]:
    """Return the lines of the last error, by their index in the store."""
    errors = ErrorLines(store)
    chunks, starts = store.chunks.chunks, store.chunks.starts
    block: list[int] = []
    for number in range(len(chunks) - 1, -1, -1):
        chunk, start = chunks[number], starts[number]
        errors.look(chunk, inf)
        begins = errors.begins(chunk)
        first = begins[-1] if begins else 0
        hits = [start + hit for hit in errors.of(chunk).hits if hit >= first]
        block = [*hits, *block]
        if begins:
            break
        is_first = number == 0 or chunks[number - 1].attempt != chunk.attempt
        if len(store) - start >= LOOKED_BACK or (is_first and block):
            break
    return _with_parts(store, block) if block else []


def _with_parts(store: LogStore, block: list[int]) -> list[int]:
    """Add the parts of a traceback on stdout, which its own words alone tell of."""
    first, last = block[0], block[-1]
    if last - first > REACH:
        return block
    lines = store.lines(first, last + 1 + REACH)
    held = [index - first for index in block]
    return sorted({*block, *(first + part for part in _parts_within(lines, held))})


def _parts_within(lines: Sequence[LogLine], block: Sequence[int]) -> Iterable[int]:
    """Yield lines in or right after a block that are parts of it by their look."""
    streams = {lines[index].stream for index in block}
    held = set(block)
    for index, line in enumerate(lines):
        if index in held or line.stream not in streams:
            continue
        if shape_of(line.message) in _PARTS:
            yield index
        elif index > block[-1]:
            return
