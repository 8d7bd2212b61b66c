"""`grep` against a real server: what is printed, said and returned."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.faults import Failure
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.model import STDERR

if TYPE_CHECKING:
    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer

    from .conftest import Command

HOUR = 3600


def made(demo: DemoServer, hours: int, *lines: str) -> ScriptedJob:
    """A run that ended long since."""
    script = [
        ScriptLine(text, STDERR if "!" in text else "stdout", retained=0.0)
        for text in [*lines, *(f"row {n}" for n in range(150))]
    ]
    return demo.world.add_job(Script(script, starts_in=-hours * HOUR, ends_after=1))


def test_lines_are_printed_with_run_and_place_the_newest_run_first(
    signed_up: Command, demo: DemoServer
) -> None:
    old = made(demo, 3, "late", "a timeout!", "TIMEOUT, too")
    made(demo, 2, "nothing")
    new = made(demo, 1, "timeout here")
    ended = signed_up("grep", "timeout", "scripted")
    assert ended.code == 0
    assert ended.out.splitlines() == [
        f"{new.id} 1:0:stdout timeout here",
        f"{old.id} 1:1:stderr a timeout!",
        f"{old.id} 1:2:stdout TIMEOUT, too",
    ]
    assert ended.err == ""
    assert signed_up("grep", "TIMEOUT", "scripted").out.count("\n") == 1


def test_objects_have_the_fields_of_a_line(
    signed_up: Command, demo: DemoServer
) -> None:
    job = made(demo, 1, 'say "\x1b[31mtime\x1b[0mout"!')
    ended = signed_up("grep", "timeout", "scripted", "-o", "jsonl")
    (found,) = map(json.loads, ended.out.splitlines())
    stamp = found.pop("timestamp")
    assert found == {
        "workflow_id": job.workflow_id,
        "job_id": job.id,
        "attempt": 1,
        "sequence_num": 0,
        "stream": "stderr",
        "message": 'say "\x1b[31mtime\x1b[0mout"!',
    }
    assert stamp.endswith("Z")


def test_counts_name_every_run_and_lists_those_that_match(
    signed_up: Command, demo: DemoServer
) -> None:
    old = made(demo, 2, "x y", "x z")
    new = made(demo, 1, "z")
    counts = signed_up("grep", "-c", "x", "scripted")
    assert counts.out.splitlines() == [f"{new.id} 0", f"{old.id} 2"]
    assert signed_up("grep", "-l", "x", "scripted").out == f"{old.id}\n"
    as_json = signed_up("grep", "-c", "x", "scripted", "-o", "jsonl").out
    assert [json.loads(line)["count"] for line in as_json.splitlines()] == [0, 2]


def test_nothing_found_is_no_failure_and_is_said(
    signed_up: Command, demo: DemoServer
) -> None:
    made(demo, 1, "x")
    ended = signed_up("grep", "nowhere", "scripted")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "chronotui: nothing in 1 run.\n"


def test_runs_are_narrowed_by_time_and_state(
    signed_up: Command, demo: DemoServer
) -> None:
    made(demo, 9, "x")
    new = made(demo, 1, "x")
    assert (
        signed_up("grep", "-l", "x", "scripted", "--since", "5h").out == f"{new.id}\n"
    )
    none = signed_up("grep", "-l", "x", "scripted", "--status", "FAILED")
    assert (none.code, none.out) == (0, "")


def test_a_run_that_cannot_be_read_is_named_and_makes_it_incomplete(
    signed_up: Command, demo: DemoServer
) -> None:
    job = made(demo, 2, "x")
    other = made(demo, 1, "x")
    demo.faults.refuse(412, route="logs", times=1)
    ended = signed_up("grep", "-l", "x", "scripted")
    assert ended.code == 6
    (read,) = {job.id, other.id} - {ended.err.split()[1]}
    assert ended.out == f"{read}\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["grep", "(", "scripted"], "no regular expression"),
        (["grep", "", "scripted"], "nothing to look for"),
        (["grep", "x", "scripted", "--since-when", "-c"], "leave out -c"),
        (["grep", "x", "scripted", "-c", "-l"], "either -c or -l"),
        (["grep", "x", "scripted", "--since", "tuesday"], "--since"),
    ],
)
def test_what_cannot_be_asked_is_usage(
    signed_up: Command, demo: DemoServer, words: list[str], says: str
) -> None:
    made(demo, 1, "x")
    ended = signed_up(*words)
    assert ended.code == 2
    assert says in ended.err


def test_a_workflow_without_logs_and_a_server_that_is_gone(
    signed_up: Command, demo: DemoServer
) -> None:
    assert signed_up("grep", "x", "heartbeat-api").code == 4
    made(demo, 1, "x")
    demo.faults.fail_on, demo.faults.fail_rate = frozenset({"logs", "raw"}), 1.0
    demo.faults.fail_with = (Failure.RESET,)
    assert signed_up("grep", "x", "scripted").code == 5


@pytest.mark.parametrize("option", ["-c", "--since-when"])
def test_a_workflow_whose_lines_are_not_kept_is_one_sentence(
    signed_up: Command, option: str
) -> None:
    ended = signed_up("grep", "x", "vault-rotate", option)
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.count("keeps no log here") == 1
    assert "not read whole" not in ended.err


def test_since_when_names_both_runs_and_never_says_first(
    signed_up: Command, demo: DemoServer
) -> None:
    jobs = [made(demo, hours, "x" if hours < 8 else "y") for hours in range(20, 0, -1)]
    newest_first = jobs[::-1]
    ended = signed_up("grep", "--since-when", "x", "scripted")
    assert ended.code == 0
    words = ended.out
    assert f"Not in run {newest_first[7].id} (started " in words
    assert f", in run {newest_first[6].id} (started " in words
    assert "no run between" in words
    assert "first" not in words
    told = signed_up("grep", "--since-when", "x", "scripted", "-o", "jsonl").json
    assert told["not_in"]["job_id"] == newest_first[7].id
    assert told["in"]["job_id"] == newest_first[6].id
    assert told["between_unread"] == told["between_not_looked_at"] == 0
    assert told["looked_at"] < 15


PROGRAM = [sys.executable, "-m", "chronotui", "grep", "x", "scripted"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
def test_an_interrupt_ends_it_and_what_was_found_has_been_printed(
    signed_up: Command, demo: DemoServer
) -> None:
    for hours in range(1, 40):
        made(demo, hours, "x")
    demo.faults.latency = (0.2, 0.2)
    with subprocess.Popen(
        PROGRAM, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline().endswith(b" x\n")
        child.send_signal(signal.SIGINT)
        _out, words = child.communicate(timeout=60)
    assert child.returncode == 130
    assert b"stopped after" in words


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
def test_a_reader_that_left_ends_it(signed_up: Command, demo: DemoServer) -> None:
    for hours in range(1, 40):
        made(demo, hours, *["x" * 3000] * 40)
    with subprocess.Popen(
        PROGRAM, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.read(10)
        child.stdout.close()
        words = child.stderr.read()
        assert child.wait(timeout=60) == 141
    assert words == b""
