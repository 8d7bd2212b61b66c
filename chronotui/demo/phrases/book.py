"""A thousand lines that stand for any number of them.

Line ``i`` of a job is phrase ``i % 1000`` with the mark ``BLOCK`` replaced by
``i // 1000``: any line is found without the ones before it, and a block of a
thousand is rendered once and then only has its mark replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from chronotui.demo.dice import Dice
from chronotui.model import STDERR, STDOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BLOCK: Final = "\ue000"
"""Stands for the number of the block inside a phrase."""

BLOCK_LINES: Final = 1000

_OPENING_ROOM: Final = 8
_FURTHEST: Final = 4

Phrase: TypeAlias = tuple[str, str]
"""(stream, message)."""

Passage: TypeAlias = "Callable[[Dice, str], Iterable[Phrase]]"
"""Some lines that belong together; takes the dice and the line's own number."""


class Phrasebook:
    """The phrases of one kind of job.

    Attributes:
        phrases: ``BLOCK_LINES`` of (stream, message with marks).
        numbers: For each place, its number within the block: places whose line
            shares its number with the next one, and numbers left out up to four
            further on, as in ``chronotui.demo.numbering``.
        offsets: For each place, thousandths of a step the line comes late.
    """

    def __init__(self, seed: int, passages: Iterable[tuple[int, Passage]]) -> None:
        dice = Dice(seed)
        bag = [passage for weight, passage in passages for _ in range(weight)]
        phrases: list[Phrase] = []
        while len(phrases) < BLOCK_LINES:
            number = f"{BLOCK}{len(phrases):03d}"
            phrases += dice.pick(bag)(dice, number)
        self.phrases: tuple[Phrase, ...] = tuple(phrases[:BLOCK_LINES])
        self.offsets = tuple(dice.below(1000) for _ in range(BLOCK_LINES))
        self.numbers = _numbers(dice, self.phrases)
        self._text_blocks: dict[str | None, bytes] = {}

    def text_block(self, stream: str | None) -> bytes:
        """Return a block as text, one message a line, marks still in it.

        Args:
            stream: Only this stream's lines; both if None.
        """
        block = self._text_blocks.get(stream)
        if block is None:
            kept = (m for s, m in self.phrases if stream is None or s == stream)
            block = "".join(f"{message}\n" for message in kept).encode()
            self._text_blocks[stream] = block
        return block


def _numbers(dice: Dice, phrases: tuple[Phrase, ...]) -> tuple[int, ...]:
    """Number a block's lines; a number is never open at a block's end.

    A line shares its number only where the order written is the server's own, stderr
    first, and not where a job's opening may stand.
    """
    numbers = list(range(BLOCK_LINES))
    for place in range(_OPENING_ROOM, BLOCK_LINES - 1):
        pair = (phrases[place][0], phrases[place + 1][0])
        if pair == (STDERR, STDOUT) and dice.chance(0.2):
            skipped_at = place + 1 + dice.between(1, _FURTHEST)
            for later in range(place + 1, min(skipped_at, BLOCK_LINES)):
                numbers[later] -= 1
    return tuple(numbers)
