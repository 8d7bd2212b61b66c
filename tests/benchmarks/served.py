"""A server in a process of its own, which no client shares its processor with."""

from __future__ import annotations

import socket
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


def requests(peer: socket.socket) -> Iterator[tuple[str, str]]:
    """Yield path and query of each request on a connection, to its end.

    Raises:
        OSError: The client went away.
    """
    asked = b""
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with peer:
        while True:
            while b"\r\n\r\n" not in asked:
                more = peer.recv(65536)
                if not more:
                    return
                asked += more
            head, _, asked = asked.partition(b"\r\n\r\n")
            path, _, query = head.split(b" ")[1].decode().partition("?")
            yield path, query


def send_json(peer: socket.socket, told: bytes) -> None:
    """Answer a request."""
    peer.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(told), told)
    )
