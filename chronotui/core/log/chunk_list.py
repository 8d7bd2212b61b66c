"""Chunks in order: which one holds a line, and what changed since when."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.core.log.chunk import Chunk
    from chronotui.core.log.keys import LineKey


class ChunkList:
    """The chunks of a log; finding a line costs the logarithm of their number.

    Attributes:
        chunks: In order; change them through `replace` and `touch` only.
        version: Grows with every change.
    """

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self.version = 0
        self._firsts: list[LineKey] = []
        self._starts = [0]
        self._changes: list[tuple[int, int]] = []

    def __len__(self) -> int:
        """Return the number of lines."""
        return self.starts[-1]

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
        """Return the chunk of a line number, and its index there."""
        index = bisect_right(self.starts, line) - 1
        return index, line - self._starts[index]

    def holding(self, key: LineKey) -> int:
        """Return the last chunk that does not begin after a key, -1 if all do."""
        return bisect_right(self._firsts, key) - 1

    def replace(self, start: int, stop: int, chunks: Sequence[Chunk]) -> None:
        """Put chunks in the place of others."""
        self.chunks[start:stop] = chunks
        self._firsts[start:stop] = [chunk.first for chunk in chunks]
        self._changed(start)

    def touch(self, index: int) -> None:
        """Take note that a chunk changed."""
        self._firsts[index] = self.chunks[index].first
        self._changed(index)

    def changed_since(self, version: int) -> int:
        """Return the first chunk that may differ from what it was at a version.

        All before it are the same objects with the same lines.
        """
        index = bisect_right(self._changes, version, key=lambda change: change[0])
        if index == len(self._changes):
            return len(self.chunks)
        return self._changes[index][1]

    def _changed(self, index: int) -> None:
        self.version += 1
        del self._starts[index + 1 :]
        while self._changes and self._changes[-1][1] >= index:
            self._changes.pop()
        self._changes.append((self.version, index))
