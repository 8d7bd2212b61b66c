"""Ids as short as keeps them different."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORTEST: Final = 6


class ShortIds:
    """The common length at which all ids of a list differ, at least ``SHORTEST``.

    The length only grows, so a column of ids keeps its width while a list is read.
    Adding ids costs what they are many, not what the list is long, except for the
    few times the length grows.
    """

    def __init__(self) -> None:
        self.length = SHORTEST
        self._ids: set[str] = set()
        self._prefixes: set[str] = set()

    def add(self, ids: Iterable[str]) -> None:
        """Take up ids; one already known changes nothing."""
        new = list(ids)
        self._ids.update(new)
        self._prefixes.update([item[: self.length] for item in new])
        while len(self._prefixes) < len(self._ids) and self.length < self._longest():
            self.length += 1
            self._prefixes = {item[: self.length] for item in self._ids}

    def of(self, item_id: str) -> str:
        """Return the short form of an id."""
        return item_id[: self.length]

    def _longest(self) -> int:
        return max(map(len, self._ids))
