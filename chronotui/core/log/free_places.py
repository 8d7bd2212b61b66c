"""Where lines can go without a look at each: after the last one, or between chunks."""

from __future__ import annotations

from bisect import bisect_left
from operator import lt
from typing import TYPE_CHECKING

from chronotui.core.log.chunk import CHUNK_LINES
from chronotui.core.log.keys import LineKey, rank_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.core.log.chunk_list import ChunkList
    from chronotui.core.log.line_block import LineBlock
    from chronotui.core.log.spool import Spool
    from chronotui.model import LogLine


def goes_at_end(chunks: ChunkList, lines: Sequence[LogLine]) -> bool:
    """Whether lines are one attempt's next ones, by their numbers alone."""
    if not lines or not lines[0].attempt:
        return False
    attempt, first = lines[0][:2]
    if chunks.chunks:
        last = chunks.chunks[-1].last
        if (attempt, first) <= last[:2]:
            return False
    places = [line[:2] for line in lines]
    return places[-1][0] == attempt and all(map(lt, places, places[1:]))


def gap_for(chunks: ChunkList, lines: Sequence[LogLine]) -> int | None:
    """Return the chunk (-1: none) after which all lines go, before the next one.

    None unless they are of one attempt, rise or fall by their places, and no line is
    among them, as a page of older lines is.
    """
    if not 0 < len(lines) <= CHUNK_LINES or not lines[0].attempt:
        return None
    low, high = sorted((lines[0][:2], lines[-1][:2]))
    if low[0] != high[0] or not _rises_or_falls(lines):
        return None
    return free_after(chunks, low, high)


def free_after(
    chunks: ChunkList, low: tuple[int, int], high: tuple[int, int]
) -> int | None:
    """Return the chunk (-1: none) after which no line is held from low to high.

    Args:
        chunks: What is held.
        low: (attempt, number).
        high: The same.

    Returns:
        None if a chunk reaches between the two places.
    """
    index = chunks.holding(LineKey(*low, -1, ""))
    held = chunks.chunks
    if index >= 0 and held[index].last[:2] >= low:
        return None
    if index + 1 < len(held) and held[index + 1].first[:2] <= high:
        return None
    return index


def holds_all(chunks: ChunkList, spool: Spool, lines: LineBlock) -> bool:
    """Whether every line of a block is held, and retained; looks at no text.

    Raises:
        OSError: What is held cannot be read back.
    """
    block, at = lines.block, 0
    held = chunks.chunks
    index = max(chunks.holding(LineKey(*lines.places[0], -1, "")), 0)
    while at < len(block) and index < len(held):
        here = spool.exact(held[index])
        start = bisect_left(here.numbers, block.numbers[at])
        both = min(len(here) - start, len(block) - at)
        if both and not (
            held[index].attempt == lines.attempt
            and here.same_keys(start, block, at, both)
        ):
            return False
        at += both
        index += 1
    return at == len(block)


def _rises_or_falls(lines: Sequence[LogLine]) -> bool:
    """Whether each line's place is above the one before, or each below it."""
    places: list[tuple[int, ...]] = [line[:2] for line in lines]
    if places[0] > places[-1]:
        places.reverse()
    if all(map(lt, places, places[1:])):
        return True
    if places[0] == places[-1]:
        return False
    ranked = [(line[0], line[1], rank_of(line[2])) for line in lines]
    if ranked[0] > ranked[-1]:
        ranked.reverse()
    return all(map(lt, ranked, ranked[1:]))
