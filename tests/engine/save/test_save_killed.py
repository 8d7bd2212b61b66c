"""`kill -9` in the middle of real saves."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.engine.save.conftest import Bench

_ENDLESS_SAVES = """
import asyncio, sys
from pathlib import Path
from chronotui.engine.save import Save
from chronotui.engine.save_request import SaveRequest
from chronotui.sources.protocol import CookieAuth
from chronotui.sources.chronoverse import open_chronoverse

url, session, workflow, job, folder = sys.argv[1:]

async def ask():
    return session

async def main():
    client = open_chronoverse(url, CookieAuth(ask))
    print("begun", flush=True)
    for number in range(100_000):
        path = Path(folder) / f"{number}.txt"
        asked = SaveRequest(workflow_id=workflow, job_id=job, path=path)
        await Save(client, asked).run()

asyncio.run(main())
"""


@pytest.mark.parametrize("seed", range(3))
def test_nothing_looks_whole_that_is_not(bench: Bench, seed: int) -> None:
    job = bench.ended([f"line {n} " + "x" * 200 for n in range(3000)])
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            _ENDLESS_SAVES,
            bench.demo.url,
            bench.demo.open_session()[0],
            job.workflow_id,
            job.id,
            str(bench.folder),
        ],
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"begun\n"
    # The wait is the moment of the kill, not a wait for something.
    threading.Event().wait(random.Random(seed).uniform(0.02, 0.35))
    child.kill()
    assert child.wait() == -signal.SIGKILL, "it saved until it was killed"
    child.stdout.close()
    whole = bench.text(job)
    names = bench.names()
    parts = {name for name in names if name.endswith(".part")}
    assert len(parts) <= 1
    for name in names - parts:
        assert bench.read(name) == whole
    for name in parts:
        assert whole.startswith(bench.read(name))
