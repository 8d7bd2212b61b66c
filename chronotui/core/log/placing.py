"""Lines put where they belong: at the end, between chunks, or into one."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.core.log.block import NO_TIME, RETAINED_BIT, Block, Piece
from chronotui.core.log.block_of import block_of
from chronotui.core.log.chunk import CHUNK_BYTES, CHUNK_LINES, Chunk
from chronotui.core.log.keys import LineKey
from chronotui.core.log.splicing import fitting, halves, spliced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.core.log.chunk_list import ChunkList
    from chronotui.core.log.event_ids import EventIds
    from chronotui.core.log.spool import Spool
    from chronotui.model import LogLine

MOST_SLIPPED: Final = 8
"""Lines put into a chunk one by one; for more it is written anew."""


class Keyed(NamedTuple):
    """A line under its key."""

    key: LineKey
    line: LogLine


class Placed(NamedTuple):
    """What became of lines: new ones in order, and how many were known."""

    new: list[LogLine]
    replaced: int
    duplicates: int


class Placing:
    """Puts sorted lines with different keys into a list of chunks."""

    def __init__(self, chunks: ChunkList, spool: Spool, ids: EventIds) -> None:
        self._list = chunks
        self._spool = spool
        self._ids = ids

    def append(self, lines: Sequence[LogLine]) -> None:
        """Put lines of one attempt, all after the last one, at the end."""
        for start in range(0, len(lines), CHUNK_LINES):
            block = block_of(lines[start : start + CHUNK_LINES], self._ids)
            self._append_block(len(self._list.chunks) - 1, block, lines[0].attempt)

    def insert(self, index: int, lines: Sequence[LogLine]) -> None:
        """Put lines of one attempt between a chunk (-1: none) and the next one.

        They are in order, at most a chunk's worth, and none of them is known.
        """
        self.insert_block(index, block_of(lines, self._ids), lines[0].attempt)

    def insert_block(self, index: int, block: Block, attempt: int) -> None:
        """Put a block of lines between a chunk (-1: none) and the next one."""
        if not self._prepend_block(index, block, attempt):
            self._append_block(index, block, attempt)

    def part_at(
        self, low: tuple[int, int], high: tuple[int, int], lines: int
    ) -> int | None:
        """Part the chunk that holds lines on both sides of two places.

        Returns:
            The part before the places; None if a line is held between them, and for
            few lines, which rather join the chunk.
        """
        index = self._list.holding(LineKey(*low, -1, ""))
        if index < 0 or lines < CHUNK_LINES // 4:
            return None
        chunk = self._list.chunks[index]
        if chunk.last[:2] <= high:
            return None
        block = self._spool.exact(chunk)
        at = bisect_left(block.numbers, low[1])
        if not 0 < at == bisect_right(block.numbers, high[1]):
            return None
        self._spool.count_in((chunk,), -1)
        parts = [
            Chunk(chunk.attempt, Block.joined((Piece(block, *edges),)), self._ids)
            for edges in ((0, at), (at, len(block)))
        ]
        self._spool.count_in(parts)
        self._list.replace(index, index + 1, parts)
        return index

    def place(self, items: Sequence[Keyed]) -> Placed:
        """Put lines anywhere; those known already replace or are dropped."""
        keys = [item.key for item in items]
        parts: list[Placed] = []
        stop = len(items)
        while stop:
            index = self._list.holding(keys[stop - 1])
            start = middle = 0
            if index >= 0:
                chunk = self._list.chunks[index]
                start = bisect_left(keys, chunk.first, 0, stop)
                middle = bisect_right(keys, chunk.last, start, stop)
                self._insert_after(index, items[middle:stop])
                parts.append(Placed([i.line for i in items[middle:stop]], 0, 0))
                parts.append(self._merge(index, items[start:middle]))
            else:
                self._insert_after(index, items[:stop])
                parts.append(Placed([i.line for i in items[:stop]], 0, 0))
            stop = start
        new = [line for part in reversed(parts) for line in part.new]
        return Placed(
            new,
            sum(part.replaced for part in parts),
            sum(part.duplicates for part in parts),
        )

    def _insert_after(self, index: int, items: Sequence[Keyed]) -> None:
        """Put lines between a chunk (-1: none) and the next one."""
        runs = groupby(items, key=lambda item: item.key.attempt)
        for attempt, run in reversed([(attempt, list(run)) for attempt, run in runs]):
            block = block_of([item.line for item in run], self._ids)
            if not self._prepend_block(index, block, attempt):
                self._append_block(index, block, attempt)

    def _prepend_block(self, index: int, block: Block, attempt: int) -> bool:
        """Put lines before the chunk after ``index`` if they fit there and not here."""
        chunks = self._list.chunks
        if index >= 0 and chunks[index].fits(block, attempt):
            return False
        if index + 1 == len(chunks) or not chunks[index + 1].fits(block, attempt):
            return False
        if self._slip_in(index + 1, block, [(0, False)] * len(block)):
            return True
        old = self._spool.writable(chunks[index + 1])
        pieces = (Piece(block, 0, len(block)), Piece(old, 0, len(old)))
        self._rewrite(index + 1, Block.joined(pieces))
        return True

    def _append_block(self, index: int, block: Block, attempt: int) -> None:
        """Put lines at the end of a chunk, and into new ones after it."""
        start = self._fill(index, block, attempt)
        fresh: list[Chunk] = []
        while start < len(block):
            stop = start + fitting(block, start)
            whole = start == 0 and stop == len(block)
            part = block if whole else Block.joined((Piece(block, start, stop),))
            fresh.append(Chunk(attempt, part, self._ids))
            start = stop
        if fresh:
            self._spool.count_in(fresh)
            self._list.replace(index + 1, index + 1, fresh)

    def _fill(self, index: int, block: Block, attempt: int) -> int:
        """Extend a chunk by what fits, all of it unless it is the last one."""
        chunks = self._list.chunks
        if index < 0 or chunks[index].attempt != attempt:
            return 0
        chunk = chunks[index]
        fits = chunk.room_for(block)
        if fits <= 0 or (fits < len(block) and index + 1 < len(chunks)):
            return 0
        old = self._spool.writable(chunk)
        self._spool.count_in((chunk,), -1)
        old.extend(block, 0, fits)
        if fits < len(block) or len(old) == CHUNK_LINES:
            old.trim()
        chunk.appended(old, self._ids)
        self._spool.count_in((chunk,))
        self._list.touch(index)
        return fits

    def _merge(self, index: int, items: Sequence[Keyed]) -> Placed:
        """Put lines into a chunk, between its first and its last one."""
        if not items:
            return Placed([], 0, 0)
        chunk = self._list.chunks[index]
        block = self._spool.exact(chunk)
        confirmed, changes = self._compared(block, items)
        if confirmed:
            block = self._confirm(index, confirmed)
        if changes:
            self._spool.writable(chunk)
            added = block_of([line for _at, _known, line in changes], self._ids)
            places = [(at, known) for at, known, _line in changes]
            if not self._slip_in(index, added, places):
                self._rewrite(index, Block.joined(spliced(block, added, places)))
        new = [line for _at, known, line in changes if not known]
        replaced = len(confirmed) + len(changes) - len(new)
        return Placed(new, replaced, len(items) - len(new) - replaced)

    def _compared(
        self, block: Block, items: Sequence[Keyed]
    ) -> tuple[list[tuple[int, LogLine]], list[tuple[int, bool, LogLine]]]:
        """Return what a block holds but as live, and what it has not or otherwise."""
        confirmed: list[tuple[int, LogLine]] = []
        changes: list[tuple[int, bool, LogLine]] = []
        for key, line in items:
            at, known = block.find(key, self._ids)
            if not known:
                changes.append((at, False, line))
            elif line.retained and not block.flags[at] & RETAINED_BIT:
                if (block.message(at), block.stream(at)) == (line.message, line.stream):
                    confirmed.append((at, line))
                else:
                    changes.append((at, True, line))
        return confirmed, changes

    def _slip_in(
        self, index: int, added: Block, places: Sequence[tuple[int, bool]]
    ) -> bool:
        """Put a few new lines between others without writing the chunk anew."""
        chunk = self._list.chunks[index]
        if len(places) > MOST_SLIPPED or any(known for _at, known in places):
            return False
        if not chunk.fits(added, chunk.attempt):
            return False
        block = self._spool.writable(chunk)
        self._spool.count_in((chunk,), -1)
        for line in reversed(range(len(places))):
            block.insert(places[line][0], added, line)
        chunk.inserted(block, max(added.times), self._ids)
        self._spool.count_in((chunk,))
        self._list.touch(index)
        return True

    def _confirm(self, index: int, lines: Sequence[tuple[int, LogLine]]) -> Block:
        """Let retained lines take the place of live ones with the same text."""
        chunk = self._list.chunks[index]
        block = self._spool.writable(chunk)
        self._spool.count_in((chunk,), -1)
        for at, line in lines:
            block.flags[at] |= RETAINED_BIT
            block.times[at] = NO_TIME if line.time_ns is None else line.time_ns
        chunk.confirmed(block)
        self._spool.count_in((chunk,))
        self._list.touch(index)
        return block

    def _rewrite(self, index: int, block: Block) -> None:
        """Give a chunk other lines, in several chunks if they are too many."""
        chunk = self._list.chunks[index]
        self._spool.count_in((chunk,), -1)
        if len(block) <= CHUNK_LINES and (
            len(block.text) <= CHUNK_BYTES or len(block) == 1
        ):
            chunk.rewritten(block, self._ids)
            self._spool.count_in((chunk,))
            self._list.touch(index)
            return
        parts = [
            Chunk(chunk.attempt, Block.joined((piece,)), self._ids)
            for piece in halves(Piece(block, 0, len(block)))
        ]
        self._spool.count_in(parts)
        self._list.replace(index, index + 1, parts)
