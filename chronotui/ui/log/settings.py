"""How lines are shown; remembered by the app, never decided by a widget."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

Zone: TypeAlias = Literal["local", "utc"]


class Timestamps(StrEnum):
    """Column before the text, in the order ``t`` goes through them."""

    OFF = "off"
    TIME = "time"
    FULL = "full"
    ELAPSED = "elapsed"
    DELTA = "delta"

    @property
    def next(self) -> Timestamps:
        """What ``t`` turns this into."""
        modes = list(Timestamps)
        return modes[(modes.index(self) + 1) % len(modes)]

    @property
    def meaning(self) -> str:
        """A word for people."""
        return {
            Timestamps.OFF: "no times",
            Timestamps.TIME: "time of day",
            Timestamps.FULL: "date and time",
            Timestamps.ELAPSED: "since the job's start",
            Timestamps.DELTA: "since the line before",
        }[self]


@dataclass(frozen=True, slots=True)
class ViewSettings:
    """What the app remembers between starts (``[ui]`` of the profile file)."""

    timestamps: Timestamps = Timestamps.TIME
    zone: Zone = "local"
    wrap: bool = False
