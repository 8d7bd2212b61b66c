"""The log view; here stands what the desk needs of it before any of it is loaded.

The desk's first frame loads neither the log nor its view, but holds how lines are shown
and says where the reader is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

from chronotui.times import Timestamps

if TYPE_CHECKING:
    from chronotui.model import LogLine

Zone: TypeAlias = Literal["local", "utc"]


class ViewSettings(Struct, frozen=True):
    """How lines are shown; the app remembers it between starts."""

    timestamps: Timestamps = Timestamps.TIME
    zone: Zone = "local"
    wrap: bool = False


class ViewportPlace(Struct, frozen=True):
    """Where the reader is, for the status line.

    ``number`` is the line's, as the server gives it; None when there is no line. In a
    log whose lines have none it is the line's place, from 1. ``attempt`` is that one in
    a log of several, else 0. ``shown`` are the rows under the filters, ``new`` the
    lines below that were not on the screen yet. ``filters`` and ``search`` are as
    typed, empty when there is none. ``left`` are the cells of text scrolled out.
    """

    following: bool = True
    number: int | None = None
    attempt: int = 0
    shown: int = 0
    new: int = 0
    zone: str = ""
    filters: str = ""
    search: str = ""
    left: int = 0
    line: LogLine | None = None
