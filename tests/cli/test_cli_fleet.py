"""`board`, and `jobs` without a workflow, against a demo fleet."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING, Any

import pytest

from chronotui.cli.fleet import SIGN_IN_LASTS, Teller
from chronotui.errors import NotSignedInError, UnreachableError

from .conftest import demo_config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chronotui.demo.server import DemoServer
    from tests.conftest import MakeDemo, MakeDify

    from .conftest import Command


@pytest.fixture
def fleet(make_demo: MakeDemo) -> DemoServer:
    return make_demo(fleet=40)


@pytest.fixture
def over_all(
    run: Command, configure: Callable[[str], None], fleet: DemoServer
) -> Command:
    """Runs commands on the fleet."""
    configure(demo_config(fleet))
    return run


def test_the_board_has_what_runs_and_what_failed(
    over_all: Command, fleet: DemoServer
) -> None:
    shown = over_all("board", "-o", "json")
    assert shown.code == 0
    states = [job["status"] for job in shown.json]
    assert set(states) == {"RUNNING", "FAILED"}
    assert states == sorted(states, reverse=True)  # what runs stands first
    names = {
        one.plan.name for one in fleet.world.workflows if one.terminated_ns is None
    }
    assert {job["workflow_name"] for job in shown.json} <= names
    assert {"id", "workflow_id", "trigger", "created_at"} <= shown.json[0].keys()
    asked = {record.path for record in fleet.requests.all("jobs")}
    assert len(asked) == len(names)  # each workflow was asked, none by the job


def test_the_board_is_a_table_for_people(over_all: Command) -> None:
    shown = over_all("board")
    heading, *rows = shown.out.splitlines()
    assert heading.split()[:3] == ["STATUS", "WORKFLOW", "ID"]
    assert heading.split()[-2:] == ["TOOK", "USUAL"]
    assert rows[0].startswith("RUNNING")
    assert shown.code == 0


def test_since_narrows_what_failed_and_an_empty_board_is_said(
    over_all: Command,
) -> None:
    lately = over_all("board", "-o", "json").json
    now = over_all("board", "-o", "json", "--since", "1s").json
    failed = [job for job in lately if job["status"] == "FAILED"]
    assert sum(job["status"] == "FAILED" for job in now) < len(failed)
    assert over_all("board", "--since", "neverday").code == 2


def test_a_workflow_that_cannot_be_read_is_named(
    over_all: Command, fleet: DemoServer
) -> None:
    over_all("workflows")
    fleet.faults.refuse(403, route="jobs")
    shown = over_all("board", "-o", "json")
    assert shown.code == 6
    assert shown.json
    assert "could not be read" in shown.err


@pytest.mark.parametrize("argv", [["board"], ["jobs"], ["board", "--watch"]])
def test_without_a_sign_in_nothing_is_read(
    run: Command, configure: Callable[[str], None], fleet: DemoServer, argv: list[str]
) -> None:
    configure(demo_config(fleet).replace(fleet.password, "wrong-password"))
    ended = run(*argv)
    assert ended.code == 3
    assert ended.out == ""
    assert "refused" in ended.err or "sign" in ended.err.lower()


def test_an_app_has_no_board(
    run: Command, configure: Callable[[str], None], make_dify: MakeDify
) -> None:
    app = make_dify()
    configure(
        f'[profiles.app]\nkind = "dify"\nurl = "{app.url}"\n'
        '[profiles.app.auth]\nmethod = "bearer"\ntoken = "x"\n'
    )
    for argv in (["board"], ["jobs"]):
        ended = run(*argv)
        assert ended.code == 2
        assert "has no jobs" in ended.err


def test_jobs_of_all_workflows_come_newest_first(
    over_all: Command, fleet: DemoServer
) -> None:
    whole = over_all("jobs", "-o", "json").json
    made = [job["created_at"][:19] for job in whole]
    assert made == sorted(made, reverse=True)
    assert len({job["id"] for job in whole}) == len(whole) > 300
    few = over_all("jobs", "--limit", "17", "-o", "json").json
    assert len(few) == 17
    table = over_all("jobs")
    assert table.out.splitlines()[0].split()[:3] == ["WORKFLOW", "ID", "STATUS"]
    assert table.out.count("\n") == 51
    assert "there are more" in table.err
    failed = over_all("jobs", "--status", "FAILED", "--limit", "5", "-o", "json").json
    assert {job["status"] for job in failed} == {"FAILED"}


def watching(**streams: Any) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "chronotui", "board", "--watch"]
    return subprocess.Popen[bytes](argv, **streams)


def test_a_watched_board_writes_a_line_of_json_for_each_change(
    run: Command, configure: Callable[[str], None], fleet: DemoServer, tmp_path: Path
) -> None:
    configure(demo_config(fleet))
    written = tmp_path / "out.jsonl"
    with written.open("wb") as out:
        command = watching(stdout=out, stderr=subprocess.PIPE)
    limit = time.monotonic() + 50
    while written.read_bytes().count(b"\n") < 5 and time.monotonic() < limit:
        time.sleep(0.05)
    command.send_signal(signal.SIGINT)
    _out, err = command.communicate(timeout=30)
    rows = [json.loads(line) for line in written.read_bytes().splitlines()]
    assert len(rows) >= 5
    assert all(job["workflow_name"] and job["workflow_id"] for job in rows)
    seen = [(job["id"], job["status"], job.get("attempts")) for job in rows]
    assert len(set(seen)) == len(seen)  # nothing is told twice
    assert command.returncode == 130
    assert err == b""


def test_a_watched_board_is_drawn_in_its_place_on_a_terminal(
    run: Command, configure: Callable[[str], None], fleet: DemoServer
) -> None:
    configure(demo_config(fleet))
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (30, 120))
    wide = {**os.environ, "COLUMNS": "120"}
    command = watching(stdin=theirs, stdout=theirs, stderr=theirs, env=wide)
    os.close(theirs)
    seen = b""
    limit = time.monotonic() + 50
    while seen.count(b"requests/min") < 3 and time.monotonic() < limit:
        if select.select([ours], [], [], 1.0)[0]:
            seen += os.read(ours, 65536)
    command.send_signal(signal.SIGINT)
    code = command.wait(30)
    os.close(ours)
    assert code == 130, seen[-600:]
    assert b"RUNNING" in seen
    drawings = seen.split(b"A\r")  # up, and over what stood there
    assert len(drawings) >= 3
    assert all(drawing.count(b"\n") <= 30 for drawing in drawings)


def test_a_trouble_is_said_once_and_a_lasting_refusal_ends_the_watch() -> None:
    said: list[str] = []
    teller = Teller(said.append)
    down = UnreachableError("No connection.")
    for at in range(3):
        teller.heed(down, at)
    teller.heed(None, 4)
    teller.heed(down, 5)
    assert said == ["No connection; asked again."] * 2
    refused = NotSignedInError("Your session has ended.")
    teller.heed(None, 6)
    teller.heed(refused, 10, answered=True)
    teller.heed(refused, 10 + SIGN_IN_LASTS / 2, answered=True)
    with pytest.raises(NotSignedInError):
        teller.heed(refused, 10 + SIGN_IN_LASTS, answered=True)


@pytest.mark.parametrize("verb", ["board", "jobs"])
def test_where_nothing_could_be_read_nothing_is_said_of_it(
    over_all: Command, fleet: DemoServer, verb: str
) -> None:
    over_all("workflows")
    fleet.faults.refuse(403, route="jobs", times=-1)
    shown = over_all(verb, "-o", "json")
    assert shown.code == 3
    assert not shown.out
    assert "403" in shown.err
    assert "no" not in shown.err.split()
