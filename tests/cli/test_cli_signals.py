"""The real program told to end: what it recorded is kept, and goes on."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.scripts import Script
from tests.terminal import Terminal

from .conftest import demo_config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer

    from .conftest import Command

PROGRAM = [sys.executable, "-m", "chronotui"]
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.01)


def holds(path: Path, text: bytes) -> bool:
    with suppress(FileNotFoundError):
        return text in path.read_bytes()
    return False


def start(*argv: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*PROGRAM, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.fixture
def job(demo: DemoServer) -> ScriptedJob:
    """A job that runs, with 40 lines."""
    return demo.world.add_job(Script([f"line {n}" for n in range(40)]))


@pytest.mark.parametrize("told", list(CODES))
def test_a_recording_told_to_end_is_kept_and_its_command_goes_on(
    signed_up: Command,
    demo: DemoServer,
    job: ScriptedJob,
    home: Path,
    told: signal.Signals,
) -> None:
    asked = ("save", "scripted", job.id, "-O", "log.txt", "--format", "txt")
    with start(*asked) as child:
        until(lambda: holds(home / "log.txt.part", b"line 39\n"))
        child.send_signal(told)
        began = time.monotonic()
        out, words = child.communicate(timeout=60)
    assert time.monotonic() - began < 10.0
    assert (child.returncode, out) == (CODES[told], b"")
    said = words.decode().splitlines()
    assert "(40 lines) is kept as ~/log.txt.part" in said[0]
    assert (home / "log.txt.part.state").exists()
    command = shlex.split(said[1])
    assert command == ["chronotui", *asked]
    job.write("while away")
    with start(*command[1:]) as child:
        until(lambda: holds(home / "log.txt.part", b"while away\n"))
        job.end()
        out, words = child.communicate(timeout=60)
    assert child.returncode == 0, words
    truth = "".join(f"{line.message}\n" for line in demo.world.truth(job.id))
    assert (home / "log.txt").read_text() == truth
    assert {path.name for path in home.glob("log*")} == {"log.txt"}
    assert b"Saved 41 lines" in words


def test_a_recording_that_was_killed_goes_on(
    signed_up: Command, demo: DemoServer, job: ScriptedJob, home: Path
) -> None:
    asked = ("save", "scripted", job.id, "-O", "log.json", "--format", "json")
    with start(*asked) as child:
        until(lambda: holds(home / "log.json.part.state", b'"lines": 40'))
        job.write("behind the state")
        until(lambda: holds(home / "log.json.part", b"behind the state"))
        child.kill()
        child.communicate(timeout=60)
    job.end()
    ended = signed_up(*asked)
    assert ended.code == 0, ended.err
    saved = json.loads((home / "log.json").read_text())["logs"]
    truth = [line.message for line in demo.world.truth(job.id)]
    assert [entry["message_raw"] for entry in saved] == truth
    assert {path.name for path in home.glob("log*")} == {"log.json"}


def test_a_second_recording_to_the_same_name_is_refused(
    signed_up: Command, job: ScriptedJob, home: Path
) -> None:
    with start("save", "scripted", job.id, "-O", "log.txt") as child:
        until(lambda: holds(home / "log.txt.part", b"line 39\n"))
        ended = signed_up("save", "scripted", job.id, "-O", "log.txt")
        child.terminate()
        child.communicate(timeout=60)
    assert ended.code == 2
    assert "being recorded just now" in ended.err


def test_force_begins_anew_and_leaves_the_part(
    signed_up: Command, job: ScriptedJob, home: Path
) -> None:
    asked = ("save", "scripted", job.id, "-O", "log.txt")
    with start(*asked) as child:
        until(lambda: holds(home / "log.txt.part", b"line 39\n"))
        child.terminate()
        child.communicate(timeout=60)
    (home / "log.txt.part").write_bytes(b"short")
    refused = signed_up(*asked)
    assert refused.code == 2
    assert "shorter than its state says" in refused.err
    assert (home / "log.txt.part").read_bytes() == b"short"
    job.end()
    ended = signed_up(*asked, "--force")
    assert ended.code == 0, ended.err
    assert "~/log.txt.2.part" in ended.err
    assert (home / "log.txt").read_bytes().count(b"\n") == 40


@pytest.mark.parametrize("told", list(CODES))
def test_a_followed_log_told_to_end_says_how_far_it_is(
    signed_up: Command, job: ScriptedJob, told: signal.Signals
) -> None:
    with start("logs", "scripted", job.id, "--follow") as child:
        assert child.stdout is not None
        printed = [child.stdout.readline() for _ in range(40)]
        child.send_signal(told)
        out, words = child.communicate(timeout=60)
    assert printed[-1] == b"line 39\n"
    assert (child.returncode, out) == (CODES[told], b"")
    assert b"40 lines printed, 0 missing" in words
    assert b"Traceback" not in words


def test_a_hang_up_that_is_ignored_stays_ignored(
    signed_up: Command, job: ScriptedJob
) -> None:
    command = shlex.join([*PROGRAM, "logs", "scripted", job.id, "--follow"])
    with subprocess.Popen(
        ["sh", "-c", f"trap '' HUP; exec {command}"], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        for _ in range(40):
            child.stdout.readline()
        child.send_signal(signal.SIGHUP)
        job.write("still here")
        assert child.stdout.readline() == b"still here\n"
        child.terminate()
        assert child.wait(timeout=60) == 143


@pytest.mark.parametrize("verb", ["save", "logs"])
def test_a_terminal_that_goes_ends_it_and_keeps_the_recording(
    signed_up: Command, job: ScriptedJob, home: Path, verb: str
) -> None:
    asked = ["save", "scripted", job.id, "-O", "log.txt"]
    if verb == "logs":
        asked = ["logs", "scripted", job.id, "--follow"]
    with Terminal(["-m", "chronotui", *asked], environment=os.environ) as terminal:
        if verb == "save":
            until(lambda: holds(home / "log.txt.part", b"line 39\n"))
        else:
            terminal.until("line 39")
        terminal.hang_up()
        assert terminal.code_within(20.0) == 129
    if verb == "save":
        assert (home / "log.txt.part").read_bytes().count(b"\n") == 40
        assert (home / "log.txt.part.state").exists()


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_question_is_ended_too(
    run: Command,
    demo: DemoServer,
    configure: Callable[[str], None],
    told: signal.Signals,
) -> None:
    configure(demo_config(demo).replace(f'password = "{demo.password}"\n', ""))
    with Terminal(["-m", "chronotui", "workflows"], environment=os.environ) as terminal:
        terminal.until("Password of demo@example.com for demo")
        terminal.tell(told)
        assert terminal.wait() == CODES[told]
        assert "Traceback" not in terminal.text
