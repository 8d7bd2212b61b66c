"""Words of a row, each with its width and the part it plays."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from chronotui.model import JobStatus


class Role(StrEnum):
    """The part a piece plays; the user interface gives each a style."""

    PLAIN = "plain"
    MUTED = "muted"
    NAME = "name"
    ALARM = "alarm"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    FAILED_SIGN = "failed-sign"
    CANCELED = "canceled"
    UNKNOWN = "unknown"


class Piece(NamedTuple):
    """Clean text for exactly ``width`` cells: cut or filled by whoever draws it."""

    text: str
    role: Role
    width: int
    right: bool = False


_SIGNS: Final[dict[str, tuple[str, Role]]] = {
    "RUNNING": ("●", Role.RUNNING),
    "PENDING": ("◌", Role.WAITING),
    "QUEUED": ("◌", Role.WAITING),
    "COMPLETED": ("✓", Role.COMPLETED),
    "FAILED": ("✗", Role.FAILED),
    "CANCELED": ("■", Role.CANCELED),
}


def sign_of(status: JobStatus) -> tuple[str, Role]:
    """Return the glyph of a job's state and the part it plays."""
    return _SIGNS.get(str(status), ("?", Role.UNKNOWN))
