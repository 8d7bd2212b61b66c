"""What a live stream says, one value an event or a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from chronotui.model.log import LogLine


@dataclass(frozen=True, slots=True)
class Connected:
    """The subscription stands; only lines written from now on will arrive."""


@dataclass(frozen=True, slots=True)
class LiveLines:
    """Lines that arrived together, in arrival order, with ``retained`` False.

    ``unreadable`` counts frames of this batch that could not be decoded.
    """

    lines: tuple[LogLine, ...]
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """The server said the stream is over."""


@dataclass(frozen=True, slots=True)
class StreamFailed:
    """The server said, in plain text, why it cannot stream."""

    reason: str


LiveEvent: TypeAlias = Connected | LiveLines | StreamEnded | StreamFailed
