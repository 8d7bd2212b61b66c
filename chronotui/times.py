"""Times as the wire writes them, as people write them, and as the screen shows them.

No clock in here: whoever asks says what time it is.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from functools import cache, lru_cache
from math import ceil
from operator import itemgetter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

NS: Final = 1_000_000_000
"""Nanoseconds in a second."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST: Final = 2**63 - 1
_UNITS: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_DAY: Final = "1970-01-01T00:00:00"
_MOST_PARTS: Final = 8192
"""Parts of times whose text is remembered."""

_AGES: Final = ((86400, "d"), (3600, "h"), (60, "min"))


class Timestamps(StrEnum):
    """The column before a line, by its name in the profile file.

    In the order a key goes through them; `chronotui.ui.log.render` draws each.
    ``words`` stand in the help, ``meaning`` is said when one is chosen.
    """

    words: str
    meaning: str

    OFF = "off", "off", "no times"
    TIME = "time", "time", "time of day"
    FULL = "full", "full", "date and time"
    ELAPSED = "elapsed", "since start", "since the job's start"
    DELTA = "delta", "since the line before", "since the line before"

    def __new__(cls, name: str, words: str = "", meaning: str = "") -> Timestamps:
        mode = str.__new__(cls, name)
        mode._value_, mode.words, mode.meaning = name, words, meaning
        return mode


@cache
def _rfc3339() -> re.Pattern[str]:
    return re.compile(
        r"(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)?"
        r"(?:[Zz]|([+-])(\d\d):?(\d\d))",
        re.ASCII,
    )


def parse_time(text: str) -> int | None:
    """Read an RFC 3339 time with 0 to 9 fraction digits.

    A leap second counts as the next one's start. Digits beyond the ninth are cut.

    Returns:
        Nanoseconds since the epoch, UTC. None for what is no such time, and for
        years outside 1678 to 2261, which 64 bits do not hold: a zero time
        ("0001-01-01T00:00:00Z") says that there is none.
    """
    match = _rfc3339().fullmatch(text)
    if match is None:
        return None
    day, hour, minute, second, fraction, sign, off_hour, off_minute = match.groups()
    if int(hour) > 23 or int(minute) > 59 or int(second) > 60:
        return None
    midnight = _midnight(day)
    if midnight is None:
        return None
    seconds = midnight + int(hour) * 3600 + int(minute) * 60 + int(second)
    if sign:
        offset = int(off_hour) * 3600 + int(off_minute) * 60
        seconds += offset if sign == "-" else -offset
    nanoseconds = seconds * NS + (int(fraction.ljust(9, "0")) if fraction else 0)
    return nanoseconds if -_MOST <= nanoseconds <= _MOST else None


@lru_cache(maxsize=64)
def _midnight(day: str) -> int | None:
    try:
        return (datetime.fromisoformat(day).replace(tzinfo=UTC) - _EPOCH).days * 86400
    except ValueError:
        return None


def format_time_ns(time_ns: int, digits: int | None = None) -> str:
    """Return an RFC 3339 time in UTC, ``2024-01-01T10:12:31.004Z``.

    The fraction has so many ``digits``, the rest cut; None writes as many as say all,
    none for a whole second, as the server does.
    """
    return f"{zoned_text(time_ns, UTC)}{fraction_text(time_ns, digits)}Z"


