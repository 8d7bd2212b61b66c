"""Memory kept within its budget: what is read least goes to a spool file."""

from __future__ import annotations

from collections import OrderedDict
from itertools import count
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from chronotui.core.log.block_of import block_of
from chronotui.core.log.packing import pack, unpack
from chronotui.model import STDERR, LogLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chronotui.core.log.block import Block
    from chronotui.core.log.chunk import Chunk
    from chronotui.core.log.event_ids import EventIds

MOST_WRITTEN: Final = 2 << 20
"""Bytes spooled in one go: a few milliseconds, so that an append stays short."""

CACHE_BYTES: Final = 8 << 20
"""Bytes of spooled chunks kept after reading them."""

MOST_STAND_INS: Final = 8
"""Chunks that cannot be read for which what is shown instead is kept."""

RETRY_BYTES: Final = 64 << 20
"""How much the log grows until a spool that failed is tried again."""


class Overflow(Protocol):
    """An append-only place for bytes, `storage.spool_file.SpoolFile` for one."""

    def write(self, content: bytes, /) -> int:
        """Append, and return the offset it starts at.

        Raises:
            OSError: It does not fit; nothing is taken then.
        """

    def read(self, offset: int, size: int, /) -> bytes:
        """Return ``size`` bytes from ``offset``.

        Raises:
            OSError: They cannot be read.
        """

    def close(self) -> None:
        """Give the space back."""


class MemoryUse(NamedTuple):
    """What a log takes, in bytes; ``note`` says what did not go as asked."""

    text_bytes: int
    index_bytes: int
    spooled_bytes: int
    note: str = ""


class Spool:
    """Decides which chunks are in memory; every access to a block goes through it.

    Args:
        budget_bytes: Memory for text and columns.
        overflow: Opens the spool when it is first needed; None: there is none.
        ids: Event ids of the log.
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
    def use(self) -> MemoryUse:
        """What the log takes now."""
        note = self._lost or self._trouble
        if not note and self._open is None and self._resident > self._budget:
            note = "Over its budget: the log is kept in memory, without a spool file."
        return MemoryUse(self._text, self._resident - self._text, self._written, note)

    def count_in(self, chunks: Iterable[Chunk], sign: int = 1) -> None:
        """Add what new chunks take, or with ``sign`` -1 take it off."""
        for chunk in chunks:
            chunk.used = next(self._clock)
            if chunk.block is not None:
                self._resident += sign * chunk.size
                self._text += sign * len(chunk.block.text)

    def block(self, chunk: Chunk) -> Block:
        """Return a chunk's lines to look at, and remember that it was used."""
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
        """Return a chunk's lines, and remember that it was used.

        Raises:
            OSError: They are in the spool and cannot be read.
        """
        chunk.used = next(self._clock)
        if chunk.block is not None:
            return chunk.block
        known = self._cache.get(chunk.stamp)
        if known is not None:
            self._cache.move_to_end(chunk.stamp)
            return known
        block = self._read(chunk)
        self._cache[chunk.stamp] = block
        held = sum(len(each.text) for each in self._cache.values())
        while held > CACHE_BYTES and len(self._cache) > 1:
            _stamp, dropped = self._cache.popitem(last=False)
            held -= len(dropped.text)
        return block

    def writable(self, chunk: Chunk) -> Block:
        """Return a chunk's lines to change; count it out before and in after.

        Raises:
            OSError: They are in the spool and cannot be read.
        """
        block = self.exact(chunk)
        self._cache.pop(chunk.stamp, None)
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
        """Give the spool's space back; spooled lines are gone."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self._cache.clear()
        self._queue.clear()

    def _put(self, chunk: Chunk) -> bool:
        assert chunk.block is not None  # noqa: S101 - the queue holds no other
        try:
            if chunk.place is None:
                packed = pack(chunk.block)
                chunk.place = (self._opened().write(packed), len(packed))
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

    def _opened(self) -> Overflow:
        if self._file is None:
            assert self._open is not None  # noqa: S101 - settle asked before
            self._file = self._open()
        return self._file

    def _read(self, chunk: Chunk) -> Block:
        if chunk.place is None or self._file is None:
            raise OSError("the spool file is closed")
        try:
            return unpack(self._file.read(*chunk.place), chunk.odd)
        except ValueError as error:
            raise OSError("the spool file is shorter than it was written") from error

    def _stand_in(self, chunk: Chunk, error: OSError) -> Block:
        """Return lines that say that they cannot be read."""
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
