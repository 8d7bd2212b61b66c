"""Which lines of each chunk match something, found once and kept."""

from __future__ import annotations

from array import array
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.core.log.block import Block
    from chronotui.core.log.chunk import Chunk
    from chronotui.core.log.spool import Spool


class Hits(NamedTuple):
    """Indexes of matching lines in order, of the lines before ``done``."""

    indexes: Sequence[int]
    done: int


class Matcher(Protocol):
    """Finds lines of a block."""

    def find(self, block: Block, start: int, deadline: float, /) -> Hits:
        """Look at lines from ``start`` on.

        Stops early when ``perf_counter`` has passed the deadline: after a line, or
        in the midst of a huge one, to be called again from that line.
        """


class Found:
    """The lines of one chunk that match, of its first ``done`` lines."""

    __slots__ = ("done", "hits")

    def __init__(self) -> None:
        self.done = 0
        self.hits = array("H")


_NOTHING = Found()


class Selection:
    """Matching lines by chunk; a chunk that grew is read on from where it was.

    Args:
        spool: Gives the lines of a chunk.
        matcher: Says which of them match.

    Attributes:
        revision: Grows with everything found.
    """

    def __init__(self, spool: Spool, matcher: Matcher) -> None:
        self._spool = spool
        self._matcher = matcher
        self._found: dict[int, Found] = {}
        self._todo: list[Chunk] = []
        self.revision = 0

    def of(self, chunk: Chunk) -> Found:
        """Return what has been found in a chunk; its ``done`` may be 0."""
        return self._found.get(chunk.stamp, _NOTHING)

    def is_complete(self, chunk: Chunk) -> bool:
        """Whether all lines of a chunk have been looked at."""
        return self.of(chunk).done == chunk.count

    @property
    def complete(self) -> bool:
        """Whether nothing planned is left to look at."""
        return not self._todo

    def look(self, chunk: Chunk, deadline: float) -> bool:
        """Look at lines of a chunk not looked at yet; whether all have been now."""
        found = self._found.setdefault(chunk.stamp, Found())
        if found.done < chunk.count:
            hits = self._matcher.find(self._spool.peek(chunk), found.done, deadline)
            found.hits.extend(hits.indexes)
            found.done = hits.done
            self.revision += 1
        return found.done == chunk.count

    def plan(self, chunks: Sequence[Chunk], near: int) -> None:
        """Set what `advance` looks at: incomplete chunks, nearest to one first."""
        todo = [
            (abs(index - near), chunk)
            for index, chunk in enumerate(chunks)
            if not self.is_complete(chunk)
        ]
        todo.sort(key=lambda item: -item[0])
        self._todo = [chunk for _distance, chunk in todo]

    def advance(self, deadline: float) -> bool:
        """Look at planned chunks until the deadline; whether all is done."""
        while self._todo:
            if not self.look(self._todo[-1], deadline):
                break
            self._todo.pop()
            if perf_counter() >= deadline:
                break
        return not self._todo

    def keep_only(self, chunks: Sequence[Chunk]) -> None:
        """Forget chunks that are no more, now and then."""
        if len(self._found) > 2 * len(chunks) + 16:
            kept = {chunk.stamp for chunk in chunks}
            self._found = {s: f for s, f in self._found.items() if s in kept}

    def lines_done(self, chunks: Sequence[Chunk]) -> int:
        """Return how many lines of chunks have been looked at."""
        return sum(self.of(chunk).done for chunk in chunks)
