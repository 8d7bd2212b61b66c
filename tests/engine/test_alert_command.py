"""The command of the alerts: run with the job in its environment, never waited for."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pytest
from msgspec.structs import replace

from chronotui.engine.alert_command import (
    MOST_CHARACTERS,
    AlertCommand,
    variables_of,
    without_secrets,
)
from chronotui.engine.alerts import AlertNotice
from chronotui.model import STDERR, Job, JobStatus, LogLine, Trigger
from chronotui.storage.alert_book import Alert, AlertKind
from chronotui.storage.settings import AuthSettings, Profile, Secret

if TYPE_CHECKING:
    from pathlib import Path

JOB: Final = Job(
    "j1", "w1", JobStatus("FAILED"), Trigger("MANUAL"), created_at=datetime.now(UTC)
)
NOTICE: Final = AlertNotice(
    "line:j1:x", Alert(AlertKind.PATTERN, "w1"), "n", JOB, "j1", "s"
)
SLEEP: Final = f"{sys.executable} -c 'import time; time.sleep(600)'"


async def said_by(command: str, *, limit: float = 30.0, times: int = 1) -> list[str]:
    """Run a command some times; return what was said of it."""
    said: list[str] = []
    alerts = AlertCommand(command, os.environ, said.append, limit_seconds=limit)
    for _ in range(times):
        alerts.start({"CHRONOTUI_JOB": "j1"})
    await alerts.finish(30.0)
    return said


async def test_it_gets_what_is_told_and_no_shell(tmp_path: Path) -> None:
    script = tmp_path / "note.py"
    script.write_text(
        "import json, os, sys; told = [sys.argv[1], os.environ['CHRONOTUI_JOB']]; "
        "print(json.dumps(told), file=open(sys.argv[2], 'w'))"
    )
    out = tmp_path / "out"
    command = f"{sys.executable} {script} '$HOME;x' {out}"
    assert await said_by(command) == []
    assert json.loads(out.read_text()) == ["$HOME;x", "j1"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (f"{sys.executable} -c 'raise SystemExit(7)'", "failed with exit code 7."),
        ("/no/such/program", "cannot be started: No such file or directory."),
        ("page 'unfinished", "is not a command that can be read."),
    ],
)
async def test_its_failure_is_said_once(command: str, words: str) -> None:
    assert await said_by(command, times=3) == [f"The command of alerts.command {words}"]


async def test_it_is_ended_when_it_takes_too_long() -> None:
    (said,) = await said_by(SLEEP, limit=0.05)
    assert "took longer than 0.05 s and was ended" in said


async def test_who_tells_does_not_wait_and_leaving_ends_it() -> None:
    said: list[str] = []
    alerts = AlertCommand(SLEEP, os.environ, said.append)
    for _ in range(200):
        alerts.start({})
    assert len(said) == 1
    assert "did not keep up" in said[0]
    await asyncio.sleep(0)
    await alerts.finish(0.05)


async def test_without_a_command_nothing_is_run() -> None:
    assert await said_by("") == []


def test_what_it_is_told_is_clean() -> None:
    line = LogLine(1, 3, STDERR, None, "\x1b[31mbad\x00" + "x" * 10_000)
    odd = replace(JOB, workflow_id="w\n1")
    told = variables_of(NOTICE._replace(line=line, workflow="n\x07", job=odd), "open")
    assert told["CHRONOTUI_LINE"].startswith("bad␀x")
    assert len(told["CHRONOTUI_LINE"]) <= MOST_CHARACTERS
    assert all(value.isprintable() for value in told.values())
    assert told["CHRONOTUI_ALERT"] == "pattern"
    names = [name.removeprefix("CHRONOTUI_") for name in told]
    assert names == [
        *("ALERT", "WORKFLOW", "WORKFLOW_ID", "JOB", "STATUS"),
        *("LINE", "SENTENCE", "OPEN"),
    ]


def test_no_secret_of_a_profile_is_in_its_environment() -> None:
    profiles = [
        Profile("a", url="http://h", auth=AuthSettings(password_env="PW")),
        Profile("b", url="http://h", auth=AuthSettings(token=Secret("t0ken"))),
    ]
    environ = {"PW": "x", "COPY": "t0ken", "HOME": "/root", "SLACK_TOKEN": "mine"}
    kept = without_secrets(environ, profiles)
    assert kept == {"HOME": "/root", "SLACK_TOKEN": "mine"}
