"""Searching rows: how many lines match, where the next one is.

A search follows its rows: call `Search.refresh` after ``rows.refresh()`` or
``rows.advance()``, and `Search.advance` until it returns True. What was searched once
is not searched again.
"""

from __future__ import annotations

from bisect import bisect_left
from copy import copy
from itertools import accumulate
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from chronotui.log.finders import LevelFinder, LineMatches, RegexFinder, pattern_finder
from chronotui.log.levels import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chronotui.log.finders import MatchedLines, Matcher
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

    Without a pattern it looks for errors (see `levels.is_error`).
    """

    def __init__(self, rows: Rows, pattern: Pattern | None = None) -> None:
        finder: Matcher = (
            LevelFinder(Level.ERROR, all_stderr=True)
            if pattern is None
            else pattern_finder(pattern)
        )
        self.pattern = pattern
        self._finder = finder
        self._found = LineMatches(rows.store.spool, finder)
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
        self._shown: dict[int, tuple[int, int, Sequence[int]]] = {}
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
        hits = self._in_chunk(place[0])
        at = bisect_left(hits, place[1])
        return at < len(hits) and hits[at] == place[1]

    def rank(self, row: int) -> int:
        """Return how many matching lines stand above a row: 3 makes it the 4th."""
        index, local = self.rows.place_from(row)
        before = self._totals()[index]
        if index >= len(self.rows.visible.chunks):
            return before
        return before + bisect_left(self._in_chunk(index), local)

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
            if not self._found.is_complete(visible.chunks[index]):
                if perf_counter() >= deadline:
                    return None, True
                if not self._found.look(visible.chunks[index], deadline):
                    return None, True
            hits = self._in_chunk(index)
            start, stop = 0, len(hits)
            if border is not None and border[0] == index:
                at = bisect_left(hits, border[1])
                start, stop = (at, stop) if step > 0 else (0, at)
            if start < stop:
                local = hits[start if step > 0 else stop - 1]
                ordinal = visible.ordinal(index, local)
                return self.rows.row_at_ordinal(ordinal), False
        return None, False

    def _totals(self) -> list[int]:
        visible = self.rows.visible
        filtered = visible.selection.revision if visible.selection else 0
        state = (visible.version, self._found.revision, filtered, len(visible))
        if self._sums[0] != state:
            counts = map(len, map(self._in_chunk, range(len(visible.chunks))))
            self._sums = (state, list(accumulate(counts, initial=0)))
        return self._sums[1]

    def _in_chunk(self, index: int) -> Sequence[int]:
        visible = self.rows.visible
        chunk = visible.chunks[index]
        found: MatchedLines = self._found.of(chunk)
        if visible.selection is None or not found.hits:
            return found.hits
        shown = visible.hits[index]
        size = (len(found.hits), len(shown))
        known = self._shown.get(chunk.stamp)
        if known is None or known[:2] != size:
            both = sorted(set(found.hits).intersection(shown))
            self._shown[chunk.stamp] = known = (*size, both)
        return known[2]
