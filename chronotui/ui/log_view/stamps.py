"""The time column: wall time, time since the start, time since the line before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final

from chronotui.ui.log_view.settings import Timestamps

WIDTHS: Final = {
    Timestamps.OFF: 0,
    Timestamps.TIME: 12,
    Timestamps.FULL: 29,
    Timestamps.ELAPSED: 13,
    Timestamps.DELTA: 10,
}
"""Cells of the column, without the space after it."""

UNKNOWN: Final = "?"
BILLION: Final = 1_000_000_000


def wall_time(time_ns: int, zone: tzinfo | None) -> datetime:
    """Return a line's time in a zone; None is the machine's own.

    Raises:
        ValueError: No calendar reaches that far.
    """
    try:
        moment = datetime.fromtimestamp(time_ns // BILLION, tz=UTC)
        return moment.astimezone(zone)
    except (OverflowError, OSError) as error:
        raise ValueError(time_ns) from error


def offset_name(moment: datetime) -> str:
    """Return ``UTC``, ``UTC+2`` or ``UTC+5:30`` for a time's zone."""
    offset = moment.utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset else 0
    if not minutes:
        return "UTC"
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")


def exact_time(time_ns: int | None, zone: tzinfo | None) -> str:
    """Return date, time with all nine digits, and the zone's offset."""
    if time_ns is None:
        return "not known"
    try:
        moment = wall_time(time_ns, zone)
    except ValueError:
        return f"{time_ns} ns since 1970"
    nanoseconds = time_ns % BILLION
    return f"{moment:%Y-%m-%d %H:%M:%S}.{nanoseconds:09} {offset_name(moment)}"


@dataclass(frozen=True, slots=True)
class Stamper:
    """Writes the time column for one mode and zone.

    ``start_ns`` is where elapsed time counts from, None when nobody knows.
    """

    mode: Timestamps
    zone: tzinfo | None = None
    start_ns: int | None = None

    @property
    def width(self) -> int:
        """Cells of the column, without the space after it."""
        return WIDTHS[self.mode]

    def stamp(self, time_ns: int | None, previous_ns: int | None = None) -> str:
        """Return the column for a line, exactly `width` cells."""
        if not self.width:
            return ""
        text = UNKNOWN if time_ns is None else self._text(time_ns, previous_ns)
        return text.rjust(self.width)[: self.width]

    def _text(self, time_ns: int, previous_ns: int | None) -> str:
        if self.mode is Timestamps.ELAPSED:
            return _span(time_ns, self.start_ns)
        if self.mode is Timestamps.DELTA:
            return _span(time_ns, previous_ns)
        seconds, rest = divmod(time_ns, BILLION)
        day, clock, offset = _second_words(seconds, self.zone)
        if not clock:
            return UNKNOWN
        clock = f"{clock}.{rest // 1_000_000:03}"
        return clock if self.mode is Timestamps.TIME else f"{day} {clock}{offset}"


@lru_cache(maxsize=1024)
def _second_words(seconds: int, zone: tzinfo | None) -> tuple[str, str, str]:
    """Return day, time and offset of a second; empty where no calendar reaches."""
    try:
        moment = wall_time(seconds * BILLION, zone)
    except ValueError:
        return "", "", ""
    day, clock, offset = f"{moment:%Y-%m-%d %H:%M:%S %z}".split(" ")
    return day, clock, f"{offset[:3]}:{offset[3:5]}"


def _span(time_ns: int, since_ns: int | None) -> str:
    """Return ``+1:02:03.456`` between two times, ``?`` without the earlier one."""
    if since_ns is None:
        return UNKNOWN
    sign = "+" if time_ns >= since_ns else "-"
    milliseconds = abs(time_ns - since_ns) // 1_000_000
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        if hours > 99:
            return f"{sign}{hours}h"
        return f"{sign}{hours}:{minutes:02}:{seconds:02}.{milliseconds:03}"
    if minutes:
        return f"{sign}{minutes}:{seconds:02}.{milliseconds:03}"
    return f"{sign}{seconds}.{milliseconds:03}"
