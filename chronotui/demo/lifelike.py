"""Scripts with everything a real log has, for tests that count lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.demo.dice import Dice
from chronotui.demo.numbering import Contention
from chronotui.demo.phrases import BLOCK, BLOCK_LINES, phrasebook
from chronotui.demo.script import Script, ScriptLine
from chronotui.model import STDERR, STDOUT

if TYPE_CHECKING:
    from collections.abc import Iterator


def lifelike_script(
    seed: int,
    lines: int,
    *,
    rate: float = 0.0,
    attempts: int = 1,
    shared: float = 0.05,
    starts_in: float | None = 0.0,
    ends_after: float | None = 0.2,
    outcome: str = "COMPLETED",
    kind: str = "consumer",
    contention: Contention = Contention.NONE,
) -> Script:
    """Write a script of so many lines, the same for the same arguments.

    Args:
        seed: Of words, streams and shared numbers.
        lines: How many, all attempts together.
        rate: Lines a second; 0 writes all at the start.
        attempts: How often the job is tried; numbers start again with each.
        shared: Rate (0 to 1) of numbers that a line of each stream has; with
            ``contention`` there are none but by the race.
        starts_in: See ``Script``.
        ends_after: See ``Script``.
        outcome: See ``Script``.
        kind: The kind of words.
        contention: See ``Script``.
    """
    if contention is not Contention.NONE:
        shared = 0.0
    dice = Dice(seed, lines)
    words = phrasebook(kind, seed).phrases
    each = -(-lines // attempts)
    written: list[ScriptLine] = []
    for attempt in range(1, attempts + 1):
        count = min(each, lines - len(written))
        written += _attempt(dice, words, attempt, count, shared)
    return Script(written, rate, starts_in, ends_after, outcome, contention=contention)


def _attempt(
    dice: Dice,
    words: tuple[tuple[str, str], ...],
    attempt: int,
    count: int,
    shared: float,
) -> Iterator[ScriptLine]:
    left = count
    while left:
        place = (count - left) % BLOCK_LINES
        stream, phrase = words[place]
        message = phrase.replace(BLOCK, str((count - left) // BLOCK_LINES))
        if left >= 2 and dice.chance(shared):
            yield ScriptLine(f"{message} !", STDERR, attempt)
            yield ScriptLine(message, STDOUT, attempt, with_previous=True)
            left -= 2
        else:
            yield ScriptLine(message, stream, attempt)
            left -= 1
