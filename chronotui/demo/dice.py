"""Numbers that look random and are the same for the same seed, without a module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Sequence

Item = TypeVar("Item")

_MASK: Final = (1 << 64) - 1


def roll(*numbers: int) -> int:
    """Mix whole numbers into one of 64 bits (splitmix64 over each)."""
    state = 0x9E3779B97F4A7C15
    for number in numbers:
        state = (state ^ (number & _MASK)) * 0xBF58476D1CE4E5B9 & _MASK
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB & _MASK
        state ^= state >> 31
    return state


def fraction(*numbers: int) -> float:
    """Mix whole numbers into a fraction, 0 included and 1 not."""
    return (roll(*numbers) >> 11) / (1 << 53)


def number_of(text: str) -> int:
    """Return a whole number for a text, the same in every process."""
    return crc32(text.encode())


class Dice:
    """A sequence of rolls from one seed."""

    def __init__(self, *seed: int) -> None:
        self._seed = roll(*seed)
        self._turn = 0

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to ``limit`` - 1."""
        self._turn += 1
        return roll(self._seed, self._turn) % limit

    def between(self, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def chance(self, share: float) -> bool:
        """Say yes in ``share`` (0 to 1) of the cases."""
        self._turn += 1
        return fraction(self._seed, self._turn) < share

    def spread(self, low: float, high: float) -> float:
        """Return a number from ``low`` up to, not including, ``high``."""
        self._turn += 1
        return low + (high - low) * fraction(self._seed, self._turn)

    def pick(self, items: Sequence[Item]) -> Item:
        """Return one of ``items``."""
        return items[self.below(len(items))]
