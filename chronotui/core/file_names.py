"""File names made from what a server says; a hint is never a path.

A name from ``Content-Disposition`` or a job's id is untrusted: it may hold
separators, control characters, dots that climb, names an operating system keeps for
itself, too many bytes, or nothing (wire note "Raw download").
"""

from __future__ import annotations

import unicodedata
from typing import Final

NAME_BYTES: Final = 200
"""Longest name made here: room is left below the usual 255 for ``.part`` endings."""

_MOST_READ: Final = 1024
"""Characters of either end of a name that are looked at."""

_FORBIDDEN: Final = frozenset('/\\:*?"<>|')
_RESERVED: Final = frozenset(
    ["con", "prn", "aux", "nul", "clock$", "conin$", "conout$"]
    + [f"{device}{n}" for device in ("com", "lpt") for n in "0123456789¹²³"]
)


def safe_name(hint: str | None, *, fallback: str = "log") -> str:
    """Return a plain file name: one component, visible, at most ``NAME_BYTES`` long.

    Args:
        hint: What the server proposes; only its last component counts.
        fallback: Used where nothing usable is left (made safe as well).
    """
    for text in (hint or "", fallback):
        name = _clean(text)
        if name:
            return name
    return "log"


def _clean(text: str) -> str:
    last = text.replace("\\", "/").rstrip("/").rpartition("/")[2]
    if len(last) > 2 * _MOST_READ:
        last = last[:_MOST_READ] + last[-_MOST_READ:]
    visible = "".join(_safe_char(char) for char in last)
    name = " ".join(visible.split()).strip(" .").lstrip("-~").strip(" .")
    if not name.strip("_-. "):
        return ""
    if name.partition(".")[0].strip().casefold() in _RESERVED:
        name = f"_{name}"
    return shorten(name)


def _safe_char(char: str) -> str:
    if char in _FORBIDDEN:
        return "_"
    category = unicodedata.category(char)
    # Cc control, Cf format (bidi, zero width), Cs surrogate, Co private, Cn unassigned.
    if category[0] == "C":
        return ""
    return " " if category[0] == "Z" else char


def shorten(name: str, limit: int = NAME_BYTES) -> str:
    """Cut a name to ``limit`` bytes of UTF-8, keeping its ending (``.jsonl``)."""
    if len(name.encode()) <= limit:
        return name
    stem, dot, ending = name.rpartition(".")
    tail = f"{dot}{ending}" if stem and len(ending.encode()) <= 16 else ""
    head = (stem if tail else name).encode()[: limit - len(tail.encode())]
    return head.decode(errors="ignore").rstrip(" .") + tail


def log_name(job_id: str, extension: str, *, hint: str | None = None) -> str:
    """Return the name of a saved log: the server's hint, else ``<job>-logs.<ext>``.

    The ending always says what is in the file, whatever the hint's says.
    """
    own = f"{safe_name(job_id, fallback='job')}-logs"
    name = safe_name(hint, fallback=own)
    stem, _, ending = name.rpartition(".")
    if stem and ending.casefold() in {"txt", "json", "jsonl", "ndjson", "log"}:
        name = stem
    return shorten(f"{name}.{extension}")


def numbered(name: str, number: int) -> str:
    """Return ``name-2.txt`` for ``name.txt`` and 2."""
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    return f"{stem}-{number}{dot}{ending}"
