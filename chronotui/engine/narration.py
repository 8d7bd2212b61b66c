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
        self._said_asked: float | None = None

    def hear(self, connection: Connection, now: float) -> None:
        """Take the connection as it stands now."""
        if connection.kind is ConnectionKind.WAITING and not self._said_waiting:
            self._said_waiting = True
            self._tell(f"waiting for the start: {connection.reason}.")
        if connection.kind in DOWN or connection.is_troubled:
            self._is_down(connection, now)
        elif connection.kind is not ConnectionKind.CONNECTING:
            self._is_up()

    def _is_down(self, connection: Connection, now: float) -> None:
        if self._down_since is None:
            self._down_since = now
        asked = connection.asked_until
        if asked is not None and self._is_news(asked):
            self._said_asked = asked
            self._say_down(connection, now)
            return
        at_once = connection.kind is ConnectionKind.OFFLINE
        if self._said_down or (now - self._down_since < self._patience and not at_once):
            return
        self._say_down(connection, now)

    def _is_news(self, asked_until: float) -> bool:
        """Whether the server asked for another wait than the one that was told."""
        said = self._said_asked
        return said is None or abs(asked_until - said) >= self._patience

    def _say_down(self, connection: Connection, now: float) -> None:
        self._said_down = True
        reason = clean(connection.why(now)).rstrip(".")
        self._tell(f"{connection.text(now)}: {reason}. Trying on.")

    def _is_up(self) -> None:
        self._down_since = None
        if self._said_down:
            self._said_down = False
            self._tell("connected again; nothing is lost that the server still has.")
