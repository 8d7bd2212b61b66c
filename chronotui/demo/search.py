"""The server's own search: tolerant of case and of a wrong letter."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, TypeAlias

Range: TypeAlias = tuple[int, int]

_WORD: Final = re.compile(r"\w+")
_TOLERANT_FROM: Final = 5


class Matcher:
    """Finds the words of a query in messages.

    Every word of the query must be found: as part of a word of the message, or, if
    it has five letters or more, with one of them wrong.
    """

    def __init__(self, query: str) -> None:
        self._words = tuple(word.casefold() for word in _WORD.findall(query))

    def ranges(self, message: str) -> list[Range]:
        """Return where a message matches, [] if it does not."""
        found: list[Range] = []
        seen: set[str] = set()
        for match in _WORD.finditer(message):
            for word in self._words:
                if is_like(word, match.group().casefold()):
                    seen.add(word)
                    found.append(match.span())
                    break
        return found if len(seen) == len(set(self._words)) else []


@lru_cache(maxsize=65536)
def is_like(wanted: str, word: str) -> bool:
    """Tell whether a message's word is what was wanted, one wrong letter allowed."""
    if wanted in word:
        return True
    if len(wanted) < _TOLERANT_FROM or abs(len(wanted) - len(word)) > 1:
        return False
    short, long = sorted((wanted, word), key=len)
    start = 0
    while start < len(short) and short[start] == long[start]:
        start += 1
    if len(short) == len(long):
        return short[start + 1 :] == long[start + 1 :]
    return short[start:] == long[start + 1 :]


def highlight(message: str, ranges: list[Range], token: str) -> str:
    """Wrap the ranges of a message in the marks of a token."""
    parts, at = [], 0
    for start, end in ranges:
        parts += [
            message[at:start],
            f"__CV_HL_START_{token}__{message[start:end]}__CV_HL_END_{token}__",
        ]
        at = end
    return "".join([*parts, message[at:]])
