"""Words about the connection for somebody who reads a log on a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.core.text import clean
from chronotui.engine.watch.state import ConnectionKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.engine.watch.state import Connection

DOWN: Final = frozenset({ConnectionKind.RECONNECTING, ConnectionKind.OFFLINE})


class Narration:
    """Says each turn of the connection once.

    Args:
        tell: Takes one sentence.
        patience: Seconds an outage lasts before it is worth a sentence.
    """

    def __init__(self, tell: Callable[[str], None], patience: float) -> None:
        self._tell = tell
        self._patience = patience
        self._down_since: float | None = None
        self._said_down = False
        self._said_waiting = False

    def hear(self, connection: Connection, now: float) -> None:
        """Take the connection as it stands now."""
        if connection.kind is ConnectionKind.WAITING and not self._said_waiting:
            self._said_waiting = True
            self._tell(f"waiting for the start: {connection.reason}.")
        if connection.kind in DOWN:
            self._is_down(connection, now)
        elif connection.kind is not ConnectionKind.CONNECTING:
            self._is_up()

    def _is_down(self, connection: Connection, now: float) -> None:
        if self._down_since is None:
            self._down_since = now
        offline = connection.kind is ConnectionKind.OFFLINE
        if self._said_down or (now - self._down_since < self._patience and not offline):
            return
        self._said_down = True
        reason = clean(connection.reason).rstrip(".")
        self._tell(f"{connection.text(now)}: {reason}. Trying on.")

    def _is_up(self) -> None:
        self._down_since = None
        if self._said_down:
            self._said_down = False
            self._tell("connected again; nothing is lost that the server still has.")
