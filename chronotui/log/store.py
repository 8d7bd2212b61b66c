"""The lines of one job's log: exact, in order, each once.

Lines may come live, retained, twice, late or out of order; what is read is the same
(DESIGN.md, invariants 1, 2 and 8). Reading, appending and jumping cost the same at ten
million lines as at a thousand. For the event loop's thread only.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import groupby
from operator import attrgetter, lt
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.log.attempts import (
    MILLISECOND_NS,
    LineKey,
    key_of,
    rank_of,
    timed_stand_in,
)
from chronotui.log.block import (
    NO_TIME,
    RETAINED_BIT,
    Block,
    BlockSlice,
    EventIds,
    LineBlock,
    block_of,
)
from chronotui.log.chunks import (
    CHUNK_BYTES,
    CHUNK_LINES,
    Chunk,
    ChunkList,
    Spool,
    fitting,
    halves,
    spliced,
)
from chronotui.log.line_slice import LineSlice
from chronotui.log.marks import HIGHEST, LOWEST, Marks
from chronotui.log.pattern import HUGE_LINE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from chronotui.log.chunks import Overflow
    from chronotui.model import LogLine

MOST_SLIPPED: Final = 8
"""Lines put into a chunk one by one; for more it is written anew."""


class Added(NamedTuple):
    """What became of lines.

    Attributes:
        new: Lines the store did not have, in order; a `LineBlock` as it was given.
        replaced: Live lines that took the fields of their retained ones.
        duplicates: Lines that were there already.
    """

    new: Sequence[LogLine]
    replaced: int
    duplicates: int


class ChunkWriter:
    """Puts lines into chunks; every change of a chunk is made here."""

    def __init__(self, chunks: ChunkList, spool: Spool, ids: EventIds) -> None:
        self._list = chunks
        self._spool = spool
        self._ids = ids

    def insert(self, index: int, block: Block, attempt: int) -> None:
        """Put lines, none of them known, between a chunk (-1: none) and the next."""
        chunks = self._list.chunks
        if (
            index + 1 < len(chunks)
            and chunks[index + 1].fits(block, attempt)
            and not (index >= 0 and chunks[index].fits(block, attempt))
        ):
            self._prepend(index + 1, block)
            return
        start = self._fill(index, block, attempt)
        fresh: list[Chunk] = []
        while start < len(block):
            stop = start + fitting(block, start)
            whole = start == 0 and stop == len(block)
            part = block if whole else Block.joined((BlockSlice(block, start, stop),))
            fresh.append(Chunk(attempt, part, self._ids))
            start = stop
        if fresh:
            self._spool.count_in(fresh)
            self._list.replace(index + 1, index + 1, fresh)

    def part_at(
        self, low: tuple[int, int], high: tuple[int, int], lines: int
    ) -> int | None:
        """Part the chunk that holds lines on both sides of two places.

        Returns the part before them; None if a line is held between them, and for
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
        self._spool.writable(chunk)
        pieces = (BlockSlice(block, 0, at), BlockSlice(block, at, len(block)))
        self._divide(index, pieces)
        return index

    def place(self, lines: dict[LineKey, LogLine]) -> Added:
        """Put lines anywhere; those known already replace or are dropped."""
        keys = sorted(lines)
        parts: list[Added] = []
        stop = len(keys)
        while stop:
            index = self._list.holding(keys[stop - 1])
            start = middle = 0
            if index >= 0:
                chunk = self._list.chunks[index]
                start = bisect_left(keys, chunk.first, 0, stop)
                middle = bisect_right(keys, chunk.last, start, stop)
            new = [lines[key] for key in keys[middle:stop]]
            runs = groupby(new, key=attrgetter("attempt"))
            for attempt, run in reversed([(each, list(run)) for each, run in runs]):
                self.insert(index, block_of(run, self._ids), attempt)
            parts.append(Added(new, 0, 0))
            if start < middle:
                known = [(key, lines[key]) for key in keys[start:middle]]
                parts.append(self._merge(index, known))
            stop = start
        parts.reverse()
        return Added(
            tuple(line for part in parts for line in part.new),
            sum(part.replaced for part in parts),
            sum(part.duplicates for part in parts),
        )

    def _prepend(self, index: int, block: Block) -> None:
        if not self._slip_in(index, block, [(0, False)] * len(block)):
            old = self._spool.writable(self._list.chunks[index])
            pieces = (BlockSlice(block, 0, len(block)), BlockSlice(old, 0, len(old)))
            self._rewrite(index, Block.joined(pieces))

    def _fill(self, index: int, block: Block, attempt: int) -> int:
        chunks = self._list.chunks
        if index < 0 or chunks[index].attempt != attempt:
            return 0
        chunk = chunks[index]
        fits = chunk.room_for(block)
        if fits <= 0 or (fits < len(block) and index + 1 < len(chunks)):
            return 0
        old = self._spool.writable(chunk)
        old.extend(block, 0, fits)
        if fits < len(block) or len(old) == CHUNK_LINES:
            old.trim()
        latest_ns = max(block.times[:fits])
        self._hold(index, old, max(chunk.newest_ns, latest_ns), moved=False)
        return fits

    def _merge(self, index: int, items: Sequence[tuple[LineKey, LogLine]]) -> Added:
        chunk = self._list.chunks[index]
        block = self._spool.exact(chunk)
        confirmed, changes = self._compared(block, items)
        if confirmed:
            block = self._confirm(index, confirmed)
        if changes:
            added = block_of([line for _at, _known, line in changes], self._ids)
            places = [(at, known) for at, known, _line in changes]
            if not self._slip_in(index, added, places):
                block = self._spool.writable(chunk)
                self._rewrite(index, Block.joined(spliced(block, added, places)))
        new = [line for _at, known, line in changes if not known]
        replaced = len(confirmed) + len(changes) - len(new)
        return Added(new, replaced, len(items) - len(new) - replaced)

    def _compared(
        self, block: Block, items: Sequence[tuple[LineKey, LogLine]]
    ) -> tuple[list[tuple[int, LogLine]], list[tuple[int, bool, LogLine]]]:
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
        for line in reversed(range(len(places))):
            block.insert(places[line][0], added, line)
        latest_ns = max(added.times)
        self._hold(index, block, max(chunk.newest_ns, latest_ns), moved=True)
        return True

    def _confirm(self, index: int, lines: Sequence[tuple[int, LogLine]]) -> Block:
        """Let retained lines take the place of live ones with the same text."""
        chunk = self._list.chunks[index]
        chunk.edits += 1
        block = self._spool.writable(chunk)
        for at, line in lines:
            block.flags[at] |= RETAINED_BIT
            block.times[at] = NO_TIME if line.time_ns is None else line.time_ns
        self._hold(index, block, max(block.times), moved=False)
        return block

    def _rewrite(self, index: int, block: Block) -> None:
        if len(block) <= CHUNK_LINES and (
            len(block.text) <= CHUNK_BYTES or len(block) == 1
        ):
            self._hold(index, block, max(block.times), moved=True)
        else:
            self._divide(index, halves(BlockSlice(block, 0, len(block))))

    def _hold(self, index: int, block: Block, newest_ns: int, *, moved: bool) -> None:
        chunk = self._list.chunks[index]
        chunk.hold(block, newest_ns, self._ids, moved=moved)
        self._spool.count_in((chunk,))
        self._list.replace(index, index + 1, (chunk,))

    def put(self, start: int, stop: int, pieces: Iterable[BlockSlice]) -> None:
        """Put pieces of one attempt, in order, in the place of whole chunks."""
        old = self._list.chunks[start:stop]
        attempt = old[0].attempt
        filled = [piece for piece in pieces if piece.stop > piece.start]
        parts = []
        if filled:
            block = Block.joined(filled)
            parts = [
                Chunk(attempt, Block.joined((each,)), self._ids)
                for each in halves(BlockSlice(block, 0, len(block)))
            ]
        self._spool.count_in(old, -1)
        self._spool.count_in(parts)
        self._list.replace(start, stop, parts)

    def _divide(self, index: int, pieces: Iterable[BlockSlice]) -> None:
        attempt = self._list.chunks[index].attempt
        parts = [Chunk(attempt, Block.joined((each,)), self._ids) for each in pieces]
        self._spool.count_in(parts)
        self._list.replace(index, index + 1, parts)


