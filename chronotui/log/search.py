"""Searching rows: how many lines match, where the next one is.

A search follows its rows: call `Search.refresh` after ``rows.refresh()`` or
``rows.advance()``, and `Search.advance` until it returns True. What was searched once
is not searched again.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from copy import copy
from itertools import accumulate
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from chronotui.log.errors import ErrorLines
from chronotui.log.finders import LineMatches, RegexFinder, pattern_finder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chronotui.log.chunks import Chunk
    from chronotui.log.pattern import Pattern
    from chronotui.log.rows import Rows


AT_ONCE_SECONDS = 0.004
"""Time `Search.refresh` itself spends on searching what arrived."""

JUMP_SECONDS = 0.008
"""Time `Search.next` spends on searching before it asks to be called again."""


class Jump(NamedTuple):
    """Where a search leads; ``wrapped`` when it went round an end."""

    row: int
    wrapped: bool


class Search:
    """Lines that match, among the rows shown; for other rows, make another search.

    Without a pattern it looks for errors: each is found once, at the first of its lines
    that is shown (see `errors.ErrorRule`).
    """

    def __init__(self, rows: Rows, pattern: Pattern | None = None) -> None:
        self.pattern = pattern
        self._finder = None if pattern is None else pattern_finder(pattern)
        self._errors: ErrorLines | None = None
        if self._finder is not None:
            self._found = LineMatches(rows.store.spool, self._finder)
        else:
            self._found = self._errors = ErrorLines(rows.store)
        self.turn_to(rows)

    def over(self, rows: Rows) -> Search:
        """Return the same search over other rows of the same store.

        What was searched here is known there, and the other way round.
        """
        other = copy(self)
        other.turn_to(rows)
        return other

    def turn_to(self, rows: Rows) -> None:
        self.rows = rows
        self._version = -1
        self._base = 0
        self._sums: tuple[tuple[int, ...], list[int]] = ((), [0])
        self._shown: dict[int, tuple[tuple[int, ...], Sequence[int]]] = {}
        self.refresh()

    @property
    def complete(self) -> bool:
        return self._found.complete and self.rows.complete

    @property
    def progress(self) -> tuple[int, int]:
        chunks = self.rows.visible.chunks
        return self._found.lines_done(chunks), sum(chunk.count for chunk in chunks)

    @property
    def count(self) -> int:
        return self._totals()[-1]

    @property
    def too_slow(self) -> int:
        """Lines the expression took too long for; they are not counted."""
        finder = self._finder
        return finder.too_slow if isinstance(finder, RegexFinder) else 0

    def refresh(self) -> None:
        visible = self.rows.visible
        if self._version == visible.version:
            return
        changed = self.rows.store.chunks.changed_since(self._version) - visible.base
        known = self._version >= 0 and self._base == visible.base
        first = max(changed, 0) if known and self._found.complete else 0
        self._version, self._base = visible.version, visible.base
        self._found.keep_only(visible.chunks)
        self._found.plan(visible.chunks[first:], len(visible.chunks))
        self._found.advance(perf_counter() + AT_ONCE_SECONDS)

    def advance(self, budget_seconds: float) -> bool:
        self.refresh()
        return self._found.advance(perf_counter() + budget_seconds)

    def spans(self, text: str) -> list[tuple[int, int]]:
        return [] if self.pattern is None else self.pattern.spans(text)

    def is_match(self, row: int) -> bool:
        place = self.rows.place(row)
        if place is None:
            return False
        hits = self.in_chunk(place[0])
        at = bisect_left(hits, place[1])
        return at < len(hits) and hits[at] == place[1]

    def rank(self, row: int) -> int:
        """Return how many matching lines stand above a row: 3 makes it the 4th."""
        index, local = self.rows.place_from(row)
        before = self._totals()[index]
        if index >= len(self.rows.visible.chunks):
            return before
        return before + bisect_left(self.in_chunk(index), local)

    def next(self, row: int, step: int = 1, *, wrap: bool = True) -> Jump | None:
        """Return the next matching row after a row (``step`` 1) or before it (-1).

        Lines on the way that were not searched yet are searched, for up to
        ``JUMP_SECONDS``. None means that there is none if ``complete``; else call
        `advance`, and again. The row itself is found only by going all the way
        round, which ``wrap`` allows.
        """
        deadline = perf_counter() + JUMP_SECONDS
        index, local = self.rows.place_from(row)
        total = len(self.rows.visible.chunks)
        if step > 0:
            here = local + 1 if self.rows.place(row) is not None else local
            ahead, around = range(index, total), range(min(index + 1, total))
        else:
            here = local
            ahead, around = (
                range(min(index, total - 1), -1, -1),
                range(total - 1, index - 1, -1),
            )
        found, stopped = self._first(ahead, step, (index, here), deadline)
        if found is not None or stopped or not wrap:
            return None if found is None else Jump(found, wrapped=False)
        found, _stopped = self._first(around, step, None, deadline)
        return None if found is None else Jump(found, wrapped=True)

    def _first(
        self,
        chunks: Iterable[int],
        step: int,
        border: tuple[int, int] | None,
        deadline: float,
    ) -> tuple[int | None, bool]:
        visible = self.rows.visible
        for index in chunks:
            if visible.selection is not None and not visible.hits[index]:
                continue
            whole = self._is_read(visible.chunks[index], deadline)
            if not whole and step < 0:
                return None, True
            hits = self.in_chunk(index)
            start, stop = 0, len(hits)
            if border is not None and border[0] == index:
                at = bisect_left(hits, border[1])
                start, stop = (at, stop) if step > 0 else (0, at)
            if start < stop:
                local = hits[start if step > 0 else stop - 1]
                ordinal = visible.ordinal(index, local)
                return self.rows.row_at_ordinal(ordinal), False
            if not whole:
                return None, True
        return None, False

    def _is_read(self, chunk: Chunk, deadline: float) -> bool:
        """Read a chunk on, in time; whether all of it has been."""
        if self._found.is_complete(chunk):
            return True
        return perf_counter() < deadline and self._found.look(chunk, deadline)

    def _totals(self) -> list[int]:
        visible = self.rows.visible
        filtered = visible.selection.revision if visible.selection else 0
        state = (visible.version, self._found.revision, filtered, len(visible))
        if self._sums[0] != state:
            counts = map(len, map(self.in_chunk, range(len(visible.chunks))))
            self._sums = (state, list(accumulate(counts, initial=0)))
        return self._sums[1]

    def in_chunk(self, index: int) -> Sequence[int]:
        """Return the matching lines that are shown of a chunk, by index."""
        visible = self.rows.visible
        chunk = visible.chunks[index]
        hits = self._found.of(chunk).hits
        begins = hits if self._errors is None else self._errors.begins(chunk)
        if visible.selection is None or not hits:
            return begins
        shown = visible.hits[index]
        goes_on = self._goes_on(index, hits, begins)
        forgotten = 0 if self._errors is None else self._errors.forgotten
        state = (len(hits), len(begins), len(shown), goes_on, forgotten)
        known = self._shown.get(chunk.stamp)
        if known is None or known[0] != state:
            both = sorted(set(hits).intersection(shown))
            if self._errors is not None:
                both = _first_ones(both, begins, goes_on=goes_on)
            self._shown[chunk.stamp] = known = (state, both)
        return known[1]

    def _goes_on(self, index: int, hits: Sequence[int], begins: Sequence[int]) -> bool:
        """Whether a chunk begins within an error of which a line is shown before."""
        errors, visible = self._errors, self.rows.visible
        if errors is None or (begins and begins[0] <= hits[0]):
            return False
        for before in range(index - 1, -1, -1):
            chunk = visible.chunks[before]
            last = max(errors.begins(chunk), default=-1)
            shown = set(errors.of(chunk).hits).intersection(visible.hits[before])
            if shown and max(shown) >= last:
                return True
            if last >= 0:
                return False
        return False


def _first_ones(
    lines: Sequence[int], begins: Sequence[int], *, goes_on: bool
) -> list[int]:
    """Return the first line of each error; ``goes_on`` leaves out a first one cut."""
    errors = [bisect_right(begins, line) for line in lines]
    return [
        line
        for line, error, before in zip(
            lines, errors, [0 if goes_on else -1, *errors], strict=False
        )
        if error != before
    ]
