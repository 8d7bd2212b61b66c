"""How fast the client reads a live stream and log pages, and how fast it is there.

The reference of the stream is httpx-sse with ``json.loads``, that of the pages a bare
httpx loop, both over the same connection settings in the same process.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from time import perf_counter
from typing import TYPE_CHECKING

import httpx
from httpx_sse import aconnect_sse

from chronotui.model import LiveLines
from chronotui.sources.chronoverse import open_chronoverse
from chronotui.sources.protocol import NoAuth
from tests.benchmarks.measure import Figure, interleaved, seconds
from tests.benchmarks.served import served

if TYPE_CHECKING:
    from collections.abc import Coroutine

EVENTS = 40_000
PAGES = 300

SERVER = """
import json, socket, sys, threading
count, together = int(sys.argv[1]), int(sys.argv[2])

def line(n, digits=9):
    fraction = ("%09d" % (n * 7919 % 10**9))[:digits]
    stamp = "2026-03-03T10:%02d:%02d.%sZ" % (n // 6000 % 60, n // 100 % 60, fraction)
    message = "2026-03-03 INFO worker-%d batch %d of 9999 loaded in %d ms, ok" % (
        n % 20, n, n % 500)
    return {"timestamp": stamp, "message": message, "sequence_num": n + 1,
            "stream": "stdout", "event_id": "log:3f2c9f0e-11a1-4b5c:stdout:%d" % n}

def chunk(data):
    return b"%x\\r\\n%s\\r\\n" % (len(data), data)

frames = [b"event: log\\ndata: %s\\n\\n" % json.dumps(line(n)).encode()
          for n in range(count)]
stream = b"HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\n"
stream += b"Transfer-Encoding: chunked\\r\\n\\r\\n"
stream += b"".join(chunk(b"".join(frames[n:n + together]))
                   for n in range(0, count, together)) + b"0\\r\\n\\r\\n"
page = json.dumps({"logs": [line(n, 3) for n in range(100)], "cursor": "c"}).encode()
page = (b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\n"
        b"Content-Length: %d\\r\\n\\r\\n%s" % (len(page), page))

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
            peer.sendall(stream if b"/events" in first.split(b"\\r\\n")[0] else page)
"""


def timed(work: Coroutine[None, None, int], expected: int) -> float:
    """Run a loop that counts what it reads; return how many a second."""

    async def run() -> float:
        begun = perf_counter()
        assert await work == expected
        return expected / (perf_counter() - begun)

    return asyncio.run(run())


async def our_stream(url: str) -> int:
    client = open_chronoverse(url, NoAuth())
    count = 0
    async with client.live("w", "j") as stream:
        async for batch in stream:
            count += sum(len(e.lines) for e in batch if isinstance(e, LiveLines))
    await client.aclose()
    return count


async def their_stream(url: str) -> int:
    count = 0
    async with (
        httpx.AsyncClient(timeout=None) as client,
        aconnect_sse(client, "GET", f"{url}/workflows/w/jobs/j/events") as source,
    ):
        async for event in source.aiter_sse():
            json.loads(event.data)
            count += 1
    return count


async def our_pages(url: str) -> int:
    client = open_chronoverse(url, NoAuth())
    for _ in range(PAGES):
        await client.log_page("w", "j", cursor="c", fresh=True)
    await client.aclose()
    return PAGES


async def their_pages(url: str) -> int:
    async with httpx.AsyncClient() as client:
        for _ in range(PAGES):
            page = await client.get(f"{url}/workflows/w/jobs/j/logs?cursor=c")
            json.loads(page.content)
    return PAGES


def stream_figure(together: int, name: str, goal: float) -> Figure:
    with served(SERVER, EVENTS, together) as url:
        ours, theirs = interleaved(
            lambda: timed(our_stream(url), EVENTS),
            lambda: timed(their_stream(url), EVENTS),
        )
    return Figure(
        name, ours, theirs, goal, "httpx-sse + json", unit="lines/s", at_least=True
    )


def pages_figure() -> Figure:
    with served(SERVER, EVENTS, 1) as url:
        ours, theirs = interleaved(
            lambda: timed(our_pages(url), PAGES), lambda: timed(their_pages(url), PAGES)
        )
    return Figure(
        "log pages to lines",
        ours,
        theirs,
        0.8,
        "httpx + json",
        "pages/s",
        at_least=True,
    )


def import_figure() -> Figure:
    def importing(module: str) -> float:
        command = [sys.executable, "-c", f"import {module}"]
        return seconds(lambda: subprocess.run(command, check=True))

    ours, theirs = interleaved(
        lambda: importing("chronotui.sources.chronoverse"), lambda: importing("httpx")
    )
    return Figure("import of the client", ours, theirs, 1.5, "import httpx")


def figures() -> list[Figure]:
    """Return the rows of the table."""
    return [
        stream_figure(1, "live frames to lines, one HTTP chunk each", 1.0),
        stream_figure(250, "live frames to lines, 250 a chunk", 1.0),
        pages_figure(),
        import_figure(),
    ]
