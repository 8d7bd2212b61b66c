"""Values that are far from what the good run has of the same name or place."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_READ: Final = 600
"""Characters of a line in which values are looked for."""

FACTOR: Final = 9.0
"""How many times as large or small a number is that is far off."""

LEAST: Final = 3.0
"""What a number is at least, where it is 0 in the other run."""

FEW_VALUES: Final = 3
"""Values that a setting has in one log; what has more is none."""

_UNITS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
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


@cache
def _setting() -> re.Pattern[str]:
    """A name and its value: ``pool=4``, ``"timeout": "2us"``, ``workers: 8``."""
    return re.compile(
        r"(?<![\w.-])([A-Za-z_][\w.-]{0,40}+)[\"']?(?:=| ?: )[\"']?"
        r"([^\s,;=\"'()\[\]{}]{1,40})"
    )


@cache
def _quantity() -> re.Pattern[str]:
    return re.compile(r"-?(\d{1,9}(?:\.\d{1,9})?)([A-Za-zµ%]{0,3})")


@cache
def _number() -> re.Pattern[str]:
    """A number that stands alone: no part of a name, a date, a time or a path."""
    return re.compile(r"(?<![^\s=(\[])(\d{1,9})(?![^\s,;)\]])")


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
        return any(
            value not in usual and len(usual) <= FEW_VALUES and _is_odd(value, usual)
            for name, value in _settings(message)
            if (usual := self._values.get(name))
        )


def _settings(message: str) -> Iterator[tuple[str, str]]:
    for match in _setting().finditer(message[:MOST_READ]):
        yield match[1], match[2]


def _is_odd(value: str, usual: set[str]) -> bool:
    number = _quantity_of(value)
    if number is None:
        return value.isalpha() and all(each.isalpha() for each in usual)
    numbers = [_quantity_of(each) for each in usual]
    return all(each is not None and _is_far(number, each) for each in numbers)


def _quantity_of(value: str) -> float | None:
    found = _quantity().fullmatch(value)
    factor = None if found is None else _UNITS.get(found[2])
    return None if found is None or factor is None else float(found[1]) * factor


def _is_far(one: float, other: float) -> bool:
    small, large = sorted((one, other))
    return large >= LEAST if not small else large / small >= FACTOR


def is_emptied(now: str, then: str) -> bool:
    """Whether a number of a line is 0 that was some, both of one kind."""
    here, there = (
        [int(number) for number in _number().findall(text[:MOST_READ])]
        for text in (now, then)
    )
    return len(here) == len(there) and any(
        not count and usual >= LEAST for count, usual in zip(here, there, strict=True)
    )
