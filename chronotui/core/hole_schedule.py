"""When to look again for which missing lines."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chronotui.core.ledger import Hole

HOLES_AT_ONCE: Final = 2000
"""Oldest holes looked after at a time; the others move up as these close."""


class _Plan(NamedTuple):
    due: float
    delay: float


class HoleSchedule:
    """Gives each hole its tries, each later than the one before by a growing delay.

    Args:
        first: Seconds from seeing a hole to the first try.
        factor: Growth of the delay from try to try.
        cap: Longest delay.
        at_once: Whether the first try does not wait, but the second one does.
        skipped: Seconds to the first try where numbers were probably only skipped:
            an earlier one settles nothing. None: as for any other.
    """

    def __init__(
        self,
        *,
        first: float,
        factor: float,
        cap: float,
        at_once: bool = False,
        skipped: float | None = None,
    ) -> None:
        self._first = first
        self._skipped = first if skipped is None else skipped
        self._at_once = at_once
        self._factor = factor
        self._cap = cap
        self._plans: dict[tuple[int, int], _Plan] = {}
        self._holes: list[Hole] = []

    @property
    def holes(self) -> list[Hole]:
        """The holes looked after, in the order they were given."""
        return self._holes

    def update(self, holes: Iterable[Hole], now: float) -> None:
        """Take over which holes there are now, the most urgent first."""
        self._holes = list(islice(holes, HOLES_AT_ONCE))
        delay = 0.0 if self._at_once else self._first
        fresh = _Plan(now + delay, self._first)
        delay = 0.0 if self._at_once else self._skipped
        skipped = _Plan(now + delay, self._first)
        self._plans = {
            hole[:2]: self._plans.get(
                hole[:2], skipped if hole.possible and not hole.missing else fresh
            )
            for hole in self._holes
        }

    def due(self, now: float) -> Hole | None:
        """Return the first hole whose next try has come."""
        for hole in self._holes:
            if self._plans[hole[:2]].due <= now:
                return hole
        return None

    def next_due(self) -> float | None:
        """Return when the next try comes; None without holes."""
        return min((plan.due for plan in self._plans.values()), default=None)

    def tried(self, low: tuple[int, int], high: tuple[int, int], now: float) -> None:
        """Note that the retained log was read from ``low`` to ``high``.

        It is a try only for the holes that were due: several readings in a row,
        each for another hole, tell no more than one of them.
        """
        for hole in self._holes:
            if hole[:2] < low or (hole.attempt, hole.last) > high:
                continue
            due, delay = self._plans[hole[:2]]
            if due > now:
                continue
            growing = min(delay * self._factor, self._cap)
            self._plans[hole[:2]] = _Plan(now + delay, growing)
