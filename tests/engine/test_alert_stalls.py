"""Stalls of jobs whose logs are watched, on a clock that skips: outages are none."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from msgspec.structs import replace

from chronotui.engine.alert_questions import longest_pause
from chronotui.engine.connection import Connection, ConnectionKind
from chronotui.engine.fleet import Fleet
from chronotui.engine.newest_lines import NewestLines
from chronotui.engine.timing import Clock
from chronotui.log.store import LogStore
from chronotui.model import STDOUT, Job, JobStatus, LogLine
from tests.engine.scripted_fleet import NOW, ScriptedFleet, job_of
from tests.engine.skipped_time import run_skipping

if TYPE_CHECKING:
    from chronotui.engine.job_log import JobLog
    from chronotui.sources.protocol import Source


def line_at(number: int, seconds: float) -> LogLine:
    return LogLine(1, number, STDOUT, int((NOW.timestamp() + seconds) * 1e9), "x")


def running(minutes: float) -> Job:
    job = job_of("w", 1, JobStatus.RUNNING)
    return replace(job, started_at=NOW - timedelta(minutes=minutes))


async def _stalls(kind: ConnectionKind, silent: tuple[float, ...]) -> bool:
    """Whether a job that printed every 2 s is stalled after 4 silent minutes."""
    loop, store = asyncio.get_running_loop(), LogStore()
    clock = Clock(wall=lambda: NOW.timestamp() + loop.time(), chance=lambda: 0.5)
    store.add([line_at(number, 2.0 * number - 60) for number in range(31)])
    state = SimpleNamespace(connection=Connection(kind))
    log = cast("JobLog", SimpleNamespace(store=store, state=state))
    client = cast("Source", ScriptedFleet())
    client.clock_skew = 0.0  # type: ignore[misc]
    fleet, job = Fleet(client, clock=clock), running(5)
    lines = NewestLines(client, fleet, held=lambda _id: log, clock=clock)
    lines.want([job], by="alerts")
    await asyncio.sleep(240)
    stall = lines.stall_of(job, None, silent)
    await lines.close()
    return stall is not None


@pytest.mark.parametrize(
    ("kind", "silent", "stalls"),
    [
        (ConnectionKind.LIVE, (), True),
        (ConnectionKind.QUIET, (), True),
        (ConnectionKind.QUIET, (60.0,), True),
        (ConnectionKind.QUIET, (300.0,), False),
        (ConnectionKind.RECONNECTING, (), False),
        (ConnectionKind.OFFLINE, (), False),
    ],
)
def test_an_outage_is_no_stall_nor_is_what_good_runs_did(
    kind: ConnectionKind, silent: tuple[float, ...], stalls: bool
) -> None:
    assert run_skipping(_stalls(kind, silent)) is stalls


def test_the_longest_pause_of_a_run_is_also_that_before_its_end() -> None:
    over = replace(
        job_of("w", 1, JobStatus.COMPLETED), completed_at=NOW + timedelta(seconds=90)
    )
    lines = [line_at(2, 40), line_at(1, 10), line_at(0, 0)]
    assert longest_pause(over, lines) == 50
    assert longest_pause(over, []) is None
