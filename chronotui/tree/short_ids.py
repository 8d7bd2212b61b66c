"""Ids cut as short as keeps those of one list apart."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

SHORTEST: Final = 6
LONGEST_BEGINNING: Final = 10
"""Cells to which the beginnings of ids are told; longer ones are alike too far."""

CUT: Final = "…"


class Named(Protocol):
    """Whatever says which job it is about, and what the job's id is shown as."""

    @property
    def workflow_id(self) -> str: ...

    @property
    def shown_id(self) -> str: ...


class ShortIds:
    """One cut for all ids of a list, so that they differ, at least ``SHORTEST`` cells.

    It is their beginning. Ids that share a long one are cut where they differ, else
    by their ends, whichever is shorter, with `CUT` in front. Which cut it is depends
    on the ids alone, not on their order. Adding ids costs what they are many, not
    what the list is long, except for the few times the cut changes.

    Attributes:
        length: Cells of an id that is cut.
    """

    def __init__(self) -> None:
        self.length = SHORTEST
        self._ids: set[str] = set()
        self._pieces: set[str] = set()
        self._cut = slice(0, SHORTEST)
        self._shared: str | None = None

    def add(self, ids: Iterable[str]) -> None:
        """Take up ids; one already known changes nothing."""
        new = set(ids) - self._ids
        if not new:
            return
        self._ids |= new
        self._pieces.update(item[self._cut] for item in new)
        known = [] if self._shared is None else [self._shared]
        shared = _shared_beginning([*known, *new])
        moved = self._cut.start > 0 and shared != self._shared
        self._shared = shared
        if moved or len(self._pieces) < len(self._ids):
            self._choose(len(shared))

    def of(self, item_id: str) -> str:
        piece = item_id[self._cut]
        whole = not self._cut.start or len(piece) == len(item_id)
        return piece if whole else CUT + piece

    def shows(self, item_id: str, text: str) -> bool:
        """Whether an id begins with a text, or what is shown of it does."""
        shown = self.of(item_id)
        return item_id.startswith(text) or shown.removeprefix(CUT).startswith(text)

    def _choose(self, shared: int) -> None:
        cut = self._least(lambda cells: slice(0, cells))
        if cut.stop > LONGEST_BEGINNING:
            inside = self._least(lambda cells: slice(shared, shared + cells - 1))
            end = self._least(lambda cells: slice(1 - cells, None))
            cut = min(cut, inside, end, key=_cells)
        self._cut = cut
        self._pieces = {item[cut] for item in self._ids}
        self.length = _cells(cut)

    def _least(self, cut: Callable[[int], slice]) -> slice:
        """Return the shortest cut of a kind that keeps all ids apart."""
        longest = max(map(len, self._ids)) + 1
        widths = range(SHORTEST, max(longest, SHORTEST) + 1)

        def differ(cells: int) -> bool:
            return len({item[cut(cells)] for item in self._ids}) == len(self._ids)

        at = bisect_left(widths, True, key=differ)
        return cut(widths[min(at, len(widths) - 1)])


def _shared_beginning(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    pairs = zip(first, last, strict=False)
    at = next((at for at, (one, other) in enumerate(pairs) if one != other), None)
    return first[:at]


def _cells(cut: slice) -> int:
    """Return the cells of an id cut like this, with what tells that it is cut."""
    if cut.stop is None:
        return 1 - int(cut.start)
    return int(cut.stop - cut.start) + bool(cut.start)