def holds_all(chunks: ChunkList, spool: Spool, lines: LineBlock) -> bool:
    """Whether every line of a block is held, and retained; looks at no text."""
    block, at = lines.block, 0
    held = chunks.chunks
    index = max(chunks.holding(LineKey(*lines.places[0], -1, "")), 0)
    while at < len(block) and index < len(held):
        here = spool.exact(held[index])
        start = bisect_left(here.numbers, block.numbers[at])
        both = min(len(here) - start, len(block) - at)
        stop, end = start + both, at + both
        # Of a `LineBlock` the columns say all of numbers, streams, ids and origin.
        if both and not (
            held[index].attempt == lines.attempt
            and here.numbers[start:stop] == block.numbers[at:end]
            and here.flags[start:stop] == block.flags[at:end]
        ):
            return False
        at += both
        index += 1
    return at == len(block)


def _rises_or_falls(lines: Sequence[LogLine]) -> bool:
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


class DuplicateMatcher:
    """Finds, for the lines of one batch, those they are again.

    Number, stream and message must be the same, and the times at most 1 ms apart
    (DESIGN.md, invariant 1).
    """

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._batch: dict[tuple[int, str, str], list[LogLine]] = {}

    def settled(self, line: LogLine) -> LogLine:
        """Return the line, with the time and so the key of the one it is again."""
        if line.attempt or line.event_id:
            return line
        seen = self._batch.setdefault(
            (line.sequence_num, line.stream, line.message), []
        )
        for known in (*self._stored(line), *seen):
            if _same(line, known):
                return line._replace(time_ns=known.time_ns)
        seen.append(line)
        return line

    def _stored(self, line: LogLine) -> Iterator[LogLine]:
        first, last = (
            LineKey(*key_of(line)[:3], timed_stand_in(line, margin))
            for margin in (-MILLISECOND_NS, MILLISECOND_NS + 1)
        )
        index = self._store.bisect(first)
        while index < len(self._store):
            known = self._store.line(index)
            if key_of(known) > last:
                return
            yield known
            index += 1


