"""How long the opening sweep over 300 workflows takes.

The reference makes the same requests in a bare httpx loop, four at a time, over the
same server in the same run: the demo with its fleet, in a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import httpx

from chronotui.engine.fleet import Fleet
from chronotui.sources.chronoverse import open_chronoverse
from chronotui.sources.protocol import CookieAuth
from tests.benchmarks.measure import Figure, interleaved

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKFLOWS: Final = 300
AT_ONCE: Final = 4
SIGN_IN: Final = {"email": "demo@example.com", "password": "chronoverse-demo"}


@contextmanager
def demo_fleet() -> Iterator[str]:
    """Serve the demo's fleet; give its URL."""
    serve = ["demo", "--serve", "--port", "0", "--fleet", str(WORKFLOWS)]
    with subprocess.Popen(
        [sys.executable, "-m", "chronotui", *serve],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().decode().strip()
        finally:
            server.kill()


async def ours(url: str, session: str) -> float:
    """Sweep; return the seconds it takes."""

    async def cookie() -> str:
        return session

    client = open_chronoverse(url, CookieAuth(cookie))
    fleet = Fleet(client)
    over = asyncio.Event()

    def look() -> None:
        read, total = fleet.progress
        if total is not None and read == total:
            over.set()

    fleet.subscribe(look)
    begun = perf_counter()
    task = asyncio.create_task(fleet.run())
    await over.wait()
    took = perf_counter() - begun
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(fleet.workflows) > WORKFLOWS * 0.9
    await client.aclose()
    return took


async def theirs(url: str, session: str) -> float:
    """Make the same requests; return the seconds they take."""
    todo: asyncio.Queue[str] = asyncio.Queue()

    async def read(client: httpx.AsyncClient) -> None:
        while True:
            workflow = await todo.get()
            answer = await client.get(f"{url}/workflows/{workflow}/jobs")
            json.loads(answer.content)
            todo.task_done()

    begun = perf_counter()
    async with httpx.AsyncClient(cookies={"session": session}) as client:
        workers = [asyncio.create_task(read(client)) for _ in range(AT_ONCE)]
        cursor: str | None = None
        while True:
            query = f"?cursor={quote(cursor, safe='')}" if cursor else ""
            answer = await client.get(f"{url}/workflows{query}")
            page = json.loads(answer.content)
            for workflow in page.get("workflows", []):
                if not workflow.get("terminated_at"):
                    todo.put_nowait(workflow["id"])
            cursor = page.get("cursor")
            if not cursor:
                break
        await todo.join()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return perf_counter() - begun


def figures() -> list[Figure]:
    """Return the rows of the table."""
    with demo_fleet() as url:
        signed_in = httpx.post(f"{url}/auth/login", json=SIGN_IN)
        session = signed_in.cookies["session"]
        our_seconds, their_seconds = interleaved(
            lambda: asyncio.run(ours(url, session)),
            lambda: asyncio.run(theirs(url, session)),
            runs=5,
        )
    return [
        Figure(
            f"opening sweep over {WORKFLOWS} workflows",
            our_seconds,
            their_seconds,
            1.3,
            "the same requests in a bare loop",
        )
    ]
