"""The words of the status line, from plain values; no widget in sight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

Tone = Literal["text", "muted", "good", "caution", "alarm"]
SEPARATOR: Final = "  "


class Part(NamedTuple):
    """A piece of the line; ``rank`` 0 is dropped last when room is short."""

    text: str
    tone: Tone = "text"
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """What the status line tells.

    ``place`` is the line number under the eye, from 1; 0 when nothing is shown.
    ``new`` counts lines below the view while reading; ``rate`` is lines a second.
    ``older`` says that there may be lines before those that are loaded.
    """

    profile: str = ""
    connection: str = ""
    connection_tone: Tone = "muted"
    following: bool = False
    place: int = 0
    lines: int = 0
    older: bool = False
    new: int = 0
    missing: int = 0
    fetching: bool = False
    sealed: bool = False
    rate: float = 0.0
    filling: str = ""
    filters: str = ""
    zone: str = ""
    notice: str = ""


def parts_of(standing: Standing) -> list[Part]:
    """Return the pieces in reading order."""
    parts = [Part(standing.profile, "muted", 2)]
    if standing.connection:
        parts.append(Part(standing.connection, standing.connection_tone, 0))
    parts += _place(standing)
    parts += _truth(standing)
    if standing.rate >= 0.5:
        parts.append(Part(f"{standing.rate:,.0f}/s", "muted", 4))
    if standing.filling:
        parts.append(Part(standing.filling, "text", 1))
    if standing.filters:
        parts.append(Part(standing.filters, "caution", 2))
    if standing.zone:
        parts.append(Part(standing.zone, "muted", 5))
    return [part for part in parts if part.text]


def _place(standing: Standing) -> list[Part]:
    if not standing.lines:
        return []
    if standing.following:
        return [Part("following", "good", 1)]
    parts = [Part(f"line {standing.place:,}", "text", 1)] if standing.place else []
    if standing.new:
        parts.append(Part(f"▼ {standing.new:,} new (G)", "caution", 1))
    return parts


def _truth(standing: Standing) -> list[Part]:
    """Say how many lines there are and how many are known to be missing."""
    if not standing.lines and not standing.missing:
        return []
    words = "1 line" if standing.lines == 1 else f"{standing.lines:,} lines"
    parts = [Part(f"newest {words}" if standing.older else words, "text", 1)]
    if standing.missing:
        words = f"{standing.missing:,} missing"
        if standing.fetching:
            words += ", fetching"
        parts.append(Part(words, "alarm", 0))
    elif standing.sealed:
        parts.append(Part("sealed ✓ 0 missing", "good", 0))
    else:
        parts.append(Part("0 missing", "muted", 2))
    return parts


def fit(parts: list[Part], width: int) -> list[Part]:
    """Drop the parts that matter least until the rest fits ``width`` cells."""
    kept = list(parts)
    while kept and _width(kept) > width:
        worst = max(range(len(kept)), key=lambda i: (kept[i].rank, i))
        if kept[worst].rank == 0 and len(kept) == 1:
            break
        kept.pop(worst)
    return kept


def _width(parts: list[Part]) -> int:
    return sum(len(part.text) for part in parts) + len(SEPARATOR) * (len(parts) - 1)
