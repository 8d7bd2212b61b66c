"""Times of the wire: RFC 3339 with 0 to 9 fraction digits (wire note "JSON habits")."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from chronotui.core.times import parse_time

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SCALE: Final = [int("1" + "0" * (9 - digits)) for digits in range(10)]
_SECONDS_KEPT: Final = 4096

_seconds: dict[str, int] = {}
"""Seconds met before, as text to nanoseconds: lines of one second share their work."""

_MILLISECONDS: Final = {f".{n:03}Z": n * 1_000_000 for n in range(1000)}
"""Endings of retained times, which have three digits on most servers."""


def time_ns(text: object) -> int | None:
    """Return nanoseconds since the epoch, None for what is no time."""
    if not isinstance(text, str):
        return None
    whole = _seconds.get(text[:19])
    if whole is None:
        return _first_of_its_second(text)
    ending = _MILLISECONDS.get(text[19:])
    if ending is not None:
        return whole + ending
    digits = text[20:-1]
    is_fraction = len(digits) < 10 and digits.isdecimal() and text.isascii()
    if is_fraction and text[19] == "." and text[-1] == "Z":
        return whole + int(digits) * _SCALE[len(digits)]
    return parse_time(text)


def moment(text: object) -> datetime | None:
    """Return an aware time in UTC, to the microsecond; None for what is no time."""
    nanoseconds = time_ns(text)
    if nanoseconds is None:
        return None
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def _first_of_its_second(text: str) -> int | None:
    parsed = parse_time(text)
    if parsed is not None and text[-1] == "Z" and text[19:20] in {".", "Z"}:
        if len(_seconds) >= _SECONDS_KEPT:
            _seconds.clear()
        _seconds[text[:19]] = parsed // 1_000_000_000 * 1_000_000_000
    return parsed
