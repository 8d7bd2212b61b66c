"""The numbers of lines: one counter, two writers that race for it.

A server's reader of each stream takes the counter's value for a line, hands the line
on, and only then adds one. What the other reader takes in between has the same
number; once both have added, a number is left out. So a doubled number is always one
line of each stream, pays for one number that is skipped, and the skip may come
several lines later, or never if the log ends before (wire note "Retained logs").
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from chronotui.demo.dice import Dice

if TYPE_CHECKING:
    from collections.abc import Iterable


class Contention(Enum):
    """How hard two writers race for the counter.

    Each value is (share of lines whose writer adds late, most lines that are numbered
    before it adds, whether a writer may go on to its next line before it has added).
    With the last, several doubled numbers can wait for their skip at once.
    """

    NONE = (0.0, 0, False)
    LIGHT = (0.03, 2, False)
    HEAVY = (0.07, 4, True)


class Counter:
    """Gives each line of one attempt its number.

    Args:
        first: The first line's number.
        contention: Without any, numbers are consecutive.
        seed: Of the race.
    """

    def __init__(
        self, first: int, contention: Contention = Contention.NONE, seed: int = 0
    ) -> None:
        self._value = first
        self._late, self._most, self._goes_on = contention.value
        self._dice = Dice(seed, 11)
        self._waiting: list[tuple[str, int]] = []
        self._last: dict[str, int] = {}

    def take(self, stream: str) -> int:
        """Return the number of the next line of a stream.

        The numbers of all lines never fall, those of one stream always rise.
        """
        self._settle(stream)
        number = self._last[stream] = self._value
        late = self._most and self._dice.chance(self._late)
        self._waiting = [(own, left - 1) for own, left in self._waiting]
        self._waiting.append((stream, self._dice.between(1, self._most) if late else 0))
        self._add(place for place, (_, left) in enumerate(self._waiting) if left <= 0)
        return number

    def share(self) -> int:
        """Return the last number again, and skip the next one.

        Raises:
            ValueError: Where the writers race, and numbers are not asked for.
        """
        if self._most:
            raise ValueError("a number cannot be shared on request in a race")
        self._value += 1
        return self._value - 2

    def skip_to(self, number: int) -> None:
        """Go on after a number that was given from outside."""
        self._value = max(self._value, number + 1)

    def _settle(self, stream: str) -> None:
        """Let what a writer has to add before its next line be added."""
        while (own := self._own(stream)) and (
            not self._goes_on or self._value <= self._last[stream]
        ):
            self._add(own[:1])

    def _own(self, stream: str) -> list[int]:
        return [at for at, (owner, _) in enumerate(self._waiting) if owner == stream]

    def _add(self, places: Iterable[int]) -> None:
        for place in sorted(places, reverse=True):
            del self._waiting[place]
            self._value += 1


def racy_numbers(
    streams: Iterable[str], contention: Contention, seed: int, first: int = 0
) -> list[int]:
    """Return the numbers of the lines of one attempt, in the order they are written.

    Args:
        streams: Each line's stream.
        contention: How hard its writers race.
        seed: The same seed gives the same numbers.
        first: The first line's number.
    """
    counter = Counter(first, contention, seed)
    return [counter.take(stream) for stream in streams]
