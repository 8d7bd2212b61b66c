"""Readers of a demo job over real sockets, with the engine's delays scaled down."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from msgspec.structs import replace

from chronotui.engine.follow import Follow
from chronotui.engine.job_log import JobLog
from chronotui.engine.retained import RetainedLog
from chronotui.engine.timing import WatchSettings, WatchTiming
from tests.exactness import client_of, identity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer
    from chronotui.model import Job, RawFormat
    from chronotui.sources.chronoverse import Chronoverse

SCALE = 0.02
"""A minute of the engine's delays lasts 1.2 seconds."""

TIMING = WatchTiming().scaled(SCALE)
SETTINGS = WatchSettings(poll_seconds=5.0 * SCALE, tail=None, timing=TIMING)


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until something holds.

    Raises:
        TimeoutError: It does not.
    """
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - a condition of another thread
            await asyncio.sleep(0.005)


@dataclass
class Readers:
    """Makes readers of one server's jobs and closes what they leave."""

    stack: AsyncExitStack
    said: list[str] = field(default_factory=list)

    async def client(self, demo: DemoServer) -> Chronoverse:
        client = client_of(demo)
        self.stack.push_async_callback(client.aclose)
        return client

    async def job(self, demo: DemoServer, made: ScriptedJob) -> Job:
        client = await self.client(demo)
        return await client.job(made.workflow_id, made.id)

    async def log(self, demo: DemoServer, made: ScriptedJob, **settings: Any) -> JobLog:
        """Return a job's log, not watched yet."""
        client = await self.client(demo)
        job = await client.job(made.workflow_id, made.id)
        log = JobLog(client, None, job, settings=replace(SETTINGS, **settings))
        self.stack.callback(log.store.close)
        return log

    @asynccontextmanager
    async def watching(self, log: JobLog) -> AsyncIterator[asyncio.Task[Any]]:
        """Watch a log inside the block."""
        task = asyncio.create_task(log.watch())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def follow(
        self, demo: DemoServer, made: ScriptedJob, **options: Any
    ) -> Follow:
        client = await self.client(demo)
        job = await client.job(made.workflow_id, made.id)
        options.setdefault("settings", replace(SETTINGS, may_sign_in=False))
        return Follow(client, None, job, tell=self.said.append, **options)

    async def retained(
        self, demo: DemoServer, made: ScriptedJob, **options: Any
    ) -> RetainedLog:
        client = await self.client(demo)
        job = await client.job(made.workflow_id, made.id)
        return RetainedLog(
            client, None, job, timing=TIMING, tell=self.said.append, **options
        )


@pytest.fixture
async def readers() -> AsyncIterator[Readers]:
    async with AsyncExitStack() as stack:
        yield Readers(stack)


def true_lines(demo: DemoServer, made: ScriptedJob) -> list[tuple[int, int, str, str]]:
    """The lines a job truly has, in order."""
    return [
        (line.attempt, line.sequence_num, line.stream, line.message)
        for line in demo.world.truth(made.id)
    ]


def held_lines(log: JobLog) -> list[tuple[int, int, str, str]]:
    """The lines a log holds, in order."""
    return [identity(line) for line in log.store.lines(0, len(log.store))]


async def printed_lines(
    reader: Follow | RetainedLog,
) -> list[tuple[int, int, str, str]]:
    """The lines a reader hands out, in order."""
    return [identity(line) async for batch in reader.batches() for line in batch]


class Spoiled:
    """A client whose downloads come as something makes of them."""

    def __init__(
        self, client: Chronoverse, spoil: Callable[[list[bytes]], Iterable[bytes]]
    ) -> None:
        self._client = client
        self._spoil = spoil

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    @contextmanager
    def download(
        self,
        workflow_id: str,
        job_id: str,
        *,
        format: RawFormat,  # noqa: A002
        stream: str | None = None,
        query: str | None = None,
    ) -> Iterator[SpoiledAnswer]:
        with self._client.download(workflow_id, job_id, format=format) as answer:
            lines = b"".join(answer.chunks()).splitlines(keepends=True)
            yield SpoiledAnswer(answer.format, self._spoil(lines))


class SpoiledAnswer(NamedTuple):
    format: RawFormat
    body: Iterable[bytes]
    file_name: str | None = None

    def chunks(self) -> Iterator[bytes]:
        yield from self.body

    def abort(self) -> None:
        """There is nothing to stop."""


def ends_early(lines: list[bytes]) -> list[bytes]:
    return lines[: len(lines) // 2]
