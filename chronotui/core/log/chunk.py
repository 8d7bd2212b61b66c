"""A stretch of the log that is read, searched and spooled as one."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

from chronotui.core.log.block import NO_TIME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.core.log.block import Block, Odd
    from chronotui.core.log.event_ids import EventIds
    from chronotui.core.log.keys import LineKey

CHUNK_LINES: Final = 4096
"""Most lines of a chunk; indexes into one fit 16 bits."""

CHUNK_BYTES: Final = 1 << 20
"""Most text of a chunk, unless it is one line: about a millisecond of work."""

_stamps: Iterator[int] = count(1)


class Chunk:
    """Lines of one attempt, and what is known of them without reading them.

    Attributes:
        attempt: The attempt of all its lines.
        block: The lines; None while they are in the spool.
        place: Offset and size of the same lines in the spool, if they are there.
        odd: The block's own ``odd``, which is never spooled.
        count: Number of lines.
        size: Bytes of memory the block takes.
        first: Key of the first line.
        last: Key of the last line.
        newest_ns: Latest time of its lines.
        stamp: Changes with every change that is not an append; unique among chunks.
        used: When it was last read, as a count.
    """

    __slots__ = (
        "attempt",
        "block",
        "count",
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
        self.count = 0
        self.size = 0
        self.first: LineKey = block.key(0, attempt, ids)
        self.last: LineKey = self.first
        self.newest_ns = NO_TIME
        self.stamp = 0
        self.used = 0
        self.rewritten(block, ids)

    def rewritten(self, block: Block, ids: EventIds) -> None:
        """Take note that the lines are others than before."""
        self.count = 0
        self.newest_ns = NO_TIME
        self.stamp = next(_stamps)
        self.first = block.key(0, self.attempt, ids)
        self.appended(block, ids)

    def inserted(self, block: Block, newest_ns: int, ids: EventIds) -> None:
        """Take note that lines have joined anywhere, the latest of that time."""
        self.stamp = next(_stamps)
        self.first = block.key(0, self.attempt, ids)
        self.newest_ns = max(self.newest_ns, newest_ns)
        self._measured(block, ids)

    def appended(self, block: Block, ids: EventIds) -> None:
        """Take note that lines have joined at the end."""
        times = block.times[self.count :]
        self.newest_ns = max(self.newest_ns, max(times, default=NO_TIME))
        self._measured(block, ids)

    def _measured(self, block: Block, ids: EventIds) -> None:
        self.block = block
        self.odd = block.odd
        self.place = None
        self.count = len(block)
        self.size = len(block.text) + block.column_bytes
        self.last = block.key(self.count - 1, self.attempt, ids)

    def confirmed(self, block: Block) -> None:
        """Take note that times and flags changed, text and order did not."""
        self.block = block
        self.place = None
        self.newest_ns = max(block.times)

    def room_for(self, block: Block) -> int:
        """Return how many of a block's first lines fit in beside the chunk's own."""
        lines = min(len(block), CHUNK_LINES - self.count)
        while lines > 0 and block.begin(lines) > CHUNK_BYTES - self.size:
            lines //= 2
        return lines

    def fits(self, block: Block, attempt: int) -> bool:
        """Whether a block of an attempt can join as a whole."""
        return attempt == self.attempt and self.room_for(block) == len(block)
