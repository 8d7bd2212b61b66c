"""Where ``:`` goes: a line number, a time, an end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.core.times import NS, parse_when

if TYPE_CHECKING:
    from datetime import datetime

    from chronotui.ui.log_view.open_log import OpenLog

MOST_DIGITS: Final = 18


def row_of(typed: str, opened: OpenLog, now: datetime) -> int:
    """Return the row that is meant.

    Args:
        typed: A line number from 1, counted in the store; or a time, as
            `chronotui.core.times.parse_when` reads it.
        opened: The log.
        now: Aware, in the zone the reader sees.

    Raises:
        ValueError: It cannot be read, or the log has no such place; the message is
            a sentence for the reader.
    """
    text = typed.strip()
    if not len(opened.rows):
        raise ValueError("There are no lines to go to.")
    digits = text.replace(",", "")
    if digits.isascii() and digits.isdigit():
        return _row_of_number(int(digits[:MOST_DIGITS]), opened)
    try:
        when = parse_when(text, now)
    except ValueError as error:
        raise ValueError("No such place; try 120, 14:05, -15m, end.") from error
    return opened.rows.row_at_time(round(when.timestamp()) * NS)


def _row_of_number(number: int, opened: OpenLog) -> int:
    lines = len(opened.store)
    if not 1 <= number <= lines:
        raise ValueError(f"There is no line {number:,}: {lines:,} are loaded.")
    return opened.rows.row_of_line(number - 1)