def _same(line: LogLine, known: LogLine) -> bool:
    if (line.stream, line.message) != (known.stream, known.message):
        return False
    if known.event_id or line.time_ns is None or known.time_ns is None:
        return not known.event_id and line.time_ns == known.time_ns
    return abs(line.time_ns - known.time_ns) <= MILLISECOND_NS


DEFAULT_BUDGET_BYTES: Final = 512 << 20


class LogStore:
    """An ordered store of log lines, and the marks among them.

    Beyond ``budget_bytes`` of memory the lines least read move to the ``overflow``,
    which is opened when first needed. If it fails with OSError memory is used
    instead, and ``spool.memory.note`` says so.

    Attributes:
        is_sparse: Whether numbers only order the lines, and do not count them.
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
        self.is_sparse = False
        self._huge: tuple[tuple[int, int, int], LogLine] | None = None
        self._writer = ChunkWriter(self.chunks, self.spool, self.ids)

    def __len__(self) -> int:
        return self.chunks.starts[-1]

    @property
    def version(self) -> int:
        return self.chunks.version + self.marks.version

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
        index = self.chunks.free_after(low, high)
        if index is None:
            index = self._writer.part_at(low, high, len(lines))
        if index is not None:
            self._writer.insert(index, lines.block, lines.attempt)
            return Added(lines, 0, 0)
        known = holds_all(self.chunks, self.spool, lines)
        return Added((), 0, len(lines)) if known else None

    def _take_run(self, lines: Sequence[LogLine]) -> Added | None:
        """Take lines of one attempt that go where no line is held, as pages do.

        Theirs are rising or falling places; those that follow the last line held,
        as live ones do, are as many as they like.
        """
        if not lines or not lines[0].attempt:
            return None
        low, high = sorted((lines[0][:2], lines[-1][:2]))
        held = self.chunks.chunks
        index: int | None = len(held) - 1
        if held and low <= held[-1].last[:2]:
            fits = len(lines) <= CHUNK_LINES
            index = self.chunks.free_after(low, high) if fits else None
        if index is None or low[0] != high[0]:
            return None
        if len(lines) > 1 and not _rises_or_falls(lines):
            return None
        ordered = lines if lines[0][1] <= lines[-1][1] else lines[::-1]
        for start in range(0, len(lines), CHUNK_LINES):
            block = block_of(ordered[start : start + CHUNK_LINES], self.ids)
            after = len(held) - 1 if start else index
            self._writer.insert(after, block, low[0])
        return Added(tuple(ordered), 0, 0)

    def _place(self, lines: Sequence[LogLine]) -> Added:
        unique: dict[LineKey, LogLine] = {}
        replaced = 0
        for line in map(DuplicateMatcher(self).settled, lines):
            key = key_of(line)
            known = unique.get(key)
            if known is None:
                unique[key] = line
            elif line.retained and not known.retained:
                unique[key] = line
                replaced += 1
        placed = self._writer.place(unique)
        duplicates = placed.duplicates + len(lines) - len(unique) - replaced
        return Added(placed.new, placed.replaced + replaced, duplicates)

    def line(self, index: int) -> LogLine:
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

    def slices(self, start: int, stop: int) -> Iterator[LineSlice]:
        """Yield lines as slices of blocks, to be read before others enter."""
        stop = min(stop, len(self))
        while start < stop:
            number, local = self.chunks.place(start)
            chunk = self.chunks.chunks[number]
            until = min(chunk.count, local + stop - start)
            block = self.spool.block(chunk)
            yield LineSlice(chunk.attempt, block, self.ids, range(local, until))
            start += until - local

    def append(self, piece: LineSlice) -> None:
        """Take lines of another store that stand after all lines held here.

        That one is not to be changed any more: a whole block goes over as it is.

        Raises:
            OSError: As `add`.
        """
        if not self.ids.agree(piece.ids):
            self.add(list(piece.lines()))
            return
        last = len(self.chunks.chunks) - 1
        self._writer.insert(last, piece.alone(), piece.attempt)
        self.spool.settle(self.chunks.chunks)

    def bisect(self, key: LineKey) -> int:
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
        index = self.bisect(key)
        if index < len(self) and key_of(self.line(index)) == key:
            return index
        return None

    def attempts(self) -> tuple[int, ...]:
        found: list[int] = []
        index = 0
        while index < len(self.chunks.chunks):
            found.append(self.chunks.chunks[index].attempt)
            beyond = LineKey(found[-1] + 1, LOWEST, -1, "")
            index = self.chunks.holding(beyond) + 1
        return tuple(found)

    def attempt_range(self, attempt: int) -> range:
        lowest = LineKey(attempt, LOWEST, -1, "")
        return range(
            self.bisect(lowest), self.bisect(lowest._replace(attempt=attempt + 1))
        )

    def rewrite(self, low: LineKey, high: LineKey, lines: Sequence[LogLine]) -> None:
        """Put lines, in order, in the place of all from one key up to another.

        The one at ``high`` stays. The chunks that hold any of them are written anew.
        """
        chunks, start, stop = self.chunks, self.bisect(low), self.bisect(high)
        if start == stop:
            self._add_runs(lines)
            return
        first, at = chunks.place(start)
        last, until = chunks.place(stop - 1)
        held = chunks.chunks[first : last + 1]
        head = BlockSlice(self.spool.block(held[0]), 0, at)
        tail = BlockSlice(self.spool.block(held[-1]), until + 1, held[-1].count)
        attempts = {held[0].attempt, held[-1].attempt, *(line[0] for line in lines)}
        if len(attempts) == 1:
            added = block_of(lines, self.ids) if lines else head.block
            middle = BlockSlice(added, 0, len(lines))
            self._writer.put(first, last + 1, [head, middle, tail])
        else:
            kept = self.lines(start - at, start)
            after = self.lines(stop, chunks.starts[last + 1])
            self._writer.put(first, last + 1, [])
            self._add_runs([*kept, *lines, *after])
        self.spool.settle(chunks.chunks)

    def _add_runs(self, lines: Sequence[LogLine]) -> None:
        for _attempt, run in groupby(lines, attrgetter("attempt")):
            self.add(list(run))

    def close(self) -> None:
        """Give the spool back; the lines in it are gone."""
        self.spool.close()


def relabel(
    store: LogStore, from_attempt: int, attempt_of: Callable[[LogLine], int]
) -> None:
    """Find the attempts of all lines from an attempt on again.

    Reads and places all of them, so it is for the rare moment when a server that
    does not tell attempts turns out to have had one more.

    ``attempt_of`` gives at least ``from_attempt``, and keeps lines apart that are.
    """
    low = LineKey(from_attempt, LOWEST, -1, "")
    lines = store.lines(store.bisect(low), len(store))
    if lines:
        changed = [line._replace(attempt=attempt_of(line)) for line in lines]
        changed.sort(key=attrgetter("attempt"))
        store.rewrite(low, LineKey(HIGHEST, LOWEST, -1, ""), changed)
