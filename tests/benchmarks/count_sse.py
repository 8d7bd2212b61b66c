"""How many of the package's functions one live line passes, from the socket on.

A job is watched and settled, one line is written, and every distinct function of the
package that the event loop's thread enters is counted until the listener has been told
and has read the state and the line, and the engine has come to rest again.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from chronotui.demo.faults import Faults
from chronotui.demo.scripts import Script
from chronotui.demo.server import DemoServer
from chronotui.engine.job_log import JobLog
from chronotui.engine.timing import WatchSettings
from tests.exactness import client_of

if TYPE_CHECKING:
    from types import FrameType

SETTLED_SECONDS = 3.5
"""The newest page has been read again after ``connected``, and gaps are settled."""

REST_SECONDS = 0.4


class Entered:
    """Distinct functions of the package entered inside the block."""

    def __init__(self) -> None:
        self.functions: set[tuple[str, str]] = set()

    def __enter__(self) -> Entered:
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event != "call" or "/chronotui/" not in code.co_filename:
            return
        if code.co_name[0] != "<" and "/demo/" not in code.co_filename:
            self.functions.add((code.co_filename, code.co_qualname))

    def by_file(self) -> Counter[str]:
        """Return how many there are, by path inside the package."""
        paths = (path.rpartition("/chronotui/")[2] for path, _ in self.functions)
        return Counter(paths)


async def count_sse_line() -> Entered:
    """Return what one live line of a watched, settled job passes."""
    with DemoServer(faults=Faults(retention_lag=(0.0, 0.05)), plans=[]) as demo:
        made = demo.world.add_job(Script([f"before {n}" for n in range(300)]))
        client = client_of(demo)
        job = await client.job(made.workflow_id, made.id)
        log = JobLog(client, None, job, settings=WatchSettings(poll_seconds=60.0))
        told = asyncio.Event()
        read: list[Any] = []

        def listen() -> None:
            state = log.state
            read[:] = state, log.store.line(len(log.store) - 1)
            told.set()

        watching = asyncio.create_task(log.watch())
        await asyncio.sleep(SETTLED_SECONDS / 2)
        log.subscribe(listen)
        made.write("one before")
        await asyncio.sleep(SETTLED_SECONDS)
        told.clear()
        with Entered() as entered:
            made.write("the line")
            await told.wait()
            assert read[1].message == "the line"
            await asyncio.sleep(REST_SECONDS)
        watching.cancel()
        await asyncio.wait([watching])
        log.store.close()
        await client.aclose()
    return entered


def main() -> None:
    entered = asyncio.run(count_sse_line())
    files = entered.by_file()
    for path, count in files.most_common():
        names = [name for file, name in entered.functions if file.endswith(path)]
        print(f"{count:4} {path}: {', '.join(sorted(names))}")
    print(f"{len(entered.functions)} functions in {len(files)} files")


if __name__ == "__main__":
    main()
