"""Recording a job that is retried, on a server that mixes its attempts."""

from __future__ import annotations

import asyncio
import json
import random
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.scripts import Script, ScriptLine
from chronotui.errors import CancelledByUserError, ChronotuiError
from chronotui.log.formats import JSONL, TXT, SaveFormat
from tests.engine.conftest import until
from tests.engine.save.test_recording import record

if TYPE_CHECKING:
    from chronotui.demo.scripts import ScriptedJob
    from tests.engine.save.conftest import Bench


def retried(bench: Bench, job: ScriptedJob, rows: int = 60) -> None:
    """Write one more attempt, like the one before for a while."""
    job.retry()
    job.write(
        *(ScriptLine(f"line {n}", "stderr" if n % 7 else "stdout") for n in range(rows))
    )


@pytest.mark.parametrize("save_format", [TXT, JSONL])
async def test_it_agrees_with_the_servers_own_file(
    bench: Bench, save_format: SaveFormat
) -> None:
    job = bench.demo.world.add_job(Script([f"line {n}" for n in range(100)]))
    save = record(bench, job, format=save_format)
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.lines >= 100)
    retried(bench, job)
    await until(lambda: bench.demo.world.truth(job.id)[-1].attempt == 2)
    retried(bench, job, 61)
    job.end()
    result = await running
    truth = bench.demo.world.truth(job.id)
    assert [line.attempt for line in truth] == [1] * 100 + [2] * 60 + [3] * 61
    if save_format is TXT:
        assert bench.read() == bench.text(job)
    else:
        entries = [json.loads(line) for line in bench.read().splitlines()]
        assert [entry["message_raw"] for entry in entries] == [x.message for x in truth]
    assert result.exit_code == 0
    assert result.lines == 221
    assert "Saved 221 lines" in result.sentence()
    assert "the server's own file has the same" in result.notes[-1]
    assert bench.names() == {"a"}


async def test_the_documented_dialect(documented: Bench) -> None:
    job = documented.demo.world.add_job(Script([f"line {n}" for n in range(100)]))
    save = record(documented, job)
    running = asyncio.create_task(save.run())
    await until(lambda: save.progress.lines >= 100)
    retried(documented, job)
    job.end()
    result = await running
    assert documented.read() == documented.text(job)
    assert (result.exit_code, result.lines) == (0, 160)
    assert "the server's own file has the same" in result.notes[-1]


async def test_stopped_in_one_attempt_and_gone_on_with_in_the_next(
    bench: Bench,
) -> None:
    job = bench.demo.world.add_job(Script([f"line {n}" for n in range(100)]))
    for lines in (100, 160):
        save = record(bench, job)
        running = asyncio.create_task(save.run())
        await until(lambda save=save, lines=lines: save.progress.lines >= lines)  # type: ignore[misc]
        save.stop()
        await asyncio.wait([running])
        assert isinstance(running.exception(), CancelledByUserError)
        retried(bench, job)
    job.end()
    result = await record(bench, job).run()
    assert bench.read() == bench.text(job)
    assert (result.exit_code, result.lines) == (0, 220)
    assert bench.names() == {"a"}


@pytest.mark.parametrize("seed", range(2))
async def test_stopped_again_and_again_in_trouble(bench: Bench, seed: int) -> None:
    faults, chance = bench.demo.faults, random.Random(seed)
    faults.live_dropped, faults.live_doubled, faults.live_swapped = 0.1, 0.1, 0.1
    faults.cut_bytes = (2_000, 20_000)
    faults.fail_rate = 0.05
    lines = [
        ScriptLine(f"line {n}", "stderr" if n % 3 else "stdout", attempt=1 + n // 400)
        for n in range(1200)
    ]
    job = bench.demo.world.add_job(Script(lines, rate=600.0))
    while len(bench.demo.world.truth(job.id, until_now=True)) < 1200:
        save = record(bench, job, format=JSONL)
        running = asyncio.create_task(save.run())
        # The wait is the moment of the stop, not a wait for something.
        await asyncio.wait([running], timeout=chance.uniform(0.0, 0.6))
        save.stop()
        await asyncio.wait([running])
        assert isinstance(running.exception(), ChronotuiError)
    job.end()
    faults.fail_rate = 0.0
    result = await record(bench, job, format=JSONL).run()
    entries = [json.loads(line) for line in bench.read().splitlines()]
    assert [
        (entry["sequence_num"], entry["stream"], entry["message_raw"])
        for entry in entries
    ] == [
        (line.sequence_num, line.stream, line.message)
        for line in bench.demo.world.truth(job.id)
    ]
    assert (result.lines, result.exit_code) == (1200, 0)
    assert bench.names() == {"a"}
