"""`kill -9` at any moment of a recording, then the same recording again.

A child process dies at its n-th call that changes something on the disk, for every n
a recording has; the next one goes on. What comes out is compared line by line.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.scripts import Script, ScriptLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.demo.scripts import ScriptedJob
    from tests.engine.save.conftest import Bench

_RECORDER = """
import asyncio, fcntl, os, signal, sys
from msgspec.structs import replace
from pathlib import Path
from chronotui.engine import recording
from chronotui.engine.timing import WatchSettings
from chronotui.engine.save import Save
from chronotui.engine.save_request import SaveRequest
from chronotui.engine.timing import WatchSettings
from chronotui.engine.timing import WatchTiming
from chronotui.log.formats import save_format
from chronotui.sources.protocol import CookieAuth
from chronotui.sources.chronoverse import open_chronoverse
from chronotui.storage import files, recording_part

url, session, path = sys.argv[1:]
left = 0

def deadly(call):
    def counted(*args, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **options)
    return counted

CALLS = ["replace", "rename", "unlink", "ftruncate", "fsync", "fdatasync"]
say = os.write
for module, name in [(os, "write"), (fcntl, "flock"), *((os, call) for call in CALLS)]:
    setattr(module, name, deadly(getattr(module, name)))
for module in (files, recording_part):
    module.rename_exclusive = deadly(module.rename_exclusive)
recording.MARK_SECONDS = 0.05

async def ask():
    return session

async def main(workflow, job, form):
    client = open_chronoverse(url, CookieAuth(ask))
    timing = replace(WatchTiming().scaled(0.03), end_limit=0.6)
    watch = WatchSettings(poll_seconds=0.1, may_sign_in=False, timing=timing)
    asked = SaveRequest(
        workflow_id=workflow, job_id=job, path=Path(path), format=save_format(form)
    )
    save = Save(client, asked, watch=watch)
    running = asyncio.ensure_future(save.run())
    while not running.done() and not save.progress.lines:
        await asyncio.sleep(0.005)
    say(1, b"begun\\n")
    result = await running
    say(1, b"%d lines, exit %d\\n" % (result.lines, result.exit_code))
    await client.aclose()

for asked in sys.stdin:
    workflow, job, form, last = asked.split()
    child = os.fork()
    if not child:
        left = int(last)
        try:
            asyncio.run(main(workflow, job, form))
        except Exception as error:
            say(1, (f"{error}".replace("\\n", " ") + "\\n").encode())
        os._exit(0)
    say(1, b"pid %d\\n" % child)
    _pid, status = os.waitpid(child, 0)
    say(1, b"ended %d\\n" % os.waitstatus_to_exitcode(status))
"""


class Recorder:
    """A process that forks a child for each recording."""

    def __init__(self, bench: Bench) -> None:
        arguments = [bench.demo.url, bench.demo.open_session()[0]]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _RECORDER, *arguments, str(bench.folder / "a")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.pid = 0
        self.said: list[str] = []

    def start(self, job: ScriptedJob, form: str, *, dies_at: int = 0) -> None:
        """Begin to record; the child dies at its n-th change of the disk."""
        assert self._process.stdin is not None
        self.said = []
        self._process.stdin.write(f"{job.workflow_id} {job.id} {form} {dies_at}\n")
        self.pid = int(self._next().removeprefix("pid "))

    def _next(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, "the recorder is gone"
        return line

    def has_begun(self) -> bool:
        """Wait for the first line; False if the child died before."""
        self.said.append(self._next())
        return self.said[-1] == "begun"

    def end(self) -> int:
        """Wait for the end of the child; returns its exit code."""
        while not self.said or not self.said[-1].startswith("ended"):
            self.said.append(self._next())
        return int(self.said[-1].removeprefix("ended "))

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def recorder(bench: Bench) -> Iterator[Recorder]:
    recorder = Recorder(bench)
    yield recorder
    recorder.close()


def check(bench: Bench, job: ScriptedJob, form: str) -> None:
    """Hold the file against the truth, line by line, and the folder against it."""
    truth = bench.demo.world.truth(job.id)
    if form == "txt":
        assert bench.read() == bench.text(job)
    else:
        content = bench.read()
        entries = (
            json.loads(content)["logs"]
            if form == "json"
            else [json.loads(line) for line in content.splitlines()]
        )
        assert [
            (entry["sequence_num"], entry["stream"], entry["message_raw"])
            for entry in entries
        ] == [(line.sequence_num, line.stream, line.message) for line in truth]
    parts = {name for name in bench.names() if name.endswith(".part")}
    assert bench.names() - {"a"} <= {"a.part.state"} | parts
    assert not parts, "one file"


@pytest.mark.parametrize(("form", "step"), [("txt", 1), ("json", 3)])
def test_killed_at_every_change_of_the_disk(
    bench: Bench, recorder: Recorder, form: str, step: int
) -> None:
    """Of the form that differs in its frame alone, every third one is enough."""
    deaths = 0
    while True:
        job = bench.demo.world.add_job(Script([f"line {n}" for n in range(30)]))
        recorder.start(job, form, dies_at=deaths * step + 1)
        if recorder.has_begun():
            job.write("live", ScriptLine("err", "stderr"), "live")
        job.end()
        if recorder.end() == 0:
            break
        assert recorder.end() == -signal.SIGKILL
        deaths += 1
        recorder.start(job, form)
        assert recorder.end() == 0
        # Killed after it had its name, it is not recorded again.
        done = ("exit 0" in said or "exists already" in said for said in recorder.said)
        assert any(done), recorder.said
        check(bench, job, form)
        for name in bench.names():
            (bench.folder / name).unlink()
    check(bench, job, form)
    assert deaths * step > 15


@pytest.mark.parametrize("seed", range(2))
def test_killed_again_and_again_while_lines_come(
    bench: Bench, recorder: Recorder, seed: int
) -> None:
    """At moments nobody chose; each change of the disk is one of them above."""
    faults, chance = bench.demo.faults, random.Random(seed)
    faults.live_dropped, faults.live_doubled, faults.live_swapped = 0.1, 0.1, 0.1
    lines = [f"line {n}" for n in range(1500)]
    job = bench.demo.world.add_job(Script(lines, rate=500.0))
    while len(bench.demo.world.truth(job.id, until_now=True)) < 1500:
        recorder.start(job, "jsonl")
        # The wait is the moment of the kill, not a wait for something.
        threading.Event().wait(chance.uniform(0.0, 0.5))
        os.kill(recorder.pid, signal.SIGKILL)
        recorder.end()
    job.end()
    recorder.start(job, "jsonl")
    assert recorder.end() == 0
    assert "1500 lines, exit 0" in recorder.said
    check(bench, job, "jsonl")
