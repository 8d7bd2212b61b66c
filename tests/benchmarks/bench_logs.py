"""How fast `logs` prints an ended job of a million lines, against ``curl``.

The server is a process of its own that sends bodies written before, as fast as it can:
what is measured is the reader. Each command writes into a pipe that is emptied.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Final

from tests.benchmarks.measure import Figure, interleaved
from tests.benchmarks.served import served

if TYPE_CHECKING:
    from collections.abc import Callable

LINES = 1_000_000
TAIL_PAGES = 10
START_SECONDS = 0.35
"""What starting costs beside the reading."""

MOST_MEGABYTES = 64

WORKFLOW: Final = "6fa0fbe7-fbe7-4fa0-9f69-5459b62aa54e"
JOB: Final = "57b541de-29b6-4c97-9394-af629ac4f669"
WORD: Final = "refused"
"""One line in a thousand has it."""

SERVER = r"""
import contextlib, json, mmap, os, socket, sys, threading
from datetime import datetime, timedelta, UTC

folder, count, workflow, job = sys.argv[1], int(sys.argv[2]), *sys.argv[3:]
begun = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)

def entry(n):
    at = begun + timedelta(milliseconds=n)
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S")
    stamp += (f".{n % 1000:03d}".rstrip("0") if n % 1000 else "") + "Z"
    stream = "stderr" if n % 17 == 0 else "stdout"
    message = f"worker-{n % 23} batch {n % 400} of 400 loaded, {n * 7919 % 99991} rows"
    if n % 1000 == 0:
        message = f"connection \x1b[31mrefused\x1b[0m: \"{n}\""
    return {
        "timestamp": stamp, "sequence_num": n, "stream": stream,
        "event_id": f"log:{job}:{stream}:{n}", "message_raw": message,
    }

def written(kind):
    path = os.path.join(folder, kind)
    with open(path, "w") as body:
        for n in range(count):
            made = entry(n)
            text = json.dumps(made, separators=(",", ":"))
            body.write((text if kind == "jsonl" else made["message_raw"]) + "\n")
    with open(path, "rb") as body:
        return mmap.mmap(body.fileno(), 0, access=mmap.ACCESS_READ)

bodies = {kind: written(kind) for kind in ("txt", "jsonl")}
kinds = {"txt": "text/plain", "jsonl": "application/x-ndjson"}

def page(query):
    top = int(query.partition("cursor=")[2] or count)
    logs = []
    for n in range(top - 1, max(top - 101, -1), -1):
        made = entry(n)
        made["message"] = made.pop("message_raw")
        logs.append(made)
    told = {"id": job, "workflow_id": workflow, "logs": logs}
    return {**told, "cursor": str(top - 100)} if top > 100 else told

def answer(path, query):
    if path.endswith("/logs"):
        return page(query)
    if path.endswith(job):
        return {
            "id": job, "workflow_id": workflow, "status": "COMPLETED",
            "trigger": "MANUAL", "scheduled_at": begun.isoformat(),
            "started_at": begun.isoformat(), "completed_at": begun.isoformat(),
        }
    return {"id": workflow, "name": "export", "kind": "CONTAINER",
            "build_status": "COMPLETED", "log_retention": True}

def raw(peer, kind):
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\n" % kinds[kind].encode())
    body = bodies[kind]
    for at in range(0, len(body), 1 << 16):
        piece = body[at : at + (1 << 16)]
        peer.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
    peer.sendall(b"0\r\n\r\n")

def serve(peer):
    asked = b""
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with peer, contextlib.suppress(OSError):
        while True:
            while b"\r\n\r\n" not in asked:
                more = peer.recv(65536)
                if not more:
                    return
                asked += more
            head, _, asked = asked.partition(b"\r\n\r\n")
            path, _, query = head.split(b" ")[1].decode().partition("?")
            if path.endswith("/raw"):
                raw(peer, "jsonl" if "jsonl" in query else "txt")
                continue
            told = json.dumps(answer(path, query)).encode()
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                         b"Content-Length: %d\r\n\r\n%b" % (len(told), told))
"""


class Shell:
    """Runs command lines, and remembers what the largest program took."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self.megabytes = 0.0

    def seconds(self, line: str) -> float:
        """Return how long a command line takes.

        Raises:
            RuntimeError: It fails.
        """
        begun = perf_counter()
        process = subprocess.Popen(
            ["bash", "-c", f"set -o pipefail; {line}"], env=self._environment
        )
        _pid, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{line} ended with {process.returncode}")
        self.megabytes = max(self.megabytes, used.ru_maxrss / 1024)
        return perf_counter() - begun


def figures(runs: int = 5) -> list[Figure]:
    """Return the rows of the table that concern `logs`."""
    if shutil.which("curl") is None:
        return []
    with TemporaryDirectory() as name:
        folder = Path(name)
        with served(SERVER, folder, LINES, WORKFLOW, JOB) as url:
            return _measured(url, folder, runs)


def _measured(url: str, folder: Path, runs: int) -> list[Figure]:
    environment = _environment(url, folder)
    ours, theirs = Shell(environment), Shell(environment)
    python = shlex.quote(sys.executable)
    logs = f"{python} -m chronotui logs {WORKFLOW} {JOB}"
    base = f"{url}/workflows/{WORKFLOW}/jobs/{JOB}/logs"
    text, entries = f"curl -s {base}/raw", f"curl -s '{base}/raw?format=jsonl'"
    pages = " ".join(
        f"'{base}?cursor={LINES - 100 * page}'" for page in range(TAIL_PAGES)
    )
    tail = f"{python} -c 'import httpx'; curl -s {pages}"
    grep = f"{entries} | grep -c {WORD}"
    rows = [
        ("into a pipe", logs, text, 3.0, START_SECONDS, "curl of the text"),
        ("-o jsonl", f"{logs} -o jsonl", entries, 2.5, START_SECONDS, "curl of jsonl"),
        (f"--grep {WORD}", f"{logs} --grep {WORD}", grep, 2.0, 0.0, "curl | grep -c"),
        ("--stream stderr", f"{logs} --stream stderr", grep, 2.0, 0.0, "the same"),
        ("--since", f"{logs} --since {_SINCE}", grep, 2.0, 0.0, "the same"),
        ("--tail 1000", f"{logs} --tail 1000", tail, 1.3, 0.0, "httpx, ten pages"),
    ]
    made: list[Figure] = []
    for what, mine, reference, factor, start, against in rows:
        took = interleaved(
            _into_pipe(ours, mine), _into_pipe(theirs, reference), runs=runs
        )
        goal = round(factor + start / took[1], 2)
        name = f"logs {what}, {LINES:,} lines"
        made.append(Figure(name, took[0], took[1], goal, against))
    memory = "memory of the largest of them, MB"
    made.append(
        Figure(memory, ours.megabytes, MOST_MEGABYTES, 1.0, "may be taken", "MB")
    )
    return made


_SINCE: Final = "2026-11-22T10:15:00Z"
"""Nine tenths of the lines are older."""


def _into_pipe(shell: Shell, line: str) -> Callable[[], float]:
    return partial(shell.seconds, f"{{ {line}; }} | cat > /dev/null")


def _environment(url: str, folder: Path) -> dict[str, str]:
    config = folder / "config.toml"
    config.write_text(f'[profiles.bench]\nurl = "{url}"\n')
    config.chmod(0o600)
    home = {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")}
    return {**os.environ, **home, "CHRONOTUI_CONFIG": str(config)}
