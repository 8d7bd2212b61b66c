"""Where one attempt ends and the next begins: nothing shows that its end is whole."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from chronotui.core.ledger import Hole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chronotui.core.ledger import Ledger

LAST_NUMBER: Final = 1 << 62
"""Stands for the end of an attempt in a hole of unknown length."""


class Boundaries:
    """Ends of attempts that have to be read again after the next one has begun.

    The last lines of an attempt may have been dropped live, and no higher number
    tells. So the end of an attempt counts as read once the retained log was read
    across it, a while after the next attempt was first seen.

    Args:
        ledger: What is held.
        still: Seconds after which a late line is no longer expected.
    """

    def __init__(self, ledger: Ledger, still: float) -> None:
        self._ledger = ledger
        self._still = still
        self._seen: dict[int, float] = {}
        self._closed: set[int] = set()

    def closed(self, attempt: int) -> bool:
        """Tell whether an attempt's end is certain."""
        return attempt in self._closed

    def close_all(self) -> None:
        """Take every end seen so far as certain: it is long past."""
        self._closed |= set(self._ledger.attempts()[:-1])

    def renumbered(self) -> None:
        """Begin again: the attempts are others than before."""
        self._seen.clear()
        self._closed.clear()

    def holes(self, now: float) -> Iterator[Hole]:
        """Yield the ends still to be read, as holes without known missing lines."""
        floor = self._ledger.floor
        for attempt in self._ledger.attempts()[:-1]:
            if attempt in self._closed or (floor and attempt < floor[0]):
                continue
            self._seen.setdefault(attempt, now)
            account = self._ledger.attempt(attempt)
            if account is not None:
                yield Hole(attempt, account.highest + 1, LAST_NUMBER, 0)

    def read(self, low: tuple[int, int], high: tuple[int, int], now: float) -> None:
        """Note that the retained log was read from ``low`` to ``high``."""
        for attempt, since in self._seen.items():
            if low[0] <= attempt < high[0] and now - since >= self._still:
                self._closed.add(attempt)

    def long_past(self, time_ns: Callable[[int], int | None], before_ns: int) -> None:
        """Close ends whose next attempt began long ago.

        Args:
            time_ns: Returns when an attempt's first line held was written.
            before_ns: What is long ago.
        """
        attempts = self._ledger.attempts()
        for attempt, following in pairwise(attempts):
            began = time_ns(following)
            if began is not None and began < before_ns:
                self._closed.add(attempt)
