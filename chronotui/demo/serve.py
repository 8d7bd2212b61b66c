"""The demo server alone, until it is told to stop."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from chronotui.demo.dialect import Dialect
from chronotui.demo.server import DemoServer

if TYPE_CHECKING:
    from collections.abc import Callable


def serve_forever(
    port: int = 0,
    *,
    ready: Callable[[DemoServer], None],
    dialect: Dialect = Dialect.CURRENT,
    lines: int | None = None,
    seed: int = 1,
    prefix: str = "",
    stop: threading.Event | None = None,
) -> None:
    """Serve on 127.0.0.1 until interrupted; prints nothing.

    Args:
        port: Where to listen; 0 takes a free port.
        ready: Called once, when connections are taken, with the server: its
            ``url``, ``email``, ``password`` and ``token`` are what a person needs.
        dialect: Which server it is.
        lines: Length of the long log; a million if None.
        seed: Worlds of one seed are the same.
        prefix: A path before every address.
        stop: Ends it when set; Ctrl+C (``KeyboardInterrupt``) ends it too, quietly.

    Raises:
        OSError: If the port cannot be had.
    """
    done = stop or threading.Event()
    server = DemoServer(
        seed=seed, dialect=dialect, port=port, prefix=prefix, lines=lines
    )
    try:
        with server:
            server.warm()
            ready(server)
            done.wait()
    except KeyboardInterrupt:
        return
