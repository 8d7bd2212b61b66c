#!/usr/bin/env bash
# httpcore 1.0.9: socket_options of a pool are dropped on connections to a proxy.
#
# Guess: options given to httpcore.ConnectionPool(socket_options=...), such as TCP
# keep-alive, hold for every connection the pool opens.
# Seen: they hold for direct connections alone. With proxy=httpcore.Proxy(...) the
# connection to the proxy is opened without them, and nothing says so.
# For a program that waits hours on a silent stream, a dead peer behind a proxy is
# then never noticed, although keep-alive was asked for.
#
# Output seen:
#   httpcore 1.0.9: SO_KEEPALIVE direct=1 proxied=0
#
# Exits 0 while this is so, 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'httpcore==1.0.9' 'h11==0.16.0' 'certifi'

cat > "$folder/look.py" <<'PYTHON'
import socket
import sys
import threading

import httpcore


def answer(connection: socket.socket) -> None:
    """Answer one plain request, as a server and as an HTTP proxy would."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def listen(server: socket.socket) -> None:
    while True:
        connection, _ = server.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def keepalive(url: str, **more: object) -> int:
    """Return whether the pool's connection has SO_KEEPALIVE, as asked for."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    with httpcore.ConnectionPool(socket_options=options, **more) as pool:
        with pool.stream("GET", url) as response:
            response.read()
            stream = response.extensions["network_stream"]
            used = stream.get_extra_info("socket")
            return used.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


server = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=listen, args=(server,), daemon=True).start()
url = f"http://127.0.0.1:{server.getsockname()[1]}/"
direct, proxied = keepalive(url), keepalive(url, proxy=httpcore.Proxy(url))
print(f"httpcore {httpcore.__version__}: SO_KEEPALIVE {direct=} {proxied=}")
sys.exit((direct, proxied) != (1, 0))
PYTHON

"$folder/venv/bin/python" "$folder/look.py"
