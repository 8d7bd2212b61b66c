"""Where one attempt ends and the next begins: nothing shows that its end is whole."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from chronotui.core.ledger import Hole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chronotui.core.ledger import AttemptLedger, Ledger
    from chronotui.core.sealing import LagMeter

LAST_NUMBER: Final = 1 << 62
"""Stands for the end of an attempt in a hole of unknown length."""


class Boundaries:
    """Ends of attempts that have to be read again after the next one has begun.

    The last lines of an attempt may have been dropped live, and no higher number
    tells. So the end of an attempt is certain only when the next one is retained,
    the attempt has stood still for as long as a sealed log must (invariant 6), and
    the retained log was read across it then. Where attempts interleave, the newest
    page may not show the last one's end either: then that is read like the others.

    Args:
        ledger: What is held.
        lag: How far the retained log trails.
        still: Seconds an attempt must stand still at least.
    """

    def __init__(self, ledger: Ledger, lag: LagMeter, still: float) -> None:
        self._ledger = ledger
        self._lag = lag
        self._still = still
        self._since: dict[int, tuple[int, float]] = {}
        self._closed: set[int] = set()
        self._last_closed = (0, 0)

    def closed(self, attempt: int) -> bool:
        """Tell whether an attempt's end is certain."""
        return attempt in self._closed

    def close_all(self) -> None:
        """Take every end seen so far as certain: it is long past."""
        self._closed |= set(self._ledger.attempts())

    def renumbered(self) -> None:
        """Begin again: the attempts are others than before."""
        self._since.clear()
        self._closed.clear()

    def holes(self, now: float) -> Iterator[Hole]:
        """Yield the ends still to be read, as holes without known missing lines."""
        for attempt, account in self._open(now):
            after = account.highest + 1
            last = after if self._ledger.interleaved else LAST_NUMBER
            yield Hole(attempt, after, last, 0)

    def _open(self, now: float) -> Iterator[tuple[int, AttemptLedger]]:
        """Yield attempts whose end is not certain; note when they changed."""
        ledger = self._ledger
        floor, attempts = ledger.floor, ledger.attempts()
        for attempt in attempts:
            if attempt in self._closed or (floor and attempt < floor[0]):
                continue
            account = ledger.attempt(attempt)
            if account is None or self._last_closed == (attempt, account.lines):
                continue
            if attempt == attempts[-1] and not self._hides(account):
                continue
            known = self._since.get(attempt)
            if known is None or known[0] != account.lines:
                self._since[attempt] = (account.lines, now)
            yield attempt, account

    def _hides(self, last: AttemptLedger) -> bool:
        """Tell whether the last attempt's end is among an earlier one's numbers."""
        ledger = self._ledger
        accounts = map(ledger.attempt, ledger.attempts()[:-1])
        return ledger.interleaved and any(
            account.highest > last.highest for account in accounts if account
        )

    def read(
        self,
        low: tuple[int, int],
        high: tuple[int, int],
        now: float,
        newest: tuple[int, int],
    ) -> None:
        """Note that the retained log was read from ``low`` to ``high``.

        Args:
            low: The lowest place read, as (attempt, number).
            high: The highest one, or one beyond all.
            now: Monotonic seconds.
            newest: The newest retained place known.
        """
        still = max(self._still, 2 * self._lag.largest)
        last = max(self._ledger.attempts(), default=0)
        for attempt, account in list(self._open(now)):
            if self._ledger.interleaved:
                crossed = low[1] <= account.highest < high[1] - 1
                crossed = crossed and attempt <= newest[0]
                crossed = crossed and (attempt < newest[0] or attempt == last)
            else:
                crossed = low[0] <= attempt < min(high[0], newest[0])
            if not crossed or now - self._since[attempt][1] < still:
                continue
            if attempt == last:
                self._last_closed = (attempt, account.lines)
            else:
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
