"""Where each key of a TOML document stands; tomllib itself tells no lines.

The document must have been read by tomllib already: the scanner trusts that it is
well formed and only follows its shape.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

KeyPath = tuple[str, ...]

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)+")
_SPACES: Final = re.compile(r"[ \t]*")
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR: Final = re.compile(r"[^\s,\]}#]+(?:[ ][0-9][^\s,\]}#]*)?")


@dataclass(frozen=True, slots=True)
class Header:
    """A ``[table]`` line: its path and its line number, from 1."""

    path: KeyPath
    line: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand in a document.

    Attributes:
        lines: The line of every key and table, from 1.
        headers: The ``[table]`` lines in order.
        spans: Start and end of every value, as offsets into the text.
    """

    lines: Mapping[KeyPath, int]
    headers: tuple[Header, ...]
    spans: Mapping[KeyPath, tuple[int, int]]

    def line_of(self, path: KeyPath) -> int | None:
        """Return the line of a key, or of the nearest table that holds it.

        A dotted name is found quoted (one key) and bare (nested ones) alike.
        """
        while path:
            nested = tuple(".".join(path).split("."))
            line = self.lines.get(path, self.lines.get(nested))
            if line is not None:
                return line
            path = path[:-1]
        return None


def scan(text: str) -> Layout:
    """Find the line (from 1) of every key and header of a valid document."""
    return _Scanner(text).document()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines: dict[KeyPath, int] = {}
        self._headers: list[Header] = []
        self._spans: dict[KeyPath, tuple[int, int]] = {}

    def document(self) -> Layout:
        table: KeyPath = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._assignment(table)
            self._skip(_BLANK)
        return Layout(self._lines, tuple(self._headers), self._spans)

    def _header(self) -> KeyPath:
        line = self._line()
        while self._text[self._at] in "[ \t":
            self._at += 1
        path = self._key()
        while self._at < len(self._text) and self._text[self._at] in "] \t":
            self._at += 1
        self._note(path, line)
        self._headers.append(Header(path, line))
        return path

    def _assignment(self, table: KeyPath) -> None:
        line = self._line()
        path = table + self._key()
        self._note(path, line)
        self._at += 1  # the "="
        self._skip(_SPACES)
        start = self._at
        self._value(path)
        self._spans.setdefault(path, (start, self._at))

    def _value(self, path: KeyPath) -> None:
        opening = self._text[self._at]
        if opening in "\"'":
            self._skip(_STRING)
        elif opening == "[":
            self._items("]", (*path, "[]"))
        elif opening == "{":
            self._items("}", path)
        else:
            self._skip(_SCALAR)

    def _items(self, closing: str, path: KeyPath) -> None:
        """Pass over an array or an inline table."""
        self._at += 1
        while True:
            self._skip(_BLANK)
            mark = self._text[self._at]
            if mark == closing:
                self._at += 1
                return
            if mark == ",":
                self._at += 1
            elif closing == "]":
                self._value(path)
            else:
                self._assignment(path)

    def _key(self) -> KeyPath:
        parts = [self._key_part()]
        self._skip(_SPACES)
        while self._at < len(self._text) and self._text[self._at] == ".":
            self._at += 1
            self._skip(_SPACES)
            parts.append(self._key_part())
            self._skip(_SPACES)
        return tuple(parts)

    def _key_part(self) -> str:
        start = self._at
        if self._text[start] == '"':
            import tomllib

            self._skip(_STRING)
            unquoted = tomllib.loads(f"key = {self._text[start : self._at]}")["key"]
            return str(unquoted)
        if self._text[start] == "'":
            self._skip(_STRING)
            return self._text[start + 1 : self._at - 1]
        self._skip(_BARE_KEY)
        return self._text[start : self._at]

    def _note(self, path: KeyPath, line: int) -> None:
        for length in range(len(path), 0, -1):
            self._lines.setdefault(path[:length], line)

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
