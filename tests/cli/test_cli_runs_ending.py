"""The verbs of runs in a process of their own: told to end, or read no more."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.dify_runs import AppPerson, AppRow, AppRun
from chronotui.demo.dify_server import DifyDemo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PROGRAM = [sys.executable, "-m", "chronotui"]
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
LIVE = "00000001-0000-4000-8000-00000000000a"
WATCHED = 30.0
"""Seconds a condition may take."""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


@pytest.fixture
def app(configure: Callable[[str], None]) -> Iterator[DifyDemo]:
    """Serves an app with 3,000 ended runs and one that goes on."""
    by = AppPerson("7d200000-0000-4000-8000-000000000001", "service-api", "nightly")
    now = time.time()
    rows = [
        AppRow(f"row-{n}", now - 60 - n, AppRun(f"run-{n}", now - 60 - n, 4.5), by)
        for n in range(3000)
    ]
    rows.append(AppRow("row-live", now, AppRun(LIVE, now, 600.0), by))
    with DifyDemo(rows=rows) as demo:
        configure(
            f'[profiles.etl]\nkind = "dify"\nurl = "{demo.url}"\n'
            f'[profiles.etl.auth]\nmethod = "bearer"\ntoken = "{demo.key}"\n'
        )
        yield demo


def start(*argv: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*PROGRAM, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WATCHED
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.01)


@pytest.mark.parametrize("told", list(CODES))
def test_a_run_that_is_not_waited_for_leaves_what_was_seen(
    app: DifyDemo, home: Path, told: signal.Signals
) -> None:
    with start("save", LIVE, "-O", "run.json") as child:
        until(lambda: app.load.open("events"))
        child.send_signal(told)
        out, words = child.communicate(timeout=60)
    assert (child.returncode, out) == (CODES[told], b"")
    assert b"is kept as ~/run.json.part" in words
    kept = json.loads((home / "run.json.part").read_text())
    assert kept["complete"] is False
    assert kept["row"]["id"] == "row-live"
    assert not (home / "run.json").exists()


def test_a_follow_that_is_interrupted_ends_its_stream(app: DifyDemo) -> None:
    with start("logs", "-f", LIVE) as child:
        until(lambda: app.load.open("events"))
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=60)
    assert child.returncode == 130
    until(lambda: not app.load.open("events"))


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_a_reader_who_leaves_ends_the_list(app: DifyDemo, form: str) -> None:
    with start("runs", "-o", form) as child:
        assert child.stdout is not None
        assert child.stdout.readline()
        child.stdout.close()
        assert child.stderr is not None
        words = child.stderr.read()
        assert child.wait(timeout=60) == 141
    assert words == b""
    assert app.requests.count("runs") < 31
