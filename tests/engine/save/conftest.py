"""Saves against the demo server, over real sockets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import pytest

from chronotui.demo.scripts import Script, ScriptLine
from chronotui.engine.save import Save
from chronotui.engine.save_request import SaveRequest, SaveResult
from chronotui.log.formats import JSON, JSONL, TXT_TIME, SaveFormat
from chronotui.sources.chronoverse import Chronoverse, open_chronoverse
from chronotui.sources.protocol import BearerAuth, CookieAuth

if TYPE_CHECKING:
    from pathlib import Path

    from chronotui.demo.lines import DemoJob
    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer
    from chronotui.sources.protocol import Auth


@dataclass
class Bench:
    """A demo server, a client of it and a folder to save into."""

    demo: DemoServer
    client: Chronoverse
    folder: Path
    mixed: tuple[ScriptLine | str, ...] = field(
        default=(
            "plain",
            ScriptLine('{"level":"error","n":1}', "stderr"),
            "\x1b[31mred\x1b[0m [red]not markup[/] \u202e 日本 🎉",
            ScriptLine("x" * 65_535),
            ScriptLine("with\ttab and \x00 nul", "stderr"),
        )
    )

    def ended(
        self, lines: Sequence[ScriptLine | str], outcome: str = "COMPLETED"
    ) -> ScriptedJob:
        """Add a job that ended ten minutes ago."""
        script = Script(lines, starts_in=-660.0, ends_after=60.0, outcome=outcome)
        return self.demo.world.add_job(script)

    def text(self, job: DemoJob) -> bytes:
        """What the job's log is as txt."""
        truth = self.demo.world.truth(job.id)
        return "".join(f"{line.message}\n" for line in truth).encode()

    def truth(self, job: DemoJob) -> list[str]:
        return [line.message for line in self.demo.world.truth(job.id)]

    def messages(self, save_format: SaveFormat, name: str = "a") -> list[str]:
        """What a saved file says; for text its lines."""
        text = self.read(name).decode()
        if save_format is JSON:
            return [entry["message_raw"] for entry in json.loads(text)["logs"]]
        lines = text.splitlines()
        if save_format is JSONL:
            return [json.loads(line)["message_raw"] for line in lines]
        if save_format is TXT_TIME:
            return [line.split(" ", 2)[2] for line in lines]
        return lines

    def request(
        self, job: DemoJob, name: str | None = "a", **asked: object
    ) -> SaveRequest:
        fields = {
            "workflow_id": job.workflow_id,
            "job_id": job.id,
            "path": None if name is None else self.folder / name,
            **asked,
        }
        return SaveRequest(**fields)  # type: ignore[arg-type]

    def save(self, job: DemoJob, name: str | None = "a", **asked: object) -> Save:
        return Save(self.client, self.request(job, name, **asked))

    async def run(
        self, job: DemoJob, name: str | None = "a", **asked: object
    ) -> SaveResult:
        return await self.save(job, name, **asked).run()

    def names(self) -> set[str]:
        return {entry.name for entry in self.folder.iterdir()}

    def read(self, name: str = "a") -> bytes:
        return (self.folder / name).read_bytes()


OpenBench: TypeAlias = Callable[..., Bench]


@pytest.fixture
async def open_bench(tmp_path: Path) -> AsyncIterator[OpenBench]:
    """Open a bench on a demo server; ``bearer`` signs in with a token alone."""
    folder = tmp_path / "saved"
    folder.mkdir()
    async with AsyncExitStack() as stack:

        def open_one(demo: DemoServer, *, bearer: bool = False) -> Bench:
            async def session() -> str:
                return demo.open_session()[0]

            async def token() -> str:
                return demo.token

            if bearer:
                auth: Auth = BearerAuth(token)
            elif demo.dialect.is_current:
                auth = CookieAuth(session)
            else:
                auth = BearerAuth(token, session)
            client = open_chronoverse(demo.url, auth)
            stack.push_async_callback(client.aclose)
            return Bench(demo, client, folder)

        yield open_one


@pytest.fixture
async def bench(demo: DemoServer, open_bench: OpenBench) -> Bench:
    """A bench on a current server."""
    return open_bench(demo)


@pytest.fixture
async def documented(documented_demo: DemoServer, open_bench: OpenBench) -> Bench:
    """A bench on a server of the documented pages."""
    return open_bench(documented_demo)
