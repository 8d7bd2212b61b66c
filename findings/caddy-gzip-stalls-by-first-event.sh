#!/usr/bin/env bash
# caddy 2.6.2: the size of the first event decides whether a compressed stream is live.
#
# Guess: behind `encode gzip` and `reverse_proxy` server-sent events come either at once
# or, where the compressor is not flushed, late; which of them, the configuration says.
# Seen: the first write decides. Up to 512 bytes the whole stream is passed on plain, and
# each event comes at once. From 513 bytes on it is compressed, and the compressor is
# not flushed: the header comes at once, so the client believes itself connected, and no
# event before the stream ends. A log that was watched for months stands still on the
# day its first line is long. Who asks for `Accept-Encoding: identity` is spared.
#
# Needs caddy and python3.
#
# Output seen:
#   caddy 2.6.2: first event of 512 bytes: plain, events before the end: 2
#   caddy 2.6.2: first event of 513 bytes: gzip, events before the end: 0
#   caddy 2.6.2: asked for identity, 513 bytes: plain, events before the end: 2
#
# Exits 0 while this is so, 1 when it has changed, 2 without caddy.
set -euo pipefail

command -v caddy > /dev/null || { echo "caddy is needed" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/look.py" <<'PYTHON'
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
import zlib

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
SILENCE = 1.0
"""Seconds without a byte after which nothing more is on its way."""


def chunk(size: int) -> bytes:
    event = b"data: " + b"x" * (size - 8) + b"\n\n"
    return b"%x\r\n%s\r\n" % (size, event)


def serve(listener: socket.socket) -> None:
    """Send two events, of which the path tells the first one's size; then wait."""
    while True:
        connection, _ = listener.accept()
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += connection.recv(4096)
        size = int(asked.split()[1].strip(b"/"))
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(size))
        time.sleep(0.3)
        connection.sendall(chunk(20))
        kept.append(connection)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def watch(size: int, accepted: str) -> tuple[str, int]:
    """Return how a stream is encoded, and how many events of it have come."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=SILENCE)
    client.request("GET", f"/{size}", headers={"Accept-Encoding": accepted})
    answer = client.getresponse()
    encoding = answer.getheader("Content-Encoding", "plain")
    decoder = zlib.decompressobj(31)
    text = b""
    try:
        while read := answer.read1(65536):
            text += read if encoding == "plain" else decoder.decompress(read)
    except TimeoutError:
        pass
    return encoding, text.count(b"\n\n")


kept: list[socket.socket] = []
listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve, args=(listener,), daemon=True).start()
port, folder = free_port(), sys.argv[1]
with open(f"{folder}/Caddyfile", "w") as file:
    file.write(
        "{\n\tadmin off\n\tauto_https off\n}\n"
        f"http://127.0.0.1:{port} {{\n\tencode gzip\n"
        f"\treverse_proxy 127.0.0.1:{listener.getsockname()[1]}\n}}\n"
    )
own = {**os.environ, "HOME": folder, "XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder}
run = ["caddy", "run", "--config", f"{folder}/Caddyfile", "--adapter", "caddyfile"]
caddy = subprocess.Popen(run, env=own, stderr=subprocess.DEVNULL)
try:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    seen = [watch(512, "gzip"), watch(513, "gzip"), watch(513, "identity")]
finally:
    caddy.terminate()
    caddy.wait()
asked = ("first event of 512 bytes", "first event of 513 bytes")
release = subprocess.check_output(["caddy", "version"], text=True).split()[0].lstrip("v")
for what, (encoding, events) in zip((*asked, "asked for identity, 513 bytes"), seen):
    print(f"caddy {release}: {what}: {encoding}, events before the end: {events}")
sys.exit(seen != [("plain", 2), ("gzip", 0), ("plain", 2)])
PYTHON

python3 "$folder/look.py" "$folder"
