"""How fast lines come into a watched log, and how soon after they were written.

The references read the same bytes from the same server: httpx-sse with ``json.loads``
the stream, a bare httpx loop the pages. Servers run in processes of their own.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import contextmanager
from statistics import quantiles
from time import perf_counter, time_ns
from typing import TYPE_CHECKING

import httpx
from httpx_sse import aconnect_sse

from chronotui.engine.job_log import JobLog
from chronotui.engine.timing import WatchSettings
from chronotui.sources.chronoverse import open_chronoverse
from chronotui.sources.protocol import NoAuth, SessionAuth
from tests.benchmarks.measure import Figure, interleaved

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from chronotui.sources.chronoverse import Chronoverse

EVENTS = 40_000
LINES = 100_000
LATENCY_LINES = 3000
LATENCY_RATE = 1000.0
LATENCY_GOAL_SECONDS = 0.06

STREAM_SERVER = """
import json, socket, sys, threading
events, together = map(int, sys.argv[1:])

def line(n):
    stamp = "2026-03-03T10:%02d:%02d.%03dZ" % (n // 6000 % 60, n // 100 % 60, n % 1000)
    message = "2026-03-03 INFO worker-%d batch %d of 9999 loaded in %d ms, ok" % (
        n % 20, n, n % 500)
    return {"timestamp": stamp, "message": message, "sequence_num": n,
            "stream": "stdout", "event_id": "log:3f2c9f0e-11a1-4b5c:stdout:%d" % n}

def chunk(data):
    return b"%x\\r\\n%s\\r\\n" % (len(data), data)

def answer(value):
    body = json.dumps(value).encode()
    return (b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\n"
            b"Content-Length: %d\\r\\n\\r\\n%s" % (len(body), body))

frames = [b"event: log\\ndata: %s\\n\\n" % json.dumps(line(n)).encode()
          for n in range(events)]
frames.insert(0, b'event: connected\\ndata: {"status":"connected"}\\n\\n')
stream = b"HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\n"
stream += b"Transfer-Encoding: chunked\\r\\n\\r\\n"
stream += b"".join(chunk(b"".join(frames[n:n + together]))
                   for n in range(0, len(frames), together))
job = answer({"id": "live", "workflow_id": "w", "status": "RUNNING"})

def serve(peer):
    with peer:
        asked = b""
        while True:
            while b"\\r\\n\\r\\n" not in asked:
                received = peer.recv(65536)
                if not received:
                    return
                asked += received
            first, _, asked = asked.partition(b"\\r\\n\\r\\n")
            path = first.split()[1]
            peer.sendall(stream if b"/events" in path
                         else answer({}) if b"/logs" in path else job)

listener = socket.create_server(("127.0.0.1", 0))
url = "http://127.0.0.1:%d" % listener.getsockname()[1]
print(json.dumps({"url": url}), flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""

DEMO_SERVER = """
import json, sys
from chronotui.demo.server import DemoServer
from chronotui.demo.faults import Faults
from chronotui.demo.scripts import Script, ScriptLine
lines, rate, starts_in = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
text = "2026-03-03 INFO worker-%d batch %d of 9999 loaded in %d ms, ok"
with DemoServer(plans=[], faults=Faults(retention_lag=(0.0, 0.0))) as demo:
    job = demo.world.add_job(Script(
        [ScriptLine(text % (n % 20, n, n % 500)) for n in range(lines)],
        rate=rate, starts_in=starts_in))
    print(json.dumps({"url": demo.url, "email": demo.email, "password": demo.password,
                      "workflow": job.workflow_id, "job": job.id}), flush=True)
    sys.stdin.read()
"""


@contextmanager
def served(server: str, *arguments: float) -> Iterator[dict[str, str]]:
    """Run a server in a process of its own; give what it says of itself."""
    command = [sys.executable, "-c", server, *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.kill()


def timed(work: Coroutine[None, None, int], expected: int) -> float:
    """Run what counts the lines it reads; return how many a second."""

    async def run() -> float:
        begun = perf_counter()
        assert await work == expected
        return expected / (perf_counter() - begun)

    return asyncio.run(run())


async def watched(client: Chronoverse, workflow: str, job_id: str, lines: int) -> int:
    """Watch a job until so many lines are in the store."""
    job = await client.job(workflow, job_id)
    log = JobLog(client, None, job, settings=WatchSettings(tail=None))
    full = asyncio.Event()
    log.subscribe(lambda: full.set() if log.state.lines >= lines else None)
    watching = asyncio.create_task(log.watch())
    await full.wait()
    watching.cancel()
    await asyncio.wait([watching])
    await client.aclose()
    return len(log.store)


def signed_in(server: dict[str, str]) -> Chronoverse:
    async def password() -> str:
        return server["password"]

    return open_chronoverse(server["url"], SessionAuth(server["email"], password))


async def bare_stream(url: str) -> int:
    count = 0
    async with (
        httpx.AsyncClient(timeout=None) as client,
        aconnect_sse(client, "GET", f"{url}/workflows/w/jobs/live/events") as source,
    ):
        async for event in source.aiter_sse():
            json.loads(event.data)
            count += event.event == "log"
            if count == EVENTS:
                break
    return count


async def bare_pages(server: dict[str, str]) -> int:
    """Fetch every page of a log, newest first, and count its lines."""
    url = server["url"]
    address = f"{url}/workflows/{server['workflow']}/jobs/{server['job']}/logs"
    account = {"email": server["email"], "password": server["password"]}
    count = 0
    query: dict[str, str] = {}
    async with httpx.AsyncClient() as client:
        await client.post(f"{url}/auth/login", json=account)
        while True:
            page = json.loads((await client.get(address, params=query)).content)
            count += len(page["logs"])
            if "cursor" not in page:
                return count
            query = {"cursor": page["cursor"]}


def stream_figure(together: int, name: str) -> Figure:
    with served(STREAM_SERVER, EVENTS, together) as server:
        url = server["url"]
        ours, theirs = interleaved(
            lambda: timed(
                watched(open_chronoverse(url, NoAuth()), "w", "live", EVENTS), EVENTS
            ),
            lambda: timed(bare_stream(url), EVENTS),
        )
    against = "httpx-sse + json"
    return Figure(name, ours, theirs, 1.0, against, "lines/s", at_least=True)


def pages_figure() -> Figure:
    with served(DEMO_SERVER, LINES, 0, -600) as server:
        places = server["workflow"], server["job"]
        ours, theirs = interleaved(
            lambda: timed(watched(signed_in(server), *places, LINES), LINES),
            lambda: timed(bare_pages(server), LINES),
            runs=3,
        )
    name = f"catching up {LINES:,} retained lines"
    return Figure(name, ours, theirs, 0.8, "httpx + json", "lines/s", at_least=True)


async def delays(server: dict[str, str]) -> list[float]:
    """Return the seconds from writing each line to the listener's call."""
    client = signed_in(server)
    job = await client.job(server["workflow"], server["job"])
    log = JobLog(client, None, job, settings=WatchSettings(poll_seconds=0.2))
    found: list[float] = []
    enough = asyncio.Event()
    seen = 0

    def note() -> None:
        nonlocal seen
        now = time_ns()
        lines = log.store.lines(seen, len(log.store))
        found.extend(
            (now - line.time_ns) / 1e9
            for line in lines
            if not line.retained and line.time_ns is not None
        )
        seen += len(lines)
        if seen >= LATENCY_LINES * 0.95:
            enough.set()

    log.subscribe(note)
    watching = asyncio.create_task(log.watch())
    await enough.wait()
    watching.cancel()
    await asyncio.wait([watching])
    await client.aclose()
    return found


def latency_figures() -> list[Figure]:
    with served(DEMO_SERVER, LATENCY_LINES, LATENCY_RATE, 1.5) as server:
        hundredths = quantiles(asyncio.run(delays(server)), n=100)
    return [
        Figure(f"line written to listener called, {name}", value, goal, 1.0, "(goal)")
        for name, value, goal in (
            ("p50", hundredths[49], LATENCY_GOAL_SECONDS),
            ("p99", hundredths[98], LATENCY_GOAL_SECONDS),
        )
    ]


def figures() -> list[Figure]:
    """Return the rows of the table."""
    return [
        stream_figure(1, "live frames into the watched log, one HTTP chunk each"),
        stream_figure(250, "live frames into the watched log, 250 a chunk"),
        pages_figure(),
        *latency_figures(),
    ]