class TimeTexts:
    """Writes many times as `format_time_ns` does; their parts are remembered."""

    def __init__(self, digits: int | None = None) -> None:
        self._seconds = _PartTexts(lambda part: zoned_text(part * NS, UTC))
        self._fractions = _PartTexts(lambda part: f"{fraction_text(part, digits)}Z")

    def of(self, times: Iterable[int | None]) -> list[str | None]:
        seconds, fractions = self._seconds, self._fractions
        if len(seconds) + len(fractions) > _MOST_PARTS:
            seconds.clear()
            fractions.clear()
        return [
            None if time is None else seconds[time // NS] + fractions[time % NS]
            for time in times
        ]


class _PartTexts(dict[int, str]):
    def __init__(self, write: Callable[[int], str]) -> None:
        super().__init__()
        self._write = write

    def __missing__(self, part: int) -> str:
        text = self[part] = self._write(part)
        return text


_UNTIL_SECOND: Final = itemgetter(slice(19))
_AFTER_SECOND: Final = itemgetter(slice(19, None))


class UsualStamps:
    """Tells whether times are written as `format_time_ns` writes them."""

    def __init__(self) -> None:
        self._seconds: set[str] = set()
        self._ends: set[str] = set()

    def are(self, stamps: Sequence[str]) -> bool:
        seconds = set(map(_UNTIL_SECOND, stamps)) - self._seconds
        ends = set(map(_AFTER_SECOND, stamps)) - self._ends
        whole = [
            *[f"{second}Z" for second in seconds],
            *[f"{_DAY}{end}" for end in ends],
        ]
        if not all(map(_is_usual, whole)):
            return False
        if len(self._seconds) + len(self._ends) > _MOST_PARTS:
            self._seconds.clear()
            self._ends.clear()
        self._seconds |= seconds
        self._ends |= ends
        return True


def _is_usual(stamp: str) -> bool:
    time_ns = parse_time(stamp)
    is_near = time_ns is not None and abs(time_ns) < _MOST // 2
    return is_near and format_time_ns(time_ns or 0) == stamp


def zoned_text(time_ns: int, zone: tzinfo | None) -> str:
    return _second_text(time_ns // NS, zone)


@lru_cache(maxsize=4096)
def _second_text(seconds: int, zone: tzinfo | None) -> str:
    moment = (_EPOCH + timedelta(seconds=seconds)).astimezone(zone)
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def fraction_text(time_ns: int, digits: int | None = None) -> str:
    """Return ``.004`` or "" for the part of a second; see `format_time_ns`."""
    text = f"{time_ns % NS:09d}"
    text = text.rstrip("0") if digits is None else text[:digits]
    return f".{text}" if text else ""


def human_duration(seconds: float) -> str:
    """Return a length of time as a clock shows it: ``2:10``, ``1:02:03``."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def usual_duration(seconds: float) -> str:
    """Return what something usually takes: a length of time, which is never nothing."""
    return human_duration(seconds) if seconds >= 1 else "<1 s"


def elapsed_text(seconds: float) -> str:
    """Return what a run took: ``4.8 s``, ``12 s``, from a minute on ``2:10``."""
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f} s"
    return f"{int(seconds)} s" if seconds < 60 else human_duration(seconds)


def age(seconds: float) -> str:
    """Return how long ago, in one unit: ``42 s``, ``5 min``, ``3 h``, ``2 d``."""
    whole = max(0, int(seconds))
    for size, unit in _AGES:
        if whole >= size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


class MachineZone(tzinfo):
    """The machine's own zone, with the rules that hold on each day.

    ``astimezone()`` gives the offset of one moment, which another day may not have.
    """

    def utcoffset(self, when: datetime | None) -> timedelta | None:
        return None if when is None else _here(when).utcoffset()

    def tzname(self, when: datetime | None) -> str | None:
        return None if when is None else _here(when).tzname()

    def dst(self, _when: datetime | None) -> timedelta | None:
        return None

    def fromutc(self, when: datetime) -> datetime:
        second = when.replace(tzinfo=UTC, microsecond=0) - _EPOCH
        here = datetime.fromtimestamp(second // timedelta(seconds=1))  # noqa: DTZ006
        return here.replace(microsecond=when.microsecond, tzinfo=self)


def _here(when: datetime) -> datetime:
    return when.replace(tzinfo=None).astimezone()


LOCAL: Final = MachineZone()


def parse_when(text: str, now: datetime) -> datetime:
    """Read a time as people type it.

    Args:
        text: RFC 3339 (``2024-01-01T10:12:31Z``; without a zone, that of ``now``),
            a time of day that has been (``14:05``, ``14:05:30``: the last time it
            was), or a span before now (``15m``, ``-15m``, ``1h30m``; units s m h d w).
        now: Aware; its zone is the one a time of day is meant in, by the rules of that
            day, the earlier one where an hour repeats (`LOCAL` is the machine's own).

    Returns:
        An aware time.

    Raises:
        ValueError: None of these; the message is a sentence for the user.
    """
    typed = text.strip()
    when = _ago(typed, now) or _time_of_day(typed, now) or _moment(typed, now)
    if when is None:
        raise ValueError(
            f"{text!r} is no time: write 14:05, 15m or 2026-01-31T14:05:00Z."
        )
    return when


def _ago(typed: str, now: datetime) -> datetime | None:
    if not re.fullmatch(r"-?(\d{1,9}(min|[smhdw]))+", typed, re.ASCII):
        return None
    parts = re.findall(r"(\d+)(min|[smhdw])", typed)
    try:
        span = timedelta(seconds=sum(int(n) * _UNITS[u] for n, u in parts))
        return (now.astimezone(UTC) - span).astimezone(now.tzinfo)
    except OverflowError:
        return None


def _time_of_day(typed: str, now: datetime) -> datetime | None:
    match = re.fullmatch(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d+)?)?", typed, re.ASCII)
    if match is None:
        return None
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    today = now.replace(hour=hour, minute=minute, second=second, microsecond=0, fold=0)
    has_been = today.astimezone(UTC) <= now.astimezone(UTC)
    return today if has_been else today - timedelta(days=1)


def _moment(typed: str, now: datetime) -> datetime | None:
    time_ns = parse_time(typed)
    try:
        if time_ns is not None:
            return _EPOCH + timedelta(microseconds=time_ns // 1000)
        moment = datetime.fromisoformat(typed)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)


def next_try_words(seconds: float) -> str:
    """Return when something is tried next; once it is due, that it is under way."""
    return f"in {ceil(seconds):,} s" if seconds > 0 else "asking now"


def utc_clock(moment: datetime) -> str:
    """Return the time of day of an aware moment, for rows that any zone may tell."""
    return f"{moment.astimezone(UTC):%H:%M:%S} UTC"


def wall_clock(seconds: float, zone: tzinfo | None = None) -> str:
    """Return a moment, seconds since the epoch, by the clock of a zone.

    None is the machine's own.
    """
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone(zone):%H:%M:%S}"


def local_time(moment: datetime | float) -> str:
    """Return an aware moment, or seconds since the epoch, by date and clock here."""
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment, UTC)
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S %Z}".rstrip()
