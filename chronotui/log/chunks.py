"""The log in chunks: what is read, searched and spooled as one."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from itertools import count
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from chronotui.log.attempts import LineKey
from chronotui.log.block import NO_TIME, Block, BlockSlice, block_of, pack, unpack
from chronotui.model import STDERR, LogLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from chronotui.log.block import EventIds, Odd

CHUNK_LINES: Final = 4096
"""Most lines of a chunk; indexes into one fit 16 bits."""

CHUNK_BYTES: Final = 1 << 20
"""Most text of a chunk, unless it is one line: about a millisecond of work."""

_stamps: Iterator[int] = count(1)


class Chunk:
    """Lines of one attempt, and what is known of them without reading them.

    Attributes:
        block: The lines; None while they are in the spool.
        place: Offset and size of the same lines in the spool, if they are there.
        odd: The block's own ``odd``, which is never spooled.
        size: Bytes of memory the block takes.
        stamp: Changes with every change that moves lines; unique among chunks.
        edits: How often lines became others where they were.
        used: When it was last read, as a count.
    """

    __slots__ = (
        "attempt",
        "block",
        "count",
        "edits",
        "first",
        "last",
        "newest_ns",
        "odd",
        "place",
        "size",
        "stamp",
        "used",
    )

    def __init__(self, attempt: int, block: Block, ids: EventIds) -> None:
        self.attempt = attempt
        self.block: Block | None = block
        self.place: tuple[int, int] | None = None
        self.odd: dict[int, Odd] = block.odd
        self.count = self.size = self.stamp = self.edits = self.used = 0
        self.newest_ns = NO_TIME
        self.first: LineKey
        self.last: LineKey
        self.hold(block, max(block.times), ids, moved=True)

    def hold(self, block: Block, newest_ns: int, ids: EventIds, *, moved: bool) -> None:
        """Take changed lines; ``moved`` unless all are where they were."""
        if moved:
            self.stamp = next(_stamps)
            self.first = block.key(0, self.attempt, ids)
        self.block, self.odd, self.place = block, block.odd, None
        self.newest_ns = newest_ns
        self.count = len(block)
        self.size = len(block.text) + 21 * self.count + 200 * len(block.odd)
        self.last = block.key(self.count - 1, self.attempt, ids)

    def room_for(self, block: Block) -> int:
        """Return how many of a block's first lines fit in beside the chunk's own."""
        lines = min(len(block), CHUNK_LINES - self.count)
        while lines > 0 and block.begin(lines) > CHUNK_BYTES - self.size:
            lines //= 2
        return lines

    def fits(self, block: Block, attempt: int) -> bool:
        return attempt == self.attempt and self.room_for(block) == len(block)


class ChunkList:
    """The chunks of a log; finding a line costs the logarithm of their number.

    They are changed through `replace` only, and ``version`` grows with every change.
    """

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self.version = 0
        self._firsts: list[LineKey] = []
        self._starts = [0]
        self._changes: list[tuple[int, int]] = []

    @property
    def starts(self) -> list[int]:
        """Number of the first line of each chunk, and of all lines at the end."""
        starts = self._starts
        if len(starts) <= len(self.chunks):
            total = starts[-1]
            for chunk in self.chunks[len(starts) - 1 :]:
                total += chunk.count
                starts.append(total)
        return starts

    def place(self, line: int) -> tuple[int, int]:
        index = bisect_right(self.starts, line) - 1
        return index, line - self._starts[index]

    def holding(self, key: LineKey) -> int:
        """Return the last chunk that does not begin after a key, -1 if all do."""
        return bisect_right(self._firsts, key) - 1

    def free_after(self, low: tuple[int, int], high: tuple[int, int]) -> int | None:
        """Return the chunk (-1: none) after which no line is held from low to high.

        These are (attempt, number). None if a chunk reaches between them.
        """
        index, held = self.holding(LineKey(*low, -1, "")), self.chunks
        if index >= 0 and held[index].last[:2] >= low:
            return None
        if index + 1 < len(held) and held[index + 1].first[:2] <= high:
            return None
        return index

    def replace(self, start: int, stop: int, chunks: Sequence[Chunk]) -> None:
        self.chunks[start:stop] = chunks
        self._firsts[start:stop] = [chunk.first for chunk in chunks]
        self.version += 1
        del self._starts[start + 1 :]
        while self._changes and self._changes[-1][1] >= start:
            self._changes.pop()
        self._changes.append((self.version, start))

    def changed_since(self, version: int) -> int:
        """Return the first chunk that may differ from what it was at a version.

        All before it are the same objects with the same lines.
        """
        index = bisect_right(self._changes, version, key=itemgetter(0))
        if index == len(self._changes):
            return len(self.chunks)
        return self._changes[index][1]


def fitting(block: Block, start: int) -> int:
    """Return how many lines from ``start`` on make a chunk, at least one."""
    end = block.begin(start) + CHUNK_BYTES
    return max(1, min(CHUNK_LINES, bisect_right(block.ends, end) - start))


def halves(piece: BlockSlice) -> Iterator[BlockSlice]:
    """Cut a piece in the middle until each part makes a chunk."""
    block, start, stop = piece
    lines = stop - start
    fits = block.size(start, stop) <= CHUNK_BYTES and lines <= CHUNK_LINES
    if lines == 1 or fits:
        yield piece
        return
    middle = start + lines // 2
    yield from halves(BlockSlice(block, start, middle))
    yield from halves(BlockSlice(block, middle, stop))


def spliced(
    old: Block, added: Block, places: Sequence[tuple[int, bool]]
) -> Iterator[BlockSlice]:
    """Yield the pieces of old and added lines in order.

    ``places`` gives, for each added line, the index in ``old`` it comes before, and
    whether it takes that line's place.
    """
    done = start = 0
    for index, (at, known) in enumerate(places):
        if at > done or (index and places[index - 1][1]):
            if index > start:
                yield BlockSlice(added, start, index)
                start = index
            if at > done:
                yield BlockSlice(old, done, at)
        done = at + known
    yield BlockSlice(added, start, len(added))
    yield BlockSlice(old, done, len(old))


MOST_WRITTEN: Final = 2 << 20
"""Bytes spooled in one go: a few milliseconds, so that an append stays short."""

CACHE_BYTES: Final = 8 << 20
"""Bytes of spooled chunks kept after reading them."""

MOST_STAND_INS: Final = 8
"""Chunks that cannot be read for which what is shown instead is kept."""

RETRY_BYTES: Final = 64 << 20
"""How much the log grows until a spool that failed is tried again."""


class Overflow(Protocol):
    """An append-only place for bytes, a file for one; each call may raise OSError.

    ``write`` returns the offset it starts at; what does not fit is not taken at all.
    """

    def write(self, content: bytes, /) -> int: ...
    def read(self, offset: int, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class MemoryUse(NamedTuple):
    """What a log takes, in bytes; ``note`` says what did not go as asked."""

    text_bytes: int
    index_bytes: int
    spooled_bytes: int
    note: str = ""


class Spool:
    """Keeps memory within its budget: what is read least goes to a spool file.

    Every access to a block goes through it.
    """

    def __init__(
        self,
        budget_bytes: int,
        overflow: Callable[[], Overflow] | None,
        ids: EventIds,
    ) -> None:
        self._budget = budget_bytes
        self._open = overflow
        self._ids = ids
        self._file: Overflow | None = None
        self._cache: OrderedDict[int, Block] = OrderedDict()
        self._clock = count(1)
        self._stand_ins: dict[int, Block] = {}
        self._queue: list[Chunk] = []
        self._resident = 0
        self._text = 0
        self._retry_at = 0
        self._written = 0
        self._trouble = ""
        self._lost = ""

    @property
    def memory(self) -> MemoryUse:
        note = self._lost or self._trouble
        if not note and self._open is None and self._resident > self._budget:
            note = "Over its budget: the log is kept in memory, without a spool file."
        return MemoryUse(self._text, self._resident - self._text, self._written, note)

    def count_in(self, chunks: Iterable[Chunk], sign: int = 1) -> None:
        for chunk in chunks:
            chunk.used = next(self._clock)
            if chunk.block is not None:
                self._resident += sign * chunk.size
                self._text += sign * len(chunk.block.text)

    def block(self, chunk: Chunk) -> Block:
        try:
            return self.exact(chunk)
        except OSError as error:
            return self._stand_in(chunk, error)

    def peek(self, chunk: Chunk) -> Block:
        """Return a chunk's lines for one look in passing, as a scan does."""
        try:
            return chunk.block or self._cache.get(chunk.stamp) or self._read(chunk)
        except OSError as error:
            return self._stand_in(chunk, error)

    def exact(self, chunk: Chunk) -> Block:
        """Return a chunk's lines; OSError if the spool does not give them back."""
        chunk.used = next(self._clock)
        if chunk.block is not None:
            return chunk.block
        if chunk.stamp in self._cache:
            self._cache.move_to_end(chunk.stamp)
            return self._cache[chunk.stamp]
        block = self._read(chunk)
        self._cache[chunk.stamp] = block
        held = sum(len(each.text) for each in self._cache.values())
        while held > CACHE_BYTES and len(self._cache) > 1:
            _stamp, dropped = self._cache.popitem(last=False)
            held -= len(dropped.text)
        return block

    def writable(self, chunk: Chunk) -> Block:
        """Return a chunk's lines to change, and count it out: count it in after.

        Raises:
            OSError: They are in the spool and cannot be read.
        """
        block = self.exact(chunk)
        self._cache.pop(chunk.stamp, None)
        self.count_in((chunk,), -1)
        return block

    def settle(self, chunks: list[Chunk]) -> None:
        """Spool what was not used for longest while memory is over budget.

        The last chunk, which grows, stays. Writes at most ``MOST_WRITTEN`` bytes
        (one chunk more), so that a caller is never held up for long.
        """
        if self._open is None or self._resident <= self._budget:
            return
        if self._resident < self._retry_at:
            return
        if not self._queue:
            self._queue = [chunk for chunk in chunks[:-1] if chunk.block is not None]
            self._queue.sort(key=lambda chunk: -chunk.used)
        written = 0
        while self._queue and self._resident > self._budget and written < MOST_WRITTEN:
            chunk = self._queue.pop()
            if chunk.block is None or chunk is chunks[-1]:
                continue
            written += chunk.size
            if not self._put(chunk):
                self._retry_at = self._resident + RETRY_BYTES
                return

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None
        self._cache.clear()
        self._queue.clear()

    def _put(self, chunk: Chunk) -> bool:
        # Of `settle`: the queue holds no other chunk, and a spool can be opened.
        assert chunk.block is not None and self._open is not None  # noqa: S101, PT018
        try:
            if chunk.place is None:
                if self._file is None:
                    self._file = self._open()
                packed = pack(chunk.block)
                chunk.place = (self._file.write(packed), len(packed))
                self._written += len(packed)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            self._trouble = f"The spool file fails ({reason}): memory is used instead."
            return False
        self._trouble = ""
        self._retry_at = 0
        self.count_in((chunk,), -1)
        chunk.block = None
        return True

    def _read(self, chunk: Chunk) -> Block:
        if chunk.place is None or self._file is None:
            raise OSError("the spool file is closed")
        try:
            return unpack(self._file.read(*chunk.place), chunk.odd)
        except ValueError as error:
            raise OSError("the spool file is shorter than it was written") from error

    def _stand_in(self, chunk: Chunk, error: OSError) -> Block:
        reason = error.strerror or str(error)
        self._lost = f"Lines in the spool file cannot be read back ({reason})."
        if chunk.stamp not in self._stand_ins:
            number = chunk.first.sequence_num
            line = LogLine(chunk.attempt, number, STDERR, None, "(unreadable)")
            if len(self._stand_ins) >= MOST_STAND_INS:
                self._stand_ins.clear()
            block = block_of([line] * chunk.count, self._ids)
            self._stand_ins[chunk.stamp] = block
        return self._stand_ins[chunk.stamp]
