"""Values that are far from what the good run has of the same name or place."""

from __future__ import annotations

import re
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_READ: Final = 600
"""Characters of a line in which values are looked for."""

FACTOR: Final = 9.0
"""How many times as large or small a number is that is far off."""

TIME_FACTOR: Final = 100.0
"""How many times as long or short: what takes time takes now more, now less."""

LEAST: Final = 3.0
"""What a number is at least, where it is 0 in the other run."""

FEW_VALUES: Final = 3
"""Values that a setting has in one log; what has more is none."""

MOST_TOLD: Final = 3
"""Values of a line that are told of."""

_TIMES: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "m": 60.0,
    "min": 60.0,
    "h": 3600.0,
}
_SIZES: Final = {
    "": 1.0,
    "%": 1.0,
    "B": 1.0,
    "K": 1e3,
    "M": 1e6,
    "G": 1e9,
    "kB": 1e3,
    "KB": 1e3,
    "MB": 1e6,
    "GB": 1e9,
    "KiB": 1e3,
    "MiB": 1e6,
    "GiB": 1e9,
}
"""By what numbers are multiplied; a tenth more or less does not matter."""


class Quantity(NamedTuple):
    """A number by its unit."""

    amount: float
    is_time: bool = False

    def is_far_from(self, other: Quantity) -> bool:
        small, large = sorted((self.amount, other.amount))
        if not small:
            return large >= LEAST and not self.is_time
        return large / small >= (TIME_FACTOR if self.is_time else FACTOR)


@cache
def _setting() -> re.Pattern[str]:
    """A name and its value: ``pool=4``, ``"timeout":"2us"``, ``workers: 8``."""
    return re.compile(
        r"(?<![\w.-])([A-Za-z_][\w.-]{0,40}+)(?:=|[\"'] ?: ?| ?: )[\"']?"
        r"([^\s,;=\"'()\[\]{}]{1,40}+)(?!=)"
    )


@cache
def _number() -> re.Pattern[str]:
    """A number that stands alone: no part of a name, a date, a time or a path."""
    return re.compile(
        r"(?<![\w.,:/#-])(\d{1,9}(?:\.\d{1,9})?)([A-Za-zµ%]{0,3})(?![\w:/-]|\.\w|,\d)"
    )


@cache
def _name() -> re.Pattern[str]:
    """A value that is a word, perhaps of a size: ``utf8``, ``float64``."""
    return re.compile(r"([A-Za-z]{2,20}(?:[-_][A-Za-z]{1,20})?)\d{0,3}")


class UsualSettings:
    """The settings that a good run tells, by their names."""

    def __init__(self, messages: Iterable[str]) -> None:
        self._values: dict[str, set[str]] = {}
        for message in messages:
            for name, value in _settings(message):
                known = self._values.setdefault(name, set())
                if len(known) <= FEW_VALUES:
                    known.add(value)

    def has_odd(self, message: str) -> bool:
        """Whether a line has a setting that is far from what it was."""
        return any(self._odd(message))

    def before(self, message: str) -> str:
        """Return what the odd settings of a line were: ``pool was 40 or 50``."""
        return _in_words(
            f"{name} was {' or '.join(sorted(usual))}"
            for name, usual in self._odd(message)
        )

    def _odd(self, message: str) -> Iterator[tuple[str, set[str]]]:
        for name, value in _settings(message):
            usual = self._values.get(name)
            if not usual or value in usual or len(usual) > FEW_VALUES:
                continue
            if _is_odd(value, usual):
                yield name, usual


def _settings(message: str) -> Iterator[tuple[str, str]]:
    for match in _setting().finditer(message[:MOST_READ]):
        yield match[1], match[2]


def _is_odd(value: str, usual: set[str]) -> bool:
    number = _quantity_of(_number().fullmatch(value))
    if number is not None:
        numbers = [_quantity_of(_number().fullmatch(each)) for each in usual]
        return all(each is not None and number.is_far_from(each) for each in numbers)
    name, names = _name_of(value), {_name_of(each) for each in usual}
    return bool(name) and "" not in names and name not in names


def _name_of(value: str) -> str:
    found = _name().fullmatch(value)
    return "" if found is None else found[1]


def _quantity_of(found: re.Match[str] | None) -> Quantity | None:
    if found is None:
        return None
    amount, unit = float(found[1]), found[2]
    if unit in _TIMES:
        return Quantity(amount * _TIMES[unit], is_time=True)
    return Quantity(amount * _SIZES[unit]) if unit in _SIZES else None


def values_before(now: str, then: str) -> str:
    """Return what stood in the other of two lines of one kind, as far as it differs."""
    named = UsualSettings([then]).before(now)
    if named:
        return named
    words, before = now[:MOST_READ].split(), then[:MOST_READ].split()
    if len(words) != len(before):
        return ""
    differ = (old for new, old in zip(words, before, strict=True) if new != old)
    told = _in_words(old.strip(".,;") for old in differ)
    return f"was {told}" if told else ""


def _in_words(parts: Iterable[str]) -> str:
    return ", ".join(islice(parts, MOST_TOLD))


def is_far_off(now: str, then: str) -> bool:
    """Whether a number of two lines of one kind is far off, or is 0 now.

    What is no setting may be of any size but none.
    """
    here, there = (
        list(map(_quantity_of, _number().finditer(text[:MOST_READ])))
        for text in (now, then)
    )
    if len(here) != len(there):
        return False
    sets = "=" in now or '":' in now
    return any(
        one.is_far_from(other) and (sets or not one.amount)
        for one, other in zip(here, there, strict=True)
        if one is not None and other is not None
    )
