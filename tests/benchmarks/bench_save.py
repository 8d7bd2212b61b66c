"""How fast a raw download becomes a file, against ``curl -o``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.benchmarks.measure import Figure, interleaved
from tests.benchmarks.served import served

MEGABYTES = 500
CHUNKS = ((1 << 16, "64 KiB"), (12_000, "12 kB"))

SERVER = """
import contextlib, socket, sys, threading
size, chunk = int(sys.argv[1]), int(sys.argv[2])
line = b"2026-11-22T10:12:31.004Z worker-17 batch 118 of 400 loaded, 40960 rows, "
line += b"212 ms, next in 5 s, nothing to report\\n"
body = (line * (chunk // len(line) + 1))[:chunk - 1] + b"\\n"
framed = b"%x\\r\\n%s\\r\\n" % (len(body), body)
many = framed * max(1, (1 << 20) // len(framed))
rounds = size // (len(body) * max(1, (1 << 20) // len(framed)))
head = b"HTTP/1.1 200 OK\\r\\nContent-Type: text/plain; charset=utf-8\\r\\n"
head += b'Content-Disposition: attachment; filename="job-logs.txt"\\r\\n'
head += b"Transfer-Encoding: chunked\\r\\nConnection: close\\r\\n\\r\\n"
page = b'{"logs":[]}'
empty = b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\n"
empty += b"Content-Length: %d\\r\\nConnection: close\\r\\n\\r\\n%s" % (len(page), page)

def serve(peer):
    with peer, contextlib.suppress(ConnectionError):
        asked = b""
        while b"\\r\\n\\r\\n" not in asked:
            asked += peer.recv(65536)
        if b"/raw" not in asked.split(b"\\r\\n")[0]:
            peer.sendall(empty)
            return
        peer.sendall(head)
        for _ in range(rounds):
            peer.sendall(many)
        peer.sendall(b"0\\r\\n\\r\\n")
"""

OURS = """
import asyncio, os, resource, sys, time
from pathlib import Path
from datetime import datetime, UTC
import httpx
from chronotui.sources.protocol import NoAuth
from chronotui.sources.chronoverse import open_chronoverse
from chronotui.engine.save import Save
from chronotui.engine.save_request import SaveRequest
from chronotui.model import Job, JobStatus, Trigger

os.fsync = lambda _descriptor: None  # curl does not fsync

async def main(url, path):
    job = Job("j", "w", JobStatus.COMPLETED, Trigger.MANUAL)
    client = open_chronoverse(url, NoAuth())
    asked = SaveRequest(workflow_id="w", job_id="j", path=Path(path), job=job)
    begun = time.perf_counter()
    await Save(client, asked).run()
    took = time.perf_counter() - begun
    await client.aclose()
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)

asyncio.run(main(*sys.argv[1:]))
"""


KEYS = """
import asyncio, os, sys, time
from pathlib import Path
from textual import events
from textual.app import App
from textual.widgets import Static
from chronotui.sources.protocol import NoAuth
from chronotui.sources.chronoverse import open_chronoverse
from chronotui.engine.save import Saves
from chronotui.engine.save_request import SaveRequest
from chronotui.model import Job, JobStatus, Trigger

os.fsync = lambda _descriptor: None

class Desk(App):
    def compose(self):
        yield Static("")

    def on_key(self, event):
        self.query_one(Static).update(str(time.perf_counter()))
        self.call_after_refresh(self.shown.set)

    async def keys(self, until):
        took = []
        while until(took):
            self.shown = asyncio.Event()
            begun = time.perf_counter()
            self.post_message(events.Key("j", "j"))
            await self.shown.wait()
            took.append(time.perf_counter() - begun)
            await asyncio.sleep(0.003)
        return sorted(took)[int(len(took) * 0.99)]

async def main(url, path):
    app = Desk()
    async with app.run_test(size=(120, 40)):
        await app.keys(lambda took: len(took) < 50)
        idle = await app.keys(lambda took: len(took) < 300)
        saves = Saves(open_chronoverse(url, NoAuth()))
        job = Job("j", "w", JobStatus.COMPLETED, Trigger.MANUAL)
        asked = SaveRequest(
            workflow_id="w", job_id="j", path=Path(path), job=job, overwrite=True
        )
        def saving(took):
            if not saves.running and len(took) < 300:
                saves.start(asked)
            return len(took) < 300
        busy = await app.keys(saving)
        await saves.close()
    print(busy, idle)

asyncio.run(main(*sys.argv[1:]))
"""


def figures(runs: int = 5) -> list[Figure]:
    """Measure saving 500 MB of text in the chunks a server flushes."""
    if shutil.which("curl") is None:
        return []
    made = []
    for chunk, name in CHUNKS:
        with served(SERVER, MEGABYTES * 1_000_000, chunk) as url:
            made += _measured(url, name, runs)
            if chunk == CHUNKS[0][0]:
                made.append(_keys(url, runs))
    return made


def _measured(url: str, name: str, runs: int) -> list[Figure]:
    processor: list[float] = []
    memory: list[float] = []
    with TemporaryDirectory() as folder:
        target = Path(folder) / "saved.txt"

        def ours() -> float:
            target.unlink(missing_ok=True)
            os.sync()
            done = subprocess.run(
                [sys.executable, "-c", OURS, url, str(target)],
                check=True,
                capture_output=True,
                text=True,
            )
            took, used, resident = map(float, done.stdout.split())
            processor.append(used)
            memory.append(resident)
            return took

        def curl() -> float:
            target.unlink(missing_ok=True)
            os.sync()
            begun = time.perf_counter()
            subprocess.run(["curl", "-s", "-o", str(target), f"{url}/raw"], check=True)
            return time.perf_counter() - begun

        took = interleaved(ours, curl, runs=runs)
    what = (
        f"save {MEGABYTES} MB, {name} chunks (CPU {min(processor):.2f} s,"
        f" resident {max(memory):.0f} MiB)"
    )
    return [
        Figure(
            what,
            MEGABYTES / took[0],
            MEGABYTES / took[1],
            0.4,
            "curl -o",
            "MB/s",
            at_least=True,
        )
    ]


def _keys(url: str, runs: int) -> Figure:
    """Measure keys of a desk while it saves, against the same desk at rest."""
    busy, idle = [], []
    with TemporaryDirectory() as folder:
        for _ in range(runs):
            done = subprocess.run(
                [sys.executable, "-c", KEYS, url, str(Path(folder) / "saved.txt")],
                check=True,
                capture_output=True,
                text=True,
            )
            one, other = map(float, done.stdout.split())
            busy.append(one)
            idle.append(other)
    name = "key p99 while a save runs at full speed"
    return Figure(name, median(busy), median(idle), 3.0, "idle p99")
