"""What is shown where the terminal's encoding lacks a character, in as many cells.

Nothing of it is needed in UTF-8. In an 8-bit locale, Python would write the number of
each sign the desk is drawn with, and no column would stand where it should.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Final
from unicodedata import normalize

from rich.cells import cell_len

if TYPE_CHECKING:
    from io import TextIOWrapper
    from typing import TextIO

ERRORS: Final = "chronotui.stand_ins"
"""The name Python knows it by."""

_SIGNS: Final = {
    "▾▼▽⌄↓": "v",
    "▸▶▷►→›»⏎": ">",
    "◂◀←‹«": "<",
    "▴▲△↑": "^",
    "│┃▏▎▍▌▋▊▉┆┊║⎸▐": "|",
    "─━┄┈═‾▔▁–—⎯": "-",
    "┌┐└┘├┤┬┴┼╭╮╯╰╷╵╴╶┏┓┗┛┣┫┳┻╋": "+",
    "█▓▒░■▪▇▆▅▄▃▂▀": "#",
    "⋮⋯…·•∙": ".",
    "●◉": "*",
    "○◌◯": "o",
    "✓✔": "y",
    "✗✘✖✕❌": "x",
    "⚠": "!",
    "≥": ">",
    "≤": "<",
    "×": "x",
    "“”„": '"',
    "‘’‚": "'",
    "◐": "%",
    "⏸": "=",
    "◆⚑": "*",
    "↻": "~",
    "†": "+",
    "⟨": "<",
    "⟩": ">",
    "␛": "^",
}
_BY_SIGN: Final = {sign: plain for signs, plain in _SIGNS.items() for sign in signs}


def put_in(stream: TextIOWrapper) -> None:
    """Let a stream write stand-ins for what its encoding lacks."""
    codecs.register_error(ERRORS, _replaced)
    stream.reconfigure(errors=ERRORS)


def keys_encoding(stream: TextIO | None) -> str:
    """Return how keys are read: as the locale has it, which may only claim ASCII."""
    encoding = (stream and stream.encoding) or "utf-8"
    return "utf-8" if codecs.lookup(encoding).name == "ascii" else encoding


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(map(stand_in, lacking)), error.end


def stand_in(sign: str) -> str:
    """Return ASCII in as many cells as a character takes."""
    cells = cell_len(sign)
    plain = _BY_SIGN.get(sign)
    if plain is not None:
        return plain.ljust(cells)
    bare = normalize("NFKD", sign)[:1]
    if cells == 1 and bare.isascii() and bare.isprintable():
        return bare
    return "?" * cells
