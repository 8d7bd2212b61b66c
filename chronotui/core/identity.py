"""What makes two log lines the same line (design invariant 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from chronotui.model import LogLine

MILLISECOND_NS: Final = 1_000_000


def attempt_of(event_id: str) -> int | None:
    """Read the attempt an event id belongs to.

    The wire note "Retained logs" gives two shapes: ``log:<job>:<stream>:<n>`` for
    the first attempt and ``log:<job>:attempt:<k>:<stream>:<n>`` for the others.

    Returns:
        The attempt, from 1; None when the id has neither shape.
    """
    parts = event_id.rsplit(":", 4)
    if len(parts) == 5 and parts[1] == "attempt":
        number = parts[2]
        is_number = number.isascii() and number.isdecimal() and len(number) < 10
        return int(number) or None if is_number else None
    parts = event_id.split(":")
    if len(parts) == 4 and parts[0] == "log":
        return 1
    return None


def same_line(one: LogLine, other: LogLine) -> bool:
    """Tell whether two lines of one number and stream are the same line.

    Event ids settle it where both lines have one. Otherwise the messages must be
    equal and the times at most 1 ms apart: a live time has nanoseconds, a retained
    one milliseconds. A line without a time is compared by its message.
    """
    if one.event_id and other.event_id:
        return one.event_id == other.event_id
    return one.message == other.message and not apart(one.time_ns, other.time_ns)


def apart(one_ns: int | None, other_ns: int | None) -> bool:
    """Tell whether two times differ by more than rounding to milliseconds does."""
    if one_ns is None or other_ns is None:
        return False
    return abs(one_ns - other_ns) > MILLISECOND_NS
