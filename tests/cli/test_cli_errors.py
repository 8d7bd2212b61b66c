"""Every exit code, and the words beside it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from chronotui.cli import lists
from chronotui.demo.faults import Failure, Faults

from .conftest import demo_config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chronotui.demo.server import DemoServer

    from .conftest import Command


def test_wrong_arguments_are_exit_2(run: Command) -> None:
    for argv in (
        ["jobs", "w", "x"],
        ["nonsense"],
        ["workflows", "--limit", "0"],
        ["workflows", "--limit", "x"],
        ["workflows", "-o", "xml"],
        ["--profil", "x", "workflows"],
        ["logs", "w", "j", "--tail", "-1"],
        ["profile"],
    ):
        ended = run(*argv)
        assert (ended.code, ended.out) == (2, ""), argv
        assert "chronotui" in ended.err
        assert "--help" in ended.err


def test_without_configuration_path_and_demo_are_named(run: Command) -> None:
    for argv in (["workflows"], []):
        ended = run(*argv)
        assert ended.code == 2
        assert str(run.config) in ended.err
        assert "chronotui demo" in ended.err
        assert ended.out == ""


def test_a_file_that_was_named_must_be_there(run: Command, home: Path) -> None:
    ended = run("--config", str(home / "absent.toml"), "workflows")
    assert ended.code == 2
    assert "no configuration file" in ended.err


def test_a_wrong_configuration_starts_nothing(
    run: Command, configure: Callable[[str], None]
) -> None:
    configure("[profiles.a]\nurl = 'http://h'\npol_seconds = 1\n")
    ended = run("workflows")
    assert ended.code == 2
    assert f"{run.config}:3: profiles.a.pol_seconds is not a known key" in ended.err
    assert "'poll_seconds'" in ended.err


def test_the_profile_must_be_one_there_is(signed_up: Command) -> None:
    ended = signed_up("workflows", "--profile", "dmo")
    assert ended.code == 2
    assert "There is no profile 'dmo'" in ended.err
    assert "nearest is demo" in ended.err


def test_several_profiles_need_a_choice(
    run: Command, configure: Callable[[str], None]
) -> None:
    configure("[profiles.a]\nurl='http://h'\n[profiles.b]\nurl='http://h'\n")
    ended = run("workflows")
    assert ended.code == 2
    assert "several profiles and no default: a, b" in ended.err


def test_flags_beat_the_environment_which_beats_the_file(
    run: Command,
    demo: DemoServer,
    home: Path,
    configure: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dead = "http://127.0.0.1:1"
    configure(demo_config(demo).replace(demo.url, dead))
    assert run("workflows").code == 5
    assert run("workflows", "--url", demo.url).code == 0
    monkeypatch.setenv("CHRONOTUI_URL", demo.url)
    assert run("workflows").code == 0
    assert run("--url", dead, "workflows").code == 5
    other = home / "other.toml"
    other.write_text("default_profile = 'x'\n[profiles.x]\nurl='http://h'\n")
    monkeypatch.setenv("CHRONOTUI_CONFIG", str(other))
    assert "x:" in run("doctor").out
    monkeypatch.setenv("CHRONOTUI_PROFILE", "y")
    assert "no profile 'y'" in run("workflows").err
    assert run("workflows", "--config", str(run.config), "--profile", "demo").code == 0


def test_no_answer_to_a_refused_sign_in_is_exit_3(
    run: Command, demo: DemoServer, configure: Callable[[str], None]
) -> None:
    configure(demo_config(demo).replace(demo.password, "wrong-password"))
    ended = run("workflows")
    assert ended.code == 3
    assert "wrong-password" not in ended.err


def test_nobody_is_asked_without_a_terminal(
    run: Command, demo: DemoServer, configure: Callable[[str], None]
) -> None:
    text = demo_config(demo).replace(f'password = "{demo.password}"\n', "")
    configure(text)
    ended = run("workflows")
    assert ended.code == 3
    assert "holds no password" in ended.err
    assert "chronotui login" in ended.err


def test_not_allowed_is_exit_3(signed_up: Command, demo: DemoServer) -> None:
    assert signed_up("workflows").code == 0
    _fail(demo, Failure.FORBIDDEN)
    assert signed_up("workflows").code == 3


def test_not_there_is_exit_4(signed_up: Command) -> None:
    for argv in (
        ["jobs", "no-such-workflow"],
        ["jobs", "00000000-0000-4000-8000-000000000000"],
        ["logs", "nightly-report", "00000000-0000-4000-8000-000000000000"],
        ["save", "nightly-report", "00000000-0000-4000-8000-000000000000"],
    ):
        ended = signed_up(*argv)
        assert (ended.code, ended.out) == (4, ""), argv


def test_an_ambiguous_beginning_is_exit_2_with_candidates(
    signed_up: Command, demo: DemoServer
) -> None:
    starts = [one.id[0] for one in demo.world.workflows]
    twice = next(start for start in starts if starts.count(start) > 1)
    ended = signed_up("jobs", twice)
    assert ended.code == 2
    assert "fits several workflows" in ended.err
    assert ended.err.count("-4") >= 2


def test_what_is_shown_of_the_middle_of_an_id_is_taken(
    signed_up: Command, demo: DemoServer
) -> None:
    name = "nightly-report"
    listed = signed_up("workflows", "-o", "json").json
    workflow = next(one["id"] for one in listed if one["name"] == name)
    job = demo.world.newest_job(name, 2).id
    whole = signed_up("logs", name, job, "--tail", "3")
    for shown in (job[9:23], f"…{job[9:23]}", f"…{job[-9:]}", job[:9]):
        assert signed_up("logs", name, shown, "--tail", "3") == whole
    jobs = ("--limit", "3", "-o", "json")
    named = signed_up("jobs", name, *jobs).json
    assert signed_up("jobs", f"…{workflow[9:]}", *jobs).json == named
    assert signed_up("logs", name, f"…{job[9:12]}").code == 4


@pytest.mark.parametrize(
    "failure",
    [
        Failure.PLAIN_500,
        Failure.HTML_502,
        Failure.MALFORMED_JSON,
        Failure.CUT,
        Failure.RESET,
    ],
)
def test_a_failing_server_is_exit_5_in_one_sentence(
    signed_up: Command, demo: DemoServer, failure: Failure
) -> None:
    _fail(demo, failure)
    ended = signed_up("workflows")
    assert (ended.code, ended.out) == (5, "")
    assert ended.err.startswith("chronotui: ")
    assert "<html" not in ended.err


def test_a_servers_words_do_no_harm(signed_up: Command, demo: DemoServer) -> None:
    _fail(demo, Failure.HOSTILE_500)
    ended = signed_up("workflows")
    assert ended.code == 5
    assert not any(mark in ended.err for mark in "\x1b\x07\x9b\u202e")


def test_an_unreachable_server_is_exit_5(run: Command) -> None:
    ended = run("--url", "http://127.0.0.1:1", "workflows")
    assert ended.code == 5
    assert "127.0.0.1:1" in ended.err


def test_what_is_refused_to_us_is_exit_2(signed_up: Command) -> None:
    ended = signed_up("jobs", "nightly-report", "--status", "EXPLODED")
    assert ended.code == 2


def test_an_interrupt_is_exit_130_without_a_word(
    signed_up: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lists, "read_list", interrupted)
    ended = signed_up("workflows")
    assert (ended.code, ended.out, ended.err) == (130, "", "")


def test_a_bug_names_its_file_and_hides_its_secrets(
    signed_up: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_args: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(lists, "read_list", broken)
    ended = signed_up("workflows")
    log = home / "state" / "chronotui" / "errors.log"
    assert ended.code == 70
    assert str(log) in ended.err
    assert "ZeroDivisionError: oops" in log.read_text()
    assert "chronoverse-demo" not in log.read_text()


def test_errors_of_a_group_of_tasks_are_unpacked(
    signed_up: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chronotui.errors import NotAllowedError

    async def refused() -> None:
        raise NotAllowedError("Not yours.")

    async def grouped(*_args: object) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(refused())

    monkeypatch.setattr(lists, "read_list", grouped)
    ended = signed_up("workflows")
    assert (ended.code, ended.err) == (3, "chronotui: Not yours.\n")


def test_the_diagnostic_log_holds_requests_and_no_secrets(
    signed_up: Command, demo: DemoServer, home: Path
) -> None:
    log = home / "logs" / "diagnostic.log"
    assert signed_up("workflows", "--log-file", str(log)).code == 0
    text = log.read_text()
    assert "/auth/login -> 201" in text
    assert "workflows GET" in text
    assert demo.password not in text
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_log_file_that_cannot_be_written_is_exit_2(
    signed_up: Command, home: Path
) -> None:
    ended = signed_up("workflows", "--log-file", str(home))
    assert ended.code == 2
    assert "cannot be written" in ended.err


def test_the_desk_needs_a_terminal(signed_up: Command) -> None:
    for argv in ([], ["demo"]):
        ended = signed_up(*argv)
        assert ended.code == 2
        assert "needs a terminal" in ended.err
    assert signed_up("--job", "x").code == 2


def test_a_port_that_is_taken_is_exit_2(signed_up: Command, demo: DemoServer) -> None:
    ended = signed_up("demo", "--serve", "--port", str(demo.port))
    assert ended.code == 2
    assert f"Port {demo.port} cannot be served on: Address already" in ended.err
    assert signed_up("demo", "--serve", "--port", "65536").code == 2


def _fail(demo: DemoServer, failure: Failure) -> None:
    demo.faults.fail_rate = 1.0
    demo.faults.fail_with = (failure,)
    assert isinstance(demo.faults, Faults)
