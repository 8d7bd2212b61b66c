"""`logs` and `save` against a real server, compared with the truth."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.scripts import Script, ScriptLine
from chronotui.engine import text_rest
from chronotui.log import raw_body
from tests.terminal import Terminal

from .conftest import demo_config

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer

    from .conftest import Command

ODD = (
    "plain",
    "tab\there",
    "a\rb\rlast",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07",
    "東京🙂",
)


def ended_job(
    demo: DemoServer,
    lines: Sequence[ScriptLine | str] = ODD,
    *,
    outcome: str = "COMPLETED",
) -> ScriptedJob:
    """A job that ended long ago."""
    script = Script(lines, starts_in=-600, rate=50, ends_after=1, outcome=outcome)
    return demo.world.add_job(script)


@pytest.mark.parametrize("dialect", ["demo", "documented_demo"])
@pytest.mark.parametrize("follow", [(), ("--follow",)])
def test_into_a_pipe_the_log_is_exact_and_in_order(
    run: Command,
    configure: Callable[[str], None],
    request: pytest.FixtureRequest,
    dialect: str,
    follow: tuple[str, ...],
) -> None:
    demo: DemoServer = request.getfixturevalue(dialect)
    configure(demo_config(demo))
    job = ended_job(demo, [*ODD, *map(str, range(250))])
    ended = run("logs", "scripted", job.id, *follow)
    truth = [line.message for line in demo.world.truth(job.id)]
    assert ended.code == 0
    assert ended.out == "".join(f"{message}\n" for message in truth)


def test_jsonl_says_everything_about_a_line(
    signed_up: Command, demo: DemoServer
) -> None:
    job = ended_job(demo)
    out = signed_up("logs", "scripted", job.id, "-o", "jsonl").out
    entries = [json.loads(line) for line in out.splitlines()]
    truth = demo.world.truth(job.id)
    assert [entry["message"] for entry in entries] == [line.message for line in truth]
    for entry, line in zip(entries, truth, strict=True):
        assert entry["attempt"] == line.attempt
        assert entry["sequence_num"] == line.sequence_num
        assert entry["stream"] == line.stream
        assert entry["event_id"] == line.event_id(job.id)
        assert entry["timestamp"].endswith("Z")
        assert list(entry) == [
            *("attempt", "sequence_num", "stream", "timestamp", "event_id", "message")
        ]


@pytest.mark.parametrize("lost", [False, True])
def test_a_long_log_is_the_same_read_as_text(
    signed_up: Command, demo: DemoServer, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    monkeypatch.setattr(text_rest, "HEAD_LINES", 100)
    monkeypatch.setattr(text_rest, "LEAST_LINES", 150)
    monkeypatch.setattr(raw_body, "PIECE_BYTES", 2000)
    monkeypatch.setattr(raw_body, "CHUNK_LINES", 32)
    lines = [
        ScriptLine(f"{n} {ODD[n % 5]}", retained=None if lost and n == 200 else 0.0)
        for n in range(400)
    ]
    job = ended_job(demo, lines)
    entries = signed_up("logs", job.workflow_id, job.id, "-o", "jsonl")
    assert demo.requests.count("raw") == 1
    text = signed_up("logs", job.workflow_id, job.id)
    assert demo.requests.count("raw") == 3
    printed = [json.loads(entry)["message"] for entry in entries.out.split("\n")[:-1]]
    assert text.out == "".join([f"{message}\n" for message in printed])
    assert (text.code, text.err) == (entries.code, entries.err)
    assert (text.code, len(printed)) == ((6, 399) if lost else (0, 400))


def test_lines_are_chosen_by_stream_text_time_number_and_attempt(
    signed_up: Command, demo: DemoServer
) -> None:
    job = ended_job(
        demo,
        [
            ScriptLine("first try"),
            ScriptLine("Error: one", "stderr"),
            ScriptLine("second try", attempt=2),
            ScriptLine("error two", "stderr"),
            ScriptLine("done", after=300),
        ],
    )

    def printed(*options: str) -> list[str]:
        ended = signed_up("logs", "scripted", job.id, *options)
        assert ended.code == 0, ended.err
        followed = signed_up("logs", "scripted", job.id, "--follow", *options)
        assert followed.out == ended.out
        return ended.out.splitlines()

    assert printed("--stream", "stderr") == ["Error: one", "error two"]
    assert printed("--grep", "error") == ["Error: one", "error two"]
    assert printed("--grep", "^Error") == ["Error: one"]
    assert printed("--tail", "2") == ["error two", "done"]
    assert printed("--tail", "1", "--grep", "try") == ["second try"]
    assert printed("--tail", "0") == []
    assert printed("--attempt", "1") == ["first try", "Error: one"]
    assert printed("--since", "450s") == ["done"]
    moment = (datetime.now(UTC) - timedelta(seconds=450)).isoformat()
    assert printed("--since", moment) == ["done"]
    stamped = printed("--timestamps", "--tail", "1")[0].split(" ")
    assert stamped[1:] == ["[stdout]", "done"]
    assert re.fullmatch(r".{10}T\d\d:\d\d:\d\d\.\d{3}Z", stamped[0])


def test_lines_an_expression_was_too_slow_for_are_counted(
    signed_up: Command, demo: DemoServer
) -> None:
    job = ended_job(demo, [ScriptLine("xxy"), ScriptLine("x" * 9000)])
    ended = signed_up("logs", "scripted", job.id, "--grep", "(x+x+)+y")
    assert (ended.code, ended.out) == (0, "xxy\n")
    assert "1 line is left out: --grep took too long there" in ended.err


def test_nothing_printed_is_said(signed_up: Command, demo: DemoServer) -> None:
    job = ended_job(demo)
    ended = signed_up("logs", "scripted", job.id, "--grep", "nowhere")
    assert (ended.code, ended.out) == (0, "")
    assert "no line is among those asked for" in ended.err
    silent = ended_job(demo, [])
    assert "printed nothing" in signed_up("logs", "scripted", silent.id).err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--grep", "(x"], "--grep: "),
        (["--since", "yesterday"], "--since: 'yesterday' is no time"),
    ],
)
def test_what_cannot_be_read_is_exit_2_before_the_server_is_asked(
    signed_up: Command, demo: DemoServer, options: list[str], words: str
) -> None:
    ended = signed_up("logs", "w", "j", *options)
    assert ended.code == 2
    assert words in ended.err
    assert demo.requests.count() == 0


@pytest.mark.parametrize("outcome", ["FAILED", "CANCELED"])
def test_following_a_job_that_failed_is_exit_1(
    signed_up: Command, demo: DemoServer, outcome: str
) -> None:
    job = ended_job(demo, outcome=outcome)
    ended = signed_up("logs", "scripted", job.id, "--follow")
    assert ended.code == 1
    assert outcome in ended.err
    assert signed_up("logs", "scripted", job.id).code == 0


def test_a_lost_line_is_exit_6_and_beats_exit_1(
    signed_up: Command, demo: DemoServer
) -> None:
    lost = ScriptLine("lost", live=None, retained=None)
    lines: list[ScriptLine | str] = ["a", lost, "b"]
    job = ended_job(demo, lines, outcome="FAILED")
    for options in ((), ("--follow",)):
        ended = signed_up("logs", "scripted", job.id, *options)
        assert (ended.code, ended.out) == (6, "a\nb\n")
        assert "1 missing" in ended.err


def test_no_log_by_policy_is_exit_4(signed_up: Command, demo: DemoServer) -> None:
    beat = demo.world.newest_job("heartbeat-api")
    for verb in ("logs", "save"):
        ended = signed_up(verb, "heartbeat-api", beat.id)
        assert (ended.code, ended.out) == (4, "")
        assert ended.err.startswith("chronotui: ")


def test_on_a_terminal_the_text_does_no_harm(
    signed_up: Command, demo: DemoServer
) -> None:
    job = ended_job(demo, [*ODD, ScriptLine("bad", "stderr")])
    argv = ["-m", "chronotui", "logs", "scripted", job.id]
    with Terminal(argv, environment=os.environ, columns=60) as screen:
        assert screen.wait() == 0
        assert "␛]0;title␇" in screen.text
        assert "last" in screen.text
        assert b"\x1b]0;" not in screen.raw
        assert b"\x1b[31mbad" in screen.raw


def test_following_prints_live_and_an_interrupt_sums_up(
    signed_up: Command, demo: DemoServer
) -> None:
    job = demo.world.add_job(Script(["before"], starts_in=-5))
    with subprocess.Popen(
        [sys.executable, "-m", "chronotui", "logs", "scripted", job.id, "--follow"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as follow:
        assert follow.stdout is not None
        assert follow.stdout.readline() == "before\n"
        job.write("now", "later")
        assert follow.stdout.readline() == "now\n"
        assert follow.stdout.readline() == "later\n"
        follow.send_signal(signal.SIGINT)
        _out, words = follow.communicate(timeout=60)
    assert follow.returncode == 130
    assert "3 lines" in words
    assert "Traceback" not in words


def test_a_log_is_saved_whole_under_the_name_that_was_given(
    signed_up: Command, demo: DemoServer, home: Path
) -> None:
    job = ended_job(demo)
    ended = signed_up("save", "scripted", job.id, "-O", "kept/../log.txt")
    assert (ended.code, "Saved 5 lines" in ended.err) == (2, False)
    ended = signed_up("save", "scripted", job.id, "-O", "log.txt")
    assert ended.code == 0
    assert ended.out.strip().endswith("log.txt")
    assert "Saved" in ended.err
    saved = (home / "log.txt").read_bytes().decode()
    assert saved == "".join(f"{line.message}\n" for line in demo.world.truth(job.id))


def test_an_existing_file_is_replaced_only_when_told(
    signed_up: Command, demo: DemoServer, home: Path
) -> None:
    job = ended_job(demo)
    (home / "log.txt").write_text("mine")
    argv = ["save", "scripted", job.id, "-O", "log.txt"]
    assert signed_up(*argv).code == 2
    assert (home / "log.txt").read_text() == "mine"
    assert signed_up(*argv, "--force").code == 0
    assert (home / "log.txt").read_text() != "mine"


def test_without_a_name_the_profiles_folder_gets_the_servers_name(
    run: Command, demo: DemoServer, configure: Callable[[str], None], home: Path
) -> None:
    text = demo_config(demo)
    configure(text.replace("poll_seconds", 'save_dir = "~/kept"\npoll_seconds', 1))
    job = ended_job(demo)
    for form, ending in (("txt", "txt"), ("jsonl", "jsonl"), ("json", "json")):
        ended = run("save", "scripted", job.id, "--format", form)
        assert ended.code == 0
        assert ended.out == f"{home}/kept/{job.id}-logs.{ending}\n"


def test_a_download_that_fails_inside_is_exit_6_and_leaves_no_file(
    signed_up: Command, demo: DemoServer, home: Path
) -> None:
    job = ended_job(demo, [f"line {number}" for number in range(500)])
    demo.faults.raw_fails_after = 1000
    before = set(home.iterdir())
    ended = signed_up("save", "scripted", job.id, "-O", "log.txt")
    assert (ended.code, ended.out) == (6, "")
    assert set(home.iterdir()) - before <= {home / "state"}
    ended = signed_up("save", "scripted", job.id, "-O", "log.txt", "--keep-part")
    assert ended.code == 6
    assert (home / "log.txt.part").exists()


def test_standard_output_is_no_place_to_save_to(signed_up: Command) -> None:
    ended = signed_up("save", "w", "j", "-O", "-")
    assert ended.code == 2
    assert "chronotui logs" in ended.err


@pytest.mark.parametrize("stream", [(), ("--stream", "stdout")])
@pytest.mark.parametrize("form", ["txt", "txt-time", "jsonl"])
def test_a_download_cut_cleanly_is_exit_6_and_says_of_how_many(
    signed_up: Command, demo: DemoServer, home: Path, form: str, stream: tuple[str, ...]
) -> None:
    job = ended_job(demo, ["heartbeat ok"] * 400)
    argv = ["save", "scripted", job.id, "-O", "log.txt", "--format", form, *stream]
    whole = signed_up(*argv)
    assert whole.code == 0
    assert "400 lines" in whole.err
    assert "counted against the retained log" in whole.err
    (home / "log.txt").unlink()
    demo.faults.cut_clean = 150
    ended = signed_up(*argv)
    assert (ended.code, ended.out) == (6, "")
    assert "has 150 of 400 lines" in ended.err
    assert "Try again" in ended.err
    assert not (home / "log.txt").exists()
    printed = signed_up("logs", "scripted", job.id, *stream)
    assert (printed.code, printed.out) == (0, "heartbeat ok\n" * 400)


def test_what_cannot_be_compared_is_not_called_saved(
    signed_up: Command, demo: DemoServer
) -> None:
    job = ended_job(demo)
    for route in ("logs", "search"):
        demo.faults.refuse(403, route=route, times=-1)
    ended = signed_up("save", "scripted", job.id, "-O", "log.txt")
    assert ended.code == 0
    assert "not verified: " in ended.err
    assert "saved" not in ended.err.lower()


@pytest.mark.parametrize("route", ["workflows", "job", "logs", "raw", "jobs"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_a_server_fails_to_answer_once_is_asked_again(
    signed_up: Command, demo: DemoServer, route: str, status: int
) -> None:
    job = ended_job(demo, ["one", "two"])
    verbs = {"workflows": ["workflows"], "jobs": ["jobs", "scripted"]}
    argv = verbs.get(route, ["logs", "scripted", job.id])
    demo.faults.refuse(status, route=route, retry_after=0)
    ended = signed_up(*argv)
    assert ended.code == 0
    assert ended.out


@pytest.mark.parametrize("status", [403, 404, 412])
def test_a_first_refusal_of_the_job_is_believed_at_once(
    signed_up: Command, demo: DemoServer, status: int
) -> None:
    job = ended_job(demo)
    demo.faults.refuse(status, route="job", times=-1)
    ended = signed_up("logs", "scripted", job.id)
    assert ended.code == (3 if status == 403 else 4)
    assert demo.requests.count("job") == 1
