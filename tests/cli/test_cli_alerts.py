"""`logs --follow` and `board --watch` tell of ends as ``[alerts]`` says, each once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.scripts import Script
from chronotui.storage.alert_book import AlertBook
from chronotui.storage.config import load_config
from tests.terminal import Terminal

from .conftest import demo_config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer

    from .conftest import Command

NOTE = (
    "import json, os, sys; "
    "told = {n: v for n, v in os.environ.items() if n.startswith('CHRONOTUI_')}; "
    "told['SECRET'] = os.environ.get('MY_PASSWORD', 'none'); "
    "print(json.dumps(told), file=open(sys.argv[1], 'a'))"
)


class Notes:
    """What the command of the alerts was told, in a file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "told.jsonl"
        script = folder / "note.py"
        script.write_text(NOTE)
        self.command = f"{sys.executable} {script} {self.path}"

    @property
    def told(self) -> list[dict[str, str]]:
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path)


@pytest.fixture
def alerted(
    run: Command,
    configure: Callable[[str], None],
    demo: DemoServer,
    notes: Notes,
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    """Runs commands whose alerts are noted."""
    monkeypatch.setenv("MY_PASSWORD", demo.password)
    config = demo_config(demo).replace(
        f'password = "{demo.password}"', 'password_env = "MY_PASSWORD"'
    )
    configure(f"[alerts]\ncommand = '{notes.command}'\n{config}")
    return run


def running_job(demo: DemoServer) -> ScriptedJob:
    return demo.world.add_job(Script(["before"], starts_in=-5))


def following(job: ScriptedJob) -> list[str]:
    return ["-m", "chronotui", "logs", "scripted", job.id, "--follow"]


def test_a_followed_job_s_failure_calls_whoever_sits_at_the_terminal(
    alerted: Command, demo: DemoServer, notes: Notes
) -> None:
    job = running_job(demo)
    kitty = {**os.environ, "KITTY_WINDOW_ID": "1"}
    with Terminal(following(job), environment=kitty) as screen:
        screen.until("before")
        job.end("FAILED")
        assert screen.wait() == 1
        sent = bytes(screen.raw)
    short = job.id[:8].encode()
    assert sent.count(b"\x07\x1b[22;2t") == 1
    assert b"\x1b]2;scripted " + short + b" FAILED\x07" in sent
    assert b"\x1b]9;scripted " + short + b" FAILED after" in sent
    assert sent.endswith(b"\x1b]2;\x07\x1b[23;2t")
    (told,) = notes.told
    assert told["CHRONOTUI_ALERT"] == "failure"
    assert told["CHRONOTUI_STATUS"] == "FAILED"
    assert told["CHRONOTUI_WORKFLOW"] == "scripted"
    assert told["CHRONOTUI_WORKFLOW_ID"] == job.workflow_id
    assert told["CHRONOTUI_JOB"] == job.id
    assert told["CHRONOTUI_LINE"] == ""
    assert told["CHRONOTUI_SENTENCE"].startswith(f"scripted {job.id[:8]} FAILED")
    opens = f"chronotui --workflow {job.workflow_id} --job {job.id}"
    assert told["CHRONOTUI_OPEN"] == opens
    assert told["SECRET"] == "none"
    # It is over: whoever follows it now is told nothing.
    assert alerted("logs", "scripted", job.id, "--follow").code == 1
    assert len(notes.told) == 1


def test_the_desk_calls_through_its_terminal_and_gives_the_title_back(
    alerted: Command, demo: DemoServer, notes: Notes
) -> None:
    job = running_job(demo)
    argv = ["-m", "chronotui", "--workflow", "scripted", "--job", job.id]
    kitty = {**os.environ, "KITTY_WINDOW_ID": "1"}
    with Terminal(argv, environment=kitty, columns=120, lines=36) as screen:
        screen.until("before")
        screen.until(lambda text: "a alert" in text and "● LIVE" in text)
        screen.press("a")
        screen.until("it stalls")
        screen.press("enter")
        screen.until(f"You will be told when scripted {job.id[:6]} ends.")
        job.end("FAILED")
        screen.until(lambda text: "Alert at" in text)
        sent = bytes(screen.raw)
        call = b"\x07\x1b[22;2t\x1b]2;scripted %s FAILED\x07" % job.id[:6].encode()
        assert sent.count(call) == 1
        assert sent.count(b"\x1b]9;scripted") == 1
        screen.press("\x11")  # ^q
        assert screen.wait() == 0
        assert screen.raw.count(b"\x1b]2;\x07\x1b[23;2t") == 1
    assert [told["CHRONOTUI_JOB"] for told in notes.told] == [job.id]


def test_of_several_that_are_followed_each_end_is_told_that_nobody_told(
    alerted: Command, demo: DemoServer, notes: Notes
) -> None:
    jobs = [running_job(demo), running_job(demo), running_job(demo)]
    over = demo.world.add_job(Script(["x"], starts_in=-60, ends_after=1))
    over.end("FAILED")
    profile = load_config(alerted.config).profiles["demo"]
    AlertBook.of(profile).claim([f"ended:{jobs[2].id}"])
    named = [each.id for each in (*jobs, over)]
    argv = [sys.executable, "-m", "chronotui", "logs", "scripted", *named, "-f"]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as follow:
        assert follow.stdout is not None
        assert all(follow.stdout.readline() for _ in named)
        for job, outcome in zip(jobs, ("FAILED", "COMPLETED", "FAILED"), strict=True):
            job.end(outcome)
        out, err = follow.communicate(timeout=60)
    assert follow.returncode == 1
    told = {each["CHRONOTUI_JOB"]: each["CHRONOTUI_ALERT"] for each in notes.told}
    assert told == {jobs[0].id: "failure", jobs[1].id: "end"}
    assert len(notes.told) == 2
    # Into a pipe no bell goes.
    assert b"\x07" not in out + err


def test_a_watched_board_tells_the_ends_of_what_ran_and_no_older_ones(
    alerted: Command, demo: DemoServer, notes: Notes, tmp_path: Path
) -> None:
    over = demo.world.add_job(Script(["x"], starts_in=-60, ends_after=1))
    over.end("FAILED")
    job = running_job(demo)
    written = tmp_path / "out.jsonl"
    with written.open("wb") as out:
        argv = [sys.executable, "-m", "chronotui", "board", "--watch"]
        command = subprocess.Popen(argv, stdout=out, stderr=subprocess.PIPE)
    try:
        until(lambda: job.id in written.read_text())
        job.end("FAILED")
        until(lambda: bool(of_scripted(notes)))
    finally:
        command.terminate()
        _out, err = command.communicate(timeout=30)
    assert err == b""
    assert [told["CHRONOTUI_JOB"] for told in of_scripted(notes)] == [job.id]


def of_scripted(notes: Notes) -> list[dict[str, str]]:
    """Return what was told of our jobs; others of the demo end when they like."""
    return [each for each in notes.told if each["CHRONOTUI_WORKFLOW"] == "scripted"]


def until(holds: Callable[[], bool]) -> None:
    limit = time.monotonic() + 50
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.05)
