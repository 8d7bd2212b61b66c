"""A server in a process of its own, which no client shares its processor with."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_LISTENING: Final = """
import socket, threading

listener = socket.create_server(("127.0.0.1", 0), backlog=64)
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


@contextmanager
def served(server: str, *arguments: object) -> Iterator[str]:
    """Run a server and give its URL, once all it sends is made.

    Args:
        server: Its code, with a function ``serve`` that answers one connection.
        arguments: What it finds in ``sys.argv``.
    """
    command = [sys.executable, "-c", server + _LISTENING, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()
