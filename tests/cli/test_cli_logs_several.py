"""`logs` of several jobs against a real server, compared with the truth."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.scripts import Script, ScriptLine
from chronotui.model import STDERR, STDOUT
from tests.terminal import environment_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer

    from .conftest import Command


def ended(
    demo: DemoServer, name: str, *, starts_in: float = -600, outcome: str = "COMPLETED"
) -> ScriptedJob:
    lines = [
        ScriptLine(f"{name} {n}", STDERR if n % 5 == 0 else STDOUT) for n in range(80)
    ]
    script = Script(
        lines, starts_in=starts_in, rate=40, ends_after=0.1, outcome=outcome
    )
    return demo.world.add_job(script)


def running(demo: DemoServer, name: str, lines: int = 30) -> ScriptedJob:
    entries = [ScriptLine(f"{name} {n}", retained=0.0) for n in range(lines)]
    return demo.world.add_job(Script(entries, starts_in=-60))


def entries(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def truth(demo: DemoServer, job: ScriptedJob) -> list[tuple[int, str, str]]:
    return [
        (line.sequence_num, line.stream, line.message)
        for line in demo.world.truth(job.id)
    ]


def check_each_job(demo: DemoServer, out: str, jobs: Sequence[ScriptedJob]) -> None:
    """Each job's lines are all there, once, and in their order."""
    found = entries(out)
    for job in jobs:
        mine = [
            (entry["sequence_num"], entry["stream"], entry["message"])
            for entry in found
            if entry["job_id"] == job.id
        ]
        assert mine == truth(demo, job)
        assert {e["workflow_id"] for e in found} == {job.workflow_id}
    assert len(found) == sum(len(truth(demo, job)) for job in jobs)


@pytest.fixture
def command(signed_up: Command) -> Command:
    return signed_up


def test_jobs_that_are_over_are_merged_exactly(
    command: Command, demo: DemoServer
) -> None:
    jobs = [
        ended(demo, "one"),
        ended(demo, "two", starts_in=-599.3),
        ended(demo, "three", starts_in=-700),
    ]
    ids = [job.id for job in jobs]
    done = command("logs", "scripted", *ids, "-o", "jsonl")
    assert done.code == 0
    check_each_job(demo, done.out, jobs)
    latest: dict[object, datetime] = {}
    times = []
    for entry in entries(done.out):
        at = datetime.fromisoformat(str(entry["timestamp"]))
        latest[entry["job_id"]] = max(latest.get(entry["job_id"], at), at)
        times.append(latest[entry["job_id"]])
    assert times == sorted(times)
    switches = [one["job_id"] for one in entries(done.out)]
    assert sum(one != other for one, other in pairwise(switches)) > 20


def test_each_line_of_text_says_whose_it_is(command: Command, demo: DemoServer) -> None:
    jobs = [ended(demo, "one"), ended(demo, "two")]
    done = command("logs", "scripted", *(job.id for job in jobs), "--tail", "2")
    assert len(done.out.splitlines()) == 4
    for line in done.out.splitlines():
        tag, _, rest = line.partition(" ")
        job = next(job for job in jobs if job.id.startswith(tag))
        assert rest in [message for _, _, message in truth(demo, job)[-2:]]
    assert "2 jobs, 4 lines" in done.err


def test_running_jobs_are_followed_to_their_ends(
    command: Command, demo: DemoServer
) -> None:
    jobs = [running(demo, "one"), running(demo, "two")]
    jobs[0].write("last of one")
    jobs[1].write("last of two")
    jobs[0].end()
    jobs[1].end("FAILED")
    ids = [job.id for job in jobs]
    done = command("logs", "scripted", *ids, "-f", "-o", "jsonl")
    assert done.code == 1
    check_each_job(demo, done.out, jobs)
    assert done.err.count("0 missing") == 2


def test_a_new_run_joins_those_that_are_followed(
    command: Command, demo: DemoServer, tmp_path: Path
) -> None:
    one = running(demo, "one", 3)
    argv = ["logs", "scripted", "--running", "-f", "-o", "jsonl"]
    environment = {**environment_for(tmp_path), "CHRONOTUI_CONFIG": str(command.config)}
    with subprocess.Popen(
        [sys.executable, "-m", "chronotui", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        begun = "".join(process.stdout.readline() for _ in range(3))
        two = running(demo, "two", 3)
        begun += process.stdout.readline()
        one.end()
        two.end()
        out, err = process.stdout.read(), process.stderr.read()
    assert process.returncode == 0
    check_each_job(demo, begun + out, [one, two])
    assert f"{two.id[:6]}: began, joined." in err


def test_all_that_runs_is_printed(command: Command, demo: DemoServer) -> None:
    jobs = [running(demo, "one"), running(demo, "two")]
    done = command("logs", "scripted", "--running", "-o", "jsonl")
    assert done.code == 0
    check_each_job(demo, done.out, jobs)
    every = command("logs", "--running", "--tail", "1", "-o", "jsonl")
    found = {entry["job_id"] for entry in entries(every.out)}
    assert {job.id for job in jobs} < found
    assert len({entry["workflow_id"] for entry in entries(every.out)}) > 2


def test_the_newest_failed_is_printed_as_one_log(
    command: Command, demo: DemoServer
) -> None:
    ended(demo, "old", outcome="FAILED", starts_in=-900)
    newest = ended(demo, "new", outcome="FAILED")
    ended(demo, "good")
    done = command("logs", "scripted", "--last-failed", "--tail", "3")
    assert done.out.splitlines() == [m for _, _, m in truth(demo, newest)[-3:]]
    assert newest.id in done.err


def test_runs_are_printed_one_after_the_other(
    command: Command, demo: DemoServer
) -> None:
    jobs = [ended(demo, f"run {n}", starts_in=-900 + n) for n in range(3)]
    done = command("logs", "scripted", "--runs", "-o", "jsonl")
    assert done.code == 0
    expected = [job.id for job in jobs for _ in truth(demo, job)]
    assert [entry["job_id"] for entry in entries(done.out)] == expected
    newest = command("logs", "scripted", "--runs", "--limit", "1", "-o", "jsonl")
    assert {entry["job_id"] for entry in entries(newest.out)} == {jobs[-1].id}


def test_runs_without_retention_are_refused_once(command: Command) -> None:
    done = command("logs", "vault-rotate", "--runs", "--limit", "3")
    assert done.code == 4
    assert not done.out
    assert done.err.count("keeps no log") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["logs"],
        ["logs", "--runs"],
        ["logs", "--last-failed"],
        ["logs", "w", "--runs", "--running"],
        ["logs", "w", "j", "--runs"],
        ["logs", "w", "--runs", "-f"],
        ["logs", "w", "--running", "--limit", "3"],
        ["logs", "w", "j", "--limit", "3"],
    ],
    ids=" ".join,
)
def test_what_says_nothing_together_is_refused(
    command: Command, words: list[str]
) -> None:
    assert command(*words).code == 2


def test_an_interrupt_prints_what_came_and_says_it(
    command: Command, demo: DemoServer, tmp_path: Path
) -> None:
    jobs = [running(demo, "one"), running(demo, "two")]
    argv = ["logs", "scripted", *(job.id for job in jobs), "-f"]
    environment = {**environment_for(tmp_path), "CHRONOTUI_CONFIG": str(command.config)}
    with subprocess.Popen(
        [sys.executable, "-m", "chronotui", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    ) as process:
        assert process.stdout is not None
        for _ in range(40):
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _out, err = process.communicate()
    assert process.returncode == 130
    assert err.count("the job goes on") == 2
