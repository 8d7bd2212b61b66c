"""The lines a pane shows: which ones, and how many before each chunk."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from chronotui.core.log.keys import LineKey
from chronotui.core.log.marks import LOWEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chronotui.core.log.chunk import Chunk
    from chronotui.core.log.selection import Selection
    from chronotui.core.log.store import LogStore


class Visible:
    """Lines of a store that pass a selection and belong to an attempt.

    ``place`` here means a chunk's index in ``chunks`` and a line's index in it;
    ``ordinal`` counts the lines shown. Nothing is kept for a line that is shown
    because all are.

    Until `take_over` and `count_from` are called again, all numbers stay valid,
    whatever the store does.

    Attributes:
        chunks: The chunks that may show lines; ``base`` of the store's stand before.
        version: The version of the store's chunks that is shown.
        starts: Lines shown before each chunk, and all of them at the end.
    """

    def __init__(
        self, store: LogStore, selection: Selection | None, attempt: int | None
    ) -> None:
        self._store = store
        self._attempt = attempt
        self.selection = selection
        self.chunks: list[Chunk] = []
        self.base = 0
        self.starts = [0]
        self._hits: list[Sequence[int]] = []
        self.version = -1

    def __len__(self) -> int:
        """Return the number of lines shown."""
        return self.starts[-1]

    def take_over(self) -> int:
        """Follow the store; return the first chunk that may have changed."""
        changed = self._store.chunks.changed_since(self.version)
        first = 0 if self.version < 0 else changed
        self.version = self._store.chunks.version
        chunks = self._store.chunks.chunks
        base, stop = 0, len(chunks)
        if self._attempt is not None:
            base, stop = map(self._border, (self._attempt, self._attempt + 1))
        first = first - base if base == self.base else 0
        first = min(max(first, 0), len(self.chunks), max(stop - base, 0))
        self.chunks[first:] = chunks[base + first : stop]
        self.base = base
        return first

    def count_from(self, first: int) -> None:
        """Count the lines shown anew from a chunk on."""
        first = min(first, len(self.starts) - 1)
        chunks = self.chunks[first:]
        counts: Iterable[int] = (chunk.count for chunk in chunks)
        if self.selection is not None:
            self._hits[first:] = [self.selection.of(chunk).hits for chunk in chunks]
            counts = map(len, self._hits[first:])
        self.starts[first:] = accumulate(counts, initial=self.starts[first])

    def place(self, ordinal: int) -> tuple[int, int]:
        """Return where the line with an ordinal is."""
        index = bisect_right(self.starts, ordinal) - 1
        local = ordinal - self.starts[index]
        if self.selection is not None:
            local = self._hits[index][local]
        return index, local

    def ordinal(self, index: int, local: int) -> int:
        """Return how many lines are shown before a place."""
        if index >= len(self.chunks):
            return len(self)
        if self.selection is not None:
            local = bisect_left(self._hits[index], local)
        return self.starts[index] + local

    def ordinal_of(self, key: LineKey) -> int:
        """Return how many lines are shown before a key."""
        index, local = self._store.bisect_in_chunks(key)
        if index < self.base:
            return 0
        return self.ordinal(index - self.base, local)

    def line_number(self, index: int, local: int) -> int:
        """Return a line's number in the store."""
        starts = self._store.chunks.starts
        return starts[min(index + self.base, len(starts) - 1)] + local

    def hits(self, index: int) -> Sequence[int]:
        """Return the lines of a chunk that a selection lets through."""
        return self._hits[index]

    def shows(self, index: int, local: int) -> bool:
        """Whether the line at a place is shown."""
        if self.selection is None:
            return True
        hits = self._hits[index]
        at = bisect_left(hits, local)
        return at < len(hits) and hits[at] == local

    def _border(self, attempt: int) -> int:
        return self._store.chunks.holding(LineKey(attempt, LOWEST, -1, "")) + 1
