"""Blocks cut into what a chunk holds, and lines put between lines."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from chronotui.core.log.block import Block, Piece
from chronotui.core.log.chunk import CHUNK_BYTES, CHUNK_LINES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def fitting(block: Block, start: int) -> int:
    """Return how many lines from ``start`` on make a chunk, at least one."""
    end = block.begin(start) + CHUNK_BYTES
    return max(1, min(CHUNK_LINES, bisect_right(block.ends, end) - start))


def halves(piece: Piece) -> Iterator[Piece]:
    """Cut a piece in the middle until each part makes a chunk."""
    block, start, stop = piece
    lines = stop - start
    fits = block.size(start, stop) <= CHUNK_BYTES and lines <= CHUNK_LINES
    if lines == 1 or fits:
        yield piece
        return
    middle = start + lines // 2
    yield from halves(Piece(block, start, middle))
    yield from halves(Piece(block, middle, stop))


def spliced(
    old: Block, added: Block, places: Sequence[tuple[int, bool]]
) -> Iterator[Piece]:
    """Yield the pieces of old and added lines in order.

    ``places`` gives, for each added line, the index in ``old`` it comes before, and
    whether it takes that line's place.
    """
    done = start = 0
    for index, (at, known) in enumerate(places):
        if at > done or (index and places[index - 1][1]):
            if index > start:
                yield Piece(added, start, index)
                start = index
            if at > done:
                yield Piece(old, done, at)
        done = at + known
    yield Piece(added, start, len(added))
    yield Piece(old, done, len(old))
