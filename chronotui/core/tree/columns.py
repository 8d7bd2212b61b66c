"""Which columns of a job's row fit into a width."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

GLYPH: Final = 2
SHORT_AGE: Final = 7
LONG_AGE: Final = 10
SHORT_DURATION: Final = 5
DURATION: Final = 7
TRIGGER_WORD: Final = 6
SHORT_TRY: Final = 3
LONG_TRY: Final = 6
LEAST_ID: Final = 6


class Columns(NamedTuple):
    """Widths in cells, each without the space before it; 0 leaves a column out."""

    indent: int
    id: int
    trigger: int
    age: int
    duration: int
    attempts: int


@lru_cache(maxsize=64)
def columns_for(width: int, id_length: int) -> Columns:
    """Share out a row's width; what tells most about a job is given room first.

    Args:
        width: Cells of the whole row.
        id_length: Cells the short ids of the list want.
    """
    indent = 1 if width < 36 else 3
    left = width - indent - GLYPH - LEAST_ID
    age = duration = attempts = trigger = 0
    if left > SHORT_AGE:
        age, left = SHORT_AGE, left - SHORT_AGE - 1
    if left > DURATION:
        duration, left = DURATION, left - DURATION - 1
    elif left > SHORT_DURATION:
        duration, left = SHORT_DURATION, left - SHORT_DURATION - 1
    extra = min(id_length - LEAST_ID, max(left, 0))
    left -= extra
    if left > SHORT_TRY:
        attempts, left = SHORT_TRY, left - SHORT_TRY - 1
    if left > TRIGGER_WORD:
        trigger, left = TRIGGER_WORD, left - TRIGGER_WORD - 1
    elif left > 1:
        trigger, left = 1, left - 2
    if attempts and left >= LONG_TRY - SHORT_TRY:
        attempts, left = LONG_TRY, left - (LONG_TRY - SHORT_TRY)
    if age and left >= LONG_AGE - SHORT_AGE:
        age = LONG_AGE
    return Columns(indent, LEAST_ID + extra, trigger, age, duration, attempts)
