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
        text = message.casefold()
        missing = [word for word in self._words if word not in text]
        if missing:
            tokens = set(_WORD.findall(text))
            if not all(_is_among(word, tokens) for word in missing):
                return []
        return [
            match.span()
            for match in _WORD.finditer(message)
            if any(is_like(word, match.group().casefold()) for word in self._words)
        ]


def _is_among(wanted: str, tokens: set[str]) -> bool:
    """Tell whether one of a message's words is nearly the wanted one.

    With one letter wrong, the first or the last letter is still right.
    """
    if len(wanted) < _TOLERANT_FROM:
        return False
    first, last = wanted[0], wanted[-1]
    return any(
        is_like(wanted, token)
        for token in tokens
        if token[0] == first or token[-1] == last
    )


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
