"""A server that gives a job's log as fast as it can, its bodies written before.

`served.served` runs it, told FOLDER LINES WORKFLOW JOB. Jobs whose id
begins with LIVE write LIVE_LINES lines at LIVE_RATE once their stream is opened,
one chunk a frame, and end. There are JOBS further jobs to be listed.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from tests.benchmarks.served import requests, send_json

if TYPE_CHECKING:
    import socket

LIVE: Final = "feed"
"""What ids of jobs that write begin with."""

LIVE_RATE: Final = 20_000
LIVE_LINES: Final = 100_000
JOBS: Final = 10_000
JOBS_OF_PAGE: Final = 10
FRAMES_AT_ONCE: Final = 200
"""As many frames are sent between two looks at the clock."""

_BEGUN: Final = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
_KINDS: Final = {"txt": "text/plain", "jsonl": "application/x-ndjson"}


def entry(job: str, n: int, key: str) -> dict[str, Any]:
    at = _BEGUN + timedelta(milliseconds=n)
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S")
    stamp += (f".{n % 1000:03d}".rstrip("0") if n % 1000 else "") + "Z"
    stream = "stderr" if n % 17 == 0 else "stdout"
    message = f"worker-{n % 23} batch {n % 400} of 400 loaded, {n * 7919 % 99991} rows"
    if n % 1000 == 0:
        message = f'connection \x1b[31mrefused\x1b[0m: "{n}"'
    return {
        "timestamp": stamp,
        "sequence_num": n,
        "stream": stream,
        "event_id": f"log:{job}:{stream}:{n}",
        key: message,
    }


def text_of(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


class World:
    """What the server has."""

    def __init__(self, folder: Path, lines: int, workflow: str, job: str) -> None:
        self._lines = lines
        self._workflow = workflow
        self._job = job
        self._streamed: dict[str, int] = {}
        self.bodies = {kind: self._written(folder / kind, kind) for kind in _KINDS}

    def _written(self, path: Path, kind: str) -> mmap.mmap:
        with path.open("wb") as body:
            for n in range(self._lines):
                made = entry(self._job, n, "message_raw")
                text = (
                    text_of(made) if kind == "jsonl" else made["message_raw"].encode()
                )
                body.write(text + b"\n")
        with path.open("rb") as body:
            return mmap.mmap(body.fileno(), 0, access=mmap.ACCESS_READ)

    def _line(self, job: str, n: int, kind: str) -> bytes:
        made = entry(job, n, "message_raw")
        text = text_of(made) if kind == "jsonl" else made["message_raw"].encode()
        return bytes(text + b"\n")

    def answer(self, path: str, cursor: str) -> dict[str, Any]:
        parts = path.strip("/").split("/")
        if parts[-1] == "logs":
            return self._page(parts[3], cursor)
        if parts[-1] == "jobs":
            return self._listed(int(cursor or 0))
        if len(parts) == 4:
            return self._job_of(parts[3])
        return {
            "id": self._workflow,
            "name": "export",
            "kind": "CONTAINER",
            "build_status": "COMPLETED",
            "log_retention": True,
        }

    def _count(self, job: str) -> int:
        return self._streamed.get(job, 0) if job.startswith(LIVE) else self._lines

    def _page(self, job: str, cursor: str) -> dict[str, Any]:
        top = int(cursor or self._count(job))
        numbers = range(top - 1, max(top - 101, -1), -1)
        logs = [entry(job, n, "message") for n in numbers]
        told = {"id": job, "workflow_id": self._workflow, "logs": logs}
        return {**told, "cursor": str(top - 100)} if top > 100 else told

    def _job_of(self, job: str) -> dict[str, Any]:
        # A job that ended long ago is not waited for.
        at = datetime.now(UTC) if job.startswith(LIVE) else _BEGUN
        begun = f"{at:%Y-%m-%dT%H:%M:%S}Z"
        told = {
            "id": job,
            "workflow_id": self._workflow,
            "status": "COMPLETED",
            "trigger": "MANUAL",
            "scheduled_at": begun,
            "started_at": begun,
            "completed_at": begun,
        }
        if job.startswith(LIVE) and self._count(job) < LIVE_LINES:
            del told["completed_at"]
            told["status"] = "RUNNING"
        return told

    def _listed(self, first: int) -> dict[str, Any]:
        last = min(first + JOBS_OF_PAGE, JOBS)
        ids = [f"{n:08x}-29b6-4c97-9394-af629ac4f669" for n in range(first, last)]
        told: dict[str, Any] = {"jobs": [self._job_of(each) for each in ids]}
        return {**told, "cursor": str(last)} if last < JOBS else told

    def stream(self, peer: socket.socket, job: str) -> None:
        """Send the lines of a live job as they are due."""
        peer.sendall(_head("text/event-stream"))
        peer.sendall(_chunk(b"event: connected\ndata: {}\n\n"))
        frames = [
            _chunk(b"event: log\ndata: %b\n\n" % text_of(entry(job, n, "message")))
            for n in range(LIVE_LINES)
        ]
        begun = time.monotonic()
        for n, frame in enumerate(frames):
            if n % FRAMES_AT_ONCE == 0:
                self._streamed[job] = n
                time.sleep(max(0.0, begun + n / LIVE_RATE - time.monotonic()))
            peer.sendall(frame)
        self._streamed[job] = LIVE_LINES
        peer.sendall(_chunk(b"event: end\ndata: {}\n\n") + b"0\r\n\r\n")

    def raw(self, peer: socket.socket, job: str, kind: str) -> None:
        peer.sendall(_head(_KINDS[kind]))
        body: mmap.mmap | bytes = self.bodies[kind]
        if job.startswith(LIVE):
            numbers = range(self._count(job))
            body = b"".join(self._line(job, n, kind) for n in numbers)
        for at in range(0, len(body), 1 << 16):
            peer.sendall(_chunk(body[at : at + (1 << 16)]))
        peer.sendall(b"0\r\n\r\n")


def _head(kind: str) -> bytes:
    return (
        f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()


def _chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


def serve_world(world: World, peer: socket.socket) -> None:
    with contextlib.suppress(OSError):
        for path, query in requests(peer):
            if path.endswith("/raw"):
                job = path.split("/")[-3]
                world.raw(peer, job, "jsonl" if "jsonl" in query else "txt")
            elif path.endswith("/events"):
                world.stream(peer, path.split("/")[-2])
            else:
                cursor = parse_qs(query).get("cursor", [""])[0]
                send_json(peer, text_of(world.answer(path, cursor)))


if __name__ == "__main__":
    folder, lines, workflow, job = sys.argv[1:]
    serve = partial(serve_world, World(Path(folder), int(lines), workflow, job))
