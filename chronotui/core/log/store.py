"""The lines of one job's log: exact, in order, each once.

Lines may come live, retained, twice, late or out of order; what is read is the same
(design note, invariants 1, 2 and 8). Reading, appending and jumping cost the same at
ten million lines as at a thousand. For the event loop's thread only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.core.log.chunk_list import ChunkList
from chronotui.core.log.event_ids import EventIds
from chronotui.core.log.free_places import (
    free_after,
    gap_for,
    goes_at_end,
    holds_all,
)
from chronotui.core.log.huge_lines import HUGE_LINE
from chronotui.core.log.keys import LineKey, key_of
from chronotui.core.log.line_block import LineBlock
from chronotui.core.log.marks import LOWEST, Marks
from chronotui.core.log.placing import Keyed, Placing
from chronotui.core.log.spool import Spool
from chronotui.core.log.twins import Twins

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chronotui.core.log.chunk import Chunk
    from chronotui.core.log.spool import MemoryUse, Overflow
    from chronotui.model import LogLine

DEFAULT_BUDGET_BYTES: Final = 512 << 20


class Added(NamedTuple):
    """What `LogStore.add` did.

    Attributes:
        new: Lines the store did not have, in order; a `LineBlock` as it was given.
        replaced: Live lines that took the fields of their retained ones.
        duplicates: Lines that were there already.
    """

    new: Sequence[LogLine]
    replaced: int
    duplicates: int


class LogStore:
    """An ordered store of log lines.

    Args:
        budget_bytes: Memory for the lines; beyond it those least read move to the
            overflow.
        overflow: Opens a place for them when first needed. If it fails with OSError
            memory is used instead, and ``memory.note`` says so.

    Attributes:
        chunks: The lines; `Rows` and searches read them.
        spool: Gives a chunk's lines, from memory or not.
        ids: The event ids the lines share.
        marks: Rows that are no lines; set by ``set_gaps`` and its like.
    """

    def __init__(
        self,
        *,
        budget_bytes: int = DEFAULT_BUDGET_BYTES,
        overflow: Callable[[], Overflow] | None = None,
    ) -> None:
        self.ids = EventIds()
        self.chunks = ChunkList()
        self.spool = Spool(budget_bytes, overflow, self.ids)
        self.marks = Marks()
        self.set_gaps = self.marks.set_gaps
        self.set_section = self.marks.set_section
        self.set_edge = self.marks.set_edge
        self._huge: tuple[tuple[int, int, int], LogLine] | None = None
        self._placing = Placing(self.chunks, self.spool, self.ids)

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.chunks)

    @property
    def version(self) -> int:
        """Changes with every change of lines, gaps, sections and edges."""
        return self.chunks.version + self.marks.version

    @property
    def memory(self) -> MemoryUse:
        """What the lines take, in bytes, and what went wrong with the spool."""
        return self.spool.use

    def add(self, lines: Sequence[LogLine]) -> Added:
        """Take lines in any order, each once; a retained line wins over its live one.

        The bytes spooled on the way are bounded, so batches of up to some thousand
        lines keep the loop free.

        Raises:
            OverflowError: A number or a time needs more than 64 bits.
            OSError: A line belongs between spooled ones that cannot be read back.
        """
        added = self._take_block(lines) if isinstance(lines, LineBlock) else None
        if added is None:
            added = self._take_run(lines) or self._place(lines)
        self.spool.settle(self.chunks.chunks)
        return added

    def _take_block(self, lines: LineBlock) -> Added | None:
        """Take a block that goes where no line is held, or is held already."""
        if not self.ids.agree(lines.ids):
            return None
        low, high = lines.places
        index = free_after(self.chunks, low, high)
        if index is None:
            index = self._placing.part_at(low, high, len(lines))
        if index is not None:
            self._placing.insert_block(index, lines.block, lines.attempt)
            return Added(lines, 0, 0)
        known = holds_all(self.chunks, self.spool, lines)
        return Added((), 0, len(lines)) if known else None

    def _take_run(self, lines: Sequence[LogLine]) -> Added | None:
        """Take lines that follow the last one, or go where no line is held."""
        if goes_at_end(self.chunks, lines):
            self._placing.append(lines)
            return Added(tuple(lines), 0, 0)
        gap = gap_for(self.chunks, lines)
        if gap is None:
            return None
        ordered = lines if lines[0][1] <= lines[-1][1] else lines[::-1]
        self._placing.insert(gap, ordered)
        return Added(tuple(ordered), 0, 0)

    def _place(self, lines: Sequence[LogLine]) -> Added:
        unique: dict[LineKey, LogLine] = {}
        replaced = 0
        for line in map(Twins(self).settled, lines):
            key = key_of(line)
            known = unique.get(key)
            if known is None:
                unique[key] = line
            elif line.retained and not known.retained:
                unique[key] = line
                replaced += 1
        placed = self._placing.place(
            [Keyed(key, unique[key]) for key in sorted(unique)]
        )
        duplicates = placed.duplicates + len(lines) - len(unique) - replaced
        return Added(tuple(placed.new), placed.replaced + replaced, duplicates)

    def line(self, index: int) -> LogLine:
        """Return one line.

        Raises:
            IndexError: There is none.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        number, local = self.chunks.place(index)
        return self.line_in(self.chunks.chunks[number], local)

    def line_in(self, chunk: Chunk, local: int) -> LogLine:
        """Return one line of a chunk; of the huge ones, the last is kept at hand."""
        block = self.spool.block(chunk)
        if block.longest < HUGE_LINE or block.size(local, local + 1) < HUGE_LINE:
            return block.line(local, chunk.attempt, self.ids)
        place = (chunk.stamp, local, block.flags[local])
        if self._huge is None or self._huge[0] != place:
            self._huge = (place, block.line(local, chunk.attempt, self.ids))
        return self._huge[1]

    def lines(self, start: int, stop: int) -> list[LogLine]:
        """Return the lines ``start`` to ``stop`` (exclusive), cut to what is there."""
        start, stop = max(start, 0), min(stop, len(self))
        found: list[LogLine] = []
        while start < stop:
            number, local = self.chunks.place(start)
            chunk = self.chunks.chunks[number]
            until = min(chunk.count, local + stop - start)
            block = self.spool.block(chunk)
            found += [
                block.line(index, chunk.attempt, self.ids)
                for index in range(local, until)
            ]
            start += until - local
        return found

    def bisect(self, key: LineKey) -> int:
        """Return the number of the first line not before a key."""
        number, local = self.bisect_in_chunks(key)
        return self.chunks.starts[number] + local

    def bisect_in_chunks(self, key: LineKey) -> tuple[int, int]:
        """Return chunk and index in it of the first line not before a key.

        The index may be the end of the chunk.
        """
        number = self.chunks.holding(key)
        if number < 0:
            return 0, 0
        chunk = self.chunks.chunks[number]
        if key > chunk.last:
            return number, chunk.count
        return number, self.spool.block(chunk).find(key, self.ids)[0]

    def find(self, key: LineKey) -> int | None:
        """Return the number of the line with a key."""
        index = self.bisect(key)
        if index < len(self) and key_of(self.line(index)) == key:
            return index
        return None

    def attempts(self) -> tuple[int, ...]:
        """Return the attempts lines are held of, in order."""
        found: list[int] = []
        index = 0
        while index < len(self.chunks.chunks):
            found.append(self.chunks.chunks[index].attempt)
            beyond = LineKey(found[-1] + 1, LOWEST, -1, "")
            index = self.chunks.holding(beyond) + 1
        return tuple(found)

    def attempt_range(self, attempt: int) -> range:
        """Return the numbers of an attempt's lines."""
        lowest = LineKey(attempt, LOWEST, -1, "")
        return range(
            self.bisect(lowest), self.bisect(lowest._replace(attempt=attempt + 1))
        )

    def close(self) -> None:
        """Give the spool back; the lines in it are gone."""
        self.spool.close()
