"""One case with one seed: the server, the readers, and what each of them found."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack, aclosing
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from chronotui.demo.faults import Faults
from chronotui.demo.server import DemoServer
from chronotui.engine.timing import WatchSettings, WatchTiming
from chronotui.errors import ChronotuiError
from chronotui.model import STDERR
from tests.exactness.cases import EVERY, Case, EndedCase, Scene, ended_script, script_of
from tests.exactness.readers import (
    Found,
    Identity,
    Reading,
    client_of,
    followed,
    identity,
    judge,
    loaded,
    printed,
    recorded,
    saved,
    timed,
    watched,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chronotui.demo.routes import Dialect
    from chronotui.demo.server import LoopbackListener
    from chronotui.model import Job
    from chronotui.sources.chronoverse import Chronoverse

    Read: TypeAlias = Callable[[Reading], Awaitable[None]]
    Reach: TypeAlias = Callable[[LoopbackListener], str]
    """Gives the address a server is reached at; starts what stands between."""


class Run(NamedTuple):
    """One case with one seed in one dialect, and what every reader made of it."""

    case: str
    dialect: Dialect
    seed: int
    found: dict[str, Found]
    said: dict[str, list[str]]

    @property
    def exact(self) -> bool:
        """Whether all ended with the truth."""
        return all(found.exact for found in self.found.values())


async def run(
    case: Case | EndedCase,
    dialect: Dialect,
    seed: int,
    scale: float,
    reach: Reach | None = None,
) -> Run:
    """Run a case.

    Args:
        case: What goes wrong.
        dialect: Of the server.
        seed: Of everything that chance decides.
        scale: The engine's delays are so much shorter.
        reach: Puts something between the server and the readers.
    """
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(case, EndedCase):
            return await _run_ended(case, dialect, seed, Path(folder), reach)
        return await _run_live(case, dialect, (seed, scale), Path(folder), reach)


async def _run_live(
    case: Case,
    dialect: Dialect,
    chance: tuple[int, float],
    folder: Path,
    reach: Reach | None,
) -> Run:
    seed, scale = chance
    settings = WatchSettings(
        poll_seconds=5.0 * scale, tail=None, timing=WatchTiming().scaled(scale)
    )
    options = case.server(scale)
    faults = case.faults(seed, scale)
    async with AsyncExitStack() as stack:
        demo = stack.enter_context(
            DemoServer(dialect=dialect, faults=faults, plans=[], seed=seed, **options)  # type: ignore[arg-type]
        )
        url = "" if reach is None else await asyncio.to_thread(reach, demo)
        made = demo.world.add_job(script_of(case, seed, scale))
        clients = [
            await stack.enter_async_context(aclosing(client_of(demo, url)))
            for _ in range(3)
        ]
        job = await _first_reading(clients[0], made.workflow_id, made.id)
        readers: dict[str, Read] = {
            "desk": partial(watched, clients[0], job, settings),
            "shell": partial(followed, clients[1], job, settings),
            "recording": partial(
                recorded, clients[2], job, settings, folder / "a.jsonl"
            ),
        }
        happening = None
        if case.happens is not None:
            scene = Scene(demo, made, seed, scale, len(readers))
            happening = asyncio.ensure_future(case.happens(scene))
            await asyncio.sleep(0)
        readings = await asyncio.gather(*map(timed, readers.values()))
        if happening is not None:
            await asyncio.wait([happening], timeout=5.0)
            happening.cancel()
        truth = [identity(line) for line in demo.world.truth(made.id)]
    found = {
        name: judge(
            truth,
            reading,
            seconds,
            may_miss=case.may_miss,
            may_refuse=name in case.may_refuse and not reading.lines,
        )
        for name, (reading, seconds) in zip(readers, readings, strict=True)
    }
    said = {name: r.said for name, (r, _) in zip(readers, readings, strict=True)}
    return Run(case.name, dialect, seed, found, said)


async def _run_ended(
    case: EndedCase, dialect: Dialect, seed: int, folder: Path, reach: Reach | None
) -> Run:
    """Save and read an ended job, one way after the other.

    A download that was cut may be refused in words; a whole one may not.
    """
    at = Random(seed).randrange(1, case.lines)
    faults = Faults(
        seed=seed,
        cut_clean=at if case.cut else None,
        raw_cut_after=at * 10 if case.dies else None,
        to_close=case.to_close,
    )
    found: dict[str, Found] = {}
    said: dict[str, list[str]] = {}
    async with AsyncExitStack() as stack:
        demo = stack.enter_context(
            DemoServer(dialect=dialect, faults=faults, plans=[], seed=seed)
        )
        url = "" if reach is None else await asyncio.to_thread(reach, demo)
        made = demo.world.add_job(ended_script(case, dialect, seed))
        truth = [identity(line) for line in demo.world.truth(made.id)]
        client = await stack.enter_async_context(aclosing(client_of(demo, url)))
        job = await _first_reading(client, made.workflow_id, made.id)
        for name, (true, read) in _ways(client, job, folder, truth).items():
            reading, seconds = await timed(read)
            may_refuse = case.cut or case.dies
            found[name] = judge(true, reading, seconds, may_refuse=may_refuse)
            said[name] = reading.said
    return Run(case.name, dialect, seed, found, said)


def _ways(
    client: Chronoverse, job: Job, folder: Path, truth: list[Identity]
) -> dict[str, tuple[list[Identity], Read]]:
    """Return every way to get at an ended job's log, each with its lines."""
    errors = [line for line in truth if line[2] == STDERR]
    settings = WatchSettings(tail=100)
    return {
        "txt": (truth, partial(saved, client, job, folder / "a.txt", truth)),
        "jsonl": (truth, partial(saved, client, job, folder / "a.jsonl", truth)),
        "stderr": (
            errors,
            partial(saved, client, job, folder / "b.txt", errors, stream=STDERR),
        ),
        "logs": (truth, partial(printed, client, job)),
        "desk g": (truth, partial(loaded, client, job, settings)),
    }


async def _first_reading(client: Chronoverse, workflow_id: str, job_id: str) -> Job:
    while True:
        try:
            return await client.job(workflow_id, job_id)
        except ChronotuiError:
            await asyncio.sleep(0.01)


def run_named(name: str, dialect: Dialect, seed: int, scale: float) -> Run:
    """Run a case given by its name, in a process that has no other to run."""
    case = next(case for case in EVERY if case.name == name)
    return asyncio.run(run(case, dialect, seed, scale))


def report(done: Run) -> str:
    """Return a run in words, reader by reader, with what those that erred said."""
    lines = [f"{done.case} ({done.dialect.value}, seed {done.seed})"]
    for name, found in done.found.items():
        lines.append(
            f"    {name:10} {found.lost} lost, {found.doubled} doubled,"
            f" {found.disordered} out of order, {found.false_missing} false missing,"
            f" {found.false_whole} false whole, {found.said} said to be missing,"
            f" {'ended wrong, ' if found.wrong else ''}{found.seconds:.1f} s"
        )
        if not found.exact:
            lines += [f"        {words}" for words in done.said[name][-6:]]
    return "\n".join(lines)
