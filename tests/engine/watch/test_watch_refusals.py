"""Refused requests over sockets: each kind on each route in each phase.

Once: nothing is lost and every state is true. For good: the readers go on asking,
but for the job's own refusal, which ends them in words.

What follows from an answer is one pure rule, which test_retry.py enumerates over every
status, body, route and phase. So here every kind of answer meets every route in every
phase once, and the readers take turns: each meets every kind on every route, every kind
in every phase, and every route in every phase.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from itertools import cycle, product
from typing import TYPE_CHECKING, Any, Final

import pytest
from msgspec.structs import replace

from chronotui.demo.faults import Faults
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.demo.server import DemoServer
from chronotui.engine.follow import Follow
from chronotui.engine.job_log import JobLog
from chronotui.engine.save import Save
from chronotui.engine.save_request import SaveRequest
from chronotui.errors import ChronotuiError
from chronotui.log.formats import JSONL
from tests.engine.conftest import SETTINGS, held_lines, until
from tests.exactness import client_of, identity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from chronotui.demo.scripts import ScriptedJob
    from chronotui.engine.timing import WatchSettings
    from chronotui.model import Job
    from chronotui.sources.chronoverse import Chronoverse

PLAIN: Final = "text/plain; charset=utf-8"
HTML: Final = "text/html"
JSON: Final = "application/json"

ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "400": {"status": 400, "content_type": PLAIN},
    "401": {"status": 401, "content_type": PLAIN},
    "403": {"status": 403, "content_type": PLAIN},
    "404": {"status": 404, "content_type": PLAIN},
    "404 page": {"status": 404, "content_type": HTML},
    "405": {"status": 405, "content_type": JSON},
    "412": {"status": 412, "content_type": PLAIN},
    "429": {"status": 429, "content_type": PLAIN},
    "429 wait": {"status": 429, "content_type": PLAIN, "retry_after": 0},
    "502 page": {"status": 502, "content_type": HTML},
    "login page": {"status": 200, "content_type": HTML},
    "broken": {"status": 200, "content_type": JSON, "body": '{"logs":['},
}
"""One of each class of answers that are none of what was asked for."""

ROUTES: Final = ("job", "logs", "events")
PHASES: Final = ("opening", "watching", "backfilling", "ending")
READERS: Final = ("desk", "follow", "recording")
LINES: Final = 50
PATIENCE: Final = 40.0
"""Seconds until a reader must have ended: many of them share one processor."""

SHELL: Final = replace(
    SETTINGS,
    may_sign_in=False,
    waits=False,
    timing=replace(SETTINGS.timing, line_wait=PATIENCE),
)
"""As a shell follows, but that it gives up no line because a machine is busy."""


def patient(settings: WatchSettings) -> WatchSettings:
    """Return settings that believe no refusal because a machine is busy."""
    timing = replace(settings.timing, refusal_lasts=PATIENCE)
    return replace(settings, timing=timing)


@dataclass
class World:
    """One server with one job, refusing one kind of answer."""

    demo: DemoServer
    made: ScriptedJob
    answer: dict[str, Any]
    route: str
    phase: str

    async def first_reading(self) -> tuple[Chronoverse, Job]:
        """Read the job as every verb does first, then begin to refuse."""
        client = client_of(self.demo)
        job = await client.job(self.made.workflow_id, self.made.id)
        if self.phase == "opening":
            self.refuse(2)
        return client, job

    def refuse(self, times: int) -> None:
        self.demo.faults.refuse(route=self.route, times=times, **self.answer)

    @property
    def truth(self) -> list[tuple[int, int, str, str]]:
        return [
            (line.attempt, line.sequence_num, line.stream, line.message)
            for line in self.demo.world.truth(self.made.id)
        ]


def is_first_refusal(route: str, answer: str, phase: str) -> bool:
    """Whether a shell that follows takes this for the answer about the job."""
    own = {("job", "403"), ("job", "404"), ("job", "412"), ("logs", "412")}
    return phase == "opening" and ((route, answer) in own or answer == "401")


@contextlib.asynccontextmanager
async def world_of(answer: str, route: str, phase: str) -> AsyncIterator[World]:
    """Start a server whose job runs, and refuse in the phase that is meant."""
    faults = Faults(retention_lag=(0.0, 0.01), live_dropped=0.2)
    if route == "events" and phase != "opening":
        faults.cut_seconds = (0.05, 0.1)
    with DemoServer(faults=faults, plans=[]) as demo:
        made = demo.world.add_job(Script([f"before {n}" for n in range(20)]))
        yield World(demo, made, ANSWERS[answer], route, phase)


async def play(world: World, phase: str, is_read: asyncio.Event) -> None:
    """Let the job write to its end, with refusals in one phase."""
    made, drop = world.made, phase == "backfilling"
    await is_read.wait()
    if phase in {"watching", "backfilling"}:
        world.refuse(2)
    for number in range(20, LINES):
        live = None if drop and number % 3 == 0 else 0.0
        made.write(ScriptLine(f"line {number}", live=live, retained=0.01))
        await asyncio.sleep(0.005)
    if phase == "ending":
        world.refuse(2)
    made.end()


async def read_desk(world: World, is_read: asyncio.Event) -> None:
    client, job = await world.first_reading()
    log = JobLog(client, None, job, settings=patient(SETTINGS))
    log.subscribe(lambda: is_read.set() if log.state.lines >= 20 else None)
    try:
        verdict = await log.watch()
        assert verdict.sealed, verdict
        assert log.state.connection.kind == "ENDED"
        assert held_lines(log) == world.truth
    finally:
        log.store.close()
        await client.aclose()


async def read_follow(world: World, is_read: asyncio.Event) -> None:
    client, job = await world.first_reading()
    follow = Follow(client, None, job, settings=patient(SHELL))
    lines: list[tuple[int, int, str, str]] = []
    try:
        async for batch in follow.batches():
            lines += map(identity, batch)
            if len(lines) >= 20:
                is_read.set()
        assert lines == world.truth
        assert follow.result is not None
        assert follow.result.exit_code == 0
    finally:
        await client.aclose()


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(row) for row in path.read_text().splitlines()]


async def read_recording(world: World, is_read: asyncio.Event, path: Path) -> None:
    client, job = await world.first_reading()
    request = SaveRequest(
        workflow_id=job.workflow_id,
        job_id=job.id,
        format=JSONL,
        path=path,
    )
    save = Save(client, request, watch=patient(replace(SHELL, waits=True)))

    async def look() -> None:
        await until(lambda: save.progress.lines >= 20, PATIENCE)
        is_read.set()

    looking = asyncio.create_task(look())
    try:
        result = await save.run()
        rows = rows_of(path)
        assert [(r["sequence_num"], r["message_raw"]) for r in rows] == [
            (number, message) for _, number, _, message in world.truth
        ]
        assert result.exit_code == 0, result
        assert result.lines == LINES
    finally:
        looking.cancel()
        await client.aclose()


async def run_once(answer: str, route: str, phase: str, reader: str, path: Path) -> str:
    """Run one case; return what was wrong, "" if nothing."""
    async with world_of(answer, route, phase) as world:
        is_read = asyncio.Event()
        if phase == "opening":
            is_read.set()
        playing = asyncio.create_task(play(world, phase, is_read))
        try:
            async with asyncio.timeout(PATIENCE):
                if reader == "desk":
                    await read_desk(world, is_read)
                elif reader == "follow":
                    await read_follow(world, is_read)
                else:
                    await read_recording(world, is_read, path)
        except ChronotuiError as error:
            if reader != "desk" and is_first_refusal(route, answer, phase):
                return ""
            return f"{type(error).__name__}: {error}"
        except TimeoutError:
            return "it never ended"
        except AssertionError as wrong:
            return f"wrong: {str(wrong)[:400]}"
        finally:
            playing.cancel()
            await asyncio.wait([playing])
    return ""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("route", ROUTES)
async def test_a_refusal_that_passes_loses_nothing(
    tmp_path: Path, route: str, phase: str
) -> None:
    turn = ROUTES.index(route) + PHASES.index(phase)
    readers = READERS[turn % 3 :] + READERS[: turn % 3]
    if (route, phase) == ("job", "opening"):
        # A recording begins with a one-shot reading of its job, which is believed.
        readers = ("desk", "follow")
    cases = list(zip(ANSWERS, cycle(readers)))
    gate = asyncio.Semaphore(8)

    async def one(number: int, answer: str, reader: str) -> str:
        async with gate:
            path = tmp_path / f"{number}.jsonl"
            wrong = await run_once(answer, route, phase, reader, path)
            return f"{answer}, {reader}: {wrong}" if wrong else ""

    found = await asyncio.gather(*(one(n, *case) for n, case in enumerate(cases)))
    assert "\n".join(filter(None, found)) == ""


JOB_REFUSALS: Final = (("job", "403"), ("job", "404"), ("job", "412"), ("logs", "412"))
OUTAGES: Final = [
    (route, answer)
    for route, answer in product(ROUTES, ANSWERS)
    if (route, answer) not in JOB_REFUSALS and answer != "401"
]


async def outlast(route: str, answer: str) -> str:
    """Refuse for good, look at the desk, relent; return what was wrong."""
    async with world_of(answer, route, "opening") as world:
        made, demo = world.made, world.demo
        world.phase = "watching"
        client, job = await world.first_reading()
        log = JobLog(client, None, job, settings=SETTINGS)
        watching = asyncio.create_task(log.watch())
        try:
            await until(lambda: log.state.lines >= 20, PATIENCE)
            await until(lambda: log.state.connection.kind == "LIVE", PATIENCE)
            world.refuse(-1)
            if route == "events":
                demo.faults.cut_seconds = (0.0, 0.0)
                demo.stop()
                demo.start()
            made.write(*(ScriptLine(f"lost {n}", live=None) for n in range(5)))
            asked = demo.requests.count(route)
            await until(lambda: demo.requests.count(route) >= asked + 5, PATIENCE)
            if watching.done():
                return f"ended: {log.state.problem}"
            await until(lambda: log.state.connection.next_try is not None, PATIENCE)
            if not log.state.connection.why(log.now()):
                return f"says nothing: {log.state.connection}"
            demo.faults.relent(route)
            demo.faults.cut_seconds = None
            log.ask_now()
            made.write("after all")
            made.end()
            verdict = await watching
        except TimeoutError:
            return f"not in time: {log.state.connection}, {log.state.lines} lines"
        else:
            exact = held_lines(log) == world.truth
            return "" if verdict.sealed and exact else f"not exact: {verdict}"
        finally:
            watching.cancel()
            await asyncio.wait([watching])
            log.store.close()
            await client.aclose()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("route", ROUTES)
async def test_an_outage_that_lasts_ends_nothing(route: str) -> None:
    gate = asyncio.Semaphore(8)

    async def one(answer: str) -> str:
        async with gate:
            wrong = await outlast(route, answer)
            return f"{answer}: {wrong}" if wrong else ""

    cases = [answer for where, answer in OUTAGES if where == route]
    found = await asyncio.gather(*map(one, cases))
    assert "\n".join(filter(None, found)) == ""


@pytest.mark.parametrize(("route", "answer"), JOB_REFUSALS)
async def test_a_refusal_of_the_job_that_lasts_ends_the_watch_in_words(
    route: str, answer: str
) -> None:
    async with world_of(answer, route, "opening") as world:
        world.phase = "watching"
        client, job = await world.first_reading()
        log = JobLog(client, None, job, settings=SETTINGS)
        watching = asyncio.create_task(log.watch())
        await until(lambda: log.state.lines >= 20, PATIENCE)
        world.refuse(-1)
        before = world.demo.requests.count(route)
        log.ask_now()
        await until(lambda: log.state.problem is not None, PATIENCE)
        log.ask_now()
        with pytest.raises(ChronotuiError):
            await asyncio.wait_for(watching, PATIENCE)
        asked = world.demo.requests.count(route) - before
        assert asked >= 2, "it is asked again before it is believed"
        state = log.state
        assert state.connection.kind == "ENDED"
        assert "The watch has ended; 20 lines are kept" in str(state.problem)
        assert "r asks again" in str(state.problem)
        # What was on its way when the watch ended may still arrive.
        await asyncio.sleep(3 * SETTINGS.poll_seconds)
        asked = world.demo.requests.count()
        await asyncio.sleep(3 * SETTINGS.poll_seconds)
        assert world.demo.requests.count() == asked, "nothing is asked any more"
        world.demo.faults.relent(route)
        world.made.write("meanwhile")
        again = asyncio.create_task(log.watch())
        await until(lambda: log.state.connection.kind == "LIVE", PATIENCE)
        assert log.state.problem is None
        world.made.end()
        assert (await again).sealed
        assert held_lines(log) == world.truth
        log.store.close()
        await client.aclose()


@pytest.mark.parametrize(("route", "answer"), JOB_REFUSALS)
@pytest.mark.parametrize("printed", [0, 20])
async def test_following_ends_with_what_was_printed(
    route: str, answer: str, printed: int
) -> None:
    async with world_of(answer, route, "opening") as world:
        world.phase = "opening" if not printed else "watching"
        client, job = await world.first_reading()
        if not printed:
            # The job was there when it was looked up, and is not any more.
            world.demo.faults.refuse(times=-1, **world.answer)
        follow = Follow(client, None, job, settings=SHELL)

        async def read() -> None:
            async for _ in follow.batches():
                if follow.printed >= 20:
                    world.refuse(-1)

        with pytest.raises(ChronotuiError) as raised:
            await asyncio.wait_for(read(), PATIENCE)
        await client.aclose()
    assert follow.printed == printed
    assert raised.value.exit_code == (6 if printed else 3 if answer == "403" else 4)


async def test_an_outage_is_told_once_to_who_follows() -> None:
    async with world_of("502 page", "logs", "watching") as world:
        client, job = await world.first_reading()
        said: list[str] = []
        follow = Follow(client, None, job, settings=SHELL, tell=said.append)

        async def read() -> None:
            async for _ in follow.batches():
                if follow.printed == 20:
                    world.refuse(-1)

        reading = asyncio.create_task(read())
        await until(lambda: any("502" in words for words in said), PATIENCE)
        asked = world.demo.requests.count("logs")
        await until(lambda: world.demo.requests.count("logs") >= asked + 4, PATIENCE)
        assert sum("502" in words for words in said) == 1, said
        world.demo.faults.relent()
        world.made.end()
        await asyncio.wait_for(reading, PATIENCE)
        await client.aclose()
    assert follow.result is not None
    assert follow.result.exit_code == 0


async def test_a_refusal_heard_before_leaving_counts_no_more() -> None:
    async with world_of("404", "job", "opening") as world:
        world.phase = "watching"
        client, job = await world.first_reading()
        log = JobLog(client, None, job, settings=SETTINGS)
        left = asyncio.create_task(log.watch())
        await until(lambda: log.state.lines >= 20, PATIENCE)
        world.refuse(-1)
        log.ask_now()
        await until(lambda: log.state.problem is not None, PATIENCE)
        left.cancel()
        await asyncio.wait([left])
        world.demo.faults.relent()
        await asyncio.sleep(1.5 * SETTINGS.timing.refusal_lasts)
        world.refuse(1)
        again = asyncio.create_task(log.watch())
        asked = world.demo.requests.count("job")
        await until(lambda: world.demo.requests.count("job") >= asked + 2, PATIENCE)
        assert not again.done()
        world.made.end()
        assert (await again).sealed
        log.store.close()
        await client.aclose()
